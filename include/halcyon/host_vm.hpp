// halcyon/host_vm.hpp -- runs a function's host program: the frame of one prepared call.
//
// The frame holds everything that a call needs: registers, argument and result slots, the buffers of its
// alloca sites. They are made once; a warm run() allocates nothing and, on one thread, takes no lock. The
// program was verified at load (host_verify.ipp), so only what depends on run-time values is checked here.
//
// An alloca site keeps the buffers that it made and hands one out again once nobody else holds it: that is
// how results that the caller dropped, and the transients of the last run, are reused.
// Threads: one at a time.
#pragma once
#include "halcyon/artifact.hpp"
#include "halcyon/host_ops.hpp"
#include "halcyon/tensor.hpp"

HALCYON_NAMESPACE_BEGIN

class Program;
struct HostValues;

class Frame {
 public:
  static Result<Owned<Frame>> create(Program& program, uint32_t function);

  Status set_argument(uint32_t index, const Tensor* tensor, const HostValues* values, bool donated);
  Status bind_result(uint32_t index, Tensor tensor);
  Tensor& result(uint32_t index) { return results_[index].tensor; }
  uint32_t argument_count() const { return static_cast<uint32_t>(arguments_.size()); }
  uint32_t result_count() const { return static_cast<uint32_t>(results_.size()); }
  // Runs the host program. With waits or signals it returns before the device is done; else it waits.
  Status run(std::span<const hal::Timepoint> waits, std::span<const hal::Timepoint> signals, bool wait, uint64_t budget);
  Status wait(uint64_t timeout_ns);

  explicit Frame(Program& program, const Allocator& allocator);
  ~Frame();
  const Allocator& allocator() const { return allocator_; }
  size_t object_size() const { return sizeof(Frame); }
  size_t object_alignment() const { return alignof(Frame); }
  void* object_memory() { return this; }

 private:
  // Who keeps a buffer alive: from `variable` on, the register holds a reference.
  enum class Origin : uint8_t { none, argument, donated, constant, variable, allocated };

  struct BufferList;
  struct Register {
    union {
      int64_t i = 0;
      double f;
      hal::Buffer* buffer;
      BufferList* list;
    };
    uint64_t offset = 0, size = 0;  // of a buffer: the range that the register means
    Origin origin = Origin::none;
  };
  // Shared by the registers that hold it; empty ones are kept for the next list_create.
  struct BufferList {
    explicit BufferList(const Allocator& allocator) : entries(allocator) {}
    const Allocator& allocator() const { return entries.allocator(); }
    size_t object_size() const { return sizeof(BufferList); }
    size_t object_alignment() const { return alignof(BufferList); }
    void* object_memory() { return this; }
    Array<Register> entries;
    BufferList* next = nullptr;
    uint32_t references = 0;
  };
  struct Site {
    Ref<hal::Buffer> cached[2];
    uint8_t newest = 0;
    uint32_t result = UINT32_MAX;  // whose bound buffer is used here
  };
  struct ArgumentSlot {
    Tensor tensor;
    uint32_t first_value = 0;  // of values_
    bool is_set = false, donated = false, by_value = false;
  };
  struct ResultSlot {
    Tensor tensor, bound;
    Site copies;
    bool handed_out = false;  // the bound buffer, in this run
  };
  struct Activation {
    const HostFunctionDesc* function = nullptr;
    Register* registers = nullptr;
    const uint32_t* code = nullptr;
    uint32_t pc = 0;  // where the caller goes on
    const uint32_t* results = nullptr;  // its list, and the first entry that takes a result
    uint32_t first_result = 0;
  };

  Status check_value(uint32_t index, const ValueDesc& desc, ElementType type, std::span<const int64_t> shape) const;
  Status check_arguments();
  Status load_arguments();
  Status interpret(uint64_t budget);
  void enter(const HostFunctionDesc& function, Register* registers);
  void leave(const HostFunctionDesc& function, Register* registers);
  void unwind();
  void clear(Register& reg, RegisterType type);
  void assign(Register& target, const Register& source, RegisterType type);
  Status allocate(Register& target, int64_t bytes, uint32_t lifetime, uint32_t site);
  Status take(Site& site, uint64_t bytes, const hal::BufferDesc& desc, hal::Buffer*& buffer);
  Status create_list(Register& target);
  Status submit(hal::Commands* commands, std::span<const hal::Command> transfers, std::span<const hal::Binding> bindings,
                std::span<const uint64_t> parameters);
  Status submit_list(uint32_t index, const Register* registers, const uint32_t* list);
  Status copy(hal::Buffer& target, const Register& source, uint64_t bytes);
  Status read_element(const Register& source, int64_t offset, ElementType type, uint64_t& bits);
  Status write_element(const Register& target, int64_t offset, ElementType type, uint64_t bits);
  Status set_variable(uint32_t index, const Register& source);
  Status finish(const Register* registers, const uint32_t* list);
  Status finish_result(uint32_t index, const Register* registers, const uint32_t* list);
  Where where_result(uint32_t index, uint8_t dimension, int64_t expected, int64_t actual) const;

  Allocator allocator_;
  Program& program_;
  const PlanDesc* plan_ = nullptr;
  const FunctionDesc* desc_ = nullptr;
  const HostFunctionDesc* entry_ = nullptr;
  uint32_t function_ = 0;
  bool inline_ = false;   // submit runs the work before it returns
  bool checked_ = false;  // the arguments fit together
  bool in_flight_ = false;
  bool any_bound_ = false;

  Array<Register> registers_;
  Array<Activation> stack_;
  uint32_t depth_ = 0;
  Array<Site> sites_;
  Array<ArgumentSlot> arguments_;
  Array<ResultSlot> results_;
  Array<uint64_t> values_;  // elements of host arguments, as register bits
  Array<int64_t> symbols_;  // sizes, while arguments are checked
  Array<hal::Binding> bindings_;
  Array<uint64_t> parameters_;
  BufferList* free_lists_ = nullptr;

  // Submissions of one call follow each other on this timeline where the device does not run them at once.
  Ref<hal::Semaphore> timeline_;
  uint64_t reached_ = 0;
  bool chained_ = false;
  std::span<const hal::Timepoint> first_waits_;
};

HALCYON_NAMESPACE_END

#if defined(HALCYON_INLINE_BODIES)
#include "halcyon/program.hpp"
#endif
