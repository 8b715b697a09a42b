// External parameters from .safetensors files.
#include <cstring>

#include "unit.hpp"

using namespace halcyon;
using unit::need;

namespace {

std::vector<std::byte> safetensors(const std::string& header, size_t data_bytes) {
  std::vector<std::byte> file(8 + header.size() + data_bytes);
  const uint64_t size = header.size();
  std::memcpy(file.data(), &size, 8);
  std::memcpy(file.data() + 8, header.data(), header.size());
  for (size_t i = 0; i < data_bytes; ++i) file[8 + header.size() + i] = static_cast<std::byte>(i);
  return file;
}

const char* const good =
    R"({"__metadata__":{"format":"pt"},"a.w":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}, "b":{"dtype":"I8","shape":[],"data_offsets":[16,17]}}  )";

Code open(const std::string& header, size_t data_bytes = 17) { return SafetensorsFile::open(safetensors(header, data_bytes)).status().code(); }

}  // namespace

TEST_CASE("a tensor of a safetensors file is found by its key", "[parameters]") {
  const std::vector<std::byte> bytes = safetensors(good, 17);
  const SafetensorsFile file = need(SafetensorsFile::open(bytes));

  CHECK(need(file.find("a.w")).size() == 16);
  CHECK(need(file.find("b"))[0] == std::byte{16});
  CHECK(file.find("c").status().code() == Code::not_found);
  CHECK(file.find("__metadata__").status().code() == Code::not_found);
}

TEST_CASE("a source serves its scope", "[parameters]") {
  const std::vector<std::byte> bytes = safetensors(good, 17);
  const SafetensorsFile file = need(SafetensorsFile::open(bytes, "model"));
  const ParameterSource source = file.source();
  Parameter parameter;

  CHECK(source.find(source.self, "model", "b", parameter).ok());
  CHECK(parameter.bytes.size() == 1);
  CHECK(source.find(source.self, "other", "b", parameter).code() == Code::not_found);
  CHECK(source.find(source.self, "model", "z", parameter).code() == Code::not_found);
}

TEST_CASE("a safetensors header that is wrong is refused", "[parameters]") {
  const char* header = GENERATE("", "[]", "{", "{\"a\"", "{\"a\":1}", "{\"a\":{}}", "{\"a\":{\"data_offsets\":[0,18]}}", "{\"a\":{\"data_offsets\":[5,4]}}",
                                "{\"a\":{\"data_offsets\":[0,99999999999999999999]}}", "{\"a\":{\"shape\":[1,]}}", "{\"a\":{\"data_offsets\":[0,1]}}x",
                                "{\"a\":{\"data_offsets\":[0,1]},}", "{\"a\\");
  CHECK(open(header) == Code::corrupt_artifact);
}

TEST_CASE("every truncation of a safetensors file is refused", "[parameters]") {
  const std::vector<std::byte> whole = safetensors(good, 17);
  uint32_t opened = 0;
  for (size_t size = 0; size < whole.size(); ++size) {
    const std::vector<std::byte> part(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
    if (SafetensorsFile::open(part).status().code() != Code::corrupt_artifact) ++opened;
  }
  CHECK(open(good) == Code::ok);
  CHECK(opened == 0);
}
