// The command's tensors: small floating-point formats, .npy files, and the rule of --expect.
#define CATCH_CONFIG_MAIN
#define CATCH_CONFIG_NO_POSIX_SIGNALS
#include <catch2/catch.hpp>

#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>

#include "compare.hpp"
#include "input.hpp"
#include "npy.hpp"
#include "small_float.hpp"

using halcyon::ElementType;
using namespace tools;

namespace {

constexpr ElementType small_types[] = {ElementType::f16,    ElementType::bf16,       ElementType::f8e4m3fn,
                                       ElementType::f8e5m2, ElementType::f8e4m3fnuz, ElementType::f8e5m2fnuz,
                                       ElementType::f8e8m0, ElementType::f4e2m1};

// How many bit patterns do not come back from decode and encode.
int lost_patterns(ElementType type) {
  int lost = 0;
  for (uint32_t bits = 0; bits < (1u << type.bits); ++bits) {
    const long double value = decode_small_float(type, bits);
    const uint32_t again = encode_small_float(type, value);
    lost += std::isnan(value) ? !std::isnan(decode_small_float(type, again)) : again != bits;
  }
  return lost;
}

HostTensor floats(std::vector<int64_t> shape, const std::vector<float>& values) {
  HostTensor tensor{ElementType::f32, std::move(shape), {}};
  tensor.bytes.resize(values.size() * 4);
  for (size_t i = 0; i < values.size(); ++i) set_element(tensor, i, static_cast<long double>(values[i]));
  return tensor;
}

}  // namespace

TEST_CASE("every bit pattern of a small float survives decoding and encoding") {
  const ElementType type = GENERATE(from_range(std::begin(small_types), std::end(small_types)));

  REQUIRE(lost_patterns(type) == 0);
}

TEST_CASE("small floats decode to the values of their formats") {
  REQUIRE(decode_small_float(ElementType::f16, 0x3C00) == 1);
  REQUIRE(decode_small_float(ElementType::f16, 0x0001) == std::ldexp(1.0L, -24));
  REQUIRE(decode_small_float(ElementType::f16, 0x7BFF) == 65504);
  REQUIRE(std::isinf(decode_small_float(ElementType::f16, 0xFC00)));
  REQUIRE(decode_small_float(ElementType::bf16, 0xC040) == -3);
  REQUIRE(decode_small_float(ElementType::f8e4m3fn, 0x7E) == 448);
  REQUIRE(std::isnan(decode_small_float(ElementType::f8e4m3fn, 0x7F)));
  REQUIRE(decode_small_float(ElementType::f8e5m2, 0x7B) == 57344);
  REQUIRE(decode_small_float(ElementType::f8e4m3fnuz, 0x7F) == 240);
  REQUIRE(std::isnan(decode_small_float(ElementType::f8e5m2fnuz, 0x80)));
  REQUIRE(decode_small_float(ElementType::f8e8m0, 0) == std::ldexp(1.0L, -127));
  REQUIRE(std::isnan(decode_small_float(ElementType::f8e8m0, 255)));
  REQUIRE(decode_small_float(ElementType::f4e2m1, 7) == 6);
  REQUIRE(decode_small_float(ElementType::f4e2m1, 9) == -0.5L);
}

TEST_CASE("encoding a small float rounds to nearest, ties to even") {
  REQUIRE(encode_small_float(ElementType::bf16, 1.00390625L) == 0x3F80);   // halfway, to even
  REQUIRE(encode_small_float(ElementType::bf16, 1.01171875L) == 0x3F82);   // halfway, to even
  REQUIRE(encode_small_float(ElementType::f16, 65520) == 0x7C00);          // past the largest
  REQUIRE(encode_small_float(ElementType::f16, 65519) == 0x7BFF);
  REQUIRE(encode_small_float(ElementType::f16, std::ldexp(1.0L, -26)) == 0);
  REQUIRE(encode_small_float(ElementType::f8e4m3fn, 1000) == 0x7F);        // no infinity: NaN
  REQUIRE(encode_small_float(ElementType::f8e8m0, 1.5L) == 128);           // halfway, to the larger
  REQUIRE(encode_small_float(ElementType::f4e2m1, -7) == 15);              // neither infinity nor NaN
  REQUIRE(encode_small_float(ElementType::f4e2m1, 2.5L) == 4);             // halfway, to even
}

TEST_CASE("a 4-bit tensor keeps two elements in a byte") {
  HostTensor tensor{ElementType::i4, {3}, std::vector<std::byte>(2)};

  set_element(tensor, 0, -8);
  set_element(tensor, 1, 7);
  set_element(tensor, 2, -1);

  REQUIRE(element(tensor, 0) == -8);
  REQUIRE(element(tensor, 1) == 7);
  REQUIRE(element(tensor, 2) == -1);
  REQUIRE(tensor.bytes[0] == std::byte{0x78});
  REQUIRE(tensor.bytes[1] == std::byte{0x0F});
}

TEST_CASE("a 2-bit tensor keeps four elements in a byte") {
  HostTensor tensor{ElementType::i2, {5}, std::vector<std::byte>(2)};

  const int values[] = {-2, 1, -1, 0, 1};
  for (size_t i = 0; i < 5; ++i) set_element(tensor, i, values[i]);

  for (size_t i = 0; i < 5; ++i) REQUIRE(element(tensor, i) == values[i]);
  REQUIRE(tensor.bytes[0] == std::byte{0x36});
  REQUIRE(tensor.bytes[1] == std::byte{0x01});
}

TEST_CASE("64-bit integers are exact") {
  HostTensor tensor{ElementType::i64, {2}, std::vector<std::byte>(16)};

  set_element(tensor, 0, std::numeric_limits<int64_t>::min());
  set_element(tensor, 1, static_cast<long double>(std::numeric_limits<int64_t>::max()));

  REQUIRE(element(tensor, 0) == static_cast<long double>(std::numeric_limits<int64_t>::min()));
  REQUIRE(element(tensor, 1) == static_cast<long double>(std::numeric_limits<int64_t>::max()));
}

TEST_CASE("a tensor of every type comes back from its .npy file") {
  const std::string text = GENERATE("2x3xi1=1", "2x3xi8=-5", "2x3xu8=250", "2x3xi16=-300", "2x3xu16=60000", "2x3xi32=random",
                                    "2x3xu32=random", "2x3xi64=random", "2x3xu64=random", "2x3xf16=random", "2x3xbf16=random",
                                    "2x3xf32=random", "2x3xf64=random", "2x3xc64=random", "2x3xf8e4m3fn=random",
                                    "2x3xf8e5m2=random", "3xi4=1,-2,7", "3xu4=1,2,15",
                                    "5xi2=1,-2,0,-1,1", "5xu2=3,1,2,0,3", "3xf4e2m1=0.5,-6,-0", "3xf8e8m0=1,0.25,8", "f32=4", "0x3xf32=", "5xi32=random");
  const HostTensor written = parse_input(text, 7, {});
  char path[] = "/tmp/halcyon_npy_XXXXXX";
  const int file = mkstemp(path);
  REQUIRE(file >= 0);

  write_npy(path, written);
  const HostTensor read = read_npy(path, written.type);
  std::remove(path);

  REQUIRE(read.type == written.type);
  REQUIRE(read.shape == written.shape);
  REQUIRE(read.bytes == written.bytes);
}

TEST_CASE("bytes of raw elements lose the bits above an element's") {
  const std::string header = "{'descr': '|V1', 'fortran_order': False, 'shape': (2,), }";
  std::string text = std::string("\x93NUMPY\x01", 7) + '\0' + static_cast<char>(header.size()) + '\0' + header + "\xF8\x07";
  char path[] = "/tmp/halcyon_npy_XXXXXX";
  const int file = mkstemp(path);
  REQUIRE(write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  close(file);

  const HostTensor read = read_npy(path, ElementType::i4);
  std::remove(path);

  REQUIRE(read.bytes == std::vector<std::byte>{std::byte{0x78}});
}

TEST_CASE("a comparison is relative to the largest reference value") {
  const HostTensor reference = floats({2, 2}, {0, 1, -100, 2});

  REQUIRE(compare(floats({2, 2}, {0.009f, 1, -100, 2}), reference, 0, 1e-4).holds);
  REQUIRE_FALSE(compare(floats({2, 2}, {0.011f, 1, -100, 2}), reference, 0, 1e-4).holds);
  REQUIRE(compare(floats({2, 2}, {0, 1.01f, -100, 2}), reference, 0.02, 0).holds);
  REQUIRE_FALSE(compare(floats({2, 2}, {0.001f, 1, -100, 2}), reference, 0.02, 0).holds);
}

TEST_CASE("a comparison says where the largest difference is") {
  const Comparison found = compare(floats({2, 2}, {0, 1, -100, 3}), floats({2, 2}, {0, 1, -100, 2}), 0, 1e-4);

  REQUIRE_FALSE(found.holds);
  REQUIRE(found.text.find("= 0.01 at [1,1]: got 3, expected 2; 1 of 4") != std::string::npos);
}

TEST_CASE("NaN and infinity must be where the reference has them") {
  const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  const HostTensor reference = floats({3}, {nan, infinity, 1});

  REQUIRE(compare(floats({3}, {nan, infinity, 1}), reference, 0, 1e-4).holds);
  REQUIRE_FALSE(compare(floats({3}, {0, infinity, 1}), reference, 0, 1e-4).holds);
  REQUIRE_FALSE(compare(floats({3}, {nan, -infinity, 1}), reference, 0, 1e-4).holds);
  REQUIRE_FALSE(compare(floats({3}, {nan, infinity, nan}), reference, 0, 1e-4).holds);
}

TEST_CASE("shape and type must be equal, also of empty tensors") {
  const HostTensor empty{ElementType::f32, {0, 3}, {}};

  REQUIRE(compare(empty, empty, 0, 1e-4).holds);
  REQUIRE_FALSE(compare(empty, HostTensor{ElementType::f32, {0, 4}, {}}, 0, 1e-4).holds);
  REQUIRE_FALSE(compare(empty, HostTensor{ElementType::f64, {0, 3}, {}}, 0, 1e-4).holds);
}
