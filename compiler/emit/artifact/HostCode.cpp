#include "emit/artifact/HostCode.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/TypeSwitch.h"

#include <bit>

#include "dialect/host/Host.h"

using namespace mlir;
using namespace halcyon;

using schema::RegisterType;

namespace {

enum class Opcode : uint16_t {
#define HOST_OP(name, operands, summary) name,
#include "host_ops.def"
#undef HOST_OP
};

class Encoder {
public:
  Encoder(func::FuncOp function, HostTables &tables)
      : function(function), tables(tables), registers(function) {}

  FailureOr<HostFunctionCode> run();

private:
  LogicalResult operation(Operation *op);
  LogicalResult arithmetic(Operation *op);
  LogicalResult bitcastThroughMemory(Operation *op);
  LogicalResult memory(Operation *op);
  LogicalResult list(Operation *op);
  LogicalResult control(Operation *op);
  LogicalResult compare(arith::CmpIOp op);
  LogicalResult compare(arith::CmpFOp op);
  LogicalResult unsupported(Operation *op) {
    return op->emitError("the host program has no instruction for '") << op->getName() << "'";
  }

  void put(Opcode opcode, uint32_t a = 0, uint32_t b = 0, uint32_t c = 0) {
    words.push_back(static_cast<uint32_t>(opcode) | a << 16);
    words.push_back(b | c << 16);
  }
  void putConstant(uint64_t bits) {
    words.push_back(static_cast<uint32_t>(bits));
    words.push_back(static_cast<uint32_t>(bits >> 32));
  }
  void putList(ArrayRef<uint32_t> list) {
    for (size_t i = 0; i < list.size(); i += 2)
      words.push_back(list[i] | (i + 1 < list.size() ? list[i + 1] << 16 : 0));
  }
  void putTarget(Block *block) {
    targets.push_back({words.size(), block});
    words.push_back(0);
  }
  LogicalResult putElementType(Type type, Operation *op);
  uint32_t of(Value value) { return registers.of(value); }
  uint32_t integer(int64_t value) {
    const uint32_t number = registers.fresh(RegisterType::i64);
    put(Opcode::const_i64, number);
    putConstant(static_cast<uint64_t>(value));
    scratch.push_back(number);
    return number;
  }
  void narrow(Operation *op) { // a result of fewer than 64 bits
    const unsigned bits = op->getResult(0).getType().getIntOrFloatBitWidth();
    if (bits < 64)
      put(Opcode::narrow, of(op->getResult(0)), of(op->getResult(0)), bits);
  }
  // The value with its high bits zero.
  uint32_t zeroExtended(Value value);
  void move(uint32_t to, uint32_t from, RegisterType type) {
    if (to != from)
      put(type == RegisterType::i64   ? Opcode::move_i64
          : type == RegisterType::f64 ? Opcode::move_f64
          : type == RegisterType::list ? Opcode::move_list
                                      : Opcode::move_buffer,
          to, from);
  }
  void jump(Block *target, ValueRange values);
  // `a` where `condition` (an i64 register) is not 0, else `b`.
  void choose(uint32_t to, uint32_t condition, uint32_t a, uint32_t b, RegisterType type);

  func::FuncOp function;
  HostTables &tables;
  Registers registers;
  std::vector<uint32_t> words;
  std::vector<std::pair<size_t, Block *>> targets; // words that wait for a block's start
  DenseMap<Block *, uint32_t> starts;
  SmallVector<uint32_t> scratch; // of the operation at hand
  uint32_t sites = 0;
};

LogicalResult Encoder::putElementType(Type type, Operation *op) {
  std::optional<schema::ElementType> element = elementType(type);
  if (!element)
    return op->emitError("the host program cannot hold a ") << type;
  words.push_back(static_cast<uint32_t>(element->kind()) | static_cast<uint32_t>(element->bits())
                                                               << 8);
  return success();
}

uint32_t Encoder::zeroExtended(Value value) {
  const unsigned bits = value.getType().getIntOrFloatBitWidth();
  if (bits == 1 || bits == 64)
    return of(value);
  const uint32_t mask = integer(static_cast<int64_t>((uint64_t(1) << bits) - 1));
  const uint32_t result = registers.fresh(RegisterType::i64);
  scratch.push_back(result);
  put(Opcode::and_, result, of(value), mask);
  return result;
}

// ---- arithmetic ---------------------------------------------------------------------------------

std::optional<Opcode> binary(Operation *op) {
  return llvm::TypeSwitch<Operation *, std::optional<Opcode>>(op)
      .Case<arith::AddIOp>([](auto) { return Opcode::add; })
      .Case<arith::SubIOp>([](auto) { return Opcode::sub; })
      .Case<arith::MulIOp>([](auto) { return Opcode::mul; })
      .Case<arith::DivSIOp>([](auto) { return Opcode::div; })
      .Case<arith::RemSIOp>([](auto) { return Opcode::rem; })
      .Case<arith::FloorDivSIOp>([](auto) { return Opcode::floor_div; })
      .Case<arith::CeilDivSIOp>([](auto) { return Opcode::ceil_div; })
      .Case<arith::MinSIOp>([](auto) { return Opcode::min; })
      .Case<arith::MaxSIOp>([](auto) { return Opcode::max; })
      .Case<arith::AndIOp>([](auto) { return Opcode::and_; })
      .Case<arith::OrIOp>([](auto) { return Opcode::or_; })
      .Case<arith::XOrIOp>([](auto) { return Opcode::xor_; })
      .Case<arith::ShLIOp>([](auto) { return Opcode::shl; })
      .Case<arith::ShRSIOp>([](auto) { return Opcode::shr_s; })
      .Case<arith::AddFOp>([](auto) { return Opcode::fadd; })
      .Case<arith::SubFOp>([](auto) { return Opcode::fsub; })
      .Case<arith::MulFOp>([](auto) { return Opcode::fmul; })
      .Case<arith::DivFOp>([](auto) { return Opcode::fdiv; })
      .Case<host::SizeAddOp>([](auto) { return Opcode::size_add; })
      .Case<host::SizeSubOp>([](auto) { return Opcode::size_sub; })
      .Case<host::SizeMulOp>([](auto) { return Opcode::size_mul; })
      .Case<host::SizeAlignOp>([](auto) { return Opcode::size_align; })
      .Default([](auto) { return std::nullopt; });
}

void Encoder::choose(uint32_t to, uint32_t condition, uint32_t a, uint32_t b, RegisterType type) {
  if (type == RegisterType::i64) {
    put(Opcode::select_i64, to, condition, a);
    words.push_back(b);
    return;
  }
  // `to` is none of the operands: their registers are still taken.
  move(to, a, type);
  put(Opcode::branch_if, condition);
  words.push_back(0);
  const size_t target = words.size() - 1;
  move(to, b, type);
  words[target] = words.size();
}

LogicalResult Encoder::compare(arith::CmpIOp op) {
  uint32_t a = of(op.getLhs()), b = of(op.getRhs()), to = of(op.getResult());
  using P = arith::CmpIPredicate;
  P predicate = op.getPredicate();
  if (op.getLhs().getType().isInteger(1) && predicate >= P::slt && predicate <= P::sge)
    std::swap(a, b); // true is -1 as a signed number, 1 in a register
  switch (predicate) {
  case P::eq:
    put(Opcode::cmp_eq, to, a, b);
    break;
  case P::ne:
    put(Opcode::cmp_ne, to, a, b);
    break;
  case P::slt:
    put(Opcode::cmp_lt, to, a, b);
    break;
  case P::sle:
    put(Opcode::cmp_le, to, a, b);
    break;
  case P::sgt:
    put(Opcode::cmp_lt, to, b, a);
    break;
  case P::sge:
    put(Opcode::cmp_le, to, b, a);
    break;
  case P::ult:
    put(Opcode::cmp_ult, to, a, b);
    break;
  case P::ule:
    put(Opcode::cmp_ule, to, a, b);
    break;
  case P::ugt:
    put(Opcode::cmp_ult, to, b, a);
    break;
  case P::uge:
    put(Opcode::cmp_ule, to, b, a);
    break;
  }
  return success();
}

LogicalResult Encoder::compare(arith::CmpFOp op) {
  const uint32_t a = of(op.getLhs()), b = of(op.getRhs()), to = of(op.getResult());
  auto negate = [&] { put(Opcode::xor_, to, to, integer(1)); };
  using P = arith::CmpFPredicate;
  switch (op.getPredicate()) {
  case P::OEQ:
    put(Opcode::fcmp_eq, to, a, b);
    break;
  case P::UNE:
    put(Opcode::fcmp_eq, to, a, b);
    negate();
    break;
  case P::OLT:
    put(Opcode::fcmp_lt, to, a, b);
    break;
  case P::OLE:
    put(Opcode::fcmp_le, to, a, b);
    break;
  case P::OGT:
    put(Opcode::fcmp_lt, to, b, a);
    break;
  case P::OGE:
    put(Opcode::fcmp_le, to, b, a);
    break;
  case P::UGE:
    put(Opcode::fcmp_lt, to, a, b);
    negate();
    break;
  case P::UGT:
    put(Opcode::fcmp_le, to, a, b);
    negate();
    break;
  case P::ULE:
    put(Opcode::fcmp_lt, to, b, a);
    negate();
    break;
  case P::ULT:
    put(Opcode::fcmp_le, to, b, a);
    negate();
    break;
  default:
    return unsupported(op);
  }
  return success();
}

LogicalResult Encoder::arithmetic(Operation *op) {
  Value result = op->getResult(0);
  Type type = result.getType();
  if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    if (auto value = dyn_cast<FloatAttr>(constant.getValue())) {
      put(Opcode::const_f64, of(result));
      putConstant(std::bit_cast<uint64_t>(value.getValueAsDouble()));
      return success();
    }
    auto value = dyn_cast<IntegerAttr>(constant.getValue());
    if (!value)
      return unsupported(op);
    put(Opcode::const_i64, of(result));
    putConstant(type.isInteger(1) ? value.getValue().getZExtValue()
                                  : value.getValue().getSExtValue());
    return success();
  }
  if (std::optional<Opcode> opcode = binary(op)) {
    put(*opcode, of(result), of(op->getOperand(0)), of(op->getOperand(1)));
    if (isa<FloatType>(type)) {
      if (type.isF32())
        put(Opcode::fround_f32, of(result), of(result));
      else if (!type.isF64())
        return unsupported(op);
    } else if (isa<arith::AddIOp, arith::SubIOp, arith::MulIOp, arith::ShLIOp, arith::DivSIOp>(
                   op)) {
      narrow(op);
    }
    return success();
  }
  if (auto cmp = dyn_cast<arith::CmpIOp>(op))
    return compare(cmp);
  if (auto cmp = dyn_cast<arith::CmpFOp>(op))
    return compare(cmp);
  if (auto select = dyn_cast<arith::SelectOp>(op)) {
    choose(of(result), of(select.getCondition()), of(select.getTrueValue()),
           of(select.getFalseValue()), Registers::typeOf(type));
    return success();
  }
  if (isa<arith::MinUIOp, arith::MaxUIOp>(op)) {
    const uint32_t a = of(op->getOperand(0)), b = of(op->getOperand(1)),
                   less = registers.fresh(RegisterType::i64);
    scratch.push_back(less);
    put(Opcode::cmp_ult, less, a, b);
    const bool smaller = isa<arith::MinUIOp>(op);
    choose(of(result), less, smaller ? a : b, smaller ? b : a, RegisterType::i64);
    return success();
  }
  if (isa<arith::MinNumFOp, arith::MaxNumFOp, arith::MinimumFOp, arith::MaximumFOp>(op)) {
    // a where it wins or is NaN (minimum, maximum) or b is NaN (minnum, maxnum).
    const uint32_t a = of(op->getOperand(0)), b = of(op->getOperand(1));
    const bool isMin = isa<arith::MinNumFOp, arith::MinimumFOp>(op),
               propagates = isa<arith::MinimumFOp, arith::MaximumFOp>(op);
    const uint32_t takeA = registers.fresh(RegisterType::i64),
                   test = registers.fresh(RegisterType::i64);
    scratch.append({takeA, test});
    put(Opcode::fcmp_lt, takeA, isMin ? a : b, isMin ? b : a);
    const uint32_t nan = propagates ? a : b;
    put(Opcode::fcmp_eq, test, nan, nan);
    put(Opcode::xor_, test, test, integer(1));
    put(Opcode::or_, takeA, takeA, test);
    choose(of(result), takeA, a, b, RegisterType::f64);
    return success();
  }
  if (isa<arith::ShRUIOp>(op)) {
    put(Opcode::shr_u, of(result), zeroExtended(op->getOperand(0)), of(op->getOperand(1)));
    narrow(op);
    return success();
  }
  if (isa<arith::TruncIOp>(op)) {
    put(Opcode::narrow, of(result), of(op->getOperand(0)), type.getIntOrFloatBitWidth());
    return success();
  }
  if (isa<arith::ExtUIOp>(op)) {
    move(of(result), zeroExtended(op->getOperand(0)), RegisterType::i64);
    return success();
  }
  if (isa<arith::ExtSIOp>(op)) {
    if (op->getOperand(0).getType().isInteger(1))
      put(Opcode::sub, of(result), integer(0), of(op->getOperand(0)));
    else
      move(of(result), of(op->getOperand(0)), RegisterType::i64);
    return success();
  }
  if (isa<arith::SIToFPOp, arith::UIToFPOp>(op) && (type.isF32() || type.isF64())) {
    Value from = op->getOperand(0);
    if (isa<arith::UIToFPOp>(op) && from.getType().isInteger(64))
      return unsupported(op);
    uint32_t source = isa<arith::UIToFPOp>(op) ? zeroExtended(from) : of(from);
    if (isa<arith::SIToFPOp>(op) && from.getType().isInteger(1)) {
      const uint32_t negated = registers.fresh(RegisterType::i64);
      scratch.push_back(negated);
      put(Opcode::sub, negated, integer(0), source);
      source = negated;
    }
    put(Opcode::to_f64, of(result), source);
    if (type.isF32())
      put(Opcode::fround_f32, of(result), of(result));
    return success();
  }
  if (isa<arith::FPToSIOp>(op)) {
    put(Opcode::to_i64, of(result), of(op->getOperand(0)));
    narrow(op);
    return success();
  }
  if (isa<arith::ExtFOp>(op) && (type.isF32() || type.isF64())) {
    move(of(result), of(op->getOperand(0)), RegisterType::f64);
    return success();
  }
  if (isa<arith::TruncFOp>(op) && type.isF32()) {
    put(Opcode::fround_f32, of(result), of(op->getOperand(0)));
    return success();
  }
  if (isa<arith::NegFOp>(op)) {
    const uint32_t minusOne = registers.fresh(RegisterType::f64);
    scratch.push_back(minusOne);
    put(Opcode::const_f64, minusOne);
    putConstant(std::bit_cast<uint64_t>(-1.0));
    put(Opcode::fmul, of(result), of(op->getOperand(0)), minusOne);
    return success();
  }
  if (isa<math::FloorOp, math::CeilOp>(op)) {
    put(isa<math::FloorOp>(op) ? Opcode::ffloor : Opcode::fceil, of(result), of(op->getOperand(0)));
    return success();
  }
  if (isa<math::AbsIOp>(op)) {
    const uint32_t negated = registers.fresh(RegisterType::i64);
    scratch.push_back(negated);
    put(Opcode::sub, negated, integer(0), of(op->getOperand(0)));
    put(Opcode::max, of(result), of(op->getOperand(0)), negated);
    narrow(op);
    return success();
  }
  if (isa<arith::BitcastOp>(op)) {
    Type from = op->getOperand(0).getType();
    if (from.isF32() || from.isF64()) {
      put(from.isF32() ? Opcode::f32_bits : Opcode::f64_bits, of(result), of(op->getOperand(0)));
      return success();
    }
    if (type.isF32() || type.isF64()) {
      put(type.isF32() ? Opcode::f32_from_bits : Opcode::f64_from_bits, of(result), of(op->getOperand(0)));
      return success();
    }
    return bitcastThroughMemory(op);
  }
  return unsupported(op);
}

// The host program has no registers of 16 bits.
LogicalResult Encoder::bitcastThroughMemory(Operation *op) {
  Value from = op->getOperand(0), result = op->getResult(0);
  const uint32_t memory = registers.fresh(RegisterType::buffer);
  scratch.push_back(memory);
  const uint32_t zero = integer(0);
  put(Opcode::alloca_, memory, integer(8), static_cast<uint32_t>(host::Lifetime::staging));
  words.push_back(sites++);
  put(isa<FloatType>(from.getType()) ? Opcode::write_f64 : Opcode::write_i64, memory, zero, of(from));
  if (failed(putElementType(from.getType(), op)))
    return failure();
  put(isa<FloatType>(result.getType()) ? Opcode::read_f64 : Opcode::read_i64, of(result), memory, zero);
  return putElementType(result.getType(), op);
}

// ---- memory and work ----------------------------------------------------------------------------

LogicalResult Encoder::list(Operation *op) {
  if (auto create = dyn_cast<host::ListCreateOp>(op)) {
    put(Opcode::list_create, of(create.getList()));
    return success();
  }
  if (auto push = dyn_cast<host::ListPushOp>(op)) {
    const bool isBuffer = isa<host::BufferType>(push.getValue().getType());
    put(isBuffer ? Opcode::list_push : Opcode::list_push_i64, of(push.getList()), of(push.getValue()));
    return success();
  }
  if (auto append = dyn_cast<host::ListAppendOp>(op)) {
    put(Opcode::list_append, of(append.getList()), of(append.getSource()), of(append.getFirst()));
    words.push_back(of(append.getEnd()));
    return success();
  }
  if (auto at = dyn_cast<host::ListAtOp>(op)) {
    const bool isBuffer = isa<host::BufferType>(at.getValue().getType());
    put(isBuffer ? Opcode::list_at : Opcode::list_at_i64, of(at.getValue()), of(at.getList()), of(at.getIndex()));
    return success();
  }
  if (auto size = dyn_cast<host::ListSizeOp>(op)) {
    put(Opcode::list_size, of(size.getSize()), of(size.getList()));
    return success();
  }
  if (auto check = dyn_cast<host::CheckPositionOp>(op)) {
    put(Opcode::check_position, of(check.getGiven()), of(check.getPosition()), of(check.getLimit()));
    words.push_back(tables.locations.index(op->getLoc()));
    return success();
  }
  return unsupported(op);
}

LogicalResult Encoder::memory(Operation *op) {
  if (auto allocation = dyn_cast<host::AllocaOp>(op)) {
    put(Opcode::alloca_, of(allocation.getBuffer()), of(allocation.getSize()),
        static_cast<uint32_t>(allocation.getLifetime()));
    words.push_back(sites++);
    return success();
  }
  if (auto dealloca = dyn_cast<host::DeallocaOp>(op)) {
    put(Opcode::dealloca, of(dealloca.getBuffer()));
    return success();
  }
  if (auto constant = dyn_cast<host::ConstantOp>(op)) {
    FailureOr<uint32_t> index = tables.constants.index(constant.getValue(), constant.getScopeAttr(),
                                                       constant.getKeyAttr(), op->getLoc());
    if (failed(index))
      return failure();
    put(Opcode::constant, of(constant.getBuffer()));
    words.push_back(*index);
    return success();
  }
  auto variable = [&](StringRef name) -> FailureOr<uint32_t> {
    auto found = tables.variables.find(name);
    if (found == tables.variables.end())
      return op->emitError("there is no variable @") << name;
    return found->second;
  };
  if (auto load = dyn_cast<host::VariableOp>(op)) {
    FailureOr<uint32_t> index = variable(load.getVariable());
    if (failed(index))
      return failure();
    put(Opcode::variable, of(load.getBuffer()));
    words.push_back(*index);
    return success();
  }
  if (auto store = dyn_cast<host::SetVariableOp>(op)) {
    FailureOr<uint32_t> index = variable(store.getVariable());
    if (failed(index))
      return failure();
    put(Opcode::set_variable, of(store.getBuffer()));
    words.push_back(*index);
    return success();
  }
  if (auto size = dyn_cast<host::BufferSizeOp>(op)) {
    put(Opcode::buffer_size, of(size.getSize()), of(size.getBuffer()));
    return success();
  }
  if (auto read = dyn_cast<host::ReadOp>(op)) {
    Type type = read.getValue().getType();
    put(isa<FloatType>(type) ? Opcode::read_f64 : Opcode::read_i64, of(read.getValue()),
        of(read.getBuffer()), of(read.getOffset()));
    return putElementType(type, op);
  }
  if (auto write = dyn_cast<host::WriteOp>(op)) {
    Type type = write.getValue().getType();
    put(isa<FloatType>(type) ? Opcode::write_f64 : Opcode::write_i64, of(write.getBuffer()),
        of(write.getOffset()), of(write.getValue()));
    return putElementType(type, op);
  }
  if (auto call = dyn_cast<host::CallOp>(op)) {
    SmallVector<uint32_t> list;
    for (Value value : call->getOperands())
      list.push_back(of(value));
    if (list.size() > UINT16_MAX)
      return op->emitError("a host call of ") << list.size() << " buffers and sizes does not fit";
    put(Opcode::host_call, tables.callbacks.lookup(call.getCallback()), call.getBuffers().size(), list.size());
    words.push_back(tables.locations.index(op->getLoc()));
    words.push_back(0);
    putList(list);
    return success();
  }
  if (auto submit = dyn_cast<host::SubmitOp>(op)) {
    SmallVector<uint32_t> list;
    for (Value value : submit->getOperands())
      list.push_back(of(value));
    if (list.size() > UINT16_MAX)
      return op->emitError("a submission of ")
             << list.size() << " bindings and parameters does not fit";
    put(Opcode::submit, 0, submit.getBindings().size(), list.size());
    words.push_back(tables.commandLists.lookup(submit.getCommands()));
    putList(list);
    return success();
  }
  return list(op);
}

// ---- control flow -------------------------------------------------------------------------------

// Moves the values to the block's arguments, all at once, and goes there.
void Encoder::jump(Block *target, ValueRange values) {
  SmallVector<std::pair<uint32_t, uint32_t>> moves; // to, from
  for (auto [argument, value] : llvm::zip(target->getArguments(), values))
    if (of(argument) != of(value))
      moves.push_back({of(argument), of(value)});
  for (auto &[to, from] : moves) {
    const bool overwritten =
        llvm::any_of(moves, [&, source = from](auto &other) { return other.first == source; });
    if (!overwritten)
      continue;
    const uint32_t saved = registers.fresh(registers.list()[from]);
    scratch.push_back(saved);
    move(saved, from, registers.list()[from]);
    from = saved;
  }
  for (auto [to, from] : moves)
    move(to, from, registers.list()[to]);
  put(Opcode::jump);
  putTarget(target);
}

LogicalResult Encoder::control(Operation *op) {
  if (auto branch = dyn_cast<cf::BranchOp>(op)) {
    jump(branch.getDest(), branch.getDestOperands());
    return success();
  }
  if (auto branch = dyn_cast<cf::CondBranchOp>(op)) {
    put(Opcode::branch_if, of(branch.getCondition()));
    const size_t target = words.size();
    words.push_back(0);
    jump(branch.getFalseDest(), branch.getFalseDestOperands());
    words[target] = words.size();
    jump(branch.getTrueDest(), branch.getTrueDestOperands());
    return success();
  }
  if (auto leave = dyn_cast<func::ReturnOp>(op)) {
    SmallVector<uint32_t> list;
    for (Value value : leave.getOperands())
      list.push_back(of(value));
    put(Opcode::return_, 0, 0, list.size());
    putList(list);
    return success();
  }
  if (auto check = dyn_cast<host::FailOp>(op)) {
    put(Opcode::branch_if, of(check.getCondition()));
    const size_t target = words.size();
    words.push_back(0);
    put(Opcode::fail, check.getReason());
    words.push_back(tables.locations.index(op->getLoc()));
    words[target] = words.size();
    return success();
  }
  return unsupported(op);
}

LogicalResult Encoder::operation(Operation *op) {
  if (isa<arith::ArithDialect, math::MathDialect>(op->getDialect()) ||
      isa<host::SizeAddOp, host::SizeSubOp, host::SizeMulOp, host::SizeAlignOp>(op))
    return arithmetic(op);
  if (isa<host::HostDialect>(op->getDialect()) && !isa<host::FailOp>(op))
    return memory(op);
  return control(op);
}

FailureOr<HostFunctionCode> Encoder::run() {
  HostFunctionCode result;
  result.parameters = function.getNumArguments();
  for (Block &block : function.getBody())
    for (BlockArgument argument : block.getArguments())
      of(argument);
  // Values that cross blocks, before registers are given back.
  for (Block &block : function.getBody())
    for (Operation &op : block)
      for (Value value : op.getResults())
        if (llvm::any_of(value.getUsers(),
                         [&](Operation *user) { return user->getBlock() != &block; }))
          of(value);
  for (Block &block : function.getBody()) {
    starts[&block] = words.size();
    for (Operation &op : block) {
      if (isMemoryEffectFree(&op) && op.use_empty() && !op.hasTrait<OpTrait::IsTerminator>())
        continue;
      if (failed(operation(&op)))
        return failure();
      for (uint32_t number : scratch)
        registers.release(number);
      scratch.clear();
      registers.finish(&op);
    }
  }
  for (auto [word, block] : targets)
    words[word] = starts[block];
  if (registers.list().size() > UINT16_MAX)
    return function.emitError("@") << function.getName() << " needs " << registers.list().size()
                                   << " registers; 65535 is the limit";
  for (Type type : function.getResultTypes())
    result.returns.push_back(Registers::typeOf(type));
  result.registers = registers.list();
  result.allocations = sites;
  result.code = std::move(words);
  return result;
}

} // namespace

FailureOr<HostFunctionCode> halcyon::encodeHostFunction(func::FuncOp function, HostTables &tables) {
  return Encoder(function, tables).run();
}
