// halcyon/platform_pages.hpp -- what few need of the system's pages, beside platform.hpp: huge ones, and how many were missing.
//
//   platform::prefer_huge_pages(memory, size);
//
// Threads: any.
#pragma once
#include <sys/resource.h>

#include "halcyon/platform.hpp"

HALCYON_NAMESPACE_BEGIN
namespace platform {

// Advice that pages inside of this memory may be huge ones, where the system leaves that to the program: fewer faults
// when they are first touched, fewer misses of the TLB.
inline void prefer_huge_pages(void* memory, size_t size) {
#if defined(MADV_HUGEPAGE)
  const size_t page = page_size(), skipped = (page - reinterpret_cast<uintptr_t>(memory) % page) % page;
  if (skipped < size) madvise(static_cast<std::byte*>(memory) + skipped, (size - skipped) / page * page, MADV_HUGEPAGE);
#else
  (void)memory;
  (void)size;
#endif
}

// How many pages this process had to be given, or read, when it touched them.
inline uint64_t page_faults() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<uint64_t>(usage.ru_minflt) + static_cast<uint64_t>(usage.ru_majflt);
}

}  // namespace platform
HALCYON_NAMESPACE_END
