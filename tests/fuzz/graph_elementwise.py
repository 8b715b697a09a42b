"""Elementwise operators and reductions. Each function takes the graph and adds a node, or raises Refused."""

from onnx import helper

from graph_judge import Refused
from graph_values import ANY, BOOL, F32, FLOATS, I32, I64, INTEGERS, NUMBERS, SIGNED, UNSIGNED, is_float

FLOAT_UNARY = ["Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Ceil", "Cos", "Cosh", "Erf", "Exp", "Floor", "Log", "Reciprocal",
               "Round", "Sigmoid", "Sin", "Sinh", "Softplus", "Softsign", "Sqrt", "Tan", "Tanh", "HardSwish", "Mish", "IsNaN", "IsInf",
               "Elu", "Celu", "Selu", "LeakyRelu", "HardSigmoid", "ThresholdedRelu", "Shrink", "Gelu", "Swish"]
PARAMETERS = {"Elu": ["alpha"], "Celu": ["alpha"], "Selu": ["alpha", "gamma"], "LeakyRelu": ["alpha"], "HardSigmoid": ["alpha", "beta"],
              "ThresholdedRelu": ["alpha"], "Shrink": ["lambd", "bias"], "Swish": ["alpha"]}


def some(g, **attributes):
    """Each attribute, or its default."""
    return {k: v for k, v in attributes.items() if g.chance(0.6)}


def axis_of(g, rank):
    return g.rng.randrange(-rank, rank)


def float_unary(g):
    operator = g.rng.choice(FLOAT_UNARY)
    given = some(g, **{k: round(g.rng.uniform(0.1, 2), 2) for k in PARAMETERS.get(operator, [])})
    if operator == "Gelu":
        given = some(g, approximate=g.rng.choice(["none", "tanh"]))
    if operator == "IsInf":
        given = some(g, detect_negative=g.rng.randrange(2), detect_positive=g.rng.randrange(2))
    g.apply(operator, [g.pick(FLOATS)], **given)


def any_unary(g):
    operator = g.rng.choice(["Abs", "Neg", "Sign", "Relu", "Identity", "Not", "BitwiseNot"])
    types = {"Neg": FLOATS + SIGNED, "Relu": FLOATS + SIGNED, "Identity": ANY, "Not": [BOOL], "BitwiseNot": INTEGERS}.get(operator, NUMBERS)
    g.apply(operator, [g.pick(types)])


def arithmetic(g):
    operator = g.rng.choice(["Add", "Add", "Sub", "Mul", "Mul", "Div", "Pow", "Mod"])
    types = NUMBERS if operator != "Pow" else FLOATS + [I32, I64]
    x = g.pick(types)
    if operator == "Pow":
        other = x.dtype if g.chance(0.7) else g.dtype([I32, I64] if not is_float(x.dtype) else FLOATS + [I32, I64])
        y = g.operand(x, other, fill="positive" if not is_float(other) or g.chance(0.5) else "small")
        return g.apply("Pow", [x, y])
    y = g.operand(x, fill="nonzero" if operator in ("Div", "Mod") else None)
    if operator == "Mod":
        fmod = 1 if is_float(x.dtype) or g.chance(0.3) else 0
        return g.apply("Mod", [x, y], fmod=fmod or None)
    g.apply(operator, [x, y] if g.chance(0.7) or operator == "Div" else [y, x])


def comparison(g):
    operator = g.rng.choice(["Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"])
    x = g.pick(ANY if operator == "Equal" else NUMBERS)
    g.apply(operator, [x, g.operand(x)])


def logical(g):
    if g.chance(0.5):
        x = g.pick([BOOL])
        return g.apply(g.rng.choice(["And", "Or", "Xor"]), [x, g.operand(x)])
    if g.chance(0.4):
        x = g.pick(UNSIGNED)
        y = g.operand(x, fill=lambda shape: g.np.integers(0, 8 * x.dtype.itemsize, shape))
        return g.apply("BitShift", [x, y], direction=g.rng.choice(["LEFT", "RIGHT"]))
    x = g.pick(INTEGERS)
    g.apply(g.rng.choice(["BitwiseAnd", "BitwiseOr", "BitwiseXor"]), [x, g.operand(x)])


def together(*values):
    """Values that each broadcast with the first one; Refused where one has an extent of 1 that nobody knows, and another more."""
    if any(v.opaque for v in values) and any(v.dims != values[0].dims for v in values):
        raise Refused("an extent of 1 that nobody knows")
    return list(values)


def variadic(g):
    operator = g.rng.choice(["Max", "Min", "Sum", "Mean"])
    x = g.pick(NUMBERS if operator in ("Max", "Min") else FLOATS)
    g.apply(operator, together(x, *(g.operand(x) for _ in range(g.rng.choice([0, 1, 1, 2, 3])))))


def where(g):
    x = g.pick(ANY)
    y = g.operand(x)
    g.apply("Where", together(g.operand(x, BOOL), x, y))


def clip(g):
    x = g.pick(NUMBERS)
    low = g.fresh(x.dtype, [], fill="small") if g.chance(0.7) else None
    high = g.fresh(x.dtype, [], fill="positive") if g.chance(0.7) else None
    g.apply("Clip", [x, low, high])


def prelu(g):
    x = g.pick(FLOATS + [I32, I64])
    g.apply("PRelu", [x, g.operand(x, same_shape=g.chance(0.5))])


def cast(g):
    x = g.pick(ANY)
    to = g.dtype(ANY)
    if is_float(x.dtype) and not is_float(to) and to != BOOL:  # what does not fit is undefined
        x = g.apply("Clip", [x, g.fresh(x.dtype, [], fill=lambda s: 0 if to in UNSIGNED else -100), g.fresh(x.dtype, [], fill=lambda s: 100)])
        if any((a != a).any() for a in x.arrays):
            return
    if g.chance(0.2):
        return g.apply("CastLike", [x, g.pick([to])])
    g.apply("Cast", [x], to=helper.np_dtype_to_tensor_dtype(to))


# ---- reductions --------------------------------------------------------------------------------------

REDUCTIONS = ["ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum",
              "ReduceSumSquare"]


def reduce(g):
    operator = g.rng.choice(REDUCTIONS)
    types = [F32, F32, *FLOATS, I32, I64] + ([BOOL, *INTEGERS] if operator in ("ReduceMax", "ReduceMin") else [])
    x = g.pick(types)
    given = some(g, keepdims=g.rng.randrange(2))
    axes = sorted(g.rng.sample(range(x.rank), g.rng.randint(0 if g.chance(0.2) else min(1, x.rank), x.rank)))
    axes = [a - x.rank if g.chance(0.3) else a for a in axes]
    as_input = g.opset >= 18 or operator == "ReduceSum"
    if axes or as_input and g.chance(0.3):
        if as_input:
            given |= some(g, noop_with_empty_axes=g.rng.randrange(2))
            return g.apply(operator, [x, g.integers(axes)], **given)
        return g.apply(operator, [x], axes=axes, **given)
    g.apply(operator, [x], **given)


def arg(g):
    x = g.pick([F32, F32, *NUMBERS], range(1, 9))
    g.apply(g.rng.choice(["ArgMax", "ArgMin"]), [x],
            **some(g, axis=axis_of(g, x.rank), keepdims=g.rng.randrange(2), select_last_index=g.rng.randrange(2)))


def cumulative(g):
    x = g.pick([*FLOATS, I32, I64], range(1, 5))
    axis = g.integers([axis_of(g, x.rank)], g.rng.choice([I32, I64]), scalar=True)
    g.apply("CumSum" if g.chance(0.8) else "CumProd", [x, axis], **some(g, exclusive=g.rng.randrange(2), reverse=g.rng.randrange(2)))


def softmax(g):
    x = g.pick(FLOATS, range(1, 9))
    operator = g.rng.choice(["Softmax", "Softmax", "LogSoftmax", "Hardmax", "LpNormalization"])
    given = some(g, axis=axis_of(g, x.rank))
    if operator == "LpNormalization":
        given |= some(g, p=g.rng.choice([1, 2]))
    g.apply(operator, [x], **given)


def top_k(g):
    x = g.pick([F32, F32, F32, I64, *NUMBERS], range(1, 6), least=1)
    axis = axis_of(g, x.rank)
    k = g.integers([g.rng.randint(1, min(a.shape[axis] for a in x.arrays))])
    g.apply("TopK", [x, k], 2, **{"axis": axis, **some(g, largest=g.rng.randrange(2))})


KINDS = {float_unary: 10, any_unary: 6, arithmetic: 14, comparison: 4, logical: 4, variadic: 4, where: 4, clip: 3, prelu: 1, cast: 6,
         reduce: 12, arg: 3, cumulative: 2, softmax: 4, top_k: 2}
