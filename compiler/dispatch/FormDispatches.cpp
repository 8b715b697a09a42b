#include "dispatch/Passes.h"

#include "dialect/host/Host.h"
#include "dialect/nn/Nn.h"
#include "dispatch/Attention.h"
#include "dispatch/Insertions.h"
#include "dispatch/Outline.h"
#include "dispatch/Slices.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace halcyon {
#define GEN_PASS_DEF_FORMDISPATCHES
#include "dispatch/Passes.h.inc"
} // namespace halcyon

using namespace mlir;
using namespace halcyon::dispatch;

namespace {

// What the description's "Leaves" says.
bool isHostOp(Operation *op) {
  if (isa<LaunchOp, tensor::EmptyOp, tensor::ExpandShapeOp, tensor::CollapseShapeOp, tensor::CastOp,
          tensor::ExtractOp, tensor::FromElementsOp, tensor::DimOp, ml_program::GlobalLoadOp,
          ml_program::GlobalStoreOp, ml_program::GlobalLoadConstOp, cf::AssertOp, halcyon::nn::ReinterpretOp>(op))
    return true;
  if (isa<scf::SCFDialect, func::FuncDialect, halcyon::host::HostDialect>(op->getDialect()) || op->hasTrait<OpTrait::ConstantLike>())
    return true;
  if (auto select = dyn_cast<arith::SelectOp>(op); select && select.getCondition().getType().isInteger(1))
    return true; // of scalars, or of whole tensors
  return isa<arith::ArithDialect, math::MathDialect>(op->getDialect()) &&
         !llvm::any_of(op->getResultTypes(), llvm::IsaPred<ShapedType>);
}

// Made in the body of what becomes a kernel, where it has a parameter of its own.
bool isInsideKernel(Value tensor) {
  for (Operation *op = tensor.getParentBlock()->getParentOp(); op; op = op->getParentOp())
    if (isDeviceOp(op))
      return true;
  return false;
}

struct FormDispatches : halcyon::impl::FormDispatchesBase<FormDispatches> {
  using FormDispatchesBase::FormDispatchesBase;

  // One value for each dimension, before kernels capture them.
  void shareDims(func::FuncOp function, Dimensions &dimensions) {
    SmallVector<tensor::DimOp> dims;
    function.walk([&](tensor::DimOp dim) { dims.push_back(dim); });
    OpBuilder builder(function.getContext());
    for (tensor::DimOp dim : dims) {
      std::optional<int64_t> axis = dim.getConstantIndex();
      if (!axis || isInsideKernel(dim.getSource()))
        continue;
      builder.setInsertionPoint(dim);
      dim.replaceAllUsesWith(
          getValueOrCreateConstantIndexOp(builder, dim.getLoc(), dimensions.of(dim.getSource(), *axis)));
      dim.erase();
    }
  }

  // A fill that is both an initial value and something else becomes two, and one for each use in an inner block, whose
  // kernels take only what lies beside them.
  void splitFills(Block &block) {
    for (auto fill : block.getOps<linalg::FillOp>()) {
      if (!isInitialiser(fill))
        continue;
      for (OpOperand &use : llvm::make_early_inc_range(fill->getUses()))
        if (Operation *user = use.getOwner();
            isInitialUse(use) && user->getBlock() != &block && !isDeviceOp(user->getParentOp()))
          use.set(OpBuilder(user).clone(*fill)->getResult(0));
    }
    for (auto fill : llvm::make_early_inc_range(block.getOps<linalg::FillOp>())) {
      if (!isInitialiser(fill) || llvm::all_of(fill->getUses(), isInitialUse) ||
          llvm::none_of(fill->getUses(), isInitialUse))
        continue;
      Operation *twin = OpBuilder(fill).clone(*fill);
      fill->getResult(0).replaceUsesWithIf(twin->getResult(0), isInitialUse);
    }
  }

  LogicalResult formBlock(Block &block, StringRef function, Dimensions &dimensions, Executables &executables) {
    splitFills(block);
    if (fuse) {
      readSlices(block, dimensions);
      hoistInsertions(block, dimensions);
    }
    for (const Group &group : groupBlock(block, fuse))
      if (failed(outline(group, function, dimensions, executables)))
        return failure();
    // What only launches used: fills, empties and slices were copied into them.
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
      if ((isInitialiser(&op) || isa<tensor::ExtractSliceOp>(op)) && op.use_empty()) {
        dimensions.forget(op.getResult(0));
        op.erase();
      }
    for (Operation &op : block)
      for (Region &region : op.getRegions())
        for (Block &inner : region)
          if (failed(formBlock(inner, function, dimensions, executables)))
            return failure();
    return success();
  }

  LogicalResult check(func::FuncOp function) {
    bool good = true;
    function.walk([&](Operation *op) {
      if (op == function || isHostOp(op))
        return;
      op->emitError("cannot compile operation '") << op->getName() << "' here";
      good = false;
    });
    return success(good);
  }

  void runOnOperation() override {
    // Kernels get their constants as parameters; the host's indices are hidden again before the next fold.
    getOperation().walk([](halcyon::nn::HiddenIndexOp op) {
      op.replaceAllUsesWith(op.getIndex());
      op.erase();
    });
    Executables executables(getOperation());
    for (auto function : llvm::make_early_inc_range(getOperation().getOps<func::FuncOp>())) {
      if (function.isExternal())
        continue;
      if (fuse)
        function.walk([](Block *block) { deferDivisions(*block); });
      Dimensions dimensions;
      expandAffine(function);
      shareDims(function, dimensions);
      for (Block &block : function.getBody())
        if (failed(formBlock(block, function.getName(), dimensions, executables)))
          return signalPassFailure();
      if (failed(check(function)))
        return signalPassFailure();
    }
  }
};

} // namespace
