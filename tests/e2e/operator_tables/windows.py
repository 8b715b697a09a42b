"""Windows: the extents and values of pools for every way of padding and rounding; convolutions, transposed ones."""
import numpy as np

POOLS = [("MaxPool", 10), ("MaxPool", 12), ("MaxPool", 22), ("AveragePool", 11), ("AveragePool", 19), ("AveragePool", 22), ("LpPool", 18),
         ("LpPool", 22)]
UNDILATED = 19  # AveragePool has dilations from here on


def fits(extent, kernel, stride, dilation, low, high, ceil):
    """Whether there is a window, and each has an element: else onnxruntime truncates where the standard rounds down, and gives
    what its loop began with."""
    room = extent + low + high - dilation * (kernel - 1) - 1
    count = (-(-room // stride) if ceil else room // stride) + 1
    begins = [i * stride - low for i in range(count)]
    return count > 0 and all(b >= extent or any(0 <= b + k * dilation < extent for k in range(kernel)) for b in begins)


def pools(Case, rng):
    """Two axes a case, each with its own numbers. onnxruntime leaves dilations out of what "same" pads; the evaluator does not."""
    pick = lambda *values: int(rng.choice(values))
    for op, opset in POOLS:
        for auto in ["NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"]:
            for ceil in [0, 1]:
                made = 0
                while made < (6 if auto == "NOTSET" else 2):
                    kernel, strides = [pick(1, 2, 3) for _ in "hw"], [pick(1, 2, 3, 4) for _ in "hw"]
                    dilated = auto in ("NOTSET", "VALID") and (op != "AveragePool" or opset >= UNDILATED)
                    dilations = [pick(1, 2, 3) if dilated else 1 for _ in "hw"]
                    low, high = ([pick(*range(k)) if auto == "NOTSET" else 0 for k in kernel] for _ in "lh")
                    extents = [pick(2, 5, 6, 7) for _ in "hw"]
                    axes = list(zip(extents, kernel, strides, dilations, low, high))
                    if auto.startswith("SAME"):  # a stride beyond the kernel would make pads negative
                        if any(s > k for s, k in zip(strides, kernel)):
                            continue
                    elif not all(fits(*axis, ceil) for axis in axes):
                        continue
                    made += 1
                    given = {"pads": low + high} if auto == "NOTSET" else {"auto_pad": auto}
                    if dilated:
                        given["dilations"] = dilations
                    if ceil:
                        given["ceil_mode"] = 1
                    numbers = " ".join(f"{e}:k{k}s{s}d{d}+{l}+{h}" for e, k, s, d, l, h in axes)
                    yield Case(f"{op} {opset} {auto} ceil {ceil} {numbers}", op, {"x": rng.integers(1, 50, (1, 2, *extents)).astype(np.float32)},
                               judges=("onnxruntime",), opset=opset, types={0: 1}, kernel_shape=kernel, strides=strides, **given)
    for op in ["MaxPool", "AveragePool"]:  # rounded up, a window that passes the input by less than a step is one
        yield Case(f"{op} of one window that is not whole", op, {"x": np.array([[[3, 5]]], np.float32)}, types={0: 1}, kernel_shape=[2],
                   strides=[2], dilations=[2], ceil_mode=1)
    yield Case("MaxPool SAME_UPPER, dilated", "MaxPool", {"x": rng.integers(1, 50, (1, 2, 7, 6)).astype(np.float32)}, judges=("onnx",),
               types={0: 1}, kernel_shape=[3, 2], strides=[1, 2], dilations=[2, 2], auto_pad="SAME_UPPER")


# Channels, outputs of a group, groups; kernel, strides, dilations, pads, output_padding or output_shape or auto_pad.
TRANSPOSED = [
    ("one phase", 3, 4, 1, [3], [1], [1], [1, 1], {}),
    ("pads as far as the kernel", 3, 4, 1, [3], [2], [1], [3, 0], {}),
    ("a stride beyond the kernel", 2, 3, 1, [2], [5], [1], [0, 0], {"output_padding": [2]}),
    ("joined phases", 2, 3, 1, [16], [8], [1], [4, 4], {}),
    ("joined phases, uneven", 2, 2, 1, [7], [4], [1], [2, 1], {"output_padding": [3]}),
    ("one output", 4, 1, 1, [9, 9], [4, 4], [1, 1], [4, 4, 4, 4], {"output_padding": [3, 3]}),
    ("vectors of outputs", 8, 16, 1, [4, 4], [2, 2], [1, 1], [1, 1, 1, 1], {}),
    ("vectors of outputs, uneven", 8, 17, 1, [3, 5], [2, 3], [1, 1], [1, 0, 0, 2], {"output_padding": [1, 2]}),
    ("joined phases, vectors of outputs", 3, 17, 1, [5, 6], [5, 5], [1, 1], [1, 2, 1, 2], {}),
    ("dilated with the stride", 3, 4, 1, [3, 3], [2, 2], [2, 2], [0, 1, 1, 0], {}),
    ("dilated across the stride", 3, 20, 1, [3, 2], [2, 3], [3, 2], [1, 1, 1, 1], {"output_padding": [1, 0]}),
    ("groups", 6, 3, 3, [3, 3], [2, 2], [1, 1], [1, 1, 1, 1], {"output_padding": [1, 1]}),
    ("depthwise", 16, 1, 16, [4, 4], [2, 2], [1, 1], [1, 1, 1, 1], {}),
    ("three dimensions", 4, 5, 1, [3, 3, 3], [2, 2, 2], [1, 1, 1], [1, 1, 1, 1, 1, 1], {"output_padding": [1, 1, 1]}),
    ("three dimensions, vectors", 4, 16, 1, [2, 3, 1], [1, 2, 3], [1, 1, 1], [0, 1, 0, 0, 1, 0], {}),
    ("too many phases", 3, 33, 1, [5, 5], [5, 5], [2, 2], [2, 2, 2, 2], {}),
    ("too many phases, undilated", 2, 17, 1, [7, 6, 7], [4, 4, 4], [1, 1, 1], [2, 2, 2, 2, 2, 2], {}),
    ("an output shape", 3, 4, 1, [3, 3], [2, 2], [1, 1], None, {"output_shape": [8, 9]}),
    ("the same, upper", 3, 4, 1, [3, 3], [2, 2], [1, 1], None, {"auto_pad": "SAME_UPPER"}),
    ("the same, lower", 3, 4, 1, [4, 3], [3, 2], [1, 1], None, {"auto_pad": "SAME_LOWER"}),
]


def transposed(Case, rng):
    """Each with weights that are known and not, finite and infinite, and of known and unknown extents."""
    for title, channels, outs, groups, kernel, strides, dilations, pads, given in TRANSPOSED:
        given = {"strides": strides, "dilations": dilations, "group": groups, **given, **({"pads": pads} if pads else {})}
        shape = [2, channels, *[4, 5, 3][:len(kernel)]]
        calls = [{"x": rng.integers(-9, 9, [n, *shape[1:]]).astype(np.float32)} for n in (2, 1)]
        w = rng.integers(-9, 9, [channels, outs, *kernel]).astype(np.float32)
        bias = rng.integers(-9, 9, outs * groups).astype(np.float32)
        how = dict(judges=("onnxruntime",), types={0: 1}, opset=22, **given)
        yield Case(f"ConvTranspose: {title}", "ConvTranspose", calls[:1], constants={"w": w, "b": bias}, **how)
        infinite = np.where(rng.random(w.shape) < 0.05, np.float32(np.inf), w)
        yield Case(f"ConvTranspose by an unknown filter: {title}", "ConvTranspose", [{**calls[0], "w": w}, {**calls[0], "w": infinite}], **how)
        yield Case(f"ConvTranspose by infinite weights: {title}", "ConvTranspose", calls[:1], constants={"w": infinite}, **how)
        if "output_shape" in given or "auto_pad" in given:
            yield Case(f"ConvTranspose of any batch: {title}", "ConvTranspose", calls, dims={"x": ["n"] + [None] * (len(shape) - 1)},
                       constants={"w": w, "b": bias}, **how)
            continue
        longer = [*calls, {"x": rng.integers(-9, 9, [1, channels, *[2, 2, 6][:len(kernel)]]).astype(np.float32)}]
        yield Case(f"ConvTranspose of any extents: {title}", "ConvTranspose", longer, dims={"x": ["n", None, "d", "h", "w"][:len(shape)]},
                   constants={"w": w, "b": bias}, **how)


# Outputs of a group, groups; kernel, strides, dilations, pads.
CONVOLUTIONS = [
    ("rows", 3, 1, [3], [1], [1], [1, 1]),
    ("vectors of outputs", 17, 1, [3, 3], [1, 1], [1, 1], [1, 1, 1, 1]),
    ("strides and dilations", 16, 1, [2, 3], [2, 1], [1, 2], [1, 2, 0, 1]),
    ("groups", 8, 2, [3, 3], [1, 2], [1, 1], [1, 0, 1, 2]),
    ("depthwise", 1, 4, [3, 3], [1, 1], [1, 1], [1, 1, 1, 1]),
    ("three dimensions", 4, 1, [2, 1, 3], [1, 1, 2], [1, 1, 1], [1, 0, 1, 0, 0, 1]),
]


def padded(Case, rng):
    """Infinite and NaN weights, known and not: padding is zeros that they are multiplied by. onnxruntime does so
    unless it blocks the channels."""
    for title, outs, groups, kernel, strides, dilations, pads in CONVOLUTIONS:
        shape = [4, *[5, 6, 4][:len(kernel)]]
        x, y = (rng.integers(1, 9, [n, *shape]).astype(np.float32) for n in (2, 1))
        w = rng.integers(-9, 9, [outs * groups, 4 // groups, *kernel]).astype(np.float32)
        odd = np.where(rng.random(w.shape) < 0.03, np.float32(-np.inf), w)
        odd[0, 0].flat[0] = np.inf
        odd[-1, -1].flat[-1] = np.nan
        bias = rng.integers(-9, 9, outs * groups).astype(np.float32)
        how = dict(judges=("onnx",), types={0: 1}, opset=22, strides=strides, dilations=dilations, pads=pads, group=groups)
        yield Case(f"Conv by infinite weights: {title}", "Conv", {"x": x}, constants={"w": odd, "b": bias}, **how)
        yield Case(f"Conv by infinite weights, any batch: {title}", "Conv", [{"x": x}, {"x": y}], dims={"x": ["n"] + [None] * len(shape)},
                   constants={"w": odd}, **how)
        yield Case(f"Conv by an unknown filter: {title}", "Conv", [{"x": x, "w": w, "b": bias}, {"x": x, "w": odd, "b": bias}], **how)


def thinned(Case, rng):
    """Long filters of one channel that move by a stride; the last window ends before the signal does, or with it. And one channel
    that is made from several, blocks of whose rows share what they read."""
    for stride, taps, length in [(2, 256, 939), (2, 64, 400), (3, 36, 100), (4, 32, 32), (8, 40, 333)]:
        w = rng.integers(-9, 9, [1, 1, taps]).astype(np.float32)
        calls = [{"x": rng.integers(-9, 9, [n, 1, length]).astype(np.float32)} for n in (1, 2, 9)]
        for pads in [0, 0], [taps // 2, taps // 2 - 1]:
            how = dict(types={0: 1}, opset=22, constants={"w": w}, strides=[stride], pads=pads)
            yield Case(f"Conv of one channel: {taps} taps by {stride}, {length} long, pads {pads}", "Conv", calls[1], **how)
            yield Case(f"Conv of one channel, any batch: {taps} taps by {stride}, {length} long, pads {pads}", "Conv", calls, dims={"x": ["n", None, None]}, **how)
    for kernel in [5, 5], [7, 3], [9, 1], [3, 3], [1, 5], [11, 2]:
        x = [{"x": rng.integers(-9, 9, [n, 3, 29, 37]).astype(np.float32)} for n in (1, 2)]
        how = dict(types={0: 1}, opset=22, constants={"w": rng.integers(-9, 9, [1, 3, *kernel]).astype(np.float32)})
        yield Case(f"Conv to one channel: {kernel}", "Conv", x[1], **how)
        yield Case(f"Conv to one channel, any batch and height: {kernel}", "Conv", x, dims={"x": ["n", None, "h", None]}, pads=[kernel[0] // 2, 1] * 2, **how)


def cases(Case):
    yield from thinned(Case, np.random.default_rng(10))
    yield from padded(Case, np.random.default_rng(9))
    yield from pools(Case, np.random.default_rng(7))
    yield from transposed(Case, np.random.default_rng(8))
