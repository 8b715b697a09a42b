// RUN: halcyon-opt %s -split-input-file -halcyon-schedule-buffers=donate=cache:new_cache -verify-diagnostics | FileCheck %s

dispatch.executable @accumulate inputs 1 workload_rank 1 dims [[], []] {
^bb0(%x: tensor<4xf32>, %out: tensor<4xf32>):
  dispatch.return %out : tensor<4xf32>
}

// A donated argument is updated in place and is the result.
// CHECK-LABEL: func.func @in_place(
// CHECK-SAME:    %[[C:[^:]+]]: !host.buffer, %[[X:[^:]+]]: !host.buffer)
// CHECK-SAME:    donations = [array<i64: 0, 0>]
// CHECK-NOT:     host.alloca
// CHECK-NOT:     host.copy
// CHECK:         host.dispatch @accumulate {{.*}} bindings(%[[X]], %[[C]])
// CHECK:         return %[[C]]
func.func @in_place(%c: tensor<4xf32> {halcyon.name = "cache"}, %x: tensor<4xf32>)
    -> (tensor<4xf32> {halcyon.name = "new_cache"}) {
  %c4 = arith.constant 4 : index
  %y = dispatch.launch @accumulate workload [%c4] ins(%x : tensor<4xf32>) outs(%c : tensor<4xf32>) -> (tensor<4xf32>)
  return %y : tensor<4xf32>
}

// -----

dispatch.executable @relu inputs 1 workload_rank 1 dims [[], []] {
^bb0(%x: tensor<4xf32>, %out: tensor<4xf32>):
  dispatch.return %out : tensor<4xf32>
}

// The result is computed where the argument was, once that is not read any more.
// CHECK-LABEL: func.func @read_before(
// CHECK-SAME:    %[[C:[^:]+]]: !host.buffer)
// CHECK:         host.dispatch @relu {{.*}} bindings(%[[C]], %[[T:.+]]) offsets
// CHECK:         host.dispatch @relu {{.*}} bindings(%[[T]], %[[C]]) offsets
// CHECK:         return %[[C]]
func.func @read_before(%c: tensor<4xf32> {halcyon.name = "cache"}) -> (tensor<4xf32> {halcyon.name = "new_cache"}) {
  %c4 = arith.constant 4 : index
  %e = tensor.empty() : tensor<4xf32>
  %t = dispatch.launch @relu workload [%c4] ins(%c : tensor<4xf32>) outs(%e : tensor<4xf32>) -> (tensor<4xf32>)
  %y = dispatch.launch @relu workload [%c4] ins(%t : tensor<4xf32>) outs(%e : tensor<4xf32>) -> (tensor<4xf32>)
  return %y : tensor<4xf32>
}

// -----

dispatch.executable @gather inputs 1 workload_rank 1 dims [[], []] {
^bb0(%x: tensor<4xf32>, %out: tensor<4xf32>):
  dispatch.return %out : tensor<4xf32>
}

func.func @read_after(%c: tensor<4xf32> {halcyon.name = "cache"})
    -> (tensor<4xf32> {halcyon.name = "new_cache"}, tensor<4xf32>) {
  %c4 = arith.constant 4 : index
  %e = tensor.empty() : tensor<4xf32>
  %y = dispatch.launch @gather workload [%c4] ins(%c : tensor<4xf32>) outs(%e : tensor<4xf32>) -> (tensor<4xf32>)
  // expected-note@+1 {{it is read here, by 'dispatch.launch'}}
  %z = dispatch.launch @gather workload [%c4] ins(%c : tensor<4xf32>) outs(%e : tensor<4xf32>) -> (tensor<4xf32>)
  // expected-error@+1 {{donate: result 0 cannot take the memory of argument 0: the argument is read when the result is already being written}}
  return %y, %z : tensor<4xf32>, tensor<4xf32>
}

// -----

// expected-error@+1 {{donate: 'cache' and 'new_cache' of @types have different types: 'tensor<4xf32>' and 'tensor<8xf32>'}}
func.func @types(%c: tensor<4xf32> {halcyon.name = "cache"}, %x: tensor<8xf32>) -> (tensor<8xf32> {halcyon.name = "new_cache"}) {
  return %x : tensor<8xf32>
}

// -----

// expected-error@+1 {{donate: no function has an argument 'cache' and a result 'new_cache'}}
module {
  func.func @names(%x: tensor<4xf32> {halcyon.name = "x"}) -> tensor<4xf32> {
    return %x : tensor<4xf32>
  }
}
