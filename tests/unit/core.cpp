// Status, Result, Array, Ref, element types, SHA-256, device names.
#include <catch2/catch.hpp>
#include <cmath>
#include <string>

#include "halcyon/allocator.hpp"
#include "halcyon/element_type.hpp"
#include "halcyon/host_ops.hpp"
#include "halcyon/ref.hpp"
#include "halcyon/registry.hpp"
#include "halcyon/sha256.hpp"
#include "unit.hpp"

using namespace halcyon;

TEST_CASE("a status is small and says ok by default", "[status]") {
  CHECK(sizeof(Status) <= 40);
  CHECK(Status().ok());
  CHECK_FALSE(Status(Code::timeout, "late").ok());
  CHECK(std::string(name(Code::corrupt_artifact)) == "corrupt_artifact");
}

TEST_CASE("a status is located without losing its text", "[status]") {
  const Status located = Status(Code::internal, "what", {}, 7).at({Kind::argument, 1, 2, 3, 4, 5});

  CHECK(std::string(located.what()) == "what");
  CHECK(located.native() == 7);
  CHECK(located.where().index == 2);
}

TEST_CASE("a result made from an ok status is an internal error", "[status]") {
  const Result<int> result = Status();

  CHECK_FALSE(result.ok());
  CHECK(result.status().code() == Code::internal);
}

TEST_CASE("a result moves its value", "[status]") {
  Result<Array<int>> first = Array<int>(system_allocator());
  REQUIRE(first.value().push(5));
  Result<Array<int>> second = std::move(first);

  CHECK(second.value()[0] == 5);
}

namespace {
Result<int> half(int number) {
  if (number % 2 != 0) return Status(Code::invalid_argument, "half: odd");
  return number / 2;
}
Result<int> quarter(int number) {
  HALCYON_ASSIGN(const int once, half(number));
  return half(once);
}
Status quarters(int number) {
  HALCYON_TRY(quarter(number).status());
  return {};
}
}  // namespace

TEST_CASE("assign and try return the first failure", "[status]") {
  CHECK(quarter(8).value() == 2);
  CHECK(quarter(6).status().code() == Code::invalid_argument);
  CHECK(quarters(6).code() == Code::invalid_argument);
}

TEST_CASE("an element type has a name, a size and an alignment", "[element_type]") {
  const auto [type, text, bytes, align] = GENERATE(table<ElementType, const char*, uint64_t, uint32_t>({
      {ElementType::i1, "i1", 10, 1},    {ElementType::i4, "i4", 5, 1},      {ElementType::u4, "u4", 5, 1},
      {ElementType::i8, "i8", 10, 1},    {ElementType::u8, "u8", 10, 1},     {ElementType::i16, "i16", 20, 2},
      {ElementType::u16, "u16", 20, 2},  {ElementType::i32, "i32", 40, 4},   {ElementType::u32, "u32", 40, 4},
      {ElementType::i64, "i64", 80, 8},  {ElementType::u64, "u64", 80, 8},   {ElementType::f16, "f16", 20, 2},
      {ElementType::bf16, "bf16", 20, 2}, {ElementType::f32, "f32", 40, 4},  {ElementType::f64, "f64", 80, 8},
      {ElementType::f8e4m3fn, "f8e4m3fn", 10, 1}, {ElementType::f8e5m2, "f8e5m2", 10, 1},
      {ElementType::f8e4m3fnuz, "f8e4m3fnuz", 10, 1}, {ElementType::f8e5m2fnuz, "f8e5m2fnuz", 10, 1},
      {ElementType::i2, "i2", 3, 1},     {ElementType::u2, "u2", 3, 1},
      {ElementType::f8e8m0, "f8e8m0", 10, 1}, {ElementType::f4e2m1, "f4e2m1", 5, 1},
      {ElementType::c64, "c64", 80, 4},  {ElementType::c128, "c128", 160, 8},
  }));
  uint64_t size = 0;

  CHECK(std::string(name(type)) == text);
  CHECK(byte_size(type, 10, size));
  CHECK(size == bytes);
  CHECK(alignment(type) == align);
  CHECK(is_known(type));
}

TEST_CASE("a kind comes in its own widths only", "[element_type]") {
  int known = 0;
  for (int kind = 0; kind < 256; ++kind)
    for (int bits = 0; bits < 256; ++bits)
      known += is_known({static_cast<ElementKind>(kind), static_cast<uint8_t>(bits)});

  CHECK(known == 25);
}

TEST_CASE("a byte size that overflows is refused", "[element_type]") {
  uint64_t size = 0;
  CHECK_FALSE(byte_size(ElementType::f64, UINT64_MAX / 8, size));
  CHECK(byte_size(ElementType::i4, 3, size));
  CHECK(size == 2);
}

TEST_CASE("an array grows, shrinks and moves", "[array]") {
  Array<int> array(system_allocator());
  REQUIRE(array.resize(3));
  REQUIRE(array.push(4));
  Array<int> moved = std::move(array);
  moved.pop();

  CHECK(moved.size() == 3);
  CHECK(moved[2] == 0);
  CHECK(array.empty());
}

TEST_CASE("an array that cannot grow stays as it was", "[array]") {
  unit::CountingAllocator counter;
  Array<int> array(counter.allocator());
  REQUIRE(array.push(1));
  counter.refuse_from = counter.calls;

  CHECK_FALSE(array.reserve(1000));
  CHECK(array.size() == 1);
  CHECK(array[0] == 1);
  CHECK_FALSE(array.reserve(SIZE_MAX));
}

namespace {
struct Probe : Counted {
  explicit Probe(int& gone) : gone_(gone) {}
  void recycle() override { ++gone_; }
  int& gone_;
};
}  // namespace

TEST_CASE("the last reference recycles the object", "[ref]") {
  int gone = 0;
  Probe probe(gone);
  {
    Ref<Probe> first = Ref<Probe>::adopt(&probe);
    CHECK(first->unique());
    const Ref<Probe> second = first;
    CHECK_FALSE(first->unique());
    first = nullptr;
    CHECK(gone == 0);
  }
  CHECK(gone == 1);
}

TEST_CASE("sha-256 of the standard's examples", "[sha256]") {
  const auto digest_of = [](const std::string& text) {
    uint8_t digest[32];
    sha256(std::as_bytes(std::span(text.data(), text.size())), digest);
    char hex[65] = {};
    for (int i = 0; i < 32; ++i) snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    return std::string(hex);
  };

  CHECK(digest_of("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(digest_of("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(digest_of(std::string(1000, 'a')) == "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3");
}

TEST_CASE("floats round to halves as IEEE says", "[host_ops]") {
  const auto [value, half, bfloat] = GENERATE(table<double, uint64_t, uint64_t>({
      {0.0, 0x0000, 0x0000},       {-0.0, 0x8000, 0x8000},      {1.0, 0x3c00, 0x3f80},
      {-2.5, 0xc100, 0xc020},      {65504.0, 0x7bff, 0x4780},   {65519.99, 0x7bff, 0x4780},
      {65520.0, 0x7c00, 0x4780},   {1e300, 0x7c00, 0x7f80},     {5.9604644775390625e-8, 0x0001, 0x3380},
      {2.98e-8, 0x0000, 0x3300},   {6.103515625e-5, 0x0400, 0x3880}, {0.333251953125, 0x3555, 0x3eab},
      {INFINITY, 0x7c00, 0x7f80},  {-INFINITY, 0xfc00, 0xff80},
  }));

  CHECK(float_bits(ElementType::f16, value) == half);
  CHECK(float_bits(ElementType::bf16, value) == bfloat);
}

TEST_CASE("every finite half is its own rounding", "[host_ops]") {
  uint32_t wrong = 0;
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const uint16_t half = static_cast<uint16_t>(bits);
    if ((bits & 0x7c00) != 0x7c00 && float_bits(ElementType::f16, load_float(ElementType::f16, &half)) != bits) ++wrong;
    if ((bits & 0x7f80) != 0x7f80 && float_bits(ElementType::bf16, load_float(ElementType::bf16, &half)) != bits) ++wrong;
  }
  CHECK(wrong == 0);
}

TEST_CASE("integers are loaded with their sign and stored cut", "[host_ops]") {
  const uint8_t bytes[8] = {0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

  CHECK(load_integer(ElementType::i8, bytes) == -2);
  CHECK(load_integer(ElementType::u8, bytes) == 254);
  CHECK(load_integer(ElementType::i32, bytes) == -2);
  CHECK(load_integer(ElementType::u16, bytes) == 65534);
  CHECK(load_integer(ElementType::i64, bytes) == -2);
  CHECK(load_integer(ElementType::i1, bytes) == 1);
  CHECK(integer_bits(ElementType::i16, -1) == 0xffff);
  CHECK(integer_bits(ElementType::i1, 12) == 1);
}

namespace {
std::string seen_options;
Result<Owned<hal::Device>> remember(std::string_view options, const Allocator&) {
  seen_options = std::string(options);
  return Status(Code::unsupported, "none");
}
}  // namespace

TEST_CASE("a registry finds the driver and hands it the options", "[registry]") {
  Registry registry;
  REQUIRE(registry.add({"cpu", &remember}).ok());
  const auto [device, options] = GENERATE(table<const char*, const char*>({
      {"cpu", ""}, {"cpu:1", "1"}, {"cpu:unmappable,threads=2", "unmappable,threads=2"}, {"cpu,guard=1", "guard=1"}}));

  CHECK(registry.create(device).status().code() == Code::unsupported);
  CHECK(seen_options == options);
}

TEST_CASE("a registry refuses unknown drivers and names taken", "[registry]") {
  Registry registry;
  REQUIRE(registry.add({"cpu", &remember}).ok());

  CHECK(registry.create("gpu").status().code() == Code::not_found);
  CHECK(registry.create("").status().code() == Code::not_found);
  CHECK(registry.add({"cpu", &remember}).code() == Code::invalid_argument);
  CHECK(registry.add({"", &remember}).code() == Code::invalid_argument);
}

TEST_CASE("options are read one by one", "[registry]") {
  std::string_view rest = "1,unmappable,threads=2,guard";
  Option option;

  REQUIRE(next_option(rest, option));
  CHECK((option.key == "index" && option.value == "1"));
  REQUIRE(next_option(rest, option));
  CHECK((option.key == "mappable" && option.value == "0"));
  REQUIRE(next_option(rest, option));
  CHECK((option.key == "threads" && option.value == "2"));
  REQUIRE(next_option(rest, option));
  CHECK((option.key == "guard" && option.value == "1"));
  CHECK_FALSE(next_option(rest, option));
}

TEST_CASE("numbers and flags are read strictly", "[registry]") {
  uint64_t number = 0;
  bool flag = false;

  CHECK((parse_number("18446744073709551615", number) && number == UINT64_MAX));
  CHECK_FALSE(parse_number("18446744073709551616", number));
  CHECK_FALSE(parse_number("", number));
  CHECK_FALSE(parse_number("-1", number));
  CHECK((parse_flag("1", flag) && flag));
  CHECK_FALSE(parse_flag("yes", flag));
}
