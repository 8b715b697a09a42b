#include "import/onnx/Compose.h"
#include "import/onnx/Constants.h"
#include "import/onnx/OpTable.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include <map>

using namespace mlir;

namespace halcyon::onnx {
namespace {

// Counts n-grams: runs of n items, each `skip` after the one before. The n-grams that count for
// element o of the result are those from begins[o] to begins[o + 1].
class TfIdf {
public:
  explicit TfIdf(NodeContext &node) : node(node), b(node.b) {}

  LogicalResult run() {
    Imported &input = node.in(0);
    if (failed(readAttributes()) || failed(readPool()))
      return failure();
    if (input.dataType != DataType::i32 && input.dataType != DataType::i64)
      return node.error() << "expected i32 or i64 elements, got " << nameOf(input.dataType);
    if (input.rank() > 2)
      return node.error() << "expected at most 2 dimensions, got " << input.rank();
    Composer with(node);
    // A scalar is a list of one.
    source =
        with.cast(input.rank() ? with.input(0) : with("Reshape", {with.input(0), with.ints({1})}),
                  DataType::i64);
    if (with.hasFailed())
      return failure();
    sourceTensor = node.graph.tensorOf(b, *source);
    Dims dims{source->dims.begin(), source->dims.end() - 1};
    dims.push_back(fixed(b, outputs));
    Value made = generate(b, emptyTensor(b, dims, b.getF32Type()),
                          [&](ImplicitLocOpBuilder &inner, ArrayRef<Value> at) {
                            return weighted(inner, count(inner, at), at.back());
                          });
    node.set(0, made, DataType::f32, dims);
    return success();
  }

private:
  ArrayRef<int64_t> list(StringRef name) {
    const NodeAttribute *attribute = node.find(name, AttributeKind::ints);
    return attribute ? ArrayRef<int64_t>(attribute->ints) : ArrayRef<int64_t>();
  }

  LogicalResult readAttributes() {
    mode = node.stringAttr("mode", "");
    least = node.sizeAttr("min_gram_length", 0);
    most = node.sizeAttr("max_gram_length", 0);
    skips = node.sizeAttr("max_skip_count", 0, 0);
    if (node.find("pool_strings", AttributeKind::strings))
      return node.error() << "attribute 'pool_strings': strings are not supported";
    if (mode != "TF" && mode != "IDF" && mode != "TFIDF")
      return node.error() << "attribute 'mode' is '" << mode << "'";
    if (least < 1 || most < least || skips < 0)
      return node.error() << "attributes 'min_gram_length' and 'max_gram_length': n-grams of " << least << " to " << most << " items that skip "
                          << skips;
    return success();
  }

  LogicalResult readPool() {
    ArrayRef<int64_t> pool = list("pool_int64s"), starts = list("ngram_counts"),
                      indexes = list("ngram_indexes");
    const NodeAttribute *factors = node.find("weights", AttributeKind::floats);
    if (indexes.empty() || llvm::any_of(indexes, [](int64_t i) { return i < 0 || i >= 1 << 30; }))
      return node.error() << "attribute 'ngram_indexes' must list places in the result";
    outputs = *llvm::max_element(indexes) + 1;
    // The n-gram's items -> its number. Of equal ones the last counts.
    std::map<std::vector<int64_t>, size_t> numbers;
    size_t number = 0;
    for (size_t i = 0; i < starts.size(); ++i) {
      size_t size = i + 1;
      int64_t begin = starts[i];
      int64_t end = size < starts.size() ? starts[size] : static_cast<int64_t>(pool.size());
      if (begin < 0 || end < begin || end > static_cast<int64_t>(pool.size()) ||
          (end - begin) % static_cast<int64_t>(size))
        return node.error() << "attribute 'ngram_counts' does not divide attribute 'pool_int64s' of " << pool.size()
                            << " items into n-grams";
      for (ArrayRef<int64_t> rest = pool.slice(begin, end - begin); !rest.empty();
           rest = rest.drop_front(size), ++number)
        if (static_cast<int64_t>(size) >= least && static_cast<int64_t>(size) <= most)
          numbers[rest.take_front(size).vec()] = number;
    }
    if (number > indexes.size())
      return node.error() << "attribute 'ngram_indexes' has " << indexes.size() << " places for "
                          << number << " n-grams";
    if (factors && !factors->floats.empty() && mode != "TF") {
      if (static_cast<int64_t>(factors->floats.size()) < outputs)
        return node.error() << "attribute 'weights' has " << factors->floats.size()
                            << " numbers for a result of " << outputs;
      weights = tensorOf(makeTensor(DataType::f32, factors->floats));
    }
    std::vector<std::vector<const std::vector<int64_t> *>> byOutput(static_cast<size_t>(outputs));
    for (auto &[items, place] : numbers)
      byOutput[static_cast<size_t>(indexes[place])].push_back(&items);
    std::vector<int64_t> beginList{0}, startList, sizeList, itemList;
    for (auto &grams : byOutput) {
      for (const std::vector<int64_t> *items : grams) {
        startList.push_back(static_cast<int64_t>(itemList.size()));
        sizeList.push_back(static_cast<int64_t>(items->size()));
        llvm::append_range(itemList, *items);
      }
      beginList.push_back(static_cast<int64_t>(startList.size()));
    }
    isEmpty = startList.empty();
    begins = tensorOf(makeTensor(DataType::i64, beginList));
    if (isEmpty)
      return success();
    begin = tensorOf(makeTensor(DataType::i64, startList));
    size = tensorOf(makeTensor(DataType::i64, sizeList));
    items = tensorOf(makeTensor(DataType::i64, itemList));
    return success();
  }

  Value tensorOf(std::shared_ptr<const Tensor> tensor) {
    Imported made = node.graph.fromConstant(std::move(tensor));
    return node.graph.tensorOf(b, made);
  }

  Value number(ImplicitLocOpBuilder &at, int64_t value) {
    return at.create<arith::ConstantOp>(at.getI64IntegerAttr(value));
  }
  static Value indexAt(ImplicitLocOpBuilder &at, Value list, Value place) {
    return at.create<arith::IndexCastOp>(at.getIndexType(),
                                         at.create<tensor::ExtractOp>(list, place));
  }

  // How often any n-gram of an element of the result is there, as i64.
  Value count(ImplicitLocOpBuilder &b, ArrayRef<Value> at) {
    if (isEmpty)
      return number(b, 0);
    Value one = constantIndex(b, 1);
    Value first = indexAt(b, begins, at.back());
    Value end = indexAt(b, begins, b.create<arith::AddIOp>(at.back(), one));
    return accumulate(
        b, {b.create<arith::SubIOp>(end, first)}, number(b, 0),
        [&](ImplicitLocOpBuilder &b, ArrayRef<Value> i, Value total) -> Value {
          Value gram = b.create<arith::AddIOp>(first, i[0]);
          Value from = indexAt(b, begin, gram), length = indexAt(b, size, gram);
          // One item is no further from itself, whatever is skipped.
          Value isOne = b.create<arith::CmpIOp>(arith::CmpIPredicate::eq, length, one);
          Value distances = b.create<arith::SelectOp>(isOne, one, constantIndex(b, skips + 1));
          return accumulate(
              b, {distances}, total,
              [&](ImplicitLocOpBuilder &b, ArrayRef<Value> d, Value total) -> Value {
                Value distance = b.create<arith::AddIOp>(d[0], one);
                Value reach =
                    b.create<arith::MulIOp>(distance, b.create<arith::SubIOp>(length, one));
                Value places = b.create<arith::SubIOp>(asValue(b, source->dims.back()), reach);
                places = b.create<arith::MaxSIOp>(places, constantIndex(b, 0));
                return accumulate(b, {places}, total,
                                  [&](ImplicitLocOpBuilder &b, ArrayRef<Value> place, Value total) {
                                    Value hit = matches(b, at, place[0], distance, from, length);
                                    Value more = b.create<arith::ExtUIOp>(b.getI64Type(), hit);
                                    return b.create<arith::AddIOp>(total, more).getResult();
                                  });
              });
        });
  }

  // Whether the items from `place` on are those from `from` on.
  Value matches(ImplicitLocOpBuilder &b, ArrayRef<Value> at, Value place, Value distance,
                Value from, Value length) {
    return accumulate(
        b, {length}, b.create<arith::ConstantIntOp>(1, 1),
        [&](ImplicitLocOpBuilder &b, ArrayRef<Value> j, Value so) -> Value {
          SmallVector<Value> where(at.drop_back());
          where.push_back(b.create<arith::AddIOp>(place, b.create<arith::MulIOp>(distance, j[0])));
          Value have = b.create<tensor::ExtractOp>(sourceTensor, where);
          Value wanted =
              b.create<tensor::ExtractOp>(items, b.create<arith::AddIOp>(from, j[0]).getResult());
          Value equal = b.create<arith::CmpIOp>(arith::CmpIPredicate::eq, have, wanted);
          return b.create<arith::AndIOp>(so, equal);
        });
  }

  Value weighted(ImplicitLocOpBuilder &b, Value count, Value output) {
    if (mode == "IDF")
      count = b.create<arith::MinSIOp>(count, number(b, 1));
    Value made = b.create<arith::SIToFPOp>(b.getF32Type(), count);
    if (!weights)
      return made;
    return b.create<arith::MulFOp>(made, b.create<tensor::ExtractOp>(weights, output).getResult());
  }

  NodeContext &node;
  ImplicitLocOpBuilder &b;
  StringRef mode;
  int64_t least = 0, most = 0, skips = 0, outputs = 0;
  bool isEmpty = false;
  Composer::Part source = nullptr;
  Value sourceTensor, begins, begin, size, items, weights;
};

LogicalResult importTfIdf(NodeContext &node) { return TfIdf(node).run(); }

} // namespace

ArrayRef<OpImporter> tfIdfOps() {
  static const OpImporter list[] = {{"TfIdfVectorizer", importTfIdf, 1, 1}};
  return list;
}

} // namespace halcyon::onnx
