#!/usr/bin/env python3
"""Forms that a model's file can have: importing.py BUILD. External data, functions, MLIR bytecode, parameters that stay
outside the artifact, small element types, arithmetic at its edges, packed weights; models made here with the onnx package,
references by onnxruntime."""

import shutil, sys

import numpy as np
import onnx
import onnx.parser
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save_file

import arithmetic
import constructs
import n_bits
import narrow_weights
import quantized_weights
import small_types
from halcyon import Count, Tools
from run import CORPUS

RNG = np.random.default_rng(7)


class Suite:
    def __init__(self, tools, count):
        self.tools, self.count = tools, count
        self.folder = tools.build / "e2e/importing"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)

    def fresh(self, name):
        folder = self.folder / name
        folder.mkdir()
        return folder

    def compile(self, title, source, *options):
        """The artifact, or None after a failed test."""
        artifact = source.with_suffix(".hcm")
        error = self.tools.compile(source, artifact, "--target=cpu", *options)
        if error:
            self.count.test(title, "compile: " + error)
        return None if error else artifact

    def agrees(self, title, artifact, inputs, expected, *options):
        words = []
        for word, arrays in [("input", inputs), ("expect", expected)]:
            for number, array in enumerate(arrays):
                path = artifact.with_suffix(f".{word}{number}.npy")
                np.save(path, array)
                words.append(f"--{word}=@{path}")
        done = self.tools.run("run", artifact, *words, *options)
        self.count.test(title, done.error and f"{done.error} {done.out[:200]}")

    def refused(self, title, source, text, *options):
        source.with_suffix(".hcm").unlink(missing_ok=True)
        done = self.tools.call([self.tools.halcyonc, source, "-o", source.with_suffix(".hcm"), "--target=cpu", *options])
        lines = done.err.strip().splitlines()
        good = done.status == 1 and len(lines) == 1 and text in lines[0] and not source.with_suffix(".hcm").exists()
        self.count.test(
            title, None if good else f"exit {done.status}, said {done.err.strip()[:300]!r}, expected one line with {text!r}"
        )


def reference(model, inputs):
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, dict(zip([i.name for i in session.get_inputs()], inputs)))


# ---- external data -----------------------------------------------------------------------------------


def dense():
    """y = relu(x w + b) * s, with one large, one small and one scalar initializer."""
    parts = {
        "w": RNG.standard_normal((64, 48)).astype(np.float32),
        "b": RNG.standard_normal(48).astype(np.float32),
        "s": np.float32(0.5),
    }
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["p"]),
        helper.make_node("Add", ["p", "b"], ["q"]),
        helper.make_node("Relu", ["q"], ["r"]),
        helper.make_node("Mul", ["r", "s"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "dense",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [3, 64])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [3, 48])],
        [numpy_helper.from_array(np.asarray(a), n) for n, a in parts.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def set_entry(path, key, value):
    """Changes one entry of the first external tensor of a saved model."""
    model = onnx.load(path, load_external_data=False)
    tensor = next(t for t in model.graph.initializer if t.data_location == TensorProto.EXTERNAL)
    entry = next((e for e in tensor.external_data if e.key == key), None) or tensor.external_data.add(key=key)
    entry.value = value
    path.write_bytes(model.SerializeToString())


def external_data(s):
    x = RNG.standard_normal((3, 64)).astype(np.float32)
    model = dense()
    expected = reference(model, [x])
    for title, options in {
        "one file": dict(location="weights.bin"),
        "a file for each": dict(all_tensors_to_one_file=False),
        "everything": dict(location="weights.bin", size_threshold=0),
        "a sub-folder": dict(location="data/weights.bin"),
    }.items():
        folder = s.fresh(title.replace(" ", "_"))
        (folder / "data").mkdir()
        path = folder / "model.onnx"
        onnx.save_model(
            dense_copy(model),
            path,
            save_as_external_data=True,
            **{"size_threshold": 64, "all_tensors_to_one_file": True, **options},
        )
        if artifact := s.compile(f"external data, {title}", path):
            s.agrees(f"external data, {title}", artifact, [x], expected)

    def saved(name):
        path = s.fresh(name) / "model.onnx"
        onnx.save_model(dense_copy(model), path, save_as_external_data=True, location="weights.bin", size_threshold=64)
        return path

    path = saved("missing")
    (path.parent / "weights.bin").unlink()
    s.refused("external data, the file is missing", path, "external data 'weights.bin': cannot read: No such file")
    path = saved("short")
    (path.parent / "weights.bin").write_bytes((path.parent / "weights.bin").read_bytes()[:-4])
    s.refused("external data, the file is short", path, "passes the end of 'weights.bin'")
    size = (path.parent / "weights.bin").stat().st_size
    for number, (key, value, text) in enumerate(
        [
            ("offset", str(size + 4096), "passes the end"),
            ("offset", str(2**64 - 8), "passes the end"),
            ("offset", str(2**64), "cannot read 'offset'"),
            ("offset", "-4", "cannot read 'offset' = '-4'"),
            ("length", str(2**63), "passes the end"),
            ("length", "16", "bytes"),
            ("length", "12x", "cannot read 'length' = '12x'"),
            ("location", "../weights.bin", "outside the model's folder"),
            ("location", "/etc/passwd", "outside the model's folder"),
            ("location", "", "outside the model's folder"),
            ("location", "data/../../weights.bin", "outside the model's folder"),
            ("location", ".", "."),
            ("flavour", "sweet", "'flavour'"),
        ]
    ):
        path = saved(f"entry{number}")
        set_entry(path, key, value)
        s.refused(f"external data, {key} = {value!r}", path, text)
    # What the length may leave out, and an offset that is not aligned to anything.
    path = saved("no_length")
    shifted = path.parent / "weights.bin"
    changed = onnx.load(path, load_external_data=False)
    shifted.write_bytes(b"\0" * 3 + shifted.read_bytes())
    for tensor in changed.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "offset":
                entry.value = str(int(entry.value) + 3)
        kept = [(e.key, e.value) for e in tensor.external_data if e.key != "length"]
        del tensor.external_data[:]
        for key, value in kept:
            tensor.external_data.add(key=key, value=value)
    path.write_bytes(changed.SerializeToString())
    if artifact := s.compile("external data, odd offset, no length", path):
        s.agrees("external data, odd offset, no length", artifact, [x], expected)


def dense_copy(model):
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    return copy


# ---- functions ---------------------------------------------------------------------------------------

CALLS = """
<ir_version: 8, opset_import: ["" : 17, "local" : 1, "other" : 1]>
main (float[2, 5] x, float[5] b) => (float[2, 5] y, float[2, 5] z, float[2, 5] w)
{
  h = local.scaled <alpha = 2.0> (x, b)
  y = local.scaled (h, b)
  z = other.clipped <low = -0.25> (x)
  w = local.optional (x)
}
<domain: "local", opset_import: ["" : 17, "other" : 1]>
scaled <alpha: float = 0.5, kind: string = "none"> (p, q) => (r)
{
  k = Constant <value_float: float = @alpha> ()
  s = Mul (p, k)
  t = Add (s, q)
  r = other.clipped <low = -1.0> (t)
}
<domain: "other", opset_import: ["" : 17]>
clipped <low: float> (p) => (r)
{
  k = Constant <value_float: float = @low> ()
  r = Max (p, k)
}
<domain: "local", opset_import: ["" : 17]>
optional (p, q) => (r)
{
  r = Clip (p, q)
}
"""

BRANCH = """
<ir_version: 8, opset_import: ["" : 17, "local" : 1]>
main (float[4] x, bool c) => (float[4] y)
{
  y = local.choose <factor = 3.0> (x, c)
}
<domain: "local", opset_import: ["" : 17]>
choose <factor: float> (p, c) => (r)
{
  r = If (c) <
    then_branch = yes () => (a) { k = Constant <value_float: float = @factor> () a = Mul (p, k) },
    else_branch = no () => (e) { e = Neg (p) }
  >
}
"""

SHAPES = """
<ir_version: 8, opset_import: ["" : 17, "local" : 1]>
main (float[N, 6] x, int64[2] target) => (float[A, B] y, float[M] z)
{
  y = local.shaped (x, target)
  z = local.flat (x)
}
<domain: "local", opset_import: ["" : 17]>
shaped (p, s) => (r) { r = Reshape (p, s) }
<domain: "local", opset_import: ["" : 17]>
flat (p) => (r)
{
  s = Shape (p)
  n = ReduceProd <keepdims = 1> (s)
  r = Reshape (p, n)
}
"""

LOOP = """
<ir_version: 8, opset_import: ["" : 17, "local" : 1]>
main (float[3] x, int64 n) => (float[3] y) { y = local.times <by = 2.0> (x, n) }
<domain: "local", opset_import: ["" : 17]>
times <by: float> (p, n) => (r)
{
  yes = Constant <value = bool {1}> ()
  r = Loop (n, yes, p) <body = step (int64 i, bool c, float[3] v) => (d, w) {
    d = Identity (c)
    k = Constant <value_float: float = @by> ()
    w = Mul (v, k)
  }>
}
"""

RECURSIVE = """
<ir_version: 8, opset_import: ["" : 17, "local" : 1]>
main (float[4] x) => (float[4] y) { y = local.again (x) }
<domain: "local", opset_import: ["" : 17, "local" : 1]>
again (p) => (r) { q = Neg (p) r = local.again (q) }
"""

UNKNOWN = """
<ir_version: 8, opset_import: ["" : 17, "local" : 1]>
main (float[4] x) => (float[4] y) { y = local.outer (x) }
<domain: "local", opset_import: ["" : 17, "local" : 1]>
outer (p) => (r) { r = local.nowhere (p) }
"""


def parsed(text):
    return onnx.parser.parse_model(text)


def functions(s):
    def write(name, text):
        path = s.fresh(name) / "model.onnx"
        path.write_bytes(parsed(text).SerializeToString())
        return path

    x, b = RNG.standard_normal((2, 5)).astype(np.float32), RNG.standard_normal(5).astype(np.float32)
    path = write("calls", CALLS)
    if artifact := s.compile("functions with attributes, defaults, a missing input", path):
        h = np.maximum(x * 2 + b, -1)
        s.agrees(
            "functions with attributes, defaults, a missing input",
            artifact,
            [x, b],
            [np.maximum(h * np.float32(0.5) + b, -1), np.maximum(x, np.float32(-0.25)), x],
        )
    x = np.array([1, -2, 3, -4], np.float32)
    path = write("branch", BRANCH)
    if artifact := s.compile("an attribute inside a function's If", path):
        for c in [True, False]:
            s.agrees(f"an attribute inside a function's If, {c}", artifact, [x, np.array(c)], [x * 3 if c else -x])
    x = RNG.standard_normal((4, 6)).astype(np.float32)
    path = write("shapes", SHAPES)
    if artifact := s.compile("shapes computed in functions", path):
        s.agrees("shapes computed in functions", artifact, [x, np.array([8, 3])], [x.reshape(8, 3), x.reshape(-1)])
    x = np.array([1, 2, 3], np.float32)
    path = write("loop", LOOP)
    if artifact := s.compile("an attribute inside a function's Loop", path):
        s.agrees("an attribute inside a function's Loop", artifact, [x, np.array(3)], [x * 8])
    s.refused("a function that calls itself", write("recursive", RECURSIVE), "call each other")
    s.refused("a function that nobody defines", write("unknown", UNKNOWN), "nowhere")


# ---- MLIR bytecode -----------------------------------------------------------------------------------


def bytecode(s):
    folder = s.fresh("bytecode")
    opt = s.tools.build / "compiler/halcyon-opt"
    for name in ["dense_relu", "if", "several_functions", "variable"]:
        source = constructs.FOLDER / f"{name}.mlir"
        _, cases, _ = constructs.directives(source, folder)
        for suffix in [".mlirbc", ".model"]:  # the second is known by its first bytes alone
            path = folder / f"{name}{suffix}"
            done = s.tools.call([opt, source, "--emit-bytecode", "-o", path])
            if done.error:
                s.count.test(f"bytecode {name}", done.error)
                continue
            text, same = folder / f"{name}.text.hcm", path.with_suffix(f"{suffix}.hcm")
            error = s.tools.compile(path, same, "--target=cpu") or s.tools.compile(source, text, "--target=cpu")
            wrong = [e for c in cases if not error and (e := constructs.check(s.tools, same, c, "cpu"))]
            s.count.test(f"bytecode {name}{suffix}", error or ("; ".join(wrong) or None))
    damaged = folder / "damaged.mlirbc"
    damaged.write_bytes((folder / "dense_relu.mlirbc").read_bytes()[:200])
    s.refused("bytecode that ends early", damaged, "damaged.mlirbc")


# ---- external parameters -----------------------------------------------------------------------------


def external_parameters(s):
    """A trained model whose weights stay in a .safetensors file."""
    folder = s.fresh("parameters")
    source = CORPUS / "tiny_autoencoder"
    model = onnx.load(source / "model.onnx")
    weights = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    large = {name: np.ascontiguousarray(a) for name, a in weights.items() if a.size > 64 and a.dtype == np.float32}
    file = folder / "weights.safetensors"
    save_file(large, file)
    path = folder / "model.onnx"
    shutil.copy(source / "model.onnx", path)
    artifact = s.compile("external parameters", path, f"--external-parameters=ae={file}")
    if not artifact:
        return
    size, total = artifact.stat().st_size, sum(a.nbytes for a in large.values())
    s.count.test("external parameters are not in the artifact", f"it has {size} bytes, the weights {total}" if size > total // 2 else None)
    x, y = np.load(source / "input_0.npy"), np.load(source / "output_0.npy")
    s.agrees("external parameters", artifact, [x], [y], f"--parameters=ae={file}")
    done = s.tools.run("run", artifact, f"--input=@{source / 'input_0.npy'}")
    s.count.test("external parameters, none given", None if done.status == 1 and "ae" in done.err else f"said {done.err!r}")
    name = next(iter(large))
    wrong = folder / "wrong.safetensors"
    for title, array in {
        "another shape": large[name].reshape(-1)[:-1].copy(),
        "another type": large[name].astype(np.float64),
    }.items():
        save_file({**large, name: array}, wrong)
        done = s.tools.run("run", artifact, f"--input=@{source / 'input_0.npy'}", f"--parameters=ae={wrong}")
        s.count.test(
            f"external parameters, {title}",
            None if done.status == 1 and name in done.err else f"exit {done.status}, said {done.err!r}",
        )
    if artifact := s.compile("external parameters at -O0", path, "-O0", f"--external-parameters=ae={file}"):
        s.agrees("external parameters at -O0", artifact, [x], [y], f"--parameters=ae={file}")
    s.refused(
        "external parameters, no such file",
        path,
        "nothing.safetensors",
        f"--external-parameters=ae={folder / 'nothing.safetensors'}",
    )


def main(build):
    tools = Tools(build)
    count = Count("import")
    s = Suite(tools, count)
    external_data(s)
    functions(s)
    bytecode(s)
    external_parameters(s)
    for part in [small_types, arithmetic, n_bits, quantized_weights, narrow_weights]:
        part.all_of(s)
    return count.close()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
