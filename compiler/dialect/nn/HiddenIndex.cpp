#include "dialect/nn/HiddenIndex.h"

#include "dialect/nn/Nn.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;

namespace halcyon::nn {

DenseResourceElementsAttr resourceOf(Value tensor) {
  while (auto cast = tensor.getDefiningOp<tensor::CastOp>())
    tensor = cast.getSource();
  DenseResourceElementsAttr resource;
  matchPattern(tensor, m_Constant(&resource));
  return resource;
}

static Value shown(Value index) {
  auto hidden = index.getDefiningOp<HiddenIndexOp>();
  return hidden ? hidden.getIndex() : index;
}

// Null where there is no such element.
static TypedAttr elementOf(DenseResourceElementsAttr resource, OperandRange indices) {
  auto type = cast<RankedTensorType>(resource.getType());
  size_t element = 0;
  for (auto [index, size] : llvm::zip(indices, type.getShape())) {
    APInt at;
    if (!matchPattern(shown(index), m_ConstantInt(&at)) || at.isNegative() || at.sge(size))
      return {};
    element = element * size + at.getSExtValue();
  }
  const unsigned bits = type.getElementType().isIndex() ? 64 : type.getElementTypeBitWidth();
  const size_t bytes = llvm::divideCeil(bits, 8);
  AsmResourceBlob *blob = resource.getRawHandle().getBlob();
  if ((bits % 8 != 0 && bits != 1) || !blob || blob->getData().size() / bytes <= element)
    return {};
  APInt value(bytes * 8, 0);
  llvm::LoadIntFromMemory(value, reinterpret_cast<const uint8_t *>(blob->getData().data()) + element * bytes, bytes);
  if (auto number = dyn_cast<FloatType>(type.getElementType()))
    return FloatAttr::get(number, APFloat(number.getFloatSemantics(), value));
  return IntegerAttr::get(type.getElementType(), bits == 1 ? APInt(1, !value.isZero()) : value);
}

namespace {

// extract(resource)[hidden constants] -> the element; extract(something else)[hidden] -> extract(something else)[index]
struct ReadHidden : OpRewritePattern<tensor::ExtractOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(tensor::ExtractOp op, PatternRewriter &rewriter) const override {
    if (!llvm::any_of(op.getIndices(), [](Value index) { return index.getDefiningOp<HiddenIndexOp>(); }))
      return rewriter.notifyMatchFailure(op, "no index is hidden");
    DenseResourceElementsAttr resource = resourceOf(op.getTensor());
    if (!resource) {
      SmallVector<Value> indices = llvm::map_to_vector(op.getIndices(), shown);
      rewriter.modifyOpInPlace(op, [&] { op.getIndicesMutable().assign(indices); });
      return success();
    }
    TypedAttr element = elementOf(resource, op.getIndices());
    if (!element)
      return rewriter.notifyMatchFailure(op, "an index is unknown or out of range");
    rewriter.replaceOpWithNewOp<arith::ConstantOp>(op, element);
    return success();
  }
};

} // namespace

void NnDialect::getCanonicalizationPatterns(RewritePatternSet &patterns) const { patterns.add<ReadHidden>(getContext()); }

} // namespace halcyon::nn
