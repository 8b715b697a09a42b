"""Windows: the extents and values of pools for every way of padding and rounding."""
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


def cases(Case):
    yield from pools(Case, np.random.default_rng(7))
