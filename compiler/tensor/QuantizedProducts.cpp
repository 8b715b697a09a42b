#include "tensor/QuantizedProducts.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace halcyon;

static constexpr int64_t fewestPlanes = 2;     // of four: of one, the products of floats are as many
static constexpr int64_t mostProducts = 32768; // of an element: with a bias of 2^30 their sum fits 32 bits

static bool isProductOf(Value value, Value left, Value right) {
  Operation *op = value.getDefiningOp();
  return isa_and_nonnull<arith::MulFOp, arith::MulIOp>(op) &&
         ((op->getOperand(0) == left && op->getOperand(1) == right) || (op->getOperand(0) == right && op->getOperand(1) == left));
}

// sum + left * right
static bool sumsProducts(linalg::GenericOp op) {
  Block *body = op.getBody();
  Operation *sum = body->getTerminator()->getOperand(0).getDefiningOp();
  if (body->getOperations().size() != 3 || !isa_and_nonnull<arith::AddFOp, arith::AddIOp>(sum))
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
  Contraction made{op, 1 - right, right, {}, false};
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

std::optional<Contraction> halcyon::byteContraction(linalg::GenericOp op, unsigned right) {
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
  if ((!made.planes && extents[made.loops.depth] % 4) || products > mostProducts || extents[made.loops.columns] < 2)
    return {};
  return made;
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

std::optional<Left> halcyon::leftOf(Value value, Block *block, bool planes) {
  Left left;
  while (Operation *op = value.getDefiningOp()) {
    if (op->getBlock() != block)
      return {};
    if (isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp, tensor::CastOp>(op)) {
      left.views.push_back(op);
      value = op->getOperand(0);
      continue;
    }
    auto generic = dyn_cast<linalg::GenericOp>(op);
    tensor::ExtractOp extract;
    if (!left.padding && left.views.empty() && generic && padsWithZero(generic, planes, extract, left.channel)) {
      left.padding = generic;
      value = extract.getTensor();
      continue;
    }
    if (!isElementwise(generic))
      return {};
    left.producer = generic;
    return left;
  }
  return {};
}

// Whether a value in the body comes from inputs of one element alone; the operations on the way, in their order.
static bool isOfAll(Value value, linalg::GenericOp op, llvm::SetVector<Operation *> &slice) {
  if (auto argument = dyn_cast<BlockArgument>(value))
    return argument.getOwner() == op.getBody() && argument.getArgNumber() < op.getNumDpsInputs() &&
           op.getMatchingIndexingMap(op.getDpsInputOperand(argument.getArgNumber())).getNumResults() == 0;
  Operation *made = value.getDefiningOp();
  if (made->getBlock() != op.getBody() || slice.contains(made))
    return true; // a constant around it
  if (made->getNumRegions() || made->getNumResults() != 1 || isa<linalg::IndexOp, tensor::ExtractOp>(made))
    return false;
  for (Value operand : made->getOperands())
    if (!isOfAll(operand, op, slice))
      return false;
  slice.insert(made);
  return true;
}

// A zero point that is known at the call: an unsigned byte, widened.
static bool isByteOfAll(Value value, linalg::GenericOp op) {
  llvm::SetVector<Operation *> slice;
  if (!isOfAll(value, op, slice))
    return false;
  auto argument = dyn_cast<BlockArgument>(value);
  Operation *made = argument ? nullptr : value.getDefiningOp();
  if (argument) // of a dequantisation that this pass made
    if (auto zero = op.getDpsInputs()[argument.getArgNumber()].getDefiningOp<linalg::GenericOp>())
      made = zero.getBody()->getTerminator()->getOperand(0).getDefiningOp();
  return isa_and_nonnull<arith::ExtUIOp>(made) && made->getOperand(0).getType().isInteger(8);
}

Value halcyon::tensorOf(Value value, linalg::GenericOp op, RewriterBase &rewriter) {
  if (auto argument = dyn_cast<BlockArgument>(value))
    return op.getDpsInputs()[argument.getArgNumber()];
  llvm::SetVector<Operation *> slice;
  (void)isOfAll(value, op, slice);
  SmallVector<Value> inputs;
  SmallVector<BlockArgument> arguments;
  for (BlockArgument argument : op.getBody()->getArguments().take_front(op.getNumDpsInputs()))
    if (llvm::any_of(argument.getUsers(), [&](Operation *user) { return slice.contains(user); })) {
      arguments.push_back(argument);
      inputs.push_back(op.getDpsInputs()[argument.getArgNumber()]);
    }
  rewriter.setInsertionPoint(op);
  Value init = rewriter.create<tensor::EmptyOp>(op.getLoc(), ArrayRef<int64_t>(), value.getType());
  SmallVector<AffineMap> maps(inputs.size() + 1, AffineMap::get(rewriter.getContext()));
  auto made = rewriter.create<linalg::GenericOp>(
      op.getLoc(), init.getType(), inputs, init, maps, ArrayRef<utils::IteratorType>(), [&](OpBuilder &b, Location at, ValueRange in) {
        IRMapping mapping;
        mapping.map(arguments, in.drop_back());
        for (Operation *each : slice)
          b.clone(*each, mapping);
        b.create<linalg::YieldOp>(at, mapping.lookup(value));
      });
  return made.getResult(0);
}

std::optional<Uniform> halcyon::uniformOf(const Dequantized &form, linalg::GenericOp producer) {
  Uniform made;
  IntegerAttr zero;
  FloatAttr scale;
  if (form.zero && matchPattern(form.zero, m_Constant(&zero)))
    made.zero = static_cast<int32_t>(zero.getInt());
  else if (form.zero && !form.isSigned && isByteOfAll(form.zero, producer))
    made.zeroAtRun = form.zero;
  else if (form.zero)
    return {};
  if (form.scale) {
    if (!matchPattern(form.scale, m_Constant(&scale)) || !scale.getValue().isFinite())
      return {};
    made.scale = static_cast<float>(scale.getValueAsDouble());
    made.hasScale = true;
  }
  made.zero += form.isSigned ? 128 : 0;
  return made.zero >= 0 && made.zero <= 255 ? std::optional(made) : std::nullopt;
}

Value halcyon::bytesOf(linalg::GenericOp op, const Dequantized &form) {
  auto argument = dyn_cast<BlockArgument>(form.byte);
  if (form.isSigned || !argument || argument.getOwner() != op.getBody())
    return {};
  OpOperand *in = op.getDpsInputOperand(argument.getArgNumber());
  return op.getMatchingIndexingMap(in).isIdentity() ? in->get() : Value();
}

Value halcyon::dequantize(ImplicitLocOpBuilder &b, const Uniform &form, ValueRange in, Type type) {
  Value wide = b.create<arith::ExtUIOp>(b.getI32Type(), in[0]);
  if (form.zeroAtRun)
    wide = b.create<arith::SubIOp>(wide, in[1]);
  else if (form.zero)
    wide = b.create<arith::SubIOp>(wide, b.create<arith::ConstantIntOp>(form.zero, 32));
  if (type.isInteger(32))
    return wide;
  Value number = b.create<arith::SIToFPOp>(type, wide);
  if (!form.hasScale)
    return number;
  return b.create<arith::MulFOp>(number, b.create<arith::ConstantOp>(b.getF32FloatAttr(form.scale)));
}
