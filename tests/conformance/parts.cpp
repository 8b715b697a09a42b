// The runner's parts: processes that crash or hang, the rule of closeness, the list.
#define CATCH_CONFIG_MAIN
#define CATCH_CONFIG_NO_POSIX_SIGNALS
#include <catch2/catch.hpp>

#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>

#include "closeness.hpp"
#include "expected.hpp"
#include "import/onnx/wire/Model.h"
#include "processes.hpp"
#include "summary.hpp"

using namespace conformance;
using halcyon::ElementType;
using tools::HostTensor;

namespace {

Ended run_one(double limit_s, const std::function<int(size_t)>& work) {
  Ended found;
  run_processes(1, 1, limit_s, work, [&](const Ended& ended) { found = ended; });
  return found;
}

HostTensor floats(ElementType type, const std::vector<float>& values) {
  HostTensor tensor{type, {static_cast<int64_t>(values.size())}, std::vector<std::byte>(values.size() * type.bits / 8)};
  for (size_t i = 0; i < values.size(); ++i) set_element(tensor, i, static_cast<long double>(values[i]));
  return tensor;
}

bool close(const std::vector<float>& actual, const std::vector<float>& reference, ElementType type = ElementType::f32) {
  return difference(floats(type, actual), floats(type, reference), 1e-3, 1e-7).empty();
}

struct File {
  explicit File(const std::string& text) {
    const int file = mkstemp(path.data());
    if (file < 0 || write(file, text.data(), text.size()) != static_cast<ssize_t>(text.size())) std::abort();
    ::close(file);
  }
  ~File() { std::remove(path.c_str()); }
  std::string path = "/tmp/halcyon_conformance_XXXXXX";
};

}  // namespace

TEST_CASE("a process's output and exit status come back") {
  const Ended ended = run_one(60, [](size_t) { return std::printf("hello\n"), 12; });

  REQUIRE(ended.output == "hello\n");
  REQUIRE(ended.exit_status == 12);
  REQUIRE(outcome_of(ended, "t").status == Status::run_error);
}

TEST_CASE("a process that crashes is one row") {
  const Ended ended = run_one(60, [](size_t) -> int { std::abort(); });

  REQUIRE(outcome_of(ended, "t").status == Status::crash);
}

TEST_CASE("a process that hangs is ended at the limit") {
  const Ended ended = run_one(0.1, [](size_t) -> int {
    for (;;) pause();
  });

  REQUIRE(outcome_of(ended, "t").status == Status::timeout);
}

TEST_CASE("a process that leaves another behind ends all the same") {
  const Ended ended = run_one(0.1, [](size_t) {
    if (fork() == 0)
      for (;;) pause();
    return 0;
  });

  REQUIRE(ended.timed_out);
}

TEST_CASE("every index runs once, also more than fit at a time") {
  std::vector<int> seen(20);
  run_processes(20, 3, 60, [](size_t index) { return static_cast<int>(index); },
                [&](const Ended& ended) { seen[ended.index] += ended.exit_status == static_cast<int>(ended.index); });

  REQUIRE(seen == std::vector<int>(20, 1));
}

TEST_CASE("a compiler's error is the reason, without the names of file and node") {
  Ended ended;
  ended.exit_status = exit_compile_error;
  ended.output = "halcyonc: /x/model.onnx: warning: w\nhalcyonc: /x/model.onnx: error: unsupported operators: Foo ('a', 'b'), Bar ('c')\nmore\n";
  REQUIRE(outcome_of(ended, "t").status == Status::unsupported);
  REQUIRE(outcome_of(ended, "t").reason == "unsupported operators: Foo, Bar");

  ended.output = "halcyonc: /x/model.onnx: 'Foo_0': error: node 'Foo_0' (Foo): input 0 is missing\n";
  REQUIRE(outcome_of(ended, "t").status == Status::compile_error);
  REQUIRE(outcome_of(ended, "t").reason == "Foo: input 0 is missing");
}

TEST_CASE("closeness is numpy's assert_allclose") {
  const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();

  REQUIRE(close({1000, 0}, {1000.9f, 0.9e-7f}));
  REQUIRE_FALSE(close({1000}, {1001.1f}));
  REQUIRE_FALSE(close({2e-7f}, {0}));
  REQUIRE(close({nan, infinity}, {nan, infinity}));
  REQUIRE_FALSE(close({0}, {nan}));
  REQUIRE_FALSE(close({nan}, {0}));
  REQUIRE_FALSE(close({infinity}, {-infinity}));
  REQUIRE_FALSE(close({1e30f}, {infinity}));
  REQUIRE_FALSE(close({1, 2}, {1}));
  REQUIRE(close({1.01f}, {1}, ElementType::bf16));
  REQUIRE_FALSE(close({1.01f}, {1}, ElementType::f16));
  REQUIRE_FALSE(difference(floats(ElementType::f16, {1}), floats(ElementType::f32, {1}), 1e-3, 1e-7).empty());
}

TEST_CASE("a tensor's file is read, or refused with a line that names what is wrong") {
  // dims 2, element type f32, raw_data of 8 bytes
  const std::string good("\x08\x02\x10\x01\x4a\x08\x00\x00\x80\x3f\x00\x00\x00\x40", 14);
  std::string error;
  const auto tensor = halcyon::onnx::openTensor(File(good).path, error);
  REQUIRE(tensor);
  REQUIRE(tensor->dims == std::vector<int64_t>{2});
  REQUIRE(tensor->bytes.view.size() == 8);

  std::string bad = good;
  bad[1] = 3;  // three elements of four bytes
  REQUIRE_FALSE(halcyon::onnx::openTensor(File(bad).path, error));
  REQUIRE(error.find("expected 12 bytes, got 8") != std::string::npos);
  REQUIRE_FALSE(halcyon::onnx::openTensor(File(good.substr(0, 9)).path, error));
  REQUIRE(error == "not an ONNX tensor: protobuf cannot parse it");
  REQUIRE_FALSE(halcyon::onnx::openTensor("/nonexistent/x.pb", error));
  REQUIRE_FALSE(error.empty());
}

TEST_CASE("a list comes back from its file, and names what changed") {
  const Outcomes list{{"a/x", {Status::wrong, "values"}}, {"a/y", {Status::unsupported, "operators: Foo"}}};
  const File file("");
  write_expected(file.path, list);
  const Outcomes read = read_expected(file.path);

  REQUIRE(read.size() == 2);
  REQUIRE(read.at("a/y").reason == "operators: Foo");
  REQUIRE(surprise("a/x", {Status::wrong, "cpu: output 0: 1 of 2 elements differ"}, read).empty());
  REQUIRE(surprise("a/z", {}, read).empty());
  REQUIRE(surprise("a/x", {}, read) == "a/x: expected wrong, got pass");
  REQUIRE(surprise("a/z", {Status::crash, "Aborted"}, read) == "a/z: expected pass, got crash: Aborted");
  REQUIRE(surprise("a/y", {Status::wrong, "output 0"}, read) == "a/y: expected unsupported, got wrong: output 0");
}

TEST_CASE("a test that fails for another reason than the list's is a surprise") {
  const Outcomes list{{"x", {Status::wrong, "values: one unit in the last place"}}, {"y", {Status::unsupported, "Foo"}}};

  REQUIRE(surprise("x", {Status::wrong, "cpu: output 0: 1 of 2 elements differ"}, list).empty());
  REQUIRE(surprise("x", {Status::wrong, "cpu: expected 1 results, got 2"}, list) ==
          "x: expected wrong: values: one unit in the last place, got wrong: cpu: expected 1 results, got 2");
  REQUIRE(surprise("y", {Status::unsupported, "Foo"}, list).empty());
  REQUIRE(surprise("y", {Status::unsupported, "Foot"}, list) == "y: expected unsupported: Foo, got unsupported: Foot");
}

TEST_CASE("an updated list keeps what was written by hand while the reason stays") {
  const Outcomes before{{"x", {Status::wrong, "values: by hand"}}, {"y", {Status::unsupported, "old"}}, {"z", {Status::crash, "gone"}}};
  const Outcomes list = to_list({{"x", {Status::wrong, "cpu: output 0: 1 of 2 elements differ"}},
                                 {"y", {Status::unsupported, "new"}},
                                 {"z", {}},
                                 {"w", {Status::wrong, "cpu: output 0: 1 of 2 elements differ"}}},
                                before);

  REQUIRE(list.at("x").reason == "values: by hand");
  REQUIRE(list.at("y").reason == "new");
  REQUIRE(list.at("w").reason == "values");
  REQUIRE(list.count("z") == 0);
}

TEST_CASE("the table counts what is excluded apart") {
  const std::vector<Case> cases{{"node/a", 0, 0, ""}, {"node/b", 0, 0, "strings"}, {"light/c", 0, 0, ""}};
  const std::string table = summary(cases, {{"node/a", {}}, {"node/b", {Status::wrong, ""}}, {"light/c", {}}});
  const File file("# x\n<!-- table -->\nold\n<!-- end -->\nrest\n");
  REQUIRE_FALSE(has_summary(file.path, table));
  write_summary(file.path, table);

  REQUIRE(has_summary(file.path, table));
  REQUIRE(table.find("| node, ordinary types | 1 | 1 | 100.0 % |") != std::string::npos);
  REQUIRE(table.find("| node, not ordinary: strings | 0 | 1 | 0.0 % |") != std::string::npos);
  REQUIRE(table.find("| all | 2 | 3 | 66.7 % |") != std::string::npos);
}
