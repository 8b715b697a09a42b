#include "codegen/cpu/Passes.h"
#include "dialect/nn/Nn.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace halcyon {
#define GEN_PASS_DEF_CPUDOTPAIRS
#include "codegen/cpu/Passes.h.inc"
} // namespace halcyon

using namespace mlir;
using namespace halcyon;

// The instruction for vectors of this type, where there is one.
static std::string intrinsicOf(DotPairs instruction, Type type) {
  auto vector = dyn_cast<VectorType>(type);
  if (!vector || vector.getRank() != 1)
    return {};
  const int64_t lanes = vector.getNumElements();
  if (instruction == DotPairs::x86 && (lanes == 4 || lanes == 8 || lanes == 16))
    return "llvm.x86.avx512bf16.dpbf16ps." + std::to_string(lanes * 32);
  if (instruction == DotPairs::arm && lanes == 4)
    return "llvm.aarch64.neon.bfdot.v4f32.v8bf16";
  return {};
}

static TypedAttr same(Type shape, Attribute number) {
  if (auto vector = dyn_cast<VectorType>(shape))
    return DenseElementsAttr::get(vector, number);
  return cast<TypedAttr>(number);
}

// A bf16 is the upper half of an f32.
static Value byNumbers(ImplicitLocOpBuilder &b, Value sum, Value left, Value right) {
  Type words = left.getType(), wide = sum.getType();
  Value upper = b.create<arith::ConstantOp>(same(words, b.getI32IntegerAttr(static_cast<int32_t>(0xffff0000u))));
  Value half = b.create<arith::ConstantOp>(same(words, b.getI32IntegerAttr(16)));
  auto contract = arith::FastMathFlagsAttr::get(b.getContext(), arith::FastMathFlags::contract);
  for (bool second : {false, true}) {
    auto part = [&](Value pair) -> Value {
      Value bits = second ? b.create<arith::AndIOp>(pair, upper).getResult() : b.create<arith::ShLIOp>(pair, half).getResult();
      return b.create<arith::BitcastOp>(wide, bits);
    };
    Value a = part(left), w = part(right);
    Value product = b.create<arith::MulFOp>(a, w, contract);
    sum = b.create<arith::AddFOp>(sum, product, contract);
  }
  return sum;
}

namespace {
struct CpuDotPairs : halcyon::impl::CpuDotPairsBase<CpuDotPairs> {
  using CpuDotPairsBase::CpuDotPairsBase;

  void runOnOperation() override {
    SmallVector<nn::DotPairsOp> ops;
    getOperation().walk([&](nn::DotPairsOp op) { ops.push_back(op); });
    for (nn::DotPairsOp op : ops)
      lower(op);
  }

  void lower(nn::DotPairsOp op) {
    auto add = op->hasOneUse() ? dyn_cast<arith::AddFOp>(*op->user_begin()) : arith::AddFOp();
    Operation *replaced = add ? add.getOperation() : op.getOperation();
    ImplicitLocOpBuilder b(op.getLoc(), replaced);
    Value sum = add ? (add.getLhs() == op ? add.getRhs() : add.getLhs())
                    : b.create<arith::ConstantOp>(b.getZeroAttr(op.getType())).getResult();
    replaced->getResult(0).replaceAllUsesWith(write(b, sum, op.getLhs(), op.getRhs()));
    replaced->erase();
    if (add)
      op.erase();
  }

  Value write(ImplicitLocOpBuilder &b, Value sum, Value left, Value right) {
    const std::string name = intrinsicOf(instruction, sum.getType());
    if (name.empty())
      return byNumbers(b, sum, left, right);
    auto pairs = VectorType::get({2 * cast<VectorType>(sum.getType()).getNumElements()}, b.getBF16Type());
    auto as = [&](Value words) -> Value { return b.create<vector::BitCastOp>(pairs, words); };
    return b.create<LLVM::CallIntrinsicOp>(sum.getType(), b.getStringAttr(name), ValueRange{sum, as(left), as(right)}, LLVM::FastmathFlagsAttr())
        .getResult(0);
  }
};
} // namespace
