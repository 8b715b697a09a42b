/* halcyon.h -- Halcyon for C, and for whatever can call C.
 *
 *   halcyon_error error = HALCYON_INIT(halcyon_error);
 *   halcyon_registry* registry = NULL;
 *   halcyon_device* device = NULL;
 *   halcyon_program* program = NULL;
 *   if (halcyon_registry_create(NULL, &registry, &error) || halcyon_registry_open(registry, "cpu", &device, &error) ||
 *       halcyon_program_load(device, "model.hcm", NULL, &program, &error))
 *     fprintf(stderr, "%s\n", error.text);
 *   ...
 *   halcyon_program_release(program);
 *   halcyon_device_release(device);
 *   halcyon_registry_release(registry);
 *
 * Results: what can fail returns a halcyon_code, 0 (HALCYON_OK) for success. Its last argument, which may be NULL, is told
 *   what was wrong and where, in words too. A failed call changes nothing and sets its `out` handle to NULL.
 * Handles: whoever gets one through an `out` argument owns it and releases it once; NULL may be released. What was made from
 *   a handle keeps it alive inside, so the order of releases does not matter. A NULL where a handle is needed is
 *   HALCYON_INVALID_ARGUMENT, and 0 or "" from functions that cannot fail.
 * Structs with a `size` grow at their end in later versions: set it to sizeof the struct, as HALCYON_INIT does. Options may be
 *   NULL; a field of 0 means its default.
 * Strings that come back are not terminated unless they are `const char*`; they live as long as the handle they came from.
 * Threads: functions may be called from any thread; one at a time for each registry, call and tensor. Devices, programs and
 *   semaphores may be used by several at once.
 * What a function means is told in the C++ header that it stands for (hal/device.hpp, tensor.hpp, program.hpp, call.hpp).
 */
#ifndef HALCYON_H_
#define HALCYON_H_
#include <stddef.h>
#include <stdint.h>

#include "halcyon/hal/kernel_abi.h"

#if defined(__GNUC__)
#define HALCYON_API __attribute__((visibility("default")))
#else
#define HALCYON_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define HALCYON_INIT(type) {.size = sizeof(type)}
#define HALCYON_MAX_RANK 8
#define HALCYON_NO_TIMEOUT UINT64_MAX

typedef struct halcyon_registry halcyon_registry;   /* drivers by name */
typedef struct halcyon_device halcyon_device;
typedef struct halcyon_semaphore halcyon_semaphore; /* a timeline: a value that only rises */
typedef struct halcyon_tensor halcyon_tensor;       /* element type, shape, and a reference to the bytes */
typedef struct halcyon_program halcyon_program;     /* a loaded artifact */
typedef struct halcyon_call halcyon_call;           /* a prepared call of one function */

/* ---- errors --------------------------------------------------------------------------------------------------------- */

typedef int32_t halcyon_code;
enum {
  HALCYON_OK = 0,
  HALCYON_INVALID_ARGUMENT = 1,    /* the caller passed something wrong */
  HALCYON_FAILED_PRECONDITION = 2, /* right call, wrong state or wrong kind of object */
  HALCYON_NOT_FOUND = 3,           /* no such file, function, device, parameter */
  HALCYON_OUT_OF_MEMORY = 4,
  HALCYON_UNSUPPORTED = 5,         /* another device could do it */
  HALCYON_CORRUPT_ARTIFACT = 6,    /* the file is not what its format says */
  HALCYON_DEVICE_LOST = 7,
  HALCYON_TIMEOUT = 8,
  HALCYON_INTERNAL = 9             /* a bug in Halcyon or a driver */
};

/* What an error points at. */
typedef int32_t halcyon_kind;
enum {
  HALCYON_KIND_NONE = 0,
  HALCYON_KIND_ARGUMENT = 1,
  HALCYON_KIND_RESULT = 2,
  HALCYON_KIND_DIMENSION = 3,
  HALCYON_KIND_COMMAND = 4,
  HALCYON_KIND_SOURCE_OP = 5,
  HALCYON_KIND_PARAMETER = 6,
  HALCYON_KIND_BYTE_OFFSET = 7,
  HALCYON_KIND_LINE = 8,
  HALCYON_KIND_INSTRUCTION = 9
};

/* Written by every call that gets one, success included. A `size` that is too small for `code` makes it be ignored. */
typedef struct halcyon_error {
  size_t size;
  halcyon_code code;
  halcyon_kind kind;
  int32_t native;     /* errno, or a driver's or kernel's own number; 0: none */
  uint32_t dimension; /* for argument and result: which, or 253 the element type, 254 the rank, 255 the whole */
  uint32_t index;     /* which argument, result, parameter */
  uint32_t object;    /* function, command or location, as kind says */
  int64_t expected, actual;
  const char* what;   /* a literal: what was wrong, without names and numbers */
  char text[512];     /* a terminated line with both: "main: argument 1 'tokens', dimension 0: expected 4, got 409" */
} halcyon_error;

/* "invalid_argument"; "unknown" for a number that is none. */
HALCYON_API const char* halcyon_code_name(halcyon_code code);

/* The library's version: major << 16 | minor. */
HALCYON_API uint32_t halcyon_version(void);

/* ---- plain data ----------------------------------------------------------------------------------------------------- */

typedef struct halcyon_string {
  const char* data; /* not terminated */
  size_t size;
} halcyon_string;

/* Host memory. `allocate` returns NULL when memory has ended; `size` is never 0; `alignment` is a power of two. Both may be
 * called from any thread. */
typedef struct halcyon_allocator {
  void* self;
  void* (*allocate)(void* self, size_t size, size_t alignment);
  void (*release)(void* self, void* memory, size_t size, size_t alignment);
} halcyon_allocator;

/* A kind and a width in bits: kind | bits << 8. A boolean takes a byte; types under 8 bits are packed, low bits first. */
typedef uint32_t halcyon_type;
enum {
  HALCYON_I1 = 1 | 8 << 8,
  HALCYON_I2 = 2 | 2 << 8,
  HALCYON_I4 = 2 | 4 << 8,
  HALCYON_I8 = 2 | 8 << 8,
  HALCYON_I16 = 2 | 16 << 8,
  HALCYON_I32 = 2 | 32 << 8,
  HALCYON_I64 = 2 | 64 << 8,
  HALCYON_U2 = 3 | 2 << 8,
  HALCYON_U4 = 3 | 4 << 8,
  HALCYON_U8 = 3 | 8 << 8,
  HALCYON_U16 = 3 | 16 << 8,
  HALCYON_U32 = 3 | 32 << 8,
  HALCYON_U64 = 3 | 64 << 8,
  HALCYON_F16 = 4 | 16 << 8,
  HALCYON_F32 = 4 | 32 << 8,
  HALCYON_F64 = 4 | 64 << 8,
  HALCYON_BF16 = 5 | 16 << 8,
  HALCYON_F8E4M3FN = 6 | 8 << 8,
  HALCYON_F8E5M2 = 7 | 8 << 8,
  HALCYON_F8E4M3FNUZ = 8 | 8 << 8,
  HALCYON_F8E5M2FNUZ = 9 | 8 << 8,
  HALCYON_C64 = 10 | 64 << 8,
  HALCYON_C128 = 10 | 128 << 8,
  HALCYON_F8E8M0 = 11 | 8 << 8,
  HALCYON_F4E2M1 = 12 | 4 << 8
};
/* "f32"; "none" for a number that is no type. */
HALCYON_API const char* halcyon_type_name(halcyon_type type);

/* What a tensor is, its bytes apart. Rows are contiguous, the last dimension fastest. */
typedef struct halcyon_shape {
  halcyon_type type;
  uint32_t rank;                   /* at most HALCYON_MAX_RANK */
  int64_t sizes[HALCYON_MAX_RANK]; /* `rank` of them; not negative */
} halcyon_shape;

typedef struct halcyon_timepoint {
  halcyon_semaphore* semaphore;
  uint64_t value;
} halcyon_timepoint;

/* Timepoints, borrowed for the length of one call; {NULL, 0} for none. */
typedef struct halcyon_timepoints {
  const halcyon_timepoint* data;
  size_t count;
} halcyon_timepoints;

/* ---- drivers and devices -------------------------------------------------------------------------------------------- */

typedef struct halcyon_registry_options {
  size_t size;
  halcyon_allocator allocator; /* of everything that is made from the registry; {0}: the C library's. `self` outlives it */
} halcyon_registry_options;

/* A registry with the drivers that the library was built with. */
HALCYON_API halcyon_code halcyon_registry_create(const halcyon_registry_options* options, halcyon_registry** out, halcyon_error* error);
HALCYON_API void halcyon_registry_release(halcyon_registry* registry);

/* Adds a driver from a shared object, which stays loaded as long as the registry and its devices. It is code: open only what
 * you would also run. Errors: not_found for no such file; failed_precondition for one that is no driver, or one for another
 * version or another HAL; invalid_argument for a name twice. */
HALCYON_API halcyon_code halcyon_registry_load_driver(halcyon_registry* registry, const char* path, halcyon_error* error);
HALCYON_API size_t halcyon_registry_driver_count(const halcyon_registry* registry);
/* "cpu"; {"", 0} from `driver_count` on. */
HALCYON_API halcyon_string halcyon_registry_driver_name(const halcyon_registry* registry, size_t index);

/* `name` is DRIVER[:INDEX or WORD][,KEY=VALUE]...: "cpu", "cpu:unmappable,threads=2".
 * Errors: not_found for a driver that is not there, unsupported for a device that is not, invalid_argument for an option. */
HALCYON_API halcyon_code halcyon_registry_open(halcyon_registry* registry, const char* name, halcyon_device** out, halcyon_error* error);

/* The application's own thread pool: `run` calls task(context, index, worker) once for every index below `count`, from any
 * threads, and returns when all have returned. `worker` is below `workers`; two calls at a time have different ones. */
typedef struct halcyon_task_pool {
  void* self;
  void (*run)(void* self, uint32_t count, void (*task)(void* context, uint32_t index, uint32_t worker), void* context);
  uint32_t workers;
} halcyon_task_pool;

typedef struct halcyon_cpu_options {
  size_t size;
  uint32_t threads;     /* the caller included; 0: one. HALCYON_ALL_PROCESSORS: as many as there are */
  uint32_t unmappable;  /* 1: device memory does not map, as on a device with memory of its own */
  uint32_t guard;       /* 1: every buffer ends at an unmapped page; slow */
  uint32_t pin;         /* 1: each pool thread stays on a processor of its own */
  const char* features; /* "baseline", "avx2", "avx512": no instruction beyond; NULL: all there are */
  const hcy_static_kernel* static_kernels; /* for artifacts whose kernels are linked into the program; borrowed */
  size_t static_kernel_count;
  halcyon_task_pool task_pool; /* used instead of `threads` where `run` is set; borrowed */
  const hcy_named_kernel* kernels; /* the application's own, for programs that ask for them by name; borrowed */
  size_t kernel_count;
} halcyon_cpu_options;
#define HALCYON_ALL_PROCESSORS UINT32_MAX

/* The CPU device, with what a name cannot say. Errors: unsupported where the library was built without it. */
HALCYON_API halcyon_code halcyon_registry_open_cpu(halcyon_registry* registry, const halcyon_cpu_options* options, halcyon_device** out,
                                                   halcyon_error* error);
HALCYON_API void halcyon_device_release(halcyon_device* device);

typedef struct halcyon_checked_options {
  size_t size;
  void (*report)(void* user, halcyon_string line); /* one line a fault, from the thread at fault; NULL: none */
  void* user;
  uint32_t window;       /* submissions among which races are looked for: 16 to 4096; 0: 256 */
  uint32_t strict;       /* 1: bindings of unknown use count as written */
  uint32_t asynchronous; /* 1: judge as if the device ran its work by itself */
} halcyon_checked_options;
/* Another device over this one that checks how it is used (halcyon/checked.hpp): what breaks the rules is an error that names
 * objects by their labels. What it makes is its own: the two handles' tensors and semaphores do not mix. */
HALCYON_API halcyon_code halcyon_device_checked(halcyon_device* device, const halcyon_checked_options* options, halcyon_device** out,
                                                halcyon_error* error);

typedef struct halcyon_caps {
  size_t size;
  const char* driver;              /* "cpu" */
  const char* name;                /* for people */
  const char* family;              /* the plan that it takes from an artifact */
  uint32_t device_memory_mappable; /* map works on device-local memory */
  uint32_t inline_execution;       /* ready work runs before a call returns */
  uint32_t import_host;            /* halcyon_tensor_import works */
  uint32_t accepts_any_plan;       /* loads no code, runs nothing */
  uint64_t min_alignment;          /* of what it allocates, bytes */
  uint64_t max_buffer_size;
  uint32_t coherent;               /* mapped views need no flush and no invalidate */
} halcyon_caps;
HALCYON_API halcyon_code halcyon_device_caps(const halcyon_device* device, halcyon_caps* out, halcyon_error* error);

/* Rising counts since the device was opened. Transfers are copies between host and device memory; a map is none. */
typedef struct halcyon_stats {
  size_t size;
  uint64_t host_to_device_copies, host_to_device_bytes;
  uint64_t device_to_host_copies, device_to_host_bytes;
  uint64_t allocations;
  uint64_t live_bytes, peak_bytes, pooled_bytes;
  uint64_t submissions, dispatches;
  uint64_t staging_bytes; /* of live_bytes: kept for transfers until halcyon_device_trim */
  uint64_t reserved_bytes, peak_reserved_bytes; /* from the system: live, pooled, and what rounding adds */
} halcyon_stats;
HALCYON_API halcyon_code halcyon_device_stats(const halcyon_device* device, halcyon_stats* out, halcyon_error* error);

/* One timed piece of work, in the order of completion. */
typedef struct halcyon_profile_event {
  size_t size;
  halcyon_string name; /* valid during the call */
  uint32_t location;   /* of the source op; UINT32_MAX: none */
  uint64_t begin_ns, end_ns;
} halcyon_profile_event;
/* Calls `event` for each from now on; NULL: no more. Nothing may be in flight. `user` lives until then. */
HALCYON_API halcyon_code halcyon_device_profile(halcyon_device* device, void (*event)(void* user, const halcyon_profile_event* event),
                                                void* user, halcyon_error* error);

/* Gives pooled memory back to the system. */
HALCYON_API halcyon_code halcyon_device_trim(halcyon_device* device, halcyon_error* error);

typedef int32_t halcyon_wait_mode;
enum { HALCYON_WAIT_ALL = 0, HALCYON_WAIT_ANY = 1 };
/* Blocks until the timepoints are reached; timeout after `timeout_ns` (0: polls). Errors: a failed semaphore's own. */
HALCYON_API halcyon_code halcyon_device_wait(halcyon_device* device, halcyon_timepoints timepoints, halcyon_wait_mode mode, uint64_t timeout_ns,
                                             halcyon_error* error);

/* ---- semaphores ----------------------------------------------------------------------------------------------------- */

HALCYON_API halcyon_code halcyon_semaphore_create(halcyon_device* device, uint64_t value, halcyon_semaphore** out, halcyon_error* error);
HALCYON_API void halcyon_semaphore_release(halcyon_semaphore* semaphore);
/* The value reached so far. Errors: what it failed with. */
HALCYON_API halcyon_code halcyon_semaphore_query(halcyon_semaphore* semaphore, uint64_t* value, halcyon_error* error);
/* From the host; `value` must be above the present one. */
HALCYON_API halcyon_code halcyon_semaphore_signal(halcyon_semaphore* semaphore, uint64_t value, halcyon_error* error);
/* Everything that waits for it, now or later, fails with `code`, which must not be HALCYON_OK. */
HALCYON_API halcyon_code halcyon_semaphore_fail(halcyon_semaphore* semaphore, halcyon_code code, halcyon_error* error);

/* ---- tensors -------------------------------------------------------------------------------------------------------- */

typedef int32_t halcyon_memory;
enum { HALCYON_MEMORY_DEVICE = 0, HALCYON_MEMORY_HOST = 1 /* staging memory, slower for the device */ };
/* What an allocation must allow, and what a map wants. */
typedef int32_t halcyon_access;
enum { HALCYON_ACCESS_NONE = 0, HALCYON_ACCESS_READ = 1, HALCYON_ACCESS_WRITE = 2, HALCYON_ACCESS_READ_WRITE = 3 };

typedef struct halcyon_buffer_options {
  size_t size;
  halcyon_memory memory;
  halcyon_access map;
  uint64_t alignment; /* bytes, a power of two up to 4096; 0: 64 */
  const char* label;  /* shown in errors and traces; outlives the memory. NULL: none */
} halcyon_buffer_options;

/* What a device can do with such memory, and why not: "" where there is nothing to say. */
typedef struct halcyon_compatibility {
  size_t size;
  uint32_t allocatable, importable, exportable, mappable, slow;
  const char* reason; /* the first of those below */
  const char *not_allocatable, *not_importable, *not_exportable, *not_mappable, *why_slow;
} halcyon_compatibility;
HALCYON_API halcyon_code halcyon_device_compatibility(const halcyon_device* device, const halcyon_buffer_options* options, uint64_t bytes,
                                                      halcyon_compatibility* out, halcyon_error* error);

/* Uninitialised memory, device-local unless the options say otherwise. */
HALCYON_API halcyon_code halcyon_tensor_allocate(halcyon_device* device, const halcyon_shape* shape, const halcyon_buffer_options* options,
                                                 halcyon_tensor** out, halcyon_error* error);
/* The same with a copy of `bytes` bytes of `data`, which must be as many as the shape says. Blocks until copied. */
HALCYON_API halcyon_code halcyon_tensor_stage(halcyon_device* device, const halcyon_shape* shape, const halcyon_buffer_options* options,
                                              const void* data, size_t bytes, halcyon_tensor** out, halcyon_error* error);
/* Uses the caller's memory without a copy, until `released(user)`, which may be NULL, is called: once, when nothing uses it any
 * more. Errors: unsupported where the device cannot see host memory; then `released` is not called. */
HALCYON_API halcyon_code halcyon_tensor_import(halcyon_device* device, const halcyon_shape* shape, void* data, size_t bytes,
                                               void (*released)(void* user), void* user, halcyon_tensor** out, halcyon_error* error);
/* Usable by work that waits for `signal`; never blocks. */
HALCYON_API halcyon_code halcyon_tensor_allocate_async(halcyon_device* device, const halcyon_shape* shape, const halcyon_buffer_options* options,
                                                       halcyon_timepoints waits, halcyon_timepoint signal, halcyon_tensor** out,
                                                       halcyon_error* error);
/* Frees the memory once `waits` are reached, then reaches `signal`. The tensor is empty afterwards, and none that shares its
 * bytes may be used. */
HALCYON_API halcyon_code halcyon_tensor_free_async(halcyon_tensor* tensor, halcyon_timepoints waits, halcyon_timepoint signal,
                                                   halcyon_error* error);
/* Another tensor over the start of the same bytes, which must be enough for the shape. NULL: the same shape. */
HALCYON_API halcyon_code halcyon_tensor_share(halcyon_tensor* tensor, const halcyon_shape* shape, halcyon_tensor** out, halcyon_error* error);
HALCYON_API void halcyon_tensor_release(halcyon_tensor* tensor);

/* A driver's own name for the memory. */
typedef int32_t halcyon_native_type;
enum {
  HALCYON_NATIVE_NONE = 0,
  HALCYON_NATIVE_HOST_POINTER = 1,
  HALCYON_NATIVE_VULKAN_BUFFER = 2,
  HALCYON_NATIVE_CUDA_POINTER = 3,
  HALCYON_NATIVE_OPAQUE_FD = 4
};
typedef struct halcyon_native_handle {
  halcyon_native_type type;
  uint64_t value;
  uint64_t offset; /* bytes, from what `value` names */
} halcyon_native_handle;
/* Valid as long as the tensor's memory. Errors: unsupported where the device has no such handle. */
HALCYON_API halcyon_code halcyon_tensor_export(halcyon_tensor* tensor, halcyon_native_type type, halcyon_native_handle* out,
                                               halcyon_error* error);
/* Wraps memory that the caller made with the device's own means and keeps alive. Errors: unsupported. */
HALCYON_API halcyon_code halcyon_tensor_import_native(halcyon_device* device, const halcyon_shape* shape, const halcyon_native_handle* handle,
                                                      halcyon_tensor** out, halcyon_error* error);

/* 1 once its bytes were donated, freed or taken. */
HALCYON_API int halcyon_tensor_is_empty(const halcyon_tensor* tensor);
HALCYON_API halcyon_code halcyon_tensor_shape(const halcyon_tensor* tensor, halcyon_shape* out, halcyon_error* error);
HALCYON_API uint64_t halcyon_tensor_byte_size(const halcyon_tensor* tensor);
HALCYON_API int halcyon_tensor_mappable(const halcyon_tensor* tensor);
HALCYON_API halcyon_memory halcyon_tensor_memory(const halcyon_tensor* tensor);

/* Exactly one copy of all bytes, which must be halcyon_tensor_byte_size. Blocks until `after` is reached, no submitted work uses
 * the tensor, and the copy is done. Errors: timeout where the wait takes longer than `timeout_ns`. */
HALCYON_API halcyon_code halcyon_tensor_read(halcyon_tensor* tensor, void* data, size_t bytes, halcyon_timepoints after, uint64_t timeout_ns,
                                             halcyon_error* error);
HALCYON_API halcyon_code halcyon_tensor_write(halcyon_tensor* tensor, const void* data, size_t bytes, halcyon_timepoints after,
                                              uint64_t timeout_ns, halcyon_error* error);
/* The same on the device, between tensors of one type and shape. */
HALCYON_API halcyon_code halcyon_tensor_copy(halcyon_tensor* target, halcyon_tensor* source, halcyon_timepoints after, uint64_t timeout_ns,
                                             halcyon_error* error);
/* Blocks until no submitted work uses the tensor's memory. */
HALCYON_API halcyon_code halcyon_tensor_wait_idle(halcyon_tensor* tensor, uint64_t timeout_ns, halcyon_error* error);
/* A view of the tensor's own bytes, never a copy; never waits, not even for work in flight. Maps nest; each needs an unmap,
 * which makes what was written visible to the device. Errors: failed_precondition unless mappable. */
HALCYON_API halcyon_code halcyon_tensor_map(halcyon_tensor* tensor, halcyon_access access, void** data, size_t* bytes, halcyon_error* error);
/* Errors: failed_precondition where it is not mapped. */
HALCYON_API halcyon_code halcyon_tensor_unmap(halcyon_tensor* tensor, halcyon_error* error);
/* For memory that is not coherent and stays mapped: make the host's writes visible to the device, or the device's to the host. */
HALCYON_API halcyon_code halcyon_tensor_flush(halcyon_tensor* tensor, uint64_t offset, uint64_t length, halcyon_error* error);
HALCYON_API halcyon_code halcyon_tensor_invalidate(halcyon_tensor* tensor, uint64_t offset, uint64_t length, halcyon_error* error);

/* ---- queued transfers: they return at once, run once `waits` are reached, and then reach `signals` -------------------- */

typedef struct halcyon_readback halcyon_readback; /* bytes on their way to the host */

/* As halcyon_tensor_stage; `data` is copied before it returns, the tensor holds it once `signals` are reached. */
HALCYON_API halcyon_code halcyon_tensor_stage_async(halcyon_device* device, const halcyon_shape* shape, const halcyon_buffer_options* options,
                                                    const void* data, size_t bytes, halcyon_timepoints waits, halcyon_timepoints signals,
                                                    halcyon_tensor** out, halcyon_error* error);
/* `data` is copied before it returns. */
HALCYON_API halcyon_code halcyon_tensor_write_async(halcyon_tensor* tensor, const void* data, size_t bytes, halcyon_timepoints waits,
                                                    halcyon_timepoints signals, halcyon_error* error);
HALCYON_API halcyon_code halcyon_tensor_copy_async(halcyon_tensor* target, halcyon_tensor* source, halcyon_timepoints waits,
                                                   halcyon_timepoints signals, halcyon_error* error);
HALCYON_API halcyon_code halcyon_tensor_read_async(halcyon_tensor* tensor, halcyon_timepoints waits, halcyon_timepoints signals,
                                                   halcyon_readback** out, halcyon_error* error);
/* Waits, then copies the bytes, which must be as many. Errors: timeout; what the copy or what it waited for failed with. */
HALCYON_API halcyon_code halcyon_readback_finish(halcyon_readback* readback, void* data, size_t bytes, uint64_t timeout_ns, halcyon_error* error);
/* Waits; the bytes in place, as long as the readback. */
HALCYON_API halcyon_code halcyon_readback_bytes(halcyon_readback* readback, uint64_t timeout_ns, const void** data, size_t* bytes,
                                                halcyon_error* error);
/* Early is fine. */
HALCYON_API void halcyon_readback_release(halcyon_readback* readback);

/* ---- programs ------------------------------------------------------------------------------------------------------- */

typedef int32_t halcyon_load_mode;
enum {
  HALCYON_LOAD_MAP = 0, /* the file stays mapped and must not change */
  HALCYON_LOAD_COPY = 1 /* the file is read into memory */
};

/* One call of a function of the application's from a program, between its kernels; valid while the function runs. */
typedef struct halcyon_host_call halcyon_host_call;

/* A function that programs call by `name` (halcyon/host_call.hpp). What the call submitted before is complete when it runs.
 * It may use the device and run other calls, not the one that called it. Not HALCYON_OK is the call's failure. Threads: the one
 * that runs the call; for several calls at once, several. */
typedef struct halcyon_callback {
  const char* name;
  halcyon_code (*function)(void* user, halcyon_host_call* call);
  void* user;
} halcyon_callback;

typedef struct halcyon_load_options {
  size_t size;
  halcyon_load_mode mode;
  uint32_t verify_sha256; /* 1: check every segment's */
  void* user;             /* of the functions below */
  /* Before anything is used: not HALCYON_OK refuses the file. NULL: none. */
  halcyon_code (*authenticate)(void* user, const void* metadata, size_t bytes);
  /* External parameters: sets `data` and `bytes`, borrowed as long as the program, or returns HALCYON_NOT_FOUND. */
  halcyon_code (*find_parameter)(void* user, halcyon_string scope, halcyon_string key, const void** data, size_t* bytes);
  const halcyon_callback* callbacks; /* copied; names, functions and users live as long as the program */
  size_t callback_count;
} halcyon_load_options;

HALCYON_API halcyon_code halcyon_program_load(halcyon_device* device, const char* path, const halcyon_load_options* options,
                                              halcyon_program** out, halcyon_error* error);
/* `data` is borrowed as long as the program, 64-byte aligned; `mode` does not matter. */
HALCYON_API halcyon_code halcyon_program_load_memory(halcyon_device* device, const void* data, size_t bytes,
                                                     const halcyon_load_options* options, halcyon_program** out, halcyon_error* error);
HALCYON_API void halcyon_program_release(halcyon_program* program);

HALCYON_API uint32_t halcyon_program_function_count(const halcyon_program* program);
HALCYON_API halcyon_string halcyon_program_function_name(const halcyon_program* program, uint32_t function);
/* Errors: not_found. */
HALCYON_API halcyon_code halcyon_program_find_function(const halcyon_program* program, const char* name, uint32_t* function,
                                                       halcyon_error* error);

typedef int32_t halcyon_residence;
enum { HALCYON_RESIDENCE_DEVICE = 0, HALCYON_RESIDENCE_HOST = 1, HALCYON_RESIDENCE_BOTH = 2 };

/* An argument or a result, as the function declares it. */
typedef struct halcyon_value {
  size_t size;
  halcyon_string name;
  halcyon_shape shape; /* -1: known at the call */
  halcyon_string dimension_names[HALCYON_MAX_RANK]; /* of those; equal names are equal sizes */
  halcyon_residence residence;
  int32_t donated_to;  /* the result that overwrites this argument, or -1 */
} halcyon_value;
HALCYON_API uint32_t halcyon_program_argument_count(const halcyon_program* program, uint32_t function);
HALCYON_API uint32_t halcyon_program_result_count(const halcyon_program* program, uint32_t function);
HALCYON_API halcyon_code halcyon_program_argument(const halcyon_program* program, uint32_t function, uint32_t index, halcyon_value* out,
                                                  halcyon_error* error);
HALCYON_API halcyon_code halcyon_program_result(const halcyon_program* program, uint32_t function, uint32_t index, halcyon_value* out,
                                                halcyon_error* error);
/* A module variable's present value, sharing its bytes. Errors: not_found. */
HALCYON_API halcyon_code halcyon_program_variable(halcyon_program* program, const char* name, halcyon_tensor** out, halcyon_error* error);

/* ---- inside a function that a program calls ----------------------------------------------------------------------------- */

HALCYON_API halcyon_string halcyon_host_call_name(const halcyon_host_call* call);
HALCYON_API uint32_t halcyon_host_call_argument_count(const halcyon_host_call* call);
HALCYON_API uint32_t halcyon_host_call_result_count(const halcyon_host_call* call);
/* Type, present sizes and name of an argument or a result; `name` may be NULL. */
HALCYON_API halcyon_code halcyon_host_call_argument(const halcyon_host_call* call, uint32_t index, halcyon_shape* shape, halcyon_string* name,
                                                    halcyon_error* error);
HALCYON_API halcyon_code halcyon_host_call_result(const halcyon_host_call* call, uint32_t index, halcyon_shape* shape, halcyon_string* name,
                                                  halcyon_error* error);
/* Exactly one copy of all bytes, counted. */
HALCYON_API halcyon_code halcyon_host_call_read(halcyon_host_call* call, uint32_t argument, void* data, size_t bytes, halcyon_error* error);
HALCYON_API halcyon_code halcyon_host_call_write(halcyon_host_call* call, uint32_t result, const void* data, size_t bytes, halcyon_error* error);
/* A view in place until the function returns. Errors: failed_precondition where the memory does not map. */
HALCYON_API halcyon_code halcyon_host_call_map_argument(halcyon_host_call* call, uint32_t index, const void** data, size_t* bytes,
                                                        halcyon_error* error);
HALCYON_API halcyon_code halcyon_host_call_map_result(halcyon_host_call* call, uint32_t index, void** data, size_t* bytes, halcyon_error* error);

/* ---- calls ---------------------------------------------------------------------------------------------------------- */

/* Prepares, runs, waits: `results` receives as many handles as the function has results. Errors: as of the calls below. */
HALCYON_API halcyon_code halcyon_program_call(halcyon_program* program, uint32_t function, halcyon_tensor* const* arguments,
                                              size_t argument_count, halcyon_tensor** results, size_t result_count, halcyon_error* error);

/* Resolves everything once. */
HALCYON_API halcyon_code halcyon_program_prepare(halcyon_program* program, uint32_t function, halcyon_call** out, halcyon_error* error);
/* Waits for a call in flight. */
HALCYON_API void halcyon_call_release(halcyon_call* call);

/* The call keeps the tensor's bytes; the handle stays the caller's. Checked here: type, rank, static sizes, device. */
HALCYON_API halcyon_code halcyon_call_set_argument(halcyon_call* call, uint32_t index, const halcyon_tensor* tensor, halcyon_error* error);
/* For arguments of residence host or both; copied. */
HALCYON_API halcyon_code halcyon_call_set_host_argument(halcyon_call* call, uint32_t index, const halcyon_shape* shape, const void* data,
                                                        size_t bytes, halcyon_error* error);
/* Gives the tensor's bytes to the next run, whose result lives in them; the tensor is empty afterwards. */
HALCYON_API halcyon_code halcyon_call_donate_argument(halcyon_call* call, uint32_t index, halcyon_tensor* tensor, halcyon_error* error);
/* The caller's tensor receives the result from now on; NULL ends that. */
HALCYON_API halcyon_code halcyon_call_bind_result(halcyon_call* call, uint32_t index, const halcyon_tensor* tensor, halcyon_error* error);

typedef struct halcyon_run_options {
  size_t size;
  uint64_t instruction_budget; /* of the host program; then timeout. 0: none */
} halcyon_run_options;
/* Runs and waits. Once warm, allocates nothing. */
HALCYON_API halcyon_code halcyon_call_run(halcyon_call* call, const halcyon_run_options* options, halcyon_error* error);
/* The first work waits for `waits`; `signals` are reached when the last is done. One run in flight: wait before the next. */
HALCYON_API halcyon_code halcyon_call_run_async(halcyon_call* call, halcyon_timepoints waits, halcyon_timepoints signals,
                                                const halcyon_run_options* options, halcyon_error* error);
HALCYON_API halcyon_code halcyon_call_wait(halcyon_call* call, uint64_t timeout_ns, halcyon_error* error);

/* Of the last run that succeeded. Shares the bytes: the next run writes elsewhere as long as the handle lives. */
HALCYON_API halcyon_code halcyon_call_result(halcyon_call* call, uint32_t index, halcyon_tensor** out, halcyon_error* error);
/* The same, and the call forgets it. */
HALCYON_API halcyon_code halcyon_call_take_result(halcyon_call* call, uint32_t index, halcyon_tensor** out, halcyon_error* error);

#ifdef __cplusplus
}
#endif
#endif /* HALCYON_H_ */
