"""Runtimes to compare with: each opens a model on some threads and then samples it, milliseconds a call.

An opener takes the model's folder, its inputs (numpy arrays), how many threads, and a folder to keep compiled modules in. It
returns a function of seconds that gives times of calls, or of means of calls where the runtime has its own benchmark.
OpenVINO compiles for the inputs' shapes and in f32; the others keep dynamic dimensions.
"""

import json, os, pathlib, subprocess, sys, time

import numpy as np

LEAST_CALLS, MOST_CALLS = 3, 5000
COMPILE_SECONDS = 1800
IREE_TARGET = ["--iree-hal-target-device=local", "--iree-hal-local-target-device-backends=llvm-cpu", "--iree-llvmcpu-target-cpu=host", "--iree-opt-level=O3"]


def sampler(call):
    def sample(seconds):
        call()  # fills the caches that others have emptied
        times, end = [], time.perf_counter() + seconds
        while (time.perf_counter() < end or len(times) < LEAST_CALLS) and len(times) < MOST_CALLS:
            start = time.perf_counter()
            call()
            times.append((time.perf_counter() - start) * 1e3)
        return times
    return sample


def onnxruntime(folder, inputs, threads, cache):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads, options.log_severity_level = threads, 1, 4
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"])
    feed = dict(zip([i.name for i in session.get_inputs()], inputs))
    return sampler(lambda: session.run(None, feed))


def openvino(folder, inputs, threads, cache):
    import openvino
    core = openvino.Core()
    model = core.read_model(folder / "model.onnx")
    model.reshape({port: list(x.shape) for port, x in zip(model.inputs, inputs)})
    compiled = core.compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"})
    request = compiled.create_infer_request()
    for i, x in enumerate(inputs):
        request.set_input_tensor(i, openvino.Tensor(x))
    return sampler(request.infer)


def tool(*words):
    done = subprocess.run([pathlib.Path(sys.executable).parent / words[0], *map(str, words[1:])], capture_output=True, text=True, timeout=COMPILE_SECONDS)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no message"]
        raise RuntimeError(f"{words[0]}: {next((line for line in lines if 'error:' in line), lines[-1])[:250]}")
    return done.stdout


def iree(folder, inputs, threads, cache):
    cache.mkdir(parents=True, exist_ok=True)
    state = (folder / "model.onnx").stat()
    stem = cache / f"{folder.name}-{state.st_size}-{int(state.st_mtime)}"
    text, module = stem.with_suffix(".mlir"), stem.with_suffix(".vmfb")
    if not module.exists():
        tool("iree-import-onnx", folder / "model.onnx", "-o", text, "--opset-version", "17")
        tool("iree-compile", text, "-o", f"{module}.part", *IREE_TARGET)
        os.replace(f"{module}.part", module)
    with open(text) as file:
        function = next(line for line in file if "func.func @" in line).split("@")[1].split("(")[0]
    device = ["--device=local-sync"] if threads == 1 else ["--device=local-task", "--task_topology_cpu_ids=" + ",".join(map(str, range(threads)))]
    feeds = []
    for i, x in enumerate(inputs):
        np.save(f"{stem}.input_{i}.npy", x)
        feeds.append(f"--input=@{stem}.input_{i}.npy")

    def sample(seconds):
        said = tool("iree-benchmark-module", f"--module={module}", f"--function={function}", "--benchmark_format=json",
                    f"--benchmark_min_time={seconds}s", *device, *feeds)
        run = json.loads(said)["benchmarks"][0]
        return [run["real_time"] * {"ns": 1e-6, "us": 1e-3, "ms": 1, "s": 1e3}[run["time_unit"]]]
    return sample


PEERS = {"onnxruntime": onnxruntime, "openvino": openvino, "iree": iree}
