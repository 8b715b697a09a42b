/* Queued transfers, and waiting for memory in flight. */
#include "check.h"

static const float four[4] = {1, 2, 3, 4};
static const float other[4] = {5, 6, 7, 8};
static const char* const devices[] = {"null", "cpu", "cpu:unmappable", "cpu,threads=2", "cpu,queue=1"};

/* A device with a queue that has not begun, and points on it. */
typedef struct queue {
  halcyon_device* device;
  halcyon_semaphore* semaphore;
  halcyon_timepoint points[4];
} queue;

static queue open_queue(const char* name) {
  queue made = {open_device(name), NULL, {{NULL, 0}}};
  GOOD(halcyon_semaphore_create(made.device, 0, &made.semaphore, &error));
  for (uint64_t i = 0; i < 4; ++i) made.points[i] = (halcyon_timepoint){made.semaphore, i + 1};
  return made;
}

static void close_queue(queue* open) {
  halcyon_semaphore_release(open->semaphore);
  halcyon_device_release(open->device);
  open->device = NULL;
}

#define EACH_QUEUE(name)                                             \
  for (size_t at = 0; at < sizeof devices / sizeof devices[0]; ++at) \
    for (queue name = open_queue(devices[at]); name.device; close_queue(&name))
#define POINT(name, i) ((halcyon_timepoints){name.points + (i), 1})

static void transfers_run_in_the_order_of_their_semaphores(void) {
  EACH_QUEUE(q) {
    const halcyon_shape shape = floats(4);
    float mine[4], back[4] = {0};
    const void* view = NULL;
    size_t bytes = 0;
    halcyon_tensor *staged = NULL, *target = stage_floats(q.device, 4, other);
    halcyon_readback *readback = NULL, *second = NULL;
    memcpy(mine, four, sizeof mine);
    GOOD(halcyon_tensor_stage_async(q.device, &shape, NULL, mine, sizeof mine, POINT(q, 0), POINT(q, 1), &staged, &error));
    memset(mine, 0, sizeof mine); /* they were copied */
    GOOD(halcyon_tensor_copy_async(target, staged, POINT(q, 1), POINT(q, 2), &error));
    GOOD(halcyon_tensor_read_async(target, POINT(q, 2), POINT(q, 3), &readback, &error));
    CODE(halcyon_readback_finish(readback, back, sizeof back, 0, &error), TIMEOUT);
    CODE(halcyon_readback_bytes(readback, 1000, &view, &bytes, &error), TIMEOUT);
    CODE(halcyon_tensor_wait_idle(target, 0, &error), TIMEOUT);
    CODE(halcyon_tensor_read(target, back, sizeof back, nothing, 0, &error), TIMEOUT);
    CODE(halcyon_tensor_write(target, mine, sizeof mine, nothing, 0, &error), TIMEOUT);
    CODE(halcyon_tensor_copy(target, staged, nothing, 0, &error), TIMEOUT);

    GOOD(halcyon_semaphore_signal(q.semaphore, 1, &error));
    GOOD(halcyon_readback_bytes(readback, HALCYON_NO_TIMEOUT, &view, &bytes, &error));
    CHECK(bytes == 16 && memcmp(view, four, 16) == 0);
    GOOD(halcyon_readback_finish(readback, back, sizeof back, HALCYON_NO_TIMEOUT, &error));
    CHECK(memcmp(back, four, sizeof back) == 0);
    GOOD(halcyon_tensor_wait_idle(target, HALCYON_NO_TIMEOUT, &error));
    GOOD(halcyon_tensor_write_async(target, other, sizeof other, nothing, nothing, &error));
    GOOD(halcyon_tensor_read_async(target, nothing, nothing, &second, &error));
    halcyon_tensor_release(target);
    GOOD(halcyon_readback_finish(second, back, sizeof back, HALCYON_NO_TIMEOUT, &error));
    CHECK(memcmp(back, other, sizeof back) == 0);
    halcyon_tensor_release(staged);
    halcyon_readback_release(readback);
    halcyon_readback_release(second);
  }
}

static void a_copy_stays_on_the_device(void) {
  EACH_QUEUE(q) {
    halcyon_tensor *target = stage_floats(q.device, 4, other), *source = stage_floats(q.device, 4, four), *three = stage_floats(q.device, 3, four);
    halcyon_stats before = HALCYON_INIT(halcyon_stats), after = HALCYON_INIT(halcyon_stats);
    float back[4] = {0};
    GOOD(halcyon_device_stats(q.device, &before, &error));
    GOOD(halcyon_tensor_copy(target, source, nothing, HALCYON_NO_TIMEOUT, &error));
    GOOD(halcyon_device_stats(q.device, &after, &error));
    CHECK(after.host_to_device_copies == before.host_to_device_copies && after.device_to_host_copies == before.device_to_host_copies);
    GOOD(halcyon_tensor_read(target, back, sizeof back, nothing, HALCYON_NO_TIMEOUT, &error));
    CHECK(memcmp(back, four, sizeof back) == 0);
    CODE(halcyon_tensor_copy(target, three, nothing, HALCYON_NO_TIMEOUT, &error), INVALID_ARGUMENT);
    SAYS("dimension 0: expected 4, got 3");
    CODE(halcyon_tensor_copy_async(target, three, nothing, nothing, &error), INVALID_ARGUMENT);
    halcyon_tensor_release(target);
    halcyon_tensor_release(source);
    halcyon_tensor_release(three);
  }
}

static void a_failed_wait_fails_the_transfer(void) {
  EACH_QUEUE(q) {
    halcyon_tensor* tensor = stage_floats(q.device, 4, four);
    halcyon_readback* readback = NULL;
    float back[4] = {0};
    uint64_t value = 0;
    GOOD(halcyon_tensor_read_async(tensor, POINT(q, 0), nothing, &readback, &error));
    GOOD(halcyon_semaphore_fail(q.semaphore, HALCYON_DEVICE_LOST, &error));
    CODE(halcyon_readback_finish(readback, back, sizeof back, HALCYON_NO_TIMEOUT, &error), DEVICE_LOST);
    CODE(halcyon_semaphore_query(q.semaphore, &value, &error), DEVICE_LOST);
    halcyon_readback_release(readback);
    GOOD(halcyon_tensor_read(tensor, back, sizeof back, nothing, HALCYON_NO_TIMEOUT, &error));
    CHECK(memcmp(back, four, sizeof back) == 0);
    halcyon_tensor_release(tensor);
  }
}

static void a_readback_may_be_dropped_before_it_is_done(void) {
  EACH_QUEUE(q) {
    halcyon_tensor* tensor = stage_floats(q.device, 4, four);
    halcyon_readback* readback = NULL;
    GOOD(halcyon_tensor_read_async(tensor, POINT(q, 0), POINT(q, 1), &readback, &error));
    halcyon_readback_release(readback);
    halcyon_tensor_release(tensor);
    GOOD(halcyon_semaphore_signal(q.semaphore, 1, &error));
    GOOD(halcyon_device_wait(q.device, POINT(q, 1), HALCYON_WAIT_ALL, HALCYON_NO_TIMEOUT, &error));
  }
}

static void what_is_wrong_with_a_transfer_is_told(void) {
  queue q = open_queue("cpu"), elsewhere = open_queue("null");
  const halcyon_shape shape = floats(4);
  const halcyon_timepoint none = {NULL, 1};
  const halcyon_timepoints bad = {&none, 1};
  halcyon_tensor *tensor = stage_floats(q.device, 4, four), *theirs = stage_floats(elsewhere.device, 4, four), *out = NULL;
  halcyon_readback* readback = NULL;
  const void* view = NULL;
  float back[4];
  CODE(halcyon_tensor_copy(tensor, theirs, nothing, 0, &error), INVALID_ARGUMENT);
  SAYS("different devices");
  CODE(halcyon_tensor_copy_async(tensor, theirs, nothing, nothing, &error), INVALID_ARGUMENT);
  CODE(halcyon_tensor_copy(NULL, tensor, nothing, 0, &error), INVALID_ARGUMENT);
  CODE(halcyon_tensor_copy(tensor, NULL, bad, 0, &error), INVALID_ARGUMENT);
  CODE(halcyon_tensor_copy(tensor, tensor, bad, 0, &error), INVALID_ARGUMENT);
  CODE(halcyon_tensor_copy_async(NULL, tensor, nothing, nothing, &error), INVALID_ARGUMENT);
  CODE(halcyon_tensor_copy_async(tensor, NULL, nothing, nothing, &error), INVALID_ARGUMENT);
  CODE(halcyon_tensor_copy_async(tensor, tensor, nothing, bad, &error), INVALID_ARGUMENT);
  CODE(halcyon_tensor_wait_idle(NULL, 0, &error), INVALID_ARGUMENT);
  CODE(halcyon_tensor_write_async(NULL, four, 16, nothing, nothing, &error), INVALID_ARGUMENT);
  CODE(halcyon_tensor_write_async(tensor, NULL, 16, nothing, nothing, &error), INVALID_ARGUMENT);
  CODE(halcyon_tensor_write_async(tensor, four, 12, nothing, nothing, &error), INVALID_ARGUMENT);
  CODE(halcyon_tensor_write_async(tensor, four, 16, bad, nothing, &error), INVALID_ARGUMENT);
  CODE(halcyon_tensor_write_async(tensor, four, 16, POINT(elsewhere, 0), nothing, &error), INVALID_ARGUMENT);
  CODE(halcyon_tensor_read_async(NULL, nothing, nothing, &readback, &error), INVALID_ARGUMENT);
  CODE(halcyon_tensor_read_async(tensor, nothing, bad, &readback, &error), INVALID_ARGUMENT);
  CODE(halcyon_tensor_read_async(tensor, nothing, nothing, NULL, &error), INVALID_ARGUMENT);
  CODE(halcyon_tensor_stage_async(NULL, &shape, NULL, four, 16, nothing, nothing, &out, &error), INVALID_ARGUMENT);
  CODE(halcyon_tensor_stage_async(q.device, NULL, NULL, four, 16, nothing, nothing, &out, &error), INVALID_ARGUMENT);
  CODE(halcyon_tensor_stage_async(q.device, &shape, NULL, NULL, 16, nothing, nothing, &out, &error), INVALID_ARGUMENT);
  CODE(halcyon_tensor_stage_async(q.device, &shape, NULL, four, 15, nothing, nothing, &out, &error), INVALID_ARGUMENT);
  CODE(halcyon_tensor_stage_async(q.device, &shape, NULL, four, 16, bad, nothing, &out, &error), INVALID_ARGUMENT);
  CODE(halcyon_tensor_stage_async(q.device, &shape, NULL, four, 16, nothing, nothing, NULL, &error), INVALID_ARGUMENT);
  CODE(halcyon_readback_finish(NULL, back, 16, 0, &error), INVALID_ARGUMENT);
  CODE(halcyon_readback_bytes(NULL, 0, &view, NULL, &error), INVALID_ARGUMENT);
  GOOD(halcyon_tensor_read_async(tensor, nothing, nothing, &readback, &error));
  CODE(halcyon_readback_finish(readback, back, 12, HALCYON_NO_TIMEOUT, &error), INVALID_ARGUMENT);
  CODE(halcyon_readback_finish(readback, NULL, 16, HALCYON_NO_TIMEOUT, &error), INVALID_ARGUMENT);
  CODE(halcyon_readback_bytes(readback, 0, NULL, NULL, &error), INVALID_ARGUMENT);
  GOOD(halcyon_readback_bytes(readback, 0, &view, NULL, &error));
  halcyon_readback_release(readback);
  halcyon_readback_release(NULL);
  halcyon_tensor_release(tensor);
  halcyon_tensor_release(theirs);
  close_queue(&q);
  close_queue(&elsewhere);
}

const test transfer_tests[] = {{"transfers run in the order of their semaphores", &transfers_run_in_the_order_of_their_semaphores},
                               {"a copy stays on the device", &a_copy_stays_on_the_device},
                               {"a failed wait fails the transfer", &a_failed_wait_fails_the_transfer},
                               {"a readback may be dropped before it is done", &a_readback_may_be_dropped_before_it_is_done},
                               {"what is wrong with a transfer is told", &what_is_wrong_with_a_transfer_is_told},
                               {NULL, NULL}};
