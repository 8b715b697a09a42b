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
  case DataType::f8e4m3fn:
    return b.getFloat8E4M3FNType();
  case DataType::f8e4m3fnuz:
    return b.getFloat8E4M3FNUZType();
  case DataType::f8e5m2:
    return b.getFloat8E5M2Type();
  case DataType::f8e5m2fnuz:
    return b.getFloat8E5M2FNUZType();
  case DataType::boolean:
    return b.getI1Type();
  default:
    // Two to a byte, which kernels do not unpack.
    return isInteger(type) && bitsOf(type) >= 8 ? b.getIntegerType(bitsOf(type)) : Type();
  }
}

bool isUnsigned(DataType type) {
  return type == DataType::u4 || type == DataType::u8 || type == DataType::u16 ||
         type == DataType::u32 || type == DataType::u64;
}

bool isFloat(DataType type) {
  switch (type) {
  case DataType::f16:
  case DataType::bf16:
  case DataType::f32:
  case DataType::f64:
  case DataType::f8e4m3fn:
  case DataType::f8e4m3fnuz:
  case DataType::f8e5m2:
  case DataType::f8e5m2fnuz:
    return true;
  default:
    return false;
  }
}

bool isInteger(DataType type) {
  return isUnsigned(type) || type == DataType::i4 || type == DataType::i8 ||
         type == DataType::i16 || type == DataType::i32 || type == DataType::i64;
}

} // namespace halcyon::onnx
