/* Registries, drivers, errors. */
#include "check.h"

static void names_and_version(void) {
  CHECK(halcyon_version() == (0u << 16 | 1u));
  CHECK(strcmp(halcyon_code_name(HALCYON_OK), "ok") == 0);
  CHECK(strcmp(halcyon_code_name(HALCYON_INTERNAL), "internal") == 0);
  CHECK(strcmp(halcyon_code_name(10), "unknown") == 0);
  CHECK(strcmp(halcyon_code_name(-1), "unknown") == 0);
  CHECK(strcmp(halcyon_type_name(HALCYON_F32), "f32") == 0);
  CHECK(strcmp(halcyon_type_name(HALCYON_I4), "i4") == 0);
  CHECK(strcmp(halcyon_type_name(HALCYON_BF16), "bf16") == 0);
  CHECK(strcmp(halcyon_type_name(HALCYON_C128), "c128") == 0);
  CHECK(strcmp(halcyon_type_name(0), "none") == 0);
  CHECK(strcmp(halcyon_type_name(HALCYON_F32 | 1u << 16), "none") == 0);
}

static void a_registry_has_the_drivers_of_the_build(void) {
  halcyon_registry* registry = NULL;
  size_t count, nulls = 0;
  GOOD(halcyon_registry_create(NULL, &registry, &error));
  count = halcyon_registry_driver_count(registry);
  for (size_t i = 0; i < count; ++i) nulls += equal(halcyon_registry_driver_name(registry, i), "null") ? 1 : 0;

  CHECK(nulls == 1);
  CHECK(equal(halcyon_registry_driver_name(registry, count), ""));
  CHECK(halcyon_registry_driver_count(NULL) == 0);
  CHECK(equal(halcyon_registry_driver_name(NULL, 0), ""));
  halcyon_registry_release(registry);
  halcyon_registry_release(NULL);
}

static void what_is_wrong_with_a_name_is_told(void) {
  halcyon_registry* registry = NULL;
  halcyon_device* device = (halcyon_device*)&device;
  GOOD(halcyon_registry_create(NULL, &registry, &error));

  CODE(halcyon_registry_open(registry, "toaster", &device, &error), NOT_FOUND);
  CHECK(device == NULL);
  SAYS("no driver of this name");
  CODE(halcyon_registry_open(registry, "null:colour=red", &device, &error), INVALID_ARGUMENT);
  SAYS("null: the options are");
  CODE(halcyon_registry_open(registry, NULL, &device, &error), INVALID_ARGUMENT);
  SAYS("the name is NULL");
  CODE(halcyon_registry_open(NULL, "null", &device, &error), INVALID_ARGUMENT);
  SAYS("the registry is NULL");
  CODE(halcyon_registry_open(registry, "null", NULL, &error), INVALID_ARGUMENT);
  SAYS("`out` is NULL");
  CODE(halcyon_registry_create(NULL, NULL, &error), INVALID_ARGUMENT);
  CODE(halcyon_registry_open(registry, "toaster", &device, NULL), NOT_FOUND);
  halcyon_registry_release(registry);
}

static void an_error_is_written_as_far_as_it_has_room(void) {
  halcyon_error small = HALCYON_INIT(halcyon_error);
  memset(&small, 0x7f, sizeof small);
  small.size = offsetof(halcyon_error, text) + 12;
  CODE(halcyon_registry_create(NULL, NULL, &small), INVALID_ARGUMENT);
  CHECK(small.code == HALCYON_INVALID_ARGUMENT);
  CHECK(strcmp(small.text, "`out` is NU") == 0);
  CHECK(small.text[12] == 0x7f);

  memset(&small, 0x7f, sizeof small);
  small.size = offsetof(halcyon_error, native);
  CODE(halcyon_registry_create(NULL, NULL, &small), INVALID_ARGUMENT);
  CHECK(small.code == HALCYON_INVALID_ARGUMENT && small.native == 0x7f7f7f7f);

  small.size = 0;
  small.code = 77;
  CODE(halcyon_registry_create(NULL, NULL, &small), INVALID_ARGUMENT);
  CHECK(small.code == 77);
}

static void success_clears_the_error(void) {
  halcyon_registry* registry = NULL;
  CODE(halcyon_registry_create(NULL, NULL, &error), INVALID_ARGUMENT);
  GOOD(halcyon_registry_create(NULL, &registry, &error));
  CHECK(error.code == HALCYON_OK && error.text[0] == '\0');
  halcyon_registry_release(registry);
}

/* As a later version's options are: with a field that this library does not know. */
typedef struct later_options {
  halcyon_registry_options known;
  uint64_t more;
} later_options;

static void options_of_other_versions_are_read(void) {
  halcyon_registry* registry = NULL;
  later_options later = {{sizeof later, {NULL, NULL, NULL}}, 0};
  halcyon_registry_options earlier = {sizeof(size_t), {&earlier, NULL, NULL}};

  GOOD(halcyon_registry_create(&later.known, &registry, &error));
  halcyon_registry_release(registry);
  later.more = 1;
  CODE(halcyon_registry_create(&later.known, &registry, &error), UNSUPPORTED);
  SAYS("does not know");
  GOOD(halcyon_registry_create(&earlier, &registry, &error));
  halcyon_registry_release(registry);
  earlier.size = 0;
  CODE(halcyon_registry_create(&earlier, &registry, &error), INVALID_ARGUMENT);
  SAYS("HALCYON_INIT");
}

static void memory_comes_from_the_callers_allocator(void) {
  heap counted = {0, UINT64_MAX, 0};
  halcyon_registry_options options = HALCYON_INIT(halcyon_registry_options);
  halcyon_registry* registry = NULL;
  halcyon_device* device = NULL;
  options.allocator = heap_allocator(&counted);
  GOOD(halcyon_registry_create(&options, &registry, &error));
  GOOD(halcyon_registry_open(registry, "null", &device, &error));
  CHECK(counted.live > 1);
  halcyon_device_release(device);
  halcyon_registry_release(registry);
  CHECK(counted.live == 0);

  counted.refuse_from = 0;
  counted.calls = 0;
  CODE(halcyon_registry_create(&options, &registry, &error), OUT_OF_MEMORY);
  CHECK(registry == NULL);
  options.allocator.release = NULL;
  CODE(halcyon_registry_create(&options, &registry, &error), INVALID_ARGUMENT);
}

static void a_driver_is_loaded_from_a_shared_object(void) {
  halcyon_registry* registry = NULL;
  halcyon_device* device = NULL;
  halcyon_caps caps = HALCYON_INIT(halcyon_caps);
  size_t count;
  GOOD(halcyon_registry_create(NULL, &registry, &error));
  count = halcyon_registry_driver_count(registry);
  GOOD(halcyon_registry_load_driver(registry, driver_path, &error));
  CHECK(halcyon_registry_driver_count(registry) == count + 1);
  CHECK(equal(halcyon_registry_driver_name(registry, count), "sample"));
  GOOD(halcyon_registry_open(registry, "sample", &device, &error));
  halcyon_registry_release(registry); /* the device keeps its driver's code */
  GOOD(halcyon_device_caps(device, &caps, &error));
  CHECK(strcmp(caps.driver, "sample") == 0);
  halcyon_device_release(device);
}

static void an_object_that_is_no_driver_is_refused(void) {
  halcyon_registry* registry = NULL;
  GOOD(halcyon_registry_create(NULL, &registry, &error));
  CODE(halcyon_registry_load_driver(registry, "/no/such/driver.so", &error), NOT_FOUND);
  CODE(halcyon_registry_load_driver(registry, no_driver_path, &error), FAILED_PRECONDITION);
  SAYS("no symbol 'halcyon_driver'");
  CODE(halcyon_registry_load_driver(registry, artifact("copy"), &error), FAILED_PRECONDITION);
  SAYS("; "); /* and what the system says */
  CODE(halcyon_registry_load_driver(registry, NULL, &error), INVALID_ARGUMENT);
  CODE(halcyon_registry_load_driver(NULL, driver_path, &error), INVALID_ARGUMENT);
  GOOD(halcyon_registry_load_driver(registry, driver_path, &error));
  CODE(halcyon_registry_load_driver(registry, driver_path, &error), INVALID_ARGUMENT);
  SAYS("there already");
  halcyon_registry_release(registry);
}

const test registry_tests[] = {{"names and version", &names_and_version},
                               {"a registry has the drivers of the build", &a_registry_has_the_drivers_of_the_build},
                               {"what is wrong with a name is told", &what_is_wrong_with_a_name_is_told},
                               {"an error is written as far as it has room", &an_error_is_written_as_far_as_it_has_room},
                               {"success clears the error", &success_clears_the_error},
                               {"options of other versions are read", &options_of_other_versions_are_read},
                               {"memory comes from the caller's allocator", &memory_comes_from_the_callers_allocator},
                               {"a driver is loaded from a shared object", &a_driver_is_loaded_from_a_shared_object},
                               {"an object that is no driver is refused", &an_object_that_is_no_driver_is_refused},
                               {NULL, NULL}};
