#!/usr/bin/env python3
"""Runs the runtime, the drivers and the command in their sanitized builds: sanitizers.py BUILD [--full].
BUILD-address and BUILD-thread hold them; the artifacts are those that the normal build compiled."""
import concurrent.futures, os, pathlib, platform, subprocess, sys

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent / folder) for folder in ("e2e", "faults", "soak")]
import constructs
import custom_work
import faults
import soak
import suite
from halcyon import ROOT, Tools

ENVIRONMENT = {"ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1:allocator_may_return_null=1",
               "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
               "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1"}
# Artifacts of constructs that the sanitized command runs, and how.
RUNS = [("add", ["--input=4xf32=1,2,3,4", "--input=4xf32=1", "--expect=4xf32=2,3,4,5"]),
        ("dense_relu", ["--input=2x3xf32=1,2,3,4,5,6", "--expect=2x2xf32=2.5,1,8.5,8.5"])]
# The thread sanitizer's shadow does not fit every randomised layout.
PREFIX = {"address": [], "thread": ["setarch", platform.machine(), "-R"]}


def run_tests(kind, build, artifacts, full):
    """The test programs of one sanitized build: (passed, failed, skipped)."""
    folder, prefix = f"{build}-{kind}", PREFIX[kind]
    total = [0, 0, 0]

    def add(counts):
        for i, n in enumerate(counts):
            total[i] += n

    for word in ["unit", "cts", "c_api"]:
        found = list(suite.tests(folder, word))
        if not found:
            print(f"  {folder} has no test '{word}'")
            add([0, 1, 0])
        for test in found:
            add(suite.run(test, folder, 1800, prefix, kind))
    add(faults.run(folder, artifacts, prefix, kind))
    add(soak.run(folder, (600 if full else 60) if kind == "thread" else 20, prefix, kind))
    return total


def run_command(kind, build, normal):
    """What runs or calls the command of one sanitized build: (passed, failed)."""
    folder, prefix = pathlib.Path(f"{build}-{kind}").resolve(), PREFIX[kind]
    passed, failed = custom_work.sanitized(normal, folder, prefix)
    print(f"  {kind}: custom: {passed} passed, {failed} failed")
    wrapper = folder / "halcyon.sh"
    wrapper.write_text(f"#!/bin/sh\nexec {' '.join(prefix)} {folder / 'src/tools/halcyon'} \"$@\"\n")
    wrapper.chmod(0o755)
    tools = Tools(build, wrapper)
    for name, words in RUNS:
        for device in ["cpu", "cpu:unmappable", "null"]:
            for threads in [1, 2]:
                expected = [w for w in words if device != "null" or not w.startswith("--expect")]
                options = [f"--threads={threads}"] if device != "null" else []
                done = tools.run("run", tools.build / f"e2e/{name}-O2.hcm", f"--device={device}", *options, *expected)
                if done.error:
                    print(f"  {kind}: {name} on {device} with {threads} threads: {done.error}\n{done.err[-3000:]}")
                passed, failed = passed + (done.error is None), failed + (done.error is not None)
    done = subprocess.run([sys.executable, ROOT / "tests/e2e/tools.py", build, f"--halcyon={wrapper}"], capture_output=True, text=True)
    counts = suite.count(done.stdout, done.returncode)
    if counts[1]:
        print(done.stdout[-8000:])
    print(f"  {kind}: tools: {counts[0]} passed, {counts[1]} failed")
    return passed + counts[0], failed + counts[1]


def main(build, *words):
    os.environ.update(ENVIRONMENT)
    normal = Tools(build)
    (normal.build / "e2e").mkdir(exist_ok=True)
    for name, _ in RUNS:
        if not (normal.build / f"e2e/{name}-O2.hcm").is_file():
            normal.compile(constructs.FOLDER / f"{name}.mlir", normal.build / f"e2e/{name}-O2.hcm", "--target=cpu")
    artifacts, error = faults.compiled(build)
    if error:
        print(f"  {error}")
    # Both at once: on two processors they take as long as the slower one.
    with concurrent.futures.ThreadPoolExecutor() as pool:
        counts = list(pool.map(lambda kind: run_tests(kind, build, artifacts, "--full" in words), PREFIX))
    counts += [run_command(kind, build, normal) for kind in PREFIX]
    passed, failed = sum(c[0] for c in counts), sum(c[1] for c in counts) + (error is not None)
    print(f"sanitizers: {passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
