#include "import/onnx/Compose.h"
#include "import/onnx/Elementwise.h"
#include "import/onnx/OpTable.h"
#include "import/onnx/Scalar.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace halcyon::onnx {
namespace {

using Part = Composer::Part;

// One box after another is chosen in every batch and class at once, the best of those that overlap
// none of the chosen too much; then the choices that found a box become rows [batch, class, box].
class Suppression {
public:
  explicit Suppression(NodeContext &node) : node(node), b(node.b), with(node) {}

  LogicalResult run() {
    if (failed(check()))
      return failure();
    boxes = node.value(0);
    scores = node.value(1);
    Dims dims{node.in(1).dims[0], node.in(1).dims[1], rounds};
    Value none = b.create<arith::ConstantOp>(b.getI64IntegerAttr(-1));
    auto loop = b.create<scf::ForOp>(
        constantIndex(b, 0), asValue(b, rounds), constantIndex(b, 1), filledTensor(b, dims, none),
        [&](OpBuilder &nested, Location loc, Value round, ValueRange chosen) {
          ImplicitLocOpBuilder at(loc, nested);
          Dims line{dims[0], dims[1]};
          Value best = generate(at, emptyTensor(at, line, at.getI64Type()),
                                [&](ImplicitLocOpBuilder &inner, ArrayRef<Value> place) {
                                  return bestBox(inner, place, chosen[0], round);
                                });
          Dims offsets{fixed(at, 0), fixed(at, 0), OpFoldResult(round)};
          Dims sizes{dims[0], dims[1], fixed(at, 1)}, strides(3, fixed(at, 1));
          Value next = at.create<tensor::InsertSliceOp>(best, chosen[0], offsets, sizes, strides);
          at.create<scf::YieldOp>(next);
        });
    return setRows(loop.getResult(0), dims);
  }

private:
  LogicalResult check() {
    centred = node.intAttr("center_point_box", 0) != 0;
    for (size_t i : {0, 1})
      if (node.rank(i) != 3 || node.in(i).dataType != DataType::f32)
        return node.error() << "input '" << node.node.inputs[i]
                            << "' must have 3 dimensions of f32";
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

  // Of the candidates the first one of the greatest score, -1 if there is none.
  Value bestBox(ImplicitLocOpBuilder &at, ArrayRef<Value> place, Value chosen, Value round) {
    Value none = at.create<arith::ConstantOp>(at.getI64IntegerAttr(-1));
    return accumulate(
        at, {asValue(at, node.in(1).dims[2])}, none,
        [&](ImplicitLocOpBuilder &deep, ArrayRef<Value> i, Value best) -> Value {
          Value own = deep.create<tensor::ExtractOp>(scores, ValueRange{place[0], place[1], i[0]});
          Value isFree = deep.create<arith::ConstantIntOp>(1, 1);
          if (least)
            isFree = deep.create<arith::CmpFOp>(arith::CmpFPredicate::OGT, own, least);
          Box box = boxAt(deep, place[0], i[0]);
          isFree = accumulate(
              deep, {round}, isFree,
              [&](ImplicitLocOpBuilder &deepest, ArrayRef<Value> j, Value freeBefore) -> Value {
                Value other =
                    deepest.create<tensor::ExtractOp>(chosen, ValueRange{place[0], place[1], j[0]});
                Value zero = deepest.create<arith::ConstantOp>(deepest.getI64IntegerAttr(0));
                Value exists =
                    deepest.create<arith::CmpIOp>(arith::CmpIPredicate::sge, other, zero);
                // Reads box 0 where there is none.
                Value index = deepest.create<arith::IndexCastOp>(
                    deepest.getIndexType(), deepest.create<arith::MaxSIOp>(other, zero));
                Value isSame = deepest.create<arith::CmpIOp>(arith::CmpIPredicate::eq, index, i[0]);
                Value hits = deepest.create<arith::OrIOp>(
                    isSame, overlaps(deepest, box, boxAt(deepest, place[0], index)));
                hits = deepest.create<arith::AndIOp>(hits, exists);
                Value one = deepest.create<arith::ConstantIntOp>(1, 1);
                return deepest.create<arith::AndIOp>(freeBefore,
                                                     deepest.create<arith::XOrIOp>(hits, one));
              });
          Value zero = deep.create<arith::ConstantOp>(deep.getI64IntegerAttr(0));
          Value isFirst = deep.create<arith::CmpIOp>(arith::CmpIPredicate::slt, best, zero);
          Value bestIndex = deep.create<arith::IndexCastOp>(
              deep.getIndexType(), deep.create<arith::MaxSIOp>(best, zero));
          Value bestScore =
              deep.create<tensor::ExtractOp>(scores, ValueRange{place[0], place[1], bestIndex});
          Value better = deep.create<arith::CmpFOp>(arith::CmpFPredicate::OGT, own, bestScore);
          Value takes =
              deep.create<arith::AndIOp>(isFree, deep.create<arith::OrIOp>(isFirst, better));
          Value index = deep.create<arith::IndexCastOp>(deep.getI64Type(), i[0]);
          return deep.create<arith::SelectOp>(takes, index, best);
        });
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
  OpFoldResult rounds;
  Value overlap, least, boxes, scores;
};

LogicalResult importNonMaxSuppression(NodeContext &node) { return Suppression(node).run(); }

} // namespace

ArrayRef<OpImporter> suppressionOps() {
  static const OpImporter list[] = {{"NonMaxSuppression", importNonMaxSuppression, 2, 5}};
  return list;
}

} // namespace halcyon::onnx
