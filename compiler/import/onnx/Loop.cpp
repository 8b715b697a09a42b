#include "import/onnx/Body.h"
#include "import/onnx/OpTable.h"
#include "import/onnx/Recurrent.h"
#include "import/onnx/Reshape.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace halcyon::onnx {
namespace {

// A value that goes from iteration to iteration. Its shape is taken to be the
// initial one's until the body turns out to change it.
struct Carried {
  Imported initial;
  Dims dims;           // null: changes
  bool onHost = false; // scalars

  RankedTensorType type() const {
    SmallVector<int64_t> shape;
    for (OpFoldResult dim : dims)
      shape.push_back(dim ? known(dim).value_or(ShapedType::kDynamic) : ShapedType::kDynamic);
    return RankedTensorType::get(shape, initial.element);
  }
  size_t numValues() const { return onHost ? *initial.numElements() : 1; }
};

// A value that each iteration adds to an output.
struct Scanned {
  Dims dims; // of one iteration's part
  DataType dataType = DataType::undefined;
  Type element;
};

// A Loop is imported under assumptions: that shapes do not change, that host
// values stay so, that the condition stays true. What does not hold is noted
// and the import starts again; each round gives up at least one assumption.
class LoopImporter {
public:
  LoopImporter(NodeContext &node, const Graph &body) : node(node), b(node.b), body(body) {}

  LogicalResult run() {
    if (failed(readInputs()))
      return failure();
    for (;;) {
      holds = true;
      FailureOr<Operation *> loop = build();
      if (failed(loop))
        return failure();
      if (holds)
        return setOutputs(*loop);
      (*loop)->erase();
    }
  }

private:
  LogicalResult readInputs() {
    if (node.has(0)) {
      if (node.in(0).dataType != DataType::i64 || node.in(0).numElements() != 1)
        return node.error() << "the trip count must be one i64";
      Value count = node.graph.elementsOf(b, node.in(0)).front();
      tripCount = toIndex(b, count, false);
    }
    startCondition = b.create<arith::ConstantIntOp>(1, 1);
    if (node.has(1)) {
      if (!isBool(node.in(1).dataType) || node.in(1).numElements() != 1)
        return node.error() << "the condition must be one bool";
      alwaysTrue = knownBool(node, node.in(1)).value_or(false);
      startCondition = node.graph.elementsOf(b, node.in(1)).front();
    }
    for (size_t i = 2; i < node.numInputs(); ++i) {
      if (!node.has(i))
        return node.error() << "input " << i << " is missing";
      Imported &initial = node.in(i);
      bool isDemanded = i < body.inputs.size() && node.graph.isDemanded(body.inputs[i].name);
      bool onHost =
          initial.isSmall() && !isFloat(initial.dataType) && (initial.isOnHost() || isDemanded);
      carried.push_back({initial, initial.dims, onHost});
    }
    if (body.outputs.size() < carried.size() + 1)
      return node.error() << "the body has " << body.outputs.size()
                          << " outputs, expected at least " << carried.size() + 1;
    scanned.resize(body.outputs.size() - carried.size() - 1);
    if (!scanned.empty() && !tripCount)
      return node.error() << "outputs that grow need a trip count";
    return success();
  }

  // Carried values, then accumulators of scanned ones once they are known.
  SmallVector<Value> startValues() {
    SmallVector<Value> values;
    for (Carried &item : carried) {
      if (item.onHost) {
        llvm::append_range(values, node.graph.elementsOf(b, item.initial));
        continue;
      }
      Value tensor = node.graph.tensorOf(b, item.initial);
      if (tensor.getType() != item.type())
        tensor = b.create<tensor::CastOp>(item.type(), tensor);
      values.push_back(tensor);
    }
    for (const Scanned &item : scanned) {
      if (!item.element)
        continue;
      Dims dims = item.dims;
      dims.insert(dims.begin(), *tripCount);
      values.push_back(emptyTensor(b, dims, item.element));
    }
    return values;
  }

  FailureOr<Operation *> build() {
    SmallVector<Value> start = startValues();
    return alwaysTrue && tripCount ? buildFor(start) : buildWhile(start);
  }

  FailureOr<Operation *> buildFor(ArrayRef<Value> start) {
    Value zero = constantIndex(b, 0), one = constantIndex(b, 1);
    auto loop = b.create<scf::ForOp>(zero, asValue(b, *tripCount), one, start);
    // Without values the builder made a terminator already.
    if (!loop.getBody()->empty())
      loop.getBody()->back().erase();
    SmallVector<Value> next;
    if (failed(importIteration(loop, loop.getBody(), loop.getInductionVar(),
                               loop.getRegionIterArgs(), next)))
      return failure();
    if (holds) {
      ImplicitLocOpBuilder inner = atEnd(loop.getBody());
      inner.create<scf::YieldOp>(ArrayRef(next).drop_front()); // without the condition
    }
    return loop.getOperation();
  }

  FailureOr<Operation *> buildWhile(ArrayRef<Value> start) {
    SmallVector<Value> all{constantIndex(b, 0), startCondition};
    llvm::append_range(all, start);
    SmallVector<Type> types(ValueRange(all).getTypes());
    SmallVector<Location> locations(types.size(), b.getLoc());
    auto loop = b.create<scf::WhileOp>(types, all);
    Block *before = b.createBlock(&loop.getBefore(), {}, types, locations);
    Block *after = b.createBlock(&loop.getAfter(), {}, types, locations);
    b.setInsertionPointAfter(loop);
    {
      ImplicitLocOpBuilder inner = atEnd(before);
      Value test = before->getArgument(1);
      if (tripCount) {
        Value isLeft = inner.create<arith::CmpIOp>(
            arith::CmpIPredicate::slt, before->getArgument(0), asValue(inner, *tripCount));
        test = inner.create<arith::AndIOp>(test, isLeft);
      }
      inner.create<scf::ConditionOp>(test, before->getArguments());
    }
    SmallVector<Value> next;
    if (failed(importIteration(loop, after, after->getArgument(0),
                               after->getArguments().drop_front(2), next)))
      return failure();
    if (holds) {
      ImplicitLocOpBuilder inner = atEnd(after);
      Value one = constantIndex(inner, 1);
      next.insert(next.begin(), inner.create<arith::AddIOp>(after->getArgument(0), one));
      inner.create<scf::YieldOp>(next);
    }
    return loop.getOperation();
  }

  ImplicitLocOpBuilder atEnd(Block *block) {
    ImplicitLocOpBuilder inner(b.getLoc(), b);
    inner.setInsertionPointToEnd(block);
    return inner;
  }

  // The body once. `next`: the condition, then what startValues gives.
  LogicalResult importIteration(Operation *loop, Block *block, Value index, ValueRange values,
                                SmallVector<Value> &next) {
    ImplicitLocOpBuilder inner = atEnd(block);
    SmallVector<Imported> inputs;
    auto scalar = [&](DataType type, Value value) {
      Imported made;
      made.dataType = type;
      made.element = value.getType();
      made.elements = SmallVector<Value>{value};
      return made;
    };
    inputs.push_back(scalar(DataType::i64, toInteger(inner, index, inner.getI64Type())));
    // An iteration runs only if the condition holds.
    inputs.push_back(scalar(DataType::boolean, inner.create<arith::ConstantIntOp>(1, 1)));
    for (const Carried &item : carried) {
      size_t count = item.numValues();
      Imported made = item.initial;
      made.constant = nullptr;
      made.tensor = nullptr;
      made.packed = nullptr;
      made.elements.reset();
      if (item.onHost) {
        made.elements = llvm::to_vector(values.take_front(count));
      } else {
        made.tensor = values[0];
        made.dims = item.dims;
        for (auto [axis, dim] : llvm::enumerate(made.dims))
          if (!dim)
            dim =
                tensor::getMixedSize(inner, inner.getLoc(), values[0], static_cast<int64_t>(axis));
      }
      inputs.push_back(made);
      values = values.drop_front(count);
    }
    auto outputs = importBody(node, body, block, inputs);
    if (failed(outputs))
      return failure();
    inner.setInsertionPointToEnd(block);
    ArrayRef<Imported *> all(*outputs);
    if (failed(checkCondition(*all[0])))
      return failure();
    next.push_back(node.graph.elementsOf(inner, *all[0]).front());
    for (auto [item, output] : llvm::zip(carried, all.drop_front()))
      if (failed(checkCarried(item, *output)))
        return failure();
    ArrayRef<Imported *> parts = all.drop_front(1 + carried.size());
    for (auto [item, part] : llvm::zip(scanned, parts))
      if (failed(checkScanned(item, *part, loop)))
        return failure();
    if (!holds)
      return success();
    for (auto [item, output] : llvm::zip(carried, all.drop_front())) {
      if (item.onHost) {
        llvm::append_range(next, node.graph.elementsOf(inner, *output));
        continue;
      }
      Value tensor = node.graph.tensorOf(inner, *output);
      if (tensor.getType() != item.type())
        tensor = inner.create<tensor::CastOp>(item.type(), tensor);
      next.push_back(tensor);
    }
    for (auto [item, part, accumulator] : llvm::zip(scanned, parts, values)) {
      Dims offsets(part->dims.size() + 1, fixed(inner, 0)), sizes = part->dims;
      Dims strides(offsets.size(), fixed(inner, 1));
      offsets[0] = index;
      sizes.insert(sizes.begin(), fixed(inner, 1));
      Value tensor = node.graph.tensorOf(inner, *part);
      next.push_back(
          inner.create<tensor::InsertSliceOp>(tensor, accumulator, offsets, sizes, strides));
    }
    return success();
  }

  LogicalResult checkCondition(Imported &condition) {
    if (!isBool(condition.dataType) || condition.numElements() != 1)
      return node.error() << "the body's condition must be one bool";
    if (alwaysTrue && !knownBool(node, condition).value_or(false))
      alwaysTrue = holds = false;
    return success();
  }

  LogicalResult checkCarried(Carried &item, const Imported &output) {
    if (output.dataType != item.initial.dataType || output.rank() != item.initial.rank())
      return node.error() << "input and output of a carried value differ in element type or rank";
    for (auto [dim, next] : llvm::zip(item.dims, output.dims))
      if (dim && dim != next) {
        dim = nullptr;
        item.onHost = holds = false;
      }
    return success();
  }

  LogicalResult checkScanned(Scanned &item, const Imported &part, Operation *loop) {
    if (item.element)
      return success();
    item = {part.dims, part.dataType, part.element};
    holds = false;
    for (OpFoldResult dim : part.dims)
      if (auto value = dyn_cast<Value>(dim))
        if (loop->isAncestor(value.getParentBlock()->getParentOp()))
          return node.error() << "a scanned output whose shape the body computes is not supported";
    return success();
  }

  LogicalResult setOutputs(Operation *loop) {
    ValueRange values = loop->getResults();
    Value iterations;
    if (isa<scf::WhileOp>(loop)) {
      iterations = values[0];
      values = values.drop_front(2);
    }
    for (auto [index, item] : llvm::enumerate(carried)) {
      size_t count = item.numValues();
      if (item.onHost) {
        node.setElements(index, item.dims, item.initial.dataType,
                         llvm::to_vector(values.take_front(count)));
      } else {
        Dims dims = item.dims;
        for (auto [axis, dim] : llvm::enumerate(dims))
          if (!dim)
            dim = tensor::getMixedSize(b, b.getLoc(), values[0], static_cast<int64_t>(axis));
        node.set(index, values[0], item.initial.dataType, dims);
      }
      values = values.drop_front(count);
    }
    for (auto [index, item, value] : llvm::enumerate(scanned, values)) {
      Dims dims = item.dims;
      dims.insert(dims.begin(), iterations ? OpFoldResult(iterations) : *tripCount);
      Value made = value;
      if (iterations) {
        Dims offsets(dims.size(), fixed(b, 0)), strides(dims.size(), fixed(b, 1));
        made = b.create<tensor::ExtractSliceOp>(made, offsets, dims, strides);
      }
      node.set(carried.size() + index, made, item.dataType, dims);
    }
    return success();
  }

  NodeContext &node;
  ImplicitLocOpBuilder &b;
  const Graph &body;
  std::optional<OpFoldResult> tripCount;
  Value startCondition;
  std::vector<Carried> carried;
  SmallVector<Scanned> scanned;
  bool alwaysTrue = true; // the condition, in every iteration
  bool holds = true;
};

LogicalResult importLoop(NodeContext &node) {
  const Graph *body = bodyOf(node, "body");
  return body ? LoopImporter(node, *body).run() : failure();
}

} // namespace

ArrayRef<OpImporter> loopOps() {
  static const OpImporter list[] = {
      {"GRU", importGru, 3, 6, 2},
      {"LSTM", importLstm, 3, 8, 3},
      {"Loop", importLoop, 0, anyNumber, anyNumber},
      {"RNN", importRnn, 3, 6, 2},
  };
  return list;
}

} // namespace halcyon::onnx
