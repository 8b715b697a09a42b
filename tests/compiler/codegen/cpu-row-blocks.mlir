// RUN: halcyon-opt %s --pass-pipeline='builtin.module(func.func(halcyon-cpu-row-blocks{vector-bytes=32}),canonicalize,cse)' | FileCheck %s

#row = affine_map<(r) -> (r)>
#none = affine_map<(r) -> ()>
#all = affine_map<(r, c) -> (r, c)>
#rows = affine_map<(r, c) -> (r)>

// Three walks along two rows at once: the maximum, then exp with its sum, then the quotient. One value a row stays in
// registers; exp(x) goes through the destination.
// CHECK-LABEL: func.func @softmax(
// CHECK-SAME: %[[X:[^:]+]]: memref<6x40xf32>, %[[OUT:[^:]+]]: memref<6x40xf32>
// CHECK-SAME: halcyon.specialised
// CHECK-NOT: memref.store
// CHECK: scf.for %{{.+}} = %c0 to %c6 step %c2
// CHECK: scf.for {{.*}} -> (vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>)
// CHECK-COUNT-4: vector.load %[[X]]
// CHECK: arith.maximumf {{.*}} fastmath<nsz> : vector<8xf32>
// CHECK: vector.shuffle
// CHECK: scf.for {{.*}} -> (vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>)
// CHECK: math.exp
// CHECK: vector.store %{{.+}}, %[[OUT]]
// CHECK: arith.addf {{.*}} fastmath<reassoc,contract> : vector<8xf32>
// CHECK: scf.yield
// CHECK: arith.divf
// CHECK-NOT: linalg
func.func @softmax(%x: memref<6x40xf32>, %out: memref<6x40xf32>) {
  %low = arith.constant 0xFF800000 : f32
  %zero = arith.constant 0.0 : f32
  %t = memref.alloc() : memref<6xf32>
  linalg.generic {indexing_maps = [#none, #row], iterator_types = ["parallel"]} ins(%low : f32) outs(%t : memref<6xf32>) {
  ^bb0(%a: f32, %o: f32):
    linalg.yield %a : f32
  }
  linalg.generic {indexing_maps = [#all, #rows], iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<6x40xf32>) outs(%t : memref<6xf32>) {
  ^bb0(%a: f32, %o: f32):
    %m = arith.maximumf %o, %a : f32
    linalg.yield %m : f32
  }
  linalg.generic {indexing_maps = [#all, #rows, #all], iterator_types = ["parallel", "parallel"]}
      ins(%x, %t : memref<6x40xf32>, memref<6xf32>) outs(%out : memref<6x40xf32>) {
  ^bb0(%a: f32, %m: f32, %o: f32):
    %d = arith.subf %a, %m : f32
    %e = math.exp %d : f32
    linalg.yield %e : f32
  }
  linalg.generic {indexing_maps = [#none, #row], iterator_types = ["parallel"]} ins(%zero : f32) outs(%t : memref<6xf32>) {
  ^bb0(%a: f32, %o: f32):
    linalg.yield %a : f32
  }
  linalg.generic {indexing_maps = [#all, #rows], iterator_types = ["parallel", "reduction"]}
      ins(%out : memref<6x40xf32>) outs(%t : memref<6xf32>) {
  ^bb0(%a: f32, %o: f32):
    %s = arith.addf %o, %a : f32
    linalg.yield %s : f32
  }
  linalg.generic {indexing_maps = [#rows, #all], iterator_types = ["parallel", "parallel"]}
      ins(%t : memref<6xf32>) outs(%out : memref<6x40xf32>) {
  ^bb0(%s: f32, %o: f32):
    %q = arith.divf %o, %s : f32
    linalg.yield %q : f32
  }
  return
}

// Of many rows, or a number that is not known, those left over are done one by one.
// CHECK-LABEL: func.func @left(
// CHECK: %[[LEFT:.+]] = arith.remui %[[ROWS:.+]], %c4
// CHECK: %[[MANY:.+]] = arith.subi %[[ROWS]], %[[LEFT]]
// CHECK: scf.for %{{.+}} = %c0 to %[[MANY]] step %c4
// CHECK: scf.for %{{.+}} = %[[MANY]] to %[[ROWS]] step %c1
func.func @left(%x: memref<?x40xf32>, %out: memref<?xf32>) {
  linalg.generic {indexing_maps = [#all, #rows], iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<?x40xf32>) outs(%out : memref<?xf32>) {
  ^bb0(%a: f32, %o: f32):
    %s = arith.addf %o, %a : f32
    linalg.yield %s : f32
  }
  return
}

// A row that is left over is summed in the same order as the others: two sums of a vector each.
// CHECK-LABEL: func.func @left_wide(
// CHECK: scf.for %{{.+}} = %c0 to %c16 step %c4
// CHECK: scf.for {{.*}} -> (vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>) {
// CHECK: scf.for {{.*}} -> (vector<8xf32>, vector<8xf32>) {
func.func @left_wide(%x: memref<17x64xf32>, %out: memref<17xf32>) {
  linalg.generic {indexing_maps = [#all, #rows], iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<17x64xf32>) outs(%out : memref<17xf32>) {
  ^bb0(%a: f32, %o: f32):
    %s = arith.addf %o, %a : f32
    linalg.yield %s : f32
  }
  return
}

// What is left of a row is masked: lanes outside keep the sum.
// CHECK-LABEL: func.func @tail(
// CHECK: vector.maskedload
// CHECK: arith.select
// CHECK: memref.store %{{.+}}, %{{.+}}[%{{.+}}] : memref<5xf32>
func.func @tail(%x: memref<5x37xf32>, %out: memref<5xf32>) {
  linalg.generic {indexing_maps = [#all, #rows], iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<5x37xf32>) outs(%out : memref<5xf32>) {
  ^bb0(%a: f32, %o: f32):
    %s = arith.addf %o, %a : f32
    linalg.yield %s : f32
  }
  return
}

// Columns are not adjacent; the fold is no operation of two elements: loops.
// CHECK-LABEL: func.func @not_rows(
// CHECK-COUNT-2: linalg.generic
func.func @not_rows(%x: memref<37x5xf32>, %y: memref<5x37xf32>, %out: memref<5xf32>) {
  linalg.generic {indexing_maps = [affine_map<(r, c) -> (c, r)>, #rows], iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<37x5xf32>) outs(%out : memref<5xf32>) {
  ^bb0(%a: f32, %o: f32):
    %s = arith.addf %o, %a : f32
    linalg.yield %s : f32
  }
  linalg.generic {indexing_maps = [#all, #rows], iterator_types = ["parallel", "reduction"]}
      ins(%y : memref<5x37xf32>) outs(%out : memref<5xf32>) {
  ^bb0(%a: f32, %o: f32):
    %s = arith.addf %o, %a : f32
    %e = math.exp %s : f32
    linalg.yield %e : f32
  }
  return
}

// The last op reads other rows than its own: it stays behind the group.
// CHECK-LABEL: func.func @other_rows(
// CHECK: memref.store
// CHECK: linalg.generic
func.func @other_rows(%x: memref<8x8xf32>, %sum: memref<8xf32>, %out: memref<8x8xf32>) {
  linalg.generic {indexing_maps = [#all, #rows], iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<8x8xf32>) outs(%sum : memref<8xf32>) {
  ^bb0(%a: f32, %o: f32):
    %s = arith.addf %o, %a : f32
    linalg.yield %s : f32
  }
  linalg.generic {indexing_maps = [affine_map<(r, c) -> (c)>, #all], iterator_types = ["parallel", "parallel"]}
      ins(%sum : memref<8xf32>) outs(%out : memref<8x8xf32>) {
  ^bb0(%a: f32, %o: f32):
    linalg.yield %a : f32
  }
  return
}
