/* halcyon/hal/kernel_abi.h -- kernel ABI 1: how the CPU driver calls a kernel. Plain C, any width of pointer.
 *
 *   int32_t add(const hcy_dispatch* dispatch, const hcy_workgroup* workgroup);
 *
 * A kernel is freestanding: no libc, no TLS, no allocation. It may be called for different workgroups of
 * one dispatch from several threads at once. It returns 0, or a positive number that says what went wrong;
 * the driver reports it with the kernel's source op. The compiler writes the layouts below into every
 * kernel (compiler/codegen/cpu): they change only with HCY_KERNEL_ABI.
 */
#ifndef HALCYON_HAL_KERNEL_ABI_H_
#define HALCYON_HAL_KERNEL_ABI_H_
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HCY_KERNEL_ABI 1

/* One for each dispatch. Arrays are indexed by binding and parameter number. */
typedef struct hcy_dispatch {
  void* const* bindings;         /* element-aligned, not more, unless the device allocated it (64 bytes) */
  const uint64_t* binding_sizes; /* bytes */
  const uint64_t* parameters;
  uint32_t workgroup_count[3];
  uint32_t binding_count;
  uint32_t parameter_count;
  uint32_t reserved;
} hcy_dispatch;

/* One for each workgroup. */
typedef struct hcy_workgroup {
  uint32_t id[3];         /* below workgroup_count */
  uint32_t worker;        /* which thread of the pool, from 0 */
  void* local_memory;     /* 64-byte aligned scratch of this worker; null where the export asked for none */
  uint64_t local_size;    /* bytes */
} hcy_workgroup;

typedef int32_t (*hcy_kernel)(const hcy_dispatch* dispatch, const hcy_workgroup* workgroup);

/* The one symbol that an ELF executable exports: `hcy_library`. Kernels are in the order of the exports. */
typedef struct hcy_library {
  uint32_t abi;           /* HCY_KERNEL_ABI */
  uint32_t kernel_count;
  hcy_kernel kernels[1];  /* kernel_count of them */
} hcy_library;

/* A static table: what an application passes to the CPU driver where code cannot be mapped. */
typedef struct hcy_static_kernel {
  uint64_t hash;          /* as in the artifact */
  hcy_kernel kernel;
} hcy_static_kernel;

/* A kernel of the application's own, under the name that a program asks for (Format::named). Its bindings are the
 * tensors that it reads, then those that it writes; its parameters their dynamic dimensions in that order, then scalars. */
typedef struct hcy_named_kernel {
  const char* name;
  hcy_kernel kernel;
} hcy_named_kernel;

#ifdef __cplusplus
}
#endif
#endif /* HALCYON_HAL_KERNEL_ABI_H_ */
