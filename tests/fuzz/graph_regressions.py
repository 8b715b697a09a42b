"""Graphs that failed once, or that cover what has no other test: text as onnx.parser reads it, inputs made from the title."""

import random

import onnx.parser
from onnx import helper

from graph_make import Case, judged_by_references
from graph_run import CONFIGURATIONS, run_cases
from graph_values import Graph

# title: the model, and inputs that are not random as {name: elements}.
GRAPHS = {
    "a chain with a broadcast, a reduction and a shape that the call gives": (
        """<ir_version: 8, opset_import: ["" : 18]>
        g (float[N, 4] x, float[4] b, int64[2] s) => (float[A, B] y, float[N] z)
        {
          a = Add (x, b)
          t = Tanh (a)
          y = Reshape (t, s)
          axes = Constant <value = int64[1] {-1}> ()
          z = ReduceSum <keepdims = 0> (t, axes)
        }""",
        {"s": [2, -1]},
    ),
    "a product over nothing, and constants without elements": (
        """<ir_version: 8, opset_import: ["" : 17]>
        g (float[4, 0] x, float[0, 3] v) => (float[4, 8] y, float[0, 3] z, float[0, 3] c, float[4] p)
        {
          w = Constant <value = float[0, 8] {}> ()
          y = MatMul (x, w)
          none = Constant <value = float[0, 3] {}> ()
          z = Max (v, none)
          c = Identity (none)
          e = Constant <value = float[0] {}> ()
          p = MatMul (x, e)
        }""",
        {},
    ),
    "backwards over an empty dimension": (
        """<ir_version: 8, opset_import: ["" : 17]>
        g (float[0, 3] x, float[N, 2] v, int64[1] step) => (float[A, 3] y, float[B, 2] z)
        {
          start = Constant <value = int64[1] {-1}> ()
          end = Constant <value = int64[1] {-3}> ()
          axis = Constant <value = int64[1] {0}> ()
          y = Slice (x, start, end, axis, step)
          none = Slice (v, axis, axis, axis)
          back = Constant <value = int64[1] {-2}> ()
          z = Slice (none, start, end, axis, back)
        }""",
        {"step": [-1]},
    ),
}


def case_of(title, text, given):
    model = onnx.parser.parse_model(text)
    graph = Graph(random.Random(title), True)
    sizes = {}
    feed = {}
    for value in model.graph.input:
        tensor = value.type.tensor_type
        dtype = helper.tensor_dtype_to_np_dtype(tensor.elem_type)
        shape = [d.dim_value if d.HasField("dim_value") else sizes.setdefault(d.dim_param, 2 * len(sizes) + 3) for d in tensor.shape.dim]
        feed[value.name] = graph.array(dtype, tuple(shape), (lambda s, name=value.name: given[name]) if value.name in given else "small")
    return judged_by_references(Case(model, [feed], None, title, [n.op_type for n in model.graph.node]))


def regressions(build):
    """(case, verdict), each at its worst configuration."""
    cases = [case_of(title, *what) for title, what in GRAPHS.items()]
    missing = [title for title, case in zip(GRAPHS, cases) if case is None]
    if missing:
        raise SystemExit(f"graphs.py: the reference does not run: {', '.join(missing)}")
    worst = {}
    for configuration in CONFIGURATIONS:
        for case, verdict in zip(cases, run_cases(build, cases, configuration)):
            if case.title not in worst or worst[case.title][1].status == "same":
                worst[case.title] = (case, verdict)
    return list(worst.values())
