"""Sums of many halves: one that counts ones stops at 2,048 unless the sum is of a wider type."""
import numpy as np

COUNT = 6000


def ones(*shape):
    return np.ones(shape, np.float16)


def always(value):
    """A judge that knows the result."""
    def known(**call):
        return [np.asarray(value, np.float16)]
    return known


def cases(Case):
    def case(title, op, call, value, **more):
        return Case(title, op, call, judges=(always(value),), atol=0, types={0: 10}, **more)

    axes = {"axes": np.asarray([1])}
    for op, value in [("ReduceSum", COUNT), ("ReduceMean", 1), ("ReduceL1", COUNT), ("ReduceL2", COUNT**0.5), ("ReduceSumSquare", COUNT),
                      ("ReduceLogSum", np.log(COUNT)), ("ReduceLogSumExp", 1 + np.log(COUNT))]:
        yield case(f"{op} of ones", op, {"x": ones(2, COUNT)}, [[value]] * 2, constants=axes, keepdims=1)
        yield case(f"{op} of ones, however many", op, {"x": ones(2, COUNT)}, [[value]] * 2, constants=axes, dims={"x": [None, "n"]}, keepdims=1)
    yield case("a product that leaves the range of halves before it meets a zero", "ReduceProd",
               {"x": np.asarray([[2] * 17 + [0] + [0.5] * 12], np.float16)}, [[0]], constants=axes, keepdims=1)
    yield case("CumSum of ones", "CumSum", {"x": ones(COUNT)}, np.arange(1, COUNT + 1), constants={"axis": np.asarray(0)})
    for op, more in [("Gemm", {}), ("MatMul", {}), ("Einsum", {"equation": "ab,bc->ac"})]:
        yield case(f"{op} of ones", op, {"a": ones(3, COUNT), "b": ones(COUNT, 5)}, np.full((3, 5), COUNT), **more)
    yield case("Gemm of ones, of the first versions", "Gemm", {"a": ones(3, COUNT), "b": ones(COUNT, 5), "c": ones(5)}, np.full((3, 5), COUNT + 1),
               opset=6, broadcast=1)
    yield case("Conv of ones", "Conv", {"x": ones(1, COUNT // 9, 3, 3), "w": ones(4, COUNT // 9, 3, 3)}, np.full((1, 4, 1, 1), COUNT // 9 * 9))
    yield case("ConvTranspose of ones", "ConvTranspose", {"x": ones(1, COUNT, 1, 1), "w": ones(COUNT, 3, 2, 2)}, np.full((1, 3, 2, 2), COUNT),
               strides=[2, 2])
    yield case("GlobalAveragePool of ones", "GlobalAveragePool", {"x": ones(1, 2, 80, 80)}, np.ones((1, 2, 1, 1)))
