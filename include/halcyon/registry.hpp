// halcyon/registry.hpp -- devices by name, from the drivers that the application chose.
//
//   Registry registry;
//   HALCYON_TRY(registry.add({"cpu", &cpu::create_from_options}));
//   HALCYON_ASSIGN(auto device, registry.create("cpu:unmappable,threads=2", allocator));
//
// A name is DRIVER[:INDEX or WORD][,KEY=VALUE]... ; a driver gets what follows its own name as
// "INDEX,KEY=VALUE" or "WORD=1,KEY=VALUE", and "unmappable" as "mappable=0". Nothing registers itself.
// Threads: one at a time.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>

#include "halcyon/hal/device.hpp"

HALCYON_NAMESPACE_BEGIN

struct Driver {
  std::string_view name;
  Result<Owned<hal::Device>> (*create)(std::string_view options, const Allocator& allocator) = nullptr;
};

// One KEY=VALUE of a driver's options; a leading INDEX has the key "index", a bare WORD the value "1".
struct Option {
  std::string_view key;
  std::string_view value;
};

// Takes the next option off the front of `options`; false at the end.
//   for (Option option; next_option(options, option);) { ... }
bool next_option(std::string_view& options, Option& option);

// Decimal, or 0/1 for a flag; false where `text` is anything else.
bool parse_number(std::string_view text, uint64_t& value);
bool parse_flag(std::string_view text, bool& value);

class Registry {
 public:
  static constexpr uint32_t max_drivers = 16;

  Status add(const Driver& driver);  // invalid_argument for a name twice
  std::span<const Driver> drivers() const { return {drivers_, count_}; }
  // Errors: not_found for an unknown driver, invalid_argument for an option it does not know.
  Result<Owned<hal::Device>> create(std::string_view device, const Allocator& allocator) const;
#if !defined(HALCYON_FREESTANDING)
  Result<Owned<hal::Device>> create(std::string_view device) const { return create(device, system_allocator()); }
#endif

 private:
  Driver drivers_[max_drivers];
  uint32_t count_ = 0;
};

HALCYON_NAMESPACE_END

#if defined(HALCYON_INLINE_BODIES)
#include "halcyon/registry.ipp"
#endif
