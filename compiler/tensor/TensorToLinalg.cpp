#include "tensor/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Tensor/Transforms/Transforms.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace halcyon {
#define GEN_PASS_DEF_TENSORTOLINALG
#include "tensor/Passes.h.inc"
} // namespace halcyon

using namespace mlir;

namespace {

using Element = llvm::function_ref<Value(OpBuilder &, Location, ValueRange indices)>;

// Replaces `op` by a generic that computes each element from its indices.
LogicalResult generate(PatternRewriter &rewriter, Operation *op, ArrayRef<OpFoldResult> sizes, Element element) {
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  Location loc = op->getLoc();
  SmallVector<Value> dynamic;
  for (auto [axis, size] : llvm::enumerate(sizes))
    if (type.isDynamicDim(axis))
      dynamic.push_back(getValueOrCreateConstantIndexOp(rewriter, loc, size));
  Value empty = rewriter.create<tensor::EmptyOp>(loc, type, dynamic);
  SmallVector<utils::IteratorType> iterators(type.getRank(), utils::IteratorType::parallel);
  auto generic = rewriter.create<linalg::GenericOp>(
      loc, type, ValueRange(), empty, rewriter.getMultiDimIdentityMap(type.getRank()), iterators,
      [&](OpBuilder &builder, Location inner, ValueRange) {
        SmallVector<Value> indices;
        for (int64_t axis = 0; axis < type.getRank(); ++axis)
          indices.push_back(builder.create<linalg::IndexOp>(inner, axis));
        builder.create<linalg::YieldOp>(inner, element(builder, inner, indices));
      });
  rewriter.replaceOp(op, generic.getResults());
  return success();
}

FailureOr<SmallVector<OpFoldResult>> sizesOf(PatternRewriter &rewriter, Operation *op) {
  ReifiedRankedShapedTypeDims shapes;
  if (failed(reifyResultShapes(rewriter, op, shapes)))
    return failure();
  return shapes[0];
}

// The value of the last operation of `region`, computed at `indices`.
Value inlined(OpBuilder &builder, Region &region, ValueRange indices) {
  IRMapping mapping;
  mapping.map(region.getArguments(), indices);
  for (Operation &op : region.front().without_terminator())
    builder.clone(op, mapping);
  return mapping.lookupOrDefault(region.front().getTerminator()->getOperand(0));
}

// extract_slice -> generic over tensor.extract
struct SliceToGeneric : OpRewritePattern<tensor::ExtractSliceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(tensor::ExtractSliceOp op, PatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    llvm::SmallBitVector dropped = op.getDroppedDims();
    SmallVector<OpFoldResult> sizes;
    for (auto [axis, size] : llvm::enumerate(op.getMixedSizes()))
      if (!dropped[axis])
        sizes.push_back(size);
    SmallVector<Value> offsets, strides;
    for (auto [offset, stride] : llvm::zip(op.getMixedOffsets(), op.getMixedStrides())) {
      offsets.push_back(getValueOrCreateConstantIndexOp(rewriter, loc, offset));
      strides.push_back(getValueOrCreateConstantIndexOp(rewriter, loc, stride));
    }
    return generate(rewriter, op, sizes, [&](OpBuilder &builder, Location inner, ValueRange indices) -> Value {
      SmallVector<Value> at;
      unsigned next = 0;
      for (unsigned axis = 0; axis < offsets.size(); ++axis) {
        if (dropped[axis]) {
          at.push_back(offsets[axis]);
          continue;
        }
        Value index = builder.createOrFold<arith::MulIOp>(inner, indices[next++], strides[axis]);
        at.push_back(builder.createOrFold<arith::AddIOp>(inner, index, offsets[axis]));
      }
      return builder.create<tensor::ExtractOp>(inner, op.getSource(), at);
    });
  }
};

// pad -> generic with a bounds test
struct PadToGeneric : OpRewritePattern<tensor::PadOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(tensor::PadOp op, PatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    FailureOr<SmallVector<OpFoldResult>> sizes = sizesOf(rewriter, op);
    if (failed(sizes))
      return rewriter.notifyMatchFailure(op, "no sizes");
    SmallVector<OpFoldResult> low = op.getMixedLowPad(), high = op.getMixedHighPad();
    SmallVector<Value> lows, extents;
    for (int64_t axis = 0; axis < op.getResultType().getRank(); ++axis) {
      lows.push_back(getValueOrCreateConstantIndexOp(rewriter, loc, low[axis]));
      extents.push_back(getValueOrCreateConstantIndexOp(
          rewriter, loc, tensor::getMixedSize(rewriter, loc, op.getSource(), axis)));
    }
    return generate(rewriter, op, *sizes, [&](OpBuilder &builder, Location inner, ValueRange indices) -> Value {
      Value inside;
      SmallVector<Value> at(indices);
      for (unsigned axis = 0; axis < at.size(); ++axis) {
        if (isConstantIntValue(low[axis], 0) && isConstantIntValue(high[axis], 0))
          continue;
        // One unsigned comparison tests both ends.
        at[axis] = builder.create<arith::SubIOp>(inner, at[axis], lows[axis]);
        Value holds = builder.create<arith::CmpIOp>(inner, arith::CmpIPredicate::ult, at[axis], extents[axis]);
        inside = inside ? builder.create<arith::AndIOp>(inner, inside, holds).getResult() : holds;
      }
      if (!inside)
        return builder.create<tensor::ExtractOp>(inner, op.getSource(), at);
      auto branch = builder.create<scf::IfOp>(
          inner, inside,
          [&](OpBuilder &nested, Location where) {
            Value element = nested.create<tensor::ExtractOp>(where, op.getSource(), at);
            nested.create<scf::YieldOp>(where, element);
          },
          [&](OpBuilder &nested, Location where) {
            nested.create<scf::YieldOp>(where, inlined(nested, op.getRegion(), indices));
          });
      return branch.getResult(0);
    });
  }
};

// tensor.generate -> generic
struct GenerateToGeneric : OpRewritePattern<tensor::GenerateOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(tensor::GenerateOp op, PatternRewriter &rewriter) const override {
    FailureOr<SmallVector<OpFoldResult>> sizes = sizesOf(rewriter, op);
    if (failed(sizes))
      return rewriter.notifyMatchFailure(op, "no sizes");
    return generate(rewriter, op, *sizes, [&](OpBuilder &builder, Location, ValueRange indices) {
      return inlined(builder, op.getBody(), indices);
    });
  }
};

// splat -> fill
struct SplatToFill : OpRewritePattern<tensor::SplatOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(tensor::SplatOp op, PatternRewriter &rewriter) const override {
    Value empty = rewriter.create<tensor::EmptyOp>(op.getLoc(), op.getType(), op.getDynamicSizes());
    rewriter.replaceOpWithNewOp<linalg::FillOp>(op, op.getInput(), empty);
    return success();
  }
};

// linalg.add, transpose, broadcast, map, reduce, ... -> generic
struct Generalize : OpInterfaceRewritePattern<linalg::LinalgOp> {
  using OpInterfaceRewritePattern::OpInterfaceRewritePattern;
  LogicalResult matchAndRewrite(linalg::LinalgOp op, PatternRewriter &rewriter) const override {
    if (isa<linalg::GenericOp, linalg::FillOp, linalg::ContractionOpInterface, linalg::ConvolutionOpInterface>(
            op.getOperation()))
      return rewriter.notifyMatchFailure(op, "later passes match it");
    return linalg::generalizeNamedOp(rewriter, op);
  }
};

// linalg.softmax -> generics
struct Decompose : OpInterfaceRewritePattern<linalg::AggregatedOpInterface> {
  using OpInterfaceRewritePattern::OpInterfaceRewritePattern;
  LogicalResult matchAndRewrite(linalg::AggregatedOpInterface op, PatternRewriter &rewriter) const override {
    FailureOr<SmallVector<Value>> parts = op.decomposeOperation(rewriter);
    if (failed(parts))
      return rewriter.notifyMatchFailure(op, "does not decompose");
    rewriter.replaceOp(op, *parts);
    return success();
  }
};

struct TensorToLinalg : halcyon::impl::TensorToLinalgBase<TensorToLinalg> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<SliceToGeneric, PadToGeneric, GenerateToGeneric, SplatToFill, Generalize, Decompose>(&getContext());
    linalg::populateElementwiseToLinalgConversionPatterns(patterns);
    tensor::populateDecomposeTensorConcatPatterns(patterns);
    if (failed(applyPatternsAndFoldGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
