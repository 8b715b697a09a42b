// Bodies of halcyon/host_vm.hpp: what a frame holds. Arguments, results, buffers; the interpreter itself is
// in host_vm.ipp.
#pragma once
#include <cstring>

#include "halcyon/host_vm.hpp"
#include "halcyon/program.hpp"

HALCYON_NAMESPACE_BEGIN

HALCYON_FUNC Frame::Frame(Program& program, const Allocator& allocator)
    : allocator_(allocator), program_(program), registers_(allocator), stack_(allocator), sites_(allocator), arguments_(allocator),
      results_(allocator), values_(allocator), symbols_(allocator), bindings_(allocator), parameters_(allocator) {}

HALCYON_FUNC Frame::~Frame() {
  if (in_flight_) (void)wait(UINT64_MAX);
  while (free_lists_) {
    Owned<BufferList> list(free_lists_);
    free_lists_ = list->next;
  }
}

HALCYON_FUNC Result<Owned<Frame>> Frame::create(Program& program, uint32_t function) {
  HALCYON_ASSIGN(Owned<Frame> frame, make<Frame>(program.allocator(), program, program.allocator()));
  const Artifact& artifact = program.artifact();
  const PlanDesc& plan = artifact.plans()[program.plan()];
  const HostFunctionDesc& entry = plan.functions[plan.entries[function]];
  frame->plan_ = &plan;
  frame->desc_ = &artifact.functions()[function];
  frame->entry_ = &entry;
  frame->function_ = function;
  frame->inline_ = program.device().caps().inline_execution;
  HALCYON_TRY(frame->registers_.resize(entry.stack_registers));
  HALCYON_TRY(frame->stack_.resize(entry.depth));
  HALCYON_TRY(frame->sites_.resize(plan.sites));
  HALCYON_TRY(frame->arguments_.resize(entry.arguments.size()));
  HALCYON_TRY(frame->results_.resize(entry.results.size()));
  HALCYON_TRY(frame->symbols_.resize(artifact.symbols().size()));
  HALCYON_TRY(frame->bindings_.resize(plan.max_bindings));
  HALCYON_TRY(frame->parameters_.resize(plan.max_parameters));
  uint32_t values = 0;
  for (uint32_t i = 0; i < entry.arguments.size(); ++i) {
    frame->arguments_[i].first_value = values;
    values += entry.arguments[i].element_count;
  }
  HALCYON_TRY(frame->values_.resize(values));
  return frame;
}

// ---- arguments ------------------------------------------------------------------------------------------

// Type, rank and static sizes.
HALCYON_FUNC Status Frame::check_value(uint32_t index, const ValueDesc& desc, ElementType type, std::span<const int64_t> shape) const {
  const auto where = [&](uint8_t dimension, int64_t expected, int64_t actual) {
    return Where{Kind::argument, dimension, static_cast<uint16_t>(index), function_, expected, actual};
  };
  const auto code = [](ElementType t) { return static_cast<int64_t>(t.kind) | static_cast<int64_t>(t.bits) << 8; };
  if (type != desc.type) return {Code::invalid_argument, "call: wrong element type", where(Where::element_type, code(desc.type), code(type))};
  if (shape.size() != desc.shape.size())
    return {Code::invalid_argument, "call: wrong rank",
            where(Where::rank, static_cast<int64_t>(desc.shape.size()), static_cast<int64_t>(shape.size()))};
  for (size_t i = 0; i < shape.size(); ++i)
    if (!desc.shape[i].dynamic() && shape[i] != desc.shape[i].size)
      return {Code::invalid_argument, "call: wrong size", where(static_cast<uint8_t>(i), desc.shape[i].size, shape[i])};
  return {};
}

HALCYON_FUNC Status Frame::set_argument(uint32_t index, const Tensor* tensor, const HostValues* values, bool donated) {
  if (in_flight_) return {Code::failed_precondition, "set_argument: the call is in flight; wait() first"};
  const Where where{Kind::argument, Where::whole, static_cast<uint16_t>(index), function_, 0, 0};
  if (index >= arguments_.size())
    return {Code::invalid_argument, "set_argument: no such argument",
            Where{Kind::none, Where::whole, 0, 0, static_cast<int64_t>(arguments_.size()), index}};
  const ValueDesc& desc = desc_->arguments[index];
  const ValueSlots& slots = entry_->arguments[index];
  ArgumentSlot slot;
  slot.first_value = arguments_[index].first_value;
  slot.is_set = true;
  slot.donated = donated;
  if (values) {
    HALCYON_TRY(check_value(index, desc, values->type, values->shape.sizes()));
    if (desc.residence == Residence::device)
      return {Code::invalid_argument, "call: the argument lives on the device; pass a tensor (Tensor::stage)", where};
    uint64_t bytes = 0;
    if (!byte_size(desc.type, slots.element_count, bytes) || values->bytes.size() != bytes)
      return {Code::invalid_argument, "call: the values have another number of bytes than their shape", where};
    const bool is_float = is_host_float(desc.type);
    for (uint32_t i = 0; i < slots.element_count; ++i) {
      const std::byte* element = values->bytes.data() + size_t{i} * (desc.type.bits / 8u);
      values_[slot.first_value + i] = is_float ? std::bit_cast<uint64_t>(load_float(desc.type, element))
                                               : static_cast<uint64_t>(load_integer(desc.type, element));
    }
    slot.by_value = true;
    if (desc.residence == Residence::both) {
      HALCYON_ASSIGN(slot.tensor, Tensor::stage(program_.device(), values->shape, values->type, values->bytes));
    }
  } else {
    if (!tensor || !*tensor) return {Code::invalid_argument, "call: the argument is an empty tensor", where};
    HALCYON_TRY(check_value(index, desc, tensor->element_type(), tensor->shape()));
    if (&tensor->buffer()->device() != &program_.device())
      return {Code::invalid_argument, "call: the argument is a tensor of another device", where};
    const hal::NativeHandle native = tensor->buffer()->native_handle();
    if (native.type == hal::NativeHandle::Type::host_pointer && (native.value + native.offset) % alignment(desc.type) != 0)
      return {Code::invalid_argument, "call: the argument is not aligned to its element type", where};
    slot.tensor = *tensor;
  }
  arguments_[index] = std::move(slot);
  checked_ = false;
  return {};
}

// All are there, equal symbols are equal sizes, and what must be donated is. Done again only when one changed.
HALCYON_FUNC Status Frame::check_arguments() {
  for (int64_t& size : symbols_) size = -1;
  for (uint32_t i = 0; i < arguments_.size(); ++i) {
    const ArgumentSlot& slot = arguments_[i];
    const auto where = [&](uint8_t dimension, int64_t expected, int64_t actual) {
      return Where{Kind::argument, dimension, static_cast<uint16_t>(i), function_, expected, actual};
    };
    if (!slot.is_set) return {Code::invalid_argument, "call: the argument is missing", where(Where::whole, 0, 0)};
    const ValueDesc& desc = desc_->arguments[i];
    for (uint32_t d = 0; d < desc.shape.size(); ++d) {
      if (!desc.shape[d].dynamic()) continue;
      int64_t& size = symbols_[static_cast<uint32_t>(desc.shape[d].symbol)];
      const int64_t actual = slot.tensor.dimension(d);
      if (size >= 0 && size != actual) return {Code::invalid_argument, "call: wrong size", where(static_cast<uint8_t>(d), size, actual)};
      size = actual;
    }
  }
  for (uint32_t i = 0; i < arguments_.size(); ++i) {
    const Where where{Kind::argument, Where::whole, static_cast<uint16_t>(i), function_, 0, 0};
    bool donates = false;
    for (const DonationDesc& donation : desc_->donations) donates = donates || donation.argument == i;
    if (donates && !arguments_[i].donated)
      return {Code::failed_precondition, "call: a result overwrites this argument; pass donate(tensor)", where};
    if (!donates && arguments_[i].donated) return {Code::invalid_argument, "call: the argument was not compiled with --donate", where};
    if (!donates) continue;
    for (uint32_t j = 0; j < arguments_.size(); ++j)
      if (i != j && arguments_[j].tensor && arguments_[j].tensor.buffer().get() == arguments_[i].tensor.buffer().get())
        return {Code::invalid_argument, "call: a donated tensor is also another argument", where};
  }
  for (uint32_t r = 0; any_bound_ && r < results_.size(); ++r) {
    const hal::Buffer* bound = results_[r].bound.buffer().get();
    bool shared = false;
    for (const ArgumentSlot& slot : arguments_) shared = shared || (bound && slot.tensor.buffer().get() == bound);
    for (uint32_t other = 0; other < r; ++other) shared = shared || (bound && results_[other].bound.buffer().get() == bound);
    if (shared)
      return {Code::invalid_argument, "call: the bound tensor is also an argument or another result", where_result(r, Where::whole, 0, 0)};
  }
  checked_ = true;
  return {};
}

// Fills the entry's first registers.
HALCYON_FUNC Status Frame::load_arguments() {
  for (uint32_t i = 0; i < arguments_.size(); ++i) {
    const ArgumentSlot& slot = arguments_[i];
    const ValueSlots& slots = entry_->arguments[i];
    const ValueDesc& desc = desc_->arguments[i];
    if (slots.buffer != UINT32_MAX) {
      Register& reg = registers_[slots.buffer];
      reg.buffer = slot.tensor.buffer().get();
      reg.offset = 0;
      reg.size = slot.tensor.byte_size();
      reg.origin = slot.donated ? Origin::donated : Origin::argument;
      uint32_t next = slots.dimensions;
      for (uint32_t d = 0; d < desc.shape.size(); ++d)
        if (desc.shape[d].dynamic()) registers_[next++].i = slot.tensor.dimension(d);
    }
    if (slots.element_count == 0) continue;
    if (!slot.by_value) {  // a tensor where host values are wanted: read, and counted
      std::byte bytes[64 * 8];
      HALCYON_TRY(slot.tensor.read(std::span<std::byte>(bytes, static_cast<size_t>(slot.tensor.byte_size())), first_waits_));
      const bool is_float = is_host_float(desc.type);
      for (uint32_t e = 0; e < slots.element_count; ++e) {
        const std::byte* element = bytes + size_t{e} * (desc.type.bits / 8u);
        values_[slot.first_value + e] = is_float ? std::bit_cast<uint64_t>(load_float(desc.type, element))
                                                 : static_cast<uint64_t>(load_integer(desc.type, element));
      }
    }
    for (uint32_t e = 0; e < slots.element_count; ++e)
      registers_[slots.elements + e].i = static_cast<int64_t>(values_[slot.first_value + e]);
  }
  return {};
}

// ---- results --------------------------------------------------------------------------------------------

HALCYON_FUNC Where Frame::where_result(uint32_t index, uint8_t dimension, int64_t expected, int64_t actual) const {
  return {Kind::result, dimension, static_cast<uint16_t>(index), function_, expected, actual};
}

HALCYON_FUNC Status Frame::bind_result(uint32_t index, Tensor tensor) {
  if (in_flight_) return {Code::failed_precondition, "bind_result: the call is in flight; wait() first"};
  if (index >= results_.size())
    return {Code::invalid_argument, "bind_result: no such result",
            Where{Kind::none, Where::whole, 0, 0, static_cast<int64_t>(results_.size()), index}};
  if (tensor) {
    const ValueDesc& desc = desc_->results[index];
    const auto code = [](ElementType t) { return static_cast<int64_t>(t.kind) | static_cast<int64_t>(t.bits) << 8; };
    if (&tensor.buffer()->device() != &program_.device())
      return {Code::invalid_argument, "bind_result: a tensor of another device", where_result(index, Where::whole, 0, 0)};
    if (tensor.element_type() != desc.type)
      return {Code::invalid_argument, "bind_result: wrong element type",
              where_result(index, Where::element_type, code(desc.type), code(tensor.element_type()))};
    if (tensor.rank() != desc.shape.size())
      return {Code::invalid_argument, "bind_result: wrong rank",
              where_result(index, Where::rank, static_cast<int64_t>(desc.shape.size()), tensor.rank())};
    for (uint32_t i = 0; i < tensor.rank(); ++i)
      if (!desc.shape[i].dynamic() && desc.shape[i].size != tensor.dimension(i))
        return {Code::invalid_argument, "bind_result: wrong size",
                where_result(index, static_cast<uint8_t>(i), desc.shape[i].size, tensor.dimension(i))};
    if (entry_->results[index].donor != UINT32_MAX)
      return {Code::invalid_argument, "bind_result: the result lives in a donated argument", where_result(index, Where::whole, 0, 0)};
  }
  const uint32_t site = entry_->results[index].site;
  if (site != UINT32_MAX) sites_[site].result = tensor ? index : UINT32_MAX;
  results_[index].tensor = Tensor();
  results_[index].bound = std::move(tensor);
  any_bound_ = false;
  checked_ = false;
  for (const ResultSlot& slot : results_) any_bound_ = any_bound_ || slot.bound;
  return {};
}

HALCYON_FUNC Status Frame::finish(const Register* registers, const uint32_t* list) {
  for (uint32_t i = 0; i < results_.size(); ++i) HALCYON_TRY(finish_result(i, registers, list));
  return {};
}

// The result's tensor takes the returned buffer. Bytes that are not the call's own to give (a constant, an
// argument that was not donated, a variable) are copied, and so is what belongs into a bound tensor.
HALCYON_FUNC Status Frame::finish_result(uint32_t index, const Register* registers, const uint32_t* list) {
  ResultSlot& slot = results_[index];
  const ValueSlots& slots = entry_->results[index];
  const ValueDesc& desc = desc_->results[index];
  const Register& source = registers[list_entry(list, slots.buffer)];
  if (!source.buffer) return {Code::failed_precondition, "call: the program returned no buffer", where_result(index, Where::whole, 0, 0)};

  int64_t shape[max_rank] = {};
  uint32_t next = slots.dimensions;
  for (uint32_t d = 0; d < desc.shape.size(); ++d)
    shape[d] = desc.shape[d].dynamic() ? registers[list_entry(list, next++)].i : desc.shape[d].size;
  Tensor& tensor = slot.tensor;
  uint64_t bytes = 0;
  if (!tensor.set_shape(Shape(std::span<const int64_t>(shape, desc.shape.size())), desc.type, bytes).ok() || bytes > source.size)
    return {Code::failed_precondition, "call: the program returned a shape that its buffer does not hold",
            where_result(index, Where::whole, static_cast<int64_t>(source.size), static_cast<int64_t>(bytes))};

  if (slot.bound) {
    for (uint32_t d = 0; d < slot.bound.rank(); ++d)
      if (slot.bound.dimension(d) != shape[d])
        return {Code::invalid_argument, "call: the bound tensor has another shape than the result",
                where_result(index, static_cast<uint8_t>(d), shape[d], slot.bound.dimension(d))};
    if (slot.bound.buffer().get() != source.buffer) HALCYON_TRY(copy(*slot.bound.buffer(), source, bytes));
    tensor.buffer_ = slot.bound.buffer_;
    return {};
  }
  bool own = source.offset == 0 && (source.origin == Origin::allocated || source.origin == Origin::donated);
  for (const Ref<hal::Buffer>& variable : program_.variables_) own = own && variable.get() != source.buffer;
  if (own) {
    tensor.buffer_ = Ref<hal::Buffer>::share(source.buffer);
    return {};
  }
  hal::Buffer* buffer = nullptr;
  const hal::Map map = program_.artifact().results_mappable() ? hal::Map::read_write : hal::Map::none;
  HALCYON_TRY(take(slot.copies, bytes, {.size = bytes, .map = map, .label = "result"}, buffer));
  tensor.buffer_ = Ref<hal::Buffer>::adopt(buffer);
  return copy(*buffer, source, bytes);
}

// ---- memory ---------------------------------------------------------------------------------------------

// A buffer of the site that nobody else holds, or a new one, with a reference for the caller.
HALCYON_FUNC Status Frame::take(Site& site, uint64_t bytes, const hal::BufferDesc& desc, hal::Buffer*& buffer) {
  for (const Ref<hal::Buffer>& cached : site.cached) {
    if (!cached || cached->size() < bytes || !cached->unique()) continue;
    cached->retain();
    buffer = cached.get();
    return {};
  }
  // Two are kept, so that a loop-carried tensor that alternates between two buffers allocates nothing either.
  const uint8_t oldest = site.newest ^ 1;
  site.cached[oldest] = nullptr;
  HALCYON_ASSIGN(Ref<hal::Buffer> made, program_.device().allocate(desc));
  site.cached[oldest] = made;
  site.newest = oldest;
  buffer = made.detach();
  return {};
}

HALCYON_FUNC Status Frame::allocate(Register& target, int64_t bytes, uint32_t lifetime, uint32_t index) {
  if (bytes < 0) return {Code::failed_precondition, "call: an allocation of a negative size"};
  const uint64_t size = static_cast<uint64_t>(bytes);
  Site& site = sites_[index];
  hal::Buffer* buffer = nullptr;
  if (site.result != UINT32_MAX && lifetime == 0 && !results_[site.result].handed_out) {
    ResultSlot& slot = results_[site.result];
    if (slot.bound.buffer()->size() < size)
      return {Code::invalid_argument, "call: the bound tensor is smaller than the result",
              where_result(site.result, Where::whole, bytes, static_cast<int64_t>(slot.bound.buffer()->size()))};
    slot.handed_out = true;
    buffer = Ref<hal::Buffer>(slot.bound.buffer()).detach();
  } else {
    hal::BufferDesc desc{.size = size, .label = "transient"};
    if (lifetime == 0) {
      desc.label = "result";
      if (program_.artifact().results_mappable()) desc.map = hal::Map::read_write;
    } else if (lifetime == 2) {
      desc.label = "staging";
      desc.memory = hal::Memory::host;
      desc.map = hal::Map::read_write;
    }
    HALCYON_TRY(take(site, size, desc, buffer));
  }
  clear(target, RegisterType::buffer);
  target.buffer = buffer;
  target.offset = 0;
  target.size = size;
  target.origin = Origin::allocated;
  return {};
}

HALCYON_FUNC Status Frame::create_list(Register& target) {
  BufferList* list = free_lists_;
  if (list) {
    free_lists_ = list->next;
  } else {
    HALCYON_ASSIGN(Owned<BufferList> made, make<BufferList>(allocator_, allocator_));
    list = made.release();
  }
  clear(target, RegisterType::list);
  list->next = nullptr;
  list->references = 1;
  target.list = list;
  return {};
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
HALCYON_FUNC Status Frame::submit(hal::Commands* commands, std::span<const hal::Command> transfers,
                                  std::span<const hal::Binding> bindings, std::span<const uint64_t> parameters) {
  hal::Submission submission;
  submission.commands = commands;
  submission.transfers = transfers;
  submission.bindings = bindings;
  submission.parameters = parameters;
  if (!chained_) return program_.device().submit(submission);
  if (!timeline_) {
    HALCYON_ASSIGN(timeline_, program_.device().create_semaphore(0));
    reached_ = 0;
  }
  const hal::Timepoint before[] = {{timeline_.get(), reached_}};
  const hal::Timepoint after[] = {{timeline_.get(), reached_ + 1}};
  submission.waits = first_waits_.empty() ? std::span<const hal::Timepoint>(before) : first_waits_;
  submission.signals = after;
  HALCYON_TRY(program_.device().submit(submission));
  first_waits_ = {};
  ++reached_;
  return {};
}

HALCYON_FUNC Status Frame::copy(hal::Buffer& target, const Register& source, uint64_t bytes) {
  if (bytes == 0) return {};
  const hal::Range ranges[] = {{0, hal::Operand::literal(0), hal::Operand::literal(bytes)},
                               {1, hal::Operand::literal(0), hal::Operand::literal(bytes)}};
  hal::Command command;
  command.type = hal::Command::Type::copy;
  command.ranges = ranges;
  const hal::Binding bindings[] = {{&target, 0, bytes}, {source.buffer, source.offset, source.size}};
  return submit(nullptr, {&command, 1}, bindings, {});
}

HALCYON_FUNC Status Frame::read_element(const Register& source, int64_t offset, ElementType type, uint64_t& bits) {
  const uint64_t size = type.bits / 8u;
  if (!source.buffer || offset < 0 || static_cast<uint64_t>(offset) > source.size || size > source.size - static_cast<uint64_t>(offset))
    return {Code::failed_precondition, "call: the host program reads outside a buffer"};
  std::byte bytes[8] = {};
  const hal::Timepoint after[] = {{timeline_.get(), reached_}};
  std::span<const hal::Timepoint> waits;
  if (chained_) waits = first_waits_.empty() && timeline_ ? std::span<const hal::Timepoint>(after) : first_waits_;
  HALCYON_TRY(hal::read(program_.device(), *source.buffer, source.offset + static_cast<uint64_t>(offset), std::span(bytes, size), waits));
  bits = is_host_float(type) ? std::bit_cast<uint64_t>(load_float(type, bytes)) : static_cast<uint64_t>(load_integer(type, bytes));
  return {};
}

HALCYON_FUNC Status Frame::write_element(const Register& target, int64_t offset, ElementType type, uint64_t bits) {
  const uint64_t size = type.bits / 8u;
  if (!target.buffer || offset < 0 || static_cast<uint64_t>(offset) > target.size || size > target.size - static_cast<uint64_t>(offset))
    return {Code::failed_precondition, "call: the host program writes outside a buffer"};
  if (target.origin == Origin::argument || target.origin == Origin::constant)
    return {Code::failed_precondition, "call: the host program writes to a constant or an argument"};
  const hal::Range range{0, hal::Operand::literal(static_cast<uint64_t>(offset)), hal::Operand::literal(size)};
  const hal::Operand value = hal::Operand::literal(bits);
  hal::Command command;
  command.type = hal::Command::Type::update;
  command.pattern_size = static_cast<uint8_t>(size);
  command.ranges = {&range, 1};
  command.operands = {&value, 1};
  const hal::Binding binding{target.buffer, target.offset, target.size};
  return submit(nullptr, {&command, 1}, {&binding, 1}, {});
}

// The variable becomes the buffer where the call allocated it, else a copy: nobody else may hold its bytes.
HALCYON_FUNC Status Frame::set_variable(uint32_t index, const Register& source) {
  const uint64_t bytes = program_.artifact().variables()[index].bytes;
  if (!source.buffer || source.size < bytes) return {Code::failed_precondition, "call: a variable's new value is too small"};
  Ref<hal::Buffer>& variable = program_.variables_[index];
  if (variable.get() == source.buffer) return {};
  if (source.origin == Origin::allocated && source.offset == 0) {
    variable = Ref<hal::Buffer>::share(source.buffer);
    return {};
  }
  HALCYON_ASSIGN(Ref<hal::Buffer> made, program_.device().allocate({.size = bytes, .label = "variable"}));
  HALCYON_TRY(copy(*made, source, bytes));
  variable = std::move(made);
  return {};
}

HALCYON_FUNC Status Frame::wait(uint64_t timeout_ns) {
  if (!in_flight_) return {};
  const hal::Timepoint done[] = {{timeline_.get(), reached_}};
  const Status status = timeline_ ? program_.device().wait(done, hal::Wait::all, timeout_ns) : Status();
  if (status.code() == Code::timeout) return status;
  in_flight_ = false;
  if (!status.ok()) {  // a failed timeline stays failed: the next call gets a new one
    timeline_ = nullptr;
    for (ResultSlot& slot : results_) slot.tensor = Tensor();
  }
  return status;
}

HALCYON_NAMESPACE_END
