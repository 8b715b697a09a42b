// Writes JSON: values in the order in which they are given.
//
//   Json json;
//   json.object([&] { json.key("functions").array([&] { json.text("main"); }); });
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "fail.hpp"

namespace tools {

class Json {
 public:
  const std::string& str() const { return out_; }

  template <class Body>
  void object(Body body) {
    nest('{', '}', body);
  }
  template <class Body>
  void array(Body body) {
    nest('[', ']', body);
  }
  Json& key(std::string_view name) {
    text(name);
    out_ += ": ";
    first_ = true;  // the value follows without a comma
    return *this;
  }
  void number(uint64_t value) { item(std::to_string(value)); }
  void number(int64_t value) { item(std::to_string(value)); }
  void boolean(bool value) { item(value ? "true" : "false"); }
  void text(std::string_view value) {
    std::string quoted = "\"";
    for (const char c : value) {
      if (c == '"' || c == '\\') quoted += '\\', quoted += c;
      else if (static_cast<unsigned char>(c) < 32) quoted += format("\\u%04x", c);
      else quoted += c;
    }
    item(quoted + '"');
  }

 private:
  template <class Body>
  void nest(char open, char close, Body body) {
    item(std::string(1, open));
    first_ = true;
    body();
    out_ += close;
    first_ = false;
  }
  void item(const std::string& value) {
    if (!first_) out_ += ", ";
    out_ += value;
    first_ = false;
  }

  std::string out_;
  bool first_ = true;
};

}  // namespace tools
