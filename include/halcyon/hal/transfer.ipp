// Bodies of halcyon/hal/transfer.hpp.
#pragma once
#include <cstring>

#include "halcyon/hal/transfer.hpp"

HALCYON_NAMESPACE_BEGIN
namespace hal {
namespace transfer_detail {

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
  const CopyCommand copy(target_offset, source_offset, length);
  const Binding bindings[] = {{&target}, {&source}};
  return submit_and_wait(device, copy.command, bindings, after);
}

inline Status zero_and_wait(Device& device, Buffer& target) {
  const Range range{0, Operand::literal(0), Operand::literal(target.size())};
  Command fill;
  fill.type = Command::Type::fill;
  fill.ranges = {&range, 1};
  const Binding binding{&target};
  return submit_and_wait(device, fill, {&binding, 1}, {});
}

// Between the caller's memory and a mappable buffer.
inline Status copy_mapped(Buffer& buffer, uint64_t offset, std::byte* bytes, size_t size, Access access) {
  HALCYON_ASSIGN(const std::span<std::byte> view, buffer.map(access, offset, size));
  const bool writes = access == Access::write;
  if (writes) std::memcpy(view.data(), bytes, size);
  const Status status = writes ? buffer.flush(offset, size) : buffer.invalidate(offset, size);
  if (!writes && status.ok()) std::memcpy(bytes, view.data(), size);
  buffer.unmap();
  return status;
}

inline Status transfer(Device& device, Buffer& buffer, uint64_t offset, std::byte* bytes, size_t size, Access access,
                       std::span<const Timepoint> after) {
  const bool writes = access == Access::write;
  if (offset > buffer.size() || size > buffer.size() - offset)
    return mismatch(Code::invalid_argument, "transfer: the range is not inside the buffer", buffer.size(), offset);
  if (size == 0) return {};
  if (buffer.mappable()) {
    if (!after.empty()) HALCYON_TRY(device.wait(after, Wait::all, UINT64_MAX));
    HALCYON_TRY(copy_mapped(buffer, offset, bytes, size, access));
  } else {
    Ref<Buffer> staging;
    HALCYON_TRY(allocate(device, {.size = size, .memory = Memory::host, .map = writes ? Map::write : Map::read, .label = "staging"}, staging));
    if (writes) HALCYON_TRY(copy_mapped(*staging, 0, bytes, size, access));
    HALCYON_TRY(writes ? copy_and_wait(device, buffer, offset, *staging, 0, size, after)
                       : copy_and_wait(device, *staging, 0, buffer, offset, size, after));
    if (!writes) HALCYON_TRY(copy_mapped(*staging, 0, bytes, size, access));
  }
  writes ? device.count_upload(size) : device.count_download(size);
  return {};
}

}  // namespace transfer_detail

HALCYON_FUNC Status write(Device& device, Buffer& target, uint64_t offset, std::span<const std::byte> bytes,
                          std::span<const Timepoint> after) {
  return transfer_detail::transfer(device, target, offset, const_cast<std::byte*>(bytes.data()), bytes.size(), Access::write, after);
}

HALCYON_FUNC Status read(Device& device, Buffer& source, uint64_t offset, std::span<std::byte> bytes,
                         std::span<const Timepoint> after) {
  return transfer_detail::transfer(device, source, offset, bytes.data(), bytes.size(), Access::read, after);
}

}  // namespace hal
HALCYON_NAMESPACE_END
