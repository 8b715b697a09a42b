// The interpreter, an opcode at a time: every program leaves its value in register 0.
#include <cmath>

#include "unit.hpp"

using namespace halcyon;
using namespace support;
using unit::need;

namespace {

const uint32_t i64_word = static_cast<uint32_t>(ElementKind::sint) | 64u << 8;
const uint32_t u8_word = static_cast<uint32_t>(ElementKind::uint) | 8u << 8;
const uint32_t f16_word = static_cast<uint32_t>(ElementKind::ieee) | 16u << 8;

Result<int64_t> run(const ArtifactSpec& spec, uint64_t budget = 100000) {
  const auto device = unit::null_device();
  unit::Loaded loaded(*device, spec);
  auto outputs = loaded.main().call({}, {budget});
  if (!outputs.ok()) return outputs.status();
  int64_t value[1] = {};
  HALCYON_TRY(outputs.value()[0].read(value));
  return value[0];
}

Result<int64_t> run(const Assembler& code, uint64_t budget = 100000) { return run(program_artifact(code), budget); }

// a op b in register 0.
Result<int64_t> binary(Opcode opcode, int64_t a, int64_t b) { return run(Assembler().const_i64(1, a).const_i64(2, b).op(opcode, 0, 1, 2)); }

constexpr int64_t least = INT64_MIN, most = INT64_MAX;

}  // namespace

TEST_CASE("integer instructions compute", "[host_vm]") {
  const auto [opcode, a, b, expected] = GENERATE(table<Opcode, int64_t, int64_t, int64_t>({
      {Opcode::add, 2, 3, 5},          {Opcode::add, most, 1, least},    {Opcode::sub, 2, 3, -1},
      {Opcode::sub, least, 1, most},   {Opcode::mul, -4, 5, -20},        {Opcode::mul, most, 2, -2},
      {Opcode::div, -7, 2, -3},        {Opcode::rem, -7, 2, -1},         {Opcode::floor_div, -7, 2, -4},
      {Opcode::floor_div, 7, -2, -4},  {Opcode::floor_div, 6, 3, 2},     {Opcode::ceil_div, -7, 2, -3},
      {Opcode::ceil_div, 7, 2, 4},     {Opcode::ceil_div, -7, -2, 4},    {Opcode::min, -1, 1, -1},
      {Opcode::max, -1, 1, 1},         {Opcode::and_, 12, 10, 8},        {Opcode::or_, 12, 10, 14},
      {Opcode::xor_, 12, 10, 6},       {Opcode::shl, 1, 62, int64_t{1} << 62}, {Opcode::shl, 1, 64, 0},
      {Opcode::shl, 1, -1, 0},         {Opcode::shr_s, -8, 1, -4},       {Opcode::shr_s, -8, 100, -1},
      {Opcode::shr_u, -1, 60, 15},     {Opcode::shr_u, -1, 64, 0},       {Opcode::cmp_eq, 3, 3, 1},
      {Opcode::cmp_ne, 3, 3, 0},       {Opcode::cmp_lt, -1, 1, 1},       {Opcode::cmp_le, 1, 1, 1},
      {Opcode::cmp_ult, -1, 1, 0},     {Opcode::cmp_ule, 1, -1, 1},      {Opcode::size_add, 2, 3, 5},
      {Opcode::size_sub, 3, 3, 0},     {Opcode::size_mul, 3, 4, 12},     {Opcode::size_mul, 0, most, 0},
      {Opcode::size_align, 65, 64, 128}, {Opcode::size_align, 64, 64, 64}, {Opcode::size_align, 0, 1, 0},
  }));
  CAPTURE(opcode_names[static_cast<int>(opcode)], a, b);

  CHECK(need(binary(opcode, a, b)) == expected);
}

TEST_CASE("arithmetic without a result traps", "[host_vm]") {
  const auto [opcode, a, b] = GENERATE(table<Opcode, int64_t, int64_t>({
      {Opcode::div, 1, 0},           {Opcode::div, least, -1},      {Opcode::rem, 1, 0},       {Opcode::rem, least, -1},
      {Opcode::floor_div, 1, 0},     {Opcode::floor_div, least, -1}, {Opcode::ceil_div, 1, 0}, {Opcode::ceil_div, least, -1},
      {Opcode::size_add, most, 1},   {Opcode::size_add, -1, 1},     {Opcode::size_add, 1, -1}, {Opcode::size_sub, 1, 2},
      {Opcode::size_sub, -1, -2},    {Opcode::size_mul, most, 2},   {Opcode::size_mul, -1, 0}, {Opcode::size_align, 1, 3},
      {Opcode::size_align, 1, 0},    {Opcode::size_align, most, 64}, {Opcode::size_align, -1, 64}, {Opcode::size_align, 1, least},
  }));
  CAPTURE(opcode_names[static_cast<int>(opcode)], a, b);
  const auto result = binary(opcode, a, b);

  CHECK(result.status().code() == Code::failed_precondition);
  CHECK(result.status().where().kind == Kind::instruction);
}

TEST_CASE("narrow cuts and extends the sign, one bit apart", "[host_vm]") {
  const auto [value, bits, expected] = GENERATE(table<int64_t, uint32_t, int64_t>({
      {3, 1, 1}, {2, 1, 0}, {255, 8, -1}, {127, 8, 127}, {65535, 16, -1}, {int64_t{1} << 31, 32, -(int64_t{1} << 31)}}));

  CHECK(need(run(Assembler().const_i64(1, value).op(Opcode::narrow, 0, 1, bits))) == expected);
}

TEST_CASE("float instructions compute", "[host_vm]") {
  const auto [opcode, a, b, expected] = GENERATE(table<Opcode, double, double, int64_t>({
      {Opcode::fadd, 1.5, 2.5, 4}, {Opcode::fsub, 1.5, 2.5, -1}, {Opcode::fmul, 1.5, 4, 6}, {Opcode::fdiv, 9, 2, 4},
      {Opcode::ffloor, -1.5, 0, -2}, {Opcode::fceil, 1.2, 0, 2}, {Opcode::fround_f32, 16777217, 0, 16777216}}));
  const uint32_t c = opcode_operands[static_cast<int>(opcode)][2] == 'F' ? 10 : 0;

  CHECK(need(run(Assembler().const_f64(9, a).const_f64(10, b).op(opcode, 8, 9, c).op(Opcode::to_i64, 0, 8))) == expected);
}

TEST_CASE("float comparisons are ordered", "[host_vm]") {
  const auto [opcode, a, b, expected] = GENERATE(table<Opcode, double, double, int64_t>({
      {Opcode::fcmp_eq, 1, 1, 1}, {Opcode::fcmp_eq, NAN, NAN, 0}, {Opcode::fcmp_lt, 1, 2, 1}, {Opcode::fcmp_lt, NAN, 2, 0},
      {Opcode::fcmp_le, 2, 2, 1}, {Opcode::fcmp_le, 2, NAN, 0}}));

  CHECK(need(run(Assembler().const_f64(9, a).const_f64(10, b).op(opcode, 0, 9, 10))) == expected);
}

TEST_CASE("conversion to integer saturates", "[host_vm]") {
  const auto [value, expected] = GENERATE(table<double, int64_t>({
      {-2.9, -2}, {1e30, most}, {-1e30, least}, {9223372036854775807.0, most}, {NAN, 0}, {INFINITY, most}}));

  CHECK(need(run(Assembler().const_f64(8, value).op(Opcode::to_i64, 0, 8))) == expected);
}

TEST_CASE("moves, choices and conversions to float", "[host_vm]") {
  CHECK(need(run(Assembler().op(Opcode::nop).const_i64(1, 7).op(Opcode::move_i64, 0, 1))) == 7);
  CHECK(need(run(Assembler().const_i64(1, 0).const_i64(2, 5).const_i64(3, 6).op(Opcode::select_i64, 0, 1, 2, {3}))) == 6);
  CHECK(need(run(Assembler().const_i64(1, 9).const_i64(2, 5).op(Opcode::select_i64, 0, 1, 2, {3}))) == 5);
  CHECK(need(run(Assembler().const_i64(1, -3).op(Opcode::to_f64, 8, 1).op(Opcode::move_f64, 9, 8).op(Opcode::to_i64, 0, 9))) == -3);
}

TEST_CASE("floats and their bits convert both ways", "[host_vm]") {
  CHECK(need(run(Assembler().const_f64(8, -2.0).op(Opcode::f32_bits, 0, 8))) == int32_t(0xc0000000));
  CHECK(need(run(Assembler().const_f64(8, 1.5).op(Opcode::f64_bits, 0, 8))) == 0x3ff8000000000000);
  CHECK(need(run(Assembler().const_i64(1, 0x40400000).op(Opcode::f32_from_bits, 8, 1).op(Opcode::to_i64, 0, 8))) == 3);
  CHECK(need(run(Assembler().const_i64(1, 0x4008000000000000).op(Opcode::f64_from_bits, 8, 1).op(Opcode::to_i64, 0, 8))) == 3);
}

TEST_CASE("a loop counts", "[host_vm]") {
  Assembler code;
  code.const_i64(1, 1).const_i64(2, 10);
  const uint32_t loop = code.here();
  code.op(Opcode::add, 0, 0, 1).op(Opcode::cmp_lt, 3, 0, 2).branch_if(3, loop);

  CHECK(need(run(code)) == 10);
}

TEST_CASE("an endless loop ends with the budget", "[host_vm]") {
  const auto result = run(Assembler().jump(0), 10000);

  CHECK(result.status().code() == Code::timeout);
}

TEST_CASE("an internal function takes and gives values", "[host_vm]") {
  CHECK(need(run(Assembler().const_i64(1, 6).const_i64(2, 7).call(1, 2, 1, {1, 2, 0}))) == 42);
}

TEST_CASE("functions pass buffers and lists, and give their own back", "[host_vm]") {
  ArtifactSpec spec = program_artifact(
      Assembler().const_i64(1, 24).alloca_(12, 1, 1, 0).op(Opcode::list_create, 16).call(2, 2, 2, {12, 16, 13, 17}).op(Opcode::list_size, 0, 17).op(
          Opcode::buffer_size, 1, 13).op(Opcode::add, 0, 0, 1));
  HostSpec append;
  append.registers = {BUFFER, LIST};
  append.parameters = 2;
  append.returns = {BUFFER, LIST};
  append.code = Assembler().op(Opcode::list_push, 1, 0).op(Opcode::list_push, 1, 0).return_({0, 1}).code();
  spec.plans[0].functions.push_back(append);

  CHECK(need(run(spec)) == 26);
}

TEST_CASE("buffers have sizes, elements are written and read", "[host_vm]") {
  CHECK(need(run(Assembler().const_i64(1, 100).alloca_(12, 1, 1, 0).op(Opcode::buffer_size, 0, 12))) == 100);
  CHECK(need(run(Assembler().const_i64(1, 16).alloca_(12, 1, 2, 0).const_i64(2, 300).const_i64(3, 9).op(Opcode::write_i64, 12, 3, 2, {u8_word}).op(
            Opcode::read_i64, 0, 12, 3, {u8_word}))) == 44);
  CHECK(need(run(Assembler().const_i64(1, 16).alloca_(12, 1, 0, 0).const_f64(8, 2.5).const_i64(3, 2).op(Opcode::write_f64, 12, 3, 8, {f16_word}).op(
            Opcode::read_i64, 0, 12, 3, {u8_word}))) == 0);
  CHECK(need(run(Assembler().const_i64(1, 16).alloca_(12, 1, 0, 0).const_f64(8, 2.5).const_i64(3, 2).op(Opcode::write_f64, 12, 3, 8, {f16_word}).op(
            Opcode::read_f64, 9, 12, 3, {f16_word}).op(Opcode::fadd, 9, 9, 9).op(Opcode::to_i64, 0, 9))) == 5);
}

TEST_CASE("an element outside its buffer traps", "[host_vm]") {
  const int64_t offset = GENERATE(int64_t{9}, int64_t{16}, int64_t{-1}, most, least);
  const Assembler read = Assembler().const_i64(1, 16).alloca_(12, 1, 1, 0).const_i64(2, offset).op(Opcode::read_i64, 0, 12, 2, {i64_word});
  const Assembler write = Assembler().const_i64(1, 16).alloca_(12, 1, 1, 0).const_i64(2, offset).op(Opcode::write_i64, 12, 2, 1, {i64_word});

  CHECK(run(read).status().code() == Code::failed_precondition);
  CHECK(run(write).status().code() == Code::failed_precondition);
}

TEST_CASE("an allocation of a negative size traps", "[host_vm]") {
  CHECK(run(Assembler().const_i64(1, -1).alloca_(12, 1, 1, 0)).status().code() == Code::failed_precondition);
}

TEST_CASE("an empty register is no buffer and no list", "[host_vm]") {
  CHECK(run(Assembler().op(Opcode::buffer_size, 0, 12)).status().code() == Code::failed_precondition);
  CHECK(run(Assembler().op(Opcode::read_i64, 0, 12, 1, {i64_word})).status().code() == Code::failed_precondition);
  CHECK(run(Assembler().op(Opcode::list_size, 0, 16)).status().code() == Code::failed_precondition);
  CHECK(run(Assembler().op(Opcode::list_push, 16, 12)).status().code() == Code::failed_precondition);
  CHECK(run(Assembler().const_i64(1, 8).alloca_(12, 1, 1, 0).op(Opcode::dealloca, 12).op(Opcode::buffer_size, 0, 12)).status().code() ==
        Code::failed_precondition);
  CHECK(run(Assembler().op(Opcode::set_variable, 12, 0, 0, {0})).status().code() == Code::failed_precondition);
}

TEST_CASE("a constant is its range of the segment, read only", "[host_vm]") {
  CHECK(need(run(Assembler().op(Opcode::constant, 12, 0, 0, {0}).op(Opcode::buffer_size, 0, 12))) == 8);
  CHECK(need(run(Assembler().op(Opcode::constant, 12, 0, 0, {0}).const_i64(1, 2).op(Opcode::read_i64, 0, 12, 1, {u8_word}))) == 7);
  CHECK(run(Assembler().op(Opcode::constant, 12, 0, 0, {0}).op(Opcode::write_i64, 12, 1, 2, {u8_word})).status().code() == Code::failed_precondition);
}

TEST_CASE("a variable keeps its value between calls", "[host_vm]") {
  const auto device = unit::null_device();
  Assembler code;
  code.op(Opcode::variable, 12, 0, 0, {0})
      .op(Opcode::read_i64, 0, 12, 1, {i64_word})
      .const_i64(2, 1)
      .op(Opcode::add, 0, 0, 2)
      .const_i64(3, 8)
      .alloca_(13, 3, 1, 0)
      .op(Opcode::write_i64, 13, 1, 0, {i64_word})
      .op(Opcode::set_variable, 13, 0, 0, {0});
  unit::Loaded loaded(*device, program_artifact(code));
  const auto call = need(loaded.main().prepare());
  for (int i = 0; i < 5; ++i) need(call->run());
  int64_t value[1] = {}, state[1] = {};
  need(call->result(0).read(value));
  need(need(loaded.program->variable("state")).read(state));

  CHECK(value[0] == 5);
  CHECK(state[0] == 5);
  CHECK(loaded.program->variable("other").status().code() == Code::not_found);
}

TEST_CASE("lists grow, change and give their entries back", "[host_vm]") {
  Assembler code;
  code.const_i64(1, 8).const_i64(2, 16).alloca_(12, 1, 1, 0).alloca_(13, 2, 1, 1).op(Opcode::list_create, 16);
  code.op(Opcode::list_push, 16, 12).op(Opcode::list_push, 16, 12).const_i64(3, 1).op(Opcode::list_set, 16, 3, 13);
  code.op(Opcode::list_at, 14, 16, 3).op(Opcode::buffer_size, 4, 14).op(Opcode::list_size, 5, 16).op(Opcode::add, 0, 4, 5);

  CHECK(need(run(code)) == 18);
}

TEST_CASE("an index outside a list traps", "[host_vm]") {
  const int64_t at = GENERATE(int64_t{0}, int64_t{-1}, most);

  CHECK(run(Assembler().op(Opcode::list_create, 16).const_i64(1, at).op(Opcode::list_at, 12, 16, 1)).status().code() == Code::failed_precondition);
  CHECK(run(Assembler().op(Opcode::list_create, 16).const_i64(1, at).op(Opcode::list_set, 16, 1, 12)).status().code() == Code::failed_precondition);
}

TEST_CASE("a list holds numbers between its buffers", "[host_vm]") {
  Assembler code;
  code.const_i64(1, 8).alloca_(12, 1, 1, 0).op(Opcode::list_create, 16).op(Opcode::list_push, 16, 12).const_i64(2, -7);
  code.op(Opcode::list_push_i64, 16, 2).op(Opcode::move_list, 17, 16).const_i64(3, 1).op(Opcode::list_at_i64, 4, 17, 3);
  code.op(Opcode::list_size, 5, 17).op(Opcode::add, 0, 4, 5);

  CHECK(need(run(code)) == -7 + 2);
}

TEST_CASE("an entry of a list of the other kind traps", "[host_vm]") {
  Assembler numbers;
  numbers.const_i64(1, 0).op(Opcode::list_create, 16).op(Opcode::list_push_i64, 16, 1);
  CHECK(run(numbers.op(Opcode::list_at, 12, 16, 1)).status().code() == Code::failed_precondition);

  Assembler buffers;
  buffers.const_i64(1, 0).alloca_(12, 1, 1, 0).op(Opcode::list_create, 16).op(Opcode::list_push, 16, 12);
  CHECK(run(buffers.op(Opcode::list_at_i64, 0, 16, 1)).status().code() == Code::failed_precondition);
}

TEST_CASE("entries of a list are appended to another, and to itself", "[host_vm]") {
  Assembler code;  // 16: 10, 11, 12; 17: 11, 12, 11, 12
  code.op(Opcode::list_create, 16).op(Opcode::list_create, 17);
  for (const int64_t value : {10, 11, 12}) code.const_i64(1, value).op(Opcode::list_push_i64, 16, 1);
  code.const_i64(1, 1).const_i64(2, 3).const_i64(3, 0).const_i64(4, 2);
  code.op(Opcode::list_append, 17, 16, 1, {2}).op(Opcode::list_append, 17, 17, 3, {4});
  code.op(Opcode::list_at_i64, 5, 17, 2).op(Opcode::list_size, 6, 17).op(Opcode::mul, 0, 5, 6);

  CHECK(need(run(code)) == 12 * 4);
}

TEST_CASE("a range outside a list traps", "[host_vm]") {
  const auto [from, to] = GENERATE(table<int64_t, int64_t>({{0, 2}, {-1, 1}, {1, 0}, {least, most}}));
  Assembler code;
  code.const_i64(1, from).const_i64(2, to).op(Opcode::list_create, 16).op(Opcode::list_push_i64, 16, 1).op(Opcode::list_create, 17);

  CHECK(run(code.op(Opcode::list_append, 17, 16, 1, {2})).status().code() == Code::failed_precondition);
}

TEST_CASE("a position outside its limit is named", "[host_vm]") {
  const auto position = GENERATE(int64_t{-1}, int64_t{3}, least);
  const Status status =
      run(Assembler().const_i64(1, -5).const_i64(2, position).const_i64(3, 3).op(Opcode::check_position, 1, 2, 3, {0})).status();

  CHECK(status.code() == Code::failed_precondition);
  CHECK(status.where().kind == Kind::source_op);
  CHECK(status.where().expected == 3);
  CHECK(status.where().actual == -5);
}

TEST_CASE("a position inside its limit passes", "[host_vm]") {
  CHECK(need(run(Assembler().const_i64(0, 7).const_i64(2, 2).const_i64(3, 3).op(Opcode::check_position, 2, 2, 3, {0}))) == 7);
}

TEST_CASE("lists are refused where LoadOptions::lists is not set", "[host_vm]") {
  const auto device = unit::null_device();
  const auto opcode = GENERATE(Opcode::list_size, Opcode::move_list, Opcode::list_append, Opcode::check_position);
  Assembler code;
  if (opcode == Opcode::list_size) code.op(opcode, 0, 16);
  if (opcode == Opcode::move_list) code.op(opcode, 17, 16);
  if (opcode == Opcode::list_append) code.op(opcode, 17, 16, 1, {2});
  if (opcode == Opcode::check_position) code.op(opcode, 0, 1, 2, {0});
  const Aligned file(build(program_artifact(code)));

  CHECK(Program::load(*device, file.bytes()).ok());
  CHECK(Program::load(*device, file.bytes(), {.lists = false}).status().code() == Code::not_found);
}

TEST_CASE("a buffer that was moved stays when the other register is given back", "[host_vm]") {
  CHECK(need(run(Assembler().const_i64(1, 8).alloca_(12, 1, 1, 0).op(Opcode::move_buffer, 13, 12).op(Opcode::dealloca, 12).op(Opcode::buffer_size, 0, 13))) == 8);
}

TEST_CASE("fail names the source op", "[host_vm]") {
  const auto device = unit::null_device();
  unit::Loaded loaded(*device, program_artifact(Assembler().op(Opcode::fail, 1, 0, 0, {0})));
  const Status status = loaded.main().call({}).status();
  char text[128];

  CHECK(status.code() == Code::failed_precondition);
  CHECK(loaded.program->describe(status, text) == "call: sizes do not match, in 'Add_3' (model.onnx:7)");
}

TEST_CASE("a loop that swaps two buffers allocates two", "[host_vm]") {
  const auto device = unit::null_device();
  Assembler code;  // each round allocates at one site while the buffer of the round before is alive
  code.const_i64(1, 64).const_i64(2, 1).const_i64(3, 50).alloca_(12, 1, 1, 0);
  const uint32_t loop = code.here();
  code.alloca_(13, 1, 1, 1).op(Opcode::move_buffer, 12, 13).op(Opcode::dealloca, 13).op(Opcode::add, 0, 0, 2).op(Opcode::cmp_lt, 4, 0, 3).branch_if(4, loop);
  unit::Loaded loaded(*device, program_artifact(code));
  const auto call = need(loaded.main().prepare());
  need(call->run());
  const uint64_t before = device->stats().allocations;
  need(call->run());

  CHECK(device->stats().allocations == before);
}
