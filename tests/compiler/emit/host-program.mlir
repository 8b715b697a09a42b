// Arithmetic, branches and loops of the host program, run by the runtime's interpreter.
// RUN: halcyonc %s -o %t.hcm --target=cpu:x86_64-linux-gnu
// RUN: halcyon verify %t.hcm
// RUN: halcyon run %t.hcm --device=null --function=collatz --input=i64=27 | FileCheck %s --check-prefix=COLLATZ
// RUN: halcyon run %t.hcm --device=null --function=fibonacci --input=i64=20 | FileCheck %s --check-prefix=FIBONACCI
// RUN: halcyon run %t.hcm --device=null --function=integers --input=2xi64=-250,7 | FileCheck %s --check-prefix=INTEGERS
// RUN: halcyon run %t.hcm --device=null --function=swap --input=2xf32=1,2 --input=2xf32=3,4 --input=i64=3 | FileCheck %s --check-prefix=SWAP
// RUN: halcyon run %t.hcm --device=null --function=choose --input=2xf32=1,2 --input=2xf32=3,4 --input=i1=0 | FileCheck %s --check-prefix=CHOOSE
// RUN: halcyon run %t.hcm --device=null --function=both --input=2xi64=5,6 | FileCheck %s --check-prefix=BOTH

// COLLATZ: result0: 1xi64 = 111
func.func @collatz(%n: tensor<i64>) -> tensor<1xi64> {
  %c0 = arith.constant 0 : i64
  %c1 = arith.constant 1 : i64
  %c2 = arith.constant 2 : i64
  %c3 = arith.constant 3 : i64
  %s = tensor.extract %n[] : tensor<i64>
  %r:2 = scf.while (%x = %s, %k = %c0) : (i64, i64) -> (i64, i64) {
    %p = arith.cmpi ne, %x, %c1 : i64
    scf.condition(%p) %x, %k : i64, i64
  } do {
  ^bb0(%x: i64, %k: i64):
    %m = arith.remsi %x, %c2 : i64
    %odd = arith.cmpi eq, %m, %c1 : i64
    %y = scf.if %odd -> i64 {
      %t = arith.muli %x, %c3 : i64
      %u = arith.addi %t, %c1 : i64
      scf.yield %u : i64
    } else {
      %h = arith.divsi %x, %c2 : i64
      scf.yield %h : i64
    }
    %k1 = arith.addi %k, %c1 : i64
    scf.yield %y, %k1 : i64, i64
  }
  %t = tensor.from_elements %r#1 : tensor<1xi64>
  return %t : tensor<1xi64>
}

// Both loop values are needed for the next ones: they move at once.
// FIBONACCI: result0: 1xi64 = 6765
func.func @fibonacci(%n: tensor<i64>) -> tensor<1xi64> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0 : i64
  %one = arith.constant 1 : i64
  %s = tensor.extract %n[] : tensor<i64>
  %t = arith.index_cast %s : i64 to index
  %r:2 = scf.for %i = %c0 to %t step %c1 iter_args(%a = %zero, %b = %one) -> (i64, i64) {
    %c = arith.addi %a, %b : i64
    scf.yield %b, %c : i64, i64
  }
  %y = tensor.from_elements %r#0 : tensor<1xi64>
  return %y : tensor<1xi64>
}

// INTEGERS: result0: 8xi64 = -35, -5, -36, -35, -250, 6, 6, -1
// INTEGERS: result1: 3xi64 = 36, 49678, 0
func.func @integers(%n: tensor<2xi64>) -> (tensor<8xi64>, tensor<3xi64>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %a = tensor.extract %n[%c0] : tensor<2xi64>
  %b = tensor.extract %n[%c1] : tensor<2xi64>
  %0 = arith.divsi %a, %b : i64
  %1 = arith.remsi %a, %b : i64
  %2 = arith.floordivsi %a, %b : i64
  %3 = arith.ceildivsi %a, %b : i64
  %4 = arith.maxui %a, %b : i64
  %t = arith.trunci %a : i64 to i8
  %5 = arith.extsi %t : i8 to i64
  %6 = arith.extui %t : i8 to i64
  %p = arith.cmpi slt, %a, %b : i64
  %7 = arith.extsi %p : i1 to i64
  %m = arith.muli %t, %t : i8
  %8 = arith.extsi %m : i8 to i64
  %f = arith.sitofp %a : i64 to f32
  %g = arith.sitofp %b : i64 to f32
  %h = arith.divf %f, %g : f32
  %bits = arith.bitcast %h : f32 to i32
  %c16 = arith.constant 16 : i32
  %high = arith.shrui %bits, %c16 : i32
  %9 = arith.extui %high : i32 to i64
  %c3 = arith.constant 3 : i8
  %sh = arith.shrui %t, %c3 : i8
  %10 = arith.extsi %sh : i8 to i64
  %r = tensor.from_elements %0, %1, %2, %3, %4, %5, %6, %7 : tensor<8xi64>
  %s = tensor.from_elements %8, %9, %10 : tensor<3xi64>
  return %r, %s : tensor<8xi64>, tensor<3xi64>
}

// SWAP: result0: 2xf32 = 3, 4
// SWAP: result1: 2xf32 = 1, 2
func.func @swap(%x: tensor<2xf32>, %y: tensor<2xf32>, %n: tensor<i64>) -> (tensor<2xf32>, tensor<2xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %s = tensor.extract %n[] : tensor<i64>
  %t = arith.index_cast %s : i64 to index
  %r:2 = scf.for %i = %c0 to %t step %c1 iter_args(%a = %x, %b = %y) -> (tensor<2xf32>, tensor<2xf32>) {
    scf.yield %b, %a : tensor<2xf32>, tensor<2xf32>
  }
  return %r#0, %r#1 : tensor<2xf32>, tensor<2xf32>
}

// CHOOSE: result0: 2xf32 = 3, 4
func.func @choose(%x: tensor<2xf32>, %y: tensor<2xf32>, %c: tensor<i1>) -> tensor<2xf32> {
  %p = tensor.extract %c[] : tensor<i1>
  %r = scf.if %p -> tensor<2xf32> {
    scf.yield %x : tensor<2xf32>
  } else {
    scf.yield %y : tensor<2xf32>
  }
  return %r : tensor<2xf32>
}

// An argument that is needed as a tensor and as host values.
// BOTH: result0: 2xi64 = 5, 6
// BOTH: result1: 1xi64 = 11
func.func @both(%n: tensor<2xi64>) -> (tensor<2xi64>, tensor<1xi64>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %a = tensor.extract %n[%c0] : tensor<2xi64>
  %b = tensor.extract %n[%c1] : tensor<2xi64>
  %s = arith.addi %a, %b : i64
  %t = tensor.from_elements %s : tensor<1xi64>
  return %n, %t : tensor<2xi64>, tensor<1xi64>
}
