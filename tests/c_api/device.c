/* Devices and semaphores. */
#include "check.h"

static void a_device_says_what_it_can_do(void) {
  halcyon_device* device = open_device("cpu:unmappable");
  halcyon_caps caps = HALCYON_INIT(halcyon_caps);
  GOOD(halcyon_device_caps(device, &caps, &error));
  CHECK(strcmp(caps.driver, "cpu") == 0 && strcmp(caps.family, "cpu") == 0 && caps.name[0] != '\0');
  CHECK(caps.size == sizeof caps);
  CHECK(caps.device_memory_mappable == 0 && caps.inline_execution == 1 && caps.import_host == 0 && caps.accepts_any_plan == 0);
  CHECK(caps.min_alignment == 64 && caps.max_buffer_size > 1u << 30 && caps.coherent == 1);

  caps.size = offsetof(halcyon_caps, min_alignment);
  caps.min_alignment = 7;
  GOOD(halcyon_device_caps(device, &caps, &error));
  CHECK(caps.min_alignment == 7);
  caps.size = 0;
  CODE(halcyon_device_caps(device, &caps, &error), INVALID_ARGUMENT);
  CODE(halcyon_device_caps(device, NULL, &error), INVALID_ARGUMENT);
  CODE(halcyon_device_caps(NULL, &caps, &error), INVALID_ARGUMENT);
  halcyon_device_release(device);
  halcyon_device_release(NULL);
}

static void the_cpu_device_takes_options(void) {
  halcyon_registry* registry = NULL;
  halcyon_device* device = NULL;
  halcyon_caps caps = HALCYON_INIT(halcyon_caps);
  halcyon_cpu_options options = HALCYON_INIT(halcyon_cpu_options);
  GOOD(halcyon_registry_create(NULL, &registry, &error));
  GOOD(halcyon_registry_open_cpu(registry, NULL, &device, &error));
  GOOD(halcyon_device_caps(device, &caps, &error));
  CHECK(caps.device_memory_mappable == 1);
  halcyon_device_release(device);

  options.unmappable = 1;
  options.guard = 1;
  options.pin = 1;
  options.threads = 2;
  options.features = "baseline";
  GOOD(halcyon_registry_open_cpu(registry, &options, &device, &error));
  GOOD(halcyon_device_caps(device, &caps, &error));
  CHECK(caps.device_memory_mappable == 0);
  halcyon_device_release(device);

  options.features = "mmx";
  CODE(halcyon_registry_open_cpu(registry, &options, &device, &error), INVALID_ARGUMENT);
  CHECK(device == NULL);
  options.features = NULL;
  options.threads = 5000;
  CODE(halcyon_registry_open_cpu(registry, &options, &device, &error), INVALID_ARGUMENT);
  options.threads = HALCYON_ALL_PROCESSORS;
  GOOD(halcyon_registry_open_cpu(registry, &options, &device, &error));
  halcyon_device_release(device);
  options.static_kernel_count = 1;
  CODE(halcyon_registry_open_cpu(registry, &options, &device, &error), INVALID_ARGUMENT);
  CODE(halcyon_registry_open_cpu(NULL, NULL, &device, &error), INVALID_ARGUMENT);
  CODE(halcyon_registry_open_cpu(registry, NULL, NULL, &error), INVALID_ARGUMENT);
  halcyon_registry_release(registry);
}

static void compatibility_says_why_not(void) {
  halcyon_device* device = open_device("cpu:unmappable");
  halcyon_compatibility fits = HALCYON_INIT(halcyon_compatibility);
  halcyon_buffer_options options = HALCYON_INIT(halcyon_buffer_options);
  GOOD(halcyon_device_compatibility(device, NULL, 64, &fits, &error));
  CHECK(fits.allocatable == 1 && fits.mappable == 0 && fits.importable == 0 && fits.reason[0] != '\0');
  CHECK(fits.not_allocatable[0] == '\0' && fits.not_mappable[0] != '\0' && fits.not_importable[0] != '\0' && fits.why_slow[0] == '\0');
  options.memory = HALCYON_MEMORY_HOST;
  options.map = HALCYON_ACCESS_READ_WRITE;
  GOOD(halcyon_device_compatibility(device, &options, 64, &fits, &error));
  CHECK(fits.allocatable == 1 && fits.mappable == 1 && fits.slow == 1 && fits.why_slow[0] != '\0' && fits.not_mappable[0] == '\0');
  options.alignment = 3;
  GOOD(halcyon_device_compatibility(device, &options, 64, &fits, &error));
  CHECK(fits.allocatable == 0 && fits.not_allocatable[0] != '\0');
  options.memory = 7;
  CODE(halcyon_device_compatibility(device, &options, 64, &fits, &error), INVALID_ARGUMENT);
  options.memory = HALCYON_MEMORY_DEVICE;
  options.map = -1;
  CODE(halcyon_device_compatibility(device, &options, 64, &fits, &error), INVALID_ARGUMENT);
  CODE(halcyon_device_compatibility(NULL, NULL, 64, &fits, &error), INVALID_ARGUMENT);
  CODE(halcyon_device_compatibility(device, NULL, 64, NULL, &error), INVALID_ARGUMENT);
  halcyon_device_release(device);
}

static void transfers_and_memory_are_counted(void) {
  halcyon_device* device = open_device("cpu:unmappable");
  halcyon_stats before = HALCYON_INIT(halcyon_stats), after = HALCYON_INIT(halcyon_stats);
  const float values[4] = {1, 2, 3, 4};
  float back[4] = {0};
  halcyon_tensor* tensor;
  GOOD(halcyon_device_stats(device, &before, &error));
  tensor = stage_floats(device, 4, values);
  GOOD(halcyon_tensor_read(tensor, back, sizeof back, nothing, HALCYON_NO_TIMEOUT, &error));
  GOOD(halcyon_device_stats(device, &after, &error));
  CHECK(after.host_to_device_copies == before.host_to_device_copies + 1 && after.host_to_device_bytes == before.host_to_device_bytes + 16);
  CHECK(after.device_to_host_copies == before.device_to_host_copies + 1 && after.device_to_host_bytes == before.device_to_host_bytes + 16);
  CHECK(after.allocations > before.allocations && after.live_bytes >= 16 && after.peak_bytes >= after.live_bytes);
  CHECK(after.reserved_bytes >= after.live_bytes && after.peak_reserved_bytes >= after.reserved_bytes);
  CHECK(after.submissions > before.submissions && after.dispatches == 0);
  halcyon_tensor_release(tensor);
  GOOD(halcyon_device_trim(device, &error));
  GOOD(halcyon_device_stats(device, &after, &error));
  CHECK(after.pooled_bytes == 0);

  CODE(halcyon_device_stats(NULL, &after, &error), INVALID_ARGUMENT);
  CODE(halcyon_device_stats(device, NULL, &error), INVALID_ARGUMENT);
  CODE(halcyon_device_trim(NULL, &error), INVALID_ARGUMENT);
  halcyon_device_release(device);
}

static void a_semaphore_rises_and_is_waited_for(void) {
  halcyon_device* device = open_device("cpu");
  halcyon_semaphore *first = NULL, *second = NULL;
  halcyon_timepoint points[10];
  halcyon_timepoints both = {points, 2};
  uint64_t value = 0;
  GOOD(halcyon_semaphore_create(device, 3, &first, &error));
  GOOD(halcyon_semaphore_create(device, 0, &second, &error));
  for (int i = 0; i < 10; ++i) points[i] = (halcyon_timepoint){i % 2 ? second : first, i % 2 ? 1 : 5};
  GOOD(halcyon_semaphore_query(first, &value, &error));
  CHECK(value == 3);
  CODE(halcyon_device_wait(device, both, HALCYON_WAIT_ALL, 0, &error), TIMEOUT);
  GOOD(halcyon_semaphore_signal(first, 5, &error));
  GOOD(halcyon_device_wait(device, both, HALCYON_WAIT_ANY, HALCYON_NO_TIMEOUT, &error));
  CODE(halcyon_device_wait(device, both, HALCYON_WAIT_ALL, 1000, &error), TIMEOUT);
  GOOD(halcyon_semaphore_signal(second, 2, &error));
  both.count = 10;
  GOOD(halcyon_device_wait(device, both, HALCYON_WAIT_ALL, HALCYON_NO_TIMEOUT, &error));
  CODE(halcyon_semaphore_signal(second, 2, &error), INVALID_ARGUMENT);
  halcyon_device_release(device); /* the semaphores keep it */
  GOOD(halcyon_semaphore_signal(second, 3, &error));

  device = open_device("cpu");
  CODE(halcyon_device_wait(device, both, HALCYON_WAIT_ALL, 0, &error), INVALID_ARGUMENT);
  SAYS("another device");
  halcyon_semaphore_release(first);
  halcyon_semaphore_release(second);
  halcyon_device_release(device);
}

static void a_failed_semaphore_fails_what_waits(void) {
  halcyon_device* device = open_device("cpu");
  halcyon_semaphore* semaphore = NULL;
  halcyon_timepoint point = {NULL, 1};
  halcyon_timepoints one = {&point, 1};
  uint64_t value = 0;
  GOOD(halcyon_semaphore_create(device, 0, &semaphore, &error));
  point.semaphore = semaphore;
  CODE(halcyon_semaphore_fail(semaphore, HALCYON_OK, &error), INVALID_ARGUMENT);
  CODE(halcyon_semaphore_fail(semaphore, 10, &error), INVALID_ARGUMENT);
  GOOD(halcyon_semaphore_fail(semaphore, HALCYON_DEVICE_LOST, &error));
  CODE(halcyon_device_wait(device, one, HALCYON_WAIT_ALL, HALCYON_NO_TIMEOUT, &error), DEVICE_LOST);
  SAYS("the program failed the semaphore");
  CODE(halcyon_semaphore_query(semaphore, &value, &error), DEVICE_LOST);
  halcyon_semaphore_release(semaphore);
  halcyon_device_release(device);
}

static void a_null_among_semaphores_is_an_error(void) {
  halcyon_device* device = open_device("cpu");
  halcyon_semaphore* semaphore = NULL;
  halcyon_timepoint point = {NULL, 1};
  halcyon_timepoints one = {&point, 1}, none = {NULL, 1};
  uint64_t value = 0;
  CODE(halcyon_device_wait(device, one, HALCYON_WAIT_ALL, 0, &error), INVALID_ARGUMENT);
  CODE(halcyon_device_wait(device, none, HALCYON_WAIT_ALL, 0, &error), INVALID_ARGUMENT);
  CODE(halcyon_device_wait(device, nothing, 2, 0, &error), INVALID_ARGUMENT);
  CODE(halcyon_device_wait(NULL, nothing, HALCYON_WAIT_ALL, 0, &error), INVALID_ARGUMENT);
  CODE(halcyon_semaphore_create(NULL, 0, &semaphore, &error), INVALID_ARGUMENT);
  CODE(halcyon_semaphore_create(device, 0, NULL, &error), INVALID_ARGUMENT);
  CODE(halcyon_semaphore_query(NULL, &value, &error), INVALID_ARGUMENT);
  CODE(halcyon_semaphore_signal(NULL, 1, &error), INVALID_ARGUMENT);
  CODE(halcyon_semaphore_fail(NULL, HALCYON_TIMEOUT, &error), INVALID_ARGUMENT);
  GOOD(halcyon_semaphore_create(device, 0, &semaphore, &error));
  CODE(halcyon_semaphore_query(semaphore, NULL, &error), INVALID_ARGUMENT);
  halcyon_semaphore_release(semaphore);
  halcyon_semaphore_release(NULL);
  halcyon_device_release(device);
}

typedef struct faults {
  int count;
  char last[256];
} faults;

static void remember(void* user, halcyon_string line) {
  faults* seen = user;
  ++seen->count;
  snprintf(seen->last, sizeof seen->last, "%.*s", (int)line.size, line.data);
}

static void a_checked_device_names_what_is_misused(void) {
  faults seen = {0, ""};
  halcyon_device *device = open_device("cpu"), *checking = NULL;
  halcyon_checked_options options = HALCYON_INIT(halcyon_checked_options);
  halcyon_buffer_options labelled = HALCYON_INIT(halcyon_buffer_options);
  halcyon_caps caps = HALCYON_INIT(halcyon_caps);
  const halcyon_shape shape = floats(4);
  const float values[4] = {1, 2, 3, 4};
  float back[4] = {0};
  halcyon_tensor *tensor = NULL, *plain = stage_floats(device, 4, values);
  halcyon_semaphore* semaphore = NULL;
  halcyon_timepoint point = {NULL, 1};
  options.report = &remember;
  options.user = &seen;
  GOOD(halcyon_device_checked(device, &options, &checking, &error));
  halcyon_device_release(device); /* the checks keep it */
  GOOD(halcyon_device_caps(checking, &caps, &error));
  CHECK(caps.device_memory_mappable == 1);
  labelled.label = "weights";
  GOOD(halcyon_tensor_allocate(checking, &shape, &labelled, &tensor, &error));
  GOOD(halcyon_tensor_write(tensor, values, sizeof values, nothing, HALCYON_NO_TIMEOUT, &error));
  GOOD(halcyon_tensor_read(tensor, back, sizeof back, nothing, HALCYON_NO_TIMEOUT, &error));
  CHECK(back[3] == 4 && seen.count == 0);

  /* A second owner still uses what was freed. */
  {
    halcyon_tensor* shared = NULL;
    GOOD(halcyon_tensor_share(tensor, NULL, &shared, &error));
    GOOD(halcyon_semaphore_create(checking, 0, &semaphore, &error));
    point.semaphore = semaphore;
    GOOD(halcyon_tensor_free_async(tensor, nothing, point, &error));
    CHECK(halcyon_tensor_read(shared, back, sizeof back, nothing, HALCYON_NO_TIMEOUT, &error) != HALCYON_OK);
    CHECK(seen.count == 1 && strstr(seen.last, "weights"));
    halcyon_tensor_release(shared);
  }
  CODE(halcyon_tensor_copy(plain, tensor, nothing, 0, &error), FAILED_PRECONDITION);
  CODE(halcyon_device_checked(NULL, NULL, &device, &error), INVALID_ARGUMENT);
  CODE(halcyon_device_checked(checking, NULL, NULL, &error), INVALID_ARGUMENT);
  options.size = 4;
  CODE(halcyon_device_checked(checking, &options, &device, &error), INVALID_ARGUMENT);
  halcyon_semaphore_release(semaphore);
  halcyon_tensor_release(tensor);
  halcyon_device_release(checking);
  halcyon_tensor_release(plain);
  CHECK(seen.count == 1);
}

const test device_tests[] = {{"a device says what it can do", &a_device_says_what_it_can_do},
                             {"the cpu device takes options", &the_cpu_device_takes_options},
                             {"compatibility says why not", &compatibility_says_why_not},
                             {"transfers and memory are counted", &transfers_and_memory_are_counted},
                             {"a semaphore rises and is waited for", &a_semaphore_rises_and_is_waited_for},
                             {"a failed semaphore fails what waits", &a_failed_semaphore_fails_what_waits},
                             {"a checked device names what is misused", &a_checked_device_names_what_is_misused},
                             {"a NULL among semaphores is an error", &a_null_among_semaphores_is_an_error},
                             {NULL, NULL}};
