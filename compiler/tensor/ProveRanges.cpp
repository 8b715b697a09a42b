#include "tensor/Passes.h"
#include "tensor/StridedConstant.h"

#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Matchers.h"

namespace halcyon {
#define GEN_PASS_DEF_PROVERANGES
#include "tensor/Passes.h.inc"
} // namespace halcyon

using namespace mlir;
using namespace halcyon;

namespace {

// What a number lies in, both ends included; never NaN.
struct Range {
  double low = 0, high = 0;
};

constexpr double mostSum = 2144000000; // of 32768 products and a bias of 2^30; as an f32 still less than 2^31
constexpr double mostFinite = 1e30; // far from where a sum or product of two floats could leave their range

std::optional<Range> bounded(double low, double high) {
  // Room for the rounding of every step.
  const double slack = 1e-6 * std::max(std::abs(low), std::abs(high));
  if (!(std::abs(low) < mostFinite && std::abs(high) < mostFinite))
    return {};
  return Range{low - slack, high + slack};
}

class Ranges {
public:
  explicit Ranges(linalg::GenericOp op) : op(op) {}

  std::optional<Range> of(Value value) {
    if (auto known = found.find(value); known != found.end())
      return known->second;
    std::optional<Range> range = compute(value);
    found[value] = range;
    return range;
  }

  void learn(Value value, Value same) {
    if (std::optional<Range> range = of(same))
      found[value] = range;
  }

  // Whether it is computed from sums of integers, and so no more exact than they are scaled.
  bool isRescaled(Value value) {
    if (auto argument = dyn_cast<BlockArgument>(value))
      return value.getType().isInteger(32) || isWhole(argument);
    Operation *made = value.getDefiningOp();
    if (made->getBlock() != op.getBody() || isa<arith::FPToSIOp>(made))
      return false;
    auto [known, isNew] = rescaled.try_emplace(value, false);
    if (isNew) {
      const bool is = llvm::any_of(made->getOperands(), [&](Value operand) { return isRescaled(operand); });
      rescaled[value] = is;
      return is;
    }
    return known->second;
  }

private:
  // A sum that halcyon-integer-contractions takes: of whole numbers in f32, or in i32.
  bool isWhole(BlockArgument argument) {
    if (argument.getOwner() != op.getBody() || argument.getArgNumber() >= op.getNumDpsInputs())
      return false;
    Operation *made = op.getDpsInputs()[argument.getArgNumber()].getDefiningOp();
    while (isa_and_nonnull<tensor::ExpandShapeOp, tensor::CollapseShapeOp, tensor::CastOp>(made))
      made = made->getOperand(0).getDefiningOp();
    return made && made->hasAttr("halcyon.whole");
  }

  std::optional<Range> ofArgument(BlockArgument argument) {
    if (isWhole(argument))
      return argument.getType().isF32() ? Range{-0x1p24, 0x1p24} : Range{-mostSum, mostSum};
    if (argument.getOwner() != op.getBody() || argument.getArgNumber() >= op.getNumDpsInputs() || !argument.getType().isF32())
      return {};
    std::optional<StridedConstant> constant = stridedConstant(op.getDpsInputs()[argument.getArgNumber()]);
    if (!constant || constant->bytes.size() < sizeof(float))
      return {};
    Range range{INFINITY, -INFINITY};
    for (size_t at = 0; at + sizeof(float) <= constant->bytes.size(); at += sizeof(float)) {
      float number;
      std::memcpy(&number, constant->bytes.data() + at, sizeof(number));
      if (!std::isfinite(number))
        return {};
      range = {std::min<double>(range.low, number), std::max<double>(range.high, number)};
    }
    return bounded(range.low, range.high);
  }

  std::optional<Range> compute(Value value) {
    FloatAttr number;
    IntegerAttr integer;
    if (matchPattern(value, m_Constant(&number)))
      return number.getValue().isFinite() ? std::optional(Range{number.getValueAsDouble(), number.getValueAsDouble()}) : std::nullopt;
    if (matchPattern(value, m_Constant(&integer)) && !value.getType().isInteger(1)) {
      const auto exact = static_cast<double>(integer.getInt());
      return Range{exact, exact};
    }
    if (auto argument = dyn_cast<BlockArgument>(value))
      return ofArgument(argument);
    Operation *made = value.getDefiningOp();
    if (isa<arith::ExtSIOp, arith::ExtUIOp>(made))
      return ofInteger(made->getOperand(0), isa<arith::ExtSIOp>(made));
    if (isa<arith::SIToFPOp, arith::UIToFPOp>(made)) {
      std::optional<Range> whole = ofInteger(made->getOperand(0), isa<arith::SIToFPOp>(made));
      return whole ? bounded(whole->low, whole->high) : std::nullopt; // 2^31 - 1 becomes 2^31
    }
    if (auto select = dyn_cast<arith::SelectOp>(made)) {
      std::optional<Range> a = of(select.getTrueValue()), b = of(select.getFalseValue());
      return a && b ? std::optional(Range{std::min(a->low, b->low), std::max(a->high, b->high)}) : std::nullopt;
    }
    if (made->getNumOperands() == 1)
      return ofUnary(made);
    if (made->getNumOperands() == 2)
      return ofBinary(made);
    return {};
  }

  std::optional<Range> ofInteger(Value value, bool isSigned) {
    const unsigned bits = value.getType().getIntOrFloatBitWidth();
    if (bits > 32 || bits == 1)
      return {};
    if (isSigned && bits == 32)
      if (std::optional<Range> range = of(value))
        return range;
    const double all = std::ldexp(1.0, static_cast<int>(bits));
    return isSigned ? Range{-all / 2, all / 2 - 1} : Range{0, all - 1};
  }

  std::optional<Range> ofUnary(Operation *made) {
    std::optional<Range> from = of(made->getOperand(0));
    if (!from)
      return {};
    if (isa<math::RoundEvenOp, math::FloorOp, math::CeilOp, math::TruncOp>(made))
      return bounded(std::floor(from->low), std::ceil(from->high));
    if (isa<arith::NegFOp>(made))
      return Range{-from->high, -from->low};
    if (isa<arith::FPToSIOp>(made) && made->getResult(0).getType().isInteger(32) && from->low >= -0x1p31 && from->high < 0x1p31)
      return Range{std::trunc(from->low), std::trunc(from->high)};
    return {};
  }

  std::optional<Range> ofBinary(Operation *made) {
    std::optional<Range> a = of(made->getOperand(0)), b = of(made->getOperand(1));
    if (!a || !b)
      return {};
    if (isa<arith::AddFOp>(made))
      return bounded(a->low + b->low, a->high + b->high);
    if (isa<arith::SubFOp>(made))
      return bounded(a->low - b->high, a->high - b->low);
    if (isa<arith::MaximumFOp, arith::MaxNumFOp>(made))
      return Range{std::max(a->low, b->low), std::max(a->high, b->high)};
    if (isa<arith::MinimumFOp, arith::MinNumFOp>(made))
      return Range{std::min(a->low, b->low), std::min(a->high, b->high)};
    if (isa<arith::AddIOp, arith::SubIOp>(made)) {
      const bool adds = isa<arith::AddIOp>(made);
      Range sum{adds ? a->low + b->low : a->low - b->high, adds ? a->high + b->high : a->high - b->low};
      return sum.low >= -0x1p31 && sum.high < 0x1p31 && made->getResult(0).getType().isInteger(32) ? std::optional(sum) : std::nullopt;
    }
    if (isa<arith::DivFOp>(made)) {
      if (b->low <= 1e-30)
        return {};
      *b = {1 / b->high, 1 / b->low};
    } else if (!isa<arith::MulFOp>(made)) {
      return {};
    }
    const double products[] = {a->low * b->low, a->low * b->high, a->high * b->low, a->high * b->high};
    return bounded(*std::min_element(std::begin(products), std::end(products)), *std::max_element(std::begin(products), std::end(products)));
  }

  linalg::GenericOp op;
  DenseMap<Value, std::optional<Range>> found;
  DenseMap<Value, bool> rescaled;
};

// select(low <= x < high, x, ..) of a number that lies there -> x
Value provenInside(arith::SelectOp op, Ranges &ranges) {
  auto both = op.getCondition().getDefiningOp<arith::AndIOp>();
  std::optional<Range> range = both ? ranges.of(op.getTrueValue()) : std::nullopt;
  if (!range)
    return {};
  for (Value each : both->getOperands()) {
    auto compare = each.getDefiningOp<arith::CmpFOp>();
    FloatAttr limit;
    if (!compare || compare.getLhs() != op.getTrueValue() || !matchPattern(compare.getRhs(), m_Constant(&limit)))
      return {};
    const double at = limit.getValueAsDouble();
    switch (compare.getPredicate()) {
    case arith::CmpFPredicate::OLT:
      if (!(range->high < at))
        return {};
      break;
    case arith::CmpFPredicate::OGE:
      if (!(range->low >= at))
        return {};
      break;
    default:
      return {};
    }
  }
  return op.getTrueValue();
}

// A whole number that is not -0.
bool isWhole(Value value) {
  FloatAttr constant;
  if (matchPattern(value, m_Constant(&constant)))
    return constant.getValue().isInteger() && !constant.getValue().isNegZero();
  Operation *made = value.getDefiningOp();
  if (isa_and_nonnull<arith::SIToFPOp, arith::UIToFPOp>(made))
    return true;
  if (auto select = dyn_cast_or_null<arith::SelectOp>(made))
    return isWhole(select.getTrueValue()) && isWhole(select.getFalseValue());
  // A sum is -0 only of two of them; rounded, it is whole.
  auto sum = dyn_cast_or_null<arith::AddFOp>(made);
  return sum && isWhole(sum.getRhs()) && (isWhole(sum.getLhs()) || sum.getLhs().getDefiningOp<math::RoundEvenOp>());
}

// A whole number that becomes an integer, perhaps less a constant, and a float again: it, or the difference.
Value unconverted(arith::SIToFPOp op, Ranges &ranges, ImplicitLocOpBuilder &b) {
  Value from = op.getIn();
  IntegerAttr less;
  if (auto difference = from.getDefiningOp<arith::SubIOp>(); difference && matchPattern(difference.getRhs(), m_Constant(&less)))
    from = difference.getLhs();
  auto integer = from.getDefiningOp<arith::FPToSIOp>();
  Value number = integer ? integer.getIn() : Value();
  if (!number || !op.getType().isF32() || number.getType() != op.getType() || !integer.getType().isInteger(32) || !isWhole(number))
    return {};
  std::optional<Range> range = ranges.of(number);
  const double most = less ? 0x1p23 : 0x1p31; // of a difference, all digits are kept
  if (!range || range->low < -most || range->high >= most || (less && std::abs(less.getInt()) > 1 << 23))
    return {};
  return less ? b.create<arith::SubFOp>(number, b.create<arith::ConstantOp>(b.getF32FloatAttr(static_cast<float>(less.getInt())))).getResult()
              : number;
}

// What is cut to a byte that it fits, and widened again.
Value uncut(Operation *op, Ranges &ranges) {
  auto cut = op->getOperand(0).getDefiningOp<arith::TruncIOp>();
  if (!cut || cut.getIn().getType() != op->getResult(0).getType())
    return {};
  std::optional<Range> range = ranges.of(cut.getIn());
  const double all = std::ldexp(1.0, static_cast<int>(cut.getType().getIntOrFloatBitWidth()));
  const bool fits = range && (isa<arith::ExtSIOp>(op) ? range->low >= -all / 2 && range->high <= all / 2 - 1 : range->low >= 0 && range->high <= all - 1);
  return fits ? cut.getIn() : Value();
}

// A whole number that a float constant is.
std::optional<int64_t> wholeConstant(Value value) {
  constexpr double most = 1 << 20; // so that f32 tells all numbers close to it apart
  FloatAttr number;
  if (!matchPattern(value, m_Constant(&number)) || !(std::abs(number.getValueAsDouble()) <= most) || !number.getValue().isInteger())
    return {};
  return static_cast<int64_t>(number.getValueAsDouble());
}

// A byte that is rounded, moved by a zero point, cut to its limits and only then made an integer is one before that: a
// processor rounds as it converts, and saturates as it narrows. So does a byte whose sign is turned.
void roundFirst(arith::TruncIOp cut, Ranges &ranges) {
  auto conversion = cut.getIn().getDefiningOp<arith::FPToSIOp>();
  if (!conversion || !conversion->hasOneUse() || !conversion.getType().isInteger(32) || !conversion.getIn().getType().isF32())
    return;
  struct Limit {
    bool isLower;
    int64_t at;
  };
  SmallVector<Limit> limits; // the last one first
  Value value = conversion.getIn();
  while (auto select = value.getDefiningOp<arith::SelectOp>()) {
    auto compare = select.getCondition().getDefiningOp<arith::CmpFOp>();
    std::optional<int64_t> at = wholeConstant(select.getFalseValue());
    if (!compare || !at || compare.getLhs() != select.getTrueValue() || compare.getRhs() != select.getFalseValue() ||
        (compare.getPredicate() != arith::CmpFPredicate::OGT && compare.getPredicate() != arith::CmpFPredicate::OLT))
      return;
    limits.push_back({compare.getPredicate() == arith::CmpFPredicate::OGT, *at});
    value = select.getTrueValue();
  }
  int64_t zero = 0;
  if (auto sum = value.getDefiningOp<arith::AddFOp>()) {
    std::optional<int64_t> constant = wholeConstant(sum.getRhs());
    if (!constant)
      return;
    zero = *constant, value = sum.getLhs();
  }
  auto rounded = value.getDefiningOp<math::RoundEvenOp>();
  std::optional<Range> range = rounded ? ranges.of(rounded.getOperand()) : std::nullopt;
  // With both limits, a sum that f32 cannot hold exactly is beyond one of them either way.
  const bool isBetween = llvm::any_of(limits, [](Limit each) { return each.isLower; }) &&
                         llvm::any_of(limits, [](Limit each) { return !each.isLower; });
  const double most = isBetween ? 0x1p30 : 0x1p22;
  if (!range || range->low < -most || range->high > most)
    return;

  auto turn = cut->hasOneUse() ? dyn_cast<arith::XOrIOp>(*cut->user_begin()) : arith::XOrIOp();
  IntegerAttr sign;
  if (turn && (!matchPattern(turn.getRhs(), m_Constant(&sign)) || sign.getInt() != -128))
    turn = {};
  const int64_t shift = turn ? 128 : 0;
  ImplicitLocOpBuilder b(cut.getLoc(), cut);
  auto constant = [&](int64_t number) { return b.create<arith::ConstantIntOp>(number, 32); };
  Value whole = b.create<arith::FPToSIOp>(b.getI32Type(), rounded);
  if (zero + shift)
    whole = b.create<arith::AddIOp>(whole, constant(zero + shift));
  for (Limit each : llvm::reverse(limits))
    whole = each.isLower ? b.create<arith::MaxSIOp>(whole, constant(each.at + shift)).getResult()
                         : b.create<arith::MinSIOp>(whole, constant(each.at + shift)).getResult();
  Value byte = b.create<arith::TruncIOp>(b.getI8Type(), whole);
  (turn ? turn.getResult() : cut.getResult()).replaceAllUsesWith(byte);
}

struct ProveRanges : halcyon::impl::ProveRangesBase<ProveRanges> {
  void runOnOperation() override {
    getOperation().walk([](linalg::GenericOp op) {
      if (op.hasPureTensorSemantics())
        simplify(op);
    });
  }

  static void simplify(linalg::GenericOp op) {
    Ranges ranges(op);
    SmallVector<Operation *> replaced; // erased last: what is known of values must not become that of others
    for (Operation &inner : llvm::make_early_inc_range(op.getBody()->without_terminator())) {
      ImplicitLocOpBuilder b(inner.getLoc(), &inner);
      Value better;
      if (auto select = dyn_cast<arith::SelectOp>(inner))
        better = provenInside(select, ranges);
      else if (auto back = dyn_cast<arith::SIToFPOp>(inner))
        better = unconverted(back, ranges, b);
      else if (isa<arith::ExtSIOp, arith::ExtUIOp>(inner))
        better = uncut(&inner, ranges);
      else if (isa<arith::MaximumFOp, arith::MinimumFOp>(inner))
        better = compared(inner, ranges, b);
      else if (auto quotient = dyn_cast<arith::DivFOp>(inner))
        better = multiplied(quotient, ranges, b);
      if (!better)
        continue;
      ranges.learn(better, inner.getResult(0));
      inner.getResult(0).replaceAllUsesWith(better);
      replaced.push_back(&inner);
    }
    for (Operation *dead : llvm::reverse(replaced))
      dead->erase();
    Ranges rest(op);
    for (Operation &inner : llvm::make_early_inc_range(op.getBody()->without_terminator()))
      if (auto cut = dyn_cast<arith::TruncIOp>(inner); cut && cut.getType().isInteger(8))
        roundFirst(cut, rest);
  }

  // The larger or smaller of a number and a constant: one instruction where neither is NaN, nor -0 the constant.
  static Value compared(Operation &op, Ranges &ranges, ImplicitLocOpBuilder &b) {
    Value x = op.getOperand(0), limit = op.getOperand(1);
    FloatAttr constant;
    if (!matchPattern(limit, m_Constant(&constant)) || constant.getValue().isNegZero() || !ranges.of(x) || !ranges.of(limit))
      return {};
    const bool larger = isa<arith::MaximumFOp>(op);
    // The smaller one of +0 and -0 is -0, which no integer tells apart; a constant zero stays as it was.
    if (!larger && constant.getValue().isZero())
      return {};
    Value keep = b.create<arith::CmpFOp>(larger ? arith::CmpFPredicate::OGT : arith::CmpFPredicate::OLT, x, limit);
    return b.create<arith::SelectOp>(keep, x, limit);
  }

  // A scaled sum of integers divided by a constant: one factor does both.
  static Value multiplied(arith::DivFOp op, Ranges &ranges, ImplicitLocOpBuilder &b) {
    FloatAttr constant;
    if (!op.getType().isF32() || !matchPattern(op.getRhs(), m_Constant(&constant)) || !ranges.of(op.getLhs()) ||
        !ranges.isRescaled(op.getLhs()))
      return {};
    const auto divisor = static_cast<float>(constant.getValueAsDouble());
    if (auto product = op.getLhs().getDefiningOp<arith::MulFOp>())
      if (Value factor = divided(product.getRhs(), divisor, b))
        return b.create<arith::MulFOp>(product.getLhs(), factor);
    const auto inverse = static_cast<float>(1 / constant.getValueAsDouble());
    if (!std::isnormal(inverse))
      return {};
    return b.create<arith::MulFOp>(op.getLhs(), b.create<arith::ConstantOp>(b.getF32FloatAttr(inverse)));
  }

  // A constant, or the argument for a constant of elements that nothing else uses, divided.
  static Value divided(Value factor, float divisor, ImplicitLocOpBuilder &b) {
    FloatAttr same;
    if (matchPattern(factor, m_Constant(&same)))
      return b.create<arith::ConstantOp>(b.getF32FloatAttr(static_cast<float>(same.getValueAsDouble()) / divisor));
    auto argument = dyn_cast<BlockArgument>(factor);
    auto op = argument ? dyn_cast<linalg::GenericOp>(argument.getOwner()->getParentOp()) : linalg::GenericOp();
    if (!op || !argument.hasOneUse() || argument.getArgNumber() >= op.getNumDpsInputs())
      return {};
    auto constant = op.getDpsInputs()[argument.getArgNumber()].getDefiningOp<arith::ConstantOp>();
    auto elements = constant ? dyn_cast<DenseElementsAttr>(constant.getValue()) : DenseElementsAttr();
    if (!elements)
      return {};
    DenseElementsAttr quotients = cast<DenseFPElementsAttr>(elements).mapValues(b.getF32Type(), [&](const APFloat &value) {
      return APFloat(value.convertToFloat() / divisor).bitcastToAPInt();
    });
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(op);
    op.setOperand(argument.getArgNumber(), b.create<arith::ConstantOp>(cast<TypedAttr>(Attribute(quotients))));
    return argument;
  }
};

} // namespace
