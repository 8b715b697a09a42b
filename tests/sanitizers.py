#!/usr/bin/env python3
"""Runs the runtime, the drivers and the command in their sanitized builds: sanitizers.py BUILD [--full]. BUILD-address
and BUILD-thread hold them; the artifacts are those that the normal build compiled."""
import os, pathlib, platform, subprocess, sys

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


def main(build, *words):
    os.environ.update(ENVIRONMENT)
    total = [0, 0, 0]

    def add(counts):
        for i, n in enumerate(counts):
            total[i] += n

    normal = Tools(build)
    (normal.build / "e2e").mkdir(exist_ok=True)
    for name, _ in RUNS:
        if not (normal.build / f"e2e/{name}-O2.hcm").is_file():
            normal.compile(constructs.FOLDER / f"{name}.mlir", normal.build / f"e2e/{name}-O2.hcm", "--target=cpu")

    artifacts, error = faults.compiled(build)
    if error:
        print(f"  {error}")
        add([0, 1, 0])

    for kind in ["address", "thread"]:
        folder = f"{build}-{kind}"
        # The thread sanitizer's shadow does not fit every randomised layout.
        prefix = ["setarch", platform.machine(), "-R"] if kind == "thread" else []
        print(f" {kind}:")
        for word in ["unit", "cts", "c_api"]:
            found = list(suite.tests(folder, word))
            if not found:
                print(f"  {folder} has no test '{word}'")
                add([0, 1, 0])
            for test in found:
                add(suite.run(test, folder, 900, prefix))
        add(faults.run(folder, artifacts, prefix))
        add(soak.run(folder, (600 if "--full" in words else 60) if kind == "thread" else 20, prefix))
        command = pathlib.Path(folder).resolve() / "src/tools/halcyon"
        wrapper = pathlib.Path(folder).resolve() / "halcyon.sh"
        wrapper.write_text(f"#!/bin/sh\nexec {' '.join(prefix)} {command} \"$@\"\n")
        wrapper.chmod(0o755)
        tools = Tools(build, wrapper)
        for name, words_of_run in RUNS:
            for device in ["cpu", "cpu:unmappable", "null"]:
                for threads in [1, 2]:
                    expected = [w for w in words_of_run if device != "null" or not w.startswith("--expect")]
                    options = [f"--threads={threads}"] if device != "null" else []
                    done = tools.run("run", tools.build / f"e2e/{name}-O2.hcm", f"--device={device}", *options, *expected)
                    if done.error:
                        print(f"  {name} on {device} with {threads} threads: {done.error}\n{done.err[-3000:]}")
                    add([done.error is None, done.error is not None, 0])
        programs = custom_work.sanitized(normal, pathlib.Path(folder).resolve(), prefix)
        print(f"  custom: {programs[0]} passed, {programs[1]} failed")
        add([*programs, 0])
        done = subprocess.run([sys.executable, ROOT / "tests/e2e/tools.py", build, f"--halcyon={wrapper}"], capture_output=True, text=True)
        counts = suite.count(done.stdout, done.returncode)
        if counts[1]:
            print(done.stdout[-8000:])
        print(f"  tools: {counts[0]} passed, {counts[1]} failed")
        add(counts)
    print(f"sanitizers: {total[0]} passed, {total[1]} failed")
    return 1 if total[1] else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
