#include "import/onnx/wire/MappedFile.h"
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace halcyon::onnx {
namespace {

struct Mapping {
  void *data = nullptr;
  size_t size = 0;
  ~Mapping() {
    if (size)
      ::munmap(data, size);
  }
};

struct File {
  int descriptor;
  ~File() {
    if (descriptor >= 0)
      ::close(descriptor);
  }
};

} // namespace

Bytes mapFile(const std::string &path, std::string &error) {
  File file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  struct stat status;
  if (file.descriptor < 0 || ::fstat(file.descriptor, &status) != 0) {
    error = std::string("cannot read: ") + std::strerror(errno);
    return {};
  }
  if (!S_ISREG(status.st_mode)) {
    error = "cannot read: not a regular file";
    return {};
  }
  auto mapping = std::make_shared<Mapping>();
  auto size = static_cast<size_t>(status.st_size);
  if (size) {
    void *data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.descriptor, 0);
    if (data == MAP_FAILED) {
      error = std::string("cannot read: ") + std::strerror(errno);
      return {};
    }
    mapping->data = data;
    mapping->size = size;
  }
  std::span<const std::byte> view(static_cast<const std::byte *>(mapping->data), size);
  return {view, std::move(mapping)};
}

} // namespace halcyon::onnx
