// halcyon/drivers/cpu/workgroups.ipp -- bodies of workgroups.hpp.
#pragma once
#include "halcyon/drivers/cpu/workgroups.hpp"

HALCYON_NAMESPACE_BEGIN
namespace cpu {

// One dispatch in progress. Workgroups are numbered x fastest; a task is a run of `grain` of them.
struct Workgroups::Job {
  const hcy_dispatch& dispatch;
  hcy_kernel kernel;
  std::byte* local;
  uint64_t local_size;
  uint64_t total;
  uint64_t first = 0;   // what is left to do begins here
  uint64_t grain = 1;
  std::atomic<bool> failed{false};
  platform::Mutex mutex{};
  uint64_t failed_at = UINT64_MAX;  // under the mutex: the lowest workgroup that failed, and its result
  int32_t result = 0;

  void fail(uint64_t at, int32_t value) {
    platform::Lock lock(mutex);
    failed.store(true, std::memory_order_relaxed);
    if (at >= failed_at) return;
    failed_at = at;
    result = value;
  }
  HALCYON_CALLS_KERNELS void run(uint64_t begin, uint64_t end, uint32_t worker) {
    const uint64_t x = dispatch.workgroup_count[0], y = dispatch.workgroup_count[1];
    hcy_workgroup group = {};
    group.worker = worker;
    group.local_memory = local ? local + worker * local_size : nullptr;
    group.local_size = local_size;
    for (uint64_t i = begin; i < end; ++i) {
      group.id[0] = static_cast<uint32_t>(i % x);
      group.id[1] = static_cast<uint32_t>(i / x % y);
      group.id[2] = static_cast<uint32_t>(i / x / y);
      const int32_t value = kernel(&dispatch, &group);
      if (value == 0) continue;
      fail(i, value);
      return;
    }
  }
  static void task(void* context, uint32_t index, uint32_t worker) {
    Job& job = *static_cast<Job*>(context);
    if (job.failed.load(std::memory_order_relaxed)) return;
    const uint64_t begin = job.first + index * job.grain;
    const uint64_t end = job.total - begin < job.grain ? job.total : begin + job.grain;
    job.run(begin, end, worker);
  }
};

HALCYON_FUNC Status Workgroups::start(const DeviceOptions& options) {
  constexpr uint32_t most = 1024;
  if (options.task_pool.run) {
    if (options.task_pool.workers == 0 || options.task_pool.workers > most)
      return {Code::invalid_argument, "create_device: the task pool needs between 1 and 1024 workers"};
    task_pool_ = options.task_pool;
    return {};
  }
  const uint32_t threads = options.threads == 0 ? platform::processor_count() : options.threads;
  if (threads > most) return {Code::invalid_argument, "create_device: more than 1024 threads"};
  return threads_.start(threads - 1, options.pin);
}

HALCYON_FUNC shared::WorkgroupRunner Workgroups::runner() {
  if (workers() == 1 && !task_pool_.run) return {};
  return {this, [](void* self, const hcy_dispatch& dispatch, hcy_kernel kernel, std::byte* local, uint64_t local_size) {
            return static_cast<Workgroups*>(self)->run(dispatch, kernel, local, local_size);
          }};
}

// Sharing costs little while threads are awake, and a wake-up where all sleep: that is worth it once the work
// that they slept through adds up, be it one dispatch or the many small ones of a small model.
HALCYON_FUNC bool Workgroups::gains(uint64_t workgroups, uint64_t each_ns) {
  constexpr uint64_t awake_ns = 1'000, asleep_ns = 60'000;
  if (workgroups < 1 + awake_ns / (each_ns + 1)) return false;
  if (task_pool_.run || threads_.awake()) return true;
  if (workgroups < 1 + asleep_ns / (each_ns + 1)) {
    const uint64_t missed = missed_ns_.load(std::memory_order_relaxed) + workgroups * each_ns;
    missed_ns_.store(missed, std::memory_order_relaxed);
    if (missed < asleep_ns) return false;
  }
  missed_ns_.store(0, std::memory_order_relaxed);
  return true;
}

HALCYON_FUNC Workgroups::Estimate& Workgroups::estimate_of(hcy_kernel kernel) {
  const uint64_t mixed = static_cast<uint64_t>(reinterpret_cast<uintptr_t>(kernel)) * 0x9e3779b97f4a7c15u;
  return estimates_[mixed >> 56];
}

// Runs what is left of a job on all threads: in parts that are small beside the whole, so that none waits long for the
// last one, and take well longer than a part costs.
HALCYON_FUNC void Workgroups::share(Job& job, uint64_t each_ns) {
  constexpr uint64_t part_ns = 1'000, parts = 8;  // of a worker, at least
  const uint64_t rest = job.total - job.first, tasks = workers() * parts;
  const uint64_t most = rest / tasks + (rest % tasks != 0), worth = 1 + part_ns / (each_ns + 1);
  const uint64_t fewest = rest / ThreadPool::most_tasks + 1;
  job.grain = task_pool_.run || most < worth ? most : worth < fewest ? fewest : worth;
  const uint32_t count = static_cast<uint32_t>(rest / job.grain + (rest % job.grain != 0));
  if (task_pool_.run)
    task_pool_.run(task_pool_.self, count, &Job::task, &job);
  else
    threads_.run(count, &Job::task, &job);
}

HALCYON_FUNC void Workgroups::run_job(Job& job) {
  Estimate& estimate = estimate_of(job.kernel);
  const uintptr_t key = reinterpret_cast<uintptr_t>(job.kernel);
  uint64_t each_ns = estimate.ns.load(std::memory_order_relaxed);
  const bool known = estimate.kernel.load(std::memory_order_relaxed) == key;
  const uint32_t uses = known ? estimate.uses.load(std::memory_order_relaxed) : 0;
  estimate.uses.store(uses + 1, std::memory_order_relaxed);
  const bool timed = uses < first_uses || uses % timed_every == 0;
  const uint64_t begin = timed ? platform::monotonic_ns() : 0;
  if (!known) {
    job.run(0, 1, 0);
    each_ns = platform::monotonic_ns() - begin;
    job.first = 1;
  }
  const bool shares = gains(job.total - job.first, each_ns);
  if (job.failed.load(std::memory_order_relaxed)) return;
  if (shares)
    share(job, each_ns);
  else
    job.run(job.first, job.total, 0);
  if (!timed) return;
  const uint64_t spent = (platform::monotonic_ns() - begin) * (shares ? workers() : 1) / job.total;
  estimate.kernel.store(key, std::memory_order_relaxed);
  estimate.ns.store(known ? each_ns - each_ns / 4 + spent / 4 : spent, std::memory_order_relaxed);
}

HALCYON_FUNC int32_t Workgroups::run(const hcy_dispatch& dispatch, hcy_kernel kernel, std::byte* local, uint64_t local_size) {
  const uint64_t total =
      uint64_t{dispatch.workgroup_count[0]} * dispatch.workgroup_count[1] * dispatch.workgroup_count[2];
  if (total == 1) return shared::run_workgroups(dispatch, kernel, local, local_size);
  // Another submission has the threads: this one runs alone, which is the same but slower.
  if (!task_pool_.run && !threads_.try_claim()) return shared::run_workgroups(dispatch, kernel, local, local_size);
  Job job{dispatch, kernel, local, local_size, total};
  run_job(job);
  if (!task_pool_.run) threads_.unclaim();
  return job.result;
}

}  // namespace cpu
HALCYON_NAMESPACE_END
