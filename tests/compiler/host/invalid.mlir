// RUN: halcyon-opt %s -split-input-file -verify-diagnostics

func.func @offsets(%b: !host.buffer, %n: i64) {
  // expected-error@+1 {{must have an offset and a size for each of its 2 bindings}}
  host.dispatch @k inputs 1 workload [%n] parameters () bindings (%b, %b) offsets (%n) sizes (%n, %n)
  return
}

// -----

func.func @inputs(%b: !host.buffer, %n: i64) {
  // expected-error@+1 {{has more inputs than bindings}}
  host.dispatch @k inputs 2 workload [%n] parameters () bindings (%b) offsets (%n) sizes (%n)
  return
}

// -----

func.func @workload(%b: !host.buffer, %n: i64) {
  // expected-error@+1 {{has more than 3 workload values}}
  host.dispatch @k inputs 1 workload [%n, %n, %n, %n] parameters () bindings (%b) offsets (%n) sizes (%n)
  return
}

// -----

func.func @pattern(%b: !host.buffer, %n: i64) {
  // expected-error@+1 {{pattern must be of 1, 2, 4 or 8 bytes, not 3}}
  host.fill %b[%n] size %n pattern 0 bytes 3
  return
}

// -----

// expected-error@+1 {{bindings must come before parameters}}
host.commands @order {
^bb0(%n: i64, %b: !host.buffer):
}

// -----

host.commands @not_a_command {
^bb0(%n: i64):
  // expected-error@+1 {{is not a command}}
  %0 = arith.addi %n, %n : i64
}

// -----

host.commands @list {
^bb0(%b: !host.buffer):
}
func.func @submit(%b: !host.buffer) {
  // expected-error@+1 {{has 2 bindings, list takes 1}}
  host.submit @list bindings(%b, %b) parameters()
  return
}

// -----

func.func @nothing() {
  // expected-error@+1 {{names no command list: list}}
  host.submit @list bindings() parameters()
  return
}

// -----

func.func @f(%b: !host.buffer) {
  // expected-error @+1 {{must have an offset for each of its 1 buffers}}
  host.call @log buffers(%b) offsets() dims()
  return
}

// -----

func.func @many_dims(%l: !host.list, %x: tensor<f32>, %n: index) {
  // expected-error@+1 {{has 9 dimensions; a list remembers 8}}
  %0 = host.list_insert %l[%n], %x dims (%n, %n, %n, %n, %n, %n, %n, %n, %n) : tensor<f32>
  return
}

// -----

func.func @dimension(%l: !host.list, %n: index) {
  // expected-error@+1 {{is of dimension 8; a list remembers 8}}
  %0 = host.list_dim %l[%n] dimension 8
  return
}

// -----

func.func @sizes(%l: !host.list, %n: index) {
  // expected-error@+1 {{must have a size for each of 2 dynamic dimensions}}
  %0 = host.list_get %l[%n] sizes (%n) : tensor<?x?xf32>
  return
}
