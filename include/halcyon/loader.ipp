// Bodies of halcyon/loader.hpp.
#pragma once
#include <cstring>

#include "halcyon/driver_plugin.hpp"
#include "halcyon/loader.hpp"
#include "halcyon/platform.hpp"

HALCYON_NAMESPACE_BEGIN

HALCYON_FUNC DriverLibrary& DriverLibrary::operator=(DriverLibrary&& other) noexcept {
  std::swap(library_, other.library_);
  std::swap(driver_, other.driver_);
  return *this;
}

HALCYON_FUNC DriverLibrary::~DriverLibrary() {
  if (library_) platform::close_library(library_);
}

HALCYON_FUNC Result<DriverLibrary> DriverLibrary::open(const char* path, std::span<char> message) {
  if (!message.empty()) message[0] = '\0';
  HALCYON_TRY(platform::file_size(path).status());
  char file[4096] = "./";
  const size_t prefix = std::strchr(path, '/') ? 0 : 2, length = std::strlen(path);
  if (length >= sizeof file - prefix) return Status(Code::invalid_argument, "load driver: the path is too long");
  std::memcpy(file + prefix, path, length + 1);
  DriverLibrary opened(platform::open_library(file));
  if (!opened.library_) {
    const char* why = platform::library_error();
    for (size_t i = 0; i < message.size(); ++i) {
      message[i] = i + 1 < message.size() ? why[i] : '\0';
      if (message[i] == '\0') break;
    }
    return Status(Code::failed_precondition, "load driver: not a shared object that loads here");
  }
  HALCYON_TRY(opened.find_driver());
  return opened;
}

HALCYON_FUNC Status DriverLibrary::find_driver() {
  void* symbol = platform::find_symbol(library_, "halcyon_driver");
  if (!symbol) return {Code::failed_precondition, "load driver: the object has no symbol 'halcyon_driver': it is no driver of Halcyon"};
  const auto ask = reinterpret_cast<halcyon_driver_function>(symbol);
  const halcyon_driver_plugin* plugin = ask(HALCYON_DRIVER_ABI);
  if (!plugin) return {Code::failed_precondition, "load driver: the driver refuses to serve this program"};
  if (plugin->abi != HALCYON_DRIVER_ABI || plugin->size < sizeof *plugin)
    return mismatch(Code::failed_precondition, "load driver: built for another driver interface", HALCYON_DRIVER_ABI, plugin->abi);
  constexpr uint64_t version = HALCYON_VERSION_MAJOR << 16 | HALCYON_VERSION_MINOR;
  const uint64_t found = uint64_t{plugin->major} << 16 | plugin->minor;
  if (found != version) return mismatch(Code::failed_precondition, "load driver: built for another version of Halcyon", version, found);
  if (plugin->layout != driver_layout())
    return {Code::failed_precondition, "load driver: its HAL is laid out differently: build it with the same headers and C++ library"};
  driver_ = static_cast<const Driver*>(plugin->driver);
  if (!driver_ || !driver_->create || driver_->name.empty())
    return {Code::failed_precondition, "load driver: the object names no driver"};
  return {};
}

HALCYON_NAMESPACE_END
