// tools/Explain.h -- what became of each node of the source, for --explain.
//
// An operation's location says which nodes it belongs to; passes keep locations, and join them where they join
// operations. So a node is in the launches whose locations name it.
#pragma once
#include "Options.h"
#include "codegen/cpu/Codegen.h"
#include "dispatch/Statistics.h"
#include "import/Report.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/raw_ostream.h"

namespace mlir {
class PassManager;
}

namespace halcyon {

class Explanation {
public:
  ImportReport source; // filled by the importer

  // Notes which pass is the last to see each node.
  void watch(mlir::PassManager &passes);
  // After the dispatch phase.
  void collect(mlir::ModuleOp module, const dispatch::Statistics &statistics);
  // Kernel i is the module's i-th executable.
  void setKernels(const CompiledVariant &variant);
  void print(llvm::StringRef model, Explain form, llvm::raw_ostream &stream) const;

  // What a node is now. Each has one fate, whatever else it has left.
  enum class Fate { dispatch, view, host, constant, folded, alias, inner, unused, unreached, simplified };

private:
  friend class ExplanationPrinter;

  struct Node {
    llvm::SetVector<unsigned> dispatches;
    bool view = false, host = false;
    std::string lastPass;
  };
  struct Dispatch {
    std::string kernel, function, root;
    std::optional<unsigned> executable; // none: the application's kernel or function
    bool specialised = false, packed = false;
    llvm::SmallVector<int64_t> workload; // -1: not known before a call
    dispatch::Work work;
    llvm::SmallVector<llvm::StringRef> nodes;
  };
  Fate fateOf(llvm::StringRef name, const SourceNode &node) const;
  void addLaunch(mlir::Operation *op, mlir::ModuleOp module, const llvm::StringMap<unsigned> &executables,
                 const dispatch::Statistics &statistics);

  llvm::StringMap<Node> nodes;
  std::vector<Dispatch> dispatches;
};

} // namespace halcyon
