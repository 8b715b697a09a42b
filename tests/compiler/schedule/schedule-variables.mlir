// RUN: halcyon-opt %s -halcyon-schedule-buffers -canonicalize -cse | FileCheck %s

dispatch.executable @accumulate inputs 1 workload_rank 1 dims [[], []] {
^bb0(%x: tensor<4xf32>, %out: tensor<4xf32>):
  dispatch.return %out : tensor<4xf32>
}
// CHECK: ml_program.global private mutable @state
ml_program.global private mutable @state(dense<0.0> : tensor<4xf32>) : tensor<4xf32>

// State that is updated and stored back is updated in its own memory; the result is a copy.
// CHECK-LABEL: func.func @update(
// CHECK-SAME:    %[[X:.+]]: !host.buffer)
// CHECK:         %[[V:.+]] = host.variable @state
// CHECK-NEXT:    host.dispatch @accumulate {{.*}} bindings(%[[X]], %[[V]])
// CHECK-NEXT:    %[[R:.+]] = host.alloca external
// CHECK-NEXT:    host.copy %[[R]][%{{.+}}] from %[[V]]
// CHECK-NEXT:    return %[[R]]
func.func @update(%x: tensor<4xf32>) -> tensor<4xf32> {
  %c4 = arith.constant 4 : index
  %v = ml_program.global_load @state : tensor<4xf32>
  %w = dispatch.launch @accumulate workload [%c4] ins(%x : tensor<4xf32>) outs(%v : tensor<4xf32>) -> (tensor<4xf32>)
  ml_program.global_store @state = %w : tensor<4xf32>
  return %w : tensor<4xf32>
}

// The old value is loaded as a copy where it is used after a store.
// CHECK-LABEL: func.func @old_value(
// CHECK-SAME:    %[[X:.+]]: !host.buffer)
// CHECK:         %[[V:.+]] = host.variable @state
// CHECK-NEXT:    %[[OLD:.+]] = host.alloca external
// CHECK-NEXT:    host.copy %[[OLD]][%{{.+}}] from %[[V]]
// CHECK:         host.copy %{{.+}}[%{{.+}}] from %[[X]]
// CHECK-NEXT:    return %[[OLD]]
func.func @old_value(%x: tensor<4xf32>) -> tensor<4xf32> {
  %v = ml_program.global_load @state : tensor<4xf32>
  ml_program.global_store @state = %x : tensor<4xf32>
  return %v : tensor<4xf32>
}

// What is not stored back is updated elsewhere.
// CHECK-LABEL: func.func @scratch(
// CHECK:         %[[V:.+]] = host.variable @state
// CHECK:         %[[R:.+]] = host.alloca external
// CHECK:         host.copy %[[R]][%{{.+}}] from %[[V]]
// CHECK:         host.dispatch @accumulate {{.*}} bindings(%{{.+}}, %[[R]])
// CHECK:         return %[[R]]
func.func @scratch(%x: tensor<4xf32>) -> tensor<4xf32> {
  %c4 = arith.constant 4 : index
  %v = ml_program.global_load @state : tensor<4xf32>
  %w = dispatch.launch @accumulate workload [%c4] ins(%x : tensor<4xf32>) outs(%v : tensor<4xf32>) -> (tensor<4xf32>)
  return %w : tensor<4xf32>
}
