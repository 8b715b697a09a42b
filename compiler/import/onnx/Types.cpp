#include "import/onnx/Types.h"
#include "mlir/IR/Builders.h"

using namespace mlir;

namespace halcyon::onnx {

Type elementType(MLIRContext &context, DataType type) {
  Builder b(&context);
  switch (type) {
  case DataType::f16:
    return b.getF16Type();
  case DataType::bf16:
    return b.getBF16Type();
  case DataType::f32:
    return b.getF32Type();
  case DataType::f64:
    return b.getF64Type();
  case DataType::boolean:
    return b.getI1Type();
  default:
    if (isStorageOnly(type))
      return b.getIntegerType(8);
    return isInteger(type) ? b.getIntegerType(bitsOf(type)) : Type();
  }
}

Type interfaceType(MLIRContext &context, DataType type) {
  return isPacked(type) ? IntegerType::get(&context, bitsOf(type)) : elementType(context, type);
}

bool isUnsigned(DataType type) {
  return type == DataType::u2 || type == DataType::u4 || type == DataType::u8 ||
         type == DataType::u16 || type == DataType::u32 || type == DataType::u64;
}

bool isFloat(DataType type) {
  return type == DataType::f16 || type == DataType::bf16 || type == DataType::f32 ||
         type == DataType::f64;
}

bool isSmallFloat(DataType type) {
  switch (type) {
  case DataType::f8e4m3fn:
  case DataType::f8e4m3fnuz:
  case DataType::f8e5m2:
  case DataType::f8e5m2fnuz:
  case DataType::f8e8m0:
  case DataType::f4e2m1:
    return true;
  default:
    return false;
  }
}

bool isPacked(DataType type) { return bitsOf(type) == 2 || bitsOf(type) == 4; }

bool isInteger(DataType type) {
  return isUnsigned(type) || type == DataType::i2 || type == DataType::i4 || type == DataType::i8 ||
         type == DataType::i16 || type == DataType::i32 || type == DataType::i64;
}

} // namespace halcyon::onnx
