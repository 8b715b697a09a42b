#include "schedule/Passes.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"

namespace halcyon {
#define GEN_PASS_DEF_OUTLINECOMMANDS
#include "schedule/Passes.h.inc"
} // namespace halcyon

using namespace mlir;
using namespace halcyon;

namespace {

std::optional<int64_t> constantOf(Value value) {
  APInt constant;
  if (!value || !matchPattern(value, m_ConstantInt(&constant)))
    return std::nullopt;
  return constant.getSExtValue();
}

// Two buffers that are certainly not the same memory: each is a distinct allocation, argument or
// constant.
bool areDistinct(Value a, Value b) {
  if (a == b)
    return false;
  auto variableA = a.getDefiningOp<host::VariableOp>(),
       variableB = b.getDefiningOp<host::VariableOp>();
  if (variableA && variableB)
    return variableA.getVariable() != variableB.getVariable();
  auto isOwn = [](Value value) {
    if (auto argument = dyn_cast<BlockArgument>(value))
      return isa<func::FuncOp>(argument.getOwner()->getParentOp()) &&
             argument.getOwner()->isEntryBlock();
    return isa<host::AllocaOp, host::ConstantOp, host::VariableOp>(value.getDefiningOp());
  };
  return isOwn(a) && isOwn(b);
}

bool overlap(const host::Access &a, const host::Access &b) {
  if (areDistinct(a.buffer, b.buffer))
    return false;
  if (a.buffer != b.buffer)
    return true;
  auto size = [](const host::Access &access) {
    return access.size ? constantOf(access.size) : std::optional(access.bytes);
  };
  std::optional<int64_t> startA = constantOf(a.offset), startB = constantOf(b.offset);
  std::optional<int64_t> sizeA = size(a), sizeB = size(b);
  if (startA && startB && sizeA && *startA + *sizeA <= *startB)
    return false;
  if (startA && startB && sizeB && *startB + *sizeB <= *startA)
    return false;
  return true;
}

// Whether commands may be queued past `op`: it neither sees nor changes memory that commands touch.
bool isTransparent(Operation *op) {
  return isa<host::AllocaOp>(op) ||
         (isMemoryEffectFree(op) && op->getNumRegions() == 0 &&
          !op->hasTrait<OpTrait::IsTerminator>()) ||
         isa<host::VariableOp>(op);
}

struct OutlineCommands : halcyon::impl::OutlineCommandsBase<OutlineCommands> {
  void runOnOperation() override {
    unsigned number = 0;
    for (func::FuncOp function : getOperation().getOps<func::FuncOp>()) {
      function.walk([&](Block *block) {
        SmallVector<Operation *> run;
        for (Operation &op : llvm::make_early_inc_range(*block)) {
          if (host::isCommand(&op)) {
            run.push_back(&op);
          } else if (!run.empty() && !isTransparent(&op)) {
            outline(run, function, number++);
            run.clear();
          }
        }
        if (!run.empty())
          outline(run, function, number++);
      });
    }
  }

  void outline(ArrayRef<Operation *> run, func::FuncOp function, unsigned number) {
    OpBuilder builder(function);
    auto list = builder.create<host::CommandsOp>(
        run.front()->getLoc(), (function.getName() + "_commands_" + Twine(number)).str());
    list.getBody().emplaceBlock();
    llvm::MapVector<Value, unsigned> bindings, parameters;
    for (Operation *command : run)
      for (Value operand : command->getOperands())
        if (isa<host::BufferType>(operand.getType()))
          bindings.insert({operand, bindings.size()});
        else if (!constantOf(operand))
          parameters.insert({operand, parameters.size()});

    Block &body = list.getBody().front();
    IRMapping mapping;
    for (auto &[buffer, slot] : bindings)
      mapping.map(buffer, body.addArgument(buffer.getType(), buffer.getLoc()));
    for (auto &[value, slot] : parameters)
      mapping.map(value, body.addArgument(value.getType(), value.getLoc()));
    builder.setInsertionPointToEnd(&body);
    builder.create<host::EndOp>(list.getLoc());
    DenseMap<int64_t, Value> literals;
    OpBuilder atStart = OpBuilder::atBlockBegin(&body);
    OpBuilder atEnd(body.getTerminator());

    SmallVector<host::Access> open; // since the last barrier
    for (Operation *command : run) {
      SmallVector<host::Access> mine = host::accesses(command);
      const bool hazard = llvm::any_of(mine, [&](const host::Access &access) {
        return llvm::any_of(open, [&](const host::Access &earlier) {
          return (access.write || earlier.write) && overlap(access, earlier);
        });
      });
      if (hazard) {
        atEnd.create<host::BarrierOp>(command->getLoc());
        open.clear();
      }
      llvm::append_range(open, mine);
      for (Value operand : command->getOperands()) {
        std::optional<int64_t> value =
            isa<host::BufferType>(operand.getType()) ? std::nullopt : constantOf(operand);
        if (!value)
          continue;
        Value &literal = literals[*value];
        if (!literal)
          literal =
              atStart.create<arith::ConstantOp>(list.getLoc(), builder.getI64IntegerAttr(*value));
        mapping.map(operand, literal);
      }
      atEnd.clone(*command, mapping);
    }

    builder.setInsertionPointAfter(run.back());
    SmallVector<Value> buffers, values;
    for (auto &[buffer, slot] : bindings)
      buffers.push_back(buffer);
    for (auto &[value, slot] : parameters)
      values.push_back(value);
    builder.create<host::SubmitOp>(run.front()->getLoc(), list.getSymName(), buffers, values);
    for (Operation *command : run)
      command->erase();
  }
};

} // namespace
