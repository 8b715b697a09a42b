#include "dispatch/Passes.h"

#include "dialect/dispatch/Declared.h"
#include "dialect/dispatch/Dispatch.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace halcyon {
#define GEN_PASS_DEF_LAUNCHDECLARED
#include "dispatch/Passes.h.inc"
} // namespace halcyon

using namespace mlir;
using namespace halcyon::dispatch;

namespace {

// One call of a declared function.
class Call {
public:
  // Errors name the function.
  Call(func::CallOp call, const Declared &declared)
      : call(call), declared(declared),
        builder(NameLoc::get(call.getCalleeAttr().getAttr(), call.getLoc()), call) {}

  void lower();

private:
  Value sizeOf(const DeclaredSize &size);
  Value dimension(Value tensor, int64_t axis) { return builder.createOrFold<tensor::DimOp>(tensor, axis); }
  void makeOuts();
  SmallVector<Value> parameters();
  SmallVector<Value> workload();

  func::CallOp call;
  const Declared &declared;
  ImplicitLocOpBuilder builder;
  SmallVector<Value> ins, outs;
};

// A scalar as a kernel gets it: index and i64 as they are, the bits of anything else in an i64.
Value asParameter(ImplicitLocOpBuilder &builder, Value value) {
  Type type = value.getType();
  if (type.isIndex() || type.isInteger(64))
    return value;
  Type bits = builder.getIntegerType(type.getIntOrFloatBitWidth());
  if (type != bits)
    value = builder.create<arith::BitcastOp>(bits, value);
  return bits.isInteger(64) ? value : builder.create<arith::ExtUIOp>(builder.getI64Type(), value);
}

Type parameterType(Type type) { return type.isIndex() ? type : Type(IntegerType::get(type.getContext(), 64)); }

} // namespace

Value Call::sizeOf(const DeclaredSize &size) {
  if (size.from == DeclaredSize::From::literal)
    return builder.create<arith::ConstantIndexOp>(size.literal);
  Value value = size.from == DeclaredSize::From::argument ? call.getOperand(size.number) : outs[size.number];
  if (size.dimension)
    return dimension(value, *size.dimension);
  return value.getType().isIndex() ? value : builder.create<arith::IndexCastOp>(builder.getIndexType(), value);
}

void Call::makeOuts() {
  for (auto [i, type] : llvm::enumerate(call.getResultTypes())) {
    if (declared.inPlace[i]) {
      outs.push_back(call.getOperand(*declared.inPlace[i]));
      continue;
    }
    SmallVector<Value> sizes;
    for (const DeclaredSize &size : declared.resultDims[i])
      sizes.push_back(sizeOf(size));
    outs.push_back(builder.create<tensor::EmptyOp>(type, sizes));
  }
}

// The dynamic dimensions of each binding in order, then the scalars.
SmallVector<Value> Call::parameters() {
  SmallVector<Value> values;
  for (Value tensor : llvm::concat<Value>(ins, outs)) {
    auto type = cast<RankedTensorType>(tensor.getType());
    for (int64_t axis = 0; axis < type.getRank(); ++axis)
      if (type.isDynamicDim(axis))
        values.push_back(dimension(tensor, axis));
  }
  for (Value operand : call.getOperands())
    if (!isa<RankedTensorType>(operand.getType()))
      values.push_back(asParameter(builder, operand));
  return values;
}

SmallVector<Value> Call::workload() {
  SmallVector<Value> values;
  if (declared.workload) {
    for (const DeclaredSize &size : *declared.workload)
      values.push_back(sizeOf(size));
    return values;
  }
  auto type = cast<RankedTensorType>(outs.front().getType());
  Value elements;
  for (int64_t axis = 0; axis < type.getRank(); ++axis) {
    Value size = dimension(outs.front(), axis);
    elements = elements ? builder.createOrFold<arith::MulIOp>(elements, size) : size;
  }
  values.push_back(elements ? elements : builder.create<arith::ConstantIndexOp>(1));
  return values;
}

void Call::lower() {
  makeOuts();
  for (auto [i, operand] : llvm::enumerate(call.getOperands()))
    if (isa<RankedTensorType>(operand.getType()) && !llvm::is_contained(declared.inPlace, std::optional<unsigned>(i)))
      ins.push_back(operand);
  const bool isKernel = declared.kind == Declared::Kind::kernel;
  SmallVector<Value> scalars = isKernel ? parameters() : SmallVector<Value>();
  SmallVector<Value> extents = isKernel ? workload() : SmallVector<Value>();
  auto launch = builder.create<LaunchOp>(call.getResultTypes(), call.getCallee(), extents, scalars, ins, outs);
  launch.setHost(!isKernel);
  call.replaceAllUsesWith(launch);
  call.erase();
}

// The function's types as a kernel or callback sees them: what is read, then parameters; what is written.
static FunctionType typeOf(func::FuncOp function, const Declared &declared) {
  SmallVector<Type> inputs, parameters;
  Type index = IndexType::get(function.getContext());
  for (auto [i, type] : llvm::enumerate(function.getArgumentTypes()))
    if (isa<RankedTensorType>(type) && !llvm::is_contained(declared.inPlace, std::optional<unsigned>(i)))
      inputs.push_back(type);
  if (declared.kind == Declared::Kind::kernel) {
    for (ArrayRef<Type> types : {ArrayRef<Type>(inputs), function.getResultTypes()})
      for (Type type : types)
        parameters.append(cast<RankedTensorType>(type).getNumDynamicDims(), index);
    for (Type type : function.getArgumentTypes())
      if (!isa<RankedTensorType>(type))
        parameters.push_back(parameterType(type));
  }
  inputs.append(parameters);
  return FunctionType::get(function.getContext(), inputs, function.getResultTypes());
}

namespace {
struct LaunchDeclared : halcyon::impl::LaunchDeclaredBase<LaunchDeclared> {
  void runOnOperation() override {
    llvm::MapVector<StringAttr, Declared> declarations;
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (!isDeclared(function))
        continue;
      FailureOr<Declared> declared = readDeclared(function);
      if (failed(declared))
        return signalPassFailure();
      declarations.insert({function.getSymNameAttr(), std::move(*declared)});
    }
    SmallVector<func::CallOp> calls;
    getOperation().walk([&](func::CallOp call) {
      if (declarations.contains(call.getCalleeAttr().getAttr()))
        calls.push_back(call);
    });
    for (func::CallOp call : calls)
      Call(call, declarations.find(call.getCalleeAttr().getAttr())->second).lower();
    for (auto function : llvm::make_early_inc_range(getOperation().getOps<func::FuncOp>())) {
      auto found = declarations.find(function.getSymNameAttr());
      if (found == declarations.end())
        continue;
      const Declared &declared = found->second;
      OpBuilder builder(function);
      FunctionType type = typeOf(function, declared);
      if (declared.kind == Declared::Kind::kernel)
        builder.create<KernelOp>(function.getLoc(), function.getSymName(), type, declared.tile, declared.localMemory);
      else
        builder.create<CallbackOp>(function.getLoc(), function.getSymName(), type);
      function.erase();
    }
  }
};
} // namespace
