"""A random graph while it grows: values with their arrays, nodes that the reference has already run.

A value has an array for each set of inputs; a graph with symbolic extents has two sets. A dimension is the tuple of its
extents in all sets, so that what differs between them is symbolic.
"""

import math

import ml_dtypes, numpy as np, onnx
from onnx import TensorProto, helper, numpy_helper

from graph_judge import Refused, agree, ort_run, reference_nodes

BF16 = np.dtype(ml_dtypes.bfloat16)
F16, F32, F64 = np.dtype(np.float16), np.dtype(np.float32), np.dtype(np.float64)
I8, I16, I32, I64 = (np.dtype(f"i{n}") for n in (1, 2, 4, 8))
U8, U16, U32, U64 = (np.dtype(f"u{n}") for n in (1, 2, 4, 8))
BOOL = np.dtype(bool)
FLOATS, SIGNED, UNSIGNED = [F32, F64, F16, BF16], [I64, I32, I8, I16], [U8, U16, U32, U64]
INTEGERS = SIGNED + UNSIGNED
NUMBERS = FLOATS + INTEGERS
ANY = NUMBERS + [BOOL]
SHARES = {F32: 45, F64: 8, F16: 8, BF16: 3, I64: 9, I32: 8, BOOL: 6, I8: 2, U8: 3, I16: 1, U16: 1, U32: 1, U64: 1}
LARGEST = {F32: 1e15, F64: 1e30, F16: 2e4, BF16: 1e15}  # of finite results; near a type's end rounding decides too much
EXTENTS = [1, 1, 2, 2, 3, 3, 4, 4, 5, 6, 7, 8, 9, 12, 16, 17, 24, 33, 64, 65]
MOST_ELEMENTS = 3000
NEWEST = 28
DATA_DEPENDENT = {"NonZero", "Compress", "Unique", "NonMaxSuppression"}


def is_float(dtype):
    return dtype in FLOATS


class Value:
    def __init__(self, name, arrays, opaque=False, known=None, constant=False):
        self.name, self.arrays = name, [np.asarray(a) for a in arrays]
        self.opaque = opaque  # the compiler does not know which of its extents are 1
        # Extents that follow from what is declared, None elsewhere.
        self.known = [d if all(a.shape[i] == d for a in self.arrays) else None
                      for i, d in enumerate(self.arrays[0].shape if known is None else known)]
        self.constant = constant

    dtype = property(lambda self: self.arrays[0].dtype)
    rank = property(lambda self: self.arrays[0].ndim)
    dims = property(lambda self: list(zip(*(a.shape for a in self.arrays))) if self.rank else [])
    size = property(lambda self: max(a.size for a in self.arrays))
    static = property(lambda self: all(a.shape == self.arrays[0].shape for a in self.arrays))


class Graph:
    def __init__(self, rng, common):
        self.rng, self.common = rng, common  # common: only what both references implement
        self.opset = rng.choice([13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28])
        self.sets = rng.choice([1, 1, 2])
        self.np = np.random.default_rng(rng.randrange(2**32))
        self.values, self.nodes, self.inputs, self.weights = [], [], {}, {}
        self.symbols = {}  # extents in both sets -> name
        self.counter = 0
        self.rejected = {}  # operator -> why, the last time
        if self.sets == 2:
            sizes = rng.sample([2, 3, 4, 5, 6, 7, 9, 16, 17, 0] if rng.random() < 0.1 else [2, 3, 4, 5, 6, 7, 9, 16, 17], 4)
            self.symbols = {(sizes[0], sizes[1]): "N", (sizes[2], sizes[3]): "M"}

    # ---- choices -----------------------------------------------------------------------------------

    def chance(self, p):
        return self.rng.random() < p

    def name(self, prefix):
        self.counter += 1
        return f"{prefix}{self.counter}"

    def dtype(self, among=ANY):
        among = [t for t in among if not (self.common and t == BF16)]
        return self.rng.choices(among, [SHARES[t] for t in among])[0]

    def extent(self, least=0):
        symbols = [d for d in self.symbols if min(d) >= least]
        if symbols and self.chance(0.35):
            return self.rng.choice(symbols)
        if least == 0 and self.chance(0.03):
            return (0,) * self.sets
        return (self.rng.choice([n for n in EXTENTS if n >= least]),) * self.sets

    def shape(self, rank=None, least=0):
        if rank is None:
            rank = self.rng.choices(range(9), [6, 18, 24, 24, 18, 6, 2, 1, 1])[0]
        dims = [self.extent(least) for _ in range(rank)]
        while max(np.prod([d[s] for d in dims]) if dims else 1 for s in range(self.sets)) > MOST_ELEMENTS:
            dims[self.rng.randrange(rank)] = (max(least, self.rng.choice([1, 2, 2, 3])),) * self.sets
        return dims

    # ---- values ------------------------------------------------------------------------------------

    def array(self, dtype, shape, fill=None):
        """Random elements; `fill` is a function from a shape, or one of nonzero, positive, unit, small."""
        if math.prod(shape) > 100 * MOST_ELEMENTS:  # a broadcast of eight dimensions may ask for gigabytes
            raise Refused("too large")
        r = self.np
        if callable(fill):
            return np.asarray(fill(shape)).astype(dtype).reshape(shape)
        if dtype == BOOL:
            return np.asarray(r.random(shape) < 0.5)
        if not is_float(dtype):
            info = np.iinfo(dtype)
            low, high = (1 if fill in ("nonzero", "positive") else max(info.min, -8)), min(info.max, 9)
            if fill is None and self.chance(0.1):
                low, high = info.min, info.max
            a = r.integers(low, high, shape, dtype, endpoint=True)
            if fill == "nonzero" and info.min < 0:
                a = np.where(r.random(shape) < 0.5, a, -a)
            return np.asarray(a, dtype)
        kind = self.rng.choice(["whole", "normal", "normal", "unit", "wide"])
        if fill in ("unit", "small"):
            kind = fill
        if kind == "whole":
            a = r.integers(-4, 5, shape).astype(F64)
        elif kind == "unit":
            a = r.random(shape)
        elif kind == "wide":
            a = r.standard_normal(shape) * 10.0 ** r.integers(-3, 3 if dtype != F16 else 2, shape)
        else:
            a = r.standard_normal(shape)
        a = np.asarray(a)
        if fill == "positive":
            a = np.abs(a) + 0.25
        if fill == "nonzero":
            a = np.where(np.abs(a) < 0.25, 1.5, a)
        if fill is None and self.chance(0.08) and a.size:
            for special in self.rng.sample([np.nan, np.inf, -np.inf, -0.0], self.rng.choice([1, 2, 4])):
                a.reshape(-1)[self.rng.randrange(a.size)] = special
        return np.asarray(a.astype(dtype))

    def add(self, value):
        self.values.append(value)
        return value

    def fresh(self, dtype, dims, fill=None, constant=None, reuse=True):
        """A new graph input, initializer or Constant."""
        static = all(len(set(d)) == 1 for d in dims)
        if constant is None:
            constant = static and self.chance(0.4)
        shape = tuple(d[0] for d in dims)
        if constant:
            array = self.array(dtype, shape, fill)
            name = self.name("w")
            made = Value(name, [array] * self.sets, constant=True)
            if self.chance(0.2):
                self.nodes.append(helper.make_node("Constant", [], [name], value=numpy_helper.from_array(array, name)))
            else:
                self.weights[name] = array
        else:
            declared = self.declared(dims)
            made = Value(self.name("x"), [self.array(dtype, tuple(d[s] for d in dims), fill) for s in range(self.sets)],
                         known=[d if isinstance(d, int) else None for d in declared])
            self.inputs[made.name] = (declared, made)
        return self.add(made) if reuse else made

    def declared(self, dims):
        """What a graph input says of its dimensions."""
        made = []
        for d in dims:
            if len(set(d)) > 1:
                made.append(self.symbols.setdefault(d, f"D{len(self.symbols)}"))
            else:
                made.append(self.name("any") if self.chance(0.03) and d[0] != 1 else d[0])
        return made

    def integers(self, numbers, dtype=I64, scalar=False, each=None):
        """A small tensor of integers as an initializer, Constant or, now and then, an argument that the call gives. `each`:
        one list for each set."""
        shape = () if scalar else (len(each[0] if each else numbers),)
        arrays = [np.asarray(n, dtype).reshape(shape) for n in (each or [numbers] * self.sets)]
        runtime = each is not None or self.chance(0.2)
        if not runtime:
            return self.fresh(dtype, [(n,) * self.sets for n in shape], fill=lambda _: arrays[0], constant=True, reuse=False)
        made = Value(self.name("x"), arrays, opaque=True)
        self.inputs[made.name] = (list(shape), made)
        return made

    def pick(self, types=ANY, rank=None, where=None, least=0, fill=None):
        """A value that there is, or a new one."""
        ranks = range(9) if rank is None else [rank] if isinstance(rank, int) else rank
        good = [v for v in self.values if v.dtype in types and v.rank in ranks and (where is None or where(v)) and
                (least == 0 or all(min(d) >= least for d in v.dims)) and fill is None]
        if good and self.chance(0.75):
            return self.rng.choice(good[-4:] if self.chance(0.7) else good)
        for _ in range(30):
            dims = self.shape(None if rank is None else self.rng.choice(list(ranks)), least)
            probe = Value("", [np.empty([d[s] for d in dims], F32) for s in range(self.sets)])
            if len(dims) in ranks and (where is None or where(probe)):
                return self.fresh(self.dtype(types), dims, fill)
        raise Refused("no such value")

    def operand(self, like, dtype=None, fill=None, same_shape=False):
        """Something that broadcasts with `like`."""
        dtype = dtype or like.dtype
        one = (1,) * self.sets

        def fits(v):
            if same_shape or v.opaque or like.opaque:
                return v.dims == like.dims
            return all(a == b or a == one or b == one for a, b in zip(reversed(v.dims), reversed(like.dims)))

        good = [v for v in self.values if v.dtype == dtype and fits(v)]
        if fill is None and good and self.chance(0.5):
            return self.rng.choice(good)
        dims = list(like.dims)
        if not same_shape and not like.opaque and self.chance(0.5):
            dims = [one if self.chance(0.3) else d for d in dims][self.rng.randrange(len(dims) + 1):]
        return self.fresh(dtype, dims, fill)

    # ---- nodes -------------------------------------------------------------------------------------

    def apply(self, operator, inputs, outputs=1, domain="", **attributes):
        """Adds a node, its results computed; Refused where a reference does not run it, or the two disagree."""
        inputs = list(inputs)
        while inputs and inputs[-1] is None:
            inputs.pop()
        wanted = outputs if isinstance(outputs, list) else [True] * outputs
        names = [self.name("y") if w else "" for w in wanted]
        attributes = {k: v for k, v in attributes.items() if v is not None and v != []}
        node = helper.make_node(operator, [v.name if v else "" for v in inputs], names, self.name(operator + "_"), domain=domain,
                                **attributes)
        self.check_schema(node, inputs)
        return self.apply_nodes([node], inputs, [n for n in names if n])

    def apply_nodes(self, nodes, inputs, names):
        """Adds nodes that together make tensors with these names, of some inputs."""
        feeds = [{v.name: v.arrays[s] for v in inputs if v} for s in range(self.sets)]
        feeds = [{**feed, **self.captured(nodes, s)} for s, feed in enumerate(feeds)]
        results = [reference_nodes(nodes, feed, names, self.opset) for feed in feeds]
        operators = {node.op_type for node in nodes}
        for result in results:
            self.check_results(operators, result)
        known = self.inferred(nodes, {v.name: v for v in self.values + inputs if v and v.name in feeds[0]}.values(), names, results[0])
        if self.common:
            for feed, result in zip(feeds, results):
                others = ort_run(self.model_of(nodes, feed, dict(zip(names, result))), feed)
                if not agree(result, others, len(nodes)):
                    raise Refused("the references disagree")
        opaque = any(v.opaque for v in inputs if v) or operators & DATA_DEPENDENT or self.sets == 2 and operators & {"Reshape", "Squeeze"}
        made = []
        for name, dims, *arrays in zip(names, known, *results):
            unknown = any(d is None and 1 in extents for d, extents in zip(dims, zip(*(a.shape for a in arrays))))
            made.append(self.add(Value(name, arrays, bool(opaque) or unknown, dims)))
        self.nodes.extend(nodes)
        return made[0] if len(made) == 1 else made

    def captured(self, nodes, s):
        names = set()

        def collect(graph):
            for inner in graph.node:
                names.update(inner.input)
                for a in inner.attribute:
                    if a.HasField("g"):
                        collect(a.g)

        for a in [a for node in nodes for a in node.attribute]:
            if a.HasField("g"):
                collect(a.g)
        return {v.name: v.arrays[s] for v in self.values if v.name in names}

    def check_schema(self, node, inputs):
        try:
            schema = onnx.defs.get_schema(node.op_type, self.opset, node.domain)
        except onnx.defs.SchemaError:
            raise Refused("no such operator in this opset") from None
        if schema.deprecated or not schema.min_input <= len(inputs) <= schema.max_input or len(node.output) > schema.max_output:
            raise Refused("another number of inputs or outputs")
        for attribute in node.attribute:
            if attribute.name not in schema.attributes:
                raise Refused(f"no attribute {attribute.name}")
        allowed = {c.type_param_str: c.allowed_type_strs for c in schema.type_constraints}
        for position, value in enumerate(inputs):
            formal = schema.inputs[min(position, len(schema.inputs) - 1)]
            name = TensorProto.DataType.Name(helper.np_dtype_to_tensor_dtype(value.dtype)).lower() if value else None
            if name and f"tensor({name})" not in allowed.get(formal.type_str, [formal.type_str]):
                raise Refused(f"not for {name}")

    def inferred(self, nodes, inputs, names, results):
        """Known extents of each result, by onnx's inference; Refused where the reference does otherwise: its integers may become
        wider (numpy adds i32 as i64), and some results of it alone have another rank."""
        given = [helper.make_tensor_value_info(v.name, helper.np_dtype_to_tensor_dtype(v.dtype), v.known) for v in inputs]
        constants = [numpy_helper.from_array(v.arrays[0], v.name) for v in inputs if v.constant]
        graph = helper.make_graph(nodes, "nodes", given, [onnx.ValueInfoProto(name=n) for n in names], constants)
        made = onnx.shape_inference.infer_shapes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)]), data_prop=True)
        known = []
        for output, array in zip(made.graph.output, results):
            kind = output.type.tensor_type
            if kind.elem_type not in (0, helper.np_dtype_to_tensor_dtype(array.dtype)):
                raise Refused("the reference gives another type")
            dims = [d.dim_value if d.HasField("dim_value") else None for d in kind.shape.dim] if kind.HasField("shape") else [None] * array.ndim
            if len(dims) != array.ndim or any(d not in (None, n) for d, n in zip(dims, array.shape)):
                if not self.common:
                    raise Refused("the reference gives another shape")
                dims = [None] * array.ndim
            known.append(dims)
        return known

    def check_results(self, operators, results):
        if not results:
            raise Refused("no results")
        for array in results:
            if array.size > 4 * MOST_ELEMENTS or array.ndim > 8:
                raise Refused("too large")
            if operators & DATA_DEPENDENT and 1 in array.shape:
                raise Refused("an extent of 1 that nobody knows")
            if is_float(array.dtype) and array.size:
                finite = np.abs(array.astype(F64))
                if (finite[np.isfinite(finite)] > LARGEST[array.dtype]).any():
                    raise Refused("too large values")

    # ---- the model ---------------------------------------------------------------------------------

    def model_of(self, nodes, feed, results, declared=None, weights=None, outputs=None):
        inputs = [helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(a.dtype), (declared or {}).get(n, a.shape))
                  for n, a in feed.items()]
        graph = helper.make_graph(nodes, "graph", inputs, outputs or [helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(a.dtype), None) for n, a in results.items()],
                                  [numpy_helper.from_array(a, n) for n, a in (weights or {}).items()])
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)],
                                 ir_version=helper.find_min_ir_version_for([helper.make_opsetid("", self.opset)], True))

    def checkpoint(self):
        return len(self.values), len(self.nodes), dict(self.inputs), dict(self.weights), dict(self.symbols)

    def rollback(self, point):
        values, nodes, self.inputs, self.weights, self.symbols = point
        del self.values[values:], self.nodes[nodes:]
