#ifndef HALCYON_DIALECT_NN_OPS
#define HALCYON_DIALECT_NN_OPS

include "dialect/nn/NnDialect.td"
include "mlir/Interfaces/DestinationStyleOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Nn_Op<string mnemonic, list<Trait> traits = []>
    : Op<Nn_Dialect, mnemonic, !listconcat([Pure, DestinationStyleOpInterface,
                                            AllTypesMatch<["init", "result"]>], traits)> {
  let results = (outs AnyRankedTensor:$result);
  let hasVerifier = 1;
  code dpsDeclaration = [{
    mlir::MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
  }];
  let extraClassDeclaration = dpsDeclaration;
}

def Nn_ConvOp : Nn_Op<"conv"> {
  let summary = "convolution over 1 to 3 spatial dimensions";
  let description = [{
    `filter` is [O, I / groups, kernel...] in every layout; `bias` is [O].
    An output element is the sum over its window of the input, which is zero
    outside, plus the bias: there an infinite weight gives NaN. With
    `inside_only` what is outside is not multiplied. Output extent: floor((in + pad_low + pad_high -
    dilation * (kernel - 1) - 1) / stride) + 1.

    ```mlir
    %y = nn.conv ins(%x, %w, %b : tensor<1x3x8x8xf32>, tensor<4x3x3x3xf32>, tensor<4xf32>)
                 outs(%init : tensor<1x4x8x8xf32>)
         {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pad_low = array<i64: 1, 1>,
          pad_high = array<i64: 1, 1>}
    ```
  }];
  let arguments = (ins AnyRankedTensor:$input, AnyRankedTensor:$filter,
    Optional<AnyRankedTensor>:$bias, AnyRankedTensor:$init,
    DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$dilations,
    DenseI64ArrayAttr:$pad_low, DenseI64ArrayAttr:$pad_high,
    DefaultValuedAttr<I64Attr, "1">:$groups,
    DefaultValuedAttr<Nn_LayoutAttr, "::halcyon::nn::Layout::channels_first">:$input_layout,
    DefaultValuedAttr<Nn_LayoutAttr, "::halcyon::nn::Layout::channels_first">:$output_layout,
    UnitAttr:$inside_only);
  let assemblyFormat = [{
    `ins` `(` $input `,` $filter (`,` $bias^)? `:`
    type($input) `,` type($filter) (`,` type($bias)^)? `)`
    `outs` `(` $init `:` type($init) `)` attr-dict
  }];
}

def Nn_ConvTransposeOp : Nn_Op<"conv_transpose"> {
  let summary = "transposed convolution, channels first";
  let description = [{
    The gradient of `conv` by its input: `filter` is [I, O / groups, kernel...],
    `bias` is [O]. Input element i reaches output elements
    i * stride + k * dilation - pad_low; what falls outside is dropped. Output
    extent: stride * (in - 1) + dilation * (kernel - 1) + 1 - pad_low - pad_high;
    a negative `pad_high` adds elements that no input may reach.
  }];
  let arguments = (ins AnyRankedTensor:$input, AnyRankedTensor:$filter,
    Optional<AnyRankedTensor>:$bias, AnyRankedTensor:$init,
    DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$dilations, DenseI64ArrayAttr:$pad_low,
    DenseI64ArrayAttr:$pad_high, DefaultValuedAttr<I64Attr, "1">:$groups);
  let assemblyFormat = Nn_ConvOp.assemblyFormat;
}

def Nn_PoolOp : Nn_Op<"pool"> {
  let summary = "maximum or average of windows over 1 to 3 spatial dimensions";
  let description = [{
    A maximum ignores elements outside the input. An average divides by the
    number of the window's elements inside the input or, with
    `count_include_pad`, inside the padded input. `ceil_mode` rounds the output
    extent up; a window that passes the padded input is cut.
  }];
  let arguments = (ins AnyRankedTensor:$input, AnyRankedTensor:$init, Nn_PoolKindAttr:$kind,
    DenseI64ArrayAttr:$kernel, DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$dilations,
    DenseI64ArrayAttr:$pad_low, DenseI64ArrayAttr:$pad_high, UnitAttr:$ceil_mode,
    UnitAttr:$count_include_pad,
    DefaultValuedAttr<Nn_LayoutAttr, "::halcyon::nn::Layout::channels_first">:$layout);
  let assemblyFormat = [{
    `ins` `(` $input `:` type($input) `)` `outs` `(` $init `:` type($init) `)` attr-dict
  }];
}

def Nn_SoftmaxOp : Nn_Op<"softmax"> {
  let summary = "softmax, or its logarithm, along one axis";
  let arguments = (ins AnyRankedTensor:$input, AnyRankedTensor:$init, I64Attr:$axis,
                       UnitAttr:$log);
  let assemblyFormat = Nn_PoolOp.assemblyFormat;
}

def Nn_LayerNormOp : Nn_Op<"layer_norm", [AttrSizedOperandSegments]> {
  let summary = "normalisation over the dimensions from `axis` on";
  let description = [{
    (x - mean) / sqrt(variance + epsilon) * scale + bias, with mean and variance
    over the dimensions `axis` and later. `scale` and `bias` have the shape of
    those dimensions; a bias needs a scale.
  }];
  let arguments = (ins AnyRankedTensor:$input, Optional<AnyRankedTensor>:$scale,
    Optional<AnyRankedTensor>:$bias, AnyRankedTensor:$init, I64Attr:$axis, F32Attr:$epsilon);
  let assemblyFormat = [{
    `ins` `(` $input (`,` $scale^)? (`bias` $bias^)? `:`
    type($input) (`,` type($scale)^)? (`bias` type($bias)^)? `)`
    `outs` `(` $init `:` type($init) `)` attr-dict
  }];
}

def Nn_ReinterpretOp : Op<Nn_Dialect, "reinterpret", [Pure]> {
  let summary = "the bytes of a packed tensor, or the packed tensor of bytes";
  let description = [{
    The same memory as a tensor of another type: a packed one, whose elements
    have 2 or 4 bits, as its bytes, or the other way round; or bytes whose
    innermost dimension is taken by fours, or bf16 by twos, as i32. The scheduler makes
    it a view; kernels see no packed type. `sizes` are the dynamic dimensions of
    the result. It has no decomposition.

    ```mlir
    %bytes = nn.reinterpret %x[%size] : tensor<?x3xi4> to tensor<?xi8>
    %words = nn.reinterpret %y[%size] : tensor<?x64xi8> to tensor<?x16xi32>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$source, Variadic<Index>:$sizes);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    $source (`[` $sizes^ `]`)? `:` type($source) `to` type($result) attr-dict
  }];
  let extraClassDeclaration = [{
    mlir::OpFoldResult getSize(int64_t axis);
  }];
  let hasVerifier = 1;
}

def Nn_WinogradOp : Op<Nn_Dialect, "winograd", [Pure]> {
  let summary = "the product of a 3x3 convolution whose filter is transformed";
  let description = [{
    The body of a linalg.generic that is a convolution of 3x3 with stride 1. Its maps say what the convolution
    reads: windows of the input, and of the filter the column of the result. The filter's operand is not the
    filter g but its transform G g G^T, [a * a, O / 16, I, 16] with a = tile + 2; its map begins with 0, though all
    a * a are read. An empty tensor gives the window its shape. halcyon-winograd makes it, CPU code generation
    computes tile x tile results at once from a x a inputs. It has no decomposition.

    ```mlir
    linalg.generic {(h, w, o, y, x, i) -> (h + y, w + x, i), -> (0, o floordiv 16, i, o mod 16), -> (y, x), -> (h, w, o)}
        ins(%input, %transformed, %window : tensor<58x58x64xf32>, tensor<36x4x64x16xf32>, tensor<3x3xf32>) outs(%sums) {
      %0 = nn.winograd %in, %u into %out {tile = 4}
      linalg.yield %0
    ```
  }];
  let arguments = (ins F32:$input, F32:$filter, F32:$sum, I64Attr:$tile);
  let results = (outs F32:$result);
  let assemblyFormat = "$input `,` $filter `into` $sum attr-dict";
  let hasVerifier = 1;
}

def Nn_DotBytesOp : Op<Nn_Dialect, "dot_bytes",
    [Pure, AllTypesMatch<["lhs", "rhs", "result"]>] # ElementwiseMappable.traits> {
  let summary = "sum of the products of four unsigned and four signed bytes";
  let description = [{
    Of numbers, for the bodies of linalg operations: byte i of `lhs` is unsigned, that of `rhs` signed, the least
    significant one is the first. The sum does not overflow.

    ```mlir
    %sum = nn.dot_bytes %a, %b : i32
    ```
  }];
  let arguments = (ins SignlessIntegerLike:$lhs, SignlessIntegerLike:$rhs);
  let results = (outs SignlessIntegerLike:$result);
  let assemblyFormat = "$lhs `,` $rhs attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Nn_HiddenIndexOp : Op<Nn_Dialect, "hidden_index", [Pure]> {
  let summary = "an index that upstream's folds do not see through";
  let description = [{
    MLIR 19 aborts when it folds tensor.extract from a constant that is a dense_resource. halcyon-hide-indices hides
    an index of each that could come to that; canonicalization reads the element where all indices are constants, and
    shows the index again where the tensor is no such constant any more (in a kernel it is a parameter).

    ```mlir
    %0 = nn.hidden_index %i
    %1 = tensor.extract %table[%0, %j] : tensor<100x4xf32>
    ```
  }];
  let arguments = (ins Index:$index);
  let results = (outs Index:$result);
  let assemblyFormat = "$index attr-dict";
}

def Nn_DotPairsOp : Op<Nn_Dialect, "dot_pairs", [Pure, AllTypesMatch<["lhs", "rhs"]>] # ElementwiseMappable.traits> {
  let summary = "sum of the products of two bf16 each";
  let description = [{
    Of numbers, for the bodies of linalg operations: each i32 holds two bf16, the least significant one is the first. The
    sum is f32, in any order; a target may take denormal numbers for zeros.

    ```mlir
    %sum = nn.dot_pairs %a, %b : i32 to f32
    ```
  }];
  let arguments = (ins SignlessIntegerLike:$lhs, SignlessIntegerLike:$rhs);
  let results = (outs FloatLike:$result);
  let assemblyFormat = "$lhs `,` $rhs attr-dict `:` type($lhs) `to` type($result)";
  let hasVerifier = 1;
}

#endif // HALCYON_DIALECT_NN_OPS
