#!/usr/bin/env python3
"""What the benchmarks of this folder make of what they measure: judging.py BUILD. No peers, no bars of time.

How dispatches.py classifies the kernels of models made here, and its shares and losses by sums done by hand; the ratios and bars
of compile.py, errors of accuracy.py, turns and means of compare.py; and what they all say to wrong words.
"""

import math, pathlib, subprocess, sys, tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]
import numpy as np, onnx
from onnx import helper, numpy_helper

import accuracy, compare, compile, dispatches
from halcyon import Count

PEAKS = {"gflops": 100.0, "read_gbs": 20.0, "copy_gbs": 10.0}


def model(folder, nodes, shapes, weights, results):
    folder.mkdir()
    rng = np.random.default_rng(5)
    inputs = [helper.make_tensor_value_info(f"x{i}", 1, s) for i, s in enumerate(shapes)]
    initializers = [numpy_helper.from_array(rng.standard_normal(s, np.float32), n) for n, s in weights.items()]
    outputs = [helper.make_tensor_value_info(r, 1, None) for r in results]
    graph = helper.make_graph([helper.make_node(o, i, [y], **a) for o, i, y, a in nodes], folder.name, inputs, outputs, initializers)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9), folder / "model.onnx")
    for i, s in enumerate(shapes):
        np.save(folder / f"input_{i}.npy", rng.standard_normal(s, np.float32))
    return folder


# Name: nodes, shapes of inputs, weights, and the classes of its dispatches that do anything, with L2 of 64 KiB.
FLAT = [256, 512]
MODELS = {
    "product": ([("MatMul", ["x0", "w"], "y", {})], [[64, 256]], {"w": [256, 512]}, {"product"}),
    "small": ([("MatMul", ["x0", "w"], "y", {})], [[16, 64]], {"w": [64, 64]}, {"small"}),
    "weights": ([("MatMul", ["x0", "w"], "y", {})], [[1, 256]], {"w": [256, 512]}, {"weights"}),
    "convolution": ([("Conv", ["x0", "w"], "y", {})], [[1, 32, 34, 34]], {"w": [64, 32, 5, 5]}, {"product"}),
    "winograd": ([("Conv", ["x0", "w"], "y", {})], [[1, 64, 58, 58]], {"w": [64, 64, 3, 3]}, {"winograd"}),
    "stream": ([("Sigmoid", ["x0"], "y", {})], [FLAT], {}, {"stream"}),
    "cached": ([("Sigmoid", ["x0"], "y", {})], [[8, 64]], {}, {"cached"}),
    "norm": ([("LayerNormalization", ["x0", "s", "b"], "y", {"axis": -1})], [FLAT], {"s": [512], "b": [512]}, {"norm"}),
    "softmax": ([("Softmax", ["x0"], "y", {"axis": -1})], [FLAT], {}, {"softmax"}),
    "reduction": ([("ReduceSum", ["x0"], "y", {"keepdims": 0})], [FLAT], {}, {"reduction"}),
}


def classes(count, build, folder):
    for name, (nodes, shapes, weights, wanted) in MODELS.items():
        try:
            rows = dispatches.measured(build, model(folder / name, nodes, shapes, weights, ["y"]), {"opt": [], "seconds": 0.02}, PEAKS, 64 << 10)
        except RuntimeError as error:
            count.test(f"classes: {name}", str(error))
            continue
        # Layouts are changed at the model's ends; what counts is the work.
        found = {max(rows, key=lambda r: (r.get("flops", 0), r.get("bytes", 0)))["kind"]}
        count.test(f"classes: {name}", None if found == wanted else f"{found}, expected {wanted}")


def near(count, title, got, want):
    count.test(title, None if math.isclose(got, want, rel_tol=1e-6) else f"{got}, expected {want}")


def shares(count):
    text = """#map = affine_map<(d0, d1, d2) -> (d0, d2)>
#map1 = affine_map<(d0, d1, d2) -> (d1 floordiv 16, d2, d1 mod 16)>
#map2 = affine_map<(d0, d1, d2) -> (d0, d1)>
#map3 = affine_map<(d0) -> (d0)>
module {
  dispatch.executable @product inputs 2 workload_rank 2 dims [[], [], []] {
    %0 = linalg.generic {indexing_maps = [#map, #map1, #map2], iterator_types = ["parallel", "parallel", "reduction"]} ins(%a, %b : tensor<64x256xf32>, tensor<32x256x16xf32>) outs(%c : tensor<64x500xf32>) {
      %2 = arith.mulf %x, %y : f32
  }
  dispatch.executable @stream inputs 1 workload_rank 1 dims [[], []] {
    %0 = linalg.generic {indexing_maps = [#map3, #map3], iterator_types = ["parallel"]} ins(%a : tensor<131072xf32>) outs(%b : tensor<131072xf32>) {
  }
}
"""
    kernels = dispatches.executables(text)
    count.test("kernels of a module", None if list(kernels) == ["product", "stream"] else str(list(kernels)))
    # 2 * 64 * 256 * 500 operations, of which 512 columns are work: 16.78 MFLOP at 100 GFLOP/s take 0.16777 ms.
    row = {"kernel": "product", "ms": 0.2, "count": 1, "flops": 2 * 64 * 256 * 500, "bytes": 1e6}
    told = dispatches.judged(row, kernels["product"], PEAKS, 1 << 20)
    count.test("a product's class", None if told["kind"] == "product" and told["bar"] == 0.93 else str(told))
    near(count, "a product's share of peak, columns padded", told["share_of_bound"], 2 * 64 * 256 * 512 / 1e8 / 0.2)
    near(count, "a product's loss", told["lost_ms"], 0.2 - 2 * 64 * 256 * 512 / 1e8 / 0.93)
    row = {"kernel": "stream", "ms": 0.15, "count": 1, "flops": 0, "bytes": 1 << 20}
    told = dispatches.judged(row, kernels["stream"], PEAKS, 1 << 19)
    near(count, "a stream's share of copy bandwidth", told["share_of_bound"], (1 << 20) / 1e7 / 0.15)
    count.test("what the caches hold has no bar", None if dispatches.judged(row, kernels["stream"], PEAKS, 1 << 21)["bar"] is None else "it has")
    same = dispatches.by_kernel([{"model": "m", "part": 0.1} | told, {"model": "m", "part": 0.2} | told | {"ms": 0.3, "share_of_bound": 0.1}])
    near(count, "launches of a kernel together", same[0]["share_of_bound"], (told["share_of_bound"] * 0.15 + 0.1 * 0.3) / 0.45)
    count.test("launches are counted", None if len(same) == 1 and same[0]["count"] == 2 else str(same))


def compiling(count, build, folder):
    ran, failed = compile.measured("sh", "-c", "exit 0"), compile.measured("sh", "-c", "echo 'x: error: why' >&2; exit 3")
    count.test("a command's time and memory", None if ran.get("wall", 0) > 0 and ran["peak"] > 1e5 else str(ran))
    count.test("a command that fails says why", None if failed == {"error": "x: error: why"} else str(failed))
    made = model(folder / "compiled", *MODELS["product"][:3], ["y"]) / "model.onnx"
    ours = compile.halcyonc(build, made, folder, 1)
    count.test("halcyonc's own figures", None if "stats" in ours and ours["artifact"] > 4 * 256 * 512 else str(ours)[:200])
    (folder / "bad.onnx").write_bytes(b"no model")
    bad = compile.halcyonc(build, folder / "bad.onnx", folder, 1)
    count.test("a model that does not compile", None if "bad.onnx" in bad.get("error", "") else str(bad))
    for title, ratios, arena, wanted in [("within the bars", {"time": 0.5, "memory": 1.0, "arena": 1.05}, 1 << 20, []),
                                         ("above the bars", {"time": 0.51, "memory": 1.01, "arena": 1.06}, 1 << 20, ["time", "memory", "arena"]),
                                         ("a small arena has no bar", {"arena": 3.0}, 60 << 10, [])]:
        got = compile.above({"ratios": ratios, "halcyonc": {"stats": {"arena_bytes": arena}}})
        count.test(title, None if got == wanted else f"{got}, expected {wanted}")


def errors(count):
    exact = [np.array([1.0, -4.0]), np.array([2.0])]
    for title, outputs, wanted in [("equal", [np.array([1, -4], "f4"), np.array([2], "f4")], 0.0),
                                   ("by the largest of an output", [np.array([1, -3], "f4"), np.array([2], "f4")], 0.25),
                                   ("the worst output", [np.array([1, -3], "f4"), np.array([1], "f4")], 0.5),
                                   ("another shape", [np.array([[1, -4]], "f4"), np.array([2], "f4")], math.inf),
                                   ("not a number", [np.array([1, np.nan], "f4"), np.array([2], "f4")], math.inf)]:
        got = accuracy.error_of(outputs, exact)
        count.test(f"errors: {title}", None if got == wanted else f"{got}, expected {wanted}")


def turns(count):
    order = []

    def sampler(name):
        def sample(seconds):
            order.append((name, seconds))
            if name == "c":
                raise OSError("no such peer")
            return [len(order), len(order) + 1]
        return sample
    row = compare.in_turns({name: sampler(name) for name in "abc"}, 4.0, 2, {"ms": {}, "errors": {}})
    count.test("turns rotate, and who fails is left out", None if order == [("a", 2.0), ("b", 2.0), ("c", 2.0), ("b", 2.0), ("a", 2.0)] else str(order))
    count.test("a side's error is told", None if row["errors"] == {"c": "OSError: no such peer"} else str(row["errors"]))
    count.test("the fastest call of all rounds", None if row["ms"]["b"]["min"] == 2 and row["ms"]["a"]["min"] == 1 else str(row["ms"]))
    near(count, "the geometric mean", compare.mean_of([0.5, 2.0, 1.0]), 1.0)


def words(count, build):
    for tool in ["compare", "compile", "dispatches", "accuracy", "decode"]:
        for title, given, wanted in [("an unknown option", ["--wrong=1"], f"{tool}.py: unknown: --wrong"),
                                     ("an unknown model", ["no_such_model"], f"{tool}.py: ")]:
            done = subprocess.run([sys.executable, HERE / f"{tool}.py", build, *given], capture_output=True, text=True)
            right = done.returncode and wanted in done.stderr and "Traceback" not in done.stderr and (given[0].strip("-").partition("=")[0] in done.stderr)
            count.test(f"{tool}.py: {title}", None if right else f"{done.returncode}: {done.stderr[-200:]}")
        done = subprocess.run([sys.executable, HERE / f"{tool}.py"], capture_output=True, text=True)
        count.test(f"{tool}.py without words tells its usage", None if done.returncode and f"{tool}.py BUILD" in done.stderr else done.stderr[-200:])


def main(build):
    build, count = pathlib.Path(build).resolve(), Count("bench")
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        classes(count, build, folder)
        compiling(count, build, folder)
    for part in (shares, errors, turns):
        part(count)
    words(count, build)
    return count.close()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
