#include "tensor/Passes.h"
#include "tensor/StridedConstant.h"

#include "dialect/nn/Nn.h"
#include "dialect/nn/Winograd.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"

#include <array>
#include <cmath>

namespace halcyon {
#define GEN_PASS_DEF_WINOGRAD
#include "tensor/Passes.h.inc"
} // namespace halcyon

using namespace mlir;
using namespace halcyon;

namespace {

constexpr int64_t panelWidth = 16;
constexpr int64_t assumedExtent = 64; // of a height or width that is not known
constexpr double worthItsError = 0.8; // of the time with tiles of 2x2: tiles of 4x4 are less exact
constexpr int64_t leastChannels = 4; // of input or output: fewer never win

// G of g -> G g G^T: a row for each point p, (1, p, p^2) / the product of its distances from the others.
SmallVector<std::array<double, 3>> filterTransform(int64_t tile) {
  SmallVector<double> points{0, 1, -1};
  if (tile == 4)
    points = {0, nn::winogradNear, -nn::winogradNear, nn::winogradFar, -nn::winogradFar};
  SmallVector<std::array<double, 3>> rows;
  for (double point : points) {
    double distances = 1;
    for (double other : points)
      distances *= other == point ? 1 : point - other;
    rows.push_back({1 / distances, point / distances, point * point / distances});
  }
  rows.push_back({0, 0, 1}); // infinity
  return rows;
}

// A 3x3 convolution of stride 1: its loops, and its operands.
struct Convolution {
  linalg::LinalgOp op;
  unsigned input = 0, filter = 1;            // operands
  unsigned kernel[2] = {}, in = 0, out = 0;  // loops: of the kernel's rows and columns, of the channels
  int64_t height = 0, width = 0;             // of the result, or a guess
};

bool isProductSum(linalg::LinalgOp op) {
  Block *body = op.getBlock();
  if (body->getNumArguments() != 3 || !llvm::hasNItems(body->without_terminator(), 2))
    return false;
  auto product = dyn_cast<arith::MulFOp>(body->front());
  auto sum = dyn_cast<arith::AddFOp>(*std::next(body->begin()));
  auto takes = [](Operation *of, Value first, Value second) {
    return (of->getOperand(0) == first && of->getOperand(1) == second) ||
           (of->getOperand(0) == second && of->getOperand(1) == first);
  };
  return product && sum && takes(product, body->getArgument(0), body->getArgument(1)) &&
         takes(sum, product, body->getArgument(2)) && body->getTerminator()->getOperand(0) == sum.getResult();
}

// The parallel and the reduction loop of `h + y`.
std::optional<std::pair<unsigned, unsigned>> windowLoops(linalg::LinalgOp op, AffineExpr expr) {
  auto sum = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!sum || sum.getKind() != AffineExprKind::Add)
    return {};
  auto left = dyn_cast<AffineDimExpr>(sum.getLHS()), right = dyn_cast<AffineDimExpr>(sum.getRHS());
  if (!left || !right)
    return {};
  SmallVector<utils::IteratorType> types = op.getIteratorTypesArray();
  if (types[left.getPosition()] != utils::IteratorType::parallel)
    std::swap(left, right);
  if (types[left.getPosition()] != utils::IteratorType::parallel ||
      types[right.getPosition()] != utils::IteratorType::reduction)
    return {};
  return std::pair(left.getPosition(), right.getPosition());
}

// The result is [n..., h, w, o], the input [n..., h + y, w + x, i], channels last; the filter is any order of o, y, x, i.
std::optional<Convolution> convolutionOf(linalg::LinalgOp op) {
  if (!op.hasPureTensorSemantics() || op.getNumReductionLoops() != 3 || op.getNumDpsInputs() != 2 ||
      op.getNumDpsInits() != 1 || !isProductSum(op))
    return {};
  AffineMap out = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  SmallVector<int64_t> extents = op.getStaticLoopRanges();
  Convolution conv{op};
  if (maps[0].isProjectedPermutation())
    std::swap(conv.input, conv.filter);
  AffineMap in = maps[conv.input], filter = maps[conv.filter];
  const unsigned rank = out.getNumResults();
  if (!out.isProjectedPermutation() || !filter.isProjectedPermutation() || rank < 3 || in.getNumResults() != rank ||
      rank != op.getNumParallelLoops() || filter.getNumResults() != 4)
    return {};
  for (Value operand : op->getOperands())
    if (!getElementTypeOrSelf(operand).isF32())
      return {};
  for (unsigned i = 0; i + 3 < rank; ++i)
    if (in.getResult(i) != out.getResult(i))
      return {};
  for (unsigned i = 0; i < 2; ++i) {
    auto loops = windowLoops(op, in.getResult(rank - 3 + i));
    if (!loops || loops->first != out.getDimPosition(rank - 3 + i) || extents[loops->second] != 3)
      return {};
    conv.kernel[i] = loops->second;
  }
  auto channel = dyn_cast<AffineDimExpr>(in.getResult(rank - 1));
  conv.out = out.getDimPosition(rank - 1);
  if (!channel || op.getIteratorTypesArray()[channel.getPosition()] != utils::IteratorType::reduction)
    return {};
  conv.in = channel.getPosition();
  for (unsigned loop : {conv.kernel[0], conv.kernel[1], conv.in, conv.out})
    if (!filter.isFunctionOfDim(loop))
      return {};
  conv.height = extents[out.getDimPosition(rank - 3)], conv.width = extents[out.getDimPosition(rank - 2)];
  for (int64_t *extent : {&conv.height, &conv.width})
    if (ShapedType::isDynamic(*extent))
      *extent = assumedExtent;
  for (int64_t extent : {conv.height, conv.width, extents[conv.in], extents[conv.out]})
    if (ShapedType::isDynamic(extent) || extent == 0)
      return {};
  return conv;
}

// What one image costs, in multiply-adds; codegen/cpu/winograd/README.md has the measurements behind the numbers.
double costOf(const Convolution &conv, int64_t in, int64_t out, int64_t tile) {
  const int64_t columns = llvm::alignTo(out, panelWidth);
  auto fetched = [&](int64_t elements) { // of the filter, each once; a small one is in L2
    const double weights = double(elements) * in * columns;
    return weights > (1 << 18) ? 10 * weights : 0;
  };
  if (tile == 0)
    return 9.0 * in * columns * conv.height * conv.width + fetched(9);
  const int64_t positions = (tile + 2) * (tile + 2);
  const int64_t tiles = llvm::divideCeil(conv.height, tile) * llvm::divideCeil(conv.width, tile);
  const double products = double(tiles) * positions * in * columns;
  const double transforms = 14.0 * tiles * positions * (llvm::alignTo(in, panelWidth) + columns);
  return products + transforms + fetched(positions);
}

struct Winograd : halcyon::impl::WinogradBase<Winograd> {
  using WinogradBase::WinogradBase;

  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    SmallVector<linalg::LinalgOp> ops;
    getOperation().walk([&](linalg::LinalgOp op) { ops.push_back(op); });
    for (linalg::LinalgOp op : ops) {
      if (op->hasAttr("halcyon.whole")) // sums that are exact as they are (halcyon-integer-contractions)
        continue;
      if (std::optional<Convolution> conv = convolutionOf(op))
        rewrite(*conv, rewriter);
    }
  }

  // The tile that wins; 0: none.
  int64_t chooseTile(const Convolution &conv) {
    SmallVector<int64_t> extents = linalg::LinalgOp(conv.op).getStaticLoopRanges();
    const int64_t in = extents[conv.in], out = extents[conv.out];
    if (in < leastChannels || out < leastChannels)
      return 0;
    if (tile != 0)
      return tile;
    const double direct = costOf(conv, in, out, 0), small = costOf(conv, in, out, 2), large = costOf(conv, in, out, 4);
    if (fast && large < std::min(direct, small * worthItsError))
      return 4;
    return small < direct ? 2 : 0;
  }

  void rewrite(const Convolution &conv, IRRewriter &rewriter) {
    linalg::LinalgOp op = conv.op;
    std::optional<StridedConstant> filter = stridedConstant(op.getDpsInputs()[conv.filter]);
    const int64_t tile = filter ? chooseTile(conv) : 0;
    if (tile == 0)
      return;
    rewriter.setInsertionPoint(op);
    Location loc = op.getLoc();
    Value transformed = transform(conv, *filter, tile, rewriter);
    if (!transformed)
      return;
    Value window = rewriter.create<tensor::EmptyOp>(loc, ArrayRef<int64_t>{3, 3}, rewriter.getF32Type());
    SmallVector<AffineMap> maps = op.getIndexingMapsArray();
    auto dim = [&](unsigned loop) { return rewriter.getAffineDimExpr(loop); };
    auto map = [&](ArrayRef<AffineExpr> results) { return AffineMap::get(op.getNumLoops(), 0, results, &getContext()); };
    AffineMap panels = map({rewriter.getAffineConstantExpr(0), dim(conv.out).floorDiv(panelWidth), dim(conv.in),
                            dim(conv.out) % panelWidth});
    Value sums = op.getDpsInits()[0];
    auto made = rewriter.create<linalg::GenericOp>(
        loc, sums.getType(), ValueRange{op.getDpsInputs()[conv.input], transformed, window}, sums,
        ArrayRef<AffineMap>{maps[conv.input], panels, map({dim(conv.kernel[0]), dim(conv.kernel[1])}), maps.back()},
        op.getIteratorTypesArray(), [&](OpBuilder &b, Location at, ValueRange arguments) {
          Value sum = b.create<nn::WinogradOp>(at, b.getF32Type(), arguments[0], arguments[1], arguments[3],
                                               b.getI64IntegerAttr(tile));
          b.create<linalg::YieldOp>(at, sum);
        });
    rewriter.replaceOp(op, made.getResults());
  }

  // [a * a, O / 16, I, 16], zeros beyond the last column. Null where the filter holds what is not finite.
  Value transform(const Convolution &conv, const StridedConstant &filter, int64_t tile, IRRewriter &rewriter) {
    linalg::LinalgOp op = conv.op;
    SmallVector<int64_t> extents = op.getStaticLoopRanges();
    const int64_t in = extents[conv.in], out = extents[conv.out], a = tile + 2;
    AffineMap map = op.getIndexingMapsArray()[conv.filter];
    auto stride = [&](unsigned loop) { return filter.strides[*map.getResultPosition(rewriter.getAffineDimExpr(loop))]; };
    const int64_t yStep = stride(conv.kernel[0]), xStep = stride(conv.kernel[1]), inStep = stride(conv.in),
                  outStep = stride(conv.out);
    const int64_t panels = (out + panelWidth - 1) / panelWidth;
    auto type = RankedTensorType::get({a * a, panels, in, panelWidth}, filter.element);
    AsmResourceBlob blob = HeapAsmResourceBlob::allocate(type.getNumElements() * sizeof(float), 64, /*dataIsMutable=*/true);
    auto *to = reinterpret_cast<float *>(blob.getMutableData().data());
    std::fill_n(to, type.getNumElements(), 0.0f);
    const SmallVector<std::array<double, 3>> rows = filterTransform(tile);
    for (int64_t o = 0; o < out; ++o)
      for (int64_t i = 0; i < in; ++i) {
        double g[3][3], half[6][3];
        for (int64_t y = 0; y < 3; ++y)
          for (int64_t x = 0; x < 3; ++x) {
            float weight;
            std::memcpy(&weight, filter.bytes.data() + (o * outStep + i * inStep + y * yStep + x * xStep) * int64_t(sizeof(float)),
                        sizeof(float));
            if (!std::isfinite(weight))
              return {};
            g[y][x] = weight;
          }
        for (int64_t r = 0; r < a; ++r)
          for (int64_t x = 0; x < 3; ++x)
            half[r][x] = rows[r][0] * g[0][x] + rows[r][1] * g[1][x] + rows[r][2] * g[2][x];
        for (int64_t r = 0; r < a; ++r)
          for (int64_t c = 0; c < a; ++c)
            to[(((r * a + c) * panels + o / panelWidth) * in + i) * panelWidth + o % panelWidth] = static_cast<float>(
                half[r][0] * rows[c][0] + half[r][1] * rows[c][1] + half[r][2] * rows[c][2]);
      }
    const std::string name = (filter.name.empty() ? "constant" : filter.name.str()) + ".winograd" + std::to_string(tile);
    Attribute made = DenseResourceElementsAttr::get(type, name, std::move(blob));
    return rewriter.create<arith::ConstantOp>(op.getLoc(), type, cast<TypedAttr>(made));
  }
};

} // namespace
