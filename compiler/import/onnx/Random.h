// import/onnx/Random.h -- the one generator of random numbers.
//
// Philox4x32-10 (Salmon et al., SC 2011): four 32-bit words are a function of a 64-bit key and a
// counter, so that an element's number depends on its place alone: the same for any number of
// threads, and for every call. The counter is the element's place, row-major, and two words of 0.
// The key is the bits of attribute 'seed', or where a node has none a hash (FNV-1a) of its name, so
// that two nodes differ.
//   uniform, f32: (w0 >> 8) / 2^24;  f64: ((w0 >> 5) * 2^26 + (w1 >> 6)) / 2^53
//   normal: sqrt(-2 ln(u)) * cos(2 pi v), with u in (0, 1] of the first and v in [0, 1) of the
//   other half of the words
#pragma once
#include "import/onnx/NodeContext.h"

namespace halcyon::onnx {

enum class Distribution { uniform, normal };

// Numbers in [0, 1), or of mean 0 and deviation 1, for each element of a tensor; `type` is f32 or
// f64.
mlir::Value randomNumbers(NodeContext &node, uint64_t key, Distribution distribution,
                          llvm::ArrayRef<OpFoldResult> dims, DataType type);

// By attribute 'seed', a float or an integer.
uint64_t randomKey(NodeContext &node);

} // namespace halcyon::onnx
