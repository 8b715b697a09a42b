#include "codegen/cpu/Passes.h"
#include "dialect/nn/Nn.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace halcyon {
#define GEN_PASS_DEF_CPUDOTBYTES
#include "codegen/cpu/Passes.h.inc"
} // namespace halcyon

using namespace mlir;
using namespace halcyon;

namespace {
class DotWriter {
public:
  DotWriter(ImplicitLocOpBuilder &builder, DotBytes instruction, Type type)
      : b(builder), type(type), lanes(isa<VectorType>(type) ? cast<VectorType>(type).getNumElements() : 1) {
    if (auto vector = dyn_cast<VectorType>(type); vector && vector.getRank() == 1)
      this->instruction = instruction;
  }

  // sum + the products of `left`, unsigned, and `right`.
  Value write(Value sum, Value left, Value right) {
    switch (instruction) {
    case DotBytes::vnni:
      if (lanes == 4 || lanes == 8 || lanes == 16)
        return call("llvm.x86.avx512.vpdpbusd." + Twine(lanes * 32), type, {sum, left, right});
      break;
    case DotBytes::madd:
      if (lanes == 4 || lanes == 8 || lanes == 16)
        return byWords(sum, left, right);
      break;
    case DotBytes::usdot:
      if (lanes == 4)
        return call("llvm.aarch64.neon.usdot.v4i32.v16i8", type, {sum, as(left, 8), as(right, 8)});
      break;
    case DotBytes::sdot:
      if (lanes == 4)
        return bySigned(sum, left, right);
      break;
    case DotBytes::none:
      break;
    }
    return byNumbers(sum, left, right);
  }

private:
  Value constant(Type of, int64_t value) {
    Attribute number = b.getIntegerAttr(getElementTypeOrSelf(of), value);
    if (auto shaped = dyn_cast<ShapedType>(of))
      return b.create<arith::ConstantOp>(DenseElementsAttr::get(shaped, number));
    return b.create<arith::ConstantOp>(cast<TypedAttr>(number));
  }
  Value as(Value value, unsigned bits) {
    return b.create<vector::BitCastOp>(VectorType::get({lanes * 32 / bits}, b.getIntegerType(bits)), value);
  }
  Value call(const Twine &name, Type result, ValueRange operands) {
    return b.create<LLVM::CallIntrinsicOp>(result, b.getStringAttr(name), operands, LLVM::FastmathFlagsAttr()).getResult(0);
  }

  // Two products of 16 bits at once, of the even bytes and of the odd ones; vpmaddubsw would saturate.
  Value byWords(Value sum, Value left, Value right) {
    Value a = as(left, 16), w = as(right, 16);
    Value low = constant(a.getType(), 0xff), eight = constant(a.getType(), 8);
    Value evenLeft = b.create<arith::AndIOp>(a, low), oddLeft = b.create<arith::ShRUIOp>(a, eight);
    Value evenRight = b.create<arith::ShRSIOp>(b.create<arith::ShLIOp>(w, eight), eight);
    Value oddRight = b.create<arith::ShRSIOp>(w, eight);
    StringRef name = lanes == 16  ? "llvm.x86.avx512.pmaddw.d.512"
                     : lanes == 8 ? "llvm.x86.avx2.pmadd.wd"
                                  : "llvm.x86.sse2.pmadd.wd";
    sum = b.create<arith::AddIOp>(sum, call(name, type, {evenLeft, evenRight}));
    return b.create<arith::AddIOp>(sum, call(name, type, {oddLeft, oddRight}));
  }

  // left is left - 128 with its first bit turned; 128 times the sum of `right` is the same for all rows of a block.
  Value bySigned(Value sum, Value left, Value right) {
    const int64_t turned = static_cast<int32_t>(0x80808080u);
    Value flip = constant(type, turned), w = as(right, 8);
    Value less = call("llvm.aarch64.neon.sdot.v4i32.v16i8", type, {constant(type, 0), as(flip, 8), w});
    Value made = call("llvm.aarch64.neon.sdot.v4i32.v16i8", type, {sum, as(b.create<arith::XOrIOp>(left, flip), 8), w});
    return b.create<arith::SubIOp>(made, less);
  }

  Value byNumbers(Value sum, Value left, Value right) {
    Value low = constant(type, 0xff), top = constant(type, 24);
    for (int64_t at = 0; at < 32; at += 8) {
      Value x = at ? b.create<arith::ShRUIOp>(left, constant(type, at)).getResult() : left;
      x = at < 24 ? b.create<arith::AndIOp>(x, low).getResult() : x;
      Value w = at < 24 ? b.create<arith::ShLIOp>(right, constant(type, 24 - at)).getResult() : right;
      w = b.create<arith::ShRSIOp>(w, top);
      sum = b.create<arith::AddIOp>(sum, b.create<arith::MulIOp>(x, w));
    }
    return sum;
  }

  ImplicitLocOpBuilder &b;
  Type type;
  int64_t lanes;
  DotBytes instruction = DotBytes::none;
};

struct CpuDotBytes : halcyon::impl::CpuDotBytesBase<CpuDotBytes> {
  using CpuDotBytesBase::CpuDotBytesBase;

  void runOnOperation() override {
    SmallVector<nn::DotBytesOp> ops;
    getOperation().walk([&](nn::DotBytesOp op) { ops.push_back(op); });
    for (nn::DotBytesOp op : ops)
      lower(op);
  }

  void lower(nn::DotBytesOp op) {
    auto add = op->hasOneUse() ? dyn_cast<arith::AddIOp>(*op->user_begin()) : arith::AddIOp();
    Operation *replaced = add ? add.getOperation() : op.getOperation();
    ImplicitLocOpBuilder b(op.getLoc(), replaced);
    Value sum = add ? (add.getLhs() == op ? add.getRhs() : add.getLhs())
                    : b.create<arith::ConstantOp>(b.getZeroAttr(op.getType())).getResult();
    replaced->getResult(0).replaceAllUsesWith(DotWriter(b, instruction, op.getType()).write(sum, op.getLhs(), op.getRhs()));
    replaced->erase();
    if (add)
      op.erase();
  }
};
} // namespace
