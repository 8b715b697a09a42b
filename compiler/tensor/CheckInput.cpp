#include "tensor/Passes.h"

#include "dialect/dispatch/Declared.h"
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

bool accepted(StringRef dialect) {
  return llvm::is_contained({"arith", "builtin", "cf", "func", "linalg", "math", "ml_program", "nn", "scf", "tensor"}, dialect);
}

// What a function may hold: scalars, and ranked tensors of scalars.
bool accepted(Type type) {
  if (auto tensor = dyn_cast<RankedTensorType>(type))
    type = tensor.getElementType();
  return type.isIntOrIndexOrFloat();
}

struct CheckInput : halcyon::impl::CheckInputBase<CheckInput> {
  void runOnOperation() override {
    bool good = true;
    getOperation().walk([&](Operation *op) {
      if (!accepted(op->getName().getDialectNamespace())) {
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
        if (accepted(type))
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
