"""A random function's two sides: its MLIR, and what numpy says that it computes.

Dimensions are numbers or names; `sizes` gives a name its size, `dynamic` says which names are `?` in the text. A value's
`compute(env)` gives its array: floats as float64, integers in their own type, wrapping. `env.note` sees every
intermediate result, so that a comparison knows how large they were.
"""

import numpy as np

TYPES = {
    "f16": np.float16,
    "f32": np.float32,
    "f64": np.float64,
    "i8": np.int8,
    "i16": np.int16,
    "i32": np.int32,
    "i64": np.int64,
}
EXACT = {"f16": 2.0**11, "f32": 2.0**24, "f64": 2.0**53}  # integers up to here are exact
ADD = {"f": "arith.addf", "i": "arith.addi"}
MUL = {"f": "arith.mulf", "i": "arith.muli"}


def wide(array):
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def literal(value, element):
    """A constant as MLIR writes it for `element`."""
    if element[0] == "i":
        return str(int(value))
    if np.isinf(value):
        infinities = {
            "f16": ("0x7C00", "0xFC00"),
            "f32": ("0x7F800000", "0xFF800000"),
            "f64": ("0x7FF0000000000000", "0xFFF0000000000000"),
        }
        return infinities[element][value < 0]
    return f"{float(value):.9e}"


class Environment:
    """One evaluation: the arguments, and what they became: how large, how exact, of which elements."""

    def __init__(self, arrays):
        self.arrays, self.known, self.largest, self.exact, self.elements = arrays, {}, 0.0, True, set()

    def note(self, array, element, inexact=False):
        self.elements.add(element)
        if element[0] == "f" and array.size:
            finite = np.abs(array[np.isfinite(array)]) if not np.isfinite(array).all() else np.abs(array)
            largest = float(finite.max()) if finite.size else 0.0
            self.largest = max(self.largest, largest)
            self.exact &= not inexact and largest < EXACT[element]
        return array

    def of(self, value):
        if value.name not in self.known:
            self.known[value.name] = value.compute(self)
        return self.known[value.name]


class Value:
    def __init__(self, name, dims, element, compute):
        self.name, self.dims, self.element, self.compute = name, list(dims), element, compute


class Function:
    def __init__(self, name, sizes, dynamic, named):
        self.name, self.sizes, self.dynamic, self.named = name, dict(sizes), set(dynamic), named
        self.arguments, self.lines, self.number, self.constants = [], [], 0, {}
        self.parts = {}  # of arguments, by their numbers: the indices that are used, where not all are
        self.whole = True  # data are small integers, so that sums are exact
        self.special = False  # some of them are NaN or infinite
        self.far = False  # bytes are any
        self.narrow = False  # what weights of 16 bits make of it is exact, too
        self.results = []

    # ---- text ----------------------------------------------------------------------------------

    def size(self, dim, sizes=None):
        return dim if isinstance(dim, int) else (sizes or self.sizes)[dim]

    def type(self, dims, element):
        return "tensor<" + "".join(("?" if d in self.dynamic else str(self.size(d))) + "x" for d in dims) + element + ">"

    def fresh(self):
        self.number += 1
        return f"%v{self.number}"

    def emit(self, text):
        name = self.fresh()
        self.lines.append(f"{name} = {text}")
        return name

    def constant(self, value, element):
        key = (value, element)
        if key not in self.constants:
            self.constants[key] = self.emit(
                f"arith.constant {literal(value, element) if element != 'index' else value} : {element}"
            )
        return self.constants[key]

    def extent(self, dim):
        """The SSA value of a dimension."""
        if dim not in self.dynamic:
            return self.constant(self.size(dim), "index")
        if ("dim", dim) not in self.constants:
            number, axis = next((i, a.dims.index(dim)) for i, a in enumerate(self.arguments) if dim in a.dims)
            argument = self.arguments[number]
            self.constants["dim", dim] = self.emit(
                f"tensor.dim {argument.name}, {self.constant(axis, 'index')} : {self.type(argument.dims, argument.element)}"
            )
        return self.constants["dim", dim]

    def derive(self, dim, source, scale, add, divide):
        """A new dimension (source * scale + add) / divide + 1, as a window's or a padding's."""
        self.sizes[dim] = (self.size(source) * scale + add) // divide + 1
        if source in self.dynamic:
            value = self.emit(f"arith.muli {self.extent(source)}, {self.constant(scale, 'index')} : index")
            value = self.emit(f"arith.addi {value}, {self.constant(add, 'index')} : index")
            value = self.emit(f"arith.divsi {value}, {self.constant(divide, 'index')} : index")
            self.constants["dim", dim] = self.emit(f"arith.addi {value}, {self.constant(1, 'index')} : index")
            self.dynamic.add(dim)
        return dim

    # ---- values --------------------------------------------------------------------------------

    def argument(self, dims, element):
        number = len(self.arguments)
        value = Value(f"%a{number}", dims, element, lambda env: env.note(wide(env.arrays[number][self.parts.get(number, ...)]), element))
        self.arguments.append(value)
        return value

    def data(self, shape, element, rng):
        dtype = TYPES[element]
        if element[0] == "i":
            return rng.integers(*((-128, 128) if self.far and element == "i8" else (-9, 10)), shape).astype(dtype)
        if self.whole:
            limit = 2 if element == "f16" else 4
            return rng.integers(-limit, limit + 1, shape).astype(dtype)
        return rng.standard_normal(shape).astype(dtype)

    def weight(self, dims, element, rng):
        """What a model has as a constant and a library as an argument: either."""
        if any(d in self.dynamic for d in dims) or rng.random() < 0.4:
            return self.argument(dims, element)
        array = self.data([self.size(d) for d in dims], element, np.random.default_rng(rng.getrandbits(32)))
        name = self.emit(f'arith.constant dense<"0x{array.tobytes().hex().upper()}"> : {self.type(dims, element)}')
        return Value(name, dims, element, lambda env: env.note(wide(array), element))

    def empty(self, dims, element):
        dynamic = ", ".join(self.extent(d) for d in dims if d in self.dynamic)
        return Value(self.emit(f"tensor.empty({dynamic}) : {self.type(dims, element)}"), dims, element, None)

    def fill(self, value, dims, element, init=None):
        init = init or self.empty(dims, element)
        type = self.type(dims, element)
        name = self.emit(f"linalg.fill ins({self.constant(value, element)} : {element}) outs({init.name} : {type}) -> {type}")
        return Value(name, dims, element, None)

    def op(self, text, ins, init, compute, attributes="", extra=""):
        """NAME ins(..) outs(..): a named operation in destination style."""
        types = ", ".join(self.type(v.dims, v.element) for v in ins)
        result = self.type(init.dims, init.element)
        arrow = "" if text.startswith("nn.") else f" -> {result}"
        order = f"{attributes} " if attributes and not text.startswith("nn.") else ""
        after = f" {attributes}" if attributes and text.startswith("nn.") else ""
        name = self.emit(
            f"{text} {order}ins({', '.join(v.name for v in ins)} : {types}) outs({init.name} : {result}){extra}{after}{arrow}"
        )
        return Value(name, init.dims, init.element, compute)

    def generic(self, loops, reductions, operands, init, body, result, compute, out=None):
        """operands: (value, [index expression]); body: lines over %x0.. and %o; result: the name that they yield."""
        out = out if out is not None else init.dims
        maps = [f"affine_map<({', '.join(loops)}) -> ({', '.join(map(str, e))})>" for e in [*(e for _, e in operands), out]]
        kinds = ", ".join('"reduction"' if l in reductions else '"parallel"' for l in loops)
        head = f"linalg.generic {{indexing_maps = [{', '.join(maps)}], iterator_types = [{kinds}]}}"
        if operands:
            head += (
                f" ins({', '.join(v.name for v, _ in operands)} : {', '.join(self.type(v.dims, v.element) for v, _ in operands)})"
            )
        type = self.type(init.dims, init.element)
        arguments = ", ".join([*(f"%x{i}: {v.element}" for i, (v, _) in enumerate(operands)), f"%o: {init.element}"])
        lines = "\n".join(f"    {line}" for line in body)
        name = self.emit(
            f"{head} outs({init.name} : {type}) {{\n  ^bb0({arguments}):\n{lines}\n    linalg.yield {result} : {init.element}\n  }} -> {type}"
        )
        return Value(name, init.dims, init.element, compute)

    def elementwise(self, ins, dims, element, body, result, compute):
        """Over `dims`; an operand's dims are a subset of them, in any order: the others are broadcast.
        compute(env, arrays over dims)"""

        def evaluate(env):
            return compute(env, *(spread(env.of(v), v.dims, dims) for v in ins))

        letters = [f"i{n}" for n in range(len(dims))]
        return self.generic(
            letters,
            [],
            [(v, [letters[i] for i in places(v.dims, dims)]) for v in ins],
            self.empty(dims, element),
            body,
            result,
            lambda env: full(evaluate(env), dims, self, env),
            letters,
        )

    # ---- the whole -----------------------------------------------------------------------------

    def text(self):
        def attributes(argument):
            names = ", ".join(f'"{d}"' if d in self.dynamic else str(self.size(d)) for d in argument.dims)
            return f" {{halcyon.dims = [{names}]}}" if self.named and any(d in self.dynamic for d in argument.dims) else ""

        arguments = ", ".join(f"{a.name}: {self.type(a.dims, a.element)}{attributes(a)}" for a in self.arguments)
        types = ", ".join(self.type(r.dims, r.element) for r in self.results)
        body = "".join(f"  {line}\n" for line in self.lines)
        return (
            f"func.func @{self.name}({arguments}) -> ({types}) {{\n{body}"
            f"  return {', '.join(r.name for r in self.results)} : {types}\n}}\n"
        )

    def inputs(self, sizes, rng):
        arrays = []
        for argument in self.arguments:
            shape = [self.size(d, {**self.sizes, **sizes}) for d in argument.dims]
            dtype = TYPES[argument.element]
            arrays.append(self.data(shape, argument.element, rng))
            if self.special and argument.element[0] == "f" and arrays[-1].size:
                flat = arrays[-1].reshape(-1)
                for place in rng.integers(0, flat.size, max(1, flat.size // 16)):
                    flat[place] = rng.choice(np.array([np.nan, np.inf, -np.inf, -0.0, 1e-7], dtype))
        return arrays


def places(dims, onto):
    """Where each of `dims` is in `onto`; of equal sizes the n-th is the n-th."""
    return [[i for i, d in enumerate(onto) if d == dim][dims[:axis].count(dim)] for axis, dim in enumerate(dims)]


def spread(array, dims, onto):
    """`array` over dims, as an array that broadcasts over `onto`."""
    at = places(dims, onto)
    order = sorted(range(len(dims)), key=lambda axis: at[axis])
    shape = [1] * len(onto)
    for axis, place in enumerate(at):
        shape[place] = array.shape[axis]
    return np.transpose(array, order).reshape(shape)


def full(array, dims, function, env):
    """`array` broadcast to the extents that the arguments' arrays have."""
    extents = {d: n for d, n in function.sizes.items() if d not in function.dynamic}
    extents |= {d: n for a, x in zip(function.arguments, env.arrays) for d, n in zip(a.dims, x.shape)}
    shape = [extents.get(d, array.shape[axis] if isinstance(d, str) else d) for axis, d in enumerate(dims)]
    return np.broadcast_to(array, shape)
