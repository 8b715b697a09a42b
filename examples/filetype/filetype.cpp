// filetype [--model=FOLDER] FILE...: names the type of any file by what is in it.
//
// FOLDER (default: the program's own) holds filetype.hcm and labels.tsv; see README.md for how they are made.
#include <halcyon/drivers/cpu.hpp>
#include <halcyon/halcyon.hpp>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "features.hpp"
#include "labels.hpp"

namespace filetype {

struct Answer {
  std::string label;
  double score = 1;
};

// The model, ready to be called for one file at a time.
class Model {
 public:
  halcyon::Status open(const std::string& path) {
    HALCYON_ASSIGN(device_, halcyon::cpu::create_device());
    HALCYON_ASSIGN(program_, halcyon::Program::load(*device_, path.c_str()));
    HALCYON_ASSIGN(auto main, program_->function("main"));
    HALCYON_ASSIGN(input_, halcyon::Tensor::allocate(*device_, {1, 2 * half}, halcyon::ElementType::i32));
    HALCYON_ASSIGN(call_, main.prepare({input_}));
    return {};
  }

  halcyon::Status scores(const Features& features, std::vector<float>& scores) {
    HALCYON_TRY(input_.write(features));
    HALCYON_TRY(call_->run());
    return call_->result(0).read(scores);
  }

 private:
  halcyon::Owned<halcyon::hal::Device> device_;
  halcyon::Owned<halcyon::Program> program_;
  halcyon::Tensor input_;
  halcyon::Owned<halcyon::PreparedCall> call_;
};

halcyon::Status identify(Model& model, const Labels& labels, const Ends& ends, Answer& answer) {
  const Features seen = features(ends);
  // Too little to look at: a few bytes, or little but white space.
  if (ends.size < fewest_bytes || seen[fewest_bytes - 1] == padding) {
    answer = {ends.size == 0 ? "empty" : is_utf8(ends.first) ? "txt" : "unknown", 1};
    return {};
  }
  std::vector<float> scores(labels.outputs);
  HALCYON_TRY(model.scores(seen, scores));
  const size_t best = static_cast<size_t>(std::max_element(scores.begin(), scores.end()) - scores.begin());
  answer = {labels.answer(best, scores[best]).name, scores[best]};
  return {};
}

int fail(const std::string& what) {
  std::fprintf(stderr, "filetype: %s\n", what.c_str());
  return 1;
}

int run(const std::string& folder, const std::vector<std::string>& paths) {
  Labels labels;
  Model model;
  if (!read_labels(folder + "/labels.tsv", labels)) return fail("cannot read '" + folder + "/labels.tsv'");
  const std::string path = folder + "/filetype.hcm";
  if (const halcyon::Status status = model.open(path); !status.ok()) return fail("'" + path + "': " + status.what());
  int failed = 0;
  for (const std::string& file : paths) {
    Answer answer;
    std::error_code error;
    const auto kind = std::filesystem::status(file, error).type();
    if (kind == std::filesystem::file_type::directory) answer = {"directory", 1};
    else if (kind == std::filesystem::file_type::regular) {
      Ends ends;
      if (!read_ends(file, ends)) {
        failed = fail("cannot read '" + file + "'");
        continue;
      }
      if (const halcyon::Status status = identify(model, labels, ends, answer); !status.ok())
        return fail("'" + file + "': " + status.what());
    } else if (kind == std::filesystem::file_type::not_found || kind == std::filesystem::file_type::none) {
      failed = fail("no file is called '" + file + "'");
      continue;
    } else {
      answer = {"unknown", 1};  // a device, a pipe, a socket
    }
    std::printf("%s: %s (%s, %.0f%%)\n", file.c_str(), labels.named(answer.label).description.c_str(), answer.label.c_str(),
                100 * answer.score);
  }
  return failed;
}

}  // namespace filetype

int main(int count, char** words) {
  std::string folder = std::filesystem::path(words[0]).parent_path().string();
  std::vector<std::string> paths;
  for (int i = 1; i < count; ++i) {
    const std::string word = words[i];
    if (word.rfind("--model=", 0) == 0) folder = word.substr(8);
    else paths.push_back(word);
  }
  if (paths.empty()) {
    std::fprintf(stderr, "usage: filetype [--model=FOLDER] FILE...\n");
    return 2;
  }
  return filetype::run(folder.empty() ? "." : folder, paths);
}
