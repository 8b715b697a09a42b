/* Calls. */
#include "check.h"

static const float four[4] = {1, 2, 3, 4};

typedef struct loaded {
  halcyon_device* device;
  halcyon_program* program;
  halcyon_call* call;
} loaded;

static loaded load_on(halcyon_device* device, const char* name) {
  loaded all = {device, NULL, NULL};
  GOOD(halcyon_program_load(device, artifact(name), NULL, &all.program, &error));
  GOOD(halcyon_program_prepare(all.program, 0, &all.call, &error));
  return all;
}

static void unload(loaded* all) { /* parents first: handles keep what they need */
  halcyon_device_release(all->device);
  halcyon_program_release(all->program);
  halcyon_call_release(all->call);
}

static const char* const devices[] = {"null", "cpu", "cpu:unmappable", "cpu,threads=2", "cpu,queue=1"};
#define EACH_DEVICE(all, name)                                        \
  for (size_t at = 0; at < sizeof devices / sizeof devices[0]; ++at) \
    for (loaded all = load_on(open_device(devices[at]), name); all.call; unload(&all), all.call = NULL)

static int holds(halcyon_tensor* tensor, const float* values, size_t count) {
  float back[64] = {0};
  GOOD(halcyon_tensor_read(tensor, back, count * sizeof *values, nothing, HALCYON_NO_TIMEOUT, &error));
  return memcmp(back, values, count * sizeof *values) == 0;
}

static void a_call_gives_results(void) {
  EACH_DEVICE(all, "copy") {
    halcyon_tensor *input = stage_floats(all.device, 4, four), *result = NULL;
    GOOD(halcyon_program_call(all.program, 0, &input, 1, &result, 1, &error));
    CHECK(holds(result, four, 4));
    halcyon_tensor_release(result);

    CODE(halcyon_program_call(all.program, 0, &input, 0, &result, 1, &error), INVALID_ARGUMENT);
    SAYS("wrong number of arguments: expected 1, got 0");
    CHECK(result == NULL);
    CODE(halcyon_program_call(all.program, 0, &input, 1, &result, 0, &error), INVALID_ARGUMENT);
    CODE(halcyon_program_call(all.program, 1, &input, 1, &result, 1, &error), INVALID_ARGUMENT);
    CODE(halcyon_program_call(all.program, 0, NULL, 1, &result, 1, &error), INVALID_ARGUMENT);
    CODE(halcyon_program_call(all.program, 0, &input, 1, NULL, 1, &error), INVALID_ARGUMENT);
    CODE(halcyon_program_call(NULL, 0, &input, 1, &result, 1, &error), INVALID_ARGUMENT);
    halcyon_tensor_release(input);
    input = NULL;
    CODE(halcyon_program_call(all.program, 0, &input, 1, &result, 1, &error), INVALID_ARGUMENT);
    SAYS("main: argument 0 'x': the argument is NULL");
  }
}

static void a_prepared_call_is_run_again(void) {
  EACH_DEVICE(all, "dynamic_copy") {
    const float two[2] = {8, 9};
    halcyon_tensor *input = stage_floats(all.device, 4, four), *other = stage_floats(all.device, 2, two), *result = NULL;
    CODE(halcyon_call_result(all.call, 0, &result, &error), FAILED_PRECONDITION);
    GOOD(halcyon_call_set_argument(all.call, 0, input, &error));
    GOOD(halcyon_call_run(all.call, NULL, &error));
    GOOD(halcyon_call_result(all.call, 0, &result, &error));
    CHECK(holds(result, four, 4));
    GOOD(halcyon_call_set_argument(all.call, 0, other, &error));
    halcyon_tensor_release(other); /* the call keeps it */
    GOOD(halcyon_call_run(all.call, NULL, &error));
    CHECK(holds(result, four, 4)); /* a handle of an earlier result keeps its bytes */
    halcyon_tensor_release(result);
    GOOD(halcyon_call_take_result(all.call, 0, &result, &error));
    CHECK(holds(result, two, 2));
    halcyon_tensor_release(result);
    CODE(halcyon_call_take_result(all.call, 0, &result, &error), FAILED_PRECONDITION);
    CODE(halcyon_call_result(all.call, 1, &result, &error), INVALID_ARGUMENT);
    CODE(halcyon_call_result(NULL, 0, &result, &error), INVALID_ARGUMENT);
    CODE(halcyon_call_take_result(NULL, 0, &result, &error), INVALID_ARGUMENT);
    CODE(halcyon_call_result(all.call, 0, NULL, &error), INVALID_ARGUMENT);
    halcyon_tensor_release(input);
  }
}

static void what_is_wrong_with_an_argument_is_told(void) {
  EACH_DEVICE(all, "copy") {
    halcyon_tensor *input = stage_floats(all.device, 3, four), *elsewhere;
    halcyon_device* other = open_device("cpu");
    halcyon_call* none = (halcyon_call*)&none;
    CODE(halcyon_call_run(all.call, NULL, &error), INVALID_ARGUMENT);
    SAYS("main: argument 0 'x': the argument is missing");
    CODE(halcyon_call_set_argument(all.call, 0, input, &error), INVALID_ARGUMENT);
    CHECK(strcmp(error.text, "main: argument 0 'x', dimension 0: expected 4, got 3") == 0);
    CHECK(error.kind == HALCYON_KIND_ARGUMENT && error.index == 0 && error.dimension == 0 && error.expected == 4 && error.actual == 3);
    CODE(halcyon_call_set_argument(all.call, 1, input, &error), INVALID_ARGUMENT);
    CODE(halcyon_call_set_argument(all.call, 0, NULL, &error), INVALID_ARGUMENT);
    CODE(halcyon_call_set_argument(NULL, 0, input, &error), INVALID_ARGUMENT);
    elsewhere = stage_floats(other, 4, four);
    CODE(halcyon_call_set_argument(all.call, 0, elsewhere, &error), INVALID_ARGUMENT);
    SAYS("another device");
    CODE(halcyon_call_donate_argument(all.call, 0, input, &error), INVALID_ARGUMENT);
    CHECK(!halcyon_tensor_is_empty(input));
    CODE(halcyon_program_prepare(all.program, 1, &none, &error), INVALID_ARGUMENT);
    CHECK(none == NULL);
    CODE(halcyon_program_prepare(NULL, 0, &none, &error), INVALID_ARGUMENT);
    CODE(halcyon_program_prepare(all.program, 0, NULL, &error), INVALID_ARGUMENT);
    CODE(halcyon_call_run(NULL, NULL, &error), INVALID_ARGUMENT);
    CODE(halcyon_call_wait(NULL, 0, &error), INVALID_ARGUMENT);
    CODE(halcyon_call_run_async(NULL, nothing, nothing, NULL, &error), INVALID_ARGUMENT);
    halcyon_call_release(NULL);
    halcyon_tensor_release(input);
    halcyon_tensor_release(elsewhere);
    halcyon_device_release(other);
  }
}

static void a_bound_tensor_receives_the_result(void) {
  EACH_DEVICE(all, "copy") {
    const halcyon_shape shape = floats(4);
    halcyon_tensor *input = stage_floats(all.device, 4, four), *bound = NULL, *wrong = stage_floats(all.device, 3, four), *result = NULL;
    GOOD(halcyon_tensor_allocate(all.device, &shape, NULL, &bound, &error));
    GOOD(halcyon_call_set_argument(all.call, 0, input, &error));
    GOOD(halcyon_call_bind_result(all.call, 0, bound, &error));
    GOOD(halcyon_call_run(all.call, NULL, &error));
    CHECK(holds(bound, four, 4));
    GOOD(halcyon_call_bind_result(all.call, 0, NULL, &error));
    GOOD(halcyon_call_run(all.call, NULL, &error));
    GOOD(halcyon_call_result(all.call, 0, &result, &error));
    CHECK(holds(result, four, 4));
    halcyon_tensor_release(result);
    CODE(halcyon_call_bind_result(all.call, 0, wrong, &error), INVALID_ARGUMENT);
    SAYS("main: result 0 'y'");
    CODE(halcyon_call_bind_result(all.call, 1, bound, &error), INVALID_ARGUMENT);
    CODE(halcyon_call_bind_result(NULL, 0, bound, &error), INVALID_ARGUMENT);
    halcyon_tensor_release(input);
    halcyon_tensor_release(bound);
    halcyon_tensor_release(wrong);
  }
}

static void a_donated_tensor_becomes_the_result(void) {
  EACH_DEVICE(all, "donation") {
    halcyon_tensor *cache = stage_floats(all.device, 4, four), *result = NULL;
    halcyon_stats before = HALCYON_INIT(halcyon_stats), after = HALCYON_INIT(halcyon_stats);
    GOOD(halcyon_call_set_argument(all.call, 0, cache, &error));
    CODE(halcyon_call_run(all.call, NULL, &error), FAILED_PRECONDITION);
    SAYS("main: argument 0 'x'");
    GOOD(halcyon_device_stats(all.device, &before, &error));
    for (int step = 0; step < 100; ++step) {
      GOOD(halcyon_call_donate_argument(all.call, 0, cache, &error));
      CHECK(halcyon_tensor_is_empty(cache));
      halcyon_tensor_release(cache);
      GOOD(halcyon_call_run(all.call, NULL, &error));
      GOOD(halcyon_call_take_result(all.call, 0, &cache, &error));
    }
    GOOD(halcyon_device_stats(all.device, &after, &error));
    CHECK(after.host_to_device_copies == before.host_to_device_copies && after.device_to_host_copies == before.device_to_host_copies);
    CHECK(after.allocations == before.allocations);
    CHECK(holds(cache, four, 4));

    GOOD(halcyon_call_donate_argument(all.call, 0, cache, &error));
    CODE(halcyon_call_donate_argument(all.call, 0, cache, &error), INVALID_ARGUMENT);
    CODE(halcyon_call_set_argument(all.call, 0, cache, &error), INVALID_ARGUMENT);
    CODE(halcyon_call_bind_result(all.call, 0, cache, &error), FAILED_PRECONDITION);
    CODE(halcyon_tensor_share(cache, NULL, &result, &error), FAILED_PRECONDITION);
    CODE(halcyon_call_donate_argument(all.call, 0, NULL, &error), INVALID_ARGUMENT);
    CODE(halcyon_call_donate_argument(NULL, 0, cache, &error), INVALID_ARGUMENT);
    halcyon_tensor_release(cache);
    cache = stage_floats(all.device, 4, four);
    if (halcyon_tensor_mappable(cache)) {
      void* view;
      GOOD(halcyon_tensor_map(cache, HALCYON_ACCESS_READ, &view, NULL, &error));
      CODE(halcyon_call_donate_argument(all.call, 0, cache, &error), FAILED_PRECONDITION);
    }
    halcyon_tensor_release(cache);
  }
}

static void host_arguments_are_passed_by_value(void) {
  loaded all = load_on(open_device("null"), "rich");
  const halcyon_shape x = {HALCYON_F32, 2, {2, 4}}, cache = {HALCYON_F16, 2, {2, 8}}, number = {HALCYON_I64, 0, {0}}, scale = {HALCYON_F32, 0, {0}};
  const int64_t steps = 3;
  const float half = 0.5f;
  halcyon_shape shape;
  halcyon_tensor *input = NULL, *state = NULL, *result = NULL;
  GOOD(halcyon_tensor_allocate(all.device, &x, NULL, &input, &error));
  GOOD(halcyon_tensor_allocate(all.device, &cache, NULL, &state, &error));
  GOOD(halcyon_call_set_argument(all.call, 0, input, &error));
  GOOD(halcyon_call_set_host_argument(all.call, 1, &number, &steps, sizeof steps, &error));
  GOOD(halcyon_call_set_host_argument(all.call, 2, &scale, &half, sizeof half, &error));
  GOOD(halcyon_call_donate_argument(all.call, 3, state, &error));
  GOOD(halcyon_call_run(all.call, NULL, &error));
  GOOD(halcyon_call_result(all.call, 1, &result, &error));
  GOOD(halcyon_tensor_shape(result, &shape, &error));
  CHECK(shape.type == HALCYON_F16 && shape.rank == 2 && shape.sizes[0] == 2 && shape.sizes[1] == 8);

  CODE(halcyon_call_set_host_argument(all.call, 1, &number, &steps, 4, &error), INVALID_ARGUMENT);
  CODE(halcyon_call_set_host_argument(all.call, 1, &number, NULL, sizeof steps, &error), INVALID_ARGUMENT);
  CODE(halcyon_call_set_host_argument(all.call, 1, NULL, &steps, sizeof steps, &error), INVALID_ARGUMENT);
  CODE(halcyon_call_set_host_argument(all.call, 1, &scale, &half, sizeof half, &error), INVALID_ARGUMENT);
  SAYS("main: argument 1 'steps': expected i64, got f32");
  CODE(halcyon_call_set_host_argument(all.call, 0, &x, four, 32, &error), INVALID_ARGUMENT);
  CODE(halcyon_call_set_host_argument(NULL, 1, &number, &steps, sizeof steps, &error), INVALID_ARGUMENT);
  halcyon_tensor_release(input);
  halcyon_tensor_release(state);
  halcyon_tensor_release(result);
  unload(&all);
}

static void a_call_waits_for_semaphores(void) {
  EACH_DEVICE(all, "copy") {
    halcyon_semaphore* queue = NULL;
    halcyon_tensor *input = stage_floats(all.device, 4, four), *result = NULL;
    halcyon_timepoint before, after, none = {NULL, 1};
    GOOD(halcyon_semaphore_create(all.device, 0, &queue, &error));
    before = (halcyon_timepoint){queue, 1};
    after = (halcyon_timepoint){queue, 2};
    GOOD(halcyon_call_set_argument(all.call, 0, input, &error));
    GOOD(halcyon_call_run_async(all.call, (halcyon_timepoints){&before, 1}, (halcyon_timepoints){&after, 1}, NULL, &error));
    CODE(halcyon_call_wait(all.call, 0, &error), TIMEOUT);
    CODE(halcyon_call_run(all.call, NULL, &error), FAILED_PRECONDITION);
    CODE(halcyon_call_set_argument(all.call, 0, input, &error), FAILED_PRECONDITION);
    GOOD(halcyon_semaphore_signal(queue, 1, &error));
    GOOD(halcyon_device_wait(all.device, (halcyon_timepoints){&after, 1}, HALCYON_WAIT_ALL, HALCYON_NO_TIMEOUT, &error));
    GOOD(halcyon_call_wait(all.call, HALCYON_NO_TIMEOUT, &error));
    GOOD(halcyon_call_result(all.call, 0, &result, &error));
    CHECK(holds(result, four, 4));
    halcyon_tensor_release(result);
    CODE(halcyon_call_run_async(all.call, (halcyon_timepoints){&none, 1}, nothing, NULL, &error), INVALID_ARGUMENT);
    CODE(halcyon_call_run_async(all.call, nothing, (halcyon_timepoints){&none, 1}, NULL, &error), INVALID_ARGUMENT);
    halcyon_tensor_release(input);
    halcyon_semaphore_release(queue);
  }
}

static void an_endless_program_ends_with_its_budget(void) {
  loaded all = load_on(open_device("null"), "endless");
  halcyon_run_options options = HALCYON_INIT(halcyon_run_options);
  options.instruction_budget = 1000;
  CODE(halcyon_call_run(all.call, &options, &error), TIMEOUT);
  CODE(halcyon_call_run_async(all.call, nothing, nothing, &options, &error), TIMEOUT);
  options.size = 0;
  CODE(halcyon_call_run(all.call, &options, &error), INVALID_ARGUMENT);
  unload(&all);
}

static int32_t fails_with;
static int work; /* a dispatch is shared among threads only where it takes some time */
static int32_t twice(const hcy_dispatch* dispatch, const hcy_workgroup* workgroup) {
  const float* from = dispatch->bindings[0];
  float* to = dispatch->bindings[1];
  for (volatile int i = 0; i < work; ++i) {
  }
  to[workgroup->id[0]] = 2 * from[workgroup->id[0]];
  return fails_with;
}
static const hcy_static_kernel kernels[] = {{7, &twice}, {42, &twice}};

static void run_tasks(void* self, uint32_t count, void (*task)(void* context, uint32_t index, uint32_t worker), void* context) {
  ++*(int*)self;
  for (uint32_t i = 0; i < count; ++i) task(context, i, i % 2);
}

typedef struct profile {
  int events, right;
  uint64_t last_end;
} profile;

static void see(void* user, const halcyon_profile_event* event) {
  profile* seen = user;
  ++seen->events;
  seen->right += event->size == sizeof *event && equal(event->name, "twice") && event->location == 0 && event->begin_ns <= event->end_ns &&
                 event->begin_ns >= seen->last_end;
  seen->last_end = event->end_ns;
}

static void kernels_may_be_the_programs_own(void) {
  halcyon_registry* registry = NULL;
  halcyon_device* device = NULL;
  halcyon_cpu_options options = HALCYON_INIT(halcyon_cpu_options);
  const float eight[4] = {2, 4, 6, 8};
  int pool_runs = 0;
  GOOD(halcyon_registry_create(NULL, &registry, &error));
  options.static_kernels = kernels;
  options.static_kernel_count = 2;
  options.unmappable = 1;
  for (int own_pool = 0; own_pool < 2; ++own_pool) {
    halcyon_tensor *input, *result = NULL;
    loaded all;
    work = own_pool ? 100000 : 0;
    if (own_pool) options.task_pool = (halcyon_task_pool){&pool_runs, &run_tasks, 2};
    GOOD(halcyon_registry_open_cpu(registry, &options, &device, &error));
    all = load_on(device, "kernel");
    input = stage_floats(device, 4, four);
    GOOD(halcyon_call_set_argument(all.call, 0, input, &error));
    fails_with = 0;
    GOOD(halcyon_call_run(all.call, NULL, &error));
    GOOD(halcyon_call_result(all.call, 0, &result, &error));
    CHECK(holds(result, eight, 4));
    if (!own_pool) {
      profile seen = {0, 0, 0};
      GOOD(halcyon_device_profile(device, &see, &seen, &error));
      GOOD(halcyon_call_run(all.call, NULL, &error));
      GOOD(halcyon_call_run(all.call, NULL, &error));
      GOOD(halcyon_device_profile(device, NULL, NULL, &error));
      GOOD(halcyon_call_run(all.call, NULL, &error));
      CHECK(seen.events == 2 && seen.right == 2);
      CODE(halcyon_device_profile(NULL, &see, &seen, &error), INVALID_ARGUMENT);
    }
    fails_with = 5;
    CHECK(halcyon_call_run(all.call, NULL, &error) != HALCYON_OK);
    CHECK(error.native == 5);
    SAYS("in 'Twice_1' (model.mlir:7)");
    fails_with = 0;
    GOOD(halcyon_call_run(all.call, NULL, &error)); /* a call that failed is usable */
    halcyon_tensor_release(result);
    halcyon_tensor_release(input);
    unload(&all);
  }
  CHECK(pool_runs > 0);
  options.task_pool.workers = 0;
  CODE(halcyon_registry_open_cpu(registry, &options, &device, &error), INVALID_ARGUMENT);
  halcyon_registry_release(registry);
}

/* Everything from the registry to a result that was read, with memory of `counted`. The first failure. */
static halcyon_code whole_life(heap* counted, uint64_t* warm_calls) {
  halcyon_registry_options options = HALCYON_INIT(halcyon_registry_options);
  halcyon_registry* registry = NULL;
  halcyon_device* device = NULL;
  halcyon_program* program = NULL;
  halcyon_call* call = NULL;
  halcyon_semaphore* semaphore = NULL;
  halcyon_tensor *input = NULL, *result = NULL, *queued = NULL, *staged = NULL;
  halcyon_readback* readback = NULL;
  const halcyon_shape shape = floats(4);
  halcyon_timepoint point = {NULL, 1};
  float back[4] = {0};
  halcyon_code code;
  options.allocator = heap_allocator(counted);
  code = halcyon_registry_create(&options, &registry, &error);
  if (!code) code = halcyon_registry_open(registry, "cpu:unmappable", &device, &error);
  if (!code) code = halcyon_program_load(device, artifact("copy"), NULL, &program, &error);
  if (!code) code = halcyon_program_prepare(program, 0, &call, &error);
  if (!code) code = halcyon_tensor_stage(device, &shape, NULL, four, sizeof four, &input, &error);
  if (!code) code = halcyon_call_set_argument(call, 0, input, &error);
  if (!code) code = halcyon_call_run(call, NULL, &error);
  if (!code) code = halcyon_call_run(call, NULL, &error);
  if (!code) {
    const uint64_t before = counted->calls;
    code = halcyon_call_run(call, NULL, &error);
    *warm_calls = counted->calls - before;
  }
  if (!code) code = halcyon_program_call(program, 0, &input, 1, &result, 1, &error);
  if (!code) code = halcyon_tensor_read(result, back, sizeof back, nothing, HALCYON_NO_TIMEOUT, &error);
  if (!code) code = halcyon_tensor_read_async(result, nothing, nothing, &readback, &error);
  if (!code) code = halcyon_readback_finish(readback, back, sizeof back, HALCYON_NO_TIMEOUT, &error);
  if (!code) code = halcyon_tensor_stage_async(device, &shape, NULL, four, sizeof four, nothing, nothing, &staged, &error);
  if (!code) code = halcyon_semaphore_create(device, 0, &semaphore, &error);
  point.semaphore = semaphore;
  if (!code) code = halcyon_tensor_allocate_async(device, &shape, NULL, nothing, point, &queued, &error);
  point.value = 2;
  if (!code) code = halcyon_tensor_free_async(queued, nothing, point, &error);
  CHECK(code || memcmp(back, four, sizeof back) == 0);
  halcyon_registry_release(registry);
  halcyon_device_release(device);
  halcyon_program_release(program);
  halcyon_call_release(call);
  halcyon_semaphore_release(semaphore);
  halcyon_readback_release(readback);
  halcyon_tensor_release(staged);
  halcyon_tensor_release(queued);
  halcyon_tensor_release(input);
  halcyon_tensor_release(result);
  return code;
}

static void every_allocation_may_fail(void) {
  heap counted = {0, UINT64_MAX, 0};
  uint64_t all, warm = 1;
  CODE(whole_life(&counted, &warm), OK);
  CHECK(counted.live == 0);
  CHECK(warm == 0); /* a warm run allocates nothing */
  all = counted.calls;
  CHECK(all > 20);
  for (uint64_t i = 0; i < all; ++i) {
    heap refusing = {0, i, 0};
    CODE(whole_life(&refusing, &warm), OUT_OF_MEMORY);
    CHECK(refusing.live == 0);
  }
}

const test call_tests[] = {{"a call gives results", &a_call_gives_results},
                           {"a prepared call is run again", &a_prepared_call_is_run_again},
                           {"what is wrong with an argument is told", &what_is_wrong_with_an_argument_is_told},
                           {"a bound tensor receives the result", &a_bound_tensor_receives_the_result},
                           {"a donated tensor becomes the result", &a_donated_tensor_becomes_the_result},
                           {"host arguments are passed by value", &host_arguments_are_passed_by_value},
                           {"a call waits for semaphores", &a_call_waits_for_semaphores},
                           {"an endless program ends with its budget", &an_endless_program_ends_with_its_budget},
                           {"kernels may be the program's own", &kernels_may_be_the_programs_own},
                           {"every allocation may fail", &every_allocation_may_fail},
                           {NULL, NULL}};
