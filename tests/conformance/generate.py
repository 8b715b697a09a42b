#!/usr/bin/env python3
"""Writes the ONNX package's backend tests as files: generate.py FOLDER

FOLDER/GROUP/NAME/model.onnx, and its test_data_set_N/{input,output}_M.pb. FOLDER/index.txt, written last, has a line for each
test: GROUP/NAME, rtol, atol, and `-` or why the test is outside the ordinary ones (see ordinary() below), tab-separated.
The package makes the node tests from a fixed seed, so that a pinned version gives the same files each time.
"""
import pathlib, shutil, sys, warnings

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper
from onnx.backend.test.case.model import collect_testcases
from onnx.backend.test.case.node import collect_testcases as collect_node_testcases
from onnx.backend.test.loader import load_model_tests
from onnx.backend.test.runner import Runner

import onnx.backend.test

DATA = pathlib.Path(onnx.backend.test.__file__).parent / "data"
ORDINARY = {TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.BOOL,
            TensorProto.INT8, TensorProto.INT16, TensorProto.INT32, TensorProto.INT64,
            TensorProto.UINT8, TensorProto.UINT16, TensorProto.UINT32, TensorProto.UINT64}


def ordinary(model):
    """`-`, or why a test does not count among those over ordinary types."""
    for node in model.graph.node:
        if node.op_type == "ImageDecoder":
            return "ImageDecoder"
        if node.domain == "ai.onnx.preview.training":
            return "preview training operators"
    for value in [*model.graph.input, *model.graph.output]:
        kind = value.type.WhichOneof("value")
        if kind != "tensor_type":
            return kind.removesuffix("_type") + " as input or output"
        element = value.type.tensor_type.elem_type
        if element == TensorProto.STRING:
            return "strings"
        if element not in ORDINARY:
            return "element type " + TensorProto.DataType.Name(element).lower()
    return "-"


def proto(value, info):
    kind = info.type.WhichOneof("value")
    if isinstance(value, onnx.TensorProto):
        return value
    make = {"map_type": numpy_helper.from_dict, "sequence_type": numpy_helper.from_list,
            "optional_type": numpy_helper.from_optional, "tensor_type": numpy_helper.from_array}[kind]
    return make(value, info.name)


def write_set(folder, model, inputs, outputs):
    folder.mkdir(parents=True)
    for name, values, infos in [("input", inputs, arguments(model)), ("output", outputs, model.graph.output)]:
        for index, (value, info) in enumerate(zip(values, infos, strict=True)):
            (folder / f"{name}_{index}.pb").write_bytes(proto(value, info).SerializeToString())


def arguments(model):
    """Graph inputs without those that only give an initializer a type."""
    initialized = {tensor.name for tensor in model.graph.initializer}
    return [value for value in model.graph.input if value.name not in initialized]


def write_made(folder, case):
    """A case that the package makes in Python."""
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(case.model.SerializeToString())
    for index, (inputs, outputs) in enumerate(case.data_sets):
        write_set(folder / f"test_data_set_{index}", case.model, inputs, outputs)
    return case.model


def write_light(folder, case):
    """A network without weights' files: inputs as the package's runner makes them, outputs from the package."""
    folder.mkdir(parents=True)
    file = DATA / "light" / pathlib.PurePosixPath(case.url).name
    shutil.copy(file, folder / "model.onnx")
    model = onnx.load(file)
    inputs = [Runner.generate_dummy_data(value, seed=0, name=case.model_name) for value in arguments(model)]
    outputs = [onnx.load_tensor(file.with_name(f"{file.stem}_output_{i}.pb")) for i in range(len(model.graph.output))]
    write_set(folder / "test_data_set_0", model, inputs, outputs)
    return model


def write_stored(folder, case):
    """A case that the package has as files."""
    shutil.copytree(case.model_dir, folder)
    return onnx.load(folder / "model.onnx")


def groups():
    """(group, cases, how one is written), as the package's own runner takes them."""
    yield "node", collect_node_testcases(None), write_made
    for group in ["simple", "pytorch-converted", "pytorch-operator"]:
        yield group, load_model_tests(kind=group), write_stored
    yield "light", [case for case in collect_testcases() if case.kind == "real"], write_light


def main(target):
    warnings.simplefilter("ignore")  # casts that overflow on purpose
    np.seterr(all="ignore")
    target = pathlib.Path(target)
    work = target.with_name(target.name + ".part")
    shutil.rmtree(work, ignore_errors=True)
    lines = {}
    for group, cases, write in groups():
        for case in cases:
            name = f"{group}/{case.name.removeprefix('test_')}"
            model = write(work / name, case)
            lines[name] = f"{name}\t{case.rtol!r}\t{case.atol!r}\t{ordinary(model)}\n"
    (work / "index.txt").write_text("".join(lines[name] for name in sorted(lines)))
    shutil.rmtree(target, ignore_errors=True)
    work.rename(target)
    print(f"{target}: {len(lines)} tests of onnx {onnx.__version__}")


if __name__ == "__main__":
    main(*sys.argv[1:])
