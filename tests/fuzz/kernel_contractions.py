"""Random functions of sums of products, and what attention has between two of them."""

import numpy as np

from kernel_parts import EDGES, element, finish, start
from kernel_text import ADD, MUL, TYPES

ACCUMULATOR = {"i8": "i32", "f16": "f32"}


def product(env, text, a, b, t, to, positions):
    """Sums of products, in `to`; how large a partial sum may be is noted."""
    if to[0] == "i":
        return np.einsum(text, a.astype(TYPES[to]), b.astype(TYPES[to]))
    if a.size and b.size:
        env.note(np.array(np.abs(a[np.isfinite(a)]).max(initial=0) * np.abs(b[np.isfinite(b)]).max(initial=0) * positions), to)
    return env.note(np.einsum(text, a, b, optimize=True), to)


def widen(t, to, name, lines):
    if t == to:
        return name
    lines.append(f"{name}w = arith.{'extsi' if t[0] == 'i' else 'extf'} {name} : {t} to {to}")
    return name + "w"


def contraction_of(f, rng, a, b, loops, reductions, out, to):
    """A generic over `loops`; the operands' and the result's dims are loops' names."""
    t = a.element
    letters = {d: d for d in loops}
    code = {d: chr(97 + i) for i, d in enumerate(loops)}
    text = ",".join("".join(code[d] for d in v.dims) for v in (a, b)) + "->" + "".join(code[d] for d in out)
    lines = []
    x, y = widen(t, to, "%x0", lines), widen(t, to, "%x1", lines)
    lines += [f"%p = {MUL[to[0]]} {x}, {y} : {to}", f"%s = {ADD[to[0]]} %o, %p : {to}"]
    init, initial = f.fill(0, out, to), None
    if rng.random() < 0.15:
        initial = f.argument(out, to)
        init = initial

    def compute(env):
        x, y = env.of(a), env.of(b)
        extents = dict(zip([*a.dims, *b.dims], [*x.shape, *y.shape]))
        positions = int(np.prod([extents[d] for d in reductions]))
        total = product(env, text, x, y, t, to, positions)
        return total if initial is None else env.note(total + env.of(initial), to)

    order = loops[:]
    if rng.random() < 0.3:
        rng.shuffle(order)
    return f.generic(
        order,
        reductions,
        [(a, [letters[d] for d in a.dims]), (b, [letters[d] for d in b.dims])],
        init,
        lines,
        "%s",
        compute,
        [letters[d] for d in out],
    )


def softmax_of(x, axis):
    if not x.size:
        return x
    power = np.exp(x - x.max(axis, keepdims=True))
    return power / power.sum(axis, keepdims=True)


def matmul(rng, name):
    batch = ["b"] if rng.random() < 0.4 else []
    f = start(rng, name, batch + ["m", "n", "k"], EDGES)
    if batch:
        f.sizes["b"] = rng.choice([1, 2, 3])
    t = element(rng)
    to = ACCUMULATOR.get(t, t) if rng.random() < 0.8 else t
    left, right = batch + ["m", "k"], batch + ["k", "n"]
    for dims, share in [(left, 0.2), (right, 0.4)]:
        if rng.random() < share:
            dims[-1], dims[-2] = dims[-2], dims[-1]
    if batch and rng.random() < 0.2:
        right = right[1:]
    out = batch + ["m", "n"]
    if rng.random() < 0.15:
        rng.shuffle(out)
    f.whole = rng.random() < 0.6
    a, b = f.argument(left, t), f.weight(right, t, rng)
    return finish(f, rng, contraction_of(f, rng, a, b, batch + ["m", "n", "k"], ["k"], out, to))


NAMED = {
    "matmul": ("mk", "kn", "mn"),
    "matmul_transpose_a": ("km", "kn", "mn"),
    "matmul_transpose_b": ("mk", "nk", "mn"),
    "batch_matmul": ("bmk", "bkn", "bmn"),
    "batch_matmul_transpose_b": ("bmk", "bnk", "bmn"),
    "batch_matmul_transpose_a": ("bkm", "bkn", "bmn"),
    "matvec": ("mk", "k", "m"),
    "vecmat": ("k", "kn", "n"),
    "batch_matvec": ("bmk", "bk", "bm"),
    "dot": ("k", "k", ""),
}


def matmul_named(rng, name):
    op = rng.choice(list(NAMED))
    left, right, out = map(list, NAMED[op])
    f = start(rng, name, sorted({*left, *right}), EDGES)
    if "b" in f.sizes:
        f.sizes["b"] = rng.choice([1, 2, 3])
    t = element(rng)
    to = ACCUMULATOR.get(t, t) if rng.random() < 0.8 else t
    f.whole = rng.random() < 0.6
    a, b = f.argument(left, t), f.weight(right, t, rng)
    text = f"{''.join(left)},{''.join(right)}->{''.join(out)}"

    def compute(env):
        x, y = env.of(a), env.of(b)
        return product(env, text, x, y, t, to, x.shape[left.index("k")])

    return finish(f, rng, f.op(f"linalg.{op}", [a, b], f.fill(0, out, to), compute))


def contraction(rng, name):
    """Any operands: several reduced, kept and batch dimensions."""
    names = ["b0", "m0", "m1", "n0", "n1", "k0", "k1"]
    chosen = [n for n in names if n in ("m0", "n0", "k0") or rng.random() < 0.35]
    f = start(rng, name, chosen, [1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 20, 33], 0.2)
    t = element(rng)
    to = ACCUMULATOR.get(t, t)
    left = [n for n in chosen if n[0] in "bmk"]
    right = [n for n in chosen if n[0] in "bnk"]
    out = [n for n in chosen if n[0] in "bmn"]
    for dims in (left, right, out):
        if rng.random() < 0.3:
            rng.shuffle(dims)
    f.whole = rng.random() < 0.6
    a, b = f.argument(left, t), f.weight(right, t, rng)
    return finish(f, rng, contraction_of(f, rng, a, b, chosen, [n for n in chosen if n[0] == "k"], out, to))


def attention(rng, name):
    """softmax(q k * scale + mask) v, of heads or of one; keys as rows or as columns; what follows turns it, or adds."""
    heads = ["h"] if rng.random() < 0.8 else []
    f = start(rng, name, heads + ["q", "s", "d", "e"], [1, 3, 7, 8, 16, 17, 33, 48, 64, 97, 130], 0.25)
    if heads:
        f.sizes["h"] = rng.choice([1, 2, 4])
    f.whole = False
    t = rng.choice(["f32", "f32", "f32", "f64"])
    keys = heads + rng.choice([["s", "d"], ["d", "s"]])
    q, k, v = f.argument(heads + ["q", "d"], t), f.argument(keys, t), f.argument(heads + ["s", "e"], t)
    scores = contraction_of(f, rng, q, k, heads + ["q", "s", "d"], ["d"], heads + ["q", "s"], t)
    scale = f.constant(0.125, t)
    inputs, lines = [scores], [f"%r0 = arith.mulf %x0, {scale} : {t}"]
    if rng.random() < 0.5:
        inputs.append(f.argument(rng.choice([["q", "s"], ["s"]]), t))
        lines.append(f"%r1 = arith.addf %r0, %x1 : {t}")
    scaled = f.elementwise(
        inputs, scores.dims, t, lines, f"%r{len(lines) - 1}", lambda env, x, *mask: env.note(sum(mask, x * 0.125), t)
    )
    weights = f.op(
        "nn.softmax",
        [scaled],
        f.empty(scaled.dims, t),
        lambda env: env.note(softmax_of(env.of(scaled), -1), t, True),
        f"{{axis = {len(heads) + 1} : i64}}",
    )
    result = contraction_of(f, rng, weights, v, heads + ["q", "e", "s"], ["s"], heads + ["q", "e"], t)
    if heads and rng.random() < 0.4:
        result = f.elementwise([result], ["q", "h", "e"], t, [], "%x0", lambda env, x: x)
    return finish(f, rng, result)
