#include "import/Import.h"
#include "import/Report.h"
#include "import/Tosa.h"
#include "dialect/host/Host.h"
#include "dialect/nn/Nn.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Tosa/IR/TosaOps.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"

using namespace mlir;

namespace halcyon {

FailureOr<ShapeOverride> parseShapeOverride(StringRef text) {
  size_t equals = text.rfind('=');
  if (equals == StringRef::npos || equals == 0)
    return failure();
  ShapeOverride made{text.take_front(equals).str(), {}};
  StringRef rest = text.drop_front(equals + 1);
  while (!rest.empty()) {
    auto [dim, tail] = rest.split('x');
    int64_t value = ShapedType::kDynamic;
    if (dim != "?" && (dim.getAsInteger(10, value) || value < 0))
      return failure();
    if (tail.empty() && rest.ends_with("x"))
      return failure();
    made.dims.push_back(value);
    rest = tail;
  }
  return made;
}

void registerImportDialects(DialectRegistry &registry) {
  registerNnDialect(registry);
  registry.insert<host::HostDialect, arith::ArithDialect, cf::ControlFlowDialect, func::FuncDialect, linalg::LinalgDialect, math::MathDialect,
                  scf::SCFDialect, tensor::TensorDialect, tosa::TosaDialect>();
}

OwningOpRef<ModuleOp> importMlir(MLIRContext &context, StringRef path,
                                 const ImportOptions &options) {
  Location where = FileLineColLoc::get(&context, path, 0, 0);
  if (!options.shapes.empty()) {
    emitError(where) << "shape of '" << options.shapes.front().name
                     << "' cannot be set: an MLIR file's types are fixed";
    return nullptr;
  }
  auto file = llvm::MemoryBuffer::getFile(path);
  if (!file) {
    emitError(where) << "cannot read: " << file.getError().message();
    return nullptr;
  }
  auto sources = std::make_shared<llvm::SourceMgr>();
  sources->AddNewSourceBuffer(std::move(*file), llvm::SMLoc());
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(sources, ParserConfig(&context));
  if (module && options.report)
    reportOperations(*module, *options.report);
  if (module && failed(lowerTosa(*module)))
    return nullptr;
  return module;
}

OwningOpRef<ModuleOp> importModel(MLIRContext &context, StringRef path,
                                  const ImportOptions &options) {
  StringRef extension = llvm::sys::path::extension(path);
  if (extension == ".onnx")
    return importOnnx(context, path, options);
  if (extension == ".mlir" || extension == ".mlirbc")
    return importMlir(context, path, options);
  Location where = FileLineColLoc::get(&context, path, 0, 0);
  auto start = llvm::MemoryBuffer::getFileSlice(path, 4, 0);
  if (!start) {
    emitError(where) << "cannot read: " << start.getError().message();
    return nullptr;
  }
  StringRef magic = (*start)->getBuffer();
  if (magic == "ML\xEFR")
    return importMlir(context, path, options);
  // ModelProto starts with ir_version (field 1, a varint).
  if (magic.starts_with("\x08"))
    return importOnnx(context, path, options);
  emitError(where) << "is neither .onnx nor .mlir nor .mlirbc";
  return nullptr;
}

} // namespace halcyon
