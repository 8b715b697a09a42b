/* An ELF executable as the compiler links one, in C: built by meson.build, loaded by executables.cpp. */
#include "halcyon/hal/kernel_abi.h"

static int32_t twice(const hcy_dispatch* dispatch, const hcy_workgroup* workgroup) {
  uint32_t* values = (uint32_t*)dispatch->bindings[0];
  values[workgroup->id[0]] *= 2;
  return 0;
}

/* Reads a table of pointers to constants, which needs relocations of its own. */
static const uint32_t one = 1, ten = 10;
static const uint32_t* const steps[2] = {&one, &ten};

static int32_t step(const hcy_dispatch* dispatch, const hcy_workgroup* workgroup) {
  uint32_t* values = (uint32_t*)dispatch->bindings[0];
  const uint32_t* const volatile* table = steps;
  values[workgroup->id[0]] += *table[dispatch->parameters[0] & 1];
  return 0;
}

struct two_kernels {
  uint32_t abi;
  uint32_t kernel_count;
  hcy_kernel kernels[2];
};

/* The symbol has the name of its type, which C does not allow without help. */
extern const struct two_kernels library __asm__("hcy_library") __attribute__((visibility("default")));
const struct two_kernels library = {HCY_KERNEL_ABI, 2, {&twice, &step}};
