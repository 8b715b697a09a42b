#include "schedule/Passes.h"

#include "mlir/IR/Matchers.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace halcyon {
#define GEN_PASS_DEF_EXPANDUNSIGNED
#include "schedule/Passes.h.inc"
} // namespace halcyon

using namespace mlir;

namespace {

Value constant(ImplicitLocOpBuilder &b, Type type, int64_t value) {
  return b.create<arith::ConstantOp>(b.getIntegerAttr(type, value));
}

// Of 64 bits. Half of `a` is not negative: its signed quotient is right, and twice that is at most one too small
// (Hacker's Delight, 2nd edition, section 9-3).
Value quotient(ImplicitLocOpBuilder &b, Value left, Value right) {
  Type type = left.getType();
  Value one = constant(b, type, 1);
  Value half = b.create<arith::ShRUIOp>(left, one);
  Value close = b.create<arith::ShLIOp>(b.create<arith::DivSIOp>(half, right), one);
  Value rest = b.create<arith::SubIOp>(left, b.create<arith::MulIOp>(close, right));
  Value more = b.create<arith::CmpIOp>(arith::CmpIPredicate::uge, rest, right);
  Value result = b.create<arith::AddIOp>(close, b.create<arith::ExtUIOp>(type, more));
  APInt known;
  if (matchPattern(right, m_ConstantInt(&known)) && !known.isNegative())
    return result;
  // By 2^63 or more it is 0 or 1.
  Value huge = b.create<arith::CmpIOp>(arith::CmpIPredicate::slt, right, constant(b, type, 0));
  Value fits = b.create<arith::CmpIOp>(arith::CmpIPredicate::uge, left, right);
  return b.create<arith::SelectOp>(huge, b.create<arith::ExtUIOp>(type, fits), result);
}

template <typename Op> struct Expand : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    auto type = dyn_cast<IntegerType>(op.getType());
    if (!type || type.getWidth() > 64)
      return rewriter.notifyMatchFailure(op, "no integer of the host");
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Value left = op.getLhs(), right = op.getRhs();
    const bool narrow = type.getWidth() < 64;
    if (narrow) { // signed division of 64 bits is right
      left = b.create<arith::ExtUIOp>(b.getI64Type(), left);
      right = b.create<arith::ExtUIOp>(b.getI64Type(), right);
    }
    Value result = narrow ? b.create<arith::DivSIOp>(left, right).getResult() : quotient(b, left, right);
    if (!std::is_same_v<Op, arith::DivUIOp>) {
      Value rest = b.create<arith::SubIOp>(left, b.create<arith::MulIOp>(result, right));
      if (std::is_same_v<Op, arith::RemUIOp>) {
        result = rest;
      } else { // rounded up
        Value some = b.create<arith::CmpIOp>(arith::CmpIPredicate::ne, rest, constant(b, b.getI64Type(), 0));
        result = b.create<arith::AddIOp>(result, b.create<arith::ExtUIOp>(b.getI64Type(), some));
      }
    }
    if (narrow)
      result = b.create<arith::TruncIOp>(type, result);
    rewriter.replaceOp(op, result);
    return success();
  }
};

struct ExpandUnsigned : halcyon::impl::ExpandUnsignedBase<ExpandUnsigned> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<Expand<arith::DivUIOp>, Expand<arith::RemUIOp>, Expand<arith::CeilDivUIOp>>(&getContext());
    if (failed(applyPatternsAndFoldGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
