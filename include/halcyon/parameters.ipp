// Bodies of halcyon/parameters.hpp: as much JSON as the header of a .safetensors file has.
#pragma once
#include <cstring>
#include <utility>

#include "halcyon/parameters.hpp"
#include "halcyon/platform.hpp"

HALCYON_NAMESPACE_BEGIN
namespace safetensors_detail {

// A cursor over the header: one object of objects, whose values are strings, numbers and flat arrays. Keys
// are compared as they are written: none with an escape is found.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  bool take(char expected) {
    skip_space();
    if (at_ >= text_.size() || text_[at_] != expected) return false;
    ++at_;
    return true;
  }
  bool string(std::string_view& value) {
    if (!take('"')) return false;
    const size_t begin = at_;
    for (; at_ < text_.size() && text_[at_] != '"'; ++at_)
      if (text_[at_] == '\\') ++at_;
    if (at_ >= text_.size()) return false;
    value = text_.substr(begin, at_++ - begin);
    return true;
  }
  bool number(uint64_t& value) {
    skip_space();
    const size_t begin = at_;
    value = 0;
    for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_)
      if (__builtin_mul_overflow(value, uint64_t{10}, &value) || __builtin_add_overflow(value, static_cast<uint64_t>(text_[at_] - '0'), &value))
        return false;
    return at_ > begin;
  }
  // A string or an array of numbers.
  bool value() {
    std::string_view text;
    uint64_t entry = 0;
    if (!take('[')) return string(text);
    if (take(']')) return true;
    do {
      if (!number(entry)) return false;
    } while (take(','));
    return take(']');
  }
  bool at_end() {
    skip_space();
    return at_ == text_.size();
  }
  size_t position() const { return at_; }

 private:
  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r')) ++at_;
  }
  std::string_view text_;
  size_t at_ = 0;
};

struct Entry {
  std::string_view key;
  bool has_offsets = false;
  uint64_t begin = 0, end = 0;
};

// One member of the outer object, its comma or brace apart.
inline bool read_entry(Cursor& cursor, Entry& entry) {
  entry = {};
  if (!cursor.string(entry.key) || !cursor.take(':') || !cursor.take('{')) return false;
  if (cursor.take('}')) return true;
  do {
    std::string_view name;
    if (!cursor.string(name) || !cursor.take(':')) return false;
    if (name == "data_offsets" && entry.key != "__metadata__") {
      if (!cursor.take('[') || !cursor.number(entry.begin) || !cursor.take(',') || !cursor.number(entry.end) || !cursor.take(']')) return false;
      entry.has_offsets = true;
    } else if (!cursor.value()) {
      return false;
    }
  } while (cursor.take(','));
  return cursor.take('}');
}

}  // namespace safetensors_detail

HALCYON_FUNC SafetensorsFile::SafetensorsFile(SafetensorsFile&& other) noexcept
    : file_(other.file_), header_(other.header_), scope_(other.scope_), data_(other.data_), mapped_(std::exchange(other.mapped_, false)) {}

HALCYON_FUNC SafetensorsFile::~SafetensorsFile() {
  if (mapped_) platform::unmap_file(file_);
}

HALCYON_FUNC Result<SafetensorsFile> SafetensorsFile::open(const char* path, std::string_view scope) {
  SafetensorsFile opened;
  HALCYON_ASSIGN(opened.file_, platform::map_file(path));
  opened.mapped_ = true;
  opened.scope_ = scope;
  HALCYON_TRY(opened.check());
  return opened;
}

HALCYON_FUNC Result<SafetensorsFile> SafetensorsFile::open(std::span<const std::byte> file, std::string_view scope) {
  SafetensorsFile opened;
  opened.file_ = file;
  opened.scope_ = scope;
  HALCYON_TRY(opened.check());
  return opened;
}

// The whole header is read once, so that `find` meets nothing but well-formed entries.
HALCYON_FUNC Status SafetensorsFile::check() {
  const auto corrupt = [](Literal what, uint64_t offset) {
    return Status(Code::corrupt_artifact, what, Where{Kind::byte_offset, Where::whole, 0, 0, static_cast<int64_t>(offset), 0});
  };
  uint64_t size = 0;
  if (file_.size() < sizeof size) return corrupt("safetensors: the file is too short for a header", file_.size());
  std::memcpy(&size, file_.data(), sizeof size);
  if (size > file_.size() - sizeof size) return corrupt("safetensors: the header is not inside the file", 0);
  header_ = {reinterpret_cast<const char*>(file_.data()) + sizeof size, static_cast<size_t>(size)};
  data_ = file_.subspan(sizeof size + static_cast<size_t>(size));
  safetensors_detail::Cursor cursor(header_);
  safetensors_detail::Entry entry;
  if (!cursor.take('{')) return corrupt("safetensors: the header is not a JSON object", sizeof size);
  bool closed = cursor.take('}');
  while (!closed) {
    if (!safetensors_detail::read_entry(cursor, entry)) return corrupt("safetensors: the header is not as it should be", sizeof size + cursor.position());
    if (entry.has_offsets ? entry.begin > entry.end || entry.end > data_.size() : entry.key != "__metadata__")
      return corrupt("safetensors: a tensor's data is not inside the file", sizeof size + cursor.position());
    closed = !cursor.take(',');
    if (closed && !cursor.take('}')) return corrupt("safetensors: the header is not as it should be", sizeof size + cursor.position());
  }
  if (!cursor.at_end()) return corrupt("safetensors: bytes after the header's end", sizeof size + cursor.position());
  return {};
}

HALCYON_FUNC Result<std::span<const std::byte>> SafetensorsFile::find(std::string_view key) const {
  safetensors_detail::Cursor cursor(header_);
  safetensors_detail::Entry entry;
  cursor.take('{');
  while (safetensors_detail::read_entry(cursor, entry)) {
    if (entry.has_offsets && entry.key == key)
      return data_.subspan(static_cast<size_t>(entry.begin), static_cast<size_t>(entry.end - entry.begin));
    if (!cursor.take(',')) break;
  }
  return Status(Code::not_found, "safetensors: the file has no such tensor");
}

HALCYON_FUNC ParameterSource SafetensorsFile::source() const {
  return {const_cast<SafetensorsFile*>(this), [](void* self, std::string_view scope, std::string_view key, Parameter& parameter) -> Status {
            const SafetensorsFile& file = *static_cast<const SafetensorsFile*>(self);
            if (!file.scope_.empty() && file.scope_ != scope) return {Code::not_found, "safetensors: the file is of another scope"};
            HALCYON_ASSIGN(parameter.bytes, file.find(key));
            return {};
          }};
}

HALCYON_NAMESPACE_END
