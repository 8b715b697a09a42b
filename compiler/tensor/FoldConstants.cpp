#include "tensor/Passes.h"
#include "tensor/StridedConstant.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"

namespace halcyon {
#define GEN_PASS_DEF_FOLDCONSTANTS
#include "tensor/Passes.h.inc"
} // namespace halcyon

using namespace mlir;
using namespace halcyon;

// Of bytes, as the importer's: upstream folds single elements of small constants, and crashes where they are a resource.
static constexpr size_t denseLimit = 256;


namespace {

int64_t bytesOf(Type element) { return element.getIntOrFloatBitWidth() / 8; }

// Contractions read panels of their own (halcyon-pack-constants), insertions look at their source later: both look
// through what moves a constant.
bool isReadAsItIs(Operation *op) {
  return llvm::any_of(op->getUsers(), [](Operation *user) {
    auto linalgOp = dyn_cast<linalg::LinalgOp>(user);
    return linalgOp ? linalgOp.getNumReductionLoops() == 0 : !isa<tensor::InsertSliceOp>(user);
  });
}

// A tensor of insert_slices so far, all of them of constants.
struct Assembly {
  AsmResourceBlob blob;
  std::string name; // of the largest part
  int64_t largest = 0;
  int64_t written = 0; // elements
};

class Folder {
public:
  void run(func::FuncOp function) {
    SmallVector<Operation *> ops;
    function.walk<WalkOrder::PreOrder>([&](Operation *op) { ops.push_back(op); });
    for (Operation *op : ops) {
      auto insert = dyn_cast<tensor::InsertSliceOp>(op);
      if (insert && succeeded(assemble(insert)))
        continue;
      for (Value operand : op->getOperands())
        finish(operand);
      if (insert)
        if (auto source = insert.getSource().getDefiningOp<linalg::LinalgOp>())
          move(source);
      if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op); linalgOp && isReadAsItIs(op))
        move(linalgOp);
    }
    // In reverse: each is used by later ones only.
    for (Operation *op : llvm::reverse(ops))
      if (isa<tensor::InsertSliceOp, linalg::LinalgOp, tensor::ExpandShapeOp, tensor::CollapseShapeOp>(op) &&
          isOpTriviallyDead(op))
        op->erase();
  }

private:
  // Whether `bytes` more of the constant may be kept as other constants: they are together no more than it.
  bool mayMove(const StridedConstant &constant, int64_t bytes) {
    int64_t &sum = moved[constant.bytes.end()];
    if (sum + bytes > constant.whole)
      return false;
    sum += bytes;
    return true;
  }

  void replace(Value value, AsmResourceBlob blob, StringRef name) {
    OpBuilder builder(value.getDefiningOp());
    auto type = cast<RankedTensorType>(value.getType());
    ElementsAttr attribute;
    if (blob.getData().size() <= denseLimit)
      attribute = DenseElementsAttr::getFromRawBuffer(type, blob.getData());
    else
      attribute = DenseResourceElementsAttr::get(type, ((name.empty() ? "constant" : name) + ".moved").str(), std::move(blob));
    value.replaceAllUsesWith(builder.create<arith::ConstantOp>(value.getLoc(), type, cast<TypedAttr>(attribute)));
  }

  // A constant that only gets other places.
  void move(linalg::LinalgOp op) {
    if (op->getNumResults() != 1)
      return;
    std::optional<StridedConstant> constant = stridedConstant(op->getResult(0));
    auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType());
    if (!constant || type.getNumElements() == 0)
      return;
    const int64_t size = type.getNumElements() * bytesOf(constant->element);
    if (!mayMove(*constant, size))
      return;
    AsmResourceBlob blob = HeapAsmResourceBlob::allocate(size, 64, /*dataIsMutable=*/true);
    copyElements(*constant, blob.getMutableData().data(), contiguousStrides(type.getShape()));
    replace(op->getResult(0), std::move(blob), constant->name);
  }

  // The insertion into what is empty or was assembled for it alone, on the bytes.
  LogicalResult assemble(tensor::InsertSliceOp op) {
    RankedTensorType type = op.getType();
    finish(op.getSource());
    std::optional<StridedConstant> source = stridedConstant(op.getSource());
    if (!source || !type.hasStaticShape() || llvm::any_of(op.getStaticOffsets(), ShapedType::isDynamic) ||
        llvm::any_of(op.getStaticStrides(), ShapedType::isDynamic) || type.getNumElements() == 0)
      return failure();
    auto before = assemblies.find(op.getDest());
    const bool isFirst = op.getDest().getDefiningOp<tensor::EmptyOp>() != nullptr;
    if (!isFirst && (before == assemblies.end() || !op.getDest().hasOneUse()))
      return failure();
    const int64_t size = bytesOf(source->element), added = op.getSourceType().getNumElements() * size;
    if (!mayMove(*source, added))
      return failure();
    Assembly assembly;
    if (isFirst) {
      assembly.blob = HeapAsmResourceBlob::allocate(type.getNumElements() * size, 64, /*dataIsMutable=*/true);
      std::memset(assembly.blob.getMutableData().data(), 0, assembly.blob.getMutableData().size());
    } else {
      assembly = std::move(before->second);
      assemblies.erase(before);
    }
    if (added > assembly.largest)
      assembly.largest = added, assembly.name = source->name.str();
    // Where the source's dimensions lie: those that it has not are of one element.
    SmallVector<int64_t> strides = contiguousStrides(type.getShape()), steps;
    int64_t first = 0;
    llvm::SmallBitVector dropped = op.getDroppedDims();
    for (int64_t axis = 0; axis < type.getRank(); ++axis) {
      first += op.getStaticOffset(axis) * strides[axis];
      if (!dropped[axis])
        steps.push_back(op.getStaticStride(axis) * strides[axis]);
    }
    assembly.written += op.getSourceType().getNumElements();
    if (added)
      copyElements(*source, assembly.blob.getMutableData().data() + first * size, steps);
    assemblies.insert({op.getResult(), std::move(assembly)});
    return success();
  }

  // Something else uses the tensor: it is a constant from here on, if all of it was written.
  void finish(Value value) {
    auto found = assemblies.find(value);
    if (found == assemblies.end())
      return;
    if (found->second.written >= cast<RankedTensorType>(value.getType()).getNumElements())
      replace(value, std::move(found->second.blob), found->second.name);
    assemblies.erase(found);
  }

  llvm::DenseMap<Value, Assembly> assemblies;
  llvm::DenseMap<const char *, int64_t> moved; // by the end of the constant's bytes
};

struct FoldConstants : halcyon::impl::FoldConstantsBase<FoldConstants> {
  void runOnOperation() override { Folder().run(getOperation()); }
};

} // namespace
