#!/usr/bin/env python3
"""Kernels of sizes that are not known: ragged.py BUILD [--only=TEXT] [--show]

Each model is compiled for this machine and for narrower ones. Its kernels' loops are read from the LLVM IR: each must be
vector code or what is peeled off such a loop. Then sizes around a vector's width are run, between guard pages, and compared
with onnxruntime.
"""
import collections, pathlib, platform, shutil, sys

import numpy as np
import onnx
from onnx import TensorProto, helper

import kernel_code
from halcyon import Count, Tools
from shapes import B, F, I, Model, f, i, one, reference

H, D, S8, U8, S32 = TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.INT8, TensorProto.UINT8, TensorProto.INT32
W = 16  # floats in the widest vector
SIZES = [W, 0, 1, W - 1, W + 1, 2 * W + 3, 5 * W + 2]
RNG = np.random.default_rng(5)


def s8(*shape):
    return RNG.integers(-9, 9, shape).astype("i1")


def u8(*shape):
    return RNG.integers(0, 18, shape).astype("u1")


def n1(value, kind="f4"):
    return np.array(value, kind)


SCALES = {"sa": n1(0.25), "za": n1(3, "u1"), "sb": n1(0.5), "zb": n1(0, "i1"), "sy": n1(2.0), "zy": n1(100, "u1")}
X = {"x": (F, ["n"])}
XV = {"x": (F, ["n"]), "v": (F, ["n"])}
M = {"x": (F, ["n", "m"])}
IMAGE = {"x": (F, ["n", 5, "h", "w"])}


def conv(w, **attributes):
    return one("Conv", {"x": (F, ["n", attributes.pop("channels", w.shape[1]), *"hw"[: w.ndim - 2]])}, {"w": w, "b": f(len(w))}, **attributes)


def square(size):
    return [size, size]


# (title, model, least size of each symbol)
CASES = [
    ("matmul, rows", one("MatMul", {"x": (F, ["n", 37])}, {"w": f(37, 19)}), {}),
    ("matmul, one panel", one("MatMul", {"x": (F, ["n", 64])}, {"w": f(64, 16)}), {}),
    ("matmul, three columns", one("MatMul", {"x": (F, ["n", 37])}, {"w": f(37, 3)}), {}),
    ("matmul, one column", one("MatMul", {"x": (F, ["n", 37])}, {"w": f(37, 1)}), {}),
    ("matmul, everything", one("MatMul", {"x": (F, ["n", "k"]), "v": (F, ["k", "m"])}), {}),
    ("matmul, the sum", one("MatMul", {"x": (F, [5, "k"]), "v": (F, ["k", 19])}), {}),
    ("matmul of batches", one("MatMul", {"x": (F, ["b", "n", "k"]), "v": (F, ["b", "k", "m"])}), {}),
    ("matmul of doubles", one("MatMul", {"x": (D, ["n", "k"]), "v": (D, ["k", "m"])}), {}),
    ("matrix by vector", one("MatMul", {"x": (F, ["n", "k"]), "v": (F, ["k"])}), {}),
    ("Gemm, turned", one("Gemm", {"x": (F, ["n", "k"]), "v": (F, ["m", "k"])}, {"c": f(1)}, transB=1), {}),
    ("Gemm, bias and relu", Model([("Gemm", "x,w,c", "t", {}), ("Relu", "t", "r", {})], {"x": (F, ["n", 33])}, {"w": f(33, 21), "c": f(21)}), {}),
    ("convolution", conv(f(7, 5, 3, 3), pads=[1, 1, 1, 1]), {"h": 1, "w": 1}),
    ("convolution by tiles", conv(f(40, 37, 3, 3), pads=[1, 1, 1, 1]), {"h": 1, "w": 1}),
    ("convolution, valid", conv(f(16, 5, 3, 3)), {"h": 3, "w": 3}),
    ("convolution, stride 2", conv(f(20, 3, 3, 3), strides=square(2), pads=[1, 1, 1, 1]), {"h": 1, "w": 1}),
    ("convolution, dilated", conv(f(8, 5, 3, 3), dilations=square(2), pads=[2, 2, 2, 2]), {"h": 1, "w": 1}),
    ("convolution, 1x1", conv(f(19, 6, 1, 1)), {"h": 1, "w": 1}),
    ("convolution, groups", conv(f(8, 3, 3, 3), group=2, channels=6, pads=[1, 1, 1, 1]), {"h": 1, "w": 1}),
    ("convolution, one dimension", conv(f(9, 4, 5), pads=[2, 2]), {"h": 1}),
    ("convolution, the batch alone", one("Conv", {"x": (F, ["n", 3, 9, 11])}, {"w": f(18, 3, 3, 3)}, pads=[1, 1, 1, 1]), {}),
    ("depthwise", conv(f(20, 1, 3, 3), group=20, channels=20, pads=[1, 1, 1, 1]), {"h": 1, "w": 1}),
    ("depthwise, stride 2", conv(f(20, 1, 3, 3), group=20, channels=20, strides=square(2), pads=[1, 1, 1, 1]), {"h": 1, "w": 1}),
    ("MaxPool", one("MaxPool", IMAGE, kernel_shape=square(3), strides=square(2), pads=[1, 1, 1, 1]), {"h": 1, "w": 1}),
    ("AveragePool", one("AveragePool", IMAGE, kernel_shape=square(2)), {"h": 2, "w": 2}),
    ("GlobalAveragePool", one("GlobalAveragePool", IMAGE), {"h": 1, "w": 1}),
    ("add", one("Add", XV), {}),
    ("add to rows", one("Add", {"x": (F, ["n", "m"]), "v": (F, ["m"])}), {}),
    ("add to columns", one("Add", {"x": (F, ["n", "m"]), "v": (F, ["n", 1])}), {"n": 2, "m": 2}),
    ("tanh of a product", Model([("Mul", "x,v", "t", {}), ("Tanh", "t", "r", {})], XV), {}),
    ("halves", one("Add", {"x": (H, ["n"]), "v": (H, ["n"])}), {}),
    ("doubles", one("Exp", {"x": (D, ["n"])}), {}),
    ("bytes", one("Add", {"x": (U8, ["n"]), "v": (U8, ["n"])}), {}),
    ("integers", one("Mul", {"x": (I, ["n"]), "v": (I, ["n"])}), {}),
    ("bools", one("And", {"x": (B, ["n"]), "v": (B, ["n"])}), {}),
    ("a comparison", one("Less", XV), {}),
    ("Where", one("Where", {"c": (B, ["n"]), **XV}), {}),
    ("cast to bytes", one("Cast", {"x": (S32, ["n"])}, to=S8), {}),
    ("cast to float", one("Cast", {"x": (U8, ["n"])}, to=F), {}),
    ("sum of rows", one("ReduceSum", M, {"a": i(1)}), {}),
    ("sum of columns", one("ReduceSum", M, {"a": i(0)}), {}),
    ("sum of everything", one("ReduceSum", M), {}),
    ("sum of bytes", one("ReduceSum", {"x": (S32, ["n", "m"])}, {"a": i(1)}), {}),
    ("greatest of rows", one("ReduceMax", M, {"a": i(1)}), {"m": 1}),
    ("greatest of columns", one("ReduceMax", M, {"a": i(0)}), {"n": 1}),
    ("mean of the middle", one("ReduceMean", {"x": (F, ["n", "m", "k"])}, {"a": i(1)}), {"m": 1}),
    ("softmax", one("Softmax", M, axis=1), {}),
    ("softmax of columns", one("Softmax", M, axis=0), {}),
    ("layer norm", one("LayerNormalization", {"x": (F, ["n", 35])}, {"s": f(35), "b": f(35)}), {}),
    ("layer norm, width", one("LayerNormalization", {"x": (F, ["n", "m"]), "s": (F, ["m"])}), {"m": 1}),
    ("transpose", one("Transpose", M, perm=[1, 0]), {}),
    ("transpose, batches", one("Transpose", {"x": (F, ["n", "m", "k"])}, perm=[0, 2, 1]), {}),
    ("transpose, heads", one("Transpose", {"x": (F, ["n", "m", 4, 19])}, perm=[0, 2, 1, 3]), {}),
    ("transpose of bytes", one("Transpose", {"x": (U8, ["n", "m"])}, perm=[1, 0]), {}),
    ("transpose of halves", one("Transpose", {"x": (H, ["n", "m"])}, perm=[1, 0]), {}),
    ("transpose of doubles", one("Transpose", {"x": (D, ["n", "m"])}, perm=[1, 0]), {}),
    ("transpose to channels last", one("Transpose", {"x": (F, ["n", 3, "h", "w"])}, perm=[0, 2, 3, 1]), {}),
    ("Concat of rows", one("Concat", {"x": (F, ["n", "m"]), "v": (F, ["k", "m"])}, axis=0), {}),
    ("Concat of columns", one("Concat", {"x": (F, ["n", "m"]), "v": (F, ["n", "k"])}, axis=1), {}),
    ("Slice", one("Slice", M, {"s": i(1), "e": i(-1), "a": i(1)}), {}),
    ("Slice, every second", one("Slice", M, {"s": i(0), "e": i(1 << 40), "a": i(1), "t": i(2)}), {}),
    ("Slice, backwards", one("Slice", M, {"s": i(-1), "e": i(-(1 << 40)), "a": i(1), "t": i(-1)}), {}),
    ("Pad", one("Pad", M, {"p": i(0, 2, 1, 3)}), {}),
    ("Pad, reflected", one("Pad", M, {"p": i(0, 2, 0, 3)}, mode="reflect"), {"n": 1, "m": 4}),
    ("Pad, reflected, rows", one("Pad", {"x": (F, ["n", 37])}, {"p": i(0, 12, 0, 36)}, mode="reflect"), {}),
    ("Pad, edge", one("Pad", M, {"p": i(0, 2, 1, 3)}, mode="edge"), {"n": 1, "m": 1}),
    ("Gather of rows", one("Gather", M, {"r": i(0, 1, 0)}, axis=0), {"n": 2}),
    ("Expand", one("Expand", {"x": (F, ["n", 1])}, {"s": i(1, 35)}), {}),
    ("Tile", one("Tile", M, {"r": i(2, 3)}), {}),
    ("quantize", one("QuantizeLinear", M, {"s": n1(0.1), "z": n1(3, "u1")}), {}),
    ("dequantize", one("DequantizeLinear", {"x": (S8, ["n", "m"])}, {"s": n1(0.1), "z": n1(3, "i1")}), {}),
    ("quantised sum", one("MatMulInteger", {"x": (U8, ["n", 37])}, {"w": s8(37, 19)}), {}),
    ("quantised sum, everything", one("MatMulInteger", {"x": (U8, ["n", "k"]), "v": (S8, ["k", "m"])}), {"k": 1}),
    ("quantised product", one("QLinearMatMul", {"x": (U8, ["n", 37])}, {"w": s8(37, 19), **SCALES}, order="x sa za w sb zb sy zy".split()), {}),
    ("quantised convolution", one("QLinearConv", {"x": (U8, ["n", 5, "h", "w"])}, {"k": s8(9, 5, 3, 3), **SCALES}, order="x sa za k sb zb sy zy".split(),
                                  pads=[1, 1, 1, 1]), {"h": 1, "w": 1}),
    ("quantised depthwise", one("QLinearConv", {"x": (U8, ["n", 20, "h", "w"])}, {"k": s8(20, 1, 3, 3), **SCALES}, order="x sa za k sb zb sy zy".split(),
                                pads=[1, 1, 1, 1], group=20), {"h": 1, "w": 1}),
    ("DynamicQuantizeLinear", one("DynamicQuantizeLinear", {"x": (F, ["n"])}, None, "q,s,z"), {"n": 1}),
    ("LSTM", one("LSTM", {"x": (F, ["t", "b", 21])}, {"w": f(1, 76, 21) / 5, "r": f(1, 76, 19) / 5}, "y,h,c", hidden_size=19), {"t": 1, "b": 1}),
    ("GRU", one("GRU", {"x": (F, ["t", "b", 21])}, {"w": f(1, 57, 21) / 5, "r": f(1, 57, 19) / 5}, "y,h", hidden_size=19), {"t": 1, "b": 1}),
    ("RNN", one("RNN", {"x": (F, ["t", "b", 21])}, {"w": f(1, 19, 21) / 5, "r": f(1, 19, 19) / 5}, "y,h", hidden_size=19), {"t": 1, "b": 1}),
    ("Resize, nearest", one("Resize", {"x": (F, ["n", 3, "h", "w"])}, {"s": n1([1, 1, 2, 2])}, order=["x", "", "s"], mode="nearest"), {"h": 1, "w": 1}),
    ("Resize, linear", one("Resize", {"x": (F, ["n", 3, "h", "w"])}, {"s": n1([1, 1, 2, 2])}, order=["x", "", "s"], mode="linear"), {"h": 1, "w": 1}),
]


def values(kind, shape):
    kinds = {F: "f4", D: "f8", H: "f2", S8: "i1", U8: "u1", S32: "i4", I: "i8", B: "?"}
    if kind in (F, D, H):
        return RNG.standard_normal(shape).astype(kinds[kind])
    return RNG.integers(0, 2 if kind == B else 18, shape).astype(kinds[kind])


def calls(model, least):
    """Sizes around a vector's width: of all symbols together, and of each against the others."""
    infos = [(a.type.tensor_type.elem_type, [d.dim_param or d.dim_value for d in a.type.tensor_type.shape.dim]) for a in model.proto.graph.input]
    symbols = list(dict.fromkeys(d for _, dims in infos for d in dims if isinstance(d, str)))
    for turn in range(len(SIZES)):
        sizes = {s: max(SIZES[(turn + 2 * k) % len(SIZES)], least.get(s, 0)) for k, s in enumerate(symbols)}
        yield sizes, [values(kind, [sizes.get(d, d) for d in dims]) for kind, dims in infos]


def differs(got, due, arrays):
    if got.shape != due.shape or got.dtype != due.dtype:
        return f"{got.dtype}{got.shape}, expected {due.dtype}{due.shape}"
    tolerance = {"float16": 1e-2, "float32": 2e-5}.get(str(due.dtype), 0 if due.dtype.kind in "iub" else 1e-12)
    most = max([1.0, *(float(np.abs(a.astype("f8")).max()) for a in (*arrays, due) if a.size)])
    wrong = ~((np.abs(got.astype("f8") - due.astype("f8")) <= tolerance * most) | (got == due) | (np.isnan(got.astype("f8")) & np.isnan(due.astype("f8"))))
    if not wrong.any():
        return None
    at = tuple(map(int, np.argwhere(wrong)[0]))
    return f"{int(wrong.sum())} of {wrong.size} elements, first at {list(at)}: {got[at]}, expected {due[at]}"


class Suite:
    def __init__(self, tools, count, show):
        self.tools, self.count, self.show, self.folder = tools, count, show, tools.build / "e2e/ragged"
        self.totals = collections.Counter()

    def check(self, title, model, least, target, masks, gathers):
        artifact, dump = self.folder / "model.hcm", self.folder / "dump"
        shutil.rmtree(dump, ignore_errors=True)
        dump.mkdir(parents=True)
        onnx.save(model.proto, self.folder / "model.onnx")
        error = self.tools.compile(self.folder / "model.onnx", artifact, f"--target={target}", f"--dump={dump}")
        if error:
            return self.count.test(title, "compile: " + error)
        if masks:
            self.count.test(f"{title}: loops", self.scalar_loops(title, dump, gathers))
        if runs_here(title.rpartition(" ")[2]):
            self.count.test(f"{title}: numbers", self.numbers(model, least, artifact))

    def scalar_loops(self, title, dump, gathers):
        wrong, bad = [], ("scalar", "pieces") if gathers else ("scalar",)
        for text in sorted(dump.glob("*.ll")):
            loops = kernel_code.loops(text.read_text())
            kinds = collections.Counter(loop.kind for loop in loops)
            self.totals += kinds
            if self.show:
                print(f"  {title}: {text.name}: {dict(kinds)}")
            wrong += [f"{text.name} {loop.block} ({loop.kind})" for loop in loops if loop.kind in bad]
        return f"no vector code: {', '.join(wrong[:6])}" if wrong else None

    def numbers(self, model, least, artifact):
        results = [self.folder / f"result{k}.npy" for k in range(model.results)]
        for sizes, arrays in calls(model, least):
            words = []
            for number, array in enumerate(arrays):
                np.save(self.folder / f"input{number}.npy", array)
                words.append(f"--input=@{self.folder / f'input{number}.npy'}")
            done = self.tools.run("run", artifact, "--device=cpu,guard=1", *words, *(f"--output=@{p}" for p in results))
            if done.error:
                return f"sizes {sizes}: {done.error}"
            for k, (path, due) in enumerate(zip(results, reference(model, arrays))):
                if error := differs(np.load(path), due, arrays):
                    return f"sizes {sizes}, result {k}: {error}"
        return None


# word -> (what to compile for, tails are masked, elements of any distance are gathered). Where vectors have no masks, what is
# left of a row is one element at a time; where there is no gather, what lies apart is put together.
TARGETS = {
    "avx512": ("cpu:x86_64-unknown-linux-gnu:x86-64-v4", True, True),
    "avx2": ("cpu:x86_64-unknown-linux-gnu:x86-64-v3", True, False),
    "sse2": ("cpu:x86_64-unknown-linux-gnu:x86-64", False, False),
}

# What is not vector code.
TURNED = "what a turned block leaves, fewer columns than it has lanes, is copied one element at a time; masks are slower"
KNOWN = {
    "Pad, reflected: avx512: loops": "a remainder by an extent that is not known is no vector operation",
    **{f"quantised {title}: avx512: loops": TURNED for title in ("convolution", "depthwise")},
    **{f"{title}: avx2: loops": TURNED for title in ("convolution by tiles", "convolution, valid", "convolution, dilated", "convolution, 1x1", "depthwise", "depthwise, stride 2",
                                                     "quantised depthwise")},
}


def runs_here(word):
    return word != "avx512" or "avx512vl" in pathlib.Path("/proc/cpuinfo").read_text()


def main(build, *words):
    given = dict(w[2:].partition("=")[::2] for w in words)
    tools, count = Tools(build), Count("ragged", KNOWN)
    suite = Suite(tools, count, "show" in given)
    if platform.machine() != "x86_64":
        sys.exit("ragged.py: the loops are known for x86-64 only")
    for word, target in TARGETS.items():
        for title, model, least in CASES:
            if given.get("only", "") in title and given.get("target", word) == word:
                suite.check(f"{title}: {word}", model, least, *target)
    print(f"  innermost loops: {', '.join(f'{n} {kind}' for kind, n in suite.totals.items())}")
    return count.close(whole="only" not in given and "target" not in given)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
