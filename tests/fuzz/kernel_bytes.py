"""Random functions of dequantised bytes: sums of products with constant weights, and what models put around them.

Scales are powers of two, so that every result is exact in f32 and compared to the bit.
"""

import numpy as np

from kernel_contractions import contraction_of
from kernel_parts import EDGES, epilogue
from kernel_text import Function, Value, wide
from kernel_windows import Window, begin, convolution, layout, ordered

DEPTHS = [4, 4, 8, 12, 16, 20, 32, 36, 64, 68, 100, 128, 130, 3, 7]  # mostly taken by fours


def constant(f, array, element):
    name = f.emit(f'arith.constant dense<"0x{array.tobytes().hex().upper()}"> : {f.type(array.shape, element)}')
    return Value(name, array.shape, element, lambda env: wide(array))


def dequantised(f, rng, value):
    """(q - zero point) * scale"""
    signed, zero, scale = rng.random() < 0.5, rng.choice([0, 0, 3, -7, -128, -128]), rng.choice([1.0, 0.5, 0.25])
    if not signed:
        zero = rng.choice([0, 128, 133])
    lines = [f"%w = arith.ext{'s' if signed else 'u'}i %x0 : i8 to i32"]
    wide = "%w"
    if zero:
        lines.append(f"%c = arith.subi %w, {f.constant(zero, 'i32')} : i32")
        wide = "%c"
    lines.append(f"%f = arith.sitofp {wide} : i32 to f32")
    lines.append(f"%r = arith.mulf %f, {f.constant(scale, 'f32')} : f32")

    def compute(env, q):
        bytes = q if signed else q.astype(np.uint8)
        return env.note((bytes.astype(np.float64) - zero) * scale, "f32")

    return f.elementwise([value], value.dims, "f32", lines, "%r", compute)


def weights(f, rng, dims, column, most):
    """Constant, dequantised; sometimes with a scale for each column."""
    numbers = np.random.default_rng(rng.randrange(2**32))
    array = constant(f, numbers.integers(-most, most + 1, dims).astype(np.int8), "i8")
    if rng.random() < 0.5:
        return narrowed(f, array)
    scales = constant(f, numbers.choice([0.5, 1.0, 2.0], dims[column]).astype(np.float32), "f32")
    letters = [f"i{n}" for n in range(len(dims))]
    lines = ["%w = arith.extsi %x0 : i8 to i32", "%f = arith.sitofp %w : i32 to f32", "%r = arith.mulf %f, %x1 : f32"]

    def compute(env):
        shape = [1] * len(dims)
        shape[column] = -1
        return env.note(env.of(array).astype(np.float64) * env.of(scales).reshape(shape), "f32")

    operands = [(array, letters), (scales, [letters[column]])]
    return f.generic(letters, [], operands, f.empty(dims, "f32"), lines, "%r", compute, letters)


def narrowed(f, array):
    lines = ["%w = arith.extsi %x0 : i8 to i32", "%r = arith.sitofp %w : i32 to f32"]
    return f.elementwise([array], array.dims, "f32", lines, "%r", lambda env, q: env.note(q.astype(np.float64), "f32"))


def quantised(f, rng, value):
    """Rounded, clamped, in bytes; sometimes dequantised again."""
    scale, zero = rng.choice([4.0, 16.0, 64.0]), rng.choice([0, 5, -128])
    constants = {n: f.constant(c, "f32") for n, c in dict(s=scale, z=zero, low=-128, high=127).items()}
    lines = [
        f"%q = arith.divf %x0, {constants['s']} : f32",
        "%t = math.roundeven %q : f32",
        f"%p = arith.addf %t, {constants['z']} : f32",
        f"%l = arith.maximumf %p, {constants['low']} : f32",
        f"%h = arith.minimumf %l, {constants['high']} : f32",
        "%i = arith.fptosi %h : f32 to i32",
        "%r = arith.trunci %i : i32 to i8",
    ]

    def compute(env, x):
        return np.clip(np.rint(x / scale) + zero, -128, 127).astype(np.int8)

    return f.elementwise([value], value.dims, "i8", lines, "%r", compute)


def ending(f, rng, value):
    if rng.random() < 0.3:
        f.whole = False  # halves and quarters may need more bits than an f16 has
        f.results = [epilogue(f, rng, value)]
        return f
    bytes = quantised(f, rng, value)
    f.results = [bytes if rng.random() < 0.6 else dequantised(f, rng, bytes)]
    return f


def product_of(f, rng, x, columns):
    """x, of rows `m`, with constant weights."""
    depth, turned = x.dims[-1], rng.random() < 0.5
    w = weights(f, rng, [columns, depth] if turned else [depth, columns], 0 if turned else 1, 20)
    f.sizes |= {"n": columns, "k": depth}
    a, b = Value(x.name, ["m", "k"], "f32", x.compute), Value(w.name, ["n", "k"] if turned else ["k", "n"], "f32", w.compute)
    made = contraction_of(f, rng, a, b, ["m", "n", "k"], ["k"], ["m", "n"], "f32")
    return Value(made.name, ["m", columns], "f32", made.compute)


def matmul_bytes(rng, name):
    f = Function(name, {"m": rng.choice(EDGES)}, {"m"} if rng.random() < 0.3 else set(), named=rng.random() < 0.7)
    f.far = True
    x = dequantised(f, rng, f.argument(["m", rng.choice(DEPTHS)], "i8"))
    columns = rng.choice(EDGES[1:])
    made = product_of(f, rng, x, columns)
    if rng.random() < 0.4:  # the next layer; a sum may read its bytes too
        again = dequantised(f, rng, quantised(f, rng, made))
        made = product_of(f, rng, again, columns)
        if rng.random() < 0.5:
            text = ["%r = arith.addf %x0, %x1 : f32"]
            made = f.elementwise([made, again], made.dims, "f32", text, "%r", lambda env, a, b: env.note(a + b, "f32"))
    return ending(f, rng, made)


def conv_bytes(rng, name):
    window = Window(rng, 2)
    f = begin(rng, name, 2, window, share=0.15)
    f.whole = f.far = True
    depthwise = rng.random() < 0.3
    inputs = rng.choice([4, 8, 12, 16, 20, 3, 5] if not depthwise else [4, 8, 16, 17, 33])
    outputs, groups = (inputs, inputs) if depthwise else (rng.choice([4, 8, 9, 16, 17, 20, 33]), 1)
    where = layout(rng)
    x = dequantised(f, rng, f.argument(ordered(["n", inputs, "s0", "s1"], where), "i8"))
    sizes = window.derive(f, ["s0", "s1"], ["o0", "o1"])
    w = weights(f, rng, [outputs, inputs // groups, *window.kernel], 0, 127 if depthwise else 20)
    return ending(f, rng, convolution(f, rng, x, window, outputs, groups, sizes, where, where, w))
