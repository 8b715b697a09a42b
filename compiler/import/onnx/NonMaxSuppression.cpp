#include "import/onnx/Compose.h"
#include "import/onnx/Elementwise.h"
#include "import/onnx/OpTable.h"
#include "import/onnx/Order.h"
#include "import/onnx/Reshape.h"
#include "import/onnx/Scalar.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace halcyon::onnx {
namespace {

using Part = Composer::Part;

// The boxes of each batch and class in the order of their scores; each is chosen that overlaps none of the chosen too
// much. Then the choices become rows [batch, class, box].
class Suppression {
public:
  explicit Suppression(NodeContext &node) : node(node), b(node.b), with(node) {}

  LogicalResult run() {
    if (failed(check()))
      return failure();
    boxes = node.value(0);
    scores = node.value(1);
    Dims dims{node.in(1).dims[0], node.in(1).dims[1], rounds};
    classes = dims[1];
    OpFoldResult rows = mul(b, dims[0], dims[1]), count = node.in(1).dims[2];
    Value order = firstInOrder(b, rows, count, count, [&](ImplicitLocOpBuilder &at, Value row, Value left, Value right) {
      return comesBefore(at, row, left, right);
    });
    Value chosen = accumulate(b, {asValue(b, rows)}, emptyTensor(b, {rows, rounds}, b.getI64Type()),
                              [&](ImplicitLocOpBuilder &inner, ArrayRef<Value> row, Value tensor) {
                                return choose(inner, row[0], order, tensor);
                              });
    chosen.getDefiningOp()->setAttr("halcyon.rows", b.getUnitAttr());
    return setRows(reshapeTensor(b, chosen, {rows, rounds}, dims), dims);
  }

private:
  LogicalResult check() {
    centred = node.intAttr("center_point_box", 0) != 0;
    for (size_t i : {0, 1})
      if (node.rank(i) != 3 || node.in(i).dataType != DataType::f32)
        return node.error() << "input '" << node.node.inputs[i]
                            << "' must have 3 dimensions of f32";
    const Dims &ofBoxes = node.in(0).dims, &ofScores = node.in(1).dims;
    if (failed(node.requireSame(ofBoxes[0], ofScores[0], "the batches of boxes and scores")) ||
        failed(node.requireSame(ofBoxes[1], ofScores[2], "the numbers of boxes and scores")) ||
        failed(node.requireSame(ofBoxes[2], fixed(b, 4), "a box's corners")))
      return failure();
    OpFoldResult most = fixed(b, 0);
    if (node.has(2)) {
      FailureOr<Dims> given = node.indices(2, "max_output_boxes_per_class");
      if (failed(given))
        return failure();
      if (given->size() != 1)
        return node.error() << "max_output_boxes_per_class has " << given->size() << " elements";
      most = given->front();
    }
    rounds = max(b, min(b, most, node.in(1).dims[2]), fixed(b, 0));
    for (size_t i : {3, 4}) {
      if (!node.has(i))
        continue;
      if (node.in(i).numElements() != 1 || node.in(i).dataType != DataType::f32)
        return node.error() << "input '" << node.node.inputs[i] << "' must be one f32";
      (i == 3 ? overlap : least) = node.graph.elementsOf(b, node.in(i)).front();
    }
    if (!overlap)
      overlap = constantFloat(b, b.getF32Type(), 0);
    return success();
  }

  struct Box {
    Value low[2], high[2]; // y, x
  };

  Box boxAt(ImplicitLocOpBuilder &at, Value batch, Value index) {
    SmallVector<Value> parts;
    for (int64_t i = 0; i < 4; ++i)
      parts.push_back(
          at.create<tensor::ExtractOp>(boxes, ValueRange{batch, index, constantIndex(at, i)}));
    Box made;
    for (int axis : {0, 1}) {
      if (centred) { // x, y, width, height
        Value middle = parts[1 - axis];
        Value half = mulScalars(at, parts[3 - axis], constantFloat(at, at.getF32Type(), 0.5));
        made.low[axis] = subScalars(at, middle, half);
        made.high[axis] = addScalars(at, middle, half);
      } else { // two corners, either first
        made.low[axis] = at.create<arith::MinimumFOp>(parts[axis], parts[axis + 2]);
        made.high[axis] = at.create<arith::MaximumFOp>(parts[axis], parts[axis + 2]);
      }
    }
    return made;
  }

  // Whether the intersection over the union is more than the limit.
  Value overlaps(ImplicitLocOpBuilder &at, const Box &left, const Box &right) {
    Value zero = constantFloat(at, at.getF32Type(), 0), common, areas[2];
    for (int axis : {0, 1}) {
      Value low = at.create<arith::MaximumFOp>(left.low[axis], right.low[axis]);
      Value high = at.create<arith::MinimumFOp>(left.high[axis], right.high[axis]);
      Value length = at.create<arith::MaximumFOp>(subScalars(at, high, low), zero);
      common = common ? mulScalars(at, common, length) : length;
      const Box *both[] = {&left, &right};
      for (int which : {0, 1}) {
        Value size = subScalars(at, both[which]->high[axis], both[which]->low[axis]);
        areas[which] = areas[which] ? mulScalars(at, areas[which], size) : size;
      }
    }
    Value whole = subScalars(at, addScalars(at, areas[0], areas[1]), common);
    Value ratio = at.create<arith::DivFOp>(common, whole);
    return at.create<arith::CmpFOp>(arith::CmpFPredicate::OGT, ratio, overlap);
  }

  Value scoreOf(ImplicitLocOpBuilder &at, Value row, Value box) {
    return at.create<tensor::ExtractOp>(
        scores, ValueRange{at.create<arith::DivUIOp>(row, asValue(at, classes)),
                           at.create<arith::RemUIOp>(row, asValue(at, classes)), box});
  }

  // The greater score, then the first box; NaN last.
  Value comesBefore(ImplicitLocOpBuilder &at, Value row, Value left, Value right) {
    Value x = scoreOf(at, row, left), y = scoreOf(at, row, right);
    auto wins = [&](Value one, Value other) -> Value {
      using P = arith::CmpFPredicate;
      Value isNumber = at.create<arith::CmpFOp>(P::ORD, one, one), isNone = at.create<arith::CmpFOp>(P::UNO, other, other);
      Value greater = at.create<arith::CmpFOp>(P::OGT, one, other);
      return at.create<arith::OrIOp>(greater, at.create<arith::AndIOp>(isNumber, isNone));
    };
    Value first = wins(x, y), second = wins(y, x);
    Value isFirst = at.create<arith::CmpIOp>(arith::CmpIPredicate::slt, left, right);
    Value isEqual = at.create<arith::XOrIOp>(at.create<arith::OrIOp>(first, second), at.create<arith::ConstantIntOp>(1, 1));
    return at.create<arith::OrIOp>(first, at.create<arith::AndIOp>(isEqual, isFirst));
  }

  // Writes the boxes that are chosen in a row, then -1.
  Value choose(ImplicitLocOpBuilder &at, Value row, Value order, Value chosen) {
    Value none = at.create<arith::ConstantOp>(at.getI64IntegerAttr(-1)), zero = constantIndex(at, 0);
    Value most = asValue(at, rounds), count = asValue(at, node.in(1).dims[2]);
    chosen = accumulate(at, {most}, chosen, [&](ImplicitLocOpBuilder &deep, ArrayRef<Value> i, Value tensor) -> Value {
      return deep.create<tensor::InsertOp>(none, tensor, ValueRange{row, i[0]});
    });
    SmallVector<Value> start{chosen, zero, zero}; // with how many boxes were looked at, and chosen
    auto loop = at.create<scf::WhileOp>(
        TypeRange(ValueRange(start)), start,
        [&](OpBuilder &nested, Location loc, ValueRange carried) {
          Value isMore = nested.create<arith::CmpIOp>(loc, arith::CmpIPredicate::slt, carried[1], count);
          Value hasRoom = nested.create<arith::CmpIOp>(loc, arith::CmpIPredicate::slt, carried[2], most);
          nested.create<scf::ConditionOp>(loc, nested.create<arith::AndIOp>(loc, isMore, hasRoom), carried);
        },
        [&](OpBuilder &nested, Location loc, ValueRange carried) {
          ImplicitLocOpBuilder inner(loc, nested);
          Value tensor = carried[0], one = constantIndex(inner, 1);
          Value index = inner.create<tensor::ExtractOp>(order, ValueRange{row, carried[1]});
          Value box = inner.create<arith::IndexCastOp>(inner.getIndexType(), index);
          Value isGood = inner.create<arith::ConstantIntOp>(1, 1);
          if (least)
            isGood = inner.create<arith::CmpFOp>(arith::CmpFPredicate::OGT, scoreOf(inner, row, box), least);
          Value isFree = overlapsNone(inner, row, box, tensor, carried[2], isGood);
          tensor = inner.create<tensor::InsertOp>(inner.create<arith::SelectOp>(isFree, index, none), tensor,
                                                  ValueRange{row, carried[2]});
          // After the first one that is not good enough, none is.
          Value next = inner.create<arith::SelectOp>(isGood, inner.create<arith::AddIOp>(carried[1], one), count);
          Value taken = inner.create<arith::IndexCastUIOp>(inner.getIndexType(), isFree);
          inner.create<scf::YieldOp>(ValueRange{tensor, next, inner.create<arith::AddIOp>(carried[2], taken)});
        });
    return loop.getResult(0);
  }

  // Whether the box is good and free of all that are chosen; ends at the first that it overlaps.
  Value overlapsNone(ImplicitLocOpBuilder &at, Value row, Value index, Value chosen, Value taken, Value isGood) {
    Value batch = at.create<arith::DivUIOp>(row, asValue(at, classes));
    Box box = boxAt(at, batch, index);
    SmallVector<Value> start{constantIndex(at, 0), isGood};
    auto loop = at.create<scf::WhileOp>(
        TypeRange(ValueRange(start)), start,
        [&](OpBuilder &nested, Location loc, ValueRange carried) {
          Value isMore = nested.create<arith::CmpIOp>(loc, arith::CmpIPredicate::slt, carried[0], taken);
          nested.create<scf::ConditionOp>(loc, nested.create<arith::AndIOp>(loc, isMore, carried[1]), carried);
        },
        [&](OpBuilder &nested, Location loc, ValueRange carried) {
          ImplicitLocOpBuilder inner(loc, nested);
          Value other = inner.create<arith::IndexCastOp>(
              inner.getIndexType(), inner.create<tensor::ExtractOp>(chosen, ValueRange{row, carried[0]}));
          Value hits = overlaps(inner, box, boxAt(inner, batch, other));
          Value isFree = inner.create<arith::XOrIOp>(hits, inner.create<arith::ConstantIntOp>(1, 1));
          inner.create<scf::YieldOp>(ValueRange{inner.create<arith::AddIOp>(carried[0], constantIndex(inner, 1)), isFree});
        });
    return loop.getResult(1);
  }

  LogicalResult setRows(Value chosen, ArrayRef<OpFoldResult> dims) {
    Part all = with.hold(node.graph.fromTensor(b, chosen, DataType::i64, Dims(dims)));
    Part found = with("GreaterOrEqual", {all, with.scalar(0, DataType::i64)});
    Part places = with("Transpose", {with("NonZero", {found})}); // [rows, 3]: batch, class, round
    Part box = with("Unsqueeze", {with("GatherND", {all, places}), with.ints({1})});
    Part whose = with("Slice", {places, with.ints({0}), with.ints({2}), with.ints({1})});
    return with.define(0, with("Concat", {whose, box}, {attribute("axis", int64_t{1})}));
  }

  NodeContext &node;
  ImplicitLocOpBuilder &b;
  Composer with;
  bool centred = false;
  OpFoldResult rounds, classes;
  Value overlap, least, boxes, scores;
};

LogicalResult importNonMaxSuppression(NodeContext &node) { return Suppression(node).run(); }

} // namespace

ArrayRef<OpImporter> suppressionOps() {
  static const OpImporter list[] = {{"NonMaxSuppression", importNonMaxSuppression, 2, 5}};
  return list;
}

} // namespace halcyon::onnx
