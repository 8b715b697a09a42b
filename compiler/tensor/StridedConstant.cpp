#include "tensor/StridedConstant.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Analysis/FlatLinearValueConstraints.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;
using namespace halcyon;

SmallVector<int64_t> halcyon::contiguousStrides(ArrayRef<int64_t> shape) {
  SmallVector<int64_t> strides(shape.size());
  int64_t step = 1;
  for (size_t axis = shape.size(); axis-- > 0; step *= shape[axis])
    strides[axis] = step;
  return strides;
}

void halcyon::copyElements(const StridedConstant &constant, char *to, ArrayRef<int64_t> strides) {
  const int64_t size = constant.element.getIntOrFloatBitWidth() / 8;
  int64_t elements = 1;
  for (int64_t extent : constant.shape)
    elements *= extent;
  SmallVector<int64_t> at(constant.shape.size(), 0);
  int64_t from = 0, place = 0;
  for (int64_t i = 0; i < elements; ++i) {
    std::memcpy(to + place * size, constant.bytes.data() + from * size, size);
    for (size_t axis = at.size(); axis-- > 0;) {
      from += constant.strides[axis];
      place += strides[axis];
      if (++at[axis] < constant.shape[axis])
        break;
      from -= constant.strides[axis] * constant.shape[axis];
      place -= strides[axis] * constant.shape[axis];
      at[axis] = 0;
    }
  }
}

void halcyon::visitElements(const StridedConstant &constant, function_ref<void(const char *)> visit) {
  const int64_t size = constant.element.getIntOrFloatBitWidth() / 8;
  SmallVector<int64_t> at(constant.shape.size(), 0);
  int64_t from = 0;
  for (int64_t left = ShapedType::getNumElements(constant.shape); left > 0; --left) {
    visit(constant.bytes.data() + from * size);
    for (size_t axis = at.size(); axis-- > 0;) {
      from += constant.strides[axis];
      if (++at[axis] < constant.shape[axis])
        break;
      from -= constant.strides[axis] * constant.shape[axis];
      at[axis] = 0;
    }
  }
}

static std::optional<StridedConstant> ofAttribute(ElementsAttr value) {
  StridedConstant constant;
  constant.element = value.getElementType();
  llvm::append_range(constant.shape, value.getShapedType().getShape());
  if (!constant.element.isIntOrFloat() || constant.element.getIntOrFloatBitWidth() % 8)
    return {};
  const size_t size = constant.element.getIntOrFloatBitWidth() / 8;
  bool splat = false;
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(value)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    if (!blob)
      return {};
    constant.bytes = blob->getData();
    constant.name = resource.getRawHandle().getKey();
  } else if (auto dense = dyn_cast<DenseElementsAttr>(value)) {
    constant.bytes = dense.getRawData();
    splat = dense.isSplat();
  } else {
    return {};
  }
  constant.whole = constant.bytes.size();
  if (splat)
    constant.strides.resize(constant.shape.size(), 0);
  else
    constant.strides = contiguousStrides(constant.shape);
  const auto elements = static_cast<uint64_t>(splat ? 1 : value.getNumElements());
  return constant.bytes.size() == elements * size ? std::optional(constant) : std::nullopt;
}

static std::optional<StridedConstant> expanded(StridedConstant constant, tensor::ExpandShapeOp op) {
  SmallVector<int64_t> shape(op.getResultType().getShape()), strides(shape.size());
  for (auto [axis, group] : llvm::enumerate(op.getReassociationIndices())) {
    int64_t step = constant.strides[axis];
    for (int64_t dim : llvm::reverse(group)) {
      strides[dim] = step;
      step *= shape[dim];
    }
  }
  constant.shape = shape, constant.strides = strides;
  return constant;
}

// The elements in their order, as an attribute of their own; nothing where they would be more than they are.
static std::optional<StridedConstant> inOrder(const StridedConstant &constant) {
  for (auto [extent, stride] : llvm::zip(constant.shape, constant.strides))
    if (stride == 0 && extent != 1)
      return {};
  auto type = RankedTensorType::get(constant.shape, constant.element);
  const size_t size = constant.element.getIntOrFloatBitWidth() / 8;
  AsmResourceBlob blob = HeapAsmResourceBlob::allocate(type.getNumElements() * size, 64, /*dataIsMutable=*/true);
  copyElements(constant, blob.getMutableData().data(), contiguousStrides(constant.shape));
  const std::string name = (constant.name.empty() ? "constant" : constant.name.str()) + ".moved";
  return ofAttribute(DenseResourceElementsAttr::get(type, name, std::move(blob)));
}

static std::optional<StridedConstant> collapsed(StridedConstant constant, tensor::CollapseShapeOp op) {
  SmallVector<int64_t> shape(op.getResultType().getShape()), strides;
  for (ReassociationIndices &group : op.getReassociationIndices()) {
    int64_t step = 0, extent = 1; // of the dimensions so far, innermost first
    for (int64_t dim : llvm::reverse(group)) {
      if (constant.shape[dim] == 1)
        continue;
      if (extent != 1 && constant.strides[dim] != step * extent) {
        std::optional<StridedConstant> adjacent = inOrder(constant);
        return adjacent ? collapsed(*adjacent, op) : std::nullopt;
      }
      if (extent == 1)
        step = constant.strides[dim];
      extent *= constant.shape[dim];
    }
    strides.push_back(step);
  }
  constant.shape = shape, constant.strides = strides;
  return constant;
}

// The constant as loops over `shape` read it; nothing where a place is no sum of multiples of the loops.
static std::optional<StridedConstant> read(const StridedConstant &constant, AffineMap map, ArrayRef<int64_t> shape) {
  StridedConstant made = constant;
  made.strides.assign(shape.size(), 0);
  made.shape.assign(shape.begin(), shape.end());
  int64_t first = 0;
  for (auto [axis, place] : llvm::enumerate(map.getResults())) {
    SmallVector<int64_t> factors; // of the loops, then a constant
    if (failed(getFlattenedAffineExpr(place, map.getNumDims(), 0, &factors)) || factors.size() != shape.size() + 1)
      return {};
    for (size_t loop = 0; loop < shape.size(); ++loop)
      made.strides[loop] += factors[loop] * constant.strides[axis];
    first += factors.back() * constant.strides[axis];
  }
  const size_t before = first * (constant.element.getIntOrFloatBitWidth() / 8);
  if (before > made.bytes.size())
    return {}; // of no elements
  made.bytes = made.bytes.drop_front(before);
  return made;
}

// The constant as a tensor of `type` has it whose element at the loops is the constant's at `map`.
static std::optional<ComputedConstant> movedBy(Value source, AffineMap map, Type result) {
  std::optional<ComputedConstant> made = computedConstant(source);
  auto type = dyn_cast<RankedTensorType>(result);
  if (!made || !type || !type.hasStaticShape())
    return {};
  for (StridedConstant &constant : made->inputs) {
    std::optional<StridedConstant> next = read(constant, map, type.getShape());
    if (!next)
      return {};
    constant = *next;
  }
  return made;
}

// A generic or transpose that gives each element another place.
static std::optional<ComputedConstant> moved(linalg::LinalgOp op) {
  if (op.getNumDpsInputs() != 1 || op.getNumDpsInits() != 1 || !llvm::hasSingleElement(*op.getBlock()) ||
      op.getBlock()->getTerminator()->getOperand(0) != op.getBlock()->getArgument(0) ||
      op.getNumLoops() != op.getNumParallelLoops() || !op.getIndexingMapsArray()[1].isIdentity())
    return {};
  return movedBy(op.getDpsInputs()[0], op.getIndexingMapsArray()[0], op->getResult(0).getType());
}

// What linalg.index and constants are added and multiplied to; null for anything else.
static AffineExpr placeOf(Value value) {
  if (auto index = value.getDefiningOp<linalg::IndexOp>())
    return getAffineDimExpr(index.getDim(), value.getContext());
  if (std::optional<int64_t> constant = getConstantIntValue(value))
    return getAffineConstantExpr(*constant, value.getContext());
  Operation *op = value.getDefiningOp();
  if (!isa_and_nonnull<arith::AddIOp, arith::SubIOp, arith::MulIOp>(op))
    return {};
  AffineExpr left = placeOf(op->getOperand(0)), right = placeOf(op->getOperand(1));
  if (!left || !right)
    return {};
  if (isa<arith::AddIOp>(op))
    return left + right;
  if (isa<arith::SubIOp>(op))
    return left - right;
  return left.isSymbolicOrConstant() || right.isSymbolicOrConstant() ? left * right : AffineExpr();
}

// A generic that reads nothing but one element of a constant, at a place that the loops give.
static std::optional<ComputedConstant> gathered(linalg::LinalgOp linalgOp) {
  auto op = dyn_cast<linalg::GenericOp>(linalgOp.getOperation());
  if (!op || !op.hasPureTensorSemantics() || op.getNumDpsInits() != 1 || op.getNumDpsInputs() != 0 ||
      op.getNumLoops() != op.getNumParallelLoops() || !op.getIndexingMapsArray()[0].isIdentity())
    return {};
  auto extract = op.getBody()->getTerminator()->getOperand(0).getDefiningOp<tensor::ExtractOp>();
  if (!extract || extract->getBlock() != op.getBody())
    return {};
  SmallVector<AffineExpr> places;
  for (Value index : extract.getIndices()) {
    places.push_back(placeOf(index));
    if (!places.back())
      return {};
  }
  return movedBy(extract.getTensor(), AffineMap::get(op.getNumLoops(), 0, places, op.getContext()), op.getResult(0).getType());
}

// Arithmetic on constants, an element of each for an element of the result.
static std::optional<ComputedConstant> computed(linalg::LinalgOp linalgOp) {
  auto op = dyn_cast<linalg::GenericOp>(linalgOp.getOperation());
  if (!op || !op.hasPureTensorSemantics() || op.getNumDpsInits() != 1 || op.getNumDpsInputs() == 0 ||
      op.getNumLoops() != op.getNumParallelLoops() || op.payloadUsesValueFromOperand(op.getDpsInitOperand(0)) ||
      !op.getMatchingIndexingMap(op.getDpsInitOperand(0)).isIdentity())
    return {};
  for (Operation &inner : op.getBlock()->without_terminator())
    if (!isPure(&inner) || inner.getNumRegions() || isa<linalg::IndexOp>(inner) ||
        llvm::any_of(inner.getOperandTypes(), llvm::IsaPred<TensorType>))
      return {};
  ComputedConstant made{op, {}};
  auto type = cast<RankedTensorType>(op.getResult(0).getType());
  for (OpOperand *input : op.getDpsInputOperands()) {
    AffineMap map = op.getMatchingIndexingMap(input);
    std::optional<StridedConstant> constant = stridedConstant(input->get());
    std::optional<StridedConstant> moved = constant ? read(*constant, map, type.getShape()) : std::nullopt;
    if (!moved)
      return {};
    made.inputs.push_back(*moved);
  }
  return made;
}

std::optional<StridedConstant> halcyon::stridedConstant(Value value) {
  std::optional<ComputedConstant> made = computedConstant(value);
  return made && !made->op ? std::optional(made->inputs.front()) : std::nullopt;
}

template <class View>
static std::optional<ComputedConstant> viewed(Value source, std::optional<StridedConstant> (*view)(StridedConstant, View),
                                              View op) {
  std::optional<ComputedConstant> made = computedConstant(source);
  if (!made)
    return {};
  for (StridedConstant &constant : made->inputs) {
    std::optional<StridedConstant> next = view(constant, op);
    if (!next)
      return {};
    constant = *next;
  }
  return made;
}

std::optional<ComputedConstant> halcyon::computedConstant(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  Operation *op = value.getDefiningOp();
  if (!type || !type.hasStaticShape() || !op)
    return {};
  if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    auto elements = dyn_cast<ElementsAttr>(constant.getValue());
    std::optional<StridedConstant> found = elements ? ofAttribute(elements) : std::nullopt;
    return found ? std::optional(ComputedConstant{nullptr, {*found}}) : std::nullopt;
  }
  if (auto cast = dyn_cast<tensor::CastOp>(op))
    return computedConstant(cast.getSource());
  if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op))
    return viewed(expand.getSrc(), expanded, expand);
  if (auto collapse = dyn_cast<tensor::CollapseShapeOp>(op))
    return viewed(collapse.getSrc(), collapsed, collapse);
  auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
  if (!linalgOp)
    return {};
  if (std::optional<ComputedConstant> made = moved(linalgOp))
    return made;
  if (std::optional<ComputedConstant> made = gathered(linalgOp))
    return made;
  return computed(linalgOp);
}
