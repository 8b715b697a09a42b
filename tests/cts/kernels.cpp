// Kernels written by hand, given to devices as a static table.
#include "cts.hpp"

namespace cts {

namespace {

template <class T>
T* binding(const hcy_dispatch* dispatch, uint32_t index) {
  return static_cast<T*>(dispatch->bindings[index]);
}

uint64_t linear(const hcy_dispatch* d, const hcy_workgroup* w) {
  return w->id[0] + uint64_t{d->workgroup_count[0]} * (w->id[1] + uint64_t{d->workgroup_count[1]} * w->id[2]);
}

// c = a + b, four floats a workgroup.
int32_t add(const hcy_dispatch* d, const hcy_workgroup* w) {
  const float* a = binding<const float>(d, 0);
  const float* b = binding<const float>(d, 1);
  float* c = binding<float>(d, 2);
  const uint64_t count = d->binding_sizes[2] / 4;
  const uint64_t begin = uint64_t{w->id[0]} * 4;
  for (uint64_t i = begin; i < begin + 4 && i < count; ++i) c[i] = a[i] + b[i];
  return 0;
}

// Eight u64 for each workgroup: ids, grid, size of binding 0, first parameter.
int32_t record(const hcy_dispatch* d, const hcy_workgroup* w) {
  uint64_t* out = binding<uint64_t>(d, 0) + linear(d, w) * 8;
  for (int i = 0; i < 3; ++i) {
    out[i] = w->id[i];
    out[3 + i] = d->workgroup_count[i];
  }
  out[6] = d->binding_sizes[0];
  out[7] = d->parameters[0];
  return d->binding_count == 1 && d->parameter_count == 1 ? 0 : 99;
}

// Writes its number over its local memory, then sums it up again; 1: local memory is not what was asked for.
int32_t local(const hcy_dispatch* d, const hcy_workgroup* w) {
  if (!w->local_memory || w->local_size < 1000 || reinterpret_cast<uintptr_t>(w->local_memory) % 64 != 0) return 1;
  volatile uint8_t* scratch = static_cast<volatile uint8_t*>(w->local_memory);
  const uint64_t number = linear(d, w);
  for (uint64_t i = 0; i < w->local_size; ++i) scratch[i] = static_cast<uint8_t>(number);
  uint64_t sum = 0;
  for (uint64_t i = 0; i < 1000; ++i) sum += scratch[i];
  binding<uint64_t>(d, 0)[number] = sum;
  return 0;
}

// Fails in one workgroup, with the number it is given.
int32_t fail(const hcy_dispatch* d, const hcy_workgroup* w) {
  return w->id[0] == d->parameters[0] ? static_cast<int32_t>(d->parameters[1]) : 0;
}

// Counts its calls.
int32_t tally(const hcy_dispatch* d, const hcy_workgroup*) {
  __atomic_fetch_add(binding<uint64_t>(d, 0), 1, __ATOMIC_RELAXED);
  return 0;
}

// Some thousand dependent operations, one u64 a workgroup.
int32_t mix(const hcy_dispatch* d, const hcy_workgroup* w) {
  uint64_t state = linear(d, w) + 1;
  for (int i = 0; i < 4000; ++i) state = state * 6364136223846793005u + 1442695040888963407u;
  binding<uint64_t>(d, 0)[linear(d, w)] = state;
  return 0;
}

constexpr hcy_static_kernel all_kernels[] = {{11, &add}, {12, &record}, {13, &local}, {14, &fail}, {15, &tally}, {16, &mix}};

}  // namespace

std::span<const hcy_static_kernel> static_kernels() { return all_kernels; }

Ref<hal::Executable> kernels(hal::Device& device) {
  const hal::ExportDesc exports[] = {
      {.name = "add", .bindings = 3, .location = 100}, {.name = "record", .bindings = 1, .parameters = 1},
      {.name = "local", .bindings = 1},                {.name = "fail", .bindings = 0, .parameters = 2, .location = 103},
      {.name = "tally", .bindings = 1},                {.name = "mix", .bindings = 1}};
  const hal::VariantExport how[] = {{.tile = {4, 1, 1}, .hash = 11},       {.tile = {2, 3, 1}, .hash = 12},
                                    {.local_memory = 1000, .hash = 13},    {.hash = 14},
                                    {.hash = 15},                          {.hash = 16}};
  hal::VariantDesc variant;
  variant.format = hal::Format::static_table;
#if defined(__aarch64__)
  variant.target = "aarch64";
#else
  variant.target = "x86_64";
#endif
  variant.exports = how;
  return need(device.create_executable({.exports = exports, .variants = {&variant, 1}}, {}));
}

void dispatch(Dispatch& to, hal::Executable& executable, Kernel kernel, Operand x, Operand y, Operand z) {
  to.command.type = Command::Type::dispatch;
  to.command.executable = &executable;
  to.command.export_index = static_cast<uint32_t>(kernel);
  to.command.workload[0] = x;
  to.command.workload[1] = y;
  to.command.workload[2] = z;
  to.command.ranges = to.ranges;
  to.command.operands = to.operands;
}

}  // namespace cts
