// halcyon/program.hpp -- a loaded artifact on a device.
//
//   HALCYON_ASSIGN(auto device, cpu::create_device());
//   HALCYON_ASSIGN(auto program, Program::load(*device, "model.hcm"));
//   HALCYON_ASSIGN(auto main, program->function("main"));
//   HALCYON_ASSIGN(auto outputs, main.call({input}));
//   HALCYON_TRY(outputs[0].read(scores));
//
// Loading maps the file, verifies its metadata whole, takes the plan and the kernels that fit the device,
// and imports the weights where the device can see host memory (else uploads them once). The device
// outlives the program; the program outlives its functions and prepared calls.
// Threads: calls may run on several threads, one PreparedCall each, unless they write module variables.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>

#include "halcyon/call.hpp"
#include "halcyon/host_call.hpp"

HALCYON_NAMESPACE_BEGIN

enum class LoadMode : uint8_t {
  map,   // the file stays mapped and must not change
  copy,  // the file is read into memory; it may change or go
};

// Where external parameters come from, by (scope, key). `find` sets `bytes` (borrowed as long as the
// program) or `buffer` (shared), or returns not_found.
struct Parameter {
  std::span<const std::byte> bytes;
  Ref<hal::Buffer> buffer;
};
struct ParameterSource {
  void* self = nullptr;
  Status (*find)(void* self, std::string_view scope, std::string_view key, Parameter& parameter) = nullptr;
};

struct LoadOptions {
  Allocator allocator = {};  // {}: the system's
  LoadMode mode = LoadMode::map;
  bool verify_sha256 = false;
  Status (*authenticate)(void* user, std::span<const std::byte> metadata) = nullptr;  // before anything is used
  void* user = nullptr;
  ParameterSource parameters = {};
  std::span<const Callback> callbacks = {};  // functions that the model calls, by name; copied
  bool lists = true;  // false: a model that carries sequences is refused, and what runs them is not linked
  // Where load fails, a line with names that a Status cannot hold ("kernels 0, variant 1 (x86_64): needs avx2").
  std::span<char> message = {};
};

class Program {
 public:
  static Result<Owned<Program>> load(hal::Device& device, const char* path, const LoadOptions& options = {}) {
    return load(device, path, {}, options, parts_for(options));
  }
  // `file` is borrowed as long as the program lives; LoadMode does not matter.
  static Result<Owned<Program>> load(hal::Device& device, std::span<const std::byte> file, const LoadOptions& options = {}) {
    return load(device, nullptr, file, options, parts_for(options));
  }

  Result<Function> function(std::string_view name);  // not_found
  Function function(uint32_t index);
  uint32_t function_count() const { return static_cast<uint32_t>(artifact_->functions().size()); }

  // A module variable's present value, sharing its bytes; variables are a program's own.
  Result<Tensor> variable(std::string_view name);

  const Artifact& artifact() const { return *artifact_; }
  hal::Device& device() const { return *device_; }
  uint32_t plan() const { return plan_; }  // which of artifact().plans() runs
  // Which variant of an executable runs, and why those before it do not.
  uint32_t variant(uint32_t executable) const { return executables_[executable]->variant(); }
  std::span<const hal::Rejection> rejections(uint32_t executable) const;

  // "main: argument 1 'tokens', dimension 0: expected 4, got 409": writes a terminated line, cut to fit.
  std::string_view describe(const Status& status, std::span<char> text) const;

  explicit Program(const Allocator& allocator);
  ~Program();
  const Allocator& allocator() const { return arena_.allocator(); }
  size_t object_size() const { return sizeof(Program); }
  size_t object_alignment() const { return alignof(Program); }
  void* object_memory() { return this; }

 private:
  friend class Frame;
  friend class Function;
  struct Range {  // part of a buffer
    Ref<hal::Buffer> buffer;
    uint64_t offset = 0, size = 0;
  };
  // What only some options need; null where they do not ask for it, so that it is not linked.
  struct Parts {
    Status (*verify)(const Artifact& artifact);
    void (*explain)(const Program& program, uint32_t executable, const Status& status, std::span<char> message);
    Status (*load_external)(Program& program, const ConstantDesc& desc, const ParameterSource& source, Ref<hal::Buffer>& buffer);
    void (*name_parameter)(const ConstantDesc& desc, std::span<char> message);
    Result<std::span<const std::byte>> (*read_file)(const char* path, const Allocator& allocator);
    Status (*bind_callbacks)(Program& program, const LoadOptions& options);
    void (*bind_lists)(Program& program);
  };
  static Parts parts_for(const LoadOptions& options) {
    const bool explains = !options.message.empty();
    return {options.verify_sha256 ? &Program::verify : nullptr, explains ? &Program::explain : nullptr,
            options.parameters.find ? &Program::load_external : nullptr, explains ? &Program::name_parameter : nullptr,
            options.mode == LoadMode::copy ? &Program::read_file : nullptr,
            explains || !options.callbacks.empty() ? &Program::bind_callbacks : nullptr,
            options.lists ? &Program::bind_lists : nullptr};
  }
  static Result<Owned<Program>> load(hal::Device& device, const char* path, std::span<const std::byte> file, const LoadOptions& options,
                                     const Parts& parts);
  static Status verify(const Artifact& artifact) { return artifact.verify_sha256(); }
  static void explain(const Program& program, uint32_t executable, const Status& status, std::span<char> message);
  static Status load_external(Program& program, const ConstantDesc& desc, const ParameterSource& source, Ref<hal::Buffer>& buffer);
  static void name_parameter(const ConstantDesc& desc, std::span<char> message);
  static Result<std::span<const std::byte>> read_file(const char* path, const Allocator& allocator);
  static Status bind_callbacks(Program& program, const LoadOptions& options);
  static void bind_lists(Program& program);
  Status initialize(hal::Device& device, const LoadOptions& options, const Parts& parts);
  Status choose_plan();
  Status create_executables(const LoadOptions& options, const Parts& parts);
  Status create_command_lists();
  Status load_constants(const LoadOptions& options, const Parts& parts);
  Status load_bytes(std::span<const std::byte> bytes, const char* label, Ref<hal::Buffer>& buffer);
  Status create_variables();

  hal::Device* device_ = nullptr;
  std::span<const std::byte> file_;   // owned where mapped_ or copied_
  bool mapped_ = false, copied_ = false;
  Owned<Artifact> artifact_;
  uint32_t plan_ = 0;
  Arena arena_;  // of the spans below
  std::span<Ref<hal::Executable>> executables_;
  std::span<hal::Rejection> rejections_;
  std::span<uint32_t> first_rejection_;  // of each executable, and one past the last
  std::span<Ref<hal::Commands>> command_lists_;
  std::span<Ref<hal::Buffer>> segments_;  // those of constants, once one is used
  std::span<Range> constants_;
  std::span<Ref<hal::Buffer>> variables_;
  std::span<Callback> callbacks_;  // one for each that the artifact names
  bool (*call_host_)(Frame& frame, const uint32_t* words, const void* registers) = nullptr;  // set where there are any
  bool (*run_list_)(Frame& frame, const uint32_t* words, void* registers) = nullptr;  // set by LoadOptions::lists
};

// The same line without names, where there is no program: "corrupt_artifact: ..., byte 123".
std::string_view describe(const Status& status, std::span<char> text);

HALCYON_NAMESPACE_END

#if defined(HALCYON_INLINE_BODIES)
#include "halcyon/program.ipp"
#endif
