#include "tensor/Products.h"
#include "dialect/nn/Nn.h"
#include "tensor/Dequantized.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace halcyon;

static constexpr int64_t fewestPlanes = 2;     // of four: of one, the products of floats are as many
static constexpr int64_t mostProducts = 32768; // of bytes, of an element: with a bias of 2^30 their sum fits 32 bits

static Value beforeWidening(Value value) {
  auto widened = value.getDefiningOp<arith::ExtFOp>();
  return widened ? widened.getIn() : value;
}

static bool isProductOf(Value value, Value left, Value right) {
  Operation *op = value.getDefiningOp();
  if (!isa_and_nonnull<arith::MulFOp, arith::MulIOp>(op))
    return false;
  Value a = beforeWidening(op->getOperand(0)), b = beforeWidening(op->getOperand(1));
  return (a == left && b == right) || (a == right && b == left);
}

// sum + left * right, of floats perhaps widened first
static bool sumsProducts(linalg::GenericOp op) {
  Block *body = op.getBody();
  Operation *sum = body->getTerminator()->getOperand(0).getDefiningOp();
  if (!isa_and_nonnull<arith::AddFOp, arith::AddIOp>(sum))
    return false;
  Value out = body->getArgument(2);
  for (bool turned : {false, true})
    if (sum->getOperand(turned) == out && isProductOf(sum->getOperand(!turned), body->getArgument(0), body->getArgument(1)))
      return true;
  return false;
}

std::optional<Contraction> halcyon::anyContraction(linalg::GenericOp op, unsigned right) {
  if (!op.hasPureTensorSemantics() || op.getNumDpsInputs() != 2 || op.getNumDpsInits() != 1 || !op.getNumReductionLoops() ||
      !sumsProducts(op))
    return {};
  Contraction made{op, 1 - right, right, {}, false, 0};
  AffineMap weights = op.getIndexingMapsArray()[right], out = op.getIndexingMapsArray()[2];
  if (!out.isProjectedPermutation() || !weights.isProjectedPermutation() || out.getNumResults() == 0 ||
      out.getNumResults() != op.getNumParallelLoops())
    return {};
  SmallVector<int64_t> extents = op.getStaticLoopRanges();
  made.loops.columns = out.getDimPosition(out.getNumResults() - 1);
  if (!weights.isFunctionOfDim(made.loops.columns))
    return {};
  for (AffineExpr each : weights.getResults()) {
    const unsigned loop = cast<AffineDimExpr>(each).getPosition();
    if (ShapedType::isDynamic(extents[loop]) || extents[loop] == 0)
      return {};
    if (loop != made.loops.columns)
      made.loops.reductions.push_back(loop);
  }
  return made;
}

// One whose depth can be taken by so many.
static std::optional<Contraction> contractionByWords(linalg::GenericOp op, unsigned right, int64_t inWord) {
  std::optional<Contraction> any = anyContraction(op, right);
  AffineMap left = op.getNumDpsInputs() == 2 ? op.getIndexingMapsArray()[1 - right] : AffineMap();
  if (!any || left.getNumResults() == 0)
    return {};
  Contraction made = *any;
  made.loops.reductions.clear();
  AffineMap weights = op.getIndexingMapsArray()[right];
  SmallVector<int64_t> extents = op.getStaticLoopRanges();
  // The reduction that alone walks a dimension of the left side.
  auto depthOf = [&](unsigned result) -> std::optional<unsigned> {
    auto depth = dyn_cast<AffineDimExpr>(left.getResult(result));
    if (!depth || op.getIteratorTypesArray()[depth.getPosition()] != utils::IteratorType::reduction)
      return {};
    for (unsigned i = 0; i < left.getNumResults(); ++i)
      if (i != result && left.getResult(i).isFunctionOfDim(depth.getPosition()))
        return {};
    return depth.getPosition();
  };
  std::optional<unsigned> depth = depthOf(left.getNumResults() - 1);
  if (!depth) {
    depth = depthOf(0);
    made.planes = true;
    if (!depth || extents[*depth] < fewestPlanes || extents[*depth] > 4)
      return {};
  }
  if (left.isFunctionOfDim(made.loops.columns))
    return {};
  made.loops.depth = *depth;
  int64_t products = 1;
  for (unsigned loop = 0; loop < op.getNumLoops(); ++loop) {
    const bool reduces = op.getIteratorTypesArray()[loop] == utils::IteratorType::reduction;
    if (weights.isFunctionOfDim(loop) != (reduces || loop == made.loops.columns))
      return {};
    if (!reduces)
      continue;
    made.loops.reductions.push_back(loop);
    products *= extents[loop];
  }
  if ((!made.planes && extents[made.loops.depth] % inWord) || extents[made.loops.columns] < 2)
    return {};
  made.products = products;
  return made;
}

std::optional<Contraction> halcyon::byteContraction(linalg::GenericOp op, unsigned right) {
  std::optional<Contraction> made = contractionByWords(op, right, 4);
  return made && made->products <= mostProducts ? made : std::nullopt;
}

std::optional<Contraction> halcyon::pairContraction(linalg::GenericOp op, unsigned right) {
  std::optional<Contraction> made = contractionByWords(op, right, 2);
  return made && !made->planes ? made : std::nullopt;
}

// `if inside then an element of a tensor else zero`, whose depth is the tensor's dimension `channel`.
static bool padsWithZero(linalg::GenericOp op, bool planes, tensor::ExtractOp &extract, unsigned &channel) {
  if (!isElementwise(op) || op.getNumDpsInputs() != 0)
    return false;
  auto branch = op.getBody()->getTerminator()->getOperand(0).getDefiningOp<scf::IfOp>();
  if (!branch || branch->getNumResults() != 1 || !llvm::hasNItems(branch.getThenRegion().front(), 2) ||
      !llvm::hasSingleElement(branch.getElseRegion().front()))
    return false;
  extract = dyn_cast<tensor::ExtractOp>(branch.getThenRegion().front().front());
  Value outside = branch.getElseRegion().front().getTerminator()->getOperand(0);
  if (!extract || branch.getThenRegion().front().getTerminator()->getOperand(0) != extract.getResult() ||
      extract.getIndices().empty() || (!matchPattern(outside, m_AnyZeroFloat()) && !matchPattern(outside, m_Zero())))
    return false;
  auto from = cast<RankedTensorType>(extract.getTensor().getType()), to = cast<RankedTensorType>(op.getResult(0).getType());
  const int64_t depth = planes ? 0 : to.getRank() - 1;
  for (auto [axis, index] : llvm::enumerate(extract.getIndices())) {
    auto position = index.getDefiningOp<linalg::IndexOp>();
    if (!position || static_cast<int64_t>(position.getDim()) != depth || !position->hasOneUse())
      continue;
    channel = axis;
    return !from.isDynamicDim(axis) && from.getDimSize(axis) == to.getDimSize(depth) && (planes || axis + 1 == extract.getIndices().size());
  }
  return false;
}

Left halcyon::sourceOf(Value value, Block *block, bool planes) {
  Left left;
  while (Operation *op = value.getDefiningOp()) {
    if (op->getBlock() != block)
      break;
    auto generic = dyn_cast<linalg::GenericOp>(op);
    tensor::ExtractOp extract;
    if (isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp, tensor::CastOp>(op)) {
      left.views.push_back(op);
      value = op->getOperand(0);
    } else if (!left.padding && left.views.empty() && generic && padsWithZero(generic, planes, extract, left.channel)) {
      left.padding = generic;
      value = extract.getTensor();
    } else {
      break;
    }
  }
  left.source = value;
  return left;
}

std::optional<Left> halcyon::leftOf(Value value, Block *block, bool planes) {
  Left left = sourceOf(value, block, planes);
  left.producer = left.source.getDefiningOp<linalg::GenericOp>();
  if (!left.producer || left.producer->getBlock() != block || !isElementwise(left.producer))
    return {};
  return left;
}

Value halcyon::behindViews(Value tensor, const Left &left, RewriterBase &rewriter) {
  for (Operation *view : llvm::reverse(left.views)) {
    Operation *made = rewriter.clone(*view);
    made->setOperand(0, tensor);
    auto type = cast<RankedTensorType>(view->getResult(0).getType());
    made->getResult(0).setType(type.clone(getElementTypeOrSelf(tensor)));
    tensor = made->getResult(0);
  }
  return tensor;
}

Value halcyon::padded(linalg::GenericOp op, Value source, Value outside, std::optional<std::pair<int64_t, int64_t>> depth,
                    RewriterBase &rewriter) {
  Location loc = op.getLoc();
  Type element = outside.getType();
  Value init = emptyLike(rewriter, op.getResult(0), element);
  if (depth) {
    SmallVector<OpFoldResult> sizes = init.getDefiningOp<tensor::EmptyOp>().getMixedSizes();
    sizes[depth->first] = rewriter.getIndexAttr(depth->second);
    init = rewriter.create<tensor::EmptyOp>(loc, sizes, element);
  }
  auto made = cast<linalg::GenericOp>(rewriter.clone(*op));
  made.getOutputsMutable().assign(init);
  made.getResult(0).setType(cast<RankedTensorType>(init.getType()));
  Block *body = made.getBody();
  body->getArguments().back().setType(element);
  auto branch = body->getTerminator()->getOperand(0).getDefiningOp<scf::IfOp>();
  branch.getResult(0).setType(element);
  auto extract = cast<tensor::ExtractOp>(branch.getThenRegion().front().front());
  extract.getTensorMutable().assign(source);
  extract.getResult().setType(element);
  branch.getElseRegion().front().getTerminator()->setOperand(0, outside);
  return made.getResult(0);
}

Value halcyon::wordsOf(Value tensor, RewriterBase &rewriter) {
  auto type = cast<RankedTensorType>(tensor.getType());
  SmallVector<int64_t> shape(type.getShape());
  SmallVector<Value> sizes;
  for (int64_t axis = 0; axis < type.getRank(); ++axis)
    if (type.isDynamicDim(axis))
      sizes.push_back(rewriter.create<tensor::DimOp>(tensor.getLoc(), tensor, axis));
  shape.back() /= 32 / type.getElementTypeBitWidth();
  return rewriter.create<nn::ReinterpretOp>(tensor.getLoc(), RankedTensorType::get(shape, rewriter.getI32Type()), tensor, sizes);
}

Value halcyon::elementwise(OpBuilder &builder, Location loc, ValueRange inputs, ArrayRef<AffineMap> maps, Type element,
                  function_ref<Value(ImplicitLocOpBuilder &, ValueRange)> body) {
  const auto rank = cast<RankedTensorType>(inputs[0].getType()).getRank();
  SmallVector<AffineMap> all(maps);
  all.push_back(builder.getMultiDimIdentityMap(rank));
  Value init = emptyLike(builder, inputs[0], element);
  SmallVector<utils::IteratorType> iterators(rank, utils::IteratorType::parallel);
  auto made = builder.create<linalg::GenericOp>(
      loc, init.getType(), inputs, init, all, iterators, [&](OpBuilder &nested, Location at, ValueRange arguments) {
        ImplicitLocOpBuilder inner(at, nested);
        inner.create<linalg::YieldOp>(body(inner, arguments));
      });
  return made.getResult(0);
}
