#ifndef HALCYON_SCHEDULE_PASSES
#define HALCYON_SCHEDULE_PASSES

include "mlir/Pass/PassBase.td"

def ScheduleBuffers : Pass<"halcyon-schedule-buffers", "mlir::ModuleOp"> {
  let summary = "Tensors become buffers, launches become commands";
  let description = [{
    ```mlir
    func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
      %e = tensor.empty() : tensor<4xf32>
      %y = dispatch.launch @relu workload [%c4] ins(%x) outs(%e)
      return %y
    // becomes
    func.func @main(%x: !host.buffer) -> !host.buffer attributes {halcyon.signature = ...} {
      %y = host.alloca external %c16
      host.dispatch @relu inputs 1 workload [%c4] parameters() bindings(%x, %y) offsets(%c0, %c0) sizes(%c16, %c16)
      return %y
    ```
    A launch writes an `outs` in place where the function owns its memory and nothing reads the old value
    later; else it gets a copy. Results are external allocations of their own, or a donated argument. A
    loop-carried tensor of static shape is one allocation that the body updates; others are handed on as
    buffers. Calls are inlined. Arguments are flattened as src/schema/artifact.fbs says.

    Requires: what compiler/dispatch leaves.
    Leaves: public functions over `!host.buffer` and scalars, with `halcyon.signature`; scf with buffers;
    integers of type index are i64.
  }];
  let options = [
    ListOption<"donate", "donate", "std::string", "IN:OUT: result OUT takes the memory of argument IN">
  ];
  let dependentDialects = ["::halcyon::host::HostDialect", "::mlir::arith::ArithDialect",
                           "::mlir::scf::SCFDialect", "::mlir::func::FuncDialect"];
}

def ExpandUnsigned : Pass<"halcyon-expand-unsigned", "mlir::func::FuncOp"> {
  let summary = "Unsigned divisions of the host program become signed ones";
  let description = [{
    The host program divides signed numbers. `arith.divui`, `remui` and `ceildivui` become shifts, comparisons and one
    signed division, exact for all 64-bit operands; a division by zero traps as before.

    Requires: halcyon-schedule-buffers (index is i64).
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def PlanArena : Pass<"halcyon-plan-arena", "mlir::func::FuncOp"> {
  let summary = "Transient allocations become ranges of one arena";
  let description = [{
    Static sizes are placed at the lowest offset that is free while they live, in the best order found. Sizes that are
    a constant times the same values (batch, sequence length) share one such space in units of their product. Several
    spaces lie one after the other, or where that is smaller, in the order that packs them best at assumed sizes: which of
    two that live together is below the other is fixed, and each lies behind the last of those below it, which the host
    program finds (a maximum of sums).
    A nested region's static arena is part of its parent's. Allocations that leave their region as values
    (loop-carried tensors of changing shape) stay as they are.

    Leaves: `halcyon.arena_bytes` and `halcyon.live_floor_bytes` (the most that is alive at once) on the
    function; each size that the call gives counts as 64, what is computed from it as that.
  }];
  let dependentDialects = ["::halcyon::host::HostDialect", "::mlir::arith::ArithDialect"];
}

def OutlineCommands : Pass<"halcyon-outline-commands", "mlir::ModuleOp"> {
  let summary = "Runs of commands become command lists with barriers";
  let description = [{
    A run ends where the host program does more than arithmetic: a read, a write, control flow, the end of a
    block. Within a run a barrier stands before a command that touches a range which an earlier one, since the
    last barrier, touched too, unless both only read.

    Leaves: no command outside of `host.commands`.
  }];
  let dependentDialects = ["::halcyon::host::HostDialect", "::mlir::arith::ArithDialect"];
}

#endif
