#include "codegen/cpu/Padding.h"
#include "codegen/cpu/Panels.h"
#include "codegen/cpu/Passes.h"
#include "codegen/cpu/TileSizes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/MemRef/Transforms/Transforms.h"
#include "mlir/Dialect/SCF/Transforms/TileUsingInterface.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/TilingInterface.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace halcyon {
#define GEN_PASS_DEF_CPUTILE
#include "codegen/cpu/Passes.h.inc"
} // namespace halcyon

using namespace mlir;
using namespace halcyon;

static bool isWork(Operation &op) {
  return !isa<bufferization::ToTensorOp, bufferization::MaterializeInDestinationOp, tensor::EmptyOp, tensor::DimOp,
              tensor::CastOp, tensor::ExpandShapeOp, tensor::CollapseShapeOp, tensor::ExtractSliceOp, memref::DimOp,
              func::ReturnOp, scf::ForallOp>(op) &&
         !op.hasTrait<OpTrait::ConstantLike>() && !makesPadding(&op) &&
         llvm::any_of(llvm::concat<Type>(SmallVector<Type>(op.getResultTypes()), SmallVector<Type>(op.getOperandTypes())),
                      [](Type type) { return isa<TensorType>(type); });
}

void halcyon::dropDimsOfResults(func::FuncOp function) {
  RewritePatternSet patterns(function.getContext());
  memref::populateResolveRankedShapedTypeResultDimsPatterns(patterns);
  tensor::DimOp::getCanonicalizationPatterns(patterns, function.getContext());
  (void)applyPatternsAndFoldGreedily(function, std::move(patterns));
}

// The root's tiled loops, with all other work of the body fused into them; null if that is not possible.
static scf::ForallOp tileRoot(func::FuncOp function, ArrayRef<int64_t> sizes, TilingInterface root) {
  IRRewriter rewriter(function.getContext());
  rewriter.setInsertionPoint(root);
  SmallVector<OpFoldResult> tileSizes;
  for (size_t i = 0; i < root.getLoopIteratorTypes().size(); ++i)
    tileSizes.push_back(rewriter.getIndexAttr(i < sizes.size() ? sizes[i] : 0));
  scf::SCFTileAndFuseOptions options;
  options.tilingOptions.setTileSizes(tileSizes).setLoopType(scf::SCFTilingOptions::LoopType::ForallOp);
  options.setFusionControlFn([](tensor::ExtractSliceOp, OpResult producer, bool) {
    return std::make_tuple(isa<TilingInterface>(producer.getOwner()), false);
  });
  FailureOr<scf::SCFTileAndFuseResult> tiled =
      scf::tileConsumerAndFuseProducersUsingSCF(rewriter, root, options);
  if (failed(tiled) || tiled->loops.size() != 1)
    return {};
  for (auto [value, replacement] : tiled->replacements)
    rewriter.replaceAllUsesWith(value, replacement);
  dropDimsOfResults(function);
  takeWholePanels(function);
  return dyn_cast<scf::ForallOp>(tiled->loops.front().getOperation());
}

// Where the workgroup's tile of one dimension begins.
static OpFoldResult tileOffset(OpBuilder &builder, Location loc, Value id, OpFoldResult tile, OpFoldResult extent) {
  std::optional<int64_t> known = getConstantIntValue(extent);
  if (known && *known <= getConstantIntValue(tile).value_or(0))
    return builder.getIndexAttr(0);
  AffineExpr number, step;
  bindDims(builder.getContext(), number);
  bindSymbols(builder.getContext(), step);
  return affine::makeComposedFoldedAffineApply(builder, loc, number * step, {OpFoldResult(id), tile});
}

// The loop becomes its iteration for this workgroup: the function's last arguments but one are the ids.
static void distribute(func::FuncOp function, scf::ForallOp loop) {
  IRRewriter rewriter(loop);
  Location loc = loop.getLoc();
  SmallVector<Value> replacements;
  for (auto [id, size, extent] :
       llvm::zip(function.getArguments().take_back(4), loop.getMixedStep(), loop.getMixedUpperBound()))
    replacements.push_back(
        getValueOrCreateConstantIndexOp(rewriter, loc, tileOffset(rewriter, loc, id, size, extent)));
  llvm::append_range(replacements, loop.getOutputs());
  scf::InParallelOp terminator = loop.getTerminator();
  SmallVector<Operation *> inserts;
  for (Operation &op : terminator.getYieldingOps())
    inserts.push_back(&op);
  Block *body = loop.getBody();
  rewriter.inlineBlockBefore(body, loop, replacements);
  SmallVector<Value> results;
  rewriter.setInsertionPoint(loop);
  for (Operation *op : inserts) {
    auto insert = cast<tensor::ParallelInsertSliceOp>(op);
    results.push_back(rewriter.create<tensor::InsertSliceOp>(loc, insert.getSource(), insert.getDest(),
                                                             insert.getMixedOffsets(), insert.getMixedSizes(),
                                                             insert.getMixedStrides()));
  }
  rewriter.eraseOp(terminator);
  rewriter.replaceOp(loop, results);
}

// How many elements the tile that begins at `at` has.
static OpFoldResult tileSize(OpBuilder &builder, Location loc, OpFoldResult at, int64_t tile, OpFoldResult extent) {
  std::optional<int64_t> known = getConstantIntValue(extent);
  if (known && (*known <= tile || *known % tile == 0))
    return builder.getIndexAttr(std::min(*known, tile));
  AffineExpr begin, end;
  bindDims(builder.getContext(), begin);
  bindSymbols(builder.getContext(), end);
  AffineMap map = AffineMap::get(1, 1, {builder.getAffineConstantExpr(tile), end - begin}, builder.getContext());
  return affine::makeComposedFoldedAffineMin(builder, loc, map, {at, extent});
}

// The source with the destination's rank: on buffers it would be open which of several unit dimensions are dropped.
static Value withUnitDims(OpBuilder &builder, tensor::InsertSliceOp insert) {
  RankedTensorType source = insert.getSourceType();
  if (source.getRank() == insert.getType().getRank())
    return insert.getSource();
  llvm::SmallBitVector dropped = insert.getDroppedDims();
  SmallVector<ReassociationIndices> groups(source.getRank());
  SmallVector<int64_t> shape;
  int64_t dim = -1;
  for (unsigned axis = 0; axis < dropped.size(); ++axis) {
    dim += !dropped.test(axis);
    groups[std::max<int64_t>(0, dim)].push_back(axis);
    shape.push_back(dropped.test(axis) ? 1 : source.getDimSize(dim));
  }
  return builder.create<tensor::ExpandShapeOp>(insert.getLoc(), source.clone(shape), insert.getSource(), groups,
                                               insert.getMixedSizes());
}

// The workgroup inserts its part of the source, at the place of that part.
static void tileInsert(func::FuncOp function, tensor::InsertSliceOp insert, ArrayRef<int64_t> tile) {
  IRRewriter rewriter(insert);
  Location loc = insert.getLoc();
  SmallVector<OpFoldResult> offsets = insert.getMixedOffsets(), sizes = insert.getMixedSizes();
  SmallVector<OpFoldResult> strides = insert.getMixedStrides(), ones(sizes.size(), rewriter.getIndexAttr(1));
  SmallVector<OpFoldResult> begins(sizes.size(), rewriter.getIndexAttr(0));
  Value source = withUnitDims(rewriter, insert);
  AffineExpr begin, offset, stride;
  bindDims(rewriter.getContext(), begin);
  bindSymbols(rewriter.getContext(), offset, stride);
  llvm::SmallBitVector dropped = insert.getDroppedDims();
  auto ids = function.getArguments().take_back(4);
  for (unsigned axis = 0, dim = 0; dim < tile.size(); ++axis) {
    if (dropped.test(axis))
      continue;
    begins[axis] = tileOffset(rewriter, loc, ids[dim], rewriter.getIndexAttr(tile[dim]), sizes[axis]);
    sizes[axis] = tileSize(rewriter, loc, begins[axis], tile[dim], sizes[axis]);
    offsets[axis] = affine::makeComposedFoldedAffineApply(rewriter, loc, offset + begin * stride,
                                                          {begins[axis], offsets[axis], strides[axis]});
    ++dim;
  }
  Value part = rewriter.create<tensor::ExtractSliceOp>(loc, source, begins, sizes, ones);
  rewriter.replaceOpWithNewOp<tensor::InsertSliceOp>(insert, part, insert.getDest(), offsets, sizes, strides);
}

static Operation *findRoot(func::FuncOp function) {
  Operation *root = nullptr;
  function.walk([&](bufferization::MaterializeInDestinationOp write) {
    root = write.getSource().getDefiningOp();
    return WalkResult::interrupt();
  });
  return root;
}

namespace {
struct CpuTile : halcyon::impl::CpuTileBase<CpuTile> {
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    auto rankAttribute = function->getAttrOfType<IntegerAttr>("halcyon.workload_rank");
    if (!rankAttribute)
      return;
    const unsigned rank = rankAttribute.getInt();
    SmallVector<int64_t> tile(3, 1);
    std::fill_n(tile.begin(), rank, wholeWorkload);
    if (rank)
      tileIfPossible(function, rank, tile);
    function->setAttr("halcyon.tile", DenseI64ArrayAttr::get(&getContext(), tile));
  }

  void tileIfPossible(func::FuncOp function, unsigned rank, SmallVectorImpl<int64_t> &tile) {
    if (auto insert = dyn_cast_or_null<tensor::InsertSliceOp>(findRoot(function)))
      return tileInsertIfAlone(function, insert, rank, tile);
    if (auto loop = dyn_cast_or_null<scf::ForOp>(findRoot(function)))
      return tileRows(function, loop, tile);
    auto root = dyn_cast_or_null<TilingInterface>(findRoot(function));
    if (!root)
      return;
    SmallVector<utils::IteratorType> loops = root.getLoopIteratorTypes();
    if (loops.size() < rank ||
        llvm::any_of(ArrayRef(loops).take_front(rank), [](auto type) { return type != utils::IteratorType::parallel; }))
      return;
    SmallVector<int64_t> sizes = chooseTile(function, root, rank);

    // On a copy: where work stays outside of the loop, every workgroup would do it, so one does everything.
    OpBuilder builder(function);
    auto copy = cast<func::FuncOp>(builder.clone(*function));
    copy.setName((function.getName() + ".tiled").str());
    scf::ForallOp loop = tileRoot(copy, sizes, cast<TilingInterface>(findRoot(copy)));
    if (!loop || llvm::any_of(copy.getBody().front(), isWork) ||
        llvm::range_size(copy.getBody().front().getOps<scf::ForallOp>()) != 1) {
      copy.erase();
      return;
    }
    distribute(copy, loop);
    function.getBody().takeBody(copy.getBody());
    copy.erase();
    llvm::copy(sizes, tile.begin());
  }

  // A loop over rows: a workgroup does one of them.
  void tileRows(func::FuncOp function, scf::ForOp loop, SmallVectorImpl<int64_t> &tile) {
    if (llvm::any_of(function.getBody().front(), [&](Operation &op) { return &op != loop && isWork(op); }))
      return;
    OpBuilder builder(loop);
    Value row = function.getArguments().take_back(4).front();
    Value one = builder.create<arith::ConstantIndexOp>(loop.getLoc(), 1);
    loop.setLowerBound(row);
    loop.setUpperBound(builder.create<arith::AddIOp>(loop.getLoc(), row, one));
    tile[0] = 1;
  }

  // Other work in the body, such as what makes the rest of the destination, is not part of any tile.
  void tileInsertIfAlone(func::FuncOp function, tensor::InsertSliceOp insert, unsigned rank,
                         SmallVectorImpl<int64_t> &tile) {
    if (insert.getSourceType().getRank() < static_cast<int64_t>(rank) ||
        llvm::any_of(function.getBody().front(), [&](Operation &op) { return &op != insert && isWork(op); }))
      return;
    SmallVector<int64_t> sizes = chooseCopyTile(insert.getSourceType(), rank);
    tileInsert(function, insert, sizes);
    llvm::copy(sizes, tile.begin());
  }
};
} // namespace
