// External parameters out of .safetensors files: --parameters=SCOPE=FILE. A key is a tensor's name there.
#pragma once
#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "halcyon/program.hpp"

namespace tools {

class ParameterFiles {
 public:
  // Each word is SCOPE=FILE; several files may serve one scope. Ends the program where a file is damaged.
  explicit ParameterFiles(const std::vector<std::string>& words);
  ~ParameterFiles();
  ParameterFiles(const ParameterFiles&) = delete;
  ParameterFiles& operator=(const ParameterFiles&) = delete;

  // Borrows this object and the mapped files.
  halcyon::ParameterSource source();

 private:
  using Bytes = std::span<const std::byte>;
  void add(const std::string& scope, const std::string& path);

  std::map<std::pair<std::string, std::string>, Bytes> tensors_;
  std::vector<Bytes> files_;
};

}  // namespace tools
