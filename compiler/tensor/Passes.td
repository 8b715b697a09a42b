#ifndef HALCYON_TENSOR_PASSES
#define HALCYON_TENSOR_PASSES

include "mlir/Pass/PassBase.td"

def CheckInput : Pass<"halcyon-check-input", "mlir::ModuleOp"> {
  let summary = "Refuses what no later pass can compile";
  let description = [{
    Every operation of a function outside the accepted dialects is named in an error with its
    location; so are results and arguments of types that no device has: memrefs, unranked
    tensors, vectors.

    Leaves: functions over builtin, func, cf, arith, math, tensor, linalg, scf, ml_program and nn operations.
  }];
}

def HideIndices : Pass<"halcyon-hide-indices", "mlir::ModuleOp"> {
  let summary = "Keeps upstream's fold away from elements of constants that it cannot read";
  let description = [{
    Before every canonicalization. An index that stays unknown (an argument, a loop of several iterations) protects
    its tensor.extract already:

    ```mlir
    %table = arith.constant dense_resource<t> : tensor<100x4xf32>
    %x = tensor.extract %table[%c3, %c1] : tensor<100x4xf32>
    // becomes
    %i = nn.hidden_index %c3
    %x = tensor.extract %table[%i, %c1] : tensor<100x4xf32>
    ```
  }];
  let dependentDialects = ["mlir::arith::ArithDialect", "halcyon::nn::NnDialect"];
}

def CheckShapes : Pass<"halcyon-check-shapes", "mlir::func::FuncOp"> {
  let summary = "Compares sizes that must be equal and are known only at run time";
  let description = [{
    An operation of linalg assumes that the sizes of its operands agree; a kernel would read past the end of
    the smaller one. For each pair that neither types nor the signature's symbols prove equal:

    ```mlir
    %equal = arith.cmpi eq, %n, %m : index
    cf.assert %equal, "sizes differ"
    ```
    The host program computes that. Bodies of scf.for without lists are left alone: they may become one kernel.
  }];
  let dependentDialects = ["mlir::cf::ControlFlowDialect", "mlir::arith::ArithDialect", "mlir::tensor::TensorDialect"];
}

def PropagateLayouts : Pass<"halcyon-propagate-layouts", "mlir::func::FuncOp"> {
  let summary = "Convolutions work on channels-last activations, and what follows them too";
  let description = [{
    ```mlir
    %1 = nn.conv ins(%0, ...) : tensor<1x64x56x56xf32> ...
    // becomes
    %2 = linalg.transpose ins(%0) permutation = [0, 2, 3, 1]
    %3 = nn.conv ins(%2, ...) : tensor<1x56x56x64xf32> ... {input_layout, output_layout = channels_last}
    %1 = linalg.transpose ins(%3) permutation = [0, 3, 1, 2]
    ```
    The second transpose sinks through pools, elementwise generics, pads, slices and concatenations, into reductions,
    until it meets another's first and both vanish. A convolution of a few channels (an image) reads them
    channels-first; one that makes few keeps its layout where rows are long: its vectors run along the width. Transposed convolutions
    become convolutions.

    Requires: nn operations as the importer made them.
  }];
  let dependentDialects = ["mlir::arith::ArithDialect", "mlir::linalg::LinalgDialect", "mlir::tensor::TensorDialect"];
}

def FoldConstants : Pass<"halcyon-fold-constants", "mlir::func::FuncOp"> {
  let summary = "What only cuts, joins or turns constants becomes a constant";
  let description = [{
    ```mlir
    %1 = tensor.insert_slice %a into %empty[0, 0] [2, 4] [1, 1] : tensor<2x4xf32> into tensor<4x4xf32>
    %2 = tensor.insert_slice %b into %1[2, 0] [2, 4] [1, 1] : tensor<2x4xf32> into tensor<4x4xf32>
    // becomes, where %a and %b are constants or parts of them
    %2 = arith.constant dense_resource<a.moved> : tensor<4x4xf32>
    ```
    Exporters cut the weights of a recurrent layer into gates and join them in another order. The bytes are moved here,
    by plain loops. What becomes of one constant is never more bytes than it has. Where only contractions read what was
    moved, halcyon-pack-constants follows it.

    Requires: halcyon-tensor-to-linalg.
  }];
  let dependentDialects = ["mlir::arith::ArithDialect"];
}

def Winograd : Pass<"halcyon-winograd", "mlir::func::FuncOp"> {
  let summary = "3x3 convolutions of stride 1 multiply transformed tiles where that costs less";
  let description = [{
    ```mlir
    linalg.generic {(h, w, o, y, x, i) -> (h + y, w + x, i), -> (o, i, y, x), -> (h, w, o)}
        ins(%x, %filter : tensor<58x58x64xf32>, tensor<64x64x3x3xf32>) ...
    // becomes
    linalg.generic {... -> (h + y, w + x, i), -> (0, o floordiv 16, i, o mod 16), -> (y, x), -> (h, w, o)}
        ins(%x, %transformed, %window : tensor<58x58x64xf32>, tensor<36x4x64x16xf32>, tensor<3x3xf32>) ... {
      %0 = nn.winograd %in, %u into %out {tile = 4}
    ```
    Channels last, f32, a constant filter of finite numbers. The transformed filter has
    4 times the filter's bytes with tiles of 4x4, 1.8 times with 2x2. codegen/cpu/winograd/README.md says when it wins.

    Requires: halcyon-drop-unit-dims, halcyon-fuse-elementwise; comes before halcyon-pack-constants.
  }];
  let options = [Option<"tile", "tile", "int64_t", "0", "2 or 4: for every convolution that can be; 0: what wins">,
                 Option<"fast", "fast", "bool", "false", "Tiles of 4x4 may win, not only those of 2x2 (--fast-math)">];
  let dependentDialects = ["mlir::arith::ArithDialect", "mlir::linalg::LinalgDialect", "mlir::tensor::TensorDialect",
                           "halcyon::nn::NnDialect"];
}

def SplitReductions : Pass<"halcyon-split-reductions", "mlir::func::FuncOp"> {
  let summary = "A long reduction to few results becomes several, for several threads, and one of theirs";
  let description = [{
    ```mlir
    %1 = linalg.generic {(m, n, k) -> (m, k), (k, n), (m, n)} ins(%x, %w : tensor<1x262144xf32>, tensor<262144x8xf32>) outs(%0)
    // becomes
    %2 = linalg.generic {(m, n, s, k) -> (m, s, k), (s, k, n), (s, m, n)}
           ins(%x1, %w1 : tensor<1x16x16384xf32>, tensor<16x16384x8xf32>) outs(%zeros : tensor<16x1x8xf32>)
    %1 = linalg.generic {(s, m, n) -> (s, m, n), (m, n)} ins(%2 : tensor<16x1x8xf32>) outs(%0)
    ```
    Where results are too few for workgroups, and sizes are known. Rows that something else reads again stay whole.

    Requires: halcyon-tensor-to-linalg.
  }];
  let dependentDialects = ["mlir::arith::ArithDialect", "mlir::linalg::LinalgDialect", "mlir::tensor::TensorDialect"];
}

def PackConstants : Pass<"halcyon-pack-constants", "mlir::func::FuncOp"> {
  let summary = "Constant operands of contractions become panels of 16 columns";
  let description = [{
    ```mlir
    linalg.generic {(m, n, k) -> (m, k), (m, n, k) -> (k, n), (m, n, k) -> (m, n)} ins(%x, %w : ..., tensor<64x40xf32>)
    // becomes, with zeros in the last 8 columns of the third panel
    linalg.generic {(m, n, k) -> (m, k), (m, n, k) -> (n floordiv 16, k, n mod 16), (m, n, k) -> (m, n)}
        ins(%x, %w.packed : ..., tensor<3x64x16xf32>)
    ```
    Columns are the result's innermost dimension; the reduction loops follow in their order. One layout serves every
    CPU: a kernel with longer vectors reads two panels, one with shorter ones a part. The bytes are moved here, by
    plain loops; constants that only change their shape or the order of their dimensions on the way are followed. What
    one elementwise operation computes from constants (weights that are dequantised) is computed on panels of these, at
    the call: the artifact keeps the smaller constants.

    Weights of 16 bits that a product of f32 reads have panels of 32 columns: a cache line, too.

    Requires: halcyon-tensor-to-linalg; f32, f64 or i32, or f16 and bf16 beside f32.
  }];
  let dependentDialects = ["mlir::arith::ArithDialect", "mlir::linalg::LinalgDialect", "mlir::tensor::TensorDialect"];
}

def TensorToLinalg : Pass<"halcyon-tensor-to-linalg", "mlir::func::FuncOp"> {
  let summary = "Tensor operations and named elementwise operations become linalg.generic";
  let description = [{
    ```mlir
    %1 = tensor.extract_slice %0[2] [4] [1] : tensor<8xf32> to tensor<4xf32>
    // becomes
    %1 = linalg.generic outs(%empty : tensor<4xf32>) {
      %i = linalg.index 0
      %j = arith.addi %i, %c2
      %e = tensor.extract %0[%j] : tensor<8xf32>
      linalg.yield %e
    }
    ```
    So they tile, fuse and become kernels as every other elementwise operation. Pad and generate likewise; a
    concatenation becomes one insert_slice for each operand; a splat becomes a fill. Named linalg operations
    become generic, but contractions, convolutions, pooling and fill, which later passes match.

    Leaves: no tensor.pad, extract_slice, generate, concat, splat; no named elementwise operation.
  }];
  let dependentDialects = ["mlir::arith::ArithDialect", "mlir::linalg::LinalgDialect", "mlir::math::MathDialect",
                           "mlir::scf::SCFDialect", "mlir::tensor::TensorDialect"];
}

def ResolveDims : Pass<"halcyon-resolve-dims", "mlir::func::FuncOp"> {
  let summary = "tensor.dim of a result becomes what its operation was given";
  let description = [{
    ```mlir
    %1 = tensor.expand_shape %0 [[0, 1]] output_shape [%a, %b] : tensor<?xf32> into tensor<?x?xf32>
    %2 = tensor.dim %1, %c1
    // becomes %b
    ```
    So a result that only its size keeps alive is not kept alive, and equal sizes are one value.
  }];
  let dependentDialects = ["mlir::arith::ArithDialect", "mlir::tensor::TensorDialect"];
}

def DropEmptyLoops : Pass<"halcyon-drop-empty-loops", "mlir::func::FuncOp"> {
  let summary = "An operation with a loop of no iteration is its destination";
  let description = [{
    ```mlir
    %1 = linalg.generic {(m, n, k) -> (m, k), ...} ins(%x, %w : tensor<4x0xf32>, tensor<0x8xf32>) outs(%zeros)
    // becomes %zeros
    ```
    So no kernel has an extent that is known to be zero, which upstream's tiling does not take.
  }];
}

def SplitStrides : Pass<"halcyon-split-strides", "mlir::func::FuncOp"> {
  let summary = "A long filter that moves by a stride reads positions that are side by side";
  let description = [{
    ```mlir
    linalg.generic {(n, i, k) -> (n, i * 2 + k), (n, i, k) -> (k), (n, i, k) -> (n, i)}
        ins(%x, %w : tensor<?x44098xf32>, tensor<256xf32>) outs(%y : tensor<?x21922xf32>)
    // becomes, with %x1[n, r, i] = %x[n, i * 2 + r] for the 22049 positions that windows reach
    linalg.generic {(n, i, k, r) -> (n, r, i + k), (n, i, k, r) -> (k, r), (n, i, k, r) -> (n, i)}
        ins(%x1, %w1 : tensor<?x2x22049xf32>, tensor<128x2xf32>) outs(%y : tensor<?x21922xf32>)
    ```
    One channel of a window over one: what a signal is filtered and thinned out by. Results lie side by side, what they
    read does not, and there are no channels to make vectors of instead. The taps are a multiple of the stride, at least 32.

    Requires: halcyon-drop-unit-dims.
  }];
  let dependentDialects = ["mlir::linalg::LinalgDialect", "mlir::tensor::TensorDialect"];
}

def DropUnitDims : Pass<"halcyon-drop-unit-dims", "mlir::func::FuncOp"> {
  let summary = "Generics lose loops of one iteration, and read by maps instead of by tensor.extract";
  let description = [{
    ```mlir
    %1 = linalg.generic {(i, j) -> (i, j), (i, j) -> (i, 0)} ins(%x, %y : tensor<?x8xf32>, tensor<?x1xf32>)
    // becomes
    %z = tensor.collapse_shape %y [[0, 1]] : tensor<?x1xf32> into tensor<?xf32>
    %1 = linalg.generic {(i, j) -> (i, j), (i, j) -> (i)} ins(%x, %z)
    ```
    Views are free, and cancel where producer and consumer agree; what is left fuses and tiles better.
    An element that is taken at the loops' own indices becomes an operand. A named product of one row is made generic.

    Requires: halcyon-tensor-to-linalg, halcyon-resolve-dims.
  }];
  let dependentDialects = ["mlir::affine::AffineDialect", "mlir::arith::ArithDialect", "mlir::linalg::LinalgDialect",
                           "mlir::tensor::TensorDialect"];
}

def FuseElementwise : Pass<"halcyon-fuse-elementwise", "mlir::func::FuncOp"> {
  let summary = "Elementwise generics join their consumers";
  let description = [{
    A generic without reduction joins the one operation that uses its result, if that is a generic too and reads
    each element once; constants and fills become scalars of the body. Contractions take no producer, as their
    operands are read many times, but what turns a matrix for a vector: keys for the one query of a decoding step. A view after a generic moves behind the generics that follow it, so that it does
    not separate a contraction from its epilogue.

    Requires: halcyon-tensor-to-linalg.
  }];
  let dependentDialects = ["mlir::affine::AffineDialect", "mlir::arith::ArithDialect", "mlir::linalg::LinalgDialect",
                           "mlir::tensor::TensorDialect"];
}

def QuantizeWeights : Pass<"halcyon-quantize-weights", "mlir::func::FuncOp"> {
  let summary = "Products read constant f32 matrices as integers of 8 or 4 bits, each block times its scale";
  let description = [{
    ```mlir
    %1 = linalg.generic {(m, n, k) -> (m, k), (k, n), (m, n)} ins(%x, %w : tensor<?x768xf32>, tensor<768x3072xf32>) ...
    // becomes, with blocks of 32 and two weights in a byte
    %x1 = tensor.expand_shape %x [[0], [1, 2, 3]] : tensor<?x768xf32> into tensor<?x24x16x2xf32>
    %1 = linalg.generic {(m, n, k, i) -> (m, k, i, 0), (m, k, i, 1), (n floordiv 64, k, i, n mod 64),
                         (n floordiv 64, k, n mod 64), (m, n)}
         ins(%x1, %x1, %bytes, %scales : tensor<?x24x16x2xf32>, tensor<?x24x16x2xf32>, tensor<48x24x16x64xi8>, tensor<48x24x64xf32>) ...
    ```
    8 bits: round(w / s), s = largest magnitude / 127. 4 bits: round(w / s) + 8 in 0..15, s = the value of the largest
    magnitude / -8; the lower half of a byte is the first. Matrices of fewer than 4096 weights, with a weight that is not finite,
    or whose steps the block does not divide, stay as they are; the latter two with a warning. Products alone: convolutions do not change.

    Requires: halcyon-tensor-to-linalg.
  }];
  let options = [Option<"bits", "bits", "unsigned", "8", "Of a weight: 8 or 4">,
                 Option<"block", "block", "int64_t", "0", "Weights of a column that share a scale; 0: all">];
  let dependentDialects = ["mlir::arith::ArithDialect", "mlir::linalg::LinalgDialect", "mlir::tensor::TensorDialect"];
}

def NarrowWeights : Pass<"halcyon-narrow-weights", "mlir::func::FuncOp"> {
  let summary = "Contractions read constant weights of 16 bits as they are, and widen each beside its product";
  let description = [{
    ```mlir
    %1 = linalg.matmul ins(%x, %w : tensor<?x768xf32>, tensor<768x3072xf32>) ...
    // becomes
    %1 = linalg.generic {(m, n, k) -> (m, k), (k, n), (m, n)} ins(%x, %w : tensor<?x768xf32>, tensor<768x3072xbf16>) {
      %wide = arith.extf %in_1 : bf16 to f32
      ...
    ```
    Weights that another operation widened are read as they are stored. With a precision below f32 so are those of f32, rounded
    to nearest, ties to even; sums stay f32. f32 weights of fewer than 4096 elements, filters of a channel alone, Winograd's
    and what is no constant stay as they are; so do, with a warning, weights of which f16 has not the range.

    Requires: halcyon-decompose-nn. Before halcyon-pack-constants, after what looks for f32 weights.
  }];
  let options = [Option<"precision", "precision", "Precision", "Precision::f32", "Of f32 weights", [{
    ::llvm::cl::values(clEnumValN(Precision::f32, "f32", "as they are"),
                       clEnumValN(Precision::f16, "f16", "11 bits, up to 65504"),
                       clEnumValN(Precision::bf16, "bf16", "8 bits, all of f32's range"))
  }]>];
  let dependentDialects = ["mlir::arith::ArithDialect", "mlir::linalg::LinalgDialect"];
}

def PairProducts : Pass<"halcyon-pair-products", "mlir::func::FuncOp"> {
  let summary = "Contractions of bf16 with constant weights take their depth by twos";
  let description = [{
    ```mlir
    linalg.generic {(m, n, k) -> (m, k), (m, n, k) -> (k, n), (m, n, k) -> (m, n)} ins(%x, %w : tensor<?x64xf32>, tensor<64x40xf32>)
    // becomes, with rounds=true
    %r = linalg.generic ins(%x) { arith.truncf %in : f32 to bf16 }
    %p = nn.reinterpret %r[%size] : tensor<?x64xbf16> to tensor<?x32xi32>
    linalg.generic {(m, n, k) -> (m, k), (m, n, k) -> (k, n), (m, n, k) -> (m, n)} ins(%p, %pairs : tensor<?x32xi32>, tensor<32x40xi32>) {
      %dot = nn.dot_pairs %in, %in_1 : i32 to f32
      ...
    ```
    Without `rounds` only where both sides are bf16 that were widened. Products are exact, sums f32. What is rounded is what comes before views and padding: its producer stores bf16. Left as
    they are: f32 weights of fewer than 4096 elements, an odd depth or one that is not innermost, and what is in a loop.

    Requires: halcyon-tensor-to-linalg. Before halcyon-pack-constants.
  }];
  let options = [Option<"rounds", "rounds", "bool", "false", "f32 on either side is rounded to bf16">];
  let dependentDialects = ["mlir::arith::ArithDialect", "mlir::linalg::LinalgDialect", "mlir::tensor::TensorDialect", "halcyon::nn::NnDialect"];
}

def IntegerContractions : Pass<"halcyon-integer-contractions", "mlir::func::FuncOp"> {
  let summary = "Products of dequantised bytes with dequantised constants are computed in integers";
  let description = [{
    ```mlir
    %x = linalg.generic ins(%q) { (q - 3) * 0.1 }     // and %w the same of a constant, with a scale for each column
    linalg.generic {(m, n, k) -> (m, k), (m, n, k) -> (n, k), (m, n, k) -> (m, n)} ins(%x, %w) outs(%bias)
    // becomes
    %words = nn.reinterpret %q : tensor<8x64xi8> to tensor<8x16xi32>
    %sums = linalg.generic {(m, n, k) -> (m, k), (m, n, k) -> (n floordiv 16, k, n mod 16), ...}
        ins(%words, %panels) outs(%starts) { sum + nn.dot_bytes(a, w) }
    linalg.generic ins(%sums, %scales, %bias) { float(sum) * scale + bias }
    ```
    The left side becomes unsigned bytes: what made it makes them, and every other user dequantises for itself. Padding
    is the zero point. Products with the zero point are part of what a sum starts from. The constant is packed as
    halcyon-pack-constants does it, with four steps of the reduction in each i32.

    Where the left side cannot be taken by fours (channels one by one), bytes are multiplied one by one if their zero point
    is 0, else whole numbers in f32 as long as their sums are exact. Channels' bytes become numbers where they are read.

    Requires: halcyon-fuse-elementwise, so that a dequantisation is one operation; to run again after it. The innermost
    dimension of the left side is a multiple of four, or it is an image of up to four planes; its scale is a constant; its
    zero point is the same for all elements.
  }];
  let dependentDialects = ["mlir::arith::ArithDialect", "mlir::linalg::LinalgDialect", "mlir::tensor::TensorDialect",
                           "::halcyon::nn::NnDialect"];
}

def ProveRanges : Pass<"halcyon-prove-ranges", "mlir::func::FuncOp"> {
  let summary = "Arithmetic on numbers of known range is done without the cases that cannot be";
  let description = [{
    In the body of a generic, numbers that come from bytes, from sums of integers and from constants are finite and of a
    known size. Guards of conversions that always hold vanish, and so does the way of a whole number to an integer and back;
    a maximum or minimum with a constant becomes a comparison, since neither side is NaN; a scaled sum of integers is
    multiplied by a constant's inverse instead of divided by the constant. What is rounded, moved by a zero point, cut to limits
    and then made a byte becomes an integer when it is rounded.

    Requires: halcyon-integer-contractions, halcyon-fuse-elementwise.
  }];
  let dependentDialects = ["mlir::arith::ArithDialect"];
}

def Residence : Pass<"halcyon-residence", "mlir::ModuleOp"> {
  let summary = "Decides which arguments the host reads";
  let description = [{
    An integer or bool argument of static shape, with at most 64 elements, whose elements are taken one by one by
    tensor.extract with constant indices gets `halcyon.residence = "host"`, or "both" where a device operation
    uses it too. Other arguments have no such attribute: they live on the device.

    Small integer tensors that are made of scalars are turned into these scalars: a constant index into
    from_elements or a view of one is its operand.
  }];
  let dependentDialects = ["mlir::arith::ArithDialect", "mlir::tensor::TensorDialect"];
}

#endif // HALCYON_TENSOR_PASSES
