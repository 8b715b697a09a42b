#include "codegen/cpu/winograd/WinogradPlan.h"
#include "codegen/cpu/Padding.h"

using namespace mlir;
using namespace halcyon;

static constexpr int64_t bytesWithFilter = 384 << 10; // of a block's scratch, where the filter stays in L2 beside it
static constexpr int64_t bytesAlone = 768 << 10;      // where it comes from further away: the more tiles use it, the better
static constexpr int64_t tilesOfWorkgroup = 14;       // at least, where there are as many
static constexpr int64_t tilesOfUnknown = 4; // along a width that is not known
static constexpr int64_t leastWorkgroups = 4, leastColumns = 64; // channels are shared out only where rows are too few

nn::WinogradOp halcyon::winogradOf(linalg::LinalgOp op) {
  auto generic = dyn_cast<linalg::GenericOp>(op.getOperation());
  return generic ? dyn_cast<nn::WinogradOp>(generic.getBody()->front()) : nn::WinogradOp();
}

std::optional<WinogradLoops> halcyon::winogradLoops(linalg::LinalgOp op) {
  AffineMap out = op.getMatchingIndexingMap(op.getDpsInitOperand(0)), in = op.getIndexingMapsArray()[0];
  std::optional<Panel> panel = panelOf(op.getIndexingMapsArray()[1]);
  if (!panel || panel->width != 16 || !isa<AffineConstantExpr>(op.getIndexingMapsArray()[1].getResult(0)))
    return {};
  WinogradLoops loops;
  loops.out = panel->loop;
  unsigned windows = 0, channels = 0;
  SmallVector<utils::IteratorType> types = op.getIteratorTypesArray();
  for (AffineExpr expr : in.getResults()) {
    auto dim = dyn_cast<AffineDimExpr>(expr);
    if (dim && types[dim.getPosition()] == utils::IteratorType::parallel)
      continue; // of a batch
    std::optional<Window> window = windowOf(op, expr);
    if (dim && op.getIndexingMapsArray()[1].isFunctionOfDim(dim.getPosition())) {
      loops.in = dim.getPosition();
      ++channels;
    } else if (window && windows < 2 && window->dilation == 1 && (!window->parallel || window->stride == 1)) {
      loops.positions[windows] = window->parallel;
      loops.kernel[windows++] = window->reduction;
    } else if (!isa<AffineConstantExpr>(expr)) {
      return {};
    }
  }
  SmallVector<int64_t> extents = op.getStaticLoopRanges();
  if (windows != 2 || channels != 1 || op.getNumReductionLoops() != 3 || extents[loops.kernel[0]] != 3 ||
      extents[loops.kernel[1]] != 3 || ShapedType::isDynamic(extents[loops.in]) ||
      !out.isProjectedPermutation(/*allowZeroInResults=*/true))
    return {};
  return loops;
}

int64_t halcyon::winogradBlock(int64_t tiles, int64_t tile, int64_t in, int64_t out, int64_t columns) {
  const int64_t positions = (tile + 2) * (tile + 2);
  const int64_t budget = positions * in * out * 4 <= (640 << 10) ? bytesWithFilter : bytesAlone;
  const int64_t most = std::clamp<int64_t>(budget / (positions * 4 * (in + columns)), 4, 64);
  const int64_t blocks = std::max<int64_t>(1, (tiles + most - 1) / most);
  return (tiles + blocks - 1) / blocks;
}

SmallVector<int64_t> halcyon::chooseWinogradTile(linalg::LinalgOp op, ArrayRef<unsigned> places,
                                                    ArrayRef<int64_t> workload) {
  const int64_t tile = winogradOf(op).getTile();
  SmallVector<int64_t> sizes(workload.size(), 1);
  AffineMap out = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  SmallVector<int64_t> extents = op.getStaticLoopRanges();
  std::optional<WinogradLoops> loops = winogradLoops(op);
  int64_t groups = 1, across = 1;
  auto placeOf = [&](std::optional<unsigned> loop) -> std::optional<unsigned> {
    std::optional<unsigned> place = loop ? out.getResultPosition(getAffineDimExpr(*loop, op.getContext())) : std::nullopt;
    return place && places[*place] < workload.size() ? std::optional(places[*place]) : std::nullopt;
  };
  if (!loops)
    return SmallVector<int64_t>(workload.size(), 0xffffffff);
  auto tilesAlong = [&](unsigned place) { return std::max<int64_t>(1, (workload[place] + tile - 1) / tile); };
  if (auto columns = placeOf(loops->positions[1])) {
    const bool known = !ShapedType::isDynamic(workload[*columns]);
    across = known ? tilesAlong(*columns) : tilesOfUnknown;
    sizes[*columns] = known ? workload[*columns] : across * tile;
  }
  if (auto rows = placeOf(loops->positions[0]); rows && ShapedType::isDynamic(workload[*rows])) {
    groups = leastWorkgroups;
    sizes[*rows] = (tilesOfWorkgroup + across - 1) / across * tile;
  } else if (rows) {
    const int64_t down = tilesAlong(*rows);
    const int64_t each = std::clamp<int64_t>((tilesOfWorkgroup + across - 1) / across, 1, down);
    groups = (down + each - 1) / each;
    sizes[*rows] = std::min(workload[*rows], (down + groups - 1) / groups * tile);
  }
  if (auto channels = placeOf(loops->out)) {
    int64_t part = extents[loops->out];
    for (; groups < leastWorkgroups && part % 32 == 0 && part / 2 >= leastColumns; part /= 2)
      groups *= 2;
    sizes[*channels] = part;
  }
  return sizes;
}
