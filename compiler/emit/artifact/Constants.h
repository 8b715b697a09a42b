// emit/artifact/Constants.h -- the constants of an artifact: each content once, in one segment.
#pragma once
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Location.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/MapVector.h"

#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include "emit/artifact/Safetensors.h"
#include "emit/artifact/Types.h"

namespace halcyon {

class Constants {
public:
  // Bytes are borrowed from attributes where they are kept whole (dense_resource), and from
  // `parameters`.
  explicit Constants(llvm::ArrayRef<Safetensors> parameters) : parameters(parameters) {}

  // The index of a constant; the same for the same value and names.
  mlir::FailureOr<uint32_t> index(mlir::ElementsAttr value, mlir::StringAttr scope,
                                  mlir::StringAttr key, mlir::Location location);

  struct Entry {
    schema::ElementType type;
    std::vector<uint64_t> shape;
    uint64_t offset = 0, length = 0;
    std::string scope, key; // set: not in the segment
    bool external = false;
  };
  const std::vector<Entry> &entries() const { return list; }

  // The segment: pieces at rising offsets, zeros between.
  struct Piece {
    uint64_t offset;
    llvm::ArrayRef<char> bytes;
  };
  const std::vector<Piece> &pieces() const { return segment; }
  uint64_t size() const { return end; }
  bool hasSegment() const { return !segment.empty(); } // maybe of no bytes: a constant may be empty

private:
  mlir::FailureOr<llvm::ArrayRef<char>> bytesOf(mlir::ElementsAttr value, mlir::Location location);
  uint64_t store(llvm::ArrayRef<char> bytes);

  llvm::ArrayRef<Safetensors> parameters;
  std::vector<Entry> list;
  llvm::DenseMap<std::pair<mlir::Attribute, mlir::Attribute>, uint32_t> known;
  std::unordered_multimap<uint64_t, size_t> byHash; // of content -> piece
  std::vector<Piece> segment;
  std::deque<std::string> owned;
  uint64_t end = 0;
};

} // namespace halcyon
