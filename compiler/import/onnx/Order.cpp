#include "import/onnx/Order.h"
#include "import/onnx/Scalar.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace halcyon::onnx {
namespace {

// Places in a row of a tensor: each comes after both that lie below it, so that the last one is at the top.
class Heap {
public:
  Heap(Value row, ComesBefore before) : row(row), before(before) {}

  Value load(ImplicitLocOpBuilder &b, Value tensor, Value at) const {
    return b.create<arith::IndexCastOp>(b.getIndexType(), b.create<tensor::ExtractOp>(tensor, ValueRange{row, at}));
  }
  Value store(ImplicitLocOpBuilder &b, Value tensor, Value at, Value place) const {
    return b.create<tensor::InsertOp>(b.create<arith::IndexCastOp>(b.getI64Type(), place), tensor, ValueRange{row, at});
  }

  // Where `starts` holds, `item` takes the place of what is at `top` and sinks; the first `size` are the heap.
  Value sink(ImplicitLocOpBuilder &b, Value tensor, Value top, Value size, Value item, Value starts) const {
    SmallVector<Value> start{tensor, top, starts};
    auto loop = b.create<scf::WhileOp>(
        TypeRange(ValueRange(start)), start,
        [](OpBuilder &nested, Location loc, ValueRange carried) {
          nested.create<scf::ConditionOp>(loc, carried[2], carried);
        },
        [&](OpBuilder &nested, Location loc, ValueRange carried) {
          ImplicitLocOpBuilder inner(loc, nested);
          inner.create<scf::YieldOp>(step(inner, carried[0], carried[1], size, item));
        });
    return loop.getResult(0);
  }

private:
  // One level down: the later of both below goes up, if it comes after the item; else the item stays here.
  SmallVector<Value> step(ImplicitLocOpBuilder &b, Value tensor, Value at, Value size, Value item) const {
    Value one = constantIndex(b, 1), two = constantIndex(b, 2);
    Value left = b.create<arith::AddIOp>(b.create<arith::MulIOp>(at, two), one);
    Value right = b.create<arith::AddIOp>(left, one);
    Value hasLeft = b.create<arith::CmpIOp>(arith::CmpIPredicate::slt, left, size);
    Value hasRight = b.create<arith::CmpIOp>(arith::CmpIPredicate::slt, right, size);
    left = b.create<arith::SelectOp>(hasLeft, left, at);
    right = b.create<arith::SelectOp>(hasRight, right, left);
    Value leftPlace = load(b, tensor, left), rightPlace = load(b, tensor, right);
    Value rightIsLater = before(b, row, leftPlace, rightPlace);
    Value below = b.create<arith::SelectOp>(rightIsLater, right, left);
    Value place = b.create<arith::SelectOp>(rightIsLater, rightPlace, leftPlace);
    Value sinks = b.create<arith::AndIOp>(hasLeft, before(b, row, item, place));
    Value made = store(b, tensor, at, b.create<arith::SelectOp>(sinks, place, item));
    return {made, b.create<arith::SelectOp>(sinks, below, at), sinks};
  }

  Value row;
  ComesBefore before;
};

Value loopFrom(ImplicitLocOpBuilder &b, Value from, Value to, Value tensor,
               llvm::function_ref<Value(ImplicitLocOpBuilder &, Value at, Value tensor)> step) {
  auto loop = b.create<scf::ForOp>(from, to, constantIndex(b, 1), tensor,
                                   [&](OpBuilder &nested, Location loc, Value at, ValueRange carried) {
                                     ImplicitLocOpBuilder inner(loc, nested);
                                     inner.create<scf::YieldOp>(step(inner, at, carried[0]));
                                   });
  return loop.getResult(0);
}

} // namespace

Value lessWithNan(ImplicitLocOpBuilder &b, Value left, Value right, DataType type) {
  Value less = compareScalars(b, Comparison::less, left, right, type);
  if (!isFloat(type))
    return less;
  Value rightIsNan = b.create<arith::CmpFOp>(arith::CmpFPredicate::UNO, right, right);
  Value leftIsNumber = b.create<arith::CmpFOp>(arith::CmpFPredicate::ORD, left, left);
  return b.create<arith::OrIOp>(less, b.create<arith::AndIOp>(leftIsNumber, rightIsNan));
}

Value firstInOrder(ImplicitLocOpBuilder &b, OpFoldResult rows, OpFoldResult extent, OpFoldResult count,
                   ComesBefore before) {
  Value all = asValue(b, extent), wanted = asValue(b, count);
  Value zero = constantIndex(b, 0), one = constantIndex(b, 1), two = constantIndex(b, 2);
  Value size = b.createOrFold<arith::MinSIOp>(all, wanted);
  Value half = b.create<arith::DivUIOp>(size, two);
  // With no heap, nothing is compared to its top.
  Value isEmpty = b.create<arith::CmpIOp>(arith::CmpIPredicate::eq, size, zero);
  Value end = b.create<arith::SelectOp>(isEmpty, zero, all);
  Value yes = b.create<arith::ConstantIntOp>(1, 1);
  Value start = emptyTensor(b, {rows, count}, b.getI64Type());
  Value made = loopFrom(b, zero, asValue(b, rows), start, [&](ImplicitLocOpBuilder &inner, Value row, Value tensor) {
    Heap heap(row, before);
    tensor = loopFrom(inner, zero, wanted, tensor, [&](ImplicitLocOpBuilder &deep, Value at, Value made) {
      Value has = deep.create<arith::CmpIOp>(arith::CmpIPredicate::slt, at, size);
      return heap.store(deep, made, at, deep.create<arith::SelectOp>(has, at, zero));
    });
    tensor = loopFrom(inner, zero, half, tensor, [&](ImplicitLocOpBuilder &deep, Value at, Value made) {
      Value top = deep.create<arith::SubIOp>(deep.create<arith::SubIOp>(half, one), at);
      return heap.sink(deep, made, top, size, heap.load(deep, made, top), yes);
    });
    tensor = loopFrom(inner, size, end, tensor, [&](ImplicitLocOpBuilder &deep, Value at, Value made) {
      Value isIn = before(deep, row, at, heap.load(deep, made, zero));
      return heap.sink(deep, made, zero, size, at, isIn);
    });
    // The top is the last of what is left: it goes behind it.
    return loopFrom(inner, one, size, tensor, [&](ImplicitLocOpBuilder &deep, Value at, Value made) {
      Value last = deep.create<arith::SubIOp>(size, at), item = heap.load(deep, made, last);
      made = heap.store(deep, made, last, heap.load(deep, made, zero));
      return heap.sink(deep, made, zero, last, item, yes);
    });
  });
  made.getDefiningOp()->setAttr("halcyon.rows", b.getUnitAttr());
  return made;
}

} // namespace halcyon::onnx
