#include "dispatch/Outline.h"
#include "codegen/cpu/Placement.h"
#include "dispatch/RowGroups.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;
using namespace halcyon::dispatch;

namespace {

class Outliner {
public:
  Outliner(const Group &group, StringRef function, Dimensions &dimensions, Executables &executables)
      : group(group), function(function), dimensions(dimensions), executables(executables),
        builder(group.back()->getContext()), root(group.back()) {}

  LogicalResult run();

private:
  Operation *source();
  Location location();
  Value captured(Value value);
  Value initialiser(Operation *op);
  void cloneGroup();
  LogicalResult tieDestinations();
  Value parameter(Value value);
  void replaceDims();
  SmallVector<Value> workload();
  void moveViews(Value result);
  void dropDead();
  ExecutableOp finish(int64_t workloadRank);

  const Group &group;
  StringRef function;
  Dimensions &dimensions;
  Executables &executables;
  OpBuilder builder;
  Operation *root;

  ExecutableOp executable;
  Block *body = nullptr;           // arguments come in any order until finish()
  SmallVector<Operation *> slices; // of tensors outside, which the group reads
  IRMapping mapping;               // of what the group uses, to the body
  SmallVector<Value> inputs;       // captured tensors, and their arguments
  SmallVector<BlockArgument> inputArguments;
  SmallVector<Value> results;      // of the group, used outside it; and what the launch updates
  SmallVector<Value> outs;
  SmallVector<BlockArgument> outArguments;
  SmallVector<Value> parameters;   // values outside, index or i64
  SmallVector<BlockArgument> parameterArguments;
};

// The operand that holds the initial value of `value`, following what is updated in place; null where
// `value` is made of nothing.
OpOperand *initOf(Value value) {
  Operation *op = value.getDefiningOp();
  if (auto style = dyn_cast_or_null<DestinationStyleOpInterface>(op))
    return style.getTiedOpOperand(cast<OpResult>(value));
  if (auto loop = dyn_cast_or_null<scf::ForOp>(op))
    return loop.getTiedLoopInit(loop.getRegionIterArg(cast<OpResult>(value).getResultNumber()));
  if (auto loop = dyn_cast_or_null<scf::WhileOp>(op)) {
    unsigned number = cast<OpResult>(value).getResultNumber();
    if (number < loop.getInits().size() && loop.getInits()[number].getType() == value.getType())
      return &loop.getInitsMutable()[number];
  }
  return nullptr;
}

// Whether the operation needs what its destination holds before.
bool readsInitial(OpOperand &init) {
  auto op = dyn_cast<linalg::LinalgOp>(init.getOwner());
  return !op || op.payloadUsesValueFromOperand(&init);
}

// An empty tensor that gives a window its shape. Else it is one without elements, which a view may have brought here:
// its elements count as read, and a kernel has no memory for as many as the compiler must expect.
bool isWindow(OpOperand &use) {
  auto op = dyn_cast<linalg::LinalgOp>(use.getOwner());
  return use.get().getDefiningOp<tensor::EmptyOp>() && op && !op.payloadUsesValueFromOperand(&use);
}

} // namespace

// Fills and empties are copied for each use, so that each has its own destination.
Value Outliner::initialiser(Operation *op) {
  IRMapping local;
  for (Value operand : op->getOperands())
    local.map(operand, isInitialiser(operand.getDefiningOp()) ? initialiser(operand.getDefiningOp())
                                                              : captured(operand));
  return builder.clone(*op, local)->getResult(0);
}

// What stands in the body for a value from outside.
Value Outliner::captured(Value value) {
  Operation *op = value.getDefiningOp();
  if (Value known = mapping.lookupOrNull(value))
    return known;
  if (auto slice = dyn_cast_or_null<tensor::ExtractSliceOp>(op)) { // read where it lies
    IRMapping local;
    for (Value operand : slice->getOperands())
      local.map(operand, captured(operand));
    slices.push_back(slice);
    Value part = builder.clone(*slice, local)->getResult(0);
    mapping.map(value, part);
    return part;
  }
  if (isa<RankedTensorType>(value.getType())) {
    BlockArgument argument = body->addArgument(value.getType(), value.getLoc());
    inputs.push_back(value);
    inputArguments.push_back(argument);
    mapping.map(value, argument);
    return argument;
  }
  if (op && op->hasTrait<OpTrait::ConstantLike>()) {
    Value constant = builder.clone(*op)->getResult(0);
    mapping.map(value, constant);
    return constant;
  }
  if (auto dim = dyn_cast_or_null<tensor::DimOp>(op))
    if (std::optional<int64_t> axis = dim.getConstantIndex()) {
      OpFoldResult size = dimensions.of(dim.getSource(), *axis);
      Value inside = isa<Attribute>(size)
                         ? builder.create<arith::ConstantOp>(root->getLoc(), cast<IntegerAttr>(cast<Attribute>(size)))
                         : parameter(cast<Value>(size));
      mapping.map(value, inside);
      return inside;
    }
  Value inside = parameter(value);
  mapping.map(value, inside);
  return inside;
}

// The body's parameter for a scalar from outside; those that are neither index nor i64 travel in an i64.
Value Outliner::parameter(Value value) {
  Type type = value.getType();
  Location loc = root->getLoc();
  for (auto [i, known] : llvm::enumerate(parameters))
    if (known == value)
      return parameterArguments[i];
  if (type.isIndex() || type.isInteger(64)) {
    parameters.push_back(value);
    parameterArguments.push_back(body->addArgument(type, loc));
    return parameterArguments.back();
  }
  Type bits = builder.getIntegerType(type.getIntOrFloatBitWidth());
  OpBuilder outside(root);
  Value wide = value;
  if (wide.getType() != bits)
    wide = outside.create<arith::BitcastOp>(loc, bits, wide);
  if (!bits.isInteger(64))
    wide = outside.create<arith::ExtUIOp>(loc, outside.getI64Type(), wide);
  parameters.push_back(wide);
  parameterArguments.push_back(body->addArgument(builder.getI64Type(), loc));
  Value inside = parameterArguments.back();
  if (!bits.isInteger(64))
    inside = builder.create<arith::TruncIOp>(loc, bits, inside);
  if (inside.getType() != type)
    inside = builder.create<arith::BitcastOp>(loc, type, inside);
  return inside;
}

void Outliner::cloneGroup() {
  for (Operation *op : group) {
    SetVector<Value> above;
    getUsedValuesDefinedAbove(op->getRegions(), above);
    for (Value value : above)
      captured(value);
    SmallVector<Value> operands;
    for (OpOperand &use : op->getOpOperands()) {
      Operation *maker = use.get().getDefiningOp();
      bool copy = isInitialiser(maker) && (isInitialUse(use) || isWindow(use)) && !llvm::is_contained(group, maker);
      operands.push_back(copy ? initialiser(maker) : captured(use.get()));
    }
    builder.clone(*op, mapping)->setOperands(operands);
  }
}

// Each result that is used outside gets a destination, which its chain of updates starts from.
LogicalResult Outliner::tieDestinations() {
  DenseSet<Operation *> members(group.begin(), group.end());
  for (Operation *op : llvm::reverse(group))
    for (OpResult result : op->getResults())
      if (result == root->getResult(0) || llvm::any_of(result.getUsers(), [&](Operation *user) {
            return !members.contains(op->getBlock()->findAncestorOpInBlock(*user));
          }))
        results.push_back(result);

  SmallVector<Value> returned;
  for (Value result : results) {
    Location loc = result.getLoc();
    auto type = dyn_cast<RankedTensorType>(result.getType());
    if (!type)
      return result.getDefiningOp()->emitError("a scalar result of '")
             << result.getDefiningOp()->getName() << "' is used on the host";
    Value inside = mapping.lookup(result);
    OpOperand *init = initOf(inside);
    while (init && initOf(init->get()))
      init = initOf(init->get());
    BlockArgument argument = body->addArgument(type, loc);
    outArguments.push_back(argument);
    Value start = init ? init->get() : Value();
    auto position = llvm::find(inputArguments, start);
    if (start && position != inputArguments.end() && readsInitial(*init)) {
      outs.push_back(inputs[position - inputArguments.begin()]);
      init->set(argument);
    } else {
      OpBuilder outside(root);
      SmallVector<OpFoldResult> sizes;
      for (int64_t axis = 0; axis < type.getRank(); ++axis)
        sizes.push_back(dimensions.of(result, axis));
      SmallVector<Value> dynamic;
      for (auto [axis, size] : llvm::enumerate(sizes))
        if (type.isDynamicDim(axis))
          dynamic.push_back(getValueOrCreateConstantIndexOp(outside, loc, size));
      outs.push_back(outside.create<tensor::EmptyOp>(loc, type, dynamic));
      bool fresh = start && (start.getDefiningOp<tensor::EmptyOp>() || !readsInitial(*init));
      if (fresh && start.getType() == type)
        init->set(argument);
      else
        inside = builder.create<linalg::CopyOp>(loc, inside, argument).getResult(0);
    }
    returned.push_back(inside);
  }
  builder.create<ReturnOp>(root->getLoc(), returned);
  return success();
}

// tensor.dim of an argument -> its parameter or constant.
void Outliner::replaceDims() {
  SmallVector<std::pair<BlockArgument, Value>> tensors;
  for (auto [argument, value] : llvm::zip(inputArguments, inputs))
    tensors.push_back({argument, value});
  for (auto [argument, value] : llvm::zip(outArguments, outs))
    tensors.push_back({argument, value});
  builder.setInsertionPointToStart(body);
  for (auto [argument, value] : tensors)
    for (Operation *user : llvm::make_early_inc_range(argument.getUsers())) {
      auto dim = dyn_cast<tensor::DimOp>(user);
      std::optional<int64_t> axis = dim ? dim.getConstantIndex() : std::nullopt;
      if (!axis)
        continue;
      OpFoldResult size = dimensions.of(value, *axis);
      Value inside = isa<Attribute>(size)
                         ? builder.create<arith::ConstantOp>(dim.getLoc(), cast<IntegerAttr>(cast<Attribute>(size)))
                         : parameter(cast<Value>(size));
      dim.replaceAllUsesWith(inside);
      dim.erase();
    }
}

// The extents of the root's leading parallel loops, at most 3; those of an insertion go over its source, or are those of
// what makes that in its place. A loop from 0 whose iterations write different rows is marked so.
SmallVector<Value> Outliner::workload() {
  SmallVector<Value> extents;
  OpBuilder outside(root);
  auto insert = dyn_cast<tensor::InsertSliceOp>(root);
  std::optional<halcyon::Placement> placement = insert ? halcyon::placementOf(insert) : std::nullopt;
  auto place = placement ? llvm::find(group, placement->maker.getOperation()) : group.end();
  linalg::LinalgOp placed = place != group.end() ? placement->maker : linalg::LinalgOp();
  if (insert && !placed)
    for (int64_t axis = 0; axis < std::min<int64_t>(3, insert.getSourceType().getRank()); ++axis)
      extents.push_back(
          getValueOrCreateConstantIndexOp(outside, root->getLoc(), dimensions.of(insert.getSource(), axis)));
  if (auto loop = dyn_cast<scf::ForOp>(root); loop && loop->hasAttr("halcyon.rows"))
    extents.push_back(loop.getUpperBound());
  auto op = placed ? placed : dyn_cast<linalg::LinalgOp>(root);
  if (!op)
    return extents;
  const Group computes(group.begin(), placed ? std::next(place) : group.end());
  SmallVector<utils::IteratorType> iterators = op.getIteratorTypesArray();
  // A workgroup needs whole rows.
  const size_t most = std::min<size_t>(3, rowsOf(computes).value_or(iterators.size()));
  for (unsigned loop = 0; loop < iterators.size() && extents.size() < most; ++loop) {
    if (iterators[loop] != utils::IteratorType::parallel)
      break;
    Value extent;
    for (OpOperand &operand : op->getOpOperands()) {
      AffineMap map = op.getMatchingIndexingMap(&operand);
      std::optional<unsigned> axis = map.getResultPosition(outside.getAffineDimExpr(loop));
      if (!axis || !isa<RankedTensorType>(operand.get().getType()))
        continue;
      extent = getValueOrCreateConstantIndexOp(outside, root->getLoc(), dimensions.of(operand.get(), *axis));
      break;
    }
    if (!extent)
      break;
    extents.push_back(extent);
  }
  return extents;
}

// Erases what nothing in the body needs any more.
void Outliner::dropDead() {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(*body)))
    if (isOpTriviallyDead(&op))
      op.erase();
}

// Puts the arguments in order, drops those without use, and says which parameters the dimensions are.
ExecutableOp Outliner::finish(int64_t workloadRank) {
  SmallVector<Value> usedInputs;
  SmallVector<BlockArgument> order;
  for (auto [argument, value] : llvm::zip(inputArguments, inputs))
    if (!argument.use_empty()) {
      usedInputs.push_back(value);
      order.push_back(argument);
    }
  inputs = usedInputs;
  llvm::append_range(order, outArguments);

  SmallVector<Value> tensors(inputs);
  llvm::append_range(tensors, outs);
  SetVector<Value> usedParameters;
  for (Value tensor : tensors)
    for (Value size : dimensions.dynamic(tensor)) {
      parameter(size);
      usedParameters.insert(size);
    }
  for (auto [argument, value] : llvm::zip(parameterArguments, parameters))
    if (!argument.use_empty())
      usedParameters.insert(value);
  for (Value value : usedParameters)
    order.push_back(parameterArguments[llvm::find(parameters, value) - parameters.begin()]);
  parameters = SmallVector<Value>(usedParameters.getArrayRef());
  SmallVector<Attribute> dims;
  for (Value tensor : tensors) {
    SmallVector<int64_t> numbers;
    for (Value size : dimensions.dynamic(tensor))
      numbers.push_back(llvm::find(parameters, size) - parameters.begin());
    dims.push_back(builder.getI64ArrayAttr(numbers));
  }

  Block *ordered = new Block;
  executable.getBody().push_back(ordered);
  for (BlockArgument argument : order)
    argument.replaceAllUsesWith(ordered->addArgument(argument.getType(), argument.getLoc()));
  ordered->getOperations().splice(ordered->end(), body->getOperations());
  body->erase();
  executable.setInputs(inputs.size());
  executable.setWorkloadRank(workloadRank);
  executable.setDimsAttr(builder.getArrayAttr(dims));
  return executable;
}

// What the kernel is named for: the operation that works most.
Operation *Outliner::source() {
  for (Operation *op : group)
    if (auto each = dyn_cast<linalg::LinalgOp>(op); each && each.getNumLoops() != each.getNumParallelLoops())
      return op;
  return group.front();
}

// Of the launch: every operation that it does, and what was fused into them, the source first.
Location Outliner::location() {
  llvm::SmallSetVector<Location, 8> places;
  places.insert(source()->getLoc());
  for (Operation *slice : slices)
    places.insert(slice->getLoc());
  for (Operation *op : group)
    op->walk([&](Operation *inner) {
      if (!inner->hasTrait<OpTrait::ConstantLike>())
        places.insert(inner->getLoc());
    });
  return FusedLoc::get(root->getContext(), places.getArrayRef());
}

// Views of a result that stand before the root wait for the launch.
void Outliner::moveViews(Value result) {
  for (Operation *user : llvm::make_early_inc_range(result.getUsers())) {
    if (!isView(user) || user->getBlock() != root->getBlock() || !user->isBeforeInBlock(root))
      continue;
    moveViews(user->getResult(0)); // first: it ends up behind
    user->moveAfter(root);
  }
}

LogicalResult Outliner::run() {
  Location loc = source()->getLoc();
  executable = builder.create<ExecutableOp>(loc, "", 0, 0, builder.getArrayAttr({}));
  body = builder.createBlock(&executable.getBody());
  cloneGroup();
  if (failed(tieDestinations())) {
    executable.erase();
    return failure();
  }
  replaceDims();
  dropDead();
  SmallVector<Value> extents = workload();
  finish(extents.size());
  executable = executables.add(executable, function, source());
  for (Value result : results)
    moveViews(result);
  OpBuilder outside(root);
  auto launch = outside.create<LaunchOp>(location(), ValueRange(outs).getTypes(), executable.getSymName(), extents,
                                         parameters, inputs, outs);
  for (auto [old, made] : llvm::zip(results, launch.getResults())) {
    dimensions.forget(old);
    old.replaceAllUsesWith(made);
  }
  for (Operation *op : llvm::reverse(group)) {
    for (Value result : op->getResults())
      dimensions.forget(result);
    op->erase();
  }
  return success();
}

LogicalResult halcyon::dispatch::outline(const Group &group, StringRef function, Dimensions &dimensions,
                                         Executables &executables) {
  return Outliner(group, function, dimensions, executables).run();
}
