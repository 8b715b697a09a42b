"""halcyonc --precision: results equal those of a model whose weights were rounded here, in f32; artifacts are half as large. A
part of importing.py."""
import ml_dtypes
import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

RNG = np.random.default_rng(17)
TYPES = {"f16": np.float16, "bf16": ml_dtypes.bfloat16}


def model_of(node, shape, parts, rank):
    graph = helper.make_graph(
        [node],
        "weights",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None] * rank)],
        [numpy_helper.from_array(a, n) for n, a in parts.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def expected(model, x):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]


def normal(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


CASES = {  # node, shape of x (words: known at the call), the weights, other constants
    "MatMul": (lambda: helper.make_node("MatMul", ["x", "w"], ["y"]), ["rows", 128], (128, 100), {}),
    "MatMul of an odd depth": (lambda: helper.make_node("MatMul", ["x", "w"], ["y"]), ["rows", 77], (77, 65), {}),
    "Gemm, turned, bias": (lambda: helper.make_node("Gemm", ["x", "w", "b"], ["y"], transB=1), ["rows", 96], (320, 96), {"b": (320,)}),
    "Conv 1x1": (lambda: helper.make_node("Conv", ["x", "w", "b"], ["y"]), [1, 64, 7, 9], (80, 64, 1, 1), {"b": (80,)}),
    "Conv 3x3": (lambda: helper.make_node("Conv", ["x", "w"], ["y"], pads=[1, 1, 1, 1]), [1, 32, 14, 15], (48, 32, 3, 3), {}),
    "Conv 5x5, stride 2": (
        lambda: helper.make_node("Conv", ["x", "w"], ["y"], pads=[2, 2, 2, 2], strides=[2, 2]), [1, 10, 13, 17], (24, 10, 5, 5), {}),
    "Conv of one dimension": (lambda: helper.make_node("Conv", ["x", "w"], ["y"], pads=[3, 3]), [2, 32, 50], (33, 32, 7), {}),
    "Conv of groups": (lambda: helper.make_node("Conv", ["x", "w"], ["y"], group=4, pads=[1, 1, 1, 1]), [1, 64, 9, 9], (64, 16, 3, 3), {}),
    "ConvTranspose": (lambda: helper.make_node("ConvTranspose", ["x", "w"], ["y"], strides=[2, 2]), [1, 32, 7, 6], (32, 40, 2, 2), {}),
}


def all_of(s):
    for number, (title, (node, shape, weights, others)) in enumerate(CASES.items()):
        for name, small in TYPES.items():
            parts = {"w": normal(*weights)} | {n: normal(*extents) for n, extents in others.items()}
            path = s.fresh(f"narrow_weights_{number}_{name}") / "model.onnx"
            path.write_bytes(model_of(node(), shape, parts, len(shape)).SerializeToString())
            rounded = model_of(node(), shape, parts | {"w": parts["w"].astype(small).astype(np.float32)}, len(shape))
            for level in ["-O2", "-O1"]:
                what = f"--precision={name} {level}, {title}"
                artifact = s.compile(what, path, f"--precision={name}", level, "--winograd=off")
                for rows in ([1, 2, 5, 21] if "rows" in shape else [1]) if artifact else []:
                    x = normal(*[rows if d == "rows" else d for d in shape]).astype(ml_dtypes.bfloat16).astype(np.float32)
                    s.agrees(f"{what}, {rows} rows", artifact, [x], [expected(rounded, x)], "--atol=3e-5", "--rtol=1e-4")
    for name, small in TYPES.items():
        edges = normal(64, 64)
        edges[:8, 0] = [np.inf, 0, -0.0, 1e-7, 6e-8, 1e-40, -3e-6, 60000]
        path = s.fresh(f"narrow_weights_edges_{name}") / "model.onnx"
        node = helper.make_node("MatMul", ["x", "w"], ["y"])
        path.write_bytes(model_of(node, [2, 64], {"w": edges}, 2).SerializeToString())
        x = np.abs(normal(2, 64)).astype(ml_dtypes.bfloat16).astype(np.float32)
        x[1, 0] = 0  # times infinity
        if artifact := s.compile(f"--precision={name}, edges", path, f"--precision={name}"):
            with np.errstate(invalid="ignore"):
                want = x.astype(np.float64) @ edges.astype(small).astype(np.float64)
            s.agrees(f"--precision={name}, edges", artifact, [x], [want.astype(np.float32)], "--atol=3e-5", "--rtol=1e-4")
        large = s.fresh(f"narrow_weights_size_{name}") / "model.onnx"
        large.write_bytes(model_of(node, [1, 512], {"w": normal(512, 512)}, 2).SerializeToString())
        if artifact := s.compile(f"--precision={name}, size", large, f"--precision={name}", "--executables=static"):
            size = artifact.stat().st_size
            s.count.test(f"--precision={name}, size", f"{size} bytes for 512x512 weights" if size > 512 * 512 * 2.2 else None)
    node, shape, weights, _ = CASES["Conv 3x3"]
    model = model_of(node(), shape, {"w": normal(*weights)}, 4)
    path = s.fresh("narrow_weights_winograd") / "model.onnx"
    path.write_bytes(model.SerializeToString())
    # Where the target multiplies pairs of bf16, such a convolution does, too.
    if artifact := s.compile("--precision=f16, Winograd's filters stay", path, "--precision=f16", "--winograd=2"):
        x = normal(*shape)
        s.agrees("--precision=f16, Winograd's filters stay", artifact, [x], [expected(model, x)], "--atol=2e-4")
    node, shape, weights, _ = CASES["MatMul"]
    parts = {"w": normal(*weights)}
    path = s.fresh("narrow_weights_rounded") / "model.onnx"
    path.write_bytes(model_of(node(), shape, parts, 2).SerializeToString())
    if artifact := s.compile("--precision=bf16, numbers that it has not", path, "--precision=bf16"):
        for rows in [1, 7, 32]:  # each product's error is at most 2^-8 of it
            x = normal(rows, shape[1])
            want = (x.astype(np.float64) @ parts["w"]).astype(np.float32)
            most = (np.abs(x) @ np.abs(parts["w"])).max() / 256
            s.agrees(f"--precision=bf16, numbers that it has not, {rows} rows", artifact, [x], [want], f"--atol={most}")
    huge = np.full((64, 64), 1e5, np.float32)
    path = s.fresh("narrow_weights_huge") / "model.onnx"
    path.write_bytes(model_of(helper.make_node("MatMul", ["x", "w"], ["y"]), [2, 64], {"w": huge}, 2).SerializeToString())
    if artifact := s.compile("--precision=f16, weights beyond its range", path, "--precision=f16"):
        x = normal(2, 64)
        s.agrees("--precision=f16, weights beyond its range", artifact, [x], [x @ huge], "--atol=1")
