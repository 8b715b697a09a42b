#include "dialect/nn/LinalgBuilders.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include <functional>

using namespace mlir;

namespace halcyon {

Value emptyTensor(ImplicitLocOpBuilder &b, ArrayRef<OpFoldResult> dims, Type element) {
  return b.create<tensor::EmptyOp>(dims, element);
}

Value filledLike(ImplicitLocOpBuilder &b, Value init, Value scalar) {
  return b.create<linalg::FillOp>(ValueRange{scalar}, ValueRange{init}).getResult(0);
}

Value filledTensor(ImplicitLocOpBuilder &b, ArrayRef<OpFoldResult> dims, Value scalar) {
  return filledLike(b, emptyTensor(b, dims, scalar.getType()), scalar);
}

Value constantIndex(ImplicitLocOpBuilder &b, int64_t value) {
  return b.create<arith::ConstantIndexOp>(value);
}

Value constantFloat(ImplicitLocOpBuilder &b, Type type, double value) {
  return b.create<arith::ConstantOp>(b.getFloatAttr(type, value));
}

SmallVector<utils::IteratorType> parallelIterators(size_t count) {
  return SmallVector<utils::IteratorType>(count, utils::IteratorType::parallel);
}

Value generic(ImplicitLocOpBuilder &b, ValueRange inputs, Value init, ArrayRef<AffineMap> maps,
              ArrayRef<utils::IteratorType> iterators, Body body) {
  auto op = b.create<linalg::GenericOp>(init.getType(), inputs, init, maps, iterators,
                                        [&](OpBuilder &nested, Location loc, ValueRange arguments) {
                                          ImplicitLocOpBuilder inner(loc, nested);
                                          Value element = body(inner, arguments);
                                          inner.create<linalg::YieldOp>(element);
                                        });
  return op.getResult(0);
}

Value generate(ImplicitLocOpBuilder &b, Value init,
               llvm::function_ref<Value(ImplicitLocOpBuilder &, ArrayRef<Value>)> body) {
  auto rank = static_cast<unsigned>(cast<RankedTensorType>(init.getType()).getRank());
  return generic(b, {}, init, {b.getMultiDimIdentityMap(rank)}, parallelIterators(rank),
                 [&](ImplicitLocOpBuilder &inner, ValueRange) {
                   SmallVector<Value> indices;
                   for (unsigned axis = 0; axis < rank; ++axis)
                     indices.push_back(inner.create<linalg::IndexOp>(axis));
                   return body(inner, indices);
                 });
}

Value accumulate(ImplicitLocOpBuilder &b, ArrayRef<Value> extents, Value start,
                 llvm::function_ref<Value(ImplicitLocOpBuilder &, ArrayRef<Value>, Value)> step) {
  SmallVector<Value> at;
  std::function<Value(ImplicitLocOpBuilder &, Value)> nest = [&](ImplicitLocOpBuilder &outer,
                                                                 Value total) -> Value {
    if (at.size() == extents.size())
      return step(outer, at, total);
    auto loop = outer.create<scf::ForOp>(
        constantIndex(outer, 0), extents[at.size()], constantIndex(outer, 1), total,
        [&](OpBuilder &nested, Location loc, Value index, ValueRange carried) {
          ImplicitLocOpBuilder inner(loc, nested);
          at.push_back(index);
          Value next = nest(inner, carried[0]);
          at.pop_back();
          inner.create<scf::YieldOp>(next);
        });
    return loop.getResult(0);
  };
  return nest(b, start);
}

Value guardedExtract(ImplicitLocOpBuilder &b, Value inside, Value source, ValueRange indices,
                     Value outside) {
  auto branch = b.create<scf::IfOp>(
      inside,
      [&](OpBuilder &nested, Location loc) {
        Value element = nested.create<tensor::ExtractOp>(loc, source, indices);
        nested.create<scf::YieldOp>(loc, element);
      },
      [&](OpBuilder &nested, Location loc) { nested.create<scf::YieldOp>(loc, outside); });
  return branch.getResult(0);
}

// Whether `dim` is the extent of `value` along `axis`, asked for anywhere.
static bool isExtent(OpFoldResult dim, Value value, int64_t axis) {
  auto asked = dyn_cast<Value>(dim) ? cast<Value>(dim).getDefiningOp<tensor::DimOp>() : tensor::DimOp();
  return asked && asked.getSource() == value && asked.getConstantIndex() == axis;
}

Value padded(ImplicitLocOpBuilder &b, Value source, ArrayRef<OpFoldResult> low,
             ArrayRef<OpFoldResult> dims, Value outside) {
  auto type = cast<RankedTensorType>(source.getType());
  SmallVector<OpFoldResult> sourceDims = tensor::getMixedSizes(b, b.getLoc(), source);
  Value init = emptyTensor(b, dims, type.getElementType());
  return generate(b, init, [&](ImplicitLocOpBuilder &inner, ArrayRef<Value> indices) {
    Value inside;
    auto require = [&](arith::CmpIPredicate predicate, Value left, Value right) {
      Value holds = inner.create<arith::CmpIOp>(predicate, left, right);
      inside = inside ? inner.create<arith::AndIOp>(inside, holds).getResult() : holds;
    };
    SmallVector<Value> at;
    for (auto [axis, index] : llvm::enumerate(indices)) {
      if (isConstantIntValue(low[axis], 0) && (isEqualConstantIntOrValue(dims[axis], sourceDims[axis]) ||
                                               isExtent(dims[axis], source, static_cast<int64_t>(axis)))) {
        at.push_back(index);
        continue;
      }
      Value shift = getValueOrCreateConstantIndexOp(inner, inner.getLoc(), low[axis]);
      Value extent = getValueOrCreateConstantIndexOp(inner, inner.getLoc(), sourceDims[axis]);
      // One unsigned comparison tests both ends.
      at.push_back(inner.create<arith::SubIOp>(index, shift));
      require(arith::CmpIPredicate::ult, at.back(), extent);
    }
    if (!inside)
      return inner.create<tensor::ExtractOp>(source, at).getResult();
    return guardedExtract(inner, inside, source, at, outside);
  });
}

} // namespace halcyon
