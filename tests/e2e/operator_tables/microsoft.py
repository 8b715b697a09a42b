"""com.microsoft: what onnxruntime's optimizer and transformer exporters write, against onnxruntime."""
import itertools

import numpy as np

F32, I32 = 1, 6
RNG = np.random.default_rng(23)


def f32(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


def relative_bias(table, both, farthest):
    """T5's buckets of distances (Raffel et al. 2020, appendix); onnxruntime has no kernel for it on a CPU."""
    def t5(q, k):
        before = np.arange(q)[:, None] - np.arange(k)
        buckets = len(table) // 2 if both else len(table)
        distance = np.abs(before) if both else np.maximum(before, 0)
        exact = buckets // 2
        share = np.log(np.maximum(distance, 1).astype("f4") / np.float32(exact)) / np.log(np.float32(farthest / exact))
        far = np.minimum(exact + (share * (buckets - exact)).astype("i8"), buckets - 1)
        place = np.where(distance < exact, distance, far) + (before < 0) * (buckets if both else 0)
        return [table[place].transpose(2, 0, 1)[None]]
    return t5


def fused(Case):
    ms = dict(domain="com.microsoft", judges=("onnxruntime",), types={0: F32})
    for ta, tb, ba, bb in itertools.product([0, 1], repeat=4):
        left, right = [4, 5], [5, 6]
        left, right = left[::-1] if ta else left, right[::-1] if tb else right
        left = [left[0], 2, 3, left[1]] if ba else [2, 3, *left]
        right = [right[0], 2, 3, right[1]] if bb else [2, 3, *right]
        yield Case(f"FusedMatMul transA {ta} transB {tb} transBatchA {ba} transBatchB {bb}", "FusedMatMul",
                   {"a": f32(*left), "b": f32(*right)}, transA=ta, transB=tb, transBatchA=ba, transBatchB=bb, alpha=0.5, **ms)
    yield Case("FusedMatMul, a dynamic batch and a constant", "FusedMatMul", [{"a": f32(n, 7, 8)} for n in (1, 4)],
               dims={"a": ["n", None, None]}, constants={"b": f32(5, 8)}, transB=1, **ms)
    yield Case("TransposeMatMul", "TransposeMatMul", {"a": f32(3, 4), "b": f32(3, 5)}, transA=1, alpha=2.0, **ms)
    rows = [{"x": f32(n, 3, 8)} for n in (2, 5)]
    dims = {"x": ["n", None, None]}
    yield Case("Gelu", "Gelu", rows, dims=dims, **ms)
    yield Case("QuickGelu", "QuickGelu", rows, dims=dims, **ms)
    yield Case("QuickGelu, alpha 1", "QuickGelu", rows, dims=dims, alpha=1.0, **ms)
    yield Case("FastGelu", "FastGelu", rows, dims=dims, **ms)
    yield Case("FastGelu and a bias", "FastGelu", rows, dims=dims, constants={"bias": f32(8)}, **ms)
    yield Case("BiasGelu", "BiasGelu", rows, dims=dims, constants={"bias": f32(8)}, **ms)
    numpy_erf = np.vectorize(__import__("math").erf)
    gelu = lambda x: (0.5 * x * (1 + numpy_erf(x / np.sqrt(2)))).astype(np.float32)
    cuda = {**ms, "judges": None}  # operators that onnxruntime has for other devices alone

    def split_gelu(x, bias):
        left, right = np.split(x + bias, 2, axis=-1)
        return [left * gelu(right)]

    yield Case("BiasSplitGelu", "BiasSplitGelu", {"x": f32(2, 3, 16), "bias": f32(16)}, **{**cuda, "judges": (split_gelu,)})
    yield Case("BiasAdd", "BiasAdd", {"x": f32(2, 3, 8), "bias": f32(8), "skip": f32(2, 3, 8)},
               **{**cuda, "judges": (lambda x, bias, skip: [x + bias + skip],)})
    yield Case("BiasDropout", "BiasDropout", {"x": f32(2, 3, 8), "bias": f32(8), "skip": f32(2, 3, 8)},
               **{**cuda, "judges": (lambda x, bias, skip: [x + bias + skip],)})
    for name, numbers in [("Relu", []), ("LeakyRelu", [0.1]), ("Clip", [-0.5, 0.5]), ("HardSigmoid", [0.3, 0.4]), ("Tanh", []), ("Sigmoid", [])]:
        for z in (False, True):
            x = {"x": f32(1, 4, 6, 6), "w": f32(8, 2, 3, 3), "b": f32(8), **({"z": f32(1, 8, 6, 6)} if z else {})}
            extra = {"activation_params": numbers} if numbers else {}
            yield Case(f"FusedConv {name}{', a sum' if z else ''}", "FusedConv", x, group=2, pads=[1, 1, 1, 1], activation=name, **extra, **ms)
    yield Case("FusedConv, an unknown activation", "FusedConv", x, group=2, pads=[1, 1, 1, 1], activation="Sin",
               refused="'activation' is 'Sin'", **ms)
    for name, extra in [("Relu", {}), ("LeakyRelu", {"activation_alpha": 0.2})]:
        yield Case(f"FusedGemm {name}", "FusedGemm", {"a": f32(3, 4), "b": f32(5, 4), "c": f32(5)}, transB=1, alpha=0.5, beta=2.0,
                   activation=name, **extra, **ms)

    def nhwc(x, w, b):
        import onnx
        from onnx.reference import ReferenceEvaluator

        text = "<ir_version: 9, opset_import: [\"\": 20]> g (float[a,b,c,d] x, float[e,f,g,h] w, float[i] b) => (float[j,k,l,m] y) {" \
               "y = Conv<strides = [2, 2], pads = [1, 1, 1, 1]>(x, w, b)}"
        turn = lambda a: np.transpose(a, (0, 3, 1, 2))
        return [np.transpose(ReferenceEvaluator(onnx.parser.parse_model(text)).run(None, dict(x=turn(x), w=turn(w), b=b))[0], (0, 2, 3, 1))]

    yield Case("NhwcConv", "NhwcConv", {"x": f32(1, 7, 6, 4), "w": f32(8, 3, 3, 4), "b": f32(8)}, strides=[2, 2], pads=[1, 1, 1, 1],
               **{**cuda, "judges": (nhwc,)})
    lengths = [dict(q=np.array(q), k=np.array(k)) for q, k in [(5, 5), (1, 300), (200, 3)]]
    for both in (0, 1):
        table = f32(32, 2)
        yield Case(f"RelativePositionBias, bidirectional {both}", "RelativePositionBias", lengths, constants={"table": table},
                   order=["table", "q", "k"], is_bidirectional=both, max_distance=128,
                   **{**ms, "judges": (relative_bias(table, both, 128),)})
    yield Case("ExpandDims", "ExpandDims", {"x": f32(3, 4)}, constants={"axis": np.array(-1, np.int32)}, **ms)
    yield Case("CDist", "CDist", {"a": f32(5, 7), "b": f32(4, 7)}, metric="euclidean", **ms)
    yield Case("CDist of squares", "CDist", {"a": f32(5, 7), "b": f32(4, 7)}, metric="sqeuclidean", **ms)
    yield Case("GatherND", "GatherND", {"x": f32(3, 4), "at": np.array([[0, 1], [2, 3]])}, **ms)
    yield Case("Trilu", "Trilu", {"x": f32(2, 4, 4)}, constants={"k": np.array(1)}, upper=1, **ms)
    yield Case("Pad", "Pad", {"x": f32(3, 4)}, constants={"pads": np.array([1, 0, 0, 2]), "value": np.array([1.5], np.float32)}, **ms)
    yield Case("GridSample", "GridSample", {"x": f32(1, 2, 5, 5), "grid": f32(1, 3, 4, 2)}, mode="bilinear", padding_mode="border", **ms)
    finite = f32(4, 4)
    for title, value in [("finite", 0), ("NaN", np.nan), ("infinite", -np.inf)]:
        x = finite.copy()
        x[1, 2] = value
        yield Case(f"IsAllFinite, {title}", "IsAllFinite", {"x": x, "z": finite}, domain="com.microsoft", types={0: 9},
                   judges=(lambda x, z: [np.array(bool(np.all(np.isfinite(x)) and np.all(np.isfinite(z))))],))


def group_norm(x, gamma, beta, groups, silu):
    n, h, w, c = x.shape
    parts = x.astype(np.float64).reshape(n, h * w, groups, c // groups)
    parts = (parts - parts.mean((1, 3), keepdims=True)) / np.sqrt(parts.var((1, 3), keepdims=True) + 1e-5)
    y = parts.reshape(x.shape) * gamma + beta
    return (y / (1 + np.exp(-y)) if silu else y).astype(np.float32)


def normalisations(Case):
    ms = dict(domain="com.microsoft", judges=("onnxruntime",))
    calls = [{"x": f32(b, s, 16), "skip": f32(b, s, 16)} for b, s in [(2, 3), (1, 7)]]
    dims = {"x": ["b", "s", None], "skip": ["b", "s", None]}
    beta, bias, gamma = f32(16), f32(16), f32(16)
    for outputs, order in itertools.product([[0], [0, 3]], [["x", "skip", "gamma"], ["x", "skip", "gamma", "beta"],
                                                            ["x", "skip", "gamma", "", "bias"], ["x", "skip", "gamma", "beta", "bias"]]):
        constants = {k: v for k, v in dict(gamma=gamma, beta=beta, bias=bias).items() if k in order}
        yield Case(f"SkipLayerNormalization {' '.join(order)}, outputs {outputs}", "SkipLayerNormalization", calls, outputs=outputs,
                   dims=dims, constants=constants, order=order, types={0: F32, 3: F32}, epsilon=1e-5, **ms)
    for outputs, order in itertools.product([[0], [0, 3]], [["x", "skip", "gamma"], ["x", "skip", "gamma", "bias"]]):
        constants = {k: v for k, v in dict(gamma=gamma, bias=bias).items() if k in order}
        yield Case(f"SkipSimplifiedLayerNormalization {' '.join(order)}, outputs {outputs}", "SkipSimplifiedLayerNormalization", calls,
                   outputs=outputs, dims=dims, constants=constants, order=order, types={0: F32, 3: F32}, epsilon=1e-6, **ms)
    yield Case("SkipLayerNormalization, a skip of one batch", "SkipLayerNormalization", {"x": f32(2, 3, 16), "skip": f32(1, 3, 16)},
               constants={"gamma": gamma}, types={0: F32}, **ms)
    yield Case("SimplifiedLayerNormalization", "SimplifiedLayerNormalization", {"x": f32(2, 3, 16)}, constants={"scale": gamma},
               judges=("onnxruntime",), types={0: F32}, epsilon=1e-6, axis=-1)
    ids = lambda b, s: RNG.integers(0, 20, (b, s)).astype(np.int32)
    calls = [{"ids": ids(b, s), "segments": ids(b, s) % 2, "mask": np.sort(ids(b, s) % 2)[:, ::-1].copy()} for b, s in [(2, 5), (1, 9)]]
    dims = {k: ["b", "s"] for k in ("ids", "segments", "mask")}
    tables = dict(word=f32(20, 16), position=f32(12, 16), segment=f32(2, 16), gamma=gamma, beta=beta)
    order = ["ids", "segments", "word", "position", "segment", "gamma", "beta", "mask"]
    yield Case("EmbedLayerNormalization", "EmbedLayerNormalization", calls, outputs=[0, 1], dims=dims, constants=tables, order=order,
               types={0: F32, 1: I32}, **ms)
    tables = {k: v for k, v in tables.items() if k != "segment"}
    order = ["ids", "", "word", "position", "", "gamma", "beta", "", "places"]
    yield Case("EmbedLayerNormalization, places and no segments", "EmbedLayerNormalization",
               {"ids": ids(2, 5), "places": ids(2, 5) % 12}, outputs=[0, 1], constants=tables, order=order, types={0: F32, 1: I32}, **ms)
    for silu, last in itertools.product([0, 1], [0, 1]):
        turn = (lambda a: a) if last else (lambda a: np.ascontiguousarray(np.transpose(a, (0, 3, 1, 2))))
        back = (lambda a: a) if last else (lambda a: np.transpose(a, (0, 2, 3, 1)))
        judge = lambda x, gamma, beta, silu=silu, turn=turn, back=back: [turn(group_norm(back(x), gamma, beta, 4, silu))]
        yield Case(f"GroupNorm, activation {silu}, channels last {last}", "GroupNorm", {"x": turn(f32(2, 3, 5, 16)), "gamma": gamma, "beta": beta},
                   domain="com.microsoft", judges=(judge,), types={0: F32}, groups=4, activation=silu, channels_last=last)

    def skip_group(x, gamma, beta, skip, bias):
        total = x + (skip if skip.ndim == 4 else skip[:, None, None, :]) + bias
        return [group_norm(total, gamma, beta, 4, True), total]

    for shape in [(2, 3, 5, 16), (2, 16)]:
        yield Case(f"SkipGroupNorm, a skip of {len(shape)} dimensions", "SkipGroupNorm",
                   {"x": f32(2, 3, 5, 16), "gamma": gamma, "beta": beta, "skip": f32(*shape), "bias": bias}, outputs=2,
                   domain="com.microsoft", judges=(skip_group,), types={0: F32, 1: F32}, groups=4, activation=1)


def attention(Case):
    ms = dict(domain="com.microsoft", judges=("onnxruntime",), atol=2e-5)
    out = {0: F32, 1: F32, 2: F32}
    hidden, heads = 16, 4
    weights = dict(weights=f32(hidden, 3 * hidden), bias=f32(3 * hidden))
    sizes = [(2, 5), (1, 3)]
    xs = [{"x": f32(b, s, hidden)} for b, s in sizes]
    dims = {"x": ["b", "s", None], "mask": ["b", "s"]}
    yield Case("Attention", "Attention", xs, dims=dims, constants=weights, num_heads=heads, types=out, **ms)
    yield Case("Attention, causal, a scale", "Attention", xs, dims=dims, constants=weights, num_heads=heads, unidirectional=1, scale=0.4,
               types=out, **ms)
    masks = [{**x, "mask": (np.arange(s) < RNG.integers(1, s + 1, (b, 1))).astype(np.int32)} for x, (b, s) in zip(xs, sizes)]
    order = ["x", "weights", "bias", "mask"]
    yield Case("Attention, a mask of keys", "Attention", masks, dims=dims, constants=weights, order=order, num_heads=heads, types=out, **ms)
    lengths = [{**x, "mask": RNG.integers(1, s + 1, b).astype(np.int32)} for x, (b, s) in zip(xs, sizes)]
    yield Case("Attention, lengths", "Attention", lengths, dims={"x": ["b", "s", None], "mask": ["b"]}, constants=weights, order=order,
               num_heads=heads, types=out, **ms)
    full = [{**x, "mask": RNG.integers(0, 2, (b, s, s)).astype(np.int32)} for x, (b, s) in zip(xs, sizes)]
    yield Case("Attention, a mask of queries and keys", "Attention", full, dims={"x": ["b", "s", None], "mask": ["b", "s", "s"]},
               constants=weights, order=order, num_heads=heads, types=out, **ms)
    past = [{**x, "past": f32(2, b, heads, p, hidden // heads)} for x, (b, s), p in zip(xs, sizes, (3, 6))]
    yield Case("Attention, causal with a past", "Attention", past, outputs=2, dims={"x": ["b", "s", None], "past": [None, "b", None, "p", None]},
               constants=weights, order=["x", "weights", "bias", "", "past"], num_heads=heads, unidirectional=1, types=out, **ms)
    biased = {**xs[0], "more": f32(1, heads, 5, 5)}
    yield Case("Attention, a bias of the scores", "Attention", biased, constants=weights, order=["x", "weights", "bias", "", "", "more"],
               num_heads=heads, types=out, **ms)
    uneven = dict(weights=f32(hidden, 16 + 16 + 24), bias=f32(56))
    yield Case("Attention, values of another size", "Attention", xs, dims=dims, constants=uneven, num_heads=heads,
               qkv_hidden_sizes=[16, 16, 24], types=out, **ms)
    yield Case("Attention without heads", "Attention", xs[0], constants=weights, types=out, refused="num_heads", **ms)
    yield Case("Attention, a mask of another length", "Attention", {**xs[0], "mask": np.zeros(4, np.int32)}, constants=weights, order=order,
               num_heads=heads, types=out, refused="a mask of one dimension", **ms)

    qkv = lambda b, s, l: {"q": f32(b, s, hidden), "k": f32(b, l, hidden), "v": f32(b, l, hidden)}
    calls = [qkv(2, 5, 7), qkv(1, 1, 4)]
    dims = {"q": ["b", "s", None], "k": ["b", "l", None], "v": ["b", "l", None]}
    mha = dict(num_heads=heads, types=out, **ms)
    yield Case("MultiHeadAttention", "MultiHeadAttention", calls, dims=dims, **mha)
    yield Case("MultiHeadAttention, biases", "MultiHeadAttention", calls, dims=dims, constants={"bias": f32(3 * hidden)}, **mha)
    padded = [{**c, "mask": (np.arange(c["k"].shape[1]) < 2).astype(np.int32)[None].repeat(c["k"].shape[0], 0)} for c in calls]
    yield Case("MultiHeadAttention, padding", "MultiHeadAttention", padded, dims={**dims, "mask": ["b", "l"]}, order=["q", "k", "v", "", "mask"], **mha)
    scored = {**calls[0], "more": f32(2, heads, 5, 7)}
    yield Case("MultiHeadAttention, a bias of the scores", "MultiHeadAttention", scored, order=["q", "k", "v", "", "", "more"], **mha)
    pasts = [{**qkv(b, s, s), "pk": f32(b, heads, p, 4), "pv": f32(b, heads, p, 4)} for b, s, p in [(2, 3, 4), (1, 1, 6)]]
    names = {**{k: ["b", "s", None] for k in "qkv"}, "pk": ["b", None, "p", None], "pv": ["b", None, "p", None]}
    yield Case("MultiHeadAttention, a past", "MultiHeadAttention", pasts, outputs=3, dims=names,
               order=["q", "k", "v", "", "", "", "pk", "pv"], **mha)
    yield Case("MultiHeadAttention, causal", "MultiHeadAttention", qkv(2, 5, 5), unidirectional=1, **mha)
    cross = {"q": f32(2, 3, hidden), "k": f32(2, heads, 6, 4), "v": f32(2, heads, 6, 4)}
    yield Case("MultiHeadAttention, keys by heads", "MultiHeadAttention", cross, **mha)

    def packed(x):
        q, k, v = np.moveaxis(x, 3, 0)
        return MultiHead(*(np.moveaxis(a, 2, 1) for a in (q, k, v)))

    def MultiHead(q, k, v):
        scores = q @ np.swapaxes(k, 2, 3) / np.sqrt(np.float32(q.shape[3]))
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        weights /= weights.sum(-1, keepdims=True)
        made = np.moveaxis(weights @ v, 1, 2)
        return [made.reshape(*made.shape[:2], -1)]

    def packed_keys(q, kv):
        k, v = np.moveaxis(kv, 3, 0)
        return MultiHead(np.moveaxis(q.reshape(*q.shape[:2], heads, -1), 2, 1), np.moveaxis(k, 2, 1), np.moveaxis(v, 2, 1))

    own = {**mha, "judges": None}
    yield Case("MultiHeadAttention, everything in one", "MultiHeadAttention", {"x": f32(2, 5, heads, 3, 4)}, **{**own, "judges": (packed,)})
    yield Case("MultiHeadAttention, keys and values in one", "MultiHeadAttention", {"q": f32(2, 3, hidden), "kv": f32(2, 5, heads, 2, 4)},
               **{**own, "judges": (packed_keys,)})
    yield Case("MultiHeadAttention, a bias that does not fit", "MultiHeadAttention", {**calls[0], "bias": np.float32(1)},
               refused="the bias must be a list", **mha)
    yield Case("MultiHeadAttention without keys", "MultiHeadAttention", {"q": f32(2, 3, hidden)}, refused="a key", **mha)

    cos, sin = (f(np.arange(32)[:, None] * 0.1 ** np.arange(4)[None]).astype(np.float32) for f in (np.cos, np.sin))
    caches = dict(cos=cos, sin=sin)
    for interleaved in (0, 1):
        rows = [{"x": f32(b, s, 24), "places": RNG.integers(0, 32, (b, s))} for b, s in [(2, 5), (1, 2)]]
        yield Case(f"RotaryEmbedding, interleaved {interleaved}", "RotaryEmbedding", rows, dims={"x": ["b", "s", None], "places": ["b", "s"]},
                   constants=caches, interleaved=interleaved, types=out, **ms)
        yield Case(f"RotaryEmbedding from a place on, interleaved {interleaved}", "RotaryEmbedding", {"x": f32(2, 3, 5, 8), "places": np.array([7])},
                   constants=caches, interleaved=interleaved, types=out, **ms)
    yield Case("RotaryEmbedding of a part", "RotaryEmbedding", {"x": f32(2, 5, 48), "places": RNG.integers(0, 32, (2, 5))}, constants=caches,
               num_heads=4, rotary_embedding_dim=8, types=out, **ms)


def group_query(Case):
    ms = dict(domain="com.microsoft", judges=("onnxruntime",), atol=2e-5, types={0: F32, 1: F32, 2: F32})
    heads, shared, size = 4, 2, 16
    cos, sin = (f(np.arange(32)[:, None] * 0.3 ** np.arange(8)[None]).astype(np.float32) for f in (np.cos, np.sin))

    def call(b, s, p, packed=False):
        wide = {"q": f32(b, s, (heads + 2 * shared) * size)} if packed else {"q": f32(b, s, heads * size), "k": f32(b, s, shared * size),
                                                                            "v": f32(b, s, shared * size)}
        return {**wide, "pk": f32(b, shared, p, size), "pv": f32(b, shared, p, size),
                "lengths": np.full(b, p + s - 1, np.int32), "total": np.array(p + s, np.int32)}

    dims = {"q": ["b", "s", None], "k": ["b", "s", None], "v": ["b", "s", None], "pk": ["b", None, "p", None], "pv": ["b", None, "p", None],
            "lengths": ["b"]}
    attributes = dict(num_heads=heads, kv_num_heads=shared)
    order = ["q", "k", "v", "pk", "pv", "lengths", "total"]
    # A prompt, then one token at a time: the cache grows by what is new.
    calls = [call(2, 5, 0), call(2, 1, 5), call(1, 1, 9)]
    all = lambda title, **more: Case(f"GroupQueryAttention{title}", "GroupQueryAttention", more.pop("calls", calls), outputs=3,
                                     dims=more.pop("dims", dims), order=more.pop("order", order), **attributes, **ms, **more)
    yield all("")
    yield all(", a scale and a soft cap", scale=0.3, softcap=2.0)
    yield all(", a window", local_window_size=3)
    yield all(", a smooth softmax", smooth_softmax=1)
    for interleaved in (0, 1):
        yield all(f", rotary, interleaved {interleaved}", do_rotary=1, rotary_interleaved=interleaved, order=[*order, "cos", "sin"],
                  constants=dict(cos=cos, sin=sin))
    packed = [call(2, 5, 0, True), call(2, 1, 5, True)]
    yield all(", packed", calls=packed, order=["q", "", "", *order[3:]], dims={k: v for k, v in dims.items() if k not in "kv"})
    yield all(", packed and rotary", calls=packed, order=["q", "", "", *order[3:], "cos", "sin"], constants=dict(cos=cos, sin=sin), do_rotary=1,
              dims={k: v for k, v in dims.items() if k not in "kv"})
    roomy = [{**call(2, 1, 12), "lengths": np.array([4, 9], np.int32), "total": np.array(10, np.int32)},
             {**call(1, 3, 8), "lengths": np.array([5], np.int32), "total": np.array(6, np.int32)}]

    def by_sequence(q, k, v, pk, pv, lengths, total):
        made = []
        for b, length in enumerate(lengths):
            split = lambda x: np.moveaxis(x.reshape(x.shape[0], -1, size), 1, 0)
            past = length + 1 - q.shape[1]
            keys, values = (np.concatenate([old[b, :, :past], split(new[b])], 1).repeat(heads // shared, 0) for old, new in [(pk, k), (pv, v)])
            scores = split(q[b]) @ np.swapaxes(keys, 1, 2) / np.sqrt(np.float32(size))
            scores[:, np.arange(past + q.shape[1]) > past + np.arange(q.shape[1])[:, None]] = -np.inf
            weights = np.exp(scores - scores.max(-1, keepdims=True))
            made.append(np.moveaxis(weights / weights.sum(-1, keepdims=True) @ values, 0, 1).reshape(q.shape[1], -1))
        return [np.stack(made)]

    # What is behind the new keys is not said.
    yield Case("GroupQueryAttention, a cache that is not full", "GroupQueryAttention", roomy, dims=dims, order=order, **attributes,
               **{**ms, "judges": (by_sequence,)})
    first = {k: v for k, v in call(2, 5, 0).items() if k not in ("pk", "pv")}
    yield all(", no past", calls=first, dims={}, order=["q", "k", "v", "", "", "lengths", "total"])
    yield Case("GroupQueryAttention, heads that do not fit", "GroupQueryAttention", first, outputs=3, num_heads=4, kv_num_heads=3,
               order=["q", "k", "v", "", "", "lengths", "total"], refused="num_heads and kv_num_heads are 4 and 3", **ms)


def cases(Case):
    for family in (fused, normalisations, attention, group_query):
        yield from family(Case)
