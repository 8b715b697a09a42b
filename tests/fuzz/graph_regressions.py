"""Graphs that failed once, or that cover what has no other test: text as onnx.parser reads it, inputs made from the title."""

import random

import numpy as np, onnx.parser
from onnx import helper

from graph_make import Case, judged_by_references
from graph_run import CONFIGURATIONS, run_cases
from graph_values import Graph


def masks(rows, keys):
    """Rows that see all keys, none of the first, all but one, some between, every other; the others as many as causal ones."""
    mask = np.zeros((rows, keys), np.float32)
    mask[1, :1200], mask[2, :-1], mask[3, 1:], mask[4, 600:2500], mask[5, 1::2] = [-np.inf] * 5
    mask[6:] = np.where(np.arange(keys) > keys // rows * np.arange(6, rows)[:, None], -np.inf, 0)
    mask[7:9, -3:] = 40
    return mask


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
    "axes of the run time that leave dimensions in another order": (
        """<ir_version: 8, opset_import: ["" : 20]>
        g (int32[N, 3, 2, 2, 1] x, int64[1] axes) => (int32[A, B, C, D] y)
        {
          y = ReduceL1 <keepdims = 0> (x, axes)
        }""",
        {"axes": [2]},
    ),
    "a shape of the run time of as many dimensions": (
        """<ir_version: 8, opset_import: ["" : 20]>
        g (float[N, M, 2] x, int64[3] s) => (float[A, B, C] y)
        {
          y = Reshape (x, s)
        }""",
        {"s": [5, 6, -1]},
    ),
    "the zero point of an infinite range": (
        """<ir_version: 8, opset_import: ["" : 20]>
        g (float[N, 3] x) => (float s, uint8 z)
        {
          y, s, z = DynamicQuantizeLinear (x)
        }""",
        {"x": [[1, -float("inf"), 2]]},
    ),
    "one known place of a constant": (
        """<ir_version: 8, opset_import: ["" : 20]>
        g (int64[1] none) => (int64 y, int64[5] z, int64[1] w)
        {
          table = Constant <value = int64[8, 5] {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39}> ()
          at = Constant <value = int64[2] {-2, 3}> ()
          y = GatherND (table, at)
          row = Constant <value = int64[1] {-8}> ()
          z = GatherND (table, row)
          w = Identity (none)
        }""",
        {},
    ),
    "a product over nothing with dimensions that the call gives": (
        """<ir_version: 8, opset_import: ["" : 20]>
        g (int64[4] s, float[0, 1] v) => (float[A, B, C, 1] y)
        {
          x = ConstantOfShape (s)
          y = MatMul (x, v)
        }""",
        {"s": [5, 3, 2, 0]},
    ),
    "powers of integers, many at a time": (
        """<ir_version: 8, opset_import: ["" : 17]>
        g (int64[4, 33] x, int64[33] e, int32[40] z, int32 f) => (int64[4, 33] y, int32[40] w)
        {
          y = Pow (x, e)
          w = Pow (z, f)
        }""",
        {"e": [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10] * 3, "f": [3]},
    ),
    "blocks of no channels": (
        """<ir_version: 8, opset_import: ["" : 17]>
        g (float[2, 0, 3, 2] x, float[2, 3, 0, 4] v) => (float[2, 0, 9, 6] y, float[2, 12, 0, 2] z)
        {
          y = DepthToSpace <blocksize = 3> (x)
          z = SpaceToDepth <blocksize = 2> (v)
        }""",
        {},
    ),
    "a mean of halves over an axis of the run time": (
        """<ir_version: 8, opset_import: ["" : 20]>
        g (float16[3, 4] x, int64[1] axes) => (float16[A] y)
        {
          y = ReduceMean <keepdims = 0> (x, axes)
        }""",
        {"axes": [-1]},
    ),
    "roots and logarithms of sums of integers": (
        """<ir_version: 8, opset_import: ["" : 17]>
        g (int32[3, 5] x, int64[4, 4] v) => (int32[3, 1] y, int64[4] z)
        {
          y = ReduceL2 <axes = [1]> (x)
          z = ReduceL2 <axes = [0], keepdims = 0> (v)
        }""",
        {},
    ),
    "the logarithm of a sum of exponentials with an infinite one": (
        """<ir_version: 8, opset_import: ["" : 17]>
        g (float[2, 3] x) => (float[2] y)
        {
          y = ReduceLogSumExp <axes = [1], keepdims = 0> (x)
        }""",
        {"x": [[float("inf"), 1, 2], [float("-inf"), float("-inf"), 3]]},
    ),
    "far places in slices of the run time": (
        """<ir_version: 8, opset_import: ["" : 17]>
        g (float[5, 4] x, int64[2] from, int64[2] to) => (float[A, B] y, int64[2, C] z)
        {
          y = Slice (x, from, to)
          z = NonZero (y)
        }""",
        {"from": [-(2**63), 2**63 - 1], "to": [2**63 - 1, 2**63 - 1]},
    ),
    "a constant of eight dimensions": (
        """<ir_version: 8, opset_import: ["" : 17]>
        g (float[2, 2, 2, 2, 2, 2, 2, 2] v) => (float[2, 2, 2, 2, 2, 2, 2, 2] y)
        {
          shape = Constant <value = int64[8] {2, 2, 2, 2, 2, 2, 2, 2}> ()
          w = ConstantOfShape <value = float[1] {2.5}> (shape)
          s = LogSoftmax <axis = 5> (w)
          y = Mul (s, v)
        }""",
        {},
    ),
    "a norm over five loops, one of them of unknown extent": (
        """<ir_version: 8, opset_import: ["" : 17]>
        g (double[1, 2, 2, 1, 2, N, 1, 2] x) => (double[1, 2, 2, 1, 2, N, 1, 2] y)
        {
          y = LpNormalization (x)
        }""",
        {},
    ),
    "integers divided by zero and by what overflows": (
        """<ir_version: 8, opset_import: ["" : 17]>
        g (int8[2] x, int8[2] v) => (int8[2] y)
        {
          y = Mod <fmod = 1> (x, v)
        }""",
        {"x": [-128, 5], "v": [-1, -1]},
    ),
    "a state whose extents nobody declares": (
        """<ir_version: 8, opset_import: ["" : 17]>
        g (float[3, 2, 4] x, float[1, 3, 4] w, float[1, 3, 3] r, float[A, B, C] h) => (float[3, 1, 2, 3] y, float[1, 2, 3] z)
        {
          y, z = RNN <hidden_size = 3> (x, w, r, , , h)
        }""",
        {"h": [[[0.5, -0.25, 0.125], [1, 0, -1]]]},
    ),
    "a grouped convolution of undeclared channels": (
        """<ir_version: 8, opset_import: ["" : 17]>
        g (float[2, C, 5] x, float[4, 3, 2] w) => (float[2, 4, 4] y)
        {
          y = Conv <group = 2> (x, w)
        }""",
        {"x": [[[0.5, 1, -1, 2, 0]] * 6] * 2},
    ),
    "instances of halves and doubles": (
        """<ir_version: 8, opset_import: ["" : 17]>
        g (float16[2, 3, 4] x, float16[3] s, float16[3] b, double[2, 3, 4] v, double[3] t, double[3] c) => (float16[2, 3, 4] y, double[2, 3, 4] z)
        {
          y = InstanceNormalization (x, s, b)
          z = InstanceNormalization (v, t, c)
        }""",
        {},
    ),
    "a half that is greater than an attribute, and not than the attribute as a half": (
        """<ir_version: 8, opset_import: ["" : 20]>
        g (float16[3] x) => (float16[3] y, float16[3] z)
        {
          y = ThresholdedRelu <alpha = 0.3> (x)
          z = Shrink <lambd = 0.3, bias = 0.125> (x)
        }""",
        {"x": [0.3, 0.25, -0.3]},
    ),
    "all but one of a row": (
        """<ir_version: 8, opset_import: ["" : 20]>
        g (float[33] x) => (float[32] y, int64[32] z)
        {
          k = Constant <value = int64[1] {32}> ()
          y, z = TopK (x, k)
        }""",
        {},
    ),
    "a resized position that is whole before it is rounded": (
        """<ir_version: 8, opset_import: ["" : 20]>
        g (float[1, 1, N, 2] x) => (float[1, 1, A, 1] y)
        {
          none = Constant <value = float[0] {}> ()
          scales = Constant <value = float[4] {1.0, 1.0, 1.5, 0.8}> ()
          y = Resize <coordinate_transformation_mode = "half_pixel_symmetric", mode = "nearest", nearest_mode = "floor"> (x, none, scales)
        }""",
        {"x": [[[[0.5, 1], [2, 3], [-1, 4], [6, 7], [8, 9]]]]},
    ),
    "a scan over a constant": (
        """<ir_version: 8, opset_import: ["" : 20]>
        g (float s) => (float y, float[3] z)
        {
          w = Constant <value = float[3] {1.0, -2.0, 3.0}> ()
          y, z = Scan <num_scan_inputs = 1, body = inner (float h, float e) => (float n, float o) {
            n = Add (h, e)
            o = Neg (n)
          }> (s, w)
        }""",
        {},
    ),
    "a part of unknown length with nothing": (
        """<ir_version: 8, opset_import: ["" : 20]>
        g (float[2, 1, 2, 2, 1, 1] x, int64[2] s, int64[2] d) => (float[A, B, C, D, E, F] y)
        {
          ends = Constant <value = int64[2] {-9223372036854775808, 2}> ()
          axes = Constant <value = int64[2] {-1, 2}> ()
          none = Constant <value = float[2, 1, 1, 2, 1, 0] {}> ()
          part = Slice (x, s, ends, axes, d)
          y = Pow (part, none)
        }""",
        {"s": [0, 0], "d": [1, 1]},
    ),
    "products over nothing with an infinity": (
        """<ir_version: 8, opset_import: ["" : 20]>
        g (float[1, 0] x, float[3, 1] w) => (float[1, 1] y)
        {
          none = Constant <value = float[0, 3] {}> ()
          y = Einsum <equation = "ab,bc,cd->ad"> (x, none, w)
        }""",
        {"w": [[1], [float("inf")], [2]]},
    ),
    "a sum over a softmax of unknown length": (
        """<ir_version: 8, opset_import: ["" : 18]>
        g (float[2, 1, N] x) => (float[2, 1, 1] y)
        {
          s = Softmax <axis = 2> (x)
          axes = Constant <value = int64[1] {2}> ()
          y = ReduceSumSquare (s, axes)
        }""",
        {},
    ),
    "a mean of integers that f64 does not hold": (
        """<ir_version: 8, opset_import: ["" : 18]>
        g (int64[3] x, int64[2] v) => (int64 y, int64 z)
        {
          y = ReduceMean <keepdims = 0> (x)
          z = ReduceMean <keepdims = 0> (v)
        }""",
        {"x": [672828802155782411, 672828802155782411, 5], "v": [-7, 2]},
    ),
    "a logarithm of a constant below zero": (
        """<ir_version: 8, opset_import: ["" : 18]>
        g (int64[1] a) => (float y)
        {
          w = Constant <value = float[1] {-4.0}> ()
          s = Squeeze (w, a)
          y = Log (s)
        }""",
        {"a": [0]},
    ),
    "the greater of zero and no number, of halves": (
        """<ir_version: 8, opset_import: ["" : 18]>
        g (float16[64] x, float16[64] v) => (float16[64] y, float16[64] z, float16[64] r)
        {
          y = Max (x, v)
          z = Min (x, v)
          r = Relu (x)
        }""",
        {"x": [0, 1, float("nan"), float("nan")] * 16, "v": [float("nan"), float("nan"), 0, -1] * 16},
    ),
    "the greatest of updates of which one is no number": (
        """<ir_version: 8, opset_import: ["" : 18]>
        g (float[4] x, int64[4] i, float[4] u) => (float[4] y, float[4] z)
        {
          y = ScatterElements <reduction = "max"> (x, i, u)
          z = ScatterElements <reduction = "min"> (x, i, u)
        }""",
        {"x": [1, float("nan"), 0, 2], "i": [0, 1, 2, 2], "u": [float("nan"), 5, float("nan"), 3]},
    ),
    "a normalised half that is less than any half, and an infinite scale": (
        """<ir_version: 10, opset_import: ["" : 23]>
        g (float16[3] x, float16[3] s) => (float16[3] y)
        {
          y = RMSNormalization <epsilon = 0.001> (x, s)
        }""",
        {"x": [0.007, 10.555, -1.19e-7], "s": [float("inf"), 0.25, float("-inf")]},
    ),
    "a function of doubles with constants of f32": (
        """<ir_version: 8, opset_import: ["" : 20]>
        g (double[3] x) => (double[3] y)
        {
          y = Gelu <approximate = "tanh"> (x)
        }""",
        {"x": [1.8392612724437993, -0.75, 0.25]},
    ),
    "one element of a large constant": (
        """<ir_version: 8, opset_import: ["" : 20]>
        g () => (float[1, 1] y, float[1] z)
        {
          w = Constant <value = float[4, 20] {""" + ", ".join(f"{i}.5" for i in range(40)) + """}> ()
          start = Constant <value = int64[2] {-1, 3}> ()
          end = Constant <value = int64[2] {99, 4}> ()
          y = Slice (w, start, end)
          row = Constant <value = int64[2] {2, 7}> ()
          e = GatherND (w, row)
          shape = Constant <value = int64[1] {1}> ()
          z = Reshape (e, shape)
        }""",
        {},
    ),
    "an exponent that a half would make whole": (
        """<ir_version: 8, opset_import: ["" : 20]>
        g (float16[3] x, float[3] p) => (float16[3] y)
        {
          y = Pow (x, p)
        }""",
        {"x": [-1.5, 2, -2], "p": [1.0001, 3.0001, 2]},
    ),
    "no rows of an unknown length": (
        """<ir_version: 8, opset_import: ["" : 17]>
        g (float[0, N, 1] x, float[1] w) => (float[0, N] y)
        {
          y = MatMul (x, w)
        }""",
        {},
    ),
    "offsets of undeclared channels": (
        """<ir_version: 8, opset_import: ["" : 22]>
        g (float[1, 2, 3, 2] x, float[2, 2, 1, 1] w, float[1, N, 3, 2] o) => (float[1, 2, 3, 2] y)
        {
          y = DeformConv <kernel_shape = [1, 1], offset_group = 2> (x, w, o)
        }""",
        {"o": [[[[0.5, 1], [0, 0.25], [-0.5, 0]]] * 4]},
    ),
    "double groups whose statistics are of the type that stash_type names": (
        """<ir_version: 10, opset_import: ["" : 21]>
        g (double[2, 4, 1, 2] x, double[4] s, double[4] b) => (double[2, 4, 1, 2] y)
        {
          y = GroupNormalization <num_groups = 4> (x, s, b)
        }""",
        {"x": [[[[3, 2]], [[-1, 1]], [[4, -4]], [[-3, 3]]], [[[-2, -1]], [[2, 0]], [[-4, 2]], [[-3, 1]]]]},
    ),
    "a scalar that gets its dimension from axes of the run time": (
        """<ir_version: 10, opset_import: ["" : 21]>
        g (int64[1] axes, float[1] x) => (float[A] y)
        {
          s = Constant <value = float {2}> ()
          one = Unsqueeze (s, axes)
          y = Concat <axis = 0> (x, one)
        }""",
        {"axes": [0]},
    ),
    "a thousand equal weights of a mean": (
        """<ir_version: 8, opset_import: ["" : 17]>
        g (float[4, 1, 5, 52] x, int32[4, 5, 52] of, float[1] w) => (float y)
        {
          y = NegativeLogLikelihoodLoss <ignore_index = -1> (x, of, w)
        }""",
        {"of": [[[0] * 52] * 5] * 4, "w": [205.55695]},
    ),
    # 2 / (4 / 7) lies in the middle of two elements, which f32 misses.
    "the nearest of two, by sizes": (
        """<ir_version: 8, opset_import: ["" : 19]>
        g (float[7] x, int64[1] s) => (float[4] y, float[A] z)
        {
          four = Constant <value = int64[1] {4}> ()
          y = Resize <coordinate_transformation_mode = "asymmetric", mode = "nearest", nearest_mode = "round_prefer_ceil"> (x, "", "", four)
          z = Resize <coordinate_transformation_mode = "half_pixel", mode = "nearest", nearest_mode = "round_prefer_floor"> (x, "", "", s)
        }""",
        {"s": [12]},
    ),
    # No size of it is a zero that the compiler knows: what reads the tensor is made into kernels.
    "nothing, in a shape that the call gives": (
        """<ir_version: 8, opset_import: ["" : 17]>
        g (float[4, 1, N, 0] x, int64[3] s, float[M, 5] w)
          => (bool[A, B, C] y, float[A, C] z, float[A, B, 5] p, float[A, B, C] m, float[C, B, A] t)
        {
          a = Mul (x, x)
          r = Reshape <allowzero = 1> (a, s)
          y = GreaterOrEqual (r, r)
          axis = Constant <value = int64[1] {1}> ()
          z = ReduceSum <keepdims = 0> (r, axis)
          p = MatMul (r, w)
          m = Softmax (r)
          t = Transpose (r)
        }""",
        {"s": [2, 0, 5]},
    ),
    # A cell's state does not need the output gate, and may not lie where that does before it is loaded.
    "an LSTM with peepholes whose weights the call gives": (
        """<ir_version: 8, opset_import: ["" : 22]>
        g (float[1, 2, 1] x, float[1, 16, 1] w, float[1, 16, 4] r, float[1, 32] b, float[1, 2, 4] h, float[1, 12] p) => (float[1, 1, 2, 4] y)
        {
          length = Constant <value = int32[2] {1, 1}> ()
          y = LSTM <hidden_size = 4> (x, w, r, b, length, h, "", p)
        }""",
        {},
    ),
    # Weights that add up to less than 1 made 7 of it.
    "one integer between whose copies Resize looks": (
        """<ir_version: 8, opset_import: ["" : 19]>
        g (int32[N, 1, 1] x) => (int32[33, 1, 3] y)
        {
          sizes = Constant <value = int64[3] {33, 1, 3}> ()
          y = Resize <mode = "linear", coordinate_transformation_mode = "asymmetric"> (x, "", "", sizes)
        }""",
        {"x": [[[8]]]},
    ),
    # Of the slice [1, a, b, 1] without its last dimension, which only the call says is 1, the first was dropped.
    "the last dimension squeezed where the first is 1, too": (
        """<ir_version: 8, opset_import: ["" : 19]>
        g (int64[2] axes) => (float[a, b, c] y)
        {
          w = Constant <value = float[1, 2] {1, 2}> ()
          last = Constant <value = int64[1] {3}> ()
          u = Unsqueeze (w, axes)
          y = Squeeze (u, last)
        }""",
        {"axes": [2, -1]},
    ),
    # Constants of more than 256 bytes are kept as they lie in the model.
    "rows of a large constant in order": (
        """<ir_version: 8, opset_import: ["" : 17]>
        g () => (float[A, 9] y)
        {
          table = Constant <value = float[8, 9] {%s}> ()
          y = Unique <axis = 0> (table)
        }""" % ", ".join(str(i * 5 % 18 // 9) for i in range(72)),
        {},
    ),
    "one element of a large constant": (
        """<ir_version: 8, opset_import: ["" : 17]>
        g (double[2] x) => (double[1, 1] y, double[1, 2] z)
        {
          table = Constant <value = double[40, 1] {%s}> ()
          place = Constant <value = int64[1, 1] {27}> ()
          y = GatherElements (table, place)
          z = Add (x, y)
        }""" % ", ".join(map(str, range(40))),
        {},
    ),
    # Scores come in blocks of 512 keys: a row may see none of the first ones, or find its largest score in the last.
    "attention to more keys than are held at once": (
        """<ir_version: 8, opset_import: ["" : 17]>
        g (float[2, 24, 16] q, float[2, 16, 3012] k, float[2, 3012, 24] v, float[24, 3012] mask) => (float[2, 24, 24] y)
        {
          scores = MatMul (q, k)
          seen = Add (scores, mask)
          parts = Softmax <axis = -1> (seen)
          y = MatMul (parts, v)
        }""",
        {"mask": masks(24, 3012)},
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
        if value.name in given:
            feed[value.name] = np.asarray(given[value.name], dtype).reshape(np.shape(given[value.name]) if len(shape) > 1 else shape)
        else:
            feed[value.name] = graph.array(dtype, tuple(shape), "small")
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
