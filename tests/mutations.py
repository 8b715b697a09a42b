#!/usr/bin/env python3
"""Damages artifacts and runs them on the null device under ASan+UBSan: mutations.py BUILD [--full]. Every truncation of the
smallest, and seeded mutations of each; every one must load or give one error, and end within its instruction budget."""
import os, pathlib, re, subprocess, sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "e2e"))
import constructs
from halcyon import Tools

NAMES = ["add", "dense_relu", "if", "loop_constant_shape", "loop_changing_shape", "several_functions", "variable", "lists", "onnx_packed"]


def artifacts(tools):
    """The files that compile, and the names of those that do not."""
    made, missing = [], []
    (tools.build / "e2e").mkdir(exist_ok=True)
    for name in NAMES:
        target = tools.build / f"e2e/{name}-O2.hcm"
        if target.is_file() or constructs.compile(tools, name, target) is None:
            made.append(target)
        else:
            missing.append(name)
    return made, missing


def main(build, *words):
    count = 100_000 if "--full" in words else 5_000
    tools = Tools(build)
    files, missing = artifacts(tools)
    for name in missing:
        print(f"  {name} does not compile")
    program = pathlib.Path(f"{build}-address").resolve() / "tests/fuzz/mutate"
    environment = {**os.environ, "ASAN_OPTIONS": "allocator_may_return_null=1", "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1"}
    total = [0, len(missing)]
    # First the artifacts that the unit tests write down, with everything of the schema; then compiled ones.
    for some in [[], files]:
        command = [program, f"--count={count}", "--seed=1", *some]
        try:
            done = subprocess.run(command, env=environment, capture_output=True, text=True, errors="replace", timeout=7200)
            out, error, status = done.stdout, done.stderr, done.returncode
        except (OSError, subprocess.TimeoutExpired) as x:
            out, error, status = "", str(x), 1
        line = re.findall(r"^\w+: (\d+) passed, (\d+) failed", out, re.M)
        passed, failed = map(int, line[-1]) if line else (0, 0)
        if status != 0 or passed == 0:
            print(error[-6000:])
            failed = max(failed, 1)
        print("  " + (out.strip().splitlines() or ["nothing was tried"])[0])
        total = [total[0] + passed, total[1] + failed]
    print(f"mutations: {total[0]} passed, {total[1]} failed")
    return 1 if total[1] else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
