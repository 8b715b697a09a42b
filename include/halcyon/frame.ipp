// Bodies of halcyon/host_vm.hpp: what a frame holds. Arguments, results, buffers; the interpreter itself is
// in host_vm.ipp.
#pragma once
#include <cstring>

#include "halcyon/host_vm.hpp"
#include "halcyon/program.hpp"

HALCYON_NAMESPACE_BEGIN

HALCYON_FUNC Frame::Frame(Program& program, const Allocator& allocator) : program_(program), arena_(allocator) {}

HALCYON_FUNC Frame::~Frame() {
  if (in_flight_) (void)wait(UINT64_MAX);
  while (free_lists_) {
    Owned<BufferList> list(free_lists_);
    free_lists_ = list->next;
  }
  for (Site& site : sites_) site.~Site();
  for (ArgumentSlot& slot : arguments_) slot.~ArgumentSlot();
  for (ResultSlot& slot : results_) slot.~ResultSlot();
}

HALCYON_FUNC Owned<Frame> Frame::create(Program& program, uint32_t function) {
  auto frame = make<Frame>(program.allocator(), program, program.allocator());
  if (frame && !frame->initialize(function)) frame.reset();
  return frame;
}

HALCYON_FUNC bool Frame::initialize(uint32_t function) {
  const Artifact& artifact = program_.artifact();
  plan_ = &artifact.plans()[program_.plan()];
  desc_ = &artifact.functions()[function];
  entry_ = &plan_->functions[plan_->entries[function]];
  function_ = function;
  inline_ = program_.device().caps().inline_execution;
  uint32_t values = 0;
  for (const ValueSlots& argument : entry_->arguments) values += argument.element_count;
  const bool made = arena_.allocate(entry_->stack_registers, registers_) && arena_.allocate(entry_->depth, stack_) &&
                    arena_.allocate(plan_->sites, sites_) && arena_.allocate(entry_->arguments.size(), arguments_) &&
                    arena_.allocate(entry_->results.size(), results_) && arena_.allocate(artifact.symbols().size(), symbols_) &&
                    arena_.allocate(plan_->max_bindings, bindings_) && arena_.allocate(plan_->max_parameters, parameters_) &&
                    arena_.allocate(values, values_);
  values = 0;
  for (uint32_t i = 0; i < arguments_.size(); ++i) {
    arguments_[i].first_value = values;
    values += entry_->arguments[i].element_count;
  }
  return made;
}

// ---- arguments ------------------------------------------------------------------------------------------

// Type, rank and static sizes.
HALCYON_FUNC bool Frame::check_value(Kind kind, uint32_t index, ElementType type, std::span<const int64_t> shape) {
  const ValueDesc& desc = (kind == Kind::argument ? desc_->arguments : desc_->results)[index];
  const auto code = [](ElementType t) { return static_cast<int64_t>(t.kind) | static_cast<int64_t>(t.bits) << 8; };
  if (type != desc.type) return fail_at(kind, index, "call: wrong element type", Where::element_type, code(desc.type), code(type));
  const int64_t wanted = static_cast<int64_t>(desc.shape.size()), rank = static_cast<int64_t>(shape.size());
  if (rank != wanted) return fail_at(kind, index, "call: wrong rank", Where::rank, wanted, rank);
  for (size_t i = 0; i < shape.size(); ++i)
    if (!desc.shape[i].dynamic() && shape[i] != desc.shape[i].size)
      return fail_at(kind, index, "call: wrong size", static_cast<uint8_t>(i), desc.shape[i].size, shape[i]);
  return true;
}

// What argument `index` holds as elements becomes register bits.
HALCYON_FUNC void Frame::load_values(uint32_t index, const std::byte* elements) {
  const ElementType type = desc_->arguments[index].type;
  uint64_t* values = values_.data() + arguments_[index].first_value;
  for (uint32_t i = 0; i < entry_->arguments[index].element_count; ++i) values[i] = load_bits(type, elements + size_t{i} * (type.bits / 8u));
}

HALCYON_FUNC Status Frame::set_argument(uint32_t index, const Argument& argument) {
  if (in_flight_) return {Code::failed_precondition, "set_argument: the call is in flight; wait() first"};
  if (index >= arguments_.size())
    return mismatch(Code::invalid_argument, "set_argument: no such argument", arguments_.size(), index);
  if (!(argument.is_host_ ? take_values(index, argument.values_) : take_tensor(index, argument.tensor_))) return failure_;
  arguments_[index].is_set = true;
  arguments_[index].donated = argument.donated_;
  checked_ = false;
  return {};
}

HALCYON_FUNC bool Frame::take_values(uint32_t index, const HostValues& values) {
  const ValueDesc& desc = desc_->arguments[index];
  if (!check_value(Kind::argument, index, values.type, values.shape.sizes())) return false;
  if (desc.residence == Residence::device)
    return fail_at(Kind::argument, index, "call: the argument lives on the device; pass a tensor (Tensor::stage)");
  uint64_t bytes = 0;
  if (!byte_size(desc.type, entry_->arguments[index].element_count, bytes) || values.bytes.size() != bytes)
    return fail_at(Kind::argument, index, "call: the values are not as many as their shape says");
  Tensor tensor;
  if (desc.residence == Residence::both) {
    auto staged = Tensor::stage(program_.device(), values.shape, values.type, values.bytes);
    if (!keep(staged.status())) return false;
    tensor = std::move(staged).value();
  }
  load_values(index, values.bytes.data());
  arguments_[index].tensor = std::move(tensor);
  arguments_[index].by_value = true;
  return true;
}

HALCYON_FUNC bool Frame::take_tensor(uint32_t index, const Tensor& tensor) {
  if (!tensor) return fail_at(Kind::argument, index, "call: the argument is an empty tensor");
  if (!check_value(Kind::argument, index, tensor.element_type(), tensor.shape())) return false;
  if (&tensor.buffer()->device() != &program_.device())
    return fail_at(Kind::argument, index, "call: the argument is a tensor of another device");
  const hal::NativeHandle native = tensor.buffer()->native_handle();
  if (native.type == hal::NativeHandle::Type::host_pointer && (native.value + native.offset) % alignment(tensor.element_type()) != 0)
    return fail_at(Kind::argument, index, "call: the argument is not aligned to its element type");
  arguments_[index].tensor = tensor;
  arguments_[index].by_value = false;
  return true;
}

// All are there, equal symbols are equal sizes, and what must be donated is. Done again only when one changed.
HALCYON_FUNC bool Frame::check_arguments() {
  for (int64_t& size : symbols_) size = -1;
  for (uint32_t i = 0; i < arguments_.size(); ++i) {
    const ArgumentSlot& slot = arguments_[i];
    if (!slot.is_set) return fail_at(Kind::argument, i, "call: the argument is missing");
    const std::span<const Dimension> shape = desc_->arguments[i].shape;
    for (uint32_t d = 0; d < shape.size(); ++d) {
      if (!shape[d].dynamic()) continue;
      int64_t& size = symbols_[static_cast<uint32_t>(shape[d].symbol)];
      const int64_t actual = slot.tensor.dimension(d);
      if (size >= 0 && size != actual) return fail_at(Kind::argument, i, "call: wrong size", static_cast<uint8_t>(d), size, actual);
      size = actual;
    }
  }
  for (uint32_t i = 0; i < arguments_.size(); ++i)
    if (!check_donation(i)) return false;
  for (uint32_t r = 0; any_bound_ && r < results_.size(); ++r) {
    const hal::Buffer* bound = results_[r].bound.buffer().get();
    if (!bound) continue;
    bool shared = false;
    for (const ArgumentSlot& slot : arguments_) shared = shared || slot.tensor.buffer().get() == bound;
    for (uint32_t other = 0; other < r; ++other) shared = shared || results_[other].bound.buffer().get() == bound;
    if (shared) return fail_at(Kind::result, r, "call: the bound tensor is also an argument or another result");
  }
  checked_ = true;
  return true;
}

HALCYON_FUNC bool Frame::check_donation(uint32_t index) {
  bool donates = false;
  for (const DonationDesc& donation : desc_->donations) donates = donates || donation.argument == index;
  if (donates != arguments_[index].donated)
    return donates ? fail_at(Kind::argument, index, "call: a result overwrites this argument; pass donate(tensor)", Where::whole, 0, 0,
                             Code::failed_precondition)
                   : fail_at(Kind::argument, index, "call: the argument was not compiled with --donate");
  const hal::Buffer* buffer = arguments_[index].tensor.buffer().get();
  for (uint32_t i = 0; donates && i < arguments_.size(); ++i)
    if (i != index && arguments_[i].tensor && arguments_[i].tensor.buffer().get() == buffer)
      return fail_at(Kind::argument, index, "call: a donated tensor is also another argument");
  return true;
}

// Fills the entry's first registers.
HALCYON_FUNC bool Frame::load_arguments() {
  for (uint32_t i = 0; i < arguments_.size(); ++i) {
    const ArgumentSlot& slot = arguments_[i];
    const ValueSlots& slots = entry_->arguments[i];
    if (slots.buffer != UINT32_MAX) {
      set_buffer(registers_[slots.buffer], slot.tensor.buffer().get(), 0, slot.tensor.byte_size(),
                 slot.donated ? Origin::donated : Origin::argument);
      const std::span<const Dimension> shape = desc_->arguments[i].shape;
      uint32_t next = slots.dimensions;
      for (uint32_t d = 0; d < shape.size(); ++d)
        if (shape[d].dynamic()) registers_[next++].i = slot.tensor.dimension(d);
    }
    if (slots.element_count == 0) continue;
    if (!slot.by_value) {  // a tensor where host values are wanted: read, and counted
      std::byte bytes[64 * 8];
      if (!keep(slot.tensor.read(std::span<std::byte>(bytes, static_cast<size_t>(slot.tensor.byte_size())), first_waits_))) return false;
      load_values(i, bytes);
    }
    for (uint32_t e = 0; e < slots.element_count; ++e)
      registers_[slots.elements + e].i = static_cast<int64_t>(values_[slot.first_value + e]);
  }
  return true;
}

// ---- results --------------------------------------------------------------------------------------------

HALCYON_FUNC Status Frame::bind_result(uint32_t index, Tensor tensor) {
  if (in_flight_) return {Code::failed_precondition, "bind_result: the call is in flight; wait() first"};
  if (index >= results_.size())
    return mismatch(Code::invalid_argument, "bind_result: no such result", results_.size(), index);
  const ValueSlots& slots = entry_->results[index];
  bool fits = true;
  if (tensor) {
    if (&tensor.buffer()->device() != &program_.device())
      fits = fail_at(Kind::result, index, "bind_result: a tensor of another device");
    else if (slots.donor != UINT32_MAX)
      fits = fail_at(Kind::result, index, "bind_result: the result lives in a donated argument");
    else
      fits = check_value(Kind::result, index, tensor.element_type(), tensor.shape());
  }
  if (!fits) return failure_;
  if (slots.site != UINT32_MAX) sites_[slots.site].result = tensor ? index : UINT32_MAX;
  results_[index].tensor = Tensor();
  results_[index].bound = std::move(tensor);
  any_bound_ = false;
  checked_ = false;
  for (const ResultSlot& slot : results_) any_bound_ = any_bound_ || slot.bound;
  return {};
}

HALCYON_FUNC bool Frame::finish(const Register* registers, const uint32_t* list) {
  for (uint32_t i = 0; i < results_.size(); ++i)
    if (!finish_result(i, registers, list)) return false;
  return true;
}

// The result's tensor takes the returned buffer. Bytes that are not the call's own to give (a constant, an
// argument that was not donated, a variable) are copied, and so is what belongs into a bound tensor.
HALCYON_FUNC bool Frame::finish_result(uint32_t index, const Register* registers, const uint32_t* list) {
  ResultSlot& slot = results_[index];
  const ValueSlots& slots = entry_->results[index];
  const ValueDesc& desc = desc_->results[index];
  const Register& source = registers[list_entry(list, slots.buffer)];
  if (!source.buffer)
    return fail_at(Kind::result, index, "call: the program returned no buffer", Where::whole, 0, 0, Code::failed_precondition);

  int64_t shape[max_rank] = {};
  uint32_t next = slots.dimensions;
  for (uint32_t d = 0; d < desc.shape.size(); ++d)
    shape[d] = desc.shape[d].dynamic() ? registers[list_entry(list, next++)].i : desc.shape[d].size;
  Tensor& tensor = slot.tensor;
  uint64_t bytes = 0;
  if (!tensor.set_shape(Shape(std::span<const int64_t>(shape, desc.shape.size())), desc.type, bytes).ok() || bytes > source.size)
    return fail_at(Kind::result, index, "call: the program returned a shape larger than its buffer", Where::whole,
                   static_cast<int64_t>(source.size), static_cast<int64_t>(bytes), Code::failed_precondition);

  if (slot.bound) {
    for (uint32_t d = 0; d < slot.bound.rank(); ++d)
      if (slot.bound.dimension(d) != shape[d])
        return fail_at(Kind::result, index, "call: the bound tensor has another shape than the result", static_cast<uint8_t>(d), shape[d],
                       slot.bound.dimension(d));
    tensor.buffer_ = slot.bound.buffer_;
    return tensor.buffer_.get() == source.buffer || copy(*tensor.buffer_, source, bytes);
  }
  bool own = source.offset == 0 && (source.origin == Origin::allocated || source.origin == Origin::donated);
  for (const Ref<hal::Buffer>& variable : program_.variables_) own = own && variable.get() != source.buffer;
  if (own) {
    tensor.buffer_ = Ref<hal::Buffer>::share(source.buffer);
    return true;
  }
  hal::Buffer* buffer = nullptr;
  if (!take(slot.copies, buffer_desc(0, bytes), buffer)) return false;
  tensor.buffer_ = Ref<hal::Buffer>::adopt(buffer);
  return copy(*buffer, source, bytes);
}

HALCYON_FUNC void Frame::forget_results() {
  for (ResultSlot& slot : results_) slot.tensor = Tensor();
}

// ---- memory ---------------------------------------------------------------------------------------------

HALCYON_FUNC void Frame::set_buffer(Register& target, hal::Buffer* buffer, uint64_t offset, uint64_t size, Origin origin) {
  clear(target, RegisterType::buffer);
  target.buffer = buffer;
  target.offset = offset;
  target.size = size;
  target.origin = origin;
}

// What a buffer of this lifetime is made as: 0 external, 1 transient, 2 staging.
HALCYON_FUNC hal::BufferDesc Frame::buffer_desc(uint32_t lifetime, uint64_t size) const {
  static constexpr const char* labels[] = {"result", "transient", "staging"};
  hal::BufferDesc desc{.size = size, .label = labels[lifetime]};
  if (lifetime == 2) desc.memory = hal::Memory::host;
  if (lifetime == 2 || (lifetime == 0 && program_.artifact().results_mappable())) desc.map = hal::Map::read_write;
  return desc;
}

// A buffer of the site that nobody else holds, or a new one, with a reference for the caller.
HALCYON_FUNC bool Frame::take(Site& site, const hal::BufferDesc& desc, hal::Buffer*& buffer) {
  for (const Ref<hal::Buffer>& cached : site.cached) {
    if (!cached || cached->size() < desc.size || !cached->unique()) continue;
    cached->retain();
    buffer = cached.get();
    return true;
  }
  // Two are kept, so that a loop-carried tensor that alternates between two buffers allocates nothing either.
  site.newest ^= 1;
  Ref<hal::Buffer>& oldest = site.cached[site.newest];
  oldest = nullptr;
  if (!keep(hal::allocate(program_.device(), desc, oldest))) return false;
  buffer = oldest.get();
  buffer->retain();
  return true;
}

HALCYON_FUNC bool Frame::allocate(Register& target, int64_t bytes, uint32_t lifetime, uint32_t index) {
  if (bytes < 0) return fail("call: an allocation of a negative size");
  const uint64_t size = static_cast<uint64_t>(bytes);
  Site& site = sites_[index];
  hal::Buffer* buffer = nullptr;
  if (site.result != UINT32_MAX && lifetime == 0 && !results_[site.result].handed_out) {
    ResultSlot& slot = results_[site.result];
    buffer = slot.bound.buffer().get();
    if (buffer->size() < size)
      return fail_at(Kind::result, site.result, "call: the bound tensor is smaller than the result", Where::whole, bytes,
                     static_cast<int64_t>(buffer->size()));
    slot.handed_out = true;
    buffer->retain();
  } else if (!take(site, buffer_desc(lifetime, size), buffer)) {
    return false;
  }
  set_buffer(target, buffer, 0, size, Origin::allocated);
  return true;
}

HALCYON_FUNC bool Frame::create_list(Register& target) {
  BufferList* list = free_lists_;
  if (list) {
    free_lists_ = list->next;
  } else {
    list = make<BufferList>(allocator(), allocator()).release();
    if (!list) return fail(out_of_memory());
  }
  clear(target, RegisterType::list);
  list->next = nullptr;
  list->references = 1;
  target.list = list;
  return true;
}

HALCYON_FUNC void Frame::clear(Register& reg, RegisterType type) {
  if (type == RegisterType::buffer) {
    if (reg.buffer && reg.origin >= Origin::variable) reg.buffer->release();
    reg.buffer = nullptr;
    reg.origin = Origin::none;
  } else if (type == RegisterType::list) {
    BufferList* list = reg.list;
    reg.list = nullptr;
    if (!list || --list->references != 0) return;
    for (Register& entry : list->entries) clear(entry, RegisterType::buffer);
    list->entries.clear();
    list->next = free_lists_;
    free_lists_ = list;
  }
}

// target = source, with references of its own.
HALCYON_FUNC void Frame::assign(Register& target, const Register& source, RegisterType type) {
  const Register copied = source;
  if (type == RegisterType::buffer && copied.buffer && copied.origin >= Origin::variable) copied.buffer->retain();
  if (type == RegisterType::list && copied.list) ++copied.list->references;
  clear(target, type);
  target = copied;
}

// ---- work -----------------------------------------------------------------------------------------------

// An inline device without waits runs the work at once; else submissions follow each other on the timeline.
HALCYON_FUNC bool Frame::submit(hal::Commands* commands, std::span<const hal::Command> transfers,
                                std::span<const hal::Binding> bindings, std::span<const uint64_t> parameters) {
  hal::Submission submission;
  submission.commands = commands;
  submission.transfers = transfers;
  submission.bindings = bindings;
  submission.parameters = parameters;
  if (!chained_) return keep(program_.device().submit(submission));
  if (!timeline_) {
    auto made = program_.device().create_semaphore(0);
    if (!keep(made.status())) return false;
    timeline_ = std::move(made).value();
    reached_ = 0;
  }
  const hal::Timepoint before[] = {{timeline_.get(), reached_}};
  const hal::Timepoint after[] = {{timeline_.get(), reached_ + 1}};
  submission.waits = first_waits_.empty() ? std::span<const hal::Timepoint>(before) : first_waits_;
  submission.signals = after;
  if (!keep(program_.device().submit(submission))) return false;
  first_waits_ = {};
  ++reached_;
  return true;
}

HALCYON_FUNC bool Frame::copy(hal::Buffer& target, const Register& source, uint64_t bytes) {
  if (bytes == 0) return true;
  const hal::CopyCommand copy(0, 0, bytes);
  const hal::Binding bindings[] = {{&target, 0, bytes}, {source.buffer, source.offset, source.size}};
  return submit(nullptr, {&copy.command, 1}, bindings, {});
}

// Whether an element at `offset` is inside what the register means.
HALCYON_FUNC bool Frame::holds(const Register& reg, int64_t offset, uint64_t size) {
  const uint64_t at = static_cast<uint64_t>(offset);
  return (reg.buffer && at <= reg.size && size <= reg.size - at) || fail("call: the host program reads or writes outside a buffer");
}

HALCYON_FUNC bool Frame::read_element(const Register& source, int64_t offset, ElementType type, Register& target) {
  const uint64_t size = type.bits / 8u;
  if (!holds(source, offset, size)) return false;
  std::byte bytes[8] = {};
  const hal::Timepoint after[] = {{timeline_.get(), reached_}};
  std::span<const hal::Timepoint> waits;
  if (chained_) waits = first_waits_.empty() && timeline_ ? std::span<const hal::Timepoint>(after) : first_waits_;
  if (!keep(hal::read(program_.device(), *source.buffer, source.offset + static_cast<uint64_t>(offset), std::span(bytes, size), waits)))
    return false;
  target.i = static_cast<int64_t>(load_bits(type, bytes));
  return true;
}

HALCYON_FUNC bool Frame::write_element(const Register& target, int64_t offset, ElementType type, const Register& source) {
  const uint64_t size = type.bits / 8u;
  if (!holds(target, offset, size)) return false;
  if (target.origin == Origin::argument || target.origin == Origin::constant)
    return fail("call: the host program writes to a constant or an argument");
  const hal::Range range{0, hal::Operand::literal(static_cast<uint64_t>(offset)), hal::Operand::literal(size)};
  const hal::Operand value = hal::Operand::literal(is_host_float(type) ? float_bits(type, source.f) : integer_bits(type, source.i));
  hal::Command command;
  command.type = hal::Command::Type::update;
  command.pattern_size = static_cast<uint8_t>(size);
  command.ranges = {&range, 1};
  command.operands = {&value, 1};
  const hal::Binding binding{target.buffer, target.offset, target.size};
  return submit(nullptr, {&command, 1}, {&binding, 1}, {});
}

// The variable becomes the buffer where the call allocated it, else a copy: nobody else may hold its bytes.
HALCYON_FUNC bool Frame::set_variable(uint32_t index, const Register& source) {
  const uint64_t bytes = program_.artifact().variables()[index].bytes;
  if (!source.buffer || source.size < bytes) return fail("call: a variable's new value is too small");
  Ref<hal::Buffer>& variable = program_.variables_[index];
  if (variable.get() == source.buffer) return true;
  Ref<hal::Buffer> value;
  if (source.origin == Origin::allocated && source.offset == 0)
    value = Ref<hal::Buffer>::share(source.buffer);
  else if (!keep(hal::allocate(program_.device(), {.size = bytes, .label = "variable"}, value)) || !copy(*value, source, bytes))
    return false;
  variable = std::move(value);
  return true;
}

HALCYON_FUNC Status Frame::wait(uint64_t timeout_ns) {
  if (!in_flight_) return {};
  const hal::Timepoint done[] = {{timeline_.get(), reached_}};
  const Status status = timeline_ ? program_.device().wait(done, hal::Wait::all, timeout_ns) : Status();
  if (status.code() == Code::timeout) return status;
  in_flight_ = false;
  if (!status.ok()) {  // a failed timeline stays failed: the next call gets a new one
    timeline_ = nullptr;
    forget_results();
  }
  return status;
}

HALCYON_NAMESPACE_END
