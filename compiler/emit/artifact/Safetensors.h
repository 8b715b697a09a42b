// emit/artifact/Safetensors.h -- a parameter file that the application will give at load.
#pragma once
#include "mlir/IR/Location.h"
#include "mlir/Support/LLVM.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/MemoryBuffer.h"

#include <map>
#include <memory>
#include <string>

namespace halcyon {

class Safetensors {
public:
  static mlir::FailureOr<Safetensors> open(llvm::StringRef scope, llvm::StringRef path,
                                           mlir::Location location);

  const std::string &scope() const { return scopeName; }
  // The first tensor (by name) of exactly these bytes; null where there is none.
  const std::string *find(llvm::ArrayRef<char> bytes) const;

private:
  std::string scopeName;
  std::unique_ptr<llvm::MemoryBuffer> buffer;
  std::map<std::string, llvm::ArrayRef<char>> tensors;
};

} // namespace halcyon
