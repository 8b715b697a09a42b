#include "codegen/cpu/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Interfaces/ValueBoundsOpInterface.h"
#include "mlir/IR/PatternMatch.h"

namespace halcyon {
#define GEN_PASS_DEF_CPUSCRATCH
#include "codegen/cpu/Passes.h.inc"
} // namespace halcyon

using namespace mlir;
using namespace halcyon;

static constexpr int64_t stackLimit = 16 * 1024; // bytes, of all stack scratch of a kernel

static int64_t bytesOfElement(Type type) {
  if (auto complex = dyn_cast<ComplexType>(type))
    return 2 * bytesOfElement(complex.getElementType());
  return type.isIndex() ? 8 : (type.getIntOrFloatBitWidth() + 7) / 8;
}

// The most bytes that an allocation can need.
static FailureOr<int64_t> boundBytes(memref::AllocOp alloc) {
  MemRefType type = alloc.getType();
  int64_t bytes = bytesOfElement(type.getElementType());
  auto dynamic = alloc.getDynamicSizes().begin();
  for (int64_t size : type.getShape()) {
    if (ShapedType::isDynamic(size)) {
      FailureOr<int64_t> bound = ValueBoundsConstraintSet::computeConstantBound(
          presburger::BoundType::UB, {*dynamic++, std::nullopt}, /*stopCondition=*/nullptr, /*closedUB=*/true);
      if (failed(bound))
        return failure();
      size = std::max<int64_t>(*bound, 0);
    }
    if (llvm::MulOverflow(bytes, size, bytes))
      return failure();
  }
  return bytes;
}

namespace {
struct CpuScratch : halcyon::impl::CpuScratchBase<CpuScratch> {
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (!function->hasAttr("halcyon.bindings"))
      return;
    function.walk([](memref::DeallocOp op) { op.erase(); });
    function.walk([](memref::SubViewOp op) {
      if (op.use_empty())
        op.erase();
    });
    SmallVector<memref::AllocOp> allocs;
    function.walk([&](memref::AllocOp alloc) { allocs.push_back(alloc); });
    int64_t stack = 0, local = 0;
    for (memref::AllocOp alloc : allocs) {
      if (alloc->use_empty()) { // of a tensor that stayed in registers
        alloc.erase();
        continue;
      }
      FailureOr<int64_t> bound = boundBytes(alloc);
      if (failed(bound)) {
        alloc.emitError("needs scratch memory of unbounded size in a kernel");
        return signalPassFailure();
      }
      const int64_t bytes = llvm::alignTo(std::max<int64_t>(*bound, 1), 64);
      if (stack + bytes <= stackLimit) {
        stack += bytes;
        replace(alloc, onStack(function, alloc.getLoc(), bytes), 0);
      } else {
        replace(alloc, function.getArguments().back(), local);
        local += bytes;
      }
    }
    function->setAttr("halcyon.local_memory", IntegerAttr::get(IntegerType::get(&getContext(), 64), local));
  }

  // At the function's entry: an alloca in a loop would grow the stack.
  Value onStack(func::FuncOp function, Location loc, int64_t bytes) {
    OpBuilder builder = OpBuilder::atBlockBegin(&function.getBody().front());
    return builder.create<memref::AllocaOp>(loc, MemRefType::get({bytes}, builder.getI8Type()),
                                            builder.getI64IntegerAttr(64));
  }

  void replace(memref::AllocOp alloc, Value memory, int64_t offset) {
    OpBuilder builder(alloc);
    Value at = builder.create<arith::ConstantIndexOp>(alloc.getLoc(), offset);
    Value view = builder.create<memref::ViewOp>(alloc.getLoc(), alloc.getType(), memory, at, alloc.getDynamicSizes());
    alloc.replaceAllUsesWith(view);
    alloc.erase();
  }
};
} // namespace
