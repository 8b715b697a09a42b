// RUN: halcyon-opt %s --halcyon-integer-contractions --canonicalize --cse --split-input-file | FileCheck %s

// Signed bytes become unsigned ones; sums start at the products with the zero point 3 + 128, and are scaled after.
// CHECK-DAG: #[[PANEL:.*]] = affine_map<(d0, d1, d2) -> (d1 floordiv 16, d2, d1 mod 16)>
// CHECK-LABEL: func @matmul
// CHECK-DAG: %[[START:.*]] = arith.constant dense<[-1310, 1048]> : tensor<2xi32>
// CHECK-DAG: %[[SCALES:.*]] = arith.constant dense<[5.000000e-02, 1.000000e-01]> : tensor<2xf32>
// CHECK-DAG: %[[PANELS:.*]] = arith.constant dense_resource<{{.*}}> : tensor<1x1x16xi32>
// CHECK: %[[BYTES:.*]] = linalg.generic {{.*}} ins(%arg0 : tensor<3x4xi8>) outs(%{{.*}} : tensor<3x4xi8>)
// CHECK: arith.xori %{{.*}}, %c-128_i8
// CHECK: %[[WORDS:.*]] = nn.reinterpret %[[BYTES]] : tensor<3x4xi8> to tensor<3x1xi32>
// CHECK: %[[FROM:.*]] = linalg.generic {{.*}} ins(%[[START]] : tensor<2xi32>)
// CHECK: %[[SUMS:.*]] = linalg.generic {indexing_maps = [#{{.*}}, #[[PANEL]], #{{.*}}], {{.*}} ins(%[[WORDS]], %[[PANELS]] : {{.*}} outs(%[[FROM]]
// CHECK: nn.dot_bytes
// CHECK: linalg.generic {{.*}} ins(%[[SUMS]], %[[SCALES]], %arg1
// CHECK: arith.sitofp %{{.*}} : i32 to f32
// CHECK: arith.mulf
// CHECK: arith.addf
// Of the columns: 1 2 3 4, and -1 -2 -3 -2; then zeros.
// CHECK: "0x40000000
// CHECK-SAME: 01020304FFFEFDFE00000000
func.func @matmul(%q: tensor<3x4xi8>, %bias: tensor<3x2xf32>) -> tensor<3x2xf32> {
  %zero = arith.constant 3 : i32
  %scale = arith.constant 0.5 : f32
  %w8 = arith.constant dense_resource<w> : tensor<2x4xi8>
  %scales = arith.constant dense<[0.1, 0.2]> : tensor<2xf32>
  %e = tensor.empty() : tensor<3x4xf32>
  %x = linalg.generic {indexing_maps = [affine_map<(m, k) -> (m, k)>, affine_map<(m, k) -> (m, k)>], iterator_types = ["parallel", "parallel"]}
      ins(%q : tensor<3x4xi8>) outs(%e : tensor<3x4xf32>) {
  ^bb0(%in: i8, %out: f32):
    %0 = arith.extsi %in : i8 to i32
    %1 = arith.subi %0, %zero : i32
    %2 = arith.sitofp %1 : i32 to f32
    %3 = arith.mulf %2, %scale : f32
    linalg.yield %3 : f32
  } -> tensor<3x4xf32>
  %f = tensor.empty() : tensor<2x4xf32>
  %w = linalg.generic {indexing_maps = [affine_map<(n, k) -> (n, k)>, affine_map<(n, k) -> (n)>, affine_map<(n, k) -> (n, k)>], iterator_types = ["parallel", "parallel"]}
      ins(%w8, %scales : tensor<2x4xi8>, tensor<2xf32>) outs(%f : tensor<2x4xf32>) {
  ^bb0(%in: i8, %s: f32, %out: f32):
    %0 = arith.extsi %in : i8 to i32
    %1 = arith.sitofp %0 : i32 to f32
    %2 = arith.mulf %1, %s : f32
    linalg.yield %2 : f32
  } -> tensor<2x4xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>],
                       iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<3x4xf32>, tensor<2x4xf32>) outs(%bias : tensor<3x2xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  } -> tensor<3x2xf32>
  return %r : tensor<3x2xf32>
}
{-# dialect_resources: { builtin: { w: "0x0100000001020304FFFEFDFE" } } #-}

// -----

// Whatever made the bytes makes them once; another user dequantises for itself. Unsigned weights lose their zero point.
// CHECK-LABEL: func @shared
// CHECK: %[[BYTES:.*]] = linalg.generic {{.*}} ins(%arg0 : tensor<3x4xf32>) outs(%{{.*}} : tensor<3x4xi8>)
// CHECK: arith.fptoui
// CHECK-NEXT: linalg.yield
// CHECK: %[[OTHER:.*]] = linalg.generic {{.*}} ins(%[[BYTES]] : tensor<3x4xi8>) outs(%{{.*}} : tensor<3x4xf32>)
// CHECK: nn.reinterpret %[[BYTES]]
// CHECK: return %{{.*}}, %[[OTHER]]
// CHECK: 01FEFD04
func.func @shared(%x: tensor<3x4xf32>) -> (tensor<3x2xf32>, tensor<3x4xf32>) {
  %scale = arith.constant 0.5 : f32
  %from = arith.constant 128 : i32
  %zero = arith.constant 0.0 : f32
  %w8 = arith.constant dense_resource<w> : tensor<4x2xi8>
  %e = tensor.empty() : tensor<3x4xf32>
  %q = linalg.generic {indexing_maps = [affine_map<(m, k) -> (m, k)>, affine_map<(m, k) -> (m, k)>], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<3x4xf32>) outs(%e : tensor<3x4xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = arith.fptoui %in : f32 to i8
    %1 = arith.uitofp %0 : i8 to f32
    %2 = arith.mulf %1, %scale : f32
    linalg.yield %2 : f32
  } -> tensor<3x4xf32>
  %f = tensor.empty() : tensor<4x2xf32>
  %w = linalg.generic {indexing_maps = [affine_map<(k, n) -> (k, n)>, affine_map<(k, n) -> (k, n)>], iterator_types = ["parallel", "parallel"]}
      ins(%w8 : tensor<4x2xi8>) outs(%f : tensor<4x2xf32>) {
  ^bb0(%in: i8, %out: f32):
    %0 = arith.extui %in : i8 to i32
    %1 = arith.subi %0, %from : i32
    %2 = arith.sitofp %1 : i32 to f32
    linalg.yield %2 : f32
  } -> tensor<4x2xf32>
  %g = tensor.empty() : tensor<3x2xf32>
  %i = linalg.fill ins(%zero : f32) outs(%g : tensor<3x2xf32>) -> tensor<3x2xf32>
  %r = linalg.matmul ins(%q, %w : tensor<3x4xf32>, tensor<4x2xf32>) outs(%i : tensor<3x2xf32>) -> tensor<3x2xf32>
  return %r, %q : tensor<3x2xf32>, tensor<3x4xf32>
}
{-# dialect_resources: { builtin: { w: "0x0100000081807E807D808480" } } #-}

// -----

// Channels that are multiplied one by one, of bytes whose zero is none: whole numbers in f32, whose sums are exact, and one
// factor for all of a channel. A byte becomes a number where it is read.
// CHECK-LABEL: func @depthwise
// CHECK-DAG: %[[W:.*]] = arith.constant dense_resource<{{.*}}numbers{{.*}}> : tensor<3x2xf32>
// CHECK-DAG: %[[ZERO:.*]] = arith.constant 1.310000e+02 : f32
// CHECK: %[[X:.*]] = linalg.generic {{.*}} ins(%arg0 : tensor<6x2xi8>) outs(%{{.*}} : tensor<6x2xi8>)
// CHECK: %[[START:.*]] = linalg.fill
// CHECK: %[[SUMS:.*]] = linalg.generic {{.*}} ins(%[[X]], %[[W]] : {{.*}} outs(%[[START]] : tensor<4x2xf32>) attrs = {halcyon.whole}
// CHECK: %[[N:.*]] = arith.uitofp
// CHECK-NEXT: %[[C:.*]] = arith.subf %[[N]], %[[ZERO]]
// CHECK-NEXT: arith.mulf %[[C]]
// CHECK: linalg.generic {{.*}} ins(%[[SUMS]] : tensor<4x2xf32>)
// CHECK: arith.mulf %{{.*}}, %cst{{.*}} : f32
func.func @depthwise(%q: tensor<6x2xi8>) -> tensor<4x2xf32> {
  %zero = arith.constant 3 : i32
  %scale = arith.constant 0.5 : f32
  %none = arith.constant 0.0 : f32
  %w8 = arith.constant dense<[[1, -2], [3, 4], [-5, 6]]> : tensor<3x2xi8>
  %e = tensor.empty() : tensor<6x2xf32>
  %x = linalg.generic {indexing_maps = [affine_map<(m, k) -> (m, k)>, affine_map<(m, k) -> (m, k)>], iterator_types = ["parallel", "parallel"]}
      ins(%q : tensor<6x2xi8>) outs(%e : tensor<6x2xf32>) {
  ^bb0(%in: i8, %out: f32):
    %0 = arith.extsi %in : i8 to i32
    %1 = arith.subi %0, %zero : i32
    %2 = arith.sitofp %1 : i32 to f32
    %3 = arith.mulf %2, %scale : f32
    linalg.yield %3 : f32
  } -> tensor<6x2xf32>
  %f = tensor.empty() : tensor<3x2xf32>
  %w = linalg.generic {indexing_maps = [affine_map<(n, k) -> (n, k)>, affine_map<(n, k) -> (n, k)>], iterator_types = ["parallel", "parallel"]}
      ins(%w8 : tensor<3x2xi8>) outs(%f : tensor<3x2xf32>) {
  ^bb0(%in: i8, %out: f32):
    %0 = arith.extsi %in : i8 to i32
    %1 = arith.sitofp %0 : i32 to f32
    %2 = arith.mulf %1, %scale : f32
    linalg.yield %2 : f32
  } -> tensor<3x2xf32>
  %g = tensor.empty() : tensor<4x2xf32>
  %i = linalg.fill ins(%none : f32) outs(%g : tensor<4x2xf32>) -> tensor<4x2xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(m, c, k) -> (m + k, c)>, affine_map<(m, c, k) -> (k, c)>, affine_map<(m, c, k) -> (m, c)>],
                       iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<6x2xf32>, tensor<3x2xf32>) outs(%i : tensor<4x2xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  } -> tensor<4x2xf32>
  return %r : tensor<4x2xf32>
}

// -----

// Bytes from -128 on are unsigned ones: products of bytes, summed in i32. A byte outside would be the zero point, too.
// CHECK-LABEL: func @depthwise_bytes
// CHECK-DAG: %[[W:.*]] = arith.constant dense_resource<{{.*}}bytes{{.*}}> : tensor<3x2xi8>
// CHECK: %[[X:.*]] = linalg.generic {{.*}} ins(%arg0 : tensor<6x2xi8>) outs(%{{.*}} : tensor<6x2xi8>)
// CHECK: %[[SUMS:.*]] = linalg.generic {{.*}} ins(%[[X]], %[[W]] : {{.*}} outs(%{{.*}} : tensor<4x2xi32>) attrs = {halcyon.whole}
// CHECK-DAG: arith.extui
// CHECK-DAG: arith.extsi
// CHECK: arith.muli
// CHECK-NEXT: arith.addi
// CHECK: linalg.generic {{.*}} ins(%[[SUMS]] : tensor<4x2xi32>)
// CHECK: arith.sitofp
// CHECK: arith.mulf %{{.*}}, %cst{{.*}} : f32
func.func @depthwise_bytes(%q: tensor<6x2xi8>) -> tensor<4x2xf32> {
  %zero = arith.constant -128 : i32
  %scale = arith.constant 0.5 : f32
  %none = arith.constant 0.0 : f32
  %w8 = arith.constant dense<[[1, -2], [3, 4], [-5, 6]]> : tensor<3x2xi8>
  %e = tensor.empty() : tensor<6x2xf32>
  %x = linalg.generic {indexing_maps = [affine_map<(m, k) -> (m, k)>, affine_map<(m, k) -> (m, k)>], iterator_types = ["parallel", "parallel"]}
      ins(%q : tensor<6x2xi8>) outs(%e : tensor<6x2xf32>) {
  ^bb0(%in: i8, %out: f32):
    %0 = arith.extsi %in : i8 to i32
    %1 = arith.subi %0, %zero : i32
    %2 = arith.sitofp %1 : i32 to f32
    %3 = arith.mulf %2, %scale : f32
    linalg.yield %3 : f32
  } -> tensor<6x2xf32>
  %f = tensor.empty() : tensor<3x2xf32>
  %w = linalg.generic {indexing_maps = [affine_map<(n, k) -> (n, k)>, affine_map<(n, k) -> (n, k)>], iterator_types = ["parallel", "parallel"]}
      ins(%w8 : tensor<3x2xi8>) outs(%f : tensor<3x2xf32>) {
  ^bb0(%in: i8, %out: f32):
    %0 = arith.extsi %in : i8 to i32
    %1 = arith.sitofp %0 : i32 to f32
    %2 = arith.mulf %1, %scale : f32
    linalg.yield %2 : f32
  } -> tensor<3x2xf32>
  %g = tensor.empty() : tensor<4x2xf32>
  %i = linalg.fill ins(%none : f32) outs(%g : tensor<4x2xf32>) -> tensor<4x2xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(m, c, k) -> (m + k, c)>, affine_map<(m, c, k) -> (k, c)>, affine_map<(m, c, k) -> (m, c)>],
                       iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<6x2xf32>, tensor<3x2xf32>) outs(%i : tensor<4x2xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  } -> tensor<4x2xf32>
  return %r : tensor<4x2xf32>
}

// -----

// Weights that are no bytes stay what they are, and so does what they are multiplied with.
// CHECK-LABEL: func @other_weights
// CHECK-NOT: nn.dot_bytes
// CHECK: linalg.matmul
func.func @other_weights(%q: tensor<3x4xi8>, %w: tensor<4x2xf32>, %o: tensor<3x2xf32>) -> tensor<3x2xf32> {
  %e = tensor.empty() : tensor<3x4xf32>
  %x = linalg.generic {indexing_maps = [affine_map<(m, k) -> (m, k)>, affine_map<(m, k) -> (m, k)>], iterator_types = ["parallel", "parallel"]}
      ins(%q : tensor<3x4xi8>) outs(%e : tensor<3x4xf32>) {
  ^bb0(%in: i8, %out: f32):
    %0 = arith.sitofp %in : i8 to f32
    linalg.yield %0 : f32
  } -> tensor<3x4xf32>
  %r = linalg.matmul ins(%x, %w : tensor<3x4xf32>, tensor<4x2xf32>) outs(%o : tensor<3x2xf32>) -> tensor<3x2xf32>
  return %r : tensor<3x2xf32>
}

// -----

// A zero point that is known at the call is a tensor of its own; sums start at minus its products.
// CHECK-LABEL: func @dynamic
// CHECK-DAG: %[[SUMS:.*]] = arith.constant dense<[10, -8]> : tensor<2xi32>
// CHECK: %[[ZERO:.*]] = linalg.generic {{.*}} ins(%arg1 : tensor<i8>) outs(%{{.*}} : tensor<i32>)
// CHECK: arith.extui
// CHECK: nn.reinterpret %arg0
// CHECK: %[[START:.*]] = linalg.generic {{.*}} ins(%{{.*}}, %[[SUMS]], %[[ZERO]] :
// CHECK: %[[PRODUCT:.*]] = arith.muli
// CHECK: arith.subi %{{.*}}, %[[PRODUCT]]
// CHECK: linalg.generic {{.*}} outs(%[[START]] : tensor<3x2xi32>)
// CHECK: nn.dot_bytes
func.func @dynamic(%q: tensor<3x4xi8>, %z: tensor<i8>) -> tensor<3x2xi32> {
  %none = arith.constant 0 : i32
  %w8 = arith.constant dense_resource<w> : tensor<2x4xi8>
  %e = tensor.empty() : tensor<3x4xi32>
  %x = linalg.generic {indexing_maps = [affine_map<(m, k) -> (m, k)>, affine_map<(m, k) -> ()>, affine_map<(m, k) -> (m, k)>], iterator_types = ["parallel", "parallel"]}
      ins(%q, %z : tensor<3x4xi8>, tensor<i8>) outs(%e : tensor<3x4xi32>) {
  ^bb0(%in: i8, %zero: i8, %out: i32):
    %0 = arith.extui %in : i8 to i32
    %1 = arith.extui %zero : i8 to i32
    %2 = arith.subi %0, %1 : i32
    linalg.yield %2 : i32
  } -> tensor<3x4xi32>
  %f = tensor.empty() : tensor<2x4xi32>
  %w = linalg.generic {indexing_maps = [affine_map<(n, k) -> (n, k)>, affine_map<(n, k) -> (n, k)>], iterator_types = ["parallel", "parallel"]}
      ins(%w8 : tensor<2x4xi8>) outs(%f : tensor<2x4xi32>) {
  ^bb0(%in: i8, %out: i32):
    %0 = arith.extsi %in : i8 to i32
    linalg.yield %0 : i32
  } -> tensor<2x4xi32>
  %g = tensor.empty() : tensor<3x2xi32>
  %i = linalg.fill ins(%none : i32) outs(%g : tensor<3x2xi32>) -> tensor<3x2xi32>
  %r = linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>],
                       iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<3x4xi32>, tensor<2x4xi32>) outs(%i : tensor<3x2xi32>) {
  ^bb0(%a: i32, %b: i32, %o: i32):
    %m = arith.muli %a, %b : i32
    %s = arith.addi %o, %m : i32
    linalg.yield %s : i32
  } -> tensor<3x2xi32>
  return %r : tensor<3x2xi32>
}
{-# dialect_resources: { builtin: { w: "0x0100000001020304FFFEFDFE" } } #-}

// -----

// Three planes of an image are joined: their bytes and a fourth one, whose weights are zero, are an i32.
// CHECK-DAG: #[[SECOND:.*]] = affine_map<(d0, d1) -> (1, d1)>
// CHECK-LABEL: func @planes
// CHECK: %[[BYTES:.*]] = linalg.generic {{.*}} outs(%{{.*}} : tensor<3x6xi8>)
// CHECK: %[[WORDS:.*]] = linalg.generic {indexing_maps = [#{{.*}}, #[[SECOND]], {{.*}} ins(%[[BYTES]], %[[BYTES]], %[[BYTES]] : {{.*}} outs(%{{.*}} : tensor<1x6xi32>)
// CHECK-COUNT-2: arith.ori
// CHECK: linalg.generic {{.*}} ins(%[[WORDS]], %{{.*}} : tensor<1x6xi32>, tensor<1x1x2x16xi32>)
// CHECK: nn.dot_bytes
// Columns 0 and 1 at the window's first place: 1 3 5 0, and -1 -3 -5 0.
// CHECK: "0x4000000001030500FFFDFB00
func.func @planes(%q: tensor<3x6xi8>) -> tensor<5x2xf32> {
  %none = arith.constant 0.0 : f32
  %w8 = arith.constant dense<[[[1, 2], [3, 4], [5, 6]], [[-1, -2], [-3, -4], [-5, -6]]]> : tensor<2x3x2xi8>
  %e = tensor.empty() : tensor<3x6xf32>
  %x = linalg.generic {indexing_maps = [affine_map<(m, k) -> (m, k)>, affine_map<(m, k) -> (m, k)>], iterator_types = ["parallel", "parallel"]}
      ins(%q : tensor<3x6xi8>) outs(%e : tensor<3x6xf32>) {
  ^bb0(%in: i8, %out: f32):
    %0 = arith.sitofp %in : i8 to f32
    linalg.yield %0 : f32
  } -> tensor<3x6xf32>
  %f = tensor.empty() : tensor<2x3x2xf32>
  %w = linalg.generic {indexing_maps = [affine_map<(n, c, k) -> (n, c, k)>, affine_map<(n, c, k) -> (n, c, k)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%w8 : tensor<2x3x2xi8>) outs(%f : tensor<2x3x2xf32>) {
  ^bb0(%in: i8, %out: f32):
    %0 = arith.sitofp %in : i8 to f32
    linalg.yield %0 : f32
  } -> tensor<2x3x2xf32>
  %g = tensor.empty() : tensor<5x2xf32>
  %i = linalg.fill ins(%none : f32) outs(%g : tensor<5x2xf32>) -> tensor<5x2xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(m, n, c, k) -> (c, m + k)>, affine_map<(m, n, c, k) -> (n, c, k)>, affine_map<(m, n, c, k) -> (m, n)>],
                       iterator_types = ["parallel", "parallel", "reduction", "reduction"]}
      ins(%x, %w : tensor<3x6xf32>, tensor<2x3x2xf32>) outs(%i : tensor<5x2xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  } -> tensor<5x2xf32>
  return %r : tensor<5x2xf32>
}
