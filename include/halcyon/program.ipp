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
#include "halcyon/host_vm.ipp"

HALCYON_NAMESPACE_BEGIN

HALCYON_FUNC Program::Program(const Allocator& allocator)
    : allocator_(allocator), executables_(allocator), rejections_(allocator), first_rejection_(allocator),
      command_lists_(allocator), constants_(allocator), variables_(allocator) {}

// Imported buffers point into the file, so it goes last.
HALCYON_FUNC Program::~Program() {
  variables_.reset();
  constants_.reset();
  command_lists_.reset();
  executables_.reset();
  artifact_.reset();
#if !defined(HALCYON_FREESTANDING)
  if (mapped_) platform::unmap_file(file_);
#endif
  if (copied_ && !file_.empty())
    allocator_.release(allocator_.self, const_cast<std::byte*>(file_.data()), file_.size(), constants_alignment);
}

namespace program_detail {

inline Allocator usual_allocator(const LoadOptions& options) {
#if !defined(HALCYON_FREESTANDING)
  if (!options.allocator.allocate) return system_allocator();
#endif
  return options.allocator;
}

}  // namespace program_detail

HALCYON_FUNC Result<Owned<Program>> Program::load(hal::Device& device, std::span<const std::byte> file, const LoadOptions& options) {
  const Allocator allocator = program_detail::usual_allocator(options);
  if (!options.message.empty()) options.message[0] = '\0';
  HALCYON_ASSIGN(Owned<Program> program, make<Program>(allocator, allocator));
  HALCYON_TRY(program->initialize(device, file, options));
  return program;
}

#if !defined(HALCYON_FREESTANDING)
HALCYON_FUNC Result<Owned<Program>> Program::load(hal::Device& device, const char* path, const LoadOptions& options) {
  const Allocator allocator = program_detail::usual_allocator(options);
  if (!options.message.empty()) options.message[0] = '\0';
  HALCYON_ASSIGN(Owned<Program> program, make<Program>(allocator, allocator));
  if (options.mode == LoadMode::map) {
    HALCYON_ASSIGN(program->file_, platform::map_file(path));
    program->mapped_ = true;
  } else {
    HALCYON_ASSIGN(const uint64_t size, platform::file_size(path));
    if (size != 0) {
      void* memory = allocator.allocate(allocator.self, size, constants_alignment);
      if (!memory) return Status(Code::out_of_memory, "load: no memory for the file");
      const std::span<std::byte> bytes(static_cast<std::byte*>(memory), size);
      program->file_ = bytes;
      program->copied_ = true;
      HALCYON_TRY(platform::read_file(path, bytes));
    }
  }
  const std::span<const std::byte> file = program->file_;
  HALCYON_TRY(program->initialize(device, file, options));
  return program;
}
#endif

HALCYON_FUNC Status Program::initialize(hal::Device& device, std::span<const std::byte> file, const LoadOptions& options) {
  device_ = &device;
  HALCYON_ASSIGN(artifact_, Artifact::open(file, {options.verify_sha256, options.authenticate, options.user}, allocator_));
  HALCYON_TRY(choose_plan());
  HALCYON_TRY(create_executables(options.message));
  HALCYON_TRY(create_command_lists());
  HALCYON_TRY(load_constants(options));
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

HALCYON_FUNC Status Program::create_executables(std::span<char> message) {
  const std::span<const hal::ExecutableDesc> descs = artifact_->plans()[plan_].executables;
  size_t variants = 0;
  HALCYON_TRY(first_rejection_.resize(descs.size() + 1));
  for (size_t i = 0; i < descs.size(); ++i) {
    first_rejection_[i] = static_cast<uint32_t>(variants);
    variants += descs[i].variants.size();
  }
  first_rejection_[descs.size()] = static_cast<uint32_t>(variants);
  HALCYON_TRY(rejections_.resize(variants));
  HALCYON_TRY(executables_.reserve(descs.size()));
  for (uint32_t i = 0; i < descs.size(); ++i) {
    const std::span<hal::Rejection> rejections = rejections_.span().subspan(first_rejection_[i], descs[i].variants.size());
    auto made = device_->create_executable(descs[i], rejections);
    if (made.ok()) {
      HALCYON_TRY(executables_.push(std::move(made).value()));
      continue;
    }
    describe_detail::Line line(message);
    line.add("kernels ").add(i);
    for (uint32_t v = 0; v < rejections.size(); ++v) {
      const hal::VariantDesc& variant = descs[i].variants[v];
      line.add(", variant ").add(v).add(" (").add(variant.target);
      if (!variant.cpu.empty()) line.add(" ").add(variant.cpu);
      line.add("): ").add(*rejections[v].reason ? rejections[v].reason : made.status().what());
      if (!rejections[v].feature.empty()) line.add(" ").add(rejections[v].feature);
    }
    return made.status();
  }
  return {};
}

HALCYON_FUNC Status Program::create_command_lists() {
  const std::span<CommandListDesc> lists = artifact_->plans_[plan_].command_lists;
  HALCYON_TRY(command_lists_.reserve(lists.size()));
  for (CommandListDesc& list : lists) {
    for (size_t i = 0; i < list.commands.size(); ++i)
      if (list.executables[i] != UINT32_MAX) list.commands[i].executable = executables_[list.executables[i]].get();
    HALCYON_ASSIGN(auto commands, device_->create_commands({list.commands, list.bindings, list.parameters, "submit"}));
    HALCYON_TRY(command_lists_.push(std::move(commands)));
  }
  return {};
}

// A whole constants segment as one buffer: in place where the device sees host memory.
HALCYON_FUNC Status Program::load_segment(uint32_t segment, Ref<hal::Buffer>& buffer) {
  const std::span<const std::byte> bytes = artifact_->bytes(artifact_->segments()[segment]);
  const hal::BufferDesc desc{.size = bytes.size(), .label = "constants"};
  const bool is_aligned = reinterpret_cast<uintptr_t>(bytes.data()) % constants_alignment == 0;
  if (device_->caps().import_host && is_aligned && !bytes.empty()) {
    const std::span<std::byte> writable(const_cast<std::byte*>(bytes.data()), bytes.size());  // the program only reads it
    HALCYON_ASSIGN(buffer, device_->import_host(writable, desc, nullptr, nullptr));
    return {};
  }
  HALCYON_ASSIGN(buffer, device_->allocate(desc));
  return hal::write(*device_, *buffer, 0, bytes);
}

HALCYON_FUNC Status Program::load_constants(const LoadOptions& options) {
  const std::span<const ConstantDesc> descs = artifact_->constants();
  Array<Ref<hal::Buffer>> segments(allocator_);
  HALCYON_TRY(segments.resize(artifact_->segments().size()));
  HALCYON_TRY(constants_.resize(descs.size()));
  for (uint32_t i = 0; i < descs.size(); ++i) {
    const ConstantDesc& desc = descs[i];
    Range& range = constants_[i];
    if (!desc.external) {
      if (!segments[desc.segment]) HALCYON_TRY(load_segment(desc.segment, segments[desc.segment]));
      range = {segments[desc.segment], desc.offset, desc.length};
      continue;
    }
    const auto fail = [&](Status status) {
      describe_detail::Line line(options.message);
      line.add("parameter '").add(desc.key).add("' of scope '").add(desc.scope).add("'");
      return status;
    };
    const Where where{Kind::none, Where::whole, 0, 0, 0, 0};
    if (!options.parameters.find)
      return fail({Code::not_found, "load: the artifact needs external parameters, and no source of them is given", where});
    Parameter parameter;
    const Status found = options.parameters.find(options.parameters.self, desc.scope, desc.key, parameter);
    if (!found.ok()) return fail(found);
    const uint64_t size = parameter.buffer ? parameter.buffer->size() : parameter.bytes.size();
    if (parameter.buffer ? size < desc.length : size != desc.length)
      return fail({Code::invalid_argument, "load: an external parameter has another size",
                   Where{Kind::none, Where::whole, 0, 0, static_cast<int64_t>(desc.length), static_cast<int64_t>(size)}});
    if (!parameter.buffer) {
      const hal::BufferDesc buffer{.size = desc.length, .label = "parameter"};
      const bool is_aligned = reinterpret_cast<uintptr_t>(parameter.bytes.data()) % constants_alignment == 0;
      if (device_->caps().import_host && is_aligned && desc.length != 0) {
        const std::span<std::byte> writable(const_cast<std::byte*>(parameter.bytes.data()), parameter.bytes.size());
        HALCYON_ASSIGN(parameter.buffer, device_->import_host(writable, buffer, nullptr, nullptr));
      } else {
        HALCYON_ASSIGN(parameter.buffer, device_->allocate(buffer));
        HALCYON_TRY(hal::write(*device_, *parameter.buffer, 0, parameter.bytes));
      }
    }
    range = {std::move(parameter.buffer), 0, desc.length};
  }
  return {};
}

HALCYON_FUNC Status Program::create_variables() {
  const std::span<const VariableDesc> descs = artifact_->variables();
  HALCYON_TRY(variables_.reserve(descs.size()));
  for (const VariableDesc& desc : descs) {
    HALCYON_ASSIGN(Ref<hal::Buffer> buffer, device_->allocate({.size = desc.bytes, .label = "variable"}));
    if (desc.bytes != 0) {
      if (desc.initial >= 0) {
        const Range& initial = constants_[static_cast<uint32_t>(desc.initial)];
        HALCYON_TRY(hal::transfer_detail::copy_and_wait(*device_, *buffer, 0, *initial.buffer, initial.offset, desc.bytes, {}));
      } else {
        HALCYON_TRY(hal::transfer_detail::zero_and_wait(*device_, *buffer));
      }
    }
    HALCYON_TRY(variables_.push(std::move(buffer)));
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
  return rejections_.span().subspan(first, first_rejection_[executable + 1] - first);
}

HALCYON_NAMESPACE_END
