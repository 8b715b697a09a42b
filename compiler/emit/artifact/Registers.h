// emit/artifact/Registers.h -- which register of the host program holds a value.
#pragma once
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"

#include <vector>

#include "emit/artifact/Schema.h"

namespace halcyon {

// Arguments take the first registers. A value that one block makes and uses gives its register back
// after its last use; others keep theirs.
class Registers {
public:
  explicit Registers(mlir::func::FuncOp function);

  static schema::RegisterType typeOf(mlir::Type type);
  uint32_t of(mlir::Value value); // assigned at the first call
  uint32_t fresh(schema::RegisterType type);
  void release(uint32_t number) { free[static_cast<int>(types[number])].push_back(number); }
  // After `op` was encoded: what it used last is free.
  void finish(mlir::Operation *op);

  const std::vector<schema::RegisterType> &list() const { return types; }

private:
  std::vector<schema::RegisterType> types;
  std::vector<uint32_t> free[4];
  llvm::DenseMap<mlir::Value, uint32_t> numbers;
};

} // namespace halcyon
