#include "tensor/DimPatterns.h"
#include "tensor/Passes.h"
#include "tensor/ViewPatterns.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Tensor/Transforms/Transforms.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace halcyon {
#define GEN_PASS_DEF_DROPUNITDIMS
#include "tensor/Passes.h.inc"
} // namespace halcyon

using namespace mlir;

namespace {

// generic { extract %x[index 1, index 0] } -> generic ins(%x) with that map
struct ExtractToOperand : OpRewritePattern<linalg::GenericOp> {
  using OpRewritePattern::OpRewritePattern;

  // The loops that index the extract, or nothing where an index is another value.
  static std::optional<AffineMap> mapOf(tensor::ExtractOp extract, linalg::GenericOp op) {
    SmallVector<AffineExpr> results;
    auto type = cast<RankedTensorType>(extract.getTensor().getType());
    for (auto [axis, value] : llvm::enumerate(extract.getIndices())) {
      if (auto index = value.getDefiningOp<linalg::IndexOp>())
        results.push_back(getAffineDimExpr(index.getDim(), op.getContext()));
      else if (matchPattern(value, m_Zero()) && type.getDimSize(axis) == 1)
        results.push_back(getAffineConstantExpr(0, op.getContext()));
      else
        return std::nullopt;
    }
    AffineMap map = AffineMap::get(op.getNumLoops(), 0, results, op.getContext());
    if (!map.isProjectedPermutation(/*allowZeroInResults=*/true))
      return std::nullopt;
    // The map makes the loop's extent the dimension's: it has to be that already.
    for (auto [axis, result] : llvm::enumerate(results)) {
      auto loop = dyn_cast<AffineDimExpr>(result);
      if (loop && !sameExtent(extract.getTensor(), axis, op, loop.getPosition()))
        return std::nullopt;
    }
    return map;
  }

  static bool sameExtent(Value tensor, int64_t axis, linalg::GenericOp op, unsigned loop) {
    for (OpOperand &operand : op->getOpOperands()) {
      AffineMap map = op.getMatchingIndexingMap(&operand);
      std::optional<unsigned> position = map.getResultPosition(getAffineDimExpr(loop, op.getContext()));
      if (!position)
        continue;
      int64_t mine = cast<RankedTensorType>(tensor.getType()).getDimSize(axis);
      int64_t theirs = cast<RankedTensorType>(operand.get().getType()).getDimSize(*position);
      if (!ShapedType::isDynamic(mine) || !ShapedType::isDynamic(theirs))
        return mine == theirs;
      // Both dynamic: the destination was made with the source's size.
      auto empty = operand.get().getDefiningOp<tensor::EmptyOp>();
      if (!empty)
        return false;
      auto dim = empty.getDynamicSize(*position).getDefiningOp<tensor::DimOp>();
      if (dim && dim.getSource() == tensor && dim.getConstantIndex() == axis)
        return true;
      return sameValue(empty.getDynamicSize(*position), tensor, axis);
    }
    return false;
  }

  // Whether `size` is what dimension `axis` of `tensor` was made with.
  static bool sameValue(Value size, Value tensor, int64_t axis) {
    while (Operation *op = tensor.getDefiningOp()) {
      if (auto empty = dyn_cast<tensor::EmptyOp>(op))
        return empty.getDynamicSize(axis) == size;
      if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op)) {
        Builder builder(op);
        OpFoldResult given = getMixedValues(expand.getStaticOutputShape(), expand.getOutputShape(), builder)[axis];
        return given == OpFoldResult(size);
      }
      auto style = dyn_cast<DestinationStyleOpInterface>(op);
      if (!style)
        return false;
      tensor = style.getTiedOpOperand(cast<OpResult>(tensor))->get();
    }
    auto dim = size.getDefiningOp<tensor::DimOp>();
    return dim && dim.getSource() == tensor && dim.getConstantIndex() == axis;
  }

  LogicalResult matchAndRewrite(linalg::GenericOp op, PatternRewriter &rewriter) const override {
    if (!op.hasPureTensorSemantics())
      return rewriter.notifyMatchFailure(op, "not on tensors");
    for (auto extract : op.getBody()->getOps<tensor::ExtractOp>()) {
      Value source = extract.getTensor();
      if (op->isAncestor(source.getParentBlock()->getParentOp()))
        continue;
      std::optional<AffineMap> map = mapOf(extract, op);
      if (!map)
        continue;
      const unsigned inputs = op.getNumDpsInputs();
      SmallVector<AffineMap> maps = op.getIndexingMapsArray();
      maps.insert(maps.begin() + inputs, *map);
      rewriter.modifyOpInPlace(op, [&] {
        op.getInputsMutable().append(source);
        op.setIndexingMapsAttr(rewriter.getAffineMapArrayAttr(maps));
        op.getBody()->insertArgument(inputs, cast<RankedTensorType>(source.getType()).getElementType(), op.getLoc());
      });
      rewriter.replaceOp(extract, op.getBody()->getArgument(inputs));
      return success();
    }
    return rewriter.notifyMatchFailure(op, "takes no element by its own index");
  }
};

// Whether every operand's window that `loop` moves spans its whole dimension: without the loop the map says so.
bool windowsSpan(linalg::GenericOp op, unsigned loop) {
  SmallVector<int64_t> extents = op.getStaticLoopRanges();
  return llvm::all_of(op->getOpOperands(), [&](OpOperand &operand) {
    auto type = cast<RankedTensorType>(operand.get().getType());
    for (auto [axis, expr] : llvm::enumerate(op.getMatchingIndexingMap(&operand).getResults())) {
      if (!expr.isFunctionOfDim(loop) || isa<AffineDimExpr>(expr))
        continue;
      SmallVector<AffineExpr> last;
      for (int64_t extent : extents)
        last.push_back(getAffineConstantExpr(ShapedType::isDynamic(extent) ? 0 : extent - 1, op.getContext()));
      auto end = dyn_cast<AffineConstantExpr>(expr.replaceDims(last));
      bool known = end && !type.isDynamicDim(axis);
      for (unsigned other = 0; other < extents.size(); ++other)
        known &= !expr.isFunctionOfDim(other) || !ShapedType::isDynamic(extents[other]);
      if (!known || end.getValue() + 1 != type.getDimSize(axis))
        return false;
    }
    return true;
  });
}

// Loops that no operand hides: a type that says "dynamic" where another says 1 would make a view whose sizes upstream
// cannot infer.
SmallVector<unsigned> plainLoops(Operation *op) {
  auto generic = cast<linalg::GenericOp>(op);
  SmallVector<unsigned> loops;
  for (unsigned loop = 0; loop < generic.getNumLoops(); ++loop) {
    bool plain = llvm::all_of(op->getOpOperands(), [&](OpOperand &operand) {
      std::optional<unsigned> axis =
          generic.getMatchingIndexingMap(&operand).getResultPosition(getAffineDimExpr(loop, op->getContext()));
      return !axis || !cast<RankedTensorType>(operand.get().getType()).isDynamicDim(*axis);
    });
    if (plain && windowsSpan(generic, loop))
      loops.push_back(loop);
  }
  return loops;
}

// Whether an index is the same number in each iteration of loops of extent 1.
bool isConstantWithoutLoops(Value index, ArrayRef<int64_t> extents) {
  Operation *op = index.getDefiningOp();
  if (auto loop = dyn_cast_or_null<linalg::IndexOp>(op))
    return extents[loop.getDim()] == 1;
  if (!op || !isa<arith::ArithDialect>(op->getDialect()))
    return false;
  return llvm::all_of(op->getOperands(), [&](Value operand) { return isConstantWithoutLoops(operand, extents); });
}

// An element of a constant whose elements lie in a file: MLIR 19 crashes where it folds one at indices that are known.
bool readsElementOfFile(linalg::GenericOp op) {
  SmallVector<int64_t> extents = op.getStaticLoopRanges();
  return llvm::any_of(op.getBody()->getOps<tensor::ExtractOp>(), [&](tensor::ExtractOp extract) {
    auto constant = extract.getTensor().getDefiningOp<arith::ConstantOp>();
    return constant && isa<DenseResourceElementsAttr>(constant.getValue()) &&
           llvm::all_of(extract.getIndices(), [&](Value index) { return isConstantWithoutLoops(index, extents); });
  });
}

// Upstream's set of patterns for this does not end where an insert_slice has unit dimensions.
struct DropUnitLoops : OpRewritePattern<linalg::GenericOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(linalg::GenericOp op, PatternRewriter &rewriter) const override {
    if (!llvm::all_of(op->getOperandTypes(), llvm::IsaPred<RankedTensorType>))
      return rewriter.notifyMatchFailure(op, "has a scalar operand");
    if (readsElementOfFile(op))
      return rewriter.notifyMatchFailure(op, "its index would be known");
    linalg::ControlDropUnitDims control;
    control.controlFn = plainLoops;
    return linalg::dropUnitDims(rewriter, op, control);
  }
};

// A product of one row or column, by name -> generic, which loses the loop as what follows it does: else a view would
// stand between them, and each would be a kernel of its own.
struct GeneralizeOfOneRow : OpInterfaceRewritePattern<linalg::ContractionOpInterface> {
  using OpInterfaceRewritePattern::OpInterfaceRewritePattern;
  LogicalResult matchAndRewrite(linalg::ContractionOpInterface contraction, PatternRewriter &rewriter) const override {
    auto op = cast<linalg::LinalgOp>(contraction.getOperation());
    if (isa<linalg::GenericOp>(op.getOperation()) || !op.hasPureTensorSemantics())
      return rewriter.notifyMatchFailure(contraction, "is generic already, or not on tensors");
    SmallVector<utils::IteratorType> iterators = op.getIteratorTypesArray();
    SmallVector<int64_t> extents = op.getStaticLoopRanges();
    for (auto [extent, iterator] : llvm::zip(extents, iterators))
      if (extent == 1 && iterator == utils::IteratorType::parallel)
        return linalg::generalizeNamedOp(rewriter, op);
    return rewriter.notifyMatchFailure(contraction, "has no loop of one iteration");
  }
};

// A reduction that lost its loop is elementwise: what it started from is an input as any other. As a destination that
// is read it would be read again for every element of an operation that it fuses into.
struct InitialToInput : OpRewritePattern<linalg::GenericOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(linalg::GenericOp op, PatternRewriter &rewriter) const override {
    if (!op.hasPureTensorSemantics() || op.getNumLoops() != op.getNumParallelLoops() || op.getNumDpsInits() != 1)
      return rewriter.notifyMatchFailure(op, "reduces");
    OpOperand *init = op.getDpsInitOperand(0);
    if (!op.payloadUsesValueFromOperand(init))
      return rewriter.notifyMatchFailure(op, "does not read its destination");
    Location loc = op.getLoc();
    auto type = cast<RankedTensorType>(init->get().getType());
    SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(rewriter, loc, init->get());
    Value empty = rewriter.create<tensor::EmptyOp>(loc, sizes, type.getElementType());
    if (empty.getType() != type)
      return rewriter.notifyMatchFailure(op, "its size is known after all"); // a later round has the type
    const unsigned inputs = op.getNumDpsInputs();
    SmallVector<AffineMap> maps = op.getIndexingMapsArray();
    maps.insert(maps.begin() + inputs, op.getMatchingIndexingMap(init));
    rewriter.modifyOpInPlace(op, [&] {
      Value start = init->get();
      init->set(empty);
      op.getInputsMutable().append(start);
      op.setIndexingMapsAttr(rewriter.getAffineMapArrayAttr(maps));
      Block *body = op.getBody();
      body->insertArgument(inputs, type.getElementType(), loc);
      body->getArguments().back().replaceAllUsesWith(body->getArgument(inputs));
    });
    return success();
  }
};

struct DropUnitDims : halcyon::impl::DropUnitDimsBase<DropUnitDims> {
  void runOnOperation() override {
    MLIRContext *context = &getContext();
    RewritePatternSet patterns(context);
    patterns.add<ExtractToOperand, GeneralizeOfOneRow, DropUnitLoops, InitialToInput>(context);
    linalg::populateEraseUnusedOperandsAndResultsPatterns(patterns);
    linalg::GenericOp::getCanonicalizationPatterns(patterns, context);
    tensor::ExpandShapeOp::getCanonicalizationPatterns(patterns, context);
    tensor::CollapseShapeOp::getCanonicalizationPatterns(patterns, context);
    tensor::EmptyOp::getCanonicalizationPatterns(patterns, context);
    tensor::populateFoldTensorEmptyPatterns(patterns);
    tensor::populateReassociativeReshapeFoldingPatterns(patterns);
    halcyon::populateDimPatterns(patterns);
    halcyon::populateViewPatterns(patterns);
    FrozenRewritePatternSet frozen(std::move(patterns), halcyon::brokenPatterns());
    if (failed(applyPatternsAndFoldGreedily(getOperation(), frozen)))
      signalPassFailure();
  }
};

} // namespace
