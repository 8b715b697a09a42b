// halcyon/tensor.hpp -- a value: element type, shape, and a reference to the bytes.
//
//   HALCYON_ASSIGN(auto x, Tensor::stage(*device, {2, 3}, pixels));   // host -> device-local, one copy
//   HALCYON_TRY(x.read(scores));                                      // device-local -> host, one copy
//   if (x.mappable()) { HALCYON_ASSIGN(auto view, x.map(hal::Access::read)); use(view.as<float>()); }
//
// Copying a tensor shares the bytes. A tensor must not outlive its device. Rows are contiguous, last
// dimension fastest; at most 8 dimensions. Threads: a value; the bytes belong to whoever orders the work.
#pragma once
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <span>
#include <type_traits>

#include "halcyon/element_type.hpp"
#include "halcyon/hal/device.hpp"
#include "halcyon/hal/mapped.hpp"
#include "halcyon/hal/transfer.hpp"
#include "halcyon/hal/transfer_async.hpp"

HALCYON_NAMESPACE_BEGIN

inline constexpr uint32_t max_rank = 8;

// Which element type a C++ type is.
template <class T>
inline constexpr ElementType element_type_of = ElementType{};
template <> inline constexpr ElementType element_type_of<bool> = ElementType::i1;
template <> inline constexpr ElementType element_type_of<int8_t> = ElementType::i8;
template <> inline constexpr ElementType element_type_of<uint8_t> = ElementType::u8;
template <> inline constexpr ElementType element_type_of<int16_t> = ElementType::i16;
template <> inline constexpr ElementType element_type_of<uint16_t> = ElementType::u16;
template <> inline constexpr ElementType element_type_of<int32_t> = ElementType::i32;
template <> inline constexpr ElementType element_type_of<uint32_t> = ElementType::u32;
template <> inline constexpr ElementType element_type_of<int64_t> = ElementType::i64;
template <> inline constexpr ElementType element_type_of<uint64_t> = ElementType::u64;
template <> inline constexpr ElementType element_type_of<float> = ElementType::f32;
template <> inline constexpr ElementType element_type_of<double> = ElementType::f64;

// Sizes, borrowed for the length of one call.
class Shape {
 public:
  constexpr Shape() = default;
  constexpr Shape(std::initializer_list<int64_t> sizes) : sizes_(sizes.begin(), sizes.size()) {}
  constexpr Shape(std::span<const int64_t> sizes) : sizes_(sizes) {}
  template <size_t n>
  constexpr Shape(const int64_t (&sizes)[n]) : sizes_(sizes) {}
  constexpr std::span<const int64_t> sizes() const { return sizes_; }

 private:
  std::span<const int64_t> sizes_;
};

using hal::Mapped;  // a view of a tensor's own bytes

// Anything with contiguous elements of a type that element_type_of knows: array, span, vector.
template <class Values>
concept ElementRange = requires(Values& values) {
  std::data(values);
  std::size(values);
  requires element_type_of<std::remove_cvref_t<decltype(*std::data(values))>> != ElementType{};
};

class Tensor {
 public:
  Tensor() = default;  // empty: no buffer

  // Device-local memory with a copy of `bytes`; as `desc` says, its size apart. Blocks until copied.
  static Result<Tensor> stage(hal::Device& device, Shape shape, ElementType type, std::span<const std::byte> bytes,
                              hal::BufferDesc desc = {});
  template <ElementRange Values>
  static Result<Tensor> stage(hal::Device& device, Shape shape, const Values& values) {
    const auto elements = std::span(std::data(values), std::size(values));
    return stage(device, shape, element_type_of<std::remove_cvref_t<decltype(elements[0])>>, std::as_bytes(elements));
  }
  template <class T>
  static Result<Tensor> stage(hal::Device& device, Shape shape, std::initializer_list<T> values) {
    return stage(device, shape, std::span<const T>(values.begin(), values.size()));
  }
  // The same, queued: `bytes` are copied before it returns, the tensor holds them once `signals` are reached.
  static Result<Tensor> stage_async(hal::Device& device, Shape shape, ElementType type, std::span<const std::byte> bytes,
                                    std::span<const hal::Timepoint> waits, std::span<const hal::Timepoint> signals,
                                    hal::BufferDesc desc = {});
  // Uninitialised memory, device-local unless `desc` says otherwise; desc.size is set from the shape.
  static Result<Tensor> allocate(hal::Device& device, Shape shape, ElementType type, hal::BufferDesc desc = {});
  // A tensor over the start of a buffer that is large enough.
  static Result<Tensor> wrap(Ref<hal::Buffer> buffer, ElementType type, Shape shape);
  // Uses the caller's memory without a copy; it stays valid until `released(user)`, or as long as any copy
  // of the tensor where that is null. Errors: unsupported where the device cannot see host memory.
  static Result<Tensor> import(hal::Device& device, Shape shape, ElementType type, std::span<std::byte> bytes,
                               void (*released)(void* user) = nullptr, void* user = nullptr);
  template <ElementRange Values>
  static Result<Tensor> import(hal::Device& device, Shape shape, Values& values) {
    const auto elements = std::span(std::data(values), std::size(values));
    return import(device, shape, element_type_of<std::remove_cvref_t<decltype(elements[0])>>, std::as_writable_bytes(elements));
  }

  explicit operator bool() const { return static_cast<bool>(buffer_); }
  ElementType element_type() const { return type_; }
  uint32_t rank() const { return rank_; }
  std::span<const int64_t> shape() const { return {sizes_, rank_}; }
  int64_t dimension(uint32_t i) const { HALCYON_ASSERT(i < rank_); return sizes_[i]; }
  uint64_t element_count() const {
    uint64_t count = 1;
    for (uint32_t i = 0; i < rank_; ++i) count *= static_cast<uint64_t>(sizes_[i]);
    return count;
  }
  uint64_t byte_size() const {  // fits: checked when the tensor was made
    uint64_t bytes = 0;
    return halcyon::byte_size(type_, element_count(), bytes) ? bytes : 0;
  }
  const Ref<hal::Buffer>& buffer() const { return buffer_; }

  // Exactly one copy of all bytes; block until `after` is reached, and until no submitted work uses the tensor
  // (hal/transfer.hpp), at most so long. Errors: invalid_argument where the span's size is not byte_size().
  Status read(std::span<std::byte> bytes, std::span<const hal::Timepoint> after = {}, uint64_t timeout_ns = UINT64_MAX) const;
  Status write(std::span<const std::byte> bytes, std::span<const hal::Timepoint> after = {}, uint64_t timeout_ns = UINT64_MAX) const;
  template <ElementRange Values>
  Status read(Values&& values) const {
    return read(std::as_writable_bytes(std::span(std::data(values), std::size(values))));
  }
  template <ElementRange Values>
  Status write(const Values& values) const {
    return write(std::as_bytes(std::span(std::data(values), std::size(values))));
  }
  // A copy on the device, between tensors of one type and shape; blocks as read does.
  Status copy_from(const Tensor& source, std::span<const hal::Timepoint> after = {}, uint64_t timeout_ns = UINT64_MAX) const;
  // Queued (hal/transfer_async.hpp): ordered by semaphores alone. `bytes` are copied before write_async returns.
  Result<hal::Readback> read_async(std::span<const hal::Timepoint> waits, std::span<const hal::Timepoint> signals) const;
  Status write_async(std::span<const std::byte> bytes, std::span<const hal::Timepoint> waits,
                     std::span<const hal::Timepoint> signals) const;
  Status copy_from_async(const Tensor& source, std::span<const hal::Timepoint> waits, std::span<const hal::Timepoint> signals) const;
  // A view in place, never a copy, and never waits; what was written is flushed when it goes. Errors: failed_precondition unless mappable().
  bool mappable() const { return buffer_ && buffer_->mappable(); }
  Result<Mapped> map(hal::Access access) const;

 private:
  friend class Frame;
  Status set_shape(Shape shape, ElementType type, uint64_t& bytes);
  Status check(size_t size) const;
  Status check_same(const Tensor& source) const;

  Ref<hal::Buffer> buffer_;
  int64_t sizes_[max_rank] = {};
  uint8_t rank_ = 0;
  ElementType type_;
};

HALCYON_NAMESPACE_END

#if defined(HALCYON_INLINE_BODIES)
#include "halcyon/tensor.ipp"
#endif
