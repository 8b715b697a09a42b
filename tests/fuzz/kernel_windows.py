"""Random functions whose operations walk windows: convolutions and pooling."""

import itertools

import numpy as np

from kernel_parts import element, epilogue, finish
from kernel_text import Function

WIDTHS = [1, 2, 3, 4, 5, 7, 8, 9, 13, 14, 16, 17, 28, 31, 33]


class Window:
    """Strides, dilations, padding and the extents that they need, for `spatial` dimensions."""

    def __init__(self, rng, spatial, padded=True):
        self.kernel = [rng.choice([1, 1, 2, 3, 3, 3, 4, 5]) for _ in range(spatial)]
        if rng.random() < 0.3:
            self.kernel = [1] * spatial
        self.strides = (
            [rng.choice([1, 1, 1, 2, 2, 3])] * spatial if rng.random() < 0.7 else [rng.choice([1, 2, 3]) for _ in range(spatial)]
        )
        self.dilations = [rng.choice([1, 1, 1, 2, 3]) for _ in range(spatial)]
        self.low = [rng.choice([0, 0, 1, k // 2]) if padded else 0 for k in self.kernel]
        self.high = [rng.choice([0, 0, 1, k // 2]) if padded else 0 for k in self.kernel]
        self.least = [max(1, d * (k - 1) + 1 - l - h) for k, d, l, h in zip(self.kernel, self.dilations, self.low, self.high)]

    def sizes(self, rng):
        return [max(rng.choice(WIDTHS), n) for n in self.least]

    def derive(self, f, sources, names):
        return [
            f.derive(name, source, 1, l + h - d * (k - 1) - 1, s)
            for name, source, k, s, d, l, h in zip(names, sources, self.kernel, self.strides, self.dilations, self.low, self.high)
        ]

    def attributes(self, high=True):
        array = lambda values: f"array<i64: {', '.join(map(str, values))}>"
        text = f"strides = {array(self.strides)}, dilations = {array(self.dilations)}, pad_low = {array(self.low)}"
        return text + (f", pad_high = {array(self.high)}" if high else "")

    def views(self, x, outside, out):
        """(position in the kernel, the elements that each window has there); x is batch, channels, spatial."""
        padded = np.pad(
            x, [(0, 0), (0, 0), *((l, h + s) for l, h, s in zip(self.low, self.high, self.strides))], constant_values=outside
        )
        for at in itertools.product(*map(range, self.kernel)):
            cut = [slice(p * d, p * d + (n - 1) * s + 1, s) for p, d, s, n in zip(at, self.dilations, self.strides, out)]
            yield at, padded[(slice(None), slice(None), *cut)]

    def extents(self, x):
        return [
            (n + l + h - d * (k - 1) - 1) // s + 1
            for n, k, s, d, l, h in zip(x.shape[2:], self.kernel, self.strides, self.dilations, self.low, self.high)
        ]


def channels_first(x):
    return np.moveaxis(x, -1, 1)


def channels_last(x):
    return np.moveaxis(x, 1, -1)


def convolve(env, window, x, w, groups, t):
    """x batch, channels, spatial; w outputs, channels of a group, kernel."""
    out = window.extents(x)
    per, made = w.shape[1], w.shape[0] // groups
    result = np.zeros([x.shape[0], w.shape[0], *out], x.dtype)
    if x.size and w.size and t[0] == "f":
        env.note(np.array(np.abs(x).max() * np.abs(w).max() * per * np.prod(window.kernel)), t)
    for at, view in window.views(x, 0, out):
        for g in range(groups):
            result[:, g * made : (g + 1) * made] += np.einsum(
                "nc...,oc->no...", view[:, g * per : (g + 1) * per], w[(slice(g * made, (g + 1) * made), slice(None), *at)]
            )
    return env.note(result, t)


def layout(rng):
    return rng.choice(["channels_first", "channels_first", "channels_last"])


def ordered(dims, where):
    return dims if where == "channels_first" else [dims[0], *dims[2:], dims[1]]


def begin(rng, name, spatial, window, share=0.25):
    sizes = {f"s{i}": n for i, n in enumerate(window.sizes(rng))}
    sizes["n"] = rng.choice([1, 1, 2, 3])
    dynamic = {d for d in ["n"] if rng.random() < 0.4} | {f"s{i}" for i in range(spatial) if rng.random() < share}
    f = Function(name, sizes, dynamic, named=rng.random() < 0.7)
    f.least = {f"s{i}": n for i, n in enumerate(window.least)}
    f.whole = rng.random() < 0.6
    return f


def conv(rng, name):
    spatial = rng.choice([1, 2, 2, 2, 2, 3])
    window = Window(rng, spatial)
    if spatial == 3:
        window.kernel = [min(k, 2) for k in window.kernel]
    f = begin(rng, name, spatial, window)
    t = element(rng) if rng.random() < 0.5 else "f32"
    groups = rng.choice([1, 1, 1, 1, 2, 3])
    inputs, outputs = groups * rng.choice([1, 2, 3, 4, 5, 8, 16, 17]), groups * rng.choice([1, 2, 3, 4, 7, 8, 9, 16, 17, 20, 33])
    before, after = layout(rng), layout(rng)
    after = before if rng.random() < 0.8 else after
    x = f.argument(ordered(["n", inputs, *(f"s{i}" for i in range(spatial))], before), t)
    sizes = window.derive(f, [f"s{i}" for i in range(spatial)], [f"o{i}" for i in range(spatial)])
    return finish(f, rng, convolution(f, rng, x, window, outputs, groups, sizes, before, after))


def convolution(f, rng, x, window, outputs, groups, sizes, before, after, w=None):
    """nn.conv of x with random weights where none are given; `sizes`: the result's spatial dimensions."""
    t, spatial = x.element, len(window.kernel)
    inputs = f.size(x.dims[1] if before == "channels_first" else x.dims[-1])
    w = w or f.weight([outputs, inputs // groups, *window.kernel], t, rng)
    bias = f.weight([outputs], t, rng) if rng.random() < 0.5 else None
    out = ordered([x.dims[0], outputs, *sizes], after)

    def compute(env):
        a = env.of(x) if before == "channels_first" else channels_first(env.of(x))
        y = convolve(env, window, a, env.of(w), groups, t)
        if bias:
            y = env.note(y + env.of(bias).reshape([1, -1] + [1] * spatial), t)
        return y if after == "channels_first" else channels_last(y)

    attributes = f"{{{window.attributes()}, groups = {groups} : i64, input_layout = #nn.layout<{before}>, output_layout = #nn.layout<{after}>}}"
    return f.op("nn.conv", [x, w, *([bias] if bias else [])], f.empty(out, t), compute, attributes)


def depthwise(rng, name):
    window = Window(rng, 2)
    f = begin(rng, name, 2, window)
    t = element(rng) if rng.random() < 0.4 else "f32"
    channels, times = rng.choice([1, 2, 3, 4, 5, 8, 15, 16, 17, 32, 33, 40]), rng.choice([1, 1, 1, 2])
    where = layout(rng)
    x = f.argument(ordered(["n", channels, "s0", "s1"], where), t)
    sizes = window.derive(f, ["s0", "s1"], ["o0", "o1"])
    return finish(f, rng, convolution(f, rng, x, window, channels * times, channels, sizes, where, where))


def conv_named(rng, name):
    """linalg's own convolutions, without padding."""
    window = Window(rng, 2, padded=False)
    f = begin(rng, name, 2, window)
    t = element(rng) if rng.random() < 0.4 else "f32"
    op = rng.choice(
        [
            "conv_2d_nhwc_hwcf",
            "conv_2d_nchw_fchw",
            "depthwise_conv_2d_nhwc_hwc",
            "depthwise_conv_2d_nchw_chw",
            "conv_2d_nhwc_fhwc",
        ]
    )
    last, deep = "nhwc" in op, op.startswith("depthwise")
    inputs = rng.choice([1, 2, 3, 4, 5, 8, 16, 17])
    outputs = inputs if deep else rng.choice([1, 3, 4, 8, 9, 16, 17, 33])
    where = "channels_last" if last else "channels_first"
    shape = {
        "hwcf": [*window.kernel, inputs, outputs],
        "fchw": [outputs, inputs, *window.kernel],
        "fhwc": [outputs, *window.kernel, inputs],
        "hwc": [*window.kernel, inputs],
        "chw": [inputs, *window.kernel],
    }[op.split("_")[-1]]
    order = {"hwcf": (3, 2, 0, 1), "fchw": (0, 1, 2, 3), "fhwc": (0, 3, 1, 2), "hwc": (2, 0, 1), "chw": (0, 1, 2)}[
        op.split("_")[-1]
    ]
    x = f.argument(ordered(["n", inputs, "s0", "s1"], where), t)
    w = f.weight(shape, t, rng)
    out = ordered(["n", outputs, *window.derive(f, ["s0", "s1"], ["o0", "o1"])], where)

    def compute(env):
        a, b = env.of(x), np.transpose(env.of(w), order)
        y = convolve(env, window, channels_first(a) if last else a, b[:, None] if deep else b, inputs if deep else 1, t)
        return channels_last(y) if last else y

    attributes = f"{{strides = dense<{window.strides}> : tensor<2xi64>, dilations = dense<{window.dilations}> : tensor<2xi64>}}"
    return finish(f, rng, f.op(f"linalg.{op}", [x, w], f.fill(0, out, t), compute, attributes))


def conv_transpose(rng, name):
    spatial = rng.choice([1, 2, 2])
    window = Window(rng, spatial, padded=False)
    f = begin(rng, name, spatial, window, share=0)
    t = element(rng) if rng.random() < 0.3 else "f32"
    groups = rng.choice([1, 1, 1, 2])
    inputs, per = groups * rng.choice([1, 2, 3, 5, 8]), rng.choice([1, 2, 4, 5, 9, 16])
    window.low = [rng.randrange(0, k) for k in window.kernel]
    sources = [f"s{i}" for i in range(spatial)]
    reach = [
        (f.sizes[s] - 1) * stride + (k - 1) * d + 1 - low
        for s, stride, k, d, low in zip(sources, window.strides, window.kernel, window.dilations, window.low)
    ]
    extents = [max(1, n - rng.choice([0, 0, 1])) for n in reach]
    x = f.argument(["n", inputs, *sources], t)
    w = f.weight([inputs, per, *window.kernel], t, rng)
    bias = f.weight([per * groups], t, rng) if rng.random() < 0.5 else None

    def compute(env):
        a, b = env.of(x), env.of(w)
        y = np.zeros(
            [a.shape[0], per * groups, *(n + low + 8 * max(window.strides) + 16 for n, low in zip(extents, window.low))], a.dtype
        )
        if a.size and t[0] == "f":
            env.note(np.array(np.abs(a).max() * np.abs(b).max() * inputs * np.prod(window.kernel)), t)
        many = inputs // groups
        for at in itertools.product(*map(range, window.kernel)):
            place = [
                slice(p * d, p * d + (n - 1) * s + 1, s) for p, d, s, n in zip(at, window.dilations, window.strides, a.shape[2:])
            ]
            for g in range(groups):
                y[(slice(None), slice(g * per, (g + 1) * per), *place)] += np.einsum(
                    "ni...,io->no...", a[:, g * many : (g + 1) * many], b[(slice(g * many, (g + 1) * many), slice(None), *at)]
                )
        y = y[(slice(None), slice(None), *(slice(low, low + n) for low, n in zip(window.low, extents)))]
        return env.note(y + env.of(bias).reshape([1, -1] + [1] * spatial) if bias else y, t)

    high = ", ".join(str(r - n) for r, n in zip(reach, extents))
    attributes = f"{{{window.attributes(high=False)}, pad_high = array<i64: {high}>, groups = {groups} : i64}}"
    return finish(
        f,
        rng,
        f.op(
            "nn.conv_transpose", [x, w, *([bias] if bias else [])], f.empty(["n", per * groups, *extents], t), compute, attributes
        ),
    )


def pool(rng, name):
    spatial = rng.choice([1, 2, 2, 2, 3])
    window = Window(rng, spatial)
    window.low = [min(l, (k - 1) // 2) for l, k in zip(window.low, window.kernel)]  # a window has an element of the input
    window.high = [min(h, (k - 1) // 2) for h, k in zip(window.high, window.kernel)]
    window.dilations = [1] * spatial if any(window.low + window.high) else window.dilations
    window.least = [max(1, d * (k - 1) + 1) for k, d in zip(window.kernel, window.dilations)]
    f = begin(rng, name, spatial, window)
    kind = rng.choice(["max", "max", "average"])
    t = element(rng, integers=kind == "max") if rng.random() < 0.5 else "f32"
    f.special = kind == "max" and t in ("f32", "f64") and rng.random() < 0.2
    where = layout(rng)
    channels = rng.choice([1, 2, 3, 5, 8, 16, 17])
    x = f.argument(ordered(["n", channels, *(f"s{i}" for i in range(spatial))], where), t)
    out = ordered(["n", channels, *window.derive(f, [f"s{i}" for i in range(spatial)], [f"o{i}" for i in range(spatial)])], where)
    return finish(f, rng, pooling(f, rng, x, window, out, kind, where))


def pooling(f, rng, x, window, out, kind, where):
    t, count_padding = x.element, kind == "average" and rng.random() < 0.4

    def compute(env):
        a = env.of(x) if where == "channels_first" else channels_first(env.of(x))
        extents = window.extents(a)
        if kind == "max":
            least = -np.inf if t[0] == "f" else np.iinfo(a.dtype).min
            y = np.max([view for _, view in window.views(a, least, extents)], axis=0)
        else:
            total = sum(view for _, view in window.views(a, 0, extents))
            inside = sum(view for _, view in window.views(np.ones_like(a), 0, extents))
            y = env.note(total / (np.prod(window.kernel) if count_padding else inside), t, True)
        return y if where == "channels_first" else channels_last(y)

    array = f"array<i64: {', '.join(map(str, window.kernel))}>"
    attributes = (
        f"{{kind = #nn.pool_kind<{kind}>, kernel = {array}, {window.attributes()}, layout = #nn.layout<{where}>"
        f"{', count_include_pad' if count_padding else ''}}}"
    )
    return f.op("nn.pool", [x], f.empty(out, t), compute, attributes)


def conv_pool(rng, name):
    """A convolution, what follows it, and a pool whose windows lie side by side: one kernel, where sizes are known."""
    spatial = rng.choice([1, 2, 2, 2, 3])
    window = Window(rng, spatial)
    if spatial == 3:
        window.kernel = [min(k, 2) for k in window.kernel]
    elif rng.random() < 0.3:
        window.kernel, window.strides, window.dilations = [3] * spatial, [1] * spatial, [1] * spatial  # Winograd's
    window.least = [max(1, d * (k - 1) + 1 - l - h) + 2 * s for k, s, d, l, h in zip(window.kernel, window.strides, window.dilations, window.low, window.high)]
    f = begin(rng, name, spatial, window, share=0.15)
    t = element(rng) if rng.random() < 0.3 else "f32"
    groups = rng.choice([1, 1, 1, 2])
    inputs, outputs = groups * rng.choice([1, 3, 4, 8, 16, 17]), groups * rng.choice([1, 4, 8, 16, 17, 33])
    before, after = layout(rng), layout(rng)
    x = f.argument(ordered(["n", inputs, *(f"s{i}" for i in range(spatial))], before), t)
    made = window.derive(f, [f"s{i}" for i in range(spatial)], [f"o{i}" for i in range(spatial)])
    y = epilogue(f, rng, convolution(f, rng, x, window, outputs, groups, made, before, after))
    pools = Window(rng, spatial, padded=False)
    pools.kernel = [rng.choice([1, 2, 2, 2, 3]) for _ in range(spatial)]
    pools.strides, pools.dilations = list(pools.kernel), [1] * spatial
    kind = rng.choice(["max", "max", "average"]) if y.element[0] == "f" else "max"
    out = ordered(["n", outputs, *pools.derive(f, made, [f"p{i}" for i in range(spatial)])], after)
    return finish(f, rng, pooling(f, rng, y, pools, out, kind, after))


def pool_named(rng, name):
    """linalg's own pooling, whose window is an operand of which only the shape counts."""
    window = Window(rng, 2, padded=False)
    f = begin(rng, name, 2, window)
    t = rng.choice(["f32", "f32", "f32", "f64", "i32"])
    op = rng.choice(["pooling_nhwc_sum", "pooling_nhwc_max", "pooling_nchw_sum", "pooling_nchw_max", "pooling_nhwc_min"])
    last, kind = "nhwc" in op, op.split("_")[-1]
    where = "channels_last" if last else "channels_first"
    channels = rng.choice([1, 2, 3, 5, 8, 16, 17])
    x = f.argument(ordered(["n", channels, "s0", "s1"], where), t)
    out = ordered(["n", channels, *window.derive(f, ["s0", "s1"], ["o0", "o1"])], where)
    first = {"sum": 0, "max": -1000, "min": 1000}[kind]

    def compute(env):
        a = channels_first(env.of(x)) if last else env.of(x)
        views = [view for _, view in window.views(a, 0, window.extents(a))]
        if kind == "sum":
            env.note(np.abs(a), t)
            y = env.note(sum(views), t)
        else:
            y = np.max(views, axis=0) if kind == "max" else np.min(views, axis=0)
        return channels_last(y) if last else y

    attributes = f"{{strides = dense<{window.strides}> : tensor<2xi64>, dilations = dense<{window.dilations}> : tensor<2xi64>}}"
    return finish(f, rng, f.op(f"linalg.{op}", [x, f.empty(window.kernel, t)], f.fill(first, out, t), compute, attributes))
