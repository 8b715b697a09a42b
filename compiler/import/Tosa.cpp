#include "import/Tosa.h"
#include "mlir/Conversion/TosaToArith/TosaToArith.h"
#include "mlir/Conversion/TosaToLinalg/TosaToLinalg.h"
#include "mlir/Conversion/TosaToSCF/TosaToSCF.h"
#include "mlir/Conversion/TosaToTensor/TosaToTensor.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Index/IR/IndexOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Tosa/IR/TosaOps.h"
#include "mlir/Dialect/Tosa/Transforms/Passes.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Pass/PassManager.h"

using namespace mlir;

namespace halcyon {

static bool isTosa(Operation *op) { return isa_and_nonnull<tosa::TosaDialect>(op->getDialect()); }

// The lowering of bilinear resizes of integers rounds places before the first row (or column) towards it, and so goes on
// in the line through the first two. With the first one twice, no place is before it:
//   resize(x, offset) -> resize(concat(first(x), x), offset + scale)
static void startInside(tosa::ResizeOp op, IRRewriter &rewriter) {
  auto type = dyn_cast<RankedTensorType>(op.getInput().getType());
  if (!type || !isa<IntegerType>(type.getElementType()) || op.getMode() != "BILINEAR")
    return;
  rewriter.setInsertionPoint(op);
  SmallVector<int64_t> offset(op.getOffset());
  for (int axis : {0, 1}) {
    const int64_t scale = op.getScale()[2 * axis];
    if (offset[axis] >= 0 || -offset[axis] > scale)
      continue;
    Value input = op.getInput();
    auto whole = cast<RankedTensorType>(input.getType());
    SmallVector<int64_t> start(4, 0), size(whole.getShape()), more(size);
    for (int64_t &extent : size)
      extent = ShapedType::isDynamic(extent) ? -1 : extent;
    size[axis + 1] = 1;
    auto firstShape = SmallVector<int64_t>(whole.getShape());
    firstShape[axis + 1] = 1;
    if (!ShapedType::isDynamic(more[axis + 1]))
      ++more[axis + 1];
    Value first = rewriter.create<tosa::SliceOp>(op.getLoc(), whole.clone(firstShape), input,
                                                 rewriter.getDenseI64ArrayAttr(start), rewriter.getDenseI64ArrayAttr(size));
    Value joined = rewriter.create<tosa::ConcatOp>(op.getLoc(), whole.clone(more), ValueRange{first, input},
                                                   rewriter.getI32IntegerAttr(axis + 1));
    rewriter.modifyOpInPlace(op, [&] { op.getInputMutable().assign(joined); });
    offset[axis] += scale;
  }
  op.setOffset(offset);
}

// Places outside the tensor are clamped, as everywhere; the lowerings would read or write beside it.
template <class Op> static void clampIndices(Op op, Value values, IRRewriter &rewriter) {
  auto type = dyn_cast<RankedTensorType>(values.getType());
  auto indices = dyn_cast<RankedTensorType>(op.getIndices().getType());
  if (!type || !indices)
    return;
  rewriter.setInsertionPoint(op);
  Location loc = op.getLoc();
  auto one = RankedTensorType::get({1, 1}, indices.getElementType());
  auto splat = [&](int64_t value) -> Value {
    return rewriter.create<arith::ConstantOp>(
        loc, DenseElementsAttr::get(one, rewriter.getIntegerAttr(one.getElementType(), value)));
  };
  Value last;
  if (type.isDynamicDim(1)) {
    Value extent = rewriter.create<arith::IndexCastOp>(loc, one.getElementType(),
                                                       rewriter.create<tensor::DimOp>(loc, values, 1));
    Value by = rewriter.create<arith::ConstantIntOp>(loc, 1, one.getElementType());
    last = rewriter.create<tensor::FromElementsOp>(loc, one, ValueRange{rewriter.create<arith::SubIOp>(loc, extent, by)});
  } else {
    last = splat(type.getDimSize(1) - 1);
  }
  Value clamped = rewriter.create<tosa::MinimumOp>(loc, indices, op.getIndices(), last);
  clamped = rewriter.create<tosa::MaximumOp>(loc, indices, clamped, splat(0));
  rewriter.modifyOpInPlace(op, [&] { op.getIndicesMutable().assign(clamped); });
}

// What the lowerings take at its word.
static LogicalResult check(tosa::SliceOp op) {
  auto type = dyn_cast<RankedTensorType>(op.getInput().getType());
  for (auto [axis, start, size] : llvm::enumerate(op.getStart(), op.getSize()))
    if (start < 0 || (type && static_cast<int64_t>(axis) < type.getRank() && !type.isDynamicDim(axis) && size >= 0 &&
                      start + size > type.getDimSize(axis)))
      return op.emitError("'tosa.slice': start ") << start << " and size " << size << " leave dimension " << axis;
  return success();
}

static LogicalResult check(tosa::ResizeOp op) {
  if (op.getScale().size() == 4 && llvm::all_of(op.getScale(), [](int64_t each) { return each > 0; }) &&
      op.getOffset().size() == 2 && op.getBorder().size() == 2)
    return success();
  return op.emitError("'tosa.resize': scale needs four numbers from 1, offset and border two each");
}

static LogicalResult prepare(ModuleOp module, IRRewriter &rewriter) {
  bool good = true;
  module.walk([&](tosa::SliceOp op) { good &= succeeded(check(op)); });
  module.walk([&](tosa::ResizeOp op) {
    good &= succeeded(check(op));
    if (good)
      startInside(op, rewriter);
  });
  module.walk([&](tosa::GatherOp op) { clampIndices(op, op.getValues(), rewriter); });
  module.walk([&](tosa::ScatterOp op) { clampIndices(op, op.getValuesIn(), rewriter); });
  return success(good);
}

// The lowering of Fourier transforms computes indices with the index dialect, which nothing later knows.
static void replaceIndexOps(ModuleOp module, IRRewriter &rewriter) {
  auto replace = [&]<class Made>(Operation *op, std::type_identity<Made>) {
    rewriter.setInsertionPoint(op);
    rewriter.replaceOpWithNewOp<Made>(op, op->getOperand(0), op->getOperand(1));
  };
  module.walk([&](Operation *op) {
    if (isa<index::AddOp>(op))
      replace(op, std::type_identity<arith::AddIOp>());
    else if (isa<index::MulOp>(op))
      replace(op, std::type_identity<arith::MulIOp>());
    else if (isa<index::RemUOp>(op))
      replace(op, std::type_identity<arith::RemUIOp>());
  });
}

LogicalResult lowerTosa(ModuleOp module) {
  if (!module.walk([](Operation *op) { return isTosa(op) ? WalkResult::interrupt() : WalkResult::advance(); })
           .wasInterrupted())
    return success();
  IRRewriter rewriter(module.getContext());
  if (failed(prepare(module, rewriter)))
    return failure();
  PassManager passes(module.getContext());
  OpPassManager &each = passes.nest<func::FuncOp>();
  each.addPass(tosa::createTosaOptionalDecompositions());
  each.addPass(tosa::createTosaInferShapesPass());
  each.addPass(tosa::createTosaMakeBroadcastablePass());
  each.addPass(tosa::createTosaToSCF()); // the next ones know nothing of its operations
  each.addPass(tosa::createTosaToLinalgNamed());
  each.addPass(tosa::createTosaMakeBroadcastablePass()); // of what the decomposition made
  each.addPass(tosa::createTosaToLinalg());
  each.addPass(tosa::createTosaToArith(/*includeApplyRescale=*/true, /*use32BitApplyRescale=*/false));
  each.addPass(tosa::createTosaToTensor());
  if (failed(passes.run(module)))
    return failure();
  replaceIndexOps(module, rewriter);
  bool good = true;
  module.walk([&](Operation *op) {
    if (!isTosa(op))
      return;
    op->emitError("cannot lower '") << op->getName() << "'";
    good = false;
  });
  return success(good);
}

} // namespace halcyon
