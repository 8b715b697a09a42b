// halcyon/flat_reader.hpp -- reads the tables of a FlatBuffer into plain structs, as lists of fields say.
//
//   class Reader : FlatReader { bool check(uint8_t table, const Scope& scope) override { ... } };
//   if (!reader.read(root, "HCM1", &target)) return reader.failure();
//
// Nothing is believed: every offset, size and alignment is checked before it is followed, and no byte is read
// through two parents, so that the work is bounded by the buffer's size. Numbers and arrays of plain elements
// are left where they lie: the buffer (16-byte aligned, little-endian, as this machine) outlives what is read.
// Threads: one at a time.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "halcyon/allocator.hpp"

HALCYON_NAMESPACE_BEGIN

class FlatReader {
 public:
  enum class Form : uint8_t {
    number,  // or a struct: `size` bytes are copied; absent: each byte is `absent`
    text,    // string -> std::string_view; `absent` 1: it must be there
    array,   // vector of numbers or structs of `size` bytes -> std::span of them
    texts,   // vector of strings -> std::span<const std::string_view>
    tables,  // vector of the table number `size` -> std::span of its structs
  };
  struct Field {
    uint16_t slot;  // where the table's vtable has it
    Form form;
    uint8_t size, alignment, absent;
    uint16_t offset;  // in the struct
  };
  struct Table {
    const Field* fields;
    uint16_t count, size;  // fields; bytes of the struct, which is all zeroes where nothing is read
  };
  // A table in progress, within its parent.
  struct Scope {
    void* target;
    uint64_t position;  // in the buffer
    const Scope* parent;
    template <class T>
    T& as() const { return *static_cast<T*>(target); }
  };

  bool read(uint8_t root, const char (&identifier)[5], void* target);
  const Status& failure() const { return failure_; }

 protected:
  FlatReader(std::span<const std::byte> bytes, std::span<const Table> tables, Arena& arena)
      : arena_(arena), bytes_(bytes), tables_(tables), left_(bytes.size()) {}
  ~FlatReader() = default;

  // After each table, its children included.
  virtual bool check(uint8_t table, const Scope& scope) = 0;

  HALCYON_COLD bool fail(const Status& status) {
    failure_ = status;
    return false;
  }
  HALCYON_COLD bool broken(uint64_t position) {
    return fail(corrupt_at(place(position), "load: the metadata is not a FlatBuffer of its schema"));
  }
  // For fields that no list names: a number of 4 bytes, 0 where it is absent; a vector of plain elements.
  bool number(const Scope& scope, uint16_t slot, uint32_t& value);
  bool array(const Scope& scope, uint16_t slot, uint8_t size, uint8_t alignment, std::span<const std::byte>& elements);
  static uint64_t place(uint64_t position) { return position + 64; }  // in the file

  Arena& arena_;

 private:
  bool inside(uint64_t position, uint64_t size, uint64_t alignment) const {
    return position <= bytes_.size() && size <= bytes_.size() - position && position % alignment == 0;
  }
  template <class T>
  T load(uint64_t position) const {
    T value;
    std::memcpy(&value, bytes_.data() + position, sizeof value);
    return value;
  }
  bool spend(uint64_t bytes);
  bool find(uint64_t table, uint16_t slot, uint64_t size, uint64_t alignment, uint64_t& at);
  bool follow(uint64_t& at, uint64_t size, uint64_t alignment, uint32_t& count);
  bool read_text(uint64_t at, std::byte* target);
  bool read_field(const Field& field, const Scope& scope);
  bool read_table(uint8_t table, const Scope& scope);

  std::span<const std::byte> bytes_;
  std::span<const Table> tables_;
  uint64_t left_;  // bytes that were not read yet
  Status failure_;
};

HALCYON_NAMESPACE_END

#if defined(HALCYON_INLINE_BODIES)
#include "halcyon/flat_reader.ipp"
#endif
