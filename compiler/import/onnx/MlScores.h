// import/onnx/MlScores.h -- what the classifiers and regressors of ai.onnx.ml have in common.
#pragma once
#include "import/onnx/Compose.h"

namespace halcyon::onnx {

enum class PostTransform { none, softmax, logistic, softmaxZero, probit }; // TreeEnsemble's numbers

// By attribute post_transform, a name.
llvm::FailureOr<PostTransform> postTransformOf(NodeContext &node);
// Scores of [N, C].
Composer::Part transformScores(Composer &with, Composer::Part scores, PostTransform transform);

// f64 stays, every other type of number becomes f32; a list becomes one row. Null after an error.
Composer::Part featuresOf(NodeContext &node, Composer &with);

// An attribute's numbers; empty where the node has no such attribute.
llvm::ArrayRef<int64_t> intList(NodeContext &node, llvm::StringRef name);
std::vector<float> floatList(NodeContext &node, llvm::StringRef name);
Composer::Part floatTensor(Composer &with, llvm::ArrayRef<double> values,
                           llvm::ArrayRef<int64_t> dims, DataType type);

// The classes of a classifier. Labels that are strings can be counted, not given.
struct ClassLabels {
  std::vector<int64_t> numbers;
  size_t count = 0;

  // An error where output 0, the labels, is wanted but they are strings.
  static llvm::FailureOr<ClassLabels> of(NodeContext &node, llvm::StringRef ints,
                                         llvm::StringRef strings);
  // Of each row of scores the label of the greatest.
  Composer::Part best(Composer &with, Composer::Part scores) const;
  // Of two labels the second where the condition holds.
  Composer::Part choose(Composer &with, Composer::Part condition) const;
};

} // namespace halcyon::onnx
