#!/usr/bin/env python3
"""TOSA as a second source of the same kernels: tosa.py BUILD. Each case is a function of TOSA operations, at several
shapes and with sizes that only a call gives; what must come out is computed here with numpy, as TOSA's specification
says it."""

import shutil, sys

import numpy as np

from halcyon import Count, Tools

RNG = np.random.default_rng(11)
CASES = []  # (name, the function's text, [(inputs, expected)], relative tolerance)
NAMES = {"float32": "f32", "int32": "i32", "int8": "i8", "int16": "i16", "bool": "i1", "int64": "i64"}


def typed(array, dynamic=0):
    """The tensor's type; the first `dynamic` dimensions are not known."""
    dims = ["?" if axis < dynamic else str(size) for axis, size in enumerate(array.shape)]
    return f"tensor<{'x'.join([*dims, NAMES[str(array.dtype)]])}>"


def case(name, body, runs, dynamic=0, tolerance=1e-5, fixed=(), results=None):
    """`body`: {aN} and {rN} stand for the types of arguments and results. Arguments in `fixed` have no dynamic
    dimension; `results`: those of each result."""
    inputs, expected = runs[0]
    arguments = [typed(a, 0 if i in fixed else dynamic) for i, a in enumerate(inputs)]
    made = [typed(r, dynamic if results is None else results[i]) for i, r in enumerate(expected)]
    words = {**{f"a{i}": t for i, t in enumerate(arguments)}, **{f"r{i}": t for i, t in enumerate(made)}}
    for key, value in words.items():
        body = body.replace("{" + key + "}", value)
    lines = "\n".join("  " + line.strip() for line in body.strip().splitlines())
    signature = ", ".join(f"%{i}: {t}" for i, t in enumerate(arguments))
    returned = ", ".join(f"%y{i}" if len(made) > 1 else "%y" for i in range(len(made)))
    text = f"func.func @{name}({signature}) -> ({', '.join(made)}) {{\n{lines}\n  return {returned} : {', '.join(made)}\n}}\n"
    CASES.append((name, text, runs, tolerance))


def floats(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


def ints(low, high, *shape, dtype=np.int32):
    return RNG.integers(low, high, shape).astype(dtype)


def one(name, operation, function, *inputs, **options):
    """A case of one operation with one result."""
    operands = ", ".join(f"%{i}" for i in range(len(inputs[0])))
    types = ", ".join("{a%d}" % i for i in range(len(inputs[0])))
    word, _, attributes = operation.partition(" ")
    body = f"%y = tosa.{word} {operands} {attributes} : ({types}) -> {{r0}}"
    case(name, body, [(list(each), [function(*each)]) for each in inputs], **options)


# ---- convolutions, products ---------------------------------------------------------------------------


def windows(x, kernel, pad, stride, dilation, value=0):
    """[N, out..., kernel..., C] of an [N, spatial..., C]."""
    spatial = len(kernel)
    x = np.pad(x, [(0, 0), *[(pad[2 * i], pad[2 * i + 1]) for i in range(spatial)], (0, 0)], constant_values=value)
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilation)]
    view = np.lib.stride_tricks.sliding_window_view(x, reach, axis=tuple(range(1, spatial + 1)))
    view = view[(slice(None), *[slice(None, None, s) for s in stride], slice(None), *[slice(None, None, d) for d in dilation])]
    return np.moveaxis(view, spatial + 1, -1)


def convolved(x, w, b, pad, stride, dilation, zero=0):
    """w: [O, kernel..., C]."""
    spatial = w.ndim - 2
    wide = np.int64 if x.dtype == np.int8 else np.float64
    view = windows(x.astype(wide) - zero, w.shape[1:-1], pad, stride, dilation)
    made = np.tensordot(view, w.astype(wide), axes=(list(range(spatial + 1, 2 * spatial + 2)), list(range(1, spatial + 2))))
    return (made + b).astype(b.dtype)


def depthwise(x, w, b, pad, stride, dilation):
    """w: [KH, KW, C, M]."""
    view = windows(x.astype(np.float64), w.shape[:2], pad, stride, dilation)
    made = np.einsum("nhwijc,ijcm->nhwcm", view, w.astype(np.float64))
    return (made.reshape(*made.shape[:3], -1) + b).astype(np.float32)


def transposed(x, w, b, pad, stride, shape):
    made = np.zeros((shape[0], shape[1] + 64, shape[2] + 64, shape[3]))
    for iy in range(x.shape[1]):
        for ix in range(x.shape[2]):
            for ky in range(w.shape[1]):
                for kx in range(w.shape[2]):
                    y, at = iy * stride[0] + ky + pad[0], ix * stride[1] + kx + pad[2]
                    made[:, y + 32, at + 32] += x[:, iy, ix].astype(np.float64) @ w[:, ky, kx].T
    return (made[:, 32 : 32 + shape[1], 32 : 32 + shape[2]] + b).astype(np.float32)


def array(values):
    return f"array<i64: {', '.join(map(str, values))}>"


def convolutions():
    for number, (height, width, channels, out, kernel, pad, stride, dilation) in enumerate(
        [
            (8, 8, 3, 4, (3, 3), (1, 1, 1, 1), (1, 1), (1, 1)),
            (9, 7, 16, 32, (1, 1), (0, 0, 0, 0), (1, 1), (1, 1)),
            (13, 10, 5, 7, (3, 2), (0, 2, 1, 0), (2, 3), (2, 1)),
        ]
    ):
        w, b = floats(out, *kernel, channels), floats(out)
        attributes = f"{{pad = {array(pad)}, stride = {array(stride)}, dilation = {array(dilation)}}}"
        runs = [(floats(n, height, width, channels), w, b) for n in (1, 3)]
        one(f"conv2d_{number}", f"conv2d {attributes}", lambda *a: convolved(*a, pad, stride, dilation), *runs, dynamic=1,
            fixed=(1, 2))
        w, b = floats(*kernel, channels, 2), floats(channels * 2)
        runs = [(x, w, b) for x, _, _ in runs]
        one(f"depthwise_{number}", f"depthwise_conv2d {attributes}", lambda *a: depthwise(*a, pad, stride, dilation), *runs,
            dynamic=1, fixed=(1, 2))
    w, b = floats(4, 3, 2, 3, 5), floats(4)
    one("conv3d", f"conv3d {{pad = {array((1, 0, 0, 1, 1, 1))}, stride = {array((1, 2, 1))}, dilation = {array((1, 1, 2))}}}",
        lambda *a: convolved(*a, (1, 0, 0, 1, 1, 1), (1, 2, 1), (1, 1, 2)), (floats(2, 4, 6, 8, 5), w, b))
    for number, (pad, stride, shape) in enumerate([((0, 0, 0, 0), (2, 2), (2, 9, 9, 4)), ((1, 1, 0, 2), (1, 1), (2, 8, 8, 4)),
                                                   ((0, 0, 0, 0), (1, 3), (2, 6, 12, 4))]):
        one(f"transpose_conv2d_{number}",
            f"transpose_conv2d {{out_pad = {array(pad)}, out_shape = {array(shape)}, stride = {array(stride)}}}",
            lambda *a: transposed(*a, pad, stride, shape), (floats(2, 4, 4, 3), floats(4, 3, 3, 3), floats(4)))
    w, b = floats(6, 40), floats(6)
    one("fully_connected", "fully_connected", lambda x, w, b: (x.astype(np.float64) @ w.T + b).astype(np.float32),
        *[(floats(n, 40), w, b) for n in (1, 2, 17)], dynamic=1, fixed=(1, 2))
    for number, (m, k, n) in enumerate([(4, 8, 6), (1, 33, 20), (17, 5, 1)]):
        one(f"matmul_{number}", "matmul", lambda a, b: (a.astype(np.float64) @ b).astype(np.float32),
            *[(floats(batch, m, k), floats(batch, k, n)) for batch in (1, 3)], dynamic=1)


# ---- quantised ---------------------------------------------------------------------------------------


def scaled(value, multiplier, shift, double_round):
    value, multiplier, shift = (np.asarray(a, np.int64) for a in (value, multiplier, shift))
    rounding = np.int64(1) << (shift - 1)
    if double_round:
        rounding = np.where(shift > 31, rounding + np.where(value >= 0, 1 << 30, -(1 << 30)), rounding)
    return (value * multiplier + rounding) >> shift


def saturated(value, dtype):
    info = np.iinfo(dtype)
    return np.clip(value, info.min, info.max).astype(dtype)


def rescaled(x, multiplier, shift, zeros, dtype, double_round=True):
    return saturated(scaled(x.astype(np.int64) - zeros[0], multiplier, shift, double_round) + zeros[1], dtype)


def rescale(operand, result, multiplier, shift, zeros, types, per_channel=False):
    return (f"%{result} = tosa.rescale %{operand} {{double_round = true, scale32 = true, per_channel = {str(per_channel).lower()}, "
            f"input_zp = {zeros[0]} : i32, output_zp = {zeros[1]} : i32, multiplier = array<i32: {', '.join(map(str, multiplier))}>, "
            f"shift = array<i8: {', '.join(map(str, shift))}>}} : ({types[0]}) -> {types[1]}")


def average8(x, kernel, pad, stride, zeros):
    ones = windows(np.ones(x.shape, np.int64), kernel, pad, stride, (1, 1)).sum((3, 4))
    total = windows(x.astype(np.int64) - zeros[0], kernel, pad, stride, (1, 1)).sum((3, 4))
    bits = np.ceil(np.log2(np.maximum(ones, 1))).astype(np.int64)
    multiplier = (((1 << 30) + 1) << bits) // ones
    return saturated(scaled(total, multiplier, 30 + bits, False) + zeros[1], np.int8)


def quantised():
    multiplier, shift = [1073741824, 1173741825, 1373741824, 1473741824], [38, 38, 39, 37]
    w, b = ints(-127, 128, 4, 3, 3, 6, dtype=np.int8), ints(-1000, 1000, 4)
    pad, unit = (1, 1, 1, 1), (1, 1)
    body = f"""%c = tosa.conv2d %0, %1, %2 {{pad = {array(pad)}, stride = {array(unit)}, dilation = {array(unit)},
      quantization_info = #tosa.conv_quant<input_zp = 3, weight_zp = 0>}} : ({{a0}}, {{a1}}, {{a2}}) -> tensor<?x9x7x4xi32>
      {rescale("c", "y", multiplier, shift, (0, -3), ("tensor<?x9x7x4xi32>", "{r0}"), True)}"""
    runs = []
    for n in (1, 2):
        x = ints(-128, 128, n, 9, 7, 6, dtype=np.int8)
        runs.append(([x, w, b], [rescaled(convolved(x, w, b, pad, unit, unit, 3), multiplier, shift, (0, -3), np.int8)]))
    case("conv2d_int8", body, runs, dynamic=1, fixed=(1, 2), tolerance=0)
    one("matmul_int8", "matmul {quantization_info = #tosa.matmul_quant<a_zp = 1, b_zp = 2>}",
        lambda a, b: ((a.astype(np.int32) - 1) @ (b.astype(np.int32) - 2)).astype(np.int32),
        (ints(-128, 128, 2, 5, 24, dtype=np.int8), ints(-128, 128, 2, 24, 9, dtype=np.int8)), tolerance=0)
    one("fully_connected_int8", "fully_connected {quantization_info = #tosa.conv_quant<input_zp = 5, weight_zp = 1>}",
        lambda x, w, b: ((x.astype(np.int32) - 5) @ (w.astype(np.int32) - 1).T + b).astype(np.int32),
        (ints(-128, 128, 3, 24, dtype=np.int8), ints(-127, 128, 9, 24, dtype=np.int8), ints(-50, 50, 9)), tolerance=0)
    for name, zeros, source, target in [("rescale_32_8", (0, 5), np.int32, np.int8), ("rescale_8_8", (-4, 7), np.int8, np.int8),
                                        ("rescale_8_32", (9, 0), np.int8, np.int32)]:
        for number, (factor, by) in enumerate([(1073741824, 30), (1234567890, 33), (2147483647, 40)]):
            high = min(np.iinfo(source).max, 1 << 20)
            case(f"{name}_{number}", rescale("0", "y", [factor], [by], zeros, ("{a0}", "{r0}")),
                 [([x], [rescaled(x, factor, by, zeros, target)]) for x in [ints(-high, high, n, 13, dtype=source) for n in (1, 4)]],
                 dynamic=1, tolerance=0)
    for number, pad in enumerate([(0, 1, 0, 1), (1, 0, 1, 0)]):
        one(f"avg_pool2d_int8_{number}", f"avg_pool2d {{acc_type = i32, kernel = {array((3, 3))}, pad = {array(pad)}, "
            f"stride = {array((2, 2))}, quantization_info = #tosa.unary_quant<input_zp = 3, output_zp = -4>}}",
            lambda x: average8(x, (3, 3), pad, (2, 2), (3, -4)), (ints(-128, 128, 2, 8, 8, 5, dtype=np.int8),), tolerance=0)
    one("table_int8", "table", lambda x, t: t[x.astype(np.int32) + 128],
        *[(ints(-128, 128, n, 9, dtype=np.int8), ints(-128, 128, 256, dtype=np.int8)) for n in (1, 5)], dynamic=1, fixed=(1,),
        tolerance=0)

    def table16(x, t):
        at, part = (x.astype(np.int32) >> 7) + 256, x.astype(np.int32) & 127
        low, high = t[at].astype(np.int32), t[at + 1].astype(np.int32)
        return (low << 7) + (high - low) * part

    one("table_int16", "table", table16, (ints(-32768, 32768, 40, dtype=np.int16), ints(-32768, 32768, 513, dtype=np.int16)),
        tolerance=0)
    one("negate_int8", "negate {quantization_info = #tosa.unary_quant<input_zp = 3, output_zp = -5>}",
        lambda x: saturated(3 - 5 - x.astype(np.int32), np.int8), (ints(-128, 128, 4, 9, dtype=np.int8),), tolerance=0)


# ---- pools, reductions -------------------------------------------------------------------------------


def pools():
    for number, (kernel, pad, stride) in enumerate([((3, 3), (0, 1, 0, 1), (2, 2)), ((2, 4), (0, 0, 1, 1), (1, 3)),
                                                    ((8, 8), (0, 0, 0, 0), (1, 1))]):
        attributes = f"kernel = {array(kernel)}, pad = {array(pad)}, stride = {array(stride)}"
        inputs = [(floats(n, 8, 8, 5),) for n in (1, 3)]
        one(f"max_pool2d_{number}", f"max_pool2d {{{attributes}}}",
            lambda x: windows(x, kernel, pad, stride, (1, 1), -np.inf).max((3, 4)), *inputs, dynamic=1)
        one(f"avg_pool2d_{number}", f"avg_pool2d {{acc_type = f32, {attributes}}}",
            lambda x: (windows(x, kernel, pad, stride, (1, 1)).sum((3, 4))
                       / windows(np.ones_like(x), kernel, pad, stride, (1, 1)).sum((3, 4))).astype(np.float32), *inputs, dynamic=1)
    one("max_pool2d_int8", f"max_pool2d {{kernel = {array((3, 3))}, pad = {array((1, 1, 1, 1))}, stride = {array((1, 1))}}}",
        lambda x: windows(x, (3, 3), (1, 1, 1, 1), (1, 1), (1, 1), -128).max((3, 4)),
        (ints(-128, 128, 1, 8, 8, 3, dtype=np.int8),), tolerance=0)
    for axis in range(3):
        runs = [(floats(n, 4, 37),) for n in (1, 3)]
        sizes = dict(dynamic=1, results=(0 if axis == 0 else 1,))
        for word, function in [("sum", np.sum), ("max", np.max), ("min", np.min), ("prod", np.prod)]:
            one(f"reduce_{word}_{axis}", f"reduce_{word} {{axis = {axis} : i32}}", lambda x: function(x, axis, keepdims=True),
                *runs, **sizes)
        numbers = [(ints(-5, 6, n, 4, 37),) for n in (1, 3)]
        for word, function in [("sum", np.sum), ("max", np.max), ("min", np.min)]:
            one(f"reduce_{word}_int_{axis}", f"reduce_{word} {{axis = {axis} : i32}}",
                lambda x: function(x, axis, keepdims=True, **({"dtype": np.int32} if word == "sum" else {})), *numbers, **sizes)
        truths = [(RNG.random((n, 4, 37)) < limit,) for n, limit in [(1, 0.9), (3, 0.05)]]
        for word, function in [("all", np.all), ("any", np.any)]:
            one(f"reduce_{word}_{axis}", f"reduce_{word} {{axis = {axis} : i32}}", lambda x: function(x, axis, keepdims=True),
                *truths, **sizes)
        one(f"argmax_{axis}", f"argmax {{axis = {axis} : i32}}", lambda x: np.argmax(x, axis).astype(np.int32), *numbers,
            dynamic=1, results=(0 if axis == 0 else 1,), tolerance=0)


# ---- element by element ------------------------------------------------------------------------------


def elementwise():
    from math import erf

    x = [(floats(n, 7),) for n in (1, 5)]
    positive = [(np.abs(a) + np.float32(0.1),) for (a,) in x]
    for word, function, inputs in [
        ("sigmoid", lambda a: 1 / (1 + np.exp(-a)), x), ("tanh", np.tanh, x), ("abs", np.abs, x), ("ceil", np.ceil, x),
        ("cos", np.cos, x), ("exp", np.exp, x), ("floor", np.floor, x), ("log", np.log, positive), ("negate", np.negative, x),
        ("reciprocal", np.reciprocal, positive), ("rsqrt", lambda a: 1 / np.sqrt(a), positive), ("sin", np.sin, x),
        ("identity", lambda a: a, x), ("erf", np.vectorize(erf, otypes=[np.float32]), x),
    ]:
        one(word, word, lambda a: function(a).astype(np.float32), *inputs, dynamic=1)
    one("clamp", "clamp {min_fp = -0.5 : f32, max_fp = 0.25 : f32, min_int = 0 : i64, max_int = 0 : i64}",
        lambda a: np.clip(a, np.float32(-0.5), np.float32(0.25)), *x, dynamic=1)
    y = floats(1, 7)
    for word, function in [("add", np.add), ("sub", np.subtract), ("maximum", np.maximum), ("minimum", np.minimum),
                           ("greater", np.greater), ("greater_equal", np.greater_equal), ("equal", np.equal)]:
        one(word, word, function, *[(a, y) for (a,) in x], dynamic=1, fixed=(1,))
    one("mul", "mul {shift = 0 : i8}", np.multiply, *[(a, y) for (a,) in x], dynamic=1, fixed=(1,))
    one("pow", "pow", np.power, *[(a, y) for (a,) in positive], dynamic=1, fixed=(1,))

    big = [(ints(-1000, 1000, n, 7),) for n in (1, 5)]
    by, divisor = ints(1, 8, 1, 7), np.array([[3, -3, 7, -7, 1, -1, 2]], np.int32)
    bits = lambda a: a.view(np.uint32)
    for word, operation, function, other in [
        ("add_int", "add", np.add, by), ("sub_int", "sub", np.subtract, by), ("maximum_int", "maximum", np.maximum, by),
        ("minimum_int", "minimum", np.minimum, by), ("bitwise_and", "bitwise_and", np.bitwise_and, by),
        ("bitwise_or", "bitwise_or", np.bitwise_or, by), ("bitwise_xor", "bitwise_xor", np.bitwise_xor, by),
        ("int_div", "int_div", lambda a, b: np.trunc(a / b).astype(np.int32), divisor),
        ("logical_left_shift", "logical_left_shift", np.left_shift, by),
        ("logical_right_shift", "logical_right_shift", lambda a, b: (bits(a) >> bits(b)).view(np.int32), by),
        ("arithmetic_right_shift", "arithmetic_right_shift {round = false}", np.right_shift, by),
        ("rounding_right_shift", "arithmetic_right_shift {round = true}", lambda a, b: (a >> b) + ((a >> (b - 1)) & 1), by),
        ("mul_int", "mul {shift = 0 : i8}", np.multiply, by),
        ("mul_shift", "mul {shift = 3 : i8}", lambda a, b: ((a.astype(np.int64) * b + 4) >> 3).astype(np.int32), by),
        ("greater_int", "greater", np.greater, by), ("equal_int", "equal", np.equal, by),
    ]:
        one(word, operation, function, *[(a, other) for (a,) in big], dynamic=1, fixed=(1,), tolerance=0)
    leading = lambda a: np.vectorize(lambda v: 32 - int(v).bit_length(), otypes=[np.int32])(bits(a))
    for word, operation, function in [
        ("abs_int", "abs", np.abs), ("negate_int", "negate", np.negative), ("bitwise_not", "bitwise_not", np.invert), ("clz", "clz", leading),
        ("clamp_int", "clamp {min_fp = 0.0 : f32, max_fp = 0.0 : f32, min_int = -7 : i64, max_int = 300 : i64}",
         lambda a: np.clip(a, -7, 300)),
    ]:
        one(word, operation, function, *big, dynamic=1, tolerance=0)
    truths = [(RNG.random((n, 7)) < 0.5, RNG.random((n, 7)) < 0.5) for n in (1, 5)]
    for word, function in [("logical_and", np.logical_and), ("logical_or", np.logical_or), ("logical_xor", np.logical_xor)]:
        one(word, word, function, *truths, dynamic=1, tolerance=0)
    one("logical_not", "logical_not", np.logical_not, *[(a,) for a, _ in truths], dynamic=1, tolerance=0)
    case("select", "%y = tosa.select %0, %1, %2 : ({a0}, {a1}, {a2}) -> {r0}",
         [([c, a, y], [np.where(c, a, y)]) for (c, _), (a,) in zip(truths, x)], dynamic=1, fixed=(2,))
    odd = np.array([[0.5, 1.5, -0.5, -2.5, 300, -300, 127.4]], np.float32)
    one("cast_f32_i8", "cast", lambda a: saturated(np.rint(a), np.int8), (odd,), (np.tile(odd, (3, 1)) * 0.7,), dynamic=1, tolerance=0)
    one("cast_f32_i1", "cast", lambda a: a != 0, (np.array([[0, -0.0, 1, 0.25, np.nan]], np.float32),), tolerance=0)
    one("cast_i8_f32", "cast", lambda a: a.astype(np.float32), (ints(-128, 128, 2, 7, dtype=np.int8),))
    one("cast_i8_i32", "cast", lambda a: a.astype(np.int32), (ints(-128, 128, 2, 7, dtype=np.int8),), tolerance=0)
    one("cast_i1_i32", "cast", lambda a: a.astype(np.int32), (RNG.random((2, 7)) < 0.5,), tolerance=0)


# ---- movement ----------------------------------------------------------------------------------------


def constant(name, values):
    values = np.asarray(values, np.int32)
    kind = f"tensor<{'x'.join([*map(str, values.shape), 'i32'])}>"
    return f'%{name} = "tosa.const"() {{value = dense<{values.tolist()}> : {kind}}} : () -> {kind}', kind


def resized(x, scale, offset, border, mode):
    def places(size, n, d, off, edge):
        out = ((size - 1) * n - off + edge) // d + 1
        at = np.arange(out) * d + off
        low = at // n
        return np.clip(low, 0, size - 1), np.clip(low + 1, 0, size - 1), at - low * n

    y0, y1, ry = places(x.shape[1], *scale[:2], offset[0], border[0])
    x0, x1, rx = places(x.shape[2], *scale[2:], offset[1], border[1])
    if mode == "NEAREST_NEIGHBOR":
        return x[:, np.where(ry * 2 >= scale[0], y1, y0)][:, :, np.where(rx * 2 >= scale[2], x1, x0)]
    whole = x.dtype == np.int8
    wide = x.astype(np.int64 if whole else np.float64)
    down, right = ry[:, None, None], rx[None, :, None]
    made = ((wide[:, y0][:, :, x0] * (scale[2] - right) + wide[:, y0][:, :, x1] * right) * (scale[0] - down)
            + (wide[:, y1][:, :, x0] * (scale[2] - right) + wide[:, y1][:, :, x1] * right) * down)
    return made.astype(np.int32) if whole else (made / (scale[0] * scale[2])).astype(np.float32)


def movement():
    x = [(floats(n, 4, 5),) for n in (1, 3)]
    for axis in range(3):
        one(f"concat_{axis}", f"concat {{axis = {axis} : i32}}", lambda *a: np.concatenate(a, axis),
            *[(a, floats(*a.shape)) for (a,) in x], dynamic=1)
        one(f"reverse_{axis}", f"reverse {{axis = {axis} : i32}}", lambda a: np.flip(a, axis), *x, dynamic=1)
    for number, order in enumerate([(0, 2, 1), (2, 0, 1), (1, 2, 0)]):
        text, kind = constant("p", order)
        case(f"transpose_{number}", f"{text}\n%y = tosa.transpose %0, %p : ({{a0}}, {kind}) -> {{r0}}",
             [([a], [a.transpose(order)]) for (a,) in (x if order[0] == 0 else x[:1])], tolerance=0, dynamic=int(order[0] == 0))
    text, kind = constant("p", [[0, 0], [1, 2], [3, 0]])
    case("pad", f"""{text}
        %v = "tosa.const"() {{value = dense<2.5> : tensor<f32>}} : () -> tensor<f32>
        %y = tosa.pad %0, %p, %v : ({{a0}}, {kind}, tensor<f32>) -> {{r0}}""",
         [([a], [np.pad(a, [(0, 0), (1, 2), (3, 0)], constant_values=2.5)]) for (a,) in x], dynamic=1, tolerance=0)
    case("pad_zero", f"{text}\n%y = tosa.pad %0, %p : ({{a0}}, {kind}) -> {{r0}}",
         [([a], [np.pad(a, [(0, 0), (1, 2), (3, 0)])]) for (a,) in x], dynamic=1, tolerance=0)
    one("reshape", f"reshape {{new_shape = {array((-1, 2, 10))}}}", lambda a: a.reshape(-1, 2, 10), *x, dynamic=1, tolerance=0)
    one("slice", f"slice {{start = {array((0, 1, 2))}, size = {array((-1, 2, 3))}}}", lambda a: a[:, 1:3, 2:5], *x, dynamic=1,
        tolerance=0)
    one("tile", f"tile {{multiples = {array((2, 1, 3))}}}", lambda a: np.tile(a, (2, 1, 3)), *x, dynamic=1, tolerance=0)
    one("gather", "gather", lambda a, i: np.take_along_axis(a, i[:, :, None], 1),
        *[(floats(n, 6, 3), ints(0, 6, n, 4)) for n in (1, 3)], dynamic=1, tolerance=0)

    one("gather_outside", "gather", lambda a, i: np.take_along_axis(a, np.clip(i, 0, 5)[:, :, None], 1),
        (floats(2, 6, 3), np.array([[-1, 2**31 - 1, 2], [5, 6, -(2**31)]], np.int32)), tolerance=0)
    one("gather_any", "gather", lambda a, i: np.take_along_axis(a, np.clip(i, 0, a.shape[1] - 1)[:, :, None], 1),
        *[(floats(2, n, 3), np.array([[-1, 9, 1], [0, 1, 5]], np.int32)) for n in (2, 6)], dynamic=2,
        tolerance=0)

    def scattered(a, i, v):
        made, i = a.copy(), np.clip(i, 0, a.shape[1] - 1)
        np.put_along_axis(made, i[:, :, None], v, 1)
        return made

    one("scatter", "scatter", scattered,
        (floats(2, 6, 3), np.array([[5, 0, 2, 1], [3, 4, 0, 1]], np.int32), floats(2, 4, 3)), tolerance=0)
    one("scatter_outside", "scatter", scattered, (floats(1, 6, 3), np.array([[9, -4, 2]], np.int32), floats(1, 3, 3)), tolerance=0)
    for number, (scale, offset, border) in enumerate([((4, 2, 4, 2), (0, 0), (0, 0)), ((6, 4, 2, 2), (-1, 0), (1, 0)),
                                                      ((2, 4, 3, 5), (1, 0), (3, 2)), ((4, 2, 4, 2), (-1, -1), (1, 1))]):
        for mode in ("BILINEAR", "NEAREST_NEIGHBOR"):
            attributes = (f"resize {{scale = {array(scale)}, offset = {array(offset)}, border = {array(border)}, mode = \"{mode}\"}}")
            one(f"resize_{mode.lower()}_{number}", attributes, lambda a: resized(a, scale, offset, border, mode),
                *[(floats(n, 5, 6, 3),) for n in (1, 2)], dynamic=1)
            one(f"resize_{mode.lower()}_int8_{number}", attributes, lambda a: resized(a, scale, offset, border, mode),
                (ints(-128, 128, 1, 5, 6, 3, dtype=np.int8),), tolerance=0)


# ---- control flow, transforms, chains ----------------------------------------------------------------


def control_flow():
    case("cond_if", """
        %y = tosa.cond_if %0 -> ({a1}) {
          %s = tosa.add %1, %1 : ({a1}, {a1}) -> {a1}
          tosa.yield %s : {a1}
        } else {
          tosa.yield %1 : {a1}
        }""",
         [([np.array(c), a], [a + a if c else a]) for c, a in [(True, floats(4)), (False, floats(4))]])
    case("while_loop", """
        %n = "tosa.const"() {value = dense<6> : tensor<i32>} : () -> tensor<i32>
        %one = "tosa.const"() {value = dense<1> : tensor<i32>} : () -> tensor<i32>
        %w:2 = tosa.while_loop (%a = %0, %b = %1) : (tensor<i32>, {a1}) -> (tensor<i32>, {a1}) {
          %g = tosa.greater %n, %a : (tensor<i32>, tensor<i32>) -> tensor<i1>
          tosa.yield %g : tensor<i1>
        } do {
        ^bb0(%a: tensor<i32>, %b: {a1}):
          %d = tosa.add %b, %b : ({a1}, {a1}) -> {a1}
          %e = tosa.add %a, %one : (tensor<i32>, tensor<i32>) -> tensor<i32>
          tosa.yield %e, %d : tensor<i32>, {a1}
        }
        %y = tosa.identity %w#1 : ({a1}) -> {r0}""",
         [([np.array(start, np.int32), a], [a * np.float32(2 ** max(0, 6 - start))]) for start, a in [(0, floats(4)), (5, floats(4)), (9, floats(4))]])

    def parts(value):
        return [value.real.astype(np.float32), value.imag.astype(np.float32)]

    runs = [(floats(2, 4, 8),)]
    case("rfft2d", "%y0, %y1 = tosa.rfft2d %0 : ({a0}) -> ({r0}, {r1})", [([a], parts(np.fft.rfft2(a))) for (a,) in runs])
    for inverse in ("false", "true"):
        a, b = floats(2, 4, 8), floats(2, 4, 8)
        made = np.fft.fft2(a + 1j * b) if inverse == "false" else np.fft.ifft2(a + 1j * b) * 32
        case(f"fft2d_{inverse}", f"%y0, %y1 = tosa.fft2d %0, %1 {{inverse = {inverse}}} : ({{a0}}, {{a1}}) -> ({{r0}}, {{r1}})",
             [([a, b], parts(made))])


class Suite:
    def __init__(self, tools, count):
        self.tools, self.count = tools, count
        self.folder = tools.build / "e2e/tosa"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)

    def compile(self, level):
        """An artifact for each case that compiles: all in one file, or each alone where that fails."""
        source = self.folder / "all.mlir"
        source.write_text("".join(text for _, text, _, _ in CASES))
        target = self.folder / f"all{level}.hcm"
        error = self.tools.compile(source, target, "--target=cpu", level, seconds=900)
        if error is None:
            return {name: target for name, *_ in CASES}
        self.count.test(f"all at {level}", error)
        made = {}
        for name, text, _, _ in CASES:
            source = self.folder / f"{name}.mlir"
            source.write_text(text)
            target = self.folder / f"{name}{level}.hcm"
            error = self.tools.compile(source, target, "--target=cpu", level)
            if error:
                self.count.test(f"{name} at {level}", error)
            else:
                made[name] = target
        return made

    def check(self, level, artifacts):
        for name, _, runs, tolerance in CASES:
            if name not in artifacts:
                continue
            for number, (inputs, expected) in enumerate(runs):
                words = []
                for word, arrays in [("input", inputs), ("expect", expected)]:
                    for place, value in enumerate(arrays):
                        path = self.folder / f"{name}{number}.{word}{place}.npy"
                        np.save(path, np.asarray(value, order="C"))
                        words.append(f"--{word}=@{path}")
                done = self.tools.run("run", artifacts[name], f"--function={name}", f"--atol={tolerance}", *words)
                self.count.test(f"{name} at {level}, run {number}", done.error and f"{done.error} {done.out[:200]}")

    def refused(self, title, text, message):
        source = self.folder / "refused.mlir"
        source.write_text(text)
        done = self.tools.call([self.tools.halcyonc, source, "-o", source.with_suffix(".hcm"), "--target=cpu"])
        lines = done.err.strip().splitlines()
        good = done.status == 1 and len(lines) == 1 and message in lines[0]
        self.count.test(title, None if good else f"exit {done.status}, said {done.err.strip()[:300]!r}, expected {message!r}")


def refusals(s):
    s.refused("an operation without a lowering", """func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = tosa.custom %x {operator_name = "o", domain_name = "d", implementation_attrs = ""} : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
""", "refused.mlir:2:8: error: failed to legalize operation 'tosa.custom'")
    s.refused("a slice that leaves its tensor", """func.func @main(%x: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %0 = tosa.slice %x {start = array<i64: 0, 3>, size = array<i64: 3, 4>} : (tensor<3x4xf32>) -> tensor<3x4xf32>
  return %0 : tensor<3x4xf32>
}
""", "refused.mlir:2:8: error: 'tosa.slice': start 3 and size 4 leave dimension 1")
    s.refused("a resize by nothing", """func.func @main(%x: tensor<2x4x4x3xf32>) -> tensor<2x7x7x3xf32> {
  %0 = tosa.resize %x {scale = array<i64: 0, 2, 4, 2>, offset = array<i64: 0, 0>, border = array<i64: 0, 0>,
                       mode = "BILINEAR"} : (tensor<2x4x4x3xf32>) -> tensor<2x7x7x3xf32>
  return %0 : tensor<2x7x7x3xf32>
}
""", "refused.mlir:2:8: error: 'tosa.resize': scale needs four numbers from 1")
    s.refused("shapes that do not fit", """func.func @main(%x: tensor<3x4xf32>, %y: tensor<2x4xf32>) -> tensor<3x4xf32> {
  %0 = tosa.add %x, %y : (tensor<3x4xf32>, tensor<2x4xf32>) -> tensor<3x4xf32>
  return %0 : tensor<3x4xf32>
}
""", "refused.mlir:2:8: error: 'tosa.add' op operands don't have broadcast-compatible shapes")


def main(build):
    count = Count("tosa")
    for family in [convolutions, quantised, pools, elementwise, movement, control_flow]:
        family()
    s = Suite(Tools(build), count)
    for level in ("-O2", "-O0"):
        s.check(level, s.compile(level))
    refusals(s)
    return count.close()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
