// halcyon/checked/commands.hpp -- command lists and executables of a checked device, and what lists touch.
//
// Threads: immutable once created.
#pragma once
#include "halcyon/allocator.hpp"
#include "halcyon/checked/access.hpp"
#include "halcyon/hal/device.hpp"

HALCYON_NAMESPACE_BEGIN
namespace checking {

class CheckedDevice;

class CheckedExecutable final : public hal::Executable {
 private:
  friend class CheckedDevice;
  friend class CheckedCommands;
  explicit CheckedExecutable(CheckedDevice& owner);
  void recycle() override;
  Status describe(const hal::ExecutableDesc& desc);

  CheckedDevice* owner_;  // null: the device is gone
  Arena arena_;
  uint64_t id_ = 0;
  char label_[32] = "";   // the caller's may be gone
  std::span<uint64_t> written_;  // one for each export, as ExportDesc has it
  Ref<hal::Executable> inner_;
};

class CheckedCommands final : public hal::Commands {
 private:
  friend class CheckedDevice;
  struct Entry {
    hal::Command command;        // `executable` is the checked one
    uint64_t executable_id = 0;
    uint64_t written = 0;        // as in CheckedExecutable
  };

  explicit CheckedCommands(CheckedDevice& owner);
  void recycle() override;
  Status copy(const hal::CommandsDesc& desc);

  CheckedDevice* owner_;  // null: the device is gone
  Arena arena_;
  uint64_t id_ = 0;
  char label_[32] = "";
  std::span<Entry> entries_;
  Ref<hal::Commands> inner_;
};

}  // namespace checking
HALCYON_NAMESPACE_END
