// Loads, prepares, calls and unloads again and again, and looks at the resident memory: cycles ARTIFACT DEVICE map|copy CYCLES.
// Prints the bytes that are resident after the first cycle, the most after any later one, and after the last.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>

#include "drivers.hpp"
#include "halcyon/halcyon.hpp"
#include "halcyon/platform.hpp"

namespace {

using namespace halcyon;

// Of this process, in bytes.
uint64_t resident() {
  std::ifstream file("/proc/self/statm");
  uint64_t total = 0, pages = 0;
  file >> total >> pages;
  return pages * platform::page_size();
}

// Zeros of the argument's shape; dynamic dimensions are 3.
Result<Tensor> zeros(hal::Device& device, const ValueDesc& desc) {
  int64_t shape[max_rank] = {};
  uint64_t count = 1, bytes = 0;
  for (size_t d = 0; d < desc.shape.size(); ++d) {
    shape[d] = desc.shape[d].dynamic() ? 3 : desc.shape[d].size;
    count *= static_cast<uint64_t>(shape[d]);
  }
  if (!byte_size(desc.type, count, bytes)) return Status(Code::internal, "an argument without a size");
  Array<std::byte> values(system_allocator());  // no vector: the heap may keep it
  if (!values.resize(bytes)) return out_of_memory();
  return Tensor::stage(device, Shape(std::span<const int64_t>(shape, desc.shape.size())), desc.type, values.span());
}

Status cycle(hal::Device& device, const char* path, LoadMode mode) {
  LoadOptions options;
  options.mode = mode;
  HALCYON_ASSIGN(const auto program, Program::load(device, path, options));
  const Function main = program->function(0);
  HALCYON_ASSIGN(const auto call, main.prepare());
  for (uint32_t i = 0; i < main.arguments().size(); ++i) {
    HALCYON_ASSIGN(Tensor tensor, zeros(device, main.arguments()[i]));
    HALCYON_TRY(call->set_argument(i, main.donated_to(i) >= 0 ? donate(tensor) : Argument(tensor)));
  }
  HALCYON_TRY(call->run());
  for (uint32_t i = 0; i < call->result_count(); ++i) {
    Array<std::byte> bytes(system_allocator());
    if (!bytes.resize(call->result(i).byte_size())) return out_of_memory();
    HALCYON_TRY(call->result(i).read(bytes.span()));
  }
  return {};
}

Status run(char** words) {
  Registry drivers;
#define HALCYON_DRIVER(name) HALCYON_TRY(drivers.add({#name, &halcyon::name::create_from_options}));
#include "drivers.inc"
#undef HALCYON_DRIVER
  HALCYON_ASSIGN(const auto device, drivers.create(words[2]));
  const LoadMode mode = std::strcmp(words[3], "copy") == 0 ? LoadMode::copy : LoadMode::map;
  uint64_t first = 0, most = 0, last = 0;
  for (int i = std::atoi(words[4]); i > 0; --i) {
    HALCYON_TRY(cycle(*device, words[1], mode));
    last = resident();
    if (first == 0) first = last;
    if (last > most) most = last;
  }
  std::printf("%llu %llu %llu\n", static_cast<unsigned long long>(first), static_cast<unsigned long long>(most), static_cast<unsigned long long>(last));
  return {};
}

}  // namespace

int main(int count, char** words) {
  if (count != 5) return 2;
  const Status status = run(words);
  char text[256];
  if (!status.ok()) std::fprintf(stderr, "cycles: %s\n", std::string(describe(status, text)).c_str());
  return status.ok() ? 0 : 1;
}
