// Refuses the N-th allocation or the N-th call of the operating system, and counts what is still held.
//
//   Faults faults;
//   faults.refuse(Call::mmap, 3, Refusal::once);     // the fourth call of mmap fails, the fifth does not
//   faults.allocator();                              // allocations are Call::allocate
//   faults.held();                                   // memory, mappings, files and threads that were not given back
//
// system.cpp puts itself between the runtime and the C library (the linker's --wrap). One Faults at a time. Threads: any.
#pragma once
#include <atomic>
#include <cstdint>

#include "halcyon/allocator.hpp"

namespace faults {

using namespace halcyon;

enum class Call : uint8_t {
  allocate,
  // fail with an error that comes out
  mmap, mprotect, open, fstat, stat, read, pthread_create,
  // whose failure changes nothing: a read that was interrupted or came short, threads that do not move
  read_interrupted, read_short, sched_getaffinity, sched_setaffinity,
  count_
};
const char* name(Call call);

enum class Refusal : uint8_t { once, from_there_on };

// What has been taken and not given back.
struct Held {
  int64_t allocations = 0, mappings = 0, files = 0, threads = 0;
  int64_t wrong_releases = 0;  // of memory that was not allocated, or with another size or alignment
  bool operator==(const Held&) const = default;
};

class Faults {
 public:
  Faults();
  ~Faults();
  Faults(const Faults&) = delete;
  Faults& operator=(const Faults&) = delete;

  void refuse(Call call, uint64_t number, Refusal refusal);
  void stop_refusing() { call_.store(Call::count_); }
  uint64_t calls(Call call) const { return calls_[static_cast<size_t>(call)].load(); }
  uint64_t refused() const { return refused_.load(); }
  Held held() const;
  Allocator allocator();

  // For system.cpp: counts one call; true where it shall fail.
  bool fails(Call call);
  static Faults* current();
  std::atomic<int64_t> mappings{0}, files{0}, threads{0};

 private:
  std::atomic<uint64_t> calls_[static_cast<size_t>(Call::count_)] = {};
  std::atomic<Call> call_{Call::count_};
  std::atomic<uint64_t> number_{0}, refused_{0};
  std::atomic<Refusal> refusal_{Refusal::once};
};

}  // namespace faults
