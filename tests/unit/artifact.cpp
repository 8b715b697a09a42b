// The container and the metadata: whatever is wrong with a file is one error that says where.
#include <cstring>

#include "unit.hpp"

using namespace halcyon;
using namespace support;
using unit::open;

namespace {

std::vector<std::byte> good() { return build(rich_artifact()); }

Status open_bytes(const std::vector<std::byte>& bytes, const OpenOptions& options = {}) {
  const Aligned file(bytes);
  return Artifact::open(file.bytes(), options, system_allocator()).status();
}

Status verify_bytes(const std::vector<std::byte>& bytes) {
  const Aligned file(bytes);
  return unit::need(Artifact::open(file.bytes(), {}, system_allocator()))->verify_sha256();
}

template <class T>
void poke(std::vector<std::byte>& bytes, size_t offset, T value) {
  std::memcpy(bytes.data() + offset, &value, sizeof value);
}

// Breaks one thing of an artifact.
#define BREAKS_OF(whole, change)                 \
  do {                                           \
    ArtifactSpec spec = whole;                   \
    change;                                      \
    INFO(#change);                               \
    CHECK(open(spec) == Code::corrupt_artifact); \
  } while (false)
#define BREAKS(change) BREAKS_OF(rich_artifact(), change)
#define BREAKS_PACKED(change) BREAKS_OF(packed_artifact(), change)

}  // namespace

TEST_CASE("a whole artifact opens and is what was written", "[artifact]") {
  const Aligned file(good());
  const auto artifact = unit::need(Artifact::open(file.bytes(), {}, system_allocator()));

  CHECK(artifact->functions().size() == 2);
  CHECK(artifact->functions()[0].arguments[1].residence == Residence::host);
  CHECK(artifact->functions()[0].arguments[0].shape[0].name == "batch");
  CHECK(artifact->plans()[0].executables[0].variants[0].features[1] == "fma");
  CHECK(artifact->plans()[0].functions[0].depth == 2);
  CHECK(artifact->plans()[0].executables[0].exports[0].written == 4);
  const std::span<const hal::Cost> costs = artifact->plans()[0].executables[0].exports[0].costs;
  REQUIRE(costs.size() == 1);
  CHECK((costs[0].flops == 6 && costs[0].read == 5 && costs[0].written == 4 && costs[0].factors[0] == 0 && costs[0].factors[1] == hal::Cost::none));
  CHECK(artifact->plans()[0].executables[0].exports[1].costs.empty());
  CHECK(artifact->verify_sha256().ok());
  CHECK(artifact->producer() == "tests");
}

TEST_CASE("a kernel may write any binding where the artifact does not say which", "[artifact]") {
  ArtifactSpec spec = rich_artifact();
  spec.compact = true;  // as a compiler wrote it that did not know the field: what has its default is absent
  const Aligned file(build(spec));
  const auto artifact = unit::need(Artifact::open(file.bytes(), {}, system_allocator()));

  CHECK(artifact->plans()[0].executables[0].exports[0].written == 4);
  CHECK(artifact->plans()[0].executables[0].exports[1].written == UINT64_MAX);
}

TEST_CASE("every truncation is an error", "[artifact]") {
  const std::vector<std::byte> whole = good();
  size_t opened = 0;
  for (size_t size = 0; size < 4096 && size < whole.size(); ++size) {
    const std::vector<std::byte> part(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
    if (open_bytes(part).code() != Code::corrupt_artifact) ++opened;
  }
  CHECK(opened == 0);
}

TEST_CASE("a truncated file says where it ends", "[artifact]") {
  std::vector<std::byte> bytes = good();
  bytes.resize(bytes.size() - 1);
  const Status status = open_bytes(bytes);

  CHECK(status.where().kind == Kind::byte_offset);
  CHECK(status.where().expected == static_cast<int64_t>(bytes.size()));
}

TEST_CASE("a header that lies is refused", "[artifact]") {
  const auto [offset, value] = GENERATE(table<size_t, uint64_t>({
      {8, 0}, {8, UINT64_MAX}, {16, 0}, {16, 65}, {16, UINT64_MAX}, {24, UINT64_MAX}, {24, 0}, {24, 7}, {24, 1}}));
  std::vector<std::byte> bytes = good();
  poke(bytes, offset, value);

  CHECK(open_bytes(bytes).code() == Code::corrupt_artifact);
}

TEST_CASE("another magic is not an artifact, another major is unsupported, a newer minor is fine", "[artifact]") {
  std::vector<std::byte> bytes = good();
  poke(bytes, 6, uint16_t{9});
  CHECK(open_bytes(bytes).ok());
  poke(bytes, 4, uint16_t{2});
  CHECK(open_bytes(bytes).code() == Code::unsupported);
  poke(bytes, 0, uint32_t{0});
  CHECK(open_bytes(bytes).code() == Code::corrupt_artifact);
}

TEST_CASE("bytes after the end are refused", "[artifact]") {
  std::vector<std::byte> bytes = good();
  bytes.push_back(std::byte{0});
  CHECK(open_bytes(bytes).code() == Code::corrupt_artifact);
}

TEST_CASE("unknown features are unsupported", "[artifact]") {
  ArtifactSpec spec = rich_artifact();
  spec.required_features = uint64_t{1} << 63;
  CHECK(open(spec) == Code::unsupported);
}

TEST_CASE("a changed byte of a segment is found by its sha-256, on request", "[artifact]") {
  std::vector<std::byte> bytes = good();
  bytes.back() ^= std::byte{1};

  CHECK(open_bytes(bytes).ok());
  CHECK(verify_bytes(bytes).code() == Code::corrupt_artifact);
  CHECK(verify_bytes(good()).ok());
}

TEST_CASE("a changed digest of the metadata is found on request", "[artifact]") {
  std::vector<std::byte> bytes = good();
  bytes[40] ^= std::byte{1};
  CHECK(verify_bytes(bytes).code() == Code::corrupt_artifact);
}

TEST_CASE("an application may refuse the metadata", "[artifact]") {
  OpenOptions options;
  options.authenticate = [](void*, std::span<const std::byte> metadata) {
    return metadata.empty() ? Status() : Status(Code::failed_precondition, "not signed");
  };
  CHECK(open_bytes(good(), options).code() == Code::failed_precondition);
}

TEST_CASE("segments must lie inside the file, aligned", "[artifact]") {
  BREAKS(spec.segments[0].shift_offset = 1);
  BREAKS(spec.segments[0].shift_offset = -32);
  BREAKS(spec.segments[1].shift_offset = 64);
  BREAKS(spec.segments[1].shift_offset = 65536);
  BREAKS(spec.segments[1].shift_length = 1);
  BREAKS(spec.segments[1].shift_length = INT64_MAX);
  BREAKS(spec.segments[1].shift_length = -101);
  BREAKS(spec.segments[0].kind = static_cast<SegmentKind>(2));
}

TEST_CASE("constants must lie inside a constants segment", "[artifact]") {
  BREAKS(spec.constants[0].segment = 2);
  BREAKS(spec.constants[0].segment = 1);
  BREAKS(spec.constants[0].offset = 224);
  BREAKS(spec.constants[0].offset = UINT64_MAX - 10);
  BREAKS(spec.constants[0].offset = 66);
  BREAKS(spec.constants[0].length = 60);
  BREAKS(spec.constants[0].length = UINT64_MAX);
  BREAKS(spec.constants[0].shape = std::vector<uint64_t>(9, 1));
  BREAKS((spec.constants[0].shape = {UINT64_MAX, 2}));
  BREAKS((spec.constants[0].type = ElementType{ElementKind::ieee, 12}));
  BREAKS((spec.constants[0].type = ElementType{static_cast<ElementKind>(13), 8}));
}

TEST_CASE("variables need a type, a size and a constant that fits", "[artifact]") {
  BREAKS(spec.variables[0].initial = -2);
  BREAKS(spec.variables[0].initial = 1);
  BREAKS(spec.variables[1].shape = {17});
  BREAKS((spec.variables[0].shape = {uint64_t{1} << 62, 2}));
  BREAKS(spec.variables[0].type = ElementType{});
}

TEST_CASE("packed elements need their bytes, the last one whole, and a width that there is", "[artifact]") {
  BREAKS_PACKED(spec.constants[0].length = 4);
  BREAKS_PACKED((spec.constants[0].offset = 4));
  BREAKS_PACKED((spec.constants[0].shape = {3, 4}));
  BREAKS_PACKED((spec.constants[0].shape = {uint64_t{1} << 63, 2}));
  BREAKS_PACKED((spec.constants[0].shape = {UINT64_MAX / 2}));  // in bits: too many
  BREAKS_PACKED((spec.constants[0].type = ElementType::f8e4m3fn));
  BREAKS_PACKED((spec.constants[0].type = ElementType{ElementKind::f4e2m1, 2}));
  BREAKS_PACKED((spec.constants[0].type = ElementType{ElementKind::sint, 1}));
  BREAKS_PACKED((spec.constants[0].type = ElementType{ElementKind::uint, 3}));
  BREAKS_PACKED((spec.variables[0].shape = {11}));
  BREAKS_PACKED((spec.variables[0].type = ElementType::i8));
  BREAKS_PACKED((spec.variables[1].type = ElementType{ElementKind::sint, 6}));
  BREAKS_PACKED((spec.functions[0].arguments[0].type = ElementType{ElementKind::boolean, 4}));
  BREAKS_PACKED((spec.functions[0].arguments[0].type = ElementType{static_cast<ElementKind>(255), 4}));
  BREAKS_PACKED((spec.functions[0].arguments[0].shape = {{INT64_MAX}, {INT64_MAX}}));
  BREAKS_PACKED((spec.functions[0].results[2].type = ElementType{ElementKind::f4e2m1, 0}));
  BREAKS_PACKED(spec.functions[0].arguments[0].residence = Residence::host);
}

TEST_CASE("as many bytes as packed elements take are enough", "[artifact]") {
  ArtifactSpec spec = packed_artifact();
  CHECK(open(spec) == Code::ok);
  spec.constants[0].shape = {10};
  CHECK(open(spec) == Code::ok);
  spec.variables[0].type = ElementType::i2;
  spec.variables[0].shape = {20};
  CHECK(open(spec) == Code::ok);
}

TEST_CASE("a function's values must make sense", "[artifact]") {
  BREAKS(spec.functions[0].arguments[0].shape[0].symbol = 2);
  BREAKS(spec.functions[0].arguments[0].shape[0].symbol = -2);
  BREAKS(spec.functions[0].arguments[0].shape[1].size = -4);
  BREAKS(spec.functions[0].arguments[0].shape.assign(9, DimSpec{1}));
  BREAKS(spec.functions[0].arguments[0].shape.assign(3, DimSpec{int64_t{1} << 31}));
  BREAKS(spec.functions[0].arguments[0].type = ElementType{});
  BREAKS(spec.functions[0].arguments[1].shape.assign(1, DimSpec{65}));
  BREAKS(spec.functions[0].arguments[1].shape.assign(1, (DimSpec{-1, 0})));
  BREAKS(spec.functions[0].arguments[1].type = ElementType::f8e5m2);
  BREAKS(spec.functions[0].arguments[1].residence = static_cast<Residence>(3));
  BREAKS(spec.functions[1].name = "main");
}

TEST_CASE("donations must name what exists, once", "[artifact]") {
  BREAKS(spec.functions[0].donations[0].argument = 4);
  BREAKS(spec.functions[0].donations[0].result = 2);
  BREAKS(spec.functions[0].donations[0].argument = 1);
  BREAKS(spec.functions[0].donations.push_back({3, 0}));
  BREAKS(spec.functions[0].donations.push_back({0, 1}));
}

TEST_CASE("executables must match their variants", "[artifact]") {
  BREAKS(spec.plans[0].executables[0].variants[0].format = 0);
  BREAKS(spec.plans[0].executables[0].variants[0].format = 6);
  BREAKS(spec.plans[0].executables[0].variants[0].segment = 0);
  BREAKS(spec.plans[0].executables[0].variants[0].segment = 2);
  BREAKS(spec.plans[0].executables[0].variants[0].exports.pop_back());
  BREAKS(spec.plans[0].executables[0].variants[1].exports[0].tile[1] = 0);
  BREAKS(spec.plans[0].executables[0].exports[0].location = 2);
}

TEST_CASE("commands must use what exists", "[artifact]") {
  BREAKS(spec.plans[0].lists[0].commands[0].type = 5);
  BREAKS(spec.plans[0].lists[0].commands[0].executable = 1);
  BREAKS(spec.plans[0].lists[0].commands[0].export_index = 2);
  BREAKS(spec.plans[0].lists[0].commands[0].workload.pop_back());
  BREAKS(spec.plans[0].lists[0].commands[0].workload[0].value = 2);
  BREAKS(spec.plans[0].lists[0].commands[0].ranges[0].slot = 3);
  BREAKS(spec.plans[0].lists[0].commands[0].ranges[0].offset = hal::Operand::parameter(2));
  BREAKS(spec.plans[0].lists[0].commands[0].ranges[2].size.value = 2);
  BREAKS(spec.plans[0].lists[0].commands[0].ranges.pop_back());
  BREAKS(spec.plans[0].lists[0].commands[0].operands.clear());
  BREAKS(spec.plans[0].lists[0].commands[0].operands[0].value = 2);
  BREAKS(spec.plans[0].lists[0].commands[0].location = 2);
  BREAKS(spec.plans[0].lists[0].commands[1].ranges.push_back({0}));
  BREAKS(spec.plans[0].lists[0].commands[4].ranges.clear());
  BREAKS(spec.plans[0].lists[0].commands[4].pattern_size = 3);
  BREAKS(spec.plans[0].lists[0].commands[6].operands.clear());
  BREAKS(spec.plans[0].lists[1].commands[0].ranges.pop_back());
  BREAKS(spec.plans[0].lists[0].bindings = 70000);
}

TEST_CASE("host functions must match the functions that they implement", "[artifact]") {
  BREAKS(spec.plans[0].functions[0].function = 2);
  BREAKS(spec.plans[0].functions[0].function = -2);
  BREAKS(spec.plans[0].functions[0].function = 1);
  BREAKS(spec.plans[0].functions[0].function = -1);
  BREAKS(spec.plans[0].functions[0].registers[0] = I64);
  BREAKS(spec.plans[0].functions[0].registers[1] = F64);
  BREAKS(spec.plans[0].functions[0].registers[4] = I64);
  BREAKS(spec.plans[0].functions[0].registers[7] = 4);
  BREAKS(spec.plans[0].functions[0].returns.pop_back());
  BREAKS(spec.plans[0].functions[0].returns.push_back(I64));
  BREAKS(spec.plans[0].functions[0].returns[0] = LIST);
  BREAKS(spec.plans[0].functions[1].parameters = 4);
  BREAKS(spec.plans[0].functions[0].allocations = 1);
}
