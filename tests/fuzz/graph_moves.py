"""Operators that move elements, and those that make them from shapes."""

import math

import numpy as np
from onnx import helper, numpy_helper

from graph_elementwise import axis_of, some
from graph_judge import Refused
from graph_values import ANY, BOOL, F32, FLOATS, I32, I64, INTEGERS, NUMBERS


def positive(g, axis, rank):
    return axis - rank if g.chance(0.3) else axis


def factors(g, count, size):
    """`count` extents whose product is `size`."""
    made = []
    for _ in range(count - 1):
        n = g.rng.choice([d for d in range(1, size + 1) if size % d == 0][:24]) if size else g.rng.choice([0, 1, 2])
        made.append(n)
        size //= max(n, 1)
    return [*made, size]


def reshape(g):
    x = g.pick(ANY)
    if g.sets == 2 and not x.static:
        # A leading extent that the target keeps (0) or leaves open (-1).
        if x.rank == 0 or any(0 in d for d in x.dims):
            raise Refused("no target")
        fixed = [d[0] for d in x.dims[1:] if len(set(d)) == 1]
        target = g.rng.choice([[-1], [0, -1], [1, -1], [-1, math.prod(fixed[-1:])] if len(set(x.dims[-1])) == 1 else [-1, 1]])
        return g.apply("Reshape", [x, g.integers(target)])
    size = x.arrays[0].size
    target = factors(g, g.rng.randint(1 if size != 1 else 0, 5) or 1, size) if size != 1 or g.chance(0.9) else []
    if target and size and g.chance(0.5):
        target[g.rng.randrange(len(target))] = -1
    elif size and target and g.chance(0.3) and x.rank and x.arrays[0].shape[0] == target[0]:
        target[0] = 0
    allow = {"allowzero": 1} if size == 0 else {}
    g.apply("Reshape", [x, g.integers(target)], **allow)


def flatten(g):
    x = g.pick(ANY)
    g.apply("Flatten", [x], **some(g, axis=g.rng.randint(-x.rank, x.rank)))


def squeeze(g):
    x = g.pick(ANY, where=lambda v: (1,) * g.sets in v.dims)
    ones = [i for i, d in enumerate(x.dims) if set(d) == {1}]
    axes = [positive(g, a, x.rank) for a in g.rng.sample(ones, g.rng.randint(1, len(ones)))]
    g.apply("Squeeze", [x, g.integers(axes) if g.chance(0.8) or x.opaque else None])


def unsqueeze(g):
    x = g.pick(ANY, range(6))
    more = g.rng.randint(1, 2)
    axes = [positive(g, a, x.rank + more) for a in g.rng.sample(range(x.rank + more), more)]
    g.apply("Unsqueeze", [x, g.integers(axes)])


def transpose(g):
    x = g.pick(ANY)
    order = list(range(x.rank))
    g.rng.shuffle(order)
    g.apply("Transpose", [x], **some(g, perm=order))


def concat(g):
    x = g.pick(ANY, range(1, 9))
    axis = axis_of(g, x.rank)
    parts = [x]
    for _ in range(g.rng.choice([0, 1, 1, 2, 3])):
        dims = list(x.dims)
        if not x.opaque:
            dims[axis] = g.extent()
        parts.append(g.fresh(x.dtype, dims))
    g.rng.shuffle(parts)
    g.apply("Concat", parts, axis=axis)


def split(g):
    x = g.pick(ANY, range(1, 6), least=1)
    axis = axis_of(g, x.rank)
    if len(set(x.dims[axis])) > 1:
        raise Refused("a symbolic extent")
    size = x.dims[axis][0]
    cuts = sorted(g.rng.randint(0, size) for _ in range(g.rng.randint(0, 3)))
    sizes = [b - a for a, b in zip([0, *cuts], [*cuts, size])]
    wanted = [g.common or g.chance(0.8) for _ in sizes]  # onnxruntime crashes where one is left out
    if g.opset >= 18 and g.chance(0.4):
        return g.apply("Split", [x], wanted, axis=axis, num_outputs=len(sizes))
    if len(sizes) == 1 or all(s == sizes[0] for s in sizes) and g.opset < 18 and g.chance(0.5):
        return g.apply("Split", [x] if g.opset < 18 else [x, g.integers(sizes)], wanted, axis=axis)
    g.apply("Split", [x, g.integers(sizes)], wanted, axis=axis)


def slice_(g):
    x = g.pick(ANY, range(1, 9))
    axes = g.rng.sample(range(x.rank), g.rng.randint(1, min(3, x.rank)))
    far = [2**31 - 1, 2**63 - 1, -(2**63), -(2**31)]
    starts, ends, steps = [], [], []
    for a in axes:
        size = max(x.dims[a])
        starts.append(g.rng.choice([0, -1, g.rng.randint(-size - 2, size + 2), g.rng.choice(far)]))
        ends.append(g.rng.choice([size, -1, g.rng.randint(-size - 2, size + 2), g.rng.choice(far)]))
        steps.append(g.rng.choice([1, 1, 1, 2, 3, -1, -1, -2, size + 3]))
    named = g.chance(0.8) or axes != list(range(len(axes)))
    stepped = g.chance(0.6)
    if g.chance(0.3):
        both = [starts, ends, [positive(g, a, x.rank) for a in axes], steps]
        if all(-(2**31) <= n < 2**31 for part in both for n in part):
            return g.apply("Slice", [x, g.integers(starts, I32), g.integers(ends, I32), g.integers(both[2], I32), g.integers(steps, I32)])
    g.apply("Slice", [x, g.integers(starts), g.integers(ends), g.integers([positive(g, a, x.rank) for a in axes]) if named else None,
                      g.integers(steps) if stepped else None])


def expand(g):
    x = g.pick(ANY, range(5))
    if not x.static:
        raise Refused("a symbolic extent")
    shape = [g.rng.choice([1, d[0]]) if d[0] != 1 else g.rng.choice([1, 2, 3, 5]) for d in x.dims][g.rng.choice([0, 0, 1]):]
    shape = [g.rng.choice([1, 2, 3]) for _ in range(g.rng.choice([0, 0, 1, 2]))] + (shape if len(shape) == x.rank else shape)
    g.apply("Expand", [x, g.integers(shape)])


def tile(g):
    x = g.pick(ANY, range(1, 6))
    g.apply("Tile", [x, g.integers([g.rng.choice([1, 1, 2, 3, 0] if g.chance(0.2) else [1, 1, 2, 3]) for _ in range(x.rank)])])


def pad(g):
    x = g.pick([F32, F32, *ANY], range(1, 6))
    mode = g.rng.choice(["constant", "constant", "reflect", "edge", "wrap"])
    least = [min(d) for d in x.dims]
    if mode != "constant" and 0 in least:
        raise Refused("nothing to repeat")
    most = [4 if mode in ("constant", "edge") else n - 1 if mode == "reflect" else n for n in least]
    axes = list(range(x.rank))
    by_axes = g.opset >= 18 and g.chance(0.4)
    if by_axes:
        axes = g.rng.sample(axes, g.rng.randint(1, x.rank))
    pads = [g.rng.randint(0, min(3, most[a])) for a in axes * 2]
    if mode == "constant" and g.chance(0.15) or mode in ("edge",) and g.chance(0.1):
        pads = [-g.rng.randint(0, least[a] // 2) if g.chance(0.5) else p for a, p in zip(axes * 2, pads)]
    value = g.fresh(x.dtype, []) if mode == "constant" and g.chance(0.5) else None
    named = g.integers([positive(g, a, x.rank) for a in axes], g.rng.choice([I32, I64])) if by_axes else None
    g.apply("Pad", [x, g.integers(pads), value, named], **({} if mode == "constant" and g.chance(0.5) else {"mode": mode}))


def indices(g, shape, size, dtype=I64, negative=True):
    """A function that fills with indices below `size`."""
    return lambda s: np.asarray(g.np.integers(-size if negative else 0, size, s))


def gather(g):
    x = g.pick(ANY, range(1, 6), least=1)
    axis = axis_of(g, x.rank)
    size = min(a.shape[axis] for a in x.arrays)
    which = g.fresh(g.rng.choice([I32, I64]), g.shape(g.rng.choice([0, 1, 1, 2])), fill=indices(g, None, size))
    g.apply("Gather", [x, which], **({"axis": axis} if axis or g.chance(0.5) else {}))


def gather_elements(g):
    x = g.pick(ANY, range(1, 5), least=1)
    axis = axis_of(g, x.rank)
    dims = list(x.dims)
    dims[axis] = g.extent()
    size = min(a.shape[axis] for a in x.arrays)
    g.apply("GatherElements", [x, g.fresh(g.rng.choice([I32, I64]), dims, fill=indices(g, None, size))], axis=axis)


def nd_indices(g, x, batch=0):
    depth = g.rng.randint(1, x.rank - batch)
    lead = [*x.dims[:batch], *g.shape(g.rng.choice([0, 1, 1, 2]), least=1)]

    def fill(shape):
        limits = [min(d) for d in x.dims[batch:batch + depth]]
        return np.stack([g.np.integers(-n, n, shape[:-1]) for n in limits], -1)

    return lead, depth, fill


def gather_nd(g):
    x = g.pick(ANY, range(1, 6), least=1)
    batch = g.rng.choice([0, 0, 1]) if x.rank > 1 else 0
    lead, depth, fill = nd_indices(g, x, batch)
    g.apply("GatherND", [x, g.fresh(I64, [*lead, (depth,) * g.sets], fill=fill)], **({"batch_dims": batch} if batch else {}))


def scatter_elements(g):
    x = g.pick(ANY, range(1, 5), least=1)
    axis = axis_of(g, x.rank)
    dims = [(g.rng.randint(1, min(d)),) * g.sets if not g.chance(0.5) else d for d in x.dims]
    if len(set(dims[axis])) > 1:
        dims[axis] = (min(dims[axis]),) * g.sets
    size = min(a.shape[axis] for a in x.arrays)
    reduction = g.rng.choice(["none", "add", "mul", "max", "min"]) if g.opset >= 16 and x.dtype != BOOL else "none"

    def fill(shape):
        rows = np.stack([g.np.permutation(size)[:shape[axis]] for _ in range(max(1, math.prod(shape) // max(shape[axis], 1)))], 0)
        rest = [n for i, n in enumerate(shape) if i != axis % len(shape)]
        return np.moveaxis(rows.reshape([*rest, shape[axis]]), -1, axis) - (size if g.chance(0.2) else 0)

    if min(dims[axis]) > size:
        raise Refused("more updates than rows")
    which = g.fresh(g.rng.choice([I32, I64]), dims, fill=fill if reduction == "none" else indices(g, None, size))
    g.apply("ScatterElements", [x, which, g.fresh(x.dtype, dims)], axis=axis, **({"reduction": reduction} if reduction != "none" else {}))


def scatter_nd(g):
    x = g.pick(ANY, range(1, 5), least=1)
    lead, depth, fill = nd_indices(g, x)
    reduction = g.rng.choice(["none", "add", "mul", "max", "min"]) if g.opset >= 16 and x.dtype != BOOL else "none"
    limits = [min(d) for d in x.dims[:depth]]
    if reduction == "none":
        count = min(math.prod(limits), g.rng.randint(1, 12))
        lead = [(count,) * g.sets]

        def fill(shape):
            return np.stack(np.unravel_index(g.np.permutation(math.prod(limits))[:count], limits), -1)

    updates = g.fresh(x.dtype, [*lead, *x.dims[depth:]])
    g.apply("ScatterND", [x, g.fresh(I64, [*lead, (depth,) * g.sets], fill=fill), updates],
            **({"reduction": reduction} if reduction != "none" else {}))


def depth_to_space(g):
    b = g.rng.choice([1, 2, 3])
    if g.chance(0.5):
        x = g.pick([F32, *FLOATS, *INTEGERS], 4, where=lambda v: all(n % (b * b) == 0 for n in v.dims[1]))
        return g.apply("DepthToSpace", [x], blocksize=b, **some(g, mode=g.rng.choice(["DCR", "CRD"])))
    x = g.pick([F32, *FLOATS, *INTEGERS], 4, where=lambda v: all(n % b == 0 for d in v.dims[2:] for n in d))
    g.apply("SpaceToDepth", [x], blocksize=b)


def reverse_sequence(g):
    x = g.pick(ANY, range(2, 5), least=1)
    batch = g.rng.choice([0, 1])
    length = min(x.dims[1 - batch])
    g.apply("ReverseSequence", [x, g.fresh(I64, [x.dims[batch]], fill=lambda s: g.np.integers(1, length + 1, s))],
            batch_axis=batch, time_axis=1 - batch)


def trilu(g):
    x = g.pick(ANY, range(2, 5))
    g.apply("Trilu", [x, g.integers([g.rng.randint(-5, 5)], scalar=True) if g.chance(0.6) else None], **some(g, upper=g.rng.randrange(2)))


def one_hot(g):
    x = g.pick([I64], range(1, 4), fill=lambda s: g.np.integers(-6, 7, s))
    depth = g.integers([g.rng.randint(1, 6)], scalar=g.common or g.chance(0.5))
    values = g.fresh(g.dtype([F32, I64, F32]), [(2,) * g.sets])
    g.apply("OneHot", [x, depth, values], **some(g, axis=g.rng.randint(-x.rank - 1, x.rank)))


def from_shape(g):
    x = g.pick(ANY)
    operator = g.rng.choice(["Shape", "Size", "ConstantOfShape", "EyeLike", "Range"])
    if operator == "Shape":
        more = some(g, start=g.rng.randint(-x.rank - 1, x.rank + 1), end=g.rng.randint(-x.rank - 1, x.rank + 1)) if g.opset >= 15 else {}
        return g.apply("Shape", [x], **more)
    if operator == "Size":
        return g.apply("Size", [x])
    if operator == "ConstantOfShape":
        value = numpy_helper.from_array(g.array(g.dtype(ANY), (1,)), "value")
        return g.apply("ConstantOfShape", [g.integers([g.rng.choice([0, 1, 2, 3, 4]) if g.chance(0.2) else g.rng.randint(1, 5)
                                                       for _ in range(g.rng.randint(0, 4))])], **some(g, value=value))
    if operator == "EyeLike":
        x = g.pick(NUMBERS, 2)
        return g.apply("EyeLike", [x], **some(g, k=g.rng.randint(-3, 3), dtype=helper.np_dtype_to_tensor_dtype(g.dtype([F32, I64, I32]))))
    t = g.dtype([F32, I64, I32])
    start, step = g.rng.randint(-5, 5), g.rng.choice([-2, -1, 1, 2, 3])
    limit = start + step * g.rng.randint(2, 12)
    g.apply("Range", [g.fresh(t, [], fill=lambda s, n=n: n) for n in (start, limit, step)])


def selection(g):
    operator = g.rng.choice(["NonZero", "Compress", "Unique"])
    if operator == "NonZero":
        return g.apply("NonZero", [g.pick(ANY, range(1, 5))])
    x = g.pick(ANY if operator == "Compress" else [F32, I64, F32], range(1, 5), least=1)
    axis = axis_of(g, x.rank) if g.chance(0.6) else None
    if operator == "Unique":
        return g.apply("Unique", [x], [True] + [g.chance(0.4) for _ in range(3)], axis=axis, **some(g, sorted=1))
    count = min(x.dims[axis]) if axis is not None else min(a.size for a in x.arrays)
    g.apply("Compress", [x, g.fresh(BOOL, [(g.rng.randint(1, count),) * g.sets])], axis=axis)


def center_crop_pad(g):
    x = g.pick(ANY, range(1, 5))
    axes = g.rng.sample(range(x.rank), g.rng.randint(1, x.rank)) if g.chance(0.5) else None
    count = len(axes) if axes else x.rank
    g.apply("CenterCropPad", [x, g.integers([g.rng.randint(1, 9) for _ in range(count)])], axes=axes)


KINDS = {reshape: 8, flatten: 2, squeeze: 3, unsqueeze: 4, transpose: 6, concat: 6, split: 4, slice_: 7, expand: 4, tile: 2, pad: 5, gather: 5,
         gather_elements: 2, gather_nd: 2, scatter_elements: 2, scatter_nd: 2, depth_to_space: 2, reverse_sequence: 1, trilu: 1, one_hot: 2,
         from_shape: 5, selection: 2, center_crop_pad: 1}
