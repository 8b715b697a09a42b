"""Random functions with enough constant weights that --precision stores them in 16 bits. All numbers are whole and small: results
are exact, whatever the type."""

import numpy as np

from kernel_bytes import constant
from kernel_contractions import contraction_of
from kernel_parts import EDGES, finish
from kernel_text import Function, Value
from kernel_windows import Window, begin, convolution, layout, ordered

MOST = 100  # of what a second product reads: bf16 has all whole numbers up to 256


def whole(f, rng, dims):
    numbers = np.random.default_rng(rng.randrange(2**32))
    return constant(f, numbers.integers(-3, 4, dims).astype(np.float32), "f32")


def clamped(f, value):
    lines = [f"%h = arith.minimumf %x0, {f.constant(MOST, 'f32')} : f32", f"%r = arith.maximumf %h, {f.constant(-MOST, 'f32')} : f32"]
    return f.elementwise([value], value.dims, "f32", lines, "%r", lambda env, x: env.note(np.clip(x, -MOST, MOST), "f32"))


def product_of(f, rng, x, depth, columns):
    """x, of rows `m` and `depth`, with weights of their own."""
    turned = rng.random() < 0.5
    w = whole(f, rng, [columns, depth] if turned else [depth, columns])
    n, k = f"n{len(f.sizes)}", f"k{len(f.sizes)}"
    f.sizes |= {n: columns, k: depth}
    a, b = Value(x.name, ["m", k], "f32", x.compute), Value(w.name, [n, k] if turned else [k, n], "f32", w.compute)
    made = contraction_of(f, rng, a, b, ["m", n, k], [k], ["m", n], "f32")
    return Value(made.name, ["m", columns], "f32", made.compute)


def matmul_narrow(rng, name):
    f = Function(name, {"m": rng.choice(EDGES)}, {"m"} if rng.random() < 0.3 else set(), named=rng.random() < 0.7)
    f.narrow = True
    depth, columns = rng.choice([64, 65, 66, 98, 128, 200, 256]), rng.choice([64, 65, 72, 80, 100, 130])
    made = product_of(f, rng, f.argument(["m", depth], "f32"), depth, columns)
    if rng.random() < 0.4:
        made = product_of(f, rng, clamped(f, made), columns, 64)
    return finish(f, rng, made)


def conv_narrow(rng, name):
    window = Window(rng, rng.choice([1, 2, 2]))
    f = begin(rng, name, len(window.kernel), window, share=0.15)
    f.whole = f.narrow = True
    groups, where = rng.choice([1, 1, 1, 2]), layout(rng)
    inputs = rng.choice([8, 16, 17, 18, 32, 33])
    outputs = rng.choice([8, 16, 17, 20, 33])
    while inputs * outputs * groups * np.prod(window.kernel) < 4096:
        outputs *= 2
    spatial = [f"s{i}" for i in range(len(window.kernel))]
    x = f.argument(ordered(["n", inputs * groups, *spatial], where), "f32")
    sizes = window.derive(f, spatial, [f"o{i}" for i in range(len(spatial))])
    w = whole(f, rng, [outputs * groups, inputs, *window.kernel])
    return finish(f, rng, convolution(f, rng, x, window, outputs * groups, groups, sizes, where, where, w))
