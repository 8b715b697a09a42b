// Many threads use the same devices in every way at once, for a while: soak [--seconds=N] [--threads=N] [--seed=N]. Every result
// is checked, and at the end nothing is left. Prints its seed; ends at the first thing that is wrong.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "soak.hpp"

// Tests ask for more memory than there is: sanitizers shall answer as the C library does.
extern "C" const char* __asan_default_options() { return "allocator_may_return_null=1"; }
extern "C" const char* __tsan_default_options() { return "allocator_may_return_null=1"; }

namespace soak {

const Worker::Named Worker::actions[] = {
    {"call_now", &Worker::call_now},
    {"call_later", &Worker::call_later},
    {"call_wrongly", &Worker::call_wrongly},
    {"call_without_memory", &Worker::call_without_memory},
    {"load_own", &Worker::load_own},
    {"use_memory", &Worker::use_memory},
    {"use_memory_later", &Worker::use_memory_later},
    {"run_graph", &Worker::run_graph},
    {"tally_together", &Worker::tally_together},
    {"fail_a_kernel", &Worker::fail_a_kernel},
    {"fail_a_semaphore", &Worker::fail_a_semaphore},
    {"wait_in_vain", &Worker::wait_in_vain},
    {"submit_wrongly", &Worker::submit_wrongly},
    {"trim", &Worker::trim},
};

void Soak::post(Letter letter) {
  const std::lock_guard lock(mutex_);
  letters_.push_back(std::move(letter));
}

bool Soak::deliver() {
  Letter letter;
  {
    const std::lock_guard lock(mutex_);
    if (letters_.empty()) return false;
    letter = std::move(letters_.front());
    letters_.pop_front();
  }
  if (!letter.failure.ok()) {
    letter.semaphore->fail(letter.failure);
  } else if (const Status status = letter.semaphore->signal(letter.value); !status.ok()) {
    std::fprintf(stderr, "soak: a letter could not be delivered: %s\n", status.what());
    ++failures;
    stop = true;
  }
  return true;
}

void Worker::run() {
  while (!soak_.stop) {
    const Named& next = actions[below(std::size(actions))];
    machine_ = soak_.machines[below(soak_.machines.size())].get();
    action = next.name;
    if (!(this->*next.action)(*machine_)) break;
    ++soak_.done;
    soak_.deliver();
  }
  action = "nothing";
}

std::vector<uint32_t> Worker::numbers(size_t count) {
  std::vector<uint32_t> values(count);
  for (uint32_t& value : values) value = static_cast<uint32_t>(random_());
  return values;
}

bool Worker::check(bool holds, const char* what) {
  if (holds) return true;
  std::fprintf(stderr, "soak: seed %llu, thread %u, %s on %s: wrong: %s\n", static_cast<unsigned long long>(soak_.seed), index_,
               action.load(), machine_->name.c_str(), what);
  ++soak_.failures;
  soak_.stop = true;
  return false;
}

bool Worker::check(const Status& status, Code code, const char* what) {
  if (status.code() == code) return true;
  char text[256];
  std::fprintf(stderr, "soak: seed %llu, thread %u, %s on %s: %s should be %s, is %s\n", static_cast<unsigned long long>(soak_.seed), index_,
               action.load(), machine_->name.c_str(), what, std::string(name(code)).c_str(), std::string(describe(status, text)).c_str());
  ++soak_.failures;
  soak_.stop = true;
  return false;
}

Status Worker::patiently(hal::Device& device, std::span<const hal::Timepoint> points, hal::Wait mode) {
  for (;;) {
    const Status status = device.wait(points, mode, 1'000'000);
    if (status.code() != Code::timeout) return status;
    soak_.deliver();
  }
}

Code Worker::let_go(const Ref<hal::Semaphore>& semaphore, bool may_fail) {
  Soak::Letter letter{semaphore, 1, {}};
  if (may_fail && once_in(5)) letter.failure = Status(Code::device_lost, "a semaphore failed on purpose");
  const Code code = letter.failure.code();
  if (once_in(3)) {
    if (code == Code::ok)
      check(semaphore->signal(1), "signal");
    else
      semaphore->fail(letter.failure);
  } else {
    soak_.post(std::move(letter));
  }
  return code;
}

namespace {

uint64_t option(int argc, char** argv, const char* name, uint64_t value) {
  const size_t length = std::strlen(name);
  for (int i = 1; i < argc; ++i)
    if (std::strncmp(argv[i], name, length) == 0) value = std::strtoull(argv[i] + length, nullptr, 10);
  return value;
}

int run(int argc, char** argv) {
  const auto clock = [] { return std::chrono::steady_clock::now(); };
  Soak soak;
  soak.seed = option(argc, argv, "--seed=", std::random_device()() % 1'000'000);
  const uint64_t seconds = option(argc, argv, "--seconds=", 20), threads = option(argc, argv, "--threads=", 8);
  std::printf("soak: seed %llu, %llu threads, %llu s\n", static_cast<unsigned long long>(soak.seed), static_cast<unsigned long long>(threads),
              static_cast<unsigned long long>(seconds));
  std::fflush(stdout);
  const auto add = [&](const char* name, const cpu::DeviceOptions& device, bool is_checked = false) {
    soak.machines.push_back(std::make_unique<Machine>(name, device, is_checked));
  };
  add("cpu", {});
  add("cpu,threads=2", {.threads = 2});
  add("cpu:unmappable", {.mappable = false});
  add("cpu,queue=1", {.queue = true});
  add("checked(cpu)", {}, true);
  add("checked(cpu:unmappable,threads=2,queue=1)", {.mappable = false, .threads = 2, .queue = true}, true);

  std::vector<std::unique_ptr<Worker>> workers;
  std::vector<std::thread> running;
  for (uint32_t i = 0; i < threads; ++i) workers.push_back(std::make_unique<Worker>(soak, i));
  for (const auto& worker : workers) running.emplace_back([&worker] { worker->run(); });

  // A minute in which nobody finishes anything is a deadlock: better a line on where than none.
  const auto end = clock() + std::chrono::seconds(seconds);
  auto moved = clock();
  for (uint64_t before = 0; !soak.stop && clock() < end; std::this_thread::sleep_for(std::chrono::milliseconds(50))) {
    if (soak.done != std::exchange(before, soak.done.load())) moved = clock();
    if (clock() - moved < std::chrono::seconds(60)) continue;
    std::fprintf(stderr, "soak: seed %llu: nothing moves\n", static_cast<unsigned long long>(soak.seed));
    for (size_t i = 0; i < workers.size(); ++i) std::fprintf(stderr, "  thread %zu: %s\n", i, workers[i]->action.load());
    std::abort();
  }
  soak.stop = true;
  for (std::thread& thread : running) thread.join();
  while (soak.deliver()) {
  }
  for (const auto& machine : soak.machines)
    if (const std::string left = machine->end(); !left.empty()) {
      std::fprintf(stderr, "soak: %s\n", left.c_str());
      ++soak.failures;
    }
  std::printf("soak: %llu actions, %llu failures\n", static_cast<unsigned long long>(soak.done.load()),
              static_cast<unsigned long long>(soak.failures.load()));
  return soak.failures == 0 && soak.done > 0 ? 0 : 1;
}

}  // namespace
}  // namespace soak

int main(int argc, char** argv) { return soak::run(argc, argv); }
