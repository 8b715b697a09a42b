#include "codegen/cpu/winograd/WinogradTransforms.h"

#include "dialect/nn/Winograd.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/BuiltinTypes.h"

using namespace mlir;
using namespace halcyon;

Value halcyon::multiplyAdd(ImplicitLocOpBuilder &b, Value left, Value right, Value sum) {
  const auto contract = arith::FastMathFlags::contract;
  return b.create<arith::AddFOp>(b.create<arith::MulFOp>(left, right, contract), sum, contract);
}

namespace {
using Line = SmallVector<Value>;

struct Arithmetic {
  ImplicitLocOpBuilder &b;
  Value add(Value left, Value right) { return b.create<arith::AddFOp>(left, right, arith::FastMathFlags::contract); }
  Value sub(Value left, Value right) { return b.create<arith::SubFOp>(left, right, arith::FastMathFlags::contract); }
  Value constant(Value like, double number) {
    Attribute value = b.getFloatAttr(getElementTypeOrSelf(like), number);
    if (auto type = dyn_cast<VectorType>(like.getType()))
      value = DenseElementsAttr::get(type, value);
    return b.create<arith::ConstantOp>(cast<TypedAttr>(value));
  }
  Value times(Value value, double factor) {
    return b.create<arith::MulFOp>(value, constant(value, factor), arith::FastMathFlags::contract);
  }
  // value * factor + sum
  Value scaled(Value value, double factor, Value sum) { return multiplyAdd(b, value, constant(value, factor), sum); }
};
} // namespace

static constexpr double near = nn::winogradNear, far = nn::winogradFar, near2 = near * near, far2 = far * far;

// B^T: for each point the coefficients of the product of (x - other), over all other points; then of all points. Points
// of two signs share the even and the odd powers.
static Line inputLine(ImplicitLocOpBuilder &b, const Line &d) {
  Arithmetic f{b};
  if (d.size() == 4)
    return {f.sub(d[2], d[0]), f.add(d[2], d[1]), f.sub(d[2], d[1]), f.sub(d[3], d[1])};
  Value even = f.scaled(d[2], -far2, d[4]), odd = f.scaled(d[1], -far2, d[3]);
  Value farEven = f.scaled(d[2], -near2, d[4]), farOdd = f.scaled(d[1], -near2, d[3]);
  return {f.scaled(d[0], near2 * far2, f.scaled(d[2], -near2 - far2, d[4])),
          f.scaled(odd, near, even), f.scaled(odd, -near, even),
          f.scaled(farOdd, far, farEven), f.scaled(farOdd, -far, farEven),
          f.scaled(d[1], near2 * far2, f.scaled(d[3], -near2 - far2, d[5]))};
}

// A^T: a row for each power, 1 to the last, of the points; infinity adds to the last.
static Line sumLine(ImplicitLocOpBuilder &b, const Line &m) {
  Arithmetic f{b};
  Value sum = f.add(m[1], m[2]), difference = f.sub(m[1], m[2]);
  if (m.size() == 4)
    return {f.add(m[0], sum), f.add(difference, m[3])};
  Value farSum = f.add(m[3], m[4]), farDifference = f.sub(m[3], m[4]);
  return {f.add(f.add(m[0], sum), farSum), f.scaled(farDifference, far, f.times(difference, near)),
          f.scaled(farSum, far2, f.times(sum, near2)),
          f.scaled(farDifference, far2 * far, f.scaled(difference, near2 * near, m[5]))};
}

static WinogradGrid turned(const WinogradGrid &grid) {
  WinogradGrid made(grid.front().size());
  for (const Line &line : grid)
    for (auto [to, value] : llvm::zip(made, line))
      to.push_back(value);
  return made;
}

static WinogradGrid transform(ImplicitLocOpBuilder &b, WinogradGrid grid,
                              Line (*line)(ImplicitLocOpBuilder &, const Line &)) {
  for (int i = 0; i < 2; ++i) {
    for (Line &each : grid)
      each = line(b, each);
    grid = turned(grid);
  }
  return grid;
}

WinogradGrid halcyon::transformInputs(ImplicitLocOpBuilder &b, WinogradGrid inputs) {
  return transform(b, std::move(inputs), inputLine);
}

WinogradGrid halcyon::transformSums(ImplicitLocOpBuilder &b, WinogradGrid sums) {
  return transform(b, std::move(sums), sumLine);
}
