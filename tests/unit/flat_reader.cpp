// The reader of the metadata against the one that FlatBuffers ships: what ours takes, theirs takes too.
#include <cstring>

#include "artifact_generated.h"
#include "unit.hpp"

using namespace halcyon;
using namespace support;

namespace {

constexpr size_t header_size = 64;

bool opens(const Aligned& file) { return Artifact::open(file.bytes(), {}, system_allocator()).ok(); }

bool theirs(const Aligned& file) {
  uint64_t size = 0;
  std::memcpy(&size, file.bytes().data() + 24, sizeof size);
  flatbuffers::Verifier verifier(reinterpret_cast<const uint8_t*>(file.bytes().data()) + header_size, size, 16);
  return verifier.VerifyBuffer<schema::Metadata>("HCM1");
}

uint64_t metadata_size(const std::vector<std::byte>& bytes) {
  uint64_t size = 0;
  std::memcpy(&size, bytes.data() + 24, sizeof size);
  return size;
}

}  // namespace

TEST_CASE("metadata with any byte changed is refused wherever FlatBuffers' verifier refuses it", "[flat_reader]") {
  const uint8_t change = GENERATE(0x01, 0x02, 0x04, 0x08, 0x10, 0x40, 0x80, 0xff);
  const std::vector<std::byte> whole = build(rich_artifact());
  const Aligned file(whole);
  REQUIRE(theirs(file));
  REQUIRE(opens(file));
  uint64_t taken = 0, laxer = 0;
  for (size_t i = header_size; i < header_size + metadata_size(whole); ++i) {
    file.bytes()[i] ^= std::byte{change};
    const bool ours = opens(file);
    taken += ours;
    laxer += ours && !theirs(file);
    file.bytes()[i] ^= std::byte{change};
  }

  CHECK(taken != 0);
  CHECK(laxer == 0);
}

TEST_CASE("metadata with any word replaced is refused wherever FlatBuffers' verifier refuses it", "[flat_reader]") {
  const uint32_t word = GENERATE(0u, 1u, 4u, 0x7fffffffu, 0x80000000u, 0xfffffff0u, UINT32_MAX);
  const std::vector<std::byte> whole = build(rich_artifact());
  const Aligned file(whole);
  uint64_t laxer = 0;
  for (size_t i = header_size; i + 4 <= header_size + metadata_size(whole); i += 2) {
    uint32_t kept = 0;
    std::memcpy(&kept, file.bytes().data() + i, 4);
    std::memcpy(file.bytes().data() + i, &word, 4);
    laxer += opens(file) && !theirs(file);
    std::memcpy(file.bytes().data() + i, &kept, 4);
  }

  CHECK(laxer == 0);
}
