#include "dispatch/Statistics.h"

#include "dialect/dispatch/Dispatch.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace halcyon::dispatch;

// Floating-point operations of one run of `op`; 0 where a loop's extent is not static.
static int64_t flopsOf(linalg::LinalgOp op) {
  int64_t iterations = 1;
  for (int64_t extent : op.getStaticLoopRanges()) {
    if (ShapedType::isDynamic(extent))
      return 0;
    iterations *= extent;
  }
  int64_t each = 0;
  op.getBlock()->walk([&](Operation *inner) {
    bool computes = isa<math::MathDialect>(inner->getDialect()) ||
                    isa<arith::AddFOp, arith::SubFOp, arith::MulFOp, arith::DivFOp, arith::MaximumFOp,
                        arith::MinimumFOp, arith::MaxNumFOp, arith::MinNumFOp, arith::NegFOp>(inner);
    each += computes && inner->getResult(0).getType().isIntOrFloat();
  });
  return iterations * each;
}

Statistics halcyon::dispatch::collectStatistics(ModuleOp module) {
  Statistics statistics;
  DenseMap<StringAttr, std::pair<unsigned, int64_t>> executables; // name -> number, flops
  for (auto executable : module.getOps<ExecutableOp>()) {
    int64_t flops = 0;
    executable.walk([&](linalg::LinalgOp op) { flops += flopsOf(op); });
    executables[executable.getSymNameAttr()] = {static_cast<unsigned>(statistics.launches.size()), flops};
    statistics.launches.push_back(0);
    statistics.flopsEach.push_back(flops);
  }
  module.walk([&](LaunchOp launch) {
    auto found = executables.find(launch.getExecutableAttr().getAttr());
    if (found == executables.end()) // a kernel or callback of the application's
      return;
    auto [number, flops] = found->second;
    ++statistics.launches[number];
    statistics.flops += flops;
  });
  return statistics;
}
