#include "dialect/nn/Nn.h"
#include "tensor/Dequantized.h"
#include "tensor/Generic.h"
#include "tensor/Passes.h"
#include "tensor/Products.h"
#include "tensor/SmallFloats.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"

namespace halcyon {
#define GEN_PASS_DEF_PAIRPRODUCTS
#include "tensor/Passes.h.inc"
} // namespace halcyon

using namespace mlir;
using namespace halcyon;

static constexpr int64_t fewestWeights = 4096; // less is no gain

// Whether the tensor is made by an operation that widens bf16 last.
static bool isWidened(Value tensor) {
  auto op = tensor.getDefiningOp<linalg::GenericOp>();
  auto widened = op && isElementwise(op) ? op.getBody()->getTerminator()->getOperand(0).getDefiningOp<arith::ExtFOp>() : arith::ExtFOp();
  return widened && widened.getIn().getType().isBF16();
}

namespace {
struct PairProducts : halcyon::impl::PairProductsBase<PairProducts> {
  using PairProductsBase::PairProductsBase;

  void runOnOperation() override {
    SmallVector<linalg::LinalgOp> ops;
    // The step of a loop has few rows, and would round its state in a kernel of its own.
    getOperation().walk([&](linalg::LinalgOp op) {
      if (op->getParentOp() == getOperation() && op.getNumReductionLoops() && op.getNumDpsInputs() == 2 && op.hasPureTensorSemantics())
        ops.push_back(op);
    });
    IRRewriter rewriter(&getContext());
    for (linalg::LinalgOp op : ops) {
      if (llvm::none_of(op.getDpsInputs(), [&](Value input) { return weightsOf(input).has_value(); }))
        continue;
      FailureOr<linalg::GenericOp> generic = asGeneric(op, rewriter);
      if (failed(generic))
        continue;
      for (unsigned right : {1u, 0u})
        if (rewrite(*generic, right, rewriter))
          break;
    }
  }

  // Of bf16; of f32, enough of them, where they may be rounded.
  std::optional<StridedConstant> weightsOf(Value value) const {
    std::optional<StridedConstant> weights = floatWeights(value);
    if (!weights || weights->element.isF16() ||
        (weights->element.isF32() && (!rounds || ShapedType::getNumElements(weights->shape) < fewestWeights)))
      return {};
    return weights;
  }

  bool rewrite(linalg::GenericOp op, unsigned right, IRRewriter &rewriter) {
    std::optional<StridedConstant> weights = weightsOf(op.getDpsInputs()[right]);
    std::optional<Contraction> found = weights ? pairContraction(op, right) : std::nullopt;
    if (!found || !getElementTypeOrSelf(op.getResult(0)).isF32())
      return false;
    Location loc = op.getLoc();
    Left left = sourceOf(op.getDpsInputs()[found->left], op->getBlock(), /*planes=*/false);
    Type element = getElementTypeOrSelf(left.source);
    if (!element.isBF16() && !(element.isF32() && (rounds || isWidened(left.source))))
      return false;
    Value brains = element.isBF16() ? left.source : rounded(left.source, rewriter);
    rewriter.setInsertionPoint(op);
    Value words = wordsOf(behindViews(brains, left, rewriter), rewriter);
    if (left.padding) {
      Value outside = rewriter.create<arith::ConstantIntOp>(loc, 0, 32);
      const int64_t depth = linalg::GenericOp(left.padding).getNumLoops() - 1;
      words = padded(left.padding, words, outside, std::pair(depth, cast<RankedTensorType>(words.getType()).getDimSize(left.channel)), rewriter);
    }
    AffineMap map = op.getIndexingMapsArray()[right];
    auto constant = cast<TypedAttr>(pairs(*weights, *map.getResultPosition(rewriter.getAffineDimExpr(found->loops.depth))));
    SmallVector<AffineMap> maps{op.getIndexingMapsArray()[found->left], map, op.getIndexingMapsArray()[2]};
    auto made = rewriter.create<linalg::GenericOp>(
        loc, op->getResultTypes(), ValueRange{words, rewriter.create<arith::ConstantOp>(loc, constant)}, op.getDpsInits(), maps,
        op.getIteratorTypesArray(), [](OpBuilder &b, Location at, ValueRange in) {
          Value dot = b.create<nn::DotPairsOp>(at, in[2].getType(), in[0], in[1]);
          b.create<linalg::YieldOp>(at, b.create<arith::AddFOp>(at, in[2], dot).getResult());
        });
    rewriter.replaceOp(op, made);
    return true;
  }

  // Where the tensor is made, so that equal ones are one.
  static Value rounded(Value tensor, IRRewriter &rewriter) {
    rewriter.setInsertionPointAfterValue(tensor);
    AffineMap identity = rewriter.getMultiDimIdentityMap(cast<RankedTensorType>(tensor.getType()).getRank());
    return elementwise(rewriter, tensor.getLoc(), tensor, identity, rewriter.getBF16Type(), [](ImplicitLocOpBuilder &b, ValueRange in) -> Value {
      return b.create<arith::TruncFOp>(b.getBF16Type(), in[0]);
    });
  }

  // In the shape they have, but for the axis that is taken by twos.
  Attribute pairs(const StridedConstant &weights, unsigned axis) {
    SmallVector<int64_t> shape(weights.shape);
    shape[axis] /= 2;
    auto type = RankedTensorType::get(shape, IntegerType::get(&getContext(), 32));
    auto strides = DenseI64ArrayAttr::get(&getContext(), weights.strides);
    Attribute &made = done[{weights.bytes.data(), axis, type.getAsOpaquePointer(), strides.getAsOpaquePointer()}];
    if (made)
      return made;
    const SmallVector<uint16_t> numbers = *smallFloats(weights, Precision::bf16);
    AsmResourceBlob blob = HeapAsmResourceBlob::allocate(type.getNumElements() * 4, 64, /*dataIsMutable=*/true);
    auto *to = reinterpret_cast<uint32_t *>(blob.getMutableData().data());
    const int64_t inside = ShapedType::getNumElements(ArrayRef(shape).drop_front(axis + 1));
    for (int64_t i = 0; i < type.getNumElements(); ++i) {
      const int64_t first = i / inside * 2 * inside + i % inside;
      to[i] = numbers[first] | static_cast<uint32_t>(numbers[first + inside]) << 16;
    }
    const std::string name = (weights.name.empty() ? "constant" : weights.name.str()) + ".pairs";
    return made = DenseResourceElementsAttr::get(type, name, std::move(blob));
  }

  std::map<std::tuple<const void *, unsigned, const void *, const void *>, Attribute> done; // by bytes, axis, type and strides
};
} // namespace
