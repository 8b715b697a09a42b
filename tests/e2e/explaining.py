#!/usr/bin/env python3
"""What halcyonc --explain says: explaining.py BUILD. Models made here with the onnx package, one trained model, MLIR."""

import json, re, shutil, sys

import numpy as np
import onnx
import onnx.parser
from onnx import TensorProto, helper

from halcyon import Count, Tools
from run import CORPUS

RNG = np.random.default_rng(5)


class Suite:
    def __init__(self, tools, count):
        self.tools, self.count = tools, count
        self.folder = tools.build / "e2e/explaining"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)

    def save(self, name, model):
        path = self.folder / f"{name}.onnx"
        path.write_bytes((onnx.parser.parse_model(model) if isinstance(model, str) else model).SerializeToString())
        return path

    def explain(self, path, *options):
        return self.tools.call([self.tools.halcyonc, path, "--target=cpu", *options])

    def told(self, title, path, status=0):
        """The explanation, or None after a failed test."""
        done = self.explain(path, "--explain=json")
        if done.status != status:
            return self.count.test(title, f"exit {done.status}, expected {status}; said {done.err[:300]!r}")
        return json.loads(done.out)

    def equal(self, title, actual, expected):
        self.count.test(title, None if actual == expected else f"is {actual!r}, expected {expected!r}")


def fates(told):
    return {node["name"]: node["fate"] for node in told["nodes"]}


def companions(told, name):
    """The nodes of the dispatches that `name` is in."""
    node = next(n for n in told["nodes"] if n["name"] == name)
    return sorted({each for number in node["dispatches"] for each in told["dispatches"][number]["nodes"]})


# Weights are initializers, so that they are constants of a size that is not folded.
CHAIN = """
<ir_version: 8, opset_import: ["" : 17]>
chain (float[N, 8] x) => (float[N, 8, 4] y, float[N, 32] i)
  <float[8, 32] w = {WEIGHTS}, float[1] half = {0.5}>
{
  [dense] c = MatMul (x, w)
  [relu] r = Relu (c)
  [copy] i = Identity (r)
  [dead] unused = Sqrt (r)
  [shape] s = Shape <start = 0, end = 1> (x)
  [rest] k = Constant <value_ints = [-1]> ()
  [four] four = Constant <value_ints = [4]> ()
  [eight] eight = Add (four, four)
  [join] to = Concat <axis = 0> (s, eight, k)
  [view] v = Reshape (i, to)
  [swish] z = HardSwish (v)
  [scale] y = Mul (z, half)
}"""


def chain(s):
    weights = ", ".join(str(float(v)) for v in RNG.standard_normal(8 * 32).astype(np.float32))
    path = s.save("chain", CHAIN.replace("WEIGHTS", weights))
    told = s.told("a chain", path)
    if not told:
        return
    s.equal(
        "what became of each node",
        fates(told),
        dict(
            dense="dispatch", relu="dispatch", copy="alias", dead="unused", shape="host", rest="constant", four="constant",
            eight="folded", join="host", view="view", swish="dispatch", scale="dispatch",
        ),
    )
    s.equal("a root and what is fused into it", companions(told, "dense"), ["dense", "relu"])
    s.equal("elementwise operations in one dispatch", companions(told, "scale"), ["scale", "swish"])
    s.equal("dispatches", len(told["dispatches"]), 2)
    dense = told["dispatches"][0]
    s.equal("the root of a dispatch", (dense["root"], dense["function"]), ("linalg.generic (reduction)", "main"))
    s.equal("results", told["nodes"][0]["results"], [{"name": "c", "type": "f32[?x32]"}])
    s.equal("work that is not known before a call", (dense["flops"], dense["bytes"]), (None, None))
    s.equal("counts", {k: v for k, v in told["summary"].items() if k in ("nodes", "dispatches", "fate_dispatch", "fused")},
            dict(nodes=12, dispatches=2, fate_dispatch=4, fused=4))
    done = s.explain(path, "--explain")
    for text in [
        r"^  dense +MatMul +f32\[\?x32\] +dispatch 1$",
        r"^  dead +Sqrt .*removed: no output depends on it$",
        r"^  eight +Add +i64\[1\] +folded",
        r"^     1 @main_dense: .*workload \?",
        r"^       dense, relu$",
        r"^       2 dispatches, \d specialised$",
    ]:
        s.count.test(f"the text has {text}", None if re.search(text, done.out, re.M) else f"printed {done.out!r}")
    outputs = []
    for options in [[], ["--explain"]]:
        target = path.with_name(f"{len(outputs)}.hcm")
        s.explain(path, "-o", target, *options)
        outputs.append(target.read_bytes() if target.exists() else None)
    s.equal("an artifact is written where -o says so, and is the same", outputs[0] is not None and outputs[0] == outputs[1], True)
    s.equal("without -o no file is written", sorted(p.name for p in s.folder.iterdir()), ["0.hcm", "1.hcm", "chain.onnx"])


def composed(s):
    path = s.save(
        "composed",
        """
<ir_version: 8, opset_import: ["" : 18]>
composed (float[4, 8] x, float[4, 8] t) => (float[] y)
{
  [labels] l = ArgMax <axis = 1, keepdims = 0> (t)
  [loss] y = SoftmaxCrossEntropyLoss <reduction = "mean"> (x, l)
}""",
    )
    if told := s.told("a composed operator", path):
        node = next(n for n in told["nodes"] if n["name"] == "loss")
        s.equal("a composed operator names its parts", ("LogSoftmax" in node["parts"], node["fate"]), (True, "dispatch"))


# Every node of an inner graph, of a function, and of a function's inner graph; equal names are told apart.
INNER = """
<ir_version: 8, opset_import: ["" : 17, "own" : 1]>
inner (float[4] x, bool c) => (float[4] y, float[4] z)
{
  [choice] y = If (c) <
    then_branch = yes () => (float[4] a) { [body] a = Exp (x) },
    else_branch = no () => (float[4] b) { [body] b = Log (x) }
  >
  on = Constant <value = bool {1}> ()
  [known] k = If (on) <
    then_branch = yes () => (float[4] d) { [taken] d = Sin (y) },
    else_branch = no () => (float[4] e) { [left] e = Cos (y) }
  >
  [call] z = own.twice (k)
}
<domain: "own", opset_import: ["" : 17]>
twice (p) => (q)
{
  [first] h = Abs (p)
  [second] q = Sqrt (h)
}"""


def inner(s):
    told = s.told("inner graphs and functions", s.save("inner", INNER))
    if not told:
        return
    s.equal(
        "what became of each inner node",
        fates(told),
        {
            "choice": "inner", "body": "dispatch", "body_2": "dispatch", "Constant_1": "constant", "known": "inner",
            "taken": "dispatch", "left": "unreached", "call": "inner", "call/first": "dispatch", "call/second": "dispatch",
        },
    )
    s.equal("the node around it", [n.get("inside") for n in told["nodes"] if n["name"] in ("body", "taken", "call/first")],
            ["choice", "known", "call"])


def unsupported(s):
    path = s.save(
        "unsupported",
        """
<ir_version: 8, opset_import: ["" : 17, "alien" : 1]>
bad (float[4] x, string[2] words, bool c) => (float[4] y, float[4] z)
  <float[4] b>
{
  [good] g = Relu (x)
  [odd] a = alien.Fold (g)
  [reads] r = Sqrt (a)
  [typed] b = alien.Fold (x)
  [goes_on] s = Exp (b)
  [attribute] t = Softmax <axis = 0, temperature = 2.0> (g)
  [text] u = StringNormalizer (words)
  [choice] y = If (c) <
    then_branch = yes () => (float[4] v) { [deep] v = alien.Bend (x) },
    else_branch = no () => (float[4] w) { [fine] w = Neg (x) }
  >
  z = Add (s, g)
}""",
    )
    model = onnx.load(path)
    model.graph.value_info.append(helper.make_tensor_value_info("b", TensorProto.FLOAT, [4]))
    path.write_bytes(model.SerializeToString())
    told = s.told("an unsupported model", path, status=1)
    if not told:
        return
    s.equal(
        "all that is not supported",
        {e["node"] or e["operator"]: e["operator"] for e in told["unsupported"]},
        {"input": "input", "odd": "alien.Fold", "typed": "alien.Fold", "attribute": "Softmax", "text": "StringNormalizer",
         "deep": "alien.Bend"},
    )
    reasons = {e["node"]: e["reason"] for e in told["unsupported"]}
    s.equal("the reason of an operator", reasons["odd"], "this operator is not supported")
    s.equal("the reason of an attribute", reasons["attribute"], "attribute 'temperature' is not supported")
    s.equal("the reason of an input", "'words'" in reasons[""] and "string" in reasons[""], True)
    s.equal("what cannot be examined", "reads" in [e["node"] for e in told["unexamined"]], True)
    done = s.explain(path, "--explain")
    s.equal("one line of error, exit status 1", (done.status, len(done.err.strip().splitlines())), (1, 1))
    for text in [r"^  'odd' \(alien.Fold\): this operator is not supported$", r"alien.Fold 2", r"^not examined"]:
        s.count.test(f"the text has {text}", None if re.search(text, done.out, re.M) else f"printed {done.out!r}")
    target = path.with_suffix(".hcm")
    s.explain(path, "-o", target, "--explain")
    s.equal("no output is left", target.exists(), False)


def endless(s):
    """Functions that call each other end with an error, as without --explain."""
    path = s.save(
        "endless",
        """
<ir_version: 8, opset_import: ["" : 17, "own" : 1]>
endless (float[4] x) => (float[4] y)
{
  [call] y = own.again (x)
}
<domain: "own", opset_import: ["" : 17, "own" : 1]>
again (p) => (q)
{
  [one] h = own.again (p)
  [two] q = own.again (h)
}""",
    )
    if told := s.told("functions without end", path, status=1):
        s.equal("functions without end are one reason", ["deep" in e["reason"] for e in told["unsupported"]], [True])


def mlir(s):
    path = s.folder / "ops.mlir"
    path.write_text(
        """func.func @main(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %0 = math.exp %x : tensor<4x8xf32>
  %1 = math.sqrt %0 : tensor<4x8xf32>
  %2 = math.sin %x : tensor<4x8xf32>
  return %1 : tensor<4x8xf32>
}
"""
    )
    if told := s.told("an MLIR file", path):
        s.equal("operations are nodes, by line and column", fates(told), {"2:8": "dispatch", "3:8": "dispatch", "4:8": "simplified"})
        s.equal("operations in one dispatch", companions(told, "2:8"), ["2:8", "3:8"])
        s.equal("their names", [n["operator"] for n in told["nodes"]], ["math.exp", "math.sqrt", "math.sin"])
        s.equal("work known now", [(d["flops"], d["bytes"]) for d in told["dispatches"]], [(64, 256)])


def tosa(s):
    path = s.folder / "tosa.mlir"
    path.write_text(
        """func.func @main(%x: tensor<4x8xf32>, %w: tensor<6x8xf32>, %b: tensor<6xf32>) -> tensor<4x6xf32> {
  %0 = tosa.fully_connected %x, %w, %b : (tensor<4x8xf32>, tensor<6x8xf32>, tensor<6xf32>) -> tensor<4x6xf32>
  %1 = tosa.tanh %0 : (tensor<4x6xf32>) -> tensor<4x6xf32>
  return %1 : tensor<4x6xf32>
}
"""
    )
    if told := s.told("a TOSA file", path):
        s.equal("TOSA operations are nodes", [n["operator"] for n in told["nodes"]], ["tosa.fully_connected", "tosa.tanh"])
        s.equal("and are in dispatches", (fates(told), companions(told, "2:8")),
                ({"2:8": "dispatch", "3:8": "dispatch"}, ["2:8", "3:8"]))


def trained(s):
    path = CORPUS / "tv_mobilenet_v2/model.onnx"
    told = s.told("tv_mobilenet_v2", path)
    if not told:
        return
    source = onnx.load(path).graph.node
    s.equal("every node of tv_mobilenet_v2 once", [n["operator"] for n in told["nodes"]], [n.op_type for n in source])
    s.equal("none of them has two names", len(fates(told)), len(source))
    s.equal("each convolution is in one dispatch",
            {(n["fate"], len(n["dispatches"])) for n in told["nodes"] if n["operator"] == "Conv"}, {("dispatch", 1)})
    clips = [n for n in told["nodes"] if n["operator"] == "Clip"]
    alone = [n["name"] for n in clips if len(companions(told, n["name"])) < 2]
    s.equal("each activation is fused", (len(clips) > 30, alone), (True, []))
    listed = {each for dispatch in told["dispatches"] for each in dispatch["nodes"]}
    s.equal("dispatches and nodes agree", {n["name"] for n in told["nodes"] if n["dispatches"]}, listed)
    s.equal("no node is without a reason",
            [n["name"] for n in told["nodes"] if n["fate"] == "simplified" and not n.get("pass")], [])
    s.equal("every dispatch is specialised", [d["kernel"] for d in told["dispatches"] if not d["specialised"]], [])
    s.equal("every dispatch has nodes", [d["kernel"] for d in told["dispatches"] if not d["nodes"]], [])


def main(build):
    count = Count("explain")
    s = Suite(Tools(build), count)
    for part in [chain, composed, inner, unsupported, endless, mlir, tosa, trained]:
        part(s)
    return count.close()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
