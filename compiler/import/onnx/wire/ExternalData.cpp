#include "import/onnx/wire/ExternalData.h"
#include "import/onnx/wire/MappedFile.h"
#include <charconv>
#include <filesystem>

namespace halcyon::onnx {
namespace {

bool parseNumber(const std::string &text, uint64_t &number) {
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  return code == std::errc() && end == text.data() + text.size();
}

// No absolute path and no ".." component: a model reads beside itself only.
bool staysInside(const std::string &location) {
  if (location.empty() || location.front() == '/' || location.find('\0') != std::string::npos)
    return false;
  for (size_t begin = 0; begin <= location.size();) {
    size_t end = std::min(location.find('/', begin), location.size());
    if (location.compare(begin, end - begin, "..") == 0)
      return false;
    begin = end + 1;
  }
  return true;
}

// The same for what links lead to: inside the folder, or beside the file that the model's own link leads to.
bool leadsInside(const std::string &modelPath, const std::string &folder, const std::string &location) {
  namespace fs = std::filesystem;
  std::error_code code;
  auto real = [&](const fs::path &path) { return fs::weakly_canonical(path, code); };
  const fs::path target = real(folder + location);
  for (const fs::path &inside : {real(folder.empty() ? "." : folder), real(modelPath).parent_path()}) {
    const auto relative = target.lexically_relative(inside);
    if (!relative.empty() && *relative.begin() != "..")
      return !code;
  }
  return false;
}

} // namespace

bool ExternalData::set(const std::string &key, const std::string &value, std::string &error) {
  if (key == "location") {
    location = value;
    return true;
  }
  if (key == "checksum")
    return true;
  bool known = key == "offset" || key == "length";
  if (known && parseNumber(value, key == "offset" ? offset : length)) {
    hasLength |= key == "length";
    return true;
  }
  error = "external data: cannot read '" + key + "' = '" + value + "'";
  return false;
}

ExternalFiles::ExternalFiles(const std::string &modelPath) : allowed(!modelPath.empty()), model(modelPath) {
  size_t slash = modelPath.rfind('/');
  if (slash != std::string::npos)
    folder = modelPath.substr(0, slash + 1);
}

bool ExternalFiles::find(const ExternalData &data, uint64_t size, Bytes &bytes,
                         std::string &error) {
  if (!allowed || !staysInside(data.location) || !leadsInside(model, folder, data.location)) {
    error = "external data '" + data.location + "' is outside the model's folder";
    return false;
  }
  auto [entry, isNew] = files.try_emplace(data.location);
  if (isNew) {
    entry->second = mapFile(folder + data.location, error);
    if (!entry->second.owner) {
      error = "external data '" + data.location + "': " + error;
      return false;
    }
  }
  const Bytes &whole = entry->second;
  uint64_t length = data.hasLength ? data.length : size;
  if (data.offset > whole.view.size() || length > whole.view.size() - data.offset) {
    error = "external data passes the end of '" + data.location + "' (" +
            std::to_string(whole.view.size()) + " bytes)";
    return false;
  }
  bytes = {whole.view.subspan(data.offset, length), whole.owner};
  return true;
}

} // namespace halcyon::onnx
