#include "scenario.hpp"

#include <cstring>

#include "drivers.hpp"
#include "halcyon/checked.hpp"
#include "halcyon/host_ops.hpp"

namespace faults {

namespace {

constexpr int64_t dynamic_size = 5;
constexpr uint32_t call_count = 10;

class Life {
 public:
  Life(const Setting& setting, Faults& faults, const Outcome* expected) : setting_(setting), faults_(faults), expected_(expected) {}

  Outcome run() {
    if (step("create the device", [&] { return create(); }) && step("load", [&] { return load(); }) &&
        step("prepare", [&] { return prepare(); })) {
      for (uint32_t i = 0; i < call_count && outcome_.wrong.empty(); ++i) {
        call_number_ = i;
        if (!step("call", [&] { return call(i); }, true)) break;
        if (!step("read the variables", [&] { return read_variables(); })) break;
      }
    }
    call_.reset();
    program_.reset();
    device_.reset();
    return std::move(outcome_);
  }

 private:
  template <class Step>
  bool step(const char* what, Step take, bool restores = false) {
    const Status status = take();
    if (status.ok()) return true;
    outcome_.errors.push_back(status);
    faults_.stop_refusing();
    const Status again = restores && !restore().ok() ? Status(Code::internal, "the variables could not be set back") : take();
    if (again.ok()) return true;
    note(std::string(what) + " failed again, with nothing refused: " + again.what());
    return false;
  }
  void note(const std::string& text) {
    if (outcome_.wrong.empty()) outcome_.wrong = text;
  }

  Status create() {
    Registry drivers;
#define HALCYON_DRIVER(name) HALCYON_TRY(drivers.add({#name, &halcyon::name::create_from_options}));
#include "drivers.inc"
#undef HALCYON_DRIVER
    std::string_view name = setting_.device;
    const bool is_checked = name.starts_with("checked(");
    if (is_checked) name = name.substr(8, name.size() - 9);
    HALCYON_ASSIGN(device_, drivers.create(name, faults_.allocator()));
    if (!is_checked) return {};
    const auto report = [](void* self, std::string_view fault) { static_cast<Life*>(self)->note("reported: " + std::string(fault)); };
    HALCYON_ASSIGN(device_, checked(std::move(device_), {.report = report, .user = this}));
    return {};
  }
  Status load() {
    LoadOptions options;
    options.allocator = faults_.allocator();
    options.mode = setting_.mode;
    options.verify_sha256 = true;
    HALCYON_ASSIGN(program_, Program::load(*device_, setting_.path.c_str(), options));
    return {};
  }
  Status prepare() {
    HALCYON_ASSIGN(call_, program_->function(0).prepare());
    return {};
  }

  // Small numbers, other ones for each call, that every element type holds.
  Status make_argument(uint32_t call, const ValueDesc& desc, Tensor& tensor) {
    int64_t shape[max_rank] = {};
    uint64_t count = 1, bytes = 0;
    for (size_t d = 0; d < desc.shape.size(); ++d) {
      shape[d] = desc.shape[d].dynamic() ? dynamic_size : desc.shape[d].size;
      count *= static_cast<uint64_t>(shape[d]);
    }
    if (!byte_size(desc.type, count, bytes)) return {Code::internal, "an argument without a size"};
    Bytes values(bytes);
    for (uint64_t i = 0; i < count; ++i) {
      const float number = static_cast<float>(1 + (i + call) % 7);
      if (desc.type == ElementType::f32)
        std::memcpy(values.data() + i * 4, &number, 4);
      else
        values[i * bytes / count] = static_cast<std::byte>(1 + (i + call) % 7);
    }
    HALCYON_ASSIGN(tensor, Tensor::stage(*device_, Shape(std::span<const int64_t>(shape, desc.shape.size())), desc.type, values));
    return {};
  }

  Status call(uint32_t number) {
    const Function main = program_->function(0);
    std::vector<Argument> arguments;
    for (uint32_t i = 0; i < main.arguments().size(); ++i) {
      Tensor tensor;
      HALCYON_TRY(make_argument(number, main.arguments()[i], tensor));
      arguments.push_back(main.donated_to(i) >= 0 ? donate(tensor) : Argument(tensor));
    }
    std::vector<Bytes> results;
    if (number % 3 == 2) {
      HALCYON_ASSIGN(auto outputs, main.call(arguments));
      for (const Tensor& output : outputs) HALCYON_TRY(read(output, results));
    } else {
      for (uint32_t i = 0; i < arguments.size(); ++i) HALCYON_TRY(call_->set_argument(i, arguments[i]));
      HALCYON_TRY(number % 3 == 1 ? run_in_background() : call_->run());
      for (uint32_t i = 0; i < call_->result_count(); ++i) HALCYON_TRY(read(call_->result(i), results));
    }
    outcome_.results.resize(number);
    outcome_.results.push_back(std::move(results));
    return {};
  }

  // Whether a call waits for the device on the way, so that its waits have to be reached meanwhile.
  bool reads_on_the_way() const {
    for (const HostFunctionDesc& function : program_->artifact().plans()[program_->plan()].functions) {
      Instruction instruction;
      for (size_t pc = 0; decode(function.code, pc, instruction); pc += instruction.length)
        if (instruction.opcode == Opcode::read_i64 || instruction.opcode == Opcode::read_f64) return true;
    }
    return false;
  }

  // Whatever happens, nobody may wait for ever: what was to be signalled fails where the call does.
  Status run_in_background() {
    HALCYON_ASSIGN(const auto before, device_->create_semaphore(0));
    HALCYON_ASSIGN(const auto after, device_->create_semaphore(0));
    const hal::Timepoint waits[] = {{before.get(), 1}}, signals[] = {{after.get(), 1}};
    const bool early = reads_on_the_way();
    if (early) HALCYON_TRY(before->signal(1));
    const Status started = call_->run_async(waits, signals);
    if (!started.ok() && after->query().status().code() != started.code()) note("a call did not start, and did not fail its signals");
    if (!early) HALCYON_TRY(before->signal(1));
    const uint64_t refused = faults_.refused();  // a wait of a checked device takes memory itself, and fails by itself
    const Status waited = call_->wait();
    const Status reached = device_->wait(signals, hal::Wait::all, 10'000'000'000u);
    if (!started.ok()) return started;
    if (faults_.refused() != refused) return waited.ok() ? reached : waited;
    if (waited.code() != reached.code()) note("the call and its signal ended differently");
    return waited;
  }

  Status read(const Tensor& tensor, std::vector<Bytes>& into) {
    Bytes bytes(tensor.byte_size());
    HALCYON_TRY(tensor.read(std::span<std::byte>(bytes)));
    into.push_back(std::move(bytes));
    return {};
  }
  Status read_variables() {
    std::vector<Bytes> values;
    for (const VariableDesc& desc : program_->artifact().variables()) {
      HALCYON_ASSIGN(const Tensor variable, program_->variable(desc.name));
      HALCYON_TRY(read(variable, values));
    }
    outcome_.variables.resize(call_number_);
    outcome_.variables.push_back(std::move(values));
    return {};
  }
  // A call that failed may have written variables: they become what they were before it.
  Status restore() {
    if (!expected_) return {};
    const std::span<const VariableDesc> descs = program_->artifact().variables();
    if (call_number_ == 0) {
      call_.reset();
      HALCYON_TRY(load());
      return prepare();
    }
    for (size_t i = 0; i < descs.size(); ++i) {
      HALCYON_ASSIGN(const Tensor variable, program_->variable(descs[i].name));
      HALCYON_TRY(variable.write(std::span<const std::byte>(expected_->variables[call_number_ - 1][i])));
    }
    return {};
  }

  const Setting& setting_;
  Faults& faults_;
  const Outcome* expected_;
  Outcome outcome_;
  uint32_t call_number_ = 0;
  Owned<hal::Device> device_;
  Owned<Program> program_;
  Owned<PreparedCall> call_;
};

}  // namespace

Outcome live(const Setting& setting, Faults& faults, const Outcome* expected) { return Life(setting, faults, expected).run(); }

}  // namespace faults
