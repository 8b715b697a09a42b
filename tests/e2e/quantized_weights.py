"""halcyonc --quantize-weights: products equal those of weights that are rounded here by the documented rule; what must stay as it
is does. A part of importing.py."""
import numpy as np
from onnx import TensorProto, helper, numpy_helper

RNG = np.random.default_rng(13)


def rounded(w, bits, block):
    """The weights [steps, columns] as the option makes them, as f64."""
    w = w.astype(np.float64)
    made = np.empty_like(w)
    for at in range(0, len(w), block):
        part = w[at:at + block]
        largest = part[np.abs(part).argmax(0), np.arange(part.shape[1])]
        scale = (np.abs(largest) / 127 if bits == 8 else largest / -8).astype(np.float32).astype(np.float64)
        scale[scale == 0] = 1
        made[at:at + block] = np.clip(np.rint(part / scale), *((-127, 127) if bits == 8 else (-8, 7))) * scale
    return made


def model_of(node, w, rows, steps, columns, more=()):
    graph = helper.make_graph(
        [node],
        "weights",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [rows, steps])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [rows, columns])],
        [numpy_helper.from_array(w, "w"), *more],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def all_of(s):
    cases = [  # steps, columns, option, bits, block, turned, bias
        (256, 100, "int8", 8, 256, False, False),
        (256, 100, "int8", 8, 256, True, True),
        (96, 2304, "int8", 8, 96, False, True),
        (128, 80, "int8:32", 8, 32, False, False),
        (128, 80, "int4", 4, 32, True, False),
        (192, 577, "int4:64", 4, 64, False, True),
        (77, 65, "int8", 8, 77, False, False),
    ]
    for number, (steps, columns, option, bits, block, turned, bias) in enumerate(cases):
        title = f"--quantize-weights={option}, {steps}x{columns}{', turned' * turned}{', bias' * bias}"
        w = RNG.standard_normal((steps, columns)).astype(np.float32)
        w[:block, 3] = 0
        more = [numpy_helper.from_array(RNG.standard_normal(columns).astype(np.float32), "b")] if bias else []
        node = helper.make_node("Gemm", ["x", "w", *["b"] * bias], ["y"], transB=int(turned))
        path = s.fresh(f"quantized_weights{number}") / "model.onnx"
        path.write_bytes(model_of(node, w.T.copy() if turned else w, "rows", steps, columns, more).SerializeToString())
        artifact = s.compile(title, path, f"--quantize-weights={option}")
        exact = rounded(w, bits, block)
        for rows in [1, 3, 8, 21] if artifact else []:
            x = RNG.standard_normal((rows, steps)).astype(np.float32)
            want = x @ exact + (numpy_helper.to_array(more[0]) if bias else 0)
            s.agrees(f"{title}, {rows} rows", artifact, [x], [want.astype(np.float32)], "--atol=3e-6")
    steps, columns = 512, 512
    for option, most in [("int8", 1.2), ("int4:32", 0.75), ("int8:64", 1.2)]:
        w = RNG.standard_normal((steps, columns)).astype(np.float32)
        path = s.fresh(f"quantized_weights_{option.replace(':', '_')}") / "model.onnx"
        path.write_bytes(model_of(helper.make_node("MatMul", ["x", "w"], ["y"]), w, 1, steps, columns).SerializeToString())
        if artifact := s.compile(f"--quantize-weights={option}, size", path, f"--quantize-weights={option}", "--executables=static"):
            size = artifact.stat().st_size
            s.count.test(f"--quantize-weights={option}, size", f"{size} bytes for {steps * columns} weights" if size > steps * columns * most else None)
    infinite = RNG.standard_normal((128, 64)).astype(np.float32)
    infinite[5, 7] = np.inf
    for title, w, option in [("an infinite weight", infinite, "int8"), ("blocks that do not divide", np.ones((100, 64), np.float32) / 3, "int4:32"),
                             ("a small matrix", np.ones((40, 40), np.float32) / 3, "int8")]:
        path = s.fresh(f"quantized_weights_{title.replace(' ', '_')}") / "model.onnx"
        path.write_bytes(model_of(helper.make_node("MatMul", ["x", "w"], ["y"]), w, 2, *w.shape).SerializeToString())
        if artifact := s.compile(f"{title} stays", path, f"--quantize-weights={option}"):
            x = RNG.random((2, len(w))).astype(np.float32)
            s.agrees(f"{title} stays", artifact, [x], [(x.astype(np.float64) @ w.astype(np.float64)).astype(np.float32)], "--atol=1e-6")
