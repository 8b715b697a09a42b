"""Floats of 8 bits and less and packed integers: all bit patterns, all of f16 and the borders in f32 and f64, against
ml_dtypes, which the onnx package computes with. A part of importing.py."""
import ml_dtypes
import numpy as np
from onnx import TensorProto, helper, numpy_helper

FLOATS = {
    "float8_e4m3fn": TensorProto.FLOAT8E4M3FN,
    "float8_e4m3fnuz": TensorProto.FLOAT8E4M3FNUZ,
    "float8_e5m2": TensorProto.FLOAT8E5M2,
    "float8_e5m2fnuz": TensorProto.FLOAT8E5M2FNUZ,
    "float8_e8m0fnu": TensorProto.FLOAT8E8M0,
    "float4_e2m1fn": TensorProto.FLOAT4E2M1,
}
INTEGERS = {"int4": TensorProto.INT4, "uint4": TensorProto.UINT4, "int2": TensorProto.INT2, "uint2": TensorProto.UINT2}
WIDE = {TensorProto.FLOAT: np.float32, TensorProto.FLOAT16: np.float16, TensorProto.DOUBLE: np.float64}


def dtype_of(name):
    return np.dtype(getattr(ml_dtypes, name))


def model_of(nodes, inputs, outputs, initializers=()):
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info(*each) for each in inputs],
        [helper.make_tensor_value_info(*each) for each in outputs],
        list(initializers),
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 25)], ir_version=12)


def patterns(name):
    """Every bit pattern, once."""
    bits = dtype_of(name).itemsize * 8
    if name in INTEGERS:
        bits = int(name[-1])
    elif name == "float4_e2m1fn":
        bits = 4
    codes = np.arange(2**bits, dtype=np.uint8)
    return codes.view(dtype_of(name)) if name in FLOATS else codes.astype(dtype_of(name))


def file_of(array):
    """As `halcyon run` reads and writes it."""
    name = array.dtype.name
    if name in INTEGERS:
        return array.astype(np.uint8 if name.startswith("u") else np.int8)
    return array


def rounded(wide, name, saturate=True):
    """`wide` in the small type: by way of the type's own sorted values, in exact arithmetic."""
    codes = patterns(name)
    values = codes.astype(np.float64)
    finite = np.isfinite(values)
    order = np.argsort(values[finite], kind="stable")
    numbers, bits = values[finite][order], codes[finite][order].view(np.uint8)
    keep = np.concatenate([[True], numbers[1:] != numbers[:-1]])  # one zero
    numbers, bits = numbers[keep], bits[keep]
    with np.errstate(invalid="ignore"):
        wide = wide.astype(np.float64)
    at = np.clip(np.searchsorted(numbers, wide), 1, len(numbers) - 1)
    low, high = numbers[at - 1], numbers[at]
    with np.errstate(invalid="ignore"):
        to_high = (high - wide < wide - low) | ((high - wide == wide - low) & (bits[at] % 2 == 0))
    made = np.where(to_high, bits[at], bits[at - 1])
    sign_bit = 8 if name == "float4_e2m1fn" else 128
    unsigned_zero = name.endswith("fnuz")
    zero = (made & (sign_bit - 1)) == 0
    made = np.where(zero & np.signbit(wide), 0 if unsigned_zero else sign_bit, np.where(zero, 0, made))
    largest = numbers[-1]
    step = numbers[-1] - numbers[-2]
    with np.errstate(invalid="ignore"):
        # Halfway to what would be next is rounded to the even one.
        over = np.abs(wide) > largest + step / 2
        over |= (np.abs(wide) == largest + step / 2) & (bits[-1] % 2 == 1)
    if not saturate and name != "float4_e2m1fn":
        outside = np.array([np.inf, -np.inf], np.float32).astype(dtype_of(name)).view(np.uint8)
        made = np.where(over, np.where(np.signbit(wide), outside[1], outside[0]), made)
    return made.astype(np.uint8)


def same(got, wanted, name):
    """What differs: bits, where one is not a NaN."""
    nan = np.isnan(got.view(dtype_of(name)).astype(np.float32))
    wrong = (got != wanted) & ~(nan & np.isnan(wanted.view(dtype_of(name)).astype(np.float32)))
    at = np.flatnonzero(wrong)
    return None if not len(at) else f"{len(at)} of {len(got)} differ, the first at {at[0]}: {got[at[0]]} for {wanted[at[0]]}"


def run(s, title, model, inputs, count=1):
    """The results' arrays, or None after a failed test."""
    path = s.fresh(title.replace(" ", "_")) / "model.onnx"
    path.write_bytes(model.SerializeToString())
    artifact = s.compile(title, path)
    if not artifact:
        return None
    words = []
    for number, array in enumerate(inputs):
        np.save(path.with_suffix(f".{number}.npy"), array)
        words.append(f"--input=@{path.with_suffix(f'.{number}.npy')}")
    results = [path.with_suffix(f".result{number}.npy") for number in range(count)]
    done = s.tools.run("run", artifact, *words, *(f"--output=@{result}" for result in results))
    if done.error:
        s.count.test(title, done.error)
        return None
    return [np.load(result) for result in results]


def borders(wide):
    """Numbers at and beside those halfway between any two of any format here, both signs, and what is special."""
    made = [np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e-40, -1e-40, 1e30, -1e30], wide)]
    for name in FLOATS:
        values = np.unique(patterns(name).astype(np.float64))
        values = values[np.isfinite(values)]
        for middle in [values, (values[1:] + values[:-1]) / 2, values * (1 + 2.0**-30)]:
            with np.errstate(over="ignore"):
                middle = middle.astype(wide)
            made += [middle, np.nextafter(middle, wide(np.inf)), np.nextafter(middle, wide(-np.inf))]
    return np.concatenate(made)


def decodes(s):
    for name, proto in {**FLOATS, **INTEGERS}.items():
        values = patterns(name)
        nodes = [helper.make_node("Cast", ["x"], [f"y{to}"], to=to) for to in WIDE]
        outputs = [(f"y{to}", to, values.shape) for to in WIDE]
        results = run(s, f"decode {name}", model_of(nodes, [("x", proto, values.shape)], outputs), [file_of(values)], len(WIDE))
        for wide, got in zip(WIDE.values(), results or []):
            with np.errstate(over="ignore"):
                wanted = values.astype(np.float32).astype(wide)
            equal = (got == wanted) & (np.signbit(got) == np.signbit(wanted)) | np.isnan(got) & np.isnan(wanted)
            wrong = [(hex(i), got[i], wanted[i]) for i in np.flatnonzero(~equal)]
            s.count.test(f"decode {name} to {wide.__name__}", f"{len(wrong)} differ: {wrong[:3]}" if wrong else None)


def encodes(s):
    f16 = np.arange(65536, dtype=np.uint16).view(np.float16)
    for proto, wide in WIDE.items():
        values = f16 if wide == np.float16 else np.concatenate([f16.astype(wide), borders(wide)])
        names = [n for n in FLOATS if n != "float8_e8m0fnu"]
        nodes, outputs, wanted = [], [], []
        for name in names:
            for saturate in [1, 0]:
                result = f"{name}_{saturate}"
                nodes.append(helper.make_node("Cast", ["x"], [result], to=FLOATS[name], saturate=saturate))
                outputs.append((result, FLOATS[name], values.shape))
                made = rounded(values, name, bool(saturate))
                nan = np.array([np.nan], np.float32).astype(dtype_of(name)).view(np.uint8)[0]
                wanted.append((name, f"saturate={saturate}", np.where(np.isnan(values), nan, made)))
        title = f"encode {wide.__name__}"
        results = run(s, title, model_of(nodes, [("x", proto, values.shape)], outputs), [values], len(nodes))
        for (name, note, expected), got in zip(wanted, results or []):
            s.count.test(f"{title} to {name}, {note}", same(np.frombuffer(got.tobytes(), np.uint8), expected, name))


def powers(s):
    """f8e8m0: every rounding, around every power of two and what lies between."""
    exponents = np.arange(-149, 128, dtype=np.float64)
    values = np.concatenate([2.0**exponents * f for f in [1, 1.25, 1.5, 1.75]]).astype(np.float32)
    values = np.concatenate([values, np.nextafter(values, np.float32(np.inf)), np.nextafter(values, np.float32(0))])
    values = np.concatenate([values[np.isfinite(values)], np.array([0, np.inf, np.nan], np.float32)])
    nodes, outputs, wanted = [], [], []
    with np.errstate(divide="ignore", invalid="ignore"):
        mantissa, exponent = np.frexp(values.astype(np.float64))
    for mode in ["up", "down", "nearest"]:
        more = {"up": mantissa > 0.5, "down": mantissa < 0, "nearest": mantissa >= 0.75}[mode]
        power = exponent - 1 + more + 127
        for saturate in [1, 0]:
            made = np.clip(power, 0, 254)
            tiny, huge = values < np.float32(2.0**-127), ~(power <= 254) | np.isinf(values)
            made = np.where(tiny, 0 if saturate else 255, np.where(huge, 254 if saturate else 255, made))
            wanted.append(np.where(np.isnan(values), 255, made).astype(np.uint8))
            outputs.append((f"{mode}_{saturate}", TensorProto.FLOAT8E8M0, values.shape))
            nodes.append(
                helper.make_node("Cast", ["x"], [outputs[-1][0]], to=TensorProto.FLOAT8E8M0, saturate=saturate, round_mode=mode)
            )
    results = run(s, "encode powers", model_of(nodes, [("x", TensorProto.FLOAT, values.shape)], outputs), [values], len(nodes))
    for node, expected, got in zip(nodes, wanted, results or []):
        s.count.test(f"encode to f8e8m0, {node.output[0]}", same(np.frombuffer(got.tobytes(), np.uint8), expected, "float8_e8m0fnu"))


def packing(s):
    """Movement of packed elements: odd counts, nothing at all, extents that are known at run time only; constants of both
    sizes."""
    rng = np.random.default_rng(5)
    for name, proto in [(n, p) for n, p in {**INTEGERS, **FLOATS}.items() if n in INTEGERS or n == "float4_e2m1fn"]:
        every = patterns(name)
        nodes = [
            helper.make_node("Transpose", ["x"], ["y"], perm=[1, 0]),
            helper.make_node("Identity", ["x"], ["z"]),
            helper.make_node("Gather", ["table", "i"], ["g"]),
            helper.make_node("Cast", ["x"], ["c"], to=TensorProto.FLOAT),
        ]
        table = rng.choice(every, (111, 7))
        index = np.array([110, 0, 3, 57])
        inputs = [("x", proto, ["N", "M"]), ("i", TensorProto.INT64, [4])]
        outputs = [("y", proto, None), ("z", proto, None), ("g", proto, None), ("c", TensorProto.FLOAT, None)]
        model = model_of(nodes, inputs, outputs, [numpy_helper.from_array(table, "table")])
        path = s.fresh(f"packed_{name}") / "model.onnx"
        path.write_bytes(model.SerializeToString())
        artifact = s.compile(f"packed {name}", path)
        for shape in [(3, 5), (1, 1), (4, 8), (0, 3), (7, 3)] if artifact else []:
            x = rng.choice(every, shape)
            wanted = [x.T, x, table[index]]
            s.agrees(
                f"packed {name}, {shape}",
                artifact,
                [file_of(x), index],
                [*(np.ascontiguousarray(file_of(np.ascontiguousarray(w))) for w in wanted), x.astype(np.float32)],
                "--atol=0",
            )


def all_of(s):
    for part in [decodes, encodes, powers, packing]:
        part(s)
