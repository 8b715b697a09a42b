// RUN: halcyon-opt %s -halcyon-schedule-buffers -canonicalize -cse -split-input-file | FileCheck %s

// An insertion makes a new list: entries before, buffer and eight dimensions, entries after.
// CHECK-LABEL: func.func @insert
// CHECK-SAME:    (%[[X:.+]]: !host.buffer, %[[N:.+]]: i64)
// CHECK:         %[[EMPTY:.+]] = host.list_create
// CHECK:         %[[COPY:.+]] = host.alloca transient
// CHECK:         host.copy %[[COPY]]
// CHECK:         %[[MADE:.+]] = host.list_create
// CHECK:         host.list_append %[[MADE]], %[[EMPTY]]
// CHECK:         host.list_push %[[MADE]], %[[COPY]] : !host.buffer
// CHECK-COUNT-8: host.list_push %[[MADE]], %{{.+}} : i64
// CHECK-NOT:     host.list_push
// CHECK:         %[[END:.+]] = host.list_size %[[EMPTY]]
// CHECK:         host.list_append %[[MADE]], %[[EMPTY]][%{{.+}} to %[[END]]]
// CHECK:         %[[AT:.+]] = host.list_at %[[MADE]][%{{.+}}] : i64, !host.buffer
func.func @insert(%x: tensor<?xf32>) -> tensor<?xf32> {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?xf32>
  %empty = host.list_empty
  %list = host.list_insert %empty[%c0], %x dims (%n) : tensor<?xf32>
  %extent = host.list_dim %list[%c0] dimension 0
  %y = host.list_get %list[%c0] sizes (%extent) : tensor<?xf32>
  return %y : tensor<?xf32>
}

// -----

dispatch.executable @relu inputs 1 workload_rank 1 dims [[], []] {
^bb0(%x: tensor<4xf32>, %out: tensor<4xf32>):
  dispatch.return %out : tensor<4xf32>
}

// A loop that appends to a list which nobody else has grows it in place; what a kernel made is not copied into it.
// CHECK-LABEL: func.func @loop
// CHECK:         %[[LIST:.+]] = host.list_create
// CHECK-NOT:     host.list_create
// CHECK:         scf.for
// CHECK:           %[[Y:.+]] = host.alloca transient
// CHECK:           host.dispatch @relu
// CHECK-NOT:       host.copy
// CHECK:           host.list_push %[[LIST]], %[[Y]] : !host.buffer
// CHECK-NOT:     host.list_append
// CHECK:         return
func.func @loop(%n: index, %x: tensor<4xf32>) -> tensor<4xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %empty = host.list_empty
  %list = scf.for %i = %c0 to %n step %c1 iter_args(%l = %empty) -> (!host.list) {
    %out = tensor.empty() : tensor<4xf32>
    %y = dispatch.launch @relu workload [%c4] ins(%x : tensor<4xf32>) outs(%out : tensor<4xf32>) -> (tensor<4xf32>)
    %end = host.list_length %l
    %next = host.list_insert %l[%end], %y dims (%c4) : tensor<4xf32>
    scf.yield %next : !host.list
  }
  %first = host.list_get %list[%c0] sizes () : tensor<4xf32>
  return %first : tensor<4xf32>
}

// The list as it was before is asked for afterwards: it stays as it was.
// CHECK-LABEL: func.func @needed
// CHECK:         host.list_create
// CHECK:         scf.for
// CHECK:           %[[MADE:.+]] = host.list_create
// CHECK:           host.list_append %[[MADE]]
// CHECK:           host.list_append %[[MADE]]
func.func @needed(%n: index, %x: tensor<4xf32>) -> (tensor<4xf32>, tensor<index>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %empty = host.list_empty
  %list, %before = scf.for %i = %c0 to %n step %c1 iter_args(%l = %empty, %m = %c0) -> (!host.list, index) {
    %end = host.list_length %l
    %next = host.list_insert %l[%end], %x dims (%c4) : tensor<4xf32>
    %old = host.list_dim %l[%c0] dimension 0
    scf.yield %next, %old : !host.list, index
  }
  %first = host.list_get %list[%c0] sizes () : tensor<4xf32>
  %number = tensor.from_elements %before : tensor<index>
  return %first, %number : tensor<4xf32>, tensor<index>
}

// The start is another loop's too: each begins without entries.
// CHECK-LABEL: func.func @nested
// CHECK:         scf.for
// CHECK:           scf.for
// CHECK:             %[[MADE:.+]] = host.list_create
// CHECK:             host.list_append %[[MADE]]
func.func @nested(%n: index, %x: tensor<4xf32>) -> tensor<index> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %empty = host.list_empty
  %sum = scf.for %i = %c0 to %n step %c1 iter_args(%m = %c0) -> (index) {
    %list = scf.for %j = %c0 to %i step %c1 iter_args(%l = %empty) -> (!host.list) {
      %end = host.list_length %l
      %next = host.list_insert %l[%end], %x dims (%c4) : tensor<4xf32>
      scf.yield %next : !host.list
    }
    %length = host.list_length %list
    %more = arith.addi %m, %length : index
    scf.yield %more : index
  }
  %number = tensor.from_elements %sum : tensor<index>
  return %number : tensor<index>
}
