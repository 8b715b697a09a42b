// Bodies of halcyon/driver_plugin.hpp. A new function or field of the HAL gets its name here (tests/rules.py looks).
#pragma once
#include <cstring>
#include <span>
#include <string_view>

#include "halcyon/driver_plugin.hpp"
#include "halcyon/hal/transfer.hpp"

HALCYON_NAMESPACE_BEGIN
namespace layout_detail {

class Layout {
 public:
  uint64_t hash() const { return hash_; }
  void add(uint64_t number) {  // FNV-1a
    for (int i = 0; i < 8; ++i) hash_ = (hash_ ^ (number >> (8 * i) & 0xff)) * 0x100000001b3u;
  }
  // A virtual function's place in its table, which is what a pointer to it holds, and what it takes and gives.
  template <class R, class Class, class... Arguments>
  void function(R (Class::*member)(Arguments...)) {
    pointer(member);
    signature<R, Arguments...>();
  }
  template <class R, class Class, class... Arguments>
  void function(R (Class::*member)(Arguments...) const) {
    pointer(member);
    signature<R, Arguments...>();
  }
  template <class... Functions>
  void functions(Functions... all) {
    (function(all), ...);
  }
  // A type's size, and where its fields are.
  template <class Type, class... Fields>
  void type(Fields Type::*... fields) {
    add(sizeof(Type));
    add(alignof(Type));
    (pointer(fields), ...);
    (add(sizeof(Fields)), ...);
  }

 private:
  template <class Pointer>
  void pointer(Pointer value) {
    uintptr_t words[2] = {};
    static_assert(sizeof value <= sizeof words);
    std::memcpy(words, &value, sizeof value);
    add(words[0]);
    add(words[1]);
  }
  template <class Type>
  static constexpr uint64_t size() {
    if constexpr (std::is_void_v<Type>) return 0;
    else if constexpr (std::is_reference_v<Type>) return sizeof(void*);
    else return sizeof(Type);
  }
  template <class... Types>
  void signature() {
    (add(size<Types>()), ...);
  }

  uint64_t hash_ = 0xcbf29ce484222325u;
};

// The C++ library's views have no prescribed order of pointer and length.
inline void add_views(Layout& layout) {
  const char* text = "";
  const std::string_view view(text, 0);
  const std::span<const char> span(text, 0);
  uintptr_t words[2];
  static_assert(sizeof view == sizeof words && sizeof span == sizeof words);
  std::memcpy(words, &view, sizeof words);
  layout.add(words[0] == 0);
  std::memcpy(words, &span, sizeof words);
  layout.add(words[0] == 0);
}

inline void add_objects(Layout& layout) {
  using namespace hal;
  layout.add(sizeof(Device));
  layout.functions(&Device::caps, &Device::compatibility, &Device::allocate, &Device::allocate_async, &Device::free_async,
                   &Device::import_host, &Device::import_native, &Device::export_native, &Device::create_executable,
                   &Device::create_commands, &Device::create_semaphore, &Device::submit, &Device::wait, &Device::wait_idle, &Device::trim,
                   &Device::stats, &Device::profile, &Device::object_size, &Device::object_alignment, &Device::object_memory);
  layout.add(sizeof(Buffer));
  layout.functions(&Buffer::map, &Buffer::unmap, &Buffer::flush, &Buffer::invalidate, &Buffer::native_handle);
  layout.functions(&Staging::transfer, &Staging::lend);
  layout.add(sizeof(HostTransfer));
  layout.add(sizeof(Semaphore));
  layout.functions(&Semaphore::query, &Semaphore::signal, &Semaphore::fail);
  layout.add(sizeof(Executable));
  layout.add(sizeof(Commands));
  layout.add(sizeof(Counted));
}

inline void add_memory(Layout& layout) {
  using namespace hal;
  layout.type(&Caps::driver, &Caps::name, &Caps::family, &Caps::device_memory_mappable, &Caps::coherent,
              &Caps::inline_execution, &Caps::import_host,
              &Caps::accepts_any_plan, &Caps::min_alignment, &Caps::max_buffer_size);
  layout.type(&Compatibility::allocatable, &Compatibility::importable, &Compatibility::exportable, &Compatibility::mappable,
              &Compatibility::slow, &Compatibility::why);
  layout.type(&Stats::host_to_device_copies, &Stats::host_to_device_bytes, &Stats::device_to_host_copies, &Stats::device_to_host_bytes,
              &Stats::allocations, &Stats::live_bytes, &Stats::peak_bytes, &Stats::pooled_bytes, &Stats::reserved_bytes,
              &Stats::peak_reserved_bytes, &Stats::staging_bytes,
              &Stats::submissions, &Stats::dispatches);
  layout.type(&Usage::transfer, &Usage::dispatch, &Usage::indirect);
  layout.type(&BufferDesc::size, &BufferDesc::memory, &BufferDesc::map, &BufferDesc::usage, &BufferDesc::alignment,
              &BufferDesc::device_ordinal, &BufferDesc::label);
  layout.type(&NativeHandle::type, &NativeHandle::value, &NativeHandle::offset);
}

inline void add_work(Layout& layout) {
  using namespace hal;
  layout.type(&Operand::value, &Operand::is_parameter);
  layout.type(&Range::slot, &Range::offset, &Range::size);
  layout.type(&Command::type, &Command::pattern_size, &Command::export_index, &Command::executable, &Command::pattern, &Command::ranges,
              &Command::operands, &Command::data, &Command::location, &Command::executable_index);
  layout.type(&Command::workload);
  layout.type(&CommandsDesc::commands, &CommandsDesc::bindings, &CommandsDesc::parameters, &CommandsDesc::label);
  layout.type(&Binding::buffer, &Binding::offset, &Binding::size);
  layout.type(&Timepoint::semaphore, &Timepoint::value);
  layout.type(&Submission::waits, &Submission::signals, &Submission::commands, &Submission::transfers, &Submission::bindings,
              &Submission::parameters, &Submission::device_ordinal);
  layout.type(&ExportDesc::name, &ExportDesc::bindings, &ExportDesc::parameters, &ExportDesc::location, &ExportDesc::written);
  layout.type(&VariantExport::tile, &VariantExport::local_memory, &VariantExport::hash);
  layout.type(&VariantDesc::format, &VariantDesc::target, &VariantDesc::cpu, &VariantDesc::features, &VariantDesc::exports,
              &VariantDesc::image);
  layout.type(&ExecutableDesc::exports, &ExecutableDesc::variants, &ExecutableDesc::label);
  layout.type(&Rejection::reason, &Rejection::feature);
  layout.type(&ProfileEvent::location, &ProfileEvent::name, &ProfileEvent::begin_ns, &ProfileEvent::end_ns);
  layout.type(&ProfileSink::self, &ProfileSink::event);
}

inline void add_enumerators(Layout& layout) {
  using namespace hal;
  constexpr auto number = [](auto enumerator) { return static_cast<uint64_t>(enumerator); };
  layout.add(number(Code::internal) | number(Kind::instruction) << 8 | number(Memory::host) << 16 | number(Map::read_write) << 24 |
             number(Access::read_write) << 32 | number(NativeHandle::Type::opaque_fd) << 40 | number(Format::ptx) << 48 |
             number(Wait::any) << 56);
  layout.add(number(Command::Type::barrier) | number(Command::Type::dispatch) << 8 | number(Command::Type::copy) << 16 |
             number(Command::Type::fill) << 24 | number(Command::Type::update) << 32);
}

}  // namespace layout_detail

HALCYON_FUNC uint64_t driver_layout() {
  layout_detail::Layout layout;
  layout_detail::add_views(layout);
  layout.type(&Allocator::self, &Allocator::allocate, &Allocator::release);
  layout.type(&Where::kind, &Where::dimension, &Where::index, &Where::object, &Where::expected, &Where::actual);
  layout.add(sizeof(Status));
  layout_detail::add_enumerators(layout);
  layout.type(&Driver::name, &Driver::create);
  layout_detail::add_objects(layout);
  layout_detail::add_memory(layout);
  layout_detail::add_work(layout);
  return layout.hash();
}

HALCYON_NAMESPACE_END
