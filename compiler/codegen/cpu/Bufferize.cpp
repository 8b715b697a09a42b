#include "codegen/cpu/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Bufferization/Transforms/OneShotAnalysis.h"
#include "mlir/Dialect/Bufferization/Transforms/Bufferize.h"
#include "mlir/Dialect/Bufferization/Transforms/Transforms.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Tensor/Transforms/Transforms.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace halcyon {
#define GEN_PASS_DEF_CPUBUFFERIZE
#include "codegen/cpu/Passes.h.inc"
} // namespace halcyon

using namespace mlir;
using namespace halcyon;

// Ops that would allocate their result get a destination instead, which may be the kernel's.
static LogicalResult toDestinationStyle(ModuleOp module) {
  RewritePatternSet patterns(module.getContext());
  tensor::populateDecomposeTensorConcatPatterns(patterns);
  linalg::populateConvertToDestinationStylePatterns(patterns);
  return applyPatternsAndFoldGreedily(module, std::move(patterns));
}

// A copy of a buffer onto itself, which in-place updates leave behind.
static bool copiesItself(memref::CopyOp copy) {
  Value source = copy.getSource(), target = copy.getTarget();
  if (source == target)
    return true;
  auto from = source.getDefiningOp<memref::SubViewOp>(), to = target.getDefiningOp<memref::SubViewOp>();
  return from && to && from.getSource() == to.getSource() && from.getMixedOffsets() == to.getMixedOffsets() &&
         from.getMixedSizes() == to.getMixedSizes() && from.getMixedStrides() == to.getMixedStrides();
}

static constexpr int64_t cacheLine = 64, longRow = 64; // bytes, elements

// Rows of local memory begin at a cache line: vectors of them do not cross two. Where something else than linalg's loops
// would have to know of the gaps there are none.
static void alignRows(memref::AllocOp alloc) {
  MemRefType type = alloc.getType();
  if (type.getRank() < 2 || !type.getLayout().isIdentity() || !type.getElementType().isIntOrFloat() ||
      type.getElementTypeBitWidth() % 8)
    return;
  const int64_t columns = type.getShape().back(), line = cacheLine * 8 / type.getElementTypeBitWidth();
  if (columns < longRow || columns % line == 0 || // also where it is not known
      !llvm::all_of(alloc->getUsers(), [](Operation *user) { return isa<linalg::LinalgOp>(user); }))
    return;
  OpBuilder builder(alloc);
  Location loc = alloc.getLoc();
  SmallVector<int64_t> shape(type.getShape());
  shape.back() = llvm::alignTo(columns, line);
  Value wide = builder.create<memref::AllocOp>(loc, MemRefType::get(shape, type.getElementType()), alloc.getDynamicSizes(), alloc.getAlignmentAttr());
  SmallVector<OpFoldResult> sizes = memref::getMixedSizes(builder, loc, wide);
  sizes.back() = builder.getIndexAttr(columns);
  SmallVector<OpFoldResult> zeros(shape.size(), builder.getIndexAttr(0)), ones(shape.size(), builder.getIndexAttr(1));
  Value rows = builder.create<memref::SubViewOp>(loc, wide, zeros, sizes, ones);
  alloc.replaceAllUsesWith(rows);
  alloc.erase();
}

namespace {
struct CpuBufferize : halcyon::impl::CpuBufferizeBase<CpuBufferize> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    IRRewriter rewriter(&getContext());
    if (failed(toDestinationStyle(module)))
      return signalPassFailure();
    for (auto function : module.getOps<func::FuncOp>())
      if (failed(bufferization::eliminateEmptyTensors(rewriter, function)))
        return signalPassFailure();

    bufferization::OneShotBufferizationOptions options;
    options.allowReturnAllocsFromLoops = true;
    options.bufferAlignment = 64;
    options.setFunctionBoundaryTypeConversion(bufferization::LayoutMapOption::IdentityLayoutMap);
    for (auto function : module.getOps<func::FuncOp>())
      if (failed(bufferization::runOneShotBufferize(function, options)))
        return signalPassFailure();
    module.walk([&](memref::CopyOp copy) {
      if (copiesItself(copy))
        copy.erase();
    });
    SmallVector<memref::AllocOp> allocs;
    module.walk([&](memref::AllocOp alloc) { allocs.push_back(alloc); });
    llvm::for_each(allocs, alignRows);
  }
};
} // namespace
