// Bodies of halcyon/hal/transfer.hpp.
#pragma once
#include <cstring>

#include "halcyon/hal/transfer.hpp"

HALCYON_NAMESPACE_BEGIN
namespace hal {
namespace transfer_detail {

inline Status check(const Buffer& buffer, uint64_t offset, uint64_t length) {
  if (offset > buffer.size() || length > buffer.size() - offset)
    return {Code::invalid_argument, "transfer: the range is not inside the buffer",
            Where{Kind::none, 0, 0, 0, static_cast<int64_t>(buffer.size()), static_cast<int64_t>(offset)}};
  return {};
}

// One transfer command through the queue, after `after`; returns when it is done.
inline Status submit_and_wait(Device& device, const Command& command, std::span<const Binding> bindings,
                              std::span<const Timepoint> after) {
  Submission submission;
  submission.transfers = {&command, 1};
  submission.bindings = bindings;
  submission.waits = after;
  if (device.caps().inline_execution && after.empty()) return device.submit(submission);
  HALCYON_ASSIGN(const Ref<Semaphore> done, device.create_semaphore(0));
  const Timepoint reached[] = {{done.get(), 1}};
  submission.signals = reached;
  HALCYON_TRY(device.submit(submission));
  return device.wait(reached, Wait::all, UINT64_MAX);
}

inline Status copy_and_wait(Device& device, Buffer& target, uint64_t target_offset, Buffer& source, uint64_t source_offset,
                            uint64_t length, std::span<const Timepoint> after) {
  const Range ranges[] = {{0, Operand::literal(target_offset), Operand::literal(length)},
                          {1, Operand::literal(source_offset), Operand::literal(length)}};
  Command copy;
  copy.type = Command::Type::copy;
  copy.ranges = ranges;
  const Binding bindings[] = {{&target}, {&source}};
  return submit_and_wait(device, copy, bindings, after);
}

inline Status zero_and_wait(Device& device, Buffer& target) {
  const Range range{0, Operand::literal(0), Operand::literal(target.size())};
  Command fill;
  fill.type = Command::Type::fill;
  fill.ranges = {&range, 1};
  const Binding binding{&target};
  return submit_and_wait(device, fill, {&binding, 1}, {});
}

}  // namespace transfer_detail

HALCYON_FUNC Status write(Device& device, Buffer& target, uint64_t offset, std::span<const std::byte> bytes,
                          std::span<const Timepoint> after) {
  HALCYON_TRY(transfer_detail::check(target, offset, bytes.size()));
  if (bytes.empty()) return {};
  if (target.mappable()) {
    if (!after.empty()) HALCYON_TRY(device.wait(after, Wait::all, UINT64_MAX));
    HALCYON_ASSIGN(const std::span<std::byte> view, target.map(Access::write, offset, bytes.size()));
    std::memcpy(view.data(), bytes.data(), bytes.size());
    const Status flushed = target.flush(offset, bytes.size());
    target.unmap();
    HALCYON_TRY(flushed);
  } else {
    HALCYON_ASSIGN(const Ref<Buffer> staging,
                   device.allocate({.size = bytes.size(), .memory = Memory::host, .map = Map::write, .label = "staging"}));
    HALCYON_ASSIGN(const std::span<std::byte> view, staging->map(Access::write));
    std::memcpy(view.data(), bytes.data(), bytes.size());
    const Status flushed = staging->flush(0, bytes.size());
    staging->unmap();
    HALCYON_TRY(flushed);
    HALCYON_TRY(transfer_detail::copy_and_wait(device, target, offset, *staging, 0, bytes.size(), after));
  }
  device.count_upload(bytes.size());
  return {};
}

HALCYON_FUNC Status read(Device& device, Buffer& source, uint64_t offset, std::span<std::byte> bytes,
                         std::span<const Timepoint> after) {
  HALCYON_TRY(transfer_detail::check(source, offset, bytes.size()));
  if (bytes.empty()) return {};
  if (source.mappable()) {
    if (!after.empty()) HALCYON_TRY(device.wait(after, Wait::all, UINT64_MAX));
    HALCYON_ASSIGN(const std::span<std::byte> view, source.map(Access::read, offset, bytes.size()));
    const Status fresh = source.invalidate(offset, bytes.size());
    if (fresh.ok()) std::memcpy(bytes.data(), view.data(), bytes.size());
    source.unmap();
    HALCYON_TRY(fresh);
  } else {
    HALCYON_ASSIGN(const Ref<Buffer> staging,
                   device.allocate({.size = bytes.size(), .memory = Memory::host, .map = Map::read, .label = "staging"}));
    HALCYON_TRY(transfer_detail::copy_and_wait(device, *staging, 0, source, offset, bytes.size(), after));
    HALCYON_ASSIGN(const std::span<std::byte> view, staging->map(Access::read));
    const Status fresh = staging->invalidate(0, bytes.size());
    if (fresh.ok()) std::memcpy(bytes.data(), view.data(), bytes.size());
    staging->unmap();
    HALCYON_TRY(fresh);
  }
  device.count_download(bytes.size());
  return {};
}

}  // namespace hal
HALCYON_NAMESPACE_END
