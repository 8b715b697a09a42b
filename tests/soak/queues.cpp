// Actions with the device itself: memory now and later, submissions that wait for each other, what fails.
#include <algorithm>
#include <cstring>
#include <numeric>

#include "soak.hpp"

namespace soak {

namespace {

const Status lost(Code::device_lost, "a semaphore failed on purpose");

hal::Range whole(uint32_t slot) { return {slot, hal::Operand::literal(0), hal::Operand::literal(UINT64_MAX)}; }

// Copies slot 1 to slot 0, or fills slot 0.
struct Transfer {
  explicit Transfer(hal::Command::Type type, uint64_t pattern = 0) : ranges{whole(0), whole(1)} {
    command.type = type;
    command.ranges = std::span<const hal::Range>(ranges, type == hal::Command::Type::copy ? 2 : 1);
    command.pattern = pattern;
    command.pattern_size = 4;
  }
  Transfer(const Transfer&) = delete;
  std::span<const hal::Command> span() const { return {&command, 1}; }
  hal::Range ranges[2];
  hal::Command command;
};

std::span<const std::byte> bytes_of(const std::vector<uint32_t>& values) { return std::as_bytes(std::span(values)); }

}  // namespace

bool Worker::set(Machine& machine, hal::Buffer& buffer, const std::vector<uint32_t>& values) {
  return check(hal::write(*machine.device, buffer, 0, bytes_of(values)), "write");
}
bool Worker::holds(Machine& machine, hal::Buffer& buffer, const std::vector<uint32_t>& values, const char* what) {
  std::vector<uint32_t> read(values.size());
  return check(hal::read(*machine.device, buffer, 0, std::as_writable_bytes(std::span(read))), "read") && check(read == values, what);
}

bool Worker::use_memory(Machine& machine) {
  static constexpr uint64_t alignments[] = {0, 1, 64, 256, 4096};
  hal::BufferDesc desc{.size = 4 * (once_in(20) ? 300'000 : below(5000)), .label = "soak"};
  desc.alignment = alignments[below(std::size(alignments))];
  if (once_in(3)) desc.map = hal::Map::read_write;
  if (once_in(3)) desc.memory = hal::Memory::host;
  Ref<hal::Buffer> buffer;
  if (!take(machine.device->allocate(desc), buffer, "allocate")) return false;
  std::vector<uint32_t> values = numbers(desc.size / 4);
  if (!set(machine, *buffer, values)) return false;
  if (values.size() > 10) {  // a part of it
    const uint64_t at = below(values.size() - 8);
    const std::vector<uint32_t> part = numbers(8);
    if (!check(hal::write(*machine.device, *buffer, at * 4, bytes_of(part)), "write a part")) return false;
    std::copy(part.begin(), part.end(), values.begin() + static_cast<ptrdiff_t>(at));
  }
  if (!holds(machine, *buffer, values, "a buffer's bytes")) return false;
  if (!buffer->mappable()) return check(buffer->map(hal::Access::read).status(), Code::failed_precondition, "a map of what does not map");
  std::span<std::byte> view;
  if (!take(buffer->map(hal::Access::read), view, "map")) return false;
  const bool same = values.empty() || std::memcmp(view.data(), values.data(), view.size()) == 0;
  buffer->unmap();
  return check(same, "a map's bytes");
}

// Allocated, filled, copied out and freed in the queue's order, begun by another thread or failed.
bool Worker::use_memory_later(Machine& machine) {
  hal::Device& device = *machine.device;
  Ref<hal::Semaphore> go, order;
  if (!take(device.create_semaphore(0), go, "create_semaphore") || !take(device.create_semaphore(0), order, "create_semaphore")) return false;
  const uint64_t size = 4 * (1 + below(4000));
  const uint32_t pattern = static_cast<uint32_t>(random_());
  const hal::Timepoint begin{go.get(), 1}, at[] = {{order.get(), 1}, {order.get(), 2}, {order.get(), 3}, {order.get(), 4}};
  Ref<hal::Buffer> buffer, out;
  if (!take(device.allocate({.size = size, .map = hal::Map::read}), out, "allocate")) return false;
  if (!take(device.allocate_async({.size = size, .label = "later"}, {&begin, 1}, at[0]), buffer, "allocate_async")) return false;

  const Transfer fill(hal::Command::Type::fill, pattern), copy(hal::Command::Type::copy);
  const hal::Binding filled[] = {{buffer.get()}}, copied[] = {{out.get()}, {buffer.get()}};
  hal::Submission first, second;
  first.waits = {&at[0], 1};
  first.signals = {&at[1], 1};
  first.transfers = fill.span();
  first.bindings = filled;
  second.waits = {&at[1], 1};
  second.signals = {&at[2], 1};
  second.transfers = copy.span();
  second.bindings = copied;
  if (!check(device.submit(first), "submit a fill") || !check(device.submit(second), "submit a copy")) return false;
  if (!check(device.free_async(*buffer, {&at[2], 1}, at[3]), "free_async")) return false;
  buffer = nullptr;  // the queue keeps it

  const Code code = let_go(go);
  if (!check(patiently(device, {&at[3], 1}), code, "the end of a queue")) return false;
  return code != Code::ok || holds(machine, *out, std::vector<uint32_t>(size / 4, pattern), "what was copied out");
}

// Submissions in any order; each waits for some of those before it and scales what one of them wrote.
bool Worker::run_graph(Machine& machine) {
  hal::Device& device = *machine.device;
  const size_t nodes = 2 + below(9);
  const std::vector<uint32_t> first = numbers(1 + below(100));
  const uint64_t size = first.size() * 4;
  std::vector<Ref<hal::Semaphore>> done(nodes);
  std::vector<Ref<hal::Buffer>> buffers(nodes);
  std::vector<size_t> source(nodes);
  std::vector<std::vector<hal::Timepoint>> waits(nodes);
  std::vector<std::vector<uint32_t>> expected(nodes);
  for (size_t i = 0; i < nodes; ++i)
    if (!take(device.create_semaphore(0), done[i], "create_semaphore") || !take(device.allocate({.size = size}), buffers[i], "allocate")) return false;
  if (!set(machine, *buffers[0], first)) return false;
  expected[0] = first;
  for (size_t i = 1; i < nodes; ++i) {
    source[i] = below(i);
    for (size_t before = 0; before < i; ++before)
      if (before == source[i] || once_in(3)) waits[i].push_back({done[before].get(), 1});
    for (const uint32_t value : expected[source[i]]) expected[i].push_back(scaled(value, i + 1, i));
  }
  std::vector<size_t> order(nodes - 1);
  std::iota(order.begin(), order.end(), size_t{1});
  std::shuffle(order.begin(), order.end(), random_);
  for (const size_t i : order) {
    const hal::Binding bindings[] = {{buffers[source[i]].get()}, {buffers[i].get()}};
    const uint64_t parameters[] = {size, first.size(), i + 1, i};
    const hal::Timepoint signal{done[i].get(), 1};
    hal::Submission submission;
    submission.waits = waits[i];
    submission.signals = {&signal, 1};
    submission.commands = machine.scale.get();
    submission.bindings = bindings;
    submission.parameters = parameters;
    if (!check(device.submit(submission), "submit a node")) return false;
  }
  const Code code = let_go(done[0]);
  std::vector<hal::Timepoint> all;
  for (const auto& semaphore : done) all.push_back({semaphore.get(), 1});
  if (!check(patiently(device, all), code, "the whole graph")) return false;
  if (code != Code::ok) {  // everything hangs on the first node: each fails with its status
    for (size_t i = 1; i < nodes; ++i)
      if (!check(patiently(device, {&all[i], 1}), code, "a node of a graph that failed")) return false;
    return true;
  }
  for (size_t i = 1; i < nodes; ++i)
    if (!holds(machine, *buffers[i], expected[i], "a node's values")) return false;
  return true;
}

// Fan-out and fan-in: many that wait for one, and one that waits for all.
bool Worker::tally_together(Machine& machine) {
  hal::Device& device = *machine.device;
  const size_t count = 1 + below(12);
  Ref<hal::Semaphore> go, end;
  Ref<hal::Buffer> cell, copy;
  if (!take(device.create_semaphore(0), go, "create_semaphore") || !take(device.create_semaphore(0), end, "create_semaphore")) return false;
  if (!take(device.allocate({.size = 8}), cell, "allocate") || !take(device.allocate({.size = 8}), copy, "allocate")) return false;
  if (!set(machine, *cell, {0, 0})) return false;
  std::vector<Ref<hal::Semaphore>> each(count);
  std::vector<hal::Timepoint> all;
  const hal::Timepoint begin{go.get(), 1}, last{end.get(), 1};
  const hal::Binding bindings[] = {{cell.get()}}, copied[] = {{copy.get()}, {cell.get()}};
  for (size_t i = 0; i < count; ++i) {
    if (!take(device.create_semaphore(0), each[i], "create_semaphore")) return false;
    all.push_back({each[i].get(), 1});
    hal::Submission submission;
    submission.waits = {&begin, 1};
    submission.signals = {&all[i], 1};
    submission.commands = machine.tally.get();
    submission.bindings = bindings;
    if (!check(device.submit(submission), "submit a tally")) return false;
  }
  const Transfer out(hal::Command::Type::copy);
  hal::Submission submission;
  submission.waits = all;
  submission.signals = {&last, 1};
  submission.transfers = out.span();
  submission.bindings = copied;
  if (!check(device.submit(submission), "submit the sum")) return false;
  const Code code = let_go(go);
  if (!check(patiently(device, all, hal::Wait::any), code, "any of them")) return false;
  if (!check(patiently(device, {&last, 1}), code, "the one after all")) return false;
  return code != Code::ok || holds(machine, *copy, {static_cast<uint32_t>(count), 0}, "how many there were");
}

// Where it is submitted, or where it was waiting: what depends on it fails with its status.
bool Worker::fail_a_kernel(Machine& machine) {
  hal::Device& device = *machine.device;
  Ref<hal::Semaphore> go, failed, after;
  if (!take(device.create_semaphore(0), go, "create_semaphore") || !take(device.create_semaphore(0), failed, "create_semaphore") ||
      !take(device.create_semaphore(0), after, "create_semaphore"))
    return false;
  const hal::Timepoint begin{go.get(), 1}, middle{failed.get(), 1}, end{after.get(), 1};
  hal::Submission broken, dependent;
  broken.commands = machine.fail.get();
  broken.signals = {&middle, 1};
  dependent.waits = {&middle, 1};
  dependent.signals = {&end, 1};
  const bool waits = once_in(2), fails_at_once = !waits && device.caps().inline_execution;
  if (waits) broken.waits = {&begin, 1};
  const Status submitted = device.submit(broken), followed = device.submit(dependent);
  const Code code = fails_at_once ? Code::failed_precondition : Code::ok;
  if (!check(submitted, code, "submit what fails") || !check(followed, code, "submit what depends on it")) return false;
  if (fails_at_once && !check(submitted.native() == 7, "a kernel's number")) return false;
  if (waits) let_go(go, false);
  const Status status = patiently(device, {&end, 1});
  return check(status, Code::failed_precondition, "what depends on a failure") && check(status.native() == 7, "a failure's number");
}

bool Worker::fail_a_semaphore(Machine& machine) {
  hal::Device& device = *machine.device;
  Ref<hal::Semaphore> semaphore, other;
  if (!take(device.create_semaphore(3), semaphore, "create_semaphore") || !take(device.create_semaphore(1), other, "create_semaphore")) return false;
  if (!check(semaphore->signal(3), Code::invalid_argument, "a signal that does not rise")) return false;
  semaphore->fail(lost);
  semaphore->fail(Status(Code::internal, "too late"));
  const hal::Timepoint both[] = {{semaphore.get(), 4}, {other.get(), 1}};
  return check(semaphore->query().status(), Code::device_lost, "a failed semaphore") && check(semaphore->signal(9), Code::device_lost, "a signal of a failed semaphore") &&
         check(device.wait(both, hal::Wait::all, UINT64_MAX), Code::device_lost, "a wait for a failed semaphore") &&
         check(device.wait(both, hal::Wait::any, UINT64_MAX), "a wait for the other one");
}

bool Worker::wait_in_vain(Machine& machine) {
  hal::Device& device = *machine.device;
  Ref<hal::Semaphore> never, reached;
  if (!take(device.create_semaphore(0), never, "create_semaphore") || !take(device.create_semaphore(5), reached, "create_semaphore")) return false;
  const hal::Timepoint both[] = {{never.get(), 1}, {reached.get(), 5}};
  return check(device.wait(both, hal::Wait::all, 0), Code::timeout, "a poll") && check(device.wait(both, hal::Wait::all, below(200'000)), Code::timeout, "a wait in vain") &&
         check(device.wait(both, hal::Wait::any, UINT64_MAX), "a wait for any");
}

// What is refused changes nothing, and signals nothing.
bool Worker::submit_wrongly(Machine& machine) {
  hal::Device& device = *machine.device;
  Ref<hal::Semaphore> signal;
  Ref<hal::Buffer> buffer;
  if (!take(device.create_semaphore(0), signal, "create_semaphore") || !take(device.allocate({.size = 64}), buffer, "allocate")) return false;
  const std::vector<uint32_t> values = numbers(16);
  if (!set(machine, *buffer, values)) return false;
  const hal::Timepoint end{signal.get(), 1};
  Transfer fill(hal::Command::Type::fill, 1);
  fill.ranges[0].size = hal::Operand::literal(68);
  const hal::Binding bindings[] = {{buffer.get()}};
  hal::Submission submission;
  submission.signals = {&end, 1};
  submission.transfers = fill.span();
  submission.bindings = bindings;
  if (!check(device.submit(submission), Code::invalid_argument, "a range that leaves its buffer")) return false;
  submission.transfers = {};
  submission.commands = machine.scale.get();
  if (!check(device.submit(submission), Code::invalid_argument, "too few bindings")) return false;
  uint64_t value = 1;
  if (!take(signal->query(), value, "query") || !check(value == 0, "a refused submission's signal")) return false;
  return holds(machine, *buffer, values, "a buffer after refused submissions") &&
         check(device.allocate({.size = 1, .alignment = 3}).status(), Code::invalid_argument, "an alignment that is no power of two");
}

bool Worker::trim(Machine& machine) {
  machine.device->trim();
  return true;
}

}  // namespace soak
