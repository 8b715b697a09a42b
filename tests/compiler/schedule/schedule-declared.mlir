// RUN: halcyon-opt %s -halcyon-schedule-buffers -cse -halcyon-plan-arena -canonicalize -cse -halcyon-outline-commands -split-input-file | FileCheck %s

// A kernel of the application's is a command; a callback stands between the lists before and after it, with a range of the
// arena for what it reads and writes, and its dynamic dimensions.
// CHECK: dispatch.kernel @own
// CHECK: dispatch.callback @log
// CHECK-LABEL: func.func @between(
// CHECK-SAME: %[[X:.+]]: !host.buffer, %[[N:.+]]: i64)
// CHECK-DAG: %[[ZERO:.+]] = arith.constant 0 : i64
// CHECK: %[[ARENA:.+]] = host.alloca transient
// CHECK: host.submit @between_commands_0
// CHECK: host.call @log buffers(%[[ARENA]], %[[ARENA]]) offsets(%[[ZERO]], %[[AT:.+]]) dims(%[[N]], %[[N]])
// CHECK: host.submit @between_commands_1
dispatch.kernel @own (tensor<?xf32>, index, index) -> tensor<?xf32> tile [4, 1, 1] local_memory 0
dispatch.callback @log (tensor<?xf32>) -> tensor<?xf32>
func.func @between(%x: tensor<?xf32> {halcyon.dims = ["n"]}) -> tensor<?xf32> {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?xf32>
  %e = tensor.empty(%n) : tensor<?xf32>
  %a = dispatch.launch @own workload [%n] parameters(%n, %n : index, index) ins(%x : tensor<?xf32>) outs(%e : tensor<?xf32>) -> (tensor<?xf32>)
  %b = dispatch.launch host @log workload [] ins(%a : tensor<?xf32>) outs(%e : tensor<?xf32>) -> (tensor<?xf32>)
  %c = dispatch.launch @own workload [%n] parameters(%n, %n : index, index) ins(%b : tensor<?xf32>) outs(%e : tensor<?xf32>) -> (tensor<?xf32>)
  return %c : tensor<?xf32>
}

// -----

// A callback that updates an argument of the caller's gets a copy; nothing uses what it gives, and it is called.
// CHECK-LABEL: func.func @copied(
// CHECK-SAME: %[[X:.+]]: !host.buffer)
// CHECK: %[[T:.+]] = host.alloca transient
// CHECK: host.submit @copied_commands_0
// CHECK: host.call @touch buffers(%[[T]]) offsets(%{{.+}}) dims()
dispatch.callback @touch () -> tensor<4xf32>
func.func @copied(%x: tensor<4xf32>) {
  %a = dispatch.launch host @touch workload [] outs(%x : tensor<4xf32>) -> (tensor<4xf32>)
  return
}
