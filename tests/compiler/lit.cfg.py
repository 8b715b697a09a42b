import os
import sys

import lit.formats

config.name = "compiler"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".textproto", ".test"]
config.excludes = ["Inputs"]
config.test_source_root = os.path.dirname(__file__)
# Given by meson: --param build=DIR --param llvm=BINDIR
build = lit_config.params["build"]
config.test_exec_root = os.path.join(build, "tests", "compiler", "lit")
config.environment["PATH"] = os.pathsep.join(
    [os.path.join(build, "compiler"), os.path.join(build, "src", "tools"), lit_config.params["llvm"], os.environ["PATH"]])
config.substitutions.append(("%onnx_proto", os.path.join(
    config.test_source_root, "..", "..", "compiler", "import", "onnx", "wire", "onnx.proto")))
config.substitutions.append(("%python", sys.executable))
