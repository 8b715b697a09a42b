#include "dialect/dispatch/Declared.h"

using namespace mlir;
using namespace halcyon::dispatch;

namespace {

constexpr llvm::StringLiteral kernelName = "halcyon.kernel", hostCallName = "halcyon.host_call";

// Without a workload, so many elements of result 0 are one workgroup.
constexpr int64_t defaultTile = 1024;

class Reader {
public:
  explicit Reader(func::FuncOp function)
      : function(function), isKernel(function->hasAttr(kernelName)), name(isKernel ? kernelName : hostCallName) {}

  FailureOr<Declared> run();

private:
  InFlightDiagnostic error() { return function.emitError("@") << function.getName() << ": " << name << ": "; }
  LogicalResult checkFunction();
  LogicalResult readWords(DictionaryAttr words);
  LogicalResult readResultDims(Attribute value);
  LogicalResult readInPlace(Attribute value);
  LogicalResult readWorkload(Attribute value);
  LogicalResult readTile(Attribute value);
  LogicalResult readLocalMemory(Attribute value);
  LogicalResult complete();
  FailureOr<DeclaredSize> readSize(Attribute value, bool mayNameResults);
  RankedTensorType argument(unsigned i) { return dyn_cast<RankedTensorType>(function.getArgumentTypes()[i]); }
  RankedTensorType result(unsigned i) { return cast<RankedTensorType>(function.getResultTypes()[i]); }

  func::FuncOp function;
  bool isKernel;
  StringRef name;
  Declared declared;
};

LogicalResult Reader::checkFunction() {
  if (function->hasAttr(kernelName) && function->hasAttr(hostCallName))
    return error() << "a function is a kernel or a host call, not both";
  if (!function.isExternal() || !function.isPrivate())
    return error() << "the function must be private and have no body";
  for (auto [i, type] : llvm::enumerate(function.getArgumentTypes())) {
    const bool isScalar = type.isIndex() || (type.isIntOrFloat() && type.getIntOrFloatBitWidth() <= 64);
    if (!isa<RankedTensorType>(type) && !(isKernel && isScalar))
      return error() << "argument " << i << " must be a ranked tensor" << (isKernel ? " or a scalar" : "") << ", not "
                     << type;
  }
  for (auto [i, type] : llvm::enumerate(function.getResultTypes()))
    if (!isa<RankedTensorType>(type))
      return error() << "result " << i << " must be a ranked tensor, not " << type;
  for (Type type : llvm::concat<const Type>(function.getArgumentTypes(), function.getResultTypes()))
    if (auto tensor = dyn_cast<RankedTensorType>(type); tensor && !tensor.getElementType().isIntOrFloat())
      return error() << "elements must be integers or floats, not " << tensor.getElementType();
  if (isKernel && function.getNumResults() == 0)
    return error() << "a kernel has at least one result";
  return success();
}

// "arg0.1": dimension 1 of argument 0; "result0.1"; "arg2": the value of scalar argument 2; or a number.
FailureOr<DeclaredSize> Reader::readSize(Attribute value, bool mayNameResults) {
  DeclaredSize size;
  if (auto number = dyn_cast_or_null<IntegerAttr>(value)) {
    size.literal = number.getInt();
    if (size.literal < 0)
      return error() << "a size is negative: " << value;
    return size;
  }
  auto text = dyn_cast_or_null<StringAttr>(value);
  StringRef rest = text ? text.getValue() : "";
  unsigned dimension = 0;
  if (rest.consume_front("arg"))
    size.from = DeclaredSize::From::argument;
  else if (mayNameResults && rest.consume_front("result"))
    size.from = DeclaredSize::From::result;
  bool good = size.from != DeclaredSize::From::literal && !rest.consumeInteger(10, size.number);
  if (good && rest.consume_front(".")) {
    good = !rest.consumeInteger(10, dimension);
    size.dimension = dimension;
  }
  if (!good || !rest.empty())
    return error() << "a size is a number, \"argA.D\"" << (mayNameResults ? ", \"resultR.D\"" : "")
                   << " or \"argA\" of a scalar, not " << value;
  const bool isArgument = size.from == DeclaredSize::From::argument;
  if (size.number >= (isArgument ? function.getNumArguments() : function.getNumResults()))
    return error() << "there is no such argument or result: " << value;
  RankedTensorType type = isArgument ? argument(size.number) : result(size.number);
  if (type ? !size.dimension || *size.dimension >= type.getRank() : size.dimension.has_value())
    return error() << "there is no such dimension: " << value;
  Type scalar = isArgument ? function.getArgumentTypes()[size.number] : Type();
  if (!type && !scalar.isIndex() && !scalar.isInteger(64))
    return error() << "a scalar that is a size must be index or i64: " << value;
  return size;
}

LogicalResult Reader::readResultDims(Attribute value) {
  auto lists = dyn_cast<ArrayAttr>(value);
  if (!lists || lists.size() != function.getNumResults())
    return error() << "result_dims must have an array for each of the " << function.getNumResults() << " results";
  for (auto [i, list] : llvm::enumerate(lists)) {
    auto sizes = dyn_cast<ArrayAttr>(list);
    // A dictionary is sorted: in_place was read before.
    const bool updates = !declared.inPlace.empty() && declared.inPlace[i];
    const int64_t expected = updates ? 0 : result(i).getNumDynamicDims();
    if (!sizes || static_cast<int64_t>(sizes.size()) != expected)
      return error() << "result_dims of result " << i << " must have " << expected
                     << " sizes: one for each dynamic dimension, none where it is updated in place";
    declared.resultDims.emplace_back();
    for (Attribute each : sizes) {
      FailureOr<DeclaredSize> size = readSize(each, /*mayNameResults=*/false);
      if (failed(size))
        return failure();
      declared.resultDims.back().push_back(*size);
    }
  }
  return success();
}

LogicalResult Reader::readInPlace(Attribute value) {
  auto list = dyn_cast<ArrayAttr>(value);
  if (!list || list.size() != function.getNumResults())
    return error() << "in_place must have a number for each of the " << function.getNumResults() << " results";
  for (auto [i, each] : llvm::enumerate(list)) {
    auto number = dyn_cast<IntegerAttr>(each);
    const int64_t at = number ? number.getInt() : -2;
    if (at < -1 || at >= static_cast<int64_t>(function.getNumArguments()))
      return error() << "in_place of result " << i << " must be the number of an argument, or -1, not " << each;
    declared.inPlace.push_back(at < 0 ? std::nullopt : std::optional<unsigned>(at));
    if (at < 0)
      continue;
    if (function.getArgumentTypes()[at] != function.getResultTypes()[i])
      return error() << "result " << i << " cannot be updated in argument " << at << ": their types differ";
    if (llvm::count(declared.inPlace, declared.inPlace.back()) > 1)
      return error() << "two results cannot be updated in argument " << at;
  }
  return success();
}

LogicalResult Reader::readWorkload(Attribute value) {
  auto list = dyn_cast<ArrayAttr>(value);
  if (!list || list.empty() || list.size() > 3)
    return error() << "workload must have 1 to 3 sizes";
  declared.workload.emplace();
  for (Attribute each : list) {
    FailureOr<DeclaredSize> size = readSize(each, /*mayNameResults=*/true);
    if (failed(size))
      return failure();
    declared.workload->push_back(*size);
  }
  return success();
}

LogicalResult Reader::readTile(Attribute value) {
  auto list = dyn_cast<ArrayAttr>(value);
  if (!list || list.empty() || list.size() > 3)
    return error() << "tile must have 1 to 3 numbers";
  for (auto [i, each] : llvm::enumerate(list)) {
    auto number = dyn_cast<IntegerAttr>(each);
    if (!number || number.getInt() < 1 || number.getInt() > UINT32_MAX)
      return error() << "a tile is a number from 1 to 2^32 - 1, not " << each;
    declared.tile[i] = number.getInt();
  }
  return success();
}

LogicalResult Reader::readLocalMemory(Attribute value) {
  auto number = dyn_cast<IntegerAttr>(value);
  if (!number || number.getInt() < 0 || number.getInt() > UINT32_MAX)
    return error() << "local_memory is a number of bytes below 2^32, not " << value;
  declared.localMemory = number.getInt();
  return success();
}

LogicalResult Reader::readWords(DictionaryAttr words) {
  for (NamedAttribute word : words) {
    StringRef key = word.getName();
    Attribute value = word.getValue();
    LogicalResult read = failure();
    if (key == "result_dims")
      read = readResultDims(value);
    else if (key == "in_place")
      read = readInPlace(value);
    else if (isKernel && key == "workload")
      read = readWorkload(value);
    else if (isKernel && key == "tile")
      read = readTile(value);
    else if (isKernel && key == "local_memory")
      read = readLocalMemory(value);
    else
      return error() << "unknown word '" << key << "'";
    if (failed(read))
      return failure();
  }
  return success();
}

// What was not given.
LogicalResult Reader::complete() {
  const unsigned results = function.getNumResults();
  if (declared.inPlace.empty())
    declared.inPlace.resize(results);
  if (declared.resultDims.empty()) {
    for (unsigned i = 0; i < results; ++i)
      if (!result(i).hasStaticShape() && !declared.inPlace[i])
        return error() << "result " << i << " has dynamic dimensions: result_dims must say where they come from";
    declared.resultDims.resize(results);
  }
  return success();
}

FailureOr<Declared> Reader::run() {
  if (failed(checkFunction()))
    return failure();
  declared.kind = isKernel ? Declared::Kind::kernel : Declared::Kind::hostCall;
  Attribute given = function->getAttr(name);
  auto words = dyn_cast<DictionaryAttr>(given);
  if (!words && !isa<UnitAttr>(given))
    return error() << "must be a dictionary, or nothing";
  if (isKernel && !(words && (words.contains("workload") || words.contains("tile"))))
    declared.tile[0] = defaultTile;
  if ((words && failed(readWords(words))) || failed(complete()))
    return failure();
  return declared;
}

} // namespace

bool halcyon::dispatch::isDeclared(func::FuncOp function) {
  return function->hasAttr(kernelName) || function->hasAttr(hostCallName);
}

FailureOr<Declared> halcyon::dispatch::readDeclared(func::FuncOp function) { return Reader(function).run(); }
