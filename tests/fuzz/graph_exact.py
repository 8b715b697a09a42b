"""A random graph computed in f64: tells a difference that is ours from one that is both references' rounding.

The references share function bodies, so that they can agree on a result whose digits are lost: GroupNormalization of two
values near each other takes E[x*x] - E[x]*E[x] in f32.
"""

import numpy as np, onnx
from onnx import AttributeProto, TensorProto, helper, numpy_helper

from graph_judge import EPSILON, STASHED, Refused, differing, reference_run

NARROW, WIDE = TensorProto.FLOAT, TensorProto.DOUBLE
TYPES = {"to", "dtype", "stash_type", "softmax_precision", "output_datatype"}  # attributes that name an element type


def widened_tensor(tensor):
    if tensor.data_type == NARROW:
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float64), tensor.name))


def widened_graph(graph, opset, stashed=STASHED):
    """f64 for every f32. `stashed`: whose statistics are told to be f64, too."""
    for tensor in graph.initializer:
        widened_tensor(tensor)
    for value in [*graph.input, *graph.output, *graph.value_info]:
        if value.type.tensor_type.elem_type == NARROW:
            value.type.tensor_type.elem_type = WIDE
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == AttributeProto.TENSOR:
                widened_tensor(attribute.t)
            elif attribute.type == AttributeProto.GRAPH:
                widened_graph(attribute.g, opset, stashed)
            elif attribute.name in TYPES and (attribute.name != "stash_type" or node.op_type in stashed) and attribute.i == NARROW:
                attribute.i = WIDE
        if node.op_type in stashed and opset >= stashed[node.op_type] and not any(a.name == "stash_type" for a in node.attribute):
            node.attribute.append(helper.make_attribute("stash_type", WIDE))
    for index, node in reversed(list(enumerate(graph.node))):
        place = 1 if node.op_type == "Upsample" or opset < 11 else 2
        if node.op_type in ("Resize", "Upsample") and len(node.input) > place and node.input[place]:  # scales, always of f32
            scales = f"{node.input[place]}.f32.{index}"
            graph.node.insert(index, helper.make_node("Cast", [node.input[place]], [scales], to=NARROW))
            node.input[place] = scales


# onnx's evaluator takes LayerNormalization's statistics in its input's type, and refuses to be told so.
EVALUATED = {op: since for op, since in STASHED.items() if op != "LayerNormalization"}


def exact(model, feed):
    """What the reference gives with f64 for every f32, or Refused."""
    wide = onnx.ModelProto()
    wide.CopyFrom(model)
    widened_graph(wide.graph, model.opset_import[0].version, EVALUATED)
    return reference_run(wide, {n: a.astype(np.float64) if isinstance(a, np.ndarray) and a.dtype == np.float32 else a for n, a in feed.items()})


def exactly_right(case, feed, output, got, mask, unit):
    """Whether every element of a result of f32, or with statistics of f32, that is not the references' is what f64 gives, within the usual
    tolerance."""
    if isinstance(mask, str) or not (got.dtype == np.float32 or got.dtype == np.float64 and unit == EPSILON[np.dtype(np.float32)]):
        return False
    try:
        want = exact(case.model, feed)[output]
    except Refused:
        return False
    with np.errstate(all="ignore"):
        wrong = differing(got, want.astype(got.dtype), unit, len(case.model.graph.node)) if want.dtype == np.float64 else "a type"
    return not isinstance(wrong, str) and not (wrong & mask).any()
