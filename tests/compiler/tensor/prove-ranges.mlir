// RUN: halcyon-opt %s --halcyon-prove-ranges --canonicalize --split-input-file | FileCheck %s

#id = affine_map<(m) -> (m)>

// A scaled sum is multiplied once; it is no NaN, and fits what it is converted to.
// CHECK-LABEL: func @requantise
// CHECK-DAG: %[[F:.*]] = arith.constant dense<[5.000000e-01, 1.000000e+00]> : tensor<2xf32>
// CHECK: linalg.generic {{.*}} ins(%arg0, %[[F]] : tensor<2xi32>, tensor<2xf32>)
// CHECK: %[[N:.*]] = arith.sitofp
// CHECK-NEXT: arith.mulf %[[N]], %{{.*}} : f32
// CHECK-NEXT: math.roundeven
// CHECK-NEXT: arith.cmpf ogt
// CHECK-NEXT: arith.select
// CHECK-NEXT: arith.cmpf olt
// CHECK-NEXT: %[[C:.*]] = arith.select
// CHECK-NEXT: arith.fptosi %[[C]]
func.func @requantise(%s: tensor<2xi32>) -> tensor<2xi8> {
  %scales = arith.constant dense<[2.0, 4.0]> : tensor<2xf32>
  %by = arith.constant 4.0 : f32
  %low = arith.constant -128.0 : f32
  %high = arith.constant 127.0 : f32
  %least = arith.constant -2147483648.0 : f32
  %most = arith.constant 2147483648.0 : f32
  %e = tensor.empty() : tensor<2xi8>
  %r = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]} ins(%s, %scales : tensor<2xi32>, tensor<2xf32>) outs(%e : tensor<2xi8>) {
  ^bb0(%in: i32, %scale: f32, %out: i8):
    %0 = arith.sitofp %in : i32 to f32
    %1 = arith.mulf %0, %scale : f32
    %2 = arith.divf %1, %by : f32
    %3 = math.roundeven %2 : f32
    %4 = arith.maximumf %3, %low : f32
    %5 = arith.minimumf %4, %high : f32
    %6 = arith.cmpf oge, %5, %least : f32
    %7 = arith.cmpf olt, %5, %most : f32
    %8 = arith.andi %6, %7 : i1
    %9 = arith.select %8, %5, %least : f32
    %10 = arith.fptosi %9 : f32 to i32
    %11 = arith.trunci %10 : i32 to i8
    linalg.yield %11 : i8
  } -> tensor<2xi8>
  return %r : tensor<2xi8>
}

// -----

#id = affine_map<(m) -> (m)>

// Of any float nothing is known: NaN stays NaN. What bytes stand for is divided, not multiplied: it may lie between two steps.
// CHECK-LABEL: func @unknown
// CHECK: arith.divf
// CHECK: arith.maximumf
// CHECK: arith.sitofp
// CHECK: arith.divf
// CHECK: arith.cmpf ogt
func.func @unknown(%x: tensor<2xf32>, %q: tensor<2xi8>) -> (tensor<2xf32>, tensor<2xf32>) {
  %by = arith.constant 3.0 : f32
  %low = arith.constant -128.0 : f32
  %e = tensor.empty() : tensor<2xf32>
  %r:2 = linalg.generic {indexing_maps = [#id, #id, #id, #id], iterator_types = ["parallel"]} ins(%x, %q : tensor<2xf32>, tensor<2xi8>) outs(%e, %e : tensor<2xf32>, tensor<2xf32>) {
  ^bb0(%in: f32, %byte: i8, %o: f32, %p: f32):
    %0 = arith.divf %in, %by : f32
    %1 = arith.maximumf %0, %low : f32
    %2 = arith.sitofp %byte : i8 to f32
    %3 = arith.divf %2, %by : f32
    %4 = arith.maximumf %3, %low : f32
    linalg.yield %1, %4 : f32, f32
  } -> (tensor<2xf32>, tensor<2xf32>)
  return %r#0, %r#1 : tensor<2xf32>, tensor<2xf32>
}

// -----

#id = affine_map<(m) -> (m)>

// A guard that may fail stays: a sum of integers times 2 passes 2^31.
// CHECK-LABEL: func @outside
// CHECK: arith.cmpf olt
// CHECK: arith.select
func.func @outside(%s: tensor<2xi32>) -> tensor<2xi32> {
  %two = arith.constant 2.0 : f32
  %least = arith.constant -2147483648.0 : f32
  %most = arith.constant 2147483648.0 : f32
  %e = tensor.empty() : tensor<2xi32>
  %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%s : tensor<2xi32>) outs(%e : tensor<2xi32>) {
  ^bb0(%in: i32, %out: i32):
    %0 = arith.sitofp %in : i32 to f32
    %1 = arith.mulf %0, %two : f32
    %2 = arith.cmpf oge, %1, %least : f32
    %3 = arith.cmpf olt, %1, %most : f32
    %4 = arith.andi %2, %3 : i1
    %5 = arith.select %4, %1, %least : f32
    %6 = arith.fptosi %5 : f32 to i32
    linalg.yield %6 : i32
  } -> tensor<2xi32>
  return %r : tensor<2xi32>
}

// -----

#id = affine_map<(m) -> (m)>

// An integer that was a float for a while is the float.
// CHECK-LABEL: func @again
// CHECK: %[[N:.*]] = arith.sitofp %{{.*}} : i8 to f32
// CHECK-NEXT: linalg.yield %[[N]]
func.func @again(%q: tensor<2xi8>) -> tensor<2xf32> {
  %e = tensor.empty() : tensor<2xf32>
  %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%q : tensor<2xi8>) outs(%e : tensor<2xf32>) {
  ^bb0(%byte: i8, %o: f32):
    %0 = arith.sitofp %byte : i8 to f32
    %1 = arith.fptosi %0 : f32 to i32
    %2 = arith.sitofp %1 : i32 to f32
    linalg.yield %2 : f32
  } -> tensor<2xf32>
  return %r : tensor<2xf32>
}

// -----

#id = affine_map<(m) -> (m)>

// A number that is rounded to a byte and read again stays a float; only its zero point is taken away.
// CHECK-LABEL: func @dequantised
// CHECK: math.roundeven
// CHECK-NOT: arith.fptosi
// CHECK: %[[D:.*]] = arith.subf %{{.*}}, %{{.*}} : f32
// CHECK-NEXT: linalg.yield %[[D]]
func.func @dequantised(%s: tensor<2xi32>) -> tensor<2xf32> {
  %half = arith.constant 0.5 : f32
  %zero = arith.constant 3.0 : f32
  %low = arith.constant -128.0 : f32
  %high = arith.constant 127.0 : f32
  %less = arith.constant 3 : i32
  %e = tensor.empty() : tensor<2xf32>
  %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%s : tensor<2xi32>) outs(%e : tensor<2xf32>) {
  ^bb0(%in: i32, %out: f32):
    %0 = arith.sitofp %in : i32 to f32
    %1 = arith.mulf %0, %half : f32
    %2 = math.roundeven %1 : f32
    %3 = arith.addf %2, %zero : f32
    %4 = arith.maximumf %3, %low : f32
    %5 = arith.minimumf %4, %high : f32
    %6 = arith.fptosi %5 : f32 to i32
    %7 = arith.trunci %6 : i32 to i8
    %8 = arith.extsi %7 : i8 to i32
    %9 = arith.subi %8, %less : i32
    %10 = arith.sitofp %9 : i32 to f32
    linalg.yield %10 : f32
  } -> tensor<2xf32>
  return %r : tensor<2xf32>
}

// -----

#id = affine_map<(m) -> (m)>

// Without a zero point it may be -0, which no byte is.
// CHECK-LABEL: func @minus_zero
// CHECK: arith.fptosi
// CHECK: arith.sitofp
func.func @minus_zero(%s: tensor<2xi8>) -> tensor<2xf32> {
  %tenth = arith.constant 0.1 : f32
  %e = tensor.empty() : tensor<2xf32>
  %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%s : tensor<2xi8>) outs(%e : tensor<2xf32>) {
  ^bb0(%in: i8, %out: f32):
    %0 = arith.sitofp %in : i8 to f32
    %1 = arith.mulf %0, %tenth : f32
    %2 = math.roundeven %1 : f32
    %3 = arith.fptosi %2 : f32 to i32
    %4 = arith.sitofp %3 : i32 to f32
    linalg.yield %4 : f32
  } -> tensor<2xf32>
  return %r : tensor<2xf32>
}

// -----

#id = affine_map<(m) -> (m)>

// A byte becomes an integer as it is rounded; the limits are the narrowing's. Turning its sign is part of the zero point.
// CHECK-LABEL: func @byte
// CHECK-DAG: %[[ZERO:.*]] = arith.constant 3 : i32
// CHECK-DAG: %[[LOW:.*]] = arith.constant 0 : i32
// CHECK-DAG: %[[HIGH:.*]] = arith.constant 255 : i32
// CHECK: math.roundeven
// CHECK-NEXT: %[[N:.*]] = arith.fptosi
// CHECK-NEXT: %[[Z:.*]] = arith.addi %[[N]], %[[ZERO]]
// CHECK-NEXT: %[[L:.*]] = arith.maxsi %[[Z]], %[[LOW]]
// CHECK-NEXT: %[[H:.*]] = arith.minsi %[[L]], %[[HIGH]]
// CHECK-NEXT: %[[B:.*]] = arith.trunci %[[H]]
// CHECK-NEXT: linalg.yield %[[B]]
func.func @byte(%s: tensor<2xi32>) -> tensor<2xi8> {
  %scale = arith.constant 0.25 : f32
  %zero = arith.constant -125.0 : f32
  %low = arith.constant -128.0 : f32
  %high = arith.constant 127.0 : f32
  %sign = arith.constant -128 : i8
  %e = tensor.empty() : tensor<2xi8>
  %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%s : tensor<2xi32>) outs(%e : tensor<2xi8>) {
  ^bb0(%in: i32, %out: i8):
    %0 = arith.sitofp %in : i32 to f32
    %1 = arith.mulf %0, %scale : f32
    %2 = math.roundeven %1 : f32
    %3 = arith.addf %2, %zero : f32
    %4 = arith.maximumf %3, %low : f32
    %5 = arith.minimumf %4, %high : f32
    %6 = arith.fptosi %5 : f32 to i32
    %7 = arith.trunci %6 : i32 to i8
    %8 = arith.xori %7, %sign : i8
    linalg.yield %8 : i8
  } -> tensor<2xi8>
  return %r : tensor<2xi8>
}

// -----

#id = affine_map<(m) -> (m)>

// Sums beyond what an i32 holds with its zero point, and limits that are no whole numbers, stay floats.
// CHECK-LABEL: func @wide
// CHECK-NOT: arith.maxsi
// CHECK: return
func.func @wide(%s: tensor<2xi32>, %q: tensor<2xi8>) -> (tensor<2xi8>, tensor<2xi8>) {
  %scale = arith.constant 0.5 : f32
  %low = arith.constant -128.0 : f32
  %high = arith.constant 127.0 : f32
  %half = arith.constant 6.5 : f32
  %e = tensor.empty() : tensor<2xi8>
  %r:2 = linalg.generic {indexing_maps = [#id, #id, #id, #id], iterator_types = ["parallel"]} ins(%s, %q : tensor<2xi32>, tensor<2xi8>) outs(%e, %e : tensor<2xi8>, tensor<2xi8>) {
  ^bb0(%in: i32, %byte: i8, %o: i8, %p: i8):
    %0 = arith.sitofp %in : i32 to f32
    %1 = math.roundeven %0 : f32
    %2 = arith.maximumf %1, %low : f32
    %3 = arith.minimumf %2, %high : f32
    %4 = arith.fptosi %3 : f32 to i32
    %5 = arith.trunci %4 : i32 to i8
    %6 = arith.sitofp %byte : i8 to f32
    %7 = arith.mulf %6, %scale : f32
    %8 = math.roundeven %7 : f32
    %9 = arith.maximumf %8, %low : f32
    %10 = arith.minimumf %9, %half : f32
    %11 = arith.fptosi %10 : f32 to i32
    %12 = arith.trunci %11 : i32 to i8
    linalg.yield %5, %12 : i8, i8
  } -> (tensor<2xi8>, tensor<2xi8>)
  return %r#0, %r#1 : tensor<2xi8>, tensor<2xi8>
}
