// dialect/nn/ConvParts.h -- what the decompositions of convolutions share.
#pragma once
#include "dialect/nn/LinalgBuilders.h"
#include "mlir/IR/PatternMatch.h"

namespace halcyon::nn {

mlir::Value zeroOf(mlir::ImplicitLocOpBuilder &b, mlir::Type type);

// `init` overwritten by zero or by the bias of each channel.
mlir::Value startAccumulator(mlir::ImplicitLocOpBuilder &b, mlir::Value init, mlir::Value bias, unsigned channelAxis);

// The body of a contraction: (left, right, sum) -> sum + left * right.
mlir::Value multiplyAdd(mlir::ImplicitLocOpBuilder &b, mlir::ValueRange arguments);

// `total`, plus the product of an element and a weight where the element is inside.
mlir::Value addInside(mlir::ImplicitLocOpBuilder &b, mlir::Value inside, mlir::Value input, mlir::ValueRange from,
                      mlir::Value filter, mlir::ValueRange weight, mlir::Value total);

// An op that gives no elements -> its init
template <class Op> struct DropEmpty : mlir::OpRewritePattern<Op> {
  using mlir::OpRewritePattern<Op>::OpRewritePattern;
  mlir::LogicalResult matchAndRewrite(Op op, mlir::PatternRewriter &rewriter) const override {
    if (!llvm::is_contained(op.getType().getShape(), 0))
      return rewriter.notifyMatchFailure(op, "gives elements");
    rewriter.replaceOp(op, op.getInit());
    return mlir::success();
  }
};

} // namespace halcyon::nn
