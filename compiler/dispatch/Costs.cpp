#include "dispatch/Costs.h"

#include "dialect/nn/Nn.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace halcyon::dispatch;

namespace {

// A product of a number and parameters.
struct Product {
  uint64_t number = 1;
  SmallVector<uint16_t, 4> factors;

  Product times(const Product &other) const {
    Product made = *this;
    made.number *= other.number;
    made.factors.append(other.factors);
    return made;
  }
};

class Counter {
public:
  explicit Counter(ExecutableOp executable) : executable(executable) {}
  SmallVector<Cost> run();

private:
  std::optional<Product> extent(OpFoldResult size);
  std::optional<Product> extent(Value tensor, unsigned dimension);
  std::optional<Product> elements(Value tensor);
  std::optional<Product> iterations(linalg::LinalgOp op);
  std::optional<Product> rowsAround(Operation *op);
  std::optional<Product> elementsRead(Value tensor, OpOperand &use);
  void add(std::optional<Product> times, uint64_t Cost::*what, uint64_t each);
  void read(Value tensor);
  void write(Value result);
  void compute(linalg::LinalgOp op);

  ExecutableOp executable;
  SmallVector<Cost> costs;
  bool known = true;
};

uint64_t bytesEach(Value tensor) {
  return llvm::divideCeil(cast<RankedTensorType>(tensor.getType()).getElementTypeBitWidth(), 8);
}

std::optional<Product> Counter::extent(OpFoldResult size) {
  if (std::optional<int64_t> constant = getConstantIntValue(size))
    return Product{static_cast<uint64_t>(*constant), {}};
  auto argument = dyn_cast<BlockArgument>(cast<Value>(size));
  const unsigned tensors = executable.getNumTensors();
  if (!argument || argument.getOwner() != &executable.getBody().front() || argument.getArgNumber() < tensors)
    return std::nullopt;
  return Product{1, {static_cast<uint16_t>(argument.getArgNumber() - tensors)}};
}

std::optional<Product> Counter::extent(Value tensor, unsigned dimension) {
  auto type = cast<RankedTensorType>(tensor.getType());
  if (!type.isDynamicDim(dimension))
    return Product{static_cast<uint64_t>(type.getDimSize(dimension)), {}};
  if (auto argument = dyn_cast<BlockArgument>(tensor)) {
    if (argument.getOwner() == &executable.getBody().front())
      return extent(executable.getDimension(argument.getArgNumber(), dimension));
    if (auto loop = dyn_cast<LoopLikeOpInterface>(argument.getOwner()->getParentOp()))
      if (OpOperand *init = loop.getTiedLoopInit(argument))
        return extent(init->get(), dimension);
    return std::nullopt;
  }
  Operation *op = tensor.getDefiningOp();
  if (auto empty = dyn_cast<tensor::EmptyOp>(op))
    return extent(empty.getMixedSizes()[dimension]);
  if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op)) {
    SmallVector<OpFoldResult> kept;
    for (auto [d, size] : llvm::enumerate(slice.getMixedSizes()))
      if (!slice.getDroppedDims().test(d))
        kept.push_back(size);
    return extent(kept[dimension]);
  }
  if (auto insert = dyn_cast<tensor::InsertSliceOp>(op))
    return extent(insert.getDest(), dimension);
  if (auto style = dyn_cast<DestinationStyleOpInterface>(op))
    return extent(style.getDpsInits()[cast<OpResult>(tensor).getResultNumber()], dimension);
  if (auto loop = dyn_cast<LoopLikeOpInterface>(op))
    if (OpOperand *init = loop.getTiedLoopInit(loop.getRegionIterArgs()[cast<OpResult>(tensor).getResultNumber()]))
      return extent(init->get(), dimension);
  return std::nullopt;
}

std::optional<Product> Counter::elements(Value tensor) {
  Product product;
  for (unsigned d = 0, rank = cast<RankedTensorType>(tensor.getType()).getRank(); d < rank; ++d) {
    std::optional<Product> one = extent(tensor, d);
    if (!one)
      return std::nullopt;
    product = product.times(*one);
  }
  return product;
}

std::optional<Product> Counter::iterations(linalg::LinalgOp op) {
  Product product;
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  SmallVector<int64_t> fixed = op.getStaticLoopRanges();
  for (unsigned loop = 0; loop < op.getNumLoops(); ++loop) {
    std::optional<Product> found;
    if (!ShapedType::isDynamic(fixed[loop]))
      found = Product{static_cast<uint64_t>(fixed[loop]), {}};
    for (OpOperand &operand : op->getOpOperands()) {
      AffineMap map = maps[operand.getOperandNumber()];
      for (unsigned d = 0; d < map.getNumResults() && !found; ++d)
        if (map.getResult(d) == getAffineDimExpr(loop, op.getContext()))
          found = extent(operand.get(), d);
    }
    if (!found)
      return std::nullopt;
    product = product.times(*found);
  }
  return product;
}

// How often the loops around `op` run it.
std::optional<Product> Counter::rowsAround(Operation *op) {
  Product product;
  for (Operation *around = op->getParentOp(); around != executable; around = around->getParentOp()) {
    std::optional<Product> trips;
    if (auto loop = dyn_cast<linalg::LinalgOp>(around))
      trips = iterations(loop);
    else if (auto loop = dyn_cast<scf::ForallOp>(around)) {
      trips = Product();
      for (OpFoldResult bound : loop.getMixedUpperBound())
        if (std::optional<Product> one = trips ? extent(bound) : std::nullopt)
          trips = trips->times(*one);
        else
          trips = std::nullopt;
    } else if (auto loop = dyn_cast<scf::ForOp>(around)) {
      if (isConstantIntValue(loop.getLowerBound(), 0) && isConstantIntValue(loop.getStep(), 1))
        trips = extent(OpFoldResult(loop.getUpperBound()));
    } else if (isa<scf::IfOp>(around)) {
      trips = Product(); // as if it always did
    }
    if (!trips)
      return std::nullopt;
    product = product.times(*trips);
  }
  return product;
}

std::optional<Product> Counter::elementsRead(Value tensor, OpOperand &use) {
  Operation *op = use.getOwner();
  if (isa<tensor::ExtractOp>(op))
    return rowsAround(op);
  if (isa<tensor::ExtractSliceOp>(op)) {
    std::optional<Product> slice = elements(op->getResult(0)), rows = rowsAround(op);
    return slice && rows ? std::optional(slice->times(*rows)) : std::nullopt;
  }
  if (auto insert = dyn_cast<tensor::InsertSliceOp>(op); insert && insert.getDest() == tensor)
    return Product{0, {}}; // what is around the slice stays
  return elements(tensor);
}

void Counter::add(std::optional<Product> times, uint64_t Cost::*what, uint64_t each) {
  if (!times || times->factors.size() > 4) {
    known = false;
    return;
  }
  if (times->number * each == 0)
    return;
  Cost made;
  llvm::sort(times->factors);
  llvm::copy(times->factors, made.factors.begin());
  Cost *place = llvm::find_if(costs, [&](const Cost &cost) { return cost.factors == made.factors; });
  if (place == costs.end()) {
    costs.push_back(made);
    place = &costs.back();
  }
  place->*what += times->number * each;
}

// Whole if any use reads it whole; else what is read in pieces, where that is less.
void Counter::read(Value tensor) {
  std::optional<Product> whole = elements(tensor);
  SmallVector<Product> pieces;
  for (OpOperand &use : tensor.getUses()) {
    std::optional<Product> one = elementsRead(tensor, use);
    bool isPiece = isa<tensor::ExtractOp, tensor::ExtractSliceOp, tensor::InsertSliceOp>(use.getOwner());
    if (!isPiece || !one)
      return add(whole, &Cost::read, bytesEach(tensor));
    pieces.push_back(*one);
  }
  uint64_t number = 0;
  for (const Product &piece : pieces)
    number += piece.factors.empty() ? piece.number : 0;
  if (whole && whole->factors.empty() && number >= whole->number)
    return add(whole, &Cost::read, bytesEach(tensor));
  for (const Product &piece : pieces)
    add(piece, &Cost::read, bytesEach(tensor));
}

void Counter::write(Value result) {
  if (auto insert = result.getDefiningOp<tensor::InsertSliceOp>()) {
    std::optional<Product> inserted = Product();
    for (OpFoldResult size : insert.getMixedSizes())
      if (std::optional<Product> one = inserted ? extent(size) : std::nullopt)
        inserted = inserted->times(*one);
      else
        inserted = std::nullopt;
    add(inserted, &Cost::written, bytesEach(result));
    if (!isa<BlockArgument>(insert.getDest()))
      write(insert.getDest());
    return;
  }
  add(elements(result), &Cost::written, bytesEach(result));
}

// Products of integers count where they are summed, with the addition: as much as those of floats. Of pairs of bf16 there are
// two, with the addition of one to the other.
static uint64_t productOperations(linalg::LinalgOp op, Operation *inner) {
  if (isa<halcyon::nn::DotBytesOp>(inner))
    return 8;
  if (isa<halcyon::nn::DotPairsOp>(inner))
    return 3;
  const bool multiplies = isa<arith::MulIOp>(inner) && inner->getResult(0).getType().isInteger();
  return multiplies && op.getNumReductionLoops() ? 2 : 0;
}

void Counter::compute(linalg::LinalgOp op) {
  uint64_t each = 0;
  op.getBlock()->walk([&](Operation *inner) {
    if (inner->getParentOfType<linalg::LinalgOp>() != op)
      return;
    each += productOperations(op, inner);
    bool computes = isa<math::MathDialect>(inner->getDialect()) ||
                    isa<arith::AddFOp, arith::SubFOp, arith::MulFOp, arith::DivFOp, arith::MaximumFOp,
                        arith::MinimumFOp, arith::MaxNumFOp, arith::MinNumFOp, arith::NegFOp>(inner);
    each += computes && inner->getResult(0).getType().isIntOrFloat();
    each += isa<halcyon::nn::WinogradOp>(inner) ? 2 : 0; // what it stands for, so that shares compare
  });
  if (each == 0)
    return;
  std::optional<Product> own = iterations(op), rows = rowsAround(op);
  add(own && rows ? std::optional(own->times(*rows)) : std::nullopt, &Cost::flops, each);
}

SmallVector<Cost> Counter::run() {
  for (BlockArgument input : executable.getTensors())
    if (input.getArgNumber() < executable.getInputs())
      read(input);
  executable.walk([&](linalg::LinalgOp op) { compute(op); });
  for (Value result : executable.getBody().front().getTerminator()->getOperands())
    write(result);
  return known ? costs : SmallVector<Cost>();
}

} // namespace

SmallVector<Cost> halcyon::dispatch::costsOf(ExecutableOp executable) { return Counter(executable).run(); }
