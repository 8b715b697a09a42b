#include "schedule/Passes.h"

#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/IR/IRMapping.h"

#include "schedule/Scheduler.h"

namespace halcyon {
#define GEN_PASS_DEF_SCHEDULEBUFFERS
#include "schedule/Passes.h.inc"
} // namespace halcyon

using namespace mlir;
using namespace halcyon;

// ---- signatures ---------------------------------------------------------------------------------

namespace {

DictionaryAttr describeValue(Builder &builder, Type type, DictionaryAttr given,
                             StringRef residence) {
  SmallVector<NamedAttribute> fields;
  if (!isa<RankedTensorType>(type))
    type = RankedTensorType::get({}, type);
  fields.push_back(builder.getNamedAttr("type", TypeAttr::get(type)));
  fields.push_back(builder.getNamedAttr("residence", builder.getStringAttr(residence)));
  for (StringRef name : {"name", "dims", "type"})
    if (Attribute value = given ? given.get(("halcyon." + name).str()) : Attribute())
      fields.push_back(builder.getNamedAttr(name == "type" ? "element" : name, value));
  return builder.getDictionaryAttr(fields);
}

} // namespace

DictionaryAttr halcyon::signatureOf(func::FuncOp function, ArrayRef<Donation> donations) {
  Builder builder(function.getContext());
  SmallVector<Attribute> arguments, results, pairs;
  for (auto [i, type] : llvm::enumerate(function.getArgumentTypes())) {
    StringRef residence = isa<RankedTensorType>(type) ? "device" : "host";
    if (auto given = function.getArgAttrOfType<StringAttr>(i, "halcyon.residence"))
      residence = given.getValue();
    arguments.push_back(describeValue(builder, type, function.getArgAttrDict(i), residence));
  }
  for (auto [i, type] : llvm::enumerate(function.getResultTypes()))
    results.push_back(describeValue(builder, type, function.getResultAttrDict(i), "device"));
  for (const Donation &donation : donations)
    pairs.push_back(builder.getDenseI64ArrayAttr({donation.argument, donation.result}));
  return builder.getDictionaryAttr(
      {builder.getNamedAttr("arguments", builder.getArrayAttr(arguments)),
       builder.getNamedAttr("results", builder.getArrayAttr(results)),
       builder.getNamedAttr("donations", builder.getArrayAttr(pairs))});
}

// ---- the pass -----------------------------------------------------------------------------------

namespace {

// Host programs are small: a callee's body takes the place of each call.
LogicalResult inlineCalls(func::FuncOp function, SymbolTableCollection &symbols) {
  constexpr int maxDepth = 64;
  for (int depth = 0;; ++depth) {
    SmallVector<func::CallOp> calls;
    function.walk([&](func::CallOp call) { calls.push_back(call); });
    if (calls.empty())
      return success();
    if (depth == maxDepth)
      return calls.front().emitOpError("is recursive, which is not supported");
    for (func::CallOp call : calls) {
      auto callee = symbols.lookupNearestSymbolFrom<func::FuncOp>(call, call.getCalleeAttr());
      if (!callee || !callee.getBody().hasOneBlock())
        return call.emitOpError("names no function with a body of one block: @")
               << call.getCallee();
      OpBuilder builder(call);
      IRMapping mapping;
      mapping.map(callee.getArguments(), call.getOperands());
      Block &body = callee.getBody().front();
      for (Operation &op : body.without_terminator())
        builder.clone(op, mapping);
      for (auto [result, value] : llvm::zip(call.getResults(), body.getTerminator()->getOperands()))
        result.replaceAllUsesWith(mapping.lookupOrDefault(value));
      call.erase();
    }
  }
}

// A program's integers are i64.
void indexToI64(func::FuncOp function) {
  OpBuilder builder(function.getContext());
  Type i64 = builder.getI64Type();
  auto convert = [&](Value value) {
    if (value.getType().isIndex())
      value.setType(i64);
  };
  SmallVector<Operation *> casts;
  function.walk([&](Operation *op) {
    if (isa<arith::IndexCastOp, arith::IndexCastUIOp>(op))
      casts.push_back(op);
    if (auto constant = dyn_cast<arith::ConstantOp>(op); constant && constant.getType().isIndex())
      constant.setValueAttr(
          builder.getI64IntegerAttr(cast<IntegerAttr>(constant.getValue()).getInt()));
    for (Value result : op->getResults())
      convert(result);
    for (Region &region : op->getRegions())
      for (BlockArgument argument : region.getArguments())
        convert(argument);
  });
  for (Operation *op : casts) {
    builder.setInsertionPoint(op);
    Value from = op->getOperand(0), to = from;
    Type type = op->getResult(0).getType();
    if (type.getIntOrFloatBitWidth() < from.getType().getIntOrFloatBitWidth())
      to = builder.create<arith::TruncIOp>(op->getLoc(), type, from);
    else if (type != from.getType() && isa<arith::IndexCastUIOp>(op))
      to = builder.create<arith::ExtUIOp>(op->getLoc(), type, from);
    else if (type != from.getType())
      to = builder.create<arith::ExtSIOp>(op->getLoc(), type, from);
    op->getResult(0).replaceAllUsesWith(to);
    op->erase();
  }
  Block &body = function.getBody().front();
  function.setFunctionType(FunctionType::get(function.getContext(), body.getArgumentTypes(),
                                             body.getTerminator()->getOperandTypes()));
}

struct ScheduleBuffers : halcyon::impl::ScheduleBuffersBase<ScheduleBuffers> {
  using ScheduleBuffersBase::ScheduleBuffersBase;

  void runOnOperation() override {
    SmallVector<func::FuncOp> functions(getOperation().getOps<func::FuncOp>());
    DenseMap<Operation *, SmallVector<Donation>> donations;
    if (failed(resolveDonations(functions, donations)))
      return signalPassFailure();
    SymbolTableCollection symbols;
    for (func::FuncOp function : functions)
      if (function.isPublic() && failed(inlineCalls(function, symbols)))
        return signalPassFailure();
    for (func::FuncOp function : functions) {
      if (!function.isPublic())
        continue;
      if (function.isExternal()) {
        function.emitError("@") << function.getName() << " has no body";
        return signalPassFailure();
      }
      FailureOr<func::FuncOp> scheduled = Scheduler(function, symbols, donations[function]).run();
      if (failed(scheduled))
        return signalPassFailure();
      indexToI64(*scheduled);
    }
    for (func::FuncOp function : functions)
      function.erase();
  }

  // The value called `text`, else the one with that number.
  static std::optional<unsigned> find(unsigned count, StringRef text,
                                      llvm::function_ref<StringAttr(unsigned)> name) {
    for (unsigned i = 0; i < count; ++i)
      if (StringAttr given = name(i); given && given.getValue() == text)
        return i;
    unsigned number = 0;
    if (!text.getAsInteger(10, number) && number < count)
      return number;
    return std::nullopt;
  }

  LogicalResult resolveDonations(ArrayRef<func::FuncOp> functions,
                                 DenseMap<Operation *, SmallVector<Donation>> &donations) {
    for (StringRef text : donate) {
      auto [in, out] = text.split(':');
      bool found = false;
      for (func::FuncOp function : functions) {
        if (!function.isPublic())
          continue;
        std::optional<unsigned> argument = find(function.getNumArguments(), in, [&](unsigned i) {
          return function.getArgAttrOfType<StringAttr>(i, "halcyon.name");
        });
        std::optional<unsigned> result = find(function.getNumResults(), out, [&](unsigned i) {
          return function.getResultAttrOfType<StringAttr>(i, "halcyon.name");
        });
        if (!argument || !result)
          continue;
        found = true;
        if (function.getArgumentTypes()[*argument] != function.getResultTypes()[*result])
          return function.emitError("donate: '")
                 << in << "' and '" << out << "' of @" << function.getName()
                 << " have different types: " << function.getArgumentTypes()[*argument] << " and "
                 << function.getResultTypes()[*result];
        for (const Donation &other : donations[function])
          if (other.argument == *argument || other.result == *result)
            return function.emitError("donate: '")
                   << text << "' names what another donation has taken";
        auto residence = function.getArgAttrOfType<StringAttr>(*argument, "halcyon.residence");
        if (residence && residence.getValue() != "device")
          return function.emitError("donate: argument '") << in << "' is a host value";
        donations[function].push_back({*argument, *result});
      }
      if (!found)
        return getOperation().emitError("donate: no function has an argument '")
               << in << "' and a result '" << out << "'";
    }
    return success();
  }
};

} // namespace
