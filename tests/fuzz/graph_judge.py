"""The two references of a random graph, and when results are the same.

Results are close where no element differs by more than a tolerance of the output's largest finite element, by the loosest
element type in the graph and its number of nodes; integers and bool are equal. Where rounding alone decides a result
(a sum that cancels, a Floor or ArgMax after an Exp), `unstable` finds out: it runs the reference again, with noise of a few
units in the last place on every inexact result, and looks whether the elements that differ move with it. Noise never makes a
zero, which another order of a sum can: in some runs, sums that cancel are zero.
"""

import warnings

import ml_dtypes, numpy as np, onnx
from onnx import helper
from onnx.reference import ReferenceEvaluator

from graph_ort import Runner

BF16 = np.dtype(ml_dtypes.bfloat16)
# A unit in the last place, by element type.
EPSILON = {BF16: 2.0**-8, np.dtype(np.float16): 2.0**-11, np.dtype(np.float32): 2.0**-24, np.dtype(np.float64): 2.0**-53}
UNITS = 32  # of them that a node may add
EXACT = {"Identity", "Reshape", "Transpose", "Slice", "Concat", "Gather", "GatherElements", "GatherND", "Squeeze", "Unsqueeze",
         "Flatten", "Expand", "Tile", "Pad", "Split", "Relu", "Abs", "Neg", "Max", "Min", "Floor", "Ceil", "Round", "Sign", "Where",
         "ReduceMax", "ReduceMin", "MaxPool", "GlobalMaxPool", "ScatterElements", "ScatterND", "DepthToSpace", "SpaceToDepth",
         "ReverseSequence", "Trilu", "TopK", "Constant", "Compress", "Unique", "OneHot", "CenterCropPad", "ConstantOfShape",
         "MaxUnpool", "TensorScatter", "Hardmax", "SequenceAt", "ConcatFromSequence", "BitCast", "Dropout"}

# Whose sums may cancel: noise on what they add moves them more than noise on the result does.
SUMS = {"MatMul", "Gemm", "Einsum", "Conv", "ConvTranspose", "DeformConv", "Col2Im", "ReduceSum", "ReduceMean", "ReduceLogSum", "Sum", "Mean",
        "CumSum", "DFT", "STFT", "Attention", "RNN", "LSTM", "GRU", "LayerNormalization", "InstanceNormalization", "GroupNormalization",
        "MeanVarianceNormalization", "AveragePool", "GlobalAveragePool", "Resize", "GridSample", "Det", "HardSigmoid", "HardSwish"}


class Refused(Exception):
    """A node that is no part of the graph, and why."""


def silent(function, *arguments):
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return function(*arguments)


def evaluated(model, feed):
    """What onnx's reference evaluator gives: tensors, and lists of them."""
    try:
        return silent(lambda: ReferenceEvaluator(model).run(None, feed))
    except Exception as error:  # it raises what numpy raises
        raise Refused(f"reference: {type(error).__name__}: {str(error)[:200]}") from None


def reference_run(model, feed):
    """The tensors that onnx's reference evaluator gives, or Refused."""
    results = evaluated(model, feed)
    if not all(isinstance(r, (np.ndarray, np.generic)) for r in results):
        raise Refused("reference: a result is no tensor")
    return [np.asarray(r) for r in results]


def model_of(nodes, feed, names, opset):
    inputs = [helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape) if isinstance(a, np.ndarray) else
              onnx.ValueInfoProto(name=n) for n, a in feed.items()]
    graph = helper.make_graph(nodes, "nodes", inputs, [onnx.ValueInfoProto(name=n) for n in names])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])


def reference_nodes(nodes, feed, names, opset):
    return reference_run(model_of(nodes, feed, names, opset), feed)


ORT = Runner()


def ort_run(model, feed):
    """What onnxruntime gives, without its optimisations, or Refused."""
    if any(a.dtype == BF16 for a in feed.values()):
        raise Refused("onnxruntime: takes no bf16 from numpy")
    results = ORT.run(model.SerializeToString(), feed)
    if isinstance(results, str):
        raise Refused("onnxruntime: " + results)
    return [np.asarray(r) for r in results]


# ---- closeness ---------------------------------------------------------------------------------------

# Operators with a stash_type, since which version; f32 unless told.
STASHED = {"GroupNormalization": 21, "LayerNormalization": 17, "RMSNormalization": 23}


def loosest(arrays):
    """The largest unit in the last place of the floating-point types among them; 0 without any."""
    return max((EPSILON.get(a.dtype, 0.0) for a in arrays), default=0.0)


def wide(array):
    return array.astype(np.float64) if array.dtype in EPSILON else array


def differing(got, want, unit, nodes):
    """A mask of elements that differ, or text where type or shape do."""
    if got.dtype != want.dtype or got.shape != want.shape:
        return f"{got.dtype}{list(got.shape)}, expected {want.dtype}{list(want.shape)}"
    if want.dtype not in EPSILON:
        return got != want
    a, b = wide(got), wide(want)
    finite = np.abs(b[np.isfinite(b)])
    tolerance = UNITS * (nodes + 1) * max(unit, EPSILON[want.dtype]) * (finite.max() if finite.size else 1.0)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    return ~(same | (np.abs(a - b) <= tolerance))


def close(got, want, unit, nodes):
    with np.errstate(all="ignore"):
        found = differing(got, want, unit, nodes)
    return not isinstance(found, str) and not found.any()


def agree(some, others, nodes, unit=0.0):
    return len(some) == len(others) and all(close(a, b, unit, nodes) for a, b in zip(some, others))


def describe(got, want, mask):
    if isinstance(mask, str):
        return mask
    at = tuple(map(int, np.argwhere(mask)[0]))
    return f"{int(mask.sum())} of {mask.size} elements, first at {list(at)}: {got[at]}, expected {want[at]}"


# ---- noise -------------------------------------------------------------------------------------------


def noisy(array, rng, absolute=0.25, terms=1):
    """`terms`: how many are summed one after the other; their errors add up as a random walk."""
    unit = 4 * EPSILON[array.dtype] * max(1, terms**0.5 / 16)
    with np.errstate(all="ignore"):
        finite = np.abs(wide(array))
        largest = finite[np.isfinite(finite)].max(initial=0.0)
        noise = unit * (wide(array) + absolute * largest) * rng.uniform(-1, 1, array.shape)
        return np.where(np.isfinite(wide(array)), wide(array) + noise, wide(array)).astype(array.dtype)


def cancelled(array, added, terms):
    """Which elements of a sum of `terms` may as well be zero: an order of it may leave nothing of what is added, or of its products."""
    sizes = [np.abs(wide(a)) for a in added]
    largest = [s[np.isfinite(s)].max(initial=0.0) for s in sizes]
    return np.abs(wide(array)) <= 4 * EPSILON[array.dtype] * max(1, terms**0.5) * max([float(np.prod(largest)), *largest], default=0.0)


def run_noisy(model, feed, rng, zeros=False):
    """Results of the reference with noise on what is inexact. `zeros`: none is left of sums that cancel."""
    opset = model.opset_import[0].version
    values = {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer} | dict(feed)
    for node in model.graph.node:
        needed = {n: a for n, a in values.items() if n in node.input or any(a.HasField("g") for a in node.attribute)}
        names = [n for n in node.output if n]
        if node.op_type in SUMS:
            needed = {n: noisy(a, rng, 0) if isinstance(a, np.ndarray) and a.dtype in EPSILON else a for n, a in needed.items()}
        added = [a for n, a in needed.items() if n in node.input and isinstance(a, np.ndarray) and a.dtype in EPSILON]
        for name, made in zip(names, evaluated(model_of([node], needed, names, opset), needed)):
            made = made if isinstance(made, list) else np.asarray(made)
            exact = isinstance(made, list) or made.dtype not in EPSILON or node.op_type in EXACT
            terms = 1 if exact else sum(a.size for a in added) / max(1, made.size)
            values[name] = made if exact else noisy(made, rng, terms=terms)
            if zeros and not exact and node.op_type in SUMS:
                values[name] = np.where(cancelled(made, added, terms), made.dtype.type(0), values[name])
    return [values[o.name] for o in model.graph.output]


def unstable(model, feed, output, got, want, mask):
    """Whether noise moves every element that differs by as much as it differs, or more."""
    if isinstance(mask, str):
        return False  # a type or shape
    rng = np.random.default_rng(1)
    moved = np.zeros(want.shape, bool)
    with np.errstate(all="ignore"):
        error = np.abs(wide(got).astype(np.float64) - wide(want).astype(np.float64))
        for run in range(8):
            try:
                other = run_noisy(model, feed, rng, zeros=run >= 6)[output]
            except Refused:
                return True
            if other.shape != want.shape:
                return True
            change = np.abs(wide(other).astype(np.float64) - wide(want).astype(np.float64))
            moved |= (change * 4 >= error) & (change > 0) | (np.isnan(change) & ~np.isnan(error)) | (other != want) & ~np.isfinite(error) & ~(np.isnan(wide(other)) & np.isnan(wide(want)))
    return bool(moved[mask].all())
