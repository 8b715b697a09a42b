#include "import/onnx/Compose.h"
#include "import/onnx/Elementwise.h"
#include "import/onnx/OpTable.h"
#include "import/onnx/Reshape.h"
#include "import/onnx/Scalar.h"
#include "import/onnx/ThroughF32.h"

using namespace mlir;

namespace halcyon::onnx {
namespace {

// A matrix operand while its dims are changed step by step.
struct Operand {
  Value tensor;
  Dims dims;

  void reshape(ImplicitLocOpBuilder &b, Dims to) {
    tensor = reshapeTensor(b, tensor, dims, to);
    dims = std::move(to);
  }
};

Value zeroFilled(ImplicitLocOpBuilder &b, ArrayRef<OpFoldResult> dims, Type element) {
  return filledTensor(b, dims, b.create<arith::ConstantOp>(b.getZeroAttr(element)));
}

LogicalResult checkInner(NodeContext &node, OpFoldResult left, OpFoldResult right) {
  std::optional<int64_t> l = known(left), r = known(right);
  if (l && r && l != r)
    return node.error() << "the inner dimensions differ: " << *l << " and " << *r;
  return success();
}

// Batches that broadcast: one generic, each operand read where its batch is.
Value broadcastMatMul(ImplicitLocOpBuilder &b, const Operand &left, const Operand &right,
                      ArrayRef<OpFoldResult> batch, Type element) {
  auto batchRank = static_cast<unsigned>(batch.size());
  unsigned count = batchRank + 3;
  AffineExpr m = b.getAffineDimExpr(batchRank), n = b.getAffineDimExpr(batchRank + 1),
             k = b.getAffineDimExpr(batchRank + 2);
  auto mapOf = [&](ArrayRef<OpFoldResult> own, AffineExpr row, AffineExpr column) {
    AffineMap spread = broadcastMap(b.getContext(), own, batch);
    SmallVector<AffineExpr> exprs(spread.getResults());
    exprs.append({row, column});
    return AffineMap::get(count, 0, exprs, b.getContext());
  };
  Dims dims(batch);
  dims.push_back(left.dims[left.dims.size() - 2]);
  dims.push_back(right.dims.back());
  SmallVector<utils::IteratorType> iterators = parallelIterators(count);
  iterators.back() = utils::IteratorType::reduction;
  return generic(b, {left.tensor, right.tensor}, zeroFilled(b, dims, element),
                 {mapOf(ArrayRef(left.dims).drop_back(2), m, k),
                  mapOf(ArrayRef(right.dims).drop_back(2), k, n), mapOf(batch, m, n)},
                 iterators, [](ImplicitLocOpBuilder &inner, ValueRange x) {
                   return addScalars(inner, x[2], mulScalars(inner, x[0], x[1]));
                 });
}

// Sums of small types are made in f32, as the standard's reference does.
bool needsWiderSums(NodeContext &node) {
  DataType type = node.in(0).dataType;
  return isFloat(type) && bitsOf(type) < 32 && node.in(1).dataType == type;
}

LogicalResult importMatMul(NodeContext &node) {
  ImplicitLocOpBuilder &b = node.b;
  if (needsWiderSums(node)) {
    Composer with(node);
    Composer::Part made = with("MatMul", {with.cast(with.input(0), DataType::f32),
                                          with.cast(with.input(1), DataType::f32)});
    return with.define(0, with.cast(made, node.in(0).dataType));
  }
  Type element = node.in(0).element;
  if (node.in(0).dataType != node.in(1).dataType || isBool(node.in(0).dataType))
    return node.error() << "element types " << nameOf(node.in(0).dataType) << " and "
                        << nameOf(node.in(1).dataType) << " are not supported";
  Operand left{node.value(0), node.in(0).dims}, right{node.value(1), node.in(1).dims};
  if (left.dims.empty() || right.dims.empty())
    return node.error() << "a scalar is not a matrix";
  // A vector is a row on the left and a column on the right.
  bool dropRow = left.dims.size() == 1, dropColumn = right.dims.size() == 1;
  if (dropRow)
    left.reshape(b, {fixed(b, 1), left.dims[0]});
  if (dropColumn)
    right.reshape(b, {right.dims[0], fixed(b, 1)});
  if (failed(node.requireSame(left.dims.back(), right.dims[right.dims.size() - 2],
                              "the inner dimensions")))
    return failure();

  Imported leftBatch, rightBatch;
  leftBatch.dims.assign(left.dims.begin(), left.dims.end() - 2);
  rightBatch.dims.assign(right.dims.begin(), right.dims.end() - 2);
  FailureOr<Dims> batch = broadcastDims(node, {&leftBatch, &rightBatch});
  if (failed(batch))
    return failure();
  OpFoldResult m = left.dims[left.dims.size() - 2], k = left.dims.back(), n = right.dims.back();
  Dims dims = *batch;
  dims.append({m, n});

  auto fits = [&](const Imported &own) {
    if (own.dims.size() != batch->size())
      return false;
    for (auto [have, want] : llvm::zip(own.dims, *batch))
      if (known(have) == 1 && known(want) != 1)
        return false;
    return true;
  };
  Value made;
  if (rightBatch.dims.empty()) {
    // One matrix on the right: the left one's batches are more rows.
    Dims leading = leftBatch.dims;
    leading.push_back(m);
    OpFoldResult rows = product(b, leading);
    left.reshape(b, {rows, k});
    Dims flat{rows, n};
    made = b.create<linalg::MatmulOp>(ValueRange{left.tensor, right.tensor},
                                      ValueRange{zeroFilled(b, flat, element)})
               .getResult(0);
    made = reshapeTensor(b, made, flat, dims);
  } else if (fits(leftBatch) && fits(rightBatch)) {
    for (auto [l, r] : llvm::zip(leftBatch.dims, rightBatch.dims))
      requireEqual(b, l, r);
    OpFoldResult count = product(b, *batch);
    left.reshape(b, {count, m, k});
    right.reshape(b, {count, k, n});
    Dims flat{count, m, n};
    made = b.create<linalg::BatchMatmulOp>(ValueRange{left.tensor, right.tensor},
                                           ValueRange{zeroFilled(b, flat, element)})
               .getResult(0);
    made = reshapeTensor(b, made, flat, dims);
  } else {
    made = broadcastMatMul(b, left, right, *batch, element);
  }
  Dims result = *batch;
  if (!dropRow)
    result.push_back(m);
  if (!dropColumn)
    result.push_back(n);
  node.set(0, reshapeTensor(b, made, dims, result), node.in(0).dataType, result);
  return success();
}

// Integers, whose factors must be integers, too.
LogicalResult integerGemm(NodeContext &node, double alpha, double beta, bool turnLeft,
                          bool turnRight) {
  Composer with(node);
  DataType type = node.in(0).dataType;
  if (alpha != std::floor(alpha) || beta != std::floor(beta))
    return node.error() << "attributes alpha and beta are " << alpha << " and " << beta
                        << " for integers";
  auto side = [&](size_t index, bool turns) {
    return turns ? with("Transpose", {with.input(index)}) : with.input(index);
  };
  auto times = [&](Composer::Part x, double factor) {
    return factor == 1 ? x : with("Mul", {x, with.scalar(factor, type)});
  };
  Composer::Part made = times(with("MatMul", {side(0, turnLeft), side(1, turnRight)}), alpha);
  if (node.has(2))
    made = with("Add", {made, times(with.input(2), beta)});
  return with.define(0, made);
}

// alpha * A * B + beta * C, where C broadcasts to the result.
LogicalResult importGemm(NodeContext &node) {
  ImplicitLocOpBuilder &b = node.b;
  if (node.opset() < 7)
    node.ignore(AttributeKind::i, {"broadcast"}); // C broadcasts as it does today
  if (hasSmallFloats(node, 0))
    return importThroughF32(node);
  double alpha = node.floatAttr("alpha", 1), beta = node.floatAttr("beta", 1);
  bool turnLeft = node.intAttr("transA", 0) != 0, turnRight = node.intAttr("transB", 0) != 0;
  DataType type = node.in(0).dataType;
  Imported &left = node.in(0), &right = node.in(1);
  if (left.rank() != 2 || right.rank() != 2)
    return node.error() << "expected matrices, got " << left.rank() << " and " << right.rank()
                        << " dimensions";
  if (type == right.dataType && isInteger(type))
    return integerGemm(node, alpha, beta, turnLeft, turnRight);
  if (type != right.dataType || !isFloat(type))
    return node.error() << "element types " << nameOf(type) << " and " << nameOf(right.dataType)
                        << " are not supported";
  OpFoldResult m = left.dims[turnLeft ? 1 : 0], k = left.dims[turnLeft ? 0 : 1];
  OpFoldResult n = right.dims[turnRight ? 0 : 1];
  if (failed(checkInner(node, k, right.dims[turnRight ? 1 : 0])))
    return failure();
  Dims dims{m, n};
  Value a = node.value(0), w = node.value(1);
  if (turnLeft && turnRight) {
    Dims turned{m, k};
    a = b.create<linalg::TransposeOp>(a, emptyTensor(b, turned, left.element),
                                      ArrayRef<int64_t>{1, 0})
            ->getResult(0);
    turnLeft = false;
  }
  Value init = zeroFilled(b, dims, left.element);
  SmallVector<Value> inputs{a, w};
  Operation *matmul = turnRight  ? b.create<linalg::MatmulTransposeBOp>(inputs, init).getOperation()
                      : turnLeft ? b.create<linalg::MatmulTransposeAOp>(inputs, init).getOperation()
                                 : b.create<linalg::MatmulOp>(inputs, init).getOperation();
  Imported product = node.graph.fromTensor(b, matmul->getResult(0), type, dims);
  bool adds = node.has(2) && beta != 0;
  if (!adds && alpha == 1) {
    node.setAs(0, product);
    return success();
  }
  SmallVector<Imported *> operands{&product};
  if (adds) {
    if (node.in(2).rank() > 2)
      return node.error() << "C has " << node.rank(2) << " dimensions";
    operands.push_back(&node.in(2));
  }
  Value made = elementwiseTensor(
      node, operands, dims, left.element, [&](ImplicitLocOpBuilder &inner, ValueRange x) {
        Value total = x[0];
        if (alpha != 1)
          total = mulScalars(inner, total, constantLike(inner, total, alpha));
        if (!adds)
          return total;
        Value more = x[1];
        if (beta != 1)
          more = mulScalars(inner, more, constantLike(inner, more, beta));
        return addScalars(inner, total, more);
      });
  node.set(0, made, type, dims);
  return success();
}

} // namespace

ArrayRef<OpImporter> matMulOps() {
  static const OpImporter list[] = {
      {"Gemm", importGemm, 2, 3},
      {"MatMul", importMatMul, 2, 2},
  };
  return list;
}

} // namespace halcyon::onnx
