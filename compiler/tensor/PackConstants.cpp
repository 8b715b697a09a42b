#include "tensor/Generic.h"
#include "tensor/Passes.h"
#include "tensor/StridedConstant.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"

namespace halcyon {
#define GEN_PASS_DEF_PACKCONSTANTS
#include "tensor/Passes.h.inc"
} // namespace halcyon

using namespace mlir;
using namespace halcyon;

namespace {

constexpr size_t mostDimensions = 8; // that an artifact's constant has

// On every CPU: variants of a plan share its constants (design section 6). Of 16 bits, a cache line.
int64_t panelWidth(Type element) { return element.isF16() || element.isBF16() ? 32 : 16; }

// Narrow weights are widened beside each product.
Type widened(Type element) { return element.isF16() || element.isBF16() ? Float32Type::get(element.getContext()) : element; }

// What the kernels of `op` read panels of.
bool isPacked(Type element, linalg::LinalgOp op) {
  if (element.isF32() || element.isF64() || element.isInteger(32))
    return true;
  return widened(element).isF32() && llvm::any_of(op.getDpsInputs(), [](Value input) { return getElementTypeOrSelf(input).isF32(); });
}

// The operand's loops but `columns`, in the order of the packed dimensions: parallel ones, then reductions.
struct Packing {
  unsigned columns;
  SmallVector<unsigned> loops;
  int64_t width;
};

// How the operand with `map` would be packed; nothing where panels would not help.
std::optional<Packing> packingOf(linalg::GenericOp op, AffineMap map, Type element) {
  AffineMap out = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  SmallVector<utils::IteratorType> iterators = op.getIteratorTypesArray();
  SmallVector<int64_t> extents = op.getStaticLoopRanges();
  // Columns: the result's innermost dimension of more than one element.
  Packing packing;
  packing.width = panelWidth(element);
  std::optional<unsigned> columns;
  for (unsigned axis = 0; axis < out.getNumResults(); ++axis)
    if (unsigned loop = out.getDimPosition(axis); extents[loop] != 1)
      columns = loop;
  if (!columns || !map.isFunctionOfDim(*columns))
    return {};
  packing.columns = *columns;
  bool reduces = false;
  for (auto [loop, iterator] : llvm::enumerate(iterators)) {
    if (loop == *columns || !map.isFunctionOfDim(loop))
      continue;
    packing.loops.push_back(loop);
    reduces |= iterator == utils::IteratorType::reduction;
  }
  llvm::stable_sort(packing.loops, [&](unsigned a, unsigned b) {
    return iterators[a] == utils::IteratorType::parallel && iterators[b] == utils::IteratorType::reduction;
  });
  return reduces ? std::optional(packing) : std::nullopt;
}

int64_t strideOf(const StridedConstant &constant, AffineMap map, unsigned loop) {
  for (unsigned axis = 0; axis < map.getNumResults(); ++axis)
    if (map.getDimPosition(axis) == loop)
      return constant.strides[axis];
  llvm_unreachable("a loop that the operand does not depend on");
}

// Writes the constant's panels, zeros beyond its columns.
void pack(const StridedConstant &constant, AffineMap map, const Packing &packing, ArrayRef<int64_t> extents,
          MutableArrayRef<char> bytes) {
  const size_t size = constant.element.getIntOrFloatBitWidth() / 8;
  const int64_t columns = extents[packing.columns], width = packing.width, step = strideOf(constant, map, packing.columns);
  SmallVector<int64_t> counts{(columns + width - 1) / width}, steps{step * width};
  for (unsigned loop : packing.loops) {
    counts.push_back(extents[loop]);
    steps.push_back(strideOf(constant, map, loop));
  }
  SmallVector<int64_t> at(counts.size(), 0);
  int64_t from = 0;
  for (char *to = bytes.begin(); to != bytes.end(); to += width * size) {
    const int64_t count = std::min(width, columns - at[0] * width);
    for (int64_t i = 0; i < count; ++i)
      std::memcpy(to + i * size, constant.bytes.data() + (from + i * step) * size, size);
    std::memset(to + count * size, 0, (width - count) * size);
    for (size_t axis = counts.size(); axis-- > 0;) {
      from += steps[axis];
      if (++at[axis] < counts[axis])
        break;
      from -= steps[axis] * counts[axis];
      at[axis] = 0;
    }
  }
}

struct PackConstants : halcyon::impl::PackConstantsBase<PackConstants> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    SmallVector<linalg::LinalgOp> ops;
    getOperation().walk([&](linalg::LinalgOp op) { ops.push_back(op); });
    for (linalg::LinalgOp op : ops)
      if (op.getNumReductionLoops() && op.getNumDpsInputs() >= 2 && op.getNumDpsInits() == 1 &&
          op.hasPureTensorSemantics())
        packOperands(op, rewriter);
  }

  void packOperands(linalg::LinalgOp op, IRRewriter &rewriter) {
    AffineMap out = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
    // Kernels that read panels are products of one type, of f32 and what is widened to it, or of bytes that become whole numbers.
    const bool isWhole = op->hasAttr("halcyon.whole");
    Type element = widened(getElementTypeOrSelf(isWhole ? op.getDpsInits().front() : op.getDpsInputs().front()));
    auto isByte = [&](Value input) { return isWhole && getElementTypeOrSelf(input).isInteger(8); };
    auto isOther = [&](Value input) { return widened(getElementTypeOrSelf(input)) != element && !isByte(input); };
    if (!out.isProjectedPermutation() || llvm::any_of(op.getDpsInputs(), isOther))
      return;
    for (unsigned i = 0; i < op.getNumDpsInputs(); ++i) {
      Value operand = op.getDpsInputs()[i];
      std::optional<ComputedConstant> constant = computedConstant(operand);
      if (!constant || !(isPacked(getElementTypeOrSelf(operand), op) || isByte(operand)) || !op.getIndexingMapsArray()[i].isProjectedPermutation())
        continue;
      FailureOr<linalg::GenericOp> generic = asGeneric(op, rewriter);
      if (failed(generic))
        return;
      op = cast<linalg::LinalgOp>(generic->getOperation());
      std::optional<Packing> packing = packingOf(*generic, op.getIndexingMapsArray()[i], getElementTypeOrSelf(operand));
      if (packing && packing->loops.size() + 2 <= mostDimensions)
        replace(*generic, i, *constant, *packing, rewriter);
    }
  }

  void replace(linalg::GenericOp op, unsigned operand, const ComputedConstant &constant, const Packing &packing,
               IRRewriter &rewriter) {
    rewriter.setInsertionPoint(op);
    SmallVector<AffineMap> maps = op.getIndexingMapsArray();
    AffineExpr column = rewriter.getAffineDimExpr(packing.columns);
    SmallVector<AffineExpr> exprs{column.floorDiv(packing.width)};
    for (unsigned loop : packing.loops)
      exprs.push_back(rewriter.getAffineDimExpr(loop));
    exprs.push_back(column % packing.width);
    Value value = constant.op ? computePanels(op, maps[operand], constant, packing, rewriter)
                              : panels(op, maps[operand], constant.inputs.front(), packing, rewriter);
    maps[operand] = AffineMap::get(op.getNumLoops(), 0, exprs, &getContext());
    rewriter.modifyOpInPlace(op, [&] {
      op->setOperand(operand, value);
      op.setIndexingMapsAttr(rewriter.getAffineMapArrayAttr(maps));
    });
  }

  // The arithmetic, on panels of its inputs. What is the same along a loop stays so.
  Value computePanels(linalg::GenericOp op, AffineMap map, const ComputedConstant &constant, const Packing &packing,
                      IRRewriter &rewriter) {
    SmallVector<int64_t> shape = panelShape(op, packing);
    SmallVector<Value> inputs;
    SmallVector<AffineMap> maps;
    for (const StridedConstant &input : constant.inputs) {
      Packing own{packing.columns, {}, packing.width};
      SmallVector<AffineExpr> exprs{rewriter.getAffineDimExpr(0)};
      for (auto [position, loop] : llvm::enumerate(packing.loops)) {
        if (strideOf(input, map, loop) == 0)
          continue;
        own.loops.push_back(loop);
        exprs.push_back(rewriter.getAffineDimExpr(position + 1));
      }
      exprs.push_back(rewriter.getAffineDimExpr(shape.size() - 1));
      maps.push_back(AffineMap::get(shape.size(), 0, exprs, &getContext()));
      inputs.push_back(panels(op, map, input, own, rewriter));
    }
    maps.push_back(rewriter.getMultiDimIdentityMap(shape.size()));
    linalg::GenericOp from = constant.op;
    Type element = getElementTypeOrSelf(from.getResult(0));
    Value init = rewriter.create<tensor::EmptyOp>(from.getLoc(), shape, element);
    SmallVector<utils::IteratorType> iterators(shape.size(), utils::IteratorType::parallel);
    auto made = rewriter.create<linalg::GenericOp>(from.getLoc(), init.getType(), inputs, init, maps, iterators);
    rewriter.cloneRegionBefore(from.getRegion(), made.getRegion(), made.getRegion().begin());
    return made.getResult(0);
  }

  SmallVector<int64_t> panelShape(linalg::GenericOp op, const Packing &packing) {
    SmallVector<int64_t> extents = op.getStaticLoopRanges();
    SmallVector<int64_t> shape{static_cast<int64_t>(llvm::divideCeil(extents[packing.columns], packing.width))};
    for (unsigned loop : packing.loops)
      shape.push_back(extents[loop]);
    shape.push_back(packing.width);
    return shape;
  }

  Value panels(linalg::GenericOp op, AffineMap map, const StridedConstant &constant, const Packing &packing,
               IRRewriter &rewriter) {
    auto type = RankedTensorType::get(panelShape(op, packing), constant.element);
    SmallVector<int64_t> loops(packing.loops.begin(), packing.loops.end());
    loops.append({packing.columns, packing.width});
    Attribute &packed = done[{constant.bytes.data(), AffineMapAttr::get(map),
                              rewriter.getArrayAttr({rewriter.getDenseI64ArrayAttr(loops),
                                                     rewriter.getDenseI64ArrayAttr(constant.strides)})}];
    if (!packed || cast<DenseResourceElementsAttr>(packed).getType() != type) {
      const size_t size = type.getNumElements() * constant.element.getIntOrFloatBitWidth() / 8;
      AsmResourceBlob blob = HeapAsmResourceBlob::allocate(size, 64, /*dataIsMutable=*/true);
      pack(constant, map, packing, op.getStaticLoopRanges(), blob.getMutableData());
      const std::string name = (constant.name.empty() ? "constant" : constant.name.str()) + ".panels";
      packed = DenseResourceElementsAttr::get(type, name, std::move(blob));
    }
    return rewriter.create<arith::ConstantOp>(op.getLoc(), type, cast<TypedAttr>(packed));
  }

  // Panels of this function, by where they came from and how they are read.
  struct Key {
    const char *bytes;
    Attribute maps, strides;
    bool operator<(const Key &other) const {
      return std::tuple(bytes, maps.getAsOpaquePointer(), strides.getAsOpaquePointer()) <
             std::tuple(other.bytes, other.maps.getAsOpaquePointer(), other.strides.getAsOpaquePointer());
    }
  };
  std::map<Key, Attribute> done;
};

} // namespace
