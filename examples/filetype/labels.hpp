// The table that labels.py writes: what the model's outputs are called and when they are believed.
#pragma once
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace filetype {

struct Label {
  std::string name;       // "python"
  double threshold = 0;   // the least score at which the model is believed
  std::string output;     // what is answered then: mostly the name itself
  bool is_text = false;
  std::string description;
};

struct Labels {
  std::vector<Label> all;   // the model's outputs in their order, then names that only we answer
  size_t outputs = 0;       // how many of them the model has

  const Label& named(const std::string& name) const {
    for (const Label& label : all)
      if (label.name == name) return label;
    return all.front();
  }

  // The answer for output `index` of the model at `score`: a doubtful one becomes plain text or unknown.
  const Label& answer(size_t index, double score) const {
    const Label& model = all[index];
    const Label& output = named(model.output);
    if (score >= model.threshold) return output;
    return named(output.is_text ? "txt" : "unknown");
  }
};

inline bool read_labels(const std::string& path, Labels& labels) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    std::istringstream fields(line);
    std::string threshold, text;
    Label label;
    std::getline(fields, label.name, '\t');
    std::getline(fields, threshold, '\t');
    std::getline(fields, label.output, '\t');
    std::getline(fields, text, '\t');
    std::getline(fields, label.description, '\t');
    label.is_text = text == "text";
    if (threshold != "-") {
      label.threshold = std::strtod(threshold.c_str(), nullptr);
      ++labels.outputs;
    }
    labels.all.push_back(label);
  }
  return labels.outputs > 0;
}

}  // namespace filetype
