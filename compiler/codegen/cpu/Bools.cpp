#include "codegen/cpu/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace halcyon {
#define GEN_PASS_DEF_CPUBOOLS
#include "codegen/cpu/Passes.h.inc"
} // namespace halcyon

using namespace mlir;

static bool holdsBools(Type type) {
  auto memory = dyn_cast<MemRefType>(type);
  return memory && memory.getElementType().isInteger(1);
}

static void widen(Value memory) {
  auto type = cast<MemRefType>(memory.getType());
  memory.setType(MemRefType::Builder(type).setElementType(IntegerType::get(type.getContext(), 8)));
}

static Value byteOf(OpBuilder &b, Location loc, Value condition) {
  return b.create<arith::ExtUIOp>(loc, b.getI8Type(), condition);
}

static Value isSet(OpBuilder &b, Location loc, Value byte) {
  Value zero = b.create<arith::ConstantIntOp>(loc, 0, 8);
  return b.create<arith::CmpIOp>(loc, arith::CmpIPredicate::ne, byte, zero);
}

// Ops of which nothing but the type of the memory changes.
static bool onlyMoves(Operation *op) {
  return isa<memref::AllocOp, memref::DeallocOp, memref::CopyOp, memref::SubViewOp, memref::CastOp,
             memref::CollapseShapeOp, memref::ExpandShapeOp, memref::ReinterpretCastOp, memref::DimOp>(op);
}

static bool canChange(func::FuncOp function, bool &any) {
  return !function
              .walk([&](Operation *op) {
                if (!llvm::any_of(op->getOperandTypes(), holdsBools) && !llvm::any_of(op->getResultTypes(), holdsBools))
                  return WalkResult::advance();
                any = true;
                const bool known = onlyMoves(op) || isa<linalg::GenericOp, linalg::FillOp, memref::LoadOp, memref::StoreOp>(op);
                return known ? WalkResult::advance() : WalkResult::interrupt();
              })
              .wasInterrupted();
}

// What the body yields for a byte: a byte of its own as it is, `and`, `or` and `xor` with one as that on bytes.
static Value yielded(OpBuilder &b, Value value) {
  auto byteBehind = [](Value condition) -> Value {
    auto test = condition.getDefiningOp<arith::CmpIOp>();
    return test && isa<BlockArgument>(test.getLhs()) && test.getLhs().getType().isInteger(8) &&
                   test.getPredicate() == arith::CmpIPredicate::ne && matchPattern(test.getRhs(), m_Zero())
               ? test.getLhs()
               : Value();
  };
  if (Value byte = byteBehind(value))
    return byte;
  Operation *op = value.getDefiningOp();
  if (op && isa<arith::AndIOp, arith::OrIOp, arith::XOrIOp>(op)) {
    OperationState state(op->getLoc(), op->getName());
    for (Value operand : op->getOperands()) {
      Value byte = byteBehind(operand);
      state.addOperands(byte ? byte : byteOf(b, op->getLoc(), operand));
    }
    state.addTypes(b.getI8Type());
    return b.create(state)->getResult(0);
  }
  return byteOf(b, value.getLoc(), value);
}

static void changeBody(linalg::GenericOp op, ArrayRef<bool> bools) {
  Block *body = op.getBody();
  OpBuilder b = OpBuilder::atBlockBegin(body);
  for (auto [argument, isBool] : llvm::zip(body->getArguments(), bools)) {
    if (!isBool)
      continue;
    argument.setType(b.getI8Type());
    if (argument.use_empty())
      continue;
    Value test = isSet(b, op.getLoc(), argument);
    argument.replaceAllUsesExcept(test, test.getDefiningOp());
  }
  Operation *yield = body->getTerminator();
  b.setInsertionPoint(yield);
  for (OpOperand &operand : yield->getOpOperands())
    if (bools[op.getNumDpsInputs() + operand.getOperandNumber()])
      operand.set(yielded(b, operand.get()));
}

namespace {
struct CpuBools : halcyon::impl::CpuBoolsBase<CpuBools> {
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    bool any = false;
    if (!canChange(function, any) || !any)
      return;
    SmallVector<std::pair<linalg::GenericOp, SmallVector<bool>>> generics;
    SmallVector<Operation *> others;
    function.walk([&](Operation *op) {
      SmallVector<bool> bools = llvm::map_to_vector(op->getOperandTypes(), holdsBools);
      if (!llvm::is_contained(bools, true))
        return;
      if (auto generic = dyn_cast<linalg::GenericOp>(op))
        generics.emplace_back(generic, bools);
      else if (isa<linalg::FillOp, memref::LoadOp, memref::StoreOp>(op))
        others.push_back(op);
    });
    function.walk([](Block *block) {
      for (BlockArgument argument : block->getArguments())
        if (holdsBools(argument.getType()))
          widen(argument);
    });
    function.walk([](Operation *op) {
      for (Value result : op->getResults())
        if (holdsBools(result.getType()))
          widen(result);
    });
    function.setType(
        FunctionType::get(&getContext(), function.getBody().getArgumentTypes(), function.getFunctionType().getResults()));
    for (auto &[generic, bools] : generics)
      changeBody(generic, bools);
    for (Operation *op : others)
      changeAccess(op);
  }

  static void changeAccess(Operation *op) {
    OpBuilder b(op);
    if (auto store = dyn_cast<memref::StoreOp>(op)) {
      store.getValueMutable().assign(byteOf(b, op->getLoc(), store.getValue()));
      return;
    }
    if (auto load = dyn_cast<memref::LoadOp>(op)) {
      Value byte = b.create<memref::LoadOp>(op->getLoc(), load.getMemRef(), load.getIndices());
      load.replaceAllUsesWith(isSet(b, op->getLoc(), byte));
      op->erase();
      return;
    }
    auto fill = cast<linalg::FillOp>(op);
    b.create<linalg::FillOp>(op->getLoc(), byteOf(b, op->getLoc(), fill.value()), fill.output());
    op->erase();
  }
};
} // namespace
