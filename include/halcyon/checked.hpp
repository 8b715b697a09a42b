// halcyon/checked.hpp -- a device that checks how it is used.
//
//   HALCYON_ASSIGN(auto plain, cpu::create_device());
//   HALCYON_ASSIGN(auto device, checked(std::move(plain), {.report = &print}));
//
// Wraps any device; programs, tensors and transfers use it as they use the device inside. What breaks the HAL's rules
// is an error of the call that does so, which is not passed on; `report` gets a line that names the objects by their
// labels. What has no status (unmap, a destructor) is reported alone. Found are:
//
//   ranges      a binding, range, map or flush that leaves its buffer
//   usage       a buffer used for what BufferDesc::usage does not name
//   states      use before allocate_async or after free_async; a second free; the free of an import, or of bytes that are
//               mapped; unmap without map; a signal that is not above its semaphore's value
//   lifetimes   an object of another device, or one that is gone; a buffer destroyed while it is mapped; objects that
//               outlive the device: they stay safe to hold and to release, and every call on them fails
//   races       two submissions, or a map and a submission, that touch the same bytes, one of them writing, and that no
//               chain of semaphores orders; two commands of a list with no barrier between them
//
// Order is judged by what the program said, not by luck: a submission is over when its host has waited for it (or seen
// its semaphore's value), or at once on an inline device where its waits are reached. Work that waits for a signal which
// nobody has promised yet is judged once somebody does: then the submission, or the signal, that makes the race is at
// fault. What one thread knows counts for all, since threads have other ways to tell each other. Only the last
// `window` submissions are looked at. A correct program is never accused.
//
// Which bindings a kernel writes is what ExportDesc says; where it does not say, a dispatch races with a copy, fill or
// update of its bytes only.
// Threads: any, one lock for the device, never held while the device inside works or `report` is called.
#pragma once
#include "halcyon/checked/options.hpp"
#include "halcyon/hal/device.hpp"

HALCYON_NAMESPACE_BEGIN

// Takes the device over.
Result<Owned<hal::Device>> checked(Owned<hal::Device> device, const CheckedOptions& options = {});
// Borrows it: it outlives what is made here.
Result<Owned<hal::Device>> checked(hal::Device& device, const CheckedOptions& options = {});

HALCYON_NAMESPACE_END

#if defined(HALCYON_INLINE_BODIES)
#include "halcyon/checked/device.ipp"
#endif
