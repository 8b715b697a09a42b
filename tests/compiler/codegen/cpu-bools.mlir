// RUN: halcyon-opt %s --split-input-file --pass-pipeline='builtin.module(func.func(halcyon-cpu-bools))' | FileCheck %s

// A comparison is widened to the byte that memory holds.
// CHECK-LABEL: func.func @compare(
// CHECK-SAME: memref<?xf32>, %{{.+}}: memref<?xi8>)
func.func @compare(%x: memref<?xf32>, %y: memref<?xi1>) {
  // CHECK: ^bb0(%[[X:.+]]: f32, %{{.+}}: i8):
  // CHECK: %[[C:.+]] = arith.cmpf olt, %[[X]]
  // CHECK: %[[B:.+]] = arith.extui %[[C]] : i1 to i8
  // CHECK: linalg.yield %[[B]] : i8
  linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]}
      ins(%x : memref<?xf32>) outs(%y : memref<?xi1>) {
  ^bb0(%in: f32, %out: i1):
    %zero = arith.constant 0.0 : f32
    %c = arith.cmpf olt, %in, %zero : f32
    linalg.yield %c : i1
  }
  return
}

// -----

// What chooses is tested, what is only moved is not.
// CHECK-LABEL: func.func @choose(
func.func @choose(%c: memref<4xi1>, %x: memref<4xf32>, %y: memref<4xf32>, %copy: memref<4xi1>) {
  // CHECK: ^bb0(%[[C:.+]]: i8, %[[X:.+]]: f32, %[[Y:.+]]: f32):
  // CHECK: %[[T:.+]] = arith.cmpi ne, %[[C]], %{{.+}} : i8
  // CHECK: arith.select %[[T]], %[[X]], %[[Y]] : f32
  linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>],
                  iterator_types = ["parallel"]} ins(%c, %x : memref<4xi1>, memref<4xf32>) outs(%y : memref<4xf32>) {
  ^bb0(%in: i1, %a: f32, %out: f32):
    %s = arith.select %in, %a, %out : f32
    linalg.yield %s : f32
  }
  // CHECK: ^bb0(%[[IN:.+]]: i8, %{{.+}}: i8):
  // CHECK: linalg.yield %[[IN]] : i8
  linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]}
      ins(%c : memref<4xi1>) outs(%copy : memref<4xi1>) {
  ^bb0(%in: i1, %out: i1):
    linalg.yield %in : i1
  }
  return
}

// -----

// A reduction by `or` stays one, on bytes.
// CHECK-LABEL: func.func @any(
func.func @any(%x: memref<3x5xi1>, %y: memref<3xi1>) {
  %false = arith.constant false
  // CHECK: %[[F:.+]] = arith.extui %false : i1 to i8
  // CHECK: linalg.fill ins(%[[F]] : i8) outs(%{{.+}} : memref<3xi8>)
  linalg.fill ins(%false : i1) outs(%y : memref<3xi1>)
  // CHECK: ^bb0(%[[IN:.+]]: i8, %[[OUT:.+]]: i8):
  // CHECK: %[[O:.+]] = arith.ori %[[OUT]], %[[IN]] : i8
  // CHECK: linalg.yield %[[O]] : i8
  linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>],
                  iterator_types = ["parallel", "reduction"]} ins(%x : memref<3x5xi1>) outs(%y : memref<3xi1>) {
  ^bb0(%in: i1, %out: i1):
    %o = arith.ori %out, %in : i1
    linalg.yield %o : i1
  }
  return
}

// -----

// Single elements, and views.
// CHECK-LABEL: func.func @single(
func.func @single(%x: memref<3x5xi1>, %i: index) -> i1 {
  // CHECK: memref.subview %{{.+}} : memref<3x5xi8> to memref<1x5xi8, strided<[5, 1], offset: ?>>
  %row = memref.subview %x[%i, 0] [1, 5] [1, 1] : memref<3x5xi1> to memref<1x5xi1, strided<[5, 1], offset: ?>>
  %zero = arith.constant 0 : index
  // CHECK: %[[B:.+]] = memref.load
  // CHECK: %[[T:.+]] = arith.cmpi ne, %[[B]]
  %v = memref.load %row[%zero, %zero] : memref<1x5xi1, strided<[5, 1], offset: ?>>
  // CHECK: %[[W:.+]] = arith.extui %[[T]]
  // CHECK: memref.store %[[W]]
  memref.store %v, %x[%zero, %zero] : memref<3x5xi1>
  // CHECK: return %[[T]]
  return %v : i1
}

// -----

// An op that the pass does not know keeps its memory, and with it all of the function.
// CHECK-LABEL: func.func @unknown(
// CHECK-SAME: memref<4xi1>
func.func @unknown(%x: memref<4xi1>) -> index {
  %p = memref.extract_aligned_pointer_as_index %x : memref<4xi1> -> index
  return %p : index
}
