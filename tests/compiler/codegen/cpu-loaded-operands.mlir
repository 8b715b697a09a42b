// RUN: halcyon-opt %s --pass-pipeline='builtin.module(func.func(halcyon-cpu-loaded-operands))' | FileCheck %s

#id = affine_map<(i, j) -> (i, j)>

// A gate of a recurrent layer at one time: the step is the same for all elements, the column has an offset.
// CHECK-DAG: #[[ID:.+]] = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-DAG: #[[COLUMN:.+]] = affine_map<(d0, d1) -> (d1)>
// CHECK-LABEL: func.func @gate(
// CHECK-SAME: %[[X:[^:]+]]: memref<5x2x12xf32>, %[[B:[^:]+]]: memref<12xf32>, %[[T:[^:]+]]: index, %[[Y:[^:]+]]: memref<2x4xf32>)
// CHECK: %[[AT:.+]] = memref.subview %[[X]][%[[T]], 0, 4] [1, 2, 4] [1, 1, 1] : memref<5x2x12xf32> to memref<2x4xf32
// CHECK: %[[BIAS:.+]] = memref.subview %[[B]][4] [4] [1]
// CHECK: linalg.generic {indexing_maps = [#[[ID]], #[[COLUMN]], #[[ID]]]
// CHECK-SAME: ins(%[[AT]], %[[BIAS]]
// CHECK-NEXT: ^bb0(%[[P:.+]]: f32, %[[Q:.+]]: f32, %{{.+}}: f32):
// CHECK-NEXT: arith.addf %[[P]], %[[Q]]
func.func @gate(%x: memref<5x2x12xf32>, %b: memref<12xf32>, %t: index, %y: memref<2x4xf32>) {
  linalg.generic {indexing_maps = [#id], iterator_types = ["parallel", "parallel"]} outs(%y : memref<2x4xf32>) {
  ^bb0(%o: f32):
    %i = linalg.index 0 : index
    %j = linalg.index 1 : index
    %c4 = arith.constant 4 : index
    %k = arith.addi %j, %c4 : index
    %p = memref.load %x[%t, %i, %k] : memref<5x2x12xf32>
    %q = memref.load %b[%k] : memref<12xf32>
    %s = arith.addf %p, %q : f32
    linalg.yield %s : f32
  }
  return
}

// A workgroup's part begins at an offset that affine.apply adds; sizes that are not known come from the loops.
// CHECK-LABEL: func.func @part(
// CHECK-SAME: %[[X:[^:]+]]: memref<?x64xf32>, %[[BEGIN:[^:]+]]: index, %[[Y:[^:]+]]: memref<?x64xf32>)
// CHECK: %[[N:.+]] = memref.dim %[[Y]]
// CHECK: %[[OFFSET:.+]] = arith.addi %[[BEGIN]], %{{.+}} : index
// CHECK: memref.subview %[[X]][%[[OFFSET]], 0] [%[[N]], 64] [1, 1]
func.func @part(%x: memref<?x64xf32>, %begin: index, %y: memref<?x64xf32>) {
  linalg.generic {indexing_maps = [#id], iterator_types = ["parallel", "parallel"]} outs(%y : memref<?x64xf32>) {
  ^bb0(%o: f32):
    %i = linalg.index 0 : index
    %j = linalg.index 1 : index
    %k = affine.apply affine_map<(d0)[s0] -> (d0 + s0 + 3)>(%i)[%begin]
    %p = memref.load %x[%k, %j] : memref<?x64xf32>
    linalg.yield %p : f32
  }
  return
}

// ... or the workgroup's number times a workgroup's extent.
// CHECK-LABEL: func.func @workgroup(
// CHECK-SAME: %[[X:[^:]+]]: memref<3x197x768xf32>, %[[GROUP:[^:]+]]: index, %[[Y:[^:]+]]: memref<96x197xf32>)
// CHECK: %[[BEGIN:.+]] = affine.apply {{.+}}(){{\[}}%[[GROUP]]]
// CHECK: %[[PART:.+]] = memref.subview %[[X]][1, 0, %[[BEGIN]]] [1, 197, 96] [1, 1, 1]
// CHECK: linalg.generic {{.+}} ins(%[[PART]] : memref<197x96xf32
func.func @workgroup(%x: memref<3x197x768xf32>, %id: index, %y: memref<96x197xf32>) {
  linalg.generic {indexing_maps = [#id], iterator_types = ["parallel", "parallel"]} outs(%y : memref<96x197xf32>) {
  ^bb0(%o: f32):
    %c1 = arith.constant 1 : index
    %i = linalg.index 0 : index
    %j = linalg.index 1 : index
    %k = affine.apply affine_map<(d0)[s0] -> (d0 + s0 * 96)>(%i)[%id]
    %p = memref.load %x[%c1, %j, %k] : memref<3x197x768xf32>
    linalg.yield %p : f32
  }
  return
}

// A square of a loop, a loop times an extent, a load that does not happen for each element, memory that is written: nothing changes.
// CHECK-LABEL: func.func @elsewhere(
// CHECK-COUNT-3: linalg.generic {indexing_maps = [#[[ID]]]
// CHECK: memref.subview %{{.+}}[4, 4]
// CHECK-NEXT: linalg.generic {indexing_maps = [#[[ID]]]
func.func @elsewhere(%x: memref<8x8xf32>, %y: memref<4x4xf32>) {
  linalg.generic {indexing_maps = [#id], iterator_types = ["parallel", "parallel"]} outs(%y : memref<4x4xf32>) {
  ^bb0(%o: f32):
    %i = linalg.index 0 : index
    %j = linalg.index 1 : index
    %k = arith.muli %j, %j : index
    %p = memref.load %x[%i, %k] : memref<8x8xf32>
    linalg.yield %p : f32
  }
  linalg.generic {indexing_maps = [#id], iterator_types = ["parallel", "parallel"]} outs(%y : memref<4x4xf32>) {
  ^bb0(%o: f32):
    %i = linalg.index 0 : index
    %j = linalg.index 1 : index
    %k = affine.apply affine_map<(d0) -> (d0 * 2)>(%j)
    %p = memref.load %x[%i, %k] : memref<8x8xf32>
    linalg.yield %p : f32
  }
  linalg.generic {indexing_maps = [#id], iterator_types = ["parallel", "parallel"]} outs(%y : memref<4x4xf32>) {
  ^bb0(%o: f32):
    %i = linalg.index 0 : index
    %j = linalg.index 1 : index
    %inside = arith.cmpi slt, %i, %j : index
    %p = scf.if %inside -> f32 {
      %q = memref.load %x[%i, %j] : memref<8x8xf32>
      scf.yield %q : f32
    } else {
      scf.yield %o : f32
    }
    linalg.yield %p : f32
  }
  %part = memref.subview %x[4, 4] [4, 4] [1, 1] : memref<8x8xf32> to memref<4x4xf32, strided<[8, 1], offset: 36>>
  linalg.generic {indexing_maps = [#id], iterator_types = ["parallel", "parallel"]} outs(%part : memref<4x4xf32, strided<[8, 1], offset: 36>>) {
  ^bb0(%o: f32):
    %i = linalg.index 0 : index
    %j = linalg.index 1 : index
    %p = memref.load %x[%i, %j] : memref<8x8xf32>
    linalg.yield %p : f32
  }
  return
}
