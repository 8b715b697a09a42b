#include "dialect/nn/Nn.h"
#include "import/onnx/OpTable.h"
#include "import/onnx/Window.h"
#include "import/onnx/ThroughF32.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace halcyon::onnx {
namespace {

// The filter's spatial extents, which must be static and be kernel_shape.
FailureOr<SmallVector<int64_t>> kernelOf(NodeContext &node) {
  const Imported &filter = node.in(1);
  if (node.rank(0) != filter.rank() || filter.rank() < 3 || filter.rank() > 5)
    return node.error() << "expected input and filter of one rank from 3 to 5, got " << node.rank(0)
                        << " and " << filter.rank();
  if (!isFloat(node.in(0).dataType) || node.in(0).dataType != filter.dataType)
    return node.error() << "element types " << nameOf(node.in(0).dataType) << " and "
                        << nameOf(filter.dataType) << " are not supported";
  SmallVector<int64_t> kernel;
  for (OpFoldResult dim : ArrayRef(filter.dims).drop_front(2)) {
    if (!known(dim))
      return node.error() << "the filter's shape must be static: others are not supported";
    kernel.push_back(*known(dim));
  }
  if (auto given = node.intsAttr("kernel_shape"); given && *given != kernel)
    return node.error() << "attribute 'kernel_shape' differs from the filter's shape";
  return kernel;
}

LogicalResult importConv(NodeContext &node) {
  if (hasSmallFloats(node, 0))
    return importThroughF32(node);
  ImplicitLocOpBuilder &b = node.b;
  Imported &input = node.in(0), &filter = node.in(1);
  int64_t groups = node.sizeAttr("group", 1);
  FailureOr<SmallVector<int64_t>> kernel = kernelOf(node);
  if (failed(kernel))
    return failure();
  FailureOr<Window> window = windowOf(node, *kernel, input.dims);
  if (failed(window))
    return failure();
  std::optional<int64_t> channels = known(input.dims[1]), outs = known(filter.dims[0]),
                         ins = known(filter.dims[1]);
  if (!outs || !ins)
    return node.error() << "the filter's shape must be static: others are not supported";
  if (groups < 1 || *outs % groups)
    return node.error() << "attribute 'group' is " << groups << " for " << *outs << " outputs";
  if (channels && *channels != *ins * groups)
    return node.error() << "the input has " << *channels << " channels, the filter takes "
                        << *ins * groups;
  Dims dims{input.dims[0], filter.dims[0]};
  llvm::append_range(dims, windowExtents(b, *window, input.dims, false));
  Value bias = node.has(2) ? node.value(2) : Value();
  Value source = node.value(0);
  if (!channels) {
    // In groups no dimension of the filter is the input's: nobody else would compare them.
    Dims whole = input.dims;
    whole[1] = fixed(b, *ins * groups);
    Value fits = b.create<arith::CmpIOp>(arith::CmpIPredicate::eq, asValue(b, input.dims[1]),
                                         asValue(b, whole[1]));
    b.create<cf::AssertOp>(fits, "the input has another number of channels than the filter takes");
    source = b.create<tensor::CastOp>(tensorType(whole, input.element), source);
  }
  Value made =
      b.create<nn::ConvOp>(tensorType(dims, input.element), source, node.value(1), bias,
                           emptyTensor(b, dims, input.element), window->strides, window->dilations,
                           window->padLow, window->padHigh, static_cast<uint64_t>(groups));
  node.set(0, made, input.dataType, dims);
  return success();
}

// Output extent: stride * (in - 1) + output_padding + reach - pads.
LogicalResult importConvTranspose(NodeContext &node) {
  if (hasSmallFloats(node, 0))
    return importThroughF32(node);
  ImplicitLocOpBuilder &b = node.b;
  Imported &input = node.in(0), &filter = node.in(1);
  int64_t groups = node.sizeAttr("group", 1);
  FailureOr<SmallVector<int64_t>> kernel = kernelOf(node);
  if (failed(kernel))
    return failure();
  size_t spatials = kernel->size();
  StringRef automatic = node.stringAttr("auto_pad", "NOTSET");
  auto shape = node.intsAttr("output_shape");
  if (shape && shape->size() == spatials + 2)
    shape->erase(shape->begin(), shape->begin() + 2);
  if (shape && shape->size() != spatials)
    return node.error() << "attribute 'output_shape' has " << shape->size() << " values";
  FailureOr<Window> window = windowOf(node, *kernel, input.dims);
  if (failed(window))
    return failure();
  SmallVector<int64_t> extra(spatials, 0);
  if (auto given = node.intsAttr("output_padding"))
    extra = *given;
  if (extra.size() != spatials)
    return node.error() << "attribute 'output_padding' has " << extra.size() << " values";
  std::optional<int64_t> outs = known(filter.dims[1]), ins = known(filter.dims[0]);
  if (!outs || !ins)
    return node.error() << "the filter's shape must be static: others are not supported";
  if (groups < 1 || *ins % groups)
    return node.error() << "attribute 'group' is " << groups << " for " << *ins << " inputs";
  Dims dims{input.dims[0], fixed(b, *outs * groups)};
  SmallVector<int64_t> padHigh;
  bool same = automatic == "SAME_UPPER" || automatic == "SAME_LOWER";
  for (size_t i = 0; i < spatials; ++i) {
    int64_t stride = window->strides[i];
    int64_t reach = window->dilations[i] * ((*kernel)[i] - 1) + 1;
    if (shape || same) {
      // The output's extent is given, or the input's times the stride; pads are what is too much.
      std::optional<int64_t> extent = known(input.dims[i + 2]);
      if (shape && !extent)
        return node.error() << "attribute 'output_shape' needs static spatial dimensions: others are not supported";
      int64_t total = shape ? stride * (*extent - 1) + extra[i] + reach - (*shape)[i]
                            : reach + extra[i] - stride;
      int64_t less = std::max<int64_t>(total, 0) / 2;
      window->padLow[i] = automatic == "SAME_UPPER" ? less : std::max<int64_t>(total, 0) - less;
      window->padHigh[i] = total - window->padLow[i];
    }
    padHigh.push_back(window->padHigh[i] - extra[i]);
    int64_t more = reach - stride - window->padLow[i] - padHigh[i];
    dims.push_back(add(b, mul(b, input.dims[i + 2], fixed(b, stride)), fixed(b, more)));
  }
  Value bias = node.has(2) ? node.value(2) : Value();
  Value made = b.create<nn::ConvTransposeOp>(
      tensorType(dims, input.element), node.value(0), node.value(1), bias,
      emptyTensor(b, dims, input.element), window->strides, window->dilations, window->padLow,
      padHigh, static_cast<uint64_t>(groups));
  node.set(0, made, input.dataType, dims);
  return success();
}

} // namespace

ArrayRef<OpImporter> convOps() {
  static const OpImporter list[] = {
      {"Conv", importConv, 2, 3},
      {"ConvTranspose", importConvTranspose, 2, 3},
  };
  return list;
}

} // namespace halcyon::onnx
