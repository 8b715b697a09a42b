// RUN: halcyon-opt %s | halcyon-opt | FileCheck %s

// Every operation prints as it is parsed.
// CHECK-LABEL: host.commands @list
// CHECK:       ^bb0(%[[A:.+]]: !host.buffer, %[[B:.+]]: !host.buffer, %[[N:.+]]: i64):
host.commands @list {
^bb0(%a: !host.buffer, %b: !host.buffer, %n: i64):
  // CHECK: %[[C0:.+]] = arith.constant 0 : i64
  %c0 = arith.constant 0 : i64
  // CHECK: host.dispatch @kernel inputs 1 workload[%[[N]], %[[N]]] parameters(%[[N]]) bindings(%[[A]], %[[B]]) offsets(%[[C0]], %[[C0]]) sizes(%[[N]], %[[N]])
  host.dispatch @kernel inputs 1 workload [%n, %n] parameters (%n) bindings (%a, %b) offsets (%c0, %c0) sizes (%n, %n)
  // CHECK: host.barrier
  host.barrier
  // CHECK: host.copy %[[A]][%[[C0]]] from %[[B]][%[[N]]] size %[[N]]
  host.copy %a[%c0] from %b[%n] size %n
  // CHECK: host.fill %[[A]][%[[C0]]] size %[[N]] pattern 7 bytes 4
  host.fill %a[%c0] size %n pattern 7 bytes 4
  // CHECK: host.update %[[A]][%[[C0]]] value %[[N]] bytes 8
  host.update %a[%c0] value %n bytes 8
}

// CHECK-LABEL: func.func @program(
// CHECK-SAME:    %[[B:[^:]+]]: !host.buffer, %[[N:[^:]+]]: i64, %[[P:[^:]+]]: i1)
func.func @program(%b: !host.buffer, %n: i64, %p: i1) -> !host.buffer {
  // CHECK: host.alloca external %[[N]]
  %0 = host.alloca external %n
  // CHECK: %[[T:.+]] = host.alloca transient %[[N]]
  %1 = host.alloca transient %n
  // CHECK: host.alloca staging %[[N]]
  %2 = host.alloca staging %n
  // CHECK: host.constant dense<1.0{{.*}}> : tensor<4xf32>
  %3 = host.constant dense<1.0> : tensor<4xf32>
  // CHECK: host.constant dense<2.0{{.*}}> : tensor<4xf32> {key = "w", scope = "model"}
  %4 = host.constant dense<2.0> : tensor<4xf32> {scope = "model", key = "w"}
  // CHECK: host.variable @state
  %5 = host.variable @state
  // CHECK: host.set_variable @state, %[[B]]
  host.set_variable @state, %b
  // CHECK: host.buffer_size %[[B]]
  %6 = host.buffer_size %b
  // CHECK: %[[V:.+]] = host.read %[[B]][%[[N]]] : f32
  %7 = host.read %b[%n] : f32
  // CHECK: host.write %[[V]], %[[B]][%[[N]]] : f32
  host.write %7, %b[%n] : f32
  // CHECK: host.size_add
  %8 = host.size_add %n, %6
  // CHECK: host.size_sub
  %9 = host.size_sub %8, %n
  // CHECK: host.size_mul
  %10 = host.size_mul %9, %n
  // CHECK: host.size_align
  %11 = host.size_align %10, %n
  // CHECK: host.call @log buffers(%[[B]]) offsets(%[[N]]) dims(%[[N]], %[[N]])
  host.call @log buffers(%b) offsets(%n) dims(%n, %n)
  // CHECK: host.submit @list bindings(%{{.+}}, %[[B]]) parameters(%{{.+}})
  host.submit @list bindings(%0, %b) parameters(%11)
  // CHECK: host.fail unless %[[P]] reason 0
  host.fail unless %p reason 0
  // CHECK: host.dealloca %[[T]]
  host.dealloca %1
  return %0 : !host.buffer
}
ml_program.global private mutable @state : tensor<4xf32>

// Lists of tensors, before they are scheduled.
// CHECK-LABEL: func.func @lists
// CHECK:         %[[L:.+]] = host.list_empty
// CHECK:         %[[M:.+]] = host.list_insert %[[L]][%{{.+}}], %{{.+}} dims(%{{.+}}, %{{.+}}) : tensor<?x3xf32>
// CHECK:         host.list_length %[[M]]
// CHECK:         host.check_position %{{.+}}, %{{.+}} below %{{.+}} : index, index, index
// CHECK:         host.list_dim %[[M]][%{{.+}}] dimension 1
// CHECK:         host.list_get %[[M]][%{{.+}}] sizes(%{{.+}}) : tensor<?x3xf32>
// CHECK:         host.list_erase %[[M]][%{{.+}}]
func.func @lists(%x: tensor<?x3xf32>, %n: index, %at: index) -> (tensor<?x3xf32>, index, !host.list) {
  %c3 = arith.constant 3 : index
  %empty = host.list_empty
  %list = host.list_insert %empty[%at], %x dims (%n, %c3) : tensor<?x3xf32>
  %length = host.list_length %list
  host.check_position %at, %at below %length : index, index, index
  %rows = host.list_dim %list[%at] dimension 1
  %y = host.list_get %list[%at] sizes (%rows) : tensor<?x3xf32>
  %rest = host.list_erase %list[%at]
  return %y, %length, %rest : tensor<?x3xf32>, index, !host.list
}

// Lists, once they are.
// CHECK-LABEL: func.func @growing_lists
// CHECK:         %[[L:.+]] = host.list_create
// CHECK:         host.list_push %[[L]], %{{.+}} : !host.buffer
// CHECK:         host.list_push %[[L]], %{{.+}} : i64
// CHECK:         host.list_append %[[L]], %{{.+}}[%{{.+}} to %{{.+}}] : i64, i64
// CHECK:         host.list_at %[[L]][%{{.+}}] : i64, !host.buffer
// CHECK:         host.list_at %[[L]][%{{.+}}] : i64, i64
// CHECK:         host.list_size %[[L]] : i64
func.func @growing_lists(%b: !host.buffer, %other: !host.list, %n: i64) -> (!host.buffer, i64, i64) {
  %list = host.list_create
  host.list_push %list, %b : !host.buffer
  host.list_push %list, %n : i64
  host.list_append %list, %other[%n to %n] : i64, i64
  %0 = host.list_at %list[%n] : i64, !host.buffer
  %1 = host.list_at %list[%n] : i64, i64
  %2 = host.list_size %list : i64
  return %0, %1, %2 : !host.buffer, i64, i64
}
