#include "codegen/cpu/Codegen.h"

#include "codegen/cpu/Object.h"
#include "codegen/cpu/Passes.h"
#include "codegen/cpu/Target.h"
#include "dialect/dispatch/Dispatch.h"
#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/ThreadPool.h"
#include "llvm/Target/TargetMachine.h"

#include <atomic>
#include <chrono>
#include <thread>

using namespace mlir;
using namespace halcyon;

namespace {
struct Kernel {
  std::string name, bytecode;
  Location location;
  // What compiling gives.
  KernelObject object;
  std::string mlirText, llvmText, error;
  KernelInfo info;
};
} // namespace

// A module with only this executable, as bytes that another context reads.
static LogicalResult serialize(dispatch::ExecutableOp executable, std::string &bytes) {
  OwningOpRef<ModuleOp> module = ModuleOp::create(executable.getLoc());
  OpBuilder builder = OpBuilder::atBlockBegin(module->getBody());
  builder.clone(*executable);
  llvm::raw_string_ostream stream(bytes);
  return writeBytecodeToFile(*module, stream);
}

static void readInfo(ModuleOp module, KernelInfo &info) {
  for (auto function : module.getOps<LLVM::LLVMFuncOp>()) {
    if (auto tile = function->getAttrOfType<DenseI64ArrayAttr>("halcyon.tile"))
      llvm::copy(tile.asArrayRef(), info.tile.begin());
    if (auto bytes = function->getAttrOfType<IntegerAttr>("halcyon.local_memory"))
      info.localMemory = bytes.getInt();
    info.specialised |= function->hasAttr("halcyon.specialised");
  }
}

static void compile(Kernel &kernel, std::optional<size_t> number, const DialectRegistry &registry, const ResolvedTarget &target,
                    int optLevel, bool dump) {
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    if (diagnostic.getSeverity() == DiagnosticSeverity::Error && kernel.error.empty())
      kernel.error = diagnostic.str();
    return success();
  });
  ParserConfig config(&context, /*verifyAfterParse=*/false);
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(kernel.bytecode, config);
  if (module) {
    PassManager manager(&context);
#ifdef NDEBUG
    manager.enableVerifier(false);
#endif
    buildCpuPipeline(manager, target.traits, optLevel);
    const bool lowered = succeeded(manager.run(*module));
    if (dump) {
      llvm::raw_string_ostream stream(kernel.mlirText);
      module->print(stream);
    }
    if (lowered) {
      readInfo(*module, kernel.info);
      std::unique_ptr<llvm::TargetMachine> machine = createTargetMachine(target, optLevel);
      FailureOr<KernelObject> object =
          emitKernelObject(*module, target, *machine, number, dump ? &kernel.llvmText : nullptr);
      if (succeeded(object))
        kernel.object = std::move(*object);
    }
  }
  if (kernel.object.bytes.empty() && kernel.error.empty())
    kernel.error = "cannot be lowered to machine code";
}

static LogicalResult dumpKernel(const Kernel &kernel, StringRef folder, StringRef arch) {
  for (auto [text, extension] : {std::pair(&kernel.mlirText, ".mlir"), std::pair(&kernel.llvmText, ".ll")}) {
    llvm::SmallString<128> path(folder);
    llvm::sys::path::append(path, kernel.name + "." + arch + extension);
    std::error_code code;
    llvm::raw_fd_ostream stream(path, code);
    if (code)
      return emitError(kernel.location) << "cannot write " << path << ": " << code.message();
    stream << *text;
  }
  return success();
}

FailureOr<CompiledVariant> halcyon::compileForCpu(ModuleOp module, const CpuTarget &target, int optLevel, int jobs,
                                                  StringRef dumpDir, ExecutableFormat format) {
  const bool isElf = format == ExecutableFormat::elf;
  std::string error;
  FailureOr<ResolvedTarget> resolved = resolveTarget(target, error);
  if (failed(resolved))
    return module.emitError("target ") << target.triple << ": " << error;

  std::vector<Kernel> kernels;
  for (auto executable : module.getOps<dispatch::ExecutableOp>()) {
    kernels.push_back({executable.getSymName().str(), {}, executable.getLoc(), {}, {}, {}, {}, {}});
    if (failed(serialize(executable, kernels.back().bytecode)))
      return executable.emitError("cannot be written as bytecode");
  }

  DialectRegistry registry;
  registerCpuCodegenDialects(registry);
  // Long ones first: one that begins last would keep a single thread busy.
  SmallVector<size_t> order = llvm::to_vector(llvm::seq<size_t>(0, kernels.size()));
  llvm::stable_sort(order, [&](size_t a, size_t b) { return kernels[a].bytecode.size() > kernels[b].bytecode.size(); });
  std::atomic<size_t> next = 0;
  auto work = [&] {
    for (size_t at; (at = next++) < order.size();) {
      const size_t i = order[at];
      compile(kernels[i], isElf ? std::optional(i) : std::nullopt, registry, *resolved, optLevel, !dumpDir.empty());
    }
  };
  std::vector<std::thread> threads;
  for (int i = 1; i < std::min<int>(jobs, kernels.size()); ++i)
    threads.emplace_back(work);
  work();
  for (std::thread &thread : threads)
    thread.join();

  CompiledVariant variant;
  variant.target = resolved->arch;
  variant.triple = resolved->triple;
  variant.requiredFeatures = resolved->required;
  bool failedKernel = false;
  for (Kernel &kernel : kernels) {
    if (!dumpDir.empty() && failed(dumpKernel(kernel, dumpDir, resolved->arch)))
      return failure();
    if (!kernel.error.empty()) {
      emitError(kernel.location) << "kernel " << kernel.name << ": " << kernel.error;
      failedKernel = true;
    }
    variant.kernels.push_back(kernel.info);
    variant.objects.push_back(std::move(kernel.object.bytes));
    variant.hashes.push_back(kernel.object.hash);
  }
  if (failedKernel)
    return failure();
  if (!isElf)
    return variant;

  std::unique_ptr<llvm::TargetMachine> machine = createTargetMachine(*resolved, optLevel);
  FailureOr<std::string> library = emitLibraryObject(*resolved, *machine, kernels.size(), error);
  if (failed(library))
    return module.emitError("target ") << target.triple << ": " << error;
  variant.objects.push_back(std::move(*library));
  const auto start = std::chrono::steady_clock::now();
  FailureOr<std::string> image = linkImage(variant.objects, error);
  variant.linkMs = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  if (failed(image))
    return module.emitError("link: ") << error;
  variant.elf = std::move(*image);
  variant.objects.clear();
  variant.hashes.clear();
  return variant;
}
