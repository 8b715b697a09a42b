// Bodies of halcyon/hal/staging.hpp.
#pragma once
#include <cstring>

#include "halcyon/hal/staging.hpp"

HALCYON_NAMESPACE_BEGIN
namespace hal {

HALCYON_FUNC StagingRing::~StagingRing() {
  for (Slot& slot : slots_) empty(slot);
}

HALCYON_FUNC void StagingRing::empty(Slot& slot) {
  if (!slot.buffer) return;
  slot.buffer->unmap();
  slot.buffer = nullptr;
  slot.view = {};
}

HALCYON_FUNC void StagingRing::trim() {
  platform::Lock lock(mutex_);
  for (Slot& slot : slots_)
    if (slot.is_free()) empty(slot);
}

HALCYON_FUNC uint64_t StagingRing::bytes() const {
  platform::Lock lock(mutex_);
  uint64_t bytes = 0;
  for (const Slot& slot : slots_) bytes += slot.view.size();
  return bytes;
}

HALCYON_FUNC StagingRing::Slot* StagingRing::free_slot() {
  Slot* found = nullptr;
  for (Slot& slot : slots_)
    if (slot.is_free() && (!found || (!found->buffer && slot.buffer))) found = &slot;
  return found;
}

// Half as large, and so on, where memory is short.
HALCYON_FUNC Status StagingRing::fill_slot(Slot& slot) {
  if (slot.buffer) return {};
  Status status;
  for (uint64_t size = slot_size; size >= 4096; size /= 2) {
    status = allocate(device_, {.size = size, .memory = Memory::host, .map = Map::read_write, .label = "staging"}, slot.buffer);
    if (status.code() != Code::out_of_memory) break;
  }
  if (!status.ok()) return status;
  auto view = slot.buffer->map(Access::read_write);
  if (view.ok()) {
    slot.view = *view;
    return {};
  }
  slot.buffer = nullptr;
  return view.status();
}

HALCYON_FUNC Status StagingRing::take(Slot*& slot, Slot& own) {
  platform::Lock lock(mutex_);
  for (;;) {
    slot = free_slot();
    const Status status = slot ? fill_slot(*slot) : Status();
    if (slot && status.ok()) {
      slot->busy = true;
      return {};
    }
    bool some_busy = false;  // one of those is given back
    for (const Slot& other : slots_) some_busy = some_busy || other.busy;
    if (!some_busy && !status.ok()) return status;
    if (!some_busy) {
      slot = &own;
      return fill_slot(own);
    }
    given_.wait(mutex_);
  }
}

HALCYON_FUNC void StagingRing::give(Slot& slot) {
  platform::Lock lock(mutex_);
  slot.busy = false;
  given_.notify_all();
}

HALCYON_FUNC Status StagingRing::transfer(const HostTransfer& transfer) {
  Slot* slot = nullptr;
  Slot own;
  HALCYON_TRY(take(slot, own));
  const bool uploads = transfer.direction == Direction::upload;
  Buffer& staging = *slot->buffer;
  Status status;
  for (size_t at = 0; at < transfer.bytes.size() && status.ok();) {
    const size_t rest = transfer.bytes.size() - at, size = rest < slot->view.size() ? rest : slot->view.size();
    std::byte* bytes = transfer.bytes.data() + at;
    if (uploads) {
      std::memcpy(slot->view.data(), bytes, size);
      status = staging.flush(0, size);
      if (status.ok()) status = copy(device_, transfer.buffer, transfer.offset + at, staging, 0, size);
    } else {
      status = copy(device_, staging, 0, transfer.buffer, transfer.offset + at, size);
      if (status.ok()) status = staging.invalidate(0, size);
      if (status.ok()) std::memcpy(bytes, slot->view.data(), size);
    }
    at += size;
  }
  slot == &own ? empty(own) : give(*slot);
  return status;
}

HALCYON_FUNC Result<Ref<Buffer>> StagingRing::lend(uint64_t size) {
  {
    platform::Lock lock(mutex_);
    uint32_t lendable = 0;
    for (const Slot& slot : slots_) lendable += !slot.lent();
    Slot* slot = free_slot();
    if (slot && lendable > 1 && size <= slot_size && fill_slot(*slot).ok() && size <= slot->view.size()) return slot->buffer;
  }
  return device_.allocate({.size = size, .memory = Memory::host, .map = Map::read_write, .label = "staging"});
}

}  // namespace hal
HALCYON_NAMESPACE_END
