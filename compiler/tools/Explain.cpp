#include "tools/Explain.h"

#include "dialect/dispatch/Dispatch.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Pass/PassInstrumentation.h"
#include "mlir/Pass/PassManager.h"

using namespace mlir;
using namespace halcyon;

// Says nothing of what a node computes.
static bool isIncidental(Operation *op) {
  return op->hasTrait<OpTrait::ConstantLike>() || isa<tensor::EmptyOp, tensor::DimOp, ModuleOp, FunctionOpInterface>(op);
}

namespace {

struct Watch : PassInstrumentation {
  using See = std::function<void(StringRef node, StringRef pass)>;
  explicit Watch(See see) : see(std::move(see)) {}

  void runBeforePass(Pass *pass, Operation *top) override {
    if (pass->getArgument().empty()) // runs others
      return;
    top->walk([&](Operation *op) {
      if (!isIncidental(op))
        forEachSource(op->getLoc(), [&](StringRef node) { see(node, pass->getArgument()); });
    });
  }

  See see;
};

} // namespace

void Explanation::watch(PassManager &passes) {
  passes.addInstrumentation(
      std::make_unique<Watch>([this](StringRef node, StringRef pass) { nodes[node].lastPass = pass; }));
}

// The operation that works most, in words.
static std::string rootOf(dispatch::ExecutableOp executable) {
  linalg::LinalgOp root;
  Operation *other = nullptr;
  for (Operation &op : executable.getBody().front().without_terminator()) {
    auto each = dyn_cast<linalg::LinalgOp>(op);
    if (!each)
      other = isIncidental(&op) ? other : &op;
    else if (!root || root.getNumLoops() == root.getNumParallelLoops())
      root = each;
  }
  if (!root)
    return other ? other->getName().getStringRef().str() : std::string();
  std::string name = root->getName().getStringRef().str();
  if (!isa<linalg::GenericOp>(root))
    return name;
  return name + (root.getNumLoops() == root.getNumParallelLoops() ? " (elementwise)" : " (reduction)");
}

static bool isPacked(Value value) {
  auto constant = value.getDefiningOp<arith::ConstantOp>();
  auto resource = constant ? dyn_cast<DenseResourceElementsAttr>(constant.getValue()) : nullptr;
  return resource && resource.getRawHandle().getKey().contains(".panels"); // PackConstants names them so
}

void Explanation::addLaunch(Operation *op, ModuleOp module, const llvm::StringMap<unsigned> &executables,
                            const dispatch::Statistics &statistics) {
  auto launch = cast<dispatch::LaunchOp>(op);
  Dispatch &made = dispatches.emplace_back();
  made.kernel = launch.getExecutable();
  made.function = launch->getParentOfType<func::FuncOp>().getName();
  auto found = executables.find(made.kernel);
  if (found != executables.end()) {
    made.executable = found->second;
    made.work = statistics.each[found->second];
    made.root = rootOf(module.lookupSymbol<dispatch::ExecutableOp>(made.kernel));
  }
  made.packed = llvm::any_of(launch.getIns(), isPacked);
  for (Value extent : launch.getWorkload())
    made.workload.push_back(getConstantIntValue(extent).value_or(-1));
  forEachSource(launch.getLoc(), [&](StringRef name) {
    auto known = source.nodes.find(name);
    if (known == source.nodes.end() || llvm::is_contained(made.nodes, name))
      return;
    made.nodes.push_back(known->first);
    nodes[name].dispatches.insert(static_cast<unsigned>(dispatches.size() - 1));
  });
}

void Explanation::collect(ModuleOp module, const dispatch::Statistics &statistics) {
  llvm::StringMap<unsigned> executables;
  for (auto [number, executable] : llvm::enumerate(module.getOps<dispatch::ExecutableOp>()))
    executables[executable.getSymName()] = static_cast<unsigned>(number);
  for (auto function : module.getOps<func::FuncOp>())
    function.walk([&](Operation *op) {
      if (isa<dispatch::LaunchOp>(op))
        addLaunch(op, module, executables, statistics);
      else if (!isIncidental(op) && !op->hasTrait<OpTrait::IsTerminator>())
        forEachSource(op->getLoc(), [&](StringRef name) {
          const bool view = isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp, tensor::CastOp>(op);
          (view ? nodes[name].view : nodes[name].host) = true;
        });
    });
}

void Explanation::setKernels(const CompiledVariant &variant) {
  for (Dispatch &each : dispatches)
    if (each.executable)
      each.specialised = variant.kernels[*each.executable].specialised;
}

Explanation::Fate Explanation::fateOf(StringRef name, const SourceNode &node) const {
  auto found = nodes.find(name);
  const Node nothing, &left = found == nodes.end() ? nothing : found->second;
  if (node.made == SourceNode::Made::inner)
    return Fate::inner;
  if (!left.dispatches.empty())
    return Fate::dispatch;
  if (!node.used)
    return Fate::unused;
  switch (node.made) {
  case SourceNode::Made::nothing:
    return Fate::unreached;
  case SourceNode::Made::constant:
    return node.op == "Constant" ? Fate::constant : Fate::folded;
  case SourceNode::Made::host:
    return Fate::host;
  case SourceNode::Made::alias:
    return Fate::alias;
  case SourceNode::Made::inner:
  case SourceNode::Made::tensor:
    break;
  }
  return left.view ? Fate::view : left.host ? Fate::host : Fate::simplified;
}
