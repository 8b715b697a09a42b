// What --explain says, for people and for tools.
#include "tools/Explain.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"

using namespace llvm;

namespace halcyon {

// Over an Explanation whose parts it sees.
class ExplanationPrinter {
public:
  using Fate = Explanation::Fate;
  using Dispatch = Explanation::Dispatch;

  ExplanationPrinter(const Explanation &from, StringRef model, raw_ostream &stream)
      : from(from), model(model), stream(stream) {
    for (const auto &[name, node] : from.source.nodes)
      ++counts[static_cast<size_t>(from.fateOf(name, node))];
  }

  void text();
  void json();

private:
  void unsupportedText();
  void nodeText(StringRef name, const SourceNode &node);
  void dispatchText(size_t number, const Dispatch &dispatch);
  void summaryText();
  std::string fateText(StringRef name, const SourceNode &node) const;
  json::Object nodeJson(StringRef name, const SourceNode &node) const;
  static json::Object dispatchJson(const Dispatch &dispatch);
  static json::Array unsupportedJson(ArrayRef<Unsupported> list);
  const Explanation::Node *stateOf(StringRef name) const {
    auto found = from.nodes.find(name);
    return found == from.nodes.end() ? nullptr : &found->second;
  }
  size_t composed() const {
    return llvm::count_if(from.source.nodes, [](const auto &entry) { return !entry.second.parts.empty(); });
  }
  // Nodes that share a dispatch with another.
  size_t fused() const {
    return llvm::count_if(from.source.nodes, [&](const auto &entry) {
      const Explanation::Node *state = stateOf(entry.first);
      return state && llvm::any_of(state->dispatches, [&](unsigned each) { return from.dispatches[each].nodes.size() > 1; });
    });
  }
  size_t specialised() const {
    return llvm::count_if(from.dispatches, [](const Dispatch &each) { return each.specialised; });
  }

  const Explanation &from;
  StringRef model;
  raw_ostream &stream;
  std::array<size_t, 10> counts{};
};

namespace {

// For tools; in Fate's order.
constexpr const char *fateNames[] = {"dispatch", "view",  "host",   "constant",  "folded",
                                     "alias",    "inner", "unused", "unreached", "simplified"};
// For people.
constexpr const char *fateWords[] = {"in dispatches",
                                     "a view: no work",
                                     "on the host: shapes and scalars",
                                     "a constant",
                                     "folded: its results are known now",
                                     "its result is its input: no work",
                                     "its inner nodes stand for it",
                                     "removed: no output depends on it",
                                     "removed: the branch that holds it is never taken",
                                     "simplified away"};

template <class Range> std::string joined(const Range &range, StringRef separator) {
  std::string text;
  for (const auto &each : range)
    text += (text.empty() ? "" : separator.str()) + std::string(each);
  return text;
}

std::string sizeText(int64_t bytes) {
  if (bytes < 10000)
    return std::to_string(bytes) + " bytes";
  return bytes < 10000000 ? std::to_string(bytes / 1000) + " kB" : std::to_string(bytes / 1000000) + " MB";
}

std::string flopsText(int64_t flops) {
  if (flops < 10000000)
    return flops < 10000 ? std::to_string(flops) + " FLOP" : std::to_string(flops / 1000) + " kFLOP";
  return std::to_string(flops / 1000000) + " MFLOP";
}

std::string extentText(int64_t extent) { return extent < 0 ? "?" : std::to_string(extent); }

std::string resultText(const SourceNode &node) {
  SmallVector<std::string> types;
  for (const SourceNode::Result &result : node.results)
    types.push_back(result.type);
  return joined(types, ", ");
}

// A dispatch's number is its place in the list, from 1.
SmallVector<std::string> numbers(const SetVector<unsigned> &dispatches) {
  SmallVector<std::string> made;
  for (unsigned each : dispatches)
    made.push_back(std::to_string(each + 1));
  return made;
}

} // namespace

std::string ExplanationPrinter::fateText(StringRef name, const SourceNode &node) const {
  const Fate fate = from.fateOf(name, node);
  const Explanation::Node *state = stateOf(name);
  std::string text;
  if (fate == Fate::dispatch) {
    text = (state->dispatches.size() == 1 ? "dispatch " : "dispatches ") + joined(numbers(state->dispatches), ", ");
    if (!node.parts.empty())
      text += ", composed of " + joined(node.parts, ", ");
    return text;
  }
  text = fateWords[static_cast<size_t>(fate)];
  if (fate == Fate::simplified)
    text += " by " + (state && !state->lastPass.empty() ? state->lastPass : std::string("the importer"));
  if (fate == Fate::inner && state && !state->dispatches.empty())
    text += "; dispatches " + joined(numbers(state->dispatches), ", ");
  return text;
}

void ExplanationPrinter::nodeText(StringRef name, const SourceNode &node) {
  stream << formatv("  {0,-32} {1,-20} {2,-28} ", name, node.op, resultText(node)) << fateText(name, node);
  if (!node.inside.empty())
    stream << " (inside " << node.inside << ')';
  stream << '\n';
}

void ExplanationPrinter::dispatchText(size_t number, const Dispatch &dispatch) {
  SmallVector<std::string> extents;
  for (int64_t extent : dispatch.workload)
    extents.push_back(extentText(extent));
  stream << formatv("  {0,4} @{1}: ", number + 1, dispatch.kernel);
  if (dispatch.executable)
    stream << dispatch.root << (dispatch.specialised ? ", specialised" : ", fallback")
           << (dispatch.packed ? ", packed constants" : "");
  else
    stream << "the application's";
  stream << ", workload " << joined(extents, "x");
  if (dispatch.work.flops)
    stream << ", " << flopsText(dispatch.work.flops);
  stream << ", " << (dispatch.work.known ? sizeText(dispatch.work.bytes) : "bytes not known before a call") << "\n       "
         << joined(dispatch.nodes, ", ") << '\n';
}

void ExplanationPrinter::summaryText() {
  stream << "summary:\n";
  for (auto [fate, count] : llvm::enumerate(counts))
    if (count)
      stream << formatv("  {0,6} nodes: {1}\n", count, fateWords[fate]);
  stream << formatv("  {0,6} nodes share a dispatch with others, {1} are composed of other operators\n", fused(), composed());
  stream << formatv("  {0,6} dispatches, {1} specialised\n", from.dispatches.size(), specialised());
}

void ExplanationPrinter::unsupportedText() {
  StringMap<unsigned> operators;
  for (const Unsupported &each : from.source.unsupported) {
    ++operators[each.op];
    if (each.node.empty())
      stream << "  " << each.reason << '\n';
    else
      stream << "  '" << each.node << "' (" << each.op << "): " << each.reason << '\n';
  }
  if (!from.source.unexamined.empty()) {
    stream << "not examined, since they read what is missing:\n";
    for (const Unsupported &each : from.source.unexamined)
      stream << "  '" << each.node << "' (" << each.op << ")\n";
  }
  SmallVector<std::string> counted;
  for (const auto &each : operators)
    counted.push_back((each.getKey() + " " + Twine(each.getValue())).str());
  llvm::sort(counted);
  stream << formatv("summary:\n  {0,6} not supported, in a model of {1} nodes: ", from.source.unsupported.size(),
                    from.source.nodes.size())
         << joined(counted, ", ") << formatv("\n  {0,6} not examined\n", from.source.unexamined.size());
}

void ExplanationPrinter::text() {
  if (!from.source.unsupported.empty()) {
    stream << model << " is not supported:\n";
    return unsupportedText();
  }
  stream << model << "\nnodes:\n";
  for (const auto &[name, node] : from.source.nodes)
    nodeText(name, node);
  stream << "dispatches:\n";
  for (auto [number, dispatch] : llvm::enumerate(from.dispatches))
    dispatchText(number, dispatch);
  summaryText();
}

json::Object ExplanationPrinter::nodeJson(StringRef name, const SourceNode &node) const {
  const Fate fate = from.fateOf(name, node);
  const Explanation::Node *state = stateOf(name);
  json::Array results;
  for (const SourceNode::Result &result : node.results)
    results.push_back(json::Object{{"name", result.name}, {"type", result.type}});
  json::Object made{{"name", name},
                    {"operator", node.op},
                    {"results", std::move(results)},
                    {"fate", fateNames[static_cast<size_t>(fate)]},
                    {"parts", json::Array(node.parts)},
                    {"dispatches", state ? json::Array(state->dispatches.getArrayRef()) : json::Array()}};
  if (!node.inside.empty())
    made["inside"] = node.inside;
  if (fate == Fate::simplified && state)
    made["pass"] = state->lastPass;
  return made;
}

json::Object ExplanationPrinter::dispatchJson(const Dispatch &dispatch) {
  json::Array workload;
  for (int64_t extent : dispatch.workload)
    workload.push_back(extent < 0 ? json::Value(nullptr) : json::Value(extent));
  return json::Object{{"kernel", dispatch.kernel},
                      {"function", dispatch.function},
                      {"root", dispatch.root},
                      {"specialised", dispatch.specialised},
                      {"packed", dispatch.packed},
                      {"workload", std::move(workload)},
                      {"flops", dispatch.work.known ? json::Value(dispatch.work.flops) : json::Value(nullptr)},
                      {"bytes", dispatch.work.known ? json::Value(dispatch.work.bytes) : json::Value(nullptr)},
                      {"nodes", json::Array(dispatch.nodes)}};
}

json::Array ExplanationPrinter::unsupportedJson(ArrayRef<Unsupported> list) {
  json::Array made;
  for (const Unsupported &each : list)
    made.push_back(json::Object{{"node", each.node}, {"operator", each.op}, {"reason", each.reason}});
  return made;
}

void ExplanationPrinter::json() {
  json::Object made{{"model", model}};
  if (from.source.unsupported.empty()) {
    json::Array nodes, dispatches;
    for (const auto &[name, node] : from.source.nodes)
      nodes.push_back(nodeJson(name, node));
    for (const Dispatch &dispatch : from.dispatches)
      dispatches.push_back(dispatchJson(dispatch));
    json::Object summary{{"nodes", from.source.nodes.size()}, {"dispatches", from.dispatches.size()},
                         {"specialised", specialised()},      {"fused", fused()},
                         {"composed", composed()}};
    for (auto [fate, count] : llvm::enumerate(counts))
      summary[(Twine("fate_") + fateNames[fate]).str()] = count;
    made["nodes"] = std::move(nodes);
    made["dispatches"] = std::move(dispatches);
    made["summary"] = std::move(summary);
  }
  made["unsupported"] = unsupportedJson(from.source.unsupported);
  made["unexamined"] = unsupportedJson(from.source.unexamined);
  stream << formatv("{0:2}\n", json::Value(std::move(made)));
}

void Explanation::print(StringRef model, Explain form, raw_ostream &stream) const {
  ExplanationPrinter printer(*this, model, stream);
  form == Explain::json ? printer.json() : printer.text();
}

} // namespace halcyon
