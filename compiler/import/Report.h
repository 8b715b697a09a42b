// import/Report.h -- what an import tells of each node of the source, for halcyonc --explain.
#pragma once
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Location.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include <string>
#include <vector>

namespace halcyon {

// A node of an ONNX file, or an operation of an MLIR file.
struct SourceNode {
  // What the importer made of it.
  enum class Made {
    nothing,  // it was not reached: a branch that is never taken
    constant, // its results are known now
    host,     // scalars that the host computes: shapes, conditions, trip counts
    alias,    // its results are its inputs
    tensor,   // operations on tensors
    inner,    // the nodes of its graphs or of its function stand for it
  };
  struct Result {
    std::string name, type; // "y", "f32[1x?x4]"
  };

  std::string op;     // "Conv", "com.microsoft.Gelu", "linalg.matmul"
  std::string inside; // the node whose graph or function holds it; empty: none
  std::vector<Result> results;
  std::vector<std::string> parts; // the operators that it was composed of
  Made made = Made::nothing;
  bool used = false; // some of its results reach an output
};

struct Unsupported {
  std::string node, op, reason; // without node: an input of the model
};

struct ImportReport {
  llvm::MapVector<llvm::StringRef, SourceNode> nodes; // by name, in the file's order
  std::vector<Unsupported> unsupported;
  std::vector<Unsupported> unexamined; // nodes that read what an unsupported one makes

  // Names live as long as the context.
  SourceNode &node(mlir::MLIRContext &context, llvm::StringRef name);
};

// The nodes that an operation at `loc` belongs to, by their names in ImportReport::nodes: those that name locations
// give, and "LINE:COLUMN" for other places in files.
void forEachSource(mlir::Location loc, llvm::function_ref<void(llvm::StringRef)> visit);

// Every operation of an MLIR file that computes something is a node.
void reportOperations(mlir::ModuleOp module, ImportReport &report);

} // namespace halcyon
