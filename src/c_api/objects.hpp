// What is behind the handles of halcyon.h, and what every function there does with its arguments.
//
//   halcyon_code halcyon_thing_create(..., halcyon_thing** out, halcyon_error* error) {
//     return answer(out, error, [&]() -> Result<halcyon_thing*> { ... });
//   }
//
// A handle is counted: what was made from it holds a reference, so handles may be released in any order.
#pragma once
#include <cstring>

#include "halcyon.h"
#include "halcyon/halcyon.hpp"

namespace c_api {

using namespace halcyon;

template <class T>
class Object : public Counted {
 public:
  const Allocator& allocator() const { return allocator_; }

 protected:
  explicit Object(const Allocator& allocator) : allocator_(allocator) {}
  ~Object() = default;

 private:
  void recycle() final {
    const Allocator allocator = allocator_;
    T* self = static_cast<T*>(this);
    self->~T();
    allocator.release(allocator.self, self, sizeof(T), alignof(T));
  }
  Allocator allocator_;
};

// An object with one reference, the caller's; null where memory has ended.
template <class T, class... Arguments>
Ref<T> create(const Allocator& allocator, Arguments&&... arguments) {
  void* memory = allocator.allocate(allocator.self, sizeof(T), alignof(T));
  return Ref<T>::adopt(memory ? ::new (memory) T(allocator, std::forward<Arguments>(arguments)...) : nullptr);
}

}  // namespace c_api

struct halcyon_registry final : c_api::Object<halcyon_registry> {
  explicit halcyon_registry(const halcyon::Allocator& allocator) : Object(allocator), libraries(allocator) {}
  halcyon::Array<halcyon::DriverLibrary> libraries;
  halcyon::Registry drivers;
};

struct halcyon_device final : c_api::Object<halcyon_device> {
  halcyon_device(const halcyon::Allocator& allocator, halcyon_registry& from, halcyon::Owned<halcyon::hal::Device> made)
      : Object(allocator), registry(halcyon::Ref<halcyon_registry>::share(&from)), device(std::move(made)) {}
  halcyon_device(const halcyon::Allocator& allocator, halcyon_device& checks, halcyon::Owned<halcyon::hal::Device> made)
      : Object(allocator), registry(checks.registry), checked(halcyon::Ref<halcyon_device>::share(&checks)), device(std::move(made)) {}
  // Where events go; both null: nowhere.
  void (*event)(void* user, const halcyon_profile_event* event) = nullptr;
  void* event_user = nullptr;
  halcyon::Ref<halcyon_registry> registry;  // its driver's code
  halcyon::Ref<halcyon_device> checked;  // the device inside, where this one checks
  void (*fault)(void* user, halcyon_string line) = nullptr;
  void* fault_user = nullptr;
  halcyon::Owned<halcyon::hal::Device> device;  // last: it goes before what it needs
};

struct halcyon_semaphore final : c_api::Object<halcyon_semaphore> {
  halcyon_semaphore(const halcyon::Allocator& allocator, halcyon_device& of, halcyon::Ref<halcyon::hal::Semaphore> made)
      : Object(allocator), device(halcyon::Ref<halcyon_device>::share(&of)), semaphore(std::move(made)) {}
  halcyon::Ref<halcyon_device> device;
  halcyon::Ref<halcyon::hal::Semaphore> semaphore;
};

struct halcyon_tensor final : c_api::Object<halcyon_tensor> {
  halcyon_tensor(const halcyon::Allocator& allocator, halcyon_device& of, halcyon::Tensor value)
      : Object(allocator), device(halcyon::Ref<halcyon_device>::share(&of)), tensor(std::move(value)) {}
  ~halcyon_tensor() {
    if (written) (void)tensor.buffer()->flush(0, tensor.byte_size()).ok();
    for (; maps > 0; --maps) tensor.buffer()->unmap();
  }
  halcyon::Ref<halcyon_device> device;
  halcyon::Tensor tensor;
  uint32_t maps = 0;     // not unmapped yet
  bool written = false;  // one of them wrote
};

struct halcyon_readback final : c_api::Object<halcyon_readback> {
  halcyon_readback(const halcyon::Allocator& allocator, halcyon_device& of)
      : Object(allocator), device(halcyon::Ref<halcyon_device>::share(&of)) {}
  halcyon::Ref<halcyon_device> device;
  halcyon::hal::Readback readback;
};

struct halcyon_program final : c_api::Object<halcyon_program> {
  halcyon_program(const halcyon::Allocator& allocator, halcyon_device& on)
      : Object(allocator), device(halcyon::Ref<halcyon_device>::share(&on)), callbacks(allocator) {}
  halcyon::Ref<halcyon_device> device;
  halcyon::Array<halcyon_callback> callbacks;  // the program points at them
  halcyon::Owned<halcyon::Program> program;
};

// Lives on the stack of the call that it stands for.
struct halcyon_host_call {
  const halcyon::HostCall& call;
  halcyon::Array<halcyon::hal::Mapped> views;
};

struct halcyon_call final : c_api::Object<halcyon_call> {
  halcyon_call(const halcyon::Allocator& allocator, halcyon_program& of, halcyon::Owned<halcyon::PreparedCall> prepared)
      : Object(allocator), program(halcyon::Ref<halcyon_program>::share(&of)), call(std::move(prepared)) {}
  halcyon::Ref<halcyon_program> program;
  halcyon::Owned<halcyon::PreparedCall> call;
};

namespace c_api {

// ---- errors -------------------------------------------------------------------------------------------------------

// Writes `error`, which may be null, and returns the status's code. `program` (may be null) has the names that the status
// speaks of; `more` is appended to the text.
halcyon_code report(const Status& status, halcyon_error* error, const Program* program = nullptr, const char* more = "");

// Hands the handle that `make` gives to the caller, or reports why there is none.
template <class T, class Make>
halcyon_code answer(T** out, halcyon_error* error, Make make, const Program* program = nullptr, const char* more = "") {
  if (!out) return report({Code::invalid_argument, "`out` is NULL"}, error);
  *out = nullptr;
  Result<Ref<T>> made = make();
  if (!made.ok()) return report(made.status(), error, program, more);
  *out = made->detach();
  return report({}, error);
}

// An invalid_argument that says which argument is NULL.
template <class T>
Status needed(const T* argument, Literal what) {
  return argument ? Status() : Status(Code::invalid_argument, what);
}

// ---- sized structs ------------------------------------------------------------------------------------------------

// The caller's options as this version knows them: what an older caller does not have is 0. Errors: invalid_argument for no
// size; unsupported for a field of a later version that is set.
template <class T>
Status read_options(const T* given, T& options) {
  options = T{};
  if (!given) return {};
  if (given->size < sizeof(size_t)) return {Code::invalid_argument, "options: `size` is not set; use HALCYON_INIT"};
  const unsigned char* bytes = reinterpret_cast<const unsigned char*>(given);
  for (size_t i = sizeof(T); i < given->size; ++i)
    if (bytes[i] != 0) return {Code::unsupported, "options: a field is set that this version of Halcyon does not know"};
  std::memcpy(static_cast<void*>(&options), given, given->size < sizeof(T) ? given->size : sizeof(T));
  return {};
}

// As much as the caller's struct has room for; its size stays.
template <class T>
Status write_struct(const T& filled, T* out) {
  if (!out) return {Code::invalid_argument, "`out` is NULL"};
  const size_t size = out->size;
  if (size < sizeof(size_t)) return {Code::invalid_argument, "`out->size` is not set; use HALCYON_INIT"};
  std::memcpy(static_cast<void*>(out), &filled, size < sizeof(T) ? size : sizeof(T));
  out->size = size;
  return {};
}

// ---- data ---------------------------------------------------------------------------------------------------------

inline halcyon_string to_c(std::string_view text) { return {text.data() ? text.data() : "", text.size()}; }
inline halcyon_type to_c(ElementType type) { return static_cast<uint32_t>(type.kind) | static_cast<uint32_t>(type.bits) << 8; }
halcyon_shape to_c(const Tensor& tensor);

// ElementType{} for a number that is no type.
ElementType to_type(halcyon_type type);
Status read_shape(const halcyon_shape* shape, Shape& sizes, ElementType& type);
Status byte_size(const Shape& shape, ElementType type, uint64_t& bytes);
Status read_buffer_options(const halcyon_buffer_options* given, hal::BufferDesc& desc);

// The caller's timepoints as the HAL takes them, all of one device. Up to eight need no memory.
class Timepoints {
 public:
  explicit Timepoints(const halcyon_device& device) : device_(device), more_(device.allocator()) {}
  Status read(halcyon_timepoints given);
  std::span<const hal::Timepoint> span() const { return points_; }

 private:
  const halcyon_device& device_;
  hal::Timepoint few_[8];
  Array<hal::Timepoint> more_;
  std::span<hal::Timepoint> points_;
};
Status read_timepoint(const halcyon_timepoint& given, const halcyon_device& device, hal::Timepoint& point);

// There is a tensor, and it has bytes.
Status filled(const halcyon_tensor* tensor);
Result<Ref<halcyon_tensor>> make_tensor(halcyon_device& device, Result<Tensor> made);

}  // namespace c_api
