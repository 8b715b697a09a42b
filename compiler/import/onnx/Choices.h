// import/onnx/Choices.h -- which branch of an If is compiled, where only one can be.
//
// Ranks are static here. Branches that give results of other ranks (exporters write them for a
// squeeze of a dimension that may be 1) leave one question: for which of them does what follows
// make sense? For both, where what follows fits into the branches (Sinking.h). Else an import answers "the first one" each time; if it fails, the next import takes the
// other branch at the last question that has one left.
#pragma once
#include "llvm/ADT/StringRef.h"
#include <string>
#include <vector>

namespace halcyon::onnx {

class Choices {
public:
  // The next answer of this import, about the If `name`: whether it is the first branch.
  bool takeFirst(llvm::StringRef name) {
    if (firstAsked.empty())
      firstAsked = name.str();
    if (next == answers.size())
      answers.push_back(true);
    return answers[next++];
  }

  // The If that this import asked about first; empty where it asked nothing.
  const std::string &asked() const { return firstAsked; }

  // Prepares another import after one that failed. False where nothing is left to try.
  bool again() {
    while (!answers.empty() && !answers.back())
      answers.pop_back();
    if (answers.empty() || ++failures == limit)
      return false;
    answers.back() = false;
    next = 0;
    firstAsked.clear();
    return true;
  }

private:
  static constexpr int limit = 64; // imports
  std::vector<bool> answers;
  size_t next = 0;
  std::string firstAsked;
  int failures = 0;
};

} // namespace halcyon::onnx
