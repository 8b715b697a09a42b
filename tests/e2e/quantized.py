#!/usr/bin/env python3
"""Quantised operators, of com.microsoft above all, against onnxruntime: quantized.py BUILD [OPERATOR]...

One model for each operator, with a node for each row of its list below, at three batch sizes from one artifact, -O2 and -O0.
Integers must be equal, numbers of 8 bits equal but for a few that are one step apart (a value in the middle between two),
floating point equal to 1e-5 of the largest value.
"""
import sys, zlib

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from halcyon import Count, Tools

DOMAIN = "com.microsoft"


class Make:
    """Inputs of one row: arguments have an open dimension, of n elements."""

    def __init__(self, seed, n):
        self.rng, self.n = np.random.default_rng(seed), n

    def __call__(self, dtype, *shape):
        """Weights and the like: initializers. 7 bits of i8, so that pairs of products with u8 fit 16 bits (onnxruntime without VNNI)."""
        low, high = (-64, 64) if dtype == "i1" else (0, 256)
        return self.rng.integers(low, high, shape).astype(dtype) if dtype in ("i1", "u1") else self.rng.standard_normal(shape).astype(dtype)

    def batch(self, dtype, *shape):
        return Argument(self(dtype, self.n, *shape))

    def integers(self, high, *shape):
        return self.rng.integers(0, high, shape).astype("i4")

    def scales(self, *shape):
        return self.rng.uniform(0.005, 0.02, shape).astype("f4")


class Argument:
    """An input of the model; one dimension is symbolic."""

    def __init__(self, array, axis=0):
        self.array, self.axis = array, axis

    def resized(self, size):
        return np.take(self.array, np.arange(size) % self.array.shape[self.axis], self.axis)


def f(value):
    return np.float32(value)


def zero(dtype, value):
    return np.array(value, dtype)


# Scales are such that few results lie in the middle between two steps.
def binary(make):
    u, i = make.batch("u1", 3, 5), make.batch("i1", 3, 5)
    yield {}, [u, f(0.02), zero("u1", 120), make("u1", 5), f(0.03), zero("u1", 7), f(0.05), zero("u1", 100)]
    yield {}, [i, f(0.0213), zero("i1", -3), make.batch("i1", 1, 5), f(0.0107), zero("i1", 5), f(0.0239), zero("i1", -10)]
    yield {}, [u, f(0.02), zero("u1", 0), make("u1", 3, 1), f(0.03), zero("u1", 0), f(0.09), zero("u1", 0)]


def function(make, **attributes):
    for dtype, point in (("u1", 128), ("i1", 3)):
        yield attributes, [make.batch(dtype, 6), f(0.05), zero(dtype, point), f(0.01), zero(dtype, 5)]
    yield attributes, [make.batch("u1", 2, 3), f(0.03), None, f(0.02), None]


def leaky_relu(make):
    yield from function(make, alpha=0.2)


def softmax(make):
    for attributes in ({"opset": 13}, {"opset": 13, "axis": 1}, {"opset": 12, "axis": 1}, {"opset": 11, "axis": 2}):
        yield attributes, [make.batch("u1", 4, 5), f(0.05), zero("u1", 128), f(1 / 256), zero("u1", 0)]
        yield attributes, [make.batch("i1", 4, 5), f(0.1), zero("i1", 3), f(1 / 256), zero("i1", -128)]


def where(make):
    condition = Argument(make.rng.random((make.n, 4)) < 0.5)
    yield {}, [condition, make.batch("u1", 4), f(0.02), zero("u1", 9), make("u1", 4), f(0.03), zero("u1", 1), f(0.04), zero("u1", 2)]


def concat(make):
    yield {"axis": 1}, [f(0.04), zero("u1", 10), make.batch("u1", 2, 3), f(0.02), zero("u1", 128), make.batch("u1", 5, 3), f(0.05), zero("u1", 3)]
    yield {"axis": -1}, [f(0.04), zero("i1", -10), make.batch("i1", 2, 3), f(0.02), zero("i1", 12), make.batch("i1", 2, 1), f(0.04), zero("i1", -10)]


def global_average_pool(make):
    yield {}, [make.batch("u1", 3, 7, 5), f(0.02), zero("u1", 100), f(0.01), zero("u1", 120)]
    yield {"channels_last": 1}, [make.batch("i1", 7, 5, 3), f(0.02), zero("i1", 0), f(0.01), zero("i1", 4)]


def average_pool(make):
    window = {"kernel_shape": [3, 2], "strides": [2, 1]}
    for more in ({}, {"pads": [1, 0, 1, 1]}, {"pads": [1, 0, 1, 1], "count_include_pad": 1}):
        yield {**window, **more}, [make.batch("u1", 3, 8, 7), f(0.0207), zero("u1", 0), f(0.0193), zero("u1", 5)]
    yield {**window, "channels_last": 1}, [make.batch("i1", 8, 7, 3), f(0.0207), zero("i1", 3), f(0.0193), zero("i1", 5)]


def integer_matmul(make):
    for count in (40, 3000):  # the sums of 3,000 are too large for f32
        yield {}, [make.batch("u1", 2, count), make("i1", count, 20)]
        yield {}, [make.batch("u1", 2, count), make("i1", count, 20), zero("u1", 77), make("i1", 20)]
    yield {}, [make.batch("u1", 2, 9), make("u1", 9, 20), zero("u1", 3), zero("u1", 200)]


def integer_conv(make):
    for channels in (3, 400):
        yield {}, [make.batch("u1", channels, 6, 5), make("u1", 17, channels, 3, 3), zero("u1", 100), zero("u1", 120)]
    yield {"group": 2, "pads": [1, 1, 0, 0]}, [make.batch("u1", 4, 6, 5), make("u1", 6, 2, 3, 2), zero("u1", 100)]


def reduce_mean(make):
    for attributes in ({"axes": [1, 2], "keepdims": 1}, {"axes": [-1], "keepdims": 0}):
        yield attributes, [make.batch("u1", 4, 5), f(0.02), zero("u1", 128), f(0.01), zero("u1", 100)]


def gemm(make):
    x, w = make.batch("u1", 20), make("i1", 20, 12)
    yield {}, [x, f(0.02), zero("u1", 100), w, f(0.01), zero("i1", 0), None, f(0.2), zero("u1", 128)]
    yield {"transB": 1, "alpha": 0.5}, [x, f(0.02), zero("u1", 100), make("i1", 12, 20), f(0.01), zero("i1", 0),
                                        make.rng.integers(-3000, 3000, 12).astype("i4"), f(0.2), zero("u1", 128)]
    yield {"transB": 1}, [x, f(0.02), zero("u1", 100), make("i1", 12, 20), make.scales(12), make("i1", 12),
                          make.rng.integers(-3000, 3000, 12).astype("i4")]
    yield {}, [make.batch("u1", 20), f(0.02), zero("u1", 7), make("u1", 20, 12), f(0.01), zero("u1", 131), None, f(0.2), zero("u1", 128)]
    yield {}, [make.batch("i1", 20), f(0.02), zero("i1", 7), w, make.scales(12), make("i1", 12), None, f(0.2), zero("i1", 1)]


def matmul_to_float(make):
    x, w = make.batch("u1", 6, 20), make("i1", 20, 12)
    yield {}, [x, w, f(0.02), f(0.01)]
    yield {}, [x, w, f(0.02), make.scales(12), zero("u1", 120), make("i1", 12), make("f4", 12)]
    yield {}, [x, make("u1", 20, 12), f(0.02), f(0.01), zero("u1", 120), zero("u1", 110)]
    yield {}, [make.batch("i1", 6, 20), w, f(0.02), f(0.01), zero("i1", -4), zero("i1", 3)]


def dynamic_matmul(make):
    x = make.batch("f4", 6, 20)
    yield {}, [x, make("i1", 20, 12), f(0.01)]
    yield {}, [x, make("i1", 20, 12), make.scales(12), make("i1", 12), make("f4", 12)]
    yield {}, [x, make("u1", 20, 12), f(0.01), zero("u1", 120)]


def conv(make):
    x, w = make.batch("u1", 4, 9, 8), make("i1", 6, 2, 3, 3)
    window = {"group": 2, "pads": [1, 1, 1, 1], "strides": [2, 1], "kernel_shape": [3, 3]}
    bias = make.rng.integers(-3000, 3000, 6).astype("i4")
    yield window, [x, f(0.02), zero("u1", 100), w, make.scales(6), make("i1", 6) * 0, f(0.1), zero("u1", 120), bias]
    yield {**window, "channels_last": 1}, [make.batch("u1", 9, 8, 4), f(0.02), zero("u1", 100), w, f(0.01), zero("i1", 0), f(0.1),
                                           zero("u1", 120)]


def quantize(make):
    for dtype in ("u1", "i1", "u2", "i2"):
        yield {}, [make.batch("f4", 6), f(0.02), zero(dtype, 3)]
    yield {"axis": 1}, [make.batch("f4", 6), make.scales(6), make("i1", 6)]


def dequantize(make):
    for dtype in ("u1", "i1"):
        yield {}, [make.batch(dtype, 6), f(0.02), zero(dtype, 3)]
    yield {"axis": 1}, [make.batch("i1", 6), make.scales(6), make("i1", 6)]


def lstm(make):
    x, w, r, bias = make.batch("f4", 2, 6), make("i1", 1, 6, 32), make("i1", 1, 8, 32), make("f4", 1, 64) * f(0.1)
    tensor, column = [np.full(1, 0.01, "f4"), np.zeros(1, "i1")], [make.scales(1, 32) * f(0.5), np.zeros((1, 32), "i1")]
    yield {"hidden_size": 8, "outputs": 3}, [x, w, r, bias, None, None, None, None, *tensor, *tensor]
    yield {"hidden_size": 8, "outputs": 3}, [x, w, r, bias, None, make("f4", 1, 2, 8), make("f4", 1, 2, 8), None, *column, *column]
    both = [np.full(2, 0.01, "f4"), np.zeros(2, "i1")]
    yield ({"hidden_size": 8, "outputs": 3, "direction": "bidirectional"},
           [x, make("i1", 2, 6, 32), make("i1", 2, 8, 32), make("f4", 2, 64) * f(0.1), None, None, None, None, *both, *both])


def attention(make):
    n = make.n
    x, w, bias, scales = make.batch("u1", 5, 24), make("i1", 24, 48), make("f4", 48), [f(0.02), f(0.01)]
    lengths = Argument(1 + make.integers(5, n))
    raw = np.maximum(make.integers(2, n, 5), np.eye(5, dtype="i4")[0])  # the first key counts
    yield {"num_heads": 2}, [x, w, bias, *scales, None, zero("u1", 128), zero("i1", 0)]
    yield {"num_heads": 4}, [x, w, bias, *scales, Argument(raw), zero("u1", 100), zero("i1", 0)]
    yield {"num_heads": 2}, [x, w, bias, *scales, lengths, zero("u1", 100)]
    yield {"num_heads": 2, "unidirectional": 1}, [x, w, bias, *scales, None, zero("u1", 128)]
    past = Argument(make("f4", 2, n, 2, 3, 8), axis=1)
    yield {"num_heads": 2, "unidirectional": 1, "outputs": 2}, [x, w, bias, *scales, None, zero("u1", 128), zero("i1", 0), past]
    yield {"num_heads": 2, "unidirectional": 1, "outputs": 2}, [make.batch("u1", 1, 24), w, bias, *scales, None, zero("u1", 128), zero("i1", 0), past]


def embedding(make):
    ids, segments, mask = Argument(make.integers(30, make.n, 7)), Argument(make.integers(2, make.n, 7)), Argument(make.integers(2, make.n, 7))
    words, positions, kinds, gamma, beta = make("u1", 30, 16), make("u1", 10, 16), make("u1", 2, 16), make("u1", 16), make("u1", 16)
    scales, zeros = [f(0.01), f(0.02), f(0.03), f(0.01), f(0.02)], [zero("u1", z) for z in (128, 120, 110, 3, 127)]
    yield {"outputs": 2, "epsilon": 1e-6}, [ids, segments, words, positions, kinds, gamma, beta, mask, *scales, *zeros]
    yield ({"outputs": 2}, [ids, None, words, positions, None, gamma, beta, None, *scales[:2], None, *scales[3:], *zeros[:2], None, *zeros[3:]])


# Of the largest value, where onnxruntime quantises what stays in f32 here.
LOOSE = {"DynamicQuantizeLSTM": 0.02}

STANDARD = {"MatMulInteger", "ConvInteger"}  # of ONNX's own domain

ROWS = {
    "MatMulInteger": integer_matmul, "ConvInteger": integer_conv,
    "QLinearAdd": binary, "QLinearMul": binary, "QLinearSigmoid": function, "QLinearLeakyRelu": leaky_relu, "QLinearSoftmax": softmax,
    "QLinearWhere": where, "QLinearConcat": concat, "QLinearGlobalAveragePool": global_average_pool, "QLinearAveragePool": average_pool,
    "QLinearReduceMean": reduce_mean, "QGemm": gemm, "MatMulIntegerToFloat": matmul_to_float, "DynamicQuantizeMatMul": dynamic_matmul,
    "QLinearConv": conv, "QuantizeLinear": quantize, "DequantizeLinear": dequantize,
    "DynamicQuantizeLSTM": lstm, "QAttention": attention, "QEmbedLayerNormalization": embedding,
}


def model_of(operator, rows):
    """The model, with a node for each row, and its arguments in order."""
    nodes, arguments, arrays, initializers, outputs = [], [], [], [], []
    for number, (attributes, inputs) in enumerate(rows):
        names = []
        for position, value in enumerate(inputs):
            name = "" if value is None else f"row{number}_input{position}"
            names.append(name)
            if isinstance(value, Argument):
                shape = list(value.array.shape)
                shape[value.axis] = f"n{number}_{position}"
                arguments.append(helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.array.dtype), shape))
                arrays.append(value)
            elif value is not None:
                initializers.append(numpy_helper.from_array(np.asarray(value), name))
        results = [f"row{number}"] + [f"row{number}_{k}" for k in range(1, attributes.get("outputs", 1))]
        attributes = {name: value for name, value in attributes.items() if name != "outputs"}
        nodes.append(helper.make_node(operator, names, results, f"node{number}", domain="" if operator in STANDARD else DOMAIN, **attributes))
        outputs += [onnx.ValueInfoProto(name=name) for name in results]
    graph = helper.make_graph(nodes, operator, arguments, outputs, initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid(DOMAIN, 1)], ir_version=8), arrays


def mean_by_definition(model, arrays):
    """QLinearReduceMean, which onnxruntime knows and does not have."""
    constants = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    made = []
    for node, x in zip(model.graph.node, arrays):
        scale, point, out_scale, out_point = (constants[name] for name in node.input[1:])
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        mean = ((x.astype("f4") - point.astype("f4")) * scale).mean(tuple(attributes["axes"]), keepdims=bool(attributes["keepdims"]))
        made.append(np.clip(np.rint(mean / out_scale) + out_point, 0, 255).astype("u1"))
    return made


def reference(path, model, arrays):
    if model.graph.name == "QLinearReduceMean":
        return mean_by_definition(model, arrays)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return session.run(None, {i.name: a for i, a in zip(model.graph.input, arrays)})


def differ(number, got, expected, loose):
    if got.shape != expected.shape or got.dtype != expected.dtype:
        return f"result {number}: {got.dtype}{list(got.shape)}, expected {expected.dtype}{list(expected.shape)}"
    apart = np.abs(got.astype("f8") - expected.astype("f8"))
    if got.dtype.kind == "f":
        limit, allowed = loose * (np.abs(expected).max(initial=0) or 1), 0
    else:
        limit, allowed = (1, max(1, 0.02 * apart.size)) if got.dtype.itemsize < 4 else (0, 0)
    if apart.max(initial=0) > limit or (allowed and (apart > 0).sum() > allowed):
        return f"result {number}: {(apart > 0).sum()} of {apart.size} differ, by at most {apart.max(initial=0):.3g}: {got.ravel()[:6]}, expected {expected.ravel()[:6]}"
    return None


def check(tools, count, folder, operator):
    model, drawn = model_of(operator, list(ROWS[operator](Make(zlib.crc32(operator.encode()), 3))))
    path = folder / f"{operator}.onnx"
    onnx.save(model, path)
    for level in ("-O2", "-O0"):
        artifact = folder / f"{operator}{level}.hcm"
        error = tools.compile(path, artifact, level, "--target=cpu")
        if error:
            count.test(f"{operator} {level}", "compile: " + error)
            continue
        for size in (3, 1, 5):
            arrays = [a.resized(size) for a in drawn]
            expected = reference(path, model, arrays)
            inputs, results = [], [folder / f"result{i}.npy" for i in range(len(expected))]
            for number, array in enumerate(arrays):
                inputs.append(folder / f"input{number}.npy")
                np.save(inputs[-1], array)
            done = tools.run("run", artifact, *(f"--input=@{p}" for p in inputs), *(f"--output=@{p}" for p in results))
            wrong = done.error or next((w for i, e in enumerate(expected) if (w := differ(i, np.load(results[i]), e, LOOSE.get(operator, 1e-5)))), None)
            count.test(f"{operator} {level} batch {size}", wrong)
            for stale in results:
                stale.unlink(missing_ok=True)


def main(build, *operators):
    tools, count = Tools(build), Count("quantized")
    folder = tools.build / "e2e/quantized"
    folder.mkdir(parents=True, exist_ok=True)
    for operator in operators or ROWS:
        check(tools, count, folder, operator)
    return count.close()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
