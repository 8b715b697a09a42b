// tensor/SmallFloats.h -- constant weights as floats of 16 bits.
#pragma once
#include "tensor/Precision.h"
#include "tensor/StridedConstant.h"

namespace halcyon {

// A constant of f32, f16 or bf16; or of the latter two, as an operation that does nothing else widens it to f32.
std::optional<StridedConstant> floatWeights(mlir::Value value);

// Its elements in 16 bits, in the order of its shape: those of f32 rounded to nearest, ties to even, the others as they are.
// Nothing where a finite number would become infinite.
std::optional<llvm::SmallVector<uint16_t>> smallFloats(const StridedConstant &weights, Precision precision);

} // namespace halcyon
