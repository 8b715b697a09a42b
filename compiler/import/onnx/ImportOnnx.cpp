#include "import/Import.h"
#include "import/onnx/Boundary.h"
#include "import/onnx/Declared.h"
#include "import/onnx/GraphImporter.h"
#include "import/onnx/Packed.h"
#include "import/onnx/Sinking.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;

namespace halcyon {
namespace onnx {
namespace {

// Exporters write these for a dimension that has no name.
bool isUnnamed(StringRef symbol) { return symbol.empty() || symbol == "?" || symbol == "-1"; }

class ModelImporter {
public:
  ModelImporter(MLIRContext &context, const Model &model, StringRef path,
                const ImportOptions &options, Choices &choices)
      : builder(&context), model(model), options(options), graph(builder, model, path, options.report, choices),
        where(graph.fileLocation()) {}

  OwningOpRef<ModuleOp> run() {
    OwningOpRef<ModuleOp> module = ModuleOp::create(where);
    if (failed(checkOpset()) || (!options.report && failed(graph.checkOperators())) || failed(importMain(*module)))
      return nullptr;
    eraseDeadOps(*module);
    if (failed(verify(*module)))
      return nullptr;
    return module;
  }

private:
  LogicalResult checkOpset() {
    auto found = model.opsets.find("");
    if (found == model.opsets.end() ||
        (found->second >= oldestOpset && found->second <= newestOpset))
      return success();
    return emitError(where) << "operator set " << found->second << " is not supported ("
                            << oldestOpset << " to " << newestOpset << " are)";
  }

  // Graph inputs that no initializer makes constants.
  SmallVector<const ValueInfo *> arguments() {
    llvm::StringSet<> initialized;
    for (const auto &tensor : model.graph.initializers)
      initialized.insert(tensor->name);
    SmallVector<const ValueInfo *> made;
    for (const ValueInfo &input : model.graph.inputs)
      if (!initialized.contains(input.name))
        made.push_back(&input);
    return made;
  }

  FailureOr<RankedTensorType> typeOf(const ValueInfo &input) {
    auto error = [&] { return emitError(where) << "input '" << input.name << "': "; };
    if (input.kind == ValueKind::other)
      return error() << "only tensors, and sequences and optionals of them, are supported";
    Type element = input.kind == ValueKind::tensor ? interfaceType(*builder.getContext(), input.type)
                                                   : elementType(*builder.getContext(), input.type);
    if (input.kind != ValueKind::tensor && isPacked(input.type))
      element = nullptr;
    if (!element)
      return error() << "element type " << nameOf(input.type) << " is not supported";
    if (input.kind != ValueKind::tensor) {
      if (llvm::any_of(options.shapes, [&](const ShapeOverride &given) { return given.name == input.name; }))
        return error() << "only a tensor's shape can be set";
      return RankedTensorType::get({ShapedType::kDynamic}, element);
    }
    SmallVector<int64_t> shape;
    int64_t count = 1;
    for (const Dim &dim : input.dims) {
      shape.push_back(dim.value < 0 ? ShapedType::kDynamic : dim.value);
      if (__builtin_mul_overflow(count, std::max<int64_t>(dim.value, 1), &count))
        return error() << "has too many elements";
    }
    for (const ShapeOverride &given : options.shapes) {
      if (given.name != input.name)
        continue;
      if (input.ranked && given.dims.size() != shape.size())
        return error() << "has " << shape.size() << " dimensions, the given shape "
                       << given.dims.size();
      for (auto [axis, extent] : llvm::enumerate(given.dims)) {
        if (!input.ranked)
          shape.push_back(ShapedType::kDynamic);
        if (!ShapedType::isDynamic(shape[axis]) && shape[axis] != extent)
          return error() << "dimension " << axis << " is " << shape[axis]
                         << ", the given shape has " << extent;
        shape[axis] = extent;
      }
      return RankedTensorType::get(shape, element);
    }
    if (!input.ranked)
      return error() << "its rank is not known; give a shape";
    return RankedTensorType::get(shape, element);
  }

  // With a report, those that are not supported are `missing`, and listed.
  LogicalResult readInputs(SmallVectorImpl<const ValueInfo *> &inputs, SmallVectorImpl<RankedTensorType> &types,
                           SmallVectorImpl<const ValueInfo *> &missing) {
    for (const ValueInfo *input : arguments()) {
      FailureOr<RankedTensorType> type = failure();
      auto read = [&]() -> LogicalResult { return type = typeOf(*input); };
      if (options.report) {
        std::string reason = graph.reasonOf(read);
        if (!reason.empty()) {
          options.report->unsupported.push_back({"", "input", std::move(reason)});
          missing.push_back(input);
          continue;
        }
      } else if (failed(read())) {
        return failure();
      }
      inputs.push_back(input);
      types.push_back(*type);
    }
    return success();
  }

  LogicalResult checkOverrides(ArrayRef<const ValueInfo *> inputs) {
    for (const ShapeOverride &given : options.shapes)
      if (llvm::none_of(inputs, [&](const ValueInfo *input) { return input->name == given.name; }))
        return emitError(where) << "has no input '" << given.name << "' to set the shape of";
    return success();
  }

  // A given shape fixes a symbol wherever it occurs.
  LogicalResult fixSymbols(ArrayRef<const ValueInfo *> inputs,
                           MutableArrayRef<RankedTensorType> types) {
    llvm::StringMap<int64_t> fixedSymbols;
    for (auto [input, type] : llvm::zip(inputs, types))
      for (auto [axis, dim] : llvm::enumerate(input->dims)) {
        if (input->kind != ValueKind::tensor || isUnnamed(dim.symbol) || type.isDynamicDim(axis))
          continue;
        int64_t extent = type.getDimSize(axis);
        auto [entry, isNew] = fixedSymbols.try_emplace(dim.symbol, extent);
        if (!isNew && entry->second != extent)
          return emitError(where) << "dimension '" << dim.symbol << "' is given as "
                                  << entry->second << " and as " << extent;
      }
    for (auto [input, type] : llvm::zip(inputs, types)) {
      if (input->kind != ValueKind::tensor)
        continue;
      SmallVector<int64_t> shape(type.getShape());
      for (auto [axis, dim] : llvm::enumerate(input->dims))
        if (auto found = fixedSymbols.find(dim.symbol);
            found != fixedSymbols.end() && ShapedType::isDynamic(shape[axis]))
          shape[axis] = found->second;
      type = RankedTensorType::get(shape, type.getElementType());
    }
    return success();
  }

  std::string freshName(StringRef base) {
    std::string made = base.str();
    for (int count = 2; !usedSymbols.insert(made).second; ++count)
      made = (base + "_" + Twine(count)).str();
    return made;
  }

  NamedAttrList attributesOf(StringRef name, DataType type, ArrayRef<Attribute> dims) {
    NamedAttrList made;
    made.append("halcyon.name", builder.getStringAttr(name));
    made.append("halcyon.dims", builder.getArrayAttr(dims));
    if (isUnsigned(type) || isStorageOnly(type))
      made.append("halcyon.type", builder.getStringAttr(nameOf(type)));
    return made;
  }

  LogicalResult importMain(ModuleOp module) {
    SmallVector<const ValueInfo *> inputs, missing;
    SmallVector<RankedTensorType> types;
    if (failed(checkOverrides(arguments())) || failed(readInputs(inputs, types, missing)))
      return failure();
    if (failed(fixSymbols(inputs, types)))
      return failure();

    builder.setInsertionPointToEnd(module.getBody());
    SmallVector<Type> argumentTypes;
    for (auto [input, type] : llvm::zip(inputs, types)) {
      if (input->kind == ValueKind::tensor)
        argumentTypes.push_back(type);
      else
        for (const BoundaryPart &part : boundaryParts(*input))
          argumentTypes.push_back(RankedTensorType::get(part.shape, elementType(*builder.getContext(), part.dataType)));
    }
    auto main =
        builder.create<func::FuncOp>(where, "main", builder.getFunctionType(argumentTypes, {}));
    Block *entry = main.addEntryBlock();
    graph.setEntry(entry);
    builder.setInsertionPointToStart(entry);
    Scope scope;
    scope.opsets = &model.opsets;
    graph.importInitializers(model.graph, scope);
    if (failed(defineArguments(main, inputs, scope)))
      return failure();
    for (const ValueInfo *input : missing)
      graph.defineMissing(scope, input->name);
    if (failed(graph.importNodes(model.graph.nodes, scope)))
      return failure();
    if (options.report) {
      graph.completeReport();
      if (!options.report->unsupported.empty())
        return failure();
    }
    for (ArrayRef<ValueInfo> infos : {ArrayRef<ValueInfo>(model.graph.inner), ArrayRef<ValueInfo>(model.graph.outputs)})
      if (failed(checkDeclared(graph, scope, infos, model.graph.nodes, [&] { return emitError(where); })))
        return failure();
    return finish(main, scope);
  }

  LogicalResult defineArguments(func::FuncOp main, ArrayRef<const ValueInfo *> inputs, Scope &scope) {
    for (const ValueInfo *input : inputs)
      for (const Dim &dim : input->dims)
        if (!isUnnamed(dim.symbol))
          usedSymbols.insert(dim.symbol);
    unsigned next = 0;
    for (const ValueInfo *input : inputs) {
      if (input->kind == ValueKind::tensor) {
        graph.define(scope, input->name, argument(main, next++, input->name, input->type, input->dims));
        continue;
      }
      SmallVector<Value> parts;
      for (const BoundaryPart &part : boundaryParts(*input))
        parts.push_back(argument(main, next++, input->name + part.suffix, part.dataType, {}).tensor);
      ImplicitLocOpBuilder b(NameLoc::get(builder.getStringAttr(input->name), where), builder);
      FailureOr<Imported> made = fromParts(graph, b, *input, parts);
      if (failed(made))
        return failure();
      builder.restoreInsertionPoint(b.saveInsertionPoint());
      graph.define(scope, input->name, *made);
    }
    return success();
  }

  // Argument `index` of the function, with its attributes.
  Imported argument(func::FuncOp main, unsigned index, StringRef argumentName, DataType dataType,
                    ArrayRef<Dim> dims) {
    BlockArgument argument = main.getArgument(index);
    Location loc = NameLoc::get(builder.getStringAttr(argumentName), where);
    argument.setLoc(loc);
    ImplicitLocOpBuilder b(loc, builder);
    auto type = cast<RankedTensorType>(argument.getType());
    Imported made;
    made.dataType = dataType;
    made.element = elementType(*builder.getContext(), dataType);
    SmallVector<Attribute> names;
    for (auto [axis, extent] : llvm::enumerate(type.getShape())) {
      if (!ShapedType::isDynamic(extent)) {
        made.dims.push_back(b.getIndexAttr(extent));
        names.push_back(b.getI64IntegerAttr(extent));
        continue;
      }
      StringRef symbol = axis < dims.size() ? StringRef(dims[axis].symbol) : "";
      std::string name =
          isUnnamed(symbol) ? freshName((argumentName + "_" + Twine(axis)).str()) : symbol.str();
      // The first argument that has a symbol gives its value.
      Value &value = symbols[name];
      if (!value) {
        value = b.create<tensor::DimOp>(argument, static_cast<int64_t>(axis));
        symbolNames[value] = name;
      }
      made.dims.push_back(value);
      names.push_back(b.getStringAttr(name));
    }
    if (isPacked(dataType))
      made.packed = bytesOf(b, argument, dataType, made.dims);
    else
      made.tensor = argument;
    main.setArgAttrs(index, attributesOf(argumentName, dataType, names));
    return made;
  }

  SmallVector<Attribute> dimNames(StringRef resultName, ArrayRef<OpFoldResult> dims) {
    SmallVector<Attribute> names;
    for (auto [axis, dim] : llvm::enumerate(dims)) {
      if (std::optional<int64_t> extent = known(dim)) {
        names.push_back(builder.getI64IntegerAttr(*extent));
        continue;
      }
      auto found = symbolNames.find(cast<Value>(dim));
      if (found == symbolNames.end())
        found = symbolNames
                    .try_emplace(cast<Value>(dim), freshName((resultName + "_" + Twine(axis)).str()))
                    .first;
      names.push_back(builder.getStringAttr(found->second));
    }
    return names;
  }

  LogicalResult finish(func::FuncOp main, Scope &scope) {
    SmallVector<Value> results;
    SmallVector<Type> types;
    SmallVector<DictionaryAttr> resultAttributes;
    for (const ValueInfo &output : model.graph.outputs) {
      Location loc = NameLoc::get(builder.getStringAttr(output.name), where);
      Imported *result = graph.find(scope, output.name);
      if (!result || (result->isTensor() && !result->element))
        return emitError(loc) << "output '" << output.name << "' is not a supported tensor";
      ImplicitLocOpBuilder b(loc, builder);
      std::vector<Imported> parts{*result};
      SmallVector<BoundaryPart, 3> described{{"", result->dataType, {}}};
      if (output.kind != ValueKind::tensor && output.kind != ValueKind::other) {
        if (isPacked(output.type))
          return emitError(loc) << "output '" << output.name << "': element type " << nameOf(output.type)
                                << " is not supported";
        FailureOr<std::vector<Imported>> packed = toParts(graph, b, output, *result);
        if (failed(packed))
          return failure();
        parts = *packed;
        described = boundaryParts(output);
      } else if (!result->isTensor()) {
        return emitError(loc) << "output '" << output.name << "' is " << nameOf(result->kind)
                              << ", which is not what the model declares";
      }
      for (auto [part, description] : llvm::zip(parts, described)) {
        std::string name = output.name + description.suffix;
        Value tensor = graph.tensorOf(b, part);
        results.push_back(isPacked(part.dataType)
                              ? packedOf(b, pack(b, tensor, part.dataType, part.dims), part.dataType, part.dims)
                              : tensor);
        types.push_back(results.back().getType());
        resultAttributes.push_back(
            attributesOf(name, part.dataType, dimNames(name, part.dims)).getDictionary(b.getContext()));
      }
    }
    builder.create<func::ReturnOp>(where, results);
    main.setType(builder.getFunctionType(main.getArgumentTypes(), types));
    for (auto [index, attributes] : llvm::enumerate(resultAttributes))
      main.setResultAttrs(static_cast<unsigned>(index), attributes);
    return success();
  }

  // Importers make dims and scalars that nobody may need.
  static void eraseDeadOps(ModuleOp module) {
    SmallVector<Operation *> ops;
    module.walk<WalkOrder::PreOrder>([&](Operation *op) { ops.push_back(op); });
    for (Operation *op : llvm::reverse(ops))
      if (isOpTriviallyDead(op))
        op->erase();
  }

  OpBuilder builder;
  const Model &model;
  const ImportOptions &options;
  GraphImporter graph;
  Location where;
  llvm::StringMap<Value> symbols;
  DenseMap<Value, std::string> symbolNames;
  std::set<std::string> usedSymbols;
};

// One import: the module (null where it fails), what it said, its report, and the If of which it took one branch only.
struct Attempt {
  OwningOpRef<ModuleOp> module;
  std::vector<Diagnostic> said;
  ImportReport report;
};

Attempt attempt(MLIRContext &context, const Model &model, StringRef path, ImportOptions options, Choices &choices) {
  Attempt made;
  if (options.report)
    options.report = &made.report;
  ScopedDiagnosticHandler handler(
      &context, [&](Diagnostic &diagnostic) { made.said.push_back(std::move(diagnostic)); });
  made.module = ModelImporter(context, model, path, options, choices).run();
  return made;
}

// Both branches of every If, with what follows moved into the branches until their results have the same ranks. Nothing where
// that does not happen within so many nodes, or one of the branches does not fit what follows.
std::optional<Attempt> importBothBranches(MLIRContext &context, const Model &model, StringRef path,
                                          const ImportOptions &options, const std::string &name, int depth = 0) {
  constexpr size_t mostNodes = 64;
  constexpr int mostIfs = 4;
  size_t before = 0;
  for (size_t wanted = 1; wanted <= mostNodes && depth < mostIfs; wanted *= 2) {
    size_t count = wanted;
    std::optional<Model> sunk = withSunkNodes(model, name, count);
    if (!sunk || count == before)
      return std::nullopt;
    before = count;
    Choices choices;
    Attempt made = attempt(context, *sunk, path, options, choices);
    if (choices.asked().empty())
      return made.module ? std::optional(std::move(made)) : std::nullopt;
    if (choices.asked() != name)
      return importBothBranches(context, *sunk, path, options, choices.asked(), depth + 1);
  }
  return std::nullopt;
}

// Imports until one succeeds or no choice is left; then the first one's errors are what is wrong.
OwningOpRef<ModuleOp> importByChoices(MLIRContext &context, const Model &model, StringRef path,
                                      const ImportOptions &options) {
  Choices choices;
  std::optional<Attempt> reported;
  for (;;) {
    Attempt made = attempt(context, model, path, options, choices);
    const bool isDone = static_cast<bool>(made.module);
    if (!reported && !choices.asked().empty())
      if (std::optional<Attempt> both = importBothBranches(context, model, path, options, choices.asked())) {
        reported = std::move(both);
        break;
      }
    if (!reported || isDone)
      reported = std::move(made);
    if (isDone || !choices.again())
      break;
  }
  if (options.report)
    *options.report = std::move(reported->report);
  for (Diagnostic &diagnostic : reported->said)
    context.getDiagEngine().emit(std::move(diagnostic));
  return std::move(reported->module);
}

} // namespace
} // namespace onnx

OwningOpRef<ModuleOp> importOnnx(MLIRContext &context, StringRef path,
                                 const ImportOptions &options) {
  DialectRegistry registry;
  registerImportDialects(registry);
  context.appendDialectRegistry(registry);
  for (StringRef name : registry.getDialectNames())
    context.getOrLoadDialect(name);
  std::string error;
  std::unique_ptr<onnx::Model> model = onnx::openModel(path.str(), error);
  if (!model) {
    emitError(FileLineColLoc::get(&context, path, 0, 0)) << StringRef(error);
    return nullptr;
  }
  return onnx::importByChoices(context, *model, path, options);
}

} // namespace halcyon
