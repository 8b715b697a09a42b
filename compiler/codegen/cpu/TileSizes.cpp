#include "codegen/cpu/TileSizes.h"
#include "codegen/cpu/OnlineSoftmax.h"
#include "codegen/cpu/Padding.h"
#include "codegen/cpu/Panels.h"
#include "codegen/cpu/Pooling.h"
#include "codegen/cpu/winograd/WinogradPlan.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

#include <cmath>

using namespace mlir;
using namespace halcyon;

// Loop iterations of one workgroup, all loops of its costliest op counted: long enough to hide the cost of a
// dispatch (some 20 ns), short enough to share one op of a small model among threads.
static constexpr int64_t iterationsOfWorkgroup = 32768;
static constexpr double bytesOfRows = 256 << 10; // of weights that stay in L2
static constexpr double macsOfWorkgroup = 4 << 20; // of a contraction: some 30 us
static constexpr double fewestMacs = 512 << 10;     // that are worth a workgroup of their own, where threads are short of work
static constexpr int64_t wantedWorkgroups = 8;      // for as many threads, or to share out evenly to fewer
static constexpr double fewestRows = 64, mostRows = 256; // of one workgroup of a product
static constexpr double elementsOfStream = 131072; // of a window's result: more than a few rows, which share their input
static constexpr double bytesOfInputs = 512 << 10; // of rows that several panels share
static constexpr double bytesOfChain = 768 << 10; // of rows between two contractions, which stay in L2
static constexpr double bytesOfCopy = 64 << 10; // some 5 us
static constexpr int64_t columnsOfBlock = 64;       // four vectors of sums: one alone waits for the sum before it
static constexpr double mostColumns = 1024;         // of a number that is not known
static constexpr int64_t assumedExtent = 64;        // of a loop whose extent is unknown

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

// The largest size up to `tile` that divides the extent, if it is not much smaller: all workgroups have the same code then,
// of known sizes.
static int64_t dividing(int64_t extent, int64_t tile) {
  for (int64_t size = tile; extent > 0 && 2 * size > tile; --size)
    if (extent % size == 0)
      return size;
  return tile;
}

// Innermost dimension first: contiguous accesses stay long.
static SmallVector<int64_t> tileOfRoom(ArrayRef<int64_t> workload, double room, SmallVector<int64_t> tile) {
  const bool given = llvm::any_of(tile, [](int64_t size) { return size != 0; });
  for (int64_t i = workload.size() - 1; i >= 0; --i) {
    if (tile[i])
      continue;
    const double most = ShapedType::isDynamic(workload[i])
                            ? std::min(room, !given && i + 1 == static_cast<int64_t>(workload.size()) ? 1024.0 : 64.0)
                            : room;
    tile[i] = part(workload[i], most, 1);
    if (given)
      tile[i] = dividing(workload[i], tile[i]);
    room = std::max(1.0, room / tile[i]);
  }
  return tile;
}

// The loops of the output that a register block would cover (RegisterPlan), as dimensions of the output.
namespace {
struct BlockDims {
  std::optional<unsigned> u;
  unsigned v = 0;
  bool streams = false;       // no two elements of a row use the same input: depthwise, pooling
  std::optional<unsigned> whole; // not to be cut
  bool rowsAreReused = false; // another dimension reads the same of what only the rows read: weights of a convolution
  bool panels = false;        // the columns are packed already
  double depth = 1;           // reduction iterations of an element
  int64_t grain = 32;         // columns: whole blocks and whole panels

  // Becomes the loops of a workload.
  void moveTo(ArrayRef<unsigned> loops) {
    v = loops[v];
    for (std::optional<unsigned> *each : {&u, &whole})
      if (*each)
        *each = loops[**each];
  }
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
  dims.streams = llvm::all_of(op.getDpsInputOperands(), [&](OpOperand *in) {
    return !op.payloadUsesValueFromOperand(in) || op.getMatchingIndexingMap(in).isFunctionOfDim(vLoop);
  });
  for (AffineMap map : op.getIndexingMapsArray())
    if (std::optional<Panel> panel = panelOf(map); panel && panel->loop == vLoop)
      dims.grain = std::max(dims.grain, panel->width), dims.panels = true;
  if (std::optional<unsigned> loop = wholeLoopOfPadding(op))
    dims.whole = out.getResultPosition(getAffineDimExpr(*loop, op.getContext()));
  return dims;
}

// The loop of `root` for each dimension of the result of `op`, and how many positions one iteration takes, where nothing but
// elementwise ops and pools is between them: they may turn dimensions, as a transpose does.
static std::optional<SmallVector<PooledDim>> loopsOfRoot(linalg::LinalgOp op, TilingInterface root) {
  if (op.getNumDpsInits() != 1)
    return {};
  AffineMap map = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  SmallVector<PooledDim> dims;
  for (unsigned dim = 0; dim < map.getNumResults(); ++dim)
    dims.push_back({dim, 1});
  while (true) {
    if (!map.isProjectedPermutation())
      return {};
    if (op == root)
      return llvm::map_to_vector(dims, [&](PooledDim dim) { return PooledDim{map.getDimPosition(dim.loop), dim.window}; });
    OpOperand *single = nullptr;
    for (OpOperand &use : op->getUses()) {
      if (isa<tensor::DimOp>(use.getOwner()))
        continue;
      if (single)
        return {};
      single = &use;
    }
    if (!single)
      return {};
    OpOperand &use = *single;
    auto next = dyn_cast<linalg::LinalgOp>(use.getOwner());
    if (!next || next.getNumDpsInits() != 1)
      return {};
    AffineMap in = next.getMatchingIndexingMap(&use), out = next.getMatchingIndexingMap(next.getDpsInitOperand(0));
    std::optional<SmallVector<PooledDim>> pooled = pooledDims(use);
    if (!pooled && (!in.isPermutation() || !out.isPermutation()))
      return {};
    for (auto &[dim, window] : dims) {
      window *= pooled ? (*pooled)[dim].window : 1;
      dim = *out.getResultPosition(pooled ? getAffineDimExpr((*pooled)[dim].loop, next.getContext()) : in.getResult(dim));
    }
    op = next, map = out;
  }
}

// A contraction takes many rows where they share columns that are packed once, and few where they stream.
static SmallVector<int64_t> contractionTile(ArrayRef<int64_t> workload, BlockDims dims, double room, double mostRows) {
  SmallVector<int64_t> tile(workload.size(), 0);
  auto set = [&](unsigned dim, double most, int64_t grain) {
    if (dim >= workload.size())
      return;
    tile[dim] = part(workload[dim], most, grain);
    room = std::max(1.0, room / tile[dim]);
  };
  if (dims.whole)
    set(*dims.whole, wholeWorkload, 1);
  if (dims.streams) {
    room = std::min(room, elementsOfStream);
    set(dims.v, 64, dims.grain);
    return tileOfRoom(workload, room, tile);
  }
  set(dims.v, dims.u ? 64 : std::max(64.0, std::min(room, 512.0)), dims.grain);
  const double rows = dims.panels && room >= fewestRows ? std::min(room, mostRows) : mostRows;
  if (dims.u && dims.u != dims.whole)
    set(*dims.u, dims.rowsAreReused ? std::clamp(bytesOfRows / (4 * dims.depth), 16.0, 64.0) : std::min(rows, std::clamp(bytesOfInputs / (4 * dims.depth), 64.0, 256.0)), 8);
  // Rows whose vectors are their own.
  if (!dims.u && dims.v > 0 && dims.v - 1 < workload.size() && !ShapedType::isDynamic(workload[dims.v - 1]) && dims.whole != dims.v - 1)
    set(dims.v - 1, room, 8);
  return tileOfRoom(workload, room, tile);
}

// How much of two threads' time is work, where each begins with one half of the workgroups, and then takes what is left.
static double balance(ArrayRef<int64_t> workload, ArrayRef<int64_t> tile) {
  SmallVector<double> sizes{1};
  for (auto [extent, size] : llvm::zip(workload, tile)) {
    const SmallVector<double> inner = std::move(sizes);
    sizes.clear();
    for (int64_t at = 0; at < extent; at += size)
      for (double each : inner)
        sizes.push_back(each * std::min(size, extent - at));
    if (sizes.size() > 8 * wantedWorkgroups)
      return 1;
  }
  const size_t half = sizes.size() / 2;
  size_t next[2] = {0, half}, end[2] = {half, sizes.size()};
  double busy[2] = {}, all = 0;
  for (size_t done = 0; done < sizes.size(); ++done) {
    const unsigned thread = busy[0] <= busy[1] ? 0 : 1, from = next[thread] < end[thread] ? thread : 1 - thread;
    all += sizes[next[from]];
    busy[thread] += sizes[next[from]++];
  }
  return all / (2 * std::max(busy[0], busy[1]));
}

// Large ones make long workgroups; of others there are several, for threads to share, as long as each is worth it.
static SmallVector<int64_t> chooseContractionTile(ArrayRef<int64_t> workload, BlockDims dims, double cost) {
  double elements = 1;
  for (int64_t extent : workload)
    elements *= ShapedType::isDynamic(extent) ? 1 : std::max<int64_t>(1, extent);
  cost = std::max(1.0, cost);
  auto tileOf = [&](double macs, double rows) {
    return contractionTile(workload, dims, std::max(1.0, std::round(macs / cost)), rows);
  };
  const double macs = elements * cost, least = std::ceil(macs / macsOfWorkgroup);
  if (least > 2 * wantedWorkgroups || dims.streams)
    return tileOf(macsOfWorkgroup, mostRows);
  const double wanted = dims.rowsAreReused ? wantedWorkgroups / 2 : wantedWorkgroups; // neighbours read some rows twice
  const int64_t parts = std::max(least, std::clamp(macs / fewestMacs, 1.0, wanted));
  if (llvm::any_of(workload, [](int64_t extent) { return extent <= 0; })) { // some are not known, or there is no work
    const bool rowsAreUnknown = dims.u && *dims.u < workload.size() && ShapedType::isDynamic(workload[*dims.u]);
    return tileOf(std::max(fewestMacs, macs / parts), rowsAreUnknown && dims.panels ? fewestRows : mostRows);
  }
  constexpr double good = 0.9;
  SmallVector<int64_t> best = tileOf(macs / parts, mostRows);
  if (parts == 1)
    return best;
  const double rows = dims.u && *dims.u < workload.size() ? workload[*dims.u] : 1;
  for (int64_t down = 1; down <= 4 && (down == 1 || rows / down >= fewestRows * 0.75); ++down)
    for (int64_t more = parts; more <= 2 * parts && balance(workload, best) < good; ++more)
      if (SmallVector<int64_t> tile = tileOf(macs / more, std::min(mostRows, std::ceil(rows / down / 8) * 8));
          balance(workload, tile) > balance(workload, best))
        best = tile;
  return best;
}

// A workload of windows that are pooled, as one of positions that are computed for them.
namespace {
struct Pools {
  Pools(ArrayRef<PooledDim> dims, ArrayRef<int64_t> workload) : positions(workload), windows(workload.size(), 1) {
    for (PooledDim dim : dims)
      if (dim.loop < workload.size())
        windows[dim.loop] = dim.window;
    for (auto [extent, window] : llvm::zip(positions, windows)) {
      extent *= ShapedType::isDynamic(extent) ? 1 : window;
      each *= window;
    }
  }
  SmallVector<int64_t> windowsOf(SmallVector<int64_t> tile) const {
    for (auto [size, window] : llvm::zip(tile, windows))
      size = std::max<int64_t>(1, size / window);
    return tile;
  }
  SmallVector<int64_t> positions, windows;
  double each = 1; // positions of a window
};
} // namespace

// Rows of a contraction that is computed from rows of another one, and the loop of `root` that they are.
namespace {
struct ChainedRows {
  unsigned loop = 0;
  int64_t length = 0;
};
} // namespace

static bool comesFromReduction(Value value) {
  auto op = value.getDefiningOp<linalg::LinalgOp>();
  return op && (op.getNumReductionLoops() || llvm::any_of(op.getDpsInputs(), comesFromReduction));
}

// Attention: an input of a contraction is made here, from reductions. The contraction has other columns.
static std::optional<ChainedRows> chainedRows(func::FuncOp function, TilingInterface root) {
  std::optional<ChainedRows> found;
  function.walk([&](linalg::LinalgOp op) {
    if (op.getNumReductionLoops() != 1 || op.getNumDpsInputs() != 2)
      return;
    std::optional<SmallVector<PooledDim>> loops = loopsOfRoot(op, root);
    if (!loops)
      return;
    AffineMap out = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
    for (OpOperand *in : op.getDpsInputOperands()) {
      AffineMap map = op.getMatchingIndexingMap(in);
      const unsigned rank = map.getNumResults();
      if (rank < 2 || !map.isProjectedPermutation() || map.isFunctionOfDim(out.getDimPosition(out.getNumResults() - 1)) ||
          !comesFromReduction(in->get()))
        continue;
      const int64_t length = op.getStaticLoopRanges()[map.getDimPosition(rank - 1)];
      std::optional<unsigned> row = out.getResultPosition(map.getResult(rank - 2));
      const bool isOnline = comesInBlocks(length) && onlineSoftmaxOf(op);
      if (row && !ShapedType::isDynamic(length))
        found = ChainedRows{(*loops)[*row].loop, isOnline ? keysOfBlock : length};
    }
  });
  return found;
}

// Many rows share columns that are packed for them; a tile's rows stay in L2, with a panel of columns.
static SmallVector<int64_t> chooseChainedTile(ArrayRef<int64_t> workload, ChainedRows rows) {
  constexpr double panel = 32; // columns
  SmallVector<int64_t> tile(workload.size(), 1);
  const double most = bytesOfChain / (4.0 * std::max<int64_t>(1, rows.length)) - panel;
  tile[rows.loop] = part(workload[rows.loop], std::clamp(most, 24.0, 256.0), 8);
  return tile;
}

// An input that is contiguous along another loop than the output is read in square blocks.
static std::optional<unsigned> turnedLoop(linalg::LinalgOp op) {
  if (op.getNumLoops() != op.getNumParallelLoops() || op.getNumDpsInits() != 1)
    return {};
  AffineMap out = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  if (!out.isIdentity() || out.getNumResults() < 2)
    return {};
  SmallVector<int64_t> extents = op.getStaticLoopRanges();
  for (OpOperand *in : op.getDpsInputOperands()) {
    AffineMap map = op.getMatchingIndexingMap(in);
    if (map.getNumResults() < 2 || !map.isProjectedPermutation())
      continue;
    const unsigned last = map.getDimPosition(map.getNumResults() - 1);
    if (last + 1 != out.getNumResults() && extents[last] != 1 && map.isFunctionOfDim(out.getNumResults() - 1))
      return last;
  }
  return {};
}

// The loop of sums of columns, which are read side by side; none where a row's elements are summed.
static std::optional<unsigned> summedColumns(linalg::LinalgOp op) {
  if (op.getNumReductionLoops() == 0 || op.getNumDpsInits() != 1 || op.getNumDpsInputs() != 1)
    return {};
  AffineMap in = op.getMatchingIndexingMap(op.getDpsInputOperand(0)), out = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  if (in.getNumResults() == 0 || out.getNumResults() == 0 || in.getResults().back() != out.getResults().back())
    return {};
  return out.getNumResults() - 1;
}

static SmallVector<int64_t> chooseByCost(func::FuncOp function, TilingInterface root, unsigned rank) {
  SmallVector<int64_t> workload = extents(root, rank);
  if (std::optional<ChainedRows> rows = chainedRows(function, root); rows && rows->loop < rank)
    return chooseChainedTile(workload, *rows);
  double area = 1, cost = 1;
  for (int64_t extent : workload)
    area *= ShapedType::isDynamic(extent) ? assumedExtent : std::max<int64_t>(1, extent);
  linalg::LinalgOp costliest;
  function.walk([&](linalg::LinalgOp op) {
    // Of equal ones a contraction: its columns may be packed, and are cut between panels alone.
    const double each = volume(op) / area;
    if (!costliest || each > cost || (each == cost && op.getNumReductionLoops() > costliest.getNumReductionLoops()))
      costliest = op;
    cost = std::max(cost, each);
  });
  std::optional<BlockDims> dims;
  std::optional<unsigned> columns;
  if (costliest)
    if (std::optional<SmallVector<PooledDim>> pooled = loopsOfRoot(costliest, root)) {
      Pools pools(*pooled, workload);
      SmallVector<unsigned> loops = llvm::map_to_vector(*pooled, [](PooledDim dim) { return dim.loop; });
      if (winogradOf(costliest))
        return pools.windowsOf(chooseWinogradTile(costliest, loops, pools.positions));
      if ((dims = blockDims(costliest))) {
        dims->moveTo(loops);
        return pools.windowsOf(chooseContractionTile(pools.positions, *dims, cost / pools.each));
      }
      if ((columns = summedColumns(costliest)))
        columns = loops[*columns];
    }
  double room = std::max(1.0, iterationsOfWorkgroup / cost);
  SmallVector<int64_t> tile(rank, 0);
  if (columns && *columns < rank) {
    tile[*columns] = part(workload[*columns], ShapedType::isDynamic(workload[*columns]) ? std::min(room, mostColumns) : room, columnsOfBlock);
    room = std::max(1.0, room / tile[*columns]);
  }
  if (auto rootOp = dyn_cast<linalg::LinalgOp>(root.getOperation()))
    if (std::optional<unsigned> turned = turnedLoop(rootOp); turned && *turned < rank) {
      tile[*turned] = part(workload[*turned], 64, 16);
      room = std::max(1.0, room / tile[*turned]);
    }
  return tileOfRoom(workload, room, tile);
}

// Packed columns are read in whole panels from a panel's begin (takeWholePanels), whatever the tile was chosen for.
static void cutBetweenPanels(func::FuncOp function, TilingInterface root, SmallVectorImpl<int64_t> &tile) {
  SmallVector<int64_t> workload = extents(root, tile.size());
  function.walk([&](linalg::LinalgOp op) {
    std::optional<SmallVector<PooledDim>> loops;
    for (AffineMap map : op.getIndexingMapsArray()) {
      std::optional<Panel> panel = panelOf(map);
      if (!panel || (!loops && !(loops = loopsOfRoot(op, root))))
        continue;
      AffineMap out = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
      std::optional<unsigned> at = out.getResultPosition(getAffineDimExpr(panel->loop, op.getContext()));
      const unsigned loop = at ? (*loops)[*at].loop : tile.size();
      if (loop < tile.size() && tile[loop] % panel->width && (ShapedType::isDynamic(workload[loop]) || tile[loop] < workload[loop]))
        tile[loop] = llvm::alignTo(tile[loop], panel->width);
    }
  });
}

SmallVector<int64_t> halcyon::chooseTile(func::FuncOp function, TilingInterface root, unsigned rank) {
  SmallVector<int64_t> tile = chooseByCost(function, root, rank);
  cutBetweenPanels(function, root, tile);
  return tile;
}

// Inner dimensions first, so that what is contiguous stays whole.
SmallVector<int64_t> halcyon::chooseCopyTile(RankedTensorType source, unsigned rank) {
  Type element = source.getElementType();
  double room = bytesOfCopy / (element.isIndex() ? 8 : (element.getIntOrFloatBitWidth() + 7) / 8);
  for (int64_t extent : source.getShape().drop_front(rank))
    room /= ShapedType::isDynamic(extent) ? assumedExtent : std::max<int64_t>(1, extent);
  ArrayRef<int64_t> workload = source.getShape().take_front(rank);
  SmallVector<int64_t> tile(rank);
  for (int64_t i = rank - 1; i >= 0; --i) {
    room = std::max(1.0, room);
    // An unknown extent may turn out small: it leaves room to the dimensions outside of it.
    const bool outermost = llvm::all_of(workload.take_front(i), [](int64_t extent) { return extent == 1; });
    const double guess = i + 1 == source.getRank() ? 1024 : assumedExtent;
    tile[i] = part(workload[i], ShapedType::isDynamic(workload[i]) && !outermost ? std::min(room, guess) : room, 1);
    room /= tile[i];
  }
  return tile;
}
