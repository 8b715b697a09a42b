#include "emit/artifact/Emit.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"

#include "dialect/dispatch/Dispatch.h"
#include "dialect/host/Host.h"
#include "dispatch/Costs.h"
#include "emit/Version.h"
#include "emit/artifact/Commands.h"
#include "emit/artifact/Constants.h"
#include "emit/artifact/Container.h"
#include "emit/artifact/HostCode.h"

using namespace mlir;
using namespace halcyon;

namespace {

template <typename T> using Offsets = std::vector<flatbuffers::Offset<T>>;

struct Variable {
  std::string name;
  schema::ElementType type;
  std::vector<uint64_t> shape;
  int32_t initial = -1;
};

class Emitter {
public:
  Emitter(ModuleOp module, ArrayRef<CompiledVariant> variants, const EmitOptions &options)
      : module(module), variants(variants), options(options) {}

  LogicalResult run(llvm::raw_pwrite_stream &stream);

private:
  LogicalResult openParameters();
  LogicalResult encode();
  LogicalResult encodeVariables(HostTables &tables);
  std::string metadata(ArrayRef<SegmentPlace> segments);
  flatbuffers::Offset<schema::Function> function(func::FuncOp op,
                                                 flatbuffers::FlatBufferBuilder &builder);
  flatbuffers::Offset<schema::Function> callback(dispatch::CallbackOp op,
                                                 flatbuffers::FlatBufferBuilder &builder);
  flatbuffers::Offset<schema::Value> value(DictionaryAttr value, StringRef fallback,
                                           flatbuffers::FlatBufferBuilder &builder);
  flatbuffers::Offset<schema::Executable> executable(flatbuffers::FlatBufferBuilder &builder);
  flatbuffers::Offset<schema::Executable> namedExecutable(flatbuffers::FlatBufferBuilder &builder);

  ModuleOp module;
  ArrayRef<CompiledVariant> variants;
  const EmitOptions &options;
  std::vector<Safetensors> parameters;
  std::unique_ptr<Constants> constants;
  Locations locations;
  SmallVector<dispatch::ExecutableOp> kernels;
  SmallVector<dispatch::KernelOp> namedKernels; // the application's: an executable of their own
  SmallVector<dispatch::CallbackOp> callbacks;
  llvm::StringMap<KernelPlace> exports;
  std::vector<Variable> variables;
  std::vector<HostFunctionCode> code;
  SmallVector<func::FuncOp> functions;
  std::vector<std::string> symbols;
  std::map<std::string, int32_t> symbolNumbers;
};

LogicalResult Emitter::openParameters() {
  for (const auto &[scope, path] : options.externalParameters) {
    FailureOr<Safetensors> file = Safetensors::open(scope, path, module.getLoc());
    if (failed(file))
      return failure();
    parameters.push_back(std::move(*file));
  }
  return success();
}

LogicalResult Emitter::encodeVariables(HostTables &tables) {
  for (auto global : module.getOps<ml_program::GlobalOp>()) {
    auto shaped = dyn_cast<RankedTensorType>(global.getType());
    std::optional<schema::ElementType> type =
        shaped ? elementType(shaped.getElementType()) : std::nullopt;
    if (!type || !shaped.hasStaticShape())
      return global.emitError("a variable must be a tensor of static shape, not ")
             << global.getType();
    Variable variable{
        global.getSymName().str(), *type, {shaped.getShape().begin(), shaped.getShape().end()}};
    if (std::optional<Attribute> initial = global.getValue()) {
      auto elements = dyn_cast<ElementsAttr>(*initial);
      if (!elements)
        return global.emitError("the initial value of a variable must be dense elements");
      FailureOr<uint32_t> constant = constants->index(elements, {}, {}, global.getLoc());
      if (failed(constant))
        return failure();
      variable.initial = *constant;
    }
    tables.variables[global.getSymName()] = variables.size();
    variables.push_back(std::move(variable));
  }
  return success();
}

LogicalResult Emitter::encode() {
  for (auto kernel : module.getOps<dispatch::ExecutableOp>()) {
    exports[kernel.getSymName()] = {0, static_cast<uint32_t>(kernels.size())};
    kernels.push_back(kernel);
    locations.index(kernel.getLoc());
  }
  for (auto kernel : module.getOps<dispatch::KernelOp>()) {
    exports[kernel.getSymName()] = {kernels.empty() ? 0u : 1u, static_cast<uint32_t>(namedKernels.size())};
    namedKernels.push_back(kernel);
    locations.index(kernel.getLoc());
  }
  for (const CompiledVariant &variant : variants)
    if (variant.kernels.size() != kernels.size())
      return module.emitError("a variant has ")
             << variant.kernels.size() << " kernels, the module " << kernels.size();
  HostTables tables{*constants, locations, {}, {}, {}};
  for (auto list : module.getOps<host::CommandsOp>()) {
    const uint32_t number = tables.commandLists.size();
    tables.commandLists[list.getSymName()] = number;
    for (Operation &op : list.getBody().front())
      if (host::isCommand(&op))
        locations.index(op.getLoc());
  }
  for (auto callback : module.getOps<dispatch::CallbackOp>()) {
    tables.callbacks[callback.getSymName()] = callbacks.size();
    callbacks.push_back(callback);
  }
  if (callbacks.size() > UINT16_MAX)
    return module.emitError("more than 65535 functions of the application");
  if (failed(encodeVariables(tables)))
    return failure();
  for (auto op : module.getOps<func::FuncOp>()) {
    if (!op->hasAttr("halcyon.signature"))
      return op.emitError("@") << op.getName() << " has not been scheduled";
    FailureOr<HostFunctionCode> encoded = encodeHostFunction(op, tables);
    if (failed(encoded))
      return failure();
    functions.push_back(op);
    code.push_back(std::move(*encoded));
  }
  return success();
}

// ---- the metadata -------------------------------------------------------------------------------

flatbuffers::Offset<schema::Value> Emitter::value(DictionaryAttr value, StringRef fallback,
                                                  flatbuffers::FlatBufferBuilder &builder) {
  auto type = cast<RankedTensorType>(cast<TypeAttr>(value.get("type")).getValue());
  auto name = value.getAs<StringAttr>("name");
  auto dims = value.getAs<ArrayAttr>("dims");
  auto element = value.getAs<StringAttr>("element");
  std::vector<schema::Dim> shape;
  for (auto [d, size] : llvm::enumerate(type.getShape())) {
    if (!ShapedType::isDynamic(size)) {
      shape.emplace_back(size, -1);
      continue;
    }
    auto given = dims && d < dims.size() ? dyn_cast<StringAttr>(dims[d]) : StringAttr();
    std::string symbol = given ? given.str() : (fallback + "_" + Twine(d)).str();
    auto [place, isNew] = symbolNumbers.try_emplace(symbol, symbols.size());
    if (isNew)
      symbols.push_back(symbol);
    shape.emplace_back(-1, place->second);
  }
  auto residence = value.getAs<StringAttr>("residence").getValue();
  const schema::ElementType elementOf =
      elementType(type.getElementType(), element ? element.getValue() : StringRef())
          .value_or(schema::ElementType(schema::ElementKind::none, 0));
  auto nameOffset = builder.CreateString(name ? name.str() : fallback.str());
  return schema::CreateValue(builder, nameOffset, &elementOf, builder.CreateVectorOfStructs(shape),
                             residence == "host"   ? schema::Residence::host
                             : residence == "both" ? schema::Residence::both
                                                   : schema::Residence::device);
}

flatbuffers::Offset<schema::Function> Emitter::function(func::FuncOp op,
                                                        flatbuffers::FlatBufferBuilder &builder) {
  auto signature = op->getAttrOfType<DictionaryAttr>("halcyon.signature");
  Offsets<schema::Value> arguments, results;
  for (auto [i, argument] : llvm::enumerate(signature.getAs<ArrayAttr>("arguments")))
    arguments.push_back(
        value(cast<DictionaryAttr>(argument), "argument" + std::to_string(i), builder));
  for (auto [i, result] : llvm::enumerate(signature.getAs<ArrayAttr>("results")))
    results.push_back(value(cast<DictionaryAttr>(result), "result" + std::to_string(i), builder));
  std::vector<schema::Donation> donations;
  for (Attribute pair : signature.getAs<ArrayAttr>("donations")) {
    ArrayRef<int64_t> numbers = cast<DenseI64ArrayAttr>(pair).asArrayRef();
    donations.emplace_back(numbers[0], numbers[1]);
  }
  auto name = builder.CreateString(op.getName().str());
  auto argumentVector = builder.CreateVector(arguments);
  auto resultVector = builder.CreateVector(results);
  return schema::CreateFunction(builder, name, argumentVector, resultVector,
                                builder.CreateVectorOfStructs(donations));
}

flatbuffers::Offset<schema::Function>
Emitter::callback(dispatch::CallbackOp op, flatbuffers::FlatBufferBuilder &builder) {
  Builder attributes(op.getContext());
  auto describe = [&](Type type, const Twine &name) {
    return value(attributes.getDictionaryAttr(
                     {attributes.getNamedAttr("type", TypeAttr::get(type)),
                      attributes.getNamedAttr("residence", attributes.getStringAttr("device"))}),
                 name.str(), builder);
  };
  Offsets<schema::Value> arguments, results;
  for (auto [i, type] : llvm::enumerate(op.getType().getInputs()))
    arguments.push_back(describe(type, "argument" + Twine(i)));
  for (auto [i, type] : llvm::enumerate(op.getType().getResults()))
    results.push_back(describe(type, "result" + Twine(i)));
  auto name = builder.CreateString(op.getSymName().str());
  auto argumentVector = builder.CreateVector(arguments);
  return schema::CreateFunction(builder, name, argumentVector, builder.CreateVector(results));
}

flatbuffers::Offset<schema::Executable>
Emitter::executable(flatbuffers::FlatBufferBuilder &builder) {
  Offsets<schema::Export> exportOffsets;
  for (dispatch::ExecutableOp kernel : kernels) {
    std::vector<schema::Cost> costs;
    for (const dispatch::Cost &cost : dispatch::costsOf(kernel))
      costs.emplace_back(cost.flops, cost.read, cost.written, flatbuffers::make_span(cost.factors));
    auto name = builder.CreateString(kernel.getSymName().str());
    exportOffsets.push_back(schema::CreateExport(
        builder, name, kernel.getNumTensors(), kernel.getParameters().size(), locations.index(kernel.getLoc()),
        dispatch::writtenMask(kernel.getInputs(), kernel.getNumTensors()), builder.CreateVectorOfStructs(costs)));
  }
  Offsets<schema::Variant> variantOffsets;
  for (auto [i, variant] : llvm::enumerate(variants)) {
    std::vector<schema::Tile> tiles;
    const bool isElf = !variant.elf.empty();
    for (auto [number, kernel] : llvm::enumerate(variant.kernels))
      tiles.emplace_back(kernel.tile[0], kernel.tile[1], kernel.tile[2], kernel.localMemory,
                         isElf ? 0 : variant.hashes[number]);
    auto target = builder.CreateString(variant.target);
    auto features = builder.CreateVectorOfStrings(variant.requiredFeatures);
    const uint32_t segment = isElf ? (constants->hasSegment() ? 1 : 0) + i : 0;
    variantOffsets.push_back(
        schema::CreateVariant(builder, isElf ? schema::Format::elf : schema::Format::static_table,
                              target, 0, features, segment, builder.CreateVectorOfStructs(tiles)));
  }
  auto exportVector = builder.CreateVector(exportOffsets);
  return schema::CreateExecutable(builder, exportVector, builder.CreateVector(variantOffsets));
}

// One variant for every machine: the application gives the code.
flatbuffers::Offset<schema::Executable>
Emitter::namedExecutable(flatbuffers::FlatBufferBuilder &builder) {
  Offsets<schema::Export> exportOffsets;
  std::vector<schema::Tile> tiles;
  for (dispatch::KernelOp kernel : namedKernels) {
    exportOffsets.push_back(schema::CreateExport(
        builder, builder.CreateString(kernel.getSymName().str()), kernel.getNumTensors(),
        kernel.getNumParameters(), locations.index(kernel.getLoc()),
        dispatch::writtenMask(kernel.getNumInputs(), kernel.getNumTensors())));
    tiles.emplace_back(kernel.getTile()[0], kernel.getTile()[1], kernel.getTile()[2], kernel.getLocalMemory(), 0);
  }
  auto target = builder.CreateString("");
  auto variant = schema::CreateVariant(builder, schema::Format::named, target, 0, 0, 0,
                                       builder.CreateVectorOfStructs(tiles));
  auto exportVector = builder.CreateVector(exportOffsets);
  return schema::CreateExecutable(builder, exportVector, builder.CreateVector(&variant, 1));
}

std::string Emitter::metadata(ArrayRef<SegmentPlace> places) {
  flatbuffers::FlatBufferBuilder builder(1 << 20);
  builder.ForceDefaults(true); // its size does not depend on values
  Offsets<schema::Segment> segments;
  for (const SegmentPlace &place : places)
    segments.push_back(
        schema::CreateSegment(builder, place.kind, place.offset, place.length,
                              builder.CreateVector(place.sha256.data(), place.sha256.size())));
  Offsets<schema::Constant> constantOffsets;
  for (const Constants::Entry &entry : constants->entries()) {
    auto scope = entry.external ? builder.CreateString(entry.scope) : 0;
    auto key = entry.external ? builder.CreateString(entry.key) : 0;
    constantOffsets.push_back(schema::CreateConstant(builder, 0, entry.offset, entry.length, scope,
                                                     key, &entry.type,
                                                     builder.CreateVector(entry.shape)));
  }
  Offsets<schema::Variable> variableOffsets;
  for (const Variable &variable : variables) {
    auto name = builder.CreateString(variable.name);
    variableOffsets.push_back(schema::CreateVariable(
        builder, name, &variable.type, builder.CreateVector(variable.shape), variable.initial));
  }
  Offsets<schema::Function> functionOffsets;
  for (func::FuncOp op : functions)
    functionOffsets.push_back(function(op, builder));
  Offsets<schema::Function> callbackOffsets;
  for (dispatch::CallbackOp op : callbacks)
    callbackOffsets.push_back(callback(op, builder));
  Offsets<schema::HostFunction> hostFunctions;
  for (auto [i, host] : llvm::enumerate(code)) {
    auto registers = builder.CreateVector(host.registers);
    auto returns = builder.CreateVector(host.returns);
    hostFunctions.push_back(schema::CreateHostFunction(builder, i, registers, host.parameters,
                                                       returns, host.allocations,
                                                       builder.CreateVector(host.code)));
  }
  Offsets<schema::CommandList> lists;
  for (auto list : module.getOps<host::CommandsOp>())
    lists.push_back(*encodeCommands(list, exports, locations, builder));
  Offsets<schema::Executable> executables;
  if (!kernels.empty() && !variants.empty())
    executables.push_back(executable(builder));
  if (!namedKernels.empty())
    executables.push_back(namedExecutable(builder));
  Offsets<schema::Location> locationOffsets;
  for (const Locations::Entry &entry : locations.entries()) {
    auto name = builder.CreateString(entry.name);
    locationOffsets.push_back(
        schema::CreateLocation(builder, name, builder.CreateString(entry.file), entry.line));
  }
  auto family = builder.CreateString("cpu");
  auto hostVector = builder.CreateVector(hostFunctions);
  auto listVector = builder.CreateVector(lists);
  auto plan = schema::CreatePlan(builder, family, hostVector, listVector,
                                 builder.CreateVector(executables));
  auto producer = builder.CreateString("halcyonc " HALCYON_VERSION);
  auto flags = builder.CreateString(options.flags);
  auto symbolVector = builder.CreateVectorOfStrings(symbols);
  auto functionVector = builder.CreateVector(functionOffsets);
  auto segmentVector = builder.CreateVector(segments);
  auto constantVector = builder.CreateVector(constantOffsets);
  auto variableVector = builder.CreateVector(variableOffsets);
  auto locationVector = builder.CreateVector(locationOffsets);
  auto planVector = builder.CreateVector(&plan, 1);
  auto callbackVector = callbackOffsets.empty() ? 0 : builder.CreateVector(callbackOffsets);
  schema::FinishMetadataBuffer(
      builder, schema::CreateMetadata(builder, 0, producer, flags, symbolVector, functionVector,
                                      segmentVector, constantVector, variableVector, locationVector,
                                      planVector, options.resultsMappable, callbackVector));
  return std::string(reinterpret_cast<const char *>(builder.GetBufferPointer()), builder.GetSize());
}

LogicalResult Emitter::run(llvm::raw_pwrite_stream &stream) {
  if (failed(openParameters()))
    return failure();
  constants = std::make_unique<Constants>(parameters);
  if (failed(encode()))
    return failure();
  for (auto list : module.getOps<host::CommandsOp>()) {
    flatbuffers::FlatBufferBuilder scratch;
    if (failed(encodeCommands(list, exports, locations, scratch)))
      return failure();
  }
  Container container;
  if (constants->hasSegment())
    container.add(schema::SegmentKind::constants, constants->pieces(), constants->size());
  if (!kernels.empty())
    for (const CompiledVariant &variant : variants)
      if (!variant.elf.empty())
        container.add(schema::SegmentKind::code,
                      {{0, ArrayRef<char>(variant.elf.data(), variant.elf.size())}},
                      variant.elf.size());
  container.write(stream, [&](ArrayRef<SegmentPlace> places) { return metadata(places); });
  return success();
}

} // namespace

LogicalResult halcyon::emitArtifact(ModuleOp module, ArrayRef<CompiledVariant> variants,
                                    const EmitOptions &options, llvm::raw_pwrite_stream &stream) {
  return Emitter(module, variants, options).run(stream);
}
