"""Reductions so long, to so few results, that several workgroups share each: parts of them, and one of these. And attention to
so many keys that their scores come in blocks."""
import numpy as np

LONG = 1 << 19
rng = np.random.default_rng(5)


def numbers(*shape):
    return rng.standard_normal(shape, dtype=np.float32)


def by(function):
    """A judge that computes in f64."""
    def wide(**call):
        return [np.asarray(function(*[a.astype(np.float64) if a.dtype.kind == "f" else a for a in call.values()])).astype(call["a"].dtype)]
    return wide


def cases(Case):
    def case(title, op, call, function, **more):
        return Case(title, op, call, judges=(by(function),), atol=3e-5, types={0: 6 if call["a"].dtype == np.int32 else 1}, **more)

    for title, m, k, n in [("a vector by a matrix of few columns", 1, 1 << 17, 8), ("few rows by few columns", 5, 3 << 15, 7),
                           ("a length that has few divisors", 2, 7 * 9311, 9), ("a length that has none", 2, 65537, 8),
                           ("one by one", 1, LONG + 16, 1)]:
        a, b = numbers(m, k), numbers(k, n)
        yield case(f"MatMul of {title}", "MatMul", {"a": a, "b": b}, np.matmul)
        yield case(f"Gemm of {title}, turned weights", "Gemm", {"a": a}, lambda a, w=b: a @ w, constants={"b": np.ascontiguousarray(b.T)}, transB=1)
    x = numbers(LONG)
    yield case("Gemm that adds to its product", "Gemm", {"a": x.reshape(4, -1), "b": numbers(LONG // 4, 4), "c": numbers(4)},
               lambda a, b, c: 2 * (a @ b) + 3 * c, alpha=2.0, beta=3.0)
    for op, function in [("ReduceSum", np.sum), ("ReduceMean", np.mean), ("ReduceMax", np.max), ("ReduceMin", np.min),
                         ("ReduceL1", lambda a, **k: np.abs(a).sum(**k)), ("ReduceSumSquare", lambda a, **k: np.square(a).sum(**k))]:
        yield case(f"{op} of all", op, {"a": x}, function, keepdims=0)
        yield case(f"{op} of columns", op, {"a": x.reshape(-1, 16)}, lambda a, f=function: f(a, axis=0), constants={"axes": np.asarray([0])}, keepdims=0)
        yield case(f"{op} of two rows", op, {"a": x.reshape(2, -1)}, lambda a, f=function: f(a, axis=1), constants={"axes": np.asarray([1])}, keepdims=0)
    lost = x.copy()
    lost[LONG // 3] = np.nan
    yield case("ReduceMax of all, one of which is NaN", "ReduceMax", {"a": lost}, np.max, keepdims=0)
    yield case("ReduceSum of integers, which wrap", "ReduceSum", {"a": rng.integers(-(2**31), 2**31, LONG).astype(np.int32)},
               lambda a: a.sum(dtype=np.int32), keepdims=0)
    yield case("ReduceProd of ones and twos", "ReduceProd", {"a": np.where(np.arange(LONG) % (LONG // 8) == 1, 2, 1).astype(np.float32)}, np.prod, keepdims=0)
    yield case("Softmax of one row", "Softmax", {"a": x}, lambda a: np.exp(a - a.max()) / np.exp(a - a.max()).sum(), axis=0)
    yield from attentions(Case)


def attention(mask, q, k, v):
    scores = q.astype(np.float64) @ k.astype(np.float64).swapaxes(-1, -2) / np.sqrt(q.shape[-1]) + mask
    parts = np.exp(scores - scores.max(-1, keepdims=True))
    return [(parts @ v.astype(np.float64) / parts.sum(-1, keepdims=True)).astype(np.float32)]


def attentions(Case):
    """Of more keys than are held at once: rows that see all of them, only late or early ones, one, or a NaN."""
    for keys in (3012, 4096, 9000):
        q, k, v = numbers(1, 2, 40, 16), numbers(1, 2, keys, 16), numbers(1, 2, keys, 24)
        k[..., 5:9, :] *= 30  # the largest scores come first, for some rows, and for others in the last block
        k[..., -3:, :] *= 25
        mask = np.zeros((40, keys), np.float32)
        mask[1, :1200], mask[2, :-1], mask[3, 1:], mask[4, 600:2500], mask[5, 1::2] = [-np.inf] * 5
        mask[6:20] = np.where(np.arange(keys) > 150 * np.arange(6, 20)[:, None], -np.inf, 0)
        lost = q.copy()
        lost[0, 1, 7] = np.nan
        for title, queries, more in [("", q, mask), (", one of whose queries is NaN", lost, mask), (", by one query", q[:, :, :1], mask[:1])]:
            call = {"q": queries, "k": k, "v": v, "mask": more}
            def known(q, k, v, mask):
                return attention(mask, q, k, v)
            yield Case(f"Attention to {keys} keys{title}", "Attention", call, judges=(known,), atol=3e-5, types={0: 1})
