// Writes artifacts that need no compiler, for tests that are no C++: write_artifacts FOLDER
#include <cstdio>
#include <string>

#include "artifact_spec.hpp"

namespace {

using namespace support;

#if defined(__x86_64__)
constexpr const char* machine = "x86_64";
#elif defined(__aarch64__)
constexpr const char* machine = "aarch64";
#else
constexpr const char* machine = "";
#endif

// main(x: [4]f32) -> y: [4]f32 in 4 workgroups, by a kernel of a static table, of hash 42, or (format 5) by the one that
// the application names "twice".
ArtifactSpec kernel_artifact(uint8_t format) {
  ArtifactSpec spec = copy_artifact();
  spec.segments = {{.kind = SegmentKind::code, .bytes = std::vector<std::byte>(64)}};
  spec.locations = {{"Twice_1", "model.mlir", 7}};
  ExecutableSpec executable;
  executable.exports = {{"twice", 2, 0, 0}};
  executable.variants = {{.format = format, .target = machine, .cpu = "", .features = {}, .segment = 0, .exports = {{{1, 1, 1}, 0, 42}}}};
  spec.plans[0].executables = {executable};
  const hal::Operand one = hal::Operand::literal(1);
  spec.plans[0].lists[0].commands = {
      {.type = 1, .workload = {hal::Operand::literal(4), one, one}, .ranges = {{0}, {1}}, .operands = {}, .location = 0}};
  return spec;
}

// main(x: [4]f32) -> y: [4]f32: x's bytes in a result that overwrites it.
ArtifactSpec donation_artifact() {
  ArtifactSpec spec = copy_artifact();
  spec.functions[0].donations = {{0, 0}};
  spec.plans[0].lists.clear();
  HostSpec& host = spec.plans[0].functions[0];
  host.registers = {BUFFER};
  host.allocations = 0;
  host.code = Assembler().return_({0}).code();
  return spec;
}

// main() -> y: [4]f32, the external parameter weights:w.
ArtifactSpec parameter_artifact() {
  ArtifactSpec spec = copy_artifact();
  spec.functions[0].arguments.clear();
  spec.constants = {{.length = 16, .scope = "weights", .key = "w", .type = ElementType::f32, .shape = {4}}};
  HostSpec& host = spec.plans[0].functions[0];
  host.code = Assembler().op(Opcode::constant, 0, 0, 0, {0}).const_i64(2, 16).alloca_(1, 2, 0, 0).submit(0, 2, {0, 1}).return_({1}).code();
  return spec;
}

bool write(const std::string& path, const ArtifactSpec& spec) {
  const std::vector<std::byte> bytes = build(spec);
  std::FILE* file = std::fopen(path.c_str(), "wb");
  const bool good = file && std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size();
  if (!file || std::fclose(file) != 0 || !good) {
    std::fprintf(stderr, "write_artifacts: cannot write %s\n", path.c_str());
    return false;
  }
  return true;
}

}  // namespace

int main(int count, char** words) {
  if (count != 2) return 2;
  const std::string folder = std::string(words[1]) + "/";
  ArtifactSpec damaged = copy_artifact();
  damaged.segments = {{.kind = SegmentKind::constants, .bytes = std::vector<std::byte>(64), .has_sha256 = true}};
  damaged.segments[0].shift_length = 1;
  const bool good = write(folder + "copy.hcm", copy_artifact()) && write(folder + "dynamic_copy.hcm", dynamic_copy_artifact()) &&
                    write(folder + "rich.hcm", rich_artifact()) && write(folder + "kernel.hcm", kernel_artifact(2)) && write(folder + "named.hcm", kernel_artifact(5)) &&
                    write(folder + "host_call.hcm", host_call_artifact()) &&
                    write(folder + "donation.hcm", donation_artifact()) && write(folder + "parameter.hcm", parameter_artifact()) &&
                    write(folder + "endless.hcm", program_artifact(Assembler().jump(0))) && write(folder + "damaged.hcm", damaged);
  return good ? 0 : 1;
}
