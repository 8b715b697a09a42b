// A Scan is a Loop whose body begins with a slice of each scanned input.
#include "import/onnx/Body.h"
#include "import/onnx/Compose.h"
#include "import/onnx/OpTable.h"

using namespace mlir;

namespace halcyon::onnx {
namespace {

// Names that no model has: they hold a space.
std::string own(StringRef what, size_t index = 0) {
  return ("scan " + what + " " + Twine(index)).str();
}

Node makeNode(const Node &scan, StringRef op, std::vector<std::string> inputs, StringRef output) {
  Node made;
  made.name = scan.name;
  made.opType = op.str();
  made.inputs = std::move(inputs);
  made.outputs.push_back(output.str());
  return made;
}

NodeAttribute bodyAttribute(std::shared_ptr<const Graph> graph) {
  NodeAttribute made;
  made.name = "body";
  made.kind = AttributeKind::graph;
  made.graphs.push_back(std::move(graph));
  return made;
}

LogicalResult checkDirections(NodeContext &node, StringRef name, ArrayRef<int64_t> given) {
  for (int64_t direction : given)
    if (direction != 0 && direction != 1)
      return node.error(name) << direction << " is no direction";
  return success();
}

class ScanImporter {
public:
  ScanImporter(NodeContext &node, const Graph &body) : node(node), with(node), body(body) {}

  LogicalResult run() {
    if (failed(readAttributes()))
      return failure();
    const Imported &first = node.in(states);
    length = first.dims[inputAxes[0]];
    for (size_t i = 1; i < scans; ++i)
      if (failed(node.requireSame(node.in(states + i).dims[inputAxes[i]], length, "the lengths of the scanned inputs")))
        return failure();
    Scope scope;
    scope.outer = &node.scope;
    for (size_t i = 0; i < scans; ++i)
      scope.names[own("input", i)] = &node.in(states + i);
    for (size_t i = 0; i < states; ++i)
      scope.names[own("state", i)] = &node.in(i);
    scope.names[own("length")] = with("Squeeze", {with.shape({length})});
    // Positions from the end, where an input is read backwards.
    scope.names[own("last")] =
        with("Squeeze", {with.shape({sub(node.b, length, fixed(node.b, 1))})});
    Node loop = makeLoop();
    OpBuilder &builder = node.graph.opBuilder();
    OpBuilder::InsertionGuard guard(builder);
    builder.restoreInsertionPoint(node.b.saveInsertionPoint());
    LogicalResult imported = node.graph.importNodes(loop, scope);
    node.b.restoreInsertionPoint(builder.saveInsertionPoint());
    return failed(imported) ? failure() : setOutputs(scope);
  }

private:
  FailureOr<SmallVector<int64_t>> list(StringRef name, size_t count) {
    SmallVector<int64_t> made(count, 0);
    if (auto given = node.intsAttr(name))
      made = *given;
    if (made.size() != count)
      return node.error() << "attribute '" << name << "' has " << made.size()
                          << " values, expected " << count;
    return made;
  }

  LogicalResult readAttributes() {
    int64_t given = node.intAttr("num_scan_inputs", 0);
    if (given < 1 || static_cast<size_t>(given) > node.numInputs())
      return node.error() << "attribute 'num_scan_inputs' is " << given << " of "
                          << node.numInputs() << " inputs";
    scans = static_cast<size_t>(given);
    states = node.numInputs() - scans;
    if (body.inputs.size() != node.numInputs() || body.outputs.size() < states ||
        node.numOutputs() > body.outputs.size())
      return node.error("body") << "graph '" << body.name << "' has " << body.inputs.size()
                          << " inputs and " << body.outputs.size() << " outputs";
    for (size_t i = 0; i < node.numInputs(); ++i)
      if (!node.has(i))
        return node.error() << "input " << i << " is missing";
    results = body.outputs.size() - states;
    auto axes = list("scan_input_axes", scans), backwards = list("scan_input_directions", scans);
    auto resultAxes = list("scan_output_axes", results);
    auto resultBackwards = list("scan_output_directions", results);
    if (failed(axes) || failed(backwards) || failed(resultAxes) || failed(resultBackwards))
      return failure();
    for (size_t i = 0; i < scans; ++i) {
      FailureOr<int64_t> axis = node.normalizeAxis((*axes)[i], node.rank(states + i), "scan_input_axes");
      if (failed(axis))
        return failure();
      inputAxes.push_back(*axis);
    }
    if (failed(checkDirections(node, "scan_input_directions", *backwards)) ||
        failed(checkDirections(node, "scan_output_directions", *resultBackwards)))
      return failure();
    inputBackwards = *backwards;
    outputAxes = *resultAxes;
    outputBackwards = *resultBackwards;
    return success();
  }

  // Loop(length, true, states): at its start each scanned input is sliced at the iteration.
  Node makeLoop() {
    auto inner = std::make_shared<Graph>(body);
    std::vector<ValueInfo> inputs(2);
    inputs[0].name = own("iteration");
    inputs[1].name = own("condition");
    inputs.insert(inputs.end(), body.inputs.begin(),
                  body.inputs.begin() + static_cast<ptrdiff_t>(states));
    inner->inputs = std::move(inputs);
    inner->inner.insert(inner->inner.end(), body.inputs.begin() + static_cast<ptrdiff_t>(states), body.inputs.end());
    ValueInfo goesOn;
    goesOn.name = own("condition");
    inner->outputs.insert(inner->outputs.begin(), goesOn);
    std::vector<Node> slices;
    if (llvm::is_contained(inputBackwards, 1))
      slices.push_back(
          makeNode(node.node, "Sub", {own("last"), own("iteration")}, own("backwards")));
    for (size_t i = 0; i < scans; ++i) {
      slices.push_back(
          makeNode(node.node, "Gather",
                   {own("input", i), inputBackwards[i] ? own("backwards") : own("iteration")},
                   body.inputs[states + i].name));
      slices.back().attributes.push_back(attribute("axis", inputAxes[i]));
    }
    inner->nodes.insert(inner->nodes.begin(), slices.begin(), slices.end());
    Node loop = makeNode(node.node, "Loop", {own("length"), ""}, own("output", 0));
    for (size_t i = 0; i < states; ++i)
      loop.inputs.push_back(own("state", i));
    for (size_t i = 1; i < body.outputs.size(); ++i)
      loop.outputs.push_back(own("output", i));
    loop.attributes.push_back(bodyAttribute(std::move(inner)));
    return loop;
  }

  LogicalResult setOutputs(Scope &scope) {
    for (size_t i = 0; i < node.numOutputs(); ++i) {
      Imported *made = scope.names.lookup(own("output", i));
      if (i >= states) {
        int64_t at = outputAxes[i - states];
        FailureOr<int64_t> axis = node.normalizeAxis(at, made->rank(), "scan_output_axes");
        if (failed(axis))
          return failure();
        if (outputBackwards[i - states])
          made = with("Slice", {made, with.ints({-1}), with.ints({INT64_MIN}), with.ints({0}),
                                with.ints({-1})});
        if (*axis != 0 && !with.hasFailed()) {
          SmallVector<int64_t> order = llvm::to_vector(llvm::seq<int64_t>(1, made->rank()));
          order.insert(order.begin() + *axis, 0);
          made = with("Transpose", {made}, {attribute("perm", order)});
        }
      }
      if (failed(with.define(i, made)))
        return failure();
    }
    return success();
  }

  NodeContext &node;
  Composer with;
  const Graph &body;
  size_t scans = 0, states = 0, results = 0;
  SmallVector<int64_t> inputAxes, inputBackwards, outputAxes, outputBackwards;
  OpFoldResult length;
};

// On a Scan that has the form of operator set 9 in a model of operator set 8.
NodeAttribute withoutBatches() { return attribute(own("without batches"), int64_t{1}); }

// The body for a sequence that ends after as many iterations as name "entry 0" says: from there on the `states` stay and
// the results are 0. The first state counts iterations.
std::shared_ptr<const Graph> endingBody(const Node &scan, const Graph &body, size_t states) {
  auto made = std::make_shared<Graph>(body);
  auto add = [&](StringRef op, std::vector<std::string> inputs, StringRef output) -> Node & {
    return made->nodes.emplace_back(makeNode(scan, op, std::move(inputs), output));
  };
  add("Constant", {}, own("one")).attributes = {attribute("value_int", int64_t{1})};
  add("Constant", {}, own("zero")).attributes = {attribute("value_float", 0.0)};
  add("Add", {own("at"), own("one")}, own("next"));
  add("Less", {own("at"), own("entry", 0)}, own("goes on"));
  for (size_t i = 0; i < body.outputs.size(); ++i) {
    std::string given = body.outputs[i].name, otherwise = i < states ? body.inputs[i].name : own("none", i);
    if (i >= states)
      add("CastLike", {own("zero"), given}, otherwise);
    add("Where", {own("goes on"), given, otherwise}, own("kept", i));
    made->outputs[i].name = own("kept", i);
  }
  made->inputs.emplace(made->inputs.begin())->name = own("at");
  made->outputs.emplace(made->outputs.begin())->name = own("next");
  return made;
}

// In operator set 8 every input and output begins with a batch axis: a Scan over it whose body is
// the later form. Input 0 may say how long each sequence is.
LogicalResult importBatches(NodeContext &node, const Graph &body) {
  const bool hasLengths = node.has(0);
  if (hasLengths && (node.in(0).dataType != DataType::i64 || node.rank(0) != 1))
    return node.error() << "input 0, lengths of the sequences, must be a list of i64";
  int64_t scans = node.intAttr("num_scan_inputs", 0), states = static_cast<int64_t>(node.numInputs()) - 1 - scans;
  if (scans < 1 || states < 0 || body.inputs.size() + 1 != node.numInputs() ||
      body.outputs.size() < static_cast<size_t>(states))
    return node.error("num_scan_inputs") << scans << " of " << node.numInputs() << " inputs, and graph '" << body.name
                                         << "' has " << body.inputs.size() << " inputs and " << body.outputs.size()
                                         << " outputs";
  Node one = makeNode(node.node, "Scan", {}, own("part", 0));
  one.attributes = {attribute("num_scan_inputs", scans),
                    bodyAttribute(hasLengths ? endingBody(node.node, body, static_cast<size_t>(states))
                                             : std::make_shared<const Graph>(body)),
                    withoutBatches()};
  auto directions = node.intsAttr("directions");
  if (directions && failed(checkDirections(node, "directions", *directions)))
    return failure();
  if (directions && hasLengths && llvm::is_contained(*directions, 1))
    return node.error("directions") << "backwards from where each sequence ends is not supported";
  if (directions)
    one.attributes.push_back(attribute("scan_input_directions", *directions));
  Scope scope;
  scope.outer = &node.scope;
  auto entry = std::make_shared<Graph>();
  entry->name = body.name;
  Node batches = makeNode(node.node, "Scan", {}, own("batches", 0));
  if (hasLengths) {
    scope.names[own("batch input", 0)] = &node.in(0);
    batches.inputs.push_back(own("batch input", 0));
    entry->inputs.emplace_back().name = own("entry", 0);
    entry->nodes.push_back(makeNode(node.node, "Constant", {}, own("start")));
    entry->nodes.back().attributes = {attribute("value_int", int64_t{0})};
    one.inputs.push_back(own("start"));
  }
  for (size_t i = 1; i < node.numInputs(); ++i) {
    if (!node.has(i))
      return node.error() << "input " << i << " is missing";
    scope.names[own("batch input", i)] = &node.in(i);
    batches.inputs.push_back(own("batch input", i));
    one.inputs.push_back(own("entry", i));
    entry->inputs.emplace_back().name = own("entry", i);
  }
  for (size_t i = 1; i < body.outputs.size(); ++i) {
    one.outputs.push_back(own("part", i));
    batches.outputs.push_back(own("batches", i));
  }
  for (const std::string &name : one.outputs)
    entry->outputs.emplace_back().name = name;
  if (hasLengths)
    one.outputs.insert(one.outputs.begin(), own("count"));
  entry->nodes.push_back(one);
  batches.attributes = {attribute("num_scan_inputs", static_cast<int64_t>(batches.inputs.size())),
                        bodyAttribute(entry), withoutBatches()};
  OpBuilder &builder = node.graph.opBuilder();
  OpBuilder::InsertionGuard guard(builder);
  builder.restoreInsertionPoint(node.b.saveInsertionPoint());
  LogicalResult imported = node.graph.importNodes(batches, scope);
  node.b.restoreInsertionPoint(builder.saveInsertionPoint());
  if (failed(imported))
    return failure();
  for (size_t i = 0; i < node.numOutputs(); ++i)
    node.setAs(i, *scope.names.lookup(own("batches", i)));
  return success();
}

LogicalResult importScan(NodeContext &node) {
  const Graph *body = bodyOf(node, "body");
  if (!body)
    return failure();
  if (node.opset() < 9 && !node.find(withoutBatches().name))
    return importBatches(node, *body);
  return ScanImporter(node, *body).run();
}

} // namespace

ArrayRef<OpImporter> scanOps() {
  static const OpImporter list[] = {{"Scan", importScan, 0, anyNumber, anyNumber}};
  return list;
}

} // namespace halcyon::onnx
