// Queued transfers.
#include "objects.hpp"

using namespace c_api;

namespace {

std::span<const std::byte> bytes_of(const void* data, size_t bytes) { return {static_cast<const std::byte*>(data), bytes}; }

// The timepoints around a queued transfer of a device.
struct Around {
  explicit Around(const halcyon_device& device) : waits(device), signals(device) {}
  Status read(halcyon_timepoints given_waits, halcyon_timepoints given_signals) {
    HALCYON_TRY(waits.read(given_waits));
    return signals.read(given_signals);
  }
  Timepoints waits, signals;
};

}  // namespace

halcyon_code halcyon_tensor_stage_async(halcyon_device* device, const halcyon_shape* shape, const halcyon_buffer_options* options,
                                        const void* data, size_t bytes, halcyon_timepoints waits, halcyon_timepoints signals,
                                        halcyon_tensor** out, halcyon_error* error) {
  return answer(out, error, [&]() -> Result<Ref<halcyon_tensor>> {
    HALCYON_TRY(needed(device, "tensor_stage_async: the device is NULL"));
    if (bytes != 0) HALCYON_TRY(needed(data, "tensor_stage_async: the data is NULL"));
    Shape sizes;
    ElementType type;
    hal::BufferDesc desc;
    Around around(*device);
    HALCYON_TRY(read_shape(shape, sizes, type));
    HALCYON_TRY(read_buffer_options(options, desc));
    HALCYON_TRY(around.read(waits, signals));
    // The handle first: nothing may fail once the transfer is queued.
    auto tensor = create<halcyon_tensor>(device->allocator(), *device, Tensor());
    if (!tensor) return out_of_memory();
    HALCYON_ASSIGN(tensor->tensor, Tensor::stage_async(*device->device, sizes, type, bytes_of(data, bytes), around.waits.span(),
                                                       around.signals.span(), desc));
    return tensor;
  });
}

halcyon_code halcyon_tensor_write_async(halcyon_tensor* tensor, const void* data, size_t bytes, halcyon_timepoints waits,
                                        halcyon_timepoints signals, halcyon_error* error) {
  const auto write = [&]() -> Status {
    HALCYON_TRY(filled(tensor));
    if (bytes != 0) HALCYON_TRY(needed(data, "tensor_write_async: the data is NULL"));
    Around around(*tensor->device);
    HALCYON_TRY(around.read(waits, signals));
    return tensor->tensor.write_async(bytes_of(data, bytes), around.waits.span(), around.signals.span());
  };
  return report(write(), error);
}

halcyon_code halcyon_tensor_copy_async(halcyon_tensor* target, halcyon_tensor* source, halcyon_timepoints waits, halcyon_timepoints signals,
                                       halcyon_error* error) {
  const auto copy = [&]() -> Status {
    HALCYON_TRY(filled(target));
    HALCYON_TRY(filled(source));
    if (source->device.get() != target->device.get()) return {Code::invalid_argument, "tensor_copy: the tensors are of different devices"};
    Around around(*target->device);
    HALCYON_TRY(around.read(waits, signals));
    return target->tensor.copy_from_async(source->tensor, around.waits.span(), around.signals.span());
  };
  return report(copy(), error);
}

halcyon_code halcyon_tensor_read_async(halcyon_tensor* tensor, halcyon_timepoints waits, halcyon_timepoints signals, halcyon_readback** out,
                                       halcyon_error* error) {
  return answer(out, error, [&]() -> Result<Ref<halcyon_readback>> {
    HALCYON_TRY(filled(tensor));
    Around around(*tensor->device);
    HALCYON_TRY(around.read(waits, signals));
    auto readback = create<halcyon_readback>(tensor->allocator(), *tensor->device);
    if (!readback) return out_of_memory();
    HALCYON_ASSIGN(readback->readback, tensor->tensor.read_async(around.waits.span(), around.signals.span()));
    return readback;
  });
}

halcyon_code halcyon_readback_finish(halcyon_readback* readback, void* data, size_t bytes, uint64_t timeout_ns, halcyon_error* error) {
  const auto finish = [&]() -> Status {
    HALCYON_TRY(needed(readback, "readback_finish: the readback is NULL"));
    if (bytes != 0) HALCYON_TRY(needed(data, "readback_finish: the data is NULL"));
    return readback->readback.finish({static_cast<std::byte*>(data), bytes}, timeout_ns);
  };
  return report(finish(), error);
}

halcyon_code halcyon_readback_bytes(halcyon_readback* readback, uint64_t timeout_ns, const void** data, size_t* bytes, halcyon_error* error) {
  const auto view = [&]() -> Status {
    HALCYON_TRY(needed(readback, "readback_bytes: the readback is NULL"));
    HALCYON_TRY(needed(data, "readback_bytes: `data` is NULL"));
    HALCYON_ASSIGN(const std::span<const std::byte> found, readback->readback.bytes(timeout_ns));
    *data = found.data();
    if (bytes) *bytes = found.size();
    return {};
  };
  return report(view(), error);
}

void halcyon_readback_release(halcyon_readback* readback) {
  if (readback) readback->release();
}
