#ifndef HALCYON_HOST_OPS_TD
#define HALCYON_HOST_OPS_TD

include "HostDialect.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Host_Op<string mnemonic, list<Trait> traits = []> : Op<Host_Dialect, mnemonic, traits>;

def Host_Whole : AnyTypeOf<[I64, Index]>; // index until a function is scheduled

def Host_Scalar : AnyTypeOf<[AnySignlessInteger, AnyFloat]>;

// ---- memory ---------------------------------------------------------------------------------------------

def Host_AllocaOp : Host_Op<"alloca", [MemoryEffects<[MemAlloc]>]> {
  let summary = "New memory of `size` bytes";
  let description = [{
    external: results, handed to the caller. transient: inside a call. staging: between host and device.
  }];
  let arguments = (ins Host_Lifetime:$lifetime, I64:$size);
  let results = (outs Host_Buffer:$buffer);
  let assemblyFormat = "$lifetime $size attr-dict";
}

def Host_DeallocaOp : Host_Op<"dealloca", [MemoryEffects<[MemFree]>]> {
  let summary = "Gives memory back; the last use of its value";
  let arguments = (ins Host_Buffer:$buffer);
  let assemblyFormat = "$buffer attr-dict";
}

def Host_ConstantOp : Host_Op<"constant", [Pure]> {
  let summary = "The memory of a constant";
  let description = [{
    `scope` and `key` name an external parameter, which the application gives at load.
  }];
  let arguments = (ins ElementsAttr:$value, OptionalAttr<StrAttr>:$scope, OptionalAttr<StrAttr>:$key);
  let results = (outs Host_Buffer:$buffer);
  let assemblyFormat = "$value attr-dict";
}

def Host_VariableOp : Host_Op<"variable", [MemoryEffects<[MemRead]>]> {
  let summary = "The memory of a module variable (an ml_program.global)";
  let arguments = (ins FlatSymbolRefAttr:$variable);
  let results = (outs Host_Buffer:$buffer);
  let assemblyFormat = "$variable attr-dict";
}

def Host_SetVariableOp : Host_Op<"set_variable", [MemoryEffects<[MemWrite]>]> {
  let summary = "Makes a buffer the memory of a module variable";
  let arguments = (ins FlatSymbolRefAttr:$variable, Host_Buffer:$buffer);
  let assemblyFormat = "$variable `,` $buffer attr-dict";
}

def Host_BufferSizeOp : Host_Op<"buffer_size", [Pure]> {
  let summary = "Bytes of a buffer";
  let arguments = (ins Host_Buffer:$buffer);
  let results = (outs I64:$size);
  let assemblyFormat = "$buffer attr-dict";
}

def Host_ReadOp : Host_Op<"read", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "Waits for the work before it and reads one element";
  let arguments = (ins Host_Buffer:$buffer, I64:$offset);
  let results = (outs Host_Scalar:$value);
  let assemblyFormat = "$buffer `[` $offset `]` attr-dict `:` type($value)";
}

def Host_WriteOp : Host_Op<"write", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "Writes one element, in order with the work around it";
  let arguments = (ins Host_Scalar:$value, Host_Buffer:$buffer, I64:$offset);
  let assemblyFormat = "$value `,` $buffer `[` $offset `]` attr-dict `:` type($value)";
}

def Host_CallOp : Host_Op<"call", [AttrSizedOperandSegments, MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "Waits for the work before it and calls a function of the application";
  let description = [{
    `callback` is a `dispatch.callback`. The buffers are those of its inputs, then of its results; value i starts at byte
    `offsets[i]`. `dims` are the dynamic dimensions of each, in order.
  }];
  let arguments = (ins FlatSymbolRefAttr:$callback, Variadic<Host_Buffer>:$buffers, Variadic<I64>:$offsets,
                       Variadic<I64>:$dims);
  let assemblyFormat = "$callback `buffers` `(` $buffers `)` `offsets` `(` $offsets `)` `dims` `(` $dims `)` attr-dict";
  let hasVerifier = 1;
}

// ---- lists of tensors, until they are scheduled: values -------------------------------------------------

def Host_ListEmptyOp : Host_Op<"list_empty", [Pure]> {
  let summary = "A list without tensors";
  let results = (outs Host_List:$result);
  let assemblyFormat = "attr-dict";
}

def Host_ListInsertOp : Host_Op<"list_insert", [Pure]> {
  let summary = "A list with one more tensor, before the one at `position`";
  let description = [{
    `dims` are the tensor's shape as the list remembers it; a view of the same elements may be inserted in its place.
  }];
  let arguments = (ins Host_List:$list, Index:$position, AnyRankedTensor:$tensor, Variadic<Index>:$dims);
  let results = (outs Host_List:$result);
  let assemblyFormat = "$list `[` $position `]` `,` $tensor `dims` `(` $dims `)` attr-dict `:` type($tensor)";
  let hasVerifier = 1;
}

def Host_ListEraseOp : Host_Op<"list_erase", [Pure]> {
  let summary = "A list without the tensor at `position`";
  let arguments = (ins Host_List:$list, Index:$position);
  let results = (outs Host_List:$result);
  let assemblyFormat = "$list `[` $position `]` attr-dict";
}

def Host_ListLengthOp : Host_Op<"list_length", [Pure]> {
  let summary = "How many tensors";
  let arguments = (ins Host_List:$list);
  let results = (outs Index:$length);
  let assemblyFormat = "$list attr-dict";
}

def Host_ListDimOp : Host_Op<"list_dim", [Pure]> {
  let summary = "A dimension of the tensor at `position`; -1 where it has no such dimension";
  let arguments = (ins Host_List:$list, Index:$position, I64Attr:$dimension);
  let results = (outs Index:$extent);
  let assemblyFormat = "$list `[` $position `]` `dimension` $dimension attr-dict";
  let hasVerifier = 1;
}

def Host_ListGetOp : Host_Op<"list_get", [Pure]> {
  let summary = "The tensor at `position`, of the given sizes";
  let description = [{ As many elements as it has, or fewer; `sizes` are those of the type's dynamic dimensions. }];
  let arguments = (ins Host_List:$list, Index:$position, Variadic<Index>:$sizes);
  let results = (outs AnyRankedTensor:$tensor);
  let assemblyFormat = "$list `[` $position `]` `sizes` `(` $sizes `)` attr-dict `:` type($tensor)";
  let hasVerifier = 1;
}

def Host_CheckPositionOp : Host_Op<"check_position", [MemoryEffects<[MemWrite]>]> {
  let summary = "Leaves the call with an error unless 0 <= position < limit; `given` is the position that it reports";
  let arguments = (ins Host_Whole:$given, Host_Whole:$position, Host_Whole:$limit);
  let assemblyFormat = "$given `,` $position `below` $limit attr-dict `:` type($given) `,` type($position) `,` type($limit)";
}

// ---- lists, once they are scheduled ---------------------------------------------------------------------

def Host_ListCreateOp : Host_Op<"list_create", [MemoryEffects<[MemAlloc]>]> {
  let summary = "A new list without entries";
  let results = (outs Host_List:$list);
  let assemblyFormat = "attr-dict";
}

def Host_ListPushOp : Host_Op<"list_push", [MemoryEffects<[MemWrite]>]> {
  let summary = "Appends a buffer, or a number";
  let arguments = (ins Host_List:$list, AnyTypeOf<[Host_Buffer, Host_Whole]>:$value);
  let assemblyFormat = "$list `,` $value attr-dict `:` type($value)";
}

def Host_ListAppendOp : Host_Op<"list_append", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "Appends the entries of another list from `first` up to `end`";
  let arguments = (ins Host_List:$list, Host_List:$source, Host_Whole:$first, Host_Whole:$end);
  let assemblyFormat = "$list `,` $source `[` $first `to` $end `]` attr-dict `:` type($first) `,` type($end)";
}

def Host_ListAtOp : Host_Op<"list_at", [MemoryEffects<[MemRead]>]> {
  let summary = "An entry, a buffer or a number";
  let arguments = (ins Host_List:$list, Host_Whole:$index);
  let results = (outs AnyTypeOf<[Host_Buffer, Host_Whole]>:$value);
  let assemblyFormat = "$list `[` $index `]` attr-dict `:` type($index) `,` type($value)";
}

def Host_ListSizeOp : Host_Op<"list_size", [MemoryEffects<[MemRead]>]> {
  let summary = "How many entries";
  let arguments = (ins Host_List:$list);
  let results = (outs Host_Whole:$size);
  let assemblyFormat = "$list attr-dict `:` type($size)";
}

// ---- sizes: operands and results are not negative; what does not fit traps --------------------------------

class Host_SizeOp<string mnemonic, list<Trait> traits = []>
    : Host_Op<mnemonic, !listconcat(traits, [Pure, SameOperandsAndResultType])> {
  let arguments = (ins I64:$lhs, I64:$rhs);
  let results = (outs I64:$result);
  let assemblyFormat = "$lhs `,` $rhs attr-dict";
  let hasFolder = 1;
}
def Host_SizeAddOp : Host_SizeOp<"size_add", [Commutative]> { let summary = "lhs + rhs"; }
def Host_SizeSubOp : Host_SizeOp<"size_sub"> { let summary = "lhs - rhs"; }
def Host_SizeMulOp : Host_SizeOp<"size_mul", [Commutative]> { let summary = "lhs * rhs"; }
def Host_SizeAlignOp : Host_SizeOp<"size_align"> {
  let summary = "lhs rounded up to a multiple of rhs, a power of two";
}

// ---- commands -----------------------------------------------------------------------------------------------

class Host_Command<string mnemonic, list<Trait> traits = []>
    : Host_Op<mnemonic, !listconcat(traits, [MemoryEffects<[MemRead, MemWrite]>])>;

def Host_DispatchOp : Host_Command<"dispatch", [AttrSizedOperandSegments]> {
  let summary = "Runs a kernel";
  let description = [{
    Binding i is bytes [`offsets[i]`, `offsets[i]` + `sizes[i]`) of `buffers[i]`; the first `inputs` are read, the
    others may be read and written.
  }];
  let arguments = (ins FlatSymbolRefAttr:$executable, I64Attr:$inputs, Variadic<I64>:$workload,
                       Variadic<I64>:$parameters, Variadic<Host_Buffer>:$buffers, Variadic<I64>:$offsets,
                       Variadic<I64>:$sizes);
  let assemblyFormat = [{
    $executable `inputs` $inputs `workload` `[` $workload `]` `parameters` `(` $parameters `)`
    `bindings` `(` $buffers `)` `offsets` `(` $offsets `)` `sizes` `(` $sizes `)` attr-dict
  }];
  let hasVerifier = 1;
}

def Host_CopyOp : Host_Command<"copy"> {
  let summary = "Copies `size` bytes; the ranges do not overlap";
  let arguments = (ins Host_Buffer:$target, I64:$target_offset, Host_Buffer:$source, I64:$source_offset, I64:$size);
  let assemblyFormat = "$target `[` $target_offset `]` `from` $source `[` $source_offset `]` `size` $size attr-dict";
}

def Host_FillOp : Host_Command<"fill"> {
  let summary = "Repeats a pattern of 1, 2, 4 or 8 bytes";
  let arguments = (ins Host_Buffer:$target, I64:$offset, I64:$size, I64Attr:$pattern, I64Attr:$pattern_size);
  let assemblyFormat = "$target `[` $offset `]` `size` $size `pattern` $pattern `bytes` $pattern_size attr-dict";
  let hasVerifier = 1;
}

def Host_UpdateOp : Host_Command<"update"> {
  let summary = "Writes the low 1, 2, 4 or 8 bytes of a value";
  let arguments = (ins Host_Buffer:$target, I64:$offset, I64:$value, I64Attr:$bytes);
  let assemblyFormat = "$target `[` $offset `]` `value` $value `bytes` $bytes attr-dict";
  let hasVerifier = 1;
}

def Host_BarrierOp : Host_Command<"barrier", [HasParent<"CommandsOp">]> {
  let summary = "What came before is complete and visible to what follows";
  let assemblyFormat = "attr-dict";
}

// ---- command lists ------------------------------------------------------------------------------------------

def Host_CommandsOp : Host_Op<"commands", [
    IsolatedFromAbove, Symbol, SingleBlockImplicitTerminator<"EndOp">]> {
  let summary = "A command list";
  let description = [{
    The block's arguments are the bindings (`!host.buffer`), then the parameters (i64). The body holds commands
    and `arith.constant` of i64: a constant is a literal of the list, an argument a slot.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name attr-dict-with-keyword $body";
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    unsigned getNumBindings();
    ::mlir::Block::BlockArgListType getBindings() { return getBody().getArguments().take_front(getNumBindings()); }
    ::mlir::Block::BlockArgListType getParameters() { return getBody().getArguments().drop_front(getNumBindings()); }
  }];
}

def Host_EndOp : Host_Op<"end", [Pure, Terminator, HasParent<"CommandsOp">]> {
  let summary = "The end of a command list";
  let assemblyFormat = "attr-dict";
}

def Host_SubmitOp : Host_Op<"submit", [AttrSizedOperandSegments, DeclareOpInterfaceMethods<SymbolUserOpInterface>,
                                       MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "Submits a command list";
  let arguments = (ins FlatSymbolRefAttr:$commands, Variadic<Host_Buffer>:$bindings, Variadic<I64>:$parameters);
  let assemblyFormat = "$commands `bindings` `(` $bindings `)` `parameters` `(` $parameters `)` attr-dict";
}

def Host_FailOp : Host_Op<"fail", [MemoryEffects<[MemWrite]>]> {
  let summary = "Leaves the call with an error where `condition` is 0";
  let description = [{ `reason`: 0 an assertion of the model, 1 sizes that do not match. }];
  let arguments = (ins I1:$condition, I64Attr:$reason);
  let assemblyFormat = "`unless` $condition `reason` $reason attr-dict";
}

#endif
