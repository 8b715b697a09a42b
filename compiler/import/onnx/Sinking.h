// import/onnx/Sinking.h -- what follows an If, moved into its branches.
//
// Ranks are static here, so that a value whose rank depends on a condition cannot leave an If. Where what follows gives the
// same rank for both branches (a reshape, a reduction of everything), it can be computed inside of them instead.
#pragma once
#include "import/onnx/wire/Model.h"
#include <optional>

namespace halcyon::onnx {

// The model with the first `count` nodes that depend on the results of the main graph's If `name` in both of its branches;
// `count` becomes how many there were. Nothing where the main graph has no such If, no node depends on it, or names inside
// would hide what those nodes read.
std::optional<Model> withSunkNodes(const Model &model, const std::string &name, size_t &count);

} // namespace halcyon::onnx
