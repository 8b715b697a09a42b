#include "codegen/cpu/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

namespace halcyon {
#define GEN_PASS_DEF_CPULOADEDOPERANDS
#include "codegen/cpu/Passes.h.inc"
} // namespace halcyon

using namespace mlir;
using namespace halcyon;

namespace {

// The same in all iterations.
struct Term {
  AffineMap map;
  SmallVector<Value> operands;
};

// A loop, or none, plus terms.
struct Place {
  std::optional<unsigned> loop;
  SmallVector<Term> terms;
  int64_t constant = 0;
};

std::optional<Place> placeOf(Value value, linalg::GenericOp op);

bool isOutside(Value value, linalg::GenericOp op) { return !op->isAncestor(value.getParentBlock()->getParentOp()); }

std::optional<Place> sum(const std::optional<Place> &a, const std::optional<Place> &b) {
  if (!a || !b || (a->loop && b->loop))
    return {};
  Place made{a->loop ? a->loop : b->loop, a->terms, a->constant + b->constant};
  llvm::append_range(made.terms, b->terms);
  return made;
}

std::optional<Place> placeOf(AffineExpr expr, unsigned dims, ValueRange operands, linalg::GenericOp op) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return Place{{}, {}, constant.getValue()};
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return placeOf(operands[dim.getPosition()], op);
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
    return placeOf(operands[dims + symbol.getPosition()], op);
  auto binary = cast<AffineBinaryOpExpr>(expr);
  if (binary.getKind() == AffineExprKind::Add)
    return sum(placeOf(binary.getLHS(), dims, operands, op), placeOf(binary.getRHS(), dims, operands, op));
  // A workgroup's number times its extent.
  for (auto [position, operand] : llvm::enumerate(operands)) {
    const bool used = position < dims ? expr.isFunctionOfDim(position) : expr.isFunctionOfSymbol(position - dims);
    if (used && !isOutside(operand, op))
      return {};
  }
  Term term{AffineMap::get(dims, operands.size() - dims, expr), llvm::to_vector(operands)};
  affine::canonicalizeMapAndOperands(&term.map, &term.operands); // without those that it does not use
  return Place{{}, {std::move(term)}, 0};
}

std::optional<Place> placeOf(Value value, linalg::GenericOp op) {
  if (std::optional<int64_t> constant = getConstantIntValue(value))
    return Place{{}, {}, *constant};
  Operation *maker = value.getDefiningOp();
  if (isOutside(value, op))
    return Place{{}, {Term{AffineMap::getMultiDimIdentityMap(1, op.getContext()), {value}}}, 0};
  if (auto index = dyn_cast_or_null<linalg::IndexOp>(maker))
    return Place{static_cast<unsigned>(index.getDim()), {}, 0};
  if (auto add = dyn_cast_or_null<arith::AddIOp>(maker))
    return sum(placeOf(add.getLhs(), op), placeOf(add.getRhs(), op));
  if (auto apply = dyn_cast_or_null<affine::AffineApplyOp>(maker)) {
    AffineMap map = apply.getAffineMap();
    return placeOf(map.getResult(0), map.getNumDims(), apply.getOperands(), op);
  }
  return {};
}

Value baseOf(Value memory) {
  while (auto view = memory.getDefiningOp<ViewLikeOpInterface>())
    memory = view.getViewSource();
  return memory;
}

struct Load {
  memref::LoadOp op;
  SmallVector<Place> places;
};

// Nothing where the load is at no such place.
std::optional<Load> placed(memref::LoadOp load, linalg::GenericOp op) {
  Value memory = load.getMemRef();
  if (load->getBlock() != op.getBody() || !isOutside(memory, op) ||
      llvm::any_of(op.getDpsInits(), [&](Value out) { return baseOf(out) == baseOf(memory); }))
    return {};
  Load made{load, {}};
  llvm::SmallBitVector seen(op.getNumLoops());
  for (Value index : load.getIndices()) {
    std::optional<Place> place = placeOf(index, op);
    if (!place || (place->loop && seen.test(*place->loop)))
      return {};
    if (place->loop)
      seen.set(*place->loop);
    made.places.push_back(*place);
  }
  return made;
}

OpFoldResult offsetOf(const Place &place, ImplicitLocOpBuilder &b) {
  if (place.terms.empty())
    return b.getIndexAttr(place.constant);
  Value total;
  for (const Term &term : place.terms) {
    Value value = b.createOrFold<affine::AffineApplyOp>(term.map, term.operands);
    total = total ? b.create<arith::AddIOp>(total, value) : value;
  }
  if (place.constant)
    total = b.create<arith::AddIOp>(total, b.create<arith::ConstantIndexOp>(place.constant));
  return total;
}

void loadsToOperands(linalg::GenericOp op, RewriterBase &rewriter) {
  SmallVector<Load> loads;
  bool all = true;
  op.getBody()->walk([&](memref::LoadOp load) {
    std::optional<Load> found = placed(load, op);
    all &= found.has_value();
    if (found)
      loads.push_back(*found);
  });
  if (!all || loads.empty())
    return;
  rewriter.setInsertionPoint(op);
  ImplicitLocOpBuilder b(op.getLoc(), rewriter);
  SmallVector<Range> ranges = cast<linalg::LinalgOp>(op.getOperation()).createLoopRanges(b, b.getLoc());
  for (Load &load : loads) {
    auto type = cast<MemRefType>(load.op.getMemRef().getType());
    SmallVector<OpFoldResult> offsets, sizes, strides(type.getRank(), b.getIndexAttr(1));
    SmallVector<AffineExpr> exprs;
    SmallVector<int64_t> shape;
    for (const Place &place : load.places) {
      offsets.push_back(offsetOf(place, b));
      sizes.push_back(place.loop ? ranges[*place.loop].size : OpFoldResult(b.getIndexAttr(1)));
      if (!place.loop)
        continue;
      exprs.push_back(b.getAffineDimExpr(*place.loop));
      shape.push_back(getConstantIntValue(sizes.back()).value_or(ShapedType::kDynamic));
    }
    auto reduced = cast<MemRefType>(memref::SubViewOp::inferRankReducedResultType(shape, type, offsets, sizes, strides));
    Value view = b.create<memref::SubViewOp>(reduced, load.op.getMemRef(), offsets, sizes, strides);
    const unsigned inputs = op.getNumDpsInputs();
    SmallVector<AffineMap> maps = op.getIndexingMapsArray();
    maps.insert(maps.begin() + inputs, AffineMap::get(op.getNumLoops(), 0, exprs, op.getContext()));
    rewriter.modifyOpInPlace(op, [&] {
      op.getInputsMutable().append(view);
      op.setIndexingMapsAttr(rewriter.getAffineMapArrayAttr(maps));
      op.getBody()->insertArgument(inputs, type.getElementType(), op.getLoc());
    });
    rewriter.replaceOp(load.op, op.getBody()->getArgument(inputs));
  }
  for (Operation &inner : llvm::make_early_inc_range(llvm::reverse(*op.getBody())))
    if (isOpTriviallyDead(&inner))
      rewriter.eraseOp(&inner);
}

struct CpuLoadedOperands : halcyon::impl::CpuLoadedOperandsBase<CpuLoadedOperands> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    SmallVector<linalg::GenericOp> ops;
    getOperation().walk([&](linalg::GenericOp op) {
      if (op.hasPureBufferSemantics() && op.getNumLoops() && !op.getNumReductionLoops())
        ops.push_back(op);
    });
    for (linalg::GenericOp op : ops)
      loadsToOperands(op, rewriter);
  }
};

} // namespace
