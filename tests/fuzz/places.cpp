#include "places.hpp"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#include "artifact_generated.h"
#pragma GCC diagnostic pop

namespace fuzz {
namespace {

namespace s = halcyon::schema;

class Collector {
 public:
  explicit Collector(const std::byte* file) : file_(file) {}

  void add(const void* value, uint32_t size) {
    if (value) places.push_back({static_cast<uint64_t>(static_cast<const std::byte*>(value) - file_), size});
  }
  // A scalar of a table; absent where it has its default.
  template <class T>
  void field(const T* table, flatbuffers::voffset_t slot, uint32_t size) {
    add(reinterpret_cast<const flatbuffers::Table*>(table)->GetAddressOf(slot), size);
  }
  // The elements of a vector of scalars or structs, in pieces of `piece` bytes.
  template <class Vector>
  void elements(const Vector* vector, size_t element, uint32_t piece) {
    if (!vector) return;
    for (size_t i = 0; i < vector->size() * element / piece; ++i) add(vector->Data() + i * piece, piece);
  }
  template <class Vector, class Visit>
  void each(const Vector* vector, Visit visit) {
    if (vector)
      for (const auto* item : *vector) visit(item);
  }

  std::vector<Place> places;

 private:
  const std::byte* file_;
};

}  // namespace

std::vector<Place> places(std::span<const std::byte> file) {
  Collector c(file.data());
  const s::Metadata& metadata = *s::GetMetadata(file.data() + 64);
  const auto type = [&c](const s::ElementType* t) {
    c.add(t, 1);  // the kind
    if (t) c.add(reinterpret_cast<const std::byte*>(t) + 1, 1);  // the bits
  };
  const auto value = [&](const s::Value* v) {
    c.elements(v->shape(), sizeof(s::Dim), 4);
    type(v->type());
    c.field(v, s::Value::VT_RESIDENCE, 1);
  };
  for (const auto* functions : {metadata.functions(), metadata.callbacks()})
    c.each(functions, [&](const s::Function* f) {
      c.each(f->arguments(), value);
      c.each(f->results(), value);
      c.elements(f->donations(), sizeof(s::Donation), 4);
    });
  c.each(metadata.segments(), [&](const s::Segment* g) {
    c.field(g, s::Segment::VT_OFFSET, 8);
    c.field(g, s::Segment::VT_LENGTH, 8);
  });
  c.each(metadata.constants(), [&](const s::Constant* k) {
    c.field(k, s::Constant::VT_SEGMENT, 4);
    c.field(k, s::Constant::VT_OFFSET, 8);
    c.field(k, s::Constant::VT_LENGTH, 8);
    type(k->type());
    c.elements(k->shape(), 8, 8);
  });
  c.each(metadata.variables(), [&](const s::Variable* v) {
    type(v->type());
    c.elements(v->shape(), 8, 8);
    c.field(v, s::Variable::VT_INITIAL, 4);
  });
  c.each(metadata.plans(), [&](const s::Plan* plan) {
    c.each(plan->functions(), [&](const s::HostFunction* f) {
      for (int i = 0; i < 4; ++i) c.elements(f->code(), 4, i < 2 ? 2 : 4);  // often: it is where most can go wrong
      c.elements(f->registers(), 1, 1);
      c.elements(f->returns(), 1, 1);
      c.field(f, s::HostFunction::VT_PARAMETERS, 4);
      c.field(f, s::HostFunction::VT_ALLOCATIONS, 4);
      c.field(f, s::HostFunction::VT_FUNCTION, 4);
    });
    c.each(plan->command_lists(), [&](const s::CommandList* list) {
      c.field(list, s::CommandList::VT_BINDINGS, 4);
      c.field(list, s::CommandList::VT_PARAMETERS, 4);
      c.each(list->commands(), [&](const s::Command* command) {
        c.elements(command->ranges(), sizeof(s::Range), 4);
        c.elements(command->operands(), sizeof(s::Operand), 8);
        c.elements(command->workload(), sizeof(s::Operand), 8);
        c.field(command, s::Command::VT_TYPE, 1);
        c.field(command, s::Command::VT_PATTERN_SIZE, 1);
        c.field(command, s::Command::VT_EXECUTABLE, 4);
        c.field(command, s::Command::VT_EXPORT_INDEX, 4);
      });
    });
    c.each(plan->executables(), [&](const s::Executable* e) {
      c.each(e->exports(), [&](const s::Export* x) {
        c.field(x, s::Export::VT_BINDINGS, 4);
        c.field(x, s::Export::VT_PARAMETERS, 4);
        c.field(x, s::Export::VT_WRITTEN, 8);
      });
      c.each(e->variants(), [&](const s::Variant* v) {
        c.elements(v->exports(), sizeof(s::Tile), 4);
        c.field(v, s::Variant::VT_SEGMENT, 4);
        c.field(v, s::Variant::VT_FORMAT, 1);
      });
    });
  });
  return c.places;
}

}  // namespace fuzz
