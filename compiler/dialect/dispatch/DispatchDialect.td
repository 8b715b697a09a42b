// The dispatch dialect: what runs on a device, and with which grid; still on tensors.
#ifndef HALCYON_DISPATCH_DIALECT_TD
#define HALCYON_DISPATCH_DIALECT_TD

include "mlir/IR/OpBase.td"

def Dispatch_Dialect : Dialect {
  let name = "dispatch";
  let cppNamespace = "::halcyon::dispatch";
  let summary = "Kernels and their launches on tensors";
  let description = [{
    A `dispatch.executable` holds the body of one kernel on tensors; `dispatch.launch` runs it. Launches are
    in destination-passing style: results are tied to `outs`. No memory is decided here: that is the
    `host` dialect's job. Module state is upstream's `ml_program.global`.
  }];
}

#endif
