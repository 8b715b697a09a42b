#include "tensor/QuantizedProducts.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace halcyon;

// Whether a value in the body comes from inputs of one element alone; the operations on the way, in their order.
static bool isOfAll(Value value, linalg::GenericOp op, llvm::SetVector<Operation *> &slice) {
  if (auto argument = dyn_cast<BlockArgument>(value))
    return argument.getOwner() == op.getBody() && argument.getArgNumber() < op.getNumDpsInputs() &&
           op.getMatchingIndexingMap(op.getDpsInputOperand(argument.getArgNumber())).getNumResults() == 0;
  Operation *made = value.getDefiningOp();
  if (made->getBlock() != op.getBody() || slice.contains(made))
    return true; // a constant around it
  if (made->getNumRegions() || made->getNumResults() != 1 || isa<linalg::IndexOp, tensor::ExtractOp>(made))
    return false;
  for (Value operand : made->getOperands())
    if (!isOfAll(operand, op, slice))
      return false;
  slice.insert(made);
  return true;
}

// A zero point that is known at the call: an unsigned byte, widened.
static bool isByteOfAll(Value value, linalg::GenericOp op) {
  llvm::SetVector<Operation *> slice;
  if (!isOfAll(value, op, slice))
    return false;
  auto argument = dyn_cast<BlockArgument>(value);
  Operation *made = argument ? nullptr : value.getDefiningOp();
  if (argument) // of a dequantisation that this pass made
    if (auto zero = op.getDpsInputs()[argument.getArgNumber()].getDefiningOp<linalg::GenericOp>())
      made = zero.getBody()->getTerminator()->getOperand(0).getDefiningOp();
  return isa_and_nonnull<arith::ExtUIOp>(made) && made->getOperand(0).getType().isInteger(8);
}

Value halcyon::tensorOf(Value value, linalg::GenericOp op, RewriterBase &rewriter) {
  if (auto argument = dyn_cast<BlockArgument>(value))
    return op.getDpsInputs()[argument.getArgNumber()];
  llvm::SetVector<Operation *> slice;
  (void)isOfAll(value, op, slice);
  SmallVector<Value> inputs;
  SmallVector<BlockArgument> arguments;
  for (BlockArgument argument : op.getBody()->getArguments().take_front(op.getNumDpsInputs()))
    if (llvm::any_of(argument.getUsers(), [&](Operation *user) { return slice.contains(user); })) {
      arguments.push_back(argument);
      inputs.push_back(op.getDpsInputs()[argument.getArgNumber()]);
    }
  rewriter.setInsertionPoint(op);
  Value init = rewriter.create<tensor::EmptyOp>(op.getLoc(), ArrayRef<int64_t>(), value.getType());
  SmallVector<AffineMap> maps(inputs.size() + 1, AffineMap::get(rewriter.getContext()));
  auto made = rewriter.create<linalg::GenericOp>(
      op.getLoc(), init.getType(), inputs, init, maps, ArrayRef<utils::IteratorType>(), [&](OpBuilder &b, Location at, ValueRange in) {
        IRMapping mapping;
        mapping.map(arguments, in.drop_back());
        for (Operation *each : slice)
          b.clone(*each, mapping);
        b.create<linalg::YieldOp>(at, mapping.lookup(value));
      });
  return made.getResult(0);
}

std::optional<Uniform> halcyon::uniformOf(const Dequantized &form, linalg::GenericOp producer) {
  Uniform made;
  IntegerAttr zero;
  FloatAttr scale;
  if (form.zero && matchPattern(form.zero, m_Constant(&zero)))
    made.zero = static_cast<int32_t>(zero.getInt());
  else if (form.zero && !form.isSigned && isByteOfAll(form.zero, producer))
    made.zeroAtRun = form.zero;
  else if (form.zero)
    return {};
  if (form.scale) {
    if (!matchPattern(form.scale, m_Constant(&scale)) || !scale.getValue().isFinite())
      return {};
    made.scale = static_cast<float>(scale.getValueAsDouble());
    made.hasScale = true;
  }
  made.zero += form.isSigned ? 128 : 0;
  return made.zero >= 0 && made.zero <= 255 ? std::optional(made) : std::nullopt;
}

Value halcyon::bytesOf(linalg::GenericOp op, const Dequantized &form) {
  auto argument = dyn_cast<BlockArgument>(form.byte);
  if (form.isSigned || !argument || argument.getOwner() != op.getBody())
    return {};
  OpOperand *in = op.getDpsInputOperand(argument.getArgNumber());
  return op.getMatchingIndexingMap(in).isIdentity() ? in->get() : Value();
}

Value halcyon::dequantize(ImplicitLocOpBuilder &b, const Uniform &form, ValueRange in, Type type) {
  Value wide = b.create<arith::ExtUIOp>(b.getI32Type(), in[0]);
  if (form.zeroAtRun)
    wide = b.create<arith::SubIOp>(wide, in[1]);
  else if (form.zero)
    wide = b.create<arith::SubIOp>(wide, b.create<arith::ConstantIntOp>(form.zero, 32));
  if (type.isInteger(32))
    return wide;
  Value number = b.create<arith::SIToFPOp>(type, wide);
  if (!form.hasScale)
    return number;
  return b.create<arith::MulFOp>(number, b.create<arith::ConstantOp>(b.getF32FloatAttr(form.scale)));
}
