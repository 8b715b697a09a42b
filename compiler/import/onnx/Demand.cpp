#include "import/onnx/GraphImporter.h"

namespace halcyon::onnx {
namespace {

// Inputs that an importer reads as host values, both ends included.
struct ShapeOperands {
  size_t first, last;
};

std::optional<ShapeOperands> shapeOperands(llvm::StringRef opType) {
  static const llvm::StringMap<ShapeOperands> table = {
      {"SequenceAt", {1, 1}},
      {"SequenceErase", {1, 1}},
      {"SequenceInsert", {2, 2}},
      {"SplitToSequence", {1, 1}},
      {"Reshape", {1, 1}},
      {"Expand", {1, 1}},
      {"Slice", {1, 4}},
      {"Tile", {1, 1}},
      {"ConstantOfShape", {0, 0}},
      {"Pad", {1, 3}},
      {"Resize", {1, 3}},
      {"Upsample", {1, 1}},
      {"Range", {0, 2}},
      {"Unsqueeze", {1, 1}},
      {"Squeeze", {1, 1}},
      {"Split", {1, 1}},
      {"TopK", {1, 1}},
      {"OneHot", {1, 1}},
      {"If", {0, 0}},
      {"Loop", {0, 1}},
      {"CumSum", {1, 1}},
      {"Trilu", {1, 1}},
      {"DFT", {1, 2}},
      {"HannWindow", {0, 0}},
      {"HammingWindow", {0, 0}},
      {"STFT", {1, 3}},
      {"BlackmanWindow", {0, 0}},
      {"MelWeightMatrix", {0, 4}},
      {"Col2Im", {1, 2}},
      {"MaxUnpool", {2, 2}},
      {"NonMaxSuppression", {2, 4}},
      {"ExpandDims", {1, 1}},
      {"GroupQueryAttention", {6, 6}},
      {"RelativePositionBias", {1, 2}},
      {"CumProd", {1, 1}},
      {"AffineGrid", {1, 1}},
      {"CenterCropPad", {1, 1}},
  };
  auto found = table.find(opType);
  if (found != table.end())
    return found->second;
  if (opType.starts_with("Reduce"))
    return ShapeOperands{1, 1};
  return std::nullopt;
}

// Ops that work on host values, so that demand reaches their inputs.
bool worksOnHost(llvm::StringRef opType) {
  static const llvm::StringSet<> table = {
      "Abs",       "Add",       "And",         "Cast",      "CastLike",
      "Ceil",      "Clip",      "Concat",      "Div",       "Equal",
      "Expand",    "Floor",     "Gather",      "Greater",   "GreaterOrEqual",
      "Identity",  "Less",      "LessOrEqual", "Max",       "Min",
      "Mod",       "Mul",       "Neg",         "Not",       "Or",
      "ReduceMax", "ReduceMin", "ReduceProd",  "ReduceSum", "Reshape",
      "Round",     "Slice",     "Split",       "Sqrt",      "Squeeze",
      "Sub",       "Tile",      "Transpose",   "Unsqueeze", "Where",
      "Xor"};
  return table.contains(opType);
}

} // namespace

void collectDemanded(const Graph &graph, llvm::StringSet<> &demanded) {
  for (const Node &node : llvm::reverse(graph.nodes)) {
    bool isDemanded = llvm::any_of(node.outputs, [&](const std::string &output) {
      return !output.empty() && demanded.contains(output);
    });
    for (const NodeAttribute &attribute : node.attributes)
      for (const auto &body : attribute.graphs) {
        if (node.opType == "If")
          for (size_t i = 0; i < std::min(node.outputs.size(), body->outputs.size()); ++i)
            if (demanded.contains(node.outputs[i]))
              demanded.insert(body->outputs[i].name);
        if (node.opType == "Loop" && body->outputs.size() > 0)
          demanded.insert(body->outputs[0].name);
        collectDemanded(*body, demanded);
        if (node.opType == "Loop")
          for (size_t i = 2;
               i < std::min({node.inputs.size(), body->inputs.size(), body->outputs.size() + 1});
               ++i)
            if (demanded.contains(body->inputs[i].name)) {
              demanded.insert(node.inputs[i]);
              demanded.insert(body->outputs[i - 1].name);
            }
      }
    std::optional<ShapeOperands> operands = shapeOperands(node.opType);
    bool all = isDemanded && worksOnHost(node.opType);
    for (size_t i = 0; i < node.inputs.size(); ++i)
      if (!node.inputs[i].empty() &&
          (all || (operands && i >= operands->first && i <= operands->last)))
        demanded.insert(node.inputs[i]);
  }
}

} // namespace halcyon::onnx
