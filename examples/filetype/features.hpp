// What the model sees of a file: the first 1024 bytes after leading white space and the last 1024 before
// trailing white space, of the first and last 4096 bytes; 256 stands where there is no byte. The same as
// the Python package magika 1.0 makes for its model standard_v3_3.
#pragma once
#include <array>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace filetype {

constexpr size_t block = 4096, half = 1024, fewest_bytes = 8;
constexpr int32_t padding = 256;

using Features = std::array<int32_t, 2 * half>;

// The two ends of a file; they overlap where it is short.
struct Ends {
  uint64_t size = 0;
  std::string first, last;
};

inline bool read_ends(const std::string& path, Ends& ends) {
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (!file) return false;
  ends.first.resize(block);
  ends.first.resize(std::fread(ends.first.data(), 1, block, file));
  bool read = std::fseek(file, 0, SEEK_END) == 0;
  const long size = read ? std::ftell(file) : -1;
  read = read && size >= 0 && static_cast<size_t>(size) >= ends.first.size();
  ends.size = read ? static_cast<uint64_t>(size) : 0;
  ends.last.resize(ends.first.size());
  read = read && std::fseek(file, -static_cast<long>(ends.last.size()), SEEK_END) == 0 &&
         std::fread(ends.last.data(), 1, ends.last.size(), file) == ends.last.size();
  std::fclose(file);
  return read;
}

constexpr std::string_view white = " \t\n\r\v\f";

inline Features features(const Ends& ends) {
  Features result;
  result.fill(padding);
  const size_t begin = ends.first.find_first_not_of(white);
  for (size_t i = 0; begin != std::string::npos && i < half && begin + i < ends.first.size(); ++i)
    result[i] = static_cast<uint8_t>(ends.first[begin + i]);
  const size_t last = ends.last.find_last_not_of(white);
  for (size_t i = 0; last != std::string::npos && i < half && i <= last; ++i)
    result[2 * half - 1 - i] = static_cast<uint8_t>(ends.last[last - i]);
  return result;
}

// Strictly: no surrogates, no overlong forms, nothing cut off.
inline bool is_utf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto at = [&](size_t j) { return j < text.size() ? static_cast<uint8_t>(text[j]) : uint8_t{0}; };
    const uint8_t lead = at(i);
    const size_t length = lead < 0x80 ? 1 : lead >= 0xC2 && lead < 0xE0 ? 2 : lead >= 0xE0 && lead < 0xF0 ? 3
                        : lead >= 0xF0 && lead < 0xF5                   ? 4
                                                                        : 0;
    if (length == 0) return false;
    for (size_t j = 1; j < length; ++j)
      if ((at(i + j) & 0xC0) != 0x80) return false;
    const uint8_t second = at(i + 1);
    if ((lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F) || (lead == 0xF0 && second < 0x90) ||
        (lead == 0xF4 && second > 0x8F))
      return false;
    i += length;
  }
  return true;
}

}  // namespace filetype
