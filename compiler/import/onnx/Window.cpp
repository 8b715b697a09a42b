#include "import/onnx/Window.h"

using namespace mlir;

namespace halcyon::onnx {
namespace {

FailureOr<SmallVector<int64_t>> perSpatial(NodeContext &node, StringRef name, size_t count,
                                           int64_t otherwise, int64_t least) {
  SmallVector<int64_t> made(count, otherwise);
  if (auto given = node.intsAttr(name))
    made = *given;
  if (made.size() != count)
    return node.error() << "attribute '" << name << "' has " << made.size() << " values, expected "
                        << count;
  for (int64_t value : made)
    if (value < least || value > INT32_MAX)
      return node.error() << "attribute '" << name << "' holds " << value;
  return made;
}

} // namespace

FailureOr<Window> windowOf(NodeContext &node, ArrayRef<int64_t> kernel,
                           ArrayRef<OpFoldResult> dims) {
  size_t spatials = kernel.size();
  Window made;
  for (int64_t extent : kernel)
    if (node.find("kernel_shape") && (extent < 1 || extent > INT32_MAX))
      return node.error() << "attribute 'kernel_shape' holds " << extent;
  made.kernel.assign(kernel.begin(), kernel.end());
  auto strides = perSpatial(node, "strides", spatials, 1, 1);
  if (failed(strides))
    return failure();
  auto dilations = perSpatial(node, "dilations", spatials, 1, 1);
  if (failed(dilations))
    return failure();
  auto pads = perSpatial(node, "pads", 2 * spatials, 0, 0);
  if (failed(pads))
    return failure();
  made.strides = *strides;
  made.dilations = *dilations;
  made.padLow.assign(pads->begin(), pads->begin() + spatials);
  made.padHigh.assign(pads->begin() + spatials, pads->end());
  StringRef automatic = node.stringAttr("auto_pad", "NOTSET");
  if (automatic == "NOTSET")
    return made;
  if (automatic != "VALID" && automatic != "SAME_UPPER" && automatic != "SAME_LOWER")
    return node.error() << "attribute 'auto_pad' is '" << automatic << "'";
  made.padLow.assign(spatials, 0);
  made.padHigh.assign(spatials, 0);
  if (automatic == "VALID")
    return made;
  for (size_t i = 0; i < spatials; ++i) {
    int64_t reach = made.dilations[i] * (kernel[i] - 1) + 1, stride = made.strides[i];
    int64_t total = reach - 1;
    if (stride != 1) {
      std::optional<int64_t> extent = known(dims[i + 2]);
      if (!extent)
        return node.error() << "auto_pad with a stride needs static spatial dimensions: others are not supported";
      int64_t out = (*extent + stride - 1) / stride;
      total = std::max<int64_t>((out - 1) * stride + reach - *extent, 0);
    }
    int64_t less = total / 2;
    made.padLow[i] = automatic == "SAME_UPPER" ? less : total - less;
    made.padHigh[i] = total - made.padLow[i];
  }
  return made;
}

Dims windowExtents(ImplicitLocOpBuilder &b, const Window &window, ArrayRef<OpFoldResult> dims,
                   bool ceil) {
  Dims made;
  for (size_t i = 0; i < window.kernel.size(); ++i) {
    int64_t stride = window.strides[i];
    int64_t reach = window.dilations[i] * (window.kernel[i] - 1) + 1;
    OpFoldResult extent = dims[i + 2];
    // (extent + pads - reach) / stride + 1, where a stride of 1 and "same"
    // padding give the input's own dimension back.
    int64_t more = window.padLow[i] + window.padHigh[i] - reach + stride;
    OpFoldResult room = add(b, extent, fixed(b, more)), step = fixed(b, stride);
    OpFoldResult out = ceil ? ceilDiv(b, room, step) : floorDiv(b, room, step);
    // The last window starts inside the input or its low padding.
    if (ceil)
      out = min(b, out, ceilDiv(b, add(b, extent, fixed(b, window.padLow[i])), step));
    made.push_back(known(out) ? max(b, out, fixed(b, 0)) : out);
  }
  return made;
}

} // namespace halcyon::onnx
