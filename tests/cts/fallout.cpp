// What went wrong elsewhere when results became device-local: stale copies on the host, deep copies of what does not map,
// an upload that raced a dispatch, exports of what the host may not touch, flags that said "maps" and were wrong.
#include "cts.hpp"
#include "halcyon/tensor.hpp"

using namespace cts;

namespace {

const std::vector<float> ones(16, 1.0f), twos(16, 2.0f);

std::vector<float> values(const Tensor& tensor) {
  std::vector<float> got(16);
  need(tensor.read(got));
  return got;
}

// c = a + b, four floats a workgroup, once `waits` are reached.
Status submit_add(hal::Device& device, hal::Executable& executable, const Tensor& a, const Tensor& b, const Tensor& c,
                  std::vector<Timepoint> waits = {}, std::vector<Timepoint> signals = {}) {
  Dispatch one{{range(0), range(1), range(2)}, {}, {}};
  dispatch(one, executable, Kernel::add, Operand::literal(16));
  auto commands = list(device, {one.command}, 3);
  const Binding bindings[] = {{.buffer = a.buffer().get()}, {.buffer = b.buffer().get()}, {.buffer = c.buffer().get()}};
  return device.submit({.waits = waits, .signals = signals, .commands = commands.get(), .bindings = bindings});
}

}  // namespace

TEST_CASE("a tensor that was read is not stale after the device wrote it again", "[fallout][stale]") {
  CTS_DEVICE(device);
  const Tensor tensor = need(Tensor::stage(*device, {16}, ones));
  const std::vector<float> first = values(tensor);

  need(hal::fill(*device, *tensor.buffer(), 0, 64, 0x40000000u, 4));

  REQUIRE(first == ones);
  REQUIRE(values(tensor) == twos);
}

TEST_CASE("a tensor that was viewed is not stale in the next view", "[fallout][stale]") {
  CTS_DEVICE(device);
  const Tensor tensor = need(Tensor::allocate(*device, {16}, ElementType::f32, {.map = hal::Map::read_write}));
  need(tensor.write(ones));
  const float before = need(tensor.map(hal::Access::read)).as<float>()[3];

  need(hal::fill(*device, *tensor.buffer(), 0, 64, 0x40000000u, 4));
  const float after = need(tensor.map(hal::Access::read)).as<float>()[3];

  REQUIRE(before == 1.0f);
  REQUIRE(after == 2.0f);
}

TEST_CASE("a readback is of its time, and stays so", "[fallout][stale]") {
  CTS_DEVICE(device);
  const Tensor tensor = need(Tensor::stage(*device, {16}, ones));
  auto readback = need(tensor.read_async({}, {}));

  need(tensor.write(twos));

  std::vector<float> got(16);
  need(readback.finish(std::as_writable_bytes(std::span(got))));
  REQUIRE(got == ones);
  REQUIRE(values(tensor) == twos);
}

TEST_CASE("a copied tensor shares its bytes; copy_from makes bytes of its own", "[fallout][deep_copy]") {
  CTS_DEVICE(device);
  const Tensor tensor = need(Tensor::stage(*device, {16}, ones));
  const Tensor shared = tensor;
  const Tensor deep = need(Tensor::allocate(*device, {16}, ElementType::f32));
  need(deep.copy_from(tensor));

  need(tensor.write(twos));

  REQUIRE(values(shared) == twos);
  REQUIRE(values(deep) == ones);
}

TEST_CASE("a deep copy stays on the device", "[fallout][deep_copy][stats]") {
  CTS_DEVICE(device);
  const Tensor tensor = need(Tensor::stage(*device, {16}, ones)), deep = need(Tensor::allocate(*device, {16}, ElementType::f32));
  const hal::Stats before = device->stats();

  need(deep.copy_from(tensor));

  REQUIRE(device->stats().host_to_device_copies == before.host_to_device_copies);
  REQUIRE(device->stats().device_to_host_copies == before.device_to_host_copies);
}

TEST_CASE("a deep copy waits for the work that makes its source", "[fallout][deep_copy][threads]") {
  CTS_DEVICE(device);
  const Tensor tensor = need(Tensor::stage(*device, {16}, twos)), deep = need(Tensor::allocate(*device, {16}, ElementType::f32));
  auto begin = need(device->create_semaphore(0));
  need(submit_fill(*device, *tensor.buffer(), 0, {{begin.get(), 1}}, {}));
  Signaller other;
  other.start(*begin, 1);

  need(deep.copy_from(tensor));

  REQUIRE(values(deep) == std::vector<float>(16, 0.0f));
}

TEST_CASE("a deep copy is between tensors of one type and shape", "[fallout][deep_copy]") {
  CTS_DEVICE(device);
  const Tensor tensor = need(Tensor::stage(*device, {16}, ones));
  const Tensor other_type = need(Tensor::allocate(*device, {16}, ElementType::i32)), other_rank = need(Tensor::allocate(*device, {4, 4}, ElementType::f32)),
               other_size = need(Tensor::allocate(*device, {15}, ElementType::f32));

  CHECK(other_type.copy_from(tensor).code() == Code::invalid_argument);
  CHECK(other_rank.copy_from(tensor).code() == Code::invalid_argument);
  CHECK(other_size.copy_from(tensor).where().expected == 15);
  CHECK(Tensor().copy_from(tensor).code() == Code::failed_precondition);
  CHECK(tensor.copy_from(Tensor()).code() == Code::failed_precondition);
}

TEST_CASE("a queued deep copy has its place in the order", "[fallout][deep_copy]") {
  CTS_DEVICE(device);
  const Tensor tensor = need(Tensor::stage(*device, {16}, ones)), deep = need(Tensor::allocate(*device, {16}, ElementType::f32));
  auto line = need(device->create_semaphore(0));
  const Timepoint one[] = {{line.get(), 1}}, two[] = {{line.get(), 2}}, three[] = {{line.get(), 3}};
  need(tensor.write_async(std::as_bytes(std::span(twos)), two, three));
  need(deep.copy_from_async(tensor, one, two));

  need(line->signal(1));
  need(device->wait(three, hal::Wait::all, second_ns));

  REQUIRE(values(deep) == ones);
  REQUIRE(values(tensor) == twos);
}

TEST_CASE("an upload does not race the dispatch that reads its buffer", "[fallout][race][threads]") {
  CTS_DEVICE(device);
  auto executable = kernels(*device);
  CTS_NEEDS(backend, backend.runs_kernels, "runs no kernels");
  const Tensor x = need(Tensor::stage(*device, {16}, ones)), y = need(Tensor::stage(*device, {16}, ones)),
               sum = need(Tensor::allocate(*device, {16}, ElementType::f32));
  auto begin = need(device->create_semaphore(0)), end = need(device->create_semaphore(0));
  need(submit_add(*device, *executable, x, y, sum, {{begin.get(), 1}}, {{end.get(), 1}}));
  Signaller other;
  other.start(*begin, 1);

  need(x.write(std::vector<float>(16, 50.0f)));

  REQUIRE(values(sum) == twos);
  REQUIRE(values(x) == std::vector<float>(16, 50.0f));
}

TEST_CASE("a read of a dispatch's result waits for the dispatch", "[fallout][race][threads]") {
  CTS_DEVICE(device);
  auto executable = kernels(*device);
  CTS_NEEDS(backend, backend.runs_kernels, "runs no kernels");
  const Tensor x = need(Tensor::stage(*device, {16}, ones)), sum = need(Tensor::stage(*device, {16}, ones));
  auto begin = need(device->create_semaphore(0));
  need(submit_add(*device, *executable, x, x, sum, {{begin.get(), 1}}));
  Signaller other;
  other.start(*begin, 1);

  REQUIRE(values(sum) == twos);
}

TEST_CASE("uploads and dispatches alternate in the order of one timeline", "[fallout][race]") {
  CTS_DEVICE(device);
  auto executable = kernels(*device);
  CTS_NEEDS(backend, backend.runs_kernels, "runs no kernels");
  const Tensor x = need(Tensor::allocate(*device, {16}, ElementType::f32)), sum = need(Tensor::stage(*device, {16}, std::vector<float>(16, 0.0f)));
  auto line = need(device->create_semaphore(0));
  uint64_t at = 1;
  for (int i = 0; i < 20; ++i, at += 2) {
    const std::vector<float> next(16, static_cast<float>(i));
    const Timepoint before[] = {{line.get(), at}}, uploaded[] = {{line.get(), at + 1}};
    need(x.write_async(std::as_bytes(std::span(next)), before, uploaded));
    need(submit_add(*device, *executable, x, sum, sum, {uploaded[0]}, {{line.get(), at + 2}}));
  }

  need(line->signal(1));

  REQUIRE(wait(*device, {{line.get(), at}}, hal::Wait::all, second_ns) == Code::ok);
  REQUIRE(values(sum) == std::vector<float>(16, 190.0f));
}

TEST_CASE("an argument may lie in any memory that the device sees", "[fallout][placement]") {
  CTS_DEVICE(device);
  auto executable = kernels(*device);
  CTS_NEEDS(backend, backend.runs_kernels, "runs no kernels");
  const hal::BufferDesc desc =
      GENERATE(hal::BufferDesc{}, hal::BufferDesc{.memory = hal::Memory::host}, hal::BufferDesc{.map = hal::Map::write},
               hal::BufferDesc{.memory = hal::Memory::host, .map = hal::Map::read_write}, hal::BufferDesc{.alignment = 4096});
  const Tensor x = need(Tensor::allocate(*device, {16}, ElementType::f32, desc)), sum = need(Tensor::allocate(*device, {16}, ElementType::f32));
  need(x.write(ones));

  need(submit_add(*device, *executable, x, x, sum));

  REQUIRE(values(sum) == twos);
  REQUIRE(sum.buffer()->memory() == hal::Memory::device);
}

TEST_CASE("an argument may be imported, at the alignment of its elements", "[fallout][placement][import]") {
  CTS_DEVICE(device);
  auto executable = kernels(*device);
  CTS_NEEDS(backend, backend.runs_kernels && device->caps().import_host, "runs no kernels, or imports no host memory");
  std::vector<float> own(17, 1.0f);
  const Tensor x = need(Tensor::import(*device, {16}, ElementType::f32, std::as_writable_bytes(std::span(own).subspan(1)))),
               sum = need(Tensor::allocate(*device, {16}, ElementType::f32));

  need(submit_add(*device, *executable, x, x, sum));

  REQUIRE(values(sum) == twos);
}

TEST_CASE("mappable() is what map does, for every kind of memory", "[fallout][flags]") {
  CTS_DEVICE(device);
  const auto memory = GENERATE(hal::Memory::device, hal::Memory::host);
  const auto asked = GENERATE(hal::Map::none, hal::Map::read, hal::Map::write, hal::Map::read_write);
  auto buffer = need(device->allocate({.size = 64, .memory = memory, .map = asked}));

  const bool reads = asked == hal::Map::read || asked == hal::Map::read_write, writes = asked == hal::Map::write || asked == hal::Map::read_write;
  const bool anything = device->caps().device_memory_mappable;
  for (const hal::Access access : {hal::Access::read, hal::Access::write, hal::Access::read_write}) {
    const bool granted = anything || ((access == hal::Access::write || reads) && (access == hal::Access::read || writes));
    const auto view = buffer->map(access);
    CHECK(code(view) == (granted ? Code::ok : Code::failed_precondition));
    if (view.ok()) buffer->unmap();
  }
  CHECK(buffer->mappable() == (anything || asked != hal::Map::none));
}

TEST_CASE("staging memory can always be had: on the host, for the device, mapped, for transfers", "[fallout][flags]") {
  CTS_DEVICE(device);

  auto buffer = need(device->allocate({.size = 64, .memory = hal::Memory::host, .map = hal::Map::read_write, .usage = {.transfer = true}}));

  REQUIRE(buffer->mappable());
  REQUIRE(device->compatibility({.size = 64, .memory = hal::Memory::host, .map = hal::Map::read_write}).allocatable);
}

TEST_CASE("what does not map is read all the same, and costs one copy", "[fallout][flags][stats]") {
  CTS_DEVICE(device);
  const Tensor tensor = need(Tensor::stage(*device, {16}, ones));

  const auto view = tensor.map(hal::Access::read);
  const std::vector<float> got = values(tensor);

  REQUIRE(view.ok() == tensor.mappable());
  REQUIRE(got == ones);
  REQUIRE(device->stats().device_to_host_copies == 1);
}

TEST_CASE("a tensor can be staged behind work, from bytes that go at once", "[fallout][race]") {
  CTS_DEVICE(device);
  auto begin = need(device->create_semaphore(0)), end = need(device->create_semaphore(0));
  const Timepoint waits[] = {{begin.get(), 1}}, signals[] = {{end.get(), 1}};
  Tensor tensor;
  {
    std::vector<float> gone = ones;
    tensor = need(Tensor::stage_async(*device, {16}, ElementType::f32, std::as_bytes(std::span(gone)), waits, signals));
    gone.assign(16, 9.0f);
  }
  const std::vector<float> few(15);

  need(begin->signal(1));

  REQUIRE(wait(*device, {{end.get(), 1}}, hal::Wait::all, second_ns) == Code::ok);
  REQUIRE(values(tensor) == ones);
  REQUIRE(code(Tensor::stage_async(*device, {16}, ElementType::f32, std::as_bytes(std::span(few)), {}, {})) == Code::invalid_argument);
  REQUIRE(code(Tensor().read_async({}, {})) == Code::failed_precondition);
}
