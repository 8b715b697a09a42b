// The halcyon command: `halcyon VERB ...`.
#include <cstdio>
#include <cstring>

#include "devices.hpp"
#include "fail.hpp"
#include "verbs.hpp"

namespace {

constexpr char usage[] =
    "halcyon run     FILE.hcm [--device=NAME] [--driver=FILE.so]... [--function=NAME] [--threads=N] [--input=VALUE]...\n"
    "                [--output=@y.npy]... [--expect=@y.npy]... [--rtol=R] [--atol=A] [--parameters=SCOPE=FILE]...\n"
    "                [--calls=N] [--transfers]\n"
    "halcyon bench   FILE.hcm [--device --driver --function --threads --input --parameters as for run] [--seconds=S] [--json]\n"
    "                [--by-dispatch [--peak=GFLOPS,GBS]]\n"
    "halcyon inspect FILE.hcm [--json]\n"
    "halcyon verify  FILE.hcm\n"
    "halcyon devices [--device=NAME]... [--driver=FILE.so]... [--json]\n"
    "\n"
    "NAME of a device: cpu, cpu:unmappable, null, with options as in cpu,guard=1; checked:NAME checks how NAME is used.\n"
    "--driver adds a driver from a shared object, which is code that runs: open only what you trust.\n"
    "VALUE: @x.npy, 2x3xf32=1,2,3,4,5,6, 2x3xf32=random, f32=1 (a scalar), 2x3xi64=0 (one value fills all).\n"
    "--expect holds if |a-b| <= rtol*|b| + atol*max|b| for every element; default rtol 0, atol 1e-4.\n"
    "--calls repeats the call: variables keep their values, donated arguments take the results that live in them.\n"
    "--by-dispatch times each kernel, by the op of the model, slowest first: its least time, rates, and share of --peak.\n"
    "--transfers prints how often and how much the calls copied between host and device.\n"
    "Exit status: 0; 1 for a failure or an expectation that does not hold; 2 for a wrong command line.\n";

struct Verb {
  const char* name;
  int (*run)(const tools::Words& words);
};
constexpr Verb verbs[] = {{"run", tools::run},
                          {"bench", tools::bench},
                          {"inspect", tools::inspect},
                          {"verify", tools::verify},
                          {"devices", tools::devices}};

}  // namespace

int main(int count, char** words) {
  if (count < 2) {
    std::fputs(usage, stderr);
    return 2;
  }
  if (std::strcmp(words[1], "--help") == 0 || std::strcmp(words[1], "-h") == 0) {
    std::fputs(usage, stdout);
    return 0;
  }
  for (const Verb& verb : verbs) {
    if (std::strcmp(words[1], verb.name) != 0) continue;
    tools::set_command(std::string("halcyon ") + verb.name);
    const int status = verb.run(tools::Words(words + 2, words + count));
    return status == 0 && tools::fault_count() != 0 ? 1 : status;
  }
  tools::fail_usage(std::string("no verb is called '") + words[1] + "'; there are run, bench, inspect, verify, devices");
}
