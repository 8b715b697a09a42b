// Where maxima of windows are, and back.
#include "import/onnx/PoolIndices.h"
#include "import/onnx/OpTable.h"
#include "import/onnx/Scalar.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace halcyon::onnx {
namespace {

// The position in a space of `extents` that is counted by rows.
SmallVector<Value> positionOf(ImplicitLocOpBuilder &b, Value flat, ArrayRef<OpFoldResult> extents) {
  SmallVector<Value> at(extents.size());
  for (size_t axis = extents.size(); axis-- > 0;) {
    Value extent = asValue(b, extents[axis]);
    at[axis] = b.create<arith::RemSIOp>(flat, extent);
    flat = b.create<arith::DivSIOp>(flat, extent);
  }
  return at;
}

// Its number, counted by rows or by columns.
Value numberOf(ImplicitLocOpBuilder &b, ArrayRef<Value> at, ArrayRef<OpFoldResult> extents,
               bool byColumns) {
  Value made = constantIndex(b, 0);
  for (size_t i = 0; i < at.size(); ++i) {
    size_t axis = byColumns ? at.size() - 1 - i : i;
    made = b.create<arith::MulIOp>(made, asValue(b, extents[axis]));
    made = b.create<arith::AddIOp>(made, at[axis]);
  }
  return made;
}

} // namespace

void setPoolIndices(NodeContext &node, const Window &window, ArrayRef<OpFoldResult> dims,
                    bool byColumns) {
  ImplicitLocOpBuilder &b = node.b;
  Imported &input = node.in(0);
  Value source = node.value(0);
  ArrayRef<OpFoldResult> extents = ArrayRef(input.dims).drop_front(2);
  Value made = generate(
      b, emptyTensor(b, dims, b.getI64Type()),
      [&](ImplicitLocOpBuilder &inner, ArrayRef<Value> at) -> Value {
        SmallVector<Value> kernel;
        for (int64_t extent : window.kernel)
          kernel.push_back(constantIndex(inner, extent));
        auto read = [&](ImplicitLocOpBuilder &deep, ArrayRef<Value> place) {
          SmallVector<Value> from{at[0], at[1]};
          llvm::append_range(from, place);
          return deep.create<tensor::ExtractOp>(source, from).getResult();
        };
        // The number by rows of the first greatest element, -1 before there is any.
        Value best = accumulate(
            inner, kernel, constantIndex(inner, -1),
            [&](ImplicitLocOpBuilder &deep, ArrayRef<Value> k, Value before) -> Value {
              Value zero = constantIndex(deep, 0), inside = deep.create<arith::ConstantIntOp>(1, 1);
              SmallVector<Value> place;
              for (auto [i, tap] : llvm::enumerate(k)) {
                Value x =
                    deep.create<arith::MulIOp>(at[2 + i], constantIndex(deep, window.strides[i]));
                Value step =
                    deep.create<arith::MulIOp>(tap, constantIndex(deep, window.dilations[i]));
                x = deep.create<arith::AddIOp>(x, step);
                x = deep.create<arith::SubIOp>(x, constantIndex(deep, window.padLow[i]));
                Value extent = asValue(deep, extents[i]);
                Value after = deep.create<arith::CmpIOp>(arith::CmpIPredicate::sge, x, zero);
                Value within = deep.create<arith::CmpIOp>(arith::CmpIPredicate::slt, x, extent);
                inside =
                    deep.create<arith::AndIOp>(inside, deep.create<arith::AndIOp>(after, within));
                // What is outside reads the nearest element, and does not count.
                Value last = deep.create<arith::SubIOp>(extent, constantIndex(deep, 1));
                place.push_back(
                    deep.create<arith::MaxSIOp>(deep.create<arith::MinSIOp>(x, last), zero));
              }
              Value isFirst = deep.create<arith::CmpIOp>(arith::CmpIPredicate::slt, before, zero);
              Value known = deep.create<arith::MaxSIOp>(before, zero);
              Value greater =
                  compareScalars(deep, Comparison::greater, read(deep, place),
                                 read(deep, positionOf(deep, known, extents)), input.dataType);
              Value takes = deep.create<arith::OrIOp>(greater, isFirst);
              takes = deep.create<arith::AndIOp>(takes, inside);
              return deep.create<arith::SelectOp>(takes, numberOf(deep, place, extents, false),
                                                  before);
            });
        best = inner.create<arith::MaxSIOp>(best, constantIndex(inner, 0));
        Value plane = inner.create<arith::MulIOp>(at[0], asValue(inner, input.dims[1]));
        plane = inner.create<arith::AddIOp>(plane, at[1]);
        plane = inner.create<arith::MulIOp>(plane, asValue(inner, product(inner, extents)));
        if (byColumns)
          best = numberOf(inner, positionOf(inner, best, extents), extents, true);
        best = inner.create<arith::AddIOp>(plane, best);
        return inner.create<arith::IndexCastOp>(inner.getI64Type(), best);
      });
  node.set(1, made, DataType::i64, Dims(dims));
}

namespace {

// Elements back where indices say that they came from, 0 elsewhere.
LogicalResult importMaxUnpool(NodeContext &node) {
  ImplicitLocOpBuilder &b = node.b;
  Imported &input = node.in(0), &indices = node.in(1);
  auto kernel = node.intsAttr("kernel_shape");
  if (input.rank() < 3 || !kernel || static_cast<int64_t>(kernel->size()) != input.rank() - 2)
    return node.error() << "attribute 'kernel_shape' must have one value a spatial dimension";
  if (indices.dataType != DataType::i64 || indices.rank() != input.rank())
    return node.error() << "the indices must be i64, and like the input";
  FailureOr<Window> window = windowOf(node, *kernel, input.dims);
  if (failed(window))
    return failure();
  // The extents that the pool's input had, which the indices are about.
  Dims counted{input.dims[0], input.dims[1]};
  for (size_t i = 0; i < kernel->size(); ++i) {
    int64_t stride = window->strides[i];
    int64_t more = (*kernel)[i] - stride - window->padLow[i] - window->padHigh[i];
    counted.push_back(add(b, mul(b, input.dims[i + 2], fixed(b, stride)), fixed(b, more)));
  }
  Dims dims = counted;
  if (node.has(2)) {
    FailureOr<Dims> given = node.indices(2, "output_shape");
    if (failed(given))
      return failure();
    if (given->size() != dims.size())
      return node.error() << "output_shape has " << given->size() << " values";
    dims = *given;
  }
  Value source = node.value(0), places = node.value(1);
  Dims spatial(input.dims.begin() + 2, input.dims.end());
  Value made = generate(
      b, emptyTensor(b, dims, input.element), [&](ImplicitLocOpBuilder &inner, ArrayRef<Value> at) {
        Value own = inner.create<arith::IndexCastOp>(inner.getI64Type(),
                                                     numberOf(inner, at, counted, false));
        Value inside = inner.create<arith::ConstantIntOp>(1, 1);
        for (auto [place, extent] : llvm::zip(at, counted))
          inside = inner.create<arith::AndIOp>(
              inside, inner.create<arith::CmpIOp>(arith::CmpIPredicate::slt, place,
                                                  asValue(inner, extent)));
        for (int axis : {0, 1}) // of the input, too
          inside = inner.create<arith::AndIOp>(
              inside, inner.create<arith::CmpIOp>(arith::CmpIPredicate::slt, at[axis],
                                                  asValue(inner, input.dims[axis])));
        // Where there is nothing to find, nothing is looked at.
        SmallVector<Value> extents = asValues(inner, spatial);
        extents[0] = inner.create<arith::SelectOp>(inside, extents[0], constantIndex(inner, 0));
        Value zero = inner.create<arith::ConstantOp>(inner.getZeroAttr(input.element));
        return accumulate(inner, extents, zero,
                          [&](ImplicitLocOpBuilder &deep, ArrayRef<Value> k, Value found) -> Value {
                            SmallVector<Value> from{at[0], at[1]};
                            llvm::append_range(from, k);
                            Value place = deep.create<tensor::ExtractOp>(places, from);
                            Value hits =
                                deep.create<arith::CmpIOp>(arith::CmpIPredicate::eq, place, own);
                            return deep.create<arith::SelectOp>(
                                hits, deep.create<tensor::ExtractOp>(source, from), found);
                          });
      });
  node.set(0, made, input.dataType, dims);
  return success();
}

} // namespace

ArrayRef<OpImporter> unpoolOps() {
  static const OpImporter list[] = {{"MaxUnpool", importMaxUnpool, 2, 3}};
  return list;
}

} // namespace halcyon::onnx
