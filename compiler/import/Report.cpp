#include "import/Report.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

using namespace mlir;

namespace halcyon {

SourceNode &ImportReport::node(MLIRContext &context, StringRef name) {
  return nodes[StringAttr::get(&context, name).getValue()];
}

void forEachSource(Location loc, llvm::function_ref<void(StringRef)> visit) {
  if (auto name = dyn_cast<NameLoc>(loc)) {
    visit(name.getName().getValue());
  } else if (auto file = dyn_cast<FileLineColLoc>(loc)) {
    if (file.getLine())
      visit((Twine(file.getLine()) + ":" + Twine(file.getColumn())).str());
  } else if (auto fused = dyn_cast<FusedLoc>(loc)) {
    for (Location part : fused.getLocations())
      forEachSource(part, visit);
  } else if (auto call = dyn_cast<CallSiteLoc>(loc)) {
    forEachSource(call.getCallee(), visit);
  }
}

static std::string textOf(Type type) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor) {
    stream << type;
    return text;
  }
  stream << tensor.getElementType() << '[';
  llvm::interleave(
      tensor.getShape(),
      [&](int64_t extent) {
        if (ShapedType::isDynamic(extent))
          stream << '?';
        else
          stream << extent;
      },
      [&] { stream << 'x'; });
  stream << ']';
  return text;
}

void reportOperations(ModuleOp module, ImportReport &report) {
  module.walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (isa<ModuleOp, FunctionOpInterface, tensor::EmptyOp>(op) || op->hasTrait<OpTrait::IsTerminator>() ||
        op->hasTrait<OpTrait::ConstantLike>() || op->hasTrait<OpTrait::SymbolTable>())
      return WalkResult::advance();
    forEachSource(op->getLoc(), [&](StringRef name) {
      SourceNode &node = report.node(*op->getContext(), name);
      if (!node.op.empty())
        return;
      node.op = op->getName().getStringRef();
      node.made = SourceNode::Made::tensor;
      node.used = true;
      for (Value result : op->getResults())
        node.results.push_back({"", textOf(result.getType())});
    });
    return isa<linalg::LinalgOp>(op) ? WalkResult::skip() : WalkResult::advance();
  });
}

} // namespace halcyon
