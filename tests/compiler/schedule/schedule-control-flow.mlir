// RUN: halcyon-opt %s -halcyon-schedule-buffers -canonicalize -cse | FileCheck %s

dispatch.executable @relu inputs 1 workload_rank 1 dims [[], []] {
^bb0(%x: tensor<4xf32>, %out: tensor<4xf32>):
  dispatch.return %out : tensor<4xf32>
}
dispatch.executable @accumulate inputs 1 workload_rank 1 dims [[], []] {
^bb0(%x: tensor<4xf32>, %out: tensor<4xf32>):
  dispatch.return %out : tensor<4xf32>
}
dispatch.executable @grow inputs 1 workload_rank 1 dims [[0], [1]] {
^bb0(%x: tensor<?xf32>, %out: tensor<?xf32>, %n: index, %m: index):
  dispatch.return %out : tensor<?xf32>
}

// A loop-carried tensor of static shape is one allocation; the last kernel of an iteration writes it directly.
// CHECK-LABEL: func.func @static_loop(
// CHECK:         %[[S:.+]] = host.alloca external
// CHECK:         host.dispatch @relu {{.*}} bindings(%{{.+}}, %[[S]])
// CHECK:         scf.for
// CHECK-NOT:       iter_args
// CHECK:           %[[T:.+]] = host.alloca transient
// CHECK:           host.dispatch @relu {{.*}} bindings(%[[S]], %[[T]])
// CHECK-NEXT:      host.dispatch @relu {{.*}} bindings(%[[T]], %[[S]])
// CHECK-NEXT:    }
// CHECK:         return %[[S]]
func.func @static_loop(%x: tensor<4xf32>, %n: tensor<i64> {halcyon.residence = "host"}) -> tensor<4xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %e = tensor.empty() : tensor<4xf32>
  %n64 = tensor.extract %n[] : tensor<i64>
  %t = arith.index_cast %n64 : i64 to index
  %i = dispatch.launch @relu workload [%c4] ins(%x : tensor<4xf32>) outs(%e : tensor<4xf32>) -> (tensor<4xf32>)
  %r = scf.for %k = %c0 to %t step %c1 iter_args(%a = %i) -> tensor<4xf32> {
    %s = dispatch.launch @relu workload [%c4] ins(%a : tensor<4xf32>) outs(%e : tensor<4xf32>) -> (tensor<4xf32>)
    %y = dispatch.launch @relu workload [%c4] ins(%s : tensor<4xf32>) outs(%e : tensor<4xf32>) -> (tensor<4xf32>)
    scf.yield %y : tensor<4xf32>
  }
  return %r : tensor<4xf32>
}

// What the loop still needs is not overwritten: the new value is copied at the end of the iteration.
// CHECK-LABEL: func.func @needed_in_loop(
// CHECK:         %[[S:.+]] = host.alloca external
// CHECK:         host.copy %[[S]]
// CHECK:         scf.for
// CHECK:           host.dispatch @relu {{.*}} bindings(%[[S]], %[[T:.+]]) offsets
// CHECK:           host.copy %[[S]][%{{.+}}] from %[[T]]
func.func @needed_in_loop(%x: tensor<4xf32>, %n: index) -> tensor<4xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %e = tensor.empty() : tensor<4xf32>
  %r = scf.for %k = %c0 to %n step %c1 iter_args(%a = %x) -> tensor<4xf32> {
    %s = dispatch.launch @relu workload [%c4] ins(%a : tensor<4xf32>) outs(%e : tensor<4xf32>) -> (tensor<4xf32>)
    scf.yield %s : tensor<4xf32>
  }
  return %r : tensor<4xf32>
}

// A swap goes through copies of both.
// CHECK-LABEL: func.func @swap(
// CHECK-SAME:    %[[X:[^:]+]]: !host.buffer, %[[Y:[^:]+]]: !host.buffer
// CHECK:         host.copy %[[A:.+]][%{{.+}}] from %[[X]]
// CHECK:         host.copy %[[B:.+]][%{{.+}}] from %[[Y]]
// CHECK:         scf.for
// CHECK:           host.copy %[[SB:.+]][%{{.+}}] from %[[B]]
// CHECK:           host.copy %[[SA:.+]][%{{.+}}] from %[[A]]
// CHECK:           host.copy %[[A]][%{{.+}}] from %[[SB]]
// CHECK:           host.copy %[[B]][%{{.+}}] from %[[SA]]
// CHECK:         return %[[A]], %[[B]]
func.func @swap(%x: tensor<4xf32>, %y: tensor<4xf32>, %n: index) -> (tensor<4xf32>, tensor<4xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %r:2 = scf.for %k = %c0 to %n step %c1 iter_args(%a = %x, %b = %y) -> (tensor<4xf32>, tensor<4xf32>) {
    scf.yield %b, %a : tensor<4xf32>, tensor<4xf32>
  }
  return %r#0, %r#1 : tensor<4xf32>, tensor<4xf32>
}

// A tensor whose shape changes is handed on as a buffer and its sizes; the result is a copy of its own.
// CHECK-LABEL: func.func @changing_shape(
// CHECK-SAME:    %[[X:[^:]+]]: !host.buffer, %[[N:[^:]+]]: i64, %{{[^:]+}}: i64)
// CHECK:         %[[R:.+]]:2 = scf.for {{.*}} iter_args(%[[A:.+]] = %[[X]], %[[D:.+]] = %[[N]]) -> (!host.buffer, i64)
// CHECK:           %[[M:.+]] = arith.addi %[[D]]
// CHECK:           %[[Y:.+]] = host.alloca transient
// CHECK:           host.dispatch @grow {{.*}} bindings(%[[A]], %[[Y]])
// CHECK:           scf.yield %[[Y]], %[[M]] : !host.buffer, i64
// CHECK:         %[[Z:.+]] = host.alloca external
// CHECK:         host.copy %[[Z]][%{{.+}}] from %[[R]]#0
// CHECK:         return %[[Z]], %[[R]]#1
func.func @changing_shape(%x: tensor<?xf32>, %n: index) -> tensor<?xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %r = scf.for %k = %c0 to %n step %c1 iter_args(%a = %x) -> (tensor<?xf32>) {
    %d = tensor.dim %a, %c0 : tensor<?xf32>
    %d1 = arith.addi %d, %c1 : index
    %e = tensor.empty(%d1) : tensor<?xf32>
    %y = dispatch.launch @grow workload [%d1] parameters(%d, %d1 : index, index) ins(%a : tensor<?xf32>) outs(%e : tensor<?xf32>) -> (tensor<?xf32>)
    scf.yield %y : tensor<?xf32>
  }
  return %r : tensor<?xf32>
}

// Both branches write the result's memory.
// CHECK-LABEL: func.func @branches(
// CHECK-SAME:    %[[X:[^:]+]]: !host.buffer, %[[C:[^:]+]]: !host.buffer)
// CHECK:         %[[P:.+]] = host.read %[[C]][%{{.+}}] : i1
// CHECK:         %[[R:.+]] = host.alloca external
// CHECK:         scf.if %[[P]] {
// CHECK:           host.dispatch @relu {{.*}} bindings(%[[X]], %[[R]])
// CHECK:         } else {
// CHECK:           host.copy %[[R]][%{{.+}}] from %[[X]]
// CHECK:         }
// CHECK:         host.dispatch @accumulate {{.*}} bindings(%[[X]], %[[R]])
// CHECK:         return %[[R]]
func.func @branches(%x: tensor<4xf32>, %c: tensor<i1>) -> tensor<4xf32> {
  %c4 = arith.constant 4 : index
  %e = tensor.empty() : tensor<4xf32>
  %p = tensor.extract %c[] : tensor<i1>
  %r = scf.if %p -> tensor<4xf32> {
    %s = dispatch.launch @relu workload [%c4] ins(%x : tensor<4xf32>) outs(%e : tensor<4xf32>) -> (tensor<4xf32>)
    scf.yield %s : tensor<4xf32>
  } else {
    scf.yield %x : tensor<4xf32>
  }
  %y = dispatch.launch @accumulate workload [%c4] ins(%x : tensor<4xf32>) outs(%r : tensor<4xf32>) -> (tensor<4xf32>)
  return %y : tensor<4xf32>
}

// A result of changing shape may lie in either branch's memory, so what it may lie in is not overwritten.
// CHECK-LABEL: func.func @either_branch(
// CHECK:         %[[A:.+]] = host.alloca transient
// CHECK:         host.dispatch @grow {{.*}} bindings(%{{.+}}, %[[A]])
// CHECK:         %[[R:.+]] = scf.if %{{.+}} -> (!host.buffer)
// CHECK:           scf.yield %{{.+}} : !host.buffer
// CHECK:           scf.yield %[[A]] : !host.buffer
// CHECK:         host.copy %[[B:.+]][%{{.+}}] from %[[A]]
// CHECK:         host.dispatch @grow {{.*}} bindings(%[[R]], %[[B]])
func.func @either_branch(%x: tensor<?xf32>, %p: i1) -> tensor<?xf32> {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?xf32>
  %m = arith.addi %n, %n : index
  %e = tensor.empty(%n) : tensor<?xf32>
  %a = dispatch.launch @grow workload [%n] parameters(%n, %n : index, index) ins(%x : tensor<?xf32>) outs(%e : tensor<?xf32>) -> (tensor<?xf32>)
  %r = scf.if %p -> tensor<?xf32> {
    %e2 = tensor.empty(%m) : tensor<?xf32>
    %s = dispatch.launch @grow workload [%m] parameters(%n, %m : index, index) ins(%x : tensor<?xf32>) outs(%e2 : tensor<?xf32>) -> (tensor<?xf32>)
    scf.yield %s : tensor<?xf32>
  } else {
    scf.yield %a : tensor<?xf32>
  }
  %k = tensor.dim %r, %c0 : tensor<?xf32>
  %y = dispatch.launch @grow workload [%n] parameters(%k, %n : index, index) ins(%r : tensor<?xf32>) outs(%a : tensor<?xf32>) -> (tensor<?xf32>)
  return %y : tensor<?xf32>
}

// The condition's tensors and the body's share one slot.
// CHECK-LABEL: func.func @while(
// CHECK:         %[[S:.+]] = host.alloca external
// CHECK:         host.copy %[[S]]
// CHECK:         scf.while (%[[I:.+]] = %{{.+}}) : (i64) -> i64 {
// CHECK:           scf.condition
// CHECK:         } do {
// CHECK:           host.dispatch @accumulate {{.*}} bindings(%{{.+}}, %[[S]])
// CHECK-NOT:       host.copy
// CHECK:           scf.yield
// CHECK:         }
// CHECK:         return %[[S]]
func.func @while(%x: tensor<4xf32>, %n: i64) -> tensor<4xf32> {
  %c4 = arith.constant 4 : index
  %c0 = arith.constant 0 : i64
  %c1 = arith.constant 1 : i64
  %r:2 = scf.while (%a = %x, %i = %c0) : (tensor<4xf32>, i64) -> (tensor<4xf32>, i64) {
    %p = arith.cmpi slt, %i, %n : i64
    scf.condition(%p) %a, %i : tensor<4xf32>, i64
  } do {
  ^bb0(%a: tensor<4xf32>, %i: i64):
    %s = dispatch.launch @accumulate workload [%c4] ins(%x : tensor<4xf32>) outs(%a : tensor<4xf32>) -> (tensor<4xf32>)
    %i1 = arith.addi %i, %c1 : i64
    scf.yield %s, %i1 : tensor<4xf32>, i64
  }
  return %r#0 : tensor<4xf32>
}

// A choice between whole tensors is a choice between buffers.
// CHECK-LABEL: func.func @select(
// CHECK-SAME:    %[[X:[^:]+]]: !host.buffer, %[[Y:[^:]+]]: !host.buffer, %[[P:[^:]+]]: i1)
// CHECK:         %[[S:.+]] = arith.select %[[P]], %[[X]], %[[Y]] : !host.buffer
// CHECK:         host.copy %[[R:.+]][%{{.+}}] from %[[S]]
// CHECK:         return %[[R]]
func.func @select(%x: tensor<4xf32>, %y: tensor<4xf32>, %p: i1) -> tensor<4xf32> {
  %r = arith.select %p, %x, %y : tensor<4xf32>
  return %r : tensor<4xf32>
}

dispatch.executable @relu_dyn inputs 1 workload_rank 1 dims [[0], [0]] {
^bb0(%x: tensor<?xf32>, %out: tensor<?xf32>, %n: index):
  dispatch.return %out : tensor<?xf32>
}
dispatch.executable @row_dyn inputs 1 workload_rank 1 dims [[0], [1, 0]] {
^bb0(%x: tensor<?xf32>, %out: tensor<?x?xf32>, %n: index, %t: index, %k: index):
  dispatch.return %out : tensor<?x?xf32>
}

// One whose sizes are known outside of the loop is a slot, too: a state, and the rows that it goes into.
// CHECK-LABEL: func.func @same_sizes(
// CHECK-SAME:    %{{[^:]+}}: !host.buffer, %[[N:[^:]+]]: i64, %[[T:[^:]+]]: i64) ->
// CHECK:         %[[S:.+]] = host.alloca external
// CHECK:         host.dispatch @relu_dyn {{.*}} bindings(%{{.+}}, %[[S]])
// CHECK:         %[[ROWS:.+]] = host.alloca external
// CHECK:         scf.for
// CHECK-NOT:       iter_args
// CHECK-NEXT:      %[[A:.+]] = host.alloca transient
// CHECK-NEXT:      host.dispatch @relu_dyn {{.*}} bindings(%[[S]], %[[A]])
// CHECK-NEXT:      host.dispatch @relu_dyn {{.*}} bindings(%[[A]], %[[S]])
// CHECK-NEXT:      host.dispatch @row_dyn {{.*}} bindings(%[[S]], %[[ROWS]])
// CHECK-NEXT:    }
// CHECK:         return %[[S]], %[[N]], %[[ROWS]], %[[T]], %[[N]]
func.func @same_sizes(%x: tensor<?xf32>, %t: index) -> (tensor<?xf32>, tensor<?x?xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = tensor.dim %x, %c0 : tensor<?xf32>
  %e = tensor.empty(%n) : tensor<?xf32>
  %rows = tensor.empty(%t, %n) : tensor<?x?xf32>
  %s = dispatch.launch @relu_dyn workload [%n] parameters(%n : index) ins(%x : tensor<?xf32>) outs(%e : tensor<?xf32>) -> (tensor<?xf32>)
  %r:2 = scf.for %k = %c0 to %t step %c1 iter_args(%h = %s, %all = %rows) -> (tensor<?xf32>, tensor<?x?xf32>) {
    %f = tensor.empty(%n) : tensor<?xf32>
    %a = dispatch.launch @relu_dyn workload [%n] parameters(%n : index) ins(%h : tensor<?xf32>) outs(%f : tensor<?xf32>) -> (tensor<?xf32>)
    %b = dispatch.launch @relu_dyn workload [%n] parameters(%n : index) ins(%a : tensor<?xf32>) outs(%f : tensor<?xf32>) -> (tensor<?xf32>)
    %i = dispatch.launch @row_dyn workload [%n] parameters(%n, %t, %k : index, index, index) ins(%b : tensor<?xf32>) outs(%all : tensor<?x?xf32>) -> (tensor<?x?xf32>)
    scf.yield %b, %i : tensor<?xf32>, tensor<?x?xf32>
  }
  return %r#0, %r#1 : tensor<?xf32>, tensor<?x?xf32>
}
