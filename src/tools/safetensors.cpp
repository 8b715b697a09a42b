#include "safetensors.hpp"

#include <cstdlib>
#include <cstring>

#include "fail.hpp"
#include "halcyon/platform.hpp"

namespace tools {
namespace {

// A reader of the header's JSON: an object of objects, of which only "data_offsets" matters.
class HeaderReader {
 public:
  HeaderReader(std::string_view text, const std::string& path) : text_(text), path_(path) {}

  bool accept(char c) {
    space();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) damaged();
  }
  std::string string() {
    expect('"');
    std::string result;
    while (at_ < text_.size() && text_[at_] != '"') {
      if (text_[at_] == '\\') ++at_;  // names with \u escapes keep them as they are written
      if (at_ < text_.size()) result += text_[at_++];
    }
    expect('"');
    return result;
  }
  uint64_t number() {
    space();
    uint64_t value = 0;
    const size_t begin = at_;
    for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_)
      if (__builtin_mul_overflow(value, 10u, &value) ||
          __builtin_add_overflow(value, static_cast<uint64_t>(text_[at_] - '0'), &value))
        damaged();
    if (at_ == begin) damaged();
    return value;
  }
  // Any value, without nesting of our own: brackets are counted.
  void skip() {
    for (int depth = 0; at_ < text_.size();) {
      space();
      if (at_ >= text_.size()) break;
      const char c = text_[at_];
      if (depth == 0 && (c == ',' || c == '}' || c == ']')) return;
      if (c == '"') {
        string();
        continue;
      }
      depth += c == '{' || c == '[' ? 1 : c == '}' || c == ']' ? -1 : 0;
      ++at_;
    }
  }
  [[noreturn]] void damaged() const { fail(format("'%s': the header is damaged at byte %zu", path_.c_str(), at_ + 8)); }

 private:
  void space() {
    while (at_ < text_.size() && std::strchr(" \t\r\n", text_[at_]) && text_[at_]) ++at_;
  }
  std::string_view text_;
  const std::string& path_;
  size_t at_ = 0;
};

}  // namespace

ParameterFiles::ParameterFiles(const std::vector<std::string>& words) {
  for (const std::string& word : words) {
    const size_t equals = word.find('=');
    if (equals == std::string::npos || equals + 1 == word.size())
      fail_usage("option '--parameters': '" + word + "' is not SCOPE=FILE.safetensors");
    add(word.substr(0, equals), word.substr(equals + 1));
  }
}

ParameterFiles::~ParameterFiles() {
  for (const Bytes file : files_) halcyon::platform::unmap_file(file);
}

void ParameterFiles::add(const std::string& scope, const std::string& path) {
  const std::string suffix = ".safetensors";
  if (path.size() < suffix.size() || path.substr(path.size() - suffix.size()) != suffix)
    fail_usage("option '--parameters': '" + path + "' is not a .safetensors file");
  auto mapped = halcyon::platform::map_file(path.c_str());
  if (!mapped.ok()) fail("cannot open '" + path + "': " + mapped.status().what());
  const Bytes file = *mapped;
  files_.push_back(file);
  uint64_t length = 0;
  if (file.size() >= 8) std::memcpy(&length, file.data(), 8);
  if (file.size() < 8 || length > file.size() - 8) fail("'" + path + "': not a .safetensors file");
  const Bytes data = file.subspan(8 + length);
  HeaderReader json({reinterpret_cast<const char*>(file.data()) + 8, static_cast<size_t>(length)}, path);
  json.expect('{');
  if (json.accept('}')) return;
  do {
    const std::string tensor = json.string();
    json.expect(':');
    json.expect('{');
    uint64_t begin = 0, end = 0;
    bool placed = false;
    if (!json.accept('}')) {
      do {
        const std::string key = json.string();
        json.expect(':');
        if (key != "data_offsets" || tensor == "__metadata__") {
          json.skip();
          continue;
        }
        json.expect('[');
        begin = json.number();
        json.expect(',');
        end = json.number();
        json.expect(']');
        placed = true;
      } while (json.accept(','));
      json.expect('}');
    }
    if (tensor == "__metadata__") continue;
    if (!placed || begin > end || end > data.size()) fail("'" + path + "': tensor '" + tensor + "' lies outside the file");
    tensors_.insert_or_assign({scope, tensor}, data.subspan(begin, end - begin));
  } while (json.accept(','));
  json.expect('}');
}

halcyon::ParameterSource ParameterFiles::source() {
  return {this, [](void* self, std::string_view scope, std::string_view key, halcyon::Parameter& parameter) -> halcyon::Status {
            const auto& tensors = static_cast<ParameterFiles*>(self)->tensors_;
            const auto found = tensors.find({std::string(scope), std::string(key)});
            if (found == tensors.end()) return {halcyon::Code::not_found, "parameters: no file has this tensor"};
            parameter.bytes = found->second;
            return {};
          }};
}

}  // namespace tools
