// emit/artifact/Types.h -- element types and locations as the artifact has them.
#pragma once
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Location.h"
#include "llvm/ADT/MapVector.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "emit/artifact/Schema.h"

namespace halcyon {

// Of a tensor's elements; `name` ("u8") says what a signless type cannot. None for what has no
// kind.
std::optional<schema::ElementType> elementType(mlir::Type type, llvm::StringRef name = {});

// The table of source ops.
class Locations {
public:
  // UINT32_MAX where `location` names nothing.
  uint32_t index(mlir::Location location);
  struct Entry {
    std::string name, file;
    unsigned line = 0;
    auto operator<=>(const Entry &) const = default;
  };
  const std::vector<Entry> &entries() const { return list; }

private:
  std::vector<Entry> list;
  std::map<Entry, uint32_t> known;
};

} // namespace halcyon
