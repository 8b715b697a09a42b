// Products with weights of 2, 4 and 8 bits, which stay packed in the artifact: a kernel unpacks and
// scales them, block by block, beside the product.
#include "import/onnx/Compose.h"
#include "import/onnx/OpTable.h"
#include "import/onnx/Reshape.h"
#include "import/onnx/Scalar.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include <cstring>

using namespace mlir;

namespace halcyon::onnx {
namespace {

using Part = Composer::Part;

struct Weights {
  int64_t rows, columns; // N and K: of the result, and of what is summed
  int64_t block, bits;
  int64_t blocks() const { return (columns + block - 1) / block; }
};

FailureOr<Weights> readWeights(NodeContext &node) {
  Weights made{node.intAttr("N", 0), node.intAttr("K", 0), node.intAttr("block_size", 0),
               node.intAttr("bits", 4)};
  if (made.bits != 2 && made.bits != 4 && made.bits != 8)
    return node.error() << "attribute 'bits' is " << made.bits << ", expected 2, 4 or 8";
  if (made.block < 16 || made.block > (1 << 20) || !llvm::isPowerOf2_64(made.block))
    return node.error() << "attribute 'block_size' is " << made.block
                        << ", expected a power of two of at least 16";
  for (auto [name, value] : {std::pair("N", made.rows), std::pair("K", made.columns)})
    if (value < 1 || value > INT32_MAX)
      return node.error() << "attribute '" << name << "' is " << value;
  return made;
}

LogicalResult checkShape(NodeContext &node, size_t input, ArrayRef<int64_t> shape,
                         bool mayBeFlat) {
  const Imported &given = node.in(input);
  int64_t count = 1;
  for (int64_t extent : shape)
    count *= extent;
  bool same = given.rank() == static_cast<int64_t>(shape.size());
  for (size_t axis = 0; same && axis < shape.size(); ++axis)
    same = known(given.dims[axis]) == shape[axis];
  if (same || (mayBeFlat && given.rank() == 1 && known(given.dims[0]) == count))
    return success();
  InFlightDiagnostic diagnostic = node.error()
                                  << "input '" << node.node.inputs[input] << "': expected shape [";
  llvm::interleaveComma(shape, diagnostic);
  return diagnostic << "]";
}

struct Matrix {
  int64_t rows, columns;
};

// Row-major elements of `size` bytes, turned.
std::shared_ptr<const Tensor> turned(const Tensor &from, Matrix shape, size_t size) {
  auto bytes = std::make_shared<std::vector<std::byte>>(from.bytes.view.size());
  const std::byte *source = from.bytes.view.data();
  for (int64_t row = 0; row < shape.rows; ++row)
    for (int64_t column = 0; column < shape.columns; ++column, source += size)
      std::memcpy(bytes->data() + (column * shape.rows + row) * static_cast<int64_t>(size), source,
                  size);
  auto made = std::make_shared<Tensor>(from);
  made->dims = {shape.columns, shape.rows};
  made->bytes = {std::span<const std::byte>(*bytes), bytes};
  return made;
}

// The bytes' numbers, row by row, of which the last may be left over.
std::shared_ptr<const Tensor> numbersOf(const Tensor &from, Matrix shape, int64_t bits) {
  auto bytes = std::make_shared<std::vector<std::byte>>();
  int64_t each = 8 / bits, stride = (shape.columns + each - 1) / each;
  for (int64_t row = 0; row < shape.rows; ++row)
    for (int64_t column = 0; column < shape.columns; ++column) {
      auto byte = std::to_integer<unsigned>(from.bytes.view[row * stride + column / each]);
      bytes->push_back(std::byte(byte >> column % each * bits & ((1u << bits) - 1)));
    }
  auto made = std::make_shared<Tensor>(from);
  made->dims = {shape.rows, shape.columns};
  made->bytes = {std::span<const std::byte>(*bytes), bytes};
  return made;
}

// [rows, columns] -> [columns, rows]: now, where the file has it.
Part turn(NodeContext &node, Composer &with, Part part, Matrix shape) {
  if (part && part->constant)
    return with.hold(
        node.graph.fromConstant(turned(*part->constant, shape, bitsOf(part->dataType) / 8)));
  Part flat = with("Reshape", {part, with.ints({shape.rows, shape.columns})});
  return with("Transpose", {flat}, {attribute("perm", ArrayRef<int64_t>{1, 0})});
}

Part numbers(NodeContext &node, Composer &with, Part part, Matrix shape, int64_t bits) {
  if (bits == 8)
    return part;
  if (part->constant)
    return with.hold(node.graph.fromConstant(numbersOf(*part->constant, shape, bits)));
  int64_t each = 8 / bits, stride = (shape.columns + each - 1) / each;
  Imported made;
  made.dataType = bits == 2 ? DataType::u2 : DataType::u4;
  made.element = node.elementType(made.dataType);
  made.dims = {fixed(node.b, shape.rows), fixed(node.b, stride * each)};
  Part flat = with("Reshape", {part, with.ints({-1})});
  if (!flat)
    return nullptr;
  made.packed = node.graph.tensorOf(node.b, *flat);
  Part all = with.cast(with.hold(std::move(made)), DataType::u8);
  return with("Slice", {all, with.ints({0}), with.ints({shape.columns}), with.ints({1})});
}

// What a kernel reads: the last dimension is the result's, so that neighbours are side by side.
struct Operands {
  Value bytes;  // [blocks, bytes of a block, N]
  Value scales; // [blocks, N]
  Value zero;   // likewise: integers or numbers; null for the middle of the range
  DataType scaleType;
  Weights weights;

  int64_t each() const { return 8 / weights.bits; }
  int64_t blockBytes() const { return weights.block / each(); }
  SmallVector<Value> inputs() const {
    SmallVector<Value> made{bytes, scales};
    if (zero)
      made.push_back(zero);
    return made;
  }
  // In loops over [..., block, byte, lane, N].
  SmallVector<AffineMap> maps(Builder &b, unsigned before) const {
    AffineExpr block = b.getAffineDimExpr(before), byte = b.getAffineDimExpr(before + 1),
               n = b.getAffineDimExpr(before + 3);
    AffineMap ofBlock = AffineMap::get(before + 4, 0, {block, n}, b.getContext());
    SmallVector<AffineMap> made{AffineMap::get(before + 4, 0, {block, byte, n}, b.getContext()),
                                ofBlock};
    if (zero)
      made.push_back(ofBlock);
    return made;
  }
  // One weight, in f32.
  Value weight(ImplicitLocOpBuilder &b, ValueRange x, unsigned lane) const {
    Value q = x[0];
    if (weights.bits < 8) {
      Value shift = b.create<arith::MulIOp>(b.create<linalg::IndexOp>(lane),
                                            constantIndex(b, weights.bits));
      shift = b.create<arith::IndexCastOp>(q.getType(), shift);
      q = b.create<arith::AndIOp>(b.create<arith::ShRUIOp>(q, shift),
                                  constantLike(b, q, (1 << weights.bits) - 1));
    }
    Type wide = b.getI32Type(), f32 = b.getF32Type();
    Value number;
    q = b.create<arith::ExtUIOp>(wide, q);
    if (zero && isa<FloatType>(x[2].getType())) {
      number = b.create<arith::SubFOp>(b.create<arith::SIToFPOp>(f32, q),
                                       castScalar(b, x[2], scaleType, DataType::f32, f32));
    } else {
      Value centre = zero ? b.create<arith::ExtUIOp>(wide, x[2]).getResult()
                          : constantLike(b, q, 1 << (weights.bits - 1));
      number = b.create<arith::SIToFPOp>(f32, b.create<arith::SubIOp>(q, centre));
    }
    return b.create<arith::MulFOp>(number, castScalar(b, x[1], scaleType, DataType::f32, f32));
  }
};

Value zeros(ImplicitLocOpBuilder &b, ArrayRef<OpFoldResult> dims) {
  return filledTensor(b, dims, constantFloat(b, b.getF32Type(), 0));
}

// x [rows, K] times the weights. For few rows one kernel, which unpacks each weight once a row.
Value multiplyFew(ImplicitLocOpBuilder &b, Value x, OpFoldResult rows, const Operands &with) {
  const Weights &weights = with.weights;
  OpFoldResult blocks = fixed(b, weights.blocks()), bytes = fixed(b, with.blockBytes()),
               each = fixed(b, with.each()), n = fixed(b, weights.rows);
  x = reshapeTensor(b, x, {rows, fixed(b, weights.blocks() * weights.block)},
                    {rows, blocks, bytes, each});
  SmallVector<AffineExpr> dims;
  for (unsigned i = 0; i < 5; ++i)
    dims.push_back(b.getAffineDimExpr(i));
  SmallVector<Value> inputs = with.inputs();
  SmallVector<AffineMap> maps = with.maps(b, 1);
  inputs.push_back(x);
  maps.push_back(AffineMap::get(5, 0, ArrayRef(dims).take_front(4), b.getContext()));
  maps.push_back(AffineMap::get(5, 0, {dims[0], dims[4]}, b.getContext()));
  using utils::IteratorType;
  SmallVector<IteratorType> iterators(5, IteratorType::reduction);
  iterators.front() = iterators.back() = IteratorType::parallel;
  return generic(b, inputs, zeros(b, {rows, n}), maps, iterators,
                 [&](ImplicitLocOpBuilder &inner, ValueRange values) -> Value {
                   Value total = values.back(), left = values[values.size() - 2];
                   Value weight = with.weight(inner, values, 3);
                   return inner.create<arith::AddFOp>(
                       total, inner.create<arith::MulFOp>(left, weight));
                 });
}

// For many rows the weights become a matrix first.
Value multiplyMany(ImplicitLocOpBuilder &b, Value x, OpFoldResult rows, const Operands &with) {
  const Weights &weights = with.weights;
  OpFoldResult blocks = fixed(b, weights.blocks()), bytes = fixed(b, with.blockBytes()),
               each = fixed(b, with.each()), n = fixed(b, weights.rows);
  SmallVector<AffineMap> maps = with.maps(b, 0);
  maps.push_back(b.getMultiDimIdentityMap(4));
  Value w = generic(b, with.inputs(), emptyTensor(b, {blocks, bytes, each, n}, b.getF32Type()),
                    maps, parallelIterators(4),
                    [&](ImplicitLocOpBuilder &inner, ValueRange values) {
                      return with.weight(inner, values, 2);
                    });
  OpFoldResult k = fixed(b, weights.blocks() * weights.block);
  w = reshapeTensor(b, w, {blocks, bytes, each, n}, {k, n});
  return b.create<linalg::MatmulOp>(ValueRange{x, w}, ValueRange{zeros(b, {rows, n})})
      .getResult(0);
}

// Where unpacking once more a row costs what a matrix of the weights does (2048 x 2048, one thread).
constexpr int64_t fewRows = 8;

Value multiply(ImplicitLocOpBuilder &b, Value x, OpFoldResult rows, const Operands &with) {
  if (std::optional<int64_t> count = known(rows))
    return *count <= fewRows ? multiplyFew(b, x, rows, with) : multiplyMany(b, x, rows, with);
  Value isFew = b.create<arith::CmpIOp>(arith::CmpIPredicate::sle, cast<Value>(rows),
                                        constantIndex(b, fewRows));
  auto side = [&](auto make) {
    return [&, make](OpBuilder &nested, Location loc) {
      ImplicitLocOpBuilder inner(loc, nested);
      inner.create<scf::YieldOp>(make(inner, x, rows, with));
    };
  };
  return b.create<scf::IfOp>(isFew, side(multiplyFew), side(multiplyMany)).getResult(0);
}

FailureOr<Operands> readOperands(NodeContext &node, Composer &with, const Weights &weights) {
  Operands made;
  made.weights = weights;
  made.scaleType = node.in(2).dataType;
  Matrix shape{weights.rows, weights.blocks()};
  int64_t blockBytes = made.blockBytes(), each = made.each();
  if (failed(checkShape(node, 1, {weights.rows, weights.blocks(), blockBytes}, false)) ||
      failed(checkShape(node, 2, {shape.rows, shape.columns}, true)))
    return failure();
  Part bytes = turn(node, with, with.input(1), {weights.rows, weights.blocks() * blockBytes});
  bytes = with("Reshape", {bytes, with.ints({weights.blocks(), blockBytes, weights.rows})});
  Part scales = turn(node, with, with.input(2), shape), zero = with.input(3);
  if (zero && zero->dataType == DataType::u8) {
    int64_t stride = (shape.columns + each - 1) / each;
    if (failed(checkShape(node, 3, {shape.rows, stride}, true)))
      return failure();
    zero = numbers(node, with, zero, shape, weights.bits);
  } else if (zero) {
    if (zero->dataType != made.scaleType)
      return node.error() << "zero points of type " << nameOf(zero->dataType)
                          << " are not supported";
    if (failed(checkShape(node, 3, {shape.rows, shape.columns}, true)))
      return failure();
  }
  if (zero)
    zero = turn(node, with, zero, shape);
  if (with.hasFailed())
    return failure();
  made.bytes = node.graph.tensorOf(node.b, *bytes);
  made.scales = node.graph.tensorOf(node.b, *scales);
  if (zero)
    made.zero = node.graph.tensorOf(node.b, *zero);
  return made;
}

// A, B, scales, zero points, group index, bias
LogicalResult importMatMulNBits(NodeContext &node) {
  Composer with(node);
  node.ignore(AttributeKind::i, {"accuracy_level"}); // how rough it may be; ours is exact
  FailureOr<Weights> weights = readWeights(node);
  if (failed(weights))
    return failure();
  DataType type = node.in(0).dataType;
  if (!isFloat(type) || node.in(1).dataType != DataType::u8 || node.in(2).dataType != type)
    return node.error() << "element types " << nameOf(type) << ", " << nameOf(node.in(1).dataType)
                        << " and " << nameOf(node.in(2).dataType) << " are not supported";
  if (int64_t layout = node.intAttr("weight_prepacked", 0))
    return node.error() << "attribute 'weight_prepacked' is " << layout
                        << ": such weights are one processor's own";
  if (node.has(4))
    return node.error() << "a group index ('" << node.node.inputs[4] << "') is not supported";
  Dims dims = node.in(0).dims;
  if (dims.empty() || (known(dims.back()) && known(dims.back()) != weights->columns))
    return node.error() << "input '" << node.node.inputs[0] << "' must have " << weights->columns
                        << " columns";
  FailureOr<Operands> operands = readOperands(node, with, *weights);
  if (failed(operands))
    return failure();
  OpFoldResult rows = product(node.b, ArrayRef(dims).drop_back());
  Part x = with.cast(with.input(0), DataType::f32);
  x = with("Reshape", {x, with.shape({rows, fixed(node.b, weights->columns)})});
  if (int64_t more = weights->blocks() * weights->block - weights->columns)
    x = with("Pad", {x, with.ints({0, 0, 0, more})});
  if (with.hasFailed())
    return failure();
  Value made = multiply(node.b, node.graph.tensorOf(node.b, *x), rows, *operands);
  dims.back() = fixed(node.b, weights->rows);
  made = reshapeTensor(node.b, made, {rows, dims.back()}, dims);
  Part result = with.hold(node.graph.fromTensor(node.b, made, DataType::f32, dims));
  result = with.cast(result, type);
  return with.define(0, node.has(5) ? with("Add", {result, with.input(5)}) : result);
}

} // namespace

ArrayRef<OpImporter> nBitsOps() {
  static const OpImporter list[] = {
      {"com.microsoft.MatMulNBits", importMatMulNBits, 3, 6},
  };
  return list;
}

} // namespace halcyon::onnx
