/* Programs: loading, and what functions take and give. */
#include "check.h"

static halcyon_program* load(halcyon_device* device, const char* name) {
  halcyon_program* program = NULL;
  GOOD(halcyon_program_load(device, artifact(name), NULL, &program, &error));
  return program;
}

static void functions_are_found_by_name(void) {
  halcyon_device* device = open_device("null");
  halcyon_program* program = load(device, "rich");
  uint32_t function = 7;
  CHECK(halcyon_program_function_count(program) == 2);
  CHECK(equal(halcyon_program_function_name(program, 0), "main") && equal(halcyon_program_function_name(program, 1), "reset"));
  CHECK(equal(halcyon_program_function_name(program, 2), ""));
  GOOD(halcyon_program_find_function(program, "reset", &function, &error));
  CHECK(function == 1);
  CODE(halcyon_program_find_function(program, "other", &function, &error), NOT_FOUND);
  CODE(halcyon_program_find_function(program, NULL, &function, &error), INVALID_ARGUMENT);
  CODE(halcyon_program_find_function(program, "main", NULL, &error), INVALID_ARGUMENT);
  CODE(halcyon_program_find_function(NULL, "main", &function, &error), INVALID_ARGUMENT);
  CHECK(halcyon_program_function_count(NULL) == 0 && equal(halcyon_program_function_name(NULL, 0), ""));
  halcyon_program_release(program);
  halcyon_program_release(NULL);
  halcyon_device_release(device);
}

static void signatures_are_told(void) {
  halcyon_device* device = open_device("null");
  halcyon_program* program = load(device, "rich");
  halcyon_value value = HALCYON_INIT(halcyon_value);
  CHECK(halcyon_program_argument_count(program, 0) == 4 && halcyon_program_result_count(program, 0) == 2);
  CHECK(halcyon_program_argument_count(program, 1) == 0 && halcyon_program_result_count(program, 1) == 0);
  GOOD(halcyon_program_argument(program, 0, 0, &value, &error));
  CHECK(equal(value.name, "x") && value.shape.type == HALCYON_F32 && value.shape.rank == 2);
  CHECK(value.shape.sizes[0] == -1 && equal(value.dimension_names[0], "batch"));
  CHECK(value.shape.sizes[1] == 4 && equal(value.dimension_names[1], "") && equal(value.dimension_names[7], ""));
  CHECK(value.residence == HALCYON_RESIDENCE_DEVICE && value.donated_to == -1);
  GOOD(halcyon_program_argument(program, 0, 1, &value, &error));
  CHECK(equal(value.name, "steps") && value.shape.type == HALCYON_I64 && value.shape.rank == 0 && value.residence == HALCYON_RESIDENCE_HOST);
  GOOD(halcyon_program_argument(program, 0, 2, &value, &error));
  CHECK(value.residence == HALCYON_RESIDENCE_BOTH);
  GOOD(halcyon_program_argument(program, 0, 3, &value, &error));
  CHECK(value.shape.type == HALCYON_F16 && value.donated_to == 1);
  GOOD(halcyon_program_result(program, 0, 1, &value, &error));
  CHECK(equal(value.name, "cache") && value.donated_to == -1);

  CODE(halcyon_program_argument(program, 0, 4, &value, &error), INVALID_ARGUMENT);
  SAYS("no such argument: expected 4, got 4");
  CODE(halcyon_program_result(program, 0, 2, &value, &error), INVALID_ARGUMENT);
  CODE(halcyon_program_argument(program, 2, 0, &value, &error), INVALID_ARGUMENT);
  CODE(halcyon_program_argument(NULL, 0, 0, &value, &error), INVALID_ARGUMENT);
  CODE(halcyon_program_result(NULL, 0, 0, &value, &error), INVALID_ARGUMENT);
  CODE(halcyon_program_argument(program, 0, 0, NULL, &error), INVALID_ARGUMENT);
  CHECK(halcyon_program_argument_count(program, 2) == 0 && halcyon_program_argument_count(NULL, 0) == 0);
  CHECK(halcyon_program_result_count(program, 2) == 0 && halcyon_program_result_count(NULL, 0) == 0);
  halcyon_program_release(program);
  halcyon_device_release(device);
}

static void what_is_wrong_with_a_file_is_told(void) {
  halcyon_device* device = open_device("cpu");
  halcyon_program* program = (halcyon_program*)&program;
  halcyon_load_options options = HALCYON_INIT(halcyon_load_options);
  CODE(halcyon_program_load(device, "/no/such.hcm", NULL, &program, &error), NOT_FOUND);
  CHECK(program == NULL && error.native != 0);
  CODE(halcyon_program_load(device, driver_path, NULL, &program, &error), CORRUPT_ARTIFACT);
  CODE(halcyon_program_load(device, artifact("damaged"), NULL, &program, &error), CORRUPT_ARTIFACT);
  CODE(halcyon_program_load(device, artifact("kernel"), NULL, &program, &error), UNSUPPORTED); /* no static table */
  SAYS("; kernels 0, variant 0");
  CODE(halcyon_program_load(device, NULL, NULL, &program, &error), INVALID_ARGUMENT);
  CODE(halcyon_program_load(NULL, artifact("copy"), NULL, &program, &error), INVALID_ARGUMENT);
  CODE(halcyon_program_load(device, artifact("copy"), NULL, NULL, &error), INVALID_ARGUMENT);
  CODE(halcyon_program_load(device, NULL, NULL, NULL, &error), INVALID_ARGUMENT);
  CODE(halcyon_program_load_memory(device, NULL, 64, NULL, &program, &error), INVALID_ARGUMENT);
  CODE(halcyon_program_load_memory(device, NULL, 64, NULL, NULL, &error), INVALID_ARGUMENT);
  options.mode = 2;
  CODE(halcyon_program_load(device, artifact("copy"), &options, &program, &error), INVALID_ARGUMENT);
  options.size = 1;
  CODE(halcyon_program_load(device, artifact("copy"), &options, &program, &error), INVALID_ARGUMENT);
  halcyon_device_release(device);
}

static void a_file_is_loaded_from_memory(void) {
  halcyon_device* device = open_device("cpu");
  halcyon_program* program = NULL;
  FILE* file = fopen(artifact("copy"), "rb");
  char* bytes = aligned_alloc(64, 1 << 16);
  size_t size;
  CHECK(file && bytes);
  if (!file || !bytes) return;
  size = fread(bytes, 1, 1 << 16, file);
  fclose(file);
  GOOD(halcyon_program_load_memory(device, bytes, size, NULL, &program, &error));
  CHECK(halcyon_program_function_count(program) == 1);
  halcyon_program_release(program);
  CODE(halcyon_program_load_memory(device, bytes, size - 8, NULL, &program, &error), CORRUPT_ARTIFACT);
  CHECK(error.kind == HALCYON_KIND_BYTE_OFFSET);
  CODE(halcyon_program_load_memory(device, bytes, 0, NULL, &program, &error), CORRUPT_ARTIFACT);
  free(bytes);
  halcyon_device_release(device);
}

static halcyon_code seen(void* user, const void* metadata, size_t bytes) {
  *(size_t*)user = metadata ? bytes : 0;
  return HALCYON_OK;
}
static halcyon_code refuse(void* user, const void* metadata, size_t bytes) {
  (void)user, (void)metadata, (void)bytes;
  return HALCYON_FAILED_PRECONDITION;
}
static halcyon_code nonsense(void* user, const void* metadata, size_t bytes) {
  (void)user, (void)metadata, (void)bytes;
  return -3;
}

static void the_application_may_refuse_a_file(void) {
  halcyon_device* device = open_device("cpu");
  halcyon_program* program = NULL;
  halcyon_load_options options = HALCYON_INIT(halcyon_load_options);
  size_t bytes = 0;
  options.user = &bytes;
  options.authenticate = &seen;
  options.mode = HALCYON_LOAD_COPY;
  options.verify_sha256 = 1;
  GOOD(halcyon_program_load(device, artifact("copy"), &options, &program, &error));
  CHECK(bytes > 0);
  halcyon_program_release(program);
  options.authenticate = &refuse;
  CODE(halcyon_program_load(device, artifact("copy"), &options, &program, &error), FAILED_PRECONDITION);
  SAYS("the application refuses the file");
  options.authenticate = &nonsense;
  CODE(halcyon_program_load(device, artifact("copy"), &options, &program, &error), INTERNAL);
  halcyon_device_release(device);
}

static const float weights[4] = {1, 2, 3, 4};
static halcyon_code find_weights(void* user, halcyon_string scope, halcyon_string key, const void** data, size_t* bytes) {
  if (!equal(scope, "weights") || !equal(key, "w")) return HALCYON_NOT_FOUND;
  *data = user;
  *bytes = sizeof weights;
  return HALCYON_OK;
}

static void external_parameters_come_from_the_application(void) {
  halcyon_device* device = open_device("cpu:unmappable");
  halcyon_program* program = NULL;
  halcyon_tensor* result = NULL;
  halcyon_load_options options = HALCYON_INIT(halcyon_load_options);
  float back[4] = {0};
  options.find_parameter = &find_weights;
  options.user = (void*)weights;
  GOOD(halcyon_program_load(device, artifact("parameter"), &options, &program, &error));
  GOOD(halcyon_program_call(program, 0, NULL, 0, &result, 1, &error));
  GOOD(halcyon_tensor_read(result, back, sizeof back, nothing, HALCYON_NO_TIMEOUT, &error));
  CHECK(memcmp(back, weights, sizeof back) == 0);
  halcyon_tensor_release(result);
  halcyon_program_release(program);
  options.user = NULL;
  CODE(halcyon_program_load(device, artifact("parameter"), &options, &program, &error), INVALID_ARGUMENT);
  SAYS("gave NULL");
  options.find_parameter = NULL;
  CODE(halcyon_program_load(device, artifact("parameter"), &options, &program, &error), NOT_FOUND);
  halcyon_device_release(device);
}

static void a_variable_is_read_and_written_in_place(void) {
  halcyon_device* device = open_device("null");
  halcyon_program* program = load(device, "rich");
  halcyon_tensor *state = NULL, *again = NULL;
  float values[16] = {0}, back[16] = {0};
  GOOD(halcyon_program_variable(program, "state", &state, &error));
  CHECK(halcyon_tensor_byte_size(state) == sizeof values);
  values[15] = 7;
  GOOD(halcyon_tensor_write(state, values, sizeof values, nothing, HALCYON_NO_TIMEOUT, &error));
  GOOD(halcyon_program_variable(program, "state", &again, &error));
  GOOD(halcyon_tensor_read(again, back, sizeof back, nothing, HALCYON_NO_TIMEOUT, &error));
  CHECK(back[15] == 7);
  halcyon_tensor_release(again);
  CODE(halcyon_program_variable(program, "no", &again, &error), NOT_FOUND);
  CODE(halcyon_program_variable(program, NULL, &again, &error), INVALID_ARGUMENT);
  CODE(halcyon_program_variable(NULL, "state", &again, &error), INVALID_ARGUMENT);
  CODE(halcyon_program_variable(program, "state", NULL, &error), INVALID_ARGUMENT);
  halcyon_program_release(program);
  halcyon_device_release(device);
  halcyon_tensor_release(state); /* last: it keeps the device */
}

const test program_tests[] = {{"functions are found by name", &functions_are_found_by_name},
                              {"signatures are told", &signatures_are_told},
                              {"what is wrong with a file is told", &what_is_wrong_with_a_file_is_told},
                              {"a file is loaded from memory", &a_file_is_loaded_from_memory},
                              {"the application may refuse a file", &the_application_may_refuse_a_file},
                              {"external parameters come from the application", &external_parameters_come_from_the_application},
                              {"a variable is read and written in place", &a_variable_is_read_and_written_in_place},
                              {NULL, NULL}};
