#include "tensor/Generic.h"
#include "tensor/Passes.h"
#include "tensor/SmallFloats.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"

namespace halcyon {
#define GEN_PASS_DEF_NARROWWEIGHTS
#include "tensor/Passes.h.inc"
} // namespace halcyon

using namespace mlir;
using namespace halcyon;

static constexpr int64_t fewestWeights = 4096; // less is no gain

// Filters that are transformed have kernels of their own, which read f32.
static bool isWinograd(linalg::LinalgOp op) {
  return llvm::any_of(*op.getBlock(), llvm::IsaPred<nn::WinogradOp>);
}

// Whether each element of the operand meets several of another one: a loop of the result that it has and the other has not,
// and a reduction. A filter of a channel alone is not such a matrix.
static bool isMatrix(linalg::LinalgOp op, unsigned operand) {
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  SmallVector<utils::IteratorType> iterators = op.getIteratorTypesArray();
  bool reduces = false, spreads = false;
  for (unsigned loop = 0; loop < op.getNumLoops(); ++loop) {
    if (!maps[operand].isFunctionOfDim(loop))
      continue;
    if (iterators[loop] == utils::IteratorType::reduction)
      reduces = true;
    else
      spreads |= llvm::any_of(llvm::seq<unsigned>(0, op.getNumDpsInputs()),
                              [&](unsigned other) { return other != operand && !maps[other].isFunctionOfDim(loop); });
  }
  return reduces && spreads;
}

namespace {
struct NarrowWeights : halcyon::impl::NarrowWeightsBase<NarrowWeights> {
  using NarrowWeightsBase::NarrowWeightsBase;

  void runOnOperation() override {
    SmallVector<linalg::LinalgOp> ops;
    getOperation().walk([&](linalg::LinalgOp op) { ops.push_back(op); });
    IRRewriter rewriter(&getContext());
    for (linalg::LinalgOp op : ops)
      if (op.getNumReductionLoops() && op.getNumDpsInputs() >= 2 && op.hasPureTensorSemantics() && !isWinograd(op))
        narrowOperands(op, rewriter);
  }

  void narrowOperands(linalg::LinalgOp op, IRRewriter &rewriter) {
    for (unsigned i = 0; i < op.getNumDpsInputs(); ++i) {
      if (!getElementTypeOrSelf(op.getDpsInputs()[i]).isF32() || !isMatrix(op, i))
        continue;
      std::optional<StridedConstant> weights = floatWeights(op.getDpsInputs()[i]);
      if (!weights || (weights->element.isF32() && (precision == Precision::f32 || ShapedType::getNumElements(weights->shape) < fewestWeights)))
        continue;
      Attribute narrow = narrowed(*weights);
      if (!narrow) {
        op.emitWarning("its weights stay f32: one is too large for f16");
        continue;
      }
      FailureOr<linalg::GenericOp> generic = asGeneric(op, rewriter);
      if (failed(generic))
        return;
      op = cast<linalg::LinalgOp>(generic->getOperation());
      replace(*generic, i, cast<TypedAttr>(narrow), rewriter);
    }
  }

  // Each element is widened before anything is computed with it.
  static void replace(linalg::GenericOp op, unsigned operand, TypedAttr weights, IRRewriter &rewriter) {
    rewriter.setInsertionPoint(op);
    Value constant = rewriter.create<arith::ConstantOp>(op.getLoc(), weights);
    Block *body = op.getBody();
    rewriter.modifyOpInPlace(op, [&] {
      op->setOperand(operand, constant);
      BlockArgument element = body->getArgument(operand);
      Type wide = element.getType();
      element.setType(getElementTypeOrSelf(constant));
      rewriter.setInsertionPointToStart(body);
      auto widened = rewriter.create<arith::ExtFOp>(op.getLoc(), wide, element);
      element.replaceAllUsesExcept(widened, widened);
    });
  }

  // Nothing where a finite weight would become infinite.
  Attribute narrowed(const StridedConstant &weights) {
    Type element = weights.element;
    if (element.isF32())
      element = precision == Precision::f16 ? cast<Type>(Float16Type::get(&getContext())) : cast<Type>(BFloat16Type::get(&getContext()));
    auto type = RankedTensorType::get(weights.shape, element);
    auto strides = DenseI64ArrayAttr::get(&getContext(), weights.strides);
    Attribute &made = done[{weights.bytes.data(), type.getAsOpaquePointer(), strides.getAsOpaquePointer()}];
    if (made)
      return made;
    std::optional<SmallVector<uint16_t>> numbers = smallFloats(weights, precision);
    if (!numbers)
      return {};
    AsmResourceBlob blob = HeapAsmResourceBlob::allocate(numbers->size() * sizeof(uint16_t), 64, /*dataIsMutable=*/true);
    llvm::copy(*numbers, reinterpret_cast<uint16_t *>(blob.getMutableData().data()));
    const std::string name = (weights.name.empty() ? "constant" : weights.name.str()) + (element.isF16() ? ".f16" : ".bf16");
    return made = DenseResourceElementsAttr::get(type, name, std::move(blob));
  }

  std::map<std::tuple<const void *, const void *, const void *>, Attribute> done; // by bytes, type and strides
};
} // namespace
