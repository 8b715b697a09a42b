#include "dispatch/Statistics.h"

#include "dispatch/Costs.h"

using namespace mlir;
using namespace halcyon::dispatch;

static Work workOf(ExecutableOp executable) {
  Work work;
  SmallVector<Cost> costs = costsOf(executable);
  work.known = !costs.empty() && llvm::all_of(costs, [](const Cost &cost) { return cost.isConstant(); });
  for (const Cost &cost : costs) {
    if (!work.known)
      break;
    work.flops += cost.flops;
    work.bytes += cost.read + cost.written;
  }
  return work;
}

Statistics halcyon::dispatch::collectStatistics(ModuleOp module) {
  Statistics statistics;
  DenseMap<StringAttr, unsigned> numbers;
  for (auto executable : module.getOps<ExecutableOp>()) {
    numbers[executable.getSymNameAttr()] = statistics.launches.size();
    statistics.launches.push_back(0);
    statistics.each.push_back(workOf(executable));
  }
  module.walk([&](LaunchOp launch) {
    auto found = numbers.find(launch.getExecutableAttr().getAttr());
    if (found == numbers.end()) // a kernel or callback of the application's
      return;
    ++statistics.launches[found->second];
    statistics.flops += statistics.each[found->second].flops;
    statistics.bytes += statistics.each[found->second].bytes;
  });
  return statistics;
}
