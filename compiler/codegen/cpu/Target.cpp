#include "codegen/cpu/Target.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

#include <mutex>

using namespace mlir;
using namespace halcyon;

static void initializeTargets() {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::InitializeAllTargetInfos();
    llvm::InitializeAllTargets();
    llvm::InitializeAllTargetMCs();
    llvm::InitializeAllAsmPrinters();
  });
}

// Features that kernels may use, in the order in which a variant lists them. `asked`: the driver checks it;
// the others come with those on every machine there is.
namespace {
struct Feature {
  const char *name;
  bool asked;
};
} // namespace
static constexpr Feature x86Features[] = {
    {"sse3", false},     {"ssse3", false},   {"sse4.1", false},  {"sse4.2", true},      {"popcnt", false},
    {"avx", true},       {"avx2", true},     {"fma", true},      {"bmi", false},        {"bmi2", true},
    {"lzcnt", false},    {"movbe", false},   {"f16c", true},     {"avx512f", true},     {"avx512bw", true},
    {"avx512dq", true},  {"avx512vl", true}, {"avx512cd", false}, {"avx512vnni", true}, {"avx512bf16", true},
};
static constexpr Feature armFeatures[] = {{"dotprod", true}, {"i8mm", true}, {"bf16", true}};

CpuTarget halcyon::hostCpuTarget() {
  CpuTarget target;
  target.triple = llvm::sys::getDefaultTargetTriple();
  target.cpu = llvm::sys::getHostCPUName().str();
  llvm::StringMap<bool> host = llvm::sys::getHostCPUFeatures();
  for (const auto &feature : host)
    target.features.push_back((Twine(feature.second ? "+" : "-") + feature.first()).str());
  llvm::sort(target.features);
  return target;
}

FailureOr<CpuTarget> halcyon::parseCpuTarget(StringRef text, function_ref<InFlightDiagnostic()> emitError) {
  initializeTargets();
  auto [family, rest] = text.split(':');
  if (family != "cpu")
    return emitError() << "target '" << text << "': '" << family << "' is not a CPU target";
  if (rest.empty())
    return hostCpuTarget();
  auto [triple, machine] = rest.split(':');
  CpuTarget target;
  target.triple = llvm::Triple::normalize(triple);
  std::string error;
  const llvm::Target *backend = llvm::TargetRegistry::lookupTarget(target.triple, error);
  if (!backend)
    return emitError() << "target '" << text << "': unknown triple '" << triple << "'";
  SmallVector<StringRef> parts;
  machine.split(parts, ',');
  target.cpu = parts[0].str();
  std::unique_ptr<llvm::MCSubtargetInfo> info(backend->createMCSubtargetInfo(target.triple, "", ""));
  if (!target.cpu.empty() && !info->isCPUStringValid(target.cpu))
    return emitError() << "target '" << text << "': unknown CPU '" << target.cpu << "'";
  for (StringRef feature : ArrayRef(parts).drop_front()) {
    if (!feature.starts_with("+") && !feature.starts_with("-"))
      return emitError() << "target '" << text << "': feature '" << feature << "' must begin with + or -";
    if (llvm::none_of(info->getAllProcessorFeatures(),
                      [&](const llvm::SubtargetFeatureKV &known) { return feature.drop_front() == known.Key; }))
      return emitError() << "target '" << text << "': unknown feature '" << feature << "'";
    target.features.push_back(feature.str());
  }
  return target;
}

static void cutFeatures(ResolvedTarget &result, const llvm::MCSubtargetInfo &info, ArrayRef<Feature> table) {
  std::vector<std::string> features;
  for (const Feature &feature : table) {
    if (!info.checkFeatures(std::string("+") + feature.name))
      continue;
    features.push_back(std::string("+") + feature.name);
    if (feature.asked)
      result.required.push_back(feature.name);
  }
  result.features = llvm::join(features, ",");
}

static CpuTraits traitsOf(const ResolvedTarget &target) {
  llvm::StringSet<> has;
  for (StringRef feature : llvm::split(target.features, ','))
    has.insert(feature.drop_front(feature.empty() ? 0 : 1));
  CpuTraits traits;
  if (target.arch == "aarch64") {
    traits.roundInstruction = traits.halfConversion = traits.extremumInstruction = true;
    traits.vectorRegisters = 32;
    traits.dotBytes = has.contains("i8mm") ? DotBytes::usdot : has.contains("dotprod") ? DotBytes::sdot : DotBytes::none;
    traits.dotPairs = has.contains("bf16") ? DotPairs::arm : DotPairs::none;
  } else if (target.arch == "x86_64") {
    traits.roundInstruction = has.contains("sse4.1");
    traits.halfConversion = has.contains("f16c");
    traits.extremumInstruction = true; // a few
    if (has.contains("avx512f"))
      traits.vectorBytes = 64, traits.vectorRegisters = 32, traits.scaleInstruction = true;
    else if (has.contains("avx2") && has.contains("fma"))
      traits.vectorBytes = 32;
    if (traits.vectorBytes < 64 || has.contains("avx512bw"))
      traits.dotBytes = DotBytes::madd;
    if (has.contains("avx512vnni") && has.contains("avx512vl"))
      traits.dotBytes = DotBytes::vnni;
    if (has.contains("avx512bf16") && has.contains("avx512vl"))
      traits.dotPairs = DotPairs::x86;
  }
  return traits;
}

FailureOr<ResolvedTarget> halcyon::resolveTarget(const CpuTarget &target, std::string &error) {
  initializeTargets();
  ResolvedTarget result;
  result.triple = target.triple;
  const llvm::Target *backend = llvm::TargetRegistry::lookupTarget(target.triple, error);
  if (!backend)
    return failure();
  llvm::Triple triple(target.triple);
  result.arch = triple.getArch() == llvm::Triple::x86_64 ? "x86_64" : triple.getArchName().str();
  const std::string features = llvm::join(target.features, ",");
  std::unique_ptr<llvm::MCSubtargetInfo> info(backend->createMCSubtargetInfo(target.triple, target.cpu, features));
  result.tuneCpu = target.cpu;
  if (triple.getArch() == llvm::Triple::x86_64) {
    result.cpu = "x86-64";
    cutFeatures(result, *info, x86Features);
  } else if (triple.isAArch64()) {
    result.cpu = "generic";
    result.arch = "aarch64";
    cutFeatures(result, *info, armFeatures);
  } else {
    result.cpu = target.cpu;
    result.features = features;
  }
  result.traits = traitsOf(result);
  return result;
}

bool halcyon::multipliesPairs(const CpuTarget &target) {
  std::string error;
  FailureOr<ResolvedTarget> resolved = resolveTarget(target, error);
  return succeeded(resolved) && resolved->traits.dotPairs != DotPairs::none;
}

std::unique_ptr<llvm::TargetMachine> halcyon::createTargetMachine(const ResolvedTarget &target, int optLevel) {
  std::string error;
  const llvm::Target *backend = llvm::TargetRegistry::lookupTarget(target.triple, error);
  llvm::TargetOptions options;
  options.UniqueSectionNames = true;
  return std::unique_ptr<llvm::TargetMachine>(
      backend->createTargetMachine(target.triple, target.cpu, target.features, options, llvm::Reloc::PIC_,
                                   std::nullopt, llvm::CodeGenOptLevel::Aggressive));
}
