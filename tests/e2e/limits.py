#!/usr/bin/env python3
"""What must not take longer or more: limits.py BUILD. Each limit is met by the best of a few tries, so that a busy machine does
not fail it; the numbers are printed."""
import json, os, pathlib, subprocess, sys, time

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


def mapped(process, file):
    """What a process has of a mapped file: bytes resident, and of them bytes that nobody else has."""
    sums, inside = {}, False
    for line in pathlib.Path(f"/proc/{process.pid}/smaps").read_text().splitlines():
        key, _, value = line.partition(":")
        if "-" in key and " " in key:  # a mapping's first line
            inside = line.endswith(str(file))
        elif inside and value.endswith(" kB"):
            sums[key] = sums.get(key, 0) + 1024 * int(value.split()[0])
    return sums.get("Rss", 0), sums.get("Private_Clean", 0) + sums.get("Private_Dirty", 0)


def shared(tools, artifact, constants, *words):
    """Two processes that both have read all constants: what is wrong with how they have them, or None."""
    two = [subprocess.Popen([tools.halcyon, "bench", artifact, "--threads=1", "--seconds=60", *words], stdout=subprocess.DEVNULL) for _ in range(2)]
    try:
        end = time.time() + 50
        while time.time() < end and all(process.poll() is None for process in two):
            (resident, private), (other, _) = (mapped(process, artifact) for process in two)
            if min(resident, other) >= 0.9 * constants:
                return f"{private} of {resident} bytes are one process's own" if private > 0.02 * resident else None
            time.sleep(0.1)
        return "they did not read them"
    finally:
        for process in two:
            process.kill()
            process.wait()


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
    at_most(count, "page faults of a warm call of tv_resnet50", 0, "a call", 3,
            bench(tools, resnet, "page_faults_per_call", image, "--seconds=5"))
    constants = tools.inspect(resnet)["constant_bytes"]
    count.test("processes share constants", shared(tools, resnet, constants, image))
    return count.close()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
