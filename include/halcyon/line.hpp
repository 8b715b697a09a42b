// halcyon/line.hpp -- a line of text in the caller's memory, for errors in words.
//
//   char text[256];
//   describe_detail::Line(text).add("buffer ").add(7).add(" is gone");
//
// Threads: values, no sharing.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "halcyon/config.hpp"

HALCYON_NAMESPACE_BEGIN
namespace describe_detail {

// Appends to the caller's text; what does not fit is cut. Always terminated.
class Line {
 public:
  explicit Line(std::span<char> text) : text_(text) {
    if (!text_.empty()) text_[0] = '\0';
  }
  Line& add(std::string_view words) {
    for (const char c : words) {
      if (size_ + 1 >= text_.size()) break;
      text_[size_++] = c < ' ' && c >= 0 ? '?' : c;  // names come from files: one line stays one line
    }
    if (!text_.empty()) text_[size_] = '\0';
    return *this;
  }
  Line& add(int64_t number) {
    char digits[24];
    size_t at = sizeof digits;
    uint64_t rest = number < 0 ? 0 - static_cast<uint64_t>(number) : static_cast<uint64_t>(number);
    do {
      digits[--at] = static_cast<char>('0' + rest % 10);
      rest /= 10;
    } while (rest != 0);
    if (number < 0) digits[--at] = '-';
    return add(std::string_view(digits + at, sizeof digits - at));
  }
  std::string_view view() const { return {text_.data(), size_}; }

 private:
  std::span<char> text_;
  size_t size_ = 0;
};

}  // namespace describe_detail
HALCYON_NAMESPACE_END
