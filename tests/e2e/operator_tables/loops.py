"""Operators whose kernels go over elements in order, at sizes that the standard's tests lack: ties, NaN, negative zero,
places outside, empty tensors, dimensions that only a call gives. The judges are here."""
import itertools

import numpy as np

TYPES = {np.dtype(k): v for k, v in [(np.float32, 1), (np.uint8, 2), (np.int32, 6), (np.int64, 7), (np.float16, 10), (np.float64, 11)]}


def unknown(call):
    """No dimension is known before a call."""
    return {name: [f"{name}_{axis}" for axis in range(np.ndim(value))] for name, value in call.items()}


# ---- the first k -------------------------------------------------------------------------------------


def first(axis, largest):
    """NaN is the greatest, of equal ones the first place wins."""

    def first_of(x, k):
        isfloat = x.dtype.kind == "f"
        nan = np.isnan(x) if isfloat else np.zeros(x.shape, bool)
        keys = np.where(nan, 0, x) + 0.0 if isfloat else x.astype(np.int64)
        at = np.arange(x.shape[axis]).reshape([-1 if i == axis % x.ndim else 1 for i in range(x.ndim)]) + np.zeros(x.shape, int)
        order = np.lexsort((at, -keys if largest else keys, ~nan if largest else nan), axis=axis)
        places = np.take(order, range(int(k[0])), axis)
        return [np.take_along_axis(x, places, axis), places.astype(np.int64)]

    return (first_of,)


def top_k(Case, rng):
    def case(title, x, counts, axis, largest=1, known=False):
        calls = [dict(x=x) if known else dict(x=x, k=np.array([k])) for k in counts]
        judge = first(axis, largest)
        if known:
            judge = (lambda x: first(axis, largest)[0](x, counts),)
        return Case(title, "TopK", calls, outputs=2, dims={} if known else dict(x=unknown(calls[0])["x"]),
                    constants=dict(k=np.array(counts)) if known else {}, judges=judge, atol=0, axis=axis, largest=largest,
                    types={0: TYPES[x.dtype], 1: 7})

    x = rng.standard_normal((3, 500)).astype(np.float32)
    x[0, ::7], x[1, 3:40:5], x[2, 100:200] = np.nan, -np.inf, 0.0
    x[2, 100:200:3] = -0.0
    for largest in (0, 1):
        yield case(f"TopK of rows, largest {largest}", x, [1, 7, 500, 0], -1, largest)
        ties = rng.integers(-5, 6, (4, 60, 3)).astype(np.int32)
        yield case(f"TopK of columns with ties, largest {largest}", ties, [5, 60], 1, largest)
        yield case(f"TopK of a known size, largest {largest}", ties, [9], 1, largest, known=True)
        yield case(f"TopK of a known size, none of them, largest {largest}", ties, [0], 1, largest, known=True)
    for kind in (np.float16, np.float64, np.int64, np.uint8):
        z = np.abs(rng.standard_normal((2, 90)) * 40).astype(np.int64).astype(kind)
        yield case(f"TopK of {np.dtype(kind)}", z, [11], 1)
    for k in (1, 2, 3, 40):
        yield case(f"TopK of one known row, {k} of 40", rng.standard_normal((1, 40)).astype(np.float32), [k], 1, known=True)
        calls = [dict(x=rng.standard_normal((2, n)).astype(np.float32)) for n in (40, 41, 100)]
        yield Case(f"TopK of {k}, rows of unknown length", "TopK", calls, outputs=2, dims=dict(x=[None, "n"]), atol=0,
                   constants=dict(k=np.array([k])), judges=((lambda k: lambda x: first(1, 1)[0](x, [k]))(k),), types={0: 1, 1: 7}, axis=1)
    yield case("TopK of one row", rng.standard_normal(20000).astype(np.float32), [100, 20000], 0)


# ---- writes at places --------------------------------------------------------------------------------

UPDATES = dict(none=lambda old, new: new, add=lambda old, new: old + new, mul=lambda old, new: old * new, min=min, max=max)


def scatter_nd(how):
    def scatter(data, indices, updates):
        made = data.copy()
        for at in np.ndindex(indices.shape[:-1]):
            place = tuple(int(i) for i in indices[at])
            if all(-size <= i < size for i, size in zip(place, data.shape)):
                for rest in np.ndindex(data.shape[len(place):]):
                    made[place + rest] = UPDATES[how](made[place + rest], updates[at + rest])
        return [made]

    return (scatter,)


def scatter_elements(how, axis):
    def scatter(data, indices, updates):
        made = data.copy()
        for at in np.ndindex(indices.shape):
            place = list(at)
            place[axis] = int(indices[at])
            if -data.shape[axis] <= place[axis] < data.shape[axis]:
                made[tuple(place)] = UPDATES[how](made[tuple(place)], updates[at])
        return [made]

    return (scatter,)


def scatters(Case, rng):
    for how, kind in itertools.product(UPDATES, (np.float32, np.int32)):
        value = lambda *shape: rng.integers(-3, 4, shape).astype(kind)
        words = dict(reduction=how) if how != "none" else {}
        calls = []
        for shape, count in [((9, 5, 4), 70), ((3, 2, 1), 4), ((4, 3, 2), 0), ((0, 3, 2), 3)]:
            # Negative places, the same one many times, some outside.
            indices = np.stack([rng.integers(-size - 1, size + 1, (count, 2)) for size in shape[:2]], -1)
            calls.append(dict(data=value(*shape), indices=indices, updates=value(count, 2, shape[2])))
        dims = unknown(calls[0])
        dims["indices"][-1] = None
        yield Case(f"ScatterND {how} of {np.dtype(kind)}", "ScatterND", calls, dims=dims, judges=scatter_nd(how),
                   types={0: TYPES[np.dtype(kind)]}, **words)
        calls = []
        for shape, inner in [((6, 7, 5), (4, 9, 5)), ((6, 7, 5), (0, 3, 2)), ((2, 0, 3), (2, 4, 3))]:
            indices = rng.integers(-shape[1] - 1, shape[1] + 1, inner)
            calls.append(dict(data=value(*shape), indices=indices, updates=value(*inner)))
        yield Case(f"ScatterElements {how} of {np.dtype(kind)}", "ScatterElements", calls, dims=unknown(calls[0]),
                   judges=scatter_elements(how, 1), types={0: TYPES[np.dtype(kind)]}, axis=1, **words)


# ---- totals ------------------------------------------------------------------------------------------


def total(exclusive, reverse):
    def total_of(x, axis):
        y = np.flip(x, axis) if reverse else x
        made = np.cumsum(y.astype(np.float64) if x.dtype.kind == "f" else y, axis).astype(x.dtype)
        if exclusive and x.shape[axis]:
            made = np.concatenate([np.zeros_like(np.take(made, [0], axis)), np.take(made, range(x.shape[axis] - 1), axis)], axis)
        return [np.flip(made, axis) if reverse else made]

    return (total_of,)


def totals(Case, rng):
    for exclusive, reverse in itertools.product((0, 1), (0, 1)):
        words = dict(exclusive=exclusive, reverse=reverse, judges=total(exclusive, reverse))
        arrays = [rng.integers(-9, 10, shape).astype(np.int32) for shape in [(3, 40, 5), (1, 1, 1), (2, 0, 3)]]
        calls = [dict(x=x, axis=np.array(axis)) for x in arrays for axis in (0, 1, -1)]
        yield Case(f"CumSum of an axis of the call, exclusive {exclusive} reverse {reverse}", "CumSum", calls,
                   dims=unknown(calls[0]), types={0: 6}, **words)
        x = rng.standard_normal((4, 300)).astype(np.float32)
        yield Case(f"CumSum of rows, exclusive {exclusive} reverse {reverse}", "CumSum", [dict(x=x, axis=np.array(1))],
                   dims=dict(x=["n", None]), types={0: 1}, **words)


# ---- a count that the data give ----------------------------------------------------------------------


def places(x):
    return [np.array(np.nonzero(x)).astype(np.int64).reshape(x.ndim, -1)]


def chosen(x, flags):
    return [np.compress(flags, x, 0)]


def found(Case, rng):
    arrays = [((rng.random(shape) < 0.3) * rng.standard_normal(shape)).astype(np.float32) for shape in [(50, 40), (1, 1), (3, 0)]]
    arrays += [np.zeros((4, 5), np.float32), np.full((4, 5), np.nan, np.float32), np.array([[-0.0, 1.0]], np.float32)]
    yield Case("NonZero", "NonZero", [dict(x=x) for x in arrays], dims=unknown(dict(x=arrays[0])), judges=(places,))
    x = rng.standard_normal((30, 4)).astype(np.float32)
    flags = [rng.random(30) < limit for limit in (0.5, 0.0, 1.1)] + [np.array([True, False, True])]
    calls = [dict(x=x, flags=f) for f in flags]
    yield Case("Compress", "Compress", calls, dims=unknown(calls[0]), judges=(chosen,), axis=0, types={0: 1})


# ---- each once ---------------------------------------------------------------------------------------


def once(axis, ordered):
    def unique(x):
        values, firsts, inverse, counts = np.unique(x, True, True, True, axis=axis)
        inverse = inverse.reshape(-1)
        if not ordered:
            order = np.argsort(firsts)
            place = np.argsort(order)
            values, firsts, counts, inverse = np.take(values, order, axis or 0), firsts[order], counts[order], place[inverse]
        return [values, *(a.astype(np.int64) for a in (firsts, inverse, counts))]

    return (unique,)


def uniques(Case, rng):
    flat = [rng.integers(-20, 20, shape).astype(np.float32) for shape in [(30, 40), (1, 1), (5, 1), (0, 3)]]
    flat.append(np.array([[0.0, -0.0, np.nan, 2.0, np.nan, -np.inf, 2.0]], np.float32))
    rows = [rng.integers(0, 2, shape).astype(np.int32) for shape in [(60, 4), (1, 3), (7, 1)]]
    for ordered in (1, 0):
        words = dict(outputs=4, types={1: 7, 2: 7, 3: 7}, sorted=ordered)
        yield Case(f"Unique, sorted {ordered}", "Unique", [dict(x=x) for x in flat], dims=unknown(dict(x=flat[0])),
                   judges=once(None, ordered), **{**words, "types": {0: 1, **words["types"]}})
        for axis in (0, 1):
            yield Case(f"Unique of axis {axis}, sorted {ordered}", "Unique", [dict(x=x) for x in rows],
                       dims=unknown(dict(x=rows[0])), judges=once(axis, ordered), axis=axis,
                       **{**words, "types": {0: 6, **words["types"]}})


# ---- boxes -------------------------------------------------------------------------------------------


def suppressions(Case, rng):
    for centred, least in itertools.product((0, 1), (None, 0.4)):
        calls = []
        for batches, classes, count, most in [(2, 3, 300, 20), (1, 1, 40, 100), (1, 2, 1, 5), (1, 1, 30, 0)]:
            corner, size = rng.random((batches, count, 2)) * 50, rng.random((batches, count, 2)) * 20
            call = dict(boxes=np.concatenate([corner, size if centred else corner + size], -1).astype(np.float32),
                        scores=rng.random((batches, classes, count)).astype(np.float32), most=np.array([most]),
                        overlap=np.array([0.3], np.float32))
            calls.append(call if least is None else dict(call, least=np.array([least], np.float32)))
        dims = unknown(dict(boxes=calls[0]["boxes"], scores=calls[0]["scores"]))
        dims["boxes"][-1] = None
        yield Case(f"NonMaxSuppression, centred {centred}, least score {least}", "NonMaxSuppression", calls, dims=dims,
                   judges=("onnxruntime",), center_point_box=centred, types={0: 7})


# ---- Fourier transforms ------------------------------------------------------------------------------


def spectrum(length, inverse, onesided, axis=1):
    def dft(x):
        y = x[..., 0] + 1j * x[..., 1] if x.shape[-1] == 2 else x[..., 0].astype(np.complex128)
        if inverse and onesided:
            return [np.fft.irfft(y, length, axis)[..., None].astype(x.dtype)]
        made = (np.fft.ifft if inverse else np.fft.fft)(y, length, axis)
        if onesided:
            made = np.take(made, range(made.shape[axis] // 2 + 1), axis)
        return [np.stack([made.real, made.imag], -1).astype(x.dtype)]

    return (dft,)


def transforms(Case, rng):
    wave = lambda *shape: rng.standard_normal(shape).astype(np.float32)
    for length in (1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 30, 97, 128, 1000, 1024):
        calls = [dict(x=wave(n, length, 2)) for n in (1, 3)]
        for inverse in (0, 1):
            yield Case(f"DFT of {length}, inverse {inverse}", "DFT", calls, dims=dict(x=["n", None, None]), opset=18, axis=1,
                       judges=spectrum(None, inverse, 0), inverse=inverse, types={0: 1}, atol=1e-6)
        yield Case(f"DFT of {length} real numbers, onesided", "DFT", [dict(x=wave(2, length, 1))], opset=18, axis=1,
                   judges=spectrum(None, 0, 1), onesided=1, types={0: 1}, atol=1e-6)
    for length, axis in itertools.product((5, 12, 20), (0, 1, 2)):
        yield Case(f"DFT of 12 numbers, {length} of them, axis {axis}", "DFT", [dict(x=wave(12, 12, 12, 1))], opset=18, axis=axis,
                   constants=dict(length=np.array(length)), judges=spectrum(length, 0, 0, axis), types={0: 1}, atol=1e-6)
    yield Case("DFT of f64", "DFT", [dict(x=wave(1, 60, 2).astype(np.float64))], opset=18, axis=1, judges=spectrum(None, 0, 0),
               types={0: 11}, atol=1e-12)
    yield Case("DFT of an unknown length", "DFT", [dict(x=wave(2, n, 2)) for n in (1, 10, 33)], dims=dict(x=[None, "n", None]),
               opset=18, axis=1, judges=spectrum(None, 0, 0), types={0: 1}, atol=1e-6)


def cases(Case):
    rng = np.random.default_rng(3)
    for family in (top_k, scatters, totals, found, uniques, suppressions, transforms):
        yield from family(Case, rng)
