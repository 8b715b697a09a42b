#include "tensor/StridedConstant.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;
using namespace halcyon;

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
  constant.strides.resize(constant.shape.size(), 0);
  int64_t step = splat ? 0 : 1;
  for (size_t axis = constant.shape.size(); axis-- > 0; step *= constant.shape[axis])
    constant.strides[axis] = step;
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

static std::optional<StridedConstant> collapsed(StridedConstant constant, tensor::CollapseShapeOp op) {
  SmallVector<int64_t> shape(op.getResultType().getShape()), strides;
  for (ReassociationIndices &group : op.getReassociationIndices()) {
    int64_t step = 0, extent = 1; // of the dimensions so far, innermost first
    for (int64_t dim : llvm::reverse(group)) {
      if (constant.shape[dim] == 1)
        continue;
      if (extent != 1 && constant.strides[dim] != step * extent)
        return {}; // not adjacent
      if (extent == 1)
        step = constant.strides[dim];
      extent *= constant.shape[dim];
    }
    strides.push_back(step);
  }
  constant.shape = shape, constant.strides = strides;
  return constant;
}

// A generic or transpose that gives each element another place.
static std::optional<StridedConstant> moved(linalg::LinalgOp op) {
  if (op.getNumDpsInputs() != 1 || op.getNumDpsInits() != 1 || !llvm::hasSingleElement(*op.getBlock()) ||
      op.getBlock()->getTerminator()->getOperand(0) != op.getBlock()->getArgument(0) ||
      op.getNumLoops() != op.getNumParallelLoops())
    return {};
  AffineMap in = op.getIndexingMapsArray()[0], out = op.getIndexingMapsArray()[1];
  if (!in.isProjectedPermutation() || !out.isIdentity())
    return {};
  std::optional<StridedConstant> constant = stridedConstant(op.getDpsInputs()[0]);
  auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType());
  if (!constant || !type || !type.hasStaticShape())
    return {};
  SmallVector<int64_t> strides(type.getRank(), 0);
  for (unsigned axis = 0; axis < in.getNumResults(); ++axis)
    strides[in.getDimPosition(axis)] = constant->strides[axis];
  constant->strides = strides;
  constant->shape.assign(type.getShape().begin(), type.getShape().end());
  return constant;
}

std::optional<StridedConstant> halcyon::stridedConstant(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  Operation *op = value.getDefiningOp();
  if (!type || !type.hasStaticShape() || !op)
    return {};
  if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    auto elements = dyn_cast<ElementsAttr>(constant.getValue());
    return elements ? ofAttribute(elements) : std::nullopt;
  }
  if (auto cast = dyn_cast<tensor::CastOp>(op))
    return stridedConstant(cast.getSource());
  if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op)) {
    std::optional<StridedConstant> source = stridedConstant(expand.getSrc());
    return source ? expanded(*source, expand) : std::nullopt;
  }
  if (auto collapse = dyn_cast<tensor::CollapseShapeOp>(op)) {
    std::optional<StridedConstant> source = stridedConstant(collapse.getSrc());
    return source ? collapsed(*source, collapse) : std::nullopt;
  }
  if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op))
    return moved(linalgOp);
  return {};
}
