"""Random functions of several layers: what layouts, packed weights and fusion act on."""

import numpy as np

from kernel_contractions import contraction_of, softmax_of
from kernel_parts import random_elementwise
from kernel_text import Function, Value
from kernel_windows import Window, convolution, pooling

FIRST = "channels_first"


def relu(f, value):
    zero = f.constant(0, value.element)
    return f.elementwise(
        [value],
        value.dims,
        value.element,
        [f"%r = arith.maximumf %x0, {zero} : {value.element}"],
        "%r",
        lambda env, x: np.maximum(x, 0),
    )


def sum_of(f, a, b):
    return f.elementwise(
        [a, b], a.dims, a.element, [f"%r = arith.addf %x0, %x1 : {a.element}"], "%r", lambda env, x, y: env.note(x + y, a.element)
    )


def scaled(f, value, factor):
    """Keeps the sums of many layers in range."""
    name = f.constant(factor, value.element)
    return f.elementwise(
        [value],
        value.dims,
        value.element,
        [f"%r = arith.mulf %x0, {name} : {value.element}"],
        "%r",
        lambda env, x: env.note(x * factor, value.element),
    )


def window_of(rng, kernel, stride):
    window = Window(rng, 2)
    window.kernel, window.strides, window.dilations = [kernel] * 2, [stride] * 2, [1, 1]
    window.low = window.high = [kernel // 2] * 2
    return window


def network(rng, name):
    """Two to four convolutions, channels first, with activations, residuals, pooling, concatenation, a head."""
    sizes = {"n": rng.choice([1, 1, 2]), "h0": rng.choice([4, 6, 7, 9, 14]), "w0": rng.choice([4, 7, 8, 14, 17])}
    dynamic = {"n"} if rng.random() < 0.3 else {"h0", "w0"} if rng.random() < 0.15 else set()
    f = Function(name, sizes, dynamic, named=True)
    f.least, f.whole, t = {"h0": 4, "w0": 4}, False, "f32"
    x = f.argument(["n", rng.choice([1, 3, 4, 8, 16]), "h0", "w0"], t)
    for layer in range(rng.choice([2, 2, 3, 4])):
        channels = x.dims[1]
        kernel, stride = rng.choice([1, 1, 3, 3, 5]), rng.choice([1, 1, 1, 2])
        deep = rng.random() < 0.25
        outputs = channels if deep else rng.choice([1, 3, 4, 8, 12, 16, 17, 24, 32])
        window = window_of(rng, kernel, stride)
        spatial = window.derive(f, x.dims[2:], [f"h{layer + 1}", f"w{layer + 1}"]) if stride > 1 else x.dims[2:]
        y = convolution(f, rng, x, window, outputs, channels if deep else 1, spatial, FIRST, FIRST)
        y = scaled(f, y, 0.25) if rng.random() < 0.5 else y
        kind = rng.choice(["relu", "relu", "random", "none"])
        y = relu(f, y) if kind == "relu" else random_elementwise(f, rng, [y], y.dims, t, 2) if kind == "random" else y
        if y.dims == x.dims and rng.random() < 0.6:
            y = sum_of(f, x, y)
        elif y.dims[2:] == x.dims[2:] and not dynamic and rng.random() < 0.3:
            y = joined(f, x, y)
        x = y
    if not dynamic and rng.random() < 0.3 and min(map(f.size, x.dims[2:])) >= 2:
        window = window_of(rng, 2, 2)
        window.low = window.high = [0, 0]
        out = [*x.dims[:2], *window.derive(f, x.dims[2:], ["hp", "wp"])]
        x = pooling(f, rng, x, window, out, rng.choice(["max", "average"]), FIRST)
    f.results = [head(f, rng, x)]
    return f


def joined(f, a, b):
    dims = [a.dims[0], a.dims[1] + b.dims[1], *a.dims[2:]]
    name = f.emit(
        f"tensor.concat dim(1) {a.name}, {b.name} : ({f.type(a.dims, a.element)}, {f.type(b.dims, a.element)}) -> {f.type(dims, a.element)}"
    )
    return type(a)(name, dims, a.element, lambda env: np.concatenate([env.of(a), env.of(b)], 1))


def head(f, rng, x):
    """Nothing, a transpose, or sums over the image with a dense layer and softmax."""
    kind, t = rng.choice(["none", "transpose", "dense", "dense"]), x.element
    if kind == "none":
        return x
    if kind == "transpose":
        dims = [x.dims[0], *x.dims[2:], x.dims[1]]
        y = f.op(
            "linalg.transpose",
            [x],
            f.empty(dims, t),
            lambda env: np.moveaxis(env.of(x), 1, -1),
            extra=" permutation = [0, 2, 3, 1]",
        )
        f.lines[-1] = f.lines[-1].rsplit(" -> ", 1)[0]
        return type(x)(y.name, dims, t, y.compute)

    def total(env):
        env.note(np.abs(env.of(x)).sum((2, 3)), t)
        return env.note(env.of(x).sum((2, 3)), t, True)

    channels = x.dims[1]
    y = f.generic(
        ["n", "c", "h", "w"],
        ["h", "w"],
        [(x, ["n", "c", "h", "w"])],
        f.fill(0, x.dims[:2], t),
        [f"%s = arith.addf %o, %x0 : {t}"],
        "%s",
        total,
        ["n", "c"],
    )
    f.sizes["c"], f.sizes["k"] = channels, rng.choice([1, 5, 10, 16, 33])
    y = type(x)(y.name, ["n", "c"], t, y.compute)
    w = f.weight(["c", "k"], t, rng)
    return contraction_of(f, rng, scaled(f, y, 0.0625), w, ["n", "k", "c"], ["c"], ["n", "k"], t)


def layers(rng, name):
    """Dense layers with biases, activations, normalisation."""
    names = ["m", "k0", "k1", "k2", "k3"]
    sizes = {n: rng.choice([1, 3, 8, 15, 16, 17, 32, 40, 64]) for n in names}
    f = Function(name, sizes, {"m"} if rng.random() < 0.4 else set(), named=True)
    f.whole, t = False, rng.choice(["f32", "f32", "f32", "f64"])
    x = f.argument(["m", "k0"], t)
    for layer in range(rng.choice([2, 3])):
        to = f"k{layer + 1}"
        w = f.weight([f"k{layer}", to] if rng.random() < 0.6 else [to, f"k{layer}"], t, rng)
        y = scaled(f, contraction_of(f, rng, x, w, ["m", to, f"k{layer}"], [f"k{layer}"], ["m", to], t), 0.25)
        if rng.random() < 0.7:
            bias = f.weight([to], t, rng)
            y = f.elementwise(
                [y, bias], y.dims, t, [f"%r = arith.addf %x0, %x1 : {t}"], "%r", lambda env, a, b: env.note(a + b, t)
            )
        kind = rng.choice(["relu", "random", "softmax", "none"])
        if kind == "softmax":
            before = y
            y = f.op(
                "nn.softmax",
                [before],
                f.empty(before.dims, t),
                lambda env, before=before: env.note(softmax_of(env.of(before), 1), t, True),
                "{axis = 1 : i64}",
            )
        else:
            y = relu(f, y) if kind == "relu" else random_elementwise(f, rng, [y], y.dims, t, 2) if kind == "random" else y
        x = y
    f.results = [x]
    return f


def steps(rng, name):
    """A recurrent layer: a state that a loop carries, gates cut out of a product, rows that are inserted."""
    sizes = {"t": rng.choice([1, 2, 5]), "b": rng.choice([1, 1, 2, 3, 9]), "h": rng.choice([1, 3, 8, 16, 17, 32])}
    sizes["g"] = 2 * sizes["h"]
    f = Function(name, sizes, rng.choice([(), (), "b", "t", "tb"]), named=True)
    f.whole, t = False, rng.choice(["f32", "f32", "f64"])
    x, start, w = f.argument(["t", "b", "g"], t), f.argument(["b", "h"], t), f.weight(["h", "g"], t, rng)
    # Constants are made before the loop, for it and for what follows.
    zero, one, to, eighth, half = (
        f.constant(0, "index"), f.constant(1, "index"), f.extent("t"), f.constant(0.125, t), f.constant(0.5, t),
    )
    batch = f.extent("b") if "b" in f.dynamic else f.size("b")
    state, gates, rows = f.type(["b", "h"], t), f.type(["b", "g"], t), f.type(["t", "b", "h"], t)
    made, loop, i, all = f.empty(["t", "b", "h"], t), f.fresh(), f.fresh(), f.fresh()
    now = Value(f.fresh(), ["b", "h"], t, None)
    f.lines.append(
        f"{loop}:2 = scf.for {i} = {zero} to {to} step {one} iter_args({now.name} = {start.name}, {all} = {made.name})"
        f" -> ({state}, {rows}) {{"
    )
    row = f.emit(
        f"tensor.extract_slice {x.name}[{i}, 0, 0] [1, {batch}, {f.size('g')}] [1, 1, 1] : {f.type(x.dims, t)} to {gates}"
    )
    product = f.generic(
        ["m", "n", "k"],
        ["k"],
        [(now, ["m", "k"]), (w, ["k", "n"])],
        Value(row, ["b", "g"], t, None),
        [f"%p = arith.mulf %x0, %x1 : {t}", f"%s = arith.addf %o, %p : {t}"],
        "%s",
        None,
        ["m", "n"],
    )
    parts = [
        Value(
            f.emit(
                f"tensor.extract_slice {product.name}[0, {n * f.size('h')}] [{batch}, {f.size('h')}] [1, 1] : {gates} to {state}"
            ),
            ["b", "h"],
            t,
            None,
        )
        for n in range(2)
    ]
    body = [f"%c{n} = arith.mulf %x{n + 1}, {eighth} : {t}" for n in range(2)]
    body += [f"%d{n} = math.tanh %c{n} : {t}" for n in range(2)]
    body += [f"%e = arith.mulf %d0, %d1 : {t}", f"%f = arith.mulf %x0, {half} : {t}", f"%r = arith.addf %e, %f : {t}"]
    after = f.elementwise([now, *parts], ["b", "h"], t, body, "%r", None)
    inserted = f.emit(
        f"tensor.insert_slice {after.name} into {all}[{i}, 0, 0] [1, {batch}, {f.size('h')}] [1, 1, 1] : {state} into {rows}"
    )
    f.lines += [f"scf.yield {after.name}, {inserted} : {state}, {rows}", "}"]

    def run(env):
        each, h = [env.of(start)], env.of(start).shape[1]
        for part in env.of(x):
            z = env.note(part + each[-1] @ env.of(w), t) * 0.125
            each.append(env.note(np.tanh(z[:, :h]) * np.tanh(z[:, h:]) + 0.5 * each[-1], t, True))
        return each

    f.results = [
        Value(f"{loop}#0", ["b", "h"], t, lambda env: run(env)[-1]),
        Value(f"{loop}#1", ["t", "b", "h"], t, lambda env: np.array(run(env)[1:]).reshape(len(env.of(x)), *env.of(start).shape)),
    ]
    return f
