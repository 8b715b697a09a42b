#!/usr/bin/env python3
"""What must not take longer or more: limits.py BUILD. Each limit is met by the best of a few tries, so that a busy machine does
not fail it; the numbers are printed."""
import json, os, subprocess, sys, time

import constructs
from halcyon import Count, Tools
from run import CORPUS


def at_most(count, name, limit, unit, tries, measure):
    best = None
    for _ in range(tries):
        value, error = measure()
        if error:
            return count.test(name, error)
        best = value if best is None else min(best, value)
        if best <= limit:
            break
    note = f"{best:.4g} {unit}, limit {limit:g}"
    count.test(name, None if best <= limit else note, note)


def bench(tools, artifact, key, *words):
    def measure():
        done = tools.run("bench", artifact, "--threads=1", "--json", *words)
        return (None, done.error) if done.error else (json.loads(done.out)[key], None)
    return measure


def resident(tools, *words):
    """Peak resident bytes of the command, and its error."""
    process = subprocess.Popen([tools.halcyon, *map(str, words)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    error = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    return usage.ru_maxrss * 1024, error.strip() if status else None


def main(build):
    tools = Tools(build)
    count = Count("limits")
    folder = tools.build / "e2e"
    folder.mkdir(exist_ok=True)

    add = folder / "add-O2.hcm"
    error = tools.compile(constructs.FOLDER / "add.mlir", add, "--target=cpu")
    four = ["--input=4xf32=1,2,3,4", "--input=4xf32=1"]
    count.test("add compiles", error)
    at_most(count, "a prepared call of add", 0.5, "us", 3,
            lambda: (lambda v, e: (v and 1000 * v, e))(*bench(tools, add, "median_ms", "--seconds=1", *four)()))

    resnet = folder / "tv_resnet50.O2.hcm"

    def compile_resnet():
        begin = time.time()
        failed = tools.compile(CORPUS / "tv_resnet50/model.onnx", resnet, "-O2", "--target=cpu", "--jobs=2")
        return time.time() - begin, failed
    at_most(count, "compiling tv_resnet50 with 2 jobs", 30, "s", 2, compile_resnet)

    image = "--input=1x3x224x224xf32=0"
    at_most(count, "loading tv_resnet50 (100 MB of constants)", 5, "ms", 3,
            bench(tools, resnet, "load_ms", image, "--seconds=0"))

    def growth():
        small, failed = resident(tools, "run", add, "--device=null", *four)
        large, failed_too = resident(tools, "run", resnet, "--device=null", image)
        return (large - small - 2 * 4 * 3 * 224 * 224) / 2**20, failed or failed_too  # less the image, read and placed
    at_most(count, "resident memory for its constants", 4, "MB", 3, growth)
    return count.close()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
