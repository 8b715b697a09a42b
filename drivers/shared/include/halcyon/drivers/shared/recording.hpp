// halcyon/drivers/shared/recording.hpp -- a command list for devices that work on host memory: flattened
// once, checked and run at each submission.
//
//   HALCYON_ASSIGN(auto list, Recording::create(owner, desc));
//   HALCYON_TRY(resolve(submission.bindings, slots));
//   HALCYON_TRY(list->check(view));            // everything is checked before anything runs
//   HALCYON_TRY(run(*list, view, context));
//
// A dispatch whose ranges and workload are literals is checked once, at creation, down to one comparison
// for each slot; the others are evaluated at every submission.
#pragma once
#include "halcyon/allocator.hpp"
#include "halcyon/drivers/shared/host_buffer.hpp"
#include "halcyon/drivers/shared/owner.hpp"
#include "halcyon/hal/commands.hpp"
#include "halcyon/hal/device.hpp"
#include "halcyon/hal/kernel_abi.h"

HALCYON_NAMESPACE_BEGIN
namespace shared {

// One export of an executable, as a step calls it.
struct Kernel {
  hcy_kernel function = nullptr;  // null: a dispatch is checked and does nothing
  uint32_t tile[3] = {1, 1, 1};
  uint32_t local_memory = 0;
  hal::KernelShape shape;
  uint32_t location = UINT32_MAX;
  std::string_view name;
};

class HostExecutable : public hal::Executable {
 public:
  std::span<const Kernel> kernels() const { return kernels_; }

 protected:
  explicit HostExecutable(const Allocator& allocator) : arena_(allocator) {}
  // Copies what all variants share, names included.
  Status describe(const hal::ExecutableDesc& desc);

  std::span<Kernel> kernels_;

 private:
  Arena arena_;
};

// What a binding slot holds in one submission.
struct Slot {
  std::byte* data = nullptr;
  uint64_t size = 0;
  const hal::Buffer* buffer = nullptr;
  uint64_t offset = 0;  // of data, in the buffer
};

// One submission, as commands see it.
struct View {
  std::span<const Slot> slots;
  std::span<const uint64_t> parameters;
};

// A command with what is known before it runs.
struct Step {
  hal::Command::Type type = hal::Command::Type::barrier;
  uint8_t pattern_size = 1;
  bool settled = false;           // needs no check of its own at submission
  uint32_t range_count = 0;
  uint32_t operand_count = 0;
  uint32_t index = 0;             // of the command in the list, for errors
  uint32_t location = UINT32_MAX;
  const Kernel* kernel = nullptr;
  const hal::Range* ranges = nullptr;
  const hal::Operand* operands = nullptr;
  const uint64_t* literals = nullptr;  // the operands' values where none is a parameter
  hal::Operand workload[3];
  uint64_t pattern = 0;
  const std::byte* data = nullptr;     // an update's, where it has no operand
  uint64_t value_size = 0;             // of an update, bytes
};

class Recording final : public hal::Commands {
 public:
  static Result<Ref<hal::Commands>> create(Owner& owner, const hal::CommandsDesc& desc);
  explicit Recording(Owner& owner) : owner_(owner), arena_(owner.allocator) {}

  Status check(const View& view) const;
  std::span<const Step> steps() const { return steps_; }
  uint32_t dispatches() const { return dispatches_; }
  uint32_t widest() const { return widest_; }              // most ranges of a dispatch
  uint32_t most_operands() const { return most_operands_; }
  uint32_t local_memory() const { return local_memory_; }  // most that a kernel asks for

 private:
  void recycle() override { owner_.destroy(this); }
  Status fill(const hal::CommandsDesc& desc);
  void settle(Step& step);

  Owner& owner_;
  Arena arena_;
  std::span<Step> steps_;
  std::span<uint64_t> needs_;  // bytes that the literal ranges need of each slot
  uint32_t dispatches_ = 0, widest_ = 0, most_operands_ = 0, local_memory_ = 0;
  bool all_settled_ = true;
};

// How the workgroups of one dispatch are run; null: one after the other on this thread.
struct WorkgroupRunner {
  void* self = nullptr;
  // `local` is `local_size` bytes for each worker, one after the other.
  int32_t (*run)(void* self, const hcy_dispatch& dispatch, hcy_kernel kernel, std::byte* local, uint64_t local_size) = nullptr;
};

struct RunContext {
  WorkgroupRunner runner;
  std::byte* frame = nullptr;  // frame_size() bytes, 8-byte aligned
  std::byte* local = nullptr;  // 64-byte aligned; local_stride bytes for each worker
  uint64_t local_stride = 0;
  hal::ProfileSink profile;
};

// Checks the bindings of a submission and writes one slot for each. Errors: invalid_argument.
Status resolve(std::span<const hal::Binding> bindings, Slot* slots);
// hal::validate, and a dispatch's kernel exists.
Status validate(const hal::Command& command, uint32_t index, hal::KernelShape slots);
// A step that borrows the command's ranges and operands, for transfers that are not worth a list.
Step borrow(const hal::Command& command, uint32_t index);
Status check(const Step& step, const View& view);
Status run(const Step& step, const View& view, const RunContext& context);

// Bytes of scratch that running steps of this width needs.
constexpr uint64_t frame_size(uint64_t ranges, uint64_t operands) { return ranges * 16 + operands * 8; }

// Workgroups one after the other, x fastest. Returns the first result that is not 0.
int32_t run_workgroups(const hcy_dispatch& dispatch, hcy_kernel kernel, std::byte* local, uint64_t local_size);

}  // namespace shared
HALCYON_NAMESPACE_END

#if defined(HALCYON_INLINE_BODIES)
#include "halcyon/drivers/shared/recording.ipp"
#endif
