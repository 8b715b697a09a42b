#!/usr/bin/env python3
"""Times one token of gpt2_124m whose caches stay in place: decode.py BUILD [--threads=1,2] [--seconds=2] [--json=FILE] [--opt=WORDS,..]

The exported model returns caches one longer than it takes, which no memory can be both of. Here each cache has room for 64
positions: the model writes its new row where `position_ids` says (ScatterND) and looks at what comes up to there, and each
result takes its argument's memory (--donate). A first call per position is compared with what the exported model gives for the
same caches in onnxruntime. Then tests/bench/peak is measured, a call is timed, and set beside the time that reading the weights
once takes; onnxruntime and OpenVINO run the exported model, in turns. Nothing is asserted of times.
"""

import json, pathlib, subprocess, sys

from compare import CACHE, CORPUS, environment, in_turns

NAME, ROOM, ROWS = "gpt2_124m_kv_decode_static", 64, 63


def fixed(model):
    """The exported model with caches of fixed room, written in place, and no attention_mask: positions tell it."""
    import numpy as np
    from onnx import helper, numpy_helper

    graph = model.graph
    made = []

    def constant(name, values, dtype=np.int64):
        graph.initializer.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    inputs = {i.name: i for i in graph.input}
    heads = inputs["past_0_k"].type.tensor_type.shape.dim[1].dim_value
    places = np.zeros((1, heads, 1, 4), np.int64)
    places[0, :, 0, 1] = np.arange(heads)
    made += [helper.make_node("LessOrEqual", [constant("every_position", np.arange(ROOM)[None]), "position_ids"], ["is_seen"]),
             helper.make_node("Cast", ["is_seen"], ["attention_mask"], to=7),
             helper.make_node("Reshape", ["position_ids", constant("one_position", [1, 1, 1, 1])], ["position"]),
             helper.make_node("Mul", ["position", constant("third_axis", [[[[0, 0, 1, 0]]]])], ["offset"]),
             helper.make_node("Add", [constant("first_places", places), "offset"], ["places_of_four"]),
             helper.make_node("Slice", ["places_of_four", constant("from", [0]), constant("to", [3]), constant("axis", [3])], ["places"])]
    for node in graph.node:
        if node.op_type == "Concat" and node.input[0].startswith("past_"):
            cache, row = node.input
            made.append(helper.make_node("ScatterND", [cache, "places", row], list(node.output)))
        else:
            made.append(node)
    del graph.node[:]
    graph.node.extend(made)
    for name in inputs:
        if name.startswith("past_"):
            inputs[name].type.tensor_type.shape.dim[2].dim_value = ROOM
    graph.input.remove(inputs["attention_mask"])
    del graph.value_info[:]
    return model


def weight_bytes(model):
    """Of what a token reads whole: the matrices of products, directly or turned; of what is only gathered, a row."""
    from onnx import numpy_helper

    read = {name for node in model.graph.node if node.op_type in ("Gemm", "MatMul", "Transpose") for name in node.input}
    return sum(numpy_helper.to_array(t).nbytes for t in model.graph.initializer if len(t.dims) == 2 and t.name in read)


def compared(program, artifact, model, folder):
    """The largest difference from the exported model, over the largest value, for a full cache."""
    import numpy as np
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    run = onnxruntime.InferenceSession(str(CORPUS / NAME / "model.onnx"), options, providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(7)
    feed = {i.name: rng.standard_normal(i.shape).astype("f4") * 0.5 for i in run.get_inputs() if i.name.startswith("past_")}
    feed |= {"input_ids": np.array([[464]]), "attention_mask": np.ones((1, ROOM), "i8"), "position_ids": np.array([[ROWS]])}
    want = run.run(None, feed)
    words = []
    for number, value in enumerate(model.graph.input):
        array = feed[value.name]
        if value.name.startswith("past_"):  # what lies beyond is not looked at, and then overwritten
            array = np.concatenate([array, np.full_like(array[:, :, :1], 1e4)], 2)
        np.save(folder / f"decode_{number}.npy", array)
        words.append(f"--input=@{folder}/decode_{number}.npy")
    names = [folder / f"decode_result_{i}.npy" for i in range(len(want))]
    subprocess.run([program, "run", artifact, *words, *[f"--output=@{n}" for n in names]], check=True, stdout=subprocess.DEVNULL)
    return words, max(float(np.abs(np.load(n) - w).max() / np.abs(w).max()) for n, w in zip(names, want))


def main(build, *words):
    given = dict(w[2:].partition("=")[::2] for w in words)
    if unknown := [w for w in words if not w.startswith("--")] + [f"--{w}" for w in given if w not in ("threads", "seconds", "json", "opt")]:
        sys.exit(f"decode.py: unknown: {' '.join(unknown)}")
    for needed in (pathlib.Path(build) / "compiler/halcyonc", pathlib.Path(build) / "tests/bench/peak", CORPUS / NAME / "model.onnx"):
        if not needed.exists():
            sys.exit(f"decode.py: there is no {needed}: build with tests, and make the model with tests/corpus/get.py")
    environment()
    import numpy as np
    import onnx
    from peers import PEERS

    build, folder = pathlib.Path(build).resolve(), CORPUS / NAME
    counts, seconds = [int(n) for n in given.get("threads", "1,2").split(",")], float(given.get("seconds", 2))
    out = build / "bench"
    out.mkdir(exist_ok=True)
    model = fixed(onnx.load(folder / "model.onnx"))
    onnx.save(model, out / "decode.onnx")
    donations = [f"--donate={i.name}:{i.name.replace('past', 'present')}" for i in model.graph.input if i.name.startswith("past_")]
    variants = {"f32": []} | {w: [w] for w in given.get("opt", "").split(",") if w}
    rows, samplers = [], {}
    for variant, options in variants.items():
        artifact = out / f"decode{len(rows) + len(samplers)}{variant.replace('-', '').replace('=', '').replace(':', '')}.hcm"
        subprocess.run([build / "compiler/halcyonc", out / "decode.onnx", "-o", artifact, "--target=cpu", *donations, *options], check=True)
        arguments, error = compared(build / "src/tools/halcyon", artifact, model, out)
        samplers[variant] = (artifact, arguments, error)
    bytes_read = weight_bytes(model)
    for threads in counts:
        peak = json.loads(subprocess.run([build / "tests/bench/peak", f"--threads={threads}"], capture_output=True, text=True, check=True).stdout)
        bound = bytes_read / peak["read_gbs"] / 1e6
        print(f"{threads} threads: {bytes_read / 1e6:.1f} MB of f32 weights, {peak['read_gbs']:.1f} GB/s read: {bound:.2f} ms", flush=True)
        inputs = [np.load(p) for p in sorted(folder.glob("input_*.npy"), key=lambda path: int(path.stem.split("_")[1]))]
        sides = {}
        for variant, (artifact, arguments, error) in samplers.items():
            def sample(time, artifact=artifact, arguments=arguments):
                done = subprocess.run([build / "src/tools/halcyon", "bench", artifact, f"--threads={threads}", f"--seconds={time}", "--json", *arguments],
                                      capture_output=True, text=True, check=True)
                told = json.loads(done.stdout)
                return [told["min_ms"], told["median_ms"]]
            sides[variant] = sample
        row = {"threads": threads, "bound_ms": bound, "peak": peak, "ms": {}, "errors": {}}
        for peer in ("onnxruntime", "openvino"):
            sides[peer] = PEERS[peer](folder, inputs, threads, CACHE / "peers-modules")
        rows.append(in_turns(sides, seconds, 3, row))
        for side, times in row["ms"].items():
            error = f", largest error {samplers[side][2]:.1e}" if side in samplers else ""
            print(f"  {side}: {times['min']:.2f} ms (median {times['median']:.2f}), {100 * bound / times['min']:.0f} % of the f32 bound's rate{error}", flush=True)
        if file := given.get("json"):
            pathlib.Path(file).write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
