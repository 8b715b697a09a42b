/* One program, many threads: a call for each, and semaphores between them. */
#include <pthread.h>

#include "check.h"

enum { thread_count = 4, rounds = 100 };
static const uint64_t a_minute_ns = 60000000000u; /* a failure ends, all the same */

typedef struct worker {
  pthread_t thread;
  halcyon_program* program;
  halcyon_device* device;
  halcyon_semaphore* start;
  halcyon_semaphore* done; /* rises by one for each round */
  int right;               /* rounds whose result was as it should be */
} worker;

static void run_round(worker* self, halcyon_call* call, uint64_t round) {
  const float values[2] = {(float)round, (float)(uintptr_t)self};
  float back[2] = {0};
  const halcyon_shape shape = {HALCYON_F32, 1, {2}};
  const halcyon_timepoint before = {self->start, round}, after = {self->done, round};
  halcyon_tensor *input = NULL, *result = NULL;
  int good = !halcyon_tensor_stage(self->device, &shape, NULL, values, sizeof values, &input, NULL);
  good = good && !halcyon_call_set_argument(call, 0, input, NULL);
  good = good && !halcyon_call_run_async(call, (halcyon_timepoints){&before, 1}, (halcyon_timepoints){&after, 1}, NULL, NULL);
  good = good && !halcyon_call_wait(call, HALCYON_NO_TIMEOUT, NULL) && !halcyon_call_take_result(call, 0, &result, NULL);
  good = good && !halcyon_tensor_read(result, back, sizeof back, nothing, HALCYON_NO_TIMEOUT, NULL) && memcmp(back, values, sizeof back) == 0;
  self->right += good;
  halcyon_tensor_release(result);
  halcyon_tensor_release(input);
}

static void* work(void* argument) {
  worker* self = argument;
  halcyon_call* call = NULL;
  if (halcyon_program_prepare(self->program, 0, &call, NULL)) return NULL;
  for (uint64_t round = 1; round <= rounds; ++round) run_round(self, call, round);
  halcyon_call_release(call);
  return NULL;
}

static void a_program_is_called_from_many_threads(void) {
  static const char* const devices[] = {"cpu", "cpu:unmappable,threads=2", "cpu,queue=1"};
  for (size_t at = 0; at < 3; ++at) {
    halcyon_device* device = open_device(devices[at]);
    halcyon_program* program = NULL;
    halcyon_semaphore* start = NULL;
    worker workers[thread_count] = {{0}};
    halcyon_timepoint ends[thread_count];
    GOOD(halcyon_program_load(device, artifact("dynamic_copy"), NULL, &program, &error));
    GOOD(halcyon_semaphore_create(device, 0, &start, &error));
    for (int i = 0; i < thread_count; ++i) {
      workers[i].program = program;
      workers[i].device = device;
      workers[i].start = start;
      GOOD(halcyon_semaphore_create(device, 0, &workers[i].done, &error));
      ends[i] = (halcyon_timepoint){workers[i].done, 0};
      CHECK(pthread_create(&workers[i].thread, NULL, &work, &workers[i]) == 0);
    }
    for (uint64_t round = 1; round <= rounds; ++round) { /* nobody is more than a round ahead */
      GOOD(halcyon_semaphore_signal(start, round, &error));
      for (int i = 0; i < thread_count; ++i) ends[i].value = round;
      GOOD(halcyon_device_wait(device, (halcyon_timepoints){ends, thread_count}, HALCYON_WAIT_ALL, a_minute_ns, &error));
    }
    for (int i = 0; i < thread_count; ++i) {
      CHECK(pthread_join(workers[i].thread, NULL) == 0);
      CHECK(workers[i].right == rounds);
      halcyon_semaphore_release(workers[i].done);
    }
    halcyon_device_release(device);
    halcyon_program_release(program);
    halcyon_semaphore_release(start);
  }
}

const test thread_tests[] = {{"a program is called from many threads", &a_program_is_called_from_many_threads}, {NULL, NULL}};
