// halcyon/drivers/cpu/elf.ipp -- bodies of elf.hpp. The names follow the ELF specification.
#pragma once
#include "halcyon/drivers/cpu/elf.hpp"
#include "halcyon/allocator.hpp"
#include "halcyon/platform.hpp"

HALCYON_NAMESPACE_BEGIN
namespace cpu {

namespace elf {

// The few records and numbers of ELF64 that are needed, so that <elf.h> is not: it does not exist everywhere.
struct Header {
  unsigned char ident[16];
  uint16_t type, machine;
  uint32_t version;
  uint64_t entry, phoff, shoff;
  uint32_t flags;
  uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};
struct Segment {
  uint32_t type, flags;
  uint64_t offset, vaddr, paddr, filesz, memsz, align;
};
struct Dynamic {
  int64_t tag;
  uint64_t value;
};
struct Rela {
  uint64_t offset, info;
  int64_t addend;
};
struct Symbol {
  uint32_t name;
  uint8_t info, other;
  uint16_t section;
  uint64_t value, size;
};
static_assert(sizeof(Header) == 64 && sizeof(Segment) == 56 && sizeof(Dynamic) == 16 && sizeof(Rela) == 24 &&
              sizeof(Symbol) == 24);

enum : uint32_t { pt_load = 1, pt_dynamic = 2, pt_interp = 3, pt_tls = 7, pt_gnu_stack = 0x6474e551, pt_gnu_relro = 0x6474e552 };
enum : uint32_t { pf_x = 1, pf_w = 2, pf_r = 4 };
enum : int64_t {
  dt_null = 0, dt_needed = 1, dt_pltrelsz = 2, dt_strtab = 5, dt_symtab = 6, dt_rela = 7, dt_relasz = 8,
  dt_relaent = 9, dt_strsz = 10, dt_init = 12, dt_fini = 13, dt_rel = 17, dt_textrel = 22, dt_init_array = 25,
  dt_fini_array = 26, dt_flags = 30, dt_relr = 36
};
constexpr uint64_t df_textrel = 4;
constexpr uint64_t max_image = 1ull << 30;
constexpr uint32_t max_segments = 64;
constexpr char library_symbol[] = "hcy_library";

#if defined(__x86_64__)
constexpr uint16_t machine = 62;
constexpr uint32_t relative = 8;
#elif defined(__aarch64__)
constexpr uint16_t machine = 183;
constexpr uint32_t relative = 1027;
#else
constexpr uint16_t machine = 0;
constexpr uint32_t relative = 0;
#endif

constexpr bool inside(uint64_t offset, uint64_t length, uint64_t size) {
  return offset <= size && length <= size - offset;
}

template <class T>
inline T load(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

// One load in progress: what has been found in the file so far.
class Loader {
 public:
  Loader(std::span<const std::byte> file, size_t page) : file_(file), page_(page) {}

  // Each is false where the image is wrong, and failure() says why.
  bool read_header();
  bool read_segments();          // finds `top`, the size of the image
  void copy_to(std::byte* base);
  bool read_dynamic();
  bool relocate();
  bool find_library(uint32_t kernel_count, const std::byte*& kernels);
  bool protect();
  bool protect(uint64_t begin, uint64_t end, platform::Protection protection);

  const Status& failure() const { return failure_; }
  uint64_t top = 0;

 private:
  HALCYON_COLD bool fail(const Status& status) {
    failure_ = status;
    return false;
  }
  HALCYON_COLD bool corrupt(Literal what, uint64_t offset = 0) {
    return fail({Code::corrupt_artifact, what, {Kind::byte_offset, Where::whole, 0, 0, static_cast<int64_t>(offset), 0}});
  }
  uint64_t page_down(uint64_t at) const { return at / page_ * page_; }
  uint64_t page_up(uint64_t at) const { return (at + page_ - 1) / page_ * page_; }
  // Whether the bytes lie in one loaded segment that has `flags`.
  bool loaded(uint64_t vaddr, uint64_t length, uint32_t flags) const;
  bool add_segment(const Segment& segment, uint64_t at, uint64_t& previous_end);
  bool find_symbol(Symbol& symbol);

  std::span<const std::byte> file_;
  size_t page_;
  std::byte* base_ = nullptr;
  Header header_ = {};
  Segment segments_[max_segments] = {};
  uint32_t segment_count_ = 0;
  Segment dynamic_ = {}, relro_ = {};
  Status failure_;
  uint64_t rela_ = 0, rela_size_ = 0, symtab_ = 0, strtab_ = 0, strsz_ = 0;
};

HALCYON_FUNC bool Loader::read_header() {
  if (machine == 0) return fail({Code::unsupported, "elf: this machine loads no code"});
  if (file_.size() < sizeof(Header)) return corrupt("elf: shorter than its header");
  header_ = load<Header>(file_.data());
  const unsigned char magic[] = {0x7f, 'E', 'L', 'F', 2, 1, 1};  // 64 bits, little-endian, version 1
  if (std::memcmp(header_.ident, magic, sizeof magic) != 0) return corrupt("elf: not a 64-bit little-endian ELF file");
  if (header_.type != 3) return corrupt("elf: not a shared object", 16);
  if (header_.machine != machine) return corrupt("elf: made for another machine", 18);
  if (header_.phentsize != sizeof(Segment)) return corrupt("elf: program headers of an unknown size", 54);
  if (header_.phnum == 0 || header_.phnum > max_segments) return corrupt("elf: no or too many program headers", 56);
  if (!inside(header_.phoff, uint64_t{header_.phnum} * sizeof(Segment), file_.size()))
    return corrupt("elf: the program headers are not inside the file", 32);
  return true;
}

HALCYON_FUNC bool Loader::add_segment(const Segment& segment, uint64_t at, uint64_t& previous_end) {
  if (!inside(segment.offset, segment.filesz, file_.size())) return corrupt("elf: a segment is not inside the file", at);
  if (segment.filesz > segment.memsz) return corrupt("elf: a segment is larger in the file than in memory", at);
  if (!inside(segment.vaddr, segment.memsz, max_image)) return corrupt("elf: the image is larger than 1 GiB", at);
  if (segment.align == 0 || segment.align % page_ != 0 || (segment.align & (segment.align - 1)) != 0)
    return corrupt("elf: a segment is not aligned to pages", at);
  if (segment.vaddr % segment.align != segment.offset % segment.align)
    return corrupt("elf: a segment's address does not match its offset", at);
  if ((segment.flags & pf_w) && (segment.flags & pf_x)) return corrupt("elf: a segment is writable and executable", at);
  if (segment_count_ != 0 && page_down(segment.vaddr) < previous_end) return corrupt("elf: segments overlap or are out of order", at);
  previous_end = page_up(segment.vaddr + segment.memsz);
  top = previous_end;
  segments_[segment_count_++] = segment;
  return true;
}

HALCYON_FUNC bool Loader::read_segments() {
  uint64_t previous_end = 0;
  for (uint32_t i = 0; i < header_.phnum; ++i) {
    const uint64_t at = header_.phoff + i * sizeof(Segment);
    const Segment segment = load<Segment>(file_.data() + at);
    switch (segment.type) {
      case pt_load:
        if (!add_segment(segment, at, previous_end)) return false;
        break;
      case pt_dynamic:
        if (dynamic_.type == pt_dynamic) return corrupt("elf: two dynamic sections", at);
        dynamic_ = segment;
        break;
      case pt_gnu_relro:
        relro_ = segment;
        break;
      case pt_interp:
        return corrupt("elf: wants an interpreter", at);
      case pt_tls:
        return corrupt("elf: uses thread-local storage", at);
      case pt_gnu_stack:
        if (segment.flags & pf_x) return corrupt("elf: wants an executable stack", at);
        break;
      default:
        break;
    }
  }
  if (segment_count_ == 0 || top == 0) return corrupt("elf: nothing to load");
  if (dynamic_.type != pt_dynamic) return corrupt("elf: no dynamic section");
  if (relro_.type == pt_gnu_relro && !loaded(relro_.vaddr, 1, pf_w)) return corrupt("elf: RELRO is not in writable memory");
  if (relro_.type == pt_gnu_relro && !inside(relro_.vaddr, relro_.memsz, top)) return corrupt("elf: RELRO is outside the image");
  return true;
}

HALCYON_FUNC bool Loader::loaded(uint64_t vaddr, uint64_t length, uint32_t flags) const {
  for (uint32_t i = 0; i < segment_count_; ++i) {
    const Segment& segment = segments_[i];
    if ((segment.flags & flags) == flags && vaddr >= segment.vaddr && inside(vaddr - segment.vaddr, length, segment.memsz))
      return true;
  }
  return false;
}

HALCYON_FUNC void Loader::copy_to(std::byte* base) {
  base_ = base;
  for (uint32_t i = 0; i < segment_count_; ++i)
    if (segments_[i].filesz != 0) std::memcpy(base + segments_[i].vaddr, file_.data() + segments_[i].offset, static_cast<size_t>(segments_[i].filesz));
}

HALCYON_FUNC bool Loader::read_dynamic() {
  if (!loaded(dynamic_.vaddr, dynamic_.memsz, pf_r)) return corrupt("elf: the dynamic section is not loaded");
  bool ended = false;
  for (uint64_t at = 0; !ended && dynamic_.memsz - at >= sizeof(Dynamic); at += sizeof(Dynamic)) {
    const Dynamic entry = load<Dynamic>(base_ + dynamic_.vaddr + at);
    switch (entry.tag) {
      case dt_null: ended = true; break;
      case dt_needed: return corrupt("elf: needs another library", dynamic_.vaddr + at);
      case dt_textrel: return corrupt("elf: relocates its code", dynamic_.vaddr + at);
      case dt_flags:
        if (entry.value & df_textrel) return corrupt("elf: relocates its code", dynamic_.vaddr + at);
        break;
      case dt_init: case dt_fini: case dt_init_array: case dt_fini_array:
        return corrupt("elf: has constructors or destructors", dynamic_.vaddr + at);
      case dt_rel: case dt_relr: return corrupt("elf: has relocations other than RELA", dynamic_.vaddr + at);
      case dt_pltrelsz:
        if (entry.value != 0) return corrupt("elf: has a procedure linkage table", dynamic_.vaddr + at);
        break;
      case dt_relaent:
        if (entry.value != sizeof(Rela)) return corrupt("elf: relocations of an unknown size", dynamic_.vaddr + at);
        break;
      case dt_rela: rela_ = entry.value; break;
      case dt_relasz: rela_size_ = entry.value; break;
      case dt_symtab: symtab_ = entry.value; break;
      case dt_strtab: strtab_ = entry.value; break;
      case dt_strsz: strsz_ = entry.value; break;
      default: break;
    }
  }
  if (!ended) return corrupt("elf: the dynamic section has no end", dynamic_.vaddr);
  if (!loaded(strtab_, strsz_, pf_r) || strsz_ == 0) return corrupt("elf: the string table is not loaded", strtab_);
  return true;
}

HALCYON_FUNC bool Loader::relocate() {
  if (rela_size_ == 0) return true;
  if (rela_size_ % sizeof(Rela) != 0 || !loaded(rela_, rela_size_, pf_r)) return corrupt("elf: the relocations are not loaded", rela_);
  for (uint64_t at = rela_; at < rela_ + rela_size_; at += sizeof(Rela)) {
    const Rela entry = load<Rela>(base_ + at);
    if ((entry.info & 0xffffffffu) != relative || entry.info >> 32 != 0) return corrupt("elf: a relocation is not RELATIVE", at);
    if (!loaded(entry.offset, 8, pf_w)) return corrupt("elf: a relocation is outside writable memory", at);
    if (entry.addend < 0 || static_cast<uint64_t>(entry.addend) > top) return corrupt("elf: a relocation points outside the image", at);
    const uint64_t value = reinterpret_cast<uintptr_t>(base_) + static_cast<uint64_t>(entry.addend);
    std::memcpy(base_ + entry.offset, &value, sizeof value);
  }
  return true;
}

// Linkers write the symbols in front of their names, so these end the search; there are one or two.
HALCYON_FUNC bool Loader::find_symbol(Symbol& symbol) {
  for (uint64_t at = symtab_ + sizeof(Symbol); symtab_ != 0 && at < strtab_; at += sizeof(Symbol)) {
    if (!loaded(at, sizeof(Symbol), pf_r)) break;
    symbol = load<Symbol>(base_ + at);
    if (symbol.section != 0 && inside(symbol.name, sizeof library_symbol, strsz_) &&
        std::memcmp(base_ + strtab_ + symbol.name, library_symbol, sizeof library_symbol) == 0)
      return true;
  }
  return corrupt("elf: does not export hcy_library");
}

HALCYON_FUNC bool Loader::find_library(uint32_t kernel_count, const std::byte*& kernels) {
  Symbol symbol = {};
  if (!find_symbol(symbol)) return false;
  constexpr uint64_t kernels_at = offsetof(hcy_library, kernels);
  const uint64_t at = symbol.value;
  if (at % 8 != 0 || !loaded(at, kernels_at, pf_r)) return corrupt("elf: hcy_library is not loaded", at);
  const uint32_t abi = load<uint32_t>(base_ + at), count = load<uint32_t>(base_ + at + 4);
  if (abi != HCY_KERNEL_ABI)
    return fail({Code::corrupt_artifact, "elf: made for another kernel ABI", {Kind::byte_offset, 255, 0, 0, HCY_KERNEL_ABI, abi}});
  if (count != kernel_count)
    return fail({Code::corrupt_artifact, "elf: its kernels are not the executable's exports",
                  {Kind::byte_offset, 255, 0, 0, kernel_count, count}});
  if (!loaded(at + kernels_at, uint64_t{count} * 8, pf_r)) return corrupt("elf: the kernel table is not loaded", at);
  const uint64_t base = reinterpret_cast<uintptr_t>(base_);
  for (uint32_t i = 0; i < count; ++i) {
    const uint64_t kernel = load<uint64_t>(base_ + at + kernels_at + uint64_t{i} * 8);
    if (kernel < base || !loaded(kernel - base, 1, pf_x)) return corrupt("elf: a kernel is not in the image's code", at);
  }
  kernels = base_ + at + kernels_at;
  return true;
}

// Splitting a mapping takes memory; else the system does not want new code.
HALCYON_FUNC bool Loader::protect(uint64_t begin, uint64_t end, platform::Protection protection) {
  if (begin >= end || platform::protect_pages(base_ + begin, static_cast<size_t>(end - begin), protection)) return true;
  const int error = errno;
  return fail({error == ENOMEM ? Code::out_of_memory : Code::failed_precondition,
               "elf: the system refuses executable memory; use a static executable", {}, error});
}

HALCYON_FUNC bool Loader::protect() {
  using platform::Protection;
  uint64_t end = 0;
  for (uint32_t i = 0; i <= segment_count_; ++i) {
    const uint64_t begin = i < segment_count_ ? page_down(segments_[i].vaddr) : top;
    if (!protect(end, begin, Protection::none)) return false;
    if (i == segment_count_) break;
    const Segment& segment = segments_[i];
    end = page_up(segment.vaddr + segment.memsz);
    if (end == begin) continue;
    const Protection protection = (segment.flags & pf_x) ? Protection::read_execute
                                  : (segment.flags & pf_w) ? Protection::read_write
                                                           : Protection::read;
    if (!protect(begin, end, protection)) return false;
    if (segment.flags & pf_x)
      __builtin___clear_cache(reinterpret_cast<char*>(base_ + begin), reinterpret_cast<char*>(base_ + end));
  }
  if (relro_.type != pt_gnu_relro) return true;
  const uint64_t begin = page_down(relro_.vaddr), relro_end = page_down(relro_.vaddr + relro_.memsz);
  for (uint32_t i = 0; i < segment_count_; ++i) {  // only what is writable: RELRO never takes execution away
    const Segment& segment = segments_[i];
    if (!(segment.flags & pf_w)) continue;
    const uint64_t from = begin > page_down(segment.vaddr) ? begin : page_down(segment.vaddr);
    const uint64_t segment_end = page_up(segment.vaddr + segment.memsz);
    const uint64_t to = relro_end < segment_end ? relro_end : segment_end;
    if (!protect(from, to, Protection::read)) return false;
  }
  return true;
}

}  // namespace elf

HALCYON_FUNC Status ElfImage::load(std::span<const std::byte> file, uint32_t kernel_count) {
  unload();
  elf::Loader loader(file, platform::page_size());
  if (!loader.read_header() || !loader.read_segments()) return loader.failure();
  memory_ = static_cast<std::byte*>(platform::map_pages(static_cast<size_t>(loader.top), platform::Protection::read_write));
  if (!memory_) return {Code::out_of_memory, "elf: no memory for the image"};
  size_ = static_cast<size_t>(loader.top);
  loader.copy_to(memory_);
  const bool loaded = loader.read_dynamic() && loader.relocate() && loader.find_library(kernel_count, kernels_) && loader.protect();
  return loaded ? Status() : loader.failure();
}

HALCYON_FUNC void ElfImage::unload() {
  if (memory_) platform::unmap_pages(memory_, size_);
  memory_ = nullptr;
  kernels_ = nullptr;
  size_ = 0;
}

HALCYON_FUNC hcy_kernel ElfImage::kernel(uint32_t index) const {
  return reinterpret_cast<hcy_kernel>(static_cast<uintptr_t>(elf::load<uint64_t>(kernels_ + uint64_t{index} * 8)));
}

}  // namespace cpu
HALCYON_NAMESPACE_END
