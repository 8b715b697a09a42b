// import/onnx/GraphImporter.h -- walks nodes in order and calls their importers.
#pragma once
#include "import/Report.h"
#include "import/onnx/Choices.h"
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
  GraphImporter(mlir::OpBuilder &builder, const Model &model, llvm::StringRef path, ImportReport *report,
                Choices &choices);

  // The function's first block, where constants go: every region sees them.
  void setEntry(mlir::Block *block) { entry = block; }

  // One error that lists all operators that have no importer.
  llvm::LogicalResult checkOperators();

  llvm::LogicalResult importNodes(llvm::ArrayRef<Node> nodes, Scope &scope);
  void importInitializers(const Graph &graph, Scope &scope);

  // To be called for the whole graph at the end of an import with a report.
  void completeReport();
  // What the first error of `work` says; empty where it succeeds.
  std::string reasonOf(llvm::function_ref<llvm::LogicalResult()> work);
  // Stands for what `name` would be.
  void defineMissing(Scope &scope, llvm::StringRef name);

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

  // Which branch of an If to compile where only one can be.
  bool takesFirstBranch(llvm::StringRef name) { return choices.takeFirst(name); }

  Imported fromTensor(mlir::ImplicitLocOpBuilder &b, mlir::Value tensor, DataType dataType,
                      Dims dims = {}) const;
  Imported fromConstant(std::shared_ptr<const Tensor> tensor);

  mlir::Location locationOf(const Node &node) const;
  mlir::Location fileLocation() const;
  mlir::MLIRContext *context() const { return builder.getContext(); }
  mlir::OpBuilder &opBuilder() { return builder; }

private:
  llvm::LogicalResult importNode(const Node &node, Scope &scope);
  llvm::LogicalResult importNodeItself(const Node &node, Scope &scope);
  llvm::LogicalResult importCall(const Function &function, const Node &node, Scope &scope);
  const Function *functionOf(const Node &node) const;

  // Reporting.cpp
  llvm::LogicalResult importReported(const Node &node, Scope &scope);
  bool readsMissing(const Node &node, const Scope &scope, Imported::Missing missing) const;
  void missWithReason(const Node &node, Scope &scope, llvm::StringRef reason);
  void describe(const Node &node, const Scope &scope);
  void markUsed(llvm::ArrayRef<Node> nodes, llvm::StringSet<> &live, const std::string &prefix);

  mlir::OpBuilder &builder;
  const Model &model;
  ImportReport *report; // null: none is made
  llvm::SmallVector<std::string> around; // the nodes whose graphs and functions are imported, while a report is made
  mlir::StringAttr path;
  llvm::StringSet<> demanded;
  std::deque<Imported> storage;
  mlir::Block *entry = nullptr;
  int callDepth = 0;
  bool tooDeep = false; // functions call each other without end
  Choices &choices;
};

// Names that shapes depend on (Demand.cpp).
void collectDemanded(const Graph &graph, llvm::StringSet<> &demanded);

} // namespace halcyon::onnx
