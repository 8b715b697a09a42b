#include "codegen/cpu/FloatBuilder.h"
#include "codegen/cpu/Passes.h"

#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace halcyon {
#define GEN_PASS_DEF_CPUMATH
#include "codegen/cpu/Passes.h.inc"
} // namespace halcyon

using namespace mlir;
using namespace halcyon;

namespace {
using Unary = Value (*)(const FloatBuilder &, Value);
using Binary = Value (*)(const FloatBuilder &, Value, Value);

// op -> its function, in f64 where the f32 form would lose bits
template <typename Op> struct ExpandUnary : OpRewritePattern<Op> {
  ExpandUnary(MLIRContext *context, FloatInstructions instructions, Unary function, bool inSingle = false)
      : OpRewritePattern<Op>(context), instructions(instructions), function(function), inSingle(inSingle) {}
  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    FloatBuilder f{b, op.getType(), instructions};
    if (inSingle || f.isDouble()) {
      rewriter.replaceOp(op, function(f, op.getOperand()));
      return success();
    }
    FloatBuilder wide = f.as(b.getF64Type());
    Value result = function(wide, b.create<arith::ExtFOp>(wide.type, op.getOperand()));
    rewriter.replaceOpWithNewOp<arith::TruncFOp>(op, op.getType(), result);
    return success();
  }
  FloatInstructions instructions;
  Unary function;
  bool inSingle;
};

template <typename Op> struct ExpandBinary : OpRewritePattern<Op> {
  ExpandBinary(MLIRContext *context, FloatInstructions instructions, Binary function)
      : OpRewritePattern<Op>(context), instructions(instructions), function(function) {}
  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    FloatBuilder f{b, op.getType(), instructions};
    if (f.isDouble()) {
      rewriter.replaceOp(op, function(f, op.getLhs(), op.getRhs()));
      return success();
    }
    FloatBuilder wide = f.as(b.getF64Type());
    Value result = function(wide, b.create<arith::ExtFOp>(wide.type, op.getLhs()),
                            b.create<arith::ExtFOp>(wide.type, op.getRhs()));
    rewriter.replaceOpWithNewOp<arith::TruncFOp>(op, op.getType(), result);
    return success();
  }
  FloatInstructions instructions;
  Binary function;
};

// fpowi(x, n) -> powf(x, n as a float)
struct ExpandFPowI : OpRewritePattern<math::FPowIOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(math::FPowIOp op, PatternRewriter &rewriter) const override {
    Value exponent = rewriter.create<arith::SIToFPOp>(op.getLoc(), op.getType(), op.getRhs());
    rewriter.replaceOpWithNewOp<math::PowFOp>(op, op.getLhs(), exponent);
    return success();
  }
};

// ipowi -> a loop over the exponent's bits
struct ExpandIPowI : OpRewritePattern<math::IPowIOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(math::IPowIOp op, PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Type type = op.getType();
    const unsigned width = getElementTypeOrSelf(type).getIntOrFloatBitWidth();
    auto constant = [&](int64_t value) -> Value {
      TypedAttr element = b.getIntegerAttr(getElementTypeOrSelf(type), value);
      if (auto vector = dyn_cast<VectorType>(type))
        element = DenseElementsAttr::get(vector, element);
      return b.create<arith::ConstantOp>(element);
    };
    auto equal = [&](Value x, Value y) -> Value { return b.create<arith::CmpIOp>(arith::CmpIPredicate::eq, x, y); };
    Value zero = constant(0), one = constant(1), base = op.getLhs(), exponent = op.getRhs();
    auto loop = b.create<scf::ForOp>(
        b.create<arith::ConstantIndexOp>(0), b.create<arith::ConstantIndexOp>(width),
        b.create<arith::ConstantIndexOp>(1), ValueRange{one, base, exponent},
        [&](OpBuilder &nested, Location loc, Value, ValueRange state) {
          Value bit = nested.create<arith::AndIOp>(loc, state[2], one);
          Value set = nested.create<arith::CmpIOp>(loc, arith::CmpIPredicate::ne, bit, zero);
          Value product = nested.create<arith::MulIOp>(loc, state[0], state[1]);
          Value result = nested.create<arith::SelectOp>(loc, set, product, state[0]);
          Value square = nested.create<arith::MulIOp>(loc, state[1], state[1]);
          Value rest = nested.create<arith::ShRUIOp>(loc, state[2], one);
          nested.create<scf::YieldOp>(loc, ValueRange{result, square, rest});
        });
    // 1/x^n is whole for x = 1 and -1 only.
    Value isOdd = equal(b.create<arith::AndIOp>(exponent, one), one);
    Value ofMinusOne = b.create<arith::SelectOp>(isOdd, constant(-1), one);
    Value inverse = b.create<arith::SelectOp>(
        equal(base, one), one, b.create<arith::SelectOp>(equal(base, constant(-1)), ofMinusOne, zero));
    Value negative = b.create<arith::CmpIOp>(arith::CmpIPredicate::slt, exponent, zero);
    rewriter.replaceOpWithNewOp<arith::SelectOp>(op, negative, inverse, loop.getResult(0));
    return success();
  }
};

// rsqrt(x) -> 1 / sqrt(x)
struct ExpandRsqrt : OpRewritePattern<math::RsqrtOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(math::RsqrtOp op, PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    FloatBuilder f{b, op.getType()};
    rewriter.replaceOp(op, f.div(f.c(1), f.sqrt(op.getOperand())));
    return success();
  }
};

// fma(x, y, z) -> x * y + z, contracted where the target can: LLVM's intrinsic would call libm elsewhere
struct ExpandFma : OpRewritePattern<math::FmaOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(math::FmaOp op, PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    FloatBuilder f{b, op.getType()};
    rewriter.replaceOp(op, f.fma(op.getA(), op.getB(), op.getC()));
    return success();
  }
};

// remf -> hcy_fmod of the image's runtime part; exact in f64 for f32 as well
struct ExpandRem : OpRewritePattern<arith::RemFOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::RemFOp op, PatternRewriter &rewriter) const override {
    Type f64 = rewriter.getF64Type();
    if (!op.getType().isF32() && !op.getType().isF64())
      return rewriter.notifyMatchFailure(op, "not a scalar f32 or f64");
    Location loc = op.getLoc();
    SmallVector<Value> operands(op->getOperands());
    if (op.getType().isF32())
      for (Value &operand : operands)
        operand = rewriter.create<arith::ExtFOp>(loc, f64, operand);
    declare(op->getParentOfType<ModuleOp>(), rewriter, f64);
    Value result = rewriter.create<func::CallOp>(loc, "hcy_fmod", f64, operands).getResult(0);
    if (op.getType().isF32())
      result = rewriter.create<arith::TruncFOp>(loc, op.getType(), result);
    rewriter.replaceOp(op, result);
    return success();
  }
  static void declare(ModuleOp module, PatternRewriter &rewriter, Type f64) {
    if (module.lookupSymbol("hcy_fmod"))
      return;
    OpBuilder::InsertionGuard guard(rewriter);
    rewriter.setInsertionPointToStart(module.getBody());
    auto function = rewriter.create<func::FuncOp>(module.getLoc(), "hcy_fmod",
                                                  rewriter.getFunctionType({f64, f64}, {f64}));
    function.setPrivate();
  }
};

// maximumf or minimumf -> comparisons: NaN where an operand is one, -0 below +0 unless either zero will do
template <typename Op> struct ExpandExtremum : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    constexpr bool isMaximum = std::is_same_v<Op, arith::MaximumFOp>;
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    FloatBuilder f{b, op.getType(), {}};
    Value x = op.getLhs(), y = op.getRhs();
    Value bits[] = {b.create<arith::BitcastOp>(f.intType(), x), b.create<arith::BitcastOp>(f.intType(), y)};
    Value both = isMaximum ? b.create<arith::AndIOp>(bits[0], bits[1]).getResult() : b.create<arith::OrIOp>(bits[0], bits[1]);
    Value made = f.select(isMaximum ? f.less(y, x) : f.less(x, y), x, y);
    if (!arith::bitEnumContainsAll(op.getFastmath(), arith::FastMathFlags::nsz))
      made = f.select(f.equal(x, y), b.create<arith::BitcastOp>(f.type, both), made);
    rewriter.replaceOp(op, f.select(f.compare(arith::CmpFPredicate::UNO, x, y), f.add(x, y), made));
    return success();
  }
};

// A vector that is rounded and converted -> one instruction that does both. Loops of scalars stay what LLVM makes vectors of.
struct RoundToInteger : OpRewritePattern<arith::FPToSIOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::FPToSIOp op, PatternRewriter &rewriter) const override {
    auto rounded = op.getIn().getDefiningOp<math::RoundEvenOp>();
    if (!rounded || !isa<VectorType>(op.getType()) || !getElementTypeOrSelf(op.getIn()).isF32() ||
        !getElementTypeOrSelf(op.getType()).isInteger(32))
      return rewriter.notifyMatchFailure(op, "no vector of f32 that is rounded");
    rewriter.replaceOpWithNewOp<LLVM::CallIntrinsicOp>(op, op.getType(), rewriter.getStringAttr("llvm.lrint"),
                                                       rounded.getOperand(), LLVM::FastmathFlagsAttr());
    return success();
  }
};

struct CpuMath : halcyon::impl::CpuMathBase<CpuMath> {
  using CpuMathBase::CpuMathBase;
  void runOnOperation() override {
    MLIRContext *context = &getContext();
    RewritePatternSet patterns(context);
    const bool single = true;
    const FloatInstructions has{roundInstruction, scaleInstruction};
    patterns.add<ExpandUnary<math::ExpOp>>(context, has, functions::exp, single);
    patterns.add<ExpandUnary<math::Exp2Op>>(context, has, functions::exp2, single);
    patterns.add<ExpandUnary<math::LogOp>>(context, has, functions::log, single);
    patterns.add<ExpandUnary<math::TanhOp>>(context, has, functions::tanh, single);
    patterns.add<ExpandUnary<math::ErfOp>>(context, has, functions::erf, single);
    patterns.add<ExpandUnary<math::ExpM1Op>>(context, has, functions::expm1);
    patterns.add<ExpandUnary<math::Log2Op>>(context, has, functions::log2);
    patterns.add<ExpandUnary<math::Log10Op>>(context, has, functions::log10);
    patterns.add<ExpandUnary<math::Log1pOp>>(context, has, functions::log1p);
    patterns.add<ExpandUnary<math::SinOp>>(context, has, functions::sin);
    patterns.add<ExpandUnary<math::CosOp>>(context, has, functions::cos);
    patterns.add<ExpandUnary<math::TanOp>>(context, has, functions::tan);
    patterns.add<ExpandUnary<math::AsinOp>>(context, has, functions::asin);
    patterns.add<ExpandUnary<math::AcosOp>>(context, has, functions::acos);
    patterns.add<ExpandUnary<math::AtanOp>>(context, has, functions::atan);
    patterns.add<ExpandUnary<math::SinhOp>>(context, has, functions::sinh);
    patterns.add<ExpandUnary<math::CoshOp>>(context, has, functions::cosh);
    patterns.add<ExpandUnary<math::AsinhOp>>(context, has, functions::asinh);
    patterns.add<ExpandUnary<math::AcoshOp>>(context, has, functions::acosh);
    patterns.add<ExpandUnary<math::AtanhOp>>(context, has, functions::atanh);
    patterns.add<ExpandUnary<math::CbrtOp>>(context, has, functions::cbrt);
    patterns.add<ExpandBinary<math::PowFOp>>(context, has, functions::pow);
    patterns.add<ExpandBinary<math::Atan2Op>>(context, has, functions::atan2);
    if (roundInstruction) {
      patterns.add<RoundToInteger>(context);
    } else {
      patterns.add<ExpandUnary<math::FloorOp>>(context, has, functions::floor, single);
      patterns.add<ExpandUnary<math::CeilOp>>(context, has, functions::ceil, single);
      patterns.add<ExpandUnary<math::TruncOp>>(context, has, functions::trunc, single);
      patterns.add<ExpandUnary<math::RoundOp>>(context, has, functions::round, single);
      patterns.add<ExpandUnary<math::RoundEvenOp>>(context, has, functions::roundEven, single);
    }
    if (!extremumInstruction)
      patterns.add<ExpandExtremum<arith::MaximumFOp>, ExpandExtremum<arith::MinimumFOp>>(context);
    patterns.add<ExpandFPowI, ExpandIPowI, ExpandRsqrt, ExpandFma, ExpandRem>(context);
    arith::populateCeilFloorDivExpandOpsPatterns(patterns);
    if (failed(applyPatternsAndFoldGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
