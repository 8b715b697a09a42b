// dispatch/Costs.h -- the work of one launch of an executable, as a sum of products of its parameters.
#pragma once
#include <array>

#include "dialect/dispatch/Dispatch.h"
#include "llvm/ADT/SmallVector.h"

namespace halcyon::dispatch {

// flops, read and written, each times the parameters with the numbers in `factors`; noFactor: none.
struct Cost {
  static constexpr uint16_t noFactor = 65535;
  std::array<uint16_t, 4> factors = {noFactor, noFactor, noFactor, noFactor}; // ascending
  uint64_t flops = 0;   // a multiply-add is two, of integers in sums, too; a function of math one
  uint64_t read = 0;    // bytes of memory outside of the kernel, each once however often it is read
  uint64_t written = 0; // bytes

  bool isConstant() const { return factors[0] == noFactor; }
};

// One for each product of parameters that work depends on; empty where some of it is not such a product, or of more than
// four parameters. What is read at computed places counts as often as it is read; work in a loop over rows
// counts once for each row.
llvm::SmallVector<Cost> costsOf(ExecutableOp executable);

} // namespace halcyon::dispatch
