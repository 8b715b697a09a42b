#include "emit/artifact/Types.h"

#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace halcyon;

using schema::ElementKind;

std::optional<schema::ElementType> halcyon::elementType(Type type, StringRef name) {
  if (!name.empty()) {
    auto kind = llvm::StringSwitch<ElementKind>(name)
                    .Case("i1", ElementKind::boolean)
                    .Cases("i2", "i4", "i8", "i16", "i32", "i64", ElementKind::sint)
                    .Cases("u2", "u4", "u8", "u16", "u32", "u64", ElementKind::uint)
                    .Case("f8e4m3fn", ElementKind::f8e4m3fn)
                    .Case("f8e5m2", ElementKind::f8e5m2)
                    .Case("f8e4m3fnuz", ElementKind::f8e4m3fnuz)
                    .Case("f8e5m2fnuz", ElementKind::f8e5m2fnuz)
                    .Case("f8e8m0", ElementKind::f8e8m0)
                    .Case("f4e2m1", ElementKind::f4e2m1)
                    .Default(ElementKind::none);
    if (kind != ElementKind::none) {
      unsigned bits = kind == ElementKind::f4e2m1 ? 4 : 8;
      if (kind == ElementKind::sint || kind == ElementKind::uint)
        name.drop_front().getAsInteger(10, bits);
      return schema::ElementType(kind, bits);
    }
  }
  if (type.isIndex())
    return schema::ElementType(ElementKind::sint, 64);
  if (type.isInteger(1))
    return schema::ElementType(ElementKind::boolean, 8);
  if (auto integer = dyn_cast<IntegerType>(type))
    return schema::ElementType(integer.isUnsigned() ? ElementKind::uint : ElementKind::sint,
                               integer.getWidth());
  if (auto complex = dyn_cast<ComplexType>(type))
    return schema::ElementType(ElementKind::complex,
                               2 * complex.getElementType().getIntOrFloatBitWidth());
  if (type.isBF16())
    return schema::ElementType(ElementKind::bfloat, 16);
  if (type.isF16() || type.isF32() || type.isF64())
    return schema::ElementType(ElementKind::ieee, type.getIntOrFloatBitWidth());
  if (type.isFloat8E4M3FN())
    return schema::ElementType(ElementKind::f8e4m3fn, 8);
  if (type.isFloat8E5M2())
    return schema::ElementType(ElementKind::f8e5m2, 8);
  if (type.isFloat8E4M3FNUZ())
    return schema::ElementType(ElementKind::f8e4m3fnuz, 8);
  if (type.isFloat8E5M2FNUZ())
    return schema::ElementType(ElementKind::f8e5m2fnuz, 8);
  return std::nullopt;
}

namespace {

// The innermost name and file of a location.
void collect(Location location, Locations::Entry &entry) {
  if (auto name = dyn_cast<NameLoc>(location)) {
    if (entry.name.empty())
      entry.name = name.getName().str();
    collect(name.getChildLoc(), entry);
  } else if (auto file = dyn_cast<FileLineColLoc>(location)) {
    if (entry.file.empty()) {
      entry.file =
          llvm::sys::path::filename(file.getFilename().getValue()).str(); // the same in any folder
      entry.line = file.getLine();
    }
  } else if (auto fused = dyn_cast<FusedLoc>(location)) {
    for (Location part : fused.getLocations())
      collect(part, entry);
  } else if (auto call = dyn_cast<CallSiteLoc>(location)) {
    collect(call.getCallee(), entry);
  }
}

} // namespace

uint32_t Locations::index(Location location) {
  Entry entry;
  collect(location, entry);
  if (entry.name.empty() && entry.file.empty())
    return UINT32_MAX;
  auto [place, isNew] = known.try_emplace(entry, list.size());
  if (isNew)
    list.push_back(entry);
  return place->second;
}
