// halcyon/platform.hpp -- the only contact with the operating system: files, pages, threads, time, shared objects.
//
//   platform::Lock lock(mutex);
//   while (!ready) condition.wait(mutex);
//
// Nothing here throws or allocates. Owned by its user, never moved while in use. Threads: as their names say.
#pragma once
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#if defined(__linux__)
#include <linux/futex.h>
#include <sys/syscall.h>
#endif

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <span>

#include "halcyon/status.hpp"

HALCYON_NAMESPACE_BEGIN
namespace platform {

// Nanoseconds of a clock that never goes back.
inline uint64_t monotonic_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(now.tv_nsec);
}

inline timespec to_timespec(uint64_t ns) {
  timespec time{};
  time.tv_sec = static_cast<time_t>(ns / 1'000'000'000u);
  time.tv_nsec = static_cast<long>(ns % 1'000'000'000u);
  return time;
}

// `timeout_ns` from now as a point of monotonic_ns(); UINT64_MAX stays "never".
inline uint64_t deadline_after(uint64_t timeout_ns) {
  if (timeout_ns == UINT64_MAX) return UINT64_MAX;
  const uint64_t now = monotonic_ns();
  return timeout_ns > UINT64_MAX - now ? UINT64_MAX : now + timeout_ns;
}

// From now until a point of monotonic_ns(); 0 where it has passed, UINT64_MAX for "never".
inline uint64_t time_left(uint64_t deadline_ns) {
  if (deadline_ns == UINT64_MAX) return UINT64_MAX;
  const uint64_t now = monotonic_ns();
  return deadline_ns > now ? deadline_ns - now : 0;
}

// How many processors this process may run on.
inline uint32_t processor_count() {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) {
    const int count = CPU_COUNT(&set);
    if (count > 0) return static_cast<uint32_t>(count);
  }
#endif
  const long online = sysconf(_SC_NPROCESSORS_ONLN);
  return online > 0 ? static_cast<uint32_t>(online) : 1;
}

inline void yield_thread() { sched_yield(); }

// A hint in a spin loop.
inline void spin_pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield" ::: "memory");
#endif
}

// ---- threads ------------------------------------------------------------------------------------------

class Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;
  ~Mutex() { pthread_mutex_destroy(&mutex_); }
  void lock() { pthread_mutex_lock(&mutex_); }
  void unlock() { pthread_mutex_unlock(&mutex_); }

 private:
  friend class Condition;
  pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
};

class Lock {
 public:
  explicit Lock(Mutex& mutex) : mutex_(mutex) { mutex_.lock(); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;
  ~Lock() { mutex_.unlock(); }

 private:
  Mutex& mutex_;
};

class Condition {
 public:
  Condition() {
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
#if !defined(__APPLE__)
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
#endif
    pthread_cond_init(&condition_, &attributes);
    pthread_condattr_destroy(&attributes);
  }
  Condition(const Condition&) = delete;
  Condition& operator=(const Condition&) = delete;
  ~Condition() { pthread_cond_destroy(&condition_); }

  // The caller holds `mutex`. May return without a notification.
  void wait(Mutex& mutex) { pthread_cond_wait(&condition_, &mutex.mutex_); }
  // False once monotonic_ns() has reached `deadline_ns` (UINT64_MAX: never).
  bool wait_until(Mutex& mutex, uint64_t deadline_ns) {
    if (deadline_ns == UINT64_MAX) {
      wait(mutex);
      return true;
    }
#if defined(__APPLE__)
    const uint64_t now = monotonic_ns();
    if (deadline_ns <= now) return false;
    const timespec rest = to_timespec(deadline_ns - now);
    return pthread_cond_timedwait_relative_np(&condition_, &mutex.mutex_, &rest) != ETIMEDOUT;
#else
    const timespec until = to_timespec(deadline_ns);
    return pthread_cond_timedwait(&condition_, &mutex.mutex_, &until) != ETIMEDOUT;
#endif
  }
  void notify_all() { pthread_cond_broadcast(&condition_); }

 private:
  pthread_cond_t condition_;
};

// A thread that runs `entry(user)`. Must be joined before it goes.
class Thread {
 public:
  Thread() = default;
  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;
  ~Thread() { HALCYON_ASSERT(!running_); }

  Status start(void (*entry)(void* user), void* user) {
    HALCYON_ASSERT(!running_);
    start_ = {entry, user};
    const int error = pthread_create(
        &thread_, nullptr,
        [](void* argument) -> void* {
          const Start start = *static_cast<Start*>(argument);
          start.entry(start.user);
          return nullptr;
        },
        &start_);
    if (error != 0) return {Code::out_of_memory, "Thread: the system starts no more threads", {}, error};
    running_ = true;
    return {};
  }
  void join() {
    if (!running_) return;
    pthread_join(thread_, nullptr);
    running_ = false;
  }
  bool running() const { return running_; }

 private:
  struct Start {
    void (*entry)(void* user) = nullptr;
    void* user = nullptr;
  };
  pthread_t thread_{};
  Start start_;
  bool running_ = false;
};

// Sleeps while `word` is `expected`, until futex_wake or `timeout_ns`; may return without a reason.
inline void futex_wait(std::atomic<uint32_t>& word, uint32_t expected, uint64_t timeout_ns = UINT64_MAX) {
#if defined(__linux__)
  timespec timeout{};
  const bool limited = timeout_ns != UINT64_MAX;
  if (limited) timeout = to_timespec(timeout_ns);
  syscall(SYS_futex, reinterpret_cast<uint32_t*>(&word), FUTEX_WAIT_PRIVATE, expected, limited ? &timeout : nullptr, nullptr, 0);
#else
  if (word.load(std::memory_order_acquire) != expected) return;
  const timespec pause = to_timespec(timeout_ns < 50'000 ? timeout_ns : 50'000);
  nanosleep(&pause, nullptr);
#endif
}

inline void futex_wake(std::atomic<uint32_t>& word, int waiters = INT32_MAX) {
#if defined(__linux__)
  syscall(SYS_futex, reinterpret_cast<uint32_t*>(&word), FUTEX_WAKE_PRIVATE, waiters, nullptr, nullptr, 0);
#else
  (void)word;
  (void)waiters;
#endif
}

// ---- pages --------------------------------------------------------------------------------------------

enum class Protection : uint8_t { none, read, read_write, read_execute };

inline int to_native(Protection protection) {
  switch (protection) {
    case Protection::none: return PROT_NONE;
    case Protection::read: return PROT_READ;
    case Protection::read_write: return PROT_READ | PROT_WRITE;
    case Protection::read_execute: return PROT_READ | PROT_EXEC;
  }
  return PROT_NONE;
}

inline size_t page_size() {
  const long size = sysconf(_SC_PAGESIZE);
  return size > 0 ? static_cast<size_t>(size) : 4096;
}

// Zeroed pages, page-aligned; null where there are none left. The last page is taken whole, and unmapped whole.
inline void* map_pages(size_t size, Protection protection) {
  void* memory = mmap(nullptr, size, to_native(protection), MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}
inline bool protect_pages(void* memory, size_t size, Protection protection) {
  return mprotect(memory, size, to_native(protection)) == 0;
}
inline void unmap_pages(void* memory, size_t size) { munmap(memory, size); }

// ---- files --------------------------------------------------------------------------------------------

// `error` 0: it is there, but no file.
inline Status file_error(int error) {
  if (error == 0) return {Code::failed_precondition, "open: not a regular file"};
  if (error == ENOENT || error == ENOTDIR) return {Code::not_found, "open: no such file", {}, error};
  if (error == EACCES || error == EPERM) return {Code::failed_precondition, "open: permission denied", {}, error};
  return {error == ENOMEM ? Code::out_of_memory : Code::failed_precondition, "open: the file cannot be read", {}, error};
}

// A file's bytes, mapped read-only and shared with every process that maps it. An empty file is an empty span.
inline Result<std::span<const std::byte>> map_file(const char* path) {
  const int file = ::open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return file_error(errno);
  struct stat status {};
  const int unknown = fstat(file, &status) != 0 ? errno : 0;
  if (unknown != 0 || !S_ISREG(status.st_mode)) {
    ::close(file);
    return file_error(unknown);
  }
  const size_t size = static_cast<size_t>(status.st_size);
  if (size == 0) {
    ::close(file);
    return std::span<const std::byte>();
  }
  void* memory = mmap(nullptr, size, PROT_READ, MAP_SHARED, file, 0);
  const int error = errno;
  ::close(file);
  if (memory == MAP_FAILED) return file_error(error);
  return std::span<const std::byte>(static_cast<const std::byte*>(memory), size);
}

inline void unmap_file(std::span<const std::byte> bytes) {
  if (!bytes.empty()) munmap(const_cast<std::byte*>(bytes.data()), bytes.size());
}

// Copies all of `source`'s `bytes.size()` bytes; for files that may change while they are in use.
inline Status read_file(const char* path, std::span<std::byte> bytes) {
  const int file = ::open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return file_error(errno);
  size_t done = 0;
  int error = 0;
  while (done < bytes.size()) {
    const ssize_t count = ::read(file, bytes.data() + done, bytes.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      error = count < 0 ? errno : EIO;
      break;
    }
    done += static_cast<size_t>(count);
  }
  ::close(file);
  return error == 0 ? Status() : file_error(error);
}

inline Result<uint64_t> file_size(const char* path) {
  struct stat status {};
  if (::stat(path, &status) != 0) return file_error(errno);
  if (!S_ISREG(status.st_mode)) return file_error(0);
  return static_cast<uint64_t>(status.st_size);
}

// ---- shared objects -----------------------------------------------------------------------------------

// The object in file `path`, which has a slash: without one the system would search for a library. Its symbols stay
// its own. Null where it does not load; library_error() says why.
inline void* open_library(const char* path) { return dlopen(path, RTLD_NOW | RTLD_LOCAL); }
inline void* find_symbol(void* library, const char* name) { return dlsym(library, name); }
inline void close_library(void* library) { dlclose(library); }
// Of this thread's last open_library; valid until its next call here.
inline const char* library_error() {
  const char* text = dlerror();
  return text ? text : "";
}

}  // namespace platform
HALCYON_NAMESPACE_END
