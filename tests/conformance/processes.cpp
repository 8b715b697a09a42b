#include "processes.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <vector>

#include "fail.hpp"

namespace conformance {
namespace {

using Clock = std::chrono::steady_clock;

struct Process {
  pid_t pid = 0;
  int pipe = -1;
  Clock::time_point end;
  Ended result;
};

[[noreturn]] void be_child(int pipe, size_t index, const std::function<int(size_t)>& work) {
  setpgid(0, 0);
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  dup2(pipe, STDOUT_FILENO);
  dup2(pipe, STDERR_FILENO);
  const int status = work(index);
  std::fflush(stdout);
  std::fflush(stderr);
  _exit(status);
}

Process start(size_t index, double limit_s, const std::function<int(size_t)>& work) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) tools::fail(std::string("pipe: ") + std::strerror(errno));
  std::fflush(stdout);
  std::fflush(stderr);
  Process made;
  made.pid = fork();
  if (made.pid < 0) tools::fail(std::string("fork: ") + std::strerror(errno));
  if (made.pid == 0) be_child(ends[1], index, work);
  setpgid(made.pid, made.pid);
  close(ends[1]);
  made.pipe = ends[0];
  made.end = Clock::now() + std::chrono::milliseconds(static_cast<int64_t>(limit_s * 1000));
  made.result.index = index;
  return made;
}

// False once the other end is closed.
bool read_some(Process& process) {
  constexpr size_t kept = 65536;
  char bytes[4096];
  const ssize_t count = read(process.pipe, bytes, sizeof bytes);
  if (count < 0) return errno == EINTR || errno == EAGAIN;
  std::string& output = process.result.output;
  output.append(bytes, static_cast<size_t>(count));
  if (output.size() > kept) output.erase(0, output.size() - kept);
  return count > 0;
}

void finish(Process& process) {
  // What the work itself started and left must not hold the pipe, or live on.
  kill(-process.pid, SIGKILL);
  int status = 0;
  while (waitpid(process.pid, &status, 0) < 0 && errno == EINTR) {
  }
  close(process.pipe);
  if (WIFSIGNALED(status)) process.result.signal = WTERMSIG(status);
  else process.result.exit_status = WEXITSTATUS(status);
}

int milliseconds_left(const std::vector<Process>& running) {
  auto first = Clock::time_point::max();
  for (const Process& process : running) first = std::min(first, process.end);
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(first - Clock::now()).count();
  return static_cast<int>(std::max<int64_t>(left + 1, 0));
}

}  // namespace

void run_processes(size_t count, unsigned jobs, double limit_s, const std::function<int(size_t)>& work,
                   const std::function<void(const Ended&)>& ended) {
  std::vector<Process> running;
  size_t next = 0;
  while (next < count || !running.empty()) {
    while (next < count && running.size() < std::max(jobs, 1u)) running.push_back(start(next++, limit_s, work));
    std::vector<pollfd> waits;
    for (const Process& process : running) waits.push_back({process.pipe, POLLIN, 0});
    if (poll(waits.data(), waits.size(), milliseconds_left(running)) < 0 && errno != EINTR)
      tools::fail(std::string("poll: ") + std::strerror(errno));
    const auto now = Clock::now();
    for (size_t i = running.size(); i-- > 0;) {
      Process& process = running[i];
      const bool open = waits[i].revents == 0 || read_some(process);
      if (open && now < process.end) continue;
      process.result.timed_out = open;
      if (!open) {
        // It closed its output: it is about to end, and must not be killed while it does.
        siginfo_t info;
        while (waitid(P_PID, static_cast<id_t>(process.pid), &info, WEXITED | WNOWAIT) < 0 && errno == EINTR) {
        }
      }
      finish(process);
      ended(process.result);
      running.erase(running.begin() + static_cast<ptrdiff_t>(i));
    }
  }
}

}  // namespace conformance
