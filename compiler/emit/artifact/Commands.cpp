#include "emit/artifact/Commands.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace halcyon;

using schema::CommandType;

namespace {

// A constant of the list, or the number of its parameter slot.
schema::Operand operandOf(Value value, host::CommandsOp list) {
  if (auto argument = dyn_cast<BlockArgument>(value))
    return schema::Operand(argument.getArgNumber() - list.getNumBindings(), true);
  auto constant = cast<arith::ConstantOp>(value.getDefiningOp());
  return schema::Operand(static_cast<uint64_t>(cast<IntegerAttr>(constant.getValue()).getInt()),
                         false);
}

} // namespace

FailureOr<flatbuffers::Offset<schema::CommandList>>
halcyon::encodeCommands(host::CommandsOp list, const llvm::StringMap<KernelPlace> &exports,
                        Locations &locations, flatbuffers::FlatBufferBuilder &builder) {
  std::vector<flatbuffers::Offset<schema::Command>> commands;
  for (Operation &op : list.getBody().front()) {
    if (isa<arith::ConstantOp, host::EndOp>(op))
      continue;
    std::vector<schema::Range> ranges;
    std::vector<schema::Operand> operands, workload;
    for (const host::Access &access : host::accesses(&op))
      ranges.emplace_back(
          cast<BlockArgument>(access.buffer).getArgNumber(), operandOf(access.offset, list),
          access.size ? operandOf(access.size, list)
                      : schema::Operand(static_cast<uint64_t>(access.bytes), false));
    CommandType type = CommandType::barrier;
    KernelPlace kernel;
    uint64_t pattern = 0;
    uint8_t patternSize = 1;
    if (auto dispatch = dyn_cast<host::DispatchOp>(op)) {
      type = CommandType::dispatch;
      auto found = exports.find(dispatch.getExecutable());
      if (found == exports.end())
        return op.emitError("there is no kernel @") << dispatch.getExecutable();
      kernel = found->second;
      for (Value value : dispatch.getWorkload())
        workload.push_back(operandOf(value, list));
      workload.resize(3, schema::Operand(1, false));
      for (Value value : dispatch.getParameters())
        operands.push_back(operandOf(value, list));
    } else if (isa<host::CopyOp>(op)) {
      type = CommandType::copy;
    } else if (auto fill = dyn_cast<host::FillOp>(op)) {
      type = CommandType::fill;
      pattern = fill.getPattern();
      patternSize = fill.getPatternSize();
    } else if (auto update = dyn_cast<host::UpdateOp>(op)) {
      type = CommandType::update;
      operands.push_back(operandOf(update.getValue(), list));
      patternSize = update.getBytes();
    }
    auto workloadVector = workload.empty() ? 0 : builder.CreateVectorOfStructs(workload);
    auto rangeVector = ranges.empty() ? 0 : builder.CreateVectorOfStructs(ranges);
    auto operandVector = operands.empty() ? 0 : builder.CreateVectorOfStructs(operands);
    const uint32_t location =
        type == CommandType::barrier ? UINT32_MAX : locations.index(op.getLoc());
    commands.push_back(schema::CreateCommand(builder, type, kernel.executable, kernel.number,
                                             workloadVector, rangeVector, operandVector, pattern,
                                             patternSize, location));
  }
  return schema::CreateCommandList(builder, list.getBindings().size(), list.getParameters().size(),
                                   builder.CreateVector(commands));
}
