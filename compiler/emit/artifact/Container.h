// emit/artifact/Container.h -- header, metadata and segments in one file.
#pragma once
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/raw_ostream.h"

#include <array>
#include <string>
#include <vector>

#include "emit/artifact/Constants.h"

namespace halcyon {

// A segment's place and digest, for the metadata.
struct SegmentPlace {
  schema::SegmentKind kind = schema::SegmentKind::constants;
  uint64_t offset = 0, length = 0;
  std::array<uint8_t, 32> sha256 = {};
};

class Container {
public:
  void add(schema::SegmentKind kind, std::vector<Constants::Piece> pieces, uint64_t size);

  // `metadata` is called twice: the second time with the places that the first result's size gives.
  // Its size must not depend on them.
  void write(llvm::raw_pwrite_stream &stream,
             llvm::function_ref<std::string(llvm::ArrayRef<SegmentPlace>)> metadata);

private:
  struct Segment {
    SegmentPlace place;
    std::vector<Constants::Piece> pieces;
  };
  std::vector<Segment> segments;
};

} // namespace halcyon
