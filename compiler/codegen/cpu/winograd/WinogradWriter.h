// codegen/cpu/winograd/WinogradWriter.h -- a convolution with a transformed filter as loops around vector code.
#pragma once
#include "codegen/cpu/BlockWriter.h"
#include "codegen/cpu/winograd/WinogradPlan.h"

namespace halcyon {

// Before the builder's insertion point; the ops stay. The plan's v are the channels of the result, it has no u.
void writeWinograd(const RegisterPlan &plan, const WinogradLoops &loops, const Fusion &fusion,
                   const std::optional<Padding> &padding, Registers registers, mlir::ImplicitLocOpBuilder &builder);

} // namespace halcyon
