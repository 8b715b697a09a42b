#!/usr/bin/env python3
"""Many threads at everything for a while, and many loads of the same program: soak.py BUILD [--full]. The second part loads,
calls and unloads 1,000 times (a larger model 100 times) and compares the resident memory with that after the first time."""
import pathlib, sys

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / folder) for folder in (".", "e2e", "faults")]
import constructs
import suite
from halcyon import Count, Tools
from run import CORPUS

DEVICES = ["null", "cpu", "cpu,threads=2", "cpu:unmappable"]
LIMIT = 1 << 20


def run(build, seconds, prefix=(), label=""):
    """Counts of the program in `build`."""
    total = [0, 0, 0]
    for test in suite.tests(build, "soak"):
        one = {**test, "cmd": [word for word in test["cmd"] if not word.startswith("--seconds")] + [f"--seconds={seconds}"], "name": f"soak, {seconds} s"}
        total = [a + b for a, b in zip(total, suite.run(one, build, seconds + 300, prefix, label))]
    return total if any(total) else [0, 1, 0]


def cycles(tools, count, artifact, number):
    for device in DEVICES:
        for mode in ["map", "copy"]:
            done = tools.call([tools.build / "tests/soak/cycles", artifact, device, mode, number], 600)
            name = f"{number} loads of {artifact.stem}, {device}, {mode}"
            if done.error:
                count.test(name, done.error)
                continue
            first, most, last = map(int, done.out.split())
            note = f"{first / 2**20:.2f} MB after the first, {last / 2**20:.2f} after the last, at most {most / 2**20:.2f}"
            count.test(name, None if most <= first + LIMIT else note, note)


def main(build, *words):
    tools = Tools(build)
    count = Count("soak")
    passed, failed, _ = run(build, 600 if "--full" in words else 20)
    count.passed += passed
    count.failed += failed
    folder = tools.build / "soak"
    folder.mkdir(exist_ok=True)
    for name, source, number in [("dense_relu", constructs.FOLDER / "dense_relu.mlir", 1000), ("variable", constructs.FOLDER / "variable.mlir", 1000),
                                 ("tv_mobilenet_v2", CORPUS / "tv_mobilenet_v2/model.onnx", 100)]:
        artifact = folder / f"{name}.hcm"
        error = tools.compile(source, artifact, "--target=cpu")
        count.test(f"{name} compiles", error)
        if not error:
            cycles(tools, count, artifact, number)
    return count.close()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
