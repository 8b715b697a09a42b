#include "tools/Compile.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <chrono>
#include <thread>

#include "Pipeline.h"
#include "codegen/cpu/Codegen.h"
#include "codegen/cpu/StaticLibrary.h"
#include "dispatch/Statistics.h"
#include "emit/artifact/Emit.h"
#include "emit/artifact/StaticHeader.h"
#include "import/Import.h"
#include "tools/Diagnostics.h"
#include "tools/Explain.h"
#include "tools/OutputFile.h"
#include "tools/Register.h"

using namespace mlir;
using namespace halcyon;

namespace {

class Compilation {
public:
  explicit Compilation(const Options &options)
      : options(options), jobs(options.jobs ? options.jobs : std::max(1u, std::thread::hardware_concurrency())) {}

  LogicalResult run();

private:
  InFlightDiagnostic error() { return emitError(UnknownLoc::get(context.get())); }
  LogicalResult parseTargets();
  LogicalResult importInput();
  LogicalResult runPhase(const Phase &phase);
  LogicalResult generateCode();
  LogicalResult writeOutput();
  LogicalResult writeStaticLibrary();
  LogicalResult writeFile(const std::string &path, llvm::function_ref<LogicalResult(llvm::raw_pwrite_stream &)> write);
  LogicalResult writeStats();
  LogicalResult dump(unsigned number, StringRef phase);

  // Runs one phase and notes its time.
  LogicalResult timed(StringRef phase, llvm::function_ref<LogicalResult()> work);

  Options options;
  int jobs;
  std::unique_ptr<MLIRContext> context;
  OwningOpRef<ModuleOp> module;
  std::vector<CpuTarget> targets;
  std::vector<CompiledVariant> variants;
  dispatch::Statistics statistics;
  Explanation explanation;
  llvm::json::Object phaseTimes;
  double linkTime = 0;
};

LogicalResult Compilation::timed(StringRef phase, llvm::function_ref<LogicalResult()> work) {
  auto start = std::chrono::steady_clock::now();
  LogicalResult result = work();
  std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - start;
  phaseTimes[phase] = time.count();
  return result;
}

LogicalResult Compilation::parseTargets() {
  for (const std::string &text : options.targets) {
    FailureOr<CpuTarget> target = parseCpuTarget(text, [&] { return error(); });
    if (failed(target))
      return failure();
    targets.push_back(*target);
  }
  if (targets.empty())
    targets.push_back(hostCpuTarget());
  options.multipliesPairs = llvm::all_of(targets, multipliesPairs);
  return success();
}

LogicalResult Compilation::importInput() {
  ImportOptions import;
  for (const std::string &text : options.shapes) {
    FailureOr<ShapeOverride> shape = parseShapeOverride(text);
    if (failed(shape))
      return error() << "--shape=" << text << ": expected NAME=1x3x224x224";
    import.shapes.push_back(*shape);
  }
  if (options.explain != Explain::none)
    import.report = &explanation.source;
  module = importModel(*context, options.input, import);
  if (!explanation.source.unsupported.empty()) {
    explanation.print(options.input, options.explain, llvm::outs());
    return error() << options.input << ": " << explanation.source.unsupported.size()
                   << " nodes or inputs are not supported";
  }
  return success(static_cast<bool>(module));
}

LogicalResult Compilation::runPhase(const Phase &phase) {
  PassManager passes(context.get());
  if (options.explain != Explain::none)
    explanation.watch(passes);
  phase.build(passes, options);
  return passes.run(*module);
}

LogicalResult Compilation::generateCode() {
  for (const CpuTarget &target : targets) {
    FailureOr<CompiledVariant> variant =
        compileForCpu(*module, target, options.optLevel, jobs, options.dumpDir,
                      options.staticExecutables ? ExecutableFormat::staticTable : ExecutableFormat::elf);
    if (failed(variant))
      return failure();
    linkTime += variant->linkMs;
    variants.push_back(std::move(*variant));
  }
  return success();
}

LogicalResult Compilation::writeFile(const std::string &path,
                                     llvm::function_ref<LogicalResult(llvm::raw_pwrite_stream &)> write) {
  OutputFile output(path);
  if (output && failed(write(output.stream())))
    return failure();
  if (!output.keep())
    return error() << path << ": cannot write: " << output.error();
  return success();
}

LogicalResult Compilation::writeOutput() {
  if (options.emit == EmitKind::ir)
    return writeFile(options.output, [&](llvm::raw_pwrite_stream &stream) {
      module->print(stream, OpPrintingFlags().elideLargeResourceString().elideLargeElementsAttrs());
      return success();
    });
  if (options.staticExecutables && failed(writeStaticLibrary()))
    return failure();
  EmitOptions emit;
  emit.resultsMappable = options.externalResourcesMappable;
  emit.externalParameters = options.externalParameters;
  emit.flags = "-O" + std::to_string(options.optLevel);
  for (const std::string &target : options.targets)
    emit.flags += " --target=" + target;
  if (!options.quantizeWeights.empty())
    emit.flags += " --quantize-weights=" + options.quantizeWeights;
  if (options.fastMath)
    emit.flags += " --fast-math";
  if (options.winogradTile != 0)
    emit.flags += " --winograd=" + (options.winogradTile < 0 ? "off" : std::to_string(options.winogradTile));
  if (options.precision != Precision::f32)
    emit.flags += options.precision == Precision::f16 ? " --precision=f16" : " --precision=bf16";
  if (options.externalResourcesMappable)
    emit.flags += " --external-resources-mappable";
  if (options.staticExecutables)
    emit.flags += " --executables=static";
  return writeFile(options.output,
                   [&](llvm::raw_pwrite_stream &stream) { return emitArtifact(*module, variants, emit, stream); });
}

// The object and the header, named after the artifact.
LogicalResult Compilation::writeStaticLibrary() {
  FailureOr<StaticLibrary> library = linkStaticLibrary(variants, [&] { return error(); });
  if (failed(library))
    return failure();
  llvm::SmallString<128> path(options.output);
  const std::string stem = llvm::sys::path::stem(path).str();
  llvm::sys::path::replace_extension(path, ".o");
  if (failed(writeFile(path.str().str(), [&](llvm::raw_pwrite_stream &stream) {
        stream << library->object;
        return success();
      })))
    return failure();
  llvm::sys::path::replace_extension(path, ".h");
  return writeFile(path.str().str(), [&](llvm::raw_pwrite_stream &stream) {
    writeStaticHeader(stem, library->table, library->entries, stream);
    return success();
  });
}

LogicalResult Compilation::writeStats() {
  phaseTimes["codegen"] = phaseTimes.getNumber("codegen").value_or(0) - linkTime;
  phaseTimes["link"] = linkTime;
  int64_t launches = 0, fallback = 0, arena = 0, floor = 0;
  for (auto [number, count] : llvm::enumerate(statistics.launches)) {
    launches += count;
    if (variants.empty() || !variants.front().kernels[number].specialised)
      fallback += count;
  }
  module->walk([&](Operation *op) {
    if (auto bytes = op->getAttrOfType<IntegerAttr>("halcyon.arena_bytes"))
      arena += bytes.getInt();
    if (auto bytes = op->getAttrOfType<IntegerAttr>("halcyon.live_floor_bytes"))
      floor += bytes.getInt();
  });
  llvm::json::Object stats{{"phases_ms", std::move(phaseTimes)},
                           {"dispatches", launches},
                           {"fallback_dispatches", fallback},
                           {"arena_bytes", arena},
                           {"live_floor_bytes", floor},
                           {"flops", statistics.flops},
                           {"bytes", statistics.bytes}};
  OutputFile output(options.statsFile);
  if (output)
    output.stream() << llvm::formatv("{0:2}\n", llvm::json::Value(std::move(stats)));
  if (!output.keep())
    return error() << options.statsFile << ": cannot write: " << output.error();
  return success();
}

LogicalResult Compilation::dump(unsigned number, StringRef phase) {
  if (options.dumpDir.empty())
    return success();
  llvm::SmallString<128> path(options.dumpDir);
  llvm::sys::path::append(path, std::to_string(number) + "-" + phase + ".mlir");
  OutputFile output(path.str());
  if (output)
    module->print(output.stream(), OpPrintingFlags().elideLargeResourceString().elideLargeElementsAttrs());
  if (!output.keep())
    return error() << path << ": cannot write: " << output.error();
  return success();
}

LogicalResult Compilation::run() {
  DialectRegistry registry;
  registerDialects(registry);
  registerImportDialects(registry);
  context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  PrintDiagnostics diagnostics(context.get());

  if (failed(parseTargets()))
    return failure();
  if (!options.dumpDir.empty())
    if (std::error_code code = llvm::sys::fs::create_directories(options.dumpDir))
      return error() << options.dumpDir << ": cannot create: " << code.message();
  if (failed(timed("import", [&] { return importInput(); })) || failed(dump(0, "import")))
    return failure();
  unsigned number = 1;
  for (const Phase &phase : phases()) {
    if (failed(timed(phase.name, [&] { return runPhase(phase); })) || failed(dump(number++, phase.name)))
      return failure();
    if (StringRef(phase.name) == "dispatch") {
      statistics = dispatch::collectStatistics(*module);
      if (options.explain != Explain::none)
        explanation.collect(*module, statistics);
    }
  }
  if (options.emit == EmitKind::artifact && failed(timed("codegen", [&] { return generateCode(); })))
    return failure();
  if (!options.output.empty() && failed(timed("emit", [&] { return writeOutput(); })))
    return failure();
  if (options.explain != Explain::none) {
    explanation.setKernels(variants.front());
    explanation.print(options.input, options.explain, llvm::outs());
  }
  return options.statsFile.empty() ? success() : writeStats();
}

} // namespace

LogicalResult halcyon::compile(const Options &options) { return Compilation(options).run(); }
