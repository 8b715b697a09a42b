// schedule/Scheduler.h -- one function from tensors to buffers. ScheduleBuffers.cpp is the pass.
//
// The old function is read, a new one is built beside it. Sizes are of type index until the pass
// turns all of that into i64.
#pragma once
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/SymbolTable.h"
#include "llvm/Support/Allocator.h"

#include "dialect/dispatch/Dispatch.h"
#include "schedule/Storage.h"

namespace halcyon {

// An argument whose memory a result takes.
struct Donation {
  unsigned argument;
  unsigned result;
};

class Scheduler {
public:
  Scheduler(mlir::func::FuncOp old, mlir::SymbolTableCollection &symbols,
            llvm::ArrayRef<Donation> donations)
      : old(old), symbols(symbols), donations(donations), builder(old.getContext()) {}

  // The new function stands after the old one, with the old name; the old one is left to be erased.
  mlir::FailureOr<mlir::func::FuncOp> run();

private:
  // Scheduler.cpp
  void arguments(mlir::Block &entry);
  mlir::LogicalResult body(mlir::Block &block); // all but the terminator
  mlir::LogicalResult operation(mlir::Operation *op);
  mlir::LogicalResult scalar(mlir::Operation *op);
  mlir::LogicalResult launch(dispatch::LaunchOp op);
  bool mayUpdate(dispatch::LaunchOp op, unsigned out);
  Storage *dyingInput(dispatch::LaunchOp op, unsigned out, llvm::ArrayRef<Storage *> taken);
  mlir::LogicalResult extract(mlir::Operation *op);
  mlir::LogicalResult fromElements(mlir::Operation *op);
  mlir::LogicalResult globalStore(mlir::Operation *op);
  void globalLoad(mlir::Operation *op, mlir::StringAttr variable);
  mlir::LogicalResult results(mlir::func::ReturnOp op);
  mlir::LogicalResult donate(Placed &result, mlir::Value value, const Donation &donation,
                             mlir::Location location);
  void view(mlir::Value from, mlir::Value to, llvm::SmallVector<mlir::Value> sizes);

  // SchedulerControlFlow.cpp
  mlir::LogicalResult forLoop(mlir::scf::ForOp op);
  mlir::LogicalResult whileLoop(mlir::scf::WhileOp op);
  mlir::LogicalResult ifElse(mlir::scf::IfOp op);
  void select(mlir::arith::SelectOp op);
  Storage *slotFor(mlir::Value init, mlir::Operation *loop,
                   llvm::SmallVectorImpl<Storage *> &taken);
  Storage *slotIn(Storage *slot, mlir::Region *home, mlir::Value tensor,
                  llvm::SmallVector<mlir::Value> sizes = {});
  void handOn(mlir::Value value, mlir::Operation *at, llvm::SmallVectorImpl<mlir::Value> &values);
  bool readsPointwise(const Storage &made, mlir::Value tensor);
  void lend(llvm::ArrayRef<mlir::Value> values, mlir::Value result);
  void receive(mlir::Value value, mlir::Region *home, mlir::ValueRange &values);
  mlir::LogicalResult fillSlots(mlir::Operation *terminator, mlir::ValueRange values,
                                llvm::ArrayRef<Storage *> slots);

  // SchedulerLists.cpp
  mlir::LogicalResult list(mlir::Operation *op);
  void listInsert(host::ListInsertOp op);
  void listErase(host::ListEraseOp op);
  void listGet(host::ListGetOp op);
  mlir::Value firstEntry(mlir::Value position, mlir::Location location);
  mlir::Value keepForList(mlir::Value tensor, mlir::Operation *op);

  // Memory.
  mlir::Value constant(int64_t value, mlir::Location location);
  mlir::Value bytes(mlir::Value tensor, mlir::Location location);
  llvm::SmallVector<mlir::Value> sizes(mlir::Value tensor) { return placed[tensor].sizes; }
  mlir::Value dimension(mlir::Value tensor, int64_t index, mlir::Location location);
  Storage *makeStorage(Storage::Kind kind, mlir::Value buffer, mlir::Region *home);
  Storage *allocate(mlir::Value like, mlir::Operation *creator, mlir::Region *home,
                    mlir::Location location);
  // A tensor's buffer; an empty one, or one that the host knows, gets memory here.
  mlir::Value materialise(mlir::Value tensor, mlir::Operation *at);
  void writeElements(mlir::Value tensor, mlir::Value buffer, mlir::Location location);
  void copy(mlir::Value target, mlir::Value source, mlir::Value like, mlir::Location location);
  // All of `from` becomes `to`: the producer writes there directly.
  void redirect(Storage &from, mlir::Value to);
  void place(mlir::Value tensor, Storage *storage, llvm::SmallVector<mlir::Value> sizes);

  mlir::func::FuncOp old;
  mlir::SymbolTableCollection &symbols;
  llvm::ArrayRef<Donation> donations;
  mlir::OpBuilder builder;
  mlir::IRMapping scalars;
  llvm::DenseMap<mlir::Value, Placed> placed;
  llvm::SpecificBumpPtrAllocator<Storage> storages;
};

// The signature that the artifact records, from the attributes of a function on tensors.
mlir::DictionaryAttr signatureOf(mlir::func::FuncOp function, llvm::ArrayRef<Donation> donations);

} // namespace halcyon
