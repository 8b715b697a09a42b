#!/usr/bin/env python3
"""Sizes that are known at the call: shapes.py BUILD

Calls whose sizes do not fit fail, and say which argument and dimension, or which node and why; never with a wrong result.
Sizes that depend on data are read back once for a call, 8 bytes. What fits is compared with onnxruntime, for several sizes
from one artifact.
"""
import random, re, sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from halcyon import Count, Tools

F, I, B = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL
RNG = np.random.default_rng(11)


def f(*shape):
    return RNG.standard_normal(shape).astype("f4")


def i(*values):
    return np.array(values, "i8")


class Model:
    """Nodes are (operator, inputs, outputs, attributes); arguments are name -> (type, dims)."""

    def __init__(self, nodes, arguments, constants=None, opset=18):
        made = [helper.make_node(op, ins.split(","), outs.split(","), name=f"the {op}" if op not in [n[0] for n in nodes[:number]] else f"the {op} of {outs}", **attributes)
                for number, (op, ins, outs, attributes) in enumerate(nodes)]
        results = nodes[-1][2].split(",")
        infos = [helper.make_tensor_value_info(name, kind, dims) for name, (kind, dims) in arguments.items()]
        graph = helper.make_graph(made, "shapes", infos, [onnx.ValueInfoProto(name=r) for r in results],
                                  [numpy_helper.from_array(np.asarray(a), n) for n, a in (constants or {}).items()])
        self.proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", 3)], ir_version=8)
        self.results = len(results)


def one(op, arguments, constants=None, outputs="y", **attributes):
    names = [*arguments, *(constants or {})]
    return Model([(op, ",".join(attributes.pop("order", None) or names), outputs, attributes)], arguments, constants)


A = {"a": (F, ["n"])}
AB = {"a": (F, ["n"]), "b": (F, ["m"])}
MATRIX = {"a": (F, ["n", "k"])}
IMAGE = {"a": (F, ["n", "c", "h", "w"])}

# (title, model, arrays, what the error says)
FAILS = [
    ("a symbol", one("Add", {"a": (F, ["n"]), "b": (F, ["n"])}), [f(3), f(4)], "main: argument 1 'b', dimension 0 'n': expected 3, got 4"),
    ("a size", one("Relu", {"a": (F, ["n", 4])}), [f(3, 5)], "main: argument 0 'a', dimension 1: expected 4, got 5"),
    ("a rank", one("Relu", MATRIX), [f(3)], "main: argument 0 'a': expected rank 2, got 1"),
    ("a type", one("Relu", A), [f(3).astype("f8")], "main: argument 0 'a': expected f32, got f64"),
    ("operands", one("Add", AB), [f(3), f(4)], "sizes do not match, in 'the Add'"),
    ("a bias", one("Gemm", {"a": (F, ["n", 4]), "c": (F, ["q"])}, {"b": f(4, 5)}, order=["a", "b", "c"]), [f(2, 4), f(3)], "in 'the Gemm'"),
    ("inner sizes", one("MatMul", {"a": (F, ["n", "k"]), "b": (F, ["j", "m"])}), [f(2, 3), f(4, 5)], "in 'the MatMul'"),
    ("offsets", one("DeformConv", {"a": (F, ["n", 3, "h", "w"])}, {"w": f(4, 3, 3, 3), "o": f(1, 18, 6, 5)}), [f(1, 3, 8, 8)], "sizes do not match, in 'the DeformConv'"),
    ("channels", one("Conv", IMAGE, {"w": f(4, 2, 3, 3)}), [f(1, 3, 8, 8)], "in 'the Conv: the input has another number of channels"),
    ("Concat", one("Concat", {"a": (F, ["n", "k"]), "b": (F, ["m", "l"])}, axis=0), [f(3, 2), f(4, 3)], "sizes do not match, in 'the Concat'"),
    ("Reshape, a remainder", one("Reshape", A, {"s": i(2, -1)}), [f(7)], "sizes do not match, in 'the Reshape'"),
    ("Reshape, a constant", one("Reshape", A, {"s": i(2, 4)}), [f(7)], "sizes do not match, in 'the Reshape'"),
    ("Reshape, a copied size", one("Reshape", {"a": (F, ["n", "m"])}, {"s": i(0, 3)}), [f(7, 2)], "sizes do not match, in 'the Reshape'"),
    ("Reshape, an argument", one("Reshape", {**A, "s": (I, [2])}), [f(7), i(2, 3)], "sizes do not match, in 'the Reshape'"),
    ("Reshape, two unknown", one("Reshape", {**A, "s": (I, [2])}), [f(7), i(-1, -1)], "in 'the Reshape'"),
    ("DepthToSpace", one("DepthToSpace", IMAGE, blocksize=2), [f(1, 3, 2, 2)], "in 'the DepthToSpace'"),
    ("Squeeze", one("Squeeze", {"a": (F, ["n", "m"])}, {"s": i(1)}), [f(3, 2)], "in 'the Squeeze: a dimension to squeeze is not 1'"),
    ("Expand", one("Expand", {**A, "s": (I, [2])}), [f(3), i(2, 4)], "in 'the Expand: a dimension that is not 1 cannot become another'"),
    ("Split", one("Split", A, {"s": i(2, 4)}, "y,z"), [f(5)], "sizes do not match, in 'the Split'"),
    ("TopK", one("TopK", {**A, "k": (I, [1])}, None, "y,z"), [f(3), i(5)], "in 'the TopK: k is greater than the dimension'"),
    ("TopK, negative", one("TopK", {**A, "k": (I, [1])}, None, "y,z"), [f(3), i(-1)], "in 'the TopK: a size is negative'"),
    ("Tile", one("Tile", {**A, "r": (I, [1])}), [f(3), i(-1)], "in 'the Tile: a size is negative'"),
    ("ConstantOfShape", one("ConstantOfShape", {"s": (I, [2])}), [i(3, -1)], "in 'the ConstantOfShape: a size is negative'"),
    ("MatMul, batches", one("MatMul", {"a": (F, ["n", 2, 3]), "b": (F, ["m", 3, 4])}), [f(2, 2, 3), f(3, 3, 4)], "in 'the MatMul'"),
    ("ScatterElements, updates", one("ScatterElements", {"a": (F, ["n"]), "i": (I, ["m"]), "u": (F, ["k"])}), [f(5), i(1, 2), f(3)], "in 'the ScatterElements'"),
    ("ScatterElements, indices beside the axis", one("ScatterElements", {"a": (F, ["n", "q"]), "i": (I, ["m", "k"]), "u": (F, ["m", "k"])}), [f(5, 1), i(1, 2).reshape(1, 2), f(1, 2)], "in 'the ScatterElements: a size is too large'"),
    ("ScatterND, updates", one("ScatterND", {"a": (F, ["n", "q"]), "i": (I, ["m", 1]), "u": (F, ["m", "k"])}), [f(5, 3), i(1, 2).reshape(2, 1), f(2, 2)], "in 'the ScatterND'"),
    ("ScatterND, fewer updates", one("ScatterND", {"a": (F, ["n"]), "i": (I, ["m", 1]), "u": (F, ["k"])}), [f(5), i(1, 2).reshape(2, 1), f(1)], "in 'the ScatterND'"),
    ("Compress", one("Compress", {"a": (F, ["n"]), "c": (B, ["m"])}, axis=0), [f(2), np.ones(3, bool)], "in 'the Compress: a size is too large'"),
    ("NonMaxSuppression", one("NonMaxSuppression", {"b": (F, [1, "n", 4]), "s": (F, [1, 1, "m"])}, {"k": i(2)}), [f(1, 3, 4), f(1, 1, 4)], "in 'the NonMaxSuppression'"),
    ("MatMul, inner sizes of batches", one("MatMul", {"a": (F, ["n", 2, "k"]), "b": (F, ["n", "j", 4])}), [f(2, 2, 3), f(2, 5, 4)], "in 'the MatMul'"),
    ("LSTM, a state", one("LSTM", {"x": (F, ["t", "b", 3]), "h": (F, [1, "q", 4])}, {"w": f(1, 16, 3), "r": f(1, 16, 4)}, order=["x", "w", "r", "", "", "h"],
                          hidden_size=4), [f(2, 3, 3), f(1, 2, 4)], "in 'the LSTM'"),
    ("GRU, a state's width", one("GRU", {"x": (F, ["t", "b", 3]), "h": (F, [1, "b", "q"])}, {"w": f(1, 12, 3), "r": f(1, 12, 4)},
                                 order=["x", "w", "r", "", "", "h"], hidden_size=4), [f(2, 3, 3), f(1, 3, 5)], "in 'the GRU'"),
    ("RNN, lengths", one("RNN", {"x": (F, ["t", "b", 3]), "l": (TensorProto.INT32, ["q"])}, {"w": f(1, 4, 3), "r": f(1, 4, 4)},
                         order=["x", "w", "r", "", "l"], hidden_size=4), [f(2, 3, 3), np.array([1, 2], "i4")], "in 'the RNN'"),
    ("ReverseSequence", one("ReverseSequence", {"a": (F, ["t", "b"]), "l": (I, ["q"])}), [f(3, 4), i(1, 2)], "in 'the ReverseSequence'"),
    ("GatherND", one("GatherND", {"a": (F, ["n", "m"]), "i": (I, ["q", 1])}, batch_dims=1), [f(3, 2), np.array([[0], [1]])], "in 'the GatherND'"),
    ("GridSample", one("GridSample", {"a": (F, ["n", 1, 4, 4]), "g": (F, ["q", 2, 2, 2])}), [f(2, 1, 4, 4), f(1, 2, 2, 2)], "in 'the GridSample'"),
    ("RoiAlign", one("RoiAlign", {"a": (F, ["n", 1, 4, 4]), "r": (F, ["q", 4]), "b": (I, ["p"])}), [f(2, 1, 4, 4), f(2, 4), i(0)], "in 'the RoiAlign'"),
    ("Einsum, a diagonal", one("Einsum", {"a": (F, ["n", "m"]), "b": (F, ["n"])}, equation="ii,i->i"), [f(3, 2), f(3)], "in 'the Einsum'"),
    ("an empty dimension", one("Add", {"a": (F, [0, 3]), "b": (F, ["n", 3])}), [f(0, 3), f(2, 3)], "in 'the Add: a size is neither 0 nor 1'"),
    ("beside an empty dimension", one("Add", {"a": (F, [0, "m"]), "b": (F, ["n", "k"])}), [f(0, 3), f(1, 2)], "in 'the Add'"),
    ("Resize, scales", one("Resize", {"a": (F, ["n", "m"]), "s": (F, ["k"])}, order=["a", "", "s"], mode="nearest"), [f(2, 3), f(3)], "in 'the Resize'"),
    ("OneHotEncoder", one("OneHotEncoder", {"a": (I, ["n"])}, domain="ai.onnx.ml", cats_int64s=[4, 1], zeros=0), [i(1, 3)],
     "in 'the OneHotEncoder: an element is none of the categories'"),
    ("Range", one("Range", {"a": (I, []), "b": (I, []), "c": (I, [])}), [np.int64(0), np.int64(5), np.int64(0)], "in 'the Range: delta is zero'"),
]


def convolution(channels, results, group, kernel, pads, strides=(1, 1), dilations=(1, 1)):
    """With a Relu, of images that are about as large as its window, and of larger ones."""
    weights = {"w": f(results, channels // group, *kernel), "b": f(results)}
    nodes = [("Conv", "a,w,b", "c", dict(group=group, pads=pads, strides=strides, dilations=dilations)), ("Relu", "c", "y", {})]
    sizes = [(1, 3, 5), (1, 5, 3), (2, 4, 8), (1, 6, 17), (3, 3, 24), (1, 9, 70), (1, 7, 33)]
    return Model(nodes, {"a": (F, ["n", channels, "h", "w"])}, weights), [[f(n, channels, h, w)] for n, h, w in sizes]


# (title, model, lists of arrays): compared with onnxruntime, each list with the same artifact
HOLDS = [
    ("Expand", one("Expand", {"a": (F, ["n", "m"]), "s": (I, [3])}), [[f(3, 1), i(2, 3, 4)], [f(1, 4), i(2, 3, 4)], [f(3, 4), i(1, 1, 1)], [f(1, 1), i(1, 1, 5)]]),
    ("Add over nothing", one("Add", {"a": (F, [0, "m"]), "b": (F, ["n", "m"])}), [[f(0, 3), f(1, 3)], [f(0, 2), f(0, 2)]]),
    ("Expand, one size", one("Expand", {"a": (F, ["n", 1])}, {"s": i(4, 5)}), [[f(1, 1)], [f(4, 1)]]),
    ("Reshape", one("Reshape", {**A, "s": (I, [2])}), [[f(6), i(2, -1)], [f(6), i(3, 2)], [f(0), i(0, 4)]]),
    ("Concat", one("Concat", {"a": (F, ["n", "k"]), "b": (F, ["m", "l"])}, axis=0), [[f(3, 2), f(4, 2)], [f(0, 5), f(1, 5)], [f(2, 5), f(0, 5)]]),
    ("Split", one("Split", A, {"s": i(2, 3)}, "y,z"), [[f(5)]]),
    ("TopK", one("TopK", {**A, "k": (I, [1])}, None, "y,z"), [[f(3), i(3)], [f(9), i(2)], [f(4), i(0)]]),
    ("Squeeze", one("Squeeze", {"a": (F, ["n", "m", 1])}, {"s": i(1, 2)}), [[f(3, 1, 1)], [f(0, 1, 1)]]),
    ("Conv, a padded window of each channel", *convolution(24, 24, 24, (3, 3), [1, 1, 1, 1])),
    ("Conv, every second column", *convolution(40, 40, 40, (5, 5), [2, 2, 2, 2], strides=(1, 2))),
    ("Conv, far apart", *convolution(17, 17, 17, (3, 3), [2, 2, 2, 2], dilations=(2, 2))),
    ("Conv, lopsided", *convolution(16, 16, 16, (3, 5), [1, 3, 0, 4])),
    ("Conv, three channels", *convolution(3, 16, 1, (3, 3), [1, 1, 1, 1], strides=(2, 2))),
    ("Conv, padded columns", *convolution(12, 33, 1, (1, 3), [0, 1, 0, 1])),
    ("Conv, padded rows", *convolution(12, 33, 1, (3, 1), [1, 0, 1, 0])),
    ("Conv, no window", *convolution(8, 16, 1, (1, 1), [1, 2, 1, 1])),
    ("Transpose and Tile", Model([("Transpose", "a", "t", {"perm": [1, 0]}), ("Tile", "t,r", "y", {})], {**MATRIX, "r": (I, [2])}),
     [[f(3, 2), i(2, 1)], [f(1, 4), i(0, 3)], [f(5, 5), i(1, 2)]]),
]

# (title, model, lists of arrays, reads a call)
READS = [
    ("NonZero", one("NonZero", MATRIX), [[(f(4, 5) > 0).astype("f4")], [np.zeros((2, 3), "f4")], [np.ones((1, 7), "f4")]], 1),
    ("Compress", one("Compress", {"a": (F, ["n", "k"]), "c": (B, ["m"])}, axis=0), [[f(4, 3), np.array([1, 0, 1, 1], bool)], [f(2, 2), np.array([0, 0], bool)]], 1),
    ("Unique", one("Unique", A, None, "y,p,q,c"), [[np.array([2, 1, 2, 7], "f4")], [f(9)]], 1),
    ("NonMaxSuppression", one("NonMaxSuppression", {"b": (F, [1, "n", 4]), "s": (F, [1, 1, "n"])}, {"m": i(3), "t": np.array([0.5], "f4")}),
     [[np.array([[[0, 0, 1, 1], [0, 0.1, 1, 1.1], [0, 10, 1, 11], [0, 10.1, 1, 11.1]]], "f4"), np.array([[[0.9, 0.75, 0.6, 0.95]]], "f4")]], 1),
    ("TopK, k from an argument", one("TopK", {**A, "k": (I, [1])}, None, "y,z"), [[f(5), i(2)]], 0),
    ("TopK, k from data", Model([("NonZero", "m", "where", {}), ("Shape", "where", "both", {}), ("Gather", "both,last", "k", {}),
                                 ("TopK", "a,k", "y,z", {})], {"a": (F, ["n"]), "m": (F, ["n"])}, {"last": i(1)}),
     [[f(5), np.array([1, 0, 1, 0, 0], "f4")], [f(3), np.zeros(3, "f4")]], 1),
    ("NonZero, then used twice", Model([("NonZero", "a", "where", {}), ("Transpose", "where", "at", {}), ("GatherND", "a,at", "some", {}),
                                        ("Add", "some,some", "y", {})], MATRIX), [[(f(4, 5) > 0).astype("f4")]], 1),
]




def arena(seed, length=18, calls=10):
    """A model whose values have sizes of three symbols and live for as long as chance wants, and calls of very different sizes:
    what lies where in the arena must hold for each of them. All elements that nobody reads are in the result."""
    rng, nodes, read = random.Random(seed), [], set()
    values = [("a", "nm"), ("b", "mk"), ("c", "kn")]
    while len(nodes) < length:
        (x, dims), kind, y = rng.choice(values), rng.choice(["Transpose", "Softmax", "Add", "MatMul", "MatMul"]), f"v{len(nodes)}"
        others = [v for v, d in values if (d == dims if kind == "Add" else d[0] == dims[1])]
        if kind in ("Transpose", "Softmax"):
            nodes.append((kind, x, y, {"perm": [1, 0]} if kind == "Transpose" else {"axis": 0}))
            values.append((y, dims[::-1] if kind == "Transpose" else dims))
            read.add(x)
        elif others:
            other = rng.choice(others)
            nodes.append((kind, f"{x},{other}", y if kind == "Add" else y + "p", {}))
            if kind == "MatMul":  # keeps numbers small
                nodes.append(("Softmax", y + "p", y, {"axis": -1}))
            values.append((y, dims if kind == "Add" else dims[0] + dict(values)[other][1]))
            read |= {x, other}
    left = [v for v, _ in values if v not in read]
    nodes += [("Reshape", f"{v},flat", f"{v}f", {}) for v in left]
    nodes.append(("Concat", ",".join(f"{v}f" for v in left), "y", {"axis": 0}))
    model = Model(nodes, {v: (F, list(d)) for v, d in values[:3]}, {"flat": i(-1)})
    sizes = [[rng.choice([1, 2, 3, 17, 40, 64, 130]) for _ in "nmk"] for _ in range(calls)]
    return f"an arena, {seed}", model, [[f(n, m), f(m, k), f(k, n)] for n, m, k in sizes]


def reference(model, arrays):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, {a.name: x for a, x in zip(model.proto.graph.input, arrays)})


class Suite:
    def __init__(self, tools, count):
        self.tools, self.count, self.folder = tools, count, tools.build / "e2e/shapes"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.artifact = self.folder / "model.hcm"

    def compile(self, title, model, level):
        onnx.save(model.proto, self.folder / "model.onnx")
        error = self.tools.compile(self.folder / "model.onnx", self.artifact, level, "--target=cpu")
        if error:
            self.count.test(title, "compile: " + error)
        return not error

    def call(self, arrays, device, *words):
        inputs = []
        for number, array in enumerate(arrays):
            inputs.append(self.folder / f"input{number}.npy")
            np.save(inputs[-1], array)
        return self.tools.run("run", self.artifact, f"--device={device}", *(f"--input=@{p}" for p in inputs), *words)

    def fails(self, title, model, arrays, text):
        for level in ("-O2", "-O0"):
            if not self.compile(f"{title}: {level}", model, level):
                continue
            for device in ("cpu", "checked:cpu:unmappable"):
                done = self.call(arrays, device)
                lines = done.err.strip().splitlines()
                good = done.status == 1 and len(lines) == 1 and text in lines[0]
                self.count.test(f"{title} fails: {level} {device}", None if good else f"exit {done.status}: {done.err.strip() or done.out.strip()}, expected {text!r}")

    def holds(self, title, model, calls, reads=0):
        for level in ("-O2", "-O0"):
            if not self.compile(f"{title}: {level}", model, level):
                continue
            for device in ("cpu", "checked:cpu:unmappable"):
                wrong = None
                for number, arrays in enumerate(calls):
                    expected = reference(model, arrays)
                    results = [self.folder / f"result{k}.npy" for k in range(model.results)]
                    done = self.call(arrays, device, "--transfers", *(f"--output=@{p}" for p in results))
                    if done.error:
                        wrong = wrong or f"call {number}: {done.error}"
                        continue
                    for k, (path, due) in enumerate(zip(results, expected)):
                        got = np.load(path)
                        if got.shape != due.shape or not np.allclose(got, due, rtol=1e-5, atol=1e-5):
                            wrong = wrong or f"call {number}, result {k}: {got.shape} {got.ravel()[:6]}, expected {due.shape} {due.ravel()[:6]}"
                    down, size = map(int, re.search(r"(\d+) from it \((\d+) bytes\)", done.out).groups())
                    if device == "cpu" and (down, size) != (reads, 8 * reads):
                        wrong = wrong or f"call {number}: {down} reads of {size} bytes, expected {reads} of {8 * reads}"
                self.count.test(f"{title}: {level} {device}", wrong)


def main(build):
    tools, count = Tools(build), Count("shapes")
    suite = Suite(tools, count)
    for row in FAILS:
        suite.fails(*row)
    for row in HOLDS + READS + [arena(seed) for seed in range(6)]:
        suite.holds(*row)
    return count.close()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
