// Bodies of halcyon/tensor.hpp.
#pragma once
#include "halcyon/tensor.hpp"

HALCYON_NAMESPACE_BEGIN

HALCYON_FUNC Status Tensor::set_shape(Shape shape, ElementType type, uint64_t& bytes) {
  const std::span<const int64_t> sizes = shape.sizes();
  if (sizes.size() > max_rank)
    return mismatch(Code::invalid_argument, "Tensor: more than 8 dimensions", max_rank, sizes.size());
  if (type.bits == 0) return {Code::invalid_argument, "Tensor: no element type"};
  uint64_t count = 1;
  bool empty = false;
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] < 0)
      return {Code::invalid_argument, "Tensor: a dimension is negative",
              Where{Kind::dimension, static_cast<uint8_t>(i), 0, 0, 0, sizes[i]}};
    const uint64_t size = static_cast<uint64_t>(sizes[i]);
    empty = empty || size == 0;
    if (size != 0 && __builtin_mul_overflow(count, size, &count))
      return {Code::invalid_argument, "Tensor: the size overflows 64 bits"};
    sizes_[i] = sizes[i];
  }
  if (!halcyon::byte_size(type, empty ? 0 : count, bytes) || bytes > INT64_MAX)
    return {Code::invalid_argument, "Tensor: the size overflows 64 bits"};
  rank_ = static_cast<uint8_t>(sizes.size());
  type_ = type;
  return {};
}

HALCYON_FUNC Result<Tensor> Tensor::stage(hal::Device& device, Shape shape, ElementType type, std::span<const std::byte> bytes,
                                          hal::BufferDesc desc) {
  Tensor tensor;
  HALCYON_TRY(tensor.set_shape(shape, type, desc.size));
  if (bytes.size() != desc.size)
    return mismatch(Code::invalid_argument, "stage: the bytes are not as many as the shape says", desc.size, bytes.size());
  HALCYON_TRY(hal::allocate(device, desc, tensor.buffer_));
  HALCYON_TRY(hal::write(device, *tensor.buffer_, 0, bytes));
  return tensor;
}

HALCYON_FUNC Result<Tensor> Tensor::allocate(hal::Device& device, Shape shape, ElementType type, hal::BufferDesc desc) {
  Tensor tensor;
  HALCYON_TRY(tensor.set_shape(shape, type, desc.size));
  HALCYON_TRY(hal::allocate(device, desc, tensor.buffer_));
  return tensor;
}

HALCYON_FUNC Result<Tensor> Tensor::wrap(Ref<hal::Buffer> buffer, ElementType type, Shape shape) {
  if (!buffer) return Status(Code::invalid_argument, "wrap: no buffer");
  Tensor tensor;
  uint64_t bytes = 0;
  HALCYON_TRY(tensor.set_shape(shape, type, bytes));
  if (bytes > buffer->size())
    return mismatch(Code::invalid_argument, "wrap: the shape needs more bytes than the buffer has", bytes, buffer->size());
  tensor.buffer_ = std::move(buffer);
  return tensor;
}

HALCYON_FUNC Result<Tensor> Tensor::import(hal::Device& device, Shape shape, ElementType type, std::span<std::byte> bytes,
                                           void (*released)(void* user), void* user) {
  Tensor tensor;
  hal::BufferDesc desc;
  HALCYON_TRY(tensor.set_shape(shape, type, desc.size));
  if (bytes.size() != desc.size)
    return mismatch(Code::invalid_argument, "import: the bytes are not as many as the shape says", desc.size, bytes.size());
  if (reinterpret_cast<uintptr_t>(bytes.data()) % alignment(type) != 0)
    return Status(Code::invalid_argument, "import: the memory is not aligned to its element type");
  desc.label = "imported";
  HALCYON_ASSIGN(tensor.buffer_, device.import_host(bytes, desc, released, user));
  return tensor;
}

HALCYON_FUNC Status Tensor::read(std::span<std::byte> bytes, std::span<const hal::Timepoint> after) const {
  if (!buffer_) return {Code::failed_precondition, "read: the tensor is empty"};
  if (bytes.size() != byte_size())
    return mismatch(Code::invalid_argument, "read, write: the span is not as large as the tensor", byte_size(), bytes.size());
  return hal::read(buffer_->device(), *buffer_, 0, bytes, after);
}

HALCYON_FUNC Status Tensor::write(std::span<const std::byte> bytes, std::span<const hal::Timepoint> after) const {
  if (!buffer_) return {Code::failed_precondition, "write: the tensor is empty"};
  if (bytes.size() != byte_size())
    return mismatch(Code::invalid_argument, "read, write: the span is not as large as the tensor", byte_size(), bytes.size());
  return hal::write(buffer_->device(), *buffer_, 0, bytes, after);
}

HALCYON_FUNC Result<Mapped> Tensor::map(hal::Access access) const {
  if (!buffer_) return Status(Code::failed_precondition, "map: the tensor is empty");
  HALCYON_ASSIGN(const std::span<std::byte> bytes, buffer_->map(access, 0, byte_size()));
  return Mapped(buffer_, bytes);
}

HALCYON_NAMESPACE_END
