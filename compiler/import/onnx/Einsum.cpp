#include "import/onnx/Elementwise.h"
#include "import/onnx/OpTable.h"
#include "import/onnx/Scalar.h"
#include "import/onnx/ThroughF32.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace halcyon::onnx {
namespace {

// The index of an ellipsis's dimension, counted from its last: no letter.
char ellipsisLabel(int64_t fromLast) { return static_cast<char>(-1 - fromLast); }

// Sums of products over indices that letters name: "ij,jk->ik". All operands in one set of loops.
class EinsumImporter {
public:
  explicit EinsumImporter(NodeContext &node) : node(node), b(node.b) {}

  LogicalResult run() {
    std::string equation = node.stringAttr("equation", "").str();
    llvm::erase(equation, ' ');
    auto [left, right] = StringRef(equation).split("->");
    bool hasResult = StringRef(equation).contains("->");
    SmallVector<StringRef> terms;
    left.split(terms, ',');
    if (terms.size() != node.numInputs())
      return node.error() << "attribute 'equation' has " << terms.size() << " terms for "
                          << node.numInputs() << " inputs";
    type = node.in(0).dataType;
    if (isBool(type))
      return node.error() << "bool elements are not supported";
    for (auto [index, term] : llvm::enumerate(terms))
      if (failed(addOperand(index, term)))
        return failure();
    FailureOr<std::string> result = hasResult ? resultLabels(right) : impliedLabels();
    if (failed(result))
      return failure();
    return build(*result);
  }

private:
  struct Operand {
    Value tensor;
    Dims dims;
    std::string labels;
  };

  // One label a dimension; an ellipsis stands for those that letters leave.
  FailureOr<std::string> labelsOf(StringRef term, int64_t rank) {
    size_t dots = term.find("...");
    StringRef letters = term;
    std::string made;
    auto addLetters = [&](StringRef part) {
      for (char letter : part) {
        if (!llvm::isAlpha(letter))
          return false;
        made += letter;
      }
      return true;
    };
    bool hasDots = dots != StringRef::npos;
    int64_t named = static_cast<int64_t>(term.size()) - (hasDots ? 3 : 0);
    if (hasDots ? named > rank : named != rank)
      return node.error("equation") << "term '" << term << "' does not fit " << rank << " dimensions";
    bool valid = addLetters(letters.take_front(hasDots ? dots : letters.size()));
    if (hasDots) {
      spread = std::max(spread, rank - named);
      for (int64_t i = rank - named; i-- > 0;)
        made += ellipsisLabel(i);
      valid = valid && addLetters(letters.drop_front(dots + 3));
    }
    if (!valid)
      return node.error("equation") << "term '" << term << "' is not letters and one ellipsis";
    return made;
  }

  LogicalResult addOperand(size_t index, StringRef term) {
    if (!node.has(index) || node.in(index).dataType != type)
      return node.error() << "input " << index << " is missing or of another element type";
    FailureOr<std::string> labels = labelsOf(term, node.rank(index));
    if (failed(labels))
      return failure();
    Operand operand{node.value(index), node.in(index).dims, *labels};
    if (failed(takeDiagonals(operand)))
      return failure();
    for (auto [label, dim] : llvm::zip(operand.labels, operand.dims)) {
      auto [entry, isNew] = extents.try_emplace(label, dim);
      ++uses[label];
      std::optional<int64_t> have = known(entry->second), more = known(dim);
      if (isNew || more == 1)
        continue;
      if (have == 1 || !have)
        entry->second = dim;
      else if (more && have != more)
        return node.error("equation") << "index '" << label << "' is " << *have << " and " << *more;
    }
    operands.push_back(std::move(operand));
    return success();
  }

  // A letter twice in one term: only where both positions are equal.
  LogicalResult takeDiagonals(Operand &operand) {
    std::string labels;
    Dims dims;
    SmallVector<size_t> from;
    SmallVector<std::pair<OpFoldResult, OpFoldResult>> same;
    for (auto [label, dim] : llvm::zip(operand.labels, operand.dims)) {
      size_t at = labels.find(label);
      from.push_back(at == std::string::npos ? labels.size() : at);
      if (at != std::string::npos) {
        same.emplace_back(dims[at], dim);
        continue;
      }
      labels += label;
      dims.push_back(dim);
    }
    if (labels == operand.labels)
      return success();
    for (auto [left, right] : same)
      if (failed(node.requireSame(left, right, "the extents of one index")))
        return failure();
    Value source = operand.tensor;
    Type element = node.in(0).element;
    operand.tensor = generate(b, emptyTensor(b, dims, element),
                              [&](ImplicitLocOpBuilder &inner, ArrayRef<Value> at) -> Value {
                                SmallVector<Value> place;
                                for (size_t axis : from)
                                  place.push_back(at[axis]);
                                return inner.create<tensor::ExtractOp>(source, place);
                              });
    operand.labels = labels;
    operand.dims = dims;
    return success();
  }

  FailureOr<std::string> resultLabels(StringRef term) {
    int64_t named = static_cast<int64_t>(term.size());
    int64_t rank = term.contains("...") ? named - 3 + spread : named;
    FailureOr<std::string> made = labelsOf(term, rank);
    if (succeeded(made))
      for (char label : *made)
        if (!extents.count(label) || llvm::count(*made, label) != 1)
          return node.error("equation") << "the result's term '" << term << "' is not of the inputs' indices";
    return made;
  }

  // The ellipsis, then letters that occur once, by the alphabet.
  FailureOr<std::string> impliedLabels() {
    std::string made;
    for (int64_t i = spread; i-- > 0;)
      made += ellipsisLabel(i);
    for (auto [label, count] : uses)
      if (llvm::isAlpha(label) && count == 1)
        made += label;
    return made;
  }

  // Products of more than two are made two at a time, from the left: the fewest multiplications where no term is much
  // smaller than the others, and sums of infinities as the references have them.
  LogicalResult build(const std::string &result) {
    if (llvm::any_of(extents, [&](auto entry) { return !StringRef(result).contains(entry.first) && known(entry.second) == 0; }))
      return sumNothing(result); // two at a time, what is zero would meet infinities of a later factor
    while (operands.size() > 2) {
      std::string kept;
      for (const Operand &operand : ArrayRef(operands).take_front(2))
        for (char label : operand.labels)
          if (kept.find(label) == std::string::npos && isNeeded(label, result))
            kept += label;
      operands[1] = product(ArrayRef(operands).take_front(2), kept);
      operands.erase(operands.begin());
    }
    Operand made = product(operands, result);
    node.set(0, made.tensor, type, made.dims);
    return success();
  }

  LogicalResult sumNothing(StringRef result) {
    Dims dims;
    for (char label : result)
      dims.push_back(extents.at(label));
    Value zero = b.create<arith::ConstantOp>(b.getZeroAttr(node.in(0).element));
    node.set(0, filledTensor(b, dims, zero), type, dims);
    return success();
  }

  bool isNeeded(char label, StringRef result) const {
    return result.contains(label) || llvm::any_of(ArrayRef(operands).drop_front(2), [&](const Operand &later) {
             return StringRef(later.labels).contains(label);
           });
  }

  // The sum, over the labels that `result` lacks, of the products of elements. A dimension is 1 where all have 1.
  Operand product(ArrayRef<Operand> factors, const std::string &result) {
    std::map<char, OpFoldResult> sizes;
    for (const Operand &operand : factors)
      for (auto [label, dim] : llvm::zip(operand.labels, operand.dims)) {
        auto [entry, isNew] = sizes.try_emplace(label, dim);
        if (!isNew && known(entry->second) == 1)
          entry->second = dim;
      }
    // Loops: the result's indices, then those that are summed over.
    std::string loops = result;
    for (auto [label, extent] : sizes)
      if (loops.find(label) == std::string::npos)
        loops += label;
    auto count = static_cast<unsigned>(loops.size());
    SmallVector<utils::IteratorType> iterators = parallelIterators(count);
    for (size_t i = result.size(); i < loops.size(); ++i)
      iterators[i] = utils::IteratorType::reduction;
    SmallVector<Value> inputs;
    SmallVector<AffineMap> maps;
    for (const Operand &operand : factors) {
      SmallVector<AffineExpr> exprs;
      for (auto [label, dim] : llvm::zip(operand.labels, operand.dims)) {
        bool isSpread = known(dim) == 1 && known(sizes.at(label)) != 1;
        exprs.push_back(isSpread ? b.getAffineConstantExpr(0)
                                 : b.getAffineDimExpr(static_cast<unsigned>(loops.find(label))));
      }
      inputs.push_back(operand.tensor);
      maps.push_back(AffineMap::get(count, 0, exprs, b.getContext()));
    }
    SmallVector<AffineExpr> exprs;
    Dims dims;
    for (auto [i, label] : llvm::enumerate(result)) {
      exprs.push_back(b.getAffineDimExpr(static_cast<unsigned>(i)));
      dims.push_back(sizes.at(label));
    }
    maps.push_back(AffineMap::get(count, 0, exprs, b.getContext()));
    Type element = node.in(0).element;
    Value zero = b.create<arith::ConstantOp>(b.getZeroAttr(element));
    Value made = generic(b, inputs, filledTensor(b, dims, zero), maps, iterators,
                         [](ImplicitLocOpBuilder &inner, ValueRange x) {
                           Value product = x[0];
                           for (Value factor : x.drop_front().drop_back())
                             product = mulScalars(inner, product, factor);
                           return addScalars(inner, x.back(), product);
                         });
    return {made, dims, result};
  }

  NodeContext &node;
  ImplicitLocOpBuilder &b;
  DataType type = DataType::undefined;
  SmallVector<Operand> operands;
  std::map<char, OpFoldResult> extents;
  std::map<char, int> uses;
  int64_t spread = 0; // dimensions that ellipses stand for
};

LogicalResult importEinsum(NodeContext &node) {
  return hasSmallFloats(node, 0) ? importThroughF32(node) : EinsumImporter(node).run();
}

} // namespace

ArrayRef<OpImporter> einsumOps() {
  static const OpImporter list[] = {{"Einsum", importEinsum, 1, anyNumber}};
  return list;
}

} // namespace halcyon::onnx
