// halcyon/config.hpp -- the switches and the few macros that every header shares.
//
// HALCYON_COMPILED    bodies come from a library that was built with HALCYON_BUILD; without it headers
//                     include their bodies inline, and nothing needs to be compiled or linked.
// HALCYON_ASSERT(x)   programmer mistakes only; off where NDEBUG is set. Data never trips it.
// HALCYON_FREESTANDING  no operating system: no files, no threads, no clock of our own.
#pragma once

#define HALCYON_VERSION_MAJOR 0
#define HALCYON_VERSION_MINOR 1

// Two versions of Halcyon can live in one process: each has its own inline namespace.
#define HALCYON_NAMESPACE_BEGIN \
  namespace halcyon {           \
  inline namespace v0_1 {
#define HALCYON_NAMESPACE_END \
  }                           \
  }

#if defined(HALCYON_COMPILED) || defined(HALCYON_BUILD)
#define HALCYON_FUNC
#else
#define HALCYON_FUNC inline
#define HALCYON_INLINE_BODIES 1
#endif

// For functions that call generated code, which has no type in front of it for -fsanitize=function to read.
#if defined(__clang__)
#define HALCYON_CALLS_KERNELS __attribute__((no_sanitize("function")))
#else
#define HALCYON_CALLS_KERNELS
#endif

// Functions that only run where something has failed, or are called from so many places that each call should
// be small: never inlined.
#if defined(__GNUC__)
#define HALCYON_COLD [[gnu::cold, gnu::noinline]]
#define HALCYON_NOINLINE [[gnu::noinline]]
#elif defined(_MSC_VER)
#define HALCYON_COLD __declspec(noinline)
#define HALCYON_NOINLINE __declspec(noinline)
#else
#define HALCYON_COLD
#define HALCYON_NOINLINE
#endif

#if defined(__SANITIZE_ADDRESS__)
#define HALCYON_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#define HALCYON_ADDRESS_SANITIZER __has_feature(address_sanitizer)
#else
#define HALCYON_ADDRESS_SANITIZER 0
#endif

#if defined(NDEBUG)
#define HALCYON_ASSERT(condition) ((void)0)
#else
#include <cassert>
#define HALCYON_ASSERT(condition) assert(condition)
#endif
