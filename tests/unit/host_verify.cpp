// The host program's verifier: each instruction that could go wrong is refused at load.
#include "unit.hpp"

using namespace halcyon;
using namespace support;

namespace {

Status verify(const Assembler& code) {
  const Aligned file(build(program_artifact(code)));
  const auto artifact = Artifact::open(file.bytes(), {}, system_allocator());
  return artifact.ok() ? Status() : artifact.status();
}

Code verify_code(std::vector<uint32_t> words) {
  ArtifactSpec spec = program_artifact({});
  spec.plans[0].functions[0].code = std::move(words);
  return unit::open(spec);
}

const uint32_t i64_word = static_cast<uint32_t>(ElementKind::sint) | 64u << 8;

}  // namespace

TEST_CASE("the empty program passes", "[host_verify]") { CHECK(verify({}).ok()); }

TEST_CASE("a refused instruction is named by function and word", "[host_verify]") {
  const Status status = verify(Assembler().op(Opcode::nop).op(Opcode::add, 0, 1, 8));

  CHECK(status.code() == Code::corrupt_artifact);
  CHECK(status.where().kind == Kind::instruction);
  CHECK(status.where().object == 0);
  CHECK(status.where().expected == 2);
}

TEST_CASE("registers must exist and have the operand's type", "[host_verify]") {
  CHECK(verify(Assembler().op(Opcode::add, 0, 1, 21)).code() == Code::corrupt_artifact);
  CHECK(verify(Assembler().op(Opcode::add, 8, 1, 2)).code() == Code::corrupt_artifact);
  CHECK(verify(Assembler().op(Opcode::fadd, 8, 9, 2)).code() == Code::corrupt_artifact);
  CHECK(verify(Assembler().op(Opcode::move_buffer, 12, 0)).code() == Code::corrupt_artifact);
  CHECK(verify(Assembler().op(Opcode::list_push, 12, 13)).code() == Code::corrupt_artifact);
  CHECK(verify(Assembler().op(Opcode::move_i64, 0, 1, 2)).code() == Code::corrupt_artifact);
  CHECK(verify(Assembler().op(Opcode::select_i64, 0, 1, 2, {8})).code() == Code::corrupt_artifact);
  CHECK(verify(Assembler().op(Opcode::select_i64, 0, 1, 2, {65536})).code() == Code::corrupt_artifact);
  CHECK(verify(Assembler().op(Opcode::list_append, 16, 17, 1, {8})).code() == Code::corrupt_artifact);
  CHECK(verify(Assembler().op(Opcode::list_at_i64, 8, 16, 1)).code() == Code::corrupt_artifact);
  CHECK(verify(Assembler().op(Opcode::check_position, 0, 1, 2, {1u << 20})).code() == Code::corrupt_artifact);
}

TEST_CASE("unknown opcodes and cut instructions are refused", "[host_verify]") {
  CHECK(verify_code({}) == Code::corrupt_artifact);
  CHECK(verify_code({static_cast<uint32_t>(Opcode::nop)}) == Code::corrupt_artifact);
  CHECK(verify_code({opcode_count, 0}) == Code::corrupt_artifact);
  CHECK(verify_code({0xffff, 0}) == Code::corrupt_artifact);
  CHECK(verify_code({static_cast<uint32_t>(Opcode::const_i64), 0, 1}) == Code::corrupt_artifact);
  CHECK(verify_code({static_cast<uint32_t>(Opcode::return_), 1u << 16}) == Code::corrupt_artifact);
  CHECK(verify_code({static_cast<uint32_t>(Opcode::submit), 0xffffu << 16, 0, 0}) == Code::corrupt_artifact);
}

TEST_CASE("a program may not run off its end", "[host_verify]") {
  CHECK(verify_code(Assembler().op(Opcode::nop).code()) == Code::corrupt_artifact);
  CHECK(verify_code(Assembler().branch_if(0, 0).code()) == Code::corrupt_artifact);
  CHECK(verify_code(Assembler().jump(0).code()) == Code::ok);
}

TEST_CASE("a branch must go to the start of an instruction", "[host_verify]") {
  CHECK(verify(Assembler().jump(1)).code() == Code::corrupt_artifact);
  CHECK(verify(Assembler().jump(2)).code() == Code::corrupt_artifact);
  CHECK(verify(Assembler().branch_if(0, 100000)).code() == Code::corrupt_artifact);
  CHECK(verify(Assembler().branch_if(0, 3)).ok());
}

TEST_CASE("indices of every kind must exist", "[host_verify]") {
  CHECK(verify(Assembler().op(Opcode::constant, 12, 0, 0, {1})).code() == Code::corrupt_artifact);
  CHECK(verify(Assembler().op(Opcode::variable, 12, 0, 0, {1})).code() == Code::corrupt_artifact);
  CHECK(verify(Assembler().op(Opcode::set_variable, 12, 0, 0, {1})).code() == Code::corrupt_artifact);
  CHECK(verify(Assembler().alloca_(12, 0, 0, 4)).code() == Code::corrupt_artifact);
  CHECK(verify(Assembler().alloca_(12, 0, 3, 0)).code() == Code::corrupt_artifact);
  CHECK(verify(Assembler().submit(0, 0, {})).code() == Code::corrupt_artifact);
  CHECK(verify(Assembler().op(Opcode::fail, 2, 0, 0, {0})).code() == Code::corrupt_artifact);
  CHECK(verify(Assembler().op(Opcode::fail, 0, 0, 0, {1})).code() == Code::corrupt_artifact);
  CHECK(verify(Assembler().op(Opcode::narrow, 0, 1, 7)).code() == Code::corrupt_artifact);
}

TEST_CASE("reads and writes take element types that the host can hold", "[host_verify]") {
  const auto read = [](Opcode opcode, uint32_t to, ElementType type) {
    return verify(Assembler().op(opcode, to, 12, 1, {static_cast<uint32_t>(type.kind) | static_cast<uint32_t>(type.bits) << 8})).code();
  };

  CHECK(read(Opcode::read_i64, 0, ElementType::i1) == Code::ok);
  CHECK(read(Opcode::read_i64, 0, ElementType::f32) == Code::unsupported);
  CHECK(read(Opcode::read_i64, 0, ElementType::i4) == Code::unsupported);
  CHECK(read(Opcode::read_f64, 8, ElementType::bf16) == Code::ok);
  CHECK(read(Opcode::read_f64, 8, ElementType::f8e5m2) == Code::unsupported);
  CHECK(read(Opcode::read_f64, 8, ElementType{ElementKind::ieee, 11}) == Code::corrupt_artifact);
  CHECK(verify(Assembler().op(Opcode::read_i64, 0, 12, 1, {i64_word | 1u << 16})).code() == Code::corrupt_artifact);
}

TEST_CASE("a call must match its function", "[host_verify]") {
  CHECK(verify(Assembler().call(1, 2, 1, {0, 1, 2})).ok());
  CHECK(verify(Assembler().call(2, 2, 1, {0, 1, 2})).code() == Code::corrupt_artifact);
  CHECK(verify(Assembler().call(1, 1, 1, {0, 2})).code() == Code::corrupt_artifact);
  CHECK(verify(Assembler().call(1, 2, 1, {0, 1})).code() == Code::corrupt_artifact);
  CHECK(verify(Assembler().call(1, 2, 1, {0, 8, 2})).code() == Code::corrupt_artifact);
  CHECK(verify(Assembler().call(1, 2, 1, {0, 1, 12})).code() == Code::corrupt_artifact);
}

TEST_CASE("a return must match the function's results", "[host_verify]") {
  CHECK(verify(Assembler().return_({})).code() == Code::corrupt_artifact);
  CHECK(verify(Assembler().return_({0})).code() == Code::corrupt_artifact);
  CHECK(verify(Assembler().return_({12, 12})).code() == Code::corrupt_artifact);
  CHECK(verify(Assembler().return_({12})).ok());
}

TEST_CASE("recursion is refused", "[host_verify]") {
  ArtifactSpec spec = program_artifact({});
  spec.plans[0].functions[1].code = Assembler().call(1, 2, 1, {0, 1, 2}).return_({2}).code();
  CHECK(unit::open(spec) == Code::corrupt_artifact);
}

TEST_CASE("calls nest at most 64 deep", "[host_verify]") {
  const auto chain = [](uint32_t length) {
    ArtifactSpec spec = program_artifact(Assembler().call(1, 2, 1, {0, 1, 2}));
    HostSpec link = spec.plans[0].functions[1];
    const HostSpec last = link;
    spec.plans[0].functions.resize(1);
    for (uint32_t i = 1; i < length - 1; ++i) {
      link.code = Assembler().call(i + 1, 2, 1, {0, 1, 2}).return_({2}).code();
      spec.plans[0].functions.push_back(link);
    }
    spec.plans[0].functions.push_back(last);
    return unit::open(spec);
  };

  CHECK(chain(64) == Code::ok);
  CHECK(chain(65) == Code::corrupt_artifact);
}

TEST_CASE("a submit must match its command list", "[host_verify]") {
  const auto submit = [](uint32_t bindings, const std::vector<uint16_t>& registers) {
    ArtifactSpec spec = program_artifact(Assembler().submit(0, bindings, registers));
    spec.plans[0].lists = {{2, 1, {}}};
    return unit::open(spec);
  };

  CHECK(submit(2, {12, 13, 0}) == Code::ok);
  CHECK(submit(1, {12, 13, 0}) == Code::corrupt_artifact);
  CHECK(submit(2, {12, 13}) == Code::corrupt_artifact);
  CHECK(submit(2, {12, 0, 13}) == Code::corrupt_artifact);
  CHECK(submit(2, {12, 13, 8}) == Code::corrupt_artifact);
}

TEST_CASE("a result's alloca site is found where it is certain", "[host_verify]") {
  ArtifactSpec spec = copy_artifact();
  const auto site_of = [&spec]() {
    const Aligned file(build(spec));
    return unit::need(Artifact::open(file.bytes(), {}, system_allocator()))->plans()[0].functions[0].results[0].site;
  };

  CHECK(site_of() == 0);
  spec.plans[0].functions[0].code = Assembler().return_({0}).code();
  CHECK(site_of() == UINT32_MAX);
  spec.plans[0].functions[0].code = Assembler().alloca_(1, 2, 0, 0).alloca_(1, 2, 0, 0).return_({1}).code();
  CHECK(site_of() == UINT32_MAX);
  spec.plans[0].functions[0].code = Assembler().alloca_(1, 2, 1, 0).return_({1}).code();
  CHECK(site_of() == UINT32_MAX);
}
