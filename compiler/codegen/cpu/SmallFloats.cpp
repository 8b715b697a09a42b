#include "codegen/cpu/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Transforms/DialectConversion.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace halcyon {
#define GEN_PASS_DEF_CPUSMALLFLOATS
#include "codegen/cpu/Passes.h.inc"
} // namespace halcyon

using namespace mlir;
using namespace halcyon;

static Type like(Type shape, Type element) {
  if (auto vector = dyn_cast<VectorType>(shape))
    return vector.clone(element);
  return element;
}

namespace {
// Integer arithmetic on scalars or vectors of one shape.
struct Bits {
  ImplicitLocOpBuilder &b;
  Type shape;

  Value constant(int64_t value, unsigned width) {
    Type type = like(shape, b.getIntegerType(width));
    TypedAttr attribute = b.getIntegerAttr(b.getIntegerType(width), value);
    if (auto vector = dyn_cast<VectorType>(type))
      attribute = DenseElementsAttr::get(vector, attribute);
    return b.create<arith::ConstantOp>(attribute);
  }
  Value c(int64_t value) { return constant(value, 32); }
  Value cast(Value value, Type element) { return b.create<arith::BitcastOp>(like(shape, element), value); }
  Value widen(Value value) { return b.create<arith::ExtUIOp>(like(shape, b.getI32Type()), value); }
  Value narrow(Value value) { return b.create<arith::TruncIOp>(like(shape, b.getIntegerType(16)), value); }
  Value below(Value x, Value y) { return b.create<arith::CmpIOp>(arith::CmpIPredicate::ult, x, y); }
  Value select(Value condition, Value x, Value y) { return b.create<arith::SelectOp>(condition, x, y); }
  template <typename Op> Value op(Value x, Value y) { return b.create<Op>(x, y); }
};
} // namespace

// f16 -> f32. A denormal is exact as an integer times 2^-24.
static Value extendHalf(Bits &i, Value half) {
  Value bits = i.widen(i.cast(half, i.b.getIntegerType(16)));
  Value magnitude = i.op<arith::AndIOp>(bits, i.c(0x7fff));
  Value sign = i.op<arith::ShLIOp>(i.op<arith::AndIOp>(bits, i.c(0x8000)), i.c(16));
  Value shifted = i.op<arith::ShLIOp>(magnitude, i.c(13));
  Value normal = i.op<arith::AddIOp>(shifted, i.c(112 << 23));
  Value special = i.op<arith::AddIOp>(shifted, i.c(224 << 23));
  Value tiny = i.b.create<arith::UIToFPOp>(like(i.shape, i.b.getF32Type()), magnitude);
  Value scale = i.cast(i.c(0x33800000), i.b.getF32Type());
  Value denormal = i.cast(i.b.create<arith::MulFOp>(tiny, scale), i.b.getI32Type());
  Value result = i.select(i.below(magnitude, i.c(0x0400)), denormal, normal);
  result = i.select(i.below(magnitude, i.c(0x7c00)), result, special);
  return i.cast(i.op<arith::OrIOp>(result, sign), i.b.getF32Type());
}

// f32 -> f16, to nearest even. Denormal results round in the addition of 0.5, whose unit is 2^-24.
static Value truncateToHalf(Bits &i, Value single) {
  Value bits = i.cast(single, i.b.getI32Type());
  Value sign = i.op<arith::AndIOp>(i.op<arith::ShRUIOp>(bits, i.c(16)), i.c(0x8000));
  Value magnitude = i.op<arith::AndIOp>(bits, i.c(0x7fffffff));
  Value odd = i.op<arith::AndIOp>(i.op<arith::ShRUIOp>(magnitude, i.c(13)), i.c(1));
  Value rounded = i.op<arith::AddIOp>(i.op<arith::AddIOp>(magnitude, i.c(0xfff)), odd);
  Value normal = i.op<arith::ShRUIOp>(i.op<arith::SubIOp>(rounded, i.c(112 << 23)), i.c(13));
  Value half = i.cast(i.c(0x3f000000), i.b.getF32Type());
  Value sum = i.b.create<arith::AddFOp>(i.cast(magnitude, i.b.getF32Type()), half);
  Value denormal = i.op<arith::SubIOp>(i.cast(sum, i.b.getI32Type()), i.c(0x3f000000));
  Value nan = i.op<arith::OrIOp>(i.op<arith::AndIOp>(i.op<arith::ShRUIOp>(magnitude, i.c(13)), i.c(0x3ff)), i.c(0x7e00));
  Value result = i.select(i.below(magnitude, i.c(113 << 23)), denormal, normal);
  result = i.select(i.below(magnitude, i.c(0x477ff000)), result, i.c(0x7c00));
  result = i.select(i.below(i.c(0x7f800000), magnitude), nan, result);
  return i.cast(i.narrow(i.op<arith::OrIOp>(result, sign)), i.b.getF16Type());
}

static Value extendBrain(Bits &i, Value brain) {
  Value bits = i.widen(i.cast(brain, i.b.getIntegerType(16)));
  return i.cast(i.op<arith::ShLIOp>(bits, i.c(16)), i.b.getF32Type());
}

// f32 -> bf16, to nearest even.
static Value truncateToBrain(Bits &i, Value single) {
  Value bits = i.cast(single, i.b.getI32Type());
  Value odd = i.op<arith::AndIOp>(i.op<arith::ShRUIOp>(bits, i.c(16)), i.c(1));
  Value rounded = i.op<arith::AddIOp>(i.op<arith::AddIOp>(bits, i.c(0x7fff)), odd);
  Value nan = i.op<arith::OrIOp>(bits, i.c(0x400000));
  Value magnitude = i.op<arith::AndIOp>(bits, i.c(0x7fffffff));
  Value result = i.select(i.below(i.c(0x7f800000), magnitude), nan, rounded);
  return i.cast(i.narrow(i.op<arith::ShRUIOp>(result, i.c(16))), i.b.getBF16Type());
}

namespace {
// extf of f16 or bf16 -> integer arithmetic
struct ExpandExtension : OpRewritePattern<arith::ExtFOp> {
  ExpandExtension(MLIRContext *context, bool halfConversion)
      : OpRewritePattern(context), halfConversion(halfConversion) {}
  LogicalResult matchAndRewrite(arith::ExtFOp op, PatternRewriter &rewriter) const override {
    Type from = getElementTypeOrSelf(op.getIn().getType()), to = getElementTypeOrSelf(op.getType());
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    if (!from.isBF16() && !from.isF16())
      return rewriter.notifyMatchFailure(op, "not from a 16-bit float");
    if (to.isF64()) {
      Value single = b.create<arith::ExtFOp>(like(op.getType(), b.getF32Type()), op.getIn());
      rewriter.replaceOpWithNewOp<arith::ExtFOp>(op, op.getType(), single);
      return success();
    }
    if (from.isF16() && halfConversion)
      return rewriter.notifyMatchFailure(op, "is an instruction");
    Bits bits{b, op.getType()};
    rewriter.replaceOp(op, from.isF16() ? extendHalf(bits, op.getIn()) : extendBrain(bits, op.getIn()));
    return success();
  }
  bool halfConversion;
};

// truncf to f16 or bf16 -> integer arithmetic
struct ExpandTruncation : OpRewritePattern<arith::TruncFOp> {
  ExpandTruncation(MLIRContext *context, bool halfConversion)
      : OpRewritePattern(context), halfConversion(halfConversion) {}
  LogicalResult matchAndRewrite(arith::TruncFOp op, PatternRewriter &rewriter) const override {
    Type from = getElementTypeOrSelf(op.getIn().getType()), to = getElementTypeOrSelf(op.getType());
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    if (!to.isBF16() && !to.isF16())
      return rewriter.notifyMatchFailure(op, "not to a 16-bit float");
    if (from.isF64()) {
      Value single = b.create<arith::TruncFOp>(like(op.getType(), b.getF32Type()), op.getIn());
      rewriter.replaceOpWithNewOp<arith::TruncFOp>(op, op.getType(), single);
      return success();
    }
    if (to.isF16() && halfConversion)
      return rewriter.notifyMatchFailure(op, "is an instruction");
    Bits bits{b, op.getType()};
    rewriter.replaceOp(op, to.isF16() ? truncateToHalf(bits, op.getIn()) : truncateToBrain(bits, op.getIn()));
    return success();
  }
  bool halfConversion;
};

// maximumf or minimumf of f16 -> in f32, and NaN by a comparison. LLVM 19 narrows what lies between the conversions to its own
// maximum of halves, which gives the zero of a zero and NaN.
template <typename Op> struct ExpandExtremum : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    if (!getElementTypeOrSelf(op.getType()).isF16())
      return rewriter.notifyMatchFailure(op, "not of f16");
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Type wide = like(op.getType(), b.getF32Type());
    Value x = b.create<arith::ExtFOp>(wide, op.getLhs()), y = b.create<arith::ExtFOp>(wide, op.getRhs());
    TypedAttr nan = b.getFloatAttr(b.getF16Type(), APFloat::getQNaN(APFloat::IEEEhalf()));
    if (auto vector = dyn_cast<VectorType>(op.getType()))
      nan = DenseElementsAttr::get(vector, nan);
    Value unordered = b.create<arith::CmpFOp>(arith::CmpFPredicate::UNO, x, y);
    Value extremum = b.create<arith::TruncFOp>(op.getType(), b.create<Op>(x, y));
    rewriter.replaceOpWithNewOp<arith::SelectOp>(op, unordered, b.create<arith::ConstantOp>(nan), extremum);
    return success();
  }
};

struct CpuSmallFloats : halcyon::impl::CpuSmallFloatsBase<CpuSmallFloats> {
  using CpuSmallFloatsBase::CpuSmallFloatsBase;
  void runOnOperation() override {
    MLIRContext *context = &getContext();
    RewritePatternSet extrema(context);
    extrema.add<ExpandExtremum<arith::MaximumFOp>, ExpandExtremum<arith::MinimumFOp>>(context);
    if (failed(applyPatternsAndFoldGreedily(getOperation(), std::move(extrema))))
      return signalPassFailure();
    if (failed(mathInSingle(context)) || failed(arithmeticInSingle(context)))
      return signalPassFailure();
    RewritePatternSet patterns(context);
    patterns.add<ExpandExtension, ExpandTruncation>(context, halfConversion);
    if (failed(applyPatternsAndFoldGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }

  LogicalResult mathInSingle(MLIRContext *context) {
    TypeConverter converter;
    math::populateLegalizeToF32TypeConverter(converter);
    // Upstream would make vectors of f64 smaller, too. The conversion that was added last is asked first.
    converter.addConversion([](VectorType type) -> std::optional<Type> {
      if (isa<FloatType>(type.getElementType()) && type.getElementTypeBitWidth() < 32)
        return std::nullopt;
      return type;
    });
    ConversionTarget target(*context);
    math::populateLegalizeToF32ConversionTarget(target, converter);
    RewritePatternSet patterns(context);
    math::populateLegalizeToF32Patterns(patterns, converter);
    return applyPartialConversion(getOperation(), target, std::move(patterns));
  }

  LogicalResult arithmeticInSingle(MLIRContext *context) {
    OpBuilder builder(context);
    TypeConverter converter;
    arith::populateEmulateUnsupportedFloatsConversions(converter, {builder.getF16Type(), builder.getBF16Type()},
                                                       builder.getF32Type());
    RewritePatternSet patterns(context);
    arith::populateEmulateUnsupportedFloatsPatterns(patterns, converter);
    ConversionTarget target(*context);
    arith::populateEmulateUnsupportedFloatsLegality(target, converter);
    return applyPartialConversion(getOperation(), target, std::move(patterns));
  }
};
} // namespace
