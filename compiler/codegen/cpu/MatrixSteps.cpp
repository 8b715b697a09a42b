#include "codegen/cpu/MatrixSteps.h"
#include "dialect/nn/Nn.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace halcyon;

static constexpr int64_t low[] = {0, 1, 4, 5}, high[] = {2, 3, 6, 7};

std::optional<MatrixSteps> halcyon::planMatrixSteps(const RegisterPlan &plan, bool bytes, bool pairs) {
  linalg::GenericOp op = plan.op;
  std::optional<unsigned> panels = plan.inPlacePanel();
  Block *body = op.getBody();
  if (!plan.u || !panels || op.getNumDpsInputs() != 2 || !llvm::hasNItems(body->without_terminator(), 2))
    return {};
  Operation *dot = &body->front(), *sum = dot->getNextNode();
  const bool ofBytes = bytes && isa<nn::DotBytesOp>(dot) && isa<arith::AddIOp>(sum);
  const bool ofPairs = pairs && isa<nn::DotPairsOp>(dot) && isa<arith::AddFOp>(sum);
  if ((!ofBytes && !ofPairs) || body->getTerminator()->getOperand(0) != sum->getResult(0))
    return {};
  MatrixSteps steps{0, 1 - *panels, *panels, ofPairs};
  Value out = body->getArgument(2), product = dot->getResult(0);
  const bool adds = (sum->getOperand(0) == out && sum->getOperand(1) == product) || (sum->getOperand(1) == out && sum->getOperand(0) == product);
  if (!adds || dot->getOperand(0) != body->getArgument(steps.left) || dot->getOperand(1) != body->getArgument(steps.right))
    return {};
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  SmallVector<int64_t> extents = op.getStaticLoopRanges();
  if (!maps[steps.left].isFunctionOfDim(*plan.u) || maps[steps.left].isFunctionOfDim(plan.v) || maps[steps.right].isFunctionOfDim(*plan.u))
    return {};
  for (unsigned loop : plan.reductions) {
    if (ShapedType::isDynamic(extents[loop]) || extents[loop] < 2 || !maps[steps.right].isFunctionOfDim(loop) ||
        stepOf(maps[steps.left], op.getDpsInputs()[steps.left].getType(), loop).kind != Step::contiguous)
      continue;
    steps.depth = loop;
    return steps;
  }
  return {};
}

Value MatrixEmitter::shuffle(Value first, Value second, ArrayRef<int64_t> lanes) {
  return b.create<vector::ShuffleOp>(first, second, lanes);
}

Value MatrixEmitter::zero(int64_t lanes) {
  return b.create<arith::ConstantOp>(b.getZeroAttr(VectorType::get({lanes}, b.getI32Type())));
}

TileEmitter::Tile MatrixEmitter::matricesOf(const TileEmitter::Tile &rows) {
  TileEmitter::Tile made;
  for (unsigned row = 0; row < shape.rows; row += 2)
    for (unsigned column = 0; column < shape.columns; ++column) {
      Value upper = rows[row * shape.columns + column];
      Value lower = row + 1 < shape.rows ? rows[(row + 1) * shape.columns + column] : upper;
      made.push_back(shuffle(upper, lower, low));
      made.push_back(shuffle(upper, lower, high));
    }
  return made;
}

TileEmitter::Tile MatrixEmitter::rowsOf(const TileEmitter::Tile &matrices) {
  TileEmitter::Tile made;
  for (unsigned row = 0; row < shape.rows; ++row)
    for (unsigned column = 0; column < shape.columns; ++column) {
      const unsigned at = 2 * (row / 2 * shape.columns + column);
      made.push_back(shuffle(matrices[at], matrices[at + 1], row % 2 ? high : low));
    }
  return made;
}

// Two words of two rows each. Of rows that have nothing here, and of words beyond the depth, zeros.
TileEmitter::Tile MatrixEmitter::leftPairs(const LeftRows &left, unsigned words, const llvm::SmallBitVector &skipped) {
  TileEmitter emitter(b, {shape.rows, 1, words});
  emitter.skipRows(skipped);
  TileEmitter::Tile rows = emitter.load(left.memory, left.map, left.position), made;
  for (unsigned row = 0; row < shape.rows; row += 2) {
    Value upper = rows[row], lower = row + 1 < shape.rows ? rows[row + 1] : upper;
    if (!upper && !lower) {
      made.push_back({});
      continue;
    }
    if (words == 2) {
      made.push_back(shuffle(upper ? upper : zero(2), lower ? lower : zero(2), {0, 1, 2, 3}));
      continue;
    }
    Value both = zero(4);
    if (upper)
      both = b.create<vector::InsertOp>(upper, both, 0);
    if (lower)
      both = b.create<vector::InsertOp>(lower, both, 2);
    made.push_back(both);
  }
  return made;
}

// Two words of two columns each: panels have one word of four columns together.
TileEmitter::Tile MatrixEmitter::rightPairs(TilePosition at, Value panels, AffineMap map, unsigned words) {
  TileEmitter emitter(b, {1, shape.columns, shape.lanes});
  TileEmitter::Tile first = emitter.load(panels, map, at), second(shape.columns), made;
  if (words == 2) {
    at.loops[steps.depth] = b.create<arith::AddIOp>(at.loops[steps.depth], b.create<arith::ConstantIndexOp>(1));
    second = emitter.load(panels, map, at);
  }
  for (auto [one, next] : llvm::zip(first, second)) {
    Value other = next ? next : zero(shape.lanes);
    made.push_back(shuffle(one, other, {0, 4, 1, 5}));
    made.push_back(shuffle(one, other, {2, 6, 3, 7}));
  }
  return made;
}

Value MatrixEmitter::multiply(Value sum, Value left, Value right) {
  auto operand = steps.pairs ? VectorType::get({8}, b.getBF16Type()) : VectorType::get({16}, b.getI8Type());
  StringRef name = steps.pairs ? "llvm.aarch64.neon.bfmmla" : "llvm.aarch64.neon.usmmla.v4i32.v16i8";
  auto as = [&](Value words) -> Value { return b.create<vector::BitCastOp>(operand, words); };
  return b.create<LLVM::CallIntrinsicOp>(sum.getType(), b.getStringAttr(name), ValueRange{sum, as(left), as(right)}, LLVM::FastmathFlagsAttr())
      .getResult(0);
}

// An infinite weight must not meet the zero of a row that has nothing here.
Value MatrixEmitter::keepSkipped(Value before, Value after, unsigned row, const llvm::SmallBitVector &skipped) {
  auto skips = [&](unsigned which) { return which < skipped.size() && skipped.test(which); };
  if (!steps.pairs || (!skips(row) && !skips(row + 1)))
    return after;
  return skips(row) ? shuffle(before, after, {0, 1, 6, 7}) : shuffle(after, before, {0, 1, 6, 7});
}

TileEmitter::Tile MatrixEmitter::add(TileEmitter::Tile matrices, const LeftRows &left, TilePosition right, Value panels, AffineMap map,
                                     unsigned words, const llvm::SmallBitVector &skipped) {
  TileEmitter::Tile rows = leftPairs(left, words, skipped), columns = rightPairs(right, panels, map, words);
  for (auto [pair, row] : llvm::enumerate(rows))
    for (auto [at, column] : llvm::enumerate(columns))
      if (Value &sum = matrices[pair * columns.size() + at]; row)
        sum = keepSkipped(sum, multiply(sum, row, column), 2 * pair, skipped);
  return matrices;
}
