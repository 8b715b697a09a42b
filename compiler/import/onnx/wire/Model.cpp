#include "import/onnx/wire/Model.h"
#include "import/onnx/wire/Convert.h"
#include "import/onnx/wire/MappedFile.h"
#include "import/onnx/wire/Skeleton.h"
#include <exception>

namespace halcyon::onnx {

unsigned bitsOf(DataType type) {
  switch (type) {
  case DataType::u2:
  case DataType::i2:
    return 2;
  case DataType::u4:
  case DataType::i4:
  case DataType::f4e2m1:
    return 4;
  case DataType::u8:
  case DataType::i8:
  case DataType::boolean:
  case DataType::f8e4m3fn:
  case DataType::f8e4m3fnuz:
  case DataType::f8e5m2:
  case DataType::f8e5m2fnuz:
  case DataType::f8e8m0:
    return 8;
  case DataType::u16:
  case DataType::i16:
  case DataType::f16:
  case DataType::bf16:
    return 16;
  case DataType::f32:
  case DataType::i32:
  case DataType::u32:
    return 32;
  case DataType::f64:
  case DataType::i64:
  case DataType::u64:
  case DataType::complex64:
    return 64;
  case DataType::complex128:
    return 128;
  case DataType::undefined:
  case DataType::string:
  case DataType::f6e2m3: // four in three bytes, which nothing reads
  case DataType::f6e3m2:
    break;
  }
  return 0;
}

const char *nameOf(AttributeKind kind) {
  static constexpr const char *names[] = {"nothing",  "a number with a fraction", "an integer", "a string", "a tensor",
                                          "a graph",  "a list of numbers with fractions", "a list of integers",
                                          "a list of strings", "a list of tensors", "a list of graphs", "a type",
                                          "of an unknown type"};
  return names[static_cast<size_t>(kind)];
}

const char *nameOf(DataType type) {
  static constexpr const char *names[] = {
      "undefined",  "f32",    "u8",         "i8",         "u16",  "i16",
      "i32",        "i64",    "string",     "bool",       "f16",  "f64",
      "u32",        "u64",    "complex64",  "complex128", "bf16", "f8e4m3fn",
      "f8e4m3fnuz", "f8e5m2", "f8e5m2fnuz", "u4",         "i4",
      "f4e2m1",     "f8e8m0", "u2",         "i2",         "f6e2m3", "f6e3m2"};
  auto index = static_cast<size_t>(type);
  return index < std::size(names) ? names[index] : "unknown";
}

int64_t Tensor::numElements() const {
  int64_t count = 1;
  for (int64_t dim : dims)
    count *= dim;
  return count;
}

namespace {

// Calls `make`, which fills a T or fails after a line in `error`; no exception leaves, and the error is one line.
template <class T, class Make> std::unique_ptr<T> guarded(std::string &error, Make make) {
  error.clear();
  try {
    auto made = std::make_unique<T>();
    if (make(*made))
      return made;
  } catch (const std::exception &exception) {
    error = std::string("cannot be read: ") + exception.what();
  }
  // Names come from the file.
  for (char &character : error)
    if (static_cast<unsigned char>(character) < ' ')
      character = ' ';
  return nullptr;
}

} // namespace

std::unique_ptr<Model> parseModel(Bytes bytes, const std::string &path, std::string &error) {
  return guarded<Model>(error, [&](Model &model) {
    std::string skeleton;
    return makeSkeleton(bytes.view, skeleton, error) &&
           convertModel(skeleton, bytes, path, model, error) && verifyModel(model, error);
  });
}

std::unique_ptr<Model> openModel(const std::string &path, std::string &error) {
  Bytes bytes;
  try {
    bytes = mapFile(path, error);
  } catch (const std::exception &exception) {
    error = std::string("cannot read: ") + exception.what();
  }
  return bytes.owner ? parseModel(std::move(bytes), path, error) : nullptr;
}

std::unique_ptr<Tensor> openTensor(const std::string &path, std::string &error) {
  return guarded<Tensor>(error, [&](Tensor &tensor) {
    Bytes bytes = mapFile(path, error);
    return bytes.owner && convertTensor(bytes, tensor, error);
  });
}

std::unique_ptr<StoredValue> openStored(const std::string &path, ValueKind kind, std::string &error) {
  return guarded<StoredValue>(error, [&](StoredValue &value) {
    Bytes bytes = mapFile(path, error);
    return bytes.owner && convertStored(bytes, kind, value, error);
  });
}

} // namespace halcyon::onnx
