#ifndef HALCYON_DISPATCH_PASSES
#define HALCYON_DISPATCH_PASSES

include "mlir/Pass/PassBase.td"

def LaunchDeclared : Pass<"halcyon-launch-declared", "mlir::ModuleOp"> {
  let summary = "Calls of functions that the application gives become launches";
  let description = [{
    ```mlir
    func.func private @blur(tensor<?x64xf32>) -> tensor<?x64xf32> attributes {
        halcyon.kernel = {result_dims = [["arg0.0"]], workload = ["arg0.0"], tile = [8]}}
    %y = func.call @blur(%x) : (tensor<?x64xf32>) -> tensor<?x64xf32>
    // becomes
    dispatch.kernel @blur (tensor<?x64xf32>, index, index) -> tensor<?x64xf32> tile [8, 1, 1] local_memory 0
    %n = tensor.dim %x, %c0
    %out = tensor.empty(%n) : tensor<?x64xf32>
    %y = dispatch.launch @blur workload [%n] parameters(%n, %n) ins(%x) outs(%out) -> (tensor<?x64xf32>)
    ```
    dialect/dispatch/README.md says what the attributes are.

    Leaves: no function with halcyon.kernel or halcyon.host_call.
  }];
  let dependentDialects = ["halcyon::dispatch::DispatchDialect", "mlir::arith::ArithDialect",
                           "mlir::tensor::TensorDialect"];
}

def FormDispatches : Pass<"halcyon-form-dispatches", "mlir::ModuleOp"> {
  let summary = "Tensor operations become executables and launches";
  let description = [{
    ```mlir
    %0 = linalg.fill ins(%zero : f32) outs(%empty : tensor<4x8xf32>)
    %1 = linalg.matmul ins(%x, %w) outs(%0)
    %2 = linalg.generic {bias and relu} ins(%1, %b) outs(%empty)
    // becomes
    %2 = dispatch.launch @main_gemm workload [%c4, %c8] ins(%x, %w, %b) outs(%empty) -> (tensor<4x8xf32>)
    ```

    Two contractions with softmax between them become one launch, and what softmax divides by divides the result.
    Roots (contractions, reductions, windows) take the elementwise operation that alone uses their result;
    what is left becomes a launch of its own. What is concatenated is computed in its place, where it was computed before.
    Parts of tensors that kernels alone read, with whole or long rows, are read where they lie.
    Fills join what they initialise. An scf loop that only moves
    and computes elements of tensors becomes one launch: of one workgroup, or where `halcyon.rows` on an scf.for says that
    its iterations write different rows, of one for each iteration; other control flow stays, with launches inside.
    Dynamic sizes and scalars become parameters, constants other than scalars become inputs. Equal bodies
    share one executable, named for and located at the first root that has it; a launch is located at every operation
    that it does.

    Requires: no nn operation; tensor operations other than views turned into linalg (halcyon-tensor-to-linalg).
    Leaves: functions over dispatch.launch, tensor.empty, views of whole tensors (expand_shape, collapse_shape,
    cast), tensor.extract (a read), tensor.from_elements (a write), constants, scalar arith and math, lists, scf, func
    and ml_program operations.
  }];
  let options = [Option<"fuse", "fuse", "bool", /*default=*/"true", "join elementwise consumers to their roots">];
  let dependentDialects = ["halcyon::dispatch::DispatchDialect", "mlir::arith::ArithDialect",
                           "mlir::linalg::LinalgDialect", "mlir::tensor::TensorDialect"];
}

def ShareExecutables : Pass<"halcyon-share-executables", "mlir::ModuleOp"> {
  let summary = "Executables that differ in factors and addends become one";
  let description = [{
    ```mlir
    dispatch.executable @first inputs 2 ... { ... arith.mulf %m, 0.5 : f32 ... }
    dispatch.executable @second inputs 2 ... { ... arith.mulf %m, -2.0 : f32 ... }
    // becomes
    dispatch.executable @first inputs 2 ... { ^bb0(..., %bits: i64): ... arith.mulf %m, {%bits as f32} ... }
    %0 = dispatch.launch @first ... parameters(..., {bits of 0.5})
    %1 = dispatch.launch @first ... parameters(..., {bits of -2.0})
    ```
    Of executables on floats with a reduction, for constants of f32 that are only multiplied, added or subtracted, at most 8
    that differ: a network whose layers end with a learned scale has a kernel for each layer else.

    Requires: every launch of an executable in the module.
  }];
  let dependentDialects = ["halcyon::dispatch::DispatchDialect", "mlir::arith::ArithDialect"];
}

#endif // HALCYON_DISPATCH_PASSES
