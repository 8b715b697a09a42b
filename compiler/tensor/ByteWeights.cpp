#include "tensor/ByteWeights.h"
#include "tensor/Dequantized.h"
#include "tensor/StridedConstant.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace halcyon;

static constexpr int64_t panelWidth = 16;       // as in PackConstants.cpp
static constexpr int64_t mostNumbers = 1 << 18; // of f32, where bytes would do

namespace {
// A number of the body: the same everywhere, or an element of an input.
struct Factor {
  std::optional<double> same;
  const StridedConstant *input = nullptr;
};
} // namespace

template <class Number> static Number at(const StridedConstant &constant, int64_t place) {
  Number value;
  std::memcpy(&value, constant.bytes.data() + place * static_cast<int64_t>(sizeof(Number)), sizeof(Number));
  return value;
}

// A byte's is widened before it is subtracted.
static Value narrow(Value value) {
  Operation *op = value ? value.getDefiningOp() : nullptr;
  return isa_and_nonnull<arith::ExtSIOp, arith::ExtUIOp>(op) ? op->getOperand(0) : value;
}

static std::optional<Factor> factorOf(Value value, const ComputedConstant &constant) {
  linalg::GenericOp op = constant.op;
  if (!value)
    return Factor();
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    if (argument.getOwner() != op.getBody() || argument.getArgNumber() >= constant.inputs.size())
      return {};
    return Factor{{}, &constant.inputs[argument.getArgNumber()]};
  }
  FloatAttr number;
  IntegerAttr integer;
  if (matchPattern(value, m_Constant(&number)))
    return Factor{number.getValueAsDouble(), nullptr};
  if (matchPattern(value, m_Constant(&integer)))
    return Factor{static_cast<double>(integer.getInt()), nullptr};
  return {};
}

namespace {
class Packer {
public:
  Packer(AffineMap map, const ByteLoops &loops, ArrayRef<int64_t> extents) : map(map), loops(loops), extents(extents) {}

  std::optional<ByteWeights> panels(const ComputedConstant &constant) {
    ByteWeights made;
    if (!read(constant, made.scales) || !pack(made))
      return {};
    return made;
  }

  std::optional<WholeWeights> numbers(const ComputedConstant &constant) {
    WholeWeights made;
    if (!read(constant, made.scales) || !collect(made))
      return {};
    return made;
  }

private:
  // What the constants are; false where they are no bytes, or not scaled by columns.
  bool read(const ComputedConstant &constant, SmallVectorImpl<float> &scales) {
    linalg::GenericOp op = constant.op;
    std::optional<Dequantized> form = dequantized(op.getBody()->getTerminator()->getOperand(0));
    std::optional<Factor> byte = form ? factorOf(form->byte, constant) : std::nullopt;
    if (!byte || !byte->input)
      return false;
    std::optional<Factor> from = factorOf(narrow(form->zero), constant), scale = factorOf(form->scale, constant);
    if (!from || !scale || !ofColumns(from->input) || !ofColumns(scale->input) ||
        (from->input && !from->input->element.isInteger(32) && !from->input->element.isInteger(8)) ||
        (scale->input && !scale->input->element.isF32()))
      return false;
    bytes = byte->input, zero = *from, isSigned = form->isSigned;
    unsignedZero = form->zero && isa_and_nonnull<arith::ExtUIOp>(form->zero.getDefiningOp());
    if (scale->input || scale->same)
      for (int64_t column = 0; column < extents[loops.columns]; ++column)
        scales.push_back(scale->same ? static_cast<float>(*scale->same)
                                     : at<float>(*scale->input, column * strideOf(*scale->input, loops.columns)));
    return llvm::all_of(scales, [](float each) { return std::isfinite(each); });
  }

  int64_t strideOf(const StridedConstant &constant, unsigned loop) const {
    for (unsigned axis = 0; axis < map.getNumResults(); ++axis)
      if (map.getDimPosition(axis) == loop)
        return constant.strides[axis];
    llvm_unreachable("a loop that the operand does not depend on");
  }

  bool ofColumns(const StridedConstant *constant) const {
    return !constant || llvm::all_of(loops.reductions, [&](unsigned loop) {
             return extents[loop] == 1 || strideOf(*constant, loop) == 0;
           });
  }

  int64_t zeroOf(int64_t column) const {
    if (!zero.input)
      return static_cast<int64_t>(zero.same.value_or(0));
    const int64_t place = column * strideOf(*zero.input, loops.columns);
    if (zero.input->element.isInteger(32))
      return at<int32_t>(*zero.input, place);
    return unsignedZero ? at<uint8_t>(*zero.input, place) : at<int8_t>(*zero.input, place);
  }

  int64_t weightAt(int64_t place, int64_t from) const {
    return (isSigned ? at<int8_t>(*bytes, place) : at<uint8_t>(*bytes, place)) - from;
  }

  bool collect(WholeWeights &made) const {
    SmallVector<int64_t> shape;
    for (AffineExpr each : map.getResults())
      shape.push_back(extents[cast<AffineDimExpr>(each).getPosition()]);
    auto type = RankedTensorType::get(shape, Float32Type::get(map.getContext()));
    if (type.getNumElements() > mostNumbers || type.getNumElements() == 0)
      return false;
    AsmResourceBlob blob = HeapAsmResourceBlob::allocate(type.getNumElements() * sizeof(float), 64, /*dataIsMutable=*/true);
    AsmResourceBlob byteBlob = HeapAsmResourceBlob::allocate(type.getNumElements(), 64, /*dataIsMutable=*/true);
    auto *to = reinterpret_cast<float *>(blob.getMutableData().data());
    auto *toByte = reinterpret_cast<int8_t *>(byteBlob.getMutableData().data());
    bool fits = true;
    SmallVector<int64_t> sums(extents[loops.columns], 0), counts(shape.size(), 0);
    const unsigned columnAxis = *map.getResultPosition(getAffineDimExpr(loops.columns, map.getContext()));
    int64_t place = 0;
    for (int64_t i = 0; i < type.getNumElements(); ++i) {
      const int64_t column = counts[columnAxis], weight = weightAt(place, zeroOf(column));
      to[i] = static_cast<float>(weight);
      toByte[i] = static_cast<int8_t>(weight);
      fits &= toByte[i] == weight;
      sums[column] += std::abs(weight);
      for (size_t axis = counts.size(); axis-- > 0;) {
        place += bytes->strides[axis];
        if (++counts[axis] < shape[axis])
          break;
        place -= bytes->strides[axis] * shape[axis];
        counts[axis] = 0;
      }
    }
    made.most = *llvm::max_element(sums);
    const std::string name = bytes->name.empty() ? "constant" : bytes->name.str();
    made.numbers = DenseResourceElementsAttr::get(type, name + ".numbers", std::move(blob));
    if (fits)
      made.bytes = DenseResourceElementsAttr::get(type.clone(IntegerType::get(map.getContext(), 8)), name + ".bytes", std::move(byteBlob));
    return true;
  }

  bool pack(ByteWeights &made) const {
    const int64_t columns = extents[loops.columns], panels = llvm::divideCeil(columns, panelWidth);
    SmallVector<int64_t> shape{panels}, steps;
    int64_t positions = 1;
    unsigned depthAxis = 0;
    for (unsigned loop : loops.reductions) {
      if (loop == loops.depth)
        depthAxis = steps.size();
      shape.push_back(loop == loops.depth ? llvm::divideCeil(extents[loop], 4) : extents[loop]);
      steps.push_back(strideOf(*bytes, loop) * (loop == loops.depth ? 4 : 1));
      positions *= shape.back();
    }
    shape.push_back(panelWidth);
    auto type = RankedTensorType::get(shape, IntegerType::get(map.getContext(), 32));
    AsmResourceBlob blob = HeapAsmResourceBlob::allocate(type.getNumElements() * 4, 64, /*dataIsMutable=*/true);
    auto *to = reinterpret_cast<int8_t *>(blob.getMutableData().data());
    std::memset(to, 0, type.getNumElements() * 4);
    made.sums.assign(columns, 0);
    const int64_t inside = strideOf(*bytes, loops.depth);
    for (int64_t column = 0; column < columns; ++column) {
      const int64_t from = zeroOf(column);
      SmallVector<int64_t> counts(steps.size(), 0);
      int64_t place = column * strideOf(*bytes, loops.columns);
      for (int64_t position = 0; position < positions; ++position) {
        int8_t *word = to + 4 * ((column / panelWidth * positions + position) * panelWidth + column % panelWidth);
        for (int64_t i = 0; i < std::min<int64_t>(4, extents[loops.depth] - 4 * counts[depthAxis]); ++i) {
          const int64_t weight = weightAt(place + i * inside, from);
          if (weight < -128 || weight > 127)
            return false;
          word[i] = static_cast<int8_t>(weight);
          made.sums[column] += static_cast<int32_t>(weight);
        }
        for (size_t axis = counts.size(); axis-- > 0;) {
          place += steps[axis];
          if (++counts[axis] < shape[axis + 1])
            break;
          place -= steps[axis] * shape[axis + 1];
          counts[axis] = 0;
        }
      }
    }
    const std::string name = (bytes->name.empty() ? "constant" : bytes->name.str()) + ".words";
    made.panels = DenseResourceElementsAttr::get(type, name, std::move(blob));
    return true;
  }

  AffineMap map;
  const ByteLoops &loops;
  ArrayRef<int64_t> extents;
  const StridedConstant *bytes = nullptr;
  Factor zero;
  bool isSigned = false, unsignedZero = false;
};
} // namespace

std::optional<ByteWeights> halcyon::byteWeights(Value value, AffineMap map, const ByteLoops &loops, ArrayRef<int64_t> extents) {
  std::optional<ComputedConstant> constant = computedConstant(value);
  if (!constant || !constant->op)
    return {};
  return Packer(map, loops, extents).panels(*constant);
}

std::optional<WholeWeights> halcyon::wholeWeights(Value value, AffineMap map, const ByteLoops &loops, ArrayRef<int64_t> extents) {
  std::optional<ComputedConstant> constant = computedConstant(value);
  if (!constant || !constant->op)
    return {};
  return Packer(map, loops, extents).numbers(*constant);
}

namespace {
struct Number {
  int64_t whole = 0;
  float real = 0;
};

// A body's value for one element of each constant.
class Evaluator {
public:
  Evaluator(linalg::GenericOp op, ArrayRef<StridedConstant> inputs, int64_t element) : op(op), inputs(inputs), element(element) {}

  std::optional<Number> of(Value value) {
    if (auto argument = dyn_cast<BlockArgument>(value))
      return ofInput(argument);
    FloatAttr real;
    IntegerAttr whole;
    if (matchPattern(value, m_Constant(&real)))
      return Number{0, static_cast<float>(real.getValueAsDouble())};
    if (matchPattern(value, m_Constant(&whole)))
      return Number{whole.getInt(), 0};
    Operation *made = value.getDefiningOp();
    SmallVector<Number> from;
    for (Value operand : made->getOperands()) {
      std::optional<Number> one = of(operand);
      if (!one)
        return {};
      from.push_back(*one);
    }
    if (isa<arith::ExtSIOp, arith::ExtUIOp>(made)) {
      const int64_t all = int64_t{1} << made->getOperand(0).getType().getIntOrFloatBitWidth();
      const bool wraps = isa<arith::ExtUIOp>(made) && from[0].whole < 0;
      return Number{from[0].whole + (wraps ? all : 0), 0};
    }
    if (isa<arith::SubIOp>(made))
      return Number{static_cast<int32_t>(from[0].whole - from[1].whole), 0};
    if (isa<arith::SIToFPOp>(made))
      return Number{0, static_cast<float>(from[0].whole)};
    if (isa<arith::MulFOp>(made))
      return Number{0, from[0].real * from[1].real};
    return {};
  }

private:
  std::optional<Number> ofInput(BlockArgument argument) {
    if (argument.getOwner() != op.getBody() || argument.getArgNumber() >= inputs.size())
      return {};
    const StridedConstant &input = inputs[argument.getArgNumber()];
    const int64_t place = element * input.strides.back();
    if (input.element.isF32())
      return Number{0, at<float>(input, place)};
    if (input.element.isInteger(32))
      return Number{at<int32_t>(input, place), 0};
    return input.element.isInteger(8) ? std::optional(Number{at<int8_t>(input, place), 0}) : std::nullopt;
  }

  linalg::GenericOp op;
  ArrayRef<StridedConstant> inputs;
  int64_t element;
};
} // namespace

std::optional<SmallVector<float>> halcyon::constantRow(Value value) {
  std::optional<ComputedConstant> constant = computedConstant(value);
  if (!constant || !getElementTypeOrSelf(value).isF32())
    return {};
  ArrayRef<int64_t> shape = cast<RankedTensorType>(value.getType()).getShape();
  for (const StridedConstant &input : constant->inputs)
    for (size_t axis = 0; axis + 1 < shape.size(); ++axis)
      if (shape[axis] != 1 && input.strides[axis] != 0)
        return {};
  SmallVector<float> row;
  for (int64_t element = 0; !shape.empty() && element < shape.back(); ++element) {
    const StridedConstant &first = constant->inputs.front();
    std::optional<Number> number;
    if (constant->op)
      number = Evaluator(constant->op, constant->inputs, element).of(constant->op.getBody()->getTerminator()->getOperand(0));
    else
      number = Number{0, at<float>(first, element * first.strides.back())};
    if (!number)
      return {};
    row.push_back(number->real);
  }
  return row;
}
