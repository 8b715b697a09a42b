#ifndef HALCYON_CODEGEN_CPU_PASSES
#define HALCYON_CODEGEN_CPU_PASSES

include "mlir/Pass/PassBase.td"

def CpuKernel : Pass<"halcyon-cpu-kernel", "mlir::ModuleOp"> {
  let summary = "dispatch.executable becomes a function on buffers";
  let description = [{
    Tensor arguments become buffers, whose tensors the body reads; returned values are written to the
    destinations' buffers. Four arguments follow the parameters: the workgroup's id (x, y, z) and the
    worker's local memory. The result is the kernel's error code. What is computed and then inserted into a
    destination is computed in that part of its buffer (`Placement.h`).

    ```mlir
    func.func @relu(%x: memref<?xf32>, %out: memref<?xf32>, %n: index, %id0: index, %id1: index,
                    %id2: index, %local: memref<?xi8>) -> i32
        attributes {halcyon.bindings = [memref<?xf32>, memref<?xf32>], halcyon.dims = [[0], [0]],
                    halcyon.workload_rank = 1 : i64}
    ```

    Requires: dispatch.executable ops.
    Leaves: none; func.func on tensors between bufferization.to_tensor and materialize_in_destination.
  }];
  let dependentDialects = ["mlir::affine::AffineDialect", "mlir::func::FuncDialect",
                           "mlir::bufferization::BufferizationDialect",
                           "mlir::memref::MemRefDialect", "mlir::arith::ArithDialect",
                           "mlir::tensor::TensorDialect", "mlir::linalg::LinalgDialect"];
}

def CpuPadding : Pass<"halcyon-cpu-padding", "mlir::func::FuncOp"> {
  let summary = "Padded operands of windows become fill + insert_slice, which register blocks read through";
  let description = [{
    ```mlir
    %p = linalg.generic outs(%empty) { scf.if %inside { tensor.extract %x[...] } else { %zero } }
    %y = linalg.generic {(h, w, c, kh, kw) -> (h + kh, w + kw, c), ...} ins(%p, %filter) ...
    // becomes
    %f = linalg.fill ins(%zero) outs(%empty)
    %p = tensor.insert_slice %x into %f[1, 1, 0]
    ```
    Only where the padding changes no result (zeros in a sum of products, infinity in a minimum) and the sizes are
    known: halcyon-cpu-tile leaves both ops outside of the tile, halcyon-cpu-register-blocks skips the positions
    outside of %x and erases them. Where it does not claim the op after all, each workgroup pads everything.
  }];
  let dependentDialects = ["mlir::tensor::TensorDialect", "mlir::linalg::LinalgDialect", "mlir::arith::ArithDialect"];
}

def CpuTile : Pass<"halcyon-cpu-tile", "mlir::func::FuncOp"> {
  let summary = "The root and its producers are cut to one workgroup's tile";
  let description = [{
    Chooses a tile for the leading `halcyon.workload_rank` loops of the root and notes it as `halcyon.tile`. The body
    then computes the tile at the workgroup's id times the tile, cut at the workload's end, and inserts it in the
    destination; a tensor.insert_slice inserts its part of the source, and a loop over rows (`halcyon.rows`) does the
    workgroup's. A body whose root cannot be tiled, or that leaves work outside of the tile, is not touched; its
    tile is the whole workload, so that one workgroup runs it.

    Requires: a function of halcyon-cpu-kernel.
    Leaves: `halcyon.tile`; no scf.forall of its own.
  }];
  let dependentDialects = ["mlir::scf::SCFDialect", "mlir::affine::AffineDialect", "mlir::tensor::TensorDialect",
                           "mlir::linalg::LinalgDialect"];
}

def CpuOnlineSoftmax : Pass<"halcyon-cpu-online-softmax", "mlir::func::FuncOp"> {
  let summary = "Softmax between two contractions goes block by block of its rows, where these are long";
  let description = [{
    A loop over blocks of keys computes their scores, the largest so far and their exponentials; sums and results so far
    are multiplied by exp(the largest before - the largest now), then what the block gives is added (online softmax:
    Milakov and Gimelshein, 2018, arXiv:1805.02867). A worker holds the scores of one block, whose size is known.

    Requires: a function of halcyon-cpu-tile.
  }];
  let dependentDialects = ["mlir::arith::ArithDialect", "mlir::linalg::LinalgDialect",
                           "mlir::math::MathDialect", "mlir::scf::SCFDialect", "mlir::tensor::TensorDialect"];
}

def CpuReduceEarly : Pass<"halcyon-cpu-reduce-early", "mlir::func::FuncOp"> {
  let summary = "Reductions of rows come right behind what makes the rows";
  let description = [{
    A reduction of what an elementwise op makes moves behind it, with what it starts from, before other ops that read
    the same: halcyon-cpu-row-blocks makes one walk of both. Sums of an attention's softmax come before the product.

    ```mlir
    %e = linalg.generic {exp} ins(%s) ...
    %y = linalg.matmul ins(%e, %v) ...
    %sum = linalg.generic {add} ins(%e) outs(%zeros)
    // becomes
    %e = linalg.generic {exp} ins(%s) ...
    %sum = linalg.generic {add} ins(%e) outs(%zeros)
    %y = linalg.matmul ins(%e, %v) ...
    ```
  }];
  let dependentDialects = ["mlir::linalg::LinalgDialect"];
}

def CpuInPlace : Pass<"halcyon-cpu-in-place", "mlir::func::FuncOp"> {
  let summary = "Intermediate tensors share their consumer's destination";
  let description = [{
    An elementwise op that writes each element of its destination from the same element of an intermediate of
    the same type updates it in place, so that a chain of ops needs no memory of its own.

    ```mlir
    %e = linalg.generic {exp} ins(%x) outs(%empty)
    %y = linalg.generic {div} ins(%e, %sum) outs(%out)
    // becomes
    %e = linalg.generic {exp} ins(%x) outs(%out)
    %y = linalg.generic {div} ins(%sum) outs(%e)
    ```
  }];
  let dependentDialects = ["mlir::linalg::LinalgDialect", "mlir::tensor::TensorDialect"];
}

def CpuBufferize : Pass<"halcyon-cpu-bufferize", "mlir::ModuleOp"> {
  let summary = "Tensors of a kernel become buffers, in place";
  let description = [{
    Requires: functions of halcyon-cpu-kernel.
    Leaves: no tensor; memref.alloc where a tensor needs memory of its own, whose rows begin at cache lines where they
    have at least 64 elements and only linalg's loops use them.
  }];
  let dependentDialects = ["mlir::bufferization::BufferizationDialect", "mlir::memref::MemRefDialect",
                           "mlir::linalg::LinalgDialect", "mlir::scf::SCFDialect", "mlir::affine::AffineDialect"];
}

def CpuScratch : Pass<"halcyon-cpu-scratch", "mlir::func::FuncOp"> {
  let summary = "Allocations become stack or worker-local memory";
  let description = [{
    An allocation of at most 16 KiB moves to the stack, a larger one to the worker's local memory, whose size
    becomes `halcyon.local_memory`. A dynamic size needs a constant upper bound.
    It is an error, at the op, if there is none.

    Leaves: no memref.alloc.
  }];
  let dependentDialects = ["mlir::memref::MemRefDialect", "mlir::arith::ArithDialect"];
}

def CpuBools : Pass<"halcyon-cpu-bools", "mlir::func::FuncOp"> {
  let summary = "Memory of i1 becomes memory of i8, which is what it is: vectors of i1 would be packed bits";
  let description = [{
    Bodies test the bytes that they read and widen what they yield; `and`, `or` and `xor` with a byte, and what is only
    moved, stay on bytes. A function with an op on such memory that the pass does not know is left as it is.

    Requires: linalg on buffers.
    Leaves: no memref of i1, where it applies.
  }];
  let dependentDialects = ["mlir::arith::ArithDialect", "mlir::memref::MemRefDialect"];
}

def CpuLoadedOperands : Pass<"halcyon-cpu-loaded-operands", "mlir::func::FuncOp"> {
  let summary = "What the body of an elementwise op loads at its own place becomes an operand";
  let description = [{
    ```mlir
    linalg.generic outs(%y) { memref.load %x[linalg.index 0, linalg.index 1 + %i] }
    // becomes
    %part = memref.subview %x[0, %i] [%n, %m] [1, 1]
    linalg.generic {(d0, d1) -> (d0, d1)} ins(%part) outs(%y)
    ```
    Slices that were fused are read in vectors then. An index is a loop, or none, plus values from outside of the op. An
    op with a load at another place, or from memory that it writes, stays as it is.

    Requires: linalg on buffers.
  }];
  let dependentDialects = ["mlir::arith::ArithDialect", "mlir::memref::MemRefDialect"];
}

def CpuRegisterBlocks : Pass<"halcyon-cpu-register-blocks", "mlir::func::FuncOp"> {
  let summary = "Contractions, convolutions and windows become register-blocked vector code";
  let description = [{
    The specialised path. A reduction whose output has a contiguous parallel loop (v) keeps a block of `rows`
    positions of another parallel loop (u) by some vectors of v in registers while all of its reduction loops run.
    The op that fills its output and elementwise ops that update it afterwards happen in the same registers.
    Sums of nn.dot_bytes and nn.dot_pairs are those of two rows by two columns where the target multiplies such matrices.
    Sets `halcyon.specialised`.

    Requires: linalg on buffers.
    Leaves: scf, memref, vector; linalg ops that it does not claim.
  }];
  let options = [Option<"vectorBytes", "vector-bytes", "int64_t", "16", "Bytes of a vector register">,
                 Option<"vectorRegisters", "vector-registers", "int64_t", "16", "Vector registers">,
                 Option<"byteMatrices", "byte-matrices", "bool", "false", "AArch64's usmmla for nn.dot_bytes">,
                 Option<"pairMatrices", "pair-matrices", "bool", "false", "AArch64's bfmmla for nn.dot_pairs">];
  let dependentDialects = ["mlir::scf::SCFDialect", "mlir::memref::MemRefDialect", "mlir::vector::VectorDialect",
                           "mlir::affine::AffineDialect", "mlir::arith::ArithDialect", "mlir::LLVM::LLVMDialect"];
}

def CpuWinograd : Pass<"halcyon-cpu-winograd", "mlir::func::FuncOp"> {
  let summary = "3x3 convolutions with transformed filters become vector code on tiles";
  let description = [{
    A linalg.generic around nn.winograd: blocks of tiles of the input are transformed into the worker's memory; for
    columns of a register block, each of the a * a positions is a product with the transformed filter, and the
    transform back ends in what overwrites the sums before and the elementwise ops that update them after, as in
    halcyon-cpu-register-blocks. What is outside of the input is zero, or padding that is read through; what is
    outside of the result is not stored. Sets `halcyon.specialised`.

    Requires: linalg on buffers.
    Leaves: scf, memref, vector; no nn.winograd.
  }];
  let options = [Option<"vectorBytes", "vector-bytes", "int64_t", "16", "Bytes of a vector register">,
                 Option<"vectorRegisters", "vector-registers", "int64_t", "16", "Vector registers">];
  let dependentDialects = ["mlir::scf::SCFDialect", "mlir::memref::MemRefDialect", "mlir::vector::VectorDialect",
                           "mlir::affine::AffineDialect", "mlir::arith::ArithDialect"];
}

def CpuRowBlocks : Pass<"halcyon-cpu-row-blocks", "mlir::func::FuncOp"> {
  let summary = "Reductions of rows, and what is done with the same rows before and after, become vector code row by row";
  let description = [{
    Softmax, normalisations, sums and maxima of rows: for each row, one walk for each value that the next op needs. A
    walk keeps several sums in flight and passes elements on in registers; a value of the whole row never goes through
    memory inside of the group. Sets `halcyon.specialised`.

    Requires: linalg on buffers.
    Leaves: scf, memref, vector; linalg ops that it does not claim.
  }];
  let options = [Option<"vectorBytes", "vector-bytes", "int64_t", "16", "Bytes of a vector register">];
  let dependentDialects = ["mlir::scf::SCFDialect", "mlir::memref::MemRefDialect", "mlir::vector::VectorDialect",
                           "mlir::affine::AffineDialect", "mlir::arith::ArithDialect"];
}

def CpuTransposes : Pass<"halcyon-cpu-transposes", "mlir::func::FuncOp"> {
  let summary = "Elementwise ops that turn an operand's rows into columns become blocks of shuffled vectors";
  let description = [{
    Where an input is contiguous along another loop than the output, a square block of it is read by whole vectors,
    transposed in registers, and goes through the op's body. Sets `halcyon.specialised`.

    Requires: linalg on buffers.
    Leaves: scf, memref, vector; linalg ops that it does not claim.
  }];
  let options = [Option<"vectorBytes", "vector-bytes", "int64_t", "16", "Bytes of a vector register">];
  let dependentDialects = ["mlir::scf::SCFDialect", "mlir::memref::MemRefDialect", "mlir::vector::VectorDialect",
                           "mlir::affine::AffineDialect", "mlir::arith::ArithDialect"];
}

def CpuElementwise : Pass<"halcyon-cpu-elementwise", "mlir::func::FuncOp"> {
  let summary = "Elementwise ops become blocks of vectors";
  let description = [{
    The loop along the output's rows takes whole vectors, several at once, and a partial one at the end; the op's body
    goes through the tile emitter. Operands are contiguous along that loop, every second element, or the same for all
    of it. Sets `halcyon.specialised`.

    Requires: linalg on buffers.
    Leaves: scf, memref, vector; linalg ops that it does not claim.
  }];
  let options = [Option<"vectorBytes", "vector-bytes", "int64_t", "16", "Bytes of a vector register">,
                 Option<"vectorRegisters", "vector-registers", "int64_t", "16", "Vector registers">];
  let dependentDialects = ["mlir::scf::SCFDialect", "mlir::memref::MemRefDialect", "mlir::vector::VectorDialect",
                           "mlir::affine::AffineDialect", "mlir::arith::ArithDialect"];
}

def CpuLoops : Pass<"halcyon-cpu-loops", "mlir::func::FuncOp"> {
  let summary = "linalg ops become loops, innermost the one with the most contiguous accesses";
  let description = [{
    Additions that fold a reduction may be reassociated and contracted, other float additions and products
    contracted (design section 10).

    Requires: linalg on buffers.
    Leaves: scf and memref; no linalg op, no memref.copy.
  }];
  let dependentDialects = ["mlir::scf::SCFDialect", "mlir::memref::MemRefDialect", "mlir::affine::AffineDialect"];
}

def CpuMath : Pass<"halcyon-cpu-math", "mlir::ModuleOp"> {
  let summary = "math ops become polynomials and integer arithmetic: no call of libm";
  let description = [{
    Functions of f32 without a fast form of their own are computed in f64. `README.md` has the bounds.

    Requires: no f16 or bf16 arithmetic (halcyon-cpu-small-floats).
    Leaves: math ops that are instructions everywhere (sqrt, absf, copysign, ctlz, ...), and with
    `round-instruction` floor, ceil, trunc, roundeven and, of vectors, LLVM's lrint; with `scale-instruction` calls of LLVM's
    intrinsic for it. maximumf and minimumf stay with `extremum-instruction`: without a unit for floats, LLVM 19 has no code for
    them.
  }];
  let options = [Option<"roundInstruction", "round-instruction", "bool", "false",
                        "The target rounds floats in one instruction">,
                 Option<"scaleInstruction", "scale-instruction", "bool", "false",
                        "The target has AVX-512's scalef">,
                 Option<"extremumInstruction", "extremum-instruction", "bool", "false",
                        "The target's back end has maximumf and minimumf">];
  let dependentDialects = ["mlir::arith::ArithDialect", "mlir::math::MathDialect", "mlir::scf::SCFDialect",
                           "mlir::func::FuncDialect", "mlir::LLVM::LLVMDialect"];
}

def CpuDotBytes : Pass<"halcyon-cpu-dot-bytes", "mlir::func::FuncOp"> {
  let summary = "nn.dot_bytes becomes the target's instruction for it, or exact arithmetic on wider integers";
  let description = [{
    ```mlir
    %1 = nn.dot_bytes %a, %w : vector<16xi32>
    %2 = arith.addi %sum, %1
    // becomes, with instruction=vnni
    %2 = llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"(%sum, %a, %w)
    ```

    Leaves: no nn operation.
  }];
  let options = [Option<"instruction", "instruction", "DotBytes", "DotBytes::none", "What the target has", [{
    ::llvm::cl::values(clEnumValN(DotBytes::none, "none", "multiplications"),
                       clEnumValN(DotBytes::madd, "madd", "x86's products of 16 bits"),
                       clEnumValN(DotBytes::vnni, "vnni", "x86's vpdpbusd"),
                       clEnumValN(DotBytes::sdot, "sdot", "AArch64's of signed bytes"),
                       clEnumValN(DotBytes::usdot, "usdot", "AArch64's of unsigned and signed bytes"))
  }]>];
  let dependentDialects = ["mlir::arith::ArithDialect", "mlir::vector::VectorDialect", "mlir::LLVM::LLVMDialect"];
}

def CpuDotPairs : Pass<"halcyon-cpu-dot-pairs", "mlir::func::FuncOp"> {
  let summary = "nn.dot_pairs becomes the target's instruction for it, or products in f32";
  let description = [{
    ```mlir
    %1 = nn.dot_pairs %a, %w : vector<16xi32> to vector<16xf32>
    %2 = arith.addf %sum, %1
    // becomes, with instruction=x86
    %2 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%sum, %pairsOfA, %pairsOfW)
    ```

    Requires: after halcyon-cpu-small-floats, for which these vectors of bf16 are no arithmetic.
    Leaves: no nn.dot_pairs.
  }];
  let options = [Option<"instruction", "instruction", "DotPairs", "DotPairs::none", "What the target has", [{
    ::llvm::cl::values(clEnumValN(DotPairs::none, "none", "f32"),
                       clEnumValN(DotPairs::x86, "x86", "vdpbf16ps"),
                       clEnumValN(DotPairs::arm, "arm", "AArch64's bfdot"))
  }]>];
  let dependentDialects = ["mlir::arith::ArithDialect", "mlir::vector::VectorDialect", "mlir::LLVM::LLVMDialect"];
}

def CpuSmallFloats : Pass<"halcyon-cpu-small-floats", "mlir::func::FuncOp"> {
  let summary = "Arithmetic on f16 and bf16 is done in f32; conversions become integer arithmetic";
  let options = [Option<"halfConversion", "half-conversion", "bool", "false",
                        "The target converts between f16 and f32">];
  let dependentDialects = ["mlir::arith::ArithDialect", "mlir::math::MathDialect"];
}

def CpuHalfBits : Pass<"halcyon-cpu-half-bits", "mlir::ModuleOp"> {
  let summary = "What is left of f16 and bf16 are 16-bit integers";
  let description = [{
    After halcyon-cpu-small-floats values of these types are only moved. LLVM does that by conversions to f32, calls of
    its runtime library, where the target has no such registers; integers it moves as they are.

    Requires: the LLVM dialect.
    Leaves: bf16 only for instructions that take it; f16 only where the target converts it.
  }];
  let options = [Option<"halfConversion", "half-conversion", "bool", "false",
                        "The target converts between f16 and f32">];
  let dependentDialects = ["mlir::LLVM::LLVMDialect"];
}

def CpuAssert : Pass<"halcyon-cpu-assert", "mlir::func::FuncOp"> {
  let summary = "A failed cf.assert returns error code 1";
  let dependentDialects = ["mlir::cf::ControlFlowDialect", "mlir::arith::ArithDialect"];
}

def CpuEntry : Pass<"halcyon-cpu-entry", "mlir::ModuleOp"> {
  let summary = "The function with the kernel ABI: unpacks bindings and parameters, calls the kernel";
  let description = [{
    Requires: one kernel function in the LLVM dialect.
    Leaves: `llvm.func @hcy_kernel(!llvm.ptr, !llvm.ptr) -> i32`.
  }];
  let dependentDialects = ["mlir::LLVM::LLVMDialect"];
}

#endif // HALCYON_CODEGEN_CPU_PASSES
