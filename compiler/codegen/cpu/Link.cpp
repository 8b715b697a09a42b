#include "codegen/cpu/Object.h"

#include "lld/Common/Driver.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/Twine.h"
#include "llvm/ObjCopy/ConfigManager.h"
#include "llvm/ObjCopy/ObjCopy.h"
#include "llvm/Object/ObjectFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <mutex>

LLD_HAS_DRIVER(elf)

using namespace mlir;
using namespace halcyon;

static std::mutex lldLock;

// Runs lld with these options over the objects, in a folder of its own; the file that it writes.
static FailureOr<std::string> link(ArrayRef<std::string> objects, ArrayRef<const char *> options, std::string &error) {
  llvm::SmallString<128> folder;
  if (std::error_code code = llvm::sys::fs::createUniqueDirectory("halcyon-link", folder)) {
    error = "cannot create a temporary folder: " + code.message();
    return failure();
  }
  struct Remove {
    StringRef folder;
    ~Remove() { (void)llvm::sys::fs::remove_directories(folder); }
  } remove{folder};

  std::vector<std::string> inputs;
  for (auto [i, object] : llvm::enumerate(objects)) {
    inputs.push_back((folder + "/" + Twine(i) + ".o").str());
    std::error_code code;
    llvm::raw_fd_ostream file(inputs.back(), code);
    file << object;
    file.close();
    if (code || file.has_error()) {
      error = "cannot write " + inputs.back();
      return failure();
    }
  }
  const std::string image = (folder + "/linked").str();
  std::vector<const char *> arguments = {"ld.lld", "--threads=1", "-o", image.c_str()};
  arguments.insert(arguments.end(), options.begin(), options.end());
  for (const std::string &input : inputs)
    arguments.push_back(input.c_str());
  {
    std::lock_guard<std::mutex> lock(lldLock);
    llvm::raw_string_ostream messages(error);
    lld::Result result = lld::lldMain(arguments, messages, messages, {{lld::Gnu, &lld::elf::link}});
    if (result.retCode || !result.canRunAgain) {
      error = StringRef(error).split('\n').first.str(); // the first complaint; the rest are where and how often
      if (StringRef(error).contains("undefined symbol: __"))
        error += "; a CPU or features of the target that compute this, or --executables=static, help";
      return failure();
    }
  }
  auto buffer = llvm::MemoryBuffer::getFile(image, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!buffer) {
    error = "cannot read " + image;
    return failure();
  }
  error.clear();
  return (*buffer)->getBuffer().str();
}

FailureOr<std::string> halcyon::linkImage(ArrayRef<std::string> objects, std::string &error) {
  // 64 KiB pages: the same image maps on every AArch64 kernel. No section headers: the loader reads segments only.
  return link(objects,
              {"-shared", "-nostdlib", "--no-undefined", "-Bsymbolic", "--hash-style=gnu", "--gc-sections", "-s",
               "-z", "now", "-z", "relro", "-z", "noexecstack", "-z", "max-page-size=65536",
               "-z", "separate-loadable-segments", "--build-id=none"},
              error);
}

FailureOr<std::string> halcyon::linkRelocatable(ArrayRef<std::string> objects, std::string &error) {
  FailureOr<std::string> linked = link(objects, {"-r", "--build-id=none"}, error);
  if (failed(linked))
    return failure();
  auto fail = [&](llvm::Error problem) {
    error = llvm::toString(std::move(problem));
    return failure();
  };
  llvm::Expected<std::unique_ptr<llvm::object::Binary>> binary =
      llvm::object::createBinary(llvm::MemoryBufferRef(*linked, "linked"));
  if (!binary)
    return fail(binary.takeError());
  // Kernels of other artifacts, and the program's own memcpy, keep their names.
  llvm::objcopy::ConfigManager config;
  config.ELF.LocalizeHidden = true;
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  if (llvm::Error problem = llvm::objcopy::executeObjcopyOnBinary(config, **binary, stream))
    return fail(std::move(problem));
  return std::string(bytes.data(), bytes.size());
}
