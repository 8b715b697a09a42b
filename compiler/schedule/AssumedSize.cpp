#include "schedule/AssumedSize.h"

#include "dialect/host/Host.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>

using namespace mlir;
using namespace halcyon;

namespace {

struct Assumption {
  const int64_t size;
  llvm::DenseMap<Value, int64_t> known = llvm::DenseMap<Value, int64_t>();

  int64_t of(Value value) {
    if (auto found = known.find(value); found != known.end())
      return found->second;
    constexpr int64_t limit = int64_t{1} << 31; // products of two stay in range
    const int64_t result = std::clamp(compute(value), -limit, limit);
    known[value] = result;
    return result;
  }

  int64_t compute(Value value) {
    APInt constant;
    if (matchPattern(value, m_ConstantInt(&constant)))
      return constant.getSExtValue();
    Operation *op = value.getDefiningOp();
    if (!op)
      return size;
    auto operand = [&](unsigned i) { return of(op->getOperand(i)); };
    auto divided = [&](auto divide) { return operand(1) > 0 ? divide(operand(0), operand(1)) : size; };
    return llvm::TypeSwitch<Operation *, int64_t>(op)
        .Case<arith::AddIOp, host::SizeAddOp>([&](auto) { return operand(0) + operand(1); })
        .Case<arith::SubIOp, host::SizeSubOp>([&](auto) { return operand(0) - operand(1); })
        .Case<arith::MulIOp, host::SizeMulOp>([&](auto) { return operand(0) * operand(1); })
        .Case<arith::MaxSIOp>([&](auto) { return std::max(operand(0), operand(1)); })
        .Case<arith::MinSIOp>([&](auto) { return std::min(operand(0), operand(1)); })
        .Case<arith::SelectOp>([&](auto) { return operand(2); })
        .Case<arith::ExtSIOp, arith::ExtUIOp, arith::TruncIOp, arith::IndexCastOp>([&](auto) { return operand(0); })
        .Case<arith::DivSIOp, arith::DivUIOp, arith::FloorDivSIOp>([&](auto) {
          return divided([](int64_t a, int64_t b) { return llvm::divideFloorSigned(a, b); });
        })
        .Case<arith::CeilDivSIOp, arith::CeilDivUIOp>([&](auto) {
          return divided([](int64_t a, int64_t b) { return llvm::divideCeilSigned(a, b); });
        })
        .Case<host::SizeAlignOp>([&](auto) { return divided([](int64_t a, int64_t b) { return llvm::divideCeilSigned(a, b) * b; }); })
        .Default([&](Operation *) { return size; });
  }
};

} // namespace

int64_t halcyon::assumedSize(Value value, int64_t size) { return Assumption{size}.of(value); }
