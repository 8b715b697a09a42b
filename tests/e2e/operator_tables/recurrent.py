"""RNN, LSTM and GRU with other functions than the usual ones, Scan of sequences that end, and what else was added for types that few models have."""
import itertools

import numpy as np

RNG = np.random.default_rng(31)


def f32(*shape):
    return (RNG.standard_normal(shape) / 2).astype(np.float32)


def clipped_lstm(x, w, r, b, limit=0.3):
    clip = lambda a: np.clip(a, -limit, limit)
    sigmoid = lambda a: 1 / (1 + np.exp(-clip(a)))
    h = c = np.zeros((x.shape[1], r.shape[2]), np.float32)
    made = []
    for now in x:
        i, o, f, g = np.split(now @ w[0].T + h @ r[0].T + sum(np.split(b[0], 2)), 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(clip(g))
        h = sigmoid(o) * np.tanh(clip(c))
        made.append(h)
    return [np.stack(made)[:, None], h[None]]


def recurrent(Case):
    gates = {"RNN": 1, "GRU": 3, "LSTM": 4}
    usual = {"RNN": 1, "GRU": 2, "LSTM": 3}
    functions = {"Relu": (), "Affine": (0.5, 0.1), "LeakyRelu": (0.2,), "ThresholdedRelu": (0.3,), "ScaledTanh": (0.7, 0.8),
                 "HardSigmoid": (0.3, 0.4), "Elu": (0.6,), "Softsign": (), "Softplus": (), "Tanh": (), "Sigmoid": ()}

    def case(title, op, directions, calls=((4, 2), (1, 3)), **attributes):
        hidden, width = 5, 6
        weights = {"w": f32(directions, gates[op] * hidden, width), "r": f32(directions, gates[op] * hidden, hidden),
                   "b": f32(directions, 2 * gates[op] * hidden)}
        return Case(f"{op} {title}", op, [{"x": f32(t, b, width)} for t, b in calls], outputs=2, dims={"x": ["t", "b", None]},
                    constants=weights, types={0: 1, 1: 1}, judges=("onnxruntime",), atol=2e-5, hidden_size=hidden,
                    direction="bidirectional" if directions == 2 else "forward", **attributes)

    for op, (name, numbers) in itertools.product(gates, functions.items()):
        extra = {}
        if numbers:
            extra["activation_alpha"] = [numbers[0]] * usual[op]
        if len(numbers) > 1:
            extra["activation_beta"] = [numbers[1]] * usual[op]
        yield case(f"of {name}", op, 1, calls=((3, 2),), activations=[name] * usual[op], **extra)
    names = {"RNN": ["Tanh", "Affine"], "GRU": ["HardSigmoid", "Tanh", "Sigmoid", "ScaledTanh"],
             "LSTM": ["Sigmoid", "Tanh", "Elu", "HardSigmoid", "Softsign", "Tanh"]}
    numbers = {"RNN": ([0.5], [0.1]), "GRU": ([0.3, 0.7], [0.4, 0.8]), "LSTM": ([0.6, 0.3], [0.4])}
    for op in gates:
        yield case("of different functions by direction", op, 2, activations=names[op], activation_alpha=numbers[op][0],
                   activation_beta=numbers[op][1])
        clipped = case("clipped", op, 1, clip=0.3)
        if op == "LSTM":  # onnxruntime leaves out the last function's argument, which the standard does not
            clipped.judges = (lambda x, w=clipped.constants: clipped_lstm(x, **w),)
        yield clipped
        wrong = dict(activations=["Swish"] * usual[op])
        yield Case(f"{op} of an unknown function", op, {"x": f32(3, 2, 6)}, outputs=2, types={0: 1, 1: 1}, hidden_size=5, refused="'Swish'",
                   constants={"w": f32(1, gates[op] * 5, 6), "r": f32(1, gates[op] * 5, 5)}, **wrong)
        for dtype, number in [(np.float64, 11), (np.float16, 10)]:
            weights = {"w": f32(1, gates[op] * 5, 6).astype(dtype), "r": f32(1, gates[op] * 5, 5).astype(dtype)}
            yield Case(f"{op} {np.dtype(dtype).name}", op, {"x": f32(3, 2, 6).astype(dtype)}, outputs=2, constants=weights,
                       types={0: number, 1: number}, judges=("onnx",), atol=1e-12 if number == 11 else 3e-3, hidden_size=5)
    yield case("that forgets what does not come in", "LSTM", 1, input_forget=1)


def other_types(Case):
    x = f32(2, 4, 5, 3)
    for dtype, number in [(np.float64, 11), (np.float16, 10)]:
        channels = lambda dtype=dtype: RNG.uniform(0.5, 1.5, 4).astype(dtype)
        tolerance = 1e-12 if number == 11 else 2e-3
        yield Case(f"InstanceNormalization {np.dtype(dtype).name}", "InstanceNormalization", {"x": x.astype(dtype)}, atol=tolerance,
                   constants={"scale": channels(), "bias": channels()}, judges=("onnx",), types={0: number})
        wide = {k: channels(np.float32) for k in ["scale", "bias", "mean", "variance"]}
        normal = lambda x, wide=wide, dtype=dtype: [(
            (x.astype(np.float64) - wide["mean"][:, None, None]) / np.sqrt(wide["variance"].astype(np.float64) + 1e-5)[:, None, None]
            * wide["scale"][:, None, None] + wide["bias"][:, None, None]).astype(dtype)]
        yield Case(f"BatchNormalization of {np.dtype(dtype).name} by f32", "BatchNormalization", {"x": x.astype(dtype)}, constants=wide,
                   judges=(normal,), types={0: number}, atol=1e-6 if number == 11 else 2e-3)
    for dtype, number in [(np.int32, 6), (np.int64, 7), (np.uint32, 12)]:
        whole = lambda *shape, dtype=dtype: RNG.integers(0, 9, shape).astype(dtype)
        yield Case(f"Gemm {np.dtype(dtype).name}", "Gemm", {"a": whole(4, 3), "b": whole(5, 4), "c": whole(5)}, types={0: number}, transA=1,
                   transB=1, alpha=2.0, beta=3.0, judges=(lambda a, b, c: [(2 * (a.T @ b.T) + 3 * c).astype(a.dtype)],))
        for op, function in [("ReduceL2", lambda x: np.sqrt(np.sum(x.astype(np.float64) ** 2, 1, keepdims=True))),
                             ("ReduceLogSumExp", lambda x: np.log(np.sum(np.exp(x.astype(np.float64)), 1, keepdims=True)))]:
            yield Case(f"{op} {np.dtype(dtype).name}", op, {"x": whole(3, 4)}, constants={"axes": np.array([1])}, types={0: number},
                       judges=(lambda x, f=function: [f(x).astype(x.dtype)],))
    yield Case("Gemm of integers by a half", "Gemm", {"a": np.ones((2, 2), np.int32), "b": np.ones((2, 2), np.int32)}, types={0: 6}, alpha=0.5,
               refused="alpha and beta are")
    q, mask = f32(1, 2, 3, 4), RNG.integers(0, 2, (3, 3)).astype(np.int32)
    yield Case("Attention with a mask of integers", "Attention", {"q": q, "k": f32(1, 2, 3, 4), "v": f32(1, 2, 3, 4), "mask": mask}, types={0: 1},
               judges=("onnx",))
    yield Case("Attention with values of f64", "Attention", {"q": q, "k": f32(1, 2, 3, 4), "v": f32(1, 2, 3, 4).astype(np.float64)}, types={0: 1},
               judges=(lambda q, k, v: [attention(q, k, v)],))
    y = [f32(1, 2, 4, 4), f32(3, 2, 2, 2), f32(1, 8, 3, 3)]
    yield Case("DeformConv float16", "DeformConv", dict(zip("xwo", [a.astype(np.float16) for a in y])), types={0: 10}, kernel_shape=[2, 2],
               judges=("onnx",), atol=5e-3)


def ending_scan(lengths, s, a, b):
    """Running sums of each batch's first elements; its results are 0 after them."""
    sums, finals = np.zeros(a.shape, np.float32), s.copy()
    for batch, length in enumerate(lengths):
        for at in range(length):
            finals[batch] += a[batch, at] * b[batch, at]
            sums[batch, at] = finals[batch]
    return [finals, sums, (sums > 1) & (np.arange(a.shape[1])[None, :, None] < lengths[:, None, None])]


def scans(Case):
    from onnx import helper
    value = lambda name, kind=1: helper.make_tensor_value_info(name, kind, None)
    nodes = [("Mul", "pq", "m"), ("Add", "sm", "t"), ("Identity", "t", "u"), ("Greater", "tl", "v")]
    body = helper.make_graph([helper.make_node(op, list(ins), [out], name=f"the {op}") for op, ins, out in nodes], "body",
                             [value(n) for n in "spq"], [value("t"), value("u"), value("v", 9)],
                             [helper.make_tensor("l", 1, [], [1.0])])
    call = lambda n, length, *lengths: dict(lengths=np.array(lengths), s=f32(n, 2), a=f32(n, length, 2), b=f32(n, length, 2))
    common = dict(outputs=3, opset=8, types={0: 1, 1: 1, 2: 9}, body=body, num_scan_inputs=2)
    for title, dims in [("", {}), (" of any size", dict(lengths=["n"], s=["n", None], a=["n", "k", None], b=["n", "k", None]))]:
        calls = [call(3, 5, 5, 0, 2)] + [call(2, 4, 1, 4), call(1, 3, 3)] * bool(dims)
        yield Case(f"Scan 8, sequences that end{title}", "Scan", calls, dims=dims, judges=(ending_scan,), **common)
    yield Case("Scan 8, lengths of another type", "Scan", {**call(2, 3, 1, 2), "lengths": np.zeros(2, np.int32)}, refused="input 0", **common)
    yield Case("Scan 8, lengths of another batch", "Scan", call(2, 3, 1, 2, 3), refused="the lengths of the scanned inputs", **common)
    yield Case("Scan 8, sequences that end, backwards", "Scan", call(2, 3, 1, 2), refused="'directions'", directions=[1, 0], **common)


def attention(q, k, v):
    scores = q @ np.swapaxes(k, 2, 3) / np.sqrt(np.float32(q.shape[3]))
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return (weights / weights.sum(-1, keepdims=True) @ v.astype(np.float32)).astype(np.float32)


def cases(Case):
    yield from recurrent(Case)
    yield from other_types(Case)
    yield from scans(Case)
    for dtype in (np.int32, np.float32):
        yield Case(f"QuantizeLinear of {np.dtype(dtype).name} by a scale of int32", "QuantizeLinear",
                   {"x": np.array([0, 7, 8, 9, -700, 5000], dtype)}, constants={"scale": np.int32(2), "zero": np.uint8(3)}, types={0: 2}, judges=("onnx",))
