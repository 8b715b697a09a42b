// import/Import.h -- a model file becomes a module.
//
//   mlir::OwningOpRef<mlir::ModuleOp> module = importModel(context, "model.onnx", {});
//   if (!module)
//     return 1; // the context's diagnostics say what is wrong, and where
//
// The module holds one public `func.func @main` on tensors, or for .mlir what
// the file holds. Arguments and results carry `halcyon.name` (string),
// `halcyon.dims` (an integer, or the name of a symbolic dimension, for each)
// and, where the element type's signedness is not the signless type's usual
// one, `halcyon.type` ("u8"). Big constants are dense_resource blobs over the
// mapped file, which they keep open.
#pragma once
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include <string>
#include <vector>

namespace halcyon {

struct ImportReport; // Report.h

struct ShapeOverride {
  std::string name;                // of a graph input
  llvm::SmallVector<int64_t> dims; // all of them; ShapedType::kDynamic stays dynamic
};

struct ImportOptions {
  std::vector<ShapeOverride> shapes;
  // Not null: filled, and an import goes on past what is not supported, to find all of it. There is no module then.
  ImportReport *report = nullptr;
};

// "NAME=1x3x224x224", "?" for a dimension that stays dynamic, "NAME=" for rank
// 0. Failure where the text does not read so.
llvm::FailureOr<ShapeOverride> parseShapeOverride(llvm::StringRef text);

// What importers create; to be registered before the context is made.
void registerImportDialects(mlir::DialectRegistry &registry);

// Null after an error that names the file; the diagnostics' locations name the
// node.
mlir::OwningOpRef<mlir::ModuleOp> importOnnx(mlir::MLIRContext &context, llvm::StringRef path,
                                             const ImportOptions &options);

// Text or bytecode. Shape overrides are an error here: the file's types hold.
mlir::OwningOpRef<mlir::ModuleOp> importMlir(mlir::MLIRContext &context, llvm::StringRef path,
                                             const ImportOptions &options);

// By extension (.onnx, .mlir, .mlirbc), else by the first bytes.
mlir::OwningOpRef<mlir::ModuleOp> importModel(mlir::MLIRContext &context, llvm::StringRef path,
                                              const ImportOptions &options);

} // namespace halcyon
