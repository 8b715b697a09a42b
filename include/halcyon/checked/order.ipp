// Bodies of halcyon/checked/order.hpp.
#pragma once
#include "halcyon/checked/order.hpp"

HALCYON_NAMESPACE_BEGIN
namespace checking {

namespace detail {

inline void mark(Array<uint64_t>& bits, int32_t slot) { bits[static_cast<uint32_t>(slot) / 64] |= uint64_t{1} << (slot % 64); }
inline void unmark(Array<uint64_t>& bits, int32_t slot) { bits[static_cast<uint32_t>(slot) / 64] &= ~(uint64_t{1} << (slot % 64)); }

}  // namespace detail

namespace detail {

template <class T>
T* take(T*& list) {
  T* first = list;
  if (first) list = first->next;
  return first;
}
template <class T>
void push(T*& list, T& item) {
  item.next = list;
  list = &item;
}
template <class T>
void destroy(const Allocator& allocator, T& item) {
  item.~T();
  allocator.release(allocator.self, &item, sizeof(T), alignof(T));
}
template <class T>
T* construct(const Allocator& allocator) {
  void* memory = allocator.allocate(allocator.self, sizeof(T), alignof(T));
  return memory ? ::new (memory) T(allocator) : nullptr;
}

}  // namespace detail

HALCYON_FUNC Window::~Window() {
  spares_ = UINT32_MAX;
  keep(take_trash());
  while (Node* node = detail::take(spare_.nodes)) detail::destroy(allocator_, *node);
  while (Holdings* holdings = detail::take(spare_.holdings)) detail::destroy(allocator_, *holdings);
}

HALCYON_FUNC bool Window::initialize(uint32_t size) { return slots_.resize(size); }

// ---- nodes --------------------------------------------------------------------------------------------------

HALCYON_FUNC Node* Window::create(uint64_t serial) {
  Node* node = detail::take(spare_.nodes);
  if (node)
    --spares_;
  else if (node = detail::construct<Node>(allocator_); !node)
    return nullptr;
  node->state.serial = serial;
  node->holdings = detail::take(spare_.holdings);
  if (node->holdings)
    --spares_;
  else
    node->holdings = detail::construct<Holdings>(allocator_);
  if (node->holdings && node->before.resize((slots_.size() + 63) / 64)) return node;
  discard(*node);
  return nullptr;
}

HALCYON_FUNC void Window::discard(Node& node) {
  if (node.state.counted)
    for (const Ref<CheckedBuffer>& buffer : node.holdings->buffers) buffer->end_use();
  node.state.counted = false;
  detail::push(trash_.nodes, node);  // with its holdings: a report may name them
}

HALCYON_FUNC void Window::release(Trash trash) {
  for (Holdings* holdings = trash.holdings; holdings; holdings = holdings->next) holdings->clear();
  for (Node* node = trash.nodes; node; node = node->next) {
    if (node->holdings) node->holdings->clear();
    node->clear();
  }
}

HALCYON_FUNC void Window::keep(Trash trash) {
  const auto move = [&](auto*& from, auto*& to) {
    while (auto* item = detail::take(from)) {
      if (spares_ >= slots_.size()) {
        detail::destroy(allocator_, *item);
        continue;
      }
      detail::push(to, *item);
      ++spares_;
    }
  };
  for (Node* node = trash.nodes; node; node = node->next)
    if (Holdings* holdings = std::exchange(node->holdings, nullptr)) detail::push(trash.holdings, *holdings);
  move(trash.holdings, spare_.holdings);
  move(trash.nodes, spare_.nodes);
}

HALCYON_FUNC Status Window::watch(Node& node, hal::Device& device) {
  node.state.pooled_watch = true;
  if (!watches_.empty()) {
    node.watch = std::move(watches_[watches_.size() - 1].semaphore);
    node.state.watch_value = watches_[watches_.size() - 1].value + 1;
    watches_.pop();
    return {};
  }
  HALCYON_ASSIGN(node.watch, device.create_semaphore(0));
  node.state.watch_value = 1;
  return {};
}

HALCYON_FUNC void Window::insert(Node& node) {
  Node* oldest = nullptr;
  for (uint32_t i = 0; i < slots_.size() && node.state.slot < 0; ++i) {
    Node* other = slots_[i];
    if (!other)
      node.state.slot = static_cast<int32_t>(i);
    else if (!oldest || other->state.done > oldest->state.done || (other->state.done == oldest->state.done && other->state.serial < oldest->state.serial))
      oldest = other;
  }
  if (node.state.slot < 0) {
    node.state.slot = oldest->state.slot;
    forget(*oldest);
    if (oldest->state.retired && !oldest->state.is_in) {
      discard(*oldest);
    } else {
      detail::push(detached_, *oldest);
    }
  }
  slots_[static_cast<uint32_t>(node.state.slot)] = &node;
  ++unknown_;
  node.state.entered = tick();
  for (const Ref<CheckedBuffer>& buffer : node.holdings->buffers) buffer->begin_use();
  node.state.counted = true;
}

// What waits for the node's signals from now on finds what its semaphores remember.
HALCYON_FUNC void Window::forget(Node& node) {
  bool settled = node.state.done || (node.state.known && !node.state.blind);
  for (Node* other : slots_) {
    if (!other || other == &node) continue;
    if (!node.state.done && node.state.known && test(node.before, *other) && !other->state.done) settled = false;
    detail::unmark(other->before, node.state.slot);
  }
  for (size_t i = 0; i < node.signals.size() && !node.state.failed; ++i) {
    const Point& point = node.signals[i];
    uint64_t& value = settled ? point.semaphore->settled_ : point.semaphore->lost_;
    value = std::max(value, point.value);
  }
  if (node.state.type == Node::Type::free && node.state.known && !node.state.retired) node.holdings->buffers[0]->freed_ = true;
  if (!node.state.known) --unknown_;
  slots_[static_cast<uint32_t>(node.state.slot)] = nullptr;
  node.state.slot = -1;
}

HALCYON_FUNC void Window::remove(Node& node) {
  if (node.state.slot >= 0) {
    forget(node);
  } else {
    Node** link = &detached_;
    while (*link != &node) link = &(*link)->next;
    *link = node.next;
  }
  discard(node);
}

// Takes back what never happened, and what was concluded from it.
HALCYON_FUNC void Window::withdraw(Node& node) {
  if (node.state.slot >= 0) {
    for (Node* other : slots_) {
      if (!other || other == &node || !other->state.known || other->state.done) continue;
      if (other->state.event != event_ && !test(other->before, node)) continue;
      other->state.known = false;
      ++unknown_;
    }
  }
  node.state.failed = true;
  remove(node);
}

// ---- what comes before what -----------------------------------------------------------------------------------

// Of the known nodes that could satisfy the wait, the one with the lowest signal: a timeline rises, so those that wait
// for as high a value themselves signal a higher one.
HALCYON_FUNC const Node* Window::find_sender(const CheckedSemaphore& semaphore, uint64_t value) const {
  const Node* best = nullptr;
  uint64_t lowest = UINT64_MAX;
  for (const Node* node : slots_) {
    if (!node || !node->state.known || node->state.failed) continue;
    for (const Point& point : node->signals) {
      if (point.semaphore.get() != &semaphore || point.value < value || (best && point.value >= lowest)) continue;
      best = node;
      lowest = point.value;
    }
  }
  return best;
}

HALCYON_FUNC bool Window::make_known(Node& node) {
  for (uint64_t& word : node.before) word = 0;
  node.state.blind = false;
  for (const Node* other : slots_)
    if (other && other->state.done) detail::mark(node.before, other->state.slot);
  for (const Point& wait : node.waits) {
    if (wait.semaphore->settled_ >= wait.value) continue;
    const Node* sender = find_sender(*wait.semaphore, wait.value);
    if (!sender && wait.semaphore->lost_ < wait.value) return false;
    if (!sender) {
      node.state.blind = true;
      continue;
    }
    node.state.blind = node.state.blind || sender->state.blind;
    detail::mark(node.before, sender->state.slot);
    for (size_t i = 0; i < node.before.size(); ++i) node.before[i] |= sender->before[i];
  }
  detail::unmark(node.before, node.state.slot);
  node.state.known = true;
  node.state.event = event_;
  --unknown_;
  return true;
}

// False: a conflict.
HALCYON_FUNC bool Window::resolve(Conflict& conflict) {
  for (bool changed = true; changed && unknown_ != 0;) {
    changed = false;
    for (Node* node : slots_) {
      if (!node || node->state.known || !make_known(*node)) continue;
      changed = true;
      if (find_conflict(*node, conflict)) return false;
    }
  }
  return true;
}

HALCYON_FUNC bool Window::judge(Node& node, Conflict& conflict) {
  ++event_;
  if (!make_known(node)) return true;
  if (!find_conflict(node, conflict) && resolve(conflict)) return true;
  withdraw(node);
  return false;
}

HALCYON_FUNC bool Window::judge(CheckedSemaphore& semaphore, uint64_t value, Conflict& conflict) {
  const uint64_t before = semaphore.settled_;
  if (value <= before) return true;
  ++event_;
  semaphore.settled_ = value;
  if (resolve(conflict)) return true;
  semaphore.settled_ = before;
  for (Node* node : slots_) {
    if (!node || !node->state.known || node->state.event != event_) continue;
    node->state.known = false;
    ++unknown_;
  }
  return false;
}

HALCYON_FUNC bool Window::find_conflict(const Node& node, Conflict& conflict) const {
  if (node.state.blind) return false;
  for (const Node* other : slots_)
    if (other && other != &node && !other->state.blind && !other->state.failed && compare(node, *other, conflict)) return true;
  return false;
}

// `node` is known, `other` may not be: then it may still come to be after `node`, and no longer before it.
HALCYON_FUNC bool Window::compare(const Node& node, const Node& other, Conflict& conflict) const {
  const bool after = test(node.before, other), before = other.state.known && test(other.before, node);
  const auto broken = [&](const Access& a, const Access& b, Conflict::Rule& rule) {
    using Kind = Access::Kind;
    if (a.kind == Kind::free || b.kind == Kind::allocate) {
      rule = a.kind == Kind::free ? Conflict::Rule::freed : Conflict::Rule::not_allocated;
      return !after;
    }
    if (b.kind == Kind::free || a.kind == Kind::allocate) {
      rule = b.kind == Kind::free ? Conflict::Rule::freed : Conflict::Rule::not_allocated;
      return other.state.known && !before;
    }
    rule = Conflict::Rule::race;
    return other.state.known && !before && !after && checking::conflict(a.kind, b.kind, strict_);
  };
  size_t start = 0;
  for (const Access& a : node.accesses) {
    while (start < other.accesses.size() && other.accesses[start].buffer < a.buffer) ++start;
    for (size_t i = start; i < other.accesses.size(); ++i) {
      const Access& b = other.accesses[i];
      if (b.buffer != a.buffer || b.begin >= a.end) break;
      Conflict::Rule rule{};
      if (!a.overlaps(b) || !broken(a, b, rule)) continue;
      const bool swapped = rule == Conflict::Rule::freed ? a.kind == Access::Kind::free : a.kind == Access::Kind::allocate;
      conflict = swapped ? Conflict{rule, &other, &node, b, a} : Conflict{rule, &node, &other, a, b};
      return true;
    }
  }
  return false;
}

// ---- what is over -----------------------------------------------------------------------------------------------

HALCYON_FUNC void Window::retire(Node& node, bool succeeded) {
  node.state.retired = true;
  node.state.failed = !succeeded;
  if (node.state.type == Node::Type::free) (succeeded ? node.holdings->buffers[0]->freed_ : node.holdings->buffers[0]->free_asked_) = succeeded;
  if (succeeded && node.watch && node.state.pooled_watch && watches_.reserve(watches_.size() + 1)) {
    Watch kept;
    kept.semaphore = std::move(node.watch);
    kept.value = node.state.watch_value;
    (void)watches_.push(std::move(kept));
  }
  // On an inline device its thread has run it, and what failed does nothing. Elsewhere the host has yet to see it.
  if (inline_ || !succeeded || node.state.slot < 0) set_done(node);
}

HALCYON_FUNC void Window::set_done(Node& node) {
  node.state.done = true;
  if (node.state.slot < 0 || node.state.known) return;
  node.state.known = node.state.blind = true;
  --unknown_;
}

HALCYON_FUNC void Window::let_go(Node& node) {
  Holdings* holdings = std::exchange(node.holdings, nullptr);
  for (const Ref<CheckedBuffer>& buffer : holdings->buffers) buffer->end_use();
  node.state.counted = false;
  detail::push(trash_.holdings, *holdings);
}

// True where it has retired.
HALCYON_FUNC bool Window::check_retired(Node& node) {
  if (node.state.retired) return true;
  if (!node.watch) return false;
  auto reached = node.watch->query();
  if (reached.ok() && *reached < node.state.watch_value) return false;
  retire(node, reached.ok());
  return true;
}

HALCYON_FUNC void Window::returned(Node& node, const Status& status) {
  node.state.is_in = false;
  node.state.returned = tick();
  if (!status.ok()) {
    if (node.state.type == Node::Type::free && !node.state.retired) node.holdings->buffers[0]->free_asked_ = false;
    withdraw(node);
    ++event_;
    Conflict judged_before;
    while (!resolve(judged_before)) {
    }
  } else if (!node.state.retired && !node.watch) {
    retire(node, true);
  }
}

HALCYON_FUNC void Window::sweep() {
  for (Node* node : slots_)
    if (node && check_retired(*node) && node->state.done && node->holdings) let_go(*node);
  for (Node* node = detached_; node;) {
    Node* next = node->next;
    if (check_retired(*node) && !node->state.is_in) remove(*node);
    node = next;
  }
  // A node that is over matters only to those that are not known yet.
  for (Node* node : slots_)
    if (unknown_ == 0 && node && node->state.done && node->state.retired && !node->state.is_in) remove(*node);
}

HALCYON_FUNC void Window::finish(const Node& node) {
  for (Node* other : slots_)
    if (other && (other == &node || test(node.before, *other))) set_done(*other);
}

HALCYON_FUNC void Window::observe(CheckedSemaphore& semaphore, uint64_t value) {
  if (value <= semaphore.settled_) return;
  if (const Node* sender = find_sender(semaphore, value))
    finish(*sender);
  else
    for (Node* node : slots_)
      if (node && (semaphore.lost_ >= value || node->state.retired)) set_done(*node);
  semaphore.settled_ = value;
}

// A failure says nothing of who sent it: what has retired by now counts as seen.
HALCYON_FUNC void Window::observe_failure() {
  for (Node* node : slots_)
    if (node && node->state.retired) set_done(*node);
}

HALCYON_FUNC Ref<hal::Semaphore> Window::find_finishing(uint64_t buffer, uint64_t before, uint64_t& value) const {
  const auto is_finishing = [&](const Node* node) {
    if (!node || node->state.retired || !node->watch || node->state.is_in || node->state.returned > before) return false;
    for (const Ref<CheckedBuffer>& used : node->holdings->buffers)
      if (used->id_ == buffer) return true;
    return false;
  };
  const Node* found = nullptr;
  for (const Node* node : slots_)
    if (is_finishing(node)) found = node;
  for (const Node* node = detached_; node; node = node->next)
    if (is_finishing(node)) found = node;
  if (!found) return nullptr;
  value = found->state.watch_value;
  return found->watch;
}

HALCYON_FUNC void Window::observe_idle(uint64_t buffer, uint64_t before) {
  for (Node* node : slots_) {
    if (!node || !node->holdings || node->state.entered > before) continue;
    bool uses = false;
    for (const Ref<CheckedBuffer>& used : node->holdings->buffers) uses = uses || used->id_ == buffer;
    if (!uses) continue;
    if (node->state.known) finish(*node);
    set_done(*node);
  }
}

HALCYON_FUNC bool Window::find_in_flight(const Access& access, Conflict& conflict) const {
  for (const Node* node : slots_) {
    if (!node || node->state.done || !node->state.known || node->state.blind) continue;
    for (const Access& other : node->accesses) {
      if (!access.overlaps(other) || !checking::conflict(access.kind, other.kind, strict_)) continue;
      conflict = {Conflict::Rule::race, nullptr, node, access, other};
      return true;
    }
  }
  return false;
}

HALCYON_FUNC bool Window::idle() const {
  for (const Node* node : slots_)
    if (node && !node->state.retired) return false;
  return !detached_;
}

HALCYON_FUNC void Window::clear() {
  for (Node* node : slots_)
    if (node) remove(*node);
  while (detached_) remove(*detached_);
  watches_.reset();
}

}  // namespace checking
HALCYON_NAMESPACE_END
