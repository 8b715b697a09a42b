/* Runs the tests: c_api ARTIFACTS DRIVER NO_DRIVER */
#include "check.h"

halcyon_error error;
const char* driver_path;
const char* no_driver_path;

static const char* artifacts;
static int failed_checks;

void check(int good, const char* file, int line, const char* what) {
  if (good) return;
  ++failed_checks;
  printf("%s:%d: %s\n", file, line, what);
}

void check_code(halcyon_code got, halcyon_code wanted, const char* file, int line, const char* what) {
  if (got != wanted) {
    ++failed_checks;
    printf("%s:%d: %s: is %s, expected %s: %s\n", file, line, what, halcyon_code_name(got), halcyon_code_name(wanted), error.text);
  }
}

const char* artifact(const char* name) {
  static char path[1024];
  snprintf(path, sizeof path, "%s/%s.hcm", artifacts, name);
  return path;
}

static void* heap_allocate(void* self, size_t size, size_t alignment) {
  heap* counted = self;
  if (counted->calls++ >= counted->refuse_from) return NULL;
  ++counted->live;
  return aligned_alloc(alignment < sizeof(void*) ? sizeof(void*) : alignment, (size + alignment + sizeof(void*) - 1) & ~(alignment - 1) & ~(sizeof(void*) - 1));
}

static void heap_release(void* self, void* memory, size_t size, size_t alignment) {
  heap* counted = self;
  (void)size;
  (void)alignment;
  --counted->live;
  free(memory);
}

halcyon_allocator heap_allocator(heap* counted) {
  const halcyon_allocator allocator = {counted, &heap_allocate, &heap_release};
  return allocator;
}

halcyon_device* open_device(const char* name) {
  halcyon_registry* registry = NULL;
  halcyon_device* device = NULL;
  if (halcyon_registry_create(NULL, &registry, &error) || halcyon_registry_open(registry, name, &device, &error)) {
    printf("%s: %s\n", name, error.text);
    exit(1);
  }
  halcyon_registry_release(registry);
  return device;
}

halcyon_shape floats(size_t count) {
  halcyon_shape shape = {HALCYON_F32, 1, {0}};
  shape.sizes[0] = (int64_t)count;
  return shape;
}

halcyon_tensor* stage_floats(halcyon_device* device, size_t count, const float* values) {
  const halcyon_shape shape = floats(count);
  halcyon_tensor* tensor = NULL;
  GOOD(halcyon_tensor_stage(device, &shape, NULL, values, count * sizeof *values, &tensor, &error));
  return tensor;
}

int equal(halcyon_string got, const char* wanted) { return got.size == strlen(wanted) && memcmp(got.data, wanted, got.size) == 0; }

int main(int count, char** words) {
  const test* const files[] = {registry_tests, device_tests, tensor_tests, program_tests, call_tests, host_call_tests, transfer_tests, thread_tests};
  int passed = 0, failed = 0;
  if (count != 4) {
    fputs("c_api ARTIFACTS DRIVER NO_DRIVER\n", stderr);
    return 2;
  }
  artifacts = words[1];
  driver_path = words[2];
  no_driver_path = words[3];
  error.size = sizeof error;
  for (size_t file = 0; file < sizeof files / sizeof files[0]; ++file)
    for (const test* one = files[file]; one->name; ++one) {
      failed_checks = 0;
      one->run();
      if (failed_checks) {
        ++failed;
        printf("FAILED: %s\n", one->name);
      } else {
        ++passed;
      }
    }
  printf("c_api: %d passed, %d failed\n", passed, failed);
  return failed ? 1 : 0;
}
