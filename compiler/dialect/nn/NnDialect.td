#ifndef HALCYON_DIALECT_NN_DIALECT
#define HALCYON_DIALECT_NN_DIALECT

include "mlir/IR/OpBase.td"
include "mlir/IR/EnumAttr.td"

def Nn_Dialect : Dialect {
  let name = "nn";
  let cppNamespace = "::halcyon::nn";
  let summary = "Structured tensor operations that linalg lacks";
  let description = [{
    Every op is destination-passing: it overwrites its `outs` operand, whose
    values are never read; the result's shape is that operand's. Each op has a
    reference decomposition to linalg (pass `halcyon-decompose-nn`).
    `nn.reinterpret`, a view, `nn.winograd`, the body of a generic, and `nn.dot_bytes`, `nn.dot_pairs` and
    `nn.hidden_index`, of numbers, are the exceptions to both.
  }];
  let useDefaultAttributePrinterParser = 1;
  let hasCanonicalizer = 1;
}

def Nn_Layout : I32EnumAttr<"Layout", "where the channels are", [
    I32EnumAttrCase<"channels_first", 0>,   // NC + spatial
    I32EnumAttrCase<"channels_last", 1>]> { // N + spatial + C
  let genSpecializedAttr = 0;
  let cppNamespace = "::halcyon::nn";
}
def Nn_LayoutAttr : EnumAttr<Nn_Dialect, Nn_Layout, "layout"> {
  let assemblyFormat = "`<` $value `>`";
}

def Nn_PoolKind : I32EnumAttr<"PoolKind", "what a pooling window becomes", [
    I32EnumAttrCase<"max", 0>,
    I32EnumAttrCase<"average", 1>]> {
  let genSpecializedAttr = 0;
  let cppNamespace = "::halcyon::nn";
}
def Nn_PoolKindAttr : EnumAttr<Nn_Dialect, Nn_PoolKind, "pool_kind"> {
  let assemblyFormat = "`<` $value `>`";
}

#endif // HALCYON_DIALECT_NN_DIALECT
