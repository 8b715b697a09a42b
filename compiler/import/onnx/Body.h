// import/onnx/Body.h -- graphs inside nodes: branches and loop bodies.
#pragma once
#include "import/onnx/NodeContext.h"

namespace halcyon::onnx {

// Null after an error if the node has no such attribute.
const Graph *bodyOf(NodeContext &node, llvm::StringRef name);

// Imports the graph's nodes at the end of `block`; `inputs` stand for the
// graph's inputs. Gives what its outputs stand for.
llvm::FailureOr<llvm::SmallVector<Imported *>> importBody(NodeContext &node, const Graph &body,
                                                          mlir::Block *block,
                                                          llvm::ArrayRef<Imported> inputs);

// The constant that a one-element bool is known to be.
std::optional<bool> knownBool(NodeContext &node, Imported &imported);

} // namespace halcyon::onnx
