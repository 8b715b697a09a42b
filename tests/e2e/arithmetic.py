"""Ordinary arithmetic at its edges, against the onnx package's reference: division, shifts, casts out of range, NaN, ties,
nothing at all, ranks 0 and 8; and how near functions are to what they should be. A part of importing.py."""
import math, warnings

import numpy as np
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

INTEGERS = [np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64]
FLOATS = [np.float16, np.float32, np.float64]


def proto_of(array):
    return helper.np_dtype_to_tensor_dtype(np.asarray(array).dtype)


def check(s, title, nodes, inputs, opset=25, dynamic=(), outputs=1, atol=0):
    """The results 'y0', 'y1', ... of `nodes` over 'x0', 'x1', ..."""
    graph = helper.make_graph(
        nodes,
        "edges",
        [
            helper.make_tensor_value_info(f"x{i}", proto_of(x), [f"d{i}_{a}" for a in range(x.ndim)] if i in dynamic else x.shape)
            for i, x in enumerate(inputs)
        ],
        [helper.make_tensor_value_info(f"y{i}", TensorProto.UNDEFINED, None) for i in range(outputs)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=12)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = ReferenceEvaluator(model).run(None, {f"x{i}": x for i, x in enumerate(inputs)})
    for output, value in zip(graph.output, expected):
        output.CopyFrom(helper.make_tensor_value_info(output.name, proto_of(value), None))
    del model.graph.output[:]
    model.graph.output.extend(graph.output)
    path = s.fresh(title.replace(" ", "_").replace(",", "")) / "model.onnx"
    path.write_bytes(model.SerializeToString())
    if artifact := s.compile(title, path):
        s.agrees(title, artifact, inputs, [np.asarray(e) for e in expected], f"--atol={atol}")


def integers(s):
    for kind in INTEGERS:
        limits = np.iinfo(kind)
        edges = np.array(sorted({limits.min, limits.min + 1, limits.max, limits.max - 1, 0, 1, 2, 3, 7, 100}), kind)
        if limits.min < 0:
            edges = np.concatenate([edges, np.array([-1, -2, -3, -7, -100], kind)])
        left, right = (np.ascontiguousarray(g.ravel()) for g in np.meshgrid(edges, edges))
        node = helper.make_node
        nodes = [node("Div", ["x0", "x1"], ["y0"]), node("Mod", ["x0", "x1"], ["y1"]), node("Mod", ["x0", "x1"], ["y2"], fmod=1)]
        check(s, f"division of {kind.__name__}", nodes, [left, right], outputs=3)
        wide = np.array([0, 1, 7, limits.bits - 1, limits.bits, limits.bits + 1, 100], kind)
        if limits.min < 0:
            wide = np.concatenate([wide, np.array([-1, limits.min], kind)])
        left, right = (np.ascontiguousarray(g.ravel()) for g in np.meshgrid(edges, wide))
        nodes = [node("BitShift", ["x0", "x1"], [f"y{i}"], direction=d) for i, d in enumerate(["LEFT", "RIGHT"])]
        check(s, f"shifts of {kind.__name__}", nodes, [left, right], opset=28, outputs=2)


def casts(s):
    for kind in FLOATS:
        values = [0, -0.0, 0.5, -0.5, 1.5, -1.5, 2.5, -1, 127.9, 128, 255.9, 256, -129, 32768, 65504, np.inf, -np.inf, np.nan]
        if kind != np.float16:
            for power in [31, 32, 63, 64]:
                for value in [2.0**power, -(2.0**power)]:
                    values += [value, np.nextafter(kind(value), kind(0)), np.nextafter(kind(value), kind(value * 2))]
            values += [3e19, -3e19, 1e30]
        x = np.array(values, kind)
        nodes = [  # a half that u32 does not hold becomes what the processor gives

            helper.make_node("Cast", ["x0"], [f"y{i}"], to=helper.np_dtype_to_tensor_dtype(np.dtype(to)))
            for i, to in enumerate([t for t in [*INTEGERS, np.bool_] if (kind, t) != (np.float16, np.uint32)])
        ]
        check(s, f"casts of {kind.__name__}", nodes, [x], outputs=len(nodes))
    for kind in INTEGERS:
        limits = np.iinfo(kind)
        x = np.array([limits.min, limits.max, 0, 1, 100, limits.max // 2 + 1, limits.max // 3], kind)
        nodes = [
            helper.make_node("Cast", ["x0"], [f"y{i}"], to=helper.np_dtype_to_tensor_dtype(np.dtype(to)))
            for i, to in enumerate([*INTEGERS, np.bool_, *FLOATS])
        ]
        check(s, f"casts of {kind.__name__}", nodes, [x], outputs=len(nodes))


def not_numbers(s):
    nan, inf = np.nan, np.inf
    for kind in FLOATS:
        name = kind.__name__
        a = np.array([nan, 1, nan, inf, -inf, 0.0, -0.0, 5], kind)
        b = np.array([1, nan, nan, nan, inf, -0.0, 0.0, 5], kind)
        node = helper.make_node
        nodes = [
            node("Max", ["x0", "x1"], ["y0"]),
            node("Min", ["x0", "x1"], ["y1"]),
            node("Max", ["x0", "x1", "x0"], ["y2"]),
            node("Equal", ["x0", "x1"], ["y3"]),
            node("Less", ["x0", "x1"], ["y4"]),
            node("GreaterOrEqual", ["x0", "x1"], ["y5"]),
        ]
        check(s, f"comparing NaN of {name}", nodes, [a, b], outputs=len(nodes))
        x = np.array([[3, nan, 1], [nan, nan, nan], [2, 2, 1], [-inf, -inf, -inf], [-0.0, 0.0, -0.0], [1, 3, nan]], kind)
        nodes = [
            node("ReduceMax", ["x0"], ["y0"], keepdims=0),
            node("ReduceMin", ["x0"], ["y1"], keepdims=0),
            node("ArgMax", ["x0"], ["y2"], axis=1),
            node("ArgMin", ["x0"], ["y3"], axis=1),
            node("ArgMax", ["x0"], ["y4"], axis=1, select_last_index=1),
            node("ArgMin", ["x0"], ["y5"], axis=1, select_last_index=1),
            node("ReduceMax", ["x0", "axis"], ["y6"]),
            node("ReduceMin", ["x0", "axis"], ["y7"]),
        ]
        axis = node("Constant", [], ["axis"], value_ints=[1])
        check(s, f"reducing NaN of {name}", [axis, *nodes], [x], outputs=len(nodes))
        k = node("Constant", [], ["k"], value_ints=[3])
        nodes = [node("TopK", ["x0", "k"], ["y0", "y1"], axis=1), node("TopK", ["x0", "k"], ["y2", "y3"], axis=1, largest=0)]
        ties = np.array([[2, 2, 1, 2], [0, 0, 0, 0], [-0.0, 0.0, 1, 1], [inf, -inf, inf, 0], [nan, 1, 3, nan]], kind)
        check(s, f"the largest of {name}", [k, *nodes], [ties], outputs=4)


REDUCTIONS = ["Sum", "Prod", "Max", "Min", "Mean", "L1", "L2", "LogSum", "LogSumExp", "SumSquare"]


def nothing(s):
    node = helper.make_node
    for reduction in REDUCTIONS:
        for shape, axes in [((2, 0, 3), [1]), ((0,), [0]), ((0, 4), [1]), ((3, 0), [0, 1])]:
            if reduction == "Mean" and axes != [1]:
                continue  # NaN: fine, but the reference refuses some
            for dynamic in [(), (0,)]:
                x = np.zeros(shape, np.float32)
                nodes = [node("Constant", [], ["axes"], value_ints=axes), node(f"Reduce{reduction}", ["x0", "axes"], ["y0"])]
                check(s, f"Reduce{reduction} of {shape} over {axes}{', dynamic' * len(dynamic)}", nodes, [x], dynamic=dynamic)
    for op in ["Neg", "Softmax", "Relu", "Transpose"]:
        check(s, f"{op} of nothing", [node(op, ["x0"], ["y0"])], [np.zeros((2, 0, 3), np.float32)])
    check(s, "MatMul over nothing", [node("MatMul", ["x0", "x1"], ["y0"])], [np.zeros((2, 0), np.float32), np.zeros((0, 3), np.float32)])
    check(s, "Concat with nothing", [node("Concat", ["x0", "x1"], ["y0"], axis=0)], [np.zeros((0, 3), np.float32), np.ones((2, 3), np.float32)])


def ranks(s):
    node = helper.make_node
    scalar = np.array(2.5, np.float32)
    nodes = [
        node("Exp", ["x0"], ["y0"]),
        node("ReduceSum", ["x0"], ["y1"]),
        node("Add", ["x0", "x1"], ["y2"]),
        node("Shape", ["x0"], ["y3"]),
        node("Transpose", ["x0"], ["y4"]),
        node("Cast", ["x0"], ["y5"], to=TensorProto.INT32),
    ]
    check(s, "rank 0", nodes, [scalar, np.array([1, 2], np.float32)], outputs=len(nodes), atol=1e-6)
    x = np.arange(2 * 3 * 2 * 2 * 3 * 2, dtype=np.float32).reshape(2, 1, 3, 2, 1, 2, 3, 2)
    row = np.arange(6, dtype=np.float32).reshape(3, 1, 1, 2, 1, 1)
    nodes = [
        node("Transpose", ["x0"], ["y0"], perm=[7, 0, 6, 1, 5, 2, 4, 3]),
        node("Add", ["x0", "x1"], ["y1"]),
        node("ReduceSum", ["x0", "axes"], ["y2"]),
        node("Concat", ["x0", "x0"], ["y3"], axis=-3),
    ]
    axes = node("Constant", [], ["axes"], value_ints=[0, 2, 5, 7])
    for dynamic in [(), (0,)]:
        check(s, f"rank 8{', dynamic' * len(dynamic)}", [axes, *nodes], [x, row], outputs=4, dynamic=dynamic)


# The largest errors in units in the last place, of f32 and of f64, that compiler/codegen/cpu/README.md promises. C's erf of
# f64 is one off itself.
FUNCTIONS = {"Exp": (np.exp, 1.0, 1.2), "Log": (np.log, 1.0, 1.2), "Tanh": (np.tanh, 2.4, 2.8), "Erf": (np.vectorize(math.erf), 4.9, 5.5)}


def bends(s):
    """Where lines bend, results are whole numbers, however 1 / 6 or 0.2 is rounded."""
    for op, x in [("HardSwish", [-4, -3, 0, 3, 4]), ("HardSigmoid", [-3, -2.5, 2.5, 3])]:
        for kind in FLOATS:
            check(s, f"{op} of {kind.__name__} where it bends", [helper.make_node(op, ["x0"], ["y0"])], [np.array(x, kind)])


def constants(s):
    """Of images that are one integer everywhere, Resize gives the same integer, however it rounds its weights."""
    x = np.array([0, 1, 7, 8, 100, 113, 127]).reshape(-1, 1, 1, 1) * np.ones((1, 1, 5, 4), int)
    for kind in [np.uint8, np.int8, np.int32]:
        for mode in [{"mode": "linear"}, {"mode": "cubic"}, {"mode": "linear", "antialias": 1}, {"mode": "cubic", "antialias": 1}]:
            for sizes in [[7, 1, 13, 11], [7, 1, 3, 3]]:
                title = f"Resize of equal {kind.__name__}: {' '.join(map(str, mode.values()))} {sizes}"
                sized = helper.make_tensor("sizes", TensorProto.INT64, [4], sizes)
                graph = helper.make_graph([helper.make_node("Resize", ["x", "", "", "sizes"], ["y"], **mode)], "resize",
                                          [helper.make_tensor_value_info("x", helper.np_dtype_to_tensor_dtype(np.dtype(kind)), x.shape)],
                                          [helper.make_tensor_value_info("y", helper.np_dtype_to_tensor_dtype(np.dtype(kind)), sizes)], [sized])
                path = s.fresh(title.replace(" ", "_").replace(",", "").replace("[", "").replace("]", "").replace(":", "")) / "model.onnx"
                path.write_bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9).SerializeToString())
                if artifact := s.compile(title, path):
                    s.agrees(title, artifact, [x.astype(kind)], [(x[:, :, :1, :1] * np.ones(sizes, int)).astype(kind)], "--atol=0")


def functions(s):
    for op, (exact, *bounds) in FUNCTIONS.items():
        for kind, bound in zip([np.float32, np.float64], bounds):
            x = np.concatenate([np.geomspace(1e-38, 80, 100_000), np.linspace(0, 10, 100_001)]).astype(kind)
            if op != "Log":
                x[::2] *= -1
            proto, title = proto_of(x), f"{op} of {kind.__name__} within {bound} units in the last place"
            graph = helper.make_graph([helper.make_node(op, ["x"], ["y"])], "function", [helper.make_tensor_value_info("x", proto, x.shape)],
                                      [helper.make_tensor_value_info("y", proto, x.shape)])
            path = s.fresh(f"{op}_{kind.__name__}") / "model.onnx"
            path.write_bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 25)], ir_version=12).SerializeToString())
            artifact = s.compile(title, path)
            if not artifact:
                continue
            given, got = artifact.with_suffix(".x.npy"), artifact.with_suffix(".y.npy")
            np.save(given, x)
            done = s.tools.run("run", artifact, f"--input=@{given}", f"--output=@{got}")
            if done.error:
                s.count.test(title, done.error)
                continue
            with np.errstate(divide="ignore"):
                want = exact(x.astype(np.longdouble) if op != "Erf" else x)
            rounded, y = want.astype(kind), np.load(got)
            finite = np.isfinite(rounded)
            error = np.abs(y.astype(np.longdouble) - want)[finite] / np.spacing(np.abs(rounded[finite]))
            worst = None if np.array_equal(y[~finite], rounded[~finite]) and error.max() <= bound else f"{float(error.max()):.2f} at {x[finite][error.argmax()]!r}"
            s.count.test(title, worst)


def all_of(s):
    for part in [integers, casts, not_numbers, nothing, ranks, bends, constants, functions]:
        part(s)
