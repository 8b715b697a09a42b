#include "emit/artifact/Safetensors.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/JSON.h"

using namespace mlir;
using namespace halcyon;

FailureOr<Safetensors> Safetensors::open(StringRef scope, StringRef path, Location location) {
  auto error = [&] { return emitError(location) << path << ": "; };
  auto file = llvm::MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!file)
    return error() << "cannot read: " << file.getError().message();
  Safetensors result;
  result.scopeName = scope.str();
  result.buffer = std::move(*file);
  StringRef bytes = result.buffer->getBuffer();
  if (bytes.size() < 8)
    return error() << "not a safetensors file: too short";
  const uint64_t header = llvm::support::endian::read64le(bytes.data());
  if (header > bytes.size() - 8)
    return error() << "not a safetensors file: its header is longer than the file";
  auto parsed = llvm::json::parse(bytes.substr(8, header));
  if (!parsed)
    return error() << "not a safetensors file: " << llvm::toString(parsed.takeError());
  const llvm::json::Object *entries = parsed->getAsObject();
  if (!entries)
    return error() << "not a safetensors file: its header is not an object";
  StringRef data = bytes.drop_front(8 + header);
  for (const auto &[name, value] : *entries) {
    if (name == "__metadata__")
      continue;
    const llvm::json::Object *entry = value.getAsObject();
    const llvm::json::Array *offsets = entry ? entry->getArray("data_offsets") : nullptr;
    std::optional<int64_t> begin, end;
    if (offsets && offsets->size() == 2) {
      begin = (*offsets)[0].getAsInteger();
      end = (*offsets)[1].getAsInteger();
    }
    if (!begin || !end || *begin < 0 || *end < *begin || static_cast<uint64_t>(*end) > data.size())
      return error() << "tensor '" << StringRef(name) << "' has no valid data_offsets";
    result.tensors[name.str()] = ArrayRef<char>(data.data() + *begin, *end - *begin);
  }
  return result;
}

const std::string *Safetensors::find(ArrayRef<char> bytes) const {
  for (const auto &[name, tensor] : tensors)
    if (tensor == bytes)
      return &name;
  return nullptr;
}
