// Bodies of halcyon/hal/transfer.hpp.
#pragma once
#include <cstring>

#include "halcyon/hal/transfer.hpp"
#include "halcyon/platform.hpp"

HALCYON_NAMESPACE_BEGIN
namespace hal {
namespace transfer_detail {

// Until `after` is reached and nothing that was submitted uses the buffers.
HALCYON_NOINLINE HALCYON_FUNC Status settle(Device& device, std::span<const Timepoint> after, Buffer& first, Buffer& second, uint64_t timeout_ns) {
  const uint64_t deadline = platform::deadline_after(timeout_ns);
  Status status;
  if (!after.empty()) status = device.wait(after, Wait::all, timeout_ns);
  if (status.ok() && first.in_use()) status = device.wait_idle(first, platform::time_left(deadline));
  if (status.ok() && second.in_use()) status = device.wait_idle(second, platform::time_left(deadline));
  return status;
}

// A command with its range.
struct FillCommand {
  HALCYON_NOINLINE FillCommand(uint64_t offset, uint64_t length, uint64_t pattern, uint8_t pattern_size)
      : range{0, Operand::literal(offset), Operand::literal(length)} {
    command.type = Command::Type::fill;
    command.ranges = {&range, 1};
    command.pattern = pattern;
    command.pattern_size = pattern_size;
  }
  FillCommand(const FillCommand&) = delete;
  Range range;
  Command command;
};

// One transfer command through the queue; returns when it is done.
HALCYON_NOINLINE HALCYON_FUNC Status submit_and_wait(Device& device, const Command& command, std::span<const Binding> bindings) {
  Submission submission;
  submission.transfers = {&command, 1};
  submission.bindings = bindings;
  if (device.caps().inline_execution) return device.submit(submission);
  HALCYON_ASSIGN(const Ref<Semaphore> done, device.create_semaphore(0));
  const Timepoint reached[] = {{done.get(), 1}};
  submission.signals = reached;
  HALCYON_TRY(device.submit(submission));
  return device.wait(reached, Wait::all, UINT64_MAX);
}

HALCYON_FUNC Status check_range(const Buffer& buffer, uint64_t offset, uint64_t size) {
  if (offset <= buffer.size() && size <= buffer.size() - offset) return {};
  return mismatch(Code::invalid_argument, "transfer: the range is not inside the buffer", buffer.size(), offset);
}

// Between the caller's memory and a mappable buffer.
HALCYON_FUNC Status copy_mapped(const HostTransfer& transfer) {
  const bool uploads = transfer.direction == Direction::upload;
  const size_t size = transfer.bytes.size();
  HALCYON_ASSIGN(const std::span<std::byte> view,
                 transfer.buffer.map(uploads ? Access::write : Access::read, transfer.offset, size));
  if (uploads) std::memcpy(view.data(), transfer.bytes.data(), size);
  const Status status = uploads ? transfer.buffer.flush(transfer.offset, size) : transfer.buffer.invalidate(transfer.offset, size);
  if (!uploads && status.ok()) std::memcpy(transfer.bytes.data(), view.data(), size);
  transfer.buffer.unmap();
  return status;
}

HALCYON_FUNC Status run(Device& device, const HostTransfer& transfer, std::span<const Timepoint> after, uint64_t timeout_ns) {
  const uint64_t size = transfer.bytes.size();
  HALCYON_TRY(check_range(transfer.buffer, transfer.offset, size));
  if (size == 0) return {};
  HALCYON_TRY(settle(device, after, transfer.buffer, transfer.buffer, timeout_ns));
  if (transfer.buffer.mappable()) {
    HALCYON_TRY(copy_mapped(transfer));
  } else {
    if (!device.staging()) return {Code::unsupported, "transfer: the buffer does not map, and the device has no staging memory"};
    HALCYON_TRY(device.staging()->transfer(transfer));
  }
  transfer.direction == Direction::upload ? device.count_upload(size) : device.count_download(size);
  return {};
}

}  // namespace transfer_detail

HALCYON_FUNC Status write(Device& device, Buffer& target, uint64_t offset, std::span<const std::byte> bytes,
                          std::span<const Timepoint> after, uint64_t timeout_ns) {
  const std::span<std::byte> read_only(const_cast<std::byte*>(bytes.data()), bytes.size());
  return transfer_detail::run(device, {target, offset, read_only, Direction::upload}, after, timeout_ns);
}

HALCYON_FUNC Status read(Device& device, Buffer& source, uint64_t offset, std::span<std::byte> bytes,
                         std::span<const Timepoint> after, uint64_t timeout_ns) {
  return transfer_detail::run(device, {source, offset, bytes, Direction::download}, after, timeout_ns);
}

HALCYON_FUNC Status copy(Device& device, Buffer& target, uint64_t target_offset, Buffer& source, uint64_t source_offset,
                         uint64_t length, std::span<const Timepoint> after, uint64_t timeout_ns) {
  HALCYON_TRY(transfer_detail::settle(device, after, target, source, timeout_ns));
  const CopyCommand copy(target_offset, source_offset, length);
  const Binding bindings[] = {{&target}, {&source}};
  return transfer_detail::submit_and_wait(device, copy.command, bindings);
}

HALCYON_FUNC Status fill(Device& device, Buffer& target, uint64_t offset, uint64_t length, uint64_t pattern, uint8_t pattern_size,
                         std::span<const Timepoint> after, uint64_t timeout_ns) {
  HALCYON_TRY(transfer_detail::settle(device, after, target, target, timeout_ns));
  const transfer_detail::FillCommand fill(offset, length, pattern, pattern_size);
  const Binding binding{&target};
  return transfer_detail::submit_and_wait(device, fill.command, {&binding, 1});
}

}  // namespace hal
HALCYON_NAMESPACE_END
