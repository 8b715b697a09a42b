// What a machine can do: f32 multiply-adds that stay in registers, and reading and copying memory that no cache holds.
//
//   build/tests/bench/peak [--threads=N] [--seconds=S]      one line of JSON; the best of several rounds
//
// Quantities: GFLOP/s (a multiply-add is two), GB/s of bytes read, and GB/s of bytes read plus written. Threads are not
// pinned; each has data of its own, 512 MiB. How fast memory is read depends on how it is asked for: each of several ways is
// tried, in small and in huge pages, and the best is what `read_gbs` says (one stream of a Zen 5 core 37 GB/s, four 42).
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

#include "halcyon/platform.hpp"

namespace {

using halcyon::platform::monotonic_ns;

// As many sums as hide the latency of a multiply-add on two pipes, fewer than there are registers.
constexpr int sums = 12;
constexpr int steps = 1 << 16;

template <int bytes>
struct VectorOf {
  typedef float type __attribute__((vector_size(bytes)));
};

template <int bytes>
[[gnu::always_inline]] inline double multiply_add(float seed) {
  using Vector = typename VectorOf<bytes>::type;
  Vector total[sums], factor = Vector{} + seed, more = Vector{} + (1 - seed);
  for (int i = 0; i < sums; ++i) total[i] = Vector{} + static_cast<float>(i);
  for (int step = 0; step < steps; ++step)
#pragma GCC unroll 12
    for (int i = 0; i < sums; ++i) total[i] = total[i] * factor + more;
  double all = 0;
  for (int i = 0; i < sums; ++i) all += static_cast<double>(total[i][0]);
  return all;
}

struct Kernel {
  double (*run)(float seed);
  int lanes;
};

// Streams lie one after the other, and each step reads two vectors of every one; `ahead`: bytes that it asks for early.
// `size` is a multiple of what a step reads.
template <int bytes, int streams, int ahead>
[[gnu::always_inline]] inline uint64_t read_streams(const char* from, size_t size) {
  typedef uint64_t Vector __attribute__((vector_size(bytes), aligned(1)));
  constexpr int each = streams == 1 ? 8 : 2;  // enough of them to hide the latency of a load
  const size_t length = size / streams;
  Vector total[streams * each] = {};
  for (size_t at = 0; at < length; at += each * bytes)
#pragma GCC unroll 8
    for (int stream = 0; stream < streams; ++stream)
#pragma GCC unroll 8
      for (int i = 0; i < each; ++i) {
        const char* place = from + static_cast<size_t>(stream) * length + at + i * bytes;
        if (ahead != 0) __builtin_prefetch(place + ahead);
        total[stream * each + i] ^= *reinterpret_cast<const Vector*>(place);
      }
  for (int i = 1; i < streams * each; ++i) total[0] ^= total[i];
  return total[0][0];
}

struct Reader {
  uint64_t (*run)(const char* from, size_t size);
  int streams, ahead;
};

#if defined(__x86_64__)
[[gnu::target("avx512f,fma")]] double with_avx512(float seed) { return multiply_add<64>(seed); }
[[gnu::target("avx2,fma")]] double with_avx2(float seed) { return multiply_add<32>(seed); }
double with_sse2(float seed) { return multiply_add<16>(seed); }

Kernel kernel() {
  if (__builtin_cpu_supports("avx512f")) return {with_avx512, 16};
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return {with_avx2, 8};
  return {with_sse2, 4};
}

template <int streams, int ahead>
[[gnu::target("avx512f")]] uint64_t read_avx512(const char* from, size_t size) { return read_streams<64, streams, ahead>(from, size); }
template <int streams, int ahead>
[[gnu::target("avx2")]] uint64_t read_avx2(const char* from, size_t size) { return read_streams<32, streams, ahead>(from, size); }
template <int streams, int ahead>
uint64_t read_sse2(const char* from, size_t size) { return read_streams<16, streams, ahead>(from, size); }

template <int streams, int ahead>
Reader reader() {
  if (__builtin_cpu_supports("avx512f")) return {read_avx512<streams, ahead>, streams, ahead};
  if (__builtin_cpu_supports("avx2")) return {read_avx2<streams, ahead>, streams, ahead};
  return {read_sse2<streams, ahead>, streams, ahead};
}
#else
double with_vectors(float seed) { return multiply_add<16>(seed); }

Kernel kernel() { return {with_vectors, 4}; }

template <int streams, int ahead>
uint64_t read_vectors(const char* from, size_t size) { return read_streams<16, streams, ahead>(from, size); }

template <int streams, int ahead>
Reader reader() { return {read_vectors<streams, ahead>, streams, ahead}; }
#endif

// More than a last-level cache holds, of the pages that the system gives or of huge ones.
class Memory {
 public:
  static constexpr size_t bytes = size_t{512} << 20, huge_page = size_t{2} << 20;

  explicit Memory(bool huge) : pages_(halcyon::platform::map_pages(bytes + huge_page, halcyon::platform::Protection::read_write)) {
    if (!pages_) {
      std::fprintf(stderr, "peak: no memory for 512 MiB a thread\n");
      std::exit(1);
    }
    const auto begin = (reinterpret_cast<uintptr_t>(pages_) + huge_page - 1) & ~uintptr_t{huge_page - 1};
    data = reinterpret_cast<char*>(begin);
#if defined(__linux__)
    madvise(data, bytes, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
#else
    (void)huge;
#endif
    std::memset(data, 1, bytes);
  }
  Memory(const Memory&) = delete;
  ~Memory() { halcyon::platform::unmap_pages(pages_, bytes + huge_page); }

  char* data = nullptr;

 private:
  void* pages_;
};

// The least time in which all threads have done `work`, of several rounds in `seconds`.
template <class Work>
double least_seconds(unsigned threads, double seconds, Work work) {
  uint64_t least = UINT64_MAX;
  const uint64_t until = monotonic_ns() + static_cast<uint64_t>(seconds * 1e9);
  do {
    std::atomic<unsigned> ready{0};
    std::vector<uint64_t> begins(threads), ends(threads);
    std::vector<std::thread> workers;
    for (unsigned t = 0; t < threads; ++t)
      workers.emplace_back([&, t] {
        ++ready;
        while (ready < threads) {
        }
        begins[t] = monotonic_ns();
        work(t);
        ends[t] = monotonic_ns();
      });
    for (std::thread& worker : workers) worker.join();
    least = std::min(least, *std::max_element(ends.begin(), ends.end()) - *std::min_element(begins.begin(), begins.end()));
  } while (monotonic_ns() < until);
  return static_cast<double>(least) / 1e9;
}

double option(int count, char** words, const char* name, double otherwise) {
  const size_t length = std::strlen(name);
  for (int i = 1; i < count; ++i)
    if (!std::strncmp(words[i], name, length)) return std::atof(words[i] + length);
  return otherwise;
}

}  // namespace

int main(int count, char** words) {
  const double threads = option(count, words, "--threads=", 1), seconds = option(count, words, "--seconds=", 1);
  if (!(threads >= 1 && threads <= 1024) || !(seconds >= 0)) {
    std::fprintf(stderr, "peak: --threads is 1 to 1024, --seconds at least 0\n");
    return 2;
  }
  const auto workers = static_cast<unsigned>(threads);
  const Kernel best = kernel();
  volatile double sink = 0;
  const double compute = least_seconds(workers, seconds, [&](unsigned) { sink = best.run(0.999f); });
  const Reader readers[] = {reader<1, 0>(), reader<1, 1024>(), reader<2, 0>(), reader<2, 1024>(), reader<4, 0>(), reader<4, 1024>()};
  double read = 1e9, copy = 1e9;
  Reader fastest = readers[0];
  bool in_huge_pages = false;
  volatile uint64_t seen = 0;
  for (const bool huge : {false, true}) {
    std::vector<std::unique_ptr<Memory>> memories;
    for (unsigned t = 0; t < workers; ++t) memories.push_back(std::make_unique<Memory>(huge));
    for (const Reader& each : readers) {
      const double took = least_seconds(workers, seconds / 6, [&](unsigned t) { seen = each.run(memories[t]->data, Memory::bytes); });
      if (took >= read) continue;
      read = took, fastest = each, in_huge_pages = huge;
    }
    constexpr size_t half = Memory::bytes / 2;
    copy = std::min(copy, least_seconds(workers, seconds / 2, [&](unsigned t) { std::memcpy(memories[t]->data + half, memories[t]->data, half); }));
  }
  const double operations = 2.0 * sums * steps * best.lanes * workers, bytes = static_cast<double>(Memory::bytes) * workers;
  std::printf("{\"threads\": %u, \"gflops\": %.2f, \"read_gbs\": %.2f, \"copy_gbs\": %.2f, "
              "\"read_by\": {\"streams\": %d, \"ahead\": %d, \"huge_pages\": %s}}\n",
              workers, operations / compute / 1e9, bytes / read / 1e9, bytes / copy / 1e9, fastest.streams, fastest.ahead,
              in_huge_pages ? "true" : "false");
  return 0;
}
