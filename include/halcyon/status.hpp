// halcyon/status.hpp -- how every fallible call reports what went wrong, and where.
//
//   Result<Box> open(int id) {
//     if (id < 0) return Status(Code::invalid_argument, "open: id is negative");
//     HALCYON_ASSIGN(auto handle, acquire(id));   // returns its Status on failure
//     HALCYON_TRY(handle.check());
//     return Box(handle);
//   }
//
// A Status is at most 40 bytes, copied freely and owns nothing: its text is a string literal by
// construction, its run-time detail is in Where. Program::describe renders both with names.
// Threads: values, no sharing.
#pragma once
#include <cstdint>
#include <new>
#include <type_traits>
#include <utility>

#include "halcyon/config.hpp"

HALCYON_NAMESPACE_BEGIN

// A code exists only if a caller would act differently on it.
enum class Code : uint32_t {
  ok,
  invalid_argument,     // the caller passed something wrong
  failed_precondition,  // right call, wrong state or wrong kind of object
  not_found,            // no such file, function, device, parameter
  out_of_memory,
  unsupported,          // another device could do it
  corrupt_artifact,     // the file is not what its format says
  device_lost,
  timeout,
  internal,             // a bug in Halcyon or a driver
};

// What a Status points at.
enum class Kind : uint8_t {
  none, argument, result, dimension, command, source_op, parameter, byte_offset, line,
  instruction,  // of the host program: object is the host function, expected the word in its code
};

struct Where {
  static constexpr uint8_t whole = 255, rank = 254, element_type = 253;

  Kind kind = Kind::none;
  uint8_t dimension = 0;   // for argument and result: which dimension, or one of the three above
  uint16_t index = 0;      // which argument, result, parameter
  uint32_t object = 0;     // function, command list or location index, as kind says
  int64_t expected = 0;    // for byte_offset: the offset; for element_type: kind | bits << 8
  int64_t actual = 0;
};

// Only a compile-time constant converts to it, so that a Status never owns its text.
struct Literal {
  const char* text = "";
  consteval Literal(const char* literal) : text(literal) {}
};

class [[nodiscard]] Status {
 public:
  constexpr Status() {}  // success
  // `native`: errno, VkResult, CUresult or a kernel's return value; 0 where there is none.
  HALCYON_COLD Status(Code code, Literal what) : detail_{what.text, {}}, code_(code) {}
  HALCYON_COLD Status(Code code, Literal what, const Where& where, int32_t native = 0)
      : detail_{what.text, where}, native_(native), code_(code) {}

  constexpr bool ok() const { return code_ == Code::ok; }
  constexpr Code code() const { return code_; }
  constexpr const char* what() const { return ok() ? "" : detail_.what; }
  constexpr const Where& where() const { return ok() ? nowhere : detail_.where; }
  constexpr int32_t native() const { return native_; }
  HALCYON_COLD Status at(const Where& where) const {  // the same failure, located
    Status located = *this;
    located.detail_.where = where;
    return located;
  }
  HALCYON_COLD Status as(Code code, const Where& where) const {  // the same words, of another kind
    Status other = at(where);
    other.code_ = code;
    return other;
  }
  // Itself, unless it is none: then Code::internal.
  HALCYON_COLD Status failure() const { return ok() ? Status(Code::internal, "Result: constructed from an ok Status") : *this; }

 private:
  static constexpr Where nowhere = {};
  struct Detail {
    const char* what;
    Where where;
  };
  union {
    Detail detail_;  // of a failure: success is made in every function, and writes one word
  };
  int32_t native_ = 0;
  Code code_ = Code::ok;
};
static_assert(sizeof(void*) > 8 || sizeof(Status) <= 40);

// A failure with the two numbers that do not go together, or with a place in the file.
HALCYON_COLD inline Status mismatch(Code code, Literal what, uint64_t expected, uint64_t actual) {
  return {code, what, Where{Kind::none, Where::whole, 0, 0, static_cast<int64_t>(expected), static_cast<int64_t>(actual)}};
}
HALCYON_COLD inline Status corrupt_at(uint64_t offset, Literal what) {
  return {Code::corrupt_artifact, what, Where{Kind::byte_offset, Where::whole, 0, 0, static_cast<int64_t>(offset), 0}};
}

// Either a T or the Status that says why not. Constructing it from an ok Status is a bug and becomes
// Code::internal, so `ok()` always means that there is a value.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T&& value) { ::new (static_cast<void*>(&value_)) T(std::move(value)); }
  Result(const T& value)
    requires std::is_copy_constructible_v<T>
  {
    ::new (static_cast<void*>(&value_)) T(value);
  }
  Result(const Status& status) : status_(status.failure()) {}
  Result(Result&& other) noexcept : status_(other.status_) {
    if (ok()) ::new (static_cast<void*>(&value_)) T(std::move(other.value_));
  }
  Result& operator=(Result&& other) noexcept {
    if (this == &other) return *this;
    if (ok()) value_.~T();
    status_ = other.status_;
    if (ok()) ::new (static_cast<void*>(&value_)) T(std::move(other.value_));
    return *this;
  }
  ~Result() {
    if (ok()) value_.~T();
  }

  bool ok() const { return status_.ok(); }
  const Status& status() const { return status_; }
  T& value() & { HALCYON_ASSERT(ok()); return value_; }
  const T& value() const& { HALCYON_ASSERT(ok()); return value_; }
  T&& value() && { HALCYON_ASSERT(ok()); return std::move(value_); }
  T& operator*() & { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { HALCYON_ASSERT(ok()); return &value_; }

 private:
  union {
    T value_;
  };
  Status status_;
};

// The name of a code, as printed in front of messages.
constexpr const char* name(Code code) {
  constexpr const char* names[] = {"ok", "invalid_argument", "failed_precondition", "not_found",
                                   "out_of_memory", "unsupported", "corrupt_artifact", "device_lost",
                                   "timeout", "internal"};
  return static_cast<unsigned>(code) < 10 ? names[static_cast<unsigned>(code)] : "unknown";
}

HALCYON_NAMESPACE_END

#define HALCYON_CONCAT_(a, b) a##b
#define HALCYON_CONCAT(a, b) HALCYON_CONCAT_(a, b)

// Returns the expression's Status from the enclosing function if it is not ok.
#define HALCYON_TRY(expression)                                        \
  do {                                                                 \
    if (::halcyon::Status halcyon_status = (expression); !halcyon_status.ok()) return halcyon_status; \
  } while (false)

// Declares `declaration` from a Result's value, or returns its Status.
#define HALCYON_ASSIGN(declaration, expression) \
  HALCYON_ASSIGN_(declaration, expression, HALCYON_CONCAT(halcyon_result_, __LINE__))
#define HALCYON_ASSIGN_(declaration, expression, result) \
  auto result = (expression);                            \
  if (!result.ok()) return result.status();              \
  declaration = std::move(result).value()
