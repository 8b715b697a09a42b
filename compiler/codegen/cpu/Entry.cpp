#include "codegen/cpu/Passes.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace halcyon {
#define GEN_PASS_DEF_CPUENTRY
#include "codegen/cpu/Passes.h.inc"
} // namespace halcyon

using namespace mlir;
using namespace halcyon;

namespace {
// Reads the structs of include/halcyon/hal/kernel_abi.h.
struct Unpacker {
  ImplicitLocOpBuilder &builder;
  Type pointer, i64, i32;

  Unpacker(ImplicitLocOpBuilder &builder)
      : builder(builder), pointer(LLVM::LLVMPointerType::get(builder.getContext())), i64(builder.getI64Type()),
        i32(builder.getI32Type()) {}

  Type dispatchType() {
    return LLVM::LLVMStructType::getLiteral(builder.getContext(), {pointer, pointer, pointer});
  }
  Type workgroupType() {
    return LLVM::LLVMStructType::getLiteral(builder.getContext(),
                                            {LLVM::LLVMArrayType::get(i32, 3), i32, pointer, i64});
  }
  Value field(Type type, Type structType, Value base, ArrayRef<LLVM::GEPArg> path) {
    Value address = builder.create<LLVM::GEPOp>(pointer, structType, base, path, /*inbounds=*/true);
    return builder.create<LLVM::LoadOp>(type, address);
  }
  Value element(Type type, Value array, int32_t i) {
    Value address = builder.create<LLVM::GEPOp>(pointer, type, array, ArrayRef<LLVM::GEPArg>{i}, /*inbounds=*/true);
    return builder.create<LLVM::LoadOp>(type, address);
  }
  Value constant(int64_t value) { return builder.create<LLVM::ConstantOp>(i64, builder.getI64IntegerAttr(value)); }
};
} // namespace

// The descriptor's parts, as a function in the LLVM dialect takes them.
static void appendDescriptor(Unpacker &unpack, MemRefType type, Value data, ArrayRef<Value> sizes,
                             SmallVectorImpl<Value> &arguments) {
  arguments.append({data, data, unpack.constant(0)});
  SmallVector<Value> strides(type.getRank());
  Value stride = unpack.constant(1);
  for (int64_t i = type.getRank() - 1; i >= 0; --i) {
    strides[i] = stride;
    if (i)
      stride = unpack.builder.create<LLVM::MulOp>(stride, sizes[i]);
  }
  llvm::append_range(arguments, sizes);
  llvm::append_range(arguments, strides);
}

static void addEntry(LLVM::LLVMFuncOp kernel) {
  ImplicitLocOpBuilder builder(kernel.getLoc(), OpBuilder(kernel));
  builder.setInsertionPointAfter(kernel);
  Unpacker unpack(builder);
  auto type = LLVM::LLVMFunctionType::get(unpack.i32, {unpack.pointer, unpack.pointer});
  auto entry = builder.create<LLVM::LLVMFuncOp>("hcy_kernel", type);
  builder.setInsertionPointToStart(entry.addEntryBlock(builder));
  Value dispatch = entry.getArgument(0), workgroup = entry.getArgument(1);
  Value bindings = unpack.field(unpack.pointer, unpack.dispatchType(), dispatch, {0, 0});
  Value parameters = unpack.field(unpack.pointer, unpack.dispatchType(), dispatch, {0, 2});

  SmallVector<Value> arguments;
  auto types = kernel->getAttrOfType<ArrayAttr>("halcyon.bindings");
  auto dims = kernel->getAttrOfType<ArrayAttr>("halcyon.dims");
  for (auto [i, attribute] : llvm::enumerate(types)) {
    auto buffer = cast<MemRefType>(cast<TypeAttr>(attribute).getValue());
    SmallVector<Value> sizes;
    auto numbers = cast<ArrayAttr>(dims[i]).begin();
    for (int64_t size : buffer.getShape())
      sizes.push_back(ShapedType::isDynamic(size)
                          ? unpack.element(unpack.i64, parameters, cast<IntegerAttr>(*numbers++).getInt())
                          : unpack.constant(size));
    const unsigned data = arguments.size() + 1;
    appendDescriptor(unpack, buffer, unpack.element(unpack.pointer, bindings, i), sizes, arguments);
    kernel.setArgAttr(data, "llvm.noalias", builder.getUnitAttr());
  }
  // Five values of the local memory's descriptor and three ids follow the parameters.
  const unsigned numParameters = kernel.getNumArguments() - arguments.size() - 8;
  for (unsigned i = 0; i < numParameters; ++i)
    arguments.push_back(unpack.element(unpack.i64, parameters, i));
  for (int32_t i = 0; i < 3; ++i)
    arguments.push_back(builder.create<LLVM::ZExtOp>(
        unpack.i64, unpack.field(unpack.i32, unpack.workgroupType(), workgroup, {0, 0, i})));
  Value local = unpack.field(unpack.pointer, unpack.workgroupType(), workgroup, {0, 2});
  kernel.setArgAttr(arguments.size() + 1, "llvm.noalias", builder.getUnitAttr());
  Value localSize = unpack.field(unpack.i64, unpack.workgroupType(), workgroup, {0, 3});
  arguments.append({local, local, unpack.constant(0), localSize, unpack.constant(1)});

  auto call = builder.create<LLVM::CallOp>(kernel, arguments);
  builder.create<LLVM::ReturnOp>(call.getResult());
  kernel.setLinkage(LLVM::Linkage::Internal);
}

namespace {
struct CpuEntry : halcyon::impl::CpuEntryBase<CpuEntry> {
  void runOnOperation() override {
    for (auto function : llvm::make_early_inc_range(getOperation().getOps<LLVM::LLVMFuncOp>()))
      if (function->hasAttr("halcyon.bindings"))
        addEntry(function);
  }
};
} // namespace
