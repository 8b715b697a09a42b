// import/onnx/ResizeAxes.h -- how positions of a resized axis relate to the input's.
#pragma once
#include "import/onnx/NodeContext.h"

namespace halcyon::onnx {

// One axis that changes its extent.
struct ResizedAxis {
  int64_t number;
  mlir::Value scale; // f32: output extent / input extent
  OpFoldResult in, out;
  mlir::Value begin, end; // f32: the part that is taken, for tf_crop_and_resize
  bool isSized = false;   // `out` was given, and the scale made of it
};

// How positions between elements are made.
struct ResizeFilter {
  llvm::StringRef transform;
  bool isCubic = false, excludesOutside = false;
  double coefficient = -0.75; // of Keys' cubic convolution
  double extrapolation = 0;   // for tf_crop_and_resize, outside the input
};

// Where output position `at` (f32) lies on the input's axis.
mlir::Value originalPosition(mlir::ImplicitLocOpBuilder &b, llvm::StringRef transform,
                             mlir::Value at, const ResizedAxis &axis);

// What elements are summed in: f64 where f32 does not hold them. Integers are cut to whole numbers.
DataType sumType(DataType type);

// Linear or cubic, one axis after the other; where an axis shrinks, each element takes part of all
// those that it stands for (attribute antialias).
mlir::Value resizeSmoothly(NodeContext &node, const Imported &input,
                           llvm::ArrayRef<ResizedAxis> axes, const ResizeFilter &filter);

} // namespace halcyon::onnx
