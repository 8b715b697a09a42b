// emit/artifact/HostCode.h -- a host function as bytecode (src/schema/host_ops.def).
#pragma once
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringMap.h"

#include <vector>

#include "emit/artifact/Constants.h"
#include "emit/artifact/Registers.h"
#include "emit/artifact/Types.h"

namespace halcyon {

struct HostFunctionCode {
  std::vector<schema::RegisterType> registers;
  std::vector<schema::RegisterType> returns;
  uint32_t parameters = 0;
  uint32_t allocations = 0;
  std::vector<uint32_t> code;
};

// What the code refers to by number.
struct HostTables {
  Constants &constants;
  Locations &locations;
  llvm::StringMap<uint32_t> commandLists;
  llvm::StringMap<uint32_t> variables;
  llvm::StringMap<uint32_t> callbacks;
};

mlir::FailureOr<HostFunctionCode> encodeHostFunction(mlir::func::FuncOp function,
                                                     HostTables &tables);

} // namespace halcyon
