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

HALCYON_FUNC Result<Tensor> Tensor::stage_async(hal::Device& device, Shape shape, ElementType type, std::span<const std::byte> bytes,
                                                std::span<const hal::Timepoint> waits, std::span<const hal::Timepoint> signals,
                                                hal::BufferDesc desc) {
  HALCYON_ASSIGN(Tensor tensor, allocate(device, shape, type, desc));
  HALCYON_TRY(tensor.write_async(bytes, waits, signals));
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

HALCYON_FUNC Status Tensor::check(size_t size) const {
  if (!buffer_) return {Code::failed_precondition, "read, write: the tensor is empty"};
  if (size != byte_size())
    return mismatch(Code::invalid_argument, "read, write: the span is not as large as the tensor", byte_size(), size);
  return {};
}

HALCYON_FUNC Status Tensor::read(std::span<std::byte> bytes, std::span<const hal::Timepoint> after, uint64_t timeout_ns) const {
  HALCYON_TRY(check(bytes.size()));
  return hal::read(buffer_->device(), *buffer_, 0, bytes, after, timeout_ns);
}

HALCYON_FUNC Status Tensor::write(std::span<const std::byte> bytes, std::span<const hal::Timepoint> after, uint64_t timeout_ns) const {
  HALCYON_TRY(check(bytes.size()));
  return hal::write(buffer_->device(), *buffer_, 0, bytes, after, timeout_ns);
}

HALCYON_FUNC Result<hal::Readback> Tensor::read_async(std::span<const hal::Timepoint> waits, std::span<const hal::Timepoint> signals) const {
  HALCYON_TRY(check(byte_size()));
  return hal::read_async(buffer_->device(), *buffer_, 0, byte_size(), waits, signals);
}

HALCYON_FUNC Status Tensor::write_async(std::span<const std::byte> bytes, std::span<const hal::Timepoint> waits,
                                        std::span<const hal::Timepoint> signals) const {
  HALCYON_TRY(check(bytes.size()));
  return hal::write_async(buffer_->device(), *buffer_, 0, bytes, waits, signals);
}

HALCYON_FUNC Status Tensor::check_same(const Tensor& source) const {
  if (!buffer_ || !source.buffer_) return {Code::failed_precondition, "copy_from: a tensor is empty"};
  if (!(type_ == source.type_)) return {Code::invalid_argument, "copy_from: the tensors differ in element type"};
  if (rank_ != source.rank_) return mismatch(Code::invalid_argument, "copy_from: the tensors differ in rank", rank_, source.rank_);
  for (uint32_t i = 0; i < rank_; ++i)
    if (sizes_[i] != source.sizes_[i])
      return {Code::invalid_argument, "copy_from: the tensors differ in shape",
              Where{Kind::dimension, static_cast<uint8_t>(i), 0, 0, sizes_[i], source.sizes_[i]}};
  return {};
}

HALCYON_FUNC Status Tensor::copy_from(const Tensor& source, std::span<const hal::Timepoint> after, uint64_t timeout_ns) const {
  HALCYON_TRY(check_same(source));
  return hal::copy(buffer_->device(), *buffer_, 0, *source.buffer_, 0, byte_size(), after, timeout_ns);
}

HALCYON_FUNC Status Tensor::copy_from_async(const Tensor& source, std::span<const hal::Timepoint> waits,
                                            std::span<const hal::Timepoint> signals) const {
  HALCYON_TRY(check_same(source));
  return hal::copy_async(buffer_->device(), *buffer_, 0, *source.buffer_, 0, byte_size(), waits, signals);
}

HALCYON_FUNC Result<Mapped> Tensor::map(hal::Access access) const {
  if (!buffer_) return Status(Code::failed_precondition, "map: the tensor is empty");
  return hal::map(*buffer_, access, 0, byte_size());
}

HALCYON_NAMESPACE_END
