/* Tensors: memory, copies, maps. */
#include "check.h"

static const float four[4] = {1, 2, 3, 4};
static const char* const devices[] = {"null", "cpu", "cpu:unmappable", "cpu,threads=2", "cpu,queue=1"};
#define EACH_DEVICE(device)                                                                                         \
  for (size_t at = 0; at < sizeof devices / sizeof devices[0]; ++at)                                                \
    for (halcyon_device* device = open_device(devices[at]); device; halcyon_device_release(device), device = NULL)

static void what_is_staged_is_read_back(void) {
  EACH_DEVICE(device) {
    float back[4] = {0};
    const float other[4] = {5, 6, 7, 8};
    halcyon_tensor* tensor = stage_floats(device, 4, four);
    CHECK(halcyon_tensor_byte_size(tensor) == 16 && !halcyon_tensor_is_empty(tensor));
    GOOD(halcyon_tensor_read(tensor, back, sizeof back, nothing, HALCYON_NO_TIMEOUT, &error));
    CHECK(memcmp(back, four, sizeof four) == 0);
    GOOD(halcyon_tensor_write(tensor, other, sizeof other, nothing, HALCYON_NO_TIMEOUT, &error));
    GOOD(halcyon_tensor_read(tensor, back, sizeof back, nothing, HALCYON_NO_TIMEOUT, &error));
    CHECK(memcmp(back, other, sizeof other) == 0);

    CODE(halcyon_tensor_read(tensor, back, 12, nothing, HALCYON_NO_TIMEOUT, &error), INVALID_ARGUMENT);
    SAYS("expected 16, got 12");
    CODE(halcyon_tensor_write(tensor, other, 20, nothing, HALCYON_NO_TIMEOUT, &error), INVALID_ARGUMENT);
    CODE(halcyon_tensor_read(tensor, NULL, 16, nothing, HALCYON_NO_TIMEOUT, &error), INVALID_ARGUMENT);
    CODE(halcyon_tensor_write(tensor, NULL, 16, nothing, HALCYON_NO_TIMEOUT, &error), INVALID_ARGUMENT);
    halcyon_tensor_release(tensor);
  }
}

static void a_tensor_outlives_the_handles_that_it_came_from(void) {
  float back[4] = {0};
  halcyon_device* device = open_device("cpu");
  halcyon_tensor* tensor = stage_floats(device, 4, four);
  halcyon_device_release(device);
  GOOD(halcyon_tensor_read(tensor, back, sizeof back, nothing, HALCYON_NO_TIMEOUT, &error));
  CHECK(back[3] == 4);
  halcyon_tensor_release(tensor);
  halcyon_tensor_release(NULL);
}

static void a_shape_that_is_none_is_refused(void) {
  halcyon_device* device = open_device("null");
  halcyon_tensor* tensor = (halcyon_tensor*)&tensor;
  halcyon_shape shape = floats(4);
  CODE(halcyon_tensor_allocate(device, NULL, NULL, &tensor, &error), INVALID_ARGUMENT);
  CHECK(tensor == NULL);
  shape.rank = 9;
  CODE(halcyon_tensor_allocate(device, &shape, NULL, &tensor, &error), INVALID_ARGUMENT);
  shape.rank = 1;
  shape.type = 5;
  CODE(halcyon_tensor_allocate(device, &shape, NULL, &tensor, &error), INVALID_ARGUMENT);
  SAYS("no element type");
  shape = floats(4);
  shape.sizes[0] = -1;
  CODE(halcyon_tensor_allocate(device, &shape, NULL, &tensor, &error), INVALID_ARGUMENT);
  SAYS("dimension 0");
  shape.sizes[0] = INT64_MAX;
  CODE(halcyon_tensor_allocate(device, &shape, NULL, &tensor, &error), INVALID_ARGUMENT);
  shape = floats(4);
  CODE(halcyon_tensor_stage(device, &shape, NULL, four, 12, &tensor, &error), INVALID_ARGUMENT);
  CODE(halcyon_tensor_stage(device, &shape, NULL, NULL, 16, &tensor, &error), INVALID_ARGUMENT);
  CODE(halcyon_tensor_stage(NULL, &shape, NULL, four, 16, &tensor, &error), INVALID_ARGUMENT);
  CODE(halcyon_tensor_stage(device, &shape, NULL, four, 16, NULL, &error), INVALID_ARGUMENT);
  CODE(halcyon_tensor_allocate(NULL, &shape, NULL, &tensor, &error), INVALID_ARGUMENT);
  CODE(halcyon_tensor_allocate(device, &shape, NULL, NULL, &error), INVALID_ARGUMENT);
  halcyon_device_release(device);
}

static void every_rank_and_type_has_its_size(void) {
  halcyon_device* device = open_device("null");
  const halcyon_shape cases[] = {{HALCYON_F64, 0, {0}}, {HALCYON_I4, 1, {3}}, {HALCYON_C128, 2, {2, 3}}, {HALCYON_F32, 2, {0, 5}},
                                 {HALCYON_U8, 8, {1, 2, 1, 2, 1, 2, 1, 2}}, {HALCYON_U2, 1, {9}}, {HALCYON_F4E2M1, 2, {3, 3}}};
  const uint64_t bytes[] = {8, 2, 96, 0, 16, 3, 5};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
    halcyon_shape shape;
    halcyon_tensor* tensor = NULL;
    GOOD(halcyon_tensor_allocate(device, &cases[i], NULL, &tensor, &error));
    CHECK(halcyon_tensor_byte_size(tensor) == bytes[i]);
    GOOD(halcyon_tensor_shape(tensor, &shape, &error));
    CHECK(shape.type == cases[i].type && shape.rank == cases[i].rank && memcmp(shape.sizes, cases[i].sizes, sizeof shape.sizes) == 0);
    CODE(halcyon_tensor_shape(tensor, NULL, &error), INVALID_ARGUMENT);
    halcyon_tensor_release(tensor);
  }
  halcyon_device_release(device);
}

static void a_map_is_a_view_where_memory_maps(void) {
  EACH_DEVICE(device) {
    halcyon_caps caps = HALCYON_INIT(halcyon_caps);
    void* view = NULL;
    size_t bytes = 0;
    float back[4] = {0};
    halcyon_tensor* tensor = stage_floats(device, 4, four);
    GOOD(halcyon_device_caps(device, &caps, &error));
    CHECK((halcyon_tensor_mappable(tensor) != 0) == (caps.device_memory_mappable != 0));
    CHECK(halcyon_tensor_memory(tensor) == HALCYON_MEMORY_DEVICE);
    if (!halcyon_tensor_mappable(tensor)) {
      CODE(halcyon_tensor_map(tensor, HALCYON_ACCESS_READ, &view, &bytes, &error), FAILED_PRECONDITION);
      halcyon_tensor_release(tensor);
      continue;
    }
    GOOD(halcyon_tensor_map(tensor, HALCYON_ACCESS_READ_WRITE, &view, &bytes, &error));
    CHECK(bytes == 16 && memcmp(view, four, 16) == 0);
    ((float*)view)[1] = 9;
    GOOD(halcyon_tensor_flush(tensor, 4, 4, &error));
    GOOD(halcyon_tensor_unmap(tensor, &error));
    CODE(halcyon_tensor_unmap(tensor, &error), FAILED_PRECONDITION);
    GOOD(halcyon_tensor_read(tensor, back, sizeof back, nothing, HALCYON_NO_TIMEOUT, &error));
    CHECK(back[1] == 9);

    GOOD(halcyon_tensor_map(tensor, HALCYON_ACCESS_READ, &view, NULL, &error)); /* the release unmaps */
    GOOD(halcyon_tensor_invalidate(tensor, 0, 16, &error));
    CODE(halcyon_tensor_invalidate(tensor, 0, 17, &error), INVALID_ARGUMENT);
    CODE(halcyon_tensor_flush(tensor, 17, 0, &error), INVALID_ARGUMENT);
    CODE(halcyon_tensor_map(tensor, HALCYON_ACCESS_NONE, &view, &bytes, &error), INVALID_ARGUMENT);
    CODE(halcyon_tensor_map(tensor, 4, &view, &bytes, &error), INVALID_ARGUMENT);
    CODE(halcyon_tensor_map(tensor, HALCYON_ACCESS_READ, NULL, &bytes, &error), INVALID_ARGUMENT);
    halcyon_tensor_release(tensor);
  }
}

static void what_must_map_maps_everywhere(void) {
  EACH_DEVICE(device) {
    halcyon_buffer_options options = HALCYON_INIT(halcyon_buffer_options);
    const halcyon_shape shape = floats(4);
    halcyon_tensor* tensor = NULL;
    void* view = NULL;
    options.memory = HALCYON_MEMORY_HOST;
    options.map = HALCYON_ACCESS_READ_WRITE;
    options.alignment = 256;
    options.label = "staging";
    GOOD(halcyon_tensor_stage(device, &shape, &options, four, sizeof four, &tensor, &error));
    CHECK(halcyon_tensor_memory(tensor) == HALCYON_MEMORY_HOST);
    GOOD(halcyon_tensor_map(tensor, HALCYON_ACCESS_READ, &view, NULL, &error));
    CHECK(memcmp(view, four, sizeof four) == 0 && (uintptr_t)view % 256 == 0);
    halcyon_tensor_release(tensor);

    options.alignment = 24;
    CODE(halcyon_tensor_stage(device, &shape, &options, four, sizeof four, &tensor, &error), INVALID_ARGUMENT);
    options.alignment = 0;
    options.memory = 2;
    CODE(halcyon_tensor_allocate(device, &shape, &options, &tensor, &error), INVALID_ARGUMENT);
  }
}

static int released;
static void count_release(void* user) { released += *(const int*)user; }

static void imported_memory_is_used_in_place(void) {
  EACH_DEVICE(device) {
    static float mine[4];
    static const int one = 1;
    halcyon_caps caps = HALCYON_INIT(halcyon_caps);
    const halcyon_shape shape = floats(4);
    const float other[4] = {5, 6, 7, 8};
    halcyon_tensor *tensor = NULL, *shared = NULL;
    released = 0;
    GOOD(halcyon_device_caps(device, &caps, &error));
    if (!caps.import_host) {
      CODE(halcyon_tensor_import(device, &shape, mine, sizeof mine, &count_release, (void*)&one, &tensor, &error), UNSUPPORTED);
      CHECK(released == 0 && tensor == NULL);
      continue;
    }
    GOOD(halcyon_tensor_import(device, &shape, mine, sizeof mine, &count_release, (void*)&one, &tensor, &error));
    GOOD(halcyon_tensor_write(tensor, other, sizeof other, nothing, HALCYON_NO_TIMEOUT, &error));
    CHECK(mine[2] == 7);
    GOOD(halcyon_tensor_share(tensor, NULL, &shared, &error));
    halcyon_tensor_release(tensor);
    CHECK(released == 0);
    halcyon_tensor_release(shared);
    CHECK(released == 1);
    CODE(halcyon_tensor_import(device, &shape, mine, 12, &count_release, (void*)&one, &tensor, &error), INVALID_ARGUMENT);
    CODE(halcyon_tensor_import(device, &shape, (char*)mine + 1, sizeof mine, NULL, NULL, &tensor, &error), INVALID_ARGUMENT);
    CODE(halcyon_tensor_import(device, &shape, NULL, sizeof mine, NULL, NULL, &tensor, &error), INVALID_ARGUMENT);
    CODE(halcyon_tensor_import(NULL, &shape, mine, sizeof mine, NULL, NULL, &tensor, &error), INVALID_ARGUMENT);
    CODE(halcyon_tensor_import(device, &shape, mine, sizeof mine, NULL, NULL, NULL, &error), INVALID_ARGUMENT);
    CHECK(released == 1);
  }
}

static void memory_crosses_by_its_native_name(void) {
  EACH_DEVICE(device) {
    const halcyon_shape shape = floats(4);
    halcyon_shape bad = floats(4);
    halcyon_caps caps = HALCYON_INIT(halcyon_caps);
    float mine[4] = {4, 3, 2, 1}, back[4] = {0};
    halcyon_native_handle handle = {HALCYON_NATIVE_HOST_POINTER, (uint64_t)(uintptr_t)mine, 0};
    halcyon_tensor* tensor = NULL;
    GOOD(halcyon_device_caps(device, &caps, &error));
    if (caps.import_host) {
      GOOD(halcyon_tensor_import_native(device, &shape, &handle, &tensor, &error));
      GOOD(halcyon_tensor_read(tensor, back, sizeof back, nothing, HALCYON_NO_TIMEOUT, &error));
      CHECK(memcmp(back, mine, sizeof back) == 0);
      memset(&handle, 0, sizeof handle);
      GOOD(halcyon_tensor_export(tensor, HALCYON_NATIVE_HOST_POINTER, &handle, &error));
      CHECK(handle.type == HALCYON_NATIVE_HOST_POINTER && handle.value + handle.offset == (uint64_t)(uintptr_t)mine);
      halcyon_tensor_release(tensor);
    } else {
      CODE(halcyon_tensor_import_native(device, &shape, &handle, &tensor, &error), UNSUPPORTED);
    }
    tensor = stage_floats(device, 4, four);
    CODE(halcyon_tensor_export(tensor, HALCYON_NATIVE_CUDA_POINTER, &handle, &error), UNSUPPORTED);
    CODE(halcyon_tensor_export(tensor, HALCYON_NATIVE_NONE, &handle, &error), INVALID_ARGUMENT);
    CODE(halcyon_tensor_export(tensor, 5, &handle, &error), INVALID_ARGUMENT);
    CODE(halcyon_tensor_export(tensor, HALCYON_NATIVE_HOST_POINTER, NULL, &error), INVALID_ARGUMENT);
    CODE(halcyon_tensor_export(NULL, HALCYON_NATIVE_HOST_POINTER, &handle, &error), INVALID_ARGUMENT);
    halcyon_tensor_release(tensor);
    handle = (halcyon_native_handle){HALCYON_NATIVE_CUDA_POINTER, 64, 0};
    CODE(halcyon_tensor_import_native(device, &shape, &handle, &tensor, &error), UNSUPPORTED);
    handle.type = 9;
    CODE(halcyon_tensor_import_native(device, &shape, &handle, &tensor, &error), INVALID_ARGUMENT);
    handle = (halcyon_native_handle){HALCYON_NATIVE_HOST_POINTER, 0, 0};
    CODE(halcyon_tensor_import_native(device, &shape, &handle, &tensor, &error), INVALID_ARGUMENT);
    CODE(halcyon_tensor_import_native(device, &shape, NULL, &tensor, &error), INVALID_ARGUMENT);
    CODE(halcyon_tensor_import_native(NULL, &shape, &handle, &tensor, &error), INVALID_ARGUMENT);
    bad.sizes[0] = -1;
    handle.value = 64;
    CODE(halcyon_tensor_import_native(device, &bad, &handle, &tensor, &error), INVALID_ARGUMENT);
    CODE(halcyon_tensor_import_native(device, &shape, &handle, NULL, &error), INVALID_ARGUMENT);
    CHECK(tensor == NULL);
  }
}

static void a_shared_tensor_has_the_same_bytes(void) {
  EACH_DEVICE(device) {
    halcyon_tensor *tensor = stage_floats(device, 4, four), *square = NULL;
    halcyon_shape shape = {HALCYON_F32, 2, {2, 2}};
    const float other[4] = {5, 6, 7, 8};
    float back[4] = {0};
    GOOD(halcyon_tensor_share(tensor, &shape, &square, &error));
    GOOD(halcyon_tensor_write(square, other, sizeof other, nothing, HALCYON_NO_TIMEOUT, &error));
    GOOD(halcyon_tensor_read(tensor, back, sizeof back, nothing, HALCYON_NO_TIMEOUT, &error));
    CHECK(back[0] == 5);
    shape.sizes[0] = 3;
    halcyon_tensor_release(square);
    CODE(halcyon_tensor_share(tensor, &shape, &square, &error), INVALID_ARGUMENT);
    CODE(halcyon_tensor_share(tensor, NULL, NULL, &error), INVALID_ARGUMENT);
    CODE(halcyon_tensor_share(NULL, NULL, &square, &error), INVALID_ARGUMENT);
    halcyon_tensor_release(tensor);
  }
}

static void memory_is_allocated_and_freed_in_order_of_a_queue(void) {
  EACH_DEVICE(device) {
    halcyon_semaphore* queue = NULL;
    halcyon_tensor* tensor = NULL;
    const halcyon_shape shape = floats(4);
    float back[4] = {0};
    halcyon_timepoint points[3];
    GOOD(halcyon_semaphore_create(device, 0, &queue, &error));
    for (uint64_t i = 0; i < 3; ++i) points[i] = (halcyon_timepoint){queue, i + 1};
    GOOD(halcyon_tensor_allocate_async(device, &shape, NULL, (halcyon_timepoints){points, 1}, points[1], &tensor, &error));
    GOOD(halcyon_semaphore_signal(queue, 1, &error));
    GOOD(halcyon_device_wait(device, (halcyon_timepoints){points + 1, 1}, HALCYON_WAIT_ALL, HALCYON_NO_TIMEOUT, &error));
    GOOD(halcyon_tensor_write(tensor, four, sizeof four, nothing, HALCYON_NO_TIMEOUT, &error));
    GOOD(halcyon_tensor_read(tensor, back, sizeof back, (halcyon_timepoints){points + 1, 1}, HALCYON_NO_TIMEOUT, &error));
    CHECK(back[3] == 4);
    GOOD(halcyon_tensor_free_async(tensor, nothing, points[2], &error));
    CHECK(halcyon_tensor_is_empty(tensor));
    CODE(halcyon_tensor_free_async(tensor, nothing, points[2], &error), FAILED_PRECONDITION);
    GOOD(halcyon_device_wait(device, (halcyon_timepoints){points + 2, 1}, HALCYON_WAIT_ALL, HALCYON_NO_TIMEOUT, &error));
    halcyon_tensor_release(tensor);
    halcyon_semaphore_release(queue);
  }
}

static void queued_memory_is_checked(void) {
  halcyon_device *device = open_device("cpu"), *other = open_device("cpu");
  halcyon_semaphore *queue = NULL, *others = NULL;
  halcyon_tensor* tensor = NULL;
  halcyon_shape shape = floats(4);
  halcyon_timepoint none = {NULL, 1}, after;
  void* view = NULL;
  GOOD(halcyon_semaphore_create(device, 0, &queue, &error));
  GOOD(halcyon_semaphore_create(other, 0, &others, &error));
  after = (halcyon_timepoint){queue, 1};
  CODE(halcyon_tensor_allocate_async(device, &shape, NULL, nothing, none, &tensor, &error), INVALID_ARGUMENT);
  CODE(halcyon_tensor_allocate_async(device, &shape, NULL, nothing, (halcyon_timepoint){others, 1}, &tensor, &error), INVALID_ARGUMENT);
  SAYS("another device");
  CODE(halcyon_tensor_allocate_async(NULL, &shape, NULL, nothing, after, &tensor, &error), INVALID_ARGUMENT);
  CODE(halcyon_tensor_allocate_async(device, NULL, NULL, nothing, after, &tensor, &error), INVALID_ARGUMENT);
  CODE(halcyon_tensor_allocate_async(device, &shape, NULL, nothing, after, NULL, &error), INVALID_ARGUMENT);
  shape.sizes[0] = -4;
  CODE(halcyon_tensor_allocate_async(device, &shape, NULL, nothing, after, &tensor, &error), INVALID_ARGUMENT);
  shape.sizes[0] = INT64_MAX;
  CODE(halcyon_tensor_allocate_async(device, &shape, NULL, nothing, after, &tensor, &error), INVALID_ARGUMENT);
  CHECK(tensor == NULL);
  tensor = stage_floats(device, 4, four);
  CODE(halcyon_tensor_free_async(tensor, nothing, none, &error), INVALID_ARGUMENT);
  CODE(halcyon_tensor_free_async(tensor, (halcyon_timepoints){&none, 1}, after, &error), INVALID_ARGUMENT);
  CODE(halcyon_tensor_free_async(NULL, nothing, after, &error), INVALID_ARGUMENT);
  GOOD(halcyon_tensor_map(tensor, HALCYON_ACCESS_READ, &view, NULL, &error));
  CODE(halcyon_tensor_free_async(tensor, nothing, after, &error), FAILED_PRECONDITION);
  CHECK(!halcyon_tensor_is_empty(tensor));
  halcyon_tensor_release(tensor);
  halcyon_semaphore_release(queue);
  halcyon_semaphore_release(others);
  halcyon_device_release(device);
  halcyon_device_release(other);
}

static void no_tensor_is_an_error_and_not_a_crash(void) {
  void* view = NULL;
  float back[4];
  halcyon_shape shape;
  CHECK(halcyon_tensor_is_empty(NULL) && halcyon_tensor_byte_size(NULL) == 0 && !halcyon_tensor_mappable(NULL));
  CHECK(halcyon_tensor_memory(NULL) == HALCYON_MEMORY_DEVICE);
  CODE(halcyon_tensor_shape(NULL, &shape, &error), INVALID_ARGUMENT);
  CODE(halcyon_tensor_read(NULL, back, sizeof back, nothing, HALCYON_NO_TIMEOUT, &error), INVALID_ARGUMENT);
  CODE(halcyon_tensor_write(NULL, four, sizeof four, nothing, HALCYON_NO_TIMEOUT, &error), INVALID_ARGUMENT);
  CODE(halcyon_tensor_map(NULL, HALCYON_ACCESS_READ, &view, NULL, &error), INVALID_ARGUMENT);
  CODE(halcyon_tensor_unmap(NULL, &error), INVALID_ARGUMENT);
  CODE(halcyon_tensor_flush(NULL, 0, 0, &error), INVALID_ARGUMENT);
  CODE(halcyon_tensor_invalidate(NULL, 0, 0, &error), INVALID_ARGUMENT);
}

const test tensor_tests[] = {{"what is staged is read back", &what_is_staged_is_read_back},
                             {"a tensor outlives the handles that it came from", &a_tensor_outlives_the_handles_that_it_came_from},
                             {"a shape that is none is refused", &a_shape_that_is_none_is_refused},
                             {"every rank and type has its size", &every_rank_and_type_has_its_size},
                             {"a map is a view where memory maps", &a_map_is_a_view_where_memory_maps},
                             {"what must map maps everywhere", &what_must_map_maps_everywhere},
                             {"imported memory is used in place", &imported_memory_is_used_in_place},
                             {"memory crosses by its native name", &memory_crosses_by_its_native_name},
                             {"a shared tensor has the same bytes", &a_shared_tensor_has_the_same_bytes},
                             {"memory is allocated and freed in order of a queue", &memory_is_allocated_and_freed_in_order_of_a_queue},
                             {"queued memory is checked", &queued_memory_is_checked},
                             {"no tensor is an error and not a crash", &no_tensor_is_an_error_and_not_a_crash},
                             {NULL, NULL}};
