// halcyon/host_call.hpp -- functions of the application that a model calls between its kernels.
//
//   Status log(void*, const HostCall& call) {
//     float values[4];
//     HALCYON_TRY(call.argument(0).read(values));       // device -> host, counted as every read
//     return call.result(0).write(values);
//   }
//   const Callback callbacks[] = {{"log", &log}};
//   HALCYON_ASSIGN(auto program, Program::load(*device, "model.hcm", {.callbacks = callbacks}));
//
// A model declares them as functions without a body (compiler/dialect/dispatch/README.md). Arguments and results lie
// on the device; the function reads, writes or maps what it needs of them.
// Order: what the call has submitted before, and what it was told to wait for, is complete when the function runs; work
// after it is submitted when it has returned. So `call`, `run` and `run_async` block for the former, as for a host read.
// Work that the function submits itself has to be complete when it returns.
// Threads: it runs on the thread that runs the call; for several calls at once, on several. It may use the device and
// run other calls, but not the one that called it.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>

#include "halcyon/tensor.hpp"

HALCYON_NAMESPACE_BEGIN

struct FunctionDesc;

// An argument or result: a range of a buffer, borrowed while the function runs.
struct HostTensor {
  std::string_view name;
  ElementType type;
  uint8_t rank = 0;
  int64_t sizes[max_rank] = {};
  hal::Buffer* buffer = nullptr;
  uint64_t offset = 0, size = 0;  // bytes

  std::span<const int64_t> shape() const { return {sizes, rank}; }
  // Exactly one copy of all bytes. Errors: invalid_argument where the span's size is not `size`.
  Status read(std::span<std::byte> bytes) const;
  Status write(std::span<const std::byte> bytes) const;
  template <ElementRange Values>
  Status read(Values&& values) const {
    return read(std::as_writable_bytes(std::span(std::data(values), std::size(values))));
  }
  template <ElementRange Values>
  Status write(const Values& values) const {
    return write(std::as_bytes(std::span(std::data(values), std::size(values))));
  }
  // A view in place, never a copy. Errors: failed_precondition where the buffer does not map.
  Result<hal::Mapped> map(hal::Access access) const;
};

// One call. Valid while the function runs.
class HostCall {
 public:
  std::string_view name() const;
  hal::Device& device() const { return device_; }
  uint32_t argument_count() const;
  uint32_t result_count() const;
  HostTensor argument(uint32_t i) const;  // i < argument_count()
  HostTensor result(uint32_t i) const;    // i < result_count(); its memory holds anything before it is written

 private:
  friend class Frame;
  HostCall(hal::Device& device, const FunctionDesc& desc, const void* registers, const uint32_t* list)
      : device_(device), desc_(desc), registers_(registers), list_(list) {}

  hal::Device& device_;
  const FunctionDesc& desc_;
  const void* registers_;
  const uint32_t* list_;
};

// A failure of the function is the call's, at the source op.
struct Callback {
  std::string_view name;
  Status (*function)(void* user, const HostCall& call) = nullptr;
  void* user = nullptr;
};

HALCYON_NAMESPACE_END

#if defined(HALCYON_INLINE_BODIES)
#include "halcyon/program.hpp"
#endif
