// Errors in words, and the plain data that crosses.
#include "objects.hpp"

namespace c_api {

static_assert(static_cast<int>(Code::invalid_argument) == HALCYON_INVALID_ARGUMENT && static_cast<int>(Code::not_found) == HALCYON_NOT_FOUND &&
              static_cast<int>(Code::unsupported) == HALCYON_UNSUPPORTED && static_cast<int>(Code::timeout) == HALCYON_TIMEOUT &&
              static_cast<int>(Code::internal) == HALCYON_INTERNAL);
static_assert(static_cast<int>(Kind::command) == HALCYON_KIND_COMMAND && static_cast<int>(Kind::parameter) == HALCYON_KIND_PARAMETER &&
              static_cast<int>(Kind::instruction) == HALCYON_KIND_INSTRUCTION);
static_assert(HALCYON_MAX_RANK == max_rank);
static_assert(static_cast<int>(hal::Map::read_write) == HALCYON_ACCESS_READ_WRITE && static_cast<int>(hal::Memory::host) == HALCYON_MEMORY_HOST &&
              static_cast<int>(hal::Wait::any) == HALCYON_WAIT_ANY && static_cast<int>(LoadMode::copy) == HALCYON_LOAD_COPY &&
              static_cast<int>(Residence::both) == HALCYON_RESIDENCE_BOTH &&
              static_cast<int>(hal::NativeHandle::Type::opaque_fd) == HALCYON_NATIVE_OPAQUE_FD);

halcyon_code report(const Status& status, halcyon_error* error, const Program* program, const char* more) {
  const halcyon_code code = static_cast<halcyon_code>(status.code());
  if (!error || error->size < offsetof(halcyon_error, code) + sizeof error->code) return code;
  if (status.ok() && error->size >= sizeof *error) {  // a warm call writes no more than it must
    error->code = HALCYON_OK;
    error->text[0] = '\0';
    return code;
  }
  const Where& where = status.where();
  halcyon_error full = {};
  full.size = error->size;
  full.code = code;
  full.kind = static_cast<halcyon_kind>(where.kind);
  full.native = status.native();
  full.dimension = where.dimension;
  full.index = where.index;
  full.object = where.object;
  full.expected = where.expected;
  full.actual = where.actual;
  full.what = status.what();
  if (!status.ok()) {
    const std::string_view line = program ? program->describe(status, full.text) : describe(status, full.text);
    size_t at = line.size();
    if (more[0] != '\0') {
      for (const char* text : {"; ", more})
        for (; *text != '\0' && at + 1 < sizeof full.text; ++text) full.text[at++] = *text;
      full.text[at] = '\0';
    }
  }
  const size_t room = full.size < sizeof full ? full.size : sizeof full;
  if (room > offsetof(halcyon_error, text)) full.text[room - offsetof(halcyon_error, text) - 1] = '\0';
  std::memcpy(static_cast<void*>(error), &full, room);
  return code;
}

halcyon_shape to_c(const Tensor& tensor) {
  halcyon_shape shape = {};
  shape.type = to_c(tensor.element_type());
  shape.rank = tensor.rank();
  for (uint32_t i = 0; i < shape.rank; ++i) shape.sizes[i] = tensor.dimension(i);
  return shape;
}

ElementType to_type(halcyon_type type) {
  const ElementType found{static_cast<ElementKind>(type & 0xff), static_cast<uint8_t>(type >> 8 & 0xff)};
  return type >> 16 == 0 && is_known(found) ? found : ElementType{};
}

Status read_shape(const halcyon_shape* shape, Shape& sizes, ElementType& type) {
  if (!shape) return {Code::invalid_argument, "the shape is NULL"};
  if (shape->rank > max_rank) return mismatch(Code::invalid_argument, "Tensor: more than 8 dimensions", max_rank, shape->rank);
  type = to_type(shape->type);
  if (type.bits == 0) return {Code::invalid_argument, "the shape has no element type"};
  sizes = Shape(std::span<const int64_t>(shape->sizes, shape->rank));
  return {};
}

Status byte_size(const Shape& shape, ElementType type, uint64_t& bytes) {
  uint64_t count = 1;
  bool empty = false;
  for (const int64_t size : shape.sizes()) {
    if (size < 0) return {Code::invalid_argument, "Tensor: a dimension is negative"};
    empty = empty || size == 0;
    if (size != 0 && __builtin_mul_overflow(count, static_cast<uint64_t>(size), &count))
      return {Code::invalid_argument, "Tensor: the size overflows 64 bits"};
  }
  if (!halcyon::byte_size(type, empty ? 0 : count, bytes) || bytes > INT64_MAX)
    return {Code::invalid_argument, "Tensor: the size overflows 64 bits"};
  return {};
}

Status read_buffer_options(const halcyon_buffer_options* given, hal::BufferDesc& desc) {
  halcyon_buffer_options options;
  HALCYON_TRY(read_options(given, options));
  if (options.memory < HALCYON_MEMORY_DEVICE || options.memory > HALCYON_MEMORY_HOST)
    return {Code::invalid_argument, "buffer options: `memory` is none that there is"};
  if (options.map < HALCYON_ACCESS_NONE || options.map > HALCYON_ACCESS_READ_WRITE)
    return {Code::invalid_argument, "buffer options: `map` is none that there is"};
  desc.memory = static_cast<hal::Memory>(options.memory);
  desc.map = static_cast<hal::Map>(options.map);
  desc.alignment = options.alignment;
  desc.label = options.label ? options.label : "";
  return {};
}

Status read_timepoint(const halcyon_timepoint& given, const halcyon_device& device, hal::Timepoint& point) {
  if (!given.semaphore) return {Code::invalid_argument, "a timepoint has no semaphore"};
  if (given.semaphore->device.get() != &device) return {Code::invalid_argument, "a timepoint's semaphore belongs to another device"};
  point = {given.semaphore->semaphore.get(), given.value};
  return {};
}

Status Timepoints::read(halcyon_timepoints given) {
  if (given.count == 0) return {};
  if (!given.data) return {Code::invalid_argument, "the timepoints are NULL"};
  if (given.count > 8) {
    if (!more_.resize(given.count)) return out_of_memory();
    points_ = more_.span();
  } else {
    points_ = std::span<hal::Timepoint>(few_, given.count);
  }
  for (size_t i = 0; i < given.count; ++i) HALCYON_TRY(read_timepoint(given.data[i], device_, points_[i]));
  return {};
}

Status filled(const halcyon_tensor* tensor) {
  HALCYON_TRY(needed(tensor, "the tensor is NULL"));
  return tensor->tensor ? Status() : Status(Code::failed_precondition, "the tensor is empty");
}

Result<Ref<halcyon_tensor>> make_tensor(halcyon_device& device, Result<Tensor> made) {
  if (!made.ok()) return made.status();
  auto tensor = create<halcyon_tensor>(device.allocator(), device, std::move(made).value());
  if (!tensor) return out_of_memory();
  return tensor;
}

}  // namespace c_api

const char* halcyon_code_name(halcyon_code code) {
  return code < 0 ? "unknown" : halcyon::name(static_cast<halcyon::Code>(code));
}

uint32_t halcyon_version(void) { return HALCYON_VERSION_MAJOR << 16 | HALCYON_VERSION_MINOR; }

const char* halcyon_type_name(halcyon_type type) { return halcyon::name(c_api::to_type(type)); }
