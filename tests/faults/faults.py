#!/usr/bin/env python3
"""Refuses every allocation and system call in turn: faults.py BUILD. The artifacts that the program writes itself, and then
some that the compiler of BUILD made from e2e/constructs."""
import os, pathlib, sys

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / folder) for folder in (".", "e2e")]
import constructs
import suite
from halcyon import Tools

# What each is there for: a dynamic size and constants, module variables, a donated argument, a size that only the device knows,
# elements of less than a byte.
CONSTRUCTS = ["dense_relu", "variable", "donate", "host_read", "onnx_packed"]


def compiled(build):
    """Environment for the program's compiled cases, and what went wrong."""
    tools = Tools(build)
    folder = tools.build / "faults"
    folder.mkdir(exist_ok=True)
    for name in CONSTRUCTS:
        error = constructs.compile(tools, name, folder / f"{name}.hcm")
        if error:
            return {}, f"{name}: {error}"
    return {"HALCYON_ARTIFACTS": ":".join(str(folder / f"{name}.hcm") for name in CONSTRUCTS)}, None


def run(build, environment, prefix=(), label=""):
    """Counts of both runs of the program in `build`."""
    total = [0, 0, 0]
    for test in suite.tests(build, "faults"):
        for words in [[], ["[compiled]"]]:
            one = {**test, "cmd": test["cmd"] + words, "env": {**test["env"], **environment}, "name": " ".join([test["name"], *words])}
            total = [a + b for a, b in zip(total, suite.run(one, build, 900, prefix, label))]
    return total if any(total) else [0, 1, 0]


def main(build):
    environment, error = compiled(build)
    total = run(build, environment)
    if error:
        print(f"  {error}")
        total[1] += 1
    print(f"faults: {total[0]} passed, {total[1]} failed")
    return 1 if total[1] else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
