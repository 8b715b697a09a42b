#include "codegen/cpu/Passes.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/AttrTypeSubElements.h"
#include "mlir/IR/TypeUtilities.h"

namespace halcyon {
#define GEN_PASS_DEF_CPUHALFBITS
#include "codegen/cpu/Passes.h.inc"
} // namespace halcyon

using namespace mlir;

namespace {

struct CpuHalfBits : halcyon::impl::CpuHalfBitsBase<CpuHalfBits> {
  using CpuHalfBitsBase::CpuHalfBitsBase;

  void runOnOperation() override {
    IntegerType bits = IntegerType::get(&getContext(), 16);
    const SmallVector<OpOperand *> brains = operandsOfInstructions();
    AttrTypeReplacer replacer;
    replacer.addReplacement([&](FloatType type) -> std::optional<Type> {
      if (type.isBF16() || (type.isF16() && !halfConversion))
        return bits;
      return std::nullopt;
    });
    replacer.addReplacement([&](FloatAttr value) -> std::optional<Attribute> {
      if (value.getType().isBF16() || (value.getType().isF16() && !halfConversion))
        return IntegerAttr::get(bits, value.getValue().bitcastToAPInt());
      return std::nullopt;
    });
    replacer.addReplacement([&](DenseElementsAttr value) -> std::optional<std::pair<Attribute, WalkResult>> {
      if (value.getElementType().isBF16() || (value.getElementType().isF16() && !halfConversion))
        return std::pair<Attribute, WalkResult>(value.bitcast(bits), WalkResult::skip());
      return std::nullopt;
    });
    replacer.recursivelyReplaceElementsIn(getOperation(), /*replaceAttrs=*/true, /*replaceLocs=*/false,
                                          /*replaceTypes=*/true);
    getOperation()->walk([](LLVM::BitcastOp op) {
      if (op.getArg().getType() != op.getType())
        return;
      op.replaceAllUsesWith(op.getArg());
      op.erase();
    });
    for (OpOperand *operand : brains) {
      OpBuilder b(operand->getOwner());
      Type type = cast<VectorType>(operand->get().getType()).clone(b.getBF16Type());
      operand->set(b.create<LLVM::BitcastOp>(operand->getOwner()->getLoc(), type, operand->get()));
    }
  }

  // Instructions on bf16 take them as such.
  SmallVector<OpOperand *> operandsOfInstructions() {
    SmallVector<OpOperand *> found;
    getOperation()->walk([&](LLVM::CallIntrinsicOp op) {
      for (OpOperand &operand : op->getOpOperands())
        if (isa<VectorType>(operand.get().getType()) && getElementTypeOrSelf(operand.get()).isBF16())
          found.push_back(&operand);
    });
    return found;
  }
};
} // namespace
