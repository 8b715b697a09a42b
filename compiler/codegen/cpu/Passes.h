// codegen/cpu/Passes.h -- the passes of CPU code generation; buildCpuPipeline has their order.
#pragma once
#include "codegen/cpu/Codegen.h"
#include "mlir/Pass/Pass.h"

namespace mlir {
class DialectRegistry;
class OpPassManager;
} // namespace mlir

namespace halcyon {

// How a target multiplies unsigned by signed bytes and adds four products.
enum class DotBytes { none, madd, vnni, sdot, usdot };

// How it multiplies pairs of bf16 and adds them to f32.
enum class DotPairs { none, x86, arm };

#define GEN_PASS_DECL
#include "codegen/cpu/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "codegen/cpu/Passes.h.inc"

// What a target's instructions can do without help, as far as the passes ask.
struct CpuTraits {
  bool roundInstruction = false; // floor, ceil, trunc, roundeven of a float
  bool halfConversion = false;   // f16 <-> f32
  bool scaleInstruction = false; // times a power of two, on vectors of 512 bits
  bool extremumInstruction = false; // maximum and minimum with NaN and signs of zero
  int64_t vectorBytes = 16;
  int64_t vectorRegisters = 16;
  DotBytes dotBytes = DotBytes::none;
  DotPairs dotPairs = DotPairs::none;
};

// Dialects and external models that the passes need, LLVM translation included.
void registerCpuCodegenDialects(mlir::DialectRegistry &registry);
// A module with one dispatch.executable -> a module in the LLVM dialect.
void buildCpuPipeline(mlir::OpPassManager &manager, const CpuTraits &traits, int optLevel);

} // namespace halcyon
