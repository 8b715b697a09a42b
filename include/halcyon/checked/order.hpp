// halcyon/checked/order.hpp -- the last submissions of a checked device: what each touches, and which come before it.
//
//   Node* node = window.create();  ...fill...  window.insert(*node);
//   Conflict conflict;
//   if (!window.judge(*node, conflict)) ...               // a race: the node is out again
//   window.returned(*node, inner.submit(...));
//   window.sweep();                                        // what has finished by now
//   window.observe(semaphore, value);                      // the host has seen it
//
// A node is *known* once everything that it waits for is: then the nodes before it are too, and never change. Of several
// signals that could satisfy a wait the lowest counts; whichever one takes, what is surely before the waiter is among
// what is before that signal's sender, so that an order is never denied where there is one. Nodes are compared when both
// are known. Where the window has forgotten a sender that was not known, who waits for it is *blind*: not judged.
// Threads: the caller locks; `trash` is emptied without the lock.
#pragma once
#include "halcyon/checked/access.hpp"
#include "halcyon/checked/buffer.hpp"
#include "halcyon/checked/commands.hpp"
#include "halcyon/checked/semaphore.hpp"

HALCYON_NAMESPACE_BEGIN
namespace checking {

struct Point {
  Ref<CheckedSemaphore> semaphore;
  uint64_t value = 0;
};

// What work keeps until it retires. Kept for the next work once it is empty.
struct Holdings {
  explicit Holdings(const Allocator& allocator) : buffers(allocator) {}
  void clear() {
    buffers.clear();
    commands = nullptr;
  }
  Holdings* next = nullptr;
  Array<Ref<CheckedBuffer>> buffers;
  Ref<CheckedCommands> commands;
};

// A submission, an asynchronous allocation or an asynchronous free. Its arrays are kept for the next one.
struct Node {
  enum class Type : uint8_t { submit, allocate, free };
  struct State {
    uint64_t serial = 0;         // names it in reports
    uint64_t watch_value = 0;
    uint64_t event = 0;          // the judgement that made it known
    int32_t slot = -1;           // in the window
    Type type = Type::submit;
    bool pooled_watch = false;
    bool known = false, blind = false;
    bool is_in = true;           // the device inside has not returned from taking it
    bool done = false;           // the host knows that it is over
    bool failed = false;         // it did nothing, and never will
    bool retired = false;
    bool counted = false;        // its buffers are in use by it
    uint64_t entered = 0, returned = 0;  // when it came in, and when is_in ended, on the window's clock
    char label[32] = "";         // of its list
  };
  explicit Node(const Allocator& allocator)
      : waits(allocator), signals(allocator), accesses(allocator), before(allocator), inner_waits(allocator),
        inner_signals(allocator), inner_bindings(allocator) {}
  void clear() {
    waits.clear();
    signals.clear();
    accesses.clear();
    watch = nullptr;
    state = {};
  }

  Node* next = nullptr;          // among those that left the window, or in the trash
  State state;
  Array<Point> waits, signals;
  Array<Access> accesses;        // sorted by place
  Array<uint64_t> before;        // a bit for each slot; of known nodes
  Holdings* holdings = nullptr;  // null: let go of
  Ref<hal::Semaphore> watch;     // of the device inside: at watch_value it has retired. Null: it does when it returns.
  // The same for the device inside; the first signal is for `watch`.
  Array<hal::Timepoint> inner_waits, inner_signals;
  Array<hal::Binding> inner_bindings;
};

struct Conflict {
  enum class Rule : uint8_t { race, not_allocated, freed };
  Rule rule = Rule::race;
  const Node* first = nullptr;  // the one at fault where the rule has one
  const Node* second = nullptr;
  Access a, b;                  // of first and second
};

class Window {
 public:
  Window(const Allocator& allocator, bool is_inline, bool strict)
      : allocator_(allocator), slots_(allocator), watches_(allocator), inline_(is_inline), strict_(strict) {}
  ~Window();
  [[nodiscard]] bool initialize(uint32_t size);

  Node* create(uint64_t serial);                   // null where memory has ended
  void discard(Node& node);                        // one that was not inserted
  Status watch(Node& node, hal::Device& device);   // gives it a semaphore of its own
  void insert(Node& node);
  // Finds out what is known now that `node` is there. False: a race; the node is withdrawn.
  bool judge(Node& node, Conflict& conflict);
  // The same for a signal of the host. False: a race, and the signal did not happen.
  bool judge(CheckedSemaphore& semaphore, uint64_t value, Conflict& conflict);
  void returned(Node& node, const Status& status);
  void sweep();
  void observe(CheckedSemaphore& semaphore, uint64_t value);
  void observe_failure();
  // The host has seen that the device inside no longer uses the buffer for what was there at `before`, a tick(). What
  // has yet to say so is to be waited for first: its watch, or null.
  uint64_t tick() { return ++clock_; }
  void observe_idle(uint64_t buffer, uint64_t before);
  Ref<hal::Semaphore> find_finishing(uint64_t buffer, uint64_t before, uint64_t& value) const;
  // Work that is known not to be over and touches these bytes.
  bool find_in_flight(const Access& access, Conflict& conflict) const;
  bool idle() const;
  void clear();

  struct Trash {
    Node* nodes = nullptr;
    Holdings* holdings = nullptr;
  };
  Trash take_trash() { return std::exchange(trash_, Trash()); }
  static void release(Trash trash);  // without the lock: what is let go of may call back
  void keep(Trash trash);            // with it, for the next work

 private:
  struct Watch {
    Ref<hal::Semaphore> semaphore;
    uint64_t value = 0;
  };

  bool test(const Array<uint64_t>& bits, const Node& node) const { return bits[static_cast<uint32_t>(node.state.slot) / 64] >> (node.state.slot % 64) & 1; }
  bool resolve(Conflict& conflict);
  bool make_known(Node& node);
  const Node* find_sender(const CheckedSemaphore& semaphore, uint64_t value) const;
  bool find_conflict(const Node& node, Conflict& conflict) const;
  bool compare(const Node& a, const Node& b, Conflict& conflict) const;
  void withdraw(Node& node);
  void forget(Node& node);            // leaves its slot
  void remove(Node& node);            // and its memory
  void retire(Node& node, bool succeeded);
  bool check_retired(Node& node);
  void let_go(Node& node);            // of what it holds
  void set_done(Node& node);
  void finish(const Node& node);      // done, and so is what is before it

  Allocator allocator_;
  Array<Node*> slots_;
  Array<Watch> watches_;   // not in use
  Node* detached_ = nullptr;  // left the window before they retired
  Trash trash_, spare_;
  uint32_t spares_ = 0;    // nodes and holdings in spare_
  uint64_t event_ = 0, clock_ = 0;
  uint32_t unknown_ = 0;   // nodes in slots that are not known
  bool inline_, strict_;
};

}  // namespace checking
HALCYON_NAMESPACE_END

#if defined(HALCYON_INLINE_BODIES)
#include "halcyon/checked/order.ipp"
#endif
