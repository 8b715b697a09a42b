#include "npy.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

#include "fail.hpp"

namespace tools {

using halcyon::ElementKind;
using halcyon::ElementType;

namespace {

constexpr char magic[] = "\x93NUMPY";

struct Descr {
  const char* text;
  ElementType type;
};
constexpr Descr descrs[] = {
    {"|b1", ElementType::i1},  {"|i1", ElementType::i8},  {"|u1", ElementType::u8},  {"<i2", ElementType::i16},
    {"<u2", ElementType::u16}, {"<i4", ElementType::i32}, {"<u4", ElementType::u32}, {"<i8", ElementType::i64},
    {"<u8", ElementType::u64}, {"<f2", ElementType::f16}, {"<f4", ElementType::f32}, {"<f8", ElementType::f64},
    {"<c8", ElementType::c64}, {"<c16", ElementType::c128}};

class File {
 public:
  File(const std::string& path, const char* mode) : path_(path), file_(std::fopen(path.c_str(), mode)) {
    if (!file_) fail("cannot open '" + path + "': " + std::strerror(errno));
  }
  ~File() {
    if (file_) std::fclose(file_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  void read(void* bytes, size_t size, const char* what) {
    if (size && std::fread(bytes, 1, size, file_) != size) fail("'" + path_ + "': ends inside " + what);
  }
  bool at_end() { return std::fgetc(file_) == EOF; }
  void write(const void* bytes, size_t size) {
    if (size && std::fwrite(bytes, 1, size, file_) != size) failed();
  }
  void close() {
    if (std::fclose(std::exchange(file_, nullptr)) != 0) failed();
  }

 private:
  [[noreturn]] void failed() { fail("cannot write '" + path_ + "': " + std::strerror(errno)); }

  std::string path_;
  std::FILE* file_;
};

// The text behind 'key': in the header's dictionary.
std::string_view entry(std::string_view header, std::string_view key, const std::string& path) {
  for (const char quote : {'\'', '"'}) {
    const std::string quoted = quote + std::string(key) + quote;
    const size_t at = header.find(quoted);
    if (at == std::string_view::npos) continue;
    std::string_view rest = header.substr(at + quoted.size());
    const size_t begin = rest.find_first_not_of(" :");
    if (begin != std::string_view::npos) return rest.substr(begin);
  }
  fail("'" + path + "': the .npy header has no '" + std::string(key) + "'");
}

std::vector<int64_t> parse_shape(std::string_view text, const std::string& path) {
  const size_t end = text.find(')');
  if (text.empty() || text[0] != '(' || end == std::string_view::npos) fail("'" + path + "': the .npy shape is damaged");
  std::vector<int64_t> shape;
  const std::string inner(text.substr(1, end - 1));
  for (const char* at = inner.c_str(); *at;) {
    if (*at == ' ' || *at == ',') {
      ++at;
      continue;
    }
    char* next = nullptr;
    errno = 0;
    const long long size = std::strtoll(at, &next, 10);
    if (next == at || errno || size < 0) fail("'" + path + "': the .npy shape is damaged");
    shape.push_back(size);
    at = *next == 'L' ? next + 1 : next;
  }
  return shape;
}

// What holds one element of a packed type a byte, as numpy and ml_dtypes do: integers as numbers, f4e2m1 as its bits.
ElementType byte_type(ElementType packed) { return packed.kind == ElementKind::sint ? ElementType::i8 : ElementType::u8; }

// 'descr' and the wanted type -> how the file's bytes are to be understood.
ElementType parse_descr(std::string_view text, ElementType wanted, const std::string& path) {
  if (text.empty() || (text[0] != '\'' && text[0] != '"'))
    fail("'" + path + "': a structured .npy dtype is not a tensor's");
  const std::string descr(text.substr(1, text.find(text[0], 1) - 1));
  for (const Descr& known : descrs)
    if (descr.size() > 1 && descr.substr(1) == known.text + 1 && (descr[0] != '>' || known.text[0] == '|'))
      return known.type;
  if (!descr.empty() && descr[0] == '>') fail("'" + path + "': big-endian ('" + descr + "'); save it little-endian");
  const std::string raw = descr.empty() ? descr : descr.substr(1);
  if (raw == "V2") return ElementType::bf16;
  if (raw == "V1" || raw == "f1") {
    if (wanted.bits == 8) return wanted;
    if (wanted.bits < 8 && wanted.bits != 0) return byte_type(wanted);
    fail("'" + path + "': elements of one untyped byte ('" + descr + "') where no 8-bit type is expected");
  }
  fail("'" + path + "': unknown dtype '" + descr + "'");
}

// `raw`: only an element's low bits count, as ml_dtypes stores them.
HostTensor pack(const HostTensor& unpacked, ElementType type, bool raw, const std::string& path) {
  HostTensor packed{type, unpacked.shape, {}};
  packed.bytes.resize(tensor_bytes(type, packed.shape, "'" + path + "'"));
  HostTensor as_integers{{type.kind == ElementKind::sint ? ElementKind::sint : ElementKind::uint, type.bits}, {}, {}};
  as_integers.bytes.resize(packed.bytes.size());
  for (uint64_t i = 0; i < unpacked.elements(); ++i) {
    const long double value = element(unpacked, i);
    set_element(as_integers, i, value);
    if (!raw && element(as_integers, i) != value)
      fail(format("'%s': %.0Lf is not a value of %s", path.c_str(), value, name(type)));
  }
  packed.bytes = std::move(as_integers.bytes);
  return packed;
}

}  // namespace

HostTensor read_npy(const std::string& path, ElementType wanted) {
  File file(path, "rb");
  unsigned char start[8];
  file.read(start, sizeof start, "the .npy magic");
  if (std::memcmp(start, magic, 6) != 0) fail("'" + path + "': not a .npy file");
  if (start[6] < 1 || start[6] > 3) fail(format("'%s': .npy version %d is not known", path.c_str(), start[6]));
  unsigned char size[4] = {};
  file.read(size, start[6] == 1 ? 2 : 4, "the .npy header");
  const size_t length = size_t{size[0]} | size_t{size[1]} << 8 | size_t{size[2]} << 16 | size_t{size[3]} << 24;
  if (length > (1u << 20)) fail("'" + path + "': the .npy header is too large");
  std::string header(length, '\0');
  file.read(header.data(), length, "the .npy header");

  HostTensor tensor;
  tensor.type = parse_descr(entry(header, "descr", path), wanted, path);
  tensor.shape = parse_shape(entry(header, "shape", path), path);
  if (entry(header, "fortran_order", path).rfind("True", 0) == 0 && tensor.shape.size() > 1)
    fail("'" + path + "': in Fortran order; save it in C order");
  tensor.bytes.resize(tensor_bytes(tensor.type, tensor.shape, "'" + path + "'"));
  file.read(tensor.bytes.data(), tensor.bytes.size(), "its elements");
  if (!file.at_end()) fail("'" + path + "': longer than its shape says");
  if (wanted.bits == 0 || wanted.bits >= 8 || tensor.type.bits != 8) return tensor;
  const std::string_view descr = entry(header, "descr", path);
  return pack(tensor, wanted, descr.substr(0, 4).find_first_of("Vf") != std::string_view::npos, path);
}

void write_npy(const std::string& path, const HostTensor& tensor) {
  if (tensor.type.bits < 8) {
    const ElementType bytes = byte_type(tensor.type);
    HostTensor unpacked{bytes, tensor.shape, {}};
    const HostTensor as_integers{{bytes.kind, tensor.type.bits}, tensor.shape, tensor.bytes};
    unpacked.bytes.resize(tensor.elements());
    for (uint64_t i = 0; i < tensor.elements(); ++i) set_element(unpacked, i, element(as_integers, i));
    return write_npy(path, unpacked);
  }
  std::string descr = tensor.type == ElementType::bf16 ? "<V2" : "|V1";
  for (const Descr& known : descrs)
    if (known.type == tensor.type) descr = known.text;
  std::string shape;
  for (const int64_t extent : tensor.shape) shape += std::to_string(extent) + ", ";
  if (tensor.shape.size() > 1) shape.resize(shape.size() - 2);
  std::string header = "{'descr': '" + descr + "', 'fortran_order': False, 'shape': (" + shape + "), }";
  header.append(63 - (10 + header.size()) % 64, ' ');
  header += '\n';
  const char start[10] = {'\x93', 'N', 'U', 'M', 'P', 'Y', 1, 0, static_cast<char>(header.size() & 255),
                          static_cast<char>(header.size() >> 8)};
  File file(path, "wb");
  file.write(start, sizeof start);
  file.write(header.data(), header.size());
  file.write(tensor.bytes.data(), tensor.bytes.size());
  file.close();
}

}  // namespace tools
