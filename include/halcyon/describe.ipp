// Bodies of halcyon/program.hpp: a Status in words.
#pragma once
#include <cstring>

#include "halcyon/line.hpp"
#include "halcyon/program.hpp"

HALCYON_NAMESPACE_BEGIN
namespace describe_detail {

inline std::string_view type_name(int64_t code) {
  return name(ElementType{static_cast<ElementKind>(code & 0xff), static_cast<uint8_t>(code >> 8 & 0xff)});
}

inline std::string_view without_prefix(std::string_view what, std::string_view prefix) {
  return what.substr(0, prefix.size()) == prefix ? what.substr(prefix.size()) : what;
}

inline void add_difference(Line& line, const Where& where) {
  if (where.expected != 0 || where.actual != 0) line.add(": expected ").add(where.expected).add(", got ").add(where.actual);
}

// "main: argument 1 'tokens', dimension 0: expected 4, got 409"
inline void describe_value(Line& line, const Status& status, const Artifact* artifact) {
  const Where& where = status.where();
  const bool is_argument = where.kind == Kind::argument;
  const ValueDesc* value = nullptr;
  if (artifact && where.object < artifact->functions().size()) {
    const FunctionDesc& function = artifact->functions()[where.object];
    line.add(function.name).add(": ");
    const std::span<const ValueDesc> values = is_argument ? function.arguments : function.results;
    if (where.index < values.size()) value = &values[where.index];
  }
  line.add(is_argument ? "argument " : "result ").add(where.index);
  if (value && !value->name.empty()) line.add(" '").add(value->name).add("'");
  if (where.dimension == Where::element_type) {
    line.add(": expected ").add(type_name(where.expected)).add(", got ").add(type_name(where.actual));
  } else if (where.dimension == Where::rank) {
    line.add(": expected rank ").add(where.expected).add(", got ").add(where.actual);
  } else if (where.dimension == Where::whole) {
    line.add(": ").add(without_prefix(status.what(), "call: "));
    add_difference(line, where);
  } else {
    line.add(", dimension ").add(where.dimension);
    if (value && where.dimension < value->shape.size() && !value->shape[where.dimension].name.empty())
      line.add(" '").add(value->shape[where.dimension].name).add("'");
    line.add(": expected ").add(where.expected).add(", got ").add(where.actual);
  }
}

inline std::string_view describe(const Status& status, std::span<char> text, const Artifact* artifact) {
  Line line(text);
  const Where& where = status.where();
  switch (where.kind) {
    case Kind::argument:
    case Kind::result:
      describe_value(line, status, artifact);
      return line.view();
    case Kind::source_op:
      line.add(status.what());
      if (artifact && where.object < artifact->locations().size()) {
        const LocationDesc& location = artifact->locations()[where.object];
        line.add(", in '").add(location.name).add("'");
        if (!location.file.empty()) line.add(" (").add(location.file).add(":").add(location.line).add(")");
      } else if (where.object != UINT32_MAX) {
        line.add(", in source op ").add(where.object);
      }
      add_difference(line, where);
      break;
    case Kind::dimension:
      line.add(status.what()).add(", dimension ").add(where.dimension);
      add_difference(line, where);
      break;
    case Kind::command:
      line.add(status.what()).add(", command ").add(where.object);
      add_difference(line, where);
      break;
    case Kind::parameter:
      line.add(status.what()).add(", parameter ").add(where.index);
      add_difference(line, where);
      break;
    case Kind::byte_offset:
      line.add(status.what()).add(", at byte ").add(where.expected);
      break;
    case Kind::line:
      line.add(status.what()).add(", line ").add(where.object);
      break;
    case Kind::instruction:
      line.add(status.what()).add(", in host function ").add(where.object).add(" at word ").add(where.expected);
      break;
    case Kind::none:
      line.add(status.ok() ? "ok" : status.what());
      add_difference(line, where);
      break;
  }
  if (status.native() != 0) line.add(" (error ").add(status.native()).add(")");
  return line.view();
}

}  // namespace describe_detail

HALCYON_FUNC std::string_view Program::describe(const Status& status, std::span<char> text) const {
  return describe_detail::describe(status, text, artifact_.get());
}

HALCYON_FUNC std::string_view describe(const Status& status, std::span<char> text) {
  return describe_detail::describe(status, text, nullptr);
}

HALCYON_NAMESPACE_END
