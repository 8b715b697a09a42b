// Bodies of halcyon/program.hpp: loading.
#pragma once
#include "halcyon/describe.ipp"
#include "halcyon/host_vm.hpp"
#include "halcyon/program.hpp"
#if !defined(HALCYON_FREESTANDING)
#include "halcyon/platform.hpp"
#endif

#include "halcyon/call.ipp"
#include "halcyon/frame.ipp"
#include "halcyon/host_call.ipp"
#include "halcyon/host_lists.ipp"
#include "halcyon/host_vm.ipp"

HALCYON_NAMESPACE_BEGIN

HALCYON_FUNC Program::Program(const Allocator& allocator) : arena_(allocator) {}

// Imported buffers point into the file, so it goes last.
HALCYON_FUNC Program::~Program() {
  for (Ref<hal::Buffer>& variable : variables_) variable = nullptr;
  for (Range& constant : constants_) constant.buffer = nullptr;
  for (Ref<hal::Buffer>& segment : segments_) segment = nullptr;
  for (Ref<hal::Commands>& list : command_lists_) list = nullptr;
  for (Ref<hal::Executable>& executable : executables_) executable = nullptr;
  artifact_.reset();
#if !defined(HALCYON_FREESTANDING)
  if (mapped_) platform::unmap_file(file_);
#endif
  if (copied_ && !file_.empty())
    allocator().release(allocator().self, const_cast<std::byte*>(file_.data()), file_.size(), constants_alignment);
}

HALCYON_FUNC Result<Owned<Program>> Program::load(hal::Device& device, const char* path, std::span<const std::byte> file,
                                                  const LoadOptions& options, const Parts& parts) {
  Allocator allocator = options.allocator;
#if !defined(HALCYON_FREESTANDING)
  if (!allocator.allocate) allocator = system_allocator();
#endif
  if (!options.message.empty()) options.message[0] = '\0';
  auto program = make<Program>(allocator, allocator);
  if (!program) return out_of_memory();
  program->file_ = file;
#if !defined(HALCYON_FREESTANDING)
  if (path) {
    HALCYON_ASSIGN(program->file_, parts.read_file ? parts.read_file(path, allocator) : platform::map_file(path));
    (parts.read_file ? program->copied_ : program->mapped_) = true;
  }
#endif
  HALCYON_TRY(program->initialize(device, options, parts));
  return program;
}

#if !defined(HALCYON_FREESTANDING)
HALCYON_FUNC Result<std::span<const std::byte>> Program::read_file(const char* path, const Allocator& allocator) {
  HALCYON_ASSIGN(const uint64_t size, platform::file_size(path));
  if (size == 0) return std::span<const std::byte>();
  void* memory = allocator.allocate(allocator.self, static_cast<size_t>(size), constants_alignment);
  if (!memory) return Status(Code::out_of_memory, "load: no memory for the file");
  const std::span<std::byte> bytes(static_cast<std::byte*>(memory), static_cast<size_t>(size));
  if (const Status status = platform::read_file(path, bytes); !status.ok()) {
    allocator.release(allocator.self, memory, bytes.size(), constants_alignment);
    return status;
  }
  return std::span<const std::byte>(bytes);
}
#endif

HALCYON_FUNC Status Program::initialize(hal::Device& device, const LoadOptions& options, const Parts& parts) {
  device_ = &device;
  HALCYON_ASSIGN(artifact_, Artifact::open(file_, {options.authenticate, options.user, parts.bind_callbacks != nullptr, parts.bind_lists != nullptr}, allocator()));
  if (parts.bind_lists) parts.bind_lists(*this);
  if (parts.verify) HALCYON_TRY(parts.verify(*artifact_));
  HALCYON_TRY(choose_plan());
  if (parts.bind_callbacks) HALCYON_TRY(parts.bind_callbacks(*this, options));
  HALCYON_TRY(create_executables(options, parts));
  HALCYON_TRY(create_command_lists());
  HALCYON_TRY(load_constants(options, parts));
  return create_variables();
}

HALCYON_FUNC Status Program::choose_plan() {
  const hal::Caps& caps = device_->caps();
  const std::span<const PlanDesc> plans = artifact_->plans();
  for (uint32_t i = 0; i < plans.size(); ++i) {
    if (!caps.accepts_any_plan && plans[i].family != caps.family) continue;
    plan_ = i;
    return {};
  }
  return {Code::unsupported, "load: the artifact has no plan for this kind of device"};
}

HALCYON_FUNC Status Program::create_executables(const LoadOptions& options, const Parts& parts) {
  const std::span<const hal::ExecutableDesc> descs = artifact_->plans()[plan_].executables;
  uint32_t variants = 0;
  if (!arena_.allocate(descs.size() + 1, first_rejection_)) return out_of_memory();
  for (size_t i = 0; i < descs.size(); ++i) {
    variants += static_cast<uint32_t>(descs[i].variants.size());
    first_rejection_[i + 1] = variants;
  }
  if (!arena_.allocate(variants, rejections_) || !arena_.allocate(descs.size(), executables_)) return out_of_memory();
  for (uint32_t i = 0; i < descs.size(); ++i) {
    auto made = device_->create_executable(descs[i], rejections_.subspan(first_rejection_[i], descs[i].variants.size()));
    if (!made.ok()) {
      if (parts.explain) parts.explain(*this, i, made.status(), options.message);
      return made.status();
    }
    executables_[i] = std::move(made).value();
  }
  return {};
}

// Why each variant of an executable was passed over.
HALCYON_FUNC void Program::explain(const Program& program, uint32_t executable, const Status& status, std::span<char> message) {
  const std::span<const hal::Rejection> why = program.rejections(executable);
  describe_detail::Line line(message);
  line.add("kernels ").add(executable);
  for (uint32_t v = 0; v < why.size(); ++v) {
    const hal::VariantDesc& variant = program.artifact_->plans()[program.plan_].executables[executable].variants[v];
    line.add(", variant ").add(v).add(" (").add(variant.target);
    if (!variant.cpu.empty()) line.add(" ").add(variant.cpu);
    line.add("): ").add(*why[v].reason ? why[v].reason : status.what());
    if (!why[v].feature.empty()) line.add(" ").add(why[v].feature);
  }
}

HALCYON_FUNC Status Program::create_command_lists() {
  const std::span<CommandListDesc> lists = artifact_->desc_->plans[plan_].command_lists;
  if (!arena_.allocate(lists.size(), command_lists_)) return out_of_memory();
  for (size_t i = 0; i < lists.size(); ++i) {
    const CommandListDesc& list = lists[i];
    for (hal::Command& command : list.commands)
      if (command.type == hal::Command::Type::dispatch) command.executable = executables_[command.executable_index].get();
    HALCYON_ASSIGN(command_lists_[i], device_->create_commands({list.commands, list.bindings, list.parameters, "submit"}));
  }
  return {};
}

// Bytes that never change, as a buffer: in place where the device sees host memory.
HALCYON_FUNC Status Program::load_bytes(std::span<const std::byte> bytes, const char* label, Ref<hal::Buffer>& buffer) {
  const hal::BufferDesc desc{.size = bytes.size(), .label = label};
  const bool is_aligned = reinterpret_cast<uintptr_t>(bytes.data()) % constants_alignment == 0;
  if (device_->caps().import_host && is_aligned && !bytes.empty()) {
    const std::span<std::byte> writable(const_cast<std::byte*>(bytes.data()), bytes.size());  // the program only reads it
    HALCYON_ASSIGN(buffer, device_->import_host(writable, desc, nullptr, nullptr));
    return {};
  }
  HALCYON_TRY(hal::allocate(*device_, desc, buffer));
  return hal::write(*device_, *buffer, 0, bytes);
}

HALCYON_FUNC Status Program::load_constants(const LoadOptions& options, const Parts& parts) {
  const std::span<const ConstantDesc> descs = artifact_->constants();
  if (!arena_.allocate(artifact_->segments().size(), segments_)) return out_of_memory();
  if (!arena_.allocate(descs.size(), constants_)) return out_of_memory();
  for (uint32_t i = 0; i < descs.size(); ++i) {
    const ConstantDesc& desc = descs[i];
    Range& range = constants_[i];
    range.size = desc.length;
    if (desc.external) {
      const Status status = parts.load_external ? parts.load_external(*this, desc, options.parameters, range.buffer)
                                                : Status(Code::not_found, "load: LoadOptions::parameters are needed");
      if (status.ok()) continue;
      if (parts.name_parameter) parts.name_parameter(desc, options.message);
      return status;
    }
    Ref<hal::Buffer>& segment = segments_[desc.segment];
    if (!segment) HALCYON_TRY(load_bytes(artifact_->bytes(artifact_->segments()[desc.segment]), "constants", segment));
    range.buffer = segment;
    range.offset = desc.offset;
  }
  return {};
}

HALCYON_FUNC Status Program::load_external(Program& program, const ConstantDesc& desc, const ParameterSource& source, Ref<hal::Buffer>& buffer) {
  Parameter parameter;
  HALCYON_TRY(source.find(source.self, desc.scope, desc.key, parameter));
  const uint64_t size = parameter.buffer ? parameter.buffer->size() : parameter.bytes.size();
  if (parameter.buffer ? size < desc.length : size != desc.length)
    return mismatch(Code::invalid_argument, "load: an external parameter has another size", desc.length, size);
  buffer = std::move(parameter.buffer);
  return buffer ? Status() : program.load_bytes(parameter.bytes, "parameter", buffer);
}

HALCYON_FUNC void Program::name_parameter(const ConstantDesc& desc, std::span<char> message) {
  describe_detail::Line(message).add("parameter '").add(desc.key).add("' of scope '").add(desc.scope).add("'");
}

HALCYON_FUNC Status Program::create_variables() {
  const std::span<const VariableDesc> descs = artifact_->variables();
  if (!arena_.allocate(descs.size(), variables_)) return out_of_memory();
  for (uint32_t i = 0; i < descs.size(); ++i) {
    const VariableDesc& desc = descs[i];
    Ref<hal::Buffer>& variable = variables_[i];
    HALCYON_TRY(hal::allocate(*device_, {.size = desc.bytes, .label = "variable"}, variable));
    if (desc.bytes == 0) continue;
    const Range* initial = desc.initial < 0 ? nullptr : &constants_[static_cast<uint32_t>(desc.initial)];
    HALCYON_TRY(initial ? hal::copy(*device_, *variable, 0, *initial->buffer, initial->offset, desc.bytes)
                        : hal::fill(*device_, *variable, 0, desc.bytes, 0, 1));
  }
  return {};
}

// ---- what was loaded --------------------------------------------------------------------------------------

HALCYON_FUNC Result<Function> Program::function(std::string_view name) {
  const std::span<const FunctionDesc> functions = artifact_->functions();
  for (uint32_t i = 0; i < functions.size(); ++i)
    if (functions[i].name == name) return Function(*this, functions[i], i);
  return Status(Code::not_found, "function: the program has none of this name");
}

HALCYON_FUNC Function Program::function(uint32_t index) {
  HALCYON_ASSERT(index < artifact_->functions().size());
  return Function(*this, artifact_->functions()[index], index);
}

HALCYON_FUNC Result<Tensor> Program::variable(std::string_view name) {
  const std::span<const VariableDesc> descs = artifact_->variables();
  for (uint32_t i = 0; i < descs.size(); ++i) {
    if (descs[i].name != name) continue;
    int64_t shape[max_rank] = {};
    for (size_t d = 0; d < descs[i].shape.size(); ++d) shape[d] = static_cast<int64_t>(descs[i].shape[d]);
    return Tensor::wrap(variables_[i], descs[i].type, Shape(std::span<const int64_t>(shape, descs[i].shape.size())));
  }
  return Status(Code::not_found, "variable: the program has none of this name");
}

HALCYON_FUNC std::span<const hal::Rejection> Program::rejections(uint32_t executable) const {
  HALCYON_ASSERT(executable + 1 < first_rejection_.size());
  const uint32_t first = first_rejection_[executable];
  return rejections_.subspan(first, first_rejection_[executable + 1] - first);
}

HALCYON_NAMESPACE_END
