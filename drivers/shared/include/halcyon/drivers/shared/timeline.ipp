// halcyon/drivers/shared/timeline.ipp -- bodies of timeline.hpp.
#pragma once
#include "halcyon/drivers/shared/timeline.hpp"

HALCYON_NAMESPACE_BEGIN
namespace shared {

namespace detail {

inline TimelineSemaphore& as_timeline(hal::Semaphore* semaphore) {
  return *static_cast<TimelineSemaphore*>(semaphore);
}

}  // namespace detail

HALCYON_FUNC bool WaitHeap::is_before(const WaitNode& a, const WaitNode& b) {
  return a.point.value != b.point.value ? a.point.value < b.point.value : a.work->order_ < b.work->order_;
}

// Of two heaps, either may be null, one.
HALCYON_FUNC WaitNode* WaitHeap::merge(WaitNode* a, WaitNode* b) {
  if (!a) return b;
  if (!b) return a;
  if (is_before(*b, *a)) std::swap(a, b);
  b->next = a->child;
  if (b->next) b->next->previous = b;
  b->previous = a;
  a->child = b;
  return a;
}

// In pairs from the left, then all from the right: what makes the next removals cheap.
HALCYON_FUNC WaitNode* WaitHeap::merge_children(WaitNode& node) {
  WaitNode* pairs = nullptr;
  for (WaitNode* first = std::exchange(node.child, nullptr); first;) {
    WaitNode* second = std::exchange(first->next, nullptr);
    WaitNode* rest = second ? std::exchange(second->next, nullptr) : nullptr;
    WaitNode* pair = merge(first, second);
    pair->next = pairs;
    pairs = pair;
    first = rest;
  }
  WaitNode* all = nullptr;
  while (pairs) {
    WaitNode* pair = pairs;
    pairs = std::exchange(pair->next, nullptr);
    all = merge(all, pair);
  }
  if (all) all->previous = nullptr;
  return all;
}

HALCYON_FUNC void WaitHeap::push(WaitNode& node) {
  node.child = node.next = node.previous = nullptr;
  node.is_queued = true;
  top_ = merge(top_, &node);
}

HALCYON_FUNC void WaitHeap::remove(WaitNode& node) {
  node.is_queued = false;
  if (&node == top_) {
    top_ = merge_children(node);
    return;
  }
  (node.previous->child == &node ? node.previous->child : node.previous->next) = node.next;
  if (node.next) node.next->previous = node.previous;
  node.next = node.previous = nullptr;
  top_ = merge(top_, merge_children(node));
}

HALCYON_FUNC Result<uint64_t> TimelineSemaphore::query() {
  if (failed_.load(std::memory_order_acquire)) return failure_;
  return value_.load(std::memory_order_acquire);
}

HALCYON_FUNC Status TimelineSemaphore::signal(uint64_t value) { return timeline_.signal(*this, value); }

HALCYON_FUNC void TimelineSemaphore::fail(Status status) {
  HALCYON_ASSERT(!status.ok());
  if (status.ok()) status = Status(Code::internal, "fail: called with an ok Status");
  const hal::Timepoint point{this, 0};
  timeline_.settle({&point, 1}, status);
}

HALCYON_FUNC void TimelineSemaphore::recycle() { timeline_.owner_.destroy(this); }

HALCYON_FUNC void WorkList::push(Work& work) {
  work.next_ = nullptr;
  (last ? last->next_ : first) = &work;
  last = &work;
}

HALCYON_FUNC Work* WorkList::pop() {
  Work* work = first;
  if (!work) return nullptr;
  first = work->next_;
  if (!first) last = nullptr;
  return work;
}

HALCYON_FUNC Timeline::~Timeline() { HALCYON_ASSERT(!pending_); }

HALCYON_FUNC Result<Ref<hal::Semaphore>> Timeline::create_semaphore(uint64_t value) {
  auto* semaphore = owner_.create<TimelineSemaphore>(*this, value);
  if (!semaphore) return out_of_memory();
  return Ref<hal::Semaphore>::adopt(semaphore);
}

HALCYON_FUNC Status Timeline::check(std::span<const hal::Timepoint> waits, std::span<const hal::Timepoint> signals) {
  for (const hal::Timepoint& point : waits)
    if (!point.semaphore) return {Code::invalid_argument, "wait: no semaphore"};
  for (const hal::Timepoint& point : signals) {
    if (!point.semaphore) return {Code::invalid_argument, "signal: no semaphore"};
    const uint64_t value = detail::as_timeline(point.semaphore).value_.load(std::memory_order_acquire);
    if (point.value <= value)
      return mismatch(Code::invalid_argument, "signal: the value is not above the semaphore's", value, point.value);
  }
  return {};
}

HALCYON_FUNC Timeline::State Timeline::state(std::span<const hal::Timepoint> waits, Status& failure) {
  State state = State::reached;
  for (const hal::Timepoint& point : waits) {
    const TimelineSemaphore& semaphore = detail::as_timeline(point.semaphore);
    if (semaphore.failed_.load(std::memory_order_acquire)) {
      failure = semaphore.failure_;
      return State::failed;
    }
    if (semaphore.value_.load(std::memory_order_acquire) < point.value) state = State::pending;
  }
  return state;
}

HALCYON_FUNC void Timeline::adopt(Work& work, std::span<const hal::Timepoint> waits, std::span<const hal::Timepoint> signals) {
  for (size_t i = 0; i < waits.size(); ++i) {
    work.waits[i].point = waits[i];
    work.waits[i].work = &work;
    waits[i].semaphore->retain();
  }
  for (size_t i = 0; i < signals.size(); ++i) {
    work.signals[i] = signals[i];
    signals[i].semaphore->retain();
  }
}

HALCYON_FUNC void Timeline::finish(Work& work) {
  for (const WaitNode& wait : work.waits) wait.point.semaphore->release();
  for (const hal::Timepoint& point : work.signals) point.semaphore->release();
  work.destroy();
}

HALCYON_FUNC void Timeline::apply(std::span<const hal::Timepoint> signals, const Status& status, WorkList& ready) {
  for (const hal::Timepoint& point : signals) {
    TimelineSemaphore& semaphore = detail::as_timeline(point.semaphore);
    if (semaphore.failed_.load(std::memory_order_relaxed)) continue;  // the first failure stays
    if (!status.ok()) {
      semaphore.failure_ = status;
      semaphore.failed_.store(true, std::memory_order_release);
    } else if (point.value > semaphore.value_.load(std::memory_order_relaxed)) {
      semaphore.value_.store(point.value, std::memory_order_release);
    }
    advance(semaphore, ready);
  }
  if (waiters_ != 0) changed_.notify_all();
}

HALCYON_FUNC void Timeline::advance(TimelineSemaphore& semaphore, WorkList& ready) {
  const bool failed = semaphore.failed_.load(std::memory_order_relaxed);
  const uint64_t value = semaphore.value_.load(std::memory_order_relaxed);
  while (const WaitNode* top = semaphore.waiting_.top()) {
    if (!failed && top->point.value > value) return;
    Work& work = *top->work;
    if (failed) {
      make_ready(work, semaphore.failure_, ready);
    } else {
      semaphore.waiting_.remove(const_cast<WaitNode&>(*top));
      if (--work.unreached_ == 0) make_ready(work, {}, ready);
    }
  }
}

HALCYON_FUNC void Timeline::set_aside(Work& work) {
  work.order_ = arrivals_++;
  work.previous_ = nullptr;
  work.next_ = pending_;
  if (pending_) pending_->previous_ = &work;
  pending_ = &work;
}

HALCYON_FUNC void Timeline::make_ready(Work& work, const Status& blocked, WorkList& ready) {
  for (WaitNode& wait : work.waits)
    if (wait.is_queued) detail::as_timeline(wait.point.semaphore).waiting_.remove(wait);
  if (work.next_) work.next_->previous_ = work.previous_;
  (work.previous_ ? work.previous_->next_ : pending_) = work.next_;
  work.blocked_ = blocked;
  ready.push(work);
}

HALCYON_FUNC void Timeline::run(WorkList& ready) {
  while (Work* work = ready.pop())
    if (executor_)
      executor_->push(*work);
    else
      execute(*work, ready);
}

HALCYON_FUNC void Timeline::execute(Work& work, WorkList& ready) {
  const Status status = work.run(work.blocked_);
  work.drop_resources();
  {
    platform::Lock lock(mutex_);
    apply(work.signals, status, ready);
  }
  finish(work);
}

HALCYON_FUNC void Timeline::execute(Work& work) {
  WorkList ready;
  execute(work, ready);
  run(ready);
}

HALCYON_FUNC void Timeline::enqueue(Work& work) {
  WorkList ready;
  {
    platform::Lock lock(mutex_);
    set_aside(work);
    Status failure;
    work.unreached_ = 0;
    for (WaitNode& wait : work.waits) {
      TimelineSemaphore& semaphore = detail::as_timeline(wait.point.semaphore);
      if (semaphore.failed_.load(std::memory_order_relaxed)) failure = semaphore.failure_;
      if (!failure.ok()) break;
      if (semaphore.value_.load(std::memory_order_relaxed) >= wait.point.value) continue;
      semaphore.waiting_.push(wait);
      ++work.unreached_;
    }
    if (!failure.ok() || work.unreached_ == 0) make_ready(work, failure, ready);
  }
  run(ready);
}

HALCYON_FUNC void Timeline::settle(std::span<const hal::Timepoint> signals, const Status& status) {
  if (signals.empty() && waiters_ == 0) return;  // else somebody may wait for a buffer
  WorkList ready;
  {
    platform::Lock lock(mutex_);
    apply(signals, status, ready);
  }
  run(ready);
}

HALCYON_FUNC Status Timeline::signal(TimelineSemaphore& semaphore, uint64_t value) {
  WorkList ready;
  {
    platform::Lock lock(mutex_);
    if (semaphore.failed_.load(std::memory_order_relaxed)) return semaphore.failure_;
    const hal::Timepoint point{&semaphore, value};
    HALCYON_TRY(check({}, {&point, 1}));
    apply({&point, 1}, {}, ready);
  }
  run(ready);
  return {};
}

// Whether a wait is over: `failure` says how.
HALCYON_FUNC bool Timeline::decided(std::span<const hal::Timepoint> timepoints, hal::Wait mode, Status& failure) {
  if (timepoints.empty()) return true;
  if (mode == hal::Wait::all) return state(timepoints, failure) != State::pending;
  Status failed;
  bool any_failed = false;
  for (const hal::Timepoint& point : timepoints) {
    const State one = state({&point, 1}, failed);
    if (one == State::reached) return true;
    any_failed = any_failed || one == State::failed;
  }
  if (any_failed) failure = failed;
  return any_failed;
}

HALCYON_FUNC Status Timeline::wait(std::span<const hal::Timepoint> timepoints, hal::Wait mode, uint64_t timeout_ns) {
  HALCYON_TRY(check(timepoints, {}));
  Status failure;
  if (decided(timepoints, mode, failure)) return failure;
  if (timeout_ns == 0) return {Code::timeout, "wait: not reached yet"};
  const uint64_t deadline = platform::deadline_after(timeout_ns);
  platform::Lock lock(mutex_);
  ++waiters_;
  bool over = false;
  while (!(over = decided(timepoints, mode, failure)))
    if (!changed_.wait_until(mutex_, deadline)) {
      over = decided(timepoints, mode, failure);
      break;
    }
  --waiters_;
  if (!over) return {Code::timeout, "wait: not reached in time"};
  return failure;
}

HALCYON_FUNC Status Timeline::wait_idle(const hal::Buffer& buffer, uint64_t timeout_ns) {
  if (!buffer.in_use()) return {};
  const uint64_t deadline = platform::deadline_after(timeout_ns);
  platform::Lock lock(mutex_);
  ++waiters_;
  while (buffer.in_use() && timeout_ns != 0 && changed_.wait_until(mutex_, deadline)) {
  }
  --waiters_;
  if (buffer.in_use()) return {Code::timeout, "wait_idle: submitted work still uses the buffer"};
  return {};
}

HALCYON_FUNC void Timeline::abandon() {
  const Status abandoned(Code::failed_precondition, "the device went away before the work could run");
  WorkList ready;
  {
    platform::Lock lock(mutex_);
    while (pending_) make_ready(*pending_, abandoned, ready);
  }
  while (Work* work = ready.pop()) {
    (void)work->run(work->blocked_).ok();
    work->drop_resources();
    finish(*work);
  }
}

}  // namespace shared
HALCYON_NAMESPACE_END
