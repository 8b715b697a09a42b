"""Products with weights of 2, 4 and 8 bits (com.microsoft.MatMulNBits) against onnxruntime. A part of importing.py."""
import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

RNG = np.random.default_rng(11)


def weights(rows, columns, block, bits, zero, type):
    blocks = -(-columns // block)
    parts = {
        "B": RNG.integers(0, 256, (rows, blocks, block * bits // 8), np.uint8),
        "scales": (RNG.random((rows, blocks)) * 0.1 + 0.01).astype(type),
    }
    if zero == "packed":
        parts["zero"] = RNG.integers(0, 256, (rows, -(-blocks * bits // 8)), np.uint8)
    elif zero == "numbers":
        parts["zero"] = (RNG.random((rows, blocks)) * 2**bits).astype(type)
    return parts


def model_of(parts, rows, columns, leading, block, bits, type, bias, **more):
    proto = helper.np_dtype_to_tensor_dtype(np.dtype(type))
    inputs = ["A", "B", "scales", "zero" if "zero" in parts else "", "", "bias" if bias else ""]
    while not inputs[-1]:
        inputs.pop()
    if bias:
        parts["bias"] = RNG.standard_normal(rows).astype(type)
    node = helper.make_node(
        "MatMulNBits", inputs, ["Y"], name="product", domain="com.microsoft", N=rows, K=columns, bits=bits, block_size=block, **more
    )
    graph = helper.make_graph(
        [node],
        "n_bits",
        [helper.make_tensor_value_info("A", proto, [*leading, columns])],
        [helper.make_tensor_value_info("Y", proto, [*leading, rows])],
        [numpy_helper.from_array(a, n) for n, a in parts.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)], ir_version=10)


def all_of(s):
    cases = [  # rows, columns, block, bits, zero points, bias, leading dimensions
        (32, 64, 16, 4, None, False, ["m"]),
        (20, 100, 32, 4, "packed", False, ["m"]),
        (7, 96, 32, 4, "packed", True, ["b", "m"]),
        (16, 256, 128, 4, "numbers", False, ["m"]),
        (24, 64, 32, 8, None, False, ["m"]),
        (9, 130, 64, 8, "packed", True, ["m"]),
        (64, 64, 32, 2, "packed", False, ["m"]),
    ]
    for number, (rows, columns, block, bits, zero, bias, leading) in enumerate(cases):
        title = f"MatMulNBits {rows}x{columns}, {bits} bits by {block}, zero points {zero}{', bias' * bias}"
        parts = weights(rows, columns, block, bits, zero, np.float32)
        model = model_of(parts, rows, columns, leading, block, bits, np.float32, bias)
        path = s.fresh(f"n_bits{number}") / "model.onnx"
        path.write_bytes(model.SerializeToString())
        artifact = s.compile(title, path)
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        for m in [1, 2, 5, 17] if artifact else []:
            x = RNG.standard_normal([*([3] if len(leading) == 2 else []), m, columns]).astype(np.float32)
            s.agrees(f"{title}, {m} rows", artifact, [x], session.run(None, {"A": x}), "--atol=1e-5")
    rows, columns = 512, 512
    model = model_of(weights(rows, columns, 32, 4, "packed", np.float32), rows, columns, [2], 32, 4, np.float32, False)
    path = s.fresh("n_bits_size") / "model.onnx"
    path.write_bytes(model.SerializeToString())
    if artifact := s.compile("MatMulNBits, weights stay packed", path, "--executables=static"):
        size, packed = artifact.stat().st_size, rows * columns // 2
        s.count.test("MatMulNBits, weights stay packed", f"{size} bytes for {packed}" if size > packed * 1.5 else None)
    refused = {
        "bits": (dict(bits=3), "node 'product' (MatMulNBits): attribute 'bits' is 3, expected 2, 4 or 8"),
        "block": (dict(block=24), "attribute 'block_size' is 24, expected a power of two"),
        "layout": (dict(weight_prepacked=1), "attribute 'weight_prepacked' is 1"),
        "N": (dict(rows=33), "input 'B': expected shape [33, 2, 16]"),
    }
    for name, (change, text) in refused.items():
        given = dict(rows=32, columns=64, leading=[1], block=32, bits=4, type=np.float32, bias=False) | change
        path = s.fresh(f"n_bits_{name}") / "model.onnx"
        path.write_bytes(model_of(weights(32, 64, 32, 4, None, np.float32), **given).SerializeToString())
        s.refused(f"MatMulNBits, a wrong {name}", path, text)
    model = model_of(weights(32, 64, 32, 4, None, np.float32), 32, 64, [1], 32, 4, np.float32, False)
    model.graph.node[0].input.extend(["", "g_idx"])
    model.graph.initializer.append(numpy_helper.from_array(np.zeros(64, np.int32), "g_idx"))
    path = s.fresh("n_bits_index") / "model.onnx"
    path.write_bytes(model.SerializeToString())
    s.refused("MatMulNBits, a group index", path, "a group index ('g_idx') is not supported")
