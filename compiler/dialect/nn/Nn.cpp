#include "dialect/nn/Nn.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

#include "dialect/nn/NnDialect.cpp.inc"
#include "dialect/nn/NnEnums.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialect/nn/NnAttributes.cpp.inc"
#define GET_OP_CLASSES
#include "dialect/nn/NnOps.cpp.inc"

namespace halcyon {

void registerNnDialect(DialectRegistry &registry) { registry.insert<nn::NnDialect>(); }

namespace nn {

void NnDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialect/nn/NnAttributes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialect/nn/NnOps.cpp.inc"
      >();
}

namespace {

RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

bool differ(int64_t left, int64_t right) {
  return !ShapedType::isDynamic(left) && !ShapedType::isDynamic(right) && left != right;
}

unsigned channelAxis(Layout layout, int64_t rank) {
  return layout == Layout::channels_first ? 1 : static_cast<unsigned>(rank - 1);
}

unsigned spatialAxis(Layout layout, unsigned spatial) {
  return spatial + (layout == Layout::channels_first ? 2 : 1);
}

LogicalResult verifyElementTypes(Operation *op) {
  Type element = typeOf(op->getResult(0)).getElementType();
  for (Value operand : op->getOperands())
    if (typeOf(operand).getElementType() != element)
      return op->emitOpError("expects one element type, got ")
             << element << " and " << typeOf(operand).getElementType();
  return success();
}

LogicalResult verifyPerSpatial(Operation *op, int64_t spatials, StringRef name,
                               ArrayRef<int64_t> values, int64_t least) {
  if (static_cast<int64_t>(values.size()) != spatials)
    return op->emitOpError() << name << " has " << values.size() << " values for " << spatials
                             << " spatial dimensions";
  for (int64_t value : values)
    if (value < least)
      return op->emitOpError() << name << " holds " << value << ", less than " << least;
  return success();
}

// The extent of a window's output; negative inputs are the caller's to avoid.
int64_t windowExtent(int64_t input, int64_t kernel, int64_t stride, int64_t dilation, int64_t low,
                     int64_t high, bool ceil) {
  int64_t room = input + low + high - dilation * (kernel - 1) - 1;
  // Rounded up, a window that passes the input by less than a step is one.
  int64_t steps = room + stride + (ceil ? stride - 1 : 0);
  if (steps < 0)
    return 0;
  int64_t extent = steps / stride;
  // The last window must start inside the input or its low padding.
  if (ceil && extent > 0 && (extent - 1) * stride >= input + low)
    --extent;
  return extent;
}

LogicalResult verifyBias(Operation *op, Value bias, int64_t channels) {
  if (bias && (typeOf(bias).getRank() != 1 || differ(typeOf(bias).getDimSize(0), channels)))
    return op->emitOpError("bias must have one element for each of ")
           << channels << " output channels";
  return success();
}

LogicalResult verifySameShape(Operation *op, Value input, Value init) {
  if (failed(verifyCompatibleShape(input.getType(), init.getType())))
    return op->emitOpError("input and init differ in shape");
  return success();
}

} // namespace

LogicalResult ConvOp::verify() {
  RankedTensorType input = typeOf(getInput()), filter = typeOf(getFilter()),
                   init = typeOf(getInit());
  int64_t rank = input.getRank(), spatials = rank - 2;
  if (spatials < 1 || spatials > 3 || filter.getRank() != rank || init.getRank() != rank)
    return emitOpError("expects input, filter and init of one rank between 3 and 5");
  if (failed(verifyElementTypes(*this)) ||
      failed(verifyPerSpatial(*this, spatials, "strides", getStrides(), 1)) ||
      failed(verifyPerSpatial(*this, spatials, "dilations", getDilations(), 1)) ||
      failed(verifyPerSpatial(*this, spatials, "pad_low", getPadLow(), 0)) ||
      failed(verifyPerSpatial(*this, spatials, "pad_high", getPadHigh(), 0)))
    return failure();
  auto groups = static_cast<int64_t>(getGroups());
  int64_t inputs = input.getDimSize(channelAxis(getInputLayout(), rank));
  int64_t outputs = init.getDimSize(channelAxis(getOutputLayout(), rank));
  if (filter.isDynamicDim(0) || filter.isDynamicDim(1))
    return emitOpError("expects a filter with static channels");
  if (groups < 1 || filter.getDimSize(0) % groups)
    return emitOpError("groups must divide the filter's ") << filter.getDimSize(0) << " outputs";
  if (differ(inputs, filter.getDimSize(1) * groups))
    return emitOpError("input has ")
           << inputs << " channels, the filter takes " << filter.getDimSize(1) * groups;
  if (differ(outputs, filter.getDimSize(0)))
    return emitOpError("init has ")
           << outputs << " channels, the filter makes " << filter.getDimSize(0);
  if (differ(input.getDimSize(0), init.getDimSize(0)))
    return emitOpError("input and init differ in the batch dimension");
  if (failed(verifyBias(*this, getBias(), filter.getDimSize(0))))
    return failure();
  for (unsigned i = 0; i < spatials; ++i) {
    int64_t in = input.getDimSize(spatialAxis(getInputLayout(), i));
    int64_t out = init.getDimSize(spatialAxis(getOutputLayout(), i));
    int64_t kernel = filter.getDimSize(i + 2);
    if (ShapedType::isDynamic(in) || ShapedType::isDynamic(kernel))
      continue;
    int64_t expected = windowExtent(in, kernel, getStrides()[i], getDilations()[i], getPadLow()[i],
                                    getPadHigh()[i], false);
    if (differ(out, expected))
      return emitOpError("spatial dimension ")
             << i << ": expected an output of " << expected << ", got " << out;
  }
  return success();
}

LogicalResult ConvTransposeOp::verify() {
  RankedTensorType input = typeOf(getInput()), filter = typeOf(getFilter()),
                   init = typeOf(getInit());
  int64_t rank = input.getRank(), spatials = rank - 2;
  if (spatials < 1 || spatials > 3 || filter.getRank() != rank || init.getRank() != rank)
    return emitOpError("expects input, filter and init of one rank between 3 and 5");
  if (failed(verifyElementTypes(*this)) ||
      failed(verifyPerSpatial(*this, spatials, "strides", getStrides(), 1)) ||
      failed(verifyPerSpatial(*this, spatials, "dilations", getDilations(), 1)) ||
      failed(verifyPerSpatial(*this, spatials, "pad_low", getPadLow(), 0)) ||
      failed(verifyPerSpatial(*this, spatials, "pad_high", getPadHigh(), std::numeric_limits<int32_t>::min())))
    return failure();
  auto groups = static_cast<int64_t>(getGroups());
  if (!filter.hasStaticShape())
    return emitOpError("expects a filter of static shape");
  if (groups < 1 || filter.getDimSize(0) % groups)
    return emitOpError("groups must divide the filter's ") << filter.getDimSize(0) << " inputs";
  if (differ(input.getDimSize(1), filter.getDimSize(0)))
    return emitOpError("input has ")
           << input.getDimSize(1) << " channels, the filter takes " << filter.getDimSize(0);
  int64_t outputs = filter.getDimSize(1) * groups;
  if (differ(init.getDimSize(1), outputs))
    return emitOpError("init has ")
           << init.getDimSize(1) << " channels, the filter makes " << outputs;
  if (differ(input.getDimSize(0), init.getDimSize(0)))
    return emitOpError("input and init differ in the batch dimension");
  for (unsigned i = 0; i < spatials; ++i) {
    int64_t in = input.getDimSize(i + 2);
    int64_t expected = getStrides()[i] * (in - 1) + getDilations()[i] * (filter.getDimSize(i + 2) - 1) + 1 -
                       getPadLow()[i] - getPadHigh()[i];
    if (!ShapedType::isDynamic(in) && differ(init.getDimSize(i + 2), expected))
      return emitOpError("spatial dimension ")
             << i << ": expected an output of " << expected << ", got " << init.getDimSize(i + 2);
  }
  return verifyBias(*this, getBias(), outputs);
}

LogicalResult PoolOp::verify() {
  RankedTensorType input = typeOf(getInput()), init = typeOf(getInit());
  int64_t rank = input.getRank(), spatials = rank - 2;
  if (spatials < 1 || spatials > 3 || init.getRank() != rank)
    return emitOpError("expects input and init of one rank between 3 and 5");
  if (failed(verifyElementTypes(*this)) ||
      failed(verifyPerSpatial(*this, spatials, "kernel", getKernel(), 1)) ||
      failed(verifyPerSpatial(*this, spatials, "strides", getStrides(), 1)) ||
      failed(verifyPerSpatial(*this, spatials, "dilations", getDilations(), 1)) ||
      failed(verifyPerSpatial(*this, spatials, "pad_low", getPadLow(), 0)) ||
      failed(verifyPerSpatial(*this, spatials, "pad_high", getPadHigh(), 0)))
    return failure();
  if (getKind() == PoolKind::average && !isa<FloatType>(input.getElementType()))
    return emitOpError("expects floating-point elements for an average");
  unsigned channel = channelAxis(getLayout(), rank);
  if (differ(input.getDimSize(0), init.getDimSize(0)) ||
      differ(input.getDimSize(channel), init.getDimSize(channel)))
    return emitOpError("input and init differ in batch or channels");
  for (unsigned i = 0; i < spatials; ++i) {
    int64_t in = input.getDimSize(spatialAxis(getLayout(), i));
    int64_t out = init.getDimSize(spatialAxis(getLayout(), i));
    if (ShapedType::isDynamic(in))
      continue;
    int64_t expected = windowExtent(in, getKernel()[i], getStrides()[i], getDilations()[i],
                                    getPadLow()[i], getPadHigh()[i], getCeilMode());
    if (differ(out, expected))
      return emitOpError("spatial dimension ")
             << i << ": expected an output of " << expected << ", got " << out;
  }
  return success();
}

LogicalResult SoftmaxOp::verify() {
  RankedTensorType input = typeOf(getInput());
  auto axis = static_cast<int64_t>(getAxis());
  if (axis < 0 || axis >= input.getRank())
    return emitOpError("axis ") << axis << " is not one of " << input.getRank() << " dimensions";
  if (!isa<FloatType>(input.getElementType()))
    return emitOpError("expects floating-point elements");
  return success(succeeded(verifyElementTypes(*this)) &&
                 succeeded(verifySameShape(*this, getInput(), getInit())));
}

LogicalResult LayerNormOp::verify() {
  RankedTensorType input = typeOf(getInput());
  auto axis = static_cast<int64_t>(getAxis());
  if (axis < 0 || axis >= input.getRank())
    return emitOpError("axis ") << axis << " is not one of " << input.getRank() << " dimensions";
  if (!isa<FloatType>(input.getElementType()))
    return emitOpError("expects floating-point elements");
  if (getBias() && !getScale())
    return emitOpError("a bias needs a scale");
  for (Value factor : {getScale(), getBias()})
    if (factor &&
        failed(verifyCompatibleShape(typeOf(factor).getShape(), input.getShape().drop_front(axis))))
      return emitOpError("scale and bias must have the shape of the normalised dimensions");
  return success(succeeded(verifyElementTypes(*this)) &&
                 succeeded(verifySameShape(*this, getInput(), getInit())));
}

LogicalResult WinogradOp::verify() {
  if (getTile() != 2 && getTile() != 4)
    return emitOpError("expects a tile of 2 or 4, got ") << getTile();
  auto body = dyn_cast_or_null<linalg::GenericOp>((*this)->getParentOp());
  if (!body || body.getNumDpsInputs() != 3 || body.getNumDpsInits() != 1 ||
      body.getBody()->getTerminator()->getOperand(0) != getResult())
    return emitOpError("expects to be the body of a linalg.generic of input, filter, window and sums");
  const int64_t positions = (getTile() + 2) * (getTile() + 2);
  auto filter = dyn_cast<ShapedType>(body.getInputs()[1].getType());
  if (!filter || filter.getRank() == 0 || differ(filter.getDimSize(0), positions))
    return emitOpError("expects a filter of ") << positions << " transformed elements";
  return success();
}

LogicalResult ReinterpretOp::verify() {
  RankedTensorType from = typeOf(getSource()), to = typeOf(getResult());
  auto isBytes = [](RankedTensorType type) {
    return type.getRank() == 1 && type.getElementType().isSignlessInteger(8);
  };
  auto isPacked = [](RankedTensorType type) {
    return type.getElementType().isSignlessInteger(2) || type.getElementType().isSignlessInteger(4);
  };
  auto wordsOf = [](RankedTensorType parts, RankedTensorType words) {
    const int64_t inWord = parts.getElementType().isSignlessInteger(8) ? 4 : parts.getElementType().isBF16() ? 2 : 0;
    return inWord && words.getElementType().isSignlessInteger(32) && parts.getRank() == words.getRank() && parts.getRank() > 0 &&
           !parts.isDynamicDim(parts.getRank() - 1) && parts.getShape().drop_back() == words.getShape().drop_back() &&
           parts.getShape().back() == inWord * words.getShape().back();
  };
  if (!(isPacked(from) && isBytes(to)) && !(isBytes(from) && isPacked(to)) && !wordsOf(from, to))
    return emitOpError("expects elements of 2 or 4 bits on one side and a list of bytes on the "
                       "other, or i32 of four bytes or two bf16 of the innermost dimension");
  if (static_cast<int64_t>(getSizes().size()) != to.getNumDynamicDims())
    return emitOpError("expects ") << to.getNumDynamicDims() << " sizes, got " << getSizes().size();
  auto bytesOf = [](RankedTensorType type) {
    return llvm::divideCeil(type.getNumElements() * type.getElementTypeBitWidth(), 8);
  };
  if (from.hasStaticShape() && to.hasStaticShape() && bytesOf(from) != bytesOf(to))
    return emitOpError("turns ") << bytesOf(from) << " bytes into " << bytesOf(to);
  return success();
}

LogicalResult DotBytesOp::verify() {
  if (!getElementTypeOrSelf(getResult()).isInteger(32))
    return emitOpError("expects elements of type i32");
  return success();
}

LogicalResult DotPairsOp::verify() {
  if (!getElementTypeOrSelf(getLhs()).isInteger(32) || !getElementTypeOrSelf(getResult()).isF32())
    return emitOpError("expects elements of type i32, and of f32 for their sum");
  return success();
}

OpFoldResult ReinterpretOp::getSize(int64_t axis) {
  RankedTensorType type = typeOf(getResult());
  if (type.isDynamicDim(axis))
    return getSizes()[type.getDynamicDimIndex(axis)];
  return Builder(getContext()).getIndexAttr(type.getDimSize(axis));
}

} // namespace nn
} // namespace halcyon
