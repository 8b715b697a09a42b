#include "emit/artifact/Container.h"

#include "llvm/Support/Endian.h"
#include "llvm/Support/SHA256.h"

using namespace halcyon;

namespace {

constexpr uint64_t headerSize = 64;

uint64_t alignmentOf(schema::SegmentKind kind) {
  return kind == schema::SegmentKind::code ? 64 << 10 : 64;
}

// Calls `take` with the bytes of a segment in order.
void forEachChunk(llvm::ArrayRef<Constants::Piece> pieces,
                  llvm::function_ref<void(llvm::StringRef)> take) {
  static constexpr char zeros[64 << 10] = {};
  uint64_t at = 0;
  for (const Constants::Piece &piece : pieces) {
    take(llvm::StringRef(zeros, piece.offset - at));
    take(llvm::StringRef(piece.bytes.data(), piece.bytes.size()));
    at = piece.offset + piece.bytes.size();
  }
}

} // namespace

void Container::add(schema::SegmentKind kind, std::vector<Constants::Piece> pieces, uint64_t size) {
  Segment segment{{kind, 1, size, {}}, std::move(pieces)};
  llvm::SHA256 hash;
  forEachChunk(segment.pieces, [&](llvm::StringRef bytes) { hash.update(bytes); });
  segment.place.sha256 = hash.final();
  segments.push_back(std::move(segment));
}

void Container::write(llvm::raw_pwrite_stream &stream,
                      llvm::function_ref<std::string(llvm::ArrayRef<SegmentPlace>)> metadata) {
  std::vector<SegmentPlace> places;
  for (const Segment &segment : segments)
    places.push_back(segment.place);
  uint64_t end = headerSize + metadata(places).size();
  for (SegmentPlace &place : places) {
    const uint64_t alignment = alignmentOf(place.kind);
    place.offset = (end + alignment - 1) / alignment * alignment;
    end = place.offset + place.length;
  }
  const std::string bytes = metadata(places);

  std::array<char, headerSize> header = {'H', 'C', 'M', '1'};
  llvm::support::endian::write16le(&header[4], 1); // major
  llvm::support::endian::write16le(&header[6], 0); // minor
  llvm::support::endian::write64le(&header[8], end);
  llvm::support::endian::write64le(&header[16], headerSize);
  llvm::support::endian::write64le(&header[24], bytes.size());
  const auto digest = llvm::SHA256::hash(
      llvm::ArrayRef(reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size()));
  std::copy(digest.begin(), digest.end(), &header[32]);

  stream.write(header.data(), header.size());
  stream.write(bytes.data(), bytes.size());
  uint64_t at = headerSize + bytes.size();
  for (auto [place, segment] : llvm::zip(places, segments)) {
    stream.write_zeros(place.offset - at);
    forEachChunk(segment.pieces,
                 [&](llvm::StringRef chunk) { stream.write(chunk.data(), chunk.size()); });
    at = place.offset + place.length;
  }
}
