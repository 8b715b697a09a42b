#include "codegen/cpu/Passes.h"

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

// Loop iterations of one workgroup, all loops of its costliest op counted: long enough to hide the cost of a
// dispatch (some 20 ns), short enough to share one op of a small model among threads.
static constexpr int64_t iterationsOfWorkgroup = 32768;
static constexpr double bytesOfRows = 256 << 10; // of weights that stay in L2
static constexpr int64_t macsOfWorkgroup = 4 << 20; // of a contraction: some 50 us
static constexpr int64_t assumedExtent = 64;        // of a loop whose extent is unknown
static constexpr int64_t wholeWorkload = 0xffffffff; // the schema's largest tile

// The product of an op's static loop extents.
static double volume(Operation *op) {
  auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
  if (!linalgOp)
    return 1;
  double product = 1;
  for (int64_t extent : linalgOp.getStaticLoopRanges())
    product *= ShapedType::isDynamic(extent) ? assumedExtent : extent;
  return product;
}

static SmallVector<int64_t> extents(TilingInterface root, unsigned rank) {
  OpBuilder builder(root);
  SmallVector<int64_t> result;
  for (Range range : root.getIterationDomain(builder)) {
    std::optional<int64_t> size = getConstantIntValue(range.size);
    result.push_back(size ? *size : ShapedType::kDynamic);
  }
  result.truncate(rank);
  return result;
}

// The tile of one dimension: at most `most`, in equal parts of multiples of `grain`.
static int64_t part(int64_t extent, double most, int64_t grain) {
  const int64_t limit = std::max<int64_t>(grain, static_cast<int64_t>(most) / grain * grain);
  if (ShapedType::isDynamic(extent))
    return limit;
  extent = std::max<int64_t>(1, extent);
  const int64_t parts = (extent + limit - 1) / limit;
  const int64_t equal = (extent + parts - 1) / parts;
  return std::min(extent, (equal + grain - 1) / grain * grain);
}

// Innermost dimension first: contiguous accesses stay long.
static SmallVector<int64_t> chooseTile(ArrayRef<int64_t> workload, double room, SmallVector<int64_t> tile = {}) {
  const bool given = !tile.empty();
  tile.resize(workload.size(), 0);
  for (int64_t i = workload.size() - 1; i >= 0; --i) {
    if (tile[i])
      continue;
    const double most = ShapedType::isDynamic(workload[i])
                            ? std::min(room, !given && i + 1 == static_cast<int64_t>(workload.size()) ? 1024.0 : 64.0)
                            : room;
    tile[i] = part(workload[i], most, 1);
    room = std::max(1.0, room / tile[i]);
  }
  return tile;
}

// The loops of the output that a register block would cover (RegisterPlan), as dimensions of the output.
namespace {
struct BlockDims {
  std::optional<unsigned> u;
  unsigned v = 0;
  bool rowsAreReused = false; // another dimension reads the same of what only the rows read: weights of a convolution
  double depth = 1;           // reduction iterations of an element
};
} // namespace
static std::optional<BlockDims> blockDims(linalg::LinalgOp op) {
  if (op.getNumReductionLoops() == 0 || op.getNumDpsInits() != 1 || op.getNumDpsInputs() < 2)
    return {};
  AffineMap out = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  if (!out.isProjectedPermutation() || out.getNumResults() == 0)
    return {};
  BlockDims dims;
  SmallVector<int64_t> extents = op.getStaticLoopRanges();
  dims.v = out.getNumResults() - 1;
  while (dims.v > 0 && extents[out.getDimPosition(dims.v)] == 1)
    --dims.v;
  const unsigned vLoop = out.getDimPosition(dims.v);
  for (unsigned i = 0; i < dims.v; ++i) {
    const unsigned loop = out.getDimPosition(i);
    if (extents[loop] != 1 && llvm::any_of(op.getDpsInputOperands(), [&](OpOperand *in) {
          AffineMap map = op.getMatchingIndexingMap(in);
          return map.isFunctionOfDim(vLoop) && !map.isFunctionOfDim(loop);
        }))
      dims.u = i;
  }
  double elements = 1;
  for (unsigned i = 0; i < out.getNumResults(); ++i) {
    const unsigned loop = out.getDimPosition(i);
    elements *= ShapedType::isDynamic(extents[loop]) ? assumedExtent : std::max<int64_t>(1, extents[loop]);
    if (!dims.u || i == *dims.u || i == dims.v || extents[loop] == 1)
      continue;
    const unsigned uLoop = out.getDimPosition(*dims.u);
    dims.rowsAreReused |= llvm::all_of(op.getDpsInputOperands(), [&](OpOperand *in) {
      AffineMap map = op.getMatchingIndexingMap(in);
      return !map.isFunctionOfDim(uLoop) || !map.isFunctionOfDim(loop);
    });
  }
  dims.depth = volume(op) / elements;
  return dims;
}

// A contraction takes many rows where they share columns that are packed once, and few where they stream.
static SmallVector<int64_t> chooseContractionTile(ArrayRef<int64_t> workload, BlockDims dims, double cost) {
  double room = std::max(1.0, macsOfWorkgroup / std::max(1.0, cost));
  SmallVector<int64_t> tile(workload.size(), 0);
  auto set = [&](unsigned dim, double most, int64_t grain) {
    if (dim >= workload.size())
      return;
    tile[dim] = part(workload[dim], most, grain);
    room = std::max(1.0, room / tile[dim]);
  };
  set(dims.v, dims.u ? 64 : std::max(64.0, std::min(room, 512.0)), 32);
  if (dims.u)
    set(*dims.u, dims.rowsAreReused ? std::clamp(bytesOfRows / (4 * dims.depth), 16.0, 64.0) : 256.0, 8);
  return chooseTile(workload, room, tile);
}

static bool isWork(Operation &op) {
  return !isa<bufferization::ToTensorOp, bufferization::MaterializeInDestinationOp, tensor::EmptyOp, tensor::DimOp,
              tensor::CastOp, tensor::ExpandShapeOp, tensor::CollapseShapeOp, tensor::ExtractSliceOp, memref::DimOp,
              func::ReturnOp, scf::ForallOp>(op) &&
         !op.hasTrait<OpTrait::ConstantLike>() &&
         llvm::any_of(llvm::concat<Type>(SmallVector<Type>(op.getResultTypes()), SmallVector<Type>(op.getOperandTypes())),
                      [](Type type) { return isa<TensorType>(type); });
}

// The size of an op's result is that of its destination: what only asks for the size keeps no op alive.
static void dropDimsOfResults(func::FuncOp function) {
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
  return dyn_cast<scf::ForallOp>(tiled->loops.front().getOperation());
}

// The loop becomes its iteration for this workgroup: the function's last arguments but one are the ids.
static void distribute(func::FuncOp function, scf::ForallOp loop) {
  IRRewriter rewriter(loop);
  Location loc = loop.getLoc();
  SmallVector<Value> replacements;
  AffineExpr id, step;
  bindDims(rewriter.getContext(), id);
  bindSymbols(rewriter.getContext(), step);
  for (auto [argument, size] : llvm::zip(function.getArguments().take_back(4), loop.getMixedStep()))
    replacements.push_back(getValueOrCreateConstantIndexOp(
        rewriter, loc, affine::makeComposedFoldedAffineApply(rewriter, loc, id * step, {OpFoldResult(argument), size})));
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

static TilingInterface findRoot(func::FuncOp function) {
  TilingInterface root;
  function.walk([&](bufferization::MaterializeInDestinationOp write) {
    root = dyn_cast_or_null<TilingInterface>(write.getSource().getDefiningOp());
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
    TilingInterface root = findRoot(function);
    if (!root)
      return;
    SmallVector<utils::IteratorType> loops = root.getLoopIteratorTypes();
    if (loops.size() < rank ||
        llvm::any_of(ArrayRef(loops).take_front(rank), [](auto type) { return type != utils::IteratorType::parallel; }))
      return;
    SmallVector<int64_t> workload = extents(root, rank);
    double area = 1, cost = 1;
    for (int64_t extent : workload)
      area *= ShapedType::isDynamic(extent) ? assumedExtent : std::max<int64_t>(1, extent);
    linalg::LinalgOp costliest;
    function.walk([&](linalg::LinalgOp op) {
      if (volume(op) / area > cost || !costliest)
        costliest = op;
      cost = std::max(cost, volume(op) / area);
    });
    std::optional<BlockDims> dims;
    if (costliest && costliest.getDpsInits().size() == 1 &&
        cast<ShapedType>(costliest.getDpsInits()[0].getType()).getRank() ==
            cast<ShapedType>(root->getResult(0).getType()).getRank())
      dims = blockDims(costliest);
    SmallVector<int64_t> sizes = dims ? chooseContractionTile(workload, *dims, cost)
                                      : chooseTile(workload, std::max(1.0, iterationsOfWorkgroup / cost));

    // On a copy: where work stays outside of the loop, every workgroup would do it, so one does everything.
    OpBuilder builder(function);
    auto copy = cast<func::FuncOp>(builder.clone(*function));
    copy.setName((function.getName() + ".tiled").str());
    scf::ForallOp loop = tileRoot(copy, sizes, findRoot(copy));
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
};
} // namespace
