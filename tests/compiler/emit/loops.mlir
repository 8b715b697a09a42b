// Control flow around kernels, donation and module state, on the CPU.
// RUN: halcyonc %s -o %t.hcm --donate=cache:new_cache
// RUN: halcyon run %t.hcm --function=power --input=4xf32=1,2,3,4 --input=i64=3 | FileCheck %s --check-prefix=POWER
// RUN: halcyon run %t.hcm --function=power --input=4xf32=1,2,3,4 --input=i64=0 | FileCheck %s --check-prefix=POWER0
// RUN: halcyon run %t.hcm --function=grow --input=2xf32=1,2 --input=i64=2 | FileCheck %s --check-prefix=GROW
// RUN: halcyon run %t.hcm --function=update --input=4xf32=1,2,3,4 --input=4xf32=1,2,3,4 | FileCheck %s --check-prefix=UPDATE
// RUN: halcyon run %t.hcm --function=negate_if --input=4xf32=1,2,3,4 --input=i1=1 | FileCheck %s --check-prefix=TRUE
// RUN: halcyon run %t.hcm --function=negate_if --input=4xf32=1,2,3,4 --input=i1=0 | FileCheck %s --check-prefix=FALSE
// RUN: halcyon run %t.hcm --function=accumulate --input=4xf32=1,2,3,4 | FileCheck %s --check-prefix=STATE
// RUN: halcyon run %t.hcm --function=scale --input=4xf32=1,2,3,4 --input=2xf32=0.5,3 | FileCheck %s --check-prefix=SCALE
// RUN: halcyon inspect %t.hcm | FileCheck %s --check-prefix=INSPECT

// The loop's body is one kernel that writes over its input: no copy.
// INSPECT: result 0 lives in argument 0
// INSPECT: commands 0: 2 bindings, 0 parameters, 1 dispatch{{$}}
// A kernel reads its inputs and may write its destinations.
// INSPECT: kernel power_generic: 3 bindings, 0 parameters, writes 2{{$}}

#id = affine_map<(i) -> (i)>
func.func @power(%x: tensor<4xf32> {halcyon.name="x"}, %n: tensor<i64> {halcyon.name="n"}) -> (tensor<4xf32> {halcyon.name="y"}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n64 = tensor.extract %n[] : tensor<i64>
  %t = arith.index_cast %n64 : i64 to index
  %e = tensor.empty() : tensor<4xf32>
  %r = scf.for %k = %c0 to %t step %c1 iter_args(%a = %x) -> tensor<4xf32> {
    %m = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]} ins(%a, %x : tensor<4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) {
    ^bb0(%p: f32, %q: f32, %o: f32):
      %s = arith.mulf %p, %q : f32
      linalg.yield %s : f32
    } -> tensor<4xf32>
    scf.yield %m : tensor<4xf32>
  }
  return %r : tensor<4xf32>
}
func.func @grow(%x: tensor<?xf32> {halcyon.name="x", halcyon.dims=["n"]}, %n: tensor<i64>) -> tensor<?xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %n64 = tensor.extract %n[] : tensor<i64>
  %t = arith.index_cast %n64 : i64 to index
  %r = scf.for %k = %c0 to %t step %c1 iter_args(%a = %x) -> (tensor<?xf32>) {
    %d = tensor.dim %a, %c0 : tensor<?xf32>
    %d2 = arith.muli %d, %c2 : index
    %e = tensor.empty(%d2) : tensor<?xf32>
    %g = linalg.generic {indexing_maps = [#id], iterator_types = ["parallel"]} outs(%e : tensor<?xf32>) {
    ^bb0(%o: f32):
      %i = linalg.index 0 : index
      %h = arith.divsi %i, %c2 : index
      %v = tensor.extract %a[%h] : tensor<?xf32>
      %w = arith.addf %v, %v : f32
      linalg.yield %w : f32
    } -> tensor<?xf32>
    scf.yield %g : tensor<?xf32>
  }
  return %r : tensor<?xf32>
}
func.func @update(%x: tensor<4xf32> {halcyon.name="cache"}, %y: tensor<4xf32>) -> (tensor<4xf32> {halcyon.name="new_cache"}) {
  %e = tensor.empty() : tensor<4xf32>
  %m = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]} ins(%x, %y : tensor<4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) {
  ^bb0(%p: f32, %q: f32, %o: f32):
    %s = arith.addf %p, %q : f32
    linalg.yield %s : f32
  } -> tensor<4xf32>
  return %m : tensor<4xf32>
}
func.func @negate_if(%x: tensor<4xf32>, %c: tensor<i1>) -> tensor<4xf32> {
  %p = tensor.extract %c[] : tensor<i1>
  %e = tensor.empty() : tensor<4xf32>
  %r = scf.if %p -> tensor<4xf32> {
    %m = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<4xf32>) outs(%e : tensor<4xf32>) {
    ^bb0(%a: f32, %o: f32):
      %s = arith.negf %a : f32
      linalg.yield %s : f32
    } -> tensor<4xf32>
    scf.yield %m : tensor<4xf32>
  } else {
    scf.yield %x : tensor<4xf32>
  }
  return %r : tensor<4xf32>
}

ml_program.global private mutable @state(dense<10.0> : tensor<4xf32>) : tensor<4xf32>
func.func private @add_to_state(%x: tensor<4xf32>) -> tensor<4xf32> {
  %v = ml_program.global_load @state : tensor<4xf32>
  %w = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<4xf32>) outs(%v : tensor<4xf32>) {
  ^bb0(%p: f32, %o: f32):
    %s = arith.addf %p, %o : f32
    linalg.yield %s : f32
  } -> tensor<4xf32>
  ml_program.global_store @state = %w : tensor<4xf32>
  return %w : tensor<4xf32>
}
func.func @accumulate(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %a = func.call @add_to_state(%x) : (tensor<4xf32>) -> tensor<4xf32>
  %b = func.call @add_to_state(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %a, %b : tensor<4xf32>, tensor<4xf32>
}

// A float that the host knows reaches the kernel as a parameter.
func.func @scale(%x: tensor<4xf32>, %f: tensor<2xf32>) -> tensor<4xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %a = tensor.extract %f[%c0] : tensor<2xf32>
  %b = tensor.extract %f[%c1] : tensor<2xf32>
  %p = arith.mulf %a, %b : f32
  %e = tensor.empty() : tensor<4xf32>
  %m = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<4xf32>) outs(%e : tensor<4xf32>) {
  ^bb0(%q: f32, %o: f32):
    %s = arith.mulf %q, %p : f32
    linalg.yield %s : f32
  } -> tensor<4xf32>
  return %m : tensor<4xf32>
}

// POWER: y: 4xf32 = 1, 16, 81, 256
// POWER0: y: 4xf32 = 1, 2, 3, 4
// GROW: result0: 8xf32 = 4, 4, 4, 4, 8, 8, 8, 8
// UPDATE: new_cache: 4xf32 = 2, 4, 6, 8
// TRUE: result0: 4xf32 = -1, -2, -3, -4
// FALSE: result0: 4xf32 = 1, 2, 3, 4
// STATE: result0: 4xf32 = 11, 12, 13, 14
// STATE: result1: 4xf32 = 12, 14, 16, 18
// SCALE: result0: 4xf32 = 1.5, 3, 4.5, 6
