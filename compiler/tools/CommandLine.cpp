#include "tools/CommandLine.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

static constexpr const char *usage =
    R"(usage: halcyonc INPUT -o OUT [options]
  INPUT                          a model: .onnx, .mlir or MLIR bytecode
  -o OUT                         the artifact (.hcm), or text with --emit=ir; - is the standard output
  --target=cpu[:TRIPLE[:CPU[,+FEATURE..]]]
                                 repeatable: one variant each; default: this machine
  --shape=NAME=1x3x224x224       fixes an input's shape; ? leaves a dimension dynamic; repeatable
  --emit=artifact|ir             what to write (artifact)
  --executables=elf|static       where kernels are: in the artifact (elf), or for a program to link in: OUT's name
                                 with .o has them, with .h declares the table for cpu::create_device
  -O0 | -O1 | -O2                fallback alone | with fusion | with specialised kernels (-O2)
  --fast-math                    whatever is faster though less exact: 3x3 convolutions by tiles of 4x4 where that wins.
                                 NaN and infinity are treated as without it
  --winograd=auto|off|2|4        3x3 convolutions of stride 1: by tiles where that wins (auto: 2x2, with --fast-math 4x4
                                 too), never, or always by these. An infinite input spreads over its tile
  --donate=IN:OUT                result OUT takes argument IN's memory; repeatable
  --quantize-weights=int8[:B] | int4[:B]
                                 constant f32 matrices of products become integers, each block of B weights of a
                                 column (int8: all of it, int4: 32) with a scale; products stay in f32
  --precision=f32|f16|bf16       of the constant f32 weights of products and convolutions (f32), where there are 4096 of them;
                                 sums stay f32. bf16 rounds what they multiply, too, where all targets multiply pairs
  --external-resources-mappable  results map on every device
  --external-parameters=SCOPE=FILE
                                 constants found in FILE (.safetensors) are not embedded; repeatable
  --jobs=N                       threads (all cores)
  --dump=DIR                     writes each phase's module there
  --stats=FILE.json              writes times, dispatches, memory and work
  --explain[=json]               prints what became of each node, and each dispatch; or all that is not supported.
                                 Needs no -o
)";

static halcyon::Parsed fail(const Twine &message) {
  errs() << "halcyonc: " << message << "; halcyonc --help lists the options\n";
  return halcyon::Parsed::usage_error;
}

// int8[:BLOCK], int4[:BLOCK]
static bool parseWeights(StringRef value, halcyon::Options &options) {
  auto [type, block] = value.split(':');
  if (type != "int8" && type != "int4")
    return false;
  options.weightBits = type == "int8" ? 8 : 4;
  options.weightBlock = type == "int8" ? 0 : 32;
  if (type.size() == value.size())
    return true;
  return !block.getAsInteger(10, options.weightBlock) && options.weightBlock >= 8 && options.weightBlock <= 65536 &&
         llvm::isPowerOf2_64(static_cast<uint64_t>(options.weightBlock));
}

halcyon::Parsed halcyon::parseCommandLine(int argc, char **argv, Options &options) {
  for (int i = 1; i < argc; ++i) {
    StringRef argument = argv[i], value = argument;
    if (argument == "--help" || argument == "-h") {
      outs() << usage;
      return Parsed::help;
    }
    if (argument == "-o") {
      if (++i == argc)
        return fail("-o needs a file name");
      options.output = argv[i];
    } else if (argument == "-O0" || argument == "-O1" || argument == "-O2") {
      options.optLevel = argument[2] - '0';
    } else if (value.consume_front("--target=")) {
      options.targets.push_back(value.str());
    } else if (argument == "--fast-math") {
      options.fastMath = true;
    } else if (value.consume_front("--winograd=")) {
      const int tile = StringSwitch<int>(value).Case("auto", 0).Case("off", -1).Case("2", 2).Case("4", 4).Default(1);
      if (tile == 1)
        return fail("--winograd=" + value + ": expected auto, off, 2 or 4");
      options.winogradTile = tile;
    } else if (value.consume_front("--shape=")) {
      options.shapes.push_back(value.str());
    } else if (value.consume_front("--donate=")) {
      auto [in, out] = value.split(':');
      if (in.empty() || out.empty())
        return fail("--donate=" + value + ": expected IN:OUT");
      options.donations.push_back(value.str());
    } else if (value.consume_front("--quantize-weights=")) {
      if (!parseWeights(value, options))
        return fail("--quantize-weights=" + value + ": expected int8 or int4, and perhaps :BLOCK, a power of two from 8 to 65536");
      options.quantizeWeights = value.str();
    } else if (value.consume_front("--precision=")) {
      const auto precision = StringSwitch<std::optional<Precision>>(value)
                                 .Case("f32", Precision::f32)
                                 .Case("f16", Precision::f16)
                                 .Case("bf16", Precision::bf16)
                                 .Default(std::nullopt);
      if (!precision)
        return fail("--precision=" + value + ": expected f32, f16 or bf16");
      options.precision = *precision;
    } else if (value.consume_front("--emit=")) {
      if (value != "artifact" && value != "ir")
        return fail("--emit=" + value + ": expected artifact or ir");
      options.emit = value == "ir" ? EmitKind::ir : EmitKind::artifact;
    } else if (value.consume_front("--executables=")) {
      if (value != "elf" && value != "static")
        return fail("--executables=" + value + ": expected elf or static");
      options.staticExecutables = value == "static";
    } else if (argument == "--external-resources-mappable") {
      options.externalResourcesMappable = true;
    } else if (value.consume_front("--external-parameters=")) {
      auto [scope, file] = value.split('=');
      if (scope.empty() || file.empty())
        return fail("--external-parameters=" + value + ": expected SCOPE=FILE");
      options.externalParameters.emplace_back(scope.str(), file.str());
    } else if (value.consume_front("--jobs=")) {
      if (value.getAsInteger(10, options.jobs) || options.jobs < 1)
        return fail("--jobs=" + value + ": expected a number from 1");
    } else if (value.consume_front("--dump=")) {
      options.dumpDir = value.str();
    } else if (argument == "--explain") {
      options.explain = Explain::text;
    } else if (value.consume_front("--explain=")) {
      if (value != "text" && value != "json")
        return fail("--explain=" + value + ": expected text or json");
      options.explain = value == "json" ? Explain::json : Explain::text;
    } else if (value.consume_front("--stats=")) {
      options.statsFile = value.str();
    } else if (argument.starts_with("-") && argument != "-") {
      return fail("unknown option '" + argument + "'");
    } else if (!options.input.empty()) {
      return fail("more than one input: '" + options.input + "' and '" + argument + "'");
    } else {
      options.input = argument.str();
    }
  }
  if (options.input.empty())
    return fail("no input");
  if (options.output.empty() && options.explain == Explain::none)
    return fail("no output: -o is missing");
  if (options.explain != Explain::none && options.output == "-")
    return fail("--explain writes to the standard output, as -o - does");
  if (options.explain != Explain::none && options.emit == EmitKind::ir)
    return fail("--explain tells of kernels, --emit=ir makes none");
  if ((options.weightBits || options.precision != Precision::f32) && !options.externalParameters.empty())
    return fail("--external-parameters with --quantize-weights or --precision: constants in a file are read as they lie there");
  if (options.weightBits && options.precision != Precision::f32)
    return fail("--quantize-weights=" + options.quantizeWeights + " and --precision: weights are stored as one of them");
  if (options.staticExecutables && options.emit == EmitKind::ir)
    return fail("--executables=static writes an object file beside the artifact, --emit=ir has none");
  if (options.staticExecutables && !StringRef(options.output).ends_with(".hcm"))
    return fail("--executables=static names its files after the output: -o " + options.output + " must end in .hcm");
  return Parsed::ok;
}
