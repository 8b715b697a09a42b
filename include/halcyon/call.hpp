// halcyon/call.hpp -- calling a function: once, prepared and repeated, or in the background.
//
//   HALCYON_ASSIGN(auto outputs, main.call({input}));               // device-local results
//
//   HALCYON_ASSIGN(auto call, main.prepare());                      // resolves everything once
//   HALCYON_TRY(call->set_argument(0, input));
//   for (;;) { HALCYON_TRY(call->run()); use(call->result(0)); }    // allocates nothing once warm
//
// A PreparedCall must not outlive its program; one thread and one call in flight at a time; threads take
// one each. A call that failed leaves it usable. Results are device-local unless the artifact was compiled
// with --external-resources-mappable.
#pragma once
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>

#include "halcyon/artifact.hpp"
#include "halcyon/tensor.hpp"

HALCYON_NAMESPACE_BEGIN

class Program;
class Frame;

// Values that the host passes without device memory, for arguments of residence `host`; borrowed until
// set_argument or call returns. At most 64 elements.
struct HostValues {
  Shape shape;
  ElementType type;
  std::span<const std::byte> bytes;
};
template <ElementRange Values>
HostValues host(Shape shape, const Values& values) {
  const auto elements = std::span(std::data(values), std::size(values));
  return {shape, element_type_of<std::remove_cvref_t<decltype(elements[0])>>, std::as_bytes(elements)};
}
// A scalar; borrowed like the rest.
template <class T>
  requires(element_type_of<T> != ElementType{})
HostValues host(const T& value) {
  return {{}, element_type_of<T>, std::as_bytes(std::span(&value, 1))};
}

class Argument {
 public:
  Argument() = default;
  Argument(Tensor tensor) : tensor_(std::move(tensor)) {}
  Argument(const HostValues& values) : values_(values), is_host_(true) {}

 private:
  friend class Frame;
  friend Argument donate(Tensor& tensor);
  Tensor tensor_;
  HostValues values_;
  bool is_host_ = false, donated_ = false;
};

// Gives the tensor's buffer to the call, whose result lives in it; `tensor` is empty afterwards. For
// arguments that were compiled with --donate, which need it. Copies of the tensor share its bytes: they change with it.
inline Argument donate(Tensor& tensor) {
  Argument argument(std::move(tensor));
  tensor = Tensor();
  argument.donated_ = true;
  return argument;
}

struct RunOptions {
  uint64_t instruction_budget = UINT64_MAX;  // of the host program; then Code::timeout
};

class PreparedCall {
 public:
  // Checked here: element type, rank, static sizes, alignment. Invalid_argument with Where{argument}.
  // The argument stays set for further runs; a donated one is consumed by the next.
  Status set_argument(uint32_t index, const Argument& argument);
  // The caller's tensor receives the result; its shape must fit the descriptor. An empty one unbinds.
  Status bind_result(uint32_t index, Tensor tensor);
  // Of the last run that succeeded; the next run overwrites its bytes unless it is shared or taken.
  const Tensor& result(uint32_t index) const;
  Tensor take_result(uint32_t index);
  uint32_t argument_count() const;
  uint32_t result_count() const;

  Status run(const RunOptions& options = {});
  // The first work waits for `waits`; `signals` are reached when the last is done. Blocks only where the
  // host program reads from the device. wait() before the next run; results are valid then.
  Status run_async(std::span<const hal::Timepoint> waits, std::span<const hal::Timepoint> signals, const RunOptions& options = {});
  Status wait(uint64_t timeout_ns = UINT64_MAX);

  explicit PreparedCall(Owned<Frame> frame);
  ~PreparedCall();
  const Allocator& allocator() const;
  size_t object_size() const { return sizeof(PreparedCall); }
  size_t object_alignment() const { return alignof(PreparedCall); }
  void* object_memory() { return this; }

 private:
  Owned<Frame> frame_;
};

// A program's entry; a small value that must not outlive the program.
class Function {
 public:
  std::string_view name() const { return desc_->name; }
  std::span<const ValueDesc> arguments() const { return desc_->arguments; }
  std::span<const ValueDesc> results() const { return desc_->results; }
  // The result that argument `index` is donated to, or -1. Such an argument is passed as donate(tensor).
  int32_t donated_to(uint32_t index) const;
  uint32_t index() const { return index_; }

  Result<Owned<PreparedCall>> prepare(std::span<const Argument> arguments = {}) const;
  Result<Owned<PreparedCall>> prepare(std::initializer_list<Argument> arguments) const {
    return prepare(std::span<const Argument>(arguments.begin(), arguments.size()));
  }
  // Prepares, runs, waits. Errors: as set_argument and run.
  Result<Array<Tensor>> call(std::span<const Argument> arguments, const RunOptions& options = {}) const;
  Result<Array<Tensor>> call(std::initializer_list<Argument> arguments, const RunOptions& options = {}) const {
    return call(std::span<const Argument>(arguments.begin(), arguments.size()), options);
  }
  Result<Array<Tensor>> call(std::span<const Tensor> arguments, const RunOptions& options = {}) const;

 private:
  friend class Program;
  Function(Program& program, const FunctionDesc& desc, uint32_t index) : program_(&program), desc_(&desc), index_(index) {}
  Program* program_;
  const FunctionDesc* desc_;
  uint32_t index_;
};

HALCYON_NAMESPACE_END

#if defined(HALCYON_INLINE_BODIES)
#include "halcyon/program.hpp"
#endif
