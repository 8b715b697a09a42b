// Executables: which variant is taken and why not the others; ELF images, good and bad.
#include "cts.hpp"

#include <cstdio>
#if defined(CTS_ELF)
#include <elf.h>
#endif

using namespace cts;

namespace {

#if defined(__aarch64__)
constexpr std::string_view machine = "aarch64", other_machine = "x86_64", baseline_feature = "neon";
#else
constexpr std::string_view machine = "x86_64", other_machine = "aarch64", baseline_feature = "sse2";
#endif

const hal::ExportDesc tally_export[] = {{.name = "tally", .bindings = 1}};
const hal::VariantExport tally_tile[] = {{.hash = 15}};

hal::VariantDesc tally_variant(std::string_view target, std::span<const std::string_view> features = {}) {
  hal::VariantDesc variant;
  variant.format = hal::Format::static_table;
  variant.target = target;
  variant.features = features;
  variant.exports = tally_tile;
  return variant;
}

}  // namespace

TEST_CASE("the first variant that runs here is taken, and the others are explained", "[executable]") {
  CTS_DEVICE(device);
  CTS_NEEDS(backend, backend.runs_kernels, "takes any variant");
  const std::string_view missing[] = {baseline_feature, "no-such-feature"}, present[] = {baseline_feature};
  hal::VariantDesc spirv = tally_variant("vulkan1.2");
  spirv.format = hal::Format::spirv;
  const hal::VariantExport unknown_hash[] = {{.hash = 999}};
  hal::VariantDesc unknown = tally_variant(machine);
  unknown.exports = unknown_hash;
  const hal::VariantDesc variants[] = {spirv, tally_variant(other_machine), tally_variant(machine, missing), unknown,
                                       tally_variant(machine, present), tally_variant(machine)};
  hal::Rejection rejections[6];

  auto executable = need(device->create_executable({.exports = tally_export, .variants = variants}, rejections));

  REQUIRE(executable->variant() == 4);
  REQUIRE(rejections[0].reason != std::string());
  REQUIRE(rejections[1].reason == std::string("made for another machine"));
  REQUIRE(rejections[2].feature == "no-such-feature");
  REQUIRE(rejections[3].reason == std::string("the application gave no such kernel"));
  REQUIRE(rejections[3].feature == "tally");
  REQUIRE(rejections[4].reason == std::string());
  REQUIRE(rejections[5].reason == std::string("a variant before it was taken"));
}

TEST_CASE("an executable without a variant for this machine is unsupported", "[executable]") {
  CTS_DEVICE(device);
  CTS_NEEDS(backend, backend.runs_kernels, "takes any variant");
  const hal::VariantDesc variants[] = {tally_variant(other_machine)};
  hal::Rejection rejection;

  const auto executable = device->create_executable({.exports = tally_export, .variants = variants}, {&rejection, 1});

  REQUIRE(code(executable) == Code::unsupported);
  REQUIRE(rejection.reason == std::string("made for another machine"));
}

TEST_CASE("rejections need not be asked for, nor for every variant", "[executable]") {
  CTS_DEVICE(device);
  CTS_NEEDS(backend, backend.runs_kernels, "takes any variant");
  const hal::VariantDesc variants[] = {tally_variant(other_machine), tally_variant(other_machine)};
  hal::Rejection rejection;

  REQUIRE(code(device->create_executable({.exports = tally_export, .variants = variants}, {})) == Code::unsupported);
  REQUIRE(code(device->create_executable({.exports = tally_export, .variants = variants}, {&rejection, 1})) == Code::unsupported);
}

TEST_CASE("a variant with a tile of 0 or too few exports is corrupt", "[executable]") {
  CTS_DEVICE(device);
  CTS_NEEDS(backend, backend.runs_kernels, "takes any variant");
  const hal::VariantExport flat[] = {{.tile = {1, 0, 1}, .hash = 15}};
  hal::VariantDesc zero_tile = tally_variant(machine), no_exports = tally_variant(machine);
  zero_tile.exports = flat;
  no_exports.exports = {};

  REQUIRE(code(device->create_executable({.exports = tally_export, .variants = {&zero_tile, 1}}, {})) == Code::corrupt_artifact);
  REQUIRE(code(device->create_executable({.exports = tally_export, .variants = {&no_exports, 1}}, {})) == Code::corrupt_artifact);
}

TEST_CASE("a device that accepts any plan takes any variant", "[executable]") {
  CTS_DEVICE(device);
  CTS_NEEDS(backend, device->caps().accepts_any_plan, "looks at its variants");
  const hal::VariantDesc variants[] = {tally_variant("sm_90")};

  REQUIRE(device->create_executable({.exports = tally_export, .variants = variants}, {}).ok());
  REQUIRE(device->create_executable({.exports = tally_export}, {}).ok());
}

#if defined(CTS_ELF)

namespace {

using Image = std::vector<std::byte>;

Image read_image(const char* path) {
  std::FILE* file = std::fopen(path, "rb");
  REQUIRE(file);
  Image image(1 << 20);
  image.resize(std::fread(image.data(), 1, image.size(), file));
  std::fclose(file);
  REQUIRE(image.size() > 64);
  return image;
}

Image good_image() { return read_image(GENERATE(CTS_ELF)); }

Result<Ref<hal::Executable>> load(hal::Device& device, std::span<const std::byte> image, uint32_t kernels = 2) {
  const std::vector<hal::ExportDesc> exports = {{.name = "twice", .bindings = 1}, {.name = "step", .bindings = 1, .parameters = 1}, {.name = "third"}};
  const std::vector<hal::VariantExport> tiles(3);
  hal::VariantDesc variant;
  variant.format = hal::Format::elf;
  variant.target = machine;
  variant.exports = std::span(tiles).first(kernels);
  variant.image = image;
  return device.create_executable({.exports = std::span(exports).first(kernels), .variants = {&variant, 1}}, {});
}

Elf64_Ehdr& header(Image& image) { return *reinterpret_cast<Elf64_Ehdr*>(image.data()); }

std::span<Elf64_Phdr> segments(Image& image) {
  return {reinterpret_cast<Elf64_Phdr*>(image.data() + header(image).e_phoff), header(image).e_phnum};
}

Elf64_Phdr& segment(Image& image, uint32_t type, uint32_t flags = 0) {
  for (Elf64_Phdr& entry : segments(image))
    if (entry.p_type == type && (entry.p_flags & flags) == flags) return entry;
  FAIL("the test's image has no such segment");
  return segments(image)[0];
}

// The dynamic entry of a tag; or the terminating one, made into that tag, with another end after it.
Elf64_Dyn& dynamic(Image& image, int64_t tag, bool add = false) {
  auto* entry = reinterpret_cast<Elf64_Dyn*>(image.data() + segment(image, PT_DYNAMIC).p_offset);
  for (; entry->d_tag != DT_NULL; ++entry)
    if (entry->d_tag == tag) return *entry;
  REQUIRE(add);
  entry->d_tag = tag;
  entry[1].d_tag = DT_NULL;
  return *entry;
}

std::span<Elf64_Rela> relocations(Image& image) {
  const uint64_t address = dynamic(image, DT_RELA).d_un.d_ptr, size = dynamic(image, DT_RELASZ).d_un.d_val;
  for (const Elf64_Phdr& entry : segments(image))
    if (entry.p_type == PT_LOAD && address >= entry.p_vaddr && address - entry.p_vaddr < entry.p_filesz)
      return {reinterpret_cast<Elf64_Rela*>(image.data() + entry.p_offset + (address - entry.p_vaddr)), size / sizeof(Elf64_Rela)};
  FAIL("the test's image has no relocations");
  return {};
}

void change(Image& image, int what) {
  Elf64_Phdr& code = segment(image, PT_LOAD, PF_X);
  switch (what) {
    case 0: header(image).e_machine = EM_RISCV; break;
    case 1: header(image).e_type = ET_REL; break;
    case 2: header(image).e_ident[EI_CLASS] = ELFCLASS32; break;
    case 3: header(image).e_phnum = 0; break;
    case 4: header(image).e_phoff = UINT64_MAX - 8; break;
    case 5: header(image).e_phentsize = 32; break;
    case 6: code.p_flags |= PF_W; break;
    case 7: code.p_align = 16; break;
    case 8: code.p_align = 0; break;
    case 9: code.p_vaddr = 0; break;                                 // overlaps, or mismatches its offset
    case 10: code.p_memsz = uint64_t{2} << 30; break;
    case 11: code.p_offset = UINT64_MAX; break;
    case 12: code.p_filesz = code.p_memsz + 1; break;
    case 13: dynamic(image, DT_NEEDED, true).d_un.d_val = 1; break;
    case 14: dynamic(image, DT_TEXTREL, true).d_un.d_val = 0; break;
    case 15: dynamic(image, DT_INIT, true).d_un.d_ptr = 0; break;
    case 16: relocations(image)[0].r_info = ELF64_R_INFO(0, 1); break;  // not RELATIVE
    case 17: relocations(image)[0].r_offset = UINT64_MAX - 3; break;
    case 18: relocations(image)[0].r_offset = code.p_vaddr; break;      // into the code
    case 19: relocations(image)[0].r_addend = int64_t{1} << 40; break;
    case 20: relocations(image)[0].r_addend = -8; break;
    case 21: dynamic(image, DT_RELASZ).d_un.d_val = UINT64_MAX / 24 * 24; break;
    case 22: dynamic(image, DT_STRSZ).d_un.d_val = UINT64_MAX; break;
    case 23: dynamic(image, DT_SYMTAB).d_un.d_ptr = UINT64_MAX - 100; break;
    case 24: dynamic(image, DT_STRTAB).d_un.d_ptr = UINT64_MAX - 4; break;
    case 25: segment(image, PT_DYNAMIC).p_vaddr = uint64_t{1} << 29; break;
    case 26: segment(image, PT_DYNAMIC).p_type = PT_NULL; break;
    case 27: code.p_flags = PF_R; break;  // kernels are not in code
    case 28: segment(image, PT_GNU_STACK).p_flags = PF_R | PF_W | PF_X; break;
    default: FAIL("no such change");
  }
}

}  // namespace

TEST_CASE("an ELF executable is loaded and runs", "[executable][elf]") {
  CTS_DEVICE(device);
  CTS_NEEDS(backend, backend.runs_kernels, "loads no code");
  auto executable = need(load(*device, good_image()));
  auto buffer = buffer_of(*device, std::vector<uint8_t>(16, 1));
  Dispatch twice{{range(0)}, {}, {}}, step{{range(0)}, {Operand::literal(1)}, {}};
  dispatch(twice, *executable, static_cast<Kernel>(0), Operand::literal(4));
  dispatch(step, *executable, static_cast<Kernel>(1), Operand::literal(4));
  auto commands = list(*device, {twice.command, Command{}, step.command}, 1);
  const Binding bindings[] = {{.buffer = buffer.get()}};

  need(finish(*device, {.commands = commands.get(), .bindings = bindings}));

  REQUIRE(values_of<uint32_t>(*device, *buffer) == std::vector<uint32_t>(4, 2 * 0x01010101u + 10));
}

TEST_CASE("an ELF executable needs no alignment in the file", "[executable][elf]") {
  CTS_DEVICE(device);
  CTS_NEEDS(backend, backend.runs_kernels, "loads no code");
  Image image = good_image();
  image.insert(image.begin(), std::byte{0});

  REQUIRE(load(*device, std::span(image).subspan(1)).ok());
}

TEST_CASE("an ELF executable must have as many kernels as exports", "[executable][elf]") {
  CTS_DEVICE(device);
  CTS_NEEDS(backend, backend.runs_kernels, "loads no code");
  const Image image = good_image();

  REQUIRE(code(load(*device, image, 1)) == Code::corrupt_artifact);
  REQUIRE(code(load(*device, image, 3)) == Code::corrupt_artifact);
}

TEST_CASE("an ELF executable that is not what it should be is corrupt", "[executable][elf]") {
  CTS_DEVICE(device);
  CTS_NEEDS(backend, backend.runs_kernels, "loads no code");
  const int what = GENERATE(Catch::Generators::range(0, 29));
  INFO("change " << what);
  Image image = good_image();
  change(image, what);

  REQUIRE(code(load(*device, image)) == Code::corrupt_artifact);
}

TEST_CASE("an ELF executable that is cut short is an error, or was cut behind all that matters", "[executable][elf]") {
  CTS_DEVICE(device);
  CTS_NEEDS(backend, backend.runs_kernels && backend.threads == 1, "once is enough");
  const Image image = good_image();

  // Every length of a small image, and of the pages that matter in a padded one.
  size_t accepted = 0, refused = 0, tried = 0;
  for (size_t length = 0; length < image.size(); length += length % 65536 < 4096 || image.size() < 65536 ? 1 : 509, ++tried) {
    const Image cut(image.begin(), image.begin() + static_cast<std::ptrdiff_t>(length));
    const Code result = code(load(*device, cut));
    accepted += result == Code::ok;
    refused += result == Code::corrupt_artifact;
  }

  REQUIRE(accepted + refused == tried);
  REQUIRE(refused > 64);
}

TEST_CASE("every byte of an ELF executable may be wrong", "[executable][elf]") {
  CTS_DEVICE(device);
  CTS_NEEDS(backend, backend.runs_kernels && backend.threads == 1, "once is enough");
  Image image = good_image();

  size_t answers = 0, wrong = 0;
  for (size_t at = 0; at < image.size() && at < 4096 + 2048; ++at)
    for (const int flip : {0xff, 0x01, 0x80}) {
      image[at] ^= static_cast<std::byte>(flip);
      const Code result = code(load(*device, image));
      wrong += result != Code::ok && result != Code::corrupt_artifact && result != Code::out_of_memory;
      ++answers;
      image[at] ^= static_cast<std::byte>(flip);
    }

  REQUIRE(answers > 1000);
  REQUIRE(wrong == 0);
}

TEST_CASE("an ELF executable of random changes is loaded or refused", "[executable][elf]") {
  CTS_DEVICE(device);
  CTS_NEEDS(backend, backend.runs_kernels && backend.threads == 1, "once is enough");
  const Image image = good_image();
  uint64_t seed = 1;
  const auto random = [&] { return (seed = seed * 6364136223846793005u + 1442695040888963407u) >> 33; };

  size_t wrong = 0;
  for (int round = 0; round < 3000; ++round) {
    Image changed = image;
    for (uint64_t edits = 1 + random() % 4; edits > 0; --edits) {
      const uint64_t value = random() % 3 == 0 ? UINT64_MAX - random() % 16 : random() % 2 == 0 ? random() % 65536 : random() << 20;
      const size_t at = random() % (changed.size() - 8);
      std::memcpy(changed.data() + at, &value, size_t{1} << (random() % 4));
    }
    const Code result = code(load(*device, changed));
    wrong += result != Code::ok && result != Code::corrupt_artifact && result != Code::out_of_memory;
  }

  REQUIRE(wrong == 0);
}

#endif
