// A device with its kernels, and the artifact that runs on it.
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "halcyon/checked.hpp"
#include "soak.hpp"

namespace soak {

using namespace support;

namespace {

int32_t scale(const hcy_dispatch* d, const hcy_workgroup* w) {
  const uint32_t* x = static_cast<const uint32_t*>(d->bindings[0]);
  uint32_t* y = static_cast<uint32_t*>(d->bindings[1]);
  uint32_t* local = static_cast<uint32_t*>(w->local_memory);
  const uint64_t begin = uint64_t{w->id[0]} * 16, count = d->binding_sizes[1] / 4;
  const uint64_t size = count - begin < 16 ? count - begin : 16;
  if (w->local_size < 64) return 99;
  for (uint64_t i = 0; i < size; ++i) local[i] = x[begin + i];
  for (uint64_t i = 0; i < size; ++i) y[begin + i] = scaled(local[i], d->parameters[0], d->parameters[1]);
  return 0;
}
int32_t tally(const hcy_dispatch* d, const hcy_workgroup*) {
  __atomic_fetch_add(static_cast<uint64_t*>(d->bindings[0]), 1, __ATOMIC_RELAXED);
  return 0;
}
int32_t fail(const hcy_dispatch* d, const hcy_workgroup*) { return static_cast<int32_t>(d->parameters[0]); }

constexpr hcy_static_kernel table[] = {{1, &scale}, {2, &tally}, {3, &fail}};

const char* target() {
#if defined(__aarch64__)
  return "aarch64";
#else
  return "x86_64";
#endif
}

const hal::Operand zero = hal::Operand::literal(0), one = hal::Operand::literal(1);
hal::Operand parameter(uint64_t slot) { return hal::Operand::parameter(slot); }

// main(x: [n]u32, k: i64 of the host) -> x * 3 + k; count() -> how often it was called, in a variable; grow(cache: [4]u32 donated)
// -> cache * 2 + 1; broken() fails in a kernel.
ArtifactSpec artifact() {
  ArtifactSpec spec;
  spec.symbols = {"n"};
  spec.functions = {{.name = "main",
                     .arguments = {{"x", ElementType::u32, {{-1, 0}}}, {"k", ElementType::i64, {}, Residence::host}},
                     .results = {{"y", ElementType::u32, {{-1, 0}}}},
                     .donations = {}},
                    {.name = "count", .arguments = {}, .results = {{"calls", ElementType::i64, {{1}}}}, .donations = {}},
                    {.name = "grow", .arguments = {{"cache", ElementType::u32, {{4}}}}, .results = {{"cache", ElementType::u32, {{4}}}}, .donations = {{0, 0}}},
                    {.name = "broken", .arguments = {}, .results = {}, .donations = {}}};
  spec.variables = {{.name = "calls", .type = ElementType::i64, .shape = {1}, .initial = -1}};
  PlanSpec plan;
  ExecutableSpec executable;
  executable.exports = {{"scale", 2, 2}, {"tally", 1, 0}, {"fail", 0, 1}};
  executable.variants = {{.target = target(), .cpu = "", .features = {}, .exports = {{{16, 1, 1}, 64, 1}, {{1, 1, 1}, 0, 2}, {{1, 1, 1}, 0, 3}}}};
  spec.segments = {{.bytes = std::vector<std::byte>(64)}};  // the variant's, which a static table does not read
  plan.executables = {executable};
  CommandSpec scale_all{.type = 1, .workload = {parameter(1), one, one}, .ranges = {{0, zero, parameter(0)}, {1, zero, parameter(0)}}, .operands = {parameter(2), parameter(3)}};
  CommandSpec scale_in_place{.type = 1, .workload = {hal::Operand::literal(4), one, one}, .ranges = {{0}, {0}}, .operands = {hal::Operand::literal(2), one}};
  CommandSpec broken{.type = 1, .export_index = 2, .workload = {one, one, one}, .ranges = {}, .operands = {hal::Operand::literal(7)}};
  plan.lists = {{2, 4, {scale_all}}, {1, 0, {scale_in_place}}, {0, 0, {broken}}};
  const uint32_t i64_word = static_cast<uint32_t>(ElementKind::sint) | 64u << 8;

  HostSpec main;
  main.function = 0;
  main.registers = {BUFFER, I64, I64, BUFFER, I64, I64, I64};  // x, n, k | y | 4, bytes, 3
  main.returns = {BUFFER, I64};
  main.allocations = 1;
  main.code = Assembler().const_i64(4, 4).op(Opcode::size_mul, 5, 1, 4).alloca_(3, 5, 0, 0).const_i64(6, 3).submit(0, 2, {0, 3, 5, 1, 6, 2}).return_({3, 1}).code();
  HostSpec count;
  count.function = 1;
  count.registers = {BUFFER, BUFFER, I64, I64, I64, I64};  // variable, its new value | at, value, 1, 8
  count.returns = {BUFFER};
  count.allocations = 1;
  count.code = Assembler().const_i64(2, 0).const_i64(4, 1).const_i64(5, 8).op(Opcode::variable, 0, 0, 0, {0}).op(Opcode::read_i64, 3, 0, 2, {i64_word})
                   .op(Opcode::add, 3, 3, 4).alloca_(1, 5, 1, 0).op(Opcode::write_i64, 1, 2, 3, {i64_word}).op(Opcode::set_variable, 1, 0, 0, {0}).return_({1}).code();
  HostSpec grow;
  grow.function = 2;
  grow.registers = {BUFFER};
  grow.returns = {BUFFER};
  grow.code = Assembler().submit(1, 1, {0}).return_({0}).code();
  HostSpec fails;
  fails.function = 3;
  fails.code = Assembler().submit(2, 0, {}).return_({}).code();
  plan.functions = {main, count, grow, fails};
  spec.plans = {plan};
  return spec;
}

template <class T>
T need(Result<T> result) {
  if (!result.ok()) {
    std::fprintf(stderr, "soak: %s\n", result.status().what());
    std::abort();
  }
  return std::move(result).value();
}

Ref<hal::Commands> dispatch(hal::Device& device, hal::Executable& executable, Kernel kernel, std::vector<hal::Range> ranges, std::vector<hal::Operand> operands,
                            hal::Operand workload, uint32_t bindings, uint32_t parameters) {
  hal::Command command;
  command.type = hal::Command::Type::dispatch;
  command.executable = &executable;
  command.export_index = static_cast<uint32_t>(kernel);
  command.workload[0] = workload;
  command.workload[1] = command.workload[2] = one;
  command.ranges = ranges;
  command.operands = operands;
  return need(device.create_commands({.commands = {&command, 1}, .bindings = bindings, .parameters = parameters}));
}

}  // namespace

thread_local int64_t CountingAllocator::allowed = -1;

Allocator CountingAllocator::allocator() {
  return {this,
          [](void* self, size_t size, size_t alignment) -> void* {
            if (allowed == 0 || size > size_t{1} << 32) return nullptr;
            if (allowed > 0) --allowed;
            void* memory = system_allocator().allocate(nullptr, size, alignment);
            if (memory) static_cast<CountingAllocator*>(self)->live.fetch_add(1);
            return memory;
          },
          [](void* self, void* memory, size_t size, size_t alignment) {
            static_cast<CountingAllocator*>(self)->live.fetch_sub(1);
            system_allocator().release(nullptr, memory, size, alignment);
          }};
}

Machine::Machine(std::string from, cpu::DeviceOptions options, bool is_checked) : name(std::move(from)), file(build(artifact())) {
  options.allocator = memory.allocator();
  options.static_kernels = table;
  options.pool_limit = 1u << 20;  // so that it overflows
  device = need(cpu::create_device(options));
  // What the actions do wrong on purpose is an error that they expect; what is reported at the end has no error.
  const auto report = [](void* self, std::string_view fault) {
    auto& machine = *static_cast<Machine*>(self);
    if (machine.ends_) machine.left_over_.append(" ").append(fault);
  };
  if (is_checked) device = need(checked(std::move(device), {.report = report, .user = this}));
  LoadOptions load;
  load.allocator = memory.allocator();
  program = need(Program::load(*device, file.bytes(), load));

  const hal::ExportDesc exports[] = {{.name = "scale", .bindings = 2, .parameters = 2}, {.name = "tally", .bindings = 1}, {.name = "fail", .parameters = 1}};
  const hal::VariantExport how[] = {{.tile = {16, 1, 1}, .local_memory = 64, .hash = 1}, {.hash = 2}, {.hash = 3}};
  hal::VariantDesc variant;
  variant.format = hal::Format::static_table;
  variant.target = target();
  variant.exports = how;
  kernels = need(device->create_executable({.exports = exports, .variants = {&variant, 1}}, {}));
  scale = dispatch(*device, *kernels, Kernel::scale, {{0, zero, parameter(0)}, {1, zero, parameter(0)}}, {parameter(2), parameter(3)}, parameter(1), 2, 4);
  tally = dispatch(*device, *kernels, Kernel::tally, {{0, zero, hal::Operand::literal(8)}}, {}, one, 1, 0);
  fail = dispatch(*device, *kernels, Kernel::fail, {}, {hal::Operand::literal(7)}, one, 0, 0);
}

Machine::~Machine() = default;

std::string Machine::end() {
  ends_ = true;
  scale = tally = fail = nullptr;
  kernels = nullptr;
  program.reset();
  device->trim();  // the staging memory
  const hal::Stats stats = device->stats();
  if (stats.live_bytes != 0) return name + ": " + std::to_string(stats.live_bytes) + " bytes of buffers are still live";
  device.reset();
  if (!left_over_.empty()) return name + ":" + left_over_;
  if (memory.live != 0) return name + ": " + std::to_string(memory.live) + " allocations were not given back";
  return "";
}

}  // namespace soak
