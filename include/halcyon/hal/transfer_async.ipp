// Bodies of halcyon/hal/transfer_async.hpp.
#pragma once
#include <cstring>

#include "halcyon/hal/transfer.ipp"
#include "halcyon/hal/transfer_async.hpp"

HALCYON_NAMESPACE_BEGIN
namespace hal {
namespace transfer_detail {

HALCYON_FUNC Status queue(Device& device, const Command& command, std::span<const Binding> bindings, std::span<const Timepoint> waits,
                          std::span<const Timepoint> signals) {
  Submission submission;
  submission.transfers = {&command, 1};
  submission.bindings = bindings;
  submission.waits = waits;
  submission.signals = signals;
  return device.submit(submission);
}

HALCYON_FUNC Result<Ref<Buffer>> lend(Device& device, uint64_t size) {
  if (device.staging()) return device.staging()->lend(size);
  return device.allocate({.size = size, .memory = Memory::host, .map = Map::read_write, .label = "staging"});
}

}  // namespace transfer_detail

HALCYON_FUNC Status write_async(Device& device, Buffer& target, uint64_t offset, std::span<const std::byte> bytes,
                                std::span<const Timepoint> waits, std::span<const Timepoint> signals) {
  HALCYON_TRY(transfer_detail::check_range(target, offset, bytes.size()));
  if (bytes.empty()) return device.submit({.waits = waits, .signals = signals});
  if (bytes.size() > max_update) {
    HALCYON_ASSIGN(const Ref<Buffer> staging, transfer_detail::lend(device, bytes.size()));
    const std::span<std::byte> read_only(const_cast<std::byte*>(bytes.data()), bytes.size());
    HALCYON_TRY(transfer_detail::copy_mapped({*staging, 0, read_only, Direction::upload}));
    HALCYON_TRY(copy_async(device, target, offset, *staging, 0, bytes.size(), waits, signals));
  } else {
    const Range range{0, Operand::literal(offset), Operand::literal(bytes.size())};
    Command command;
    command.type = Command::Type::update;
    command.ranges = {&range, 1};
    command.data = bytes;
    const Binding binding{&target};
    HALCYON_TRY(transfer_detail::queue(device, command, {&binding, 1}, waits, signals));
  }
  device.count_upload(bytes.size());
  return {};
}

HALCYON_FUNC Status copy_async(Device& device, Buffer& target, uint64_t target_offset, Buffer& source, uint64_t source_offset,
                               uint64_t length, std::span<const Timepoint> waits, std::span<const Timepoint> signals) {
  const CopyCommand copy(target_offset, source_offset, length);
  const Binding bindings[] = {{&target}, {&source}};
  return transfer_detail::queue(device, copy.command, bindings, waits, signals);
}

HALCYON_FUNC Status fill_async(Device& device, Buffer& target, uint64_t offset, uint64_t length, uint64_t pattern, uint8_t pattern_size,
                               std::span<const Timepoint> waits, std::span<const Timepoint> signals) {
  const transfer_detail::FillCommand fill(offset, length, pattern, pattern_size);
  const Binding binding{&target};
  return transfer_detail::queue(device, fill.command, {&binding, 1}, waits, signals);
}

HALCYON_FUNC Result<Readback> read_async(Device& device, Buffer& source, uint64_t offset, uint64_t size,
                                         std::span<const Timepoint> waits, std::span<const Timepoint> signals) {
  HALCYON_TRY(transfer_detail::check_range(source, offset, size));
  Readback readback;
  readback.size_ = size;
  HALCYON_ASSIGN(readback.staging_, transfer_detail::lend(device, size));
  // A semaphore of its own says whether the bytes are there, whatever the caller signals.
  Array<Timepoint> all(device.allocator());
  if (!waits.empty() || !device.caps().inline_execution) {
    HALCYON_ASSIGN(readback.done_, device.create_semaphore(0));
    if (!all.resize(signals.size() + 1)) return out_of_memory();
    for (size_t i = 0; i < signals.size(); ++i) all[i] = signals[i];
    all[signals.size()] = {readback.done_.get(), 1};
    signals = all.span();
  }
  HALCYON_TRY(copy_async(device, *readback.staging_, 0, source, offset, size, waits, signals));
  return readback;
}

HALCYON_FUNC Result<std::span<const std::byte>> Readback::bytes(uint64_t timeout_ns) {
  if (!staging_) return Status(Code::failed_precondition, "readback: nothing was read");
  if (!counted_) {
    Device& device = staging_->device();
    const Timepoint done{done_.get(), 1};
    if (done_) HALCYON_TRY(device.wait({&done, 1}, Wait::all, timeout_ns));
    HALCYON_ASSIGN(view_, map(*staging_, Access::read, 0, size_));
    device.count_download(size_);
    counted_ = true;
  }
  return std::span<const std::byte>(view_.bytes());
}

HALCYON_FUNC Status Readback::finish(std::span<std::byte> target, uint64_t timeout_ns) {
  if (target.size() != size_)
    return mismatch(Code::invalid_argument, "readback: the span is not as large as what was read", size_, target.size());
  HALCYON_ASSIGN(const std::span<const std::byte> from, bytes(timeout_ns));
  if (!from.empty()) std::memcpy(target.data(), from.data(), from.size());
  return {};
}

}  // namespace hal
HALCYON_NAMESPACE_END
