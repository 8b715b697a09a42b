"""The kinds of random functions. Each takes (rng, name) and gives a Function with `results` set."""

import itertools

import numpy as np

from kernel_bytes import conv_bytes, matmul_bytes
from kernel_contractions import attention, contraction, matmul, matmul_named, softmax_of
from kernel_narrow import conv_narrow, matmul_narrow
from kernel_networks import layers, network, steps
from kernel_parts import EDGES, SMALL, element, finish, random_elementwise, start
from kernel_text import ADD, MUL, TYPES, spread
from kernel_windows import conv, conv_named, conv_pool, conv_transpose, depthwise, pool, pool_named


# ---- rows --------------------------------------------------------------------------------------------


def softmax(rng, name):
    rank = rng.choice([1, 2, 2, 3, 4])
    dims = [f"d{i}" for i in range(rank)]
    f = start(rng, name, dims, SMALL if rank > 2 else EDGES)
    f.whole = False
    t = element(rng, integers=False)
    axis = rng.randrange(rank)
    x = f.argument(dims, t)
    log = rng.random() < 0.3

    def compute(env):
        y = softmax_of(env.of(x), axis)
        return env.note(np.log(np.maximum(y, 1e-300)) if log else y, t, True)

    if not log and t != "f16" and rng.random() < 0.2:
        return finish(f, rng, f.op("linalg.softmax", [x], f.empty(dims, t), compute, f"dimension({axis})"))
    return finish(f, rng, f.op("nn.softmax", [x], f.empty(dims, t), compute, f"{{axis = {axis} : i64{', log' if log else ''}}}"))


def layer_norm(rng, name):
    rank = rng.choice([2, 2, 3, 3, 4])
    dims = [f"d{i}" for i in range(rank)]
    f = start(rng, name, dims, SMALL if rank > 2 else EDGES)
    f.whole = False
    t = rng.choice(["f32", "f32", "f32", "f64", "f16"])
    axis = rng.randrange(1, rank)
    x = f.argument(dims, t)
    extra = [f.weight(dims[axis:], t, rng) for _ in range(rng.choice([0, 1, 2, 2]))]
    over = tuple(range(axis, rank))

    def compute(env):
        a = env.of(x)
        centred = a - a.mean(over, keepdims=True)
        root = np.sqrt((centred**2).mean(over, keepdims=True) + np.float32(1e-5))
        y = env.note(centred / root, t, True)
        env.largest *= max(1.0, float((np.abs(a).max(over, keepdims=True) / root).max(initial=1.0)))  # what cancels is magnified
        for operation, value in zip([np.multiply, np.add], extra):
            y = operation(y, spread(env.of(value), value.dims, dims))
        return env.note(y, t, True)

    names = x.name + (f", {extra[0].name}" if extra else "") + (f" bias {extra[1].name}" if len(extra) == 2 else "")
    types = (
        f.type(dims, t)
        + (f", {f.type(dims[axis:], t)}" if extra else "")
        + (f" bias {f.type(dims[axis:], t)}" if len(extra) == 2 else "")
    )
    init = f.empty(dims, t)
    result = f.emit(
        f"nn.layer_norm ins({names} : {types}) outs({init.name} : {f.type(dims, t)}) {{axis = {axis} : i64, epsilon = 1.0e-5 : f32}}"
    )
    y = type(x)(result, dims, t, compute)
    return finish(f, rng, y)


# ---- elementwise and reductions ----------------------------------------------------------------------


def elementwise(rng, name):
    """A chain of generics with broadcast and permuted operands."""
    rank = rng.choice([1, 2, 2, 3, 3, 4])
    dims = [f"d{i}" for i in range(rank)]
    f = start(rng, name, dims, SMALL if rank > 2 else EDGES)
    t = element(rng)
    f.whole = rng.random() < 0.3
    f.special = t in ("f32", "f64") and not f.whole and rng.random() < 0.25
    values = [f.argument(dims, t)]
    for _ in range(rng.choice([1, 1, 2, 2, 3])):
        ins = [values[-1]]
        for _ in range(rng.choice([0, 1, 1, 2])):
            if len(values) > 1 and rng.random() < 0.3:
                ins.append(rng.choice(values))
                continue
            some = [d for d in dims if rng.random() < 0.6]
            if rng.random() < 0.4:
                rng.shuffle(some)
            ins.append(f.weight(some, t, rng))
        order = dims[:]
        if rng.random() < 0.25:
            rng.shuffle(order)
        values.append(random_elementwise(f, rng, ins, order, t, rng.choice([0, 1, 2, 3])))
    f.results = values[-1:] if rng.random() < 0.8 or len(values) < 3 else [values[-1], values[-2]]
    return f


def reduction(rng, name):
    rank = rng.choice([1, 2, 2, 3, 3, 4])
    dims = [f"d{i}" for i in range(rank)]
    f = start(rng, name, dims, SMALL if rank > 2 else EDGES)
    t = element(rng)
    f.whole = rng.random() < 0.6
    subsets = [s for n in range(1, rank + 1) for s in itertools.combinations(range(rank), n)]
    axes = rng.choice(subsets)
    out = [d for i, d in enumerate(dims) if i not in axes]
    kind = rng.choice(["add", "add", "max", "min", "mean"] + (["or", "xor", "mul"] if t[0] == "i" else []))
    f.special = kind in ("max", "min") and t in ("f32", "f64") and rng.random() < 0.3
    x = f.argument(dims, t)
    if rng.random() < 0.4:
        x = random_elementwise(f, rng, [x], dims, t, rng.choice([1, 2]))
    floating = t[0] == "f"
    lowest, highest = (-np.inf, np.inf) if floating else (np.iinfo(TYPES[t]).min, np.iinfo(TYPES[t]).max)
    text, operation, first = {
        "add": (ADD[t[0]], np.sum, 0),
        "mean": (ADD[t[0]], np.sum, 0),
        "mul": (MUL[t[0]], np.prod, 1),
        "max": ("arith.maximumf" if floating else "arith.maxsi", np.max, lowest),
        "min": ("arith.minimumf" if floating else "arith.minsi", np.min, highest),
        "or": ("arith.ori", np.bitwise_or.reduce, 0),
        "xor": ("arith.xori", np.bitwise_xor.reduce, 0),
    }[kind]

    def compute(env):
        a = env.of(x)
        if operation in (np.sum, np.prod):
            if floating:
                env.note(np.abs(a).sum(axes), t)
                return env.note(a.sum(axes), t)
            return operation(a, axis=axes, dtype=a.dtype)
        if not all(a.shape[axis] for axis in axes):
            return np.full([n for i, n in enumerate(a.shape) if i not in axes], first, a.dtype)
        return operation(a, axis=axes)

    reduced = [d for i, d in enumerate(dims) if i in axes]
    order = dims[:]
    if rng.random() < 0.3:
        rng.shuffle(order)
    letters = {d: f"i{d[1:]}" for d in dims}
    y = f.generic(
        [letters[d] for d in order],
        [letters[d] for d in reduced],
        [(x, [letters[d] for d in dims])],
        f.fill(first, out, t),
        [f"%s = {text} %o, %x0 : {t}"],
        "%s",
        compute,
        [letters[d] for d in out],
    )
    if kind == "mean" and floating and out:
        factor = f.constant(0.0625, t)
        y = f.elementwise([y], out, t, [f"%r = arith.mulf %x0, {factor} : {t}"], "%r", lambda env, a: env.note(a * 0.0625, t))
    return finish(f, rng, y)


def argmax(rng, name):
    """Two results of one reduction."""
    f = start(rng, name, ["m", "n"], EDGES)
    f.whole, t = True, rng.choice(["f32", "f32", "i32"])
    x = f.argument(["m", "n"], t)
    low = f.fill(-np.inf if t == "f32" else -(2**31), ["m"], t)
    zero = f.fill(0, ["m"], "i64")
    greater = f"arith.cmpf ogt, %x, %m : {t}" if t == "f32" else f"arith.cmpi sgt, %x, %m : {t}"
    a, b, c = f.type(["m", "n"], t), f.type(["m"], t), f.type(["m"], "i64")
    result = f.fresh()
    f.lines.append(
        f"""{result}:2 = linalg.generic {{indexing_maps = [affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> (m)>, affine_map<(m, n) -> (m)>], iterator_types = ["parallel", "reduction"]}} ins({x.name} : {a}) outs({low.name}, {zero.name} : {b}, {c}) {{
  ^bb0(%x: {t}, %m: {t}, %at: i64):
    %n = linalg.index 1 : index
    %here = arith.index_cast %n : index to i64
    %c = {greater}
    %r = arith.select %c, %x, %m : {t}
    %s = arith.select %c, %here, %at : i64
    linalg.yield %r, %s : {t}, i64
  }} -> ({b}, {c})"""
    )
    largest = type(x)(f"{result}#0", ["m"], t, lambda env: env.of(x).max(1))
    where = type(x)(f"{result}#1", ["m"], "i64", lambda env: env.of(x).argmax(1))
    f.results = [where] if rng.random() < 0.5 else [where, largest]
    return f


# ---- moves -------------------------------------------------------------------------------------------


def move(rng, name):
    """Transpose, slice, pad, concatenate; something elementwise around it."""
    rank = rng.choice([1, 2, 3, 4])
    dims = [f"d{i}" for i in range(rank)]
    f = start(rng, name, dims, [n for n in SMALL if n >= 3])
    t = element(rng)
    x = f.argument(dims, t)
    if rng.random() < 0.5:
        x = random_elementwise(f, rng, [x], dims, t, 1)
    kind = rng.choice(["transpose", "slice", "pad", "concat", "reverse"])
    make = lambda text, dims, compute: type(x)(f.emit(text), dims, t, compute)
    here = f.type(dims, t)
    if kind == "transpose":
        order = list(range(rank))
        rng.shuffle(order)
        out = [dims[i] for i in order]
        y = f.op(
            "linalg.transpose", [x], f.empty(out, t), lambda env: np.transpose(env.of(x), order), extra=f" permutation = {order}"
        )
        y = type(y)(y.name, out, t, y.compute)
        f.lines[-1] = f.lines[-1].rsplit(" -> ", 1)[0]
    elif kind == "slice":
        offsets = [rng.choice([0, 1, 2]) for _ in dims]
        strides = [rng.choice([1, 1, 2, 3]) for _ in dims]
        out = [f.derive(f"o{i}", d, 1, -o - 1, s) for i, (d, o, s) in enumerate(zip(dims, offsets, strides))]
        sizes = ", ".join(f.extent(d) if d in f.dynamic else str(f.size(d)) for d in out)
        y = make(
            f"tensor.extract_slice {x.name}{offsets} [{sizes}] {strides} : {here} to {f.type(out, t)}",
            out,
            lambda env: env.of(x)[tuple(slice(o, None, s) for o, s in zip(offsets, strides))],
        )
    elif kind == "pad":
        low, high = [[rng.choice([0, 0, 1, 2, 5]) for _ in dims] for _ in range(2)]
        out = [f.derive(f"o{i}", d, 1, l + h - 1, 1) for i, (d, l, h) in enumerate(zip(dims, low, high))]
        value = f.constant(2, t)
        arguments = ", ".join(f"%p{i}: index" for i in range(rank))
        y = make(
            f"tensor.pad {x.name} low{low} high{high} {{\n  ^bb0({arguments}):\n    tensor.yield {value} : {t}\n  }} : {here} to {f.type(out, t)}",
            out,
            lambda env: np.pad(env.of(x), list(zip(low, high)), constant_values=2),
        )
    elif kind == "concat":
        axis = rng.randrange(rank)
        others = [x] + [f.argument(dims, t) for _ in range(rng.choice([1, 2]))]
        out = dims[:]
        out[axis] = f.derive("o", dims[axis], len(others), -1, 1)
        y = make(
            f"tensor.concat dim({axis}) {', '.join(v.name for v in others)} : ({', '.join([here] * len(others))}) -> {f.type(out, t)}",
            out,
            lambda env: np.concatenate([env.of(v) for v in others], axis),
        )
    else:
        axis = rng.randrange(rank)
        last = f.extent(dims[axis])
        lines = [f"%i{i} = linalg.index {i} : index" for i in range(rank)]
        lines += [
            "%one = arith.constant 1 : index",
            f"%end = arith.subi {last}, %one : index",
            f"%back = arith.subi %end, %i{axis} : index",
        ]
        at = ", ".join("%back" if i == axis else f"%i{i}" for i in range(rank))
        lines.append(f"%r = tensor.extract {x.name}[{at}] : {here}")
        letters = [f"i{i}" for i in range(rank)]
        y = f.generic(letters, [], [], f.empty(dims, t), lines, "%r", lambda env: np.flip(env.of(x), axis), letters)
    if rng.random() < 0.4:
        y = random_elementwise(f, rng, [y], y.dims, t, rng.choice([1, 2]))
    f.results = [y]
    return f


# kind -> its share of the cases
KINDS = {
    network: 4,
    layers: 2,
    steps: 2,
    matmul: 7,
    matmul_bytes: 4,
    conv_bytes: 4,
    matmul_narrow: 2,
    conv_narrow: 2,
    matmul_named: 4,
    contraction: 3,
    conv: 7,
    conv_named: 2,
    conv_transpose: 2,
    depthwise: 3,
    conv_pool: 3,
    pool: 3,
    pool_named: 2,
    attention: 1,
    softmax: 3,
    layer_norm: 3,
    elementwise: 6,
    reduction: 5,
    argmax: 1,
    move: 4,
}
