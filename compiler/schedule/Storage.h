// schedule/Storage.h -- where a tensor lies, and whether its memory may be overwritten.
#pragma once
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Operation.h"
#include "mlir/IR/Value.h"

#include "dialect/host/Host.h"

namespace halcyon {

// Memory that one or more tensors of the old function lie in.
struct Storage {
  enum class Kind {
    empty,      // tensor.empty: none yet
    allocation, // ours
    argument,   // the caller's
    constant,
    variable,
    borrowed, // handed on by control flow: may be any of the above
  };
  Kind kind = Kind::empty;
  mlir::Value buffer;
  host::AllocaOp allocation;              // that gave `buffer`; null for a donated argument
  mlir::Operation *creator = nullptr;     // the old operation that first wrote the allocation
  mlir::Region *home = nullptr;           // the old region in which it came to be
  llvm::SmallVector<mlir::Value> tensors; // of the old function, that lie in it
  llvm::SmallVector<Storage *> borrowers; // handed on by control flow: each may be this memory
  mlir::StringAttr variable;
  bool isSlot = false;   // overwritten by a later iteration: may not be handed on as a buffer
  bool isResult = false; // of the function
  bool fromList = false; // an entry of a list, which is never written
};

// Whether `other` is, or may be, the same memory.
bool mayBe(const Storage &storage, const Storage *other);

// A tensor of the old function.
struct Placed {
  Storage *storage = nullptr;
  llvm::SmallVector<mlir::Value> sizes;    // of its dynamic dimensions
  llvm::SmallVector<mlir::Value> elements; // where the host knows them
};

// Whether `later` may run after `op` within one run of the innermost region that holds both; parts
// of one loop follow each other.
bool mayFollow(mlir::Operation *op, mlir::Operation *later);

// An operation other than `op` that may follow it and uses a tensor in `storage`; null where there
// is none.
mlir::Operation *useAfter(const Storage &storage, mlir::Operation *op);

// Whether `op` may overwrite `storage`: it is ours, and no loop lies between.
bool isWritable(const Storage &storage, mlir::Operation *op);

// Bits that an element takes in memory: a bool takes a byte, an index eight.
int64_t storageBits(mlir::Type element);

} // namespace halcyon
