#include "dispatch/Outline.h"
#include "dispatch/Passes.h"

#include "llvm/ADT/MapVector.h"

namespace halcyon {
#define GEN_PASS_DEF_SHAREEXECUTABLES
#include "dispatch/Passes.h.inc"
} // namespace halcyon

using namespace mlir;
using namespace halcyon::dispatch;

// A launch carries its values: more of them would cost more than code does.
static constexpr size_t mostParameters = 8;

// A factor or an addend: code for any value is as good as code for one.
static bool mayVary(arith::ConstantOp op) {
  return op.getType().isF32() && llvm::all_of(op->getUsers(), llvm::IsaPred<arith::MulFOp, arith::AddFOp, arith::SubFOp>);
}

static SmallVector<arith::ConstantOp> constantsOf(ExecutableOp executable) {
  SmallVector<arith::ConstantOp> constants;
  executable.walk([&](arith::ConstantOp op) {
    if (mayVary(op))
      constants.push_back(op);
  });
  return constants;
}

// Contractions and windows are most of the code. What rounds to integers is proved to fit by its constants.
static bool isShared(ExecutableOp executable) {
  const bool isFloat = llvm::all_of(executable.getTensors(), [](BlockArgument tensor) {
    return isa<FloatType>(getElementTypeOrSelf(tensor.getType()));
  });
  return isFloat && executable.walk([](linalg::LinalgOp op) {
    return op.getNumReductionLoops() ? WalkResult::interrupt() : WalkResult::advance();
  }).wasInterrupted();
}

static std::string keyOf(ExecutableOp executable) {
  ExecutableOp copy = executable.clone();
  copy.setSymName("");
  for (arith::ConstantOp op : constantsOf(copy))
    op.setValueAttr(FloatAttr::get(op.getType(), 0.0));
  std::string text = textOf(copy);
  copy.erase();
  return text;
}

namespace {
struct ShareExecutables : halcyon::impl::ShareExecutablesBase<ShareExecutables> {
  using ShareExecutablesBase::ShareExecutablesBase;

  void runOnOperation() override {
    llvm::MapVector<StringAttr, SmallVector<LaunchOp>> launches;
    getOperation().walk([&](LaunchOp launch) { launches[launch.getExecutableAttr().getAttr()].push_back(launch); });
    llvm::MapVector<StringAttr, SmallVector<ExecutableOp>> alike;
    for (auto executable : getOperation().getOps<ExecutableOp>())
      if (isShared(executable))
        alike[StringAttr::get(&getContext(), keyOf(executable))].push_back(executable);
    for (auto &[key, executables] : alike)
      if (executables.size() > 1)
        share(executables, launches);
  }

  void share(MutableArrayRef<ExecutableOp> executables, llvm::MapVector<StringAttr, SmallVector<LaunchOp>> &launches) {
    auto constants = llvm::map_to_vector(executables, constantsOf);
    SmallVector<size_t> varying;
    for (size_t i = 0; i < constants[0].size(); ++i)
      if (llvm::any_of(constants, [&](auto &own) { return own[i].getValue() != constants[0][i].getValue(); }))
        varying.push_back(i);
    if (varying.size() > mostParameters)
      return;
    ExecutableOp first = executables[0];
    for (auto [executable, own] : llvm::zip(executables, constants)) {
      for (LaunchOp launch : launches[executable.getSymNameAttr()]) {
        OpBuilder builder(launch);
        for (size_t i : varying) {
          const uint64_t bits = cast<FloatAttr>(own[i].getValue()).getValue().bitcastToAPInt().getZExtValue();
          launch.getParametersMutable().append(
              builder.create<arith::ConstantOp>(launch.getLoc(), builder.getI64IntegerAttr(bits)).getResult());
        }
        launch.setExecutable(first.getSymName());
      }
      if (executable != first)
        executable.erase();
    }
    Block &body = first.getBody().front();
    OpBuilder builder = OpBuilder::atBlockBegin(&body);
    for (size_t i : varying) {
      arith::ConstantOp constant = constants[0][i];
      Location loc = constant.getLoc();
      Value bits = builder.create<arith::TruncIOp>(loc, builder.getI32Type(), body.addArgument(builder.getI64Type(), loc));
      constant.replaceAllUsesWith(builder.create<arith::BitcastOp>(loc, constant.getType(), bits).getResult());
      constant.erase();
    }
  }
};
} // namespace
