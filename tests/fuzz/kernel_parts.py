"""What random functions are made of: sizes, elements, scalar expressions, what follows a reduction."""

import numpy as np

from kernel_text import ADD, MUL, TYPES, Function, wide

# Around the edges of tiles and vectors.
EDGES = [1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 24, 31, 32, 33, 47, 48, 49, 63, 64, 65, 100, 130]
SMALL = [n for n in EDGES if n <= 33]
FLOATS, INTEGERS = ["f32", "f64", "f16"], ["i8", "i32", "i64"]

_erf = np.vectorize(__import__("math").erf, otypes=[np.float64])


def element(rng, integers=True):
    choices = ["f32"] * 8 + ["f64"] * 2 + ["f16"] * 2 + (["i8", "i32", "i32", "i64"] if integers else [])
    return rng.choice(choices)


def named_sizes(rng, names, choices, share=0.3):
    """(sizes, which are dynamic)"""
    return {n: rng.choice(choices) for n in names}, {n for n in names if rng.random() < share}


def towards_zero(x, divisor):
    """x / divisor as arith.divsi rounds, in x's own type."""
    down = np.floor_divide(x, x.dtype.type(divisor))
    return (down + ((x < 0) & (down * divisor != x))).astype(x.dtype)


class Scalars:
    """A random expression over body arguments: its lines and its numpy."""

    def __init__(self, rng, element):
        self.rng, self.element, self.lines, self.count = rng, element, [], 0

    def line(self, text):
        self.count += 1
        self.lines.append(f"%e{self.count} = {text}")
        return f"%e{self.count}"

    def constant(self, value):
        return self.line(f"arith.constant {int(value) if self.element[0] == 'i' else f'{value:.6e}'} : {self.element}")

    def step(self, values):
        """One operation on some of `values`, (name, function of (env, arrays)); the new value."""
        t, rng = self.element, self.rng
        (a, fa), (b, fb) = rng.choice(values), rng.choice(values)

        def note(f, inexact=False):
            return lambda env, xs: env.note(f(env, xs), t, inexact)

        if t[0] == "i":
            kind = rng.choice(["addi", "subi", "muli", "maxsi", "minsi", "andi", "ori", "xori", "select", "divsi"])
            if kind == "select":
                c = self.line(f"arith.cmpi slt, {a}, {b} : {t}")
                return self.line(f"arith.select {c}, {b}, {a} : {t}"), lambda env, xs: np.maximum(fa(env, xs), fb(env, xs))
            if kind == "divsi":
                c = self.constant(3)
                return (
                    self.line(f"arith.divsi {a}, {c} : {t}"),
                    lambda env, xs: towards_zero(np.asarray(fa(env, xs)), 3),
                )
            f = {
                "addi": np.add,
                "subi": np.subtract,
                "muli": np.multiply,
                "maxsi": np.maximum,
                "minsi": np.minimum,
                "andi": np.bitwise_and,
                "ori": np.bitwise_or,
                "xori": np.bitwise_xor,
            }[kind]
            return self.line(f"arith.{kind} {a}, {b} : {t}"), lambda env, xs: f(fa(env, xs), fb(env, xs))
        kind = rng.choice(
            [
                "addf",
                "subf",
                "mulf",
                "maximumf",
                "minimumf",
                "negf",
                "absf",
                "addf",
                "mulf",
                "exp",
                "tanh",
                "sqrt",
                "div",
                "erf",
                "sigmoid",
                "log",
            ]
        )
        if kind in ("addf", "subf", "mulf", "maximumf", "minimumf"):
            f = {"addf": np.add, "subf": np.subtract, "mulf": np.multiply, "maximumf": np.maximum, "minimumf": np.minimum}[kind]
            return self.line(f"arith.{kind} {a}, {b} : {t}"), note(lambda env, xs: f(fa(env, xs), fb(env, xs)))
        if kind == "negf":
            return self.line(f"arith.negf {a} : {t}"), lambda env, xs: -fa(env, xs)
        size = self.line(f"math.absf {a} : {t}")
        magnitude = lambda env, xs: np.abs(fa(env, xs))
        if kind == "absf":
            return size, magnitude
        if kind == "exp":
            minus = self.line(f"arith.negf {size} : {t}")
            return self.line(f"math.exp {minus} : {t}"), note(lambda env, xs: np.exp(-magnitude(env, xs)), True)
        if kind == "sqrt":
            return self.line(f"math.sqrt {size} : {t}"), note(lambda env, xs: np.sqrt(magnitude(env, xs)), True)
        if kind == "tanh":
            return self.line(f"math.tanh {a} : {t}"), note(lambda env, xs: np.tanh(fa(env, xs)), True)
        if kind == "erf":
            return self.line(f"math.erf {a} : {t}"), note(lambda env, xs: _erf(fa(env, xs)), True)
        one = self.constant(1)
        more = self.line(f"arith.addf {size}, {one} : {t}")
        if kind == "log":
            return self.line(f"math.log {more} : {t}"), note(lambda env, xs: np.log(magnitude(env, xs) + 1), True)
        if kind == "div":
            return self.line(f"arith.divf {b}, {more} : {t}"), note(lambda env, xs: fb(env, xs) / (magnitude(env, xs) + 1), True)
        minus = self.line(f"arith.negf {a} : {t}")
        power = self.line(f"math.exp {minus} : {t}")
        below = self.line(f"arith.addf {power}, {one} : {t}")
        return self.line(f"arith.divf {one}, {below} : {t}"), note(lambda env, xs: 1 / (1 + np.exp(-fa(env, xs))), True)

    def expression(self, count, steps):
        """Of %x0.. %x(count-1), each used: (lines, result, compute(env, *arrays))"""
        t = self.element
        values = [(f"%x{i}", (lambda env, xs, i=i: xs[i])) for i in range(count)]
        total, f = values[0]
        for name, g in values[1:]:
            kind = self.rng.choice(["add", "mul", "max"])
            text = {"add": ADD[t[0]], "mul": MUL[t[0]], "max": "arith.maximumf" if t[0] == "f" else "arith.maxsi"}[kind]
            operation = {"add": np.add, "mul": np.multiply, "max": np.maximum}[kind]
            total, f = (
                self.line(f"{text} {total}, {name} : {t}"),
                lambda env, xs, f=f, g=g, operation=operation: env.note(operation(f(env, xs), g(env, xs)), t),
            )
            values.append((total, f))
        for _ in range(steps):
            values.append(self.step(values[-3:]))
        name, f = values[-1]
        return self.lines, name, lambda env, *xs: f(env, xs)


def random_elementwise(f, rng, ins, dims, t, steps):
    """A generic with a random body over `dims`; each of `ins` has a subset of them."""
    lines, name, compute = Scalars(rng, t).expression(len(ins), steps)
    return f.elementwise(ins, dims, t, lines, name, compute)


def epilogue(f, rng, value):
    """What models put after a contraction, a window or a reduction: up to three steps."""
    for _ in range(rng.choice([0, 0, 1, 1, 2, 3])):
        t, dims = value.element, value.dims
        kind = rng.choice(["bias", "bias", "relu", "residual", "scale", "random", "cast"])
        if kind in ("bias", "residual", "scale") and dims:
            over = [rng.choice(dims)] if kind == "bias" else dims
            if any(isinstance(d, str) and d in f.dynamic and not any(d in a.dims for a in f.arguments) for d in over):
                continue  # an argument whose size a window gives must match it: check-shapes would need it as a name
            other = f.weight(over, t, rng)
            text, operation = (MUL[t[0]], np.multiply) if kind == "scale" else (ADD[t[0]], np.add)
            value = f.elementwise(
                [value, other],
                dims,
                t,
                [f"%r = {text} %x0, %x1 : {t}"],
                "%r",
                lambda env, x, y, operation=operation, t=t: env.note(operation(x, y), t),
            )
        elif kind == "relu":
            zero = f.constant(0, t)
            text = "arith.maximumf" if t[0] == "f" else "arith.maxsi"
            value = f.elementwise(
                [value], dims, t, [f"%r = {text} %x0, {zero} : {t}"], "%r", lambda env, x: np.maximum(x, x.dtype.type(0))
            )
        elif kind == "random":
            value = random_elementwise(f, rng, [value], dims, t, rng.choice([1, 2, 3]))
        elif kind == "cast":
            to = {
                "f32": rng.choice(["f64", "f16"]),
                "f64": "f32",
                "f16": "f32",
                "i8": "i32",
                "i32": "f32",
                "i64": "i32",
                "i16": "i32",
            }[t]
            text = {
                ("f32", "f64"): "arith.extf",
                ("f16", "f32"): "arith.extf",
                ("f32", "f16"): "arith.truncf",
                ("f64", "f32"): "arith.truncf",
                ("i8", "i32"): "arith.extsi",
                ("i16", "i32"): "arith.extsi",
                ("i32", "f32"): "arith.sitofp",
                ("i64", "i32"): "arith.trunci",
            }[t, to]
            value = f.elementwise(
                [value],
                dims,
                to,
                [f"%r = {text} %x0 : {t} to {to}"],
                "%r",
                lambda env, x, to=to: env.note(wide(x.astype(TYPES[to])) if to[0] == "i" else x.astype(np.float64), to),
            )
    return value


def start(rng, name, names, choices, share=0.3):
    sizes, dynamic = named_sizes(rng, names, choices, share)
    return Function(name, sizes, dynamic, named=rng.random() < 0.7)


def finish(f, rng, value):
    f.results = [epilogue(f, rng, value)]
    return f


def sliced(f, rng):
    """Arguments become parts of larger ones, along a dimension of known size: what kernels read where it lies."""
    for number, value in enumerate(f.arguments):
        axes = [axis for axis, dim in enumerate(value.dims) if dim not in f.dynamic]
        if not axes or rng.random() < 0.3:
            continue
        axis, t = rng.choice(axes), value.element
        before, after = rng.choice([(0, 3), (16, 0), (1, 2), (5, 16)])
        size = f.size(value.dims[axis])
        whole = type(value)(f"%w{number}", [*value.dims[:axis], before + size + after, *value.dims[axis + 1 :]], t, None)
        lines, extents = [], []
        for at, dim in enumerate(value.dims):
            if dim in f.dynamic:
                name = f"{whole.name}_{at}"
                lines.append(f"{name}_at = arith.constant {at} : index")
                lines.append(f"{name} = tensor.dim {whole.name}, {name}_at : {f.type(whole.dims, t)}")
            extents.append(name if dim in f.dynamic else str(f.size(dim)))
        starts = ", ".join(str(before if at == axis else 0) for at in range(len(extents)))
        lines.append(
            f"{value.name} = tensor.extract_slice {whole.name}[{starts}] [{', '.join(extents)}] [{', '.join('1' for _ in extents)}]"
            f" : {f.type(whole.dims, t)} to {f.type(value.dims, t)}"
        )
        f.parts[number] = (slice(None),) * axis + (slice(before, before + size),)
        f.arguments[number] = whole
        f.lines[:0] = lines


def inserted(f, rng, value):
    """`value` along one dimension between constants: what its kernel writes to its place in a larger tensor."""
    axis, t = rng.randrange(len(value.dims)), value.element
    counts = rng.choice([(0, 3), (16, 0), (1, 2), (5, 16)])
    dim = value.dims[axis]
    add = sum(counts) - 1
    total = dim + add + 1 if isinstance(dim, int) else f.derive(f"{dim}_joined", dim, 1, add, 1)
    around = lambda n, dims: [*dims[:axis], n, *dims[axis + 1 :]]
    parts = [f.fill(3, around(n, value.dims), t) if n else None for n in counts]
    parts = [v for v in (parts[0], value, parts[1]) if v]
    types = ", ".join(f.type(v.dims, t) for v in parts)
    dims = around(total, value.dims)
    name = f.emit(f"tensor.concat dim({axis}) {', '.join(v.name for v in parts)} : ({types}) -> {f.type(dims, t)}")

    def compute(env):
        y = env.of(value)
        return np.concatenate([np.full(around(counts[0], y.shape), 3), y, np.full(around(counts[1], y.shape), 3)], axis)

    return type(value)(name, dims, t, compute)
