#ifndef HALCYON_DISPATCH_OPS_TD
#define HALCYON_DISPATCH_OPS_TD

include "DispatchDialect.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/OpBase.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Dispatch_Op<string mnemonic, list<Trait> traits = []> : Op<Dispatch_Dialect, mnemonic, traits>;

def Dispatch_ExecutableOp : Dispatch_Op<"executable", [
    IsolatedFromAbove, Symbol, SingleBlockImplicitTerminator<"ReturnOp">]> {
  let summary = "The body of one kernel";
  let description = [{
    The block's arguments are, in order: `inputs` tensors that are read; the remaining tensors, which are the
    destinations; then `index` or `i64` scalars, the parameters. `dispatch.return` gives a value for each
    destination, of its type. `dims` has an entry for each tensor argument: the numbers of the parameters
    (counted from 0 among the scalars) that are its dynamic dimensions, in order; `tensor.dim` of an argument
    is such a parameter.

    `workload_rank` (0 to 3) says how many leading parallel loops of the root - the op that the first returned value
    comes from - the launch's workload describes: loop i of these has `workload[i]` iterations; an insertion
    loops over its source. 0: one workgroup runs the whole body.

    ```mlir
    dispatch.executable @relu inputs 1 workload_rank 1 dims [[0], [0]] {
    ^bb0(%x: tensor<?xf32>, %out: tensor<?xf32>, %n: index):
      %y = linalg.generic ... ins(%x) outs(%out)
      dispatch.return %y : tensor<?xf32>
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, I64Attr:$inputs, I64Attr:$workload_rank, ArrayAttr:$dims);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $sym_name `inputs` $inputs `workload_rank` $workload_rank `dims` $dims attr-dict-with-keyword $body
  }];
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    // The tensor arguments: inputs, then destinations.
    unsigned getNumTensors() { return getDims().size(); }
    unsigned getNumDestinations() { return getNumTensors() - getInputs(); }
    ::mlir::Block::BlockArgListType getTensors() { return getBody().getArguments().take_front(getNumTensors()); }
    ::mlir::Block::BlockArgListType getDestinations() { return getTensors().drop_front(getInputs()); }
    ::mlir::Block::BlockArgListType getParameters() { return getBody().getArguments().drop_front(getNumTensors()); }
    // The parameter that is dimension `dimension` of tensor argument `tensor`; null where it is static.
    ::mlir::Value getDimension(unsigned tensor, unsigned dimension);
  }];
}

def Dispatch_ReturnOp : Dispatch_Op<"return", [Pure, Terminator, ReturnLike, HasParent<"ExecutableOp">]> {
  let summary = "The values of an executable's destinations";
  let arguments = (ins Variadic<AnyRankedTensor>:$values);
  let builders = [OpBuilder<(ins), [{ (void)$_state; }]>];
  let assemblyFormat = "attr-dict ($values^ `:` type($values))?";
}

def Dispatch_KernelOp : Dispatch_Op<"kernel", [Symbol]> {
  let summary = "A kernel that the application gives by name";
  let description = [{
    The type's inputs are the tensors that it reads and then its parameters (`index` or `i64`), its results the tensors
    that it writes. Bindings are the tensors in that order. `tile`: iterations of each workload dimension for one
    workgroup.

    ```mlir
    dispatch.kernel @blur (tensor<?x64xf32>, index, index) -> tensor<?x64xf32> tile [8, 1, 1] local_memory 0
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<FunctionType>:$type, DenseI64ArrayAttr:$tile,
                       I64Attr:$local_memory);
  let assemblyFormat = "$sym_name $type `tile` $tile `local_memory` $local_memory attr-dict";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    unsigned getNumInputs();
    unsigned getNumTensors() { return getNumInputs() + getType().getNumResults(); }
    unsigned getNumParameters() { return getType().getNumInputs() - getNumInputs(); }
  }];
}

def Dispatch_CallbackOp : Dispatch_Op<"callback", [Symbol]> {
  let summary = "A function of the host that the application gives by name";
  let description = [{
    The type's inputs are the tensors that it reads, its results those that it writes. It runs on the host, after the
    work that it depends on and before the work that follows.

    ```mlir
    dispatch.callback @log (tensor<4xf32>) -> tensor<4xf32>
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<FunctionType>:$type);
  let assemblyFormat = "$sym_name $type attr-dict";
}

def Dispatch_LaunchOp : Dispatch_Op<"launch", [
    AttrSizedOperandSegments, DeclareOpInterfaceMethods<SymbolUserOpInterface>,
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "Runs an executable once for each workgroup of a workload";
  let description = [{
    Reads `ins`, overwrites (or updates) `outs`; results are the new values of `outs`, in order. `parameters` are the
    executable's scalars. The executable may be a `dispatch.kernel`, or a `dispatch.callback`: then it is marked `host`,
    has neither workload nor parameters, and stays in its place and order even where nothing uses its results.

    ```mlir
    %y = dispatch.launch @relu workload [%n] parameters(%n : index) ins(%x : tensor<?xf32>) outs(%init : tensor<?xf32>)
           -> (tensor<?xf32>)
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$executable, Variadic<Index>:$workload,
                       Variadic<AnyTypeOf<[Index, I64]>>:$parameters, Variadic<AnyRankedTensor>:$ins,
                       Variadic<AnyRankedTensor>:$outs, UnitAttr:$host);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    (`host` $host^)? $executable `workload` `[` $workload `]`
    (`parameters` `(` $parameters^ `:` type($parameters) `)`)?
    (`ins` `(` $ins^ `:` type($ins) `)`)?
    (`outs` `(` $outs^ `:` type($outs) `)`)?
    attr-dict (`->` `(` type($results)^ `)`)?
  }];
  let hasVerifier = 1;
}

#endif
