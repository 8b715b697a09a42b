// How the metadata's tables become the structs of halcyon/artifact.hpp; a part of artifact.ipp. The names and
// numbers of the fields are the schema's own.
#pragma once
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wold-style-cast"
#endif
#include "artifact_generated.h"
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

#include "halcyon/artifact.hpp"
#include "halcyon/flat_reader.hpp"

HALCYON_NAMESPACE_BEGIN
namespace artifact_tables {

// Read in place, so laid out as the schema's structs.
static_assert(sizeof(ElementType) == sizeof(schema::ElementType) && sizeof(DonationDesc) == sizeof(schema::Donation));
static_assert(sizeof(hal::Operand) == sizeof(schema::Operand) && offsetof(hal::Operand, is_parameter) == 8);
static_assert(sizeof(hal::Range) == sizeof(schema::Range) && offsetof(hal::Range, offset) == 8 && offsetof(hal::Range, size) == 24);
static_assert(sizeof(hal::VariantExport) == sizeof(schema::Tile) && offsetof(hal::VariantExport, local_memory) == 12 &&
              offsetof(hal::VariantExport, hash) == 16);
static_assert(sizeof(std::span<const std::byte>) == sizeof(std::span<const FunctionDesc>));

enum Number : uint8_t {
  metadata, function, argument, result, segment, constant, variable, location, plan, executable, kernel, variant, command_list, command,
  host_function, callback
};

#define HALCYON_FIELD(Struct, member, Table, slot, form, size, alignment, absent) \
  {schema::Table::slot, FlatReader::Form::form, size, alignment, absent, offsetof(Struct, member)}
#define HALCYON_NUMBER(Struct, member, Table, slot, absent) \
  HALCYON_FIELD(Struct, member, Table, slot, number, sizeof(Struct::member), alignof(decltype(Struct::member)), absent)
#define HALCYON_TEXT(Struct, member, Table, slot) HALCYON_FIELD(Struct, member, Table, slot, text, 4, 4, 0)
#define HALCYON_REQUIRED_TEXT(Struct, member, Table, slot) HALCYON_FIELD(Struct, member, Table, slot, text, 4, 4, 1)
#define HALCYON_TEXTS(Struct, member, Table, slot) HALCYON_FIELD(Struct, member, Table, slot, texts, 4, 4, 0)
#define HALCYON_ARRAY(Struct, member, Table, slot, Element) \
  HALCYON_FIELD(Struct, member, Table, slot, array, sizeof(Element), alignof(Element), 0)
#define HALCYON_TABLES(Struct, member, Table, slot, number) HALCYON_FIELD(Struct, member, Table, slot, tables, number, 4, 0)

// In this order, so that what a check looks up is there.
inline constexpr FlatReader::Field metadata_fields[] = {
    HALCYON_NUMBER(MetadataDesc, required_features, Metadata, VT_REQUIRED_FEATURES, 0),
    HALCYON_TEXT(MetadataDesc, producer, Metadata, VT_PRODUCER),
    HALCYON_TEXT(MetadataDesc, flags, Metadata, VT_FLAGS),
    HALCYON_NUMBER(MetadataDesc, results_mappable, Metadata, VT_RESULTS_MAPPABLE, 0),
    HALCYON_TEXTS(MetadataDesc, symbols, Metadata, VT_SYMBOLS),
    HALCYON_TABLES(MetadataDesc, segments, Metadata, VT_SEGMENTS, segment),
    HALCYON_TABLES(MetadataDesc, constants, Metadata, VT_CONSTANTS, constant),
    HALCYON_TABLES(MetadataDesc, variables, Metadata, VT_VARIABLES, variable),
    HALCYON_TABLES(MetadataDesc, locations, Metadata, VT_LOCATIONS, location),
    HALCYON_TABLES(MetadataDesc, functions, Metadata, VT_FUNCTIONS, function),
    HALCYON_TABLES(MetadataDesc, callbacks, Metadata, VT_CALLBACKS, callback),
    HALCYON_TABLES(MetadataDesc, plans, Metadata, VT_PLANS, plan),
};
inline constexpr FlatReader::Field function_fields[] = {
    HALCYON_REQUIRED_TEXT(FunctionDesc, name, Function, VT_NAME),
    HALCYON_TABLES(FunctionDesc, arguments, Function, VT_ARGUMENTS, argument),
    HALCYON_TABLES(FunctionDesc, results, Function, VT_RESULTS, result),
    HALCYON_ARRAY(FunctionDesc, donations, Function, VT_DONATIONS, DonationDesc),
};
inline constexpr FlatReader::Field value_fields[] = {
    HALCYON_TEXT(ValueDesc, name, Value, VT_NAME),
    HALCYON_NUMBER(ValueDesc, type, Value, VT_TYPE, 0),
    HALCYON_NUMBER(ValueDesc, residence, Value, VT_RESIDENCE, 0),
};
inline constexpr FlatReader::Field segment_fields[] = {
    HALCYON_NUMBER(SegmentDesc, kind, Segment, VT_KIND, 0),
    HALCYON_NUMBER(SegmentDesc, offset, Segment, VT_OFFSET, 0),
    HALCYON_NUMBER(SegmentDesc, length, Segment, VT_LENGTH, 0),
    HALCYON_ARRAY(SegmentDesc, sha256, Segment, VT_SHA256, uint8_t),
};
inline constexpr FlatReader::Field constant_fields[] = {
    HALCYON_NUMBER(ConstantDesc, segment, Constant, VT_SEGMENT, 0),
    HALCYON_NUMBER(ConstantDesc, offset, Constant, VT_OFFSET, 0),
    HALCYON_NUMBER(ConstantDesc, length, Constant, VT_LENGTH, 0),
    HALCYON_TEXT(ConstantDesc, scope, Constant, VT_SCOPE),
    HALCYON_TEXT(ConstantDesc, key, Constant, VT_KEY),
    HALCYON_NUMBER(ConstantDesc, type, Constant, VT_TYPE, 0),
    HALCYON_ARRAY(ConstantDesc, shape, Constant, VT_SHAPE, uint64_t),
};
inline constexpr FlatReader::Field variable_fields[] = {
    HALCYON_REQUIRED_TEXT(VariableDesc, name, Variable, VT_NAME),
    HALCYON_NUMBER(VariableDesc, type, Variable, VT_TYPE, 0),
    HALCYON_ARRAY(VariableDesc, shape, Variable, VT_SHAPE, uint64_t),
    HALCYON_NUMBER(VariableDesc, initial, Variable, VT_INITIAL, 0xff),
};
inline constexpr FlatReader::Field location_fields[] = {
    HALCYON_TEXT(LocationDesc, name, Location, VT_NAME),
    HALCYON_TEXT(LocationDesc, file, Location, VT_FILE),
    HALCYON_NUMBER(LocationDesc, line, Location, VT_LINE, 0),
};
inline constexpr FlatReader::Field plan_fields[] = {
    HALCYON_REQUIRED_TEXT(PlanDesc, family, Plan, VT_FAMILY),
    HALCYON_TABLES(PlanDesc, executables, Plan, VT_EXECUTABLES, executable),
    HALCYON_TABLES(PlanDesc, command_lists, Plan, VT_COMMAND_LISTS, command_list),
    HALCYON_TABLES(PlanDesc, functions, Plan, VT_FUNCTIONS, host_function),
};
inline constexpr FlatReader::Field executable_fields[] = {
    HALCYON_TABLES(hal::ExecutableDesc, exports, Executable, VT_EXPORTS, kernel),
    HALCYON_TABLES(hal::ExecutableDesc, variants, Executable, VT_VARIANTS, variant),
};
inline constexpr FlatReader::Field kernel_fields[] = {
    HALCYON_TEXT(hal::ExportDesc, name, Export, VT_NAME),
    HALCYON_NUMBER(hal::ExportDesc, bindings, Export, VT_BINDINGS, 0),
    HALCYON_NUMBER(hal::ExportDesc, parameters, Export, VT_PARAMETERS, 0),
    HALCYON_NUMBER(hal::ExportDesc, location, Export, VT_LOCATION, 0xff),
    HALCYON_NUMBER(hal::ExportDesc, written, Export, VT_WRITTEN, 0xff),
    HALCYON_ARRAY(hal::ExportDesc, costs, Export, VT_COSTS, hal::Cost),
};
inline constexpr FlatReader::Field variant_fields[] = {
    HALCYON_NUMBER(hal::VariantDesc, format, Variant, VT_FORMAT, 0),
    HALCYON_REQUIRED_TEXT(hal::VariantDesc, target, Variant, VT_TARGET),
    HALCYON_TEXT(hal::VariantDesc, cpu, Variant, VT_CPU),
    HALCYON_TEXTS(hal::VariantDesc, features, Variant, VT_FEATURES),
    HALCYON_ARRAY(hal::VariantDesc, exports, Variant, VT_EXPORTS, hal::VariantExport),
};
inline constexpr FlatReader::Field command_list_fields[] = {
    HALCYON_NUMBER(CommandListDesc, bindings, CommandList, VT_BINDINGS, 0),
    HALCYON_NUMBER(CommandListDesc, parameters, CommandList, VT_PARAMETERS, 0),
    HALCYON_TABLES(CommandListDesc, commands, CommandList, VT_COMMANDS, command),
};
inline constexpr FlatReader::Field command_fields[] = {
    HALCYON_NUMBER(hal::Command, type, Command, VT_TYPE, 0),
    HALCYON_NUMBER(hal::Command, executable_index, Command, VT_EXECUTABLE, 0),
    HALCYON_NUMBER(hal::Command, export_index, Command, VT_EXPORT_INDEX, 0),
    HALCYON_ARRAY(hal::Command, ranges, Command, VT_RANGES, hal::Range),
    HALCYON_ARRAY(hal::Command, operands, Command, VT_OPERANDS, hal::Operand),
    HALCYON_NUMBER(hal::Command, pattern, Command, VT_PATTERN, 0),
    HALCYON_NUMBER(hal::Command, pattern_size, Command, VT_PATTERN_SIZE, 1),
    HALCYON_NUMBER(hal::Command, location, Command, VT_LOCATION, 0xff),
};
inline constexpr FlatReader::Field host_function_fields[] = {
    HALCYON_NUMBER(HostFunctionDesc, function, HostFunction, VT_FUNCTION, 0xff),
    HALCYON_ARRAY(HostFunctionDesc, registers, HostFunction, VT_REGISTERS, RegisterType),
    HALCYON_NUMBER(HostFunctionDesc, parameters, HostFunction, VT_PARAMETERS, 0),
    HALCYON_ARRAY(HostFunctionDesc, returns, HostFunction, VT_RETURNS, RegisterType),
    HALCYON_NUMBER(HostFunctionDesc, allocations, HostFunction, VT_ALLOCATIONS, 0),
    HALCYON_ARRAY(HostFunctionDesc, code, HostFunction, VT_CODE, uint32_t),
};

#undef HALCYON_FIELD
#undef HALCYON_NUMBER
#undef HALCYON_TEXT
#undef HALCYON_REQUIRED_TEXT
#undef HALCYON_TEXTS
#undef HALCYON_ARRAY
#undef HALCYON_TABLES

template <size_t n>
constexpr FlatReader::Table table(const FlatReader::Field (&fields)[n], size_t size) {
  return {fields, n, static_cast<uint16_t>(size)};
}

inline constexpr FlatReader::Table tables[] = {
    table(metadata_fields, sizeof(MetadataDesc)),      table(function_fields, sizeof(FunctionDesc)),
    table(value_fields, sizeof(ValueDesc)),            table(value_fields, sizeof(ValueDesc)),
    table(segment_fields, sizeof(SegmentDesc)),        table(constant_fields, sizeof(ConstantDesc)),
    table(variable_fields, sizeof(VariableDesc)),      table(location_fields, sizeof(LocationDesc)),
    table(plan_fields, sizeof(PlanDesc)),              table(executable_fields, sizeof(hal::ExecutableDesc)),
    table(kernel_fields, sizeof(hal::ExportDesc)),     table(variant_fields, sizeof(hal::VariantDesc)),
    table(command_list_fields, sizeof(CommandListDesc)), table(command_fields, sizeof(hal::Command)),
    table(host_function_fields, sizeof(HostFunctionDesc)), table(function_fields, sizeof(FunctionDesc)),
};

}  // namespace artifact_tables
HALCYON_NAMESPACE_END
