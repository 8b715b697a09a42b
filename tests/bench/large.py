"""Models of one operator on tensors that no cache holds, for dispatches.py --large: folders as the corpus has them."""

VALUES = 16 << 20  # floats: 64 MiB
ROWS = [128, 768, 4096]  # lengths


def operators():
    """Name, operator, shapes of inputs, attributes."""
    flat = [VALUES // 4096, 4096]
    for name in ["Add", "Mul", "Max"]:
        yield name, name, [flat, flat], {}
    yield "Add_row", "Add", [flat, [4096]], {}
    for name in ["Relu", "Exp", "Sigmoid", "Tanh", "Gelu", "Sqrt", "LeakyRelu"]:
        yield name, name, [flat], {}
    yield "Transpose", "Transpose", [flat], {"perm": [1, 0]}
    yield "Concat", "Concat", [flat, flat], {"axis": 1}
    for length in ROWS:
        yield f"Softmax_{length}", "Softmax", [[VALUES // length, length]], {"axis": -1}
        yield f"LayerNormalization_{length}", "LayerNormalization", [[VALUES // length, length], [length], [length]], {"axis": -1}
        yield f"ReduceMax_{length}", "ReduceMax", [[VALUES // length, length]], {}


def models(folder):
    """The folders, made where they are missing."""
    import numpy as np
    import onnx
    from onnx import helper

    def numbers(shape):  # a file that all operators share
        file = folder / ("x".join(map(str, shape)) + ".npy")
        if not file.exists():
            np.save(file, np.random.default_rng(3).standard_normal(shape, np.float32))
        return file

    for name, operator, shapes, attributes in operators():
        made = folder / name
        if not (made / "model.onnx").exists():
            made.mkdir(parents=True, exist_ok=True)
            inputs = [helper.make_tensor_value_info(f"x{i}", 1, shape) for i, shape in enumerate(shapes)]
            node = helper.make_node(operator, [i.name for i in inputs], ["y"], **attributes)
            graph = helper.make_graph([node], name, inputs, [helper.make_tensor_value_info("y", 1, None)])
            for i, shape in enumerate(shapes):
                (made / f"input_{i}.npy").symlink_to(numbers(shape))
            onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9), made / "model.onnx")
        yield made
