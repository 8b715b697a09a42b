"""Operators of networks: contractions, windows, normalisations, recurrent cells, quantisation, control flow."""

import numpy as np
from onnx import TensorProto, helper

from graph_elementwise import axis_of, some
from graph_judge import Refused
from graph_values import BF16, BOOL, F16, F32, F64, FLOATS, I8, I32, I64, U8, is_float

MOST = [F32, F32, F32, F64, F16]  # types that contractions and windows have


# ---- contractions ------------------------------------------------------------------------------------


def matmul(g):
    x = g.pick(MOST + [BF16, I32, I64], range(1, 5))
    k = x.dims[-1]
    y = [k, g.extent()] if x.rank == 1 or g.chance(0.8) else [k]
    if len(y) == 2 and x.rank > 2 and g.chance(0.5):
        y = [*x.dims[g.rng.randrange(x.rank - 2):-2], *y] if not g.chance(0.2) else [(1,) * g.sets, *y]
    other = g.fresh(x.dtype, y)
    if g.chance(0.3) and x.rank >= 2:
        left = g.fresh(x.dtype, [*x.dims[:-2], g.extent(), x.dims[-2]])
        return g.apply("MatMul", [left, x])
    g.apply("MatMul", [x, other])


def gemm(g):
    a = g.pick(MOST + [I32, I64], 2)
    trans_a, trans_b = g.rng.randrange(2), g.rng.randrange(2)
    m, k = (a.dims[1], a.dims[0]) if trans_a else a.dims
    n = g.extent()
    b = g.fresh(a.dtype, [n, k] if trans_b else [k, n])
    one = (1,) * g.sets
    c = g.fresh(a.dtype, g.rng.choice([[m, n], [n], [one, n], [m, one], [one], []])) if g.chance(0.6) else None
    g.apply("Gemm", [a, b, c], transA=trans_a or None, transB=trans_b or None, **some(g, alpha=0.5 if is_float(a.dtype) else 2.0),
            **some(g, beta=2.0))


def einsum(g):
    a, b, c, d = (g.extent() for _ in range(4))
    sizes = dict(zip("abcd", (a, b, c, d)))
    text = g.rng.choice(["ab,bc->ac", "abc,acd->abd", "ab->ba", "ab->b", "aab->ab", "a,b->ab", "ab,ab->", "ab,ab->a", "abc,cd->abd",
                         "...a,ab->...b", "abcd,abed->abce", "ab,bc,cd->ad", "abc->cab", "ij,jk", "aa->a"])
    operands = []
    t = g.dtype(MOST + [I32, I64])
    sizes |= {"i": a, "j": b, "k": c, "e": d}
    for letters in text.split("->")[0].split(","):
        dims = [sizes[letter] for letter in letters.replace("...", "")]
        operands.append(g.fresh(t, [*g.shape(g.rng.randint(0, 2)), *dims] if "..." in letters else dims))
    g.apply("Einsum", operands, equation=text)


def matmul_integer(g):
    a = g.pick([U8, I8, U8], range(2, 4), fill=lambda s: g.np.integers(0, 120, s))
    b = g.fresh(g.dtype([U8, I8]), [a.dims[-1], g.extent()])
    zeros = [g.fresh(v.dtype, [], fill=lambda s: 3) if g.chance(0.6) else None for v in (a, b)]
    g.apply("MatMulInteger", [a, b, *zeros])


def det(g):
    n = (g.rng.randint(1, 4),) * g.sets
    g.apply("Det", [g.fresh(g.dtype([F32, F64]), [*g.shape(g.rng.choice([0, 1, 2])), n, n], fill="small")])


# ---- windows -----------------------------------------------------------------------------------------


def window(g, x):
    """Attributes of a window over the spatial axes of `x`."""
    kernel = [min(g.rng.choice([1, 1, 2, 3, 3, 4, 5]), *d) for d in x.dims[2:]]
    made = {"kernel_shape": kernel, **some(g, strides=[g.rng.choice([1, 1, 2, 3]) for _ in kernel])}
    if g.chance(0.3):
        made["dilations"] = [g.rng.choice([1, 1, 2, 3]) for _ in kernel]
    style = g.rng.choice(["none", "pads", "pads", "auto"])
    if style == "pads":
        made["pads"] = [g.rng.randint(0, k - 1) for k in kernel * 2]
    if style == "auto":
        made["auto_pad"] = g.rng.choice(["SAME_UPPER", "SAME_LOWER", "VALID"])
        if "strides" in made and made["auto_pad"] != "VALID":  # a stride beyond the kernel would make pads negative
            made["strides"] = [min(s, k) for s, k in zip(made["strides"], kernel)]
    return made


def image(g, types, spatial=None, least=1):
    spatial = spatial or g.rng.choice([1, 2, 2, 2, 3])
    return g.pick(types, spatial + 2, least=least)


def conv(g):
    x = image(g, MOST)
    if len(set(x.dims[1])) > 1:
        raise Refused("symbolic channels")
    channels = x.dims[1][0]
    groups = g.rng.choice([n for n in range(1, channels + 1) if channels % n == 0]) if g.chance(0.4) else 1
    out = groups * g.rng.choice([1, 1, 2, 3, 5])
    given = window(g, x)
    kernel = given["kernel_shape"]
    if g.chance(0.5):
        del given["kernel_shape"]
    if groups > 1:
        given["group"] = groups
    bias = [(n,) * g.sets for n in [out]]
    transposed = g.chance(0.25)
    weight = [channels, out // groups, *kernel] if transposed else [out, channels // groups, *kernel]
    w = g.fresh(x.dtype, [(n,) * g.sets for n in weight], constant=g.chance(0.85))
    b = g.fresh(x.dtype, bias) if g.chance(0.5) else None
    if transposed:
        if given.get("strides") and g.chance(0.4):
            given["output_padding"] = [g.rng.randint(0, s - 1) for s in given["strides"]]
        elif "auto_pad" not in given and g.chance(0.2) and all(len(set(d)) == 1 for d in x.dims[2:]):
            given.pop("pads", None)
            reach = [(k - 1) * d + 1 for k, d in zip(kernel, given.get("dilations", [1] * 3))]
            full = [(d[0] - 1) * s + r for d, s, r in zip(x.dims[2:], given.get("strides", [1] * 3), reach)]
            given["output_shape"] = [max(1, n - g.rng.randint(0, r - 1)) for n, r in zip(full, reach)]
        return g.apply("ConvTranspose", [x, w, b], **given)
    g.apply("Conv", [x, w, b], **given)


def pool(g):
    operator = g.rng.choice(["MaxPool", "MaxPool", "AveragePool", "AveragePool", "LpPool"])
    x = image(g, MOST + ([I8, U8] if operator == "MaxPool" else []))
    given = window(g, x)
    if given.get("auto_pad", "").startswith("SAME"):  # onnxruntime pads as if undilated, the evaluator always at the upper end
        given.pop("dilations", None)
    if operator != "LpPool" and g.chance(0.3):
        given["ceil_mode"] = 1
    if operator == "MaxPool":
        if is_float(x.dtype) and any((a != a).any() for a in x.arrays):
            raise Refused("whether NaN is the greatest depends on its place")
        return g.apply("MaxPool", [x], [True, g.chance(0.3)], **given)
    given |= some(g, **({"count_include_pad": g.rng.randrange(2)} if operator == "AveragePool" else {"p": g.rng.choice([1, 2, 3])}))
    g.apply(operator, [x], **given)


def global_pool(g):
    g.apply(g.rng.choice(["GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool"]), [image(g, MOST)])


def resize(g):
    x = g.pick([F32, F32, F32, U8, I32, F64], range(1, 6), least=1)
    mode = g.rng.choice(["nearest", "nearest", "linear", "cubic"])
    how = g.rng.choice(["half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel", "half_pixel_symmetric"])
    spatial = max(1, min(2, x.rank - 2)) if x.rank < 5 else 2
    given = {"mode": mode, "coordinate_transformation_mode": how}
    if mode == "nearest":
        given |= some(g, nearest_mode=g.rng.choice(["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]))
    if mode == "cubic":
        given |= some(g, cubic_coeff_a=-0.5, exclude_outside=g.rng.randrange(2))
    lead = x.rank - spatial
    if g.chance(0.5) and all(len(set(d)) == 1 for d in x.dims):
        sizes = [d[0] for d in x.dims[:lead]] + [g.rng.randint(1, 9) for _ in range(spatial)]
        return g.apply("Resize", [x, None, None, g.integers(sizes)], **given)
    scales = [1.0] * lead + [g.rng.choice([0.5, 0.6, 0.8, 1.0, 1.5, 2.0, 2.3, 3.0]) for _ in range(spatial)]
    g.apply("Resize", [x, None, g.fresh(F32, [(len(scales),) * g.sets], fill=lambda s: np.asarray(scales), constant=g.chance(0.8), reuse=False)],
            **given)


def grid_sample(g):
    x = g.pick([F32, F64], 4, least=1)
    grid = g.fresh(x.dtype, [x.dims[0], *g.shape(2, 1), (2,) * g.sets], fill=lambda s: g.np.uniform(-1.3, 1.3, s))
    names = ["linear", "nearest", "cubic"] if g.opset >= 20 else ["bilinear", "nearest", "bicubic"]
    g.apply("GridSample", [x, grid], **some(g, mode=g.rng.choice(names), padding_mode=g.rng.choice(["zeros", "border", "reflection"]),
                                           align_corners=g.rng.randrange(2)))


# ---- normalisations, recurrent cells, attention ------------------------------------------------------


def normalization(g):
    operator = g.rng.choice(["BatchNormalization", "InstanceNormalization", "LayerNormalization", "LayerNormalization", "GroupNormalization",
                             "RMSNormalization", "MeanVarianceNormalization", "LRN"])
    if operator in ("LayerNormalization", "RMSNormalization"):
        x = g.pick(MOST, range(1, 6), least=1)
        axis = axis_of(g, x.rank)
        dims = x.dims[axis % x.rank:]
        scale = g.fresh(x.dtype, dims)
        bias = [g.fresh(x.dtype, dims)] if operator[0] == "L" and g.chance(0.6) else []
        return g.apply(operator, [x, scale, *bias], axis=axis, **some(g, epsilon=1e-3))
    x = image(g, MOST)
    c = [x.dims[1]]
    if operator == "BatchNormalization":
        return g.apply(operator, [x, *(g.fresh(x.dtype, c) for _ in range(3)), g.fresh(x.dtype, c, fill="positive")], **some(g, epsilon=1e-3))
    if operator == "InstanceNormalization":
        return g.apply(operator, [x, g.fresh(x.dtype, c), g.fresh(x.dtype, c)], **some(g, epsilon=1e-3))
    if operator == "GroupNormalization":
        groups = g.rng.choice([n for n in range(1, x.dims[1][0] + 1) if x.dims[1][0] % n == 0])
        return g.apply(operator, [x, g.fresh(x.dtype, c), g.fresh(x.dtype, c)], num_groups=groups, **some(g, epsilon=1e-3))
    if operator == "LRN":
        return g.apply(operator, [x], size=g.rng.choice([1, 3, 5]), **some(g, alpha=0.1, beta=0.5, bias=2.0))
    g.apply(operator, [x], **some(g, axes=g.rng.choice([[0, 2, 3][:x.rank - 1], [1], [0, 1]])))


def recurrent(g):
    operator, gates = g.rng.choice([("RNN", 1), ("LSTM", 4), ("GRU", 3)])
    x = g.pick([F32], 3, least=1)
    if len(set(x.dims[2])) > 1:
        raise Refused("a symbolic width")
    hidden = g.rng.choice([1, 2, 3, 4, 5, 8])
    direction = g.rng.choice(["forward", "reverse", "bidirectional"])
    ways = 2 if direction == "bidirectional" else 1

    def part(*dims, **how):
        return g.fresh(F32, [d if isinstance(d, tuple) else (d,) * g.sets for d in dims], fill="small", **how)

    w = part(ways, gates * hidden, x.dims[2], constant=True)
    r = part(ways, gates * hidden, hidden, constant=True)
    b = part(ways, 2 * gates * hidden) if g.chance(0.5) else None
    batch = x.dims[1]
    lengths = g.fresh(I32, [batch], fill=lambda s: g.np.integers(1, min(x.dims[0]) + 1, s)) if g.chance(0.2) else None
    state = part(ways, batch, hidden) if g.chance(0.4) else None
    more = [part(ways, batch, hidden) if g.chance(0.4) else None, part(ways, 3 * hidden) if g.chance(0.3) else None] if operator == "LSTM" else []
    given = some(g, direction=direction) if direction == "forward" else {"direction": direction}
    if operator == "GRU":
        given |= some(g, linear_before_reset=g.rng.randrange(2))
    wanted = [g.chance(0.7), True] + [g.chance(0.5)] * (operator == "LSTM")
    g.apply(operator, [x, w, r, b, lengths, state, *more], wanted, hidden_size=hidden, **given)


def attention(g):
    batch, heads, size = g.extent(1), (g.rng.choice([1, 2, 4]),) * g.sets, (g.rng.choice([1, 2, 4, 8]),) * g.sets
    q, kv = g.extent(1), g.extent(1)
    t = g.dtype([F32, F16])
    parts = [g.fresh(t, [batch, heads, n, size], fill="small") for n in (q, kv, kv)]
    mask = g.fresh(g.rng.choice([t, BOOL]), [q, kv]) if g.chance(0.4) else None
    g.apply("Attention", [*parts, mask], **some(g, is_causal=g.rng.randrange(2), scale=0.3))


# ---- quantisation ------------------------------------------------------------------------------------


def quantize(g):
    x = g.pick([F32, F32, F16], range(1, 5))
    t = g.dtype([U8, I8])
    axis = axis_of(g, x.rank)
    per_axis = g.chance(0.4) and len(set(x.dims[axis])) == 1
    dims = [x.dims[axis]] if per_axis else []
    scale = g.fresh(x.dtype if g.opset >= 19 else F32, dims, fill=lambda s: g.np.choice([0.125, 0.5, 0.25, 1.0], s))
    zero = g.fresh(t, dims, fill=lambda s: g.np.integers(0, 100, s)) if g.chance(0.8) else None
    given = {"axis": axis} if per_axis else {}
    if any((a != a).any() for a in x.arrays):
        raise Refused("NaN has no integer")
    y = g.apply("QuantizeLinear", [x, scale, zero], **given)
    if g.chance(0.6):
        g.apply("DequantizeLinear", [y, scale, zero], **given)


def dynamic_quantize(g):
    g.apply("DynamicQuantizeLinear", [g.pick([F32], range(1, 5), least=1)], 3)


# ---- control flow ------------------------------------------------------------------------------------


def branch(g, x, prefix):
    """A graph of one to three nodes over a value of the outer graph, or over none."""
    nodes, at = [], x.name
    for i in range(g.rng.randint(1, 3)):
        name = f"{prefix}{i}"
        nodes.append(helper.make_node(g.rng.choice(["Neg", "Abs", "Relu", "Identity"]), [at], [name]))
        at = name
    return nodes, at


def conditional(g):
    x = g.pick([F32, F64, I64, I32])
    graphs = {}
    for key in ("then_branch", "else_branch"):
        nodes, last = branch(g, x, g.name("b"))
        result = helper.make_tensor_value_info(last, helper.np_dtype_to_tensor_dtype(x.dtype), None)
        graphs[key] = helper.make_graph(nodes, key, [], [result])
    g.apply("If", [g.fresh(BOOL, [])], **graphs)


def loop(g):
    x = g.pick([F32, F64, I64], range(0, 4))
    if x.opaque or not x.static:
        raise Refused("a symbolic extent")
    t, shape = helper.np_dtype_to_tensor_dtype(x.dtype), [d[0] for d in x.dims]
    p = g.name("l")
    nodes = [helper.make_node("Identity", [p + "c"], [p + "d"]), helper.make_node(g.rng.choice(["Add", "Max", "Sub"]), [p + "v", x.name], [p + "w"])]
    outputs = [helper.make_tensor_value_info(p + "d", TensorProto.BOOL, []), helper.make_tensor_value_info(p + "w", t, shape)]
    body = helper.make_graph(nodes, "body", [helper.make_tensor_value_info(p + "i", TensorProto.INT64, []),
                                             helper.make_tensor_value_info(p + "c", TensorProto.BOOL, []),
                                             helper.make_tensor_value_info(p + "v", t, shape)], outputs)
    condition = g.fresh(BOOL, [], fill=lambda s: True) if g.chance(0.7) else None
    g.apply("Loop", [g.integers([g.rng.choice([1, 2, 3, 5])], scalar=True), condition, x], body=body)


KINDS = {matmul: 8, gemm: 4, einsum: 3, matmul_integer: 2, det: 1, conv: 8, pool: 6, global_pool: 2, resize: 4, grid_sample: 1,
         normalization: 7, recurrent: 4, attention: 2, quantize: 4, dynamic_quantize: 1, conditional: 2, loop: 2}
