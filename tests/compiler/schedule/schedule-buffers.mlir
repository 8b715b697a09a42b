// RUN: halcyon-opt %s -halcyon-schedule-buffers -cse -split-input-file | FileCheck %s

// Unary and binary kernels that the functions below launch.
dispatch.executable @relu inputs 1 workload_rank 1 dims [[], []] {
^bb0(%x: tensor<4xf32>, %out: tensor<4xf32>):
  dispatch.return %out : tensor<4xf32>
}
dispatch.executable @relu_dyn inputs 1 workload_rank 1 dims [[0], [0]] {
^bb0(%x: tensor<?xf32>, %out: tensor<?xf32>, %n: index):
  dispatch.return %out : tensor<?xf32>
}
dispatch.executable @accumulate inputs 1 workload_rank 1 dims [[], []] {
^bb0(%x: tensor<4xf32>, %out: tensor<4xf32>):
  dispatch.return %out : tensor<4xf32>
}

// A result is an external allocation that its producer writes; what is between is transient.
// CHECK-LABEL: func.func @chain(
// CHECK-SAME:    %[[X:.+]]: !host.buffer) -> !host.buffer
// CHECK-SAME:    halcyon.signature = {arguments = [{dims = [4], name = "x", residence = "device", type = tensor<4xf32>}]
// CHECK-DAG:     %[[N:.+]] = arith.constant 4 : i64
// CHECK-DAG:     %[[BYTES:.+]] = arith.constant 16 : i64
// CHECK:         %[[T:.+]] = host.alloca transient %[[BYTES]]
// CHECK:         host.dispatch @relu inputs 1 workload[%[[N]]] parameters() bindings(%[[X]], %[[T]])
// CHECK:         %[[Y:.+]] = host.alloca external %[[BYTES]]
// CHECK:         host.dispatch @relu inputs 1 workload[%[[N]]] parameters() bindings(%[[T]], %[[Y]])
// CHECK-NOT:     host.copy
// CHECK:         return %[[Y]] : !host.buffer
func.func @chain(%x: tensor<4xf32> {halcyon.name = "x", halcyon.dims = [4]}) -> (tensor<4xf32> {halcyon.name = "y"}) {
  %c4 = arith.constant 4 : index
  %e = tensor.empty() : tensor<4xf32>
  %t = dispatch.launch @relu workload [%c4] ins(%x : tensor<4xf32>) outs(%e : tensor<4xf32>) -> (tensor<4xf32>)
  %y = dispatch.launch @relu workload [%c4] ins(%t : tensor<4xf32>) outs(%e : tensor<4xf32>) -> (tensor<4xf32>)
  return %y : tensor<4xf32>
}

// Dynamic dimensions follow their buffer; sizes are size arithmetic.
// CHECK-LABEL: func.func @dynamic(
// CHECK-SAME:    %[[X:.+]]: !host.buffer, %[[N:.+]]: i64) -> (!host.buffer, i64)
// CHECK:         %[[BYTES:.+]] = host.size_mul %[[N]], %{{.+}}
// CHECK:         %[[Y:.+]] = host.alloca external %[[BYTES]]
// CHECK:         host.dispatch @relu_dyn inputs 1 workload[%[[N]]] parameters(%[[N]]) bindings(%[[X]], %[[Y]]) offsets(%{{.+}}, %{{.+}}) sizes(%[[BYTES]], %[[BYTES]])
// CHECK:         return %[[Y]], %[[N]] : !host.buffer, i64
func.func @dynamic(%x: tensor<?xf32>) -> tensor<?xf32> {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?xf32>
  %e = tensor.empty(%n) : tensor<?xf32>
  %y = dispatch.launch @relu_dyn workload [%n] parameters(%n : index) ins(%x : tensor<?xf32>) outs(%e : tensor<?xf32>) -> (tensor<?xf32>)
  return %y : tensor<?xf32>
}

// Arguments whose dimension has the same name share its value.
// CHECK-LABEL: func.func @symbols(
// CHECK-SAME:    %{{.+}}: !host.buffer, %[[N:.+]]: i64, %{{.+}}: !host.buffer, %{{.+}}: i64)
// CHECK:         host.dispatch @relu_dyn inputs 1 workload[%[[N]]]
func.func @symbols(%x: tensor<?xf32> {halcyon.dims = ["n"]}, %y: tensor<?xf32> {halcyon.dims = ["n"]}) -> tensor<?xf32> {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %y, %c0 : tensor<?xf32>
  %e = tensor.empty(%n) : tensor<?xf32>
  %z = dispatch.launch @relu_dyn workload [%n] parameters(%n : index) ins(%y : tensor<?xf32>) outs(%e : tensor<?xf32>) -> (tensor<?xf32>)
  return %z : tensor<?xf32>
}

// An argument is copied before it is updated, and before it is a result.
// CHECK-LABEL: func.func @copy_on_write(
// CHECK-SAME:    %[[X:[^:]+]]: !host.buffer, %[[Y:[^:]+]]: !host.buffer)
// CHECK:         %[[Z:.+]] = host.alloca external
// CHECK:         host.copy %[[Z]][%{{.+}}] from %[[Y]]
// CHECK:         host.dispatch @accumulate {{.*}} bindings(%[[X]], %[[Z]])
// CHECK:         %[[R:.+]] = host.alloca external
// CHECK:         host.copy %[[R]][%{{.+}}] from %[[X]]
// CHECK:         return %[[Z]], %[[R]]
func.func @copy_on_write(%x: tensor<4xf32>, %y: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %c4 = arith.constant 4 : index
  %z = dispatch.launch @accumulate workload [%c4] ins(%x : tensor<4xf32>) outs(%y : tensor<4xf32>) -> (tensor<4xf32>)
  return %z, %x : tensor<4xf32>, tensor<4xf32>
}

// What is owned and not read later is updated in place; what is read later is not.
// CHECK-LABEL: func.func @in_place(
// CHECK:         %[[A:.+]] = host.alloca transient
// CHECK:         host.dispatch @relu {{.*}} bindings(%{{.+}}, %[[A]])
// CHECK:         %[[B:.+]] = host.alloca external
// CHECK:         host.copy %[[B]][%{{.+}}] from %[[A]]
// CHECK:         host.dispatch @accumulate {{.*}} bindings(%{{.+}}, %[[B]])
// CHECK:         host.dispatch @accumulate {{.*}} bindings(%[[A]], %[[B]])
// CHECK:         return %[[B]]
func.func @in_place(%x: tensor<4xf32>) -> tensor<4xf32> {
  %c4 = arith.constant 4 : index
  %e = tensor.empty() : tensor<4xf32>
  %a = dispatch.launch @relu workload [%c4] ins(%x : tensor<4xf32>) outs(%e : tensor<4xf32>) -> (tensor<4xf32>)
  %b = dispatch.launch @accumulate workload [%c4] ins(%x : tensor<4xf32>) outs(%a : tensor<4xf32>) -> (tensor<4xf32>)
  %c = dispatch.launch @accumulate workload [%c4] ins(%a : tensor<4xf32>) outs(%b : tensor<4xf32>) -> (tensor<4xf32>)
  return %c : tensor<4xf32>
}

// Reshapes are free; the same value twice is two results.
// CHECK-LABEL: func.func @views(
// CHECK:         %[[Y:.+]] = host.alloca external
// CHECK:         host.dispatch @relu
// CHECK:         %[[Z:.+]] = host.alloca external
// CHECK:         host.copy %[[Z]][%{{.+}}] from %[[Y]]
// CHECK:         return %[[Y]], %[[Z]]
func.func @views(%x: tensor<4xf32>) -> (tensor<2x2xf32>, tensor<4xf32>) {
  %c4 = arith.constant 4 : index
  %e = tensor.empty() : tensor<4xf32>
  %y = dispatch.launch @relu workload [%c4] ins(%x : tensor<4xf32>) outs(%e : tensor<4xf32>) -> (tensor<4xf32>)
  %v = tensor.expand_shape %y [[0, 1]] output_shape [2, 2] : tensor<4xf32> into tensor<2x2xf32>
  return %v, %y : tensor<2x2xf32>, tensor<4xf32>
}

// A host argument is its elements; a read stops for the device.
// CHECK-LABEL: func.func @host_values(
// CHECK-SAME:    %[[A:[^:]+]]: i64, %[[B:[^:]+]]: i64, %[[X:[^:]+]]: !host.buffer)
// CHECK:         %[[R:.+]] = host.read %[[X]][%{{.+}}] : i64
// CHECK:         %[[S:.+]] = arith.addi %[[B]], %[[R]]
// CHECK:         host.update %{{.+}}[%{{.+}}] value %[[S]] bytes 8
func.func @host_values(%n: tensor<2xi64> {halcyon.residence = "host"}, %x: tensor<4xi64>) -> tensor<1xi64> {
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %a = tensor.extract %n[%c1] : tensor<2xi64>
  %b = tensor.extract %x[%c2] : tensor<4xi64>
  %s = arith.addi %a, %b : i64
  %t = tensor.from_elements %s : tensor<1xi64>
  return %t : tensor<1xi64>
}

// Calls are inlined; only public functions are left.
// CHECK-LABEL: func.func @caller(
// CHECK:         host.dispatch @relu
// CHECK-NOT:     call
// CHECK-NOT:     @callee
func.func private @callee(%x: tensor<4xf32>) -> tensor<4xf32> {
  %c4 = arith.constant 4 : index
  %e = tensor.empty() : tensor<4xf32>
  %y = dispatch.launch @relu workload [%c4] ins(%x : tensor<4xf32>) outs(%e : tensor<4xf32>) -> (tensor<4xf32>)
  return %y : tensor<4xf32>
}
func.func @caller(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = func.call @callee(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// The bytes of a packed tensor are the same memory; a result has as many as it needs.
dispatch.executable @bytes inputs 1 workload_rank 1 dims [[0], [0]] {
^bb0(%x: tensor<?xi8>, %out: tensor<?xi8>, %n: index):
  dispatch.return %out : tensor<?xi8>
}
// CHECK-LABEL: func.func @packed(
// CHECK-SAME:    %[[X:[^:]+]]: !host.buffer, %{{.+}}: i64)
// CHECK-SAME:    type = tensor<?x3xi4>
// CHECK:         %[[N:.+]] = arith.divsi
// CHECK:         %[[Y:.+]] = host.alloca external %[[N]]
// CHECK:         host.dispatch @bytes {{.*}} bindings(%[[X]], %[[Y]])
// CHECK-NOT:     host.copy
// CHECK:         return %[[Y]]
func.func @packed(%x: tensor<?x3xi4> {halcyon.type = "i4"}) -> (tensor<?x3xi4> {halcyon.type = "i4"}) {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %c3 = arith.constant 3 : index
  %c1 = arith.constant 1 : index
  %rows = tensor.dim %x, %c0 : tensor<?x3xi4>
  %count = arith.muli %rows, %c3 : index
  %more = arith.addi %count, %c1 : index
  %size = arith.divsi %more, %c2 : index
  %bytes = nn.reinterpret %x[%size] : tensor<?x3xi4> to tensor<?xi8>
  %e = tensor.empty(%size) : tensor<?xi8>
  %made = dispatch.launch @bytes workload [%size] parameters(%size : index) ins(%bytes : tensor<?xi8>) outs(%e : tensor<?xi8>) -> (tensor<?xi8>)
  %y = nn.reinterpret %made[%rows] : tensor<?xi8> to tensor<?x3xi4>
  return %y : tensor<?x3xi4>
}
