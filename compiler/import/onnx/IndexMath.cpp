#include "import/onnx/IndexMath.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include <numeric>

using namespace mlir;

namespace halcyon::onnx {
namespace {

int64_t floorOf(int64_t left, int64_t right) {
  int64_t quotient = left / right;
  return left % right && (left < 0) != (right < 0) ? quotient - 1 : quotient;
}

// An equal op that this block has already, so that equal dimensions are one
// value.
template <class Op> Value existing(ImplicitLocOpBuilder &b, OpFoldResult left, OpFoldResult right) {
  Value anchor = isa<Value>(left) ? cast<Value>(left) : cast<Value>(right);
  Block *block = b.getInsertionBlock();
  for (Operation *user : anchor.getUsers()) {
    if (!isa<Op>(user) || user->getBlock() != block)
      continue;
    if (b.getInsertionPoint() != block->end() && !user->isBeforeInBlock(&*b.getInsertionPoint()))
      continue;
    if (getAsOpFoldResult(user->getOperand(0)) == left &&
        getAsOpFoldResult(user->getOperand(1)) == right)
      return user->getResult(0);
  }
  return nullptr;
}

// `rightUnit`: left op right is left, for that value of right.
template <class Op, class Fold>
OpFoldResult combine(ImplicitLocOpBuilder &b, OpFoldResult left, OpFoldResult right,
                     std::optional<int64_t> rightUnit, Fold fold) {
  std::optional<int64_t> leftKnown = known(left), rightKnown = known(right);
  if (leftKnown && rightKnown)
    return fixed(b, fold(*leftKnown, *rightKnown));
  if (rightUnit && rightKnown == rightUnit)
    return left;
  if (Value found = existing<Op>(b, left, right))
    return found;
  return b.create<Op>(asValue(b, left), asValue(b, right)).getResult();
}

} // namespace

OpFoldResult fixed(ImplicitLocOpBuilder &b, int64_t value) { return b.getIndexAttr(value); }

std::optional<int64_t> known(OpFoldResult value) { return getConstantIntValue(value); }

OpFoldResult add(ImplicitLocOpBuilder &b, OpFoldResult left, OpFoldResult right) {
  if (known(left) == 0)
    return right;
  return combine<arith::AddIOp>(b, left, right, 0, std::plus<int64_t>());
}

OpFoldResult sub(ImplicitLocOpBuilder &b, OpFoldResult left, OpFoldResult right) {
  if (left == right)
    return fixed(b, 0);
  return combine<arith::SubIOp>(b, left, right, 0, std::minus<int64_t>());
}

OpFoldResult mul(ImplicitLocOpBuilder &b, OpFoldResult left, OpFoldResult right) {
  if (known(left) == 1)
    return right;
  return combine<arith::MulIOp>(b, left, right, 1, std::multiplies<int64_t>());
}

OpFoldResult floorDiv(ImplicitLocOpBuilder &b, OpFoldResult left, OpFoldResult right) {
  return combine<arith::FloorDivSIOp>(b, left, right, 1, floorOf);
}

OpFoldResult ceilDiv(ImplicitLocOpBuilder &b, OpFoldResult left, OpFoldResult right) {
  return combine<arith::CeilDivSIOp>(b, left, right, 1,
                                     [](int64_t l, int64_t r) { return -floorOf(-l, r); });
}

OpFoldResult min(ImplicitLocOpBuilder &b, OpFoldResult left, OpFoldResult right) {
  if (left == right)
    return left;
  return combine<arith::MinSIOp>(b, left, right, std::nullopt,
                                 [](int64_t l, int64_t r) { return std::min(l, r); });
}

OpFoldResult max(ImplicitLocOpBuilder &b, OpFoldResult left, OpFoldResult right) {
  if (left == right)
    return left;
  return combine<arith::MaxSIOp>(b, left, right, std::nullopt,
                                 [](int64_t l, int64_t r) { return std::max(l, r); });
}

Value asValue(ImplicitLocOpBuilder &b, OpFoldResult value) {
  return getValueOrCreateConstantIndexOp(b, b.getLoc(), value);
}

SmallVector<Value> asValues(ImplicitLocOpBuilder &b, ArrayRef<OpFoldResult> values) {
  return getValueOrCreateConstantIndexOp(b, b.getLoc(), values);
}

Value toInteger(ImplicitLocOpBuilder &b, OpFoldResult index, Type type) {
  if (std::optional<int64_t> value = known(index))
    return b.create<arith::ConstantOp>(b.getIntegerAttr(type, *value));
  return b.create<arith::IndexCastOp>(type, cast<Value>(index));
}

OpFoldResult toIndex(ImplicitLocOpBuilder &b, Value integer, bool isUnsigned) {
  APInt constant;
  if (matchPattern(integer, m_ConstantInt(&constant)))
    return fixed(b, isUnsigned ? static_cast<int64_t>(constant.getZExtValue())
                               : constant.getSExtValue());
  if (integer.getType().isIndex())
    return integer;
  // A dimension that went through i32 and back is that dimension: one that does
  // not fit i32 has no meaning in the source.
  Value root = integer;
  while (Operation *op = root.getDefiningOp()) {
    if (!isa<arith::ExtSIOp, arith::TruncIOp>(op) ||
        op->getOperand(0).getType().getIntOrFloatBitWidth() < 32)
      break;
    root = op->getOperand(0);
  }
  if (auto cast = root.getDefiningOp<arith::IndexCastOp>())
    if (cast.getIn().getType().isIndex() && root.getType().getIntOrFloatBitWidth() >= 32)
      return cast.getIn();
  if (isUnsigned)
    return b.create<arith::IndexCastUIOp>(b.getIndexType(), integer).getResult();
  return b.create<arith::IndexCastOp>(b.getIndexType(), integer).getResult();
}

OpFoldResult product(ImplicitLocOpBuilder &b, ArrayRef<OpFoldResult> dims) {
  int64_t knownPart = 1;
  OpFoldResult rest = fixed(b, 1);
  for (OpFoldResult dim : dims) {
    if (std::optional<int64_t> value = known(dim))
      knownPart *= *value;
    else
      rest = mul(b, rest, dim);
  }
  return knownPart == 0 ? fixed(b, 0) : mul(b, rest, fixed(b, knownPart));
}

void require(ImplicitLocOpBuilder &b, Value condition, StringRef what) {
  b.create<cf::AssertOp>(condition, what);
}

void requireEqual(ImplicitLocOpBuilder &b, OpFoldResult left, OpFoldResult right) {
  if (left == right || (known(left) && known(right)))
    return;
  using P = arith::CmpIPredicate;
  require(b, b.create<arith::CmpIOp>(P::eq, asValue(b, left), asValue(b, right)), "sizes differ");
}

void requireSize(ImplicitLocOpBuilder &b, OpFoldResult dim) {
  if (known(dim))
    return;
  using P = arith::CmpIPredicate;
  require(b, b.create<arith::CmpIOp>(P::sge, asValue(b, dim), constantIndex(b, 0)),
          "a size is negative");
}

void Factors::multiply(OpFoldResult dim) {
  if (std::optional<int64_t> value = known(dim)) {
    fixedPart *= *value;
  } else if (auto product = cast<Value>(dim).getDefiningOp<arith::MulIOp>()) {
    multiply(product.getLhs());
    multiply(product.getRhs());
  } else {
    rest.push_back(dim);
  }
}

bool Factors::operator==(const Factors &other) const {
  return fixedPart == other.fixedPart && rest.size() == other.rest.size() &&
         std::is_permutation(rest.begin(), rest.end(), other.rest.begin());
}

OpFoldResult quotient(ImplicitLocOpBuilder &b, ArrayRef<OpFoldResult> factors,
                      ArrayRef<OpFoldResult> divisors) {
  Factors over(factors), under(divisors);
  if (under.fixedPart == 0)
    return fixed(b, 0);
  Dims left;
  for (OpFoldResult divisor : under.rest) {
    auto *same = llvm::find(over.rest, divisor);
    if (same != over.rest.end())
      over.rest.erase(same);
    else
      left.push_back(divisor);
  }
  int64_t common = std::max<int64_t>(std::gcd(over.fixedPart, under.fixedPart), 1);
  over.rest.push_back(fixed(b, over.fixedPart / common));
  left.push_back(fixed(b, under.fixedPart / common));
  return floorDiv(b, product(b, over.rest), product(b, left));
}

RankedTensorType tensorType(ArrayRef<OpFoldResult> dims, Type element) {
  SmallVector<int64_t> shape;
  for (OpFoldResult dim : dims)
    shape.push_back(known(dim).value_or(ShapedType::kDynamic));
  return RankedTensorType::get(shape, element);
}

} // namespace halcyon::onnx
