// Programs and what their functions take and give.
#include "objects.hpp"

using namespace c_api;

namespace {

// What a function of the application's says.
Status to_status(halcyon_code code, Literal what) {
  if (code == HALCYON_OK) return {};
  return {code > 0 && code <= HALCYON_INTERNAL ? static_cast<Code>(code) : Code::internal, what};
}

// The caller's functions of a load.
struct Callbacks {
  halcyon_load_options options;

  static Status authenticate(void* self, std::span<const std::byte> metadata) {
    const halcyon_load_options& options = static_cast<Callbacks*>(self)->options;
    return to_status(options.authenticate(options.user, metadata.data(), metadata.size()), "load: the application refuses the file");
  }
  static Status find(void* self, std::string_view scope, std::string_view key, Parameter& parameter) {
    const halcyon_load_options& options = static_cast<Callbacks*>(self)->options;
    const void* data = nullptr;
    size_t bytes = 0;
    HALCYON_TRY(to_status(options.find_parameter(options.user, to_c(scope), to_c(key), &data, &bytes), "load: the application has no such parameter"));
    if (!data && bytes != 0) return {Code::invalid_argument, "load: find_parameter gave NULL"};
    parameter.bytes = {static_cast<const std::byte*>(data), bytes};
    return {};
  }
};

// What the program calls, each with the C function that it stands for, which the handle keeps.
Status take_callbacks(const halcyon_load_options& options, halcyon_program& program, Array<Callback>& callbacks) {
  if (options.callback_count == 0) return {};
  HALCYON_TRY(needed(options.callbacks, "load options: `callbacks` is NULL"));
  if (!program.callbacks.reserve(options.callback_count) || !callbacks.resize(options.callback_count)) return out_of_memory();
  for (size_t i = 0; i < options.callback_count; ++i) {
    const halcyon_callback& given = options.callbacks[i];
    if (!given.name || !given.function) return {Code::invalid_argument, "load options: a callback has no name or no function"};
    if (!program.callbacks.push(given)) return out_of_memory();
    callbacks[i] = {given.name,
                    [](void* self, const HostCall& call) -> Status {
                      const halcyon_callback& callback = *static_cast<const halcyon_callback*>(self);
                      halcyon_host_call seen = {call, Array<hal::Mapped>(call.device().allocator())};
                      return to_status(callback.function(callback.user, &seen), "call: the application's function failed");
                    },
                    &program.callbacks[i]};
  }
  return {};
}

halcyon_code load(halcyon_device* device, const char* path, std::span<const std::byte> file, const halcyon_load_options* given,
                  halcyon_program** out, halcyon_error* error) {
  char message[384] = "";
  Callbacks asked;
  return answer(
      out, error,
      [&]() -> Result<Ref<halcyon_program>> {
        HALCYON_TRY(needed(device, "load: the device is NULL"));
        HALCYON_TRY(read_options(given, asked.options));
        if (asked.options.mode != HALCYON_LOAD_MAP && asked.options.mode != HALCYON_LOAD_COPY)
          return Status(Code::invalid_argument, "load options: `mode` is none that there is");
        LoadOptions options;
        options.allocator = device->allocator();
        options.mode = static_cast<LoadMode>(asked.options.mode);
        options.verify_sha256 = asked.options.verify_sha256 != 0;
        if (asked.options.authenticate) options.authenticate = &Callbacks::authenticate;
        options.user = &asked;
        if (asked.options.find_parameter) options.parameters = {&asked, &Callbacks::find};
        options.message = message;
        auto program = create<halcyon_program>(device->allocator(), *device);
        if (!program) return out_of_memory();
        Array<Callback> callbacks(device->allocator());
        HALCYON_TRY(take_callbacks(asked.options, *program, callbacks));
        options.callbacks = callbacks.span();
        HALCYON_ASSIGN(program->program, path ? Program::load(*device->device, path, options) : Program::load(*device->device, file, options));
        return program;
      },
      nullptr, message);
}

const FunctionDesc* find(const halcyon_program* program, uint32_t function) {
  if (!program || function >= program->program->function_count()) return nullptr;
  return &program->program->artifact().functions()[function];
}

halcyon_code describe(const halcyon_program* program, uint32_t function, uint32_t index, bool is_argument, halcyon_value* out,
                      halcyon_error* error) {
  const auto fill = [&]() -> Status {
    HALCYON_TRY(needed(program, "the program is NULL"));
    const FunctionDesc* desc = find(program, function);
    if (!desc) return mismatch(Code::invalid_argument, "the program has no such function", program->program->function_count(), function);
    const std::span<const ValueDesc> values = is_argument ? desc->arguments : desc->results;
    if (index >= values.size())
      return mismatch(Code::invalid_argument, is_argument ? Literal("the function has no such argument") : Literal("the function has no such result"),
                      values.size(), index);
    const ValueDesc& value = values[index];
    halcyon_value filled = {};
    filled.name = to_c(value.name);
    filled.shape.type = to_c(value.type);
    filled.shape.rank = static_cast<uint32_t>(value.shape.size());
    for (uint32_t d = 0; d < HALCYON_MAX_RANK; ++d) filled.dimension_names[d] = to_c(std::string_view());
    for (size_t d = 0; d < value.shape.size() && d < HALCYON_MAX_RANK; ++d) {
      filled.shape.sizes[d] = value.shape[d].dynamic() ? -1 : value.shape[d].size;
      filled.dimension_names[d] = to_c(value.shape[d].name);
    }
    filled.residence = static_cast<halcyon_residence>(value.residence);
    filled.donated_to = -1;
    for (const DonationDesc& donation : desc->donations)
      if (is_argument && donation.argument == index) filled.donated_to = static_cast<int32_t>(donation.result);
    return write_struct(filled, out);
  };
  return report(fill(), error);
}

}  // namespace

halcyon_code halcyon_program_load(halcyon_device* device, const char* path, const halcyon_load_options* options, halcyon_program** out,
                                  halcyon_error* error) {
  if (!path) {
    if (out) *out = nullptr;
    return report({Code::invalid_argument, "load: the path is NULL"}, error);
  }
  return load(device, path, {}, options, out, error);
}

halcyon_code halcyon_program_load_memory(halcyon_device* device, const void* data, size_t bytes, const halcyon_load_options* options,
                                         halcyon_program** out, halcyon_error* error) {
  if (!data) {
    if (out) *out = nullptr;
    return report({Code::invalid_argument, "load: the data is NULL"}, error);
  }
  return load(device, nullptr, {static_cast<const std::byte*>(data), bytes}, options, out, error);
}

void halcyon_program_release(halcyon_program* program) {
  if (program) program->release();
}

uint32_t halcyon_program_function_count(const halcyon_program* program) { return program ? program->program->function_count() : 0; }

halcyon_string halcyon_program_function_name(const halcyon_program* program, uint32_t function) {
  const FunctionDesc* desc = find(program, function);
  return to_c(desc ? desc->name : std::string_view());
}

halcyon_code halcyon_program_find_function(const halcyon_program* program, const char* name, uint32_t* function, halcyon_error* error) {
  const auto search = [&]() -> Status {
    HALCYON_TRY(needed(program, "find_function: the program is NULL"));
    HALCYON_TRY(needed(name, "find_function: the name is NULL"));
    HALCYON_TRY(needed(function, "find_function: `function` is NULL"));
    HALCYON_ASSIGN(const Function found, program->program->function(name));
    *function = found.index();
    return {};
  };
  return report(search(), error);
}

uint32_t halcyon_program_argument_count(const halcyon_program* program, uint32_t function) {
  const FunctionDesc* desc = find(program, function);
  return desc ? static_cast<uint32_t>(desc->arguments.size()) : 0;
}

uint32_t halcyon_program_result_count(const halcyon_program* program, uint32_t function) {
  const FunctionDesc* desc = find(program, function);
  return desc ? static_cast<uint32_t>(desc->results.size()) : 0;
}

halcyon_code halcyon_program_argument(const halcyon_program* program, uint32_t function, uint32_t index, halcyon_value* out,
                                      halcyon_error* error) {
  return describe(program, function, index, true, out, error);
}

halcyon_code halcyon_program_result(const halcyon_program* program, uint32_t function, uint32_t index, halcyon_value* out,
                                    halcyon_error* error) {
  return describe(program, function, index, false, out, error);
}

halcyon_code halcyon_program_variable(halcyon_program* program, const char* name, halcyon_tensor** out, halcyon_error* error) {
  return answer(out, error, [&]() -> Result<Ref<halcyon_tensor>> {
    HALCYON_TRY(needed(program, "variable: the program is NULL"));
    HALCYON_TRY(needed(name, "variable: the name is NULL"));
    return make_tensor(*program->device, program->program->variable(name));
  });
}
