/* The application's own work in a program: kernels by name, and functions between them. */
#include "check.h"

static const float four[4] = {1, 2, 3, 4};
static const float doubled[4] = {2, 4, 6, 8};
static const char* const devices[] = {"null", "cpu", "cpu:unmappable", "cpu,threads=2", "cpu,queue=1"};

/* What `twice` is to do and has seen. */
typedef struct seen {
  halcyon_code answer;
  int calls, right;
  int maps; /* 1: read and write in place */
  int errors;
} seen;

static void try_errors(seen* self, halcyon_host_call* call) {
  halcyon_shape shape;
  halcyon_string name;
  float values[4];
  const void* from = NULL;
  void* to = NULL;
  halcyon_error its = HALCYON_INIT(halcyon_error); /* the global one is for the call under test */
  self->errors += halcyon_host_call_argument(call, 1, &shape, &name, &its) == HALCYON_INVALID_ARGUMENT;
  self->errors += halcyon_host_call_argument(call, 0, NULL, NULL, &its) == HALCYON_INVALID_ARGUMENT;
  self->errors += halcyon_host_call_result(call, 1, &shape, &name, &its) == HALCYON_INVALID_ARGUMENT;
  self->errors += halcyon_host_call_read(call, 1, values, sizeof values, &its) == HALCYON_INVALID_ARGUMENT;
  self->errors += halcyon_host_call_read(call, 0, values, 4, &its) == HALCYON_INVALID_ARGUMENT;
  self->errors += halcyon_host_call_read(call, 0, NULL, sizeof values, &its) == HALCYON_INVALID_ARGUMENT;
  self->errors += halcyon_host_call_write(call, 1, values, sizeof values, &its) == HALCYON_INVALID_ARGUMENT;
  self->errors += halcyon_host_call_write(call, 0, values, 4, &its) == HALCYON_INVALID_ARGUMENT;
  self->errors += halcyon_host_call_write(call, 0, NULL, sizeof values, &its) == HALCYON_INVALID_ARGUMENT;
  self->errors += halcyon_host_call_map_argument(call, 1, &from, NULL, &its) == HALCYON_INVALID_ARGUMENT;
  self->errors += halcyon_host_call_map_argument(call, 0, NULL, NULL, &its) == HALCYON_INVALID_ARGUMENT;
  self->errors += halcyon_host_call_map_result(call, 1, &to, NULL, &its) == HALCYON_INVALID_ARGUMENT;
  self->errors += halcyon_host_call_map_result(call, 0, NULL, NULL, &its) == HALCYON_INVALID_ARGUMENT;
}

static halcyon_code twice(void* user, halcyon_host_call* call) {
  seen* self = user;
  halcyon_shape a, b;
  halcyon_string name_a, name_b;
  float values[4] = {0};
  const void* from = values;
  void* to = values;
  size_t bytes = sizeof values;
  ++self->calls;
  if (halcyon_host_call_argument(call, 0, &a, &name_a, NULL) || halcyon_host_call_result(call, 0, &b, &name_b, NULL)) return HALCYON_INTERNAL;
  self->right += equal(halcyon_host_call_name(call), "twice") && halcyon_host_call_argument_count(call) == 1 &&
                 halcyon_host_call_result_count(call) == 1 && equal(name_a, "a") && equal(name_b, "b") && a.type == HALCYON_F32 && a.rank == 1 &&
                 a.sizes[0] == 4 && b.type == HALCYON_F32 && b.rank == 1 && b.sizes[0] == 4;
  if (self->maps) {
    if (halcyon_host_call_map_argument(call, 0, &from, &bytes, NULL) || halcyon_host_call_map_result(call, 0, &to, NULL, NULL))
      return HALCYON_INTERNAL;
  } else if (halcyon_host_call_read(call, 0, values, sizeof values, NULL)) {
    return HALCYON_INTERNAL;
  }
  for (size_t i = 0; i < bytes / sizeof(float); ++i) ((float*)to)[i] = 2 * ((const float*)from)[i];
  if (!self->maps && halcyon_host_call_write(call, 0, values, sizeof values, NULL)) return HALCYON_INTERNAL;
  try_errors(self, call);
  return self->answer;
}

static void a_program_calls_functions_of_the_application(void) {
  for (size_t at = 0; at < sizeof devices / sizeof devices[0]; ++at) {
    halcyon_device* device = open_device(devices[at]);
    seen all = {HALCYON_OK, 0, 0, 0, 0};
    const halcyon_callback callbacks[] = {{"other", &twice, NULL}, {"twice", &twice, &all}};
    halcyon_load_options options = HALCYON_INIT(halcyon_load_options);
    halcyon_program* program = NULL;
    halcyon_call* call = NULL;
    halcyon_tensor *input = stage_floats(device, 4, four), *result = NULL;
    float back[4] = {0};
    options.callbacks = callbacks;
    options.callback_count = 2;
    GOOD(halcyon_program_load(device, artifact("host_call"), &options, &program, &error));
    GOOD(halcyon_program_prepare(program, 0, &call, &error));
    GOOD(halcyon_call_set_argument(call, 0, input, &error));
    GOOD(halcyon_call_run(call, NULL, &error));
    all.maps = halcyon_tensor_mappable(input);
    GOOD(halcyon_call_run(call, NULL, &error));
    GOOD(halcyon_call_result(call, 0, &result, &error));
    GOOD(halcyon_tensor_read(result, back, sizeof back, nothing, HALCYON_NO_TIMEOUT, &error));
    CHECK(memcmp(back, doubled, sizeof back) == 0);
    CHECK(all.calls == 2 && all.right == 2 && all.errors == 26);

    all.maps = 1;
    if (!halcyon_tensor_mappable(input)) CODE(halcyon_call_run(call, NULL, &error), INTERNAL);
    all.maps = 0;
    all.answer = HALCYON_UNSUPPORTED;
    CODE(halcyon_call_run(call, NULL, &error), UNSUPPORTED);
    SAYS("the application's function failed");
    SAYS("in 'Twice_1' (model.mlir:7)");
    all.answer = -7;
    CODE(halcyon_call_run(call, NULL, &error), INTERNAL);
    all.answer = HALCYON_OK;
    GOOD(halcyon_call_run(call, NULL, &error));
    halcyon_tensor_release(result);
    halcyon_tensor_release(input);
    halcyon_program_release(program);
    halcyon_call_release(call);
    halcyon_device_release(device);
  }
}

static void a_function_that_is_missing_is_named(void) {
  halcyon_device* device = open_device("cpu");
  halcyon_callback callback = {"once", &twice, NULL};
  halcyon_load_options options = HALCYON_INIT(halcyon_load_options);
  halcyon_program* program = NULL;
  halcyon_shape shape;
  float values[4] = {0};
  const void* from;
  void* to;
  CODE(halcyon_program_load(device, artifact("host_call"), NULL, &program, &error), NOT_FOUND);
  SAYS("the application gave no function twice");
  options.callback_count = 1;
  CODE(halcyon_program_load(device, artifact("host_call"), &options, &program, &error), INVALID_ARGUMENT);
  options.callbacks = &callback;
  CODE(halcyon_program_load(device, artifact("host_call"), &options, &program, &error), NOT_FOUND);
  callback = (halcyon_callback){"twice", NULL, NULL};
  CODE(halcyon_program_load(device, artifact("host_call"), &options, &program, &error), INVALID_ARGUMENT);
  callback = (halcyon_callback){NULL, &twice, NULL};
  CODE(halcyon_program_load(device, artifact("host_call"), &options, &program, &error), INVALID_ARGUMENT);
  CHECK(program == NULL);

  CHECK(equal(halcyon_host_call_name(NULL), "") && halcyon_host_call_argument_count(NULL) == 0 && halcyon_host_call_result_count(NULL) == 0);
  CODE(halcyon_host_call_argument(NULL, 0, &shape, NULL, &error), INVALID_ARGUMENT);
  CODE(halcyon_host_call_result(NULL, 0, &shape, NULL, &error), INVALID_ARGUMENT);
  CODE(halcyon_host_call_read(NULL, 0, values, 16, &error), INVALID_ARGUMENT);
  CODE(halcyon_host_call_write(NULL, 0, values, 16, &error), INVALID_ARGUMENT);
  CODE(halcyon_host_call_map_argument(NULL, 0, &from, NULL, &error), INVALID_ARGUMENT);
  CODE(halcyon_host_call_map_result(NULL, 0, &to, NULL, &error), INVALID_ARGUMENT);
  halcyon_device_release(device);
}

static int32_t own_twice(const hcy_dispatch* dispatch, const hcy_workgroup* workgroup) {
  const float* from = dispatch->bindings[0];
  float* to = dispatch->bindings[1];
  to[workgroup->id[0]] = 2 * from[workgroup->id[0]];
  return 0;
}

static void a_program_uses_kernels_by_name(void) {
  const hcy_named_kernel kernels[] = {{"once", &own_twice}, {"twice", &own_twice}};
  halcyon_registry* registry = NULL;
  halcyon_device* device = NULL;
  halcyon_program* program = NULL;
  halcyon_tensor *input, *result = NULL;
  halcyon_cpu_options options = HALCYON_INIT(halcyon_cpu_options);
  float back[4] = {0};
  GOOD(halcyon_registry_create(NULL, &registry, &error));
  options.kernel_count = 1;
  CODE(halcyon_registry_open_cpu(registry, &options, &device, &error), INVALID_ARGUMENT);
  options.kernels = kernels;
  GOOD(halcyon_registry_open_cpu(registry, &options, &device, &error));
  CODE(halcyon_program_load(device, artifact("named"), NULL, &program, &error), UNSUPPORTED);
  SAYS("twice");
  halcyon_device_release(device);
  options.kernel_count = 2;
  GOOD(halcyon_registry_open_cpu(registry, &options, &device, &error));
  GOOD(halcyon_program_load(device, artifact("named"), NULL, &program, &error));
  input = stage_floats(device, 4, four);
  GOOD(halcyon_program_call(program, 0, &input, 1, &result, 1, &error));
  GOOD(halcyon_tensor_read(result, back, sizeof back, nothing, HALCYON_NO_TIMEOUT, &error));
  CHECK(memcmp(back, doubled, sizeof back) == 0);
  halcyon_tensor_release(input);
  halcyon_tensor_release(result);
  halcyon_program_release(program);
  halcyon_device_release(device);
  halcyon_registry_release(registry);
}

const test host_call_tests[] = {{"a program calls functions of the application", &a_program_calls_functions_of_the_application},
                                {"a function that is missing is named", &a_function_that_is_missing_is_named},
                                {"a program uses kernels by name", &a_program_uses_kernels_by_name},
                                {NULL, NULL}};
