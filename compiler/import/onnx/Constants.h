// import/onnx/Constants.h -- tensors that the file holds, as attributes.
#pragma once
#include "import/onnx/Types.h"
#include "mlir/IR/BuiltinAttributes.h"

namespace halcyon::onnx {

// Up to 256 bytes dense elements, which folders see; above, a dense_resource
// blob named after the tensor, over the mapped file (copied only if the file
// holds it misaligned). Bools and 4-bit elements are always dense elements.
mlir::ElementsAttr constantAttribute(mlir::RankedTensorType type, const Tensor &tensor,
                                     llvm::StringRef name);

// Element `index` as an attribute of the tensor's element type.
mlir::TypedAttr constantElement(mlir::Type element, const Tensor &tensor, int64_t index);

} // namespace halcyon::onnx
