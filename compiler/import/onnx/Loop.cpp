#include "dialect/host/Host.h"
#include "import/onnx/Body.h"
#include "import/onnx/Compose.h"
#include "import/onnx/Form.h"
#include "import/onnx/OpTable.h"
#include "import/onnx/Recurrent.h"
#include "import/onnx/Sequences.h"
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
  Form form;
};

// A value that each iteration adds to an output.
struct Scanned {
  Dims dims; // of one iteration's part
  DataType dataType = DataType::undefined;
  Type element;
  bool isList = false; // the parts are kept apart until their shape is known
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
    FailureOr<bool> unrolled = unroll();
    if (failed(unrolled))
      return failure();
    if (*unrolled)
      return success();
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
      if (!node.in(0).isTensor() || node.in(0).dataType != DataType::i64 || node.in(0).numElements() != 1)
        return node.error() << "the trip count must be one i64";
      Value count = node.graph.elementsOf(b, node.in(0)).front();
      tripCount = toIndex(b, count, false);
    }
    startCondition = b.create<arith::ConstantIntOp>(1, 1);
    if (node.has(1)) {
      if (!node.in(1).isTensor() || !isBool(node.in(1).dataType) || node.in(1).numElements() != 1)
        return node.error() << "the condition must be one bool";
      alwaysTrue = knownBool(node, node.in(1)).value_or(false);
      startCondition = node.graph.elementsOf(b, node.in(1)).front();
    }
    for (size_t i = 2; i < node.numInputs(); ++i) {
      if (!node.has(i))
        return node.error() << "input " << i << " is missing";
      Imported &initial = node.in(i);
      bool isDemanded = i < body.inputs.size() && node.graph.isDemanded(body.inputs[i].name);
      bool onHost = initial.isTensor() && initial.isSmall() && !isFloat(initial.dataType) &&
                    (initial.isOnHost() || isDemanded);
      carried.push_back({initial, Form(initial, onHost)});
      if (i < body.inputs.size())
        carried.back().form.declareItems(body.inputs[i]);
    }
    if (body.outputs.size() < carried.size() + 1)
      return node.error("body") << "the graph has " << body.outputs.size()
                          << " outputs, expected at least " << carried.size() + 1;
    scanned.resize(body.outputs.size() - carried.size() - 1);
    for (Scanned &item : scanned)
      item.isList = !tripCount; // how many parts there will be is not known
    return success();
  }

  // A loop over sequences whose iterations can be counted now becomes them, so that the sequences'
  // elements stay known. False: it is left for run time.
  FailureOr<bool> unroll() {
    std::optional<int64_t> count = tripCount ? known(*tripCount) : std::nullopt;
    const bool carriesSequence =
        llvm::any_of(carried, [](const Carried &item) { return !item.initial.isTensor(); });
    if (!carriesSequence || !alwaysTrue || !count || *count > hostLimit ||
        (*count <= 0 && !scanned.empty()) ||
        llvm::any_of(carried, [](const Carried &item) { return item.initial.list; }))
      return false;
    // Done in a block of its own, which takes its place in the end.
    Value yes = b.create<arith::ConstantIntOp>(1, 1);
    auto draft = b.create<scf::IfOp>(TypeRange(), yes, /*addThenBlock=*/true, /*addElseBlock=*/false);
    Block *block = draft.thenBlock();
    std::vector<Imported> values;
    for (const Carried &item : carried)
      values.push_back(item.initial);
    std::vector<std::vector<Imported>> parts(scanned.size());
    for (int64_t i = 0; i < *count; ++i) {
      ImplicitLocOpBuilder inner = atEnd(block);
      std::vector<Imported> inputs{
          scalar(DataType::i64, inner.create<arith::ConstantIntOp>(i, 64)),
          scalar(DataType::boolean, inner.create<arith::ConstantIntOp>(1, 1))};
      inputs.insert(inputs.end(), values.begin(), values.end());
      auto outputs = importBody(node, body, block, inputs);
      if (failed(outputs))
        return failure();
      ArrayRef<Imported *> all(*outputs);
      std::optional<bool> goesOn = knownBool(node, *all[0]);
      const bool fits = llvm::all_of(llvm::zip(carried, all.drop_front()), [](auto pair) {
        return std::get<0>(pair).form.isTensor() == std::get<1>(pair)->isTensor();
      });
      if (!goesOn || !fits) {
        draft.erase();
        return false;
      }
      for (auto [value, output] : llvm::zip(values, all.drop_front()))
        value = *output;
      for (auto [list, part] : llvm::zip(parts, all.drop_front(1 + carried.size())))
        list.push_back(*part);
      if (!*goesOn)
        break;
    }
    b.getInsertionBlock()->getOperations().splice(draft->getIterator(), block->getOperations());
    draft.erase();
    for (auto [index, value] : llvm::enumerate(values))
      node.setAs(index, value);
    for (auto [index, list] : llvm::enumerate(parts)) {
      FailureOr<Imported> made = stacked(node, list);
      if (failed(made))
        return failure();
      node.setAs(carried.size() + index, *made);
    }
    return true;
  }

  Imported scalar(DataType type, Value value) {
    Imported made;
    made.dataType = type;
    made.element = value.getType();
    made.elements = SmallVector<Value>{value};
    return made;
  }

  // Carried values, then accumulators of scanned ones once they are known.
  SmallVector<Value> startValues() {
    SmallVector<Value> values;
    for (Carried &item : carried)
      item.form.append(node.graph, b, item.initial, values);
    for (const Scanned &item : scanned) {
      if (!item.element)
        continue;
      if (item.isList) {
        values.push_back(b.create<host::ListEmptyOp>(host::ListType::get(b.getContext())));
        continue;
      }
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

  static FailureOr<Imported> stacked(NodeContext &node, ArrayRef<Imported> parts);

  ImplicitLocOpBuilder atEnd(Block *block) {
    ImplicitLocOpBuilder inner(b.getLoc(), b);
    inner.setInsertionPointToEnd(block);
    return inner;
  }

  // The body once. `next`: the condition, then what startValues gives.
  LogicalResult importIteration(Operation *loop, Block *block, Value index, ValueRange values,
                                SmallVector<Value> &next) {
    ImplicitLocOpBuilder inner = atEnd(block);
    std::vector<Imported> inputs;
    inputs.push_back(scalar(DataType::i64, toInteger(inner, index, inner.getI64Type())));
    // An iteration runs only if the condition holds.
    inputs.push_back(scalar(DataType::boolean, inner.create<arith::ConstantIntOp>(1, 1)));
    for (const Carried &item : carried)
      inputs.push_back(item.form.take(inner, values));
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
    for (auto [item, output] : llvm::zip(carried, all.drop_front()))
      item.form.append(node.graph, inner, *output, next);
    for (auto [item, part, accumulator] : llvm::zip(scanned, parts, values)) {
      if (item.isList) {
        next.push_back(appendItem(node.graph, inner, accumulator, *part));
        continue;
      }
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
    if (!condition.isTensor() || !isBool(condition.dataType) || condition.numElements() != 1)
      return node.error() << "the body's condition must be one bool";
    if (alwaysTrue && !knownBool(node, condition).value_or(false))
      alwaysTrue = holds = false;
    return success();
  }

  LogicalResult checkCarried(Carried &item, const Imported &output) {
    std::optional<bool> changes = item.form.widen(output);
    if (!changes)
      return node.error() << "input and output of a carried value differ in element type or rank";
    if (*changes)
      holds = false;
    return success();
  }

  LogicalResult checkScanned(Scanned &item, const Imported &part, Operation *loop) {
    if (!part.isTensor())
      return node.error() << "a scanned output is " << nameOf(part.kind) << ", expected a tensor";
    if (item.element)
      return success();
    item = {part.dims, part.dataType, part.element, item.isList};
    holds = false;
    for (OpFoldResult dim : part.dims)
      if (auto value = dyn_cast<Value>(dim))
        item.isList |= loop->isAncestor(value.getParentBlock()->getParentOp());
    return success();
  }

  LogicalResult setOutputs(Operation *loop) {
    ValueRange values = loop->getResults();
    Value iterations;
    if (isa<scf::WhileOp>(loop)) {
      iterations = values[0];
      values = values.drop_front(2);
    }
    for (auto [index, item] : llvm::enumerate(carried))
      node.setAs(index, item.form.take(b, values));
    for (auto [index, item, value] : llvm::enumerate(scanned, values)) {
      if (item.isList) {
        FailureOr<Imported> made =
            joinedItems(node, listedSequence(value, item.dataType, item.element, item.dims.size()),
                        0, /*isNewAxis=*/true);
        if (failed(made))
          return failure();
        node.setAs(carried.size() + index, *made);
        continue;
      }
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

// The parts of a scanned output of a loop that was unrolled.
FailureOr<Imported> LoopImporter::stacked(NodeContext &node, ArrayRef<Imported> parts) {
  if (parts.empty())
    return node.error() << "a scanned output of a loop over sequences without iterations is not supported";
  Composer with(node);
  SmallVector<Imported *> all;
  for (const Imported &part : parts)
    all.push_back(with("Unsqueeze", {with.hold(part), with.ints({0})}));
  Imported *made = with("Concat", all, {attribute("axis", int64_t{0})});
  if (with.hasFailed())
    return failure();
  return *made;
}

LogicalResult importLoop(NodeContext &node) {
  const Graph *body = bodyOf(node, "body");
  return body ? LoopImporter(node, *body).run() : failure();
}

} // namespace

ArrayRef<OpImporter> loopOps() {
  static const OpImporter list[] = {
      {"GRU", importGru, 3, 6, 2},
      {"LSTM", importLstm, 3, 8, 3},
      {"Loop", importLoop, 0, anyNumber, anyNumber, /*takesAnyKind=*/true},
      {"RNN", importRnn, 3, 6, 2},
  };
  return list;
}

} // namespace halcyon::onnx
