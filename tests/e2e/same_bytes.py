#!/usr/bin/env python3
"""The same input, flags and compiler give the same bytes, for any number of jobs and in any folder: same_bytes.py BUILD"""
import pathlib, shutil, sys, tempfile

import constructs
from halcyon import Count, Tools
from run import CORPUS

TARGET = "--target=cpu:x86_64-unknown-linux-gnu:x86-64-v3"


def main(build):
    tools = Tools(build)
    count = Count("same_bytes")
    sources = [constructs.FOLDER / "dense_relu.mlir", *(CORPUS / n / "model.onnx" for n in ["tiny_resnet8_cifar", "ppocrv2_cls"])]
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        for source in sources:
            results = []
            error = None
            for folder, jobs in [(one, 1), (two, 2)]:
                copy = pathlib.Path(folder) / source.name
                shutil.copy(source, copy)
                artifact = pathlib.Path(folder) / "out.hcm"
                error = error or tools.compile(copy, artifact, TARGET, f"--jobs={jobs}")
                results.append(artifact.read_bytes() if artifact.is_file() else b"")
            name = source.stem if source.stem != "model" else source.parent.name
            count.test(name, error or (None if results[0] == results[1] else "the two artifacts differ"))
    return count.close()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
