// What a machine can do: f32 multiply-adds that stay in registers, and reading and copying memory that no cache holds.
//
//   build/tests/bench/peak [--threads=N] [--seconds=S]      one line of JSON; the best of several rounds
//
// Quantities: GFLOP/s (a multiply-add is two), GB/s of bytes read, and GB/s of bytes read plus written. Threads are not
// pinned; each has data of its own.
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

#if defined(__x86_64__)
[[gnu::target("avx512f,fma")]] double with_avx512(float seed) { return multiply_add<64>(seed); }
[[gnu::target("avx2,fma")]] double with_avx2(float seed) { return multiply_add<32>(seed); }
double with_sse2(float seed) { return multiply_add<16>(seed); }

Kernel kernel() {
  if (__builtin_cpu_supports("avx512f")) return {with_avx512, 16};
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return {with_avx2, 8};
  return {with_sse2, 4};
}
#else
double with_vectors(float seed) { return multiply_add<16>(seed); }

Kernel kernel() { return {with_vectors, 4}; }
#endif

struct Memory {
  static constexpr size_t bytes = size_t{256} << 20;  // more than a last-level cache holds
  std::unique_ptr<char[]> from{new char[bytes]}, to{new char[bytes]};

  Memory() {
    std::memset(from.get(), 1, bytes);
    std::memset(to.get(), 2, bytes);
  }

  uint64_t read() const {
    typedef uint64_t Vector __attribute__((vector_size(64), aligned(1)));
    Vector total[8] = {};
    for (size_t at = 0; at < bytes; at += sizeof total)
#pragma GCC unroll 8
      for (int i = 0; i < 8; ++i) total[i] ^= *reinterpret_cast<const Vector*>(from.get() + at + 64 * i);
    for (int i = 1; i < 8; ++i) total[0] ^= total[i];
    return total[0][0];
  }
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
  std::vector<Memory> memories(workers);
  volatile uint64_t seen = 0;
  const double read = least_seconds(workers, seconds, [&](unsigned t) { seen = memories[t].read(); });
  const double copy = least_seconds(workers, seconds, [&](unsigned t) { std::memcpy(memories[t].to.get(), memories[t].from.get(), Memory::bytes); });
  const double operations = 2.0 * sums * steps * best.lanes * workers, bytes = static_cast<double>(Memory::bytes) * workers;
  std::printf("{\"threads\": %u, \"gflops\": %.2f, \"read_gbs\": %.2f, \"copy_gbs\": %.2f}\n", workers, operations / compute / 1e9,
              bytes / read / 1e9, 2 * bytes / copy / 1e9);
  return 0;
}
