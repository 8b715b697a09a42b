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
class Argument;
class HostCall;
struct HostTensor;
struct HostValues;

class Frame {
 public:
  static Owned<Frame> create(Program& program, uint32_t function);  // empty where memory has ended

  Status set_argument(uint32_t index, const Argument& argument);
  Status bind_result(uint32_t index, Tensor tensor);
  Tensor& result(uint32_t index) { return results_[index].tensor; }
  uint32_t argument_count() const { return static_cast<uint32_t>(arguments_.size()); }
  uint32_t result_count() const { return static_cast<uint32_t>(results_.size()); }
  // Runs the host program. With waits or signals it returns before the device is done; else it waits.
  Status run(std::span<const hal::Timepoint> waits, std::span<const hal::Timepoint> signals, bool wait, uint64_t budget);
  Status wait(uint64_t timeout_ns);

  explicit Frame(Program& program, const Allocator& allocator);
  ~Frame();
  const Allocator& allocator() const { return arena_.allocator(); }
  size_t object_size() const { return sizeof(Frame); }
  size_t object_alignment() const { return alignof(Frame); }
  void* object_memory() { return this; }

 private:
  // Who keeps a buffer alive: from `variable` on, the register holds a reference. `number`: a list's entry that is none.
  enum class Origin : uint8_t { none, number, argument, donated, constant, variable, allocated };

  friend class HostCall;
  friend class Program;

  struct BufferList;
  struct Register {  // zeroed: empty
    union {
      int64_t i;
      double f;
      hal::Buffer* buffer;
      BufferList* list;
    };
    uint64_t offset, size;  // of a buffer: the range that the register means
    Origin origin;
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
    const HostFunctionDesc* function;
    Register* registers;
    uint32_t pc;              // where the caller goes on
    const uint32_t* results;  // its list, and the first entry that takes a result
    uint32_t first_result;
  };

  bool initialize(uint32_t function);  // false: no memory
  // False: failure_ says why.
  bool check_value(Kind kind, uint32_t index, ElementType type, std::span<const int64_t> shape);
  bool take_values(uint32_t index, const HostValues& values);
  bool take_tensor(uint32_t index, const Tensor& tensor);
  bool check_arguments();
  bool check_donation(uint32_t index);
  bool load_arguments();
  void load_values(uint32_t argument, const std::byte* elements);
  void interpret(uint64_t budget);
  bool step(uint32_t& pc, uint64_t& budget);
  static bool compute(Opcode opcode, const Register& b, const Register& c, Register& a);
  void enter(const HostFunctionDesc& function, Register* registers);
  void leave(const Activation& activation);
  void clear(Register& reg, RegisterType type);
  void assign(Register& target, const Register& source, RegisterType type);
  void set_buffer(Register& target, hal::Buffer* buffer, uint64_t offset, uint64_t size, Origin origin);
  bool allocate(Register& target, int64_t bytes, uint32_t lifetime, uint32_t site);
  hal::BufferDesc buffer_desc(uint32_t lifetime, uint64_t size) const;
  bool take(Site& site, const hal::BufferDesc& desc, hal::Buffer*& buffer);
  bool create_list(Register& target);
  static bool run_list(Frame& frame, const uint32_t* words, void* registers);  // host_lists.ipp
  bool push(BufferList* list, const Register& value, bool is_number);
  bool submit(hal::Commands* commands, std::span<const hal::Command> transfers, std::span<const hal::Binding> bindings,
              std::span<const uint64_t> parameters);
  bool submit_list(uint32_t index, const Register* registers, const uint32_t* list);
  bool copy(hal::Buffer& target, const Register& source, uint64_t bytes);
  bool holds(const Register& reg, int64_t offset, uint64_t size);
  bool read_element(const Register& source, int64_t offset, ElementType type, Register& target);
  bool write_element(const Register& target, int64_t offset, ElementType type, const Register& source);
  static bool call_host(Frame& frame, const uint32_t* words, const void* registers);  // host_call.ipp
  static HostTensor host_tensor(const HostCall& call, uint32_t index);
  bool set_variable(uint32_t index, const Register& source);
  bool finish(const Register* registers, const uint32_t* list);
  bool finish_result(uint32_t index, const Register* registers, const uint32_t* list);
  void finish_signals(std::span<const hal::Timepoint> signals);
  void forget_results();
  bool keep(const Status& status) { return status.ok() || fail(status); }
  HALCYON_COLD bool fail(const Status& status) {
    failure_ = status;
    return false;
  }
  HALCYON_COLD bool fail(Literal what, Code code = Code::failed_precondition) { return fail(Status(code, what)); }
  // Of argument or result `index`: its code is invalid_argument unless it says otherwise.
  HALCYON_COLD bool fail_at(Kind kind, uint32_t index, Literal what, uint8_t dimension = Where::whole, int64_t expected = 0,
                            int64_t actual = 0, Code code = Code::invalid_argument) {
    return fail(Status(code, what, Where{kind, dimension, static_cast<uint16_t>(index), function_, expected, actual}));
  }

  Program& program_;
  const PlanDesc* plan_ = nullptr;
  const FunctionDesc* desc_ = nullptr;
  const HostFunctionDesc* entry_ = nullptr;
  Status failure_;
  uint32_t function_ = 0;
  bool inline_ = false;   // submit runs the work before it returns
  bool checked_ = false;  // the arguments fit together
  bool in_flight_ = false;
  bool any_bound_ = false;

  Arena arena_;  // of the spans below
  std::span<Register> registers_;
  std::span<Activation> stack_;
  uint32_t depth_ = 0;
  std::span<Site> sites_;
  std::span<ArgumentSlot> arguments_;
  std::span<ResultSlot> results_;
  std::span<uint64_t> values_;  // elements of host arguments, as register bits
  std::span<int64_t> symbols_;  // sizes, while arguments are checked
  std::span<hal::Binding> bindings_;
  std::span<uint64_t> parameters_;
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
