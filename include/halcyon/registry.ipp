// Bodies of halcyon/registry.hpp.
#pragma once
#include "halcyon/registry.hpp"

HALCYON_NAMESPACE_BEGIN

HALCYON_FUNC bool parse_number(std::string_view text, uint64_t& value) {
  if (text.empty()) return false;
  uint64_t number = 0;
  for (const char digit : text) {
    if (digit < '0' || digit > '9') return false;
    if (__builtin_mul_overflow(number, uint64_t{10}, &number)) return false;
    if (__builtin_add_overflow(number, static_cast<uint64_t>(digit - '0'), &number)) return false;
  }
  value = number;
  return true;
}

HALCYON_FUNC bool parse_flag(std::string_view text, bool& value) {
  if (text != "0" && text != "1") return false;
  value = text == "1";
  return true;
}

HALCYON_FUNC bool next_option(std::string_view& options, Option& option) {
  if (options.empty()) return false;
  const size_t comma = options.find(',');
  const std::string_view item = options.substr(0, comma);
  options = comma == std::string_view::npos ? std::string_view() : options.substr(comma + 1);
  const size_t equals = item.find('=');
  uint64_t index = 0;
  if (equals != std::string_view::npos) {
    option = {item.substr(0, equals), item.substr(equals + 1)};
  } else if (parse_number(item, index)) {
    option = {"index", item};
  } else if (item == "unmappable") {
    option = {"mappable", "0"};
  } else {
    option = {item, "1"};
  }
  return true;
}

HALCYON_FUNC Status Registry::add(const Driver& driver) {
  if (driver.name.empty() || !driver.create) return {Code::invalid_argument, "registry: a driver needs a name and a create function"};
  for (const Driver& present : drivers())
    if (present.name == driver.name) return {Code::invalid_argument, "registry: this driver is there already"};
  if (count_ == max_drivers) return {Code::failed_precondition, "registry: full; it takes 16 drivers"};
  drivers_[count_++] = driver;
  return {};
}

HALCYON_FUNC Result<Owned<hal::Device>> Registry::create(std::string_view device, const Allocator& allocator) const {
  const size_t end = device.find_first_of(":,");
  const std::string_view name = device.substr(0, end);
  const std::string_view options = end == std::string_view::npos ? std::string_view() : device.substr(end + 1);
  for (const Driver& driver : drivers())
    if (driver.name == name) return driver.create(options, allocator);
  return Status(Code::not_found, "registry: no driver of this name");
}

HALCYON_NAMESPACE_END
