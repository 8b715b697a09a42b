// Hostile files: every truncation and seeded mutations of artifacts. Each loads or gives one error; each that
// loads is executed on the null device with a budget of 10,000 instructions. A finding is a crash, a sanitizer's
// report, or an internal error.
//
//   mutate [--count=N] [--seed=S] [FILE.hcm]...     without files: the artifacts that the unit tests use
#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "artifact_spec.hpp"
#include "halcyon/drivers/null.hpp"
#include "halcyon/halcyon.hpp"
#include "halcyon/platform.hpp"
#include "places.hpp"

namespace {

using namespace halcyon;

constexpr uint64_t budget = 10000;

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15u + 1) {}
  uint64_t next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_;
  }
  uint64_t below(uint64_t limit) { return next() % limit; }

 private:
  uint64_t state_;
};

struct Counts {
  uint64_t tried = 0, refused = 0, ran = 0, failed_calls = 0, findings = 0;
  char last_refusal[512] = {};
};

// The argument's tensor, small where its size is free; empty where the device has no room for it.
Tensor make_argument(hal::Device& device, const ValueDesc& desc, Random& random) {
  int64_t shape[max_rank] = {};
  for (size_t d = 0; d < desc.shape.size(); ++d)
    shape[d] = desc.shape[d].dynamic() ? static_cast<int64_t>((static_cast<uint32_t>(desc.shape[d].symbol) * 7u) % 5u) : desc.shape[d].size;
  auto tensor = Tensor::allocate(device, Shape(std::span<const int64_t>(shape, desc.shape.size())), desc.type);
  if (!tensor.ok()) return {};
  std::vector<std::byte> bytes(tensor->byte_size());
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.below(4));
  return tensor->write(std::span<const std::byte>(bytes)).ok() ? std::move(tensor).value() : Tensor();
}

void call_all(hal::Device& device, Program& program, Random& random, Counts& counts) {
  for (uint32_t f = 0; f < program.function_count(); ++f) {
    const Function function = program.function(f);
    auto call = function.prepare();
    if (!call.ok()) continue;
    for (uint32_t i = 0; i < function.arguments().size(); ++i) {
      Tensor tensor = make_argument(device, function.arguments()[i], random);
      if (!tensor) continue;
      const bool donated = function.donated_to(i) >= 0;
      (void)call.value()->set_argument(i, donated ? donate(tensor) : Argument(tensor));
    }
    for (int round = 0; round < 2; ++round) {
      const Status status = call.value()->run({budget});
      ++counts.ran;
      if (!status.ok()) ++counts.failed_calls;
      if (status.code() == Code::internal) ++counts.findings;
    }
  }
}

void try_file(std::span<const std::byte> file, Random& random, Counts& counts) {
  ++counts.tried;
  const auto device = null::create_from_options("max_size=4194304", system_allocator());
  if (!device.ok()) std::abort();
  hal::Device& null_device = *const_cast<Owned<hal::Device>&>(device.value());
  LoadOptions options;
  char message[256];
  options.message = message;
  // A buffer may be larger than the parameter, so that one serves all.
  options.parameters = {&null_device, [](void* self, std::string_view, std::string_view, Parameter& parameter) -> Status {
                          HALCYON_ASSIGN(parameter.buffer, static_cast<hal::Device*>(self)->allocate({.size = 65536}));
                          return {};
                        }};
  // Takes what it is given, as a function of the application does.
  const Callback callbacks[] = {{"twice", [](void*, const HostCall& call) -> Status {
                                   if (call.argument_count() != 1 || call.result_count() != 1) return {};
                                   std::vector<std::byte> bytes(call.argument(0).size);
                                   HALCYON_TRY(call.argument(0).read(std::span<std::byte>(bytes)));
                                   bytes.resize(call.result(0).size);
                                   return call.result(0).write(std::span<const std::byte>(bytes));
                                 }}};
  options.callbacks = callbacks;
  auto program = Program::load(null_device, file, options);
  if (!program.ok()) {
    ++counts.refused;
    (void)describe(program.status(), counts.last_refusal);
    if (program.status().code() == Code::internal) ++counts.findings;
    return;
  }
  call_all(null_device, *program.value(), random, counts);
}

// Changes a few values of the metadata's fields, or a few bytes anywhere, most of them in the metadata.
void mutate(std::span<std::byte> file, uint64_t metadata_end, const std::vector<fuzz::Place>& places, Random& random) {
  constexpr uint64_t values[] = {0, 1, 2, 3, 7, 8, 16, 64, 127, 255, 256, 65535, 65536, INT32_MAX, UINT32_MAX, uint64_t{1} << 32,
                                 uint64_t{1} << 62, INT64_MAX, UINT64_MAX, UINT64_MAX - 7};
  const uint64_t changes = 1 + random.below(4);
  const bool of_fields = random.below(4) != 0;
  for (uint64_t i = 0; i < changes; ++i) {
    if (of_fields) {
      const fuzz::Place place = places[random.below(places.size())];
      uint64_t old = 0;
      std::memcpy(&old, file.data() + place.offset, place.size);
      const uint64_t near[] = {old + 1, old - 1, old ^ uint64_t{1} << random.below(place.size * 8), random.below(24),
                               values[random.below(std::size(values))]};
      const uint64_t value = near[random.below(std::size(near))];
      std::memcpy(file.data() + place.offset, &value, place.size);
      continue;
    }
    const bool in_metadata = random.below(16) != 0;
    const uint64_t from = in_metadata && random.below(8) != 0 ? 64 : 0;
    const uint64_t end = in_metadata ? metadata_end : file.size();
    const uint64_t at = from + random.below(end - from);
    const uint64_t value = values[random.below(std::size(values))];
    const auto store = [&](uint64_t position, uint64_t bits, size_t size) {
      if (position + size <= file.size()) std::memcpy(file.data() + position, &bits, size);
    };
    switch (random.below(6)) {
      case 0: file[at] ^= static_cast<std::byte>(1u << random.below(8)); break;
      case 1: file[at] = static_cast<std::byte>(random.next()); break;
      case 2: store(at & ~uint64_t{3}, value, 4); break;
      case 3: store(at & ~uint64_t{7}, value, 8); break;
      case 4: {  // a field becomes its neighbour
        uint32_t word = 0;
        std::memcpy(&word, file.data() + (at & ~uint64_t{3}), 4);
        store(at & ~uint64_t{3}, word + (random.below(2) ? 1u : UINT32_MAX), 4);
        break;
      }
      default: {  // one word over another
        const uint64_t source = (from + random.below(end - from)) & ~uint64_t{3};
        uint32_t word = 0;
        std::memcpy(&word, file.data() + source, 4);
        store(at & ~uint64_t{3}, word, 4);
        break;
      }
    }
  }
}

void attack(const std::vector<std::byte>& original, uint64_t count, uint64_t seed, Counts& counts) {
  uint64_t metadata_size = 0;
  if (original.size() < 64) return;
  std::memcpy(&metadata_size, original.data() + 24, 8);
  const uint64_t metadata_end = std::min<uint64_t>(original.size(), 64 + metadata_size);
  Random random(seed);
  {
    const support::Aligned whole(original);
    const uint64_t refused = counts.refused;
    try_file(whole.bytes(), random, counts);
    if (counts.refused != refused) {
      std::fprintf(stderr, "mutate: the original does not load: %s\n", counts.last_refusal);
      ++counts.findings;
      return;
    }
  }
  // Truncations: all of a small file, else the header, the metadata's end and a sample.
  const uint64_t step = original.size() <= 16384 ? 1 : original.size() / 8192 + 1;
  for (uint64_t size = 0; size < original.size(); size += size < 128 ? 1 : step) {
    const support::Aligned part({original.begin(), original.begin() + static_cast<ptrdiff_t>(size)});
    try_file(part.bytes(), random, counts);
  }
  support::Aligned file(original);
  const std::vector<fuzz::Place> places = fuzz::places(file.bytes());
  for (uint64_t i = 0; i < count; ++i) {
    std::memcpy(file.bytes().data(), original.data(), original.size());
    mutate(file.bytes(), metadata_end, places, random);
    try_file(file.bytes(), random, counts);
  }
}

std::vector<std::byte> read(const char* path) {
  const auto bytes = platform::map_file(path);
  if (!bytes.ok()) {
    std::fprintf(stderr, "mutate: %s: %s\n", path, bytes.status().what());
    std::exit(2);
  }
  const std::span<const std::byte> view = const_cast<Result<std::span<const std::byte>>&>(bytes).value();
  std::vector<std::byte> copy(view.begin(), view.end());
  platform::unmap_file(view);
  return copy;
}

}  // namespace

int main(int argc, char** argv) {
  uint64_t count = 5000, seed = 1;
  std::vector<std::vector<std::byte>> originals;
  for (int i = 1; i < argc; ++i) {
    if (std::strncmp(argv[i], "--count=", 8) == 0) count = std::strtoull(argv[i] + 8, nullptr, 10);
    else if (std::strncmp(argv[i], "--seed=", 7) == 0) seed = std::strtoull(argv[i] + 7, nullptr, 10);
    else originals.push_back(read(argv[i]));
  }
  if (originals.empty()) {
    using namespace support;
    originals = {build(copy_artifact()), build(dynamic_copy_artifact()), build(host_call_artifact()), build(rich_artifact()), build(packed_artifact())};
  }
  Counts counts;
  for (size_t i = 0; i < originals.size(); ++i) attack(originals[i], count / originals.size() + 1, seed + i, counts);
  std::printf("%" PRIu64 " files tried: %" PRIu64 " refused, %" PRIu64 " calls made, %" PRIu64 " of them failed\n", counts.tried,
              counts.refused, counts.ran, counts.failed_calls);
  std::printf("mutations: %" PRIu64 " passed, %" PRIu64 " failed\n", counts.tried - counts.findings, counts.findings);
  return counts.findings == 0 ? 0 : 1;
}
