#include "codegen/cpu/Object.h"
#include "codegen/cpu/RuntimeIr.h"

#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Analysis/LoopInfo.h"
#include "llvm/Analysis/TargetLibraryInfo.h"
#include "llvm/Analysis/TargetTransformInfo.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/OptBisect.h"
#include "llvm/Bitcode/BitcodeWriter.h"
#include "llvm/IRReader/IRReader.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SHA256.h"
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

// A loop with so many vectors of sums has enough to do: in copies it is no faster, and most of its kernel's bodies are rarely run.
static constexpr unsigned manySums = 5;
// A kernel of so many instructions, when it is optimized, is one of many blocks; of others the time does not matter.
static constexpr unsigned manyInstructions = 3000;

namespace {
struct KeepBlocks : llvm::PassInfoMixin<KeepBlocks> {
  llvm::PreservedAnalyses run(llvm::Function &function, llvm::FunctionAnalysisManager &analyses) {
    for (llvm::Loop *loop : analyses.getResult<llvm::LoopAnalysis>(function).getLoopsInPreorder()) {
      auto sums = llvm::make_filter_range(loop->getHeader()->phis(),
                                          [](llvm::PHINode &phi) { return phi.getType()->isVectorTy(); });
      if (llvm::hasNItemsOrMore(sums, manySums))
        loop->setLoopAlreadyUnrolled();
    }
    return llvm::PreservedAnalyses::all();
  }
};

// Its time grows faster than the loops it reads, and addresses of blocks are as they should be.
struct NoStrengthReduction final : llvm::OptPassGate {
  bool isEnabled() const override { return true; }
  bool shouldRunPass(llvm::StringRef pass, llvm::StringRef) override { return pass != "Loop Strength Reduction"; }
};
} // namespace

static void optimize(llvm::Module &module, llvm::TargetMachine &machine) {
  llvm::PipelineTuningOptions tuning;
  tuning.LoopVectorization = tuning.SLPVectorization = tuning.LoopInterleaving = tuning.LoopUnrolling = true;
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager callGraph;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(&machine, tuning);
  // After loops of few iterations are unrolled, before others are.
  builder.registerOptimizerEarlyEPCallback([](llvm::ModulePassManager &manager, llvm::OptimizationLevel) {
    manager.addPass(llvm::createModuleToFunctionPassAdaptor(KeepBlocks()));
  });
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

static uint64_t contentHash(const llvm::Module &module) {
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::WriteBitcodeToFile(module, stream);
  const auto *data = reinterpret_cast<const uint8_t *>(bytes.data());
  const std::array<uint8_t, 32> digest = llvm::SHA256::hash(llvm::ArrayRef(data, bytes.size()));
  return std::max<uint64_t>(llvm::support::endian::read64le(digest.data()), 1);
}

std::string halcyon::staticSymbol(uint64_t hash) {
  return "hcy_kernel_" + llvm::utohexstr(hash, /*LowerCase=*/true, /*Width=*/16);
}

FailureOr<KernelObject> halcyon::emitKernelObject(ModuleOp module, const ResolvedTarget &target,
                                                  llvm::TargetMachine &machine, std::optional<size_t> number,
                                                  std::string *llvmText) {
  llvm::LLVMContext context;
  NoStrengthReduction noStrengthReduction;
  std::unique_ptr<llvm::Module> code = translateModuleToLLVMIR(module, context, "kernel");
  if (!code)
    return failure();
  prepare(*code, target, machine);
  KernelObject object;
  if (!number)
    object.hash = contentHash(*code);
  for (llvm::Function &function : *code) {
    if (function.getName() == "hcy_kernel") {
      function.setName(number ? "hcy_kernel_" + std::to_string(*number) : staticSymbol(object.hash));
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
  if (code->getInstructionCount() >= manyInstructions)
    context.setOptPassGate(noStrengthReduction);
  if (llvmText) {
    llvm::raw_string_ostream stream(*llvmText);
    code->print(stream, nullptr);
  }
  FailureOr<std::string> bytes = emit(*code, machine);
  if (failed(bytes))
    return failure();
  object.bytes = std::move(*bytes);
  return object;
}

// The runtime's functions, and the constant `name` that `value` makes.
static FailureOr<std::string> emitRuntimeObject(const ResolvedTarget &target, llvm::TargetMachine &machine,
                                                StringRef name, std::string &error,
                                                llvm::function_ref<llvm::Constant *(llvm::Module &)> value) {
  llvm::LLVMContext context;
  llvm::SMDiagnostic diagnostic;
  std::unique_ptr<llvm::Module> code =
      llvm::parseIR(llvm::MemoryBufferRef(runtimeIr, "runtime"), diagnostic, context);
  if (!code) {
    error = diagnostic.getMessage().str();
    return failure();
  }
  llvm::Constant *constant = value(*code);
  new llvm::GlobalVariable(*code, constant->getType(), /*isConstant=*/true, llvm::GlobalValue::ExternalLinkage,
                           constant, name);
  prepare(*code, target, machine);
  FailureOr<std::string> object = emit(*code, machine);
  if (failed(object))
    error = "target cannot write object files";
  return object;
}

static llvm::Constant *declareKernel(llvm::Module &module, const std::string &name) {
  llvm::PointerType *pointer = llvm::PointerType::get(module.getContext(), 0);
  auto *type = llvm::FunctionType::get(llvm::Type::getInt32Ty(module.getContext()), {pointer, pointer}, false);
  auto *kernel = llvm::Function::Create(type, llvm::GlobalValue::ExternalLinkage, name, module);
  kernel->setVisibility(llvm::GlobalValue::HiddenVisibility);
  kernel->setDSOLocal(true);
  return kernel;
}

FailureOr<std::string> halcyon::emitLibraryObject(const ResolvedTarget &target, llvm::TargetMachine &machine,
                                                  size_t count, std::string &error) {
  return emitRuntimeObject(target, machine, "hcy_library", error, [&](llvm::Module &module) {
    llvm::Type *i32 = llvm::Type::getInt32Ty(module.getContext());
    llvm::ArrayType *table = llvm::ArrayType::get(llvm::PointerType::get(module.getContext(), 0), count);
    llvm::SmallVector<llvm::Constant *> kernels;
    for (size_t i = 0; i < count; ++i)
      kernels.push_back(declareKernel(module, "hcy_kernel_" + std::to_string(i)));
    return llvm::ConstantStruct::getAnon({llvm::ConstantInt::get(i32, 1), llvm::ConstantInt::get(i32, count),
                                          llvm::ConstantArray::get(table, kernels)});
  });
}

FailureOr<std::string> halcyon::emitTableObject(const ResolvedTarget &target, llvm::TargetMachine &machine,
                                                StringRef name, ArrayRef<uint64_t> hashes, std::string &error) {
  return emitRuntimeObject(target, machine, name, error, [&](llvm::Module &module) {
    llvm::Type *i64 = llvm::Type::getInt64Ty(module.getContext());
    auto *entry = llvm::StructType::get(i64, llvm::PointerType::get(module.getContext(), 0));
    llvm::SmallVector<llvm::Constant *> entries;
    for (uint64_t hash : hashes)
      entries.push_back(llvm::ConstantStruct::get(entry, {llvm::ConstantInt::get(i64, hash),
                                                          declareKernel(module, staticSymbol(hash))}));
    if (entries.empty()) // C has no empty array
      entries.push_back(llvm::ConstantAggregateZero::get(entry));
    return llvm::ConstantArray::get(llvm::ArrayType::get(entry, entries.size()), entries);
  });
}
