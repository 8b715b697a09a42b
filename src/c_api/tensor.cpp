// Tensors.
#include "objects.hpp"

using namespace c_api;

namespace {

std::span<const std::byte> bytes_of(const void* data, size_t bytes) { return {static_cast<const std::byte*>(data), bytes}; }
std::span<std::byte> bytes_of(void* data, size_t bytes) { return {static_cast<std::byte*>(data), bytes}; }

}  // namespace

halcyon_code halcyon_tensor_allocate(halcyon_device* device, const halcyon_shape* shape, const halcyon_buffer_options* options,
                                     halcyon_tensor** out, halcyon_error* error) {
  return answer(out, error, [&]() -> Result<Ref<halcyon_tensor>> {
    HALCYON_TRY(needed(device, "tensor_allocate: the device is NULL"));
    Shape sizes;
    ElementType type;
    hal::BufferDesc desc;
    HALCYON_TRY(read_shape(shape, sizes, type));
    HALCYON_TRY(read_buffer_options(options, desc));
    return make_tensor(*device, Tensor::allocate(*device->device, sizes, type, desc));
  });
}

halcyon_code halcyon_tensor_stage(halcyon_device* device, const halcyon_shape* shape, const halcyon_buffer_options* options, const void* data,
                                  size_t bytes, halcyon_tensor** out, halcyon_error* error) {
  return answer(out, error, [&]() -> Result<Ref<halcyon_tensor>> {
    HALCYON_TRY(needed(device, "tensor_stage: the device is NULL"));
    if (bytes != 0) HALCYON_TRY(needed(data, "tensor_stage: the data is NULL"));
    Shape sizes;
    ElementType type;
    hal::BufferDesc desc;
    HALCYON_TRY(read_shape(shape, sizes, type));
    HALCYON_TRY(read_buffer_options(options, desc));
    return make_tensor(*device, Tensor::stage(*device->device, sizes, type, bytes_of(data, bytes), desc));
  });
}

halcyon_code halcyon_tensor_import(halcyon_device* device, const halcyon_shape* shape, void* data, size_t bytes, void (*released)(void* user),
                                   void* user, halcyon_tensor** out, halcyon_error* error) {
  return answer(out, error, [&]() -> Result<Ref<halcyon_tensor>> {
    HALCYON_TRY(needed(device, "tensor_import: the device is NULL"));
    if (bytes != 0) HALCYON_TRY(needed(data, "tensor_import: the data is NULL"));
    Shape sizes;
    ElementType type;
    HALCYON_TRY(read_shape(shape, sizes, type));
    // The handle first: nothing may fail once the device has taken the memory.
    auto tensor = create<halcyon_tensor>(device->allocator(), *device, Tensor());
    if (!tensor) return out_of_memory();
    HALCYON_ASSIGN(tensor->tensor, Tensor::import(*device->device, sizes, type, bytes_of(data, bytes), released, user));
    return tensor;
  });
}

halcyon_code halcyon_tensor_export(halcyon_tensor* tensor, halcyon_native_type type, halcyon_native_handle* out, halcyon_error* error) {
  const auto exported = [&]() -> Status {
    HALCYON_TRY(filled(tensor));
    HALCYON_TRY(needed(out, "tensor_export: `out` is NULL"));
    if (type <= HALCYON_NATIVE_NONE || type > HALCYON_NATIVE_OPAQUE_FD) return {Code::invalid_argument, "tensor_export: the type is none that there is"};
    HALCYON_ASSIGN(const hal::NativeHandle handle,
                   tensor->device->device->export_native(*tensor->tensor.buffer(), static_cast<hal::NativeHandle::Type>(type)));
    *out = {static_cast<halcyon_native_type>(handle.type), handle.value, handle.offset};
    return {};
  };
  return report(exported(), error);
}

halcyon_code halcyon_tensor_import_native(halcyon_device* device, const halcyon_shape* shape, const halcyon_native_handle* handle,
                                          halcyon_tensor** out, halcyon_error* error) {
  return answer(out, error, [&]() -> Result<Ref<halcyon_tensor>> {
    HALCYON_TRY(needed(device, "tensor_import_native: the device is NULL"));
    HALCYON_TRY(needed(handle, "tensor_import_native: the handle is NULL"));
    if (handle->type <= HALCYON_NATIVE_NONE || handle->type > HALCYON_NATIVE_OPAQUE_FD)
      return Status(Code::invalid_argument, "tensor_import_native: the type is none that there is");
    if (handle->value == 0) return Status(Code::invalid_argument, "tensor_import_native: the handle is 0");
    Shape sizes;
    ElementType type;
    hal::BufferDesc desc;
    HALCYON_TRY(read_shape(shape, sizes, type));
    HALCYON_TRY(byte_size(sizes, type, desc.size));
    desc.label = "imported";
    HALCYON_ASSIGN(Ref<hal::Buffer> buffer,
                   device->device->import_native({static_cast<hal::NativeHandle::Type>(handle->type), handle->value, handle->offset}, desc));
    return make_tensor(*device, Tensor::wrap(std::move(buffer), type, sizes));
  });
}

halcyon_code halcyon_tensor_allocate_async(halcyon_device* device, const halcyon_shape* shape, const halcyon_buffer_options* options,
                                           halcyon_timepoints waits, halcyon_timepoint signal, halcyon_tensor** out, halcyon_error* error) {
  return answer(out, error, [&]() -> Result<Ref<halcyon_tensor>> {
    HALCYON_TRY(needed(device, "tensor_allocate_async: the device is NULL"));
    Shape sizes;
    ElementType type;
    hal::BufferDesc desc;
    Timepoints before(*device);
    hal::Timepoint after;
    HALCYON_TRY(read_shape(shape, sizes, type));
    HALCYON_TRY(read_buffer_options(options, desc));
    HALCYON_TRY(before.read(waits));
    HALCYON_TRY(read_timepoint(signal, *device, after));
    HALCYON_TRY(byte_size(sizes, type, desc.size));
    auto tensor = create<halcyon_tensor>(device->allocator(), *device, Tensor());
    if (!tensor) return out_of_memory();
    HALCYON_ASSIGN(Ref<hal::Buffer> buffer, device->device->allocate_async(desc, before.span(), after));
    HALCYON_ASSIGN(tensor->tensor, Tensor::wrap(std::move(buffer), type, sizes));
    return tensor;
  });
}

halcyon_code halcyon_tensor_free_async(halcyon_tensor* tensor, halcyon_timepoints waits, halcyon_timepoint signal, halcyon_error* error) {
  const auto free = [&]() -> Status {
    HALCYON_TRY(filled(tensor));
    if (tensor->maps != 0) return {Code::failed_precondition, "tensor_free_async: the tensor is mapped"};
    Timepoints before(*tensor->device);
    hal::Timepoint after;
    HALCYON_TRY(before.read(waits));
    HALCYON_TRY(read_timepoint(signal, *tensor->device, after));
    HALCYON_TRY(tensor->device->device->free_async(*tensor->tensor.buffer(), before.span(), after));
    tensor->tensor = Tensor();
    return {};
  };
  return report(free(), error);
}

halcyon_code halcyon_tensor_share(halcyon_tensor* tensor, const halcyon_shape* shape, halcyon_tensor** out, halcyon_error* error) {
  return answer(out, error, [&]() -> Result<Ref<halcyon_tensor>> {
    HALCYON_TRY(filled(tensor));
    if (!shape) return make_tensor(*tensor->device, Result<Tensor>(tensor->tensor));
    Shape sizes;
    ElementType type;
    HALCYON_TRY(read_shape(shape, sizes, type));
    return make_tensor(*tensor->device, Tensor::wrap(tensor->tensor.buffer(), type, sizes));
  });
}

void halcyon_tensor_release(halcyon_tensor* tensor) {
  if (tensor) tensor->release();
}

int halcyon_tensor_is_empty(const halcyon_tensor* tensor) { return !tensor || !tensor->tensor; }

halcyon_code halcyon_tensor_shape(const halcyon_tensor* tensor, halcyon_shape* out, halcyon_error* error) {
  const auto describe = [&]() -> Status {
    HALCYON_TRY(filled(tensor));
    HALCYON_TRY(needed(out, "tensor_shape: `out` is NULL"));
    *out = to_c(tensor->tensor);
    return {};
  };
  return report(describe(), error);
}

uint64_t halcyon_tensor_byte_size(const halcyon_tensor* tensor) { return halcyon_tensor_is_empty(tensor) ? 0 : tensor->tensor.byte_size(); }
int halcyon_tensor_mappable(const halcyon_tensor* tensor) { return !halcyon_tensor_is_empty(tensor) && tensor->tensor.mappable(); }
halcyon_memory halcyon_tensor_memory(const halcyon_tensor* tensor) {
  return halcyon_tensor_is_empty(tensor) ? HALCYON_MEMORY_DEVICE : static_cast<halcyon_memory>(tensor->tensor.buffer()->memory());
}

halcyon_code halcyon_tensor_read(halcyon_tensor* tensor, void* data, size_t bytes, halcyon_timepoints after, uint64_t timeout_ns,
                                 halcyon_error* error) {
  const auto read = [&]() -> Status {
    HALCYON_TRY(filled(tensor));
    if (bytes != 0) HALCYON_TRY(needed(data, "tensor_read: the data is NULL"));
    Timepoints timepoints(*tensor->device);
    HALCYON_TRY(timepoints.read(after));
    return tensor->tensor.read(bytes_of(data, bytes), timepoints.span(), timeout_ns);
  };
  return report(read(), error);
}

halcyon_code halcyon_tensor_write(halcyon_tensor* tensor, const void* data, size_t bytes, halcyon_timepoints after, uint64_t timeout_ns,
                                 halcyon_error* error) {
  const auto write = [&]() -> Status {
    HALCYON_TRY(filled(tensor));
    if (bytes != 0) HALCYON_TRY(needed(data, "tensor_write: the data is NULL"));
    Timepoints timepoints(*tensor->device);
    HALCYON_TRY(timepoints.read(after));
    return tensor->tensor.write(bytes_of(data, bytes), timepoints.span(), timeout_ns);
  };
  return report(write(), error);
}

halcyon_code halcyon_tensor_copy(halcyon_tensor* target, halcyon_tensor* source, halcyon_timepoints after, uint64_t timeout_ns,
                                 halcyon_error* error) {
  const auto copy = [&]() -> Status {
    HALCYON_TRY(filled(target));
    HALCYON_TRY(filled(source));
    if (source->device.get() != target->device.get()) return {Code::invalid_argument, "tensor_copy: the tensors are of different devices"};
    Timepoints timepoints(*target->device);
    HALCYON_TRY(timepoints.read(after));
    return target->tensor.copy_from(source->tensor, timepoints.span(), timeout_ns);
  };
  return report(copy(), error);
}

halcyon_code halcyon_tensor_wait_idle(halcyon_tensor* tensor, uint64_t timeout_ns, halcyon_error* error) {
  const Status checked = filled(tensor);
  return report(checked.ok() ? tensor->device->device->wait_idle(*tensor->tensor.buffer(), timeout_ns) : checked, error);
}

halcyon_code halcyon_tensor_map(halcyon_tensor* tensor, halcyon_access access, void** data, size_t* bytes, halcyon_error* error) {
  const auto map = [&]() -> Status {
    HALCYON_TRY(filled(tensor));
    HALCYON_TRY(needed(data, "tensor_map: `data` is NULL"));
    if (access < HALCYON_ACCESS_READ || access > HALCYON_ACCESS_READ_WRITE)
      return {Code::invalid_argument, "tensor_map: the access is none that there is"};
    hal::Buffer& buffer = *tensor->tensor.buffer();
    const uint64_t size = tensor->tensor.byte_size();
    HALCYON_ASSIGN(const std::span<std::byte> view, buffer.map(static_cast<hal::Access>(access - HALCYON_ACCESS_READ), 0, size));
    const Status visible = access == HALCYON_ACCESS_WRITE ? Status() : buffer.invalidate(0, size);
    if (!visible.ok()) {
      buffer.unmap();
      return visible;
    }
    ++tensor->maps;
    tensor->written = tensor->written || access != HALCYON_ACCESS_READ;
    *data = view.data();
    if (bytes) *bytes = view.size();
    return {};
  };
  return report(map(), error);
}

halcyon_code halcyon_tensor_unmap(halcyon_tensor* tensor, halcyon_error* error) {
  if (!tensor) return report({Code::invalid_argument, "tensor_unmap: the tensor is NULL"}, error);
  if (tensor->maps == 0) return report({Code::failed_precondition, "tensor_unmap: the tensor is not mapped"}, error);
  hal::Buffer& buffer = *tensor->tensor.buffer();
  const Status visible = tensor->written ? buffer.flush(0, tensor->tensor.byte_size()) : Status();
  buffer.unmap();
  if (--tensor->maps == 0) tensor->written = false;
  return report(visible, error);
}

namespace {

Status inside(const halcyon_tensor* tensor, uint64_t offset, uint64_t length) {
  HALCYON_TRY(filled(tensor));
  const uint64_t size = tensor->tensor.byte_size();
  return offset <= size && length <= size - offset ? Status() : mismatch(Code::invalid_argument, "the range is not inside the tensor", size, offset);
}

}  // namespace

halcyon_code halcyon_tensor_flush(halcyon_tensor* tensor, uint64_t offset, uint64_t length, halcyon_error* error) {
  const Status checked = inside(tensor, offset, length);
  return report(checked.ok() ? tensor->tensor.buffer()->flush(offset, length) : checked, error);
}

halcyon_code halcyon_tensor_invalidate(halcyon_tensor* tensor, uint64_t offset, uint64_t length, halcyon_error* error) {
  const Status checked = inside(tensor, offset, length);
  return report(checked.ok() ? tensor->tensor.buffer()->invalidate(offset, length) : checked, error);
}
