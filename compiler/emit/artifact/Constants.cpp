#include "emit/artifact/Constants.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;
using namespace halcyon;

namespace {

constexpr uint64_t alignment = 64;

std::string packBits(DenseElementsAttr value, unsigned bits) {
  std::string bytes((value.getNumElements() * bits + 7) / 8, '\0');
  uint64_t at = 0;
  for (APInt element : value.getValues<APInt>()) {
    bytes[at / 8] |= static_cast<char>((element.getZExtValue() & ((1u << bits) - 1)) << (at % 8));
    at += bits;
  }
  return bytes;
}

std::string bytesOfBools(DenseElementsAttr value) {
  std::string bytes;
  bytes.reserve(value.getNumElements());
  for (bool element : value.getValues<bool>())
    bytes.push_back(element ? 1 : 0);
  return bytes;
}

} // namespace

FailureOr<ArrayRef<char>> Constants::bytesOf(ElementsAttr value, Location location) {
  auto own = [&](std::string bytes) -> ArrayRef<char> {
    owned.push_back(std::move(bytes));
    return {owned.back().data(), owned.back().size()};
  };
  Type element = value.getElementType();
  const unsigned bits = element.isIntOrFloat() ? element.getIntOrFloatBitWidth() : 8;
  const uint64_t count = value.getNumElements();
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(value)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    if (!blob)
      return emitError(location, "constant: the resource '")
             << resource.getRawHandle().getKey() << "' has no data";
    ArrayRef<char> data = blob->getData();
    const uint64_t expected = element.isInteger(1) ? count : (count * bits + 7) / 8;
    if (!element.isIntOrFloat() || data.size() == expected)
      return data;
    return emitError(location, "constant: the resource '")
           << resource.getRawHandle().getKey() << "' has " << data.size()
           << " bytes, its type takes " << expected;
  }
  auto dense = dyn_cast<DenseElementsAttr>(value);
  if (!dense || !(element.isIntOrIndexOrFloat() || isa<ComplexType>(element)))
    return emitError(location, "constant: only dense values can be stored");
  if (element.isInteger(1))
    return own(bytesOfBools(dense));
  if (bits < 8)
    return own(packBits(dense, bits));
  ArrayRef<char> raw = dense.getRawData();
  if (!dense.isSplat() || count == 1)
    return raw;
  std::string bytes;
  bytes.reserve(raw.size() * count);
  for (uint64_t i = 0; i < count; ++i)
    bytes.append(raw.data(), raw.size());
  return own(std::move(bytes));
}

uint64_t Constants::store(ArrayRef<char> bytes) {
  const uint64_t hash =
      llvm::xxh3_64bits(ArrayRef(reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size()));
  auto [first, last] = byHash.equal_range(hash);
  for (; first != last; ++first)
    if (segment[first->second].bytes == bytes)
      return segment[first->second].offset;
  const uint64_t offset = (end + alignment - 1) / alignment * alignment;
  byHash.emplace(hash, segment.size());
  segment.push_back({offset, bytes});
  end = offset + bytes.size();
  return offset;
}

FailureOr<uint32_t> Constants::index(ElementsAttr value, StringAttr scope, StringAttr key,
                                     Location location) {
  Attribute names =
      scope ? Attribute(ArrayAttr::get(scope.getContext(), {scope, key})) : Attribute();
  auto found = known.find({value, names});
  if (found != known.end())
    return found->second;
  ShapedType shaped = value.getShapedType();
  std::optional<schema::ElementType> type = elementType(shaped.getElementType());
  if (!type)
    return emitError(location, "constant: elements of type ")
           << shaped.getElementType() << " cannot be stored";
  Entry entry;
  entry.type = *type;
  entry.shape.assign(shaped.getShape().begin(), shaped.getShape().end());
  if (scope) {
    entry.external = true;
    entry.scope = scope.str();
    entry.key = key.str();
  } else {
    FailureOr<ArrayRef<char>> bytes = bytesOf(value, location);
    if (failed(bytes))
      return failure();
    entry.length = bytes->size();
    for (const Safetensors &file : parameters) {
      const std::string *name = file.find(*bytes);
      if (!name)
        continue;
      entry.external = true;
      entry.scope = file.scope();
      entry.key = *name;
      break;
    }
    if (!entry.external)
      entry.offset = store(*bytes);
  }
  list.push_back(std::move(entry));
  known[{value, names}] = list.size() - 1;
  return list.size() - 1;
}
