// import/onnx/Constants.h -- tensors that the file holds, as attributes.
#pragma once
#include "import/onnx/Types.h"
#include "mlir/IR/BuiltinAttributes.h"

namespace halcyon::onnx {

// Up to 256 bytes dense elements, which folders see; above, a dense_resource
// blob named after the tensor, over the mapped file (copied only if the file
// holds it misaligned). Bools are always dense elements, and so are those under 8 bits.
mlir::ElementsAttr constantAttribute(mlir::RankedTensorType type, const Tensor &tensor,
                                     llvm::StringRef name);

// Whether a constant under 8 bits is big enough to be unpacked where it is used.
bool staysPacked(const Tensor &tensor);
// Such a tensor as the list of its bytes.
mlir::ElementsAttr bytesAttribute(const Tensor &tensor, mlir::MLIRContext *context,
                                  llvm::StringRef name);

// Element `index` as an attribute of the tensor's element type.
mlir::TypedAttr constantElement(mlir::Type element, const Tensor &tensor, int64_t index);

// A tensor that an importer makes: a list, or of other dims.
template <class Item>
std::shared_ptr<const Tensor> makeTensor(DataType type, const std::vector<Item> &items,
                                         std::vector<int64_t> dims) {
  auto owner = std::make_shared<std::vector<Item>>(items);
  auto made = std::make_shared<Tensor>();
  made->type = type;
  made->dims = std::move(dims);
  made->bytes.view = std::as_bytes(std::span<const Item>(*owner));
  made->bytes.owner = std::move(owner);
  return made;
}
template <class Item>
std::shared_ptr<const Tensor> makeTensor(DataType type, const std::vector<Item> &items) {
  return makeTensor(type, items, {static_cast<int64_t>(items.size())});
}

} // namespace halcyon::onnx
