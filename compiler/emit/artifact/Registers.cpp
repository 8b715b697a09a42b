#include "emit/artifact/Registers.h"

#include "dialect/host/Host.h"

using namespace mlir;
using namespace halcyon;

using schema::RegisterType;

Registers::Registers(func::FuncOp function) {
  for (BlockArgument argument : function.getArguments()) {
    numbers[argument] = types.size();
    types.push_back(typeOf(argument.getType()));
  }
}

RegisterType Registers::typeOf(Type type) {
  if (isa<host::BufferType>(type))
    return RegisterType::buffer;
  if (isa<host::ListType>(type))
    return RegisterType::list;
  return isa<FloatType>(type) ? RegisterType::f64 : RegisterType::i64;
}

uint32_t Registers::fresh(RegisterType type) {
  std::vector<uint32_t> &pool = free[static_cast<int>(type)];
  if (!pool.empty()) {
    const uint32_t number = pool.back();
    pool.pop_back();
    return number;
  }
  types.push_back(type);
  return types.size() - 1;
}

uint32_t Registers::of(Value value) {
  auto found = numbers.find(value);
  if (found != numbers.end())
    return found->second;
  return numbers[value] = fresh(typeOf(value.getType()));
}

void Registers::finish(Operation *op) {
  auto isLocal = [&](Value value) {
    Operation *definition = value.getDefiningOp();
    return definition && definition->getBlock() == op->getBlock() &&
           llvm::all_of(value.getUsers(),
                        [&](Operation *user) { return user->getBlock() == op->getBlock(); });
  };
  auto releaseOnce = [&](Value value) {
    auto found = numbers.find(value);
    if (found == numbers.end())
      return;
    release(found->second);
    numbers.erase(found);
  };
  for (Value operand : op->getOperands())
    if (isLocal(operand) && llvm::none_of(operand.getUsers(), [&](Operation *user) {
          return op->isBeforeInBlock(user);
        }))
      releaseOnce(operand);
  for (Value result : op->getResults())
    if (result.use_empty())
      releaseOnce(result);
}
