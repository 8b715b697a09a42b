// Copies, fills and updates: as commands of a list and as transfers of a submission.
#include "cts.hpp"

using namespace cts;

namespace {

Status submit(hal::Device& device, const Command& transfer, const std::vector<Binding>& bindings,
              const std::vector<uint64_t>& parameters = {}) {
  hal::Submission submission;
  submission.transfers = std::span<const Command>(&transfer, 1);
  submission.bindings = bindings;
  submission.parameters = parameters;
  return finish(device, submission);
}

// The same command, once as a transfer and once in a list.
Status submit_either(hal::Device& device, bool as_list, const Command& command, const std::vector<Binding>& bindings,
                     const std::vector<uint64_t>& parameters = {}) {
  if (!as_list) return submit(device, command, bindings, parameters);
  auto commands = list(device, {command}, static_cast<uint32_t>(bindings.size()), static_cast<uint32_t>(parameters.size()));
  hal::Submission submission;
  submission.commands = commands.get();
  submission.bindings = bindings;
  submission.parameters = parameters;
  return finish(device, submission);
}

}  // namespace

TEST_CASE("a copy moves bytes between parts of buffers", "[transfers]") {
  CTS_DEVICE(device);
  const bool as_list = GENERATE(false, true);
  auto source = buffer_of(*device, pattern(100));
  auto target = buffer_of(*device, std::vector<uint8_t>(50, 0));
  Transfer transfer;
  copy(transfer, range(0, 10, 33), range(1, 60, 33));

  need(submit_either(*device, as_list, transfer.command, {{.buffer = target.get()}, {.buffer = source.get()}}));

  const std::vector<uint8_t> got = bytes_of(*device, *target), all = pattern(100);
  REQUIRE(std::vector<uint8_t>(got.begin() + 10, got.begin() + 43) == std::vector<uint8_t>(all.begin() + 60, all.begin() + 93));
  REQUIRE((got[9] == 0 && got[43] == 0));
}

TEST_CASE("a copy inside one buffer works where its parts are apart", "[transfers]") {
  CTS_DEVICE(device);
  auto buffer = buffer_of(*device, pattern(100));
  Transfer transfer;
  copy(transfer, range(0, 50, 50), range(0, 0, 50));

  need(submit(*device, transfer.command, {{.buffer = buffer.get()}}));

  const std::vector<uint8_t> got = bytes_of(*device, *buffer);
  REQUIRE(std::vector<uint8_t>(got.begin() + 50, got.end()) == std::vector<uint8_t>(got.begin(), got.begin() + 50));
}

TEST_CASE("a copy that overlaps itself is refused", "[transfers]") {
  CTS_DEVICE(device);
  const bool as_list = GENERATE(false, true);
  auto buffer = buffer_of(*device, pattern(100));
  Transfer transfer;
  copy(transfer, range(0, 49, 50), range(1, 0, 50));

  const Status status = submit_either(*device, as_list, transfer.command, {{.buffer = buffer.get()}, {.buffer = buffer.get()}});

  REQUIRE(status.code() == Code::invalid_argument);
  REQUIRE(bytes_of(*device, *buffer) == pattern(100));
}

TEST_CASE("overlap is judged after the bindings' offsets", "[transfers]") {
  CTS_DEVICE(device);
  auto buffer = buffer_of(*device, pattern(100));
  Transfer transfer;
  copy(transfer, range(0, 0, 50), range(1, 0, 50));

  need(submit(*device, transfer.command, {{.buffer = buffer.get(), .offset = 50}, {.buffer = buffer.get(), .size = 50}}));

  const std::vector<uint8_t> got = bytes_of(*device, *buffer);
  REQUIRE(std::vector<uint8_t>(got.begin() + 50, got.end()) == std::vector<uint8_t>(got.begin(), got.begin() + 50));
}

TEST_CASE("a copy between different sizes is refused", "[transfers]") {
  CTS_DEVICE(device);
  auto a = mappable(*device, 100), b = mappable(*device, 99);
  Transfer transfer;
  copy(transfer, range(0), range(1));

  REQUIRE(submit(*device, transfer.command, {{.buffer = a.get()}, {.buffer = b.get()}}).code() == Code::invalid_argument);
}

TEST_CASE("an empty copy does nothing", "[transfers]") {
  CTS_DEVICE(device);
  auto a = mappable(*device, 0), b = mappable(*device, 0);
  Transfer transfer;
  copy(transfer, range(0), range(1));

  REQUIRE(submit(*device, transfer.command, {{.buffer = a.get()}, {.buffer = b.get()}}).ok());
}

TEST_CASE("a fill repeats its pattern, low bytes first", "[transfers]") {
  CTS_DEVICE(device);
  const uint8_t size = GENERATE(as<uint8_t>(), 1, 2, 4, 8);
  const bool as_list = GENERATE(false, true);
  auto buffer = buffer_of(*device, std::vector<uint8_t>(48, 0xee));
  Transfer transfer;
  fill(transfer, range(0, 8, 32), 0x0807060504030201u, size);

  need(submit_either(*device, as_list, transfer.command, {{.buffer = buffer.get()}}));

  std::vector<uint8_t> expected(48, 0xee);
  for (size_t i = 0; i < 32; ++i) expected[8 + i] = static_cast<uint8_t>(i % size + 1);
  REQUIRE(bytes_of(*device, *buffer) == expected);
}

TEST_CASE("a fill needs no aligned offset", "[transfers]") {
  CTS_DEVICE(device);
  auto buffer = buffer_of(*device, std::vector<uint8_t>(9, 0));
  Transfer transfer;
  fill(transfer, range(0, 1, 8), 0x04030201u, 4);

  need(submit(*device, transfer.command, {{.buffer = buffer.get()}}));

  REQUIRE(bytes_of(*device, *buffer) == std::vector<uint8_t>{0, 1, 2, 3, 4, 1, 2, 3, 4});
}

TEST_CASE("a fill whose range is no multiple of the pattern is refused", "[transfers]") {
  CTS_DEVICE(device);
  auto buffer = mappable(*device, 30);
  Transfer transfer;
  fill(transfer, range(0), 0, 4);

  REQUIRE(submit(*device, transfer.command, {{.buffer = buffer.get()}}).code() == Code::invalid_argument);
}

TEST_CASE("a pattern of a strange size is refused", "[transfers]") {
  CTS_DEVICE(device);
  const uint8_t size = GENERATE(as<uint8_t>(), 0, 3, 5, 16);
  auto buffer = mappable(*device, 240);
  Transfer transfer;
  fill(transfer, range(0), 0, size);

  REQUIRE(submit(*device, transfer.command, {{.buffer = buffer.get()}}).code() == Code::invalid_argument);
}

TEST_CASE("an update writes a literal or a parameter", "[transfers]") {
  CTS_DEVICE(device);
  const bool as_list = GENERATE(false, true);
  const Operand value = GENERATE(Operand::literal(0x44332211u), Operand::parameter(1));
  auto buffer = buffer_of(*device, std::vector<uint8_t>(12, 0));
  Transfer transfer;
  update(transfer, range(0, 4, 4), value, 4);

  need(submit_either(*device, as_list, transfer.command, {{.buffer = buffer.get()}}, {7, 0x44332211u}));

  REQUIRE(bytes_of(*device, *buffer) == std::vector<uint8_t>{0, 0, 0, 0, 0x11, 0x22, 0x33, 0x44, 0, 0, 0, 0});
}

TEST_CASE("an update whose range is not its value's size is refused", "[transfers]") {
  CTS_DEVICE(device);
  auto buffer = mappable(*device, 12);
  Transfer transfer;
  update(transfer, range(0, 0, 8), Operand::literal(1), 4);

  REQUIRE(submit(*device, transfer.command, {{.buffer = buffer.get()}}).code() == Code::invalid_argument);
}

TEST_CASE("offsets and sizes can be parameters", "[transfers]") {
  CTS_DEVICE(device);
  auto buffer = buffer_of(*device, std::vector<uint8_t>(16, 0));
  Transfer transfer;
  fill(transfer, {0, Operand::parameter(0), Operand::parameter(1)}, 9, 1);
  auto commands = list(*device, {transfer.command}, 1, 2);
  const Binding bindings[] = {{.buffer = buffer.get()}};
  const uint64_t first[] = {2, 3}, second[] = {10, 1};

  need(finish(*device, {.commands = commands.get(), .bindings = bindings, .parameters = first}));
  need(finish(*device, {.commands = commands.get(), .bindings = bindings, .parameters = second}));

  REQUIRE(bytes_of(*device, *buffer) == std::vector<uint8_t>{0, 0, 9, 9, 9, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0});
}

TEST_CASE("a range outside its binding is refused, whatever overflows", "[transfers]") {
  CTS_DEVICE(device);
  const bool as_list = GENERATE(false, true);
  const auto [offset, size] = GENERATE(table<uint64_t, uint64_t>({{0, 65},
                                                                 {64, 1},
                                                                 {65, 0},
                                                                 {UINT64_MAX, 2},
                                                                 {2, UINT64_MAX - 1},
                                                                 {UINT64_MAX, UINT64_MAX - 1},
                                                                 {UINT64_MAX - 1, 1}}));
  auto buffer = mappable(*device, 64);
  Transfer transfer;
  fill(transfer, {0, Operand::parameter(0), Operand::parameter(1)}, 0, 1);

  const Status status = submit_either(*device, as_list, transfer.command, {{.buffer = buffer.get()}}, {offset, size});

  REQUIRE(status.code() == Code::invalid_argument);
  REQUIRE(status.where().kind == Kind::command);
  REQUIRE(status.where().object == 0);
}

TEST_CASE("a parameter of all ones is a size and not 'to the end'", "[transfers]") {
  CTS_DEVICE(device);
  auto buffer = mappable(*device, 64);
  Transfer transfer;
  fill(transfer, {0, Operand::literal(0), Operand::parameter(0)}, 0, 1);

  REQUIRE(submit(*device, transfer.command, {{.buffer = buffer.get()}}, {UINT64_MAX}).code() == Code::invalid_argument);
}

TEST_CASE("a binding outside its buffer is refused", "[transfers]") {
  CTS_DEVICE(device);
  const auto [offset, size] = GENERATE(table<uint64_t, uint64_t>(
      {{65, 0}, {65, UINT64_MAX}, {0, 65}, {64, 1}, {UINT64_MAX, 1}, {1, UINT64_MAX - 1}}));
  auto buffer = mappable(*device, 64);
  Transfer transfer;
  fill(transfer, range(0, 0, 0), 0, 1);

  const Status status = submit(*device, transfer.command, {{.buffer = buffer.get(), .offset = offset, .size = size}});

  REQUIRE(status.code() == Code::invalid_argument);
}

TEST_CASE("an empty binding slot is refused", "[transfers]") {
  CTS_DEVICE(device);
  Transfer transfer;
  fill(transfer, range(0, 0, 0), 0, 1);

  REQUIRE(submit(*device, transfer.command, {{}}).code() == Code::invalid_argument);
}

TEST_CASE("an error names the command that caused it, and nothing has run", "[transfers]") {
  CTS_DEVICE(device);
  auto buffer = buffer_of(*device, std::vector<uint8_t>(8, 5));
  Transfer good, bad;
  fill(good, range(0), 0, 1);
  fill(bad, range(0, 9, 0), 0, 1);
  auto commands = list(*device, {good.command, Command{}, bad.command}, 1);
  const Binding bindings[] = {{.buffer = buffer.get()}};

  const Status status = finish(*device, {.commands = commands.get(), .bindings = bindings});

  REQUIRE(status.code() == Code::invalid_argument);
  REQUIRE(status.where().kind == Kind::command);
  REQUIRE(status.where().object == 2);
  REQUIRE(bytes_of(*device, *buffer) == std::vector<uint8_t>(8, 5));
}

TEST_CASE("a list with an unknown slot is refused when it is created", "[transfers][commands]") {
  CTS_DEVICE(device);
  const Range bad = GENERATE(cts::range(1), Range{0, Operand::parameter(2), Operand::literal(0)},
                             Range{0, Operand::literal(0), Operand::parameter(UINT64_MAX)});
  Transfer transfer;
  fill(transfer, bad, 0, 1);

  const auto commands = device->create_commands({.commands = {&transfer.command, 1}, .bindings = 1, .parameters = 2});

  REQUIRE(code(commands) == Code::invalid_argument);
  REQUIRE(commands.status().where().kind == Kind::command);
}

TEST_CASE("a command of an unknown type is refused when it is created", "[commands]") {
  CTS_DEVICE(device);
  Command command;
  command.type = static_cast<Command::Type>(17);

  REQUIRE(code(device->create_commands({.commands = {&command, 1}})) == Code::invalid_argument);
}

TEST_CASE("a list copies what it was made from", "[commands]") {
  CTS_DEVICE(device);
  auto buffer = buffer_of(*device, std::vector<uint8_t>(8, 5));
  Transfer transfer;
  fill(transfer, range(0), 3, 1);
  auto commands = list(*device, {transfer.command}, 1);
  transfer.ranges[0] = range(77, 99, 12);
  const Binding bindings[] = {{.buffer = buffer.get()}};

  need(finish(*device, {.commands = commands.get(), .bindings = bindings}));

  REQUIRE(bytes_of(*device, *buffer) == std::vector<uint8_t>(8, 3));
}

TEST_CASE("a submission brings at least as many bindings and parameters as the list has slots", "[commands]") {
  CTS_DEVICE(device);
  auto buffer = mappable(*device, 8);
  auto commands = list(*device, {}, 1, 1);
  const Binding bindings[] = {{.buffer = buffer.get()}};
  const uint64_t parameters[] = {0};

  REQUIRE(finish(*device, {.commands = commands.get(), .parameters = parameters}).code() == Code::invalid_argument);
  REQUIRE(finish(*device, {.commands = commands.get(), .bindings = bindings}).code() == Code::invalid_argument);
  REQUIRE(finish(*device, {.commands = commands.get(), .bindings = bindings, .parameters = parameters}).ok());
}

TEST_CASE("transfers run before the list, in order", "[transfers][commands]") {
  CTS_DEVICE(device);
  auto buffer = buffer_of(*device, std::vector<uint8_t>(4, 0));
  Transfer first, second, last;
  fill(first, range(0, 0, 3), 1, 1);
  fill(second, range(0, 0, 2), 2, 1);
  fill(last, range(0, 0, 1), 3, 1);
  auto commands = list(*device, {last.command}, 1);
  const Command transfers[] = {first.command, second.command};
  const Binding bindings[] = {{.buffer = buffer.get()}};

  need(finish(*device, {.commands = commands.get(), .transfers = transfers, .bindings = bindings}));

  REQUIRE(bytes_of(*device, *buffer) == std::vector<uint8_t>{3, 2, 1, 0});
}

TEST_CASE("an empty submission is legal and counted", "[commands][stats]") {
  CTS_DEVICE(device);

  need(finish(*device, {}));

  REQUIRE(device->stats().submissions == 1);
  REQUIRE(device->stats().dispatches == 0);
}

TEST_CASE("a submission to another ordinal is refused", "[commands]") {
  CTS_DEVICE(device);
  hal::Submission submission;
  submission.device_ordinal = 1;

  REQUIRE(finish(*device, submission).code() == Code::invalid_argument);
}

TEST_CASE("a list may have more slots than fit on a stack", "[commands]") {
  CTS_DEVICE(device);
  auto buffer = buffer_of(*device, std::vector<uint8_t>(500, 0));
  std::vector<Transfer> fills(500);
  std::vector<Command> commands;
  std::vector<Binding> bindings;
  for (uint32_t i = 0; i < 500; ++i) {
    fill(fills[i], range(i, 0, 1), i % 251, 1);
    commands.push_back(fills[i].command);
    bindings.push_back({.buffer = buffer.get(), .offset = i, .size = 1});
  }
  auto all = list(*device, commands, 500);

  need(finish(*device, {.commands = all.get(), .bindings = bindings}));

  REQUIRE(bytes_of(*device, *buffer)[499] == 499 % 251);
}
