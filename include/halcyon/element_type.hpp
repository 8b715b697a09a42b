// halcyon/element_type.hpp -- the type of a tensor's elements: a kind and a width in bits.
//
//   ElementType type = ElementType::f32;
//   uint64_t bytes = 0;
//   if (!byte_size(type, element_count, bytes)) { /* overflow */ }
//
// Types under 8 bits are packed, low bits first, as ONNX packs them; a row of them is not padded, the last byte may
// hold fewer, and its other bits are zero.
#pragma once
#include <bit>
#include <cstdint>

#include "halcyon/config.hpp"

HALCYON_NAMESPACE_BEGIN

// The same values as in src/schema/artifact.fbs; only ever extended.
enum class ElementKind : uint8_t { none, boolean, sint, uint, ieee, bfloat, f8e4m3fn, f8e5m2, f8e4m3fnuz, f8e5m2fnuz, complex, f8e8m0, f4e2m1 };

struct ElementType {
  ElementKind kind = ElementKind::none;
  uint8_t bits = 0;

  constexpr bool operator==(const ElementType&) const = default;

  static const ElementType i1, i2, u2, i4, u4, i8, u8, i16, u16, i32, u32, i64, u64, f16, bf16, f32, f64, f8e4m3fn,
      f8e5m2, f8e4m3fnuz, f8e5m2fnuz, f8e8m0, f4e2m1, c64, c128;
};

// A bool takes a byte in memory, 0 or 1.
inline constexpr ElementType ElementType::i1{ElementKind::boolean, 8};
inline constexpr ElementType ElementType::i2{ElementKind::sint, 2};
inline constexpr ElementType ElementType::u2{ElementKind::uint, 2};
inline constexpr ElementType ElementType::i4{ElementKind::sint, 4};
inline constexpr ElementType ElementType::u4{ElementKind::uint, 4};
inline constexpr ElementType ElementType::i8{ElementKind::sint, 8};
inline constexpr ElementType ElementType::u8{ElementKind::uint, 8};
inline constexpr ElementType ElementType::i16{ElementKind::sint, 16};
inline constexpr ElementType ElementType::u16{ElementKind::uint, 16};
inline constexpr ElementType ElementType::i32{ElementKind::sint, 32};
inline constexpr ElementType ElementType::u32{ElementKind::uint, 32};
inline constexpr ElementType ElementType::i64{ElementKind::sint, 64};
inline constexpr ElementType ElementType::u64{ElementKind::uint, 64};
inline constexpr ElementType ElementType::f16{ElementKind::ieee, 16};
inline constexpr ElementType ElementType::bf16{ElementKind::bfloat, 16};
inline constexpr ElementType ElementType::f32{ElementKind::ieee, 32};
inline constexpr ElementType ElementType::f64{ElementKind::ieee, 64};
inline constexpr ElementType ElementType::f8e4m3fn{ElementKind::f8e4m3fn, 8};
inline constexpr ElementType ElementType::f8e5m2{ElementKind::f8e5m2, 8};
inline constexpr ElementType ElementType::f8e4m3fnuz{ElementKind::f8e4m3fnuz, 8};
inline constexpr ElementType ElementType::f8e5m2fnuz{ElementKind::f8e5m2fnuz, 8};
inline constexpr ElementType ElementType::f8e8m0{ElementKind::f8e8m0, 8};
inline constexpr ElementType ElementType::f4e2m1{ElementKind::f4e2m1, 4};
inline constexpr ElementType ElementType::c64{ElementKind::complex, 64};
inline constexpr ElementType ElementType::c128{ElementKind::complex, 128};

// Alignment that an array of the type needs, in bytes: what an argument's memory must satisfy.
constexpr uint32_t alignment(ElementType type) {
  const uint32_t bytes = type.kind == ElementKind::complex ? type.bits / 16u : type.bits / 8u;
  return bytes == 0 ? 1 : bytes;
}

// Bytes of `count` packed elements; false on overflow of 64 bits.
constexpr bool byte_size(ElementType type, uint64_t count, uint64_t& bytes) {
  const uint64_t bits = type.bits;
  if (bits != 0 && count > (UINT64_MAX - 7) / bits) return false;
  bytes = (count * bits + 7) / 8;
  return true;
}

// Whether the type is one of the constants above.
constexpr bool is_known(ElementType type) {
  // Of each kind, a bit for each width that it comes in: 2, 4, ... 128.
  constexpr uint8_t widths[] = {0, 4, 63, 63, 56, 8, 4, 4, 4, 4, 96, 4, 2};
  return type.kind <= ElementKind::f4e2m1 && type.bits >= 2 && (type.bits & (type.bits - 1)) == 0 &&
         (widths[static_cast<uint8_t>(type.kind)] >> (std::countr_zero(type.bits) - 1) & 1) != 0;
}

// "f32", "i1", "bf16", ...; "none" for what has no name.
constexpr const char* name(ElementType type) {
  switch (type.kind) {
    case ElementKind::none: return "none";
    case ElementKind::boolean: return "i1";
    case ElementKind::sint:
      return type.bits == 2 ? "i2" : type.bits == 4 ? "i4" : type.bits == 8 ? "i8" : type.bits == 16 ? "i16" : type.bits == 32 ? "i32" : type.bits == 64 ? "i64" : "none";
    case ElementKind::uint:
      return type.bits == 2 ? "u2" : type.bits == 4 ? "u4" : type.bits == 8 ? "u8" : type.bits == 16 ? "u16" : type.bits == 32 ? "u32" : type.bits == 64 ? "u64" : "none";
    case ElementKind::ieee: return type.bits == 16 ? "f16" : type.bits == 32 ? "f32" : type.bits == 64 ? "f64" : "none";
    case ElementKind::bfloat: return type.bits == 16 ? "bf16" : "none";
    case ElementKind::f8e4m3fn: return "f8e4m3fn";
    case ElementKind::f8e5m2: return "f8e5m2";
    case ElementKind::f8e4m3fnuz: return "f8e4m3fnuz";
    case ElementKind::f8e5m2fnuz: return "f8e5m2fnuz";
    case ElementKind::f8e8m0: return "f8e8m0";
    case ElementKind::f4e2m1: return "f4e2m1";
    case ElementKind::complex: return type.bits == 64 ? "c64" : type.bits == 128 ? "c128" : "none";
  }
  return "none";
}

HALCYON_NAMESPACE_END
