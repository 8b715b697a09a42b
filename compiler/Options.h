// Options.h -- what halcyonc was asked to do.
#pragma once
#include "tensor/Precision.h"
#include <string>
#include <utility>
#include <vector>

namespace halcyon {

enum class EmitKind { artifact, ir };
enum class Explain { none, text, json };

struct Options {
  std::string input;
  std::string output;                  // may be empty with `explain`: no file is written
  std::vector<std::string> targets;    // "cpu[:TRIPLE[:CPU[,+FEATURE..]]]"; none: this machine's CPU
  std::vector<std::string> shapes;     // "NAME=1x3x224x224"
  std::vector<std::string> donations;  // "IN:OUT", names or numbers
  std::vector<std::pair<std::string, std::string>> externalParameters; // scope, file
  std::string quantizeWeights;         // as given; its meaning:
  unsigned weightBits = 0;             // 8 or 4: products read constant matrices so; 0: as they are
  int64_t weightBlock = 0;             // weights of a column that share a scale; 0: all
  Precision precision = Precision::f32; // of constant weights
  bool multipliesPairs = false;        // every target has instructions for products of bf16
  EmitKind emit = EmitKind::artifact;
  bool staticExecutables = false;      // kernels in an object file beside the artifact, for a program to link in
  int optLevel = 2;
  int winogradTile = 0;                // 2 or 4; 0: what wins; -1: none
  bool fastMath = false;               // results may be further from exact ones than the bar allows
  int jobs = 0;                        // threads; 0: all cores
  bool externalResourcesMappable = false;
  std::string dumpDir;                 // where to write each phase's module; empty: nowhere
  Explain explain = Explain::none;     // to the standard output
  std::string statsFile;               // JSON; empty: none
};

} // namespace halcyon
