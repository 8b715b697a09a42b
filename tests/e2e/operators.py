#!/usr/bin/env python3
"""Operators that the ONNX backend suite does not test well: operators.py BUILD [WORD [TABLE]...]

Each case of the tables `operator_tables/*.py` is a model of one node. It is compiled once and run with each of its sets of
inputs; the reference is onnx's evaluator, onnxruntime, or both, which must then agree. With a WORD only the cases whose
title has it, of the tables named or of all.
"""
import importlib, shutil, sys

import numpy as np
import onnx
import onnxruntime
from onnx import helper
from onnx.reference import ReferenceEvaluator

from halcyon import Count, Tools

TABLES = ["random_numbers", "text", "classical", "images", "recurrent", "loops", "microsoft", "windows", "sums", "long_sums", "coverage"]
OPSET = 26
DOMAINS = {"": OPSET, "ai.onnx.ml": 5, "com.microsoft": 1}


class Case:
    """`calls`: sets of inputs, name -> array. `dims`: name -> names of dimensions that change from call to call, None for
    one that does not. `constants`: inputs that are initializers. `judges`: "onnx", "onnxruntime", or a function from a
    call's inputs to outputs. `refused`: the text of the error that must come instead."""

    def __init__(self, title, op, calls, outputs=1, domain="", dims=None, constants=None, judges=("onnx", "onnxruntime"),
                 atol=1e-5, refused=None, opset=None, types=None, **attributes):
        self.title, self.op, self.outputs, self.domain = title, op, outputs, domain
        self.calls = calls if isinstance(calls, list) else [calls]
        self.dims, self.constants, self.judges, self.atol = dims or {}, constants or {}, judges, atol
        self.refused, self.opset, self.attributes, self.types = refused, opset, attributes, types

    def model(self):
        first = self.calls[0]
        names = list(first)
        inputs = [n if n in first or n in self.constants else "" for n in [*names, *self.constants]]
        order = self.attributes.pop("order", None) or inputs
        node = helper.make_node(self.op, order, [f"y{i}" if i in self.wanted() else "" for i in range(max(self.wanted()) + 1)],
                                name="node", domain=self.domain, **self.attributes)
        infos = []
        for name, array in first.items():
            dims = [symbol or extent for symbol, extent in zip(self.dims.get(name, [None] * array.ndim), array.shape)]
            infos.append(helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), dims))
        results = [helper.make_tensor_value_info(f"y{i}", (self.types or {}).get(i, onnx.TensorProto.UNDEFINED), None)
                   for i in self.wanted()]
        graph = helper.make_graph([node], "case", infos, results,
                                  [onnx.numpy_helper.from_array(np.asarray(a), n) for n, a in self.constants.items()])
        versions = dict(DOMAINS)
        if self.opset:
            versions[self.domain] = self.opset
        imports = [helper.make_opsetid(d, v) for d, v in versions.items()]
        return helper.make_model(graph, opset_imports=imports, ir_version=10)

    def wanted(self):
        return list(range(self.outputs)) if isinstance(self.outputs, int) else list(self.outputs)


def answers(case, model, call):
    """What each judge says."""
    call = {name: np.asarray(value) for name, value in call.items()}
    for judge in case.judges:
        if judge == "onnx":
            yield judge, ReferenceEvaluator(model).run(None, call)
        elif judge == "onnxruntime":
            options = onnxruntime.SessionOptions()
            options.log_severity_level = 4
            session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
            yield judge, session.run(None, call)
        else:
            yield judge.__name__, judge(**call)


def differ(left, right, atol):
    """What is not equal, or None."""
    left, right = np.asarray(left), np.asarray(right)
    if left.shape != right.shape or left.dtype != right.dtype:
        return f"{left.dtype}{list(left.shape)} and {right.dtype}{list(right.shape)}"
    if left.dtype.kind in "fc":
        wide = [x.astype(np.float64) for x in (left, right)]
        scale = np.max(np.abs(wide[1]), initial=0, where=np.isfinite(wide[1]))
        same = np.isclose(*wide, rtol=0, atol=atol * max(scale, 1e-30), equal_nan=True)
    else:
        same = left == right
    return None if np.all(same) else f"{np.count_nonzero(~same)} of {same.size} elements, {left[~same][:3]} and {right[~same][:3]}"


def run_case(tools, count, case, folder):
    path = folder / "model.onnx"
    model = case.model()
    path.write_bytes(model.SerializeToString())
    artifact = folder / "model.hcm"
    done = tools.call([tools.halcyonc, path, "-o", artifact, "--target=cpu"])
    if case.refused is not None:
        lines = done.err.strip().splitlines()
        good = done.status == 1 and len(lines) == 1 and case.refused in lines[0] and "'node'" in lines[0]
        return count.test(case.title, None if good else f"exit {done.status}, said {done.err.strip()[:300]!r}, expected {case.refused!r}")
    if done.error:
        return count.test(case.title, "compile: " + done.error)
    wrong = []
    for number, call in enumerate(case.calls):
        try:
            said = list(answers(case, model, call))
        except Exception as x:  # a judge's own limits
            wrong.append(f"call {number}: no reference: {str(x).strip().splitlines()[-1][:200]}")
            continue
        for name, other in said[1:]:
            for i, (left, right) in enumerate(zip(said[0][1], other)):
                if why := differ(left, right, case.atol):
                    wrong.append(f"call {number}, output {i}: {said[0][0]} and {name} do not agree: {why}")
        words = []
        for i, array in enumerate(call.values()):
            np.save(folder / f"input{i}.npy", array)
            words.append(f"--input=@{folder / f'input{i}.npy'}")
        for i in range(len(case.wanted())):
            words.append(f"--output=@{folder / f'output{i}.npy'}")
        done = tools.run("run", artifact, *words)
        if done.error:
            wrong.append(f"call {number}: {done.error}")
            continue
        for i, expected in enumerate(said[0][1]):
            if why := differ(np.load(folder / f"output{i}.npy"), expected, case.atol):
                wrong.append(f"call {number}, output {i}: {why}")
    count.test(case.title, "; ".join(wrong[:3]) or None)


def main(build, word="", *tables):
    tools = Tools(build)
    count = Count("operators")
    folder = tools.build / "e2e/operators"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for table in tables or TABLES:
        module = importlib.import_module("operator_tables." + table)
        for case in module.cases(Case):
            if word in case.title:
                run_case(tools, count, case, folder)
        if hasattr(module, "more") and not word:
            module.more(tools, count, folder, Case)
    return count.close()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
