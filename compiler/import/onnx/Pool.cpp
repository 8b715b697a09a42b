#include "dialect/nn/Nn.h"
#include "import/onnx/Elementwise.h"
#include "import/onnx/OpTable.h"
#include "import/onnx/Window.h"

using namespace mlir;

namespace halcyon::onnx {
namespace {

template <nn::PoolKind kind> LogicalResult importPool(NodeContext &node) {
  ImplicitLocOpBuilder &b = node.b;
  Imported &input = node.in(0);
  if (failed(checkFloat(node, 0)))
    return failure();
  if (input.rank() < 3 || input.rank() > 5)
    return node.error() << "expected 3 to 5 dimensions, got " << input.rank();
  node.ignore({"storage_order"}); // of the indices that MaxPool can give
  bool ceil = node.intAttr("ceil_mode", 0) != 0;
  bool countsPads = kind == nn::PoolKind::average && node.intAttr("count_include_pad", 0) != 0;
  auto kernel = node.intsAttr("kernel_shape");
  if (!kernel || static_cast<int64_t>(kernel->size()) != input.rank() - 2)
    return node.error() << "attribute 'kernel_shape' must have one value a spatial dimension";
  for (int64_t extent : *kernel)
    if (extent < 1)
      return node.error() << "attribute 'kernel_shape' holds " << extent;
  FailureOr<Window> window = windowOf(node, *kernel, input.dims);
  if (failed(window))
    return failure();
  Dims dims{input.dims[0], input.dims[1]};
  llvm::append_range(dims, windowExtents(b, *window, input.dims, ceil));
  Value made = b.create<nn::PoolOp>(tensorType(dims, input.element), node.value(0),
                                    emptyTensor(b, dims, input.element), kind, window->kernel,
                                    window->strides, window->dilations, window->padLow,
                                    window->padHigh, ceil, countsPads);
  node.set(0, made, input.dataType, dims);
  return success();
}

} // namespace

ArrayRef<OpImporter> poolOps() {
  static const OpImporter list[] = {
      {"AveragePool", importPool<nn::PoolKind::average>, 1, 1},
      {"MaxPool", importPool<nn::PoolKind::max>, 1, 1},
  };
  return list;
}

} // namespace halcyon::onnx
