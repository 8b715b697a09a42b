#include "import/onnx/Constants.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include <cstring>

using namespace mlir;

namespace halcyon::onnx {
namespace {

constexpr size_t denseLimit = 256; // bytes

uint64_t bitsAt(const Tensor &tensor, int64_t index) {
  unsigned bits = bitsOf(tensor.type);
  const std::byte *data = tensor.bytes.view.data();
  if (bits < 8) {
    auto at = static_cast<uint64_t>(index) * bits;
    return static_cast<uint64_t>(data[at / 8]) >> at % 8 & ((1u << bits) - 1);
  }
  uint64_t value = 0;
  std::memcpy(&value, data + index * (bits / 8), bits / 8);
  return value;
}

AsmResourceBlob alignedCopy(const Tensor &tensor, size_t alignment) {
  return HeapAsmResourceBlob::allocateAndCopyWithAlign(
      ArrayRef<char>(reinterpret_cast<const char *>(tensor.bytes.view.data()),
                     tensor.bytes.view.size()),
      alignment);
}

AsmResourceBlob blobOf(const Tensor &tensor) {
  size_t alignment = std::max(bitsOf(tensor.type) / 8, 1u);
  const std::byte *data = tensor.bytes.view.data();
  if (reinterpret_cast<uintptr_t>(data) % alignment)
    return alignedCopy(tensor, std::max<size_t>(alignment, 64));
  ArrayRef<char> view(reinterpret_cast<const char *>(data), tensor.bytes.view.size());
  // The blob's deleter holds the mapping open.
  return AsmResourceBlob(
      view, alignment,
      [owner = tensor.bytes.owner](void *, size_t, size_t) mutable { owner.reset(); },
      /*dataIsMutable=*/false);
}

} // namespace

TypedAttr constantElement(Type element, const Tensor &tensor, int64_t index) {
  uint64_t bits = bitsAt(tensor, index);
  if (isBool(tensor.type))
    return IntegerAttr::get(element, bits != 0);
  APInt value(bitsOf(tensor.type), bits);
  if (auto floating = dyn_cast<FloatType>(element))
    return FloatAttr::get(floating, APFloat(floating.getFloatSemantics(), value));
  unsigned width = element.getIntOrFloatBitWidth();
  bool isSigned = isInteger(tensor.type) && !isUnsigned(tensor.type);
  return IntegerAttr::get(element, isSigned ? value.sext(width) : value.zext(width));
}

ElementsAttr constantAttribute(RankedTensorType type, const Tensor &tensor, StringRef name) {
  size_t size = tensor.bytes.view.size();
  if (isBool(tensor.type)) {
    SmallVector<bool> values;
    values.reserve(size);
    for (std::byte value : tensor.bytes.view)
      values.push_back(value != std::byte{0});
    return DenseElementsAttr::get(type, ArrayRef<bool>(values));
  }
  if (isPacked(tensor.type) || size <= denseLimit) {
    SmallVector<Attribute> values;
    for (int64_t i = 0, end = tensor.numElements(); i < end; ++i)
      values.push_back(constantElement(type.getElementType(), tensor, i));
    return DenseElementsAttr::get(type, values);
  }
  return DenseResourceElementsAttr::get(type, name, blobOf(tensor));
}

bool staysPacked(const Tensor &tensor) {
  return isPacked(tensor.type) && tensor.bytes.view.size() > denseLimit;
}

ElementsAttr bytesAttribute(const Tensor &tensor, MLIRContext *context, StringRef name) {
  auto type = RankedTensorType::get(static_cast<int64_t>(tensor.bytes.view.size()),
                                    IntegerType::get(context, 8));
  return DenseResourceElementsAttr::get(type, name, blobOf(tensor));
}

} // namespace halcyon::onnx
