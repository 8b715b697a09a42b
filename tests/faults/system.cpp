// The calls between the runtime and the C library. Each is linked in front of the real one by --wrap (meson.build), under
// both of its names where the C library has one for large files.
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdlib>
#include <map>
#include <mutex>

#include "faults.hpp"

namespace faults {

namespace {

std::atomic<Faults*> active{nullptr};

// Allocations that are live, to compare with what is given back.
struct Block {
  size_t size, alignment;
};
std::mutex blocks_mutex;
std::map<void*, Block> blocks;
int64_t wrong_releases = 0;

bool fails(Call call) {
  Faults* faults = active.load();
  return faults && faults->fails(call);
}
int fail(int error) {
  errno = error;
  return -1;
}
void count(std::atomic<int64_t> Faults::* what, int64_t by) {
  if (Faults* faults = active.load()) (faults->*what).fetch_add(by);
}

}  // namespace

const char* name(Call call) {
  static constexpr const char* names[] = {"allocate", "mmap", "mprotect", "open", "fstat", "stat", "read", "pthread_create",
                                          "read (interrupted)", "read (short)", "sched_getaffinity", "sched_setaffinity"};
  return names[static_cast<size_t>(call)];
}

Faults::Faults() { active.store(this); }
Faults::~Faults() {
  active.store(nullptr);
  const std::lock_guard lock(blocks_mutex);
  blocks.clear();
  wrong_releases = 0;
}
Faults* Faults::current() { return active.load(); }

void Faults::refuse(Call call, uint64_t number, Refusal refusal) {
  number_.store(number);
  refusal_.store(refusal);
  call_.store(call);
}

bool Faults::fails(Call call) {
  const uint64_t number = calls_[static_cast<size_t>(call)].fetch_add(1);
  if (call_.load() != call) return false;
  const bool refused = refusal_.load() == Refusal::once ? number == number_.load() : number >= number_.load();
  if (refused) refused_.fetch_add(1);
  return refused;
}

Held Faults::held() const {
  const std::lock_guard lock(blocks_mutex);
  return {static_cast<int64_t>(blocks.size()), mappings.load(), files.load(), threads.load(), wrong_releases};
}

Allocator Faults::allocator() {
  return {this,
          [](void* self, size_t size, size_t alignment) -> void* {
            if (static_cast<Faults*>(self)->fails(Call::allocate)) return nullptr;
            // Not the system's allocator: its pages would be calls of mmap as well.
            const size_t aligned = alignment < alignof(std::max_align_t) ? alignof(std::max_align_t) : alignment;
            void* memory = size > SIZE_MAX / 2 ? nullptr : std::aligned_alloc(aligned, (size + aligned - 1) / aligned * aligned);
            const std::lock_guard lock(blocks_mutex);
            if (memory) blocks[memory] = {size, alignment};
            return memory;
          },
          [](void*, void* memory, size_t size, size_t alignment) {
            {
              const std::lock_guard lock(blocks_mutex);
              const auto found = blocks.find(memory);
              if (found == blocks.end() || found->second.size != size || found->second.alignment != alignment) ++wrong_releases;
              if (found != blocks.end()) blocks.erase(found);
            }
            std::free(memory);
          }};
}

}  // namespace faults

using faults::Call;

extern "C" {

#define FAULTS_TWICE(define) define() define(64)

#define FAULTS_MMAP(suffix)                                                                                       \
  void* __real_mmap##suffix(void*, size_t, int, int, int, off_t);                                                 \
  void* __wrap_mmap##suffix(void* at, size_t size, int protection, int flags, int file, off_t offset);            \
  void* __wrap_mmap##suffix(void* at, size_t size, int protection, int flags, int file, off_t offset) {           \
    if (faults::fails(Call::mmap)) {                                                                              \
      errno = ENOMEM;                                                                                             \
      return MAP_FAILED;                                                                                          \
    }                                                                                                             \
    void* memory = __real_mmap##suffix(at, size, protection, flags, file, offset);                                \
    if (memory != MAP_FAILED) faults::count(&faults::Faults::mappings, 1);                                        \
    return memory;                                                                                                \
  }
FAULTS_TWICE(FAULTS_MMAP)

#define FAULTS_OPEN(suffix)                                                             \
  int __real_open##suffix(const char*, int, ...);                                       \
  int __wrap_open##suffix(const char* path, int flags, ...);                            \
  int __wrap_open##suffix(const char* path, int flags, ...) {                           \
    va_list list;                                                                       \
    va_start(list, flags);                                                              \
    const mode_t mode = (flags & O_CREAT) ? va_arg(list, mode_t) : 0;                   \
    va_end(list);                                                                       \
    if (faults::fails(Call::open)) return faults::fail(EMFILE);                         \
    const int file = __real_open##suffix(path, flags, mode);                            \
    if (file >= 0) faults::count(&faults::Faults::files, 1);                            \
    return file;                                                                        \
  }
FAULTS_TWICE(FAULTS_OPEN)

#define FAULTS_STAT(suffix)                                                             \
  int __real_fstat##suffix(int, struct stat*);                                          \
  int __wrap_fstat##suffix(int file, struct stat* status);                              \
  int __wrap_fstat##suffix(int file, struct stat* status) {                             \
    return faults::fails(Call::fstat) ? faults::fail(EIO) : __real_fstat##suffix(file, status); \
  }                                                                                     \
  int __real_stat##suffix(const char*, struct stat*);                                   \
  int __wrap_stat##suffix(const char* path, struct stat* status);                       \
  int __wrap_stat##suffix(const char* path, struct stat* status) {                      \
    return faults::fails(Call::stat) ? faults::fail(EIO) : __real_stat##suffix(path, status); \
  }
FAULTS_TWICE(FAULTS_STAT)

int __real_munmap(void*, size_t);
int __wrap_munmap(void* memory, size_t size);
int __wrap_munmap(void* memory, size_t size) {
  const int result = __real_munmap(memory, size);
  if (result == 0) faults::count(&faults::Faults::mappings, -1);
  return result;
}

int __real_mprotect(void*, size_t, int);
int __wrap_mprotect(void* memory, size_t size, int protection);
int __wrap_mprotect(void* memory, size_t size, int protection) {
  return faults::fails(Call::mprotect) ? faults::fail(ENOMEM) : __real_mprotect(memory, size, protection);
}

int __real_close(int);
int __wrap_close(int file);
int __wrap_close(int file) {
  faults::count(&faults::Faults::files, -1);
  return __real_close(file);
}

ssize_t __real_read(int, void*, size_t);
ssize_t __wrap_read(int file, void* bytes, size_t size);
ssize_t __wrap_read(int file, void* bytes, size_t size) {
  if (faults::fails(Call::read)) return faults::fail(EIO);
  if (faults::fails(Call::read_interrupted)) return faults::fail(EINTR);
  return __real_read(file, bytes, faults::fails(Call::read_short) && size > 1 ? size / 2 : size);
}

int __real_pthread_create(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
int __wrap_pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*entry)(void*), void* argument);
int __wrap_pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*entry)(void*), void* argument) {
  if (faults::fails(Call::pthread_create)) return EAGAIN;
  const int error = __real_pthread_create(thread, attributes, entry, argument);
  if (error == 0) faults::count(&faults::Faults::threads, 1);
  return error;
}

int __real_pthread_join(pthread_t, void**);
int __wrap_pthread_join(pthread_t thread, void** result);
int __wrap_pthread_join(pthread_t thread, void** result) {
  faults::count(&faults::Faults::threads, -1);
  return __real_pthread_join(thread, result);
}

int __real_sched_getaffinity(pid_t, size_t, cpu_set_t*);
int __wrap_sched_getaffinity(pid_t process, size_t size, cpu_set_t* set);
int __wrap_sched_getaffinity(pid_t process, size_t size, cpu_set_t* set) {
  return faults::fails(Call::sched_getaffinity) ? faults::fail(EPERM) : __real_sched_getaffinity(process, size, set);
}

int __real_sched_setaffinity(pid_t, size_t, const cpu_set_t*);
int __wrap_sched_setaffinity(pid_t process, size_t size, const cpu_set_t* set);
int __wrap_sched_setaffinity(pid_t process, size_t size, const cpu_set_t* set) {
  return faults::fails(Call::sched_setaffinity) ? faults::fail(EPERM) : __real_sched_setaffinity(process, size, set);
}

}  // extern "C"
