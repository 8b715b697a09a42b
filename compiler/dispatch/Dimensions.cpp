#include "dispatch/Dimensions.h"

#include "dialect/dispatch/Dispatch.h"
#include "dialect/nn/Nn.h"
#include "dispatch/Grouping.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Affine/Utils.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"

using namespace mlir;
using namespace halcyon::dispatch;

// Reification speaks affine; the host computes in arith.
static OpFoldResult expanded(OpFoldResult size) {
  auto value = dyn_cast<Value>(size);
  auto apply = value ? value.getDefiningOp<affine::AffineApplyOp>() : affine::AffineApplyOp();
  if (!apply)
    return size;
  OpBuilder builder(apply);
  Value result = (*affine::expandAffineMap(builder, apply.getLoc(), apply.getMap(), apply.getOperands()))[0];
  apply.replaceAllUsesWith(result);
  apply.erase();
  return result;
}

void halcyon::dispatch::expandAffine(Operation *root) {
  SmallVector<affine::AffineApplyOp> all;
  root->walk([&](affine::AffineApplyOp apply) { all.push_back(apply); });
  for (affine::AffineApplyOp apply : all)
    expanded(apply.getResult());
}

OpFoldResult Dimensions::of(Value tensor, int64_t axis) {
  auto type = cast<RankedTensorType>(tensor.getType());
  if (!type.isDynamicDim(axis))
    return Builder(tensor.getContext()).getIndexAttr(type.getDimSize(axis));
  auto &dims = known[tensor];
  dims.resize(type.getRank());
  if (dims[axis])
    return dims[axis];
  OpFoldResult size = compute(tensor, axis);
  return known[tensor][axis] = size; // `dims` may have moved
}

OpFoldResult Dimensions::compute(Value tensor, int64_t axis) {
  OpBuilder builder(tensor.getContext());
  builder.setInsertionPointAfterValue(tensor);
  Location loc = tensor.getLoc();
  auto type = cast<RankedTensorType>(tensor.getType());
  Operation *op = tensor.getDefiningOp();
  if (auto empty = dyn_cast_or_null<tensor::EmptyOp>(op))
    return empty.getDynamicSize(axis);
  if (auto view = dyn_cast_or_null<tensor::CastOp>(op))
    return of(view.getSource(), axis);
  if (auto bytes = dyn_cast_or_null<halcyon::nn::ReinterpretOp>(op))
    return bytes.getSize(axis);
  if (auto launch = dyn_cast_or_null<LaunchOp>(op))
    return of(launch.getOuts()[mlir::cast<OpResult>(tensor).getResultNumber()], axis);
  if (auto expand = dyn_cast_or_null<tensor::ExpandShapeOp>(op))
    return getMixedValues(expand.getStaticOutputShape(), expand.getOutputShape(), builder)[axis];
  if (auto collapse = dyn_cast_or_null<tensor::CollapseShapeOp>(op)) {
    builder.setInsertionPoint(op);
    Value product;
    const ReassociationIndices parts = collapse.getReassociationIndices()[axis];
    for (int64_t part : parts) {
      OpFoldResult size = of(collapse.getSrc(), part);
      if (isConstantIntValue(size, 1))
        continue;
      Value factor = getValueOrCreateConstantIndexOp(builder, loc, size);
      product = product ? builder.create<arith::MulIOp>(loc, product, factor).getResult() : factor;
    }
    return product ? OpFoldResult(product) : builder.getIndexAttr(1);
  }
  if (auto style = dyn_cast_or_null<DestinationStyleOpInterface>(op))
    return of(style.getTiedOpOperand(mlir::cast<OpResult>(tensor))->get(), axis);
  // Nothing inside a loop that becomes a kernel changes a shape.
  if (auto loop = dyn_cast_or_null<scf::ForOp>(op); loop && isDeviceOp(loop))
    return of(loop.getInits()[mlir::cast<OpResult>(tensor).getResultNumber()], axis);
  if (auto loop = dyn_cast_or_null<scf::WhileOp>(op); loop && isDeviceOp(loop))
    if (unsigned number = mlir::cast<OpResult>(tensor).getResultNumber();
        number < loop.getInits().size() && loop.getInits()[number].getType() == type)
      return of(loop.getInits()[number], axis);
  if (auto reify = dyn_cast_or_null<ReifyRankedShapedTypeOpInterface>(op)) {
    builder.setInsertionPoint(op);
    ReifiedRankedShapedTypeDims shapes;
    if (succeeded(reify.reifyResultShapes(builder, shapes)))
      return expanded(shapes[mlir::cast<OpResult>(tensor).getResultNumber()][axis]);
    builder.setInsertionPointAfterValue(tensor);
  }
  return builder.create<tensor::DimOp>(loc, tensor, axis).getResult();
}

SmallVector<Value> Dimensions::dynamic(Value tensor) {
  auto type = cast<RankedTensorType>(tensor.getType());
  SmallVector<Value> values;
  for (int64_t axis = 0; axis < type.getRank(); ++axis) {
    if (!type.isDynamicDim(axis))
      continue;
    OpFoldResult size = of(tensor, axis);
    if (auto value = dyn_cast<Value>(size)) {
      values.push_back(value);
      continue;
    }
    // The type forgot what a cast's source knew.
    OpBuilder builder(tensor.getContext());
    builder.setInsertionPointAfterValue(tensor);
    Value constant = builder.create<arith::ConstantOp>(tensor.getLoc(), cast<IntegerAttr>(cast<Attribute>(size)));
    known[tensor][axis] = constant;
    values.push_back(constant);
  }
  return values;
}
