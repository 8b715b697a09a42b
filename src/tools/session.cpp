#include "session.hpp"

#include <cstring>

#include "fail.hpp"
#include "halcyon/platform.hpp"
#include "input.hpp"

namespace tools {
namespace {

using halcyon::Function;
using halcyon::Owned;
using halcyon::Program;

Owned<Program> load(halcyon::hal::Device& device, const std::string& path, const halcyon::Allocator& allocator,
                    ParameterFiles& parameters, double& milliseconds) {
  char message[512] = "";
  halcyon::LoadOptions options;
  options.allocator = allocator;
  options.parameters = parameters.source();
  options.message = message;
  const uint64_t begin = halcyon::platform::monotonic_ns();
  auto program = Program::load(device, path.c_str(), options);
  milliseconds = static_cast<double>(halcyon::platform::monotonic_ns() - begin) / 1e6;
  if (program.ok()) return std::move(program).value();
  char line[512];
  std::string why(halcyon::describe(program.status(), line));
  if (message[0]) why += std::string("; ") + message;
  fail("'" + path + "': " + why);
}

Function choose(Program& program, const Options& options) {
  const uint32_t count = program.function_count();
  const std::string name = options.value("function", "");
  std::string known;
  for (uint32_t i = 0; i < count; ++i) {
    const Function function = program.function(i);
    if (function.name() == (name.empty() ? "main" : name)) return function;
    known += (known.empty() ? "" : ", ") + std::string(function.name());
  }
  if (name.empty() && count == 1) return program.function(0u);
  if (name.empty()) fail("'" + options.file() + "': has no function 'main'; choose with --function= among: " + known);
  fail("'" + options.file() + "': has no function '" + name + "'; it has: " + known);
}

}  // namespace

std::string describe(const halcyon::ValueDesc& desc) {
  std::string text;
  for (const halcyon::Dimension& dimension : desc.shape)
    text += (dimension.dynamic() ? std::string(dimension.name.empty() ? "?" : dimension.name) : std::to_string(dimension.size)) + "x";
  return text + name(desc.type);
}

std::vector<std::string> session_options(std::vector<std::string> more) {
  more.insert(more.end(), {"device", "driver*", "function", "threads", "input*", "parameters*"});
  return more;
}

Session::Session(const Options& options)
    : parameters_(options.values("parameters")),
      drivers_(options.values("driver")),
      device_(drivers_.create_device(options.value("device", "cpu"), options.has("threads") ? options.count("threads", 1) : 0,
                                     counting_.allocator())),
      program_(load(*device_, options.file(), counting_.allocator(), parameters_, load_ms_)),
      function_(choose(*program_, options)) {
  const std::vector<std::string> words = options.values("input");
  const auto wanted = function_.arguments();
  for (size_t i = 0; i < words.size(); ++i)
    inputs_.push_back(parse_input(words[i], static_cast<uint32_t>(i), i < wanted.size() ? wanted[i].type : halcyon::ElementType{}));
  if (inputs_.size() == wanted.size()) return;
  std::string signature;
  for (const halcyon::ValueDesc& value : wanted)
    signature += format("%s%s: %s", signature.empty() ? "" : ", ", std::string(value.name).c_str(), describe(value).c_str());
  fail(format("%s: takes %zu arguments (%s), %zu are given with --input", std::string(function_.name()).c_str(), wanted.size(),
              signature.c_str(), inputs_.size()));
}

void Session::check(const halcyon::Status& status) {
  if (status.ok()) return;
  char line[512];
  fail(std::string(program_->describe(status, line)));
}

halcyon::Argument Session::place(const HostTensor& value, const halcyon::ValueDesc& desc, bool donated) {
  if (desc.residence == halcyon::Residence::host)
    return halcyon::HostValues{halcyon::Shape(std::span<const int64_t>(value.shape)), value.type, value.bytes};
  auto allocated = halcyon::Tensor::allocate(*device_, std::span<const int64_t>(value.shape), value.type);
  check(allocated.status());
  halcyon::Tensor tensor = std::move(allocated).value();
  if (tensor.mappable()) {
    auto mapped = tensor.map(halcyon::hal::Access::write);
    check(mapped.status());
    if (!value.bytes.empty()) std::memcpy(mapped->bytes().data(), value.bytes.data(), value.bytes.size());
  } else {
    check(tensor.write(std::span<const std::byte>(value.bytes)));
  }
  return donated ? halcyon::donate(tensor) : halcyon::Argument(std::move(tensor));
}

halcyon::Owned<halcyon::PreparedCall> Session::prepare() {
  auto prepared = function_.prepare();
  check(prepared.status());
  auto call = std::move(prepared).value();
  for (uint32_t i = 0; i < inputs_.size(); ++i)
    check(call->set_argument(i, place(inputs_[i], function_.arguments()[i], function_.donated_to(i) >= 0)));
  return call;
}

bool Session::donates() const {
  for (uint32_t i = 0; i < function_.arguments().size(); ++i)
    if (function_.donated_to(i) >= 0) return true;
  return false;
}

void Session::feed_back(halcyon::PreparedCall& call) {
  for (uint32_t i = 0; i < function_.arguments().size(); ++i) {
    const int32_t result = function_.donated_to(i);
    if (result < 0) continue;
    halcyon::Tensor tensor = call.take_result(static_cast<uint32_t>(result));
    check(call.set_argument(i, halcyon::donate(tensor)));
  }
}

HostTensor Session::take(const halcyon::Tensor& tensor) {
  HostTensor value{tensor.element_type(), {tensor.shape().begin(), tensor.shape().end()}, {}};
  value.bytes.resize(tensor.byte_size());
  if (!tensor.mappable()) {
    check(tensor.read(std::span<std::byte>(value.bytes)));
    return value;
  }
  auto mapped = tensor.map(halcyon::hal::Access::read);
  check(mapped.status());
  if (!value.bytes.empty()) std::memcpy(value.bytes.data(), mapped->bytes().data(), value.bytes.size());
  return value;
}

}  // namespace tools
