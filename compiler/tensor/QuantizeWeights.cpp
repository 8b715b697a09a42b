#include "tensor/Passes.h"
#include "tensor/StridedConstant.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

#include <cmath>

namespace halcyon {
#define GEN_PASS_DEF_QUANTIZEWEIGHTS
#include "tensor/Passes.h.inc"
} // namespace halcyon

using namespace mlir;
using namespace halcyon;

namespace {

constexpr int64_t panelWidth = 64;      // columns: a cache line of bytes
constexpr int64_t fewestWeights = 4096; // less is no gain

// A product x[.., k] * w[k, n] whose w is a constant: one reduction, and one loop that w alone has.
struct Product {
  linalg::LinalgOp op;
  unsigned left, right;  // operands
  unsigned column, step; // loops: n, k
  StridedConstant weights;
  int64_t columnStride, stepStride; // of the weights, in elements
};

bool multipliesAndAdds(linalg::LinalgOp op) {
  Block *body = op.getBlock();
  auto add = body->getTerminator()->getOperand(0).getDefiningOp<arith::AddFOp>();
  if (!add || llvm::range_size(body->without_terminator()) != 2)
    return false;
  for (auto [sum, product] : {std::pair(add.getLhs(), add.getRhs()), std::pair(add.getRhs(), add.getLhs())})
    if (auto mul = product.getDefiningOp<arith::MulFOp>(); mul && sum == body->getArgument(2))
      return llvm::is_contained(mul->getOperands(), body->getArgument(0)) && llvm::is_contained(mul->getOperands(), body->getArgument(1));
  return false;
}

std::optional<Product> productOf(linalg::LinalgOp op) {
  if (op.getNumReductionLoops() != 1 || op.getNumDpsInputs() != 2 || op.getNumDpsInits() != 1 || !op.hasPureTensorSemantics() ||
      !multipliesAndAdds(op))
    return {};
  for (unsigned right : {1u, 0u}) {
    AffineMap map = op.getIndexingMapsArray()[right], other = op.getIndexingMapsArray()[1 - right];
    Value operand = op.getDpsInputs()[right];
    auto type = cast<RankedTensorType>(operand.getType());
    if (!type.getElementType().isF32() || type.getRank() != 2 || !map.isProjectedPermutation() || !other.isProjectedPermutation())
      continue;
    std::optional<StridedConstant> weights = stridedConstant(operand);
    if (!weights || type.getNumElements() < fewestWeights)
      continue;
    Product made{op, 1 - right, right, 0, 0, *weights, 0, 0};
    unsigned steps = 0;
    for (unsigned axis = 0; axis < 2; ++axis) {
      const unsigned loop = map.getDimPosition(axis);
      if (op.getIteratorTypesArray()[loop] == utils::IteratorType::reduction)
        made.step = loop, made.stepStride = weights->strides[axis], ++steps;
      else
        made.column = loop, made.columnStride = weights->strides[axis];
    }
    if (steps == 1 && !other.isFunctionOfDim(made.column) && other.isFunctionOfDim(made.step))
      return made;
  }
  return {};
}

struct Quantized {
  Value bytes;  // [panels, blocks, bytes of a block, columns]
  Value scales; // [panels, blocks, columns]
};

struct QuantizeWeights : halcyon::impl::QuantizeWeightsBase<QuantizeWeights> {
  using QuantizeWeightsBase::QuantizeWeightsBase;

  void runOnOperation() override {
    SmallVector<linalg::LinalgOp> ops;
    getOperation().walk([&](linalg::LinalgOp op) { ops.push_back(op); });
    IRRewriter rewriter(&getContext());
    for (linalg::LinalgOp op : ops)
      if (std::optional<Product> product = productOf(op))
        replace(*product, rewriter);
  }

  // Weights that share a scale: as asked for, if that divides them; 0: all of a column.
  int64_t blockOf(int64_t steps) const {
    if (block == 0)
      return bits == 4 && steps % 2 ? 0 : steps;
    return steps % block == 0 ? int64_t(block) : 0;
  }

  void replace(const Product &product, IRRewriter &rewriter) {
    linalg::LinalgOp op = product.op;
    SmallVector<int64_t> extents = op.getStaticLoopRanges();
    const int64_t steps = extents[product.step], perBlock = blockOf(steps), perByte = 8 / bits;
    if (perBlock == 0) {
      op.emitWarning("its matrix stays f32: ") << steps << " weights of a column are no multiple of " << std::max<int64_t>(2, block);
      return;
    }
    rewriter.setInsertionPoint(op);
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    const Quantized weights = quantize(product, extents[product.column], steps, perBlock, b);
    if (!weights.bytes) {
      op.emitWarning("its matrix stays f32: a weight is not finite");
      return;
    }

    // The left operand's steps become blocks, bytes, and weights of a byte.
    Value left = op.getDpsInputs()[product.left];
    AffineMap leftMap = op.getIndexingMapsArray()[product.left];
    auto leftType = cast<RankedTensorType>(left.getType());
    SmallVector<ReassociationIndices> groups;
    SmallVector<int64_t> shape;
    SmallVector<OpFoldResult> sizes;
    for (unsigned axis = 0; axis < leftMap.getNumResults(); ++axis) {
      ReassociationIndices &group = groups.emplace_back();
      auto append = [&](int64_t extent, OpFoldResult size) {
        group.push_back(shape.size());
        shape.push_back(extent);
        sizes.push_back(size);
      };
      if (leftMap.getDimPosition(axis) != product.step) {
        append(leftType.getDimSize(axis), leftType.isDynamicDim(axis) ? OpFoldResult(b.create<tensor::DimOp>(left, axis).getResult())
                                                                      : b.getIndexAttr(leftType.getDimSize(axis)));
        continue;
      }
      for (int64_t extent : {steps / perBlock, perBlock / perByte, perByte})
        append(extent, b.getIndexAttr(extent));
    }
    left = b.create<tensor::ExpandShapeOp>(leftType.clone(shape), left, groups, sizes);

    // Loops: those there were, with blocks for steps, then bytes.
    const unsigned loops = op.getNumLoops(), byte = loops;
    auto dim = [&](unsigned loop) { return b.getAffineDimExpr(loop); };
    SmallVector<AffineMap> maps;
    for (int64_t part = 0; part < perByte; ++part) {
      SmallVector<AffineExpr> exprs;
      for (unsigned axis = 0; axis < leftMap.getNumResults(); ++axis) {
        exprs.push_back(dim(leftMap.getDimPosition(axis)));
        if (leftMap.getDimPosition(axis) == product.step)
          exprs.append({dim(byte), b.getAffineConstantExpr(part)});
      }
      maps.push_back(AffineMap::get(loops + 1, 0, exprs, b.getContext()));
    }
    AffineExpr panel = dim(product.column).floorDiv(panelWidth), column = dim(product.column) % panelWidth;
    maps.push_back(AffineMap::get(loops + 1, 0, {panel, dim(product.step), dim(byte), column}, b.getContext()));
    maps.push_back(AffineMap::get(loops + 1, 0, {panel, dim(product.step), column}, b.getContext()));
    AffineMap out = op.getIndexingMapsArray().back();
    maps.push_back(AffineMap::get(loops + 1, 0, out.getResults(), b.getContext()));
    SmallVector<utils::IteratorType> iterators = op.getIteratorTypesArray();
    iterators.push_back(utils::IteratorType::reduction);
    SmallVector<Value> inputs(perByte, left);
    inputs.append({weights.bytes, weights.scales});
    auto made = b.create<linalg::GenericOp>(
        op->getResultTypes(), inputs, op.getDpsInits(), maps, iterators, [&](OpBuilder &nested, Location loc, ValueRange x) {
          ImplicitLocOpBuilder inner(loc, nested);
          inner.create<linalg::YieldOp>(body(inner, x, perByte));
        });
    rewriter.replaceOp(op, made);
  }

  // x: a byte's parts of the left operand, the byte, its scale, the sum so far.
  Value body(ImplicitLocOpBuilder &b, ValueRange x, int64_t perByte) const {
    Value byte = x[perByte], scale = x[perByte + 1], sum = x.back();
    Type wide = b.getI32Type(), f32 = b.getF32Type();
    auto number = [&](int64_t value) { return b.create<arith::ConstantOp>(b.getI32IntegerAttr(value)); };
    for (int64_t part = 0; part < perByte; ++part) {
      Value weight = perByte == 1 ? b.create<arith::ExtSIOp>(wide, byte).getResult() : b.create<arith::ExtUIOp>(wide, byte).getResult();
      if (perByte > 1) {
        weight = part ? b.create<arith::ShRUIOp>(weight, number(bits)).getResult()
                      : b.create<arith::AndIOp>(weight, number((1 << bits) - 1)).getResult();
        weight = b.create<arith::SubIOp>(weight, number(1 << (bits - 1)));
      }
      weight = b.create<arith::MulFOp>(b.create<arith::SIToFPOp>(f32, weight), scale);
      sum = b.create<arith::AddFOp>(sum, b.create<arith::MulFOp>(x[part], weight));
    }
    return sum;
  }

  // Nothing where a weight is not finite.
  Quantized quantize(const Product &product, int64_t columns, int64_t steps, int64_t perBlock, ImplicitLocOpBuilder &b) {
    const int64_t perByte = 8 / bits, panels = llvm::divideCeil(columns, panelWidth), blocks = steps / perBlock;
    auto bytesType = RankedTensorType::get({panels, blocks, perBlock / perByte, panelWidth}, b.getI8Type());
    auto scalesType = RankedTensorType::get({panels, blocks, panelWidth}, b.getF32Type());
    auto &[bytes, scales] = done[{product.weights.bytes.data(), product.columnStride, product.stepStride, columns, steps}];
    if (!bytes) {
      AsmResourceBlob byteBlob = HeapAsmResourceBlob::allocate(bytesType.getNumElements(), 64, /*dataIsMutable=*/true);
      AsmResourceBlob scaleBlob = HeapAsmResourceBlob::allocate(scalesType.getNumElements() * sizeof(float), 64, /*dataIsMutable=*/true);
      auto *to = reinterpret_cast<uint8_t *>(byteBlob.getMutableData().data());
      auto *scale = reinterpret_cast<float *>(scaleBlob.getMutableData().data());
      std::fill_n(to, bytesType.getNumElements(), perByte == 1 ? 0 : 0x88);
      std::fill_n(scale, scalesType.getNumElements(), 0.0f);
      const auto *weights = reinterpret_cast<const float *>(product.weights.bytes.data());
      for (int64_t column = 0; column < columns; ++column)
        for (int64_t number = 0; number < blocks; ++number) {
          const float *from = weights + column * product.columnStride + number * perBlock * product.stepStride;
          const int64_t place = column / panelWidth * blocks + number, lane = column % panelWidth;
          std::optional<float> chosen = scaleOf(from, product.stepStride, perBlock);
          if (!chosen)
            return {};
          scale[place * panelWidth + lane] = *chosen;
          for (int64_t i = 0; i < perBlock; ++i) {
            const float value = *chosen == 0 ? 0 : std::nearbyint(from[i * product.stepStride] / *chosen);
            uint8_t &target = to[(place * (perBlock / perByte) + i / perByte) * panelWidth + lane];
            if (perByte == 1)
              target = static_cast<uint8_t>(static_cast<int8_t>(std::clamp(value, -127.0f, 127.0f)));
            else
              target = (target & (i % 2 ? 0x0f : 0xf0)) | static_cast<uint8_t>(std::clamp(value + 8, 0.0f, 15.0f)) << (i % 2 * 4);
          }
        }
      const std::string name = product.weights.name.empty() ? "constant" : product.weights.name.str();
      bytes = DenseResourceElementsAttr::get(bytesType, name + ".quantized", std::move(byteBlob));
      scales = DenseResourceElementsAttr::get(scalesType, name + ".scales", std::move(scaleBlob));
    }
    return {b.create<arith::ConstantOp>(bytesType, cast<TypedAttr>(bytes)), b.create<arith::ConstantOp>(scalesType, cast<TypedAttr>(scales))};
  }

  // The largest magnitude is the end of the range: of 8 bits +-127, of 4 bits the side that has one step more.
  std::optional<float> scaleOf(const float *from, int64_t stride, int64_t count) const {
    float largest = 0;
    for (int64_t i = 0; i < count; ++i) {
      const float value = from[i * stride];
      if (!std::isfinite(value))
        return {};
      if (std::abs(value) > std::abs(largest))
        largest = value;
    }
    return bits == 8 ? std::abs(largest) / 127 : largest / -8;
  }

  using Key = std::tuple<const char *, int64_t, int64_t, int64_t, int64_t>;
  std::map<Key, std::pair<Attribute, Attribute>> done;
};

} // namespace
