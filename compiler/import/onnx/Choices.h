// import/onnx/Choices.h -- which branch of an If is compiled, where only one can be.
//
// Ranks are static here. Branches that give results of other ranks (exporters write them for a
// squeeze of a dimension that may be 1) leave one question: for which of them does what follows
// make sense? An import answers "the first one" each time; if it fails, the next import takes the
// other branch at the last question that has one left.
#pragma once
#include <vector>

namespace halcyon::onnx {

class Choices {
public:
  // The next answer of this import: whether it is the first branch.
  bool takeFirst() {
    if (next == answers.size())
      answers.push_back(true);
    return answers[next++];
  }

  // Prepares another import after one that failed. False where nothing is left to try.
  bool again() {
    while (!answers.empty() && !answers.back())
      answers.pop_back();
    if (answers.empty() || ++failures == limit)
      return false;
    answers.back() = false;
    next = 0;
    return true;
  }

private:
  static constexpr int limit = 64; // imports
  std::vector<bool> answers;
  size_t next = 0;
  int failures = 0;
};

} // namespace halcyon::onnx
