// Where an artifact's metadata holds plain values: mutations there get past the FlatBuffers verifier and reach
// our own.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace fuzz {

struct Place {
  uint64_t offset = 0;  // in the file
  uint32_t size = 0;    // bytes: 1, 2, 4 or 8
};

// Of a file that loads.
std::vector<Place> places(std::span<const std::byte> file);

}  // namespace fuzz
