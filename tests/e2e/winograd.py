#!/usr/bin/env python3
"""Convolutions of 3x3 by tiles: winograd.py BUILD

One model of many sizes, borders, batches and what follows a convolution is compiled with tiles of 2x2 and 4x4 for this
machine and for narrower ones, run between guard pages and with threads, and compared with numpy in f64. Without tiles
the same model must be closer.
"""
import platform, sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from halcyon import Count, Tools

RNG = np.random.default_rng(3)
SAME, VALID, LOPSIDED = (1, 1, 1, 1), (0, 0, 0, 0), (0, 2, 1, 0)  # up, left, down, right
# name -> (batch, height, width, channels in, out, padding, what follows, symbols: what is known at the call alone)
CASES = {
    "one_tile": (1, 4, 4, 8, 16, SAME, ""),
    "even": (1, 16, 24, 16, 32, SAME, "bias relu"),
    "odd": (1, 7, 7, 24, 40, SAME, "bias"),
    "thin": (1, 2, 37, 5, 17, SAME, "relu"),
    "small": (1, 2, 2, 19, 9, SAME, "bias"),
    "valid": (1, 18, 10, 16, 48, VALID, ""),
    "valid_odd": (1, 9, 12, 33, 24, VALID, "bias clip"),
    "lopsided": (1, 11, 13, 20, 20, LOPSIDED, "bias relu"),
    "deep": (1, 8, 8, 130, 144, SAME, "bias"),
    "residual": (1, 14, 14, 32, 64, SAME, "bias residual relu"),
    "sigmoid": (1, 6, 9, 12, 31, SAME, "bias sigmoid"),
    "rows": (1, 61, 15, 8, 16, SAME, "bias relu"),
    "batch": (3, 5, 6, 16, 20, SAME, "bias residual"),
    "batches": (2, 10, 7, 12, 33, SAME, "bias relu", "n"),
    "image": (1, 35, 23, 12, 24, SAME, "bias relu", "hw"),
    "pixel": (2, 1, 1, 8, 16, SAME, "bias", "nhw"),
    "wide": (1, 12, 130, 9, 40, VALID, "residual relu", "w"),
}
TARGETS = {"here": "cpu", "avx2": "cpu:x86_64-unknown-linux-gnu:x86-64-v3", "sse2": "cpu:x86_64-unknown-linux-gnu:x86-64"}
TOLERANCE = {"2": 4e-6, "4": 2e-5, "off": 2e-6}  # of the largest result


def node(kind, inputs, output, **attributes):
    return helper.make_node(kind, inputs, [output], name=f"{kind} {output}", **attributes)


class Case:
    def __init__(self, name, batch, height, width, channels, out, pads, after, symbols=""):
        self.name, self.pads, self.after, self.symbols = name, pads, after.split(), symbols
        self.filter = RNG.uniform(-1, 1, (out, channels, 3, 3)).astype("f4")
        self.bias = RNG.uniform(-1, 1, out).astype("f4")
        self.x = RNG.standard_normal((batch, channels, height, width)).astype("f4")
        self.due = self.compute()

    def compute(self):
        up, left, down, right = self.pads
        padded = np.pad(self.x.astype("f8"), ((0, 0), (0, 0), (up, down), (left, right)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (2, 3))
        y = np.einsum("nchwyx,ocyx->nohw", windows, self.filter.astype("f8"), optimize=True)
        self.residual = RNG.standard_normal(y.shape).astype("f4")
        self.largest = np.abs(y).max()
        for what in self.after:
            if what == "bias":
                y = y + self.bias[:, None, None]
            elif what == "residual":
                y = y + self.residual
            else:
                y = {"relu": lambda v: np.maximum(v, 0), "clip": lambda v: np.clip(v, -1, 2), "sigmoid": lambda v: 1 / (1 + np.exp(-v))}[what](y)
        return y

    def nodes(self):
        made = [node("Conv", [f"{self.name}_x", f"{self.name}_w", *([f"{self.name}_b"] if "bias" in self.after else [])], f"{self.name}_c", pads=self.pads)]
        for what in self.after:
            if what == "bias":
                continue
            kind, more = {"relu": ("Relu", []), "clip": ("Clip", ["low", "high"]), "sigmoid": ("Sigmoid", []), "residual": ("Add", [f"{self.name}_r"])}[what]
            made.append(node(kind, [made[-1].output[0], *more], f"{self.name}_{what}"))
        return made

    def inputs(self):
        return {"x": self.x, **({"r": self.residual} if "residual" in self.after else {})}

    def info(self, word, array):
        shape = [f"{self.name}_{word}_{d}" if d in self.symbols else size for d, size in zip("nchw", array.shape)]
        return helper.make_tensor_value_info(f"{self.name}_{word}", TensorProto.FLOAT, shape)


def write_model(cases, path):
    nodes = [n for case in cases for n in case.nodes()]
    infos = [case.info(word, array) for case in cases for word, array in case.inputs().items()]
    results = [onnx.ValueInfoProto(name=case.nodes()[-1].output[0]) for case in cases]
    constants = [numpy_helper.from_array(np.float32(v), n) for n, v in (("low", -1), ("high", 2))]
    constants += [numpy_helper.from_array(a, f"{case.name}_{w}") for case in cases for w, a in (("w", case.filter), ("b", case.bias))]
    graph = helper.make_graph(nodes, "winograd", infos, results, constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8), path)


class Suite:
    def __init__(self, tools, count):
        self.tools, self.count, self.folder = tools, count, tools.build / "e2e/winograd"
        self.folder.mkdir(parents=True, exist_ok=True)

    def check(self, cases, tile, target, device, title):
        artifact, dump = self.folder / f"{title.replace(' ', '_')}.hcm", self.folder / "dump"
        write_model(cases, self.folder / "model.onnx")
        error = self.tools.compile(self.folder / "model.onnx", artifact, f"--target={TARGETS[target]}", f"--winograd={tile}", f"--dump={dump}")
        if error:
            return self.count.test(title, "compile: " + error)
        made = (dump / "1-tensor.mlir").read_text().count("nn.winograd")
        self.count.test(f"{title}: all by tiles", None if made == (0 if tile == "off" else len(cases)) else f"{made} of {len(cases)}")
        words, results = [], [self.folder / f"result{k}.npy" for k in range(len(cases))]
        for case in cases:
            for word, array in case.inputs().items():
                np.save(self.folder / f"{case.name}_{word}.npy", array)
                words.append(f"--input=@{self.folder / f'{case.name}_{word}.npy'}")
        done = self.tools.run("run", artifact, f"--device={device}", *words, *(f"--output=@{p}" for p in results))
        if done.error:
            return self.count.test(f"{title}: runs", done.error)
        for case, path in zip(cases, results):
            self.count.test(f"{title}: {case.name}", self.differs(np.load(path), case, TOLERANCE[tile]))

    @staticmethod
    def differs(got, case, tolerance):
        if got.shape != case.due.shape:
            return f"{got.shape}, expected {case.due.shape}"
        error = np.abs(got - case.due)
        if np.all(error <= tolerance * case.largest):
            return None
        at = np.unravel_index(np.nanargmax(np.where(np.isnan(error), np.inf, error)), error.shape)
        return f"at {list(map(int, at))}: {got[at]}, expected {case.due[at]}, off by {error[at] / case.largest:.1e} of the largest"

    def infinite(self, tile):
        """An infinite input: its neighbours are not finite, and nothing further away than its tiles changes."""
        case = Case("far", 1, 24, 24, 8, 16, SAME, "")
        case.x[0, 3, 12, 12] = np.inf
        write_model([case], self.folder / "model.onnx")
        artifact, result = self.folder / "infinite.hcm", self.folder / "infinite.npy"
        np.save(self.folder / "x.npy", case.x)
        error = self.tools.compile(self.folder / "model.onnx", artifact, f"--winograd={tile}")
        error = error or self.tools.run("run", artifact, f"--input=@{self.folder / 'x.npy'}", f"--output=@{result}").error
        if not error:
            got, side = np.load(result), int(tile) + 1
            away = np.ones_like(got, bool)
            away[..., 12 - side : 13 + side, 12 - side : 13 + side] = False
            close = np.s_[..., 11:14, 11:14]
            case.due = np.where(away, Case.compute(case), 0)
            far = self.differs(np.where(away, got, 0), case, TOLERANCE[tile])
            error = "a neighbour is finite" if np.isfinite(got[close]).any() else far
        self.count.test(f"tiles of {tile}: an infinite input", error)


def main(build):
    tools, count = Tools(build), Count("winograd")
    suite, cases = Suite(tools, count), [Case(name, *words) for name, words in CASES.items()]
    if platform.machine() != "x86_64":
        sys.exit("winograd.py: narrower CPUs are known for x86-64 only")
    for tile in ("2", "4"):
        for target in TARGETS:
            suite.check(cases, tile, target, "cpu,guard=1", f"tiles of {tile}, {target}")
        suite.check(cases, tile, "here", "cpu,threads=3", f"tiles of {tile}, threads")
        suite.infinite(tile)
    suite.check(cases, "off", "here", "cpu,guard=1", "no tiles")
    return count.close()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
