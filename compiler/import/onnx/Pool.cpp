#include "dialect/nn/Nn.h"
#include "import/onnx/Compose.h"
#include "import/onnx/Elementwise.h"
#include "import/onnx/OpTable.h"
#include "import/onnx/PoolIndices.h"
#include "import/onnx/Window.h"

using namespace mlir;

namespace halcyon::onnx {
namespace {

template <nn::PoolKind kind> LogicalResult importPool(NodeContext &node) {
  ImplicitLocOpBuilder &b = node.b;
  Imported &input = node.in(0);
  DataType type = input.dataType;
  if (kind == nn::PoolKind::max && (type == DataType::u8 || type == DataType::i8)) {
    // f32 holds them all.
    Composer with(node);
    for (StringRef name :
         {"ceil_mode", "auto_pad", "kernel_shape", "pads", "strides", "dilations", "storage_order"})
      node.find(name); // of the inner one
    bool places = node.wants(1);
    SmallVector<Composer::Part> made = with.all(
        "MaxPool", {with.cast(with.input(0), DataType::f32)}, node.node.attributes, places ? 2 : 1);
    if (places && failed(with.define(1, made[1])))
      return failure();
    return with.define(0, with.cast(made[0], type));
  }
  if (failed(checkFloat(node, 0)))
    return failure();
  if (input.rank() < 3 || input.rank() > 5)
    return node.error() << "expected 3 to 5 dimensions, got " << input.rank();
  bool byColumns = node.intAttr("storage_order", 0) != 0; // of the indices that MaxPool can give
  bool ceil = node.intAttr("ceil_mode", 0) != 0;
  bool countsPads = kind == nn::PoolKind::average && node.intAttr("count_include_pad", 0) != 0;
  auto kernel = node.intsAttr("kernel_shape");
  if (!kernel || static_cast<int64_t>(kernel->size()) != input.rank() - 2)
    return node.error() << "attribute 'kernel_shape' must have one value a spatial dimension";
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
  if (node.wants(1))
    setPoolIndices(node, *window, dims, byColumns);
  return success();
}

// (sum of |x|^p)^(1 / p) over windows: the average over windows that the padded input holds whole,
// times their size.
LogicalResult importLpPool(NodeContext &node) {
  ImplicitLocOpBuilder &b = node.b;
  Composer with(node);
  Imported &input = node.in(0);
  int64_t p = node.sizeAttr("p", 2);
  bool ceil = node.intAttr("ceil_mode", 0) != 0;
  auto kernel = node.intsAttr("kernel_shape");
  if (failed(checkFloat(node, 0)))
    return failure();
  if (!kernel || static_cast<int64_t>(kernel->size()) != input.rank() - 2)
    return node.error() << "attribute 'kernel_shape' must have one value a spatial dimension";
  FailureOr<Window> window = windowOf(node, *kernel, input.dims);
  if (failed(window))
    return failure();
  double count = 1;
  Dims outs = windowExtents(b, *window, input.dims, ceil);
  SmallVector<int64_t> pads(window->padLow);
  for (auto [i, extent] : llvm::enumerate(*kernel)) {
    count *= static_cast<double>(extent);
    int64_t high = window->padHigh[i];
    if (ceil) {
      std::optional<int64_t> have = known(input.dims[i + 2]), out = known(outs[i]);
      if (!have || !out)
        return node.error() << "attribute 'ceil_mode' needs static spatial dimensions: others are not supported";
      int64_t reach = window->dilations[i] * (extent - 1) + 1;
      high = std::max(high, (*out - 1) * window->strides[i] + reach - *have - window->padLow[i]);
    }
    pads.push_back(high);
  }
  DataType type = input.dataType;
  Composer::Part power = with.scalar(static_cast<double>(p), type);
  Composer::Part made = with("Pow", {with("Abs", {with.input(0)}), power});
  made = with("AveragePool", {made},
              {attribute("kernel_shape", *kernel), attribute("strides", window->strides),
               attribute("dilations", window->dilations), attribute("pads", pads),
               attribute("count_include_pad", int64_t{1})});
  made = with("Mul", {made, with.scalar(count, type)});
  return with.define(0, with("Pow", {made, with.scalar(1.0 / static_cast<double>(p), type)}));
}

LogicalResult importGlobalLpPool(NodeContext &node) {
  Composer with(node);
  int64_t p = node.sizeAttr("p", 2);
  if (failed(checkFloat(node, 0)))
    return failure();
  if (node.rank(0) < 3)
    return node.error() << "expected at least 3 dimensions, got " << node.rank(0);
  DataType type = node.in(0).dataType;
  Composer::Part power = with.scalar(static_cast<double>(p), type);
  Composer::Part axes = with.ints(llvm::to_vector(llvm::seq<int64_t>(2, node.rank(0))));
  Composer::Part made =
      with("ReduceSum", {with("Pow", {with("Abs", {with.input(0)}), power}), axes});
  return with.define(0, with("Pow", {made, with.scalar(1.0 / static_cast<double>(p), type)}));
}

} // namespace

ArrayRef<OpImporter> poolOps() {
  static const OpImporter list[] = {
      {"AveragePool", importPool<nn::PoolKind::average>, 1, 1},
      {"GlobalLpPool", importGlobalLpPool, 1, 1},
      {"LpPool", importLpPool, 1, 1},
      {"MaxPool", importPool<nn::PoolKind::max>, 1, 1, 2},
  };
  return list;
}

} // namespace halcyon::onnx
