#include "import/onnx/Recurrent.h"
#include "import/onnx/Elementwise.h"
#include "import/onnx/RecurrentActivations.h"
#include "import/onnx/Scalar.h"
#include "import/onnx/ThroughF32.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace halcyon::onnx {
namespace {

// Positions of the inputs that cells share.
enum Input : size_t { x, w, r, bias, lengths, initialH, initialC, peepholes };

Value add(ImplicitLocOpBuilder &b, ValueRange terms) {
  Value total = terms[0];
  for (Value term : terms.drop_front())
    total = addScalars(b, total, term);
  return total;
}

// What LSTM and GRU have in common: X [T, B, I], W [D, G * H, I],
// R [D, G * H, H], bias [D, 2 * G * H], states [D, B, H].
class Cell {
public:
  Cell(NodeContext &node, int64_t gates) : node(node), b(node.b), gates(gates) {}

  LogicalResult check(ArrayRef<StringRef> activations) {
    // Layout 1 has the batch first, in inputs and results.
    node.ignore(
        AttributeKind::i,
        {"output_sequence"}); // before opset 7: whether output 0 is wanted, which the node says
    int64_t layout = node.intAttr("layout", 0);
    if (layout != 0 && layout != 1)
      return node.error() << "attribute 'layout' is " << layout;
    batchFirst = layout == 1;
    if (node.has(lengths) &&
        (node.rank(lengths) != 1 || node.in(lengths).dataType != DataType::i32))
      return node.error() << "the sequence lengths must be a list of i32";
    direction = node.stringAttr("direction", "forward");
    if (direction != "forward" && direction != "reverse" && direction != "bidirectional")
      return node.error() << "attribute 'direction' is '" << direction << "'";
    directions = direction == "bidirectional" ? 2 : 1;
    auto found = recurrentActivations(node, activations, directions);
    if (failed(found))
      return failure();
    functions = *found;
    perDirection = activations.size();
    limit = node.floatAttr("clip", 0);
    type = node.in(x).dataType;
    if (failed(checkFloat(node, x)))
      return failure();
    for (size_t input : {x, w, r})
      if (node.rank(input) != 3)
        return node.error() << "input '" << node.node.inputs[input] << "' must have 3 dimensions";
    for (size_t input : {w, r, bias, initialH, initialC, peepholes})
      if (node.has(input) && node.in(input).dataType != type)
        return node.error() << "input '" << node.node.inputs[input] << "' must be " << nameOf(type)
                            << ", as the first";
    std::optional<int64_t> rows = known(node.in(w).dims[1]), columns = known(node.in(r).dims[2]);
    if (!rows || !columns || *rows != gates * *columns || known(node.in(w).dims[0]) != directions ||
        known(node.in(r).dims[1]) != rows)
      return node.error() << "W and R must have the static shapes of " << gates << " gates";
    hidden = *columns;
    if (node.intAttr("hidden_size", hidden) != hidden)
      return node.error() << "attribute 'hidden_size' differs from R's shape";
    time = node.in(x).dims[batchFirst ? 1 : 0];
    batch = node.in(x).dims[batchFirst ? 0 : 1];
    element = node.in(x).element;
    source = batchFirst ? turned(node.value(x), {1, 0, 2}) : node.value(x);
    for (size_t input : {initialH, initialC})
      if (node.has(input) && failed(checkState(node.in(input), node.node.inputs[input])))
        return failure();
    if (node.has(lengths))
      return node.requireSame(node.in(lengths).dims[0], batch,
                              "the batch and the sequence lengths");
    return success();
  }

  // [D, B, H], or [B, D, H] with the batch first.
  LogicalResult checkState(const Imported &state, StringRef name) {
    if (state.rank() != 3)
      return node.error() << "input '" << name << "' must have 3 dimensions";
    Dims wanted{fixed(b, directions), batch, fixed(b, hidden)};
    if (batchFirst)
      std::swap(wanted[0], wanted[1]);
    std::string what = ("the sizes of input '" + name + "' and of the state").str();
    for (auto [have, want] : llvm::zip(state.dims, wanted))
      if (failed(node.requireSame(have, want, what)))
        return failure();
    return success();
  }

  // Function `which` of a direction, of an argument within attribute clip.
  Value activated(ImplicitLocOpBuilder &at, int64_t d, size_t which, Value value) {
    if (limit > 0) {
      value = at.create<arith::MinimumFOp>(value, constantLike(at, value, limit));
      value = at.create<arith::MaximumFOp>(value, constantLike(at, value, -limit));
    }
    return functions[static_cast<size_t>(d) * perDirection + which].apply(at, value);
  }

  Value turned(Value tensor, ArrayRef<int64_t> order) {
    Dims from = tensor::getMixedSizes(b, b.getLoc(), tensor), dims;
    for (int64_t axis : order)
      dims.push_back(from[axis]);
    return b.create<linalg::TransposeOp>(tensor, emptyTensor(b, dims, element), order)
        ->getResult(0);
  }

  // tensor[at, ...] without its first dimension.
  Value part(ImplicitLocOpBuilder &at, Value tensor, OpFoldResult index) {
    auto type = cast<RankedTensorType>(tensor.getType());
    Dims sizes = tensor::getMixedSizes(at, at.getLoc(), tensor);
    Dims offsets(sizes.size(), fixed(at, 0)), strides(sizes.size(), fixed(at, 1));
    offsets[0] = index;
    sizes[0] = fixed(at, 1);
    auto made = RankedTensorType::get(type.getShape().drop_front(), type.getElementType());
    return at.create<tensor::ExtractSliceOp>(made, tensor, offsets, sizes, strides);
  }

  // The columns of gate `gate`: [.., H] of [.., G * H].
  Value gate(ImplicitLocOpBuilder &at, Value tensor, int64_t gate, int64_t count = 1) {
    Dims sizes = tensor::getMixedSizes(at, at.getLoc(), tensor);
    Dims offsets(sizes.size(), fixed(at, 0)), strides(sizes.size(), fixed(at, 1));
    offsets.back() = fixed(at, gate * hidden);
    sizes.back() = fixed(at, count * hidden);
    return at.create<tensor::ExtractSliceOp>(tensor, offsets, sizes, strides);
  }

  // The columns of some gates at time `now`: [B, count * H] of [T, B, G * H].
  Value gateAt(ImplicitLocOpBuilder &at, Value tensor, OpFoldResult now, int64_t gate,
               int64_t count = 1) {
    Dims offsets{now, fixed(at, 0), fixed(at, gate * hidden)}, strides(3, fixed(at, 1));
    Dims sizes{fixed(at, 1), batch, fixed(at, count * hidden)};
    RankedTensorType type = tensorType({batch, fixed(at, count * hidden)}, element);
    return at.create<tensor::ExtractSliceOp>(type, tensor, offsets, sizes, strides);
  }

  // left [B, K] times right [N, K] transposed, onto `start`.
  Value multiply(ImplicitLocOpBuilder &at, Value left, Value right, Value start) {
    AffineMap all = at.getMultiDimIdentityMap(3);
    SmallVector<utils::IteratorType> iterators = parallelIterators(3);
    iterators.back() = utils::IteratorType::reduction;
    return generic(at, {left, right}, start,
                   {all.dropResult(1), all.dropResult(0), all.dropResult(2)}, iterators,
                   [](ImplicitLocOpBuilder &inner, ValueRange v) {
                     return addScalars(inner, v[2], mulScalars(inner, v[0], v[1]));
                   });
  }

  // `count` values for each [batch, hidden]; inputs of one dimension are biases.
  SmallVector<Value>
  map(ImplicitLocOpBuilder &at, ValueRange inputs, size_t count,
      llvm::function_ref<SmallVector<Value>(ImplicitLocOpBuilder &, ValueRange)> body) {
    SmallVector<AffineMap> maps;
    for (Value input : inputs) {
      bool isBias = cast<RankedTensorType>(input.getType()).getRank() == 1;
      maps.push_back(isBias ? AffineMap::get(2, 0, at.getAffineDimExpr(1))
                            : at.getMultiDimIdentityMap(2));
    }
    maps.append(count, at.getMultiDimIdentityMap(2));
    SmallVector<Value> inits(count, emptyTensor(at, {batch, fixed(at, hidden)}, element));
    auto made = at.create<linalg::GenericOp>(
        ValueRange(inits).getTypes(), inputs, inits, maps, parallelIterators(2),
        [&](OpBuilder &nested, Location loc, ValueRange arguments) {
          ImplicitLocOpBuilder inner(loc, nested);
          inner.create<linalg::YieldOp>(body(inner, arguments.take_front(inputs.size())));
        });
    return SmallVector<Value>(made.getResults());
  }

  // The sum of biases [G * H] in each row of [.., G * H]; zeros without one.
  Value start(ImplicitLocOpBuilder &at, const Dims &dims, ArrayRef<Value> biases) {
    if (biases.empty())
      return filledTensor(at, dims, constantFloat(at, element, 0));
    const auto rank = static_cast<unsigned>(dims.size());
    SmallVector<AffineMap> maps(biases.size(),
                                AffineMap::get(rank, 0, at.getAffineDimExpr(rank - 1)));
    maps.push_back(at.getMultiDimIdentityMap(rank));
    return generic(at, biases, emptyTensor(at, dims, element), maps, parallelIterators(rank),
                   [&](ImplicitLocOpBuilder &inner, ValueRange v) {
                     return add(inner, v.take_front(biases.size()));
                   });
  }

  // X times W for all times at once, onto the biases: [T, B, G * H]. A row is a time of a sequence,
  // so that blocks of rows are full of small batches, too.
  Value projectInput(Value weights, ArrayRef<Value> biases) {
    const SmallVector<ReassociationIndices> groups{{0, 1}, {2}};
    Value left = b.create<tensor::CollapseShapeOp>(source, groups);
    Dims dims = tensor::getMixedSizes(b, b.getLoc(), left);
    dims.back() = fixed(b, gates * hidden);
    Value made = multiply(b, left, weights, start(b, dims, biases));
    Dims apart{time, batch, dims.back()};
    return b.create<tensor::ExpandShapeOp>(tensorType(apart, element), made, groups, apart);
  }

  // The halves of one direction's bias, [G * H] each; none without a bias.
  SmallVector<Value> biases(int64_t d) {
    if (!node.has(bias))
      return {};
    Value all = part(b, node.value(bias), fixed(b, d));
    return {gate(b, all, 0, gates), gate(b, all, gates, gates)};
  }

  Value state(size_t input, int64_t d) {
    if (!node.has(input))
      return filledTensor(b, {batch, fixed(b, hidden)}, constantFloat(b, element, 0));
    Value made =
        part(b, batchFirst ? turned(node.value(input), {1, 0, 2}) : node.value(input), fixed(b, d));
    // The input's own type may not know how wide it is.
    RankedTensorType type = tensorType({batch, fixed(b, hidden)}, element);
    return made.getType() == type ? made : b.create<tensor::CastOp>(type, made);
  }

  Value insert(ImplicitLocOpBuilder &at, Value into, Value value, Dims leading) {
    Dims sizes(leading.size(), fixed(at, 1)), offsets = std::move(leading);
    sizes.append({batch, fixed(at, hidden)});
    offsets.append(2, fixed(at, 0));
    Dims strides(sizes.size(), fixed(at, 1));
    return at.create<tensor::InsertSliceOp>(value, into, offsets, sizes, strides);
  }

  // `next` while a sequence lasts, then `otherwise`, or 0 without one.
  Value whileItLasts(ImplicitLocOpBuilder &at, OpFoldResult now, Value next, Value otherwise) {
    if (!node.has(lengths))
      return next;
    Value counts = node.value(lengths);
    SmallVector<Value> inputs{next};
    if (otherwise)
      inputs.push_back(otherwise);
    return map(at, inputs, 1,
               [&](ImplicitLocOpBuilder &inner, ValueRange v) -> SmallVector<Value> {
                 Value row = inner.create<linalg::IndexOp>(0);
                 Value count = inner.create<arith::IndexCastOp>(
                     inner.getIndexType(), inner.create<tensor::ExtractOp>(counts, row));
                 Value lasts = inner.create<arith::CmpIOp>(arith::CmpIPredicate::slt,
                                                           asValue(inner, now), count);
                 Value rest = otherwise ? Value(v[1]) : constantFloat(inner, element, 0);
                 return {inner.create<arith::SelectOp>(lasts, v[0], rest)};
               })
        .front();
  }

  // All directions. A step makes new states, h first, of the input's part at a time
  // [T, B, G * H], which has the first half of the bias or, with `addsBoth`, all of it, and the
  // states.
  void run(size_t numStates, bool addsBoth,
           llvm::function_ref<SmallVector<Value>(ImplicitLocOpBuilder &, int64_t d, Value input,
                                                 OpFoldResult now, ValueRange states)>
               step) {
    Dims all{time, fixed(b, directions), batch, fixed(b, hidden)};
    Dims last(all.begin() + 1, all.end());
    bool wantsAll = node.wants(0);
    Value outputs = wantsAll ? emptyTensor(b, all, element) : Value();
    SmallVector<Value> finals;
    for (size_t s = 0; s < numStates; ++s)
      finals.push_back(emptyTensor(b, last, element));
    for (int64_t d = 0; d < directions; ++d) {
      bool backwards = direction == "reverse" || d == 1;
      SmallVector<Value> added = biases(d);
      if (!addsBoth && !added.empty())
        added.pop_back();
      Value projected = projectInput(part(b, node.value(w), fixed(b, d)), added);
      SmallVector<Value> start;
      for (size_t s = 0; s < numStates; ++s)
        start.push_back(state(initialH + s, d));
      if (wantsAll)
        start.push_back(outputs);
      auto loop = b.create<scf::ForOp>(
          constantIndex(b, 0), asValue(b, time), constantIndex(b, 1), start,
          [&](OpBuilder &nested, Location loc, Value index, ValueRange carried) {
            ImplicitLocOpBuilder at(loc, nested);
            OpFoldResult now = index;
            if (backwards)
              now = sub(at, sub(at, time, fixed(at, 1)), index);
            SmallVector<Value> next = step(at, d, projected, now, carried.take_front(numStates));
            Value output = whileItLasts(at, now, next[0], Value());
            for (size_t s = 0; s < numStates; ++s)
              next[s] = whileItLasts(at, now, next[s], carried[s]);
            if (wantsAll)
              next.push_back(insert(at, carried.back(), output, {now, fixed(at, d)}));
            at.create<scf::YieldOp>(next);
          });
      for (size_t s = 0; s < numStates; ++s)
        finals[s] = insert(b, finals[s], loop.getResult(static_cast<unsigned>(s)), {fixed(b, d)});
      if (wantsAll)
        outputs = loop.getResults().back();
    }
    if (batchFirst) {
      all = {batch, time, fixed(b, directions), fixed(b, hidden)};
      last = {batch, fixed(b, directions), fixed(b, hidden)};
      if (wantsAll)
        outputs = turned(outputs, {2, 0, 1, 3});
      for (Value &value : finals)
        value = turned(value, {1, 0, 2});
    }
    if (wantsAll)
      node.set(0, outputs, type, all);
    for (auto [s, value] : llvm::enumerate(finals))
      node.set(1 + s, value, type, last);
  }

  NodeContext &node;
  ImplicitLocOpBuilder &b;
  int64_t gates, hidden = 0, directions = 1;
  StringRef direction;
  SmallVector<RecurrentActivation> functions;
  size_t perDirection = 0;
  double limit = 0; // of what the functions take; 0: none
  DataType type = DataType::undefined;
  bool batchFirst = false;
  Value source; // X, time first
  OpFoldResult time, batch;
  Type element;
};

} // namespace

// Gates i, o, f, c, with functions f, g, h: c' = f(f) * c + f(i) * g(c), h' = f(o) * h(c').
LogicalResult importLstm(NodeContext &node) {
  if (hasSmallFloats(node, x))
    return importThroughF32(node);
  Cell cell(node, 4);
  if (failed(cell.check({"Sigmoid", "Tanh", "Tanh"})))
    return failure();
  bool coupled = node.intAttr("input_forget", 0) != 0;
  if (node.has(peepholes) && node.rank(peepholes) != 2)
    return node.error() << "peepholes must have 2 dimensions";
  cell.run(
      2, /*addsBoth=*/true,
      [&](ImplicitLocOpBuilder &at, int64_t d, Value input, OpFoldResult now, ValueRange states) {
        Value gates = cell.multiply(at, states[0], cell.part(at, node.value(r), fixed(at, d)),
                                    cell.gateAt(at, input, now, 0, 4));
        SmallVector<Value> inputs{states[1]};
        for (int64_t gate = 0; gate < 4; ++gate)
          inputs.push_back(cell.gate(at, gates, gate));
        // The cell's state looks into the gates: peepholes i, o, f.
        Value holes =
            node.has(peepholes) ? cell.part(at, node.value(peepholes), fixed(at, d)) : Value();
        for (int64_t gate = 0; holes && gate < 3; ++gate)
          inputs.push_back(cell.gate(at, holes, gate));
        return cell.map(
            at, inputs, 2, [&](ImplicitLocOpBuilder &b, ValueRange v) -> SmallVector<Value> {
              Value i = v[1], o = v[2], f = v[3];
              auto look = [&](Value gate, size_t hole, Value c) {
                return holes ? addScalars(b, gate, mulScalars(b, v[5 + hole], c)) : gate;
              };
              i = cell.activated(b, d, 0, look(i, 0, v[0]));
              // What is forgotten is what comes in, where the two gates are one.
              f = coupled ? subScalars(b, constantLike(b, i, 1), i)
                          : cell.activated(b, d, 0, look(f, 2, v[0]));
              Value made = cell.activated(b, d, 1, v[4]);
              Value c = addScalars(b, mulScalars(b, f, v[0]), mulScalars(b, i, made));
              o = cell.activated(b, d, 0, look(o, 1, c));
              return {mulScalars(b, o, cell.activated(b, d, 2, c)), c};
            });
      });
  return success();
}

// h' = f(gate)
LogicalResult importRnn(NodeContext &node) {
  if (hasSmallFloats(node, x))
    return importThroughF32(node);
  Cell cell(node, 1);
  if (failed(cell.check({"Tanh"})))
    return failure();
  cell.run(
      1, /*addsBoth=*/true,
      [&](ImplicitLocOpBuilder &at, int64_t d, Value input, OpFoldResult now, ValueRange states) {
        Value gate = cell.multiply(at, states[0], cell.part(at, node.value(r), fixed(at, d)),
                                   cell.gateAt(at, input, now, 0));
        return cell.map(at, {gate}, 1,
                        [&](ImplicitLocOpBuilder &b, ValueRange v) -> SmallVector<Value> {
                          return {cell.activated(b, d, 0, v[0])};
                        });
      });
  return success();
}

// Gates z, r, h, with functions f, g: h' = (1 - f(z)) * g(h gate) + f(z) * h.
LogicalResult importGru(NodeContext &node) {
  if (hasSmallFloats(node, x))
    return importThroughF32(node);
  Cell cell(node, 3);
  if (failed(cell.check({"Sigmoid", "Tanh"})))
    return failure();
  bool linearFirst = node.intAttr("linear_before_reset", 0) != 0;
  // The bias of the state's part is inside of what the reset gate acts on.
  cell.run(
      1, /*addsBoth=*/!linearFirst,
      [&](ImplicitLocOpBuilder &at, int64_t d, Value input, OpFoldResult now, ValueRange states) {
        Value weights = cell.part(at, node.value(r), fixed(at, d)), h = states[0];
        auto next = [&](ImplicitLocOpBuilder &b, Value z, Value made,
                        Value h) -> SmallVector<Value> {
          Value rest = subScalars(b, constantLike(b, z, 1), z);
          return {addScalars(b, mulScalars(b, rest, made), mulScalars(b, z, h))};
        };
        if (linearFirst) {
          SmallVector<Value> own = cell.biases(d);
          own.erase(own.begin(), own.begin() + (own.empty() ? 0 : 1));
          Value fromState = cell.multiply(
              at, h, weights, cell.start(at, {cell.batch, fixed(at, 3 * cell.hidden)}, own));
          SmallVector<Value> inputs{h};
          for (int64_t gate = 0; gate < 3; ++gate)
            inputs.append({cell.gateAt(at, input, now, gate), cell.gate(at, fromState, gate)});
          return cell.map(at, inputs, 1, [&](ImplicitLocOpBuilder &b, ValueRange v) {
            Value z = cell.activated(b, d, 0, addScalars(b, v[1], v[2]));
            Value reset = cell.activated(b, d, 0, addScalars(b, v[3], v[4]));
            Value made = cell.activated(b, d, 1, addScalars(b, v[5], mulScalars(b, reset, v[6])));
            return next(b, z, made, v[0]);
          });
        }
        // The reset gate acts on the state before its product.
        auto rowsOf = [&](int64_t gate, int64_t count) {
          Dims offsets{fixed(at, gate * cell.hidden), fixed(at, 0)}, strides(2, fixed(at, 1));
          Dims sizes{fixed(at, count * cell.hidden), fixed(at, cell.hidden)};
          return at.create<tensor::ExtractSliceOp>(weights, offsets, sizes, strides);
        };
        Value gates = cell.multiply(at, h, rowsOf(0, 2), cell.gateAt(at, input, now, 0, 2));
        Value kept = cell.map(at, {h, cell.gate(at, gates, 1)}, 1,
                              [&](ImplicitLocOpBuilder &b, ValueRange v) -> SmallVector<Value> {
                                return {mulScalars(b, cell.activated(b, d, 0, v[1]), v[0])};
                              })
                         .front();
        Value hidden = cell.multiply(at, kept, rowsOf(2, 1), cell.gateAt(at, input, now, 2));
        return cell.map(at, {h, cell.gate(at, gates, 0), hidden}, 1,
                        [&](ImplicitLocOpBuilder &b, ValueRange v) {
                          return next(b, cell.activated(b, d, 0, v[1]),
                                      cell.activated(b, d, 1, v[2]), v[0]);
                        });
      });
  return success();
}

} // namespace halcyon::onnx
