#!/usr/bin/env python3
"""Models that are no models: malformed.py BUILD [--full] [--seed=N]

Each gets one error that says what is wrong and where, exit status 1 and no artifact; none crashes, hangs or takes more than
1 GB of memory. After the models that are written by hand come those of `malformed_attributes.py`, then one cut at every length and one with bits turned, where nothing
is asked for but an orderly end. HALCYONC names another compiler to test, as one with the address sanitizer.
"""

import concurrent.futures, os, random, resource, shutil, subprocess, sys

import numpy as np
import onnx
import onnx.parser
from onnx import TensorProto, helper, numpy_helper

import malformed_attributes
from halcyon import Count, Tools

MEMORY = 1 << 30  # bytes of data; the sanitizer's own are not counted against it
SECONDS = 60
F32, I64, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL


# ---- building ----------------------------------------------------------------------------------------


def tensor(name, dims, kind=F32):
    return helper.make_tensor_value_info(name, kind, dims)


def node(operator, inputs, outputs=("y",), name="n", **attributes):
    return helper.make_node(operator, list(inputs), list(outputs), name=name, **attributes)


def model(nodes, inputs=None, outputs=None, weights=(), opsets=(("", 17),), functions=(), infos=()):
    inputs = [tensor("x", [2, 3])] if inputs is None else inputs
    outputs = [tensor("y", None)] if outputs is None else outputs
    graph = helper.make_graph(nodes, "g", inputs, outputs, list(weights), value_info=list(infos))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid(*o) for o in opsets], functions=list(functions), ir_version=10)


def floats(name, *shape):
    return numpy_helper.from_array(np.ones(shape, np.float32), name)


def integers(name, *values):
    return numpy_helper.from_array(np.array(values, np.int64), name)


def weight(**fields):
    """An initializer `w` with these fields, beside a node that adds it."""
    made = TensorProto(name="w", data_type=F32)
    for key, value in fields.items():
        if isinstance(value, (list, tuple)):
            getattr(made, key).extend(value)
        else:
            setattr(made, key, value)
    return model([node("Add", ["x", "w"])], weights=[made])


def external(**entries):
    made = weight(dims=[2, 3], data_location=TensorProto.EXTERNAL)
    for key, value in entries.items():
        made.graph.initializer[0].external_data.add(key=key, value=str(value))
    return made


def attribute(name, **fields):
    """A Softmax whose attribute `name` has these fields."""
    made = model([node("Softmax", ["x"])])
    made.graph.node[0].attribute.append(onnx.AttributeProto(name=name, **fields))
    return made


def function(name, nodes, domain="f", inputs=("a",), outputs=("b",)):
    return helper.make_function(domain, name, list(inputs), list(outputs), nodes, [helper.make_opsetid("", 17), helper.make_opsetid("f", 1)])


def calls(*functions):
    return model([node(functions[0].name, ["x"], domain="f")], opsets=[("", 17), ("f", 1)], functions=functions)


def body(nodes, outputs, inputs=()):
    return helper.make_graph(nodes, "body", list(inputs), list(outputs))


def branches(then, other):
    return model([node("If", ["c"], then_branch=then, else_branch=other)], [tensor("x", [2, 3]), tensor("c", [], BOOL)])


def relu(name="b", source="x", kind=F32, dims=None):
    return body([node("Relu", [source], [name], "inner")], [tensor(name, dims, kind)])


def loop(graph, extra=("x",), outputs=("y",)):
    return model([node("Loop", ["m", "", *extra], outputs, body=graph)], [tensor("x", [2, 3]), tensor("m", [], I64)],
                 [tensor(o, None) for o in outputs])


def loop_body(outputs, inputs=("i", "c", "v")):
    kinds = {"i": (I64, []), "c": (BOOL, [])}
    return body([node("Identity", ["c"], ["d"], "inner"), node("Neg", ["v"], ["w"], "inner2")],
                [tensor(o, None, BOOL if o == "d" else F32) for o in outputs],
                [tensor(n, kinds.get(n, (F32, [2, 3]))[1], kinds.get(n, (F32, 0))[0]) for n in inputs])


def nested(depth):
    """Graphs inside graphs, written as bytes: the classes of the package are recursive."""
    inner = body([node("Relu", ["x"], ["b"], "inner")], [tensor("b", None)]).SerializeToString()
    for _ in range(depth):
        attributes = b"".join(field(5, field(1, name) + field(6, inner) + b"\xa0\x01\x05") for name in (b"then_branch",))
        inner = field(1, field(1, b"x") + field(2, b"b") + field(3, b"deep") + field(4, b"If") + attributes) + field(12, field(1, b"b"))
    return model([]).SerializeToString() + field(7, inner)


def field(number, data):
    """A length-delimited field of protobuf."""
    return varint(number << 3 | 2) + varint(len(data)) + data


def varint(n):
    made = bytearray()
    while n > 127:
        made.append(n & 127 | 128)
        n >>= 7
    return bytes(made + bytes([n]))


# ---- the models: (title, model or bytes, texts that the error has) -----------------------------------


def names_and_order():
    x, y = tensor("x", [2, 3]), tensor("y", None)
    yield "an input that nobody defines", model([node("Add", ["x", "w"])]), ["'n'", "'w'", "not defined"]
    yield "a node before what it needs", model([node("Neg", ["a"], ["y"], "late"), node("Abs", ["x"], ["a"], "early")]), ["'late'", "'a'"]
    yield "a cycle", model([node("Add", ["x", "b"], ["a"], "one"), node("Neg", ["a"], ["b"], "two")], outputs=[tensor("b", None)]), ["'one'", "'b'"]
    yield "a node that needs itself", model([node("Add", ["x", "y"])]), ["'n'", "'y'"]
    yield "two nodes that make one name", model([node("Neg", ["x"], ["y"], "one"), node("Abs", ["x"], ["y"], "two")]), ["'two'", "'y'", "twice"]
    yield "a node that makes an input", model([node("Neg", ["x"], ["x"])], outputs=[x]), ["'n'", "'x'", "twice"]
    yield "a node that makes an initializer", model([node("Neg", ["x"], ["w"])], outputs=[tensor("w", None)], weights=[floats("w", 2)]), ["'n'", "'w'", "twice"]
    yield "two initializers of one name", model([node("Add", ["x", "w"])], weights=[floats("w", 3), floats("w", 3)]), ["initializer 'w'", "twice"]
    yield "two inputs of one name", model([node("Neg", ["x"])], [x, x]), ["input 'x'", "twice"]
    yield "an output that nobody makes", model([node("Neg", ["x"])], outputs=[y, tensor("z", None)]), ["output 'z'"]
    yield "no graph", onnx.ModelProto(ir_version=10, opset_import=[helper.make_opsetid("", 17)]), ["no graph"]
    yield "no outputs", model([node("Neg", ["x"])], outputs=[]), ["no output"]
    yield "a node without an operator", model([node("", ["x"])]), ["no operator"]
    yield "an empty name among the inputs", model([node("Add", ["x", ""])]), ["'n'", "input 1"]
    yield "too many inputs", model([node("Neg", ["x", "x"])]), ["'n'", "at most 1"]
    yield "too many outputs", model([node("Neg", ["x"], ["y", "z"])], outputs=[y, tensor("z", None)]), ["'n'", "output 1"]
    yield "no inputs", model([node("Add", [])]), ["'n'", "input 0"]


def versions():
    neg = [node("Neg", ["x"])]
    yield "no operator set", model(neg, opsets=()), ["operator set"]
    yield "operator set 0", model(neg, opsets=[("", 0)]), ["operator set 0"]
    yield "a negative operator set", model(neg, opsets=[("", -3)]), ["operator set -3"]
    yield "an operator set of the future", model(neg, opsets=[("", 10**6)]), ["operator set 1000000"]
    yield "an operator set twice", model(neg, opsets=[("", 17), ("", 18)]), ["twice"]
    yield "an unknown operator", model([node("Nonsense", ["x"])]), ["Nonsense", "'n'"]
    yield "an unknown domain", model([node("Neg", ["x"], domain="com.example")], opsets=[("", 17), ("com.example", 1)]), ["com.example", "Neg"]


def types_and_shapes():
    y = tensor("y", None)
    yield ("offsets of another extent", model([node("DeformConv", ["x", "w", "o"])], [tensor("x", [1, 1, 4, 4])], opsets=(("", 19),),
                                               weights=[floats("w", 1, 1, 3, 3), floats("o", 1, 18, 3, 2)]), ["'n'", "offsets differ: 3 and 2"])
    yield "a wrong rank", model([node("Conv", ["x", "w"])], weights=[floats("w", 1, 1, 3, 3)]), ["'n'", "rank"]
    yield "shapes that do not broadcast", model([node("Add", ["x", "w"])], weights=[floats("w", 4)]), ["'n'", "3 and 4", "dimension 1"]
    yield "a product of other lengths", model([node("MatMul", ["x", "w"])], weights=[floats("w", 4, 5)]), ["'n'", "3", "4"]
    yield "types that differ", model([node("Add", ["x", "w"])], weights=[integers("w", 1, 2, 3)]), ["'n'", "f32", "i64"]
    yield "a type that the operator has not", model([node("And", ["x", "x"])]), ["'n'", "f32"]
    yield "an axis outside", model([node("Softmax", ["x"], axis=7)]), ["'n'", "'axis'", "7"]
    yield "a permutation that is none", model([node("Transpose", ["x"], perm=[0, 0])]), ["'n'", "'perm'", "axis 0", "twice"]
    yield "a permutation of another length", model([node("Transpose", ["x"], perm=[0, 1, 2])]), ["'n'", "'perm'", "axis 2"]
    yield "a shape of other elements", model([node("Reshape", ["x", "s"])], weights=[integers("s", 4, 4)]), ["'n'", "6", "16"]
    yield "a shape with -2", model([node("Reshape", ["x", "s"])], weights=[integers("s", -2, 3)]), ["'n'", "-2"]
    yield "a shape with two unknowns", model([node("Reshape", ["x", "s"])], weights=[integers("s", -1, -1)]), ["'n'", "-1"]
    yield "a huge shape", model([node("ConstantOfShape", ["s"])], weights=[integers("s", 2**40, 2**40)]), ["'n'"]
    yield "a negative shape", model([node("ConstantOfShape", ["s"])], weights=[integers("s", -4)]), ["'n'", "-4"]
    yield "a huge expansion", model([node("Expand", ["x", "s"])], weights=[integers("s", 2**62, 2, 3)]), ["'n'"]
    yield "pads that leave nothing", model([node("Pad", ["x", "p"])], weights=[integers("p", -5, 0, 0, 0)]), ["'n'"]
    yield "a split of other sizes", model([node("Split", ["x", "s"], ["y", "z"], axis=1)], outputs=[y, tensor("z", None)], weights=[integers("s", 2, 2)]), ["'n'"]
    yield "an output of another type", model([node("Neg", ["x"])], outputs=[tensor("y", [2, 3], I64)]), ["'y'", "i64", "f32"]
    yield "an output of another rank", model([node("Neg", ["x"])], outputs=[tensor("y", [2, 3, 1])]), ["'y'", "3", "2"]
    yield "an output of another shape", model([node("Neg", ["x"])], outputs=[tensor("y", [2, 4])]), ["'y'", "4", "3"]
    yield "a value of another shape", model([node("Neg", ["x"], ["a"], "first"), node("Abs", ["a"])], infos=[tensor("a", [5, 3])]), ["'first'", "'a'", "5", "2"]
    yield "a value of another type", model([node("Neg", ["x"], ["a"], "first"), node("Abs", ["a"])], infos=[tensor("a", [2, 3], I64)]), ["'first'", "'a'", "i64"]
    yield "an input without a rank", model([node("Neg", ["x"])], [tensor("x", None)]), ["'x'", "rank"]
    yield "an input without a type", model([node("Neg", ["x"])], [onnx.ValueInfoProto(name="x")]), ["'x'"]
    yield "an input of an unknown type", model([node("Neg", ["x"])], [tensor("x", [2], 99)]), ["'x'"]
    yield "strings", model([node("Identity", ["x"])], [tensor("x", [2], TensorProto.STRING)]), ["'x'", "string"]
    yield "a map as an input", model([node("Identity", ["x"])], [helper.make_value_info("x", helper.make_map_type_proto(I64, helper.make_tensor_type_proto(F32, [1])))]), ["'x'"]
    yield "a sparse tensor as an input", model([node("Identity", ["x"])], [helper.make_value_info("x", helper.make_sparse_tensor_type_proto(F32, [2]))]), ["'x'"]
    yield "an input of too many elements", model([node("Neg", ["x"])], [tensor("x", [2**31, 2**31, 2**31])]), ["'x'"]
    sparse = model([node("Neg", ["x"])])
    sparse.graph.sparse_initializer.append(onnx.SparseTensorProto(values=floats("s", 1), indices=integers("i", 0), dims=[4]))
    yield "a sparse initializer", sparse, ["sparse"]


def attributes():
    kinds = onnx.AttributeProto
    yield "an attribute of another type", attribute("axis", type=kinds.FLOAT, f=1.0), ["'n'", "'axis'"]
    yield "an attribute without a type", attribute("axis", i=1), ["'n'", "'axis'"]
    yield "an attribute of an unknown type", attribute("axis", type=kinds.TYPE_PROTO), ["'n'", "'axis'"]
    yield "an attribute that the operator has not", attribute("flavour", type=kinds.INT, i=1), ["'n'", "'flavour'"]
    yield "a missing attribute", model([node("Cast", ["x"])]), ["'n'", "'to'", "type"]
    yield "a cast to nothing", model([node("Cast", ["x"], to=77)]), ["'n'", "'to'", "77"]
    yield "an unknown word", model([node("Pad", ["x", "p"], mode="sideways")], weights=[integers("p", 0, 0, 0, 0)]), ["'n'", "'mode'", "sideways"]
    yield "a stride of zero", model([node("MaxPool", ["x"], kernel_shape=[1], strides=[0])], [tensor("x", [1, 1, 4])]), ["'n'", "'strides'"]
    yield "a huge kernel", model([node("MaxPool", ["x"], kernel_shape=[2**62])], [tensor("x", [1, 1, 4])]), ["'n'", "'kernel_shape'"]
    yield "groups that do not divide", model([node("Conv", ["x", "w"], group=3)], [tensor("x", [1, 4, 8])], weights=[floats("w", 4, 1, 3)]), ["'n'", "'group'"]
    yield "an equation that is none", model([node("Einsum", ["x"], equation="ij->>")]), ["'n'", "'equation'", "'>'"]
    yield "an equation of other ranks", model([node("Einsum", ["x"], equation="ijk->i")]), ["'n'", "'equation'"]
    yield "a constant without a value", model([node("Constant", [])]), ["'n'"]
    yield "a block size of zero", model([node("DepthToSpace", ["x"], blocksize=0)], [tensor("x", [1, 4, 2, 2])]), ["'n'", "'blocksize'"]
    yield "a block size that does not divide", model([node("DepthToSpace", ["x"], blocksize=3)], [tensor("x", [1, 4, 2, 2])]), ["'n'"]


def tensors():
    yield "fewer bytes than dims say", weight(dims=[2, 3], raw_data=bytes(20)), ["'w'", "24 bytes", "20"]
    yield "more bytes than dims say", weight(dims=[2, 3], raw_data=bytes(28)), ["'w'", "24 bytes", "28"]
    yield "fewer numbers than dims say", weight(dims=[2, 3], float_data=[1.0]), ["'w'", "24 bytes", "4"]
    yield "no data", weight(dims=[2, 3]), ["'w'", "24 bytes", "0"]
    yield "two gigabytes in a few bytes", weight(dims=[2**29], raw_data=b"abcd"), ["'w'", str(2**31)]
    yield "dims that overflow", weight(dims=[2**32, 2**32, 2**32], raw_data=b"abcd"), ["'w'", "too many"]
    yield "a negative dimension", weight(dims=[-2, 3], raw_data=bytes(24)), ["'w'", "-2"]
    yield "an unknown element type", weight(dims=[2, 3], data_type=1000, raw_data=bytes(24)), ["'w'", "1000"]
    yield "the wrong list of numbers", weight(dims=[2, 3], int64_data=[1] * 6), ["'w'", "24 bytes"]
    big = model([node("Add", ["x", "w"])]).SerializeToString()
    yield "two gigabytes that the file has not", big + varint(7 << 3 | 2) + varint(2**31 - 1), []
    yield "a length past the end", big + varint(7 << 3 | 2) + varint(2**63), []


def files():
    yield "a file that is not there", external(location="nothing.bin"), ["'w'", "nothing.bin"]
    yield "a file outside, by dots", external(location="../outside.bin"), ["'w'", "outside"]
    yield "a file outside, by dots inside", external(location="sub/../../outside.bin"), ["'w'", "outside"]
    yield "a file outside, absolute", external(location="/etc/passwd"), ["'w'", "outside"]
    yield "a file outside, by a link", external(location="link.bin"), ["'w'", "link.bin", "outside"]
    yield "a file outside, by a linked folder", external(location="linked/outside.bin"), ["'w'", "outside"]
    yield "a folder for a file", external(location="sub"), ["'w'", "sub"]
    yield "no location", external(offset=0), ["'w'"]
    yield "an offset past the end", external(location="some.bin", offset=1 << 40), ["'w'", "some.bin"]
    yield "a negative offset", external(location="some.bin", offset=-4), ["'w'", "'offset'"]
    yield "a length past the end", external(location="some.bin", length=1 << 40), ["'w'", "some.bin"]
    yield "a negative length", external(location="some.bin", length=-4), ["'w'", "'length'"]
    yield "a length that is not the tensor's", external(location="some.bin", length=16), ["'w'", "24 bytes", "16"]
    yield "offset and length that overflow", external(location="some.bin", offset=2**64 - 4, length=24), ["'w'", "some.bin"]


def control_flow():
    yield "branches of other numbers of outputs", branches(relu(), body([node("Relu", ["x"], ["b"], "i1"), node("Neg", ["x"], ["d"], "i2")], [tensor("b", None), tensor("d", None)])), ["'n'"]
    yield "branches of other types", branches(relu(), body([node("Cast", ["x"], ["b"], "inner", to=I64)], [tensor("b", None, I64)])), ["'n'", "f32", "i64"]
    yield "a branch that needs what nobody defines", branches(relu(source="q"), relu()), ["inner", "'q'"]
    yield "a branch that makes no output", branches(body([], [tensor("b", None)]), relu()), ["'b'"]
    yield "a missing branch", model([node("If", ["c"], then_branch=relu())], [tensor("x", [2, 3]), tensor("c", [], BOOL)]), ["'n'", "'else_branch'"]
    yield "a condition that is no bool", model([node("If", ["x"], then_branch=relu(), else_branch=relu())]), ["'n'"]
    yield "a branch with inputs", branches(body([node("Relu", ["a"], ["b"], "inner")], [tensor("b", None)], [tensor("a", [2, 3])]), relu()), ["'n'"]
    yield "a loop without a body", model([node("Loop", ["m", "", "x"])], [tensor("x", [2, 3]), tensor("m", [], I64)]), ["'n'", "'body'"]
    yield "a loop of fewer results", loop(loop_body(["d"])), ["'n'"]
    yield "a loop of fewer inputs", loop(loop_body(["d", "w"], ["i", "v"])), []
    yield "a loop of more states", loop(loop_body(["d", "w"]), extra=("x", "x")), ["'n'"]
    yield "a loop of more outputs", loop(loop_body(["d", "w"]), outputs=("y", "z")), ["'z'"]
    scan = body([node("Neg", ["s"], ["t"], "inner")], [tensor("t", None)], [tensor("s", [3])])
    yield "a scan of no inputs", model([node("Scan", ["x"], body=scan, num_scan_inputs=0)]), ["'n'"]
    yield "a scan of too many inputs", model([node("Scan", ["x"], body=scan, num_scan_inputs=5)]), ["'n'"]
    yield "a scan without a number", model([node("Scan", ["x"], body=scan)]), ["'n'", "'num_scan_inputs'"]
    yield "a branch's output of another type", branches(relu(kind=I64), relu()), ["inner", "'b'", "i64", "f32"]
    yield "a branch's output of another rank", branches(relu(dims=[2, 3, 1]), relu()), ["inner", "'b'", "3", "2"]
    yield "a branch's output of another shape", branches(relu(dims=[2, 4]), relu()), ["inner", "'b'", "4", "3"]
    two = body([node("Neg", ["x"], ["a"], "first"), node("Relu", ["a"], ["b"], "inner")], [tensor("b", None)])
    two.value_info.append(tensor("a", [5, 3]))
    yield "a branch's value of another shape", branches(two, relu()), ["'first'", "'a'", "5", "2"]
    wrong = loop_body(["d", "w"])
    wrong.input[2].CopyFrom(tensor("v", [2, 3], I64))
    yield "a loop's input of another type", loop(wrong), ["'n'", "'v'", "i64", "f32"]
    wrong.input[2].CopyFrom(tensor("v", [2]))
    yield "a loop's input of another rank", loop(wrong), ["'n'", "'v'", "1", "2"]
    wrong = loop_body(["d", "w"])
    wrong.value_info.append(tensor("w", [2, 3], BOOL))
    yield "a loop's value of another type", loop(wrong), ["'inner2'", "'w'", "bool"]
    step = body([node("Neg", ["s"], ["t"], "inner")], [tensor("t", None)], [tensor("s", [4])])
    yield "a scan's input of another shape", model([node("Scan", ["x"], body=step, num_scan_inputs=1)]), ["'n'", "'s'", "4", "3"]
    for depth in (40, 1000, 10000):
        yield f"{depth} graphs within graphs", nested(depth), []


def functions():
    neg = node("Neg", ["a"], ["b"], "inner")
    yield "a function that calls itself", calls(function("r", [node("r", ["a"], ["b"], "again", domain="f")])), ["n/again", "call each other"]
    yield "functions that call each other", calls(function("r", [node("s", ["a"], ["b"], "there", domain="f")]),
                                                   function("s", [node("r", ["a"], ["b"], "back", domain="f")])), ["call each other"]
    yield "a function that needs what nobody defines", calls(function("r", [node("Neg", ["q"], ["b"], "inner")])), ["'inner'", "'q'"]
    yield "a function that makes no output", calls(function("r", [node("Neg", ["a"], ["q"], "inner")])), ["'r'", "'b'"]
    yield "a function with an unknown operator", calls(function("r", [node("Nonsense", ["a"], ["b"], "inner")])), ["Nonsense"]
    yield "a function with too many inputs", model([node("r", ["x", "x"], domain="f")], opsets=[("", 17), ("f", 1)], functions=[function("r", [neg])]), ["'n'"]
    yield "a function with too many outputs", model([node("r", ["x"], ["y", "z"], domain="f")], outputs=[tensor("y", None), tensor("z", None)], opsets=[("", 17), ("f", 1)], functions=[function("r", [neg])]), ["'n'"]
    typed = function("r", [node("Neg", ["a"], ["q"], "inner"), node("Abs", ["q"], ["b"], "last")])
    typed.value_info.append(tensor("q", [2, 4]))
    yield "a function's value of another shape", calls(typed), ["n/inner", "'q'", "4", "3"]
    yield "two functions of one name", calls(function("r", [neg]), function("r", [neg])), ["'r'", "twice"]
    twice = [function(f"r{i}", [node(f"r{i + 1}", ["a"], ["q"], "one", domain="f"), node(f"r{i + 1}", ["q"], ["b"], "two", domain="f")]) for i in range(30)]
    yield "functions that double thirty times", calls(*twice, function("r30", [neg])), ["nodes"]


SETS = [names_and_order, versions, types_and_shapes, attributes, tensors, files, control_flow, functions]


# ---- running -----------------------------------------------------------------------------------------


class Suite:
    def __init__(self, tools, count):
        self.count = count
        self.compiler = os.environ.get("HALCYONC", tools.halcyonc)
        self.sanitized = "HALCYONC" in os.environ
        self.folder = tools.build / "e2e/malformed"
        shutil.rmtree(self.folder, ignore_errors=True)
        (self.folder / "inside/sub").mkdir(parents=True)
        (self.folder / "outside.bin").write_bytes(bytes(24))
        (self.folder / "inside/some.bin").write_bytes(bytes(24))
        (self.folder / "inside/link.bin").symlink_to("../outside.bin")
        (self.folder / "inside/linked").symlink_to("..")

    def compile(self, data, name="model"):
        """(exit status, lines of errors)"""
        source, artifact = self.folder / f"inside/{name}.onnx", self.folder / f"inside/{name}.hcm"
        source.write_bytes(data)
        artifact.unlink(missing_ok=True)
        limit = None if self.sanitized else lambda: resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
        try:
            done = subprocess.run([self.compiler, source, "-o", artifact, "-O0", "--target=cpu", "--jobs=1"], capture_output=True,
                                  text=True, errors="replace", timeout=SECONDS * (10 if self.sanitized else 1), preexec_fn=limit)
        except subprocess.TimeoutExpired:
            return 124, [f"ran past {SECONDS} s"]
        lines = done.stderr.strip().splitlines()
        if done.returncode == 0 and not artifact.exists() or done.returncode == 1 and artifact.exists():
            return -1, ["the artifact does not fit the exit status", *lines]
        return done.returncode, lines

    def refused(self, title, what, texts):
        data = what if isinstance(what, bytes) else what.SerializeToString()
        status, lines = self.compile(data)
        good = status == 1 and len(lines) == 1 and all(text in lines[0] for text in texts)
        self.count.test(title, None if good else f"exit {status}, said {lines[:3]}, expected one line with {texts}")

    def attributes(self, full):
        """Many, so they run beside each other."""
        def judge(numbered):
            number, (title, data, must, texts) = numbered
            if data is None:
                return title, f"it has not {', '.join(must)}" if must else None
            status, lines = self.compile(data, f"attribute{number}")
            (self.folder / f"inside/attribute{number}.onnx").unlink()
            if texts is None:
                return title, None if status == 0 else f"exit {status}, said {lines[:3]}"
            named = len(lines) == 1 and all(any(text in lines[0] for text in some) for some in texts)
            good = status == 1 and named or status == 0 and not must
            return title, None if good else f"exit {status}, said {lines[:3]}, expected one line with one of each of {texts}"

        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            for title, error in pool.map(judge, enumerate(malformed_attributes.cases(full))):
                self.count.test(f"values: {title}", error)

    def orderly(self, title, data):
        status, lines = self.compile(data)
        good = status == 0 or status == 1 and lines
        self.count.test(title, None if good else f"exit {status}: {lines[-1:]}; left in {self.keep(title)}")

    def keep(self, title):
        path = self.folder / (title.replace(" ", "_") + ".onnx")
        shutil.copy(self.folder / "inside/model.onnx", path)
        return path


def small():
    """What is cut and turned: attributes, a constant, a branch, a function."""
    return onnx.parser.parse_model("""
        <ir_version: 8, opset_import: ["" : 17, "f" : 1]>
        g (float[N, 3] x, bool c) => (float[N, 3] y) <float[3] w = {1, 2, 3}>
        {
          a = Add (x, w)
          b = f.twice (a)
          y = If (c) <then_branch = t () => (p) { p = Softmax <axis = -1> (b) }, else_branch = e () => (q) { q = Neg (b) }>
        }
        <domain: "f", opset_import: ["" : 17]> twice (i) => (o) { o = Add (i, i) }""").SerializeToString()


def main(build, *words):
    given = dict(w[2:].partition("=")[::2] for w in words)
    full, seed = "full" in given, given.get("seed", "1")
    count = Count("malformed")
    suite = Suite(Tools(build), count)
    for cases in SETS:
        for title, what, texts in cases():
            suite.refused(f"{cases.__name__}: {title}", what, texts)
    suite.attributes(full)
    data = small()
    status, lines = suite.compile(data)
    count.test("the model that is cut and turned is one", None if status == 0 else f"exit {status}: {lines}")
    for length in range(len(data)) if full else range(0, len(data), 7):
        suite.orderly(f"cut at {length}", data[:length])
    rng = random.Random(seed)
    for number in range(3000 if full else 200):
        turned = bytearray(data)
        for _ in range(rng.choice([1, 1, 1, 2, 4])):
            turned[rng.randrange(len(turned))] ^= 1 << rng.randrange(8)
        suite.orderly(f"seed {seed} turned {number}", bytes(turned))
    return count.close()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
