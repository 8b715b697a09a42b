// Inside a function of the application's that a program calls.
#include "objects.hpp"

using namespace c_api;

namespace {

Result<HostTensor> find(const halcyon_host_call* call, uint32_t index, bool is_argument) {
  HALCYON_TRY(needed(call, "host_call: the call is NULL"));
  const uint32_t count = is_argument ? call->call.argument_count() : call->call.result_count();
  if (index >= count)
    return mismatch(Code::invalid_argument, is_argument ? Literal("host_call: no such argument") : Literal("host_call: no such result"), count, index);
  return is_argument ? call->call.argument(index) : call->call.result(index);
}

Status describe(const halcyon_host_call* call, uint32_t index, bool is_argument, halcyon_shape* shape, halcyon_string* name) {
  HALCYON_ASSIGN(const HostTensor tensor, find(call, index, is_argument));
  HALCYON_TRY(needed(shape, "host_call: the shape is NULL"));
  *shape = {};
  shape->type = to_c(tensor.type);
  shape->rank = tensor.rank;
  for (uint32_t i = 0; i < tensor.rank; ++i) shape->sizes[i] = tensor.sizes[i];
  if (name) *name = to_c(tensor.name);
  return {};
}

// The view is the call's, and goes with it.
Result<std::span<std::byte>> map(halcyon_host_call* call, uint32_t index, bool is_argument) {
  HALCYON_ASSIGN(const HostTensor tensor, find(call, index, is_argument));
  HALCYON_ASSIGN(hal::Mapped view, tensor.map(is_argument ? hal::Access::read : hal::Access::write));
  const std::span<std::byte> bytes = view.bytes();
  if (!call->views.push(std::move(view))) return out_of_memory();
  return bytes;
}

}  // namespace

halcyon_string halcyon_host_call_name(const halcyon_host_call* call) { return to_c(call ? call->call.name() : std::string_view()); }
uint32_t halcyon_host_call_argument_count(const halcyon_host_call* call) { return call ? call->call.argument_count() : 0; }
uint32_t halcyon_host_call_result_count(const halcyon_host_call* call) { return call ? call->call.result_count() : 0; }

halcyon_code halcyon_host_call_argument(const halcyon_host_call* call, uint32_t index, halcyon_shape* shape, halcyon_string* name,
                                        halcyon_error* error) {
  return report(describe(call, index, true, shape, name), error);
}

halcyon_code halcyon_host_call_result(const halcyon_host_call* call, uint32_t index, halcyon_shape* shape, halcyon_string* name,
                                      halcyon_error* error) {
  return report(describe(call, index, false, shape, name), error);
}

halcyon_code halcyon_host_call_read(halcyon_host_call* call, uint32_t argument, void* data, size_t bytes, halcyon_error* error) {
  const auto read = [&]() -> Status {
    HALCYON_ASSIGN(const HostTensor tensor, find(call, argument, true));
    if (bytes != 0) HALCYON_TRY(needed(data, "host_call_read: the data is NULL"));
    return tensor.read(std::span<std::byte>(static_cast<std::byte*>(data), bytes));
  };
  return report(read(), error);
}

halcyon_code halcyon_host_call_write(halcyon_host_call* call, uint32_t result, const void* data, size_t bytes, halcyon_error* error) {
  const auto write = [&]() -> Status {
    HALCYON_ASSIGN(const HostTensor tensor, find(call, result, false));
    if (bytes != 0) HALCYON_TRY(needed(data, "host_call_write: the data is NULL"));
    return tensor.write(std::span<const std::byte>(static_cast<const std::byte*>(data), bytes));
  };
  return report(write(), error);
}

halcyon_code halcyon_host_call_map_argument(halcyon_host_call* call, uint32_t index, const void** data, size_t* bytes, halcyon_error* error) {
  const auto view = [&]() -> Status {
    HALCYON_TRY(needed(data, "host_call_map_argument: `data` is NULL"));
    HALCYON_ASSIGN(const std::span<std::byte> found, map(call, index, true));
    *data = found.data();
    if (bytes) *bytes = found.size();
    return {};
  };
  return report(view(), error);
}

halcyon_code halcyon_host_call_map_result(halcyon_host_call* call, uint32_t index, void** data, size_t* bytes, halcyon_error* error) {
  const auto view = [&]() -> Status {
    HALCYON_TRY(needed(data, "host_call_map_result: `data` is NULL"));
    HALCYON_ASSIGN(const std::span<std::byte> found, map(call, index, false));
    *data = found.data();
    if (bytes) *bytes = found.size();
    return {};
  };
  return report(view(), error);
}
