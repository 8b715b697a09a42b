// Bodies of halcyon/flat_reader.hpp. The format: https://flatbuffers.dev/internals
#pragma once
#include "halcyon/flat_reader.hpp"

HALCYON_NAMESPACE_BEGIN

// Tables and vectors that no two parents share take no more bytes than there are.
HALCYON_FUNC bool FlatReader::spend(uint64_t bytes) {
  if (bytes > left_) return false;
  left_ -= bytes;
  return true;
}

// Where a table has a field; 0 where it has none. False where that is not inside the table.
HALCYON_FUNC bool FlatReader::find(uint64_t table, uint16_t slot, uint64_t size, uint64_t alignment, uint64_t& at) {
  const uint64_t vtable = table - static_cast<uint64_t>(int64_t{load<int32_t>(table)});
  at = 0;
  if (slot + 2u > load<uint16_t>(vtable)) return true;
  const uint64_t offset = load<uint16_t>(vtable + slot);
  if (offset == 0) return true;
  at = table + offset;
  return (offset >= 4 && offset + size <= load<uint16_t>(vtable + 2) && at % alignment == 0) || broken(at);
}

// From an offset at `at` to the elements of the vector or string there.
HALCYON_FUNC bool FlatReader::follow(uint64_t& at, uint64_t size, uint64_t alignment, uint32_t& count) {
  const uint64_t from = at;
  at += load<uint32_t>(from);
  if (at == from || !inside(at, 4, 4)) return broken(from);
  count = load<uint32_t>(at);
  at += 4;
  return inside(at, count * size, count == 0 ? 1 : alignment) || broken(from);
}

HALCYON_FUNC bool FlatReader::read_text(uint64_t at, std::byte* target) {
  uint32_t count = 0;
  if (!follow(at, 1, 1, count)) return false;
  if (!inside(at, count + uint64_t{1}, 1) || bytes_[at + count] != std::byte{0}) return broken(at);
  ::new (static_cast<void*>(target)) std::string_view(reinterpret_cast<const char*>(bytes_.data()) + at, count);
  return true;
}

HALCYON_FUNC bool FlatReader::number(const Scope& scope, uint16_t slot, uint32_t& value) {
  uint64_t at = 0;
  if (!find(scope.position, slot, 4, 4, at)) return false;
  value = at == 0 ? 0 : load<uint32_t>(at);
  return true;
}

HALCYON_FUNC bool FlatReader::array(const Scope& scope, uint16_t slot, uint8_t size, uint8_t alignment,
                                    std::span<const std::byte>& elements) {
  uint64_t at = 0;
  uint32_t count = 0;
  elements = {};
  if (!find(scope.position, slot, 4, 4, at)) return false;
  if (at == 0) return true;
  if (!follow(at, size, alignment, count)) return false;
  if (!spend(4 + uint64_t{count} * size)) return broken(at);
  elements = bytes_.subspan(at, uint64_t{count} * size);
  return true;
}

HALCYON_FUNC bool FlatReader::read_field(const Field& field, const Scope& scope) {
  std::byte* target = static_cast<std::byte*>(scope.target) + field.offset;
  uint64_t at = 0;
  if (field.form <= Form::text) {
    const bool is_text = field.form == Form::text;
    if (!find(scope.position, field.slot, is_text ? 4 : field.size, is_text ? 4 : field.alignment, at)) return false;
    if (is_text) return at != 0 ? read_text(at, target) : field.absent == 0 || broken(scope.position);
    if (at == 0) std::memset(target, field.absent, field.size);
    else std::memcpy(target, bytes_.data() + at, field.size);
    return true;
  }
  const bool is_plain = field.form == Form::array;
  std::span<const std::byte> elements;
  if (!array(scope, field.slot, is_plain ? field.size : 4, is_plain ? field.alignment : 4, elements)) return false;
  // Spans of all types look alike: the first element and how many.
  std::span<const std::byte> made(elements.data(), elements.size() / (is_plain ? field.size : 4));
  const uint64_t offsets = static_cast<uint64_t>(elements.data() - bytes_.data());
  const size_t size = field.form == Form::tables ? tables_[field.size].size : sizeof(std::string_view);
  std::byte* child = nullptr;
  if (field.form == Form::tables && made.size() > left_ / 4) return broken(offsets);  // a table takes 4 bytes or more
  if (!is_plain && !made.empty()) {
    child = static_cast<std::byte*>(arena_.take(made.size(), size));
    if (!child) return fail(out_of_memory());
    made = {child, made.size()};
  }
  std::memcpy(target, static_cast<const void*>(&made), sizeof made);
  if (is_plain) return true;
  for (size_t i = 0; i < made.size(); ++i, child += size) {
    const uint64_t from = offsets + i * 4;
    if (field.form == Form::texts ? !read_text(from, child) : !read_table(field.size, {child, from + load<uint32_t>(from), &scope}))
      return false;
  }
  return true;
}

HALCYON_FUNC bool FlatReader::read_table(uint8_t table, const Scope& scope) {
  const uint64_t at = scope.position;
  if (!inside(at, 4, 4)) return broken(at);
  const uint64_t vtable = at - static_cast<uint64_t>(int64_t{load<int32_t>(at)});
  if (!inside(vtable, 4, 2)) return broken(at);
  const uint64_t vtable_size = load<uint16_t>(vtable), size = load<uint16_t>(vtable + 2);
  if (vtable_size < 4 || vtable_size % 2 != 0 || !inside(vtable, vtable_size, 2)) return broken(at);
  if (size < 4 || !inside(at, size, 4) || !spend(size)) return broken(at);
  const Table& fields = tables_[table];
  for (uint32_t i = 0; i < fields.count; ++i)
    if (!read_field(fields.fields[i], scope)) return false;
  return check(table, scope);
}

HALCYON_FUNC bool FlatReader::read(uint8_t root, const char (&identifier)[5], void* target) {
  if (bytes_.size() < 16 || std::memcmp(bytes_.data() + 4, identifier, 4) != 0) return broken(0);
  return read_table(root, {target, load<uint32_t>(0), nullptr});
}

HALCYON_NAMESPACE_END
