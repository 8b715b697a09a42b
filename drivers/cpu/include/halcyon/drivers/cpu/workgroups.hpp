// halcyon/drivers/cpu/workgroups.hpp -- runs the workgroups of a dispatch on several threads.
//
// Which thread runs a workgroup changes nothing that a kernel can see but its worker number and local memory.
// What a workgroup of each kernel takes is remembered, and what would not gain from sharing is not shared;
// of a kernel that was not seen before, the first workgroup runs alone and is timed. One that is known is timed
// now and then: to ask for the time twice (some 0.1 us) is much of what a small dispatch takes.
#pragma once
#include "halcyon/drivers/cpu/options.hpp"
#include "halcyon/drivers/cpu/threads.hpp"
#include "halcyon/drivers/shared/recording.hpp"

HALCYON_NAMESPACE_BEGIN
namespace cpu {

class Workgroups {
 public:
  explicit Workgroups(const Allocator& allocator) : threads_(allocator) {}

  Status start(const DeviceOptions& options);
  uint32_t workers() const { return task_pool_.run ? task_pool_.workers : threads_.workers(); }
  // Null where there is one worker: the caller runs all.
  shared::WorkgroupRunner runner();

 private:
  struct Job;
  // Nanoseconds of one workgroup, by kernel; one that is pushed out is timed again.
  struct Estimate {
    std::atomic<uintptr_t> kernel{0};
    std::atomic<uint64_t> ns{0};
    std::atomic<uint32_t> uses{0};
  };
  static constexpr size_t estimate_count = 256;
  static constexpr uint32_t first_uses = 8, timed_every = 16;

  int32_t run(const hcy_dispatch& dispatch, hcy_kernel kernel, std::byte* local, uint64_t local_size);
  void run_job(Job& job);
  void share(Job& job, uint64_t each_ns);
  bool gains(uint64_t workgroups, uint64_t each_ns);
  Estimate& estimate_of(hcy_kernel kernel);

  ThreadPool threads_;
  TaskPool task_pool_;
  Estimate estimates_[estimate_count];
  std::atomic<uint64_t> missed_ns_{0};  // work since the threads fell asleep that they could have shared
};

}  // namespace cpu
HALCYON_NAMESPACE_END

#if defined(HALCYON_INLINE_BODIES)
#include "halcyon/drivers/cpu/workgroups.ipp"
#endif
