/* What the C tests share: checks that say where they failed, and a device with what was made on it. */
#ifndef CHECK_H_
#define CHECK_H_
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "halcyon.h"

/* Each says where and goes on. */
void check(int good, const char* file, int line, const char* what);
void check_code(halcyon_code got, halcyon_code wanted, const char* file, int line, const char* what);
#define CHECK(condition) check((condition) != 0, __FILE__, __LINE__, #condition)
#define CODE(call, code) check_code((call), HALCYON_##code, __FILE__, __LINE__, #call)
#define GOOD(call) CODE(call, OK)

/* Zeroed, and what every call under test writes to. CODE prints it. */
extern halcyon_error error;
#define SAYS(words) CHECK(strstr(error.text, words) != NULL)

/* A file of the folder of artifacts; the name lives until the next. */
const char* artifact(const char* name);
extern const char* driver_path;   /* a driver in a shared object */
extern const char* no_driver_path; /* a shared object that is none */

/* The C library's heap, with a count, that refuses from call number `refuse_from` on. */
typedef struct heap {
  uint64_t calls, refuse_from;
  int64_t live;
} heap;
halcyon_allocator heap_allocator(heap* heap);

/* A new registry's device; ends the program where there is none. */
halcyon_device* open_device(const char* name);
halcyon_tensor* stage_floats(halcyon_device* device, size_t count, const float* values);
halcyon_shape floats(size_t count);
int equal(halcyon_string got, const char* wanted);

static const halcyon_timepoints nothing = {NULL, 0};

typedef struct test {
  const char* name;
  void (*run)(void);
} test;
extern const test registry_tests[], device_tests[], tensor_tests[], program_tests[], call_tests[], host_call_tests[], transfer_tests[], thread_tests[];

#endif /* CHECK_H_ */
