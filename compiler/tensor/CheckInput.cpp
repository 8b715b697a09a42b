#include "tensor/Passes.h"

#include "dialect/dispatch/Declared.h"
#include "dialect/host/Host.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace halcyon {
#define GEN_PASS_DEF_CHECKINPUT
#include "tensor/Passes.h.inc"
} // namespace halcyon

using namespace mlir;
using namespace halcyon;

namespace {

bool accepted(Operation *op) {
  if (isa<host::ListEmptyOp, host::ListInsertOp, host::ListEraseOp, host::ListLengthOp, host::ListDimOp, host::ListGetOp,
          host::CheckPositionOp>(op))
    return true;
  return llvm::is_contained({"arith", "builtin", "cf", "func", "linalg", "math", "ml_program", "nn", "scf", "tensor"},
                            op->getName().getDialectNamespace());
}

// What a function may hold: scalars, and ranked tensors of scalars.
bool accepted(Type type) {
  if (auto tensor = dyn_cast<RankedTensorType>(type))
    type = tensor.getElementType();
  return type.isIntOrIndexOrFloat() || isa<host::ListType>(type);
}

struct CheckInput : halcyon::impl::CheckInputBase<CheckInput> {
  void runOnOperation() override {
    bool good = true;
    getOperation().walk([&](Operation *op) {
      if (!accepted(op)) {
        op->emitError("unsupported operation '") << op->getName() << "'";
        good = false;
        return;
      }
      for (Type type : op->getResultTypes()) {
        if (accepted(type))
          continue;
        op->emitError("unsupported type ") << type << " of a result of '" << op->getName() << "'";
        good = false;
      }
    });
    getOperation().walk([&](func::FuncOp function) {
      if (dispatch::isDeclared(function))
        good &= succeeded(dispatch::readDeclared(function));
      for (Type type : function.getArgumentTypes()) {
        if (accepted(type) && !isa<host::ListType>(type))
          continue;
        function.emitError("unsupported type ") << type << " of an argument of @" << function.getName();
        good = false;
      }
    });
    if (!good)
      signalPassFailure();
  }
};

} // namespace
