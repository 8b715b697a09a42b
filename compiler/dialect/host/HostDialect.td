// The host dialect: buffers, the program that computes sizes and parameters, and command lists.
#ifndef HALCYON_HOST_DIALECT_TD
#define HALCYON_HOST_DIALECT_TD

include "mlir/IR/OpBase.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

def Host_Dialect : Dialect {
  let name = "host";
  let cppNamespace = "::halcyon::host";
  let summary = "Buffers, the host program and command lists";
  let description = [{
    After `compiler/schedule` a function is a host program: `func.func` over `!host.buffer` and scalars, with
    `arith` on i64 for integers, `cf` for control flow, and the ops below. A buffer carries no type: shapes
    are i64 values, sizes are bytes.
  }];
  let useDefaultTypePrinterParser = 1;
  let hasConstantMaterializer = 1;
}

def Host_Buffer : TypeDef<Host_Dialect, "Buffer"> {
  let mnemonic = "buffer";
  let summary = "A reference to memory that a device can use";
}

def Host_List : TypeDef<Host_Dialect, "List"> {
  let mnemonic = "list";
  let summary = "Tensors of one element type, each with a shape of its own";
  let description = [{
    Before `halcyon-schedule-buffers` a value: `list_empty`, `list_insert` and `list_erase` make a new one. After it a
    list that grows in place, `1 + shapeRank` entries a tensor: its buffer, then its dimensions, then -1 for each that
    it does not have.
  }];
}

def Host_Lifetime : I32EnumAttr<"Lifetime", "how long an allocation lives", [
    I32EnumAttrCase<"external", 0>, I32EnumAttrCase<"transient", 1>, I32EnumAttrCase<"staging", 2>]> {
  let cppNamespace = "::halcyon::host";
}

#endif
