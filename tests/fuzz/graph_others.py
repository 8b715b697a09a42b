"""Signals, losses, quantised products, deformed and sampled windows, Scan, and sequences between tensors."""

import numpy as np
from onnx import helper

from graph_elementwise import axis_of, some
from graph_judge import Refused
from graph_networks import image, window
from graph_values import ANY, F16, F32, F64, I8, I32, I64, U8, is_float


def known(dims):
    """The extents, of dimensions that have no symbol."""
    if any(len(set(d)) > 1 for d in dims):
        raise Refused("a symbolic extent")
    return [d[0] for d in dims]


def both(g, *extents):
    """Dimensions of these extents in all sets."""
    return [(n,) * g.sets for n in extents]


# ---- windows and samples -----------------------------------------------------------------------------


def col2im(g):
    spatial = g.rng.choice([1, 2, 2])
    block = [g.rng.randint(1, 3) for _ in range(spatial)]
    strides, dilations = ([g.rng.randint(1, 2) for _ in block] for _ in range(2))
    pads = [g.rng.randint(0, b - 1) for b in block * 2]
    size = [g.rng.randint(0, 5) + d * (b - 1) + 1 for b, d in zip(block, dilations)]
    steps = [(n + pads[i] + pads[i + spatial] - d * (b - 1) - 1) // s + 1
             for i, (n, b, d, s) in enumerate(zip(size, block, dilations, strides))]
    channels = g.rng.randint(1, 3)
    x = g.fresh(F32, [g.extent(), *both(g, channels * int(np.prod(block)), int(np.prod(steps)))])
    g.apply("Col2Im", [x, g.integers(size), g.integers(block)], strides=strides, pads=pads, dilations=dilations)


def affine_grid(g):
    spatial = g.rng.choice([2, 2, 3])
    batch = g.extent(1)
    size = known([batch]) + [g.rng.randint(1, 3), *(g.rng.randint(2, 6) for _ in range(spatial))]
    theta = g.fresh(g.dtype([F32, F64]), [batch, *both(g, spatial, spatial + 1)], fill="unit")
    g.apply("AffineGrid", [theta, g.integers(size)], **some(g, align_corners=g.rng.randrange(2)))


def deform_conv(g):
    x = g.pick([F32], 4, least=2, where=lambda v: v.static)
    n, channels, *size = known(x.dims)
    groups = g.rng.choice([k for k in (1, 2) if channels % k == 0])
    offset_groups = g.rng.choice([k for k in (1, 2) if channels % k == 0])
    kernel = [g.rng.randint(1, min(3, k)) for k in size]
    pads, strides = [g.rng.randint(0, k - 1) for k in kernel * 2], [g.rng.randint(1, 2) for _ in kernel]
    out = [(k + pads[i] + pads[i + 2] - kernel[i]) // strides[i] + 1 for i, k in enumerate(size)]
    taps = kernel[0] * kernel[1]
    w = g.fresh(F32, both(g, groups * g.rng.randint(1, 3), channels // groups, *kernel), fill="small")
    offset = g.fresh(F32, both(g, n, offset_groups * taps * 2, *out), fill=lambda s: g.np.uniform(-1.7, 1.7, s))
    bias = g.fresh(F32, both(g, w.dims[0][0])) if g.chance(0.5) else None
    mask = g.fresh(F32, both(g, n, offset_groups * taps, *out), fill="unit") if g.chance(0.5) else None
    g.apply("DeformConv", [x, w, offset, bias, mask], kernel_shape=kernel, pads=pads, strides=strides, group=groups, offset_group=offset_groups)


def roi_align(g):
    x = g.pick([F32, F64], 4, least=1)
    if any(not np.isfinite(a).all() for a in x.arrays):
        raise Refused("whether an infinite element counts depends on how a coordinate is rounded")
    rows = g.extent()
    low = min(min(d) for d in x.dims[2:])

    def boxes(shape):
        start, extent = (g.np.uniform(0.1, low, (*shape[:-1], 2)) for _ in range(2))
        return np.concatenate([start, start + extent], -1)

    rois = g.fresh(x.dtype, [rows, (4,) * g.sets], fill=boxes)
    which = g.fresh(I64, [rows], fill=lambda s: g.np.integers(0, min(x.dims[0]), s))
    given = some(g, mode=g.rng.choice(["avg", "max"]), spatial_scale=g.rng.choice([0.5, 1.0]))
    if g.opset >= 16:
        given |= some(g, coordinate_transformation_mode=g.rng.choice(["half_pixel", "output_half_pixel"]))
    g.apply("RoiAlign", [x, rois, which], output_height=g.rng.randint(1, 4), output_width=g.rng.randint(1, 4), sampling_ratio=g.rng.randint(0, 3), **given)


# ---- signals -----------------------------------------------------------------------------------------


def fourier(g):
    lead = g.shape(g.rng.choice([1, 1, 2]), least=1)
    length = g.rng.choice([1, 2, 3, 4, 5, 6, 8, 9, 16, 17, 24])
    x = g.fresh(g.dtype([F32, F32, F64]), [*lead, *both(g, length, g.rng.choice([1, 2]))], fill="small")
    inverse = g.chance(0.3)
    given = some(g, **({"inverse": 1} if inverse else {"onesided": int(x.dims[-1][0] == 1 and g.chance(0.5))}))
    cut = g.integers([g.rng.randint(1, length + 3)], scalar=True) if g.chance(0.3) else None
    axis = len(lead)
    if g.opset >= 20:
        return g.apply("DFT", [x, cut, g.integers([axis], scalar=True) if axis != x.rank - 2 or g.chance(0.5) else None], **given)
    g.apply("DFT", [x, cut], axis=axis, **given)


def short_fourier(g):
    length, frame = g.rng.choice([8, 16, 17, 33]), g.rng.choice([2, 4, 5, 8])
    x = g.fresh(g.dtype([F32, F32, F64]), [g.extent(1), *both(g, length, 1)], fill="small")
    shape = g.fresh(x.dtype, both(g, frame), fill="unit") if g.chance(0.6) else None
    g.apply("STFT", [x, g.integers([g.rng.randint(1, frame)], scalar=True), shape, g.integers([frame], scalar=True)], **some(g, onesided=g.rng.randrange(2)))


def cosine_window(g):
    size = g.integers([g.rng.choice([2, 3, 5, 8, 17])], scalar=True)
    g.apply(g.rng.choice(["HannWindow", "HammingWindow", "BlackmanWindow"]), [size], **some(g, periodic=g.rng.randrange(2)))


# ---- losses, small functions -------------------------------------------------------------------------


def loss(g):
    x = g.pick([F32, F32, F64, F16], range(2, 5), least=1)
    classes = min(x.dims[1])
    target = g.fresh(g.dtype([I32, I64]), [x.dims[0], *x.dims[2:]], fill=lambda s: g.np.integers(0, classes, s))
    weight = [g.fresh(x.dtype, [x.dims[1]], fill="positive")] if g.chance(0.4) else []
    given = some(g, reduction=g.rng.choice(["none", "sum", "mean"]), ignore_index=g.rng.randrange(-1, classes))
    if g.chance(0.5):
        return g.apply("NegativeLogLikelihoodLoss", [x, target, *weight], **given)
    g.apply("SoftmaxCrossEntropyLoss", [x, target, *weight], [True, g.chance(0.4)], **given)


def rotary(g):
    batch, steps, heads = g.extent(1), g.extent(1), g.rng.choice([1, 2, 3])
    half = g.rng.choice([1, 2, 4])
    part = g.chance(0.3)
    t = g.dtype([F32, F32, F16])
    flat = g.chance(0.4)
    width = 2 * half + (2 if part else 0)
    x = g.fresh(t, [batch, steps, (heads * width,) * g.sets] if flat else [batch, (heads,) * g.sets, steps, (width,) * g.sets])
    rows = [(max(steps),) * g.sets] if g.chance(0.5) else None
    table = [*(rows or [batch, steps]), (half,) * g.sets]
    cos, sin = (g.fresh(t, table, fill=lambda s: g.np.uniform(-1, 1, s)) for _ in range(2))
    at = g.fresh(I64, [batch, steps], fill=lambda s: g.np.integers(0, max(steps), s)) if rows else None
    g.apply("RotaryEmbedding", [x, cos, sin, at], num_heads=heads if flat else None, rotary_embedding_dim=2 * half if part else None,
            **some(g, interleaved=g.rng.randrange(2)))


def small_functions(g):
    if g.chance(0.3) and g.opset >= 28:
        x = g.pick([F32, F64, F16])
        return g.apply("SwiGLU", [x, g.operand(x, same_shape=True)], **some(g, alpha=1.5))
    if g.chance(0.4):
        return g.apply("Dropout", [g.pick([F32, F64, F16])], [True, g.chance(0.3)])
    x = g.pick([F32, I32, F64, I64, U8, I8])
    to = {F32: I32, I32: F32, F64: I64, I64: F64, U8: I8, I8: U8}[x.dtype]
    if is_float(x.dtype) and any(np.isnan(a).any() for a in x.arrays):
        raise Refused("BitCast: of NaN, whose sign and payload are anybody's")
    g.apply("BitCast", [x], to=helper.np_dtype_to_tensor_dtype(to))


# ---- quantised products ------------------------------------------------------------------------------


def whole(g, t, dims):
    return g.fresh(t, dims, fill=lambda s: g.np.integers(0, 100, s))


def scale(g, count=0):
    return g.fresh(F32, both(g, count) if count else [], fill=lambda s: g.np.choice([0.125, 0.25, 0.5], s))


def quantized_conv(g):
    x = image(g, [U8, U8, I8], spatial=2)
    channels = known(x.dims[1:2])[0]
    given = window(g, x)
    out = g.rng.randint(1, 4)
    w = whole(g, g.dtype([U8, I8]), both(g, out, channels, *given["kernel_shape"]))
    zeros = [whole(g, v.dtype, []) for v in (x, w)]
    if g.chance(0.5):
        return g.apply("ConvInteger", [x, w, *zeros[:g.rng.randint(0, 2)]], **given)
    bias = g.fresh(I32, both(g, out), fill=lambda s: g.np.integers(-50, 50, s)) if g.chance(0.5) else None
    g.apply("QLinearConv", [x, scale(g), zeros[0], w, scale(g), zeros[1], scale(g), whole(g, x.dtype, []), bias], **given)


def quantized_matmul(g):
    a = g.pick([U8, I8], range(2, 4), least=1)
    b = whole(g, a.dtype, [a.dims[-1], g.extent(1)])
    parts = [n for v in (a, b) for n in (v, scale(g), whole(g, v.dtype, []))]
    g.apply("QLinearMatMul", [*parts, scale(g), whole(g, a.dtype, [])])


# ---- Scan and sequences ------------------------------------------------------------------------------


def scan(g):
    x = g.pick([F32, F64, I64], range(1, 4), least=1)
    t = helper.np_dtype_to_tensor_dtype(x.dtype)
    axis = g.rng.randrange(x.rank) if g.chance(0.2) else 0  # the reference has no other
    rest = known([d for i, d in enumerate(x.dims) if i != axis])
    state = g.fresh(x.dtype, both(g, *rest))
    p = g.name("s")
    nodes = [helper.make_node(g.rng.choice(["Add", "Max", "Sub"]), [p + "h", p + "e"], [p + "n"]),
             helper.make_node(g.rng.choice(["Neg", "Identity", "Abs"]), [p + "n"], [p + "o"])]
    info = [helper.make_tensor_value_info(p + n, t, rest) for n in "heno"]
    body = helper.make_graph(nodes, "body", info[:2], info[2:])
    g.apply("Scan", [state, x], [True, True], body=body, num_scan_inputs=1, **({"scan_input_axes": [axis]} if axis or g.chance(0.3) else {}),
            **{k: [0] for k in ("scan_input_directions", "scan_output_directions", "scan_output_axes") if g.chance(0.2)})


def split_sequence(g):
    """A tensor cut to a sequence; then one of its elements, all of them together, or how many there are."""
    x = g.pick([F32, F32, I64, F64], range(1, 4), least=1)
    axis = axis_of(g, x.rank)
    size = known([x.dims[axis]])[0]
    s, p = g.name("q"), g.name("p")
    how = g.rng.choice(["one", "equal", "sizes"])
    each = g.rng.randint(1, size)
    cut = None if how == "one" else g.integers([each], scalar=True) if how == "equal" else g.integers([each, size - each])
    given = some(g, keepdims=g.rng.randrange(2)) if how == "one" else {}
    nodes = [helper.make_node("SplitToSequence", [x.name] + ([cut.name] if cut else []), [s], axis=axis, **given)]
    finish(g, nodes, [x] + ([cut] if cut else []), s, {"one": size, "equal": -(-size // each), "sizes": 2}[how], p)


def build_sequence(g):
    """Tensors to a sequence, changed once or twice."""
    x = g.pick([F32, I64], range(0, 4))
    parts = [x, *(g.fresh(x.dtype, x.dims) for _ in range(g.rng.randint(1, 2)))]
    more = [g.fresh(x.dtype, x.dims)]
    s, p = g.name("q"), g.name("p")
    if g.chance(0.2):
        nodes, length = [helper.make_node("SequenceEmpty", [], [s], dtype=helper.np_dtype_to_tensor_dtype(x.dtype))], 0
        parts = []
    else:
        nodes, length = [helper.make_node("SequenceConstruct", [v.name for v in parts], [s])], len(parts)
    for _ in range(g.rng.randint(1, 2)):
        changed = g.name("q")
        if length > 1 and g.chance(0.4):
            at = [g.integers([g.rng.randrange(-length, length)], scalar=True)] if g.chance(0.7) else []
            nodes.append(helper.make_node("SequenceErase", [s, *(v.name for v in at)], [changed]))
            length -= 1
        else:
            at = [g.integers([g.rng.randint(-length, length)], scalar=True)] if g.chance(0.7) else []
            nodes.append(helper.make_node("SequenceInsert", [s, more[0].name, *(v.name for v in at)], [changed]))
            length += 1
        more += at
        s = changed
    finish(g, nodes, parts + more, s, length, p)


def finish(g, nodes, inputs, sequence, length, prefix):
    """What comes of a sequence."""
    result = g.name("y")
    how = g.rng.choice(["at", "at", "concat", "length", "map"])
    if how == "at":
        at = g.integers([g.rng.randrange(-length, length)], scalar=True)
        inputs = [*inputs, at]
        nodes.append(helper.make_node("SequenceAt", [sequence, at.name], [result]))
    elif how == "length":
        nodes.append(helper.make_node("SequenceLength", [sequence], [result]))
    else:
        if how == "map":
            kind = helper.np_dtype_to_tensor_dtype(inputs[0].dtype)
            inner = [helper.make_tensor_value_info(prefix + n, kind, None) for n in "io"]
            body = helper.make_graph([helper.make_node(g.rng.choice(["Neg", "Abs"]), [prefix + "i"], [prefix + "o"])], "body", inner[:1], inner[1:])
            nodes.append(helper.make_node("SequenceMap", [sequence], [prefix + "m"], body=body))
            sequence = prefix + "m"
        nodes.append(helper.make_node("ConcatFromSequence", [sequence], [result], axis=0, new_axis=g.rng.randrange(2)))
    g.apply_nodes(nodes, inputs, [result])


KINDS = {col2im: 1, affine_grid: 1, deform_conv: 1, roi_align: 1, fourier: 2, short_fourier: 1, cosine_window: 1, loss: 2, rotary: 1,
         small_functions: 2, quantized_conv: 2, quantized_matmul: 1, scan: 2, split_sequence: 2, build_sequence: 2}
