#include "codegen/cpu/Object.h"
#include "codegen/cpu/RuntimeIr.h"

#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/Analysis/TargetLibraryInfo.h"
#include "llvm/Analysis/TargetTransformInfo.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/IRReader/IRReader.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Target/TargetMachine.h"

using namespace mlir;
using namespace halcyon;

// Freestanding code for the target: nothing may become a call of libc.
static void setAttributes(llvm::Module &module, const ResolvedTarget &target) {
  for (llvm::Function &function : module) {
    if (function.isIntrinsic())
      continue;
    function.addFnAttr("no-builtins");
    function.addFnAttr("target-cpu", target.cpu);
    if (!target.tuneCpu.empty())
      function.addFnAttr("tune-cpu", target.tuneCpu);
    function.addFnAttr("target-features", target.features);
    if (target.traits.vectorBytes == 64)
      function.addFnAttr("prefer-vector-width", "512");
    function.addFnAttr(llvm::Attribute::NoUnwind);
  }
}

static void optimize(llvm::Module &module, llvm::TargetMachine &machine) {
  llvm::PipelineTuningOptions tuning;
  tuning.LoopVectorization = tuning.SLPVectorization = tuning.LoopInterleaving = tuning.LoopUnrolling = true;
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager callGraph;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(&machine, tuning);
  functions.registerPass([&] {
    llvm::TargetLibraryInfoImpl info(machine.getTargetTriple());
    info.disableAllFunctions();
    return llvm::TargetLibraryAnalysis(info);
  });
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(callGraph);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, callGraph, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O3).run(module, modules);
}

static FailureOr<std::string> emit(llvm::Module &module, llvm::TargetMachine &machine) {
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager manager;
  auto *info = new llvm::TargetLibraryInfoWrapperPass(machine.getTargetTriple());
  manager.add(info);
  if (machine.addPassesToEmitFile(manager, stream, nullptr, llvm::CodeGenFileType::ObjectFile))
    return failure();
  manager.run(module);
  return std::string(bytes.data(), bytes.size());
}

static void prepare(llvm::Module &module, const ResolvedTarget &target, llvm::TargetMachine &machine) {
  module.setTargetTriple(target.triple);
  module.setDataLayout(machine.createDataLayout());
  module.setPICLevel(llvm::PICLevel::SmallPIC);
  setAttributes(module, target);
}

FailureOr<std::string> halcyon::emitKernelObject(ModuleOp module, const ResolvedTarget &target,
                                                 llvm::TargetMachine &machine, size_t number, std::string *llvmText) {
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> code = translateModuleToLLVMIR(module, context, "kernel");
  if (!code)
    return failure();
  prepare(*code, target, machine);
  for (llvm::Function &function : *code) {
    if (function.getName() == "hcy_kernel") {
      function.setName("hcy_kernel_" + std::to_string(number));
      function.setVisibility(llvm::GlobalValue::HiddenVisibility);
    } else if (!function.isDeclaration() && function.hasInternalLinkage()) {
      // Inlined, its arguments would lose noalias where LLVM cannot keep it as scopes.
      function.addFnAttr(llvm::Attribute::NoInline);
    } else if (function.isDeclaration() && !function.isIntrinsic()) {
      function.setVisibility(llvm::GlobalValue::HiddenVisibility);
      function.setDSOLocal(true);
    }
  }
  optimize(*code, machine);
  if (llvmText) {
    llvm::raw_string_ostream stream(*llvmText);
    code->print(stream, nullptr);
  }
  return emit(*code, machine);
}

FailureOr<std::string> halcyon::emitLibraryObject(const ResolvedTarget &target, llvm::TargetMachine &machine,
                                                  size_t count, std::string &error) {
  llvm::LLVMContext context;
  llvm::SMDiagnostic diagnostic;
  std::unique_ptr<llvm::Module> code =
      llvm::parseIR(llvm::MemoryBufferRef(runtimeIr, "runtime"), diagnostic, context);
  if (!code) {
    error = diagnostic.getMessage().str();
    return failure();
  }
  llvm::Type *i32 = llvm::Type::getInt32Ty(context);
  llvm::PointerType *pointer = llvm::PointerType::get(context, 0);
  llvm::ArrayType *table = llvm::ArrayType::get(pointer, count);
  llvm::SmallVector<llvm::Constant *> kernels;
  for (size_t i = 0; i < count; ++i) {
    auto *type = llvm::FunctionType::get(i32, {pointer, pointer}, false);
    auto *kernel = llvm::Function::Create(type, llvm::GlobalValue::ExternalLinkage,
                                          "hcy_kernel_" + std::to_string(i), *code);
    kernel->setVisibility(llvm::GlobalValue::HiddenVisibility);
    kernel->setDSOLocal(true);
    kernels.push_back(kernel);
  }
  auto *type = llvm::StructType::get(context, {i32, i32, table});
  llvm::Constant *value =
      llvm::ConstantStruct::get(type, {llvm::ConstantInt::get(i32, 1), llvm::ConstantInt::get(i32, count),
                                       llvm::ConstantArray::get(table, kernels)});
  new llvm::GlobalVariable(*code, type, /*isConstant=*/true, llvm::GlobalValue::ExternalLinkage, value, "hcy_library");
  prepare(*code, target, machine);
  FailureOr<std::string> object = emit(*code, machine);
  if (failed(object))
    error = "target cannot write object files";
  return object;
}
