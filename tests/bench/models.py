#!/usr/bin/env python3
"""Times models of the corpus beside onnxruntime, in turns, on one thread: models.py BUILD [--seconds=3] [--rounds=3] [NAME]...

Prints a Markdown table of the median of each side's best round. Needs the Python environment that tests/run.sh makes and a
quiet machine; quote numbers of one run only, with the processor.
"""
import json, pathlib, subprocess, sys, time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
from halcyon import Tools
from run import CORPUS, cases

DEFAULT = ["tv_mobilenet_v2", "tv_resnet50", "tv_vit_b_16", "minilm_l6_real_s128"]


def onnxruntime_ms(model, inputs, seconds):
    import numpy, onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    feed = {i.name: numpy.load(p) for i, p in zip(session.get_inputs(), inputs)}
    session.run(None, feed)
    times, until = [], time.perf_counter() + seconds
    while time.perf_counter() < until or len(times) < 3:
        begin = time.perf_counter()
        session.run(None, feed)
        times.append(1000 * (time.perf_counter() - begin))
    return sorted(times)[len(times) // 2]


def halcyon_ms(tools, artifact, inputs, seconds):
    done = tools.run("bench", artifact, "--threads=1", f"--seconds={seconds}", "--json", *(f"--input=@{p}" for p in inputs))
    if done.error:
        sys.exit(f"models.py: {artifact.name}: {done.error}")
    return json.loads(done.out)["median_ms"]


def main(build, *words):
    option = lambda name, otherwise: next((w.split("=")[1] for w in words if w.startswith(f"--{name}=")), otherwise)
    seconds, rounds = float(option("seconds", 3)), int(option("rounds", 3))
    tools = Tools(build)
    processor = next((line.split(": ")[1] for line in open("/proc/cpuinfo") if line.startswith("model name")), "unknown")
    print(f"{processor.strip()}, 1 thread, median of the best of {rounds} rounds of {seconds:g} s\n")
    print("| model | onnxruntime ms | halcyon ms | ratio |\n|---|---|---|---|")
    for name in [w for w in words if not w.startswith("--")] or DEFAULT:
        folder, artifact = CORPUS / name, tools.build / f"e2e/{name}.O2.hcm"
        if error := tools.compile(folder / "model.onnx", artifact, "-O2", "--target=cpu"):
            sys.exit(f"models.py: {name}: {error}")
        inputs = next(cases(folder))[0]
        ours, theirs = [], []
        for _ in range(rounds):
            theirs.append(onnxruntime_ms(folder / "model.onnx", inputs, seconds))
            ours.append(halcyon_ms(tools, artifact, inputs, seconds))
        print(f"| {name} | {min(theirs):.2f} | {min(ours):.2f} | {min(ours) / min(theirs):.2f} |", flush=True)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
