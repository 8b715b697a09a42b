// import/onnx/GraphImporter.h -- walks nodes in order and calls their importers.
#pragma once
#include "import/onnx/Imported.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include <deque>

namespace halcyon::onnx {

constexpr int64_t oldestOpset = 1, newestOpset = 28;

// The names of one graph. Inner graphs see the outer ones' names.
struct Scope {
  Scope *outer = nullptr;
  llvm::StringMap<Imported *> names = {};
  const std::map<std::string, int64_t> *opsets = nullptr;
};

class GraphImporter {
public:
  GraphImporter(mlir::OpBuilder &builder, const Model &model, llvm::StringRef path);

  // The function's first block, where constants go: every region sees them.
  void setEntry(mlir::Block *block) { entry = block; }

  // One error that lists all operators that have no importer.
  llvm::LogicalResult checkOperators();

  llvm::LogicalResult importNodes(llvm::ArrayRef<Node> nodes, Scope &scope);
  void importInitializers(const Graph &graph, Scope &scope);

  // Null where the name is not known.
  Imported *find(const Scope &scope, llvm::StringRef name) const;
  Imported &define(Scope &scope, llvm::StringRef name, Imported imported);
  // Without a name in any scope.
  Imported &hold(Imported imported);

  mlir::Value tensorOf(mlir::ImplicitLocOpBuilder &b, Imported &imported);
  // The scalars of a small tensor; reads the tensor where it must.
  llvm::SmallVector<mlir::Value> elementsOf(mlir::ImplicitLocOpBuilder &b, Imported &imported);

  // Shapes, conditions or trip counts are computed from this value.
  bool isDemanded(llvm::StringRef name) const { return demanded.contains(name); }

  Imported fromTensor(mlir::ImplicitLocOpBuilder &b, mlir::Value tensor, DataType dataType,
                      Dims dims = {}) const;
  Imported fromConstant(std::shared_ptr<const Tensor> tensor);

  mlir::Location locationOf(const Node &node) const;
  mlir::Location fileLocation() const;
  mlir::MLIRContext *context() const { return builder.getContext(); }
  mlir::OpBuilder &opBuilder() { return builder; }

private:
  llvm::LogicalResult importNode(const Node &node, Scope &scope);
  llvm::LogicalResult importCall(const Function &function, const Node &node, Scope &scope);
  const Function *functionOf(const Node &node) const;

  mlir::OpBuilder &builder;
  const Model &model;
  mlir::StringAttr path;
  llvm::StringSet<> demanded;
  std::deque<Imported> storage;
  mlir::Block *entry = nullptr;
  int callDepth = 0;
};

// Names that shapes depend on (Demand.cpp).
void collectDemanded(const Graph &graph, llvm::StringSet<> &demanded);

} // namespace halcyon::onnx
