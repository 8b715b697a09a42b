#!/usr/bin/env python3
"""The command line of the halcyon command: tools.py BUILD [--halcyon=PROGRAM]. Every error is one line on stderr that
says what is wrong and where, with exit status 1, or 2 where the command line itself is wrong."""
import json, pathlib, re, shutil, struct, sys

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent))
import constructs
import size
from halcyon import Count, Tools


def npy(descr, shape, data, version=1, fortran=False):
    header = f"{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}".encode()
    size = "<H" if version == 1 else "<I"
    header = header.ljust(117 - (0 if version == 1 else 2)) + b"\n"
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack(size, len(header)) + header + data


def floats(*values):
    return struct.pack(f"<{len(values)}f", *values)


class Suite:
    def __init__(self, tools, count):
        self.tools, self.count = tools, count
        self.folder = tools.build / "e2e/tools"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)

    def artifact(self, name):
        target = self.tools.build / f"e2e/{name}-O2.hcm"
        if not target.is_file():
            source = next(p for p in constructs.FOLDER.rglob(f"{name}.mlir"))
            options = constructs.directives(source, self.folder)[0]
            error = self.tools.compile(source, target, *([] if "--target" in " ".join(options) else ["--target=cpu"]), *options)
            if error:
                self.count.test(f"compile {name}", error)
        return target

    def file(self, name, data):
        path = self.folder / name
        path.write_bytes(data)
        return path

    def fails(self, title, status, text, *words):
        done = self.tools.run(*words)
        lines = done.err.strip().splitlines()
        if done.status != status:
            return self.count.test(title, f"exit {done.status}, expected {status}; said {done.err.strip()!r}")
        good = len(lines) == 1 and re.search(text, lines[0])
        self.count.test(title, None if good else f"said {done.err.strip()!r}, expected one line with {text!r}")

    def works(self, title, text, *words):
        done = self.tools.run(*words)
        good = re.search(text, done.out, re.M)
        self.count.test(title, done.error or (None if good else f"printed {done.out!r}, expected {text!r}"))
        return done.out


def minimal_program(s):
    """What tests/size.py measures also works: with a model, and with a damaged one."""
    source = s.file("minimal.mlir", b"""func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = arith.addf %x, %x : tensor<4xf32>
  return %y : tensor<4xf32>
}
""")
    artifact = s.folder / "minimal.hcm"
    s.count.test("compile the minimal program's model", s.tools.compile(source, artifact, "--target=cpu"))
    data = bytearray(artifact.read_bytes())
    data[len(data) // 2:] = b""
    short = s.file("short.hcm", bytes(data))
    for compiler, program, *_ in size.minimal(s.tools.build, s.folder):
        for file, status in [(artifact, 0), (short, 1)]:
            done = s.tools.call([program, file])
            s.count.test(f"minimal program, {compiler}, {file.name}",
                         None if done.status == status else f"exit {done.status}, expected {status}")


def usage(s):
    add = s.artifact("add")
    done = s.tools.run()
    s.count.test("no verb", None if done.status == 2 and "halcyon run" in done.err else f"exit {done.status}")
    s.works("help", r"halcyon bench", "--help")
    s.fails("unknown verb", 2, r"^halcyon: no verb is called 'walk'", "walk")
    s.fails("no file", 2, r"^halcyon run: no file is given", "run")
    s.fails("two files", 2, r"unexpected argument 'b'", "run", "a", "b")
    s.fails("unknown option", 2, r"unknown option '--colour'", "run", add, "--colour=red")
    s.fails("short option", 2, r"unknown option '-x'", "run", add, "-x")
    s.fails("option without a value", 2, r"'--device' needs a value", "run", add, "--device")
    s.fails("flag with a value", 2, r"'--json' takes no value", "bench", add, "--json=1")
    s.fails("option given twice", 2, r"'--device' is given twice", "run", add, "--device=cpu", "--device=cpu")
    s.fails("threads is no number", 2, r"'--threads'.*'two'", "run", add, "--threads=two")
    s.fails("no threads", 2, r"'--threads'", "run", add, "--threads=0")
    s.fails("negative tolerance", 2, r"'--atol'", "run", add, "--atol=-1")
    s.fails("output without @", 2, r"'--output': 'y.npy'", "run", add, "--output=y.npy")
    s.fails("parameters without a file", 2, r"'--parameters'", "run", add, "--parameters=w")
    s.fails("devices takes no file", 2, r"unexpected argument", "devices", "x")


def devices(s):
    s.works("devices", r"(?s)\A(?=.*^cpu: )(?=.*^null: )", "devices")
    s.works("a driver that is missing", r"^vulkan: not available: ", "devices")
    unmappable = s.works("the device with options", r"\Acpu:unmappable: CPU.*runs plans for cpu$", "devices", "--device=cpu:unmappable")
    for what in [r"^  device memory: does not map: \w", r"^  host memory: maps, coherent; slow: \w", r"^  buffers: up to .*, aligned to 64 bytes$",
                 r"^  work: ", r"^  processors: [1-9]", r"^  instructions: \w+"]:
        s.count.test(f"devices says {what}", None if re.search(what, unmappable, re.M) else f"printed {unmappable!r}")
    s.works("memory that is not coherent", r"^  device memory: maps, not coherent", "devices", "--device=cpu,coherent=0")
    s.works("a device with a queue of its own", r"^  work: is queued", "devices", "--device=cpu,queue=1")
    missing = s.tools.run("devices", "--device=vulkan", "--device=toaster", "--device=cpu,threads=many")
    for what in [r"^vulkan: not available: not in this ", r"^toaster: not available: registry: no driver of this name$",
                 r"^cpu,threads=many: not available: cpu: the options are "]:
        s.count.test(f"devices says {what}", None if missing.status == 1 and re.search(what, missing.out, re.M) else f"exit {missing.status}: {missing.out!r}")
    try:
        shown = {d["name"]: d for d in json.loads(s.works("devices --json", r"\A\[", "devices", "--json"))}
        cpu = shown["cpu"]
        s.count.test("the JSON of cpu", None if cpu["available"] and cpu["inline"] and cpu["coherent"] and cpu["processors"] > 0 and cpu["features"] and
                     [(m["kind"], m["mappable"], m["importable"]) for m in cpu["memory"]] == [("device", True, True), ("host", True, True)] and
                     cpu["alignment"] == 64 and cpu["max_buffer_bytes"] > 2**32 else f"{cpu}")
        s.count.test("the JSON of a missing driver", None if not shown["vulkan"]["available"] and shown["vulkan"]["reason"] else f"{shown}")
    except (ValueError, KeyError, TypeError) as x:
        s.count.test("the JSON of devices", f"{type(x).__name__}: {x}")
    s.works("a checked device", r"\Achecked:cpu:unmappable: CPU.*runs plans for cpu$", "devices", "--device=checked:cpu:unmappable")
    s.fails("no such driver file", 1, r"^halcyon devices: driver '/no/such.so': open: no such file", "devices", "--driver=/no/such.so")
    s.fails("a driver file for run", 1, r"^halcyon run: driver '/no/such.so': ", "run", s.artifact("add"), "--driver=/no/such.so", "--input=4xf32=1", "--input=4xf32=1")


def inputs(s):
    add, dense = s.artifact("add"), s.artifact("dense_relu")
    good = ["--input=4xf32=1,2,3,4", "--input=4xf32=1"]
    s.works("results are printed", r"^sum: 4xf32 = 2, 3, 4, 5$", "run", add, *good)
    s.works("null runs nothing but ends well", r"^sum: 4xf32", "run", add, "--device=null", *good)
    for name in ["checked:cpu", "checked(cpu:unmappable)", "checked:cpu,guard=1"]:
        done = s.tools.run("run", add, f"--device={name}", "--threads=2", "--expect=4xf32=2,3,4,5", *good)
        s.count.test(f"{name} finds nothing", done.error or (f"said {done.err!r}" if done.err else None))
    s.fails("no device to check", 1, r"device 'toaster':.*this build has .*cpu", "run", add, "--device=checked:toaster", *good)
    s.works("random is seeded", r"^sum", "run", add, "--input=4xf32=random", "--input=4xf32=random")
    first, second = (s.tools.run("run", add, "--input=4xf32=random", "--input=4xf32=random").out for _ in range(2))
    s.count.test("random is the same twice", None if first == second else f"{first} and {second}")
    s.fails("wrong shape", 1, r"^halcyon run: main: argument 0 'a', dimension 0: expected 4, got 3$", "run", add, "--input=3xf32=1", good[1])
    s.fails("wrong rank", 1, r"argument 1 'b'", "run", add, good[0], "--input=2x2xf32=1")
    s.fails("wrong type", 1, r"argument 0 'a': expected f32, got i32", "run", add, "--input=4xi32=1", good[1])
    s.fails("too few arguments", 1, r"main: takes 2 arguments \(a: 4xf32, b: 4xf32\), 1 ", "run", add, good[0])
    s.fails("too many arguments", 1, r"main: takes 2 arguments .*, 3 ", "run", add, *good, good[0])
    s.fails("wrong static dimension of a dynamic shape", 1, r"argument 0 'x', dimension 1: expected 3, got 4", "run", dense, "--input=2x4xf32=0")
    s.fails("too few values", 2, r"4 elements, 3 values", "run", add, "--input=4xf32=1,2,3", good[1])
    s.fails("a value that is no number", 2, r"'x' does not begin with a number", "run", add, "--input=4xf32=1,x", good[1])
    s.fails("a value out of range", 2, r"300 is not a value of i8", "run", add, "--input=4xi8=300", good[1])
    s.fails("an unknown type", 2, r"'f31' is not an element type", "run", add, "--input=4xf31=1", good[1])
    s.fails("a bad dimension", 2, r"'-4' is not a dimension", "run", add, "--input=-4xf32=1", good[1])
    s.fails("a shape without values", 2, r"expected @FILE.npy", "run", add, "--input=4xf32", good[1])
    s.fails("too large a shape", 1, r"too large", "run", add, "--input=4000000000x4000000000xf32=1", good[1])
    s.fails("unknown function", 1, r"no function 'other'; it has: main", "run", add, "--function=other", *good)
    s.fails("unknown device", 1, r"device 'toaster':.*this build has .*cpu", "run", add, "--device=toaster", *good)
    s.fails("unknown device option", 1, r"device 'cpu,colour=red':", "run", add, "--device=cpu,colour=red", *good)


def files(s):
    add = s.artifact("add")
    one = s.file("one.npy", npy("<f4", "(4,)", floats(1, 2, 3, 4)))
    good = [f"--input=@{one}", "--input=4xf32=1"]
    run = lambda path: ["run", add, f"--input=@{path}", "--input=4xf32=1"]
    s.works("npy version 1", r"= 2, 3, 4, 5$", "run", add, *good)
    for version in [2, 3]:
        s.works(f"npy version {version}", r"= 2, 3, 4, 5$", *run(s.file(f"v{version}.npy", npy("<f4", "(4,)", floats(1, 2, 3, 4), version))))
    out = s.folder / "sum.npy"
    s.works("an output is written", r"\A\Z", "run", add, *good, f"--output=@{out}")
    expected = npy("<f4", "(4,)", floats(2, 3, 4, 5))
    s.count.test("the written file", None if out.is_file() and out.read_bytes()[-16:] == expected[-16:] and len(out.read_bytes()) % 64 == 16
                 else "has other bytes")
    s.works("the written file is read back", r"= 3, 4, 5, 6$", *run(out))
    s.fails("no such input", 1, r"cannot open '/no/such.npy': No such file", *run("/no/such.npy"))
    s.fails("output in no folder", 1, r"cannot open '/no/such/y.npy'", "run", add, *good, "--output=@/no/such/y.npy")
    s.fails("not an npy", 1, r"'.*text.npy': not a .npy file", *run(s.file("text.npy", b"hello there, this is text")))
    s.fails("npy cut in its elements", 1, r"ends inside its elements", *run(s.file("cut.npy", npy("<f4", "(4,)", floats(1, 2)))))
    s.fails("npy cut in its header", 1, r"ends inside the .npy header", *run(s.file("head.npy", expected[:40])))
    s.fails("npy too long", 1, r"longer than its shape says", *run(s.file("long.npy", expected + b"x")))
    s.fails("npy big-endian", 1, r"big-endian", *run(s.file("big.npy", npy(">f4", "(4,)", floats(1, 2, 3, 4)))))
    s.fails("npy in Fortran order", 1, r"Fortran order", *run(s.file("fortran.npy", npy("<f4", "(2, 2)", floats(1, 2, 3, 4), fortran=True))))
    s.fails("npy of objects", 1, r"unknown dtype '\|O'", *run(s.file("object.npy", npy("|O", "(4,)", bytes(32)))))
    s.fails("npy version 9", 1, r"version 9", *run(s.file("v9.npy", npy("<f4", "(4,)", floats(1, 2, 3, 4), 9))))
    s.fails("npy with a damaged shape", 1, r"shape", *run(s.file("shape.npy", npy("<f4", "(4,-1)", floats(1, 2, 3, 4)))))
    s.fails("npy with a huge shape", 1, r"too large", *run(s.file("huge.npy", npy("<f4", "(4000000000, 4000000000)", b""))))


def expectations(s):
    add = s.artifact("add")
    run = lambda value, *more: ["run", add, "--input=4xf32=1,2,3,4", "--input=4xf32=0", f"--expect={value}", *more]
    s.works("an expectation that holds", r"max \|a-b\| / max\|b\| = 0 at \[0\], holds$", *run("4xf32=1,2,3,4"))
    s.works("within atol of the largest value", r"at \[1\], holds$", *run("4xf32=1,2.0003,3,4"))
    s.fails("an expectation that does not hold", 1, r"main: the results are not as expected", *run("4xf32=1,2.001,3,4"))
    s.works("rtol", r"holds$", *run("4xf32=1,2.001,3,4", "--rtol=1e-3", "--atol=0"))
    s.fails("rtol is of each value", 1, r"not as expected", *run("4xf32=1.001,2,3,4", "--rtol=1e-4", "--atol=0"))
    s.fails("an expectation of another type", 1, r"not as expected", *run("4xf64=1,2,3,4"))
    s.fails("an expectation of another shape", 1, r"not as expected", *run("2x2xf32=1,2,3,4"))
    s.fails("NaN expected, a number got", 1, r"not as expected", *run("4xf32=1,nan,3,4"))
    s.fails("infinity expected, a number got", 1, r"not as expected", *run("4xf32=1,inf,3,4"))
    nan = ["run", add, "--input=4xf32=1,nan,inf,4", "--input=4xf32=0"]
    s.works("NaN and infinity where the reference has them", r"holds$", *nan, "--expect=4xf32=1,nan,inf,4")
    s.fails("NaN where the reference has none", 1, r"not as expected", *nan, "--expect=4xf32=1,2,inf,4")
    s.fails("more expectations than results", 1, r"has 1 results, 2 are given with --expect", *run("4xf32=1", "--expect=4xf32=1"))


def artifacts(s):
    add = s.artifact("add")
    good = ["--input=4xf32=1", "--input=4xf32=1"]
    data = add.read_bytes() if add.is_file() else b""
    for verb, words in [("run", good), ("bench", good), ("inspect", []), ("verify", [])]:
        s.fails(f"{verb} of a missing file", 1, r"'/no/such.hcm': .*no such file", verb, "/no/such.hcm", *words)
        s.fails(f"{verb} of an empty file", 1, r"'.*empty.hcm': load: .*at byte 0$", verb, s.file("empty.hcm", b""), *words)
        s.fails(f"{verb} of a truncated file", 1, r"'.*cut.hcm': load: ", verb, s.file("cut.hcm", data[:len(data) - 7]), *words)
        s.fails(f"{verb} of another file", 1, r"'.*text.hcm': load: not a Halcyon artifact", verb, s.file("text.hcm", b"#!/bin/sh\necho hello\n" * 20), *words)
    s.works("verify", r"good: 1 functions", "verify", add)
    changed = bytearray(data)
    if changed:
        changed[-1] ^= 1
    s.fails("verify of changed code", 1, r"'.*changed.hcm': .*SHA-256", "verify", s.file("changed.hcm", bytes(changed)))
    s.works("inspect", r"^function main\(a: 4xf32, b: 4xf32\) -> \(sum: 4xf32\)$", "inspect", add)
    try:
        shown = json.loads(s.works("inspect --json", r"^\{", "inspect", add, "--json"))
        s.count.test("what inspect --json says", None if shown["functions"][0]["arguments"][0] ==
                     {"name": "a", "type": "f32", "shape": [4], "residence": "device"} else f"{shown}")
        measured = json.loads(s.works("bench --json", r"^\{", "bench", add, *good, "--seconds=0.1", "--threads=1", "--json"))
        keys = {"load_ms", "first_ms", "median_ms", "min_ms", "p90_ms", "p99_ms", "transient_bytes", "constant_bytes", "allocations_per_call",
                "page_faults_per_call", "calls"}
        s.count.test("the keys of bench --json", None if keys <= set(measured) else f"lacks {keys - set(measured)}")
        s.count.test("a warm call allocates nothing", None if measured["allocations_per_call"] == 0 else f"{measured['allocations_per_call']}")
    except (ValueError, KeyError, IndexError) as x:
        s.count.test("JSON", f"{type(x).__name__}: {x}")
    s.works("bench", r"^main: median ", "bench", add, *good, "--seconds=0.05")


WORK = b"""#rows = affine_map<(i, j) -> (i)>
#id = affine_map<(i, j) -> (i, j)>
func.func @product(%x: tensor<?x8xf32>) -> tensor<?x16xf32> {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %w = arith.constant dense<0.5> : tensor<8x16xf32>
  %n = tensor.dim %x, %c0 : tensor<?x8xf32>
  %empty = tensor.empty(%n) : tensor<?x16xf32>
  %fill = linalg.fill ins(%zero : f32) outs(%empty : tensor<?x16xf32>) -> tensor<?x16xf32>
  %y = linalg.matmul ins(%x, %w : tensor<?x8xf32>, tensor<8x16xf32>) outs(%fill : tensor<?x16xf32>) -> tensor<?x16xf32>
  return %y : tensor<?x16xf32>
}
func.func @rows(%table: tensor<100x16xf32>, %at: tensor<4xi64>) -> tensor<4x16xf32> {
  %empty = tensor.empty() : tensor<4x16xf32>
  %y = linalg.generic {indexing_maps = [#rows, #id], iterator_types = ["parallel", "parallel"]} ins(%at : tensor<4xi64>)
      outs(%empty : tensor<4x16xf32>) {
  ^bb0(%i: i64, %out: f32):
    %j = linalg.index 1 : index
    %row = arith.index_cast %i : i64 to index
    %e = tensor.extract %table[%row, %j] : tensor<100x16xf32>
    linalg.yield %e : f32
  } -> tensor<4x16xf32>
  return %y : tensor<4x16xf32>
}
#a = affine_map<(i, j, k) -> (i, k)>
#b = affine_map<(i, j, k) -> (k, j)>
#c = affine_map<(i, j, k) -> (i, j)>
func.func @bytes(%x: tensor<?x8xi8>) -> tensor<?x16xi32> {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0 : i32
  %w = arith.constant dense<"0xWEIGHTS"> : tensor<8x16xi8>
  %n = tensor.dim %x, %c0 : tensor<?x8xi8>
  %empty = tensor.empty(%n) : tensor<?x16xi32>
  %fill = linalg.fill ins(%zero : i32) outs(%empty : tensor<?x16xi32>) -> tensor<?x16xi32>
  %y = linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<?x8xi8>, tensor<8x16xi8>) outs(%fill : tensor<?x16xi32>) {
  ^bb0(%p: i8, %q: i8, %sum: i32):
    %u = arith.extui %p : i8 to i32
    %s = arith.extsi %q : i8 to i32
    %m = arith.muli %u, %s : i32
    %a = arith.addi %sum, %m : i32
    linalg.yield %a : i32
  } -> tensor<?x16xi32>
  return %y : tensor<?x16xi32>
}
""".replace(b"WEIGHTS", b"03" * 64 + b"fd" * 64)


def by_dispatch(s):
    """What bench --by-dispatch says of work: products of the call's own sizes, and of a table the rows that are read."""
    work, words = s.folder / "work.hcm", ["--seconds=0.01", "--threads=1", "--by-dispatch"]
    s.count.test("compile the work", s.tools.compile(s.file("work.mlir", WORK), work, "--target=cpu"))
    for title, options, kernels in [
        ("a product of 5 rows", ["--function=product", "--input=5x8xf32=1"], [(1, 2 * 5 * 8 * 16, 4 * (5 * 8 + 8 * 16 + 5 * 16))]),
        ("a product of 700 rows", ["--function=product", "--input=700x8xf32=1"], [(1, 2 * 700 * 8 * 16, 4 * (700 * 8 + 8 * 16 + 700 * 16))]),
        ("a product of no rows", ["--function=product", "--input=0x8xf32=1"], []),
        ("a product of bytes", ["--function=bytes", "--input=5x8xi8=1"], [(1, 2 * 5 * 8 * 16, 5 * 8 + 8 * 16 + 4 * 5 * 16)]),
        ("rows of a table", ["--function=rows", "--input=100x16xf32=1", "--input=4xi64=99,0,7,7"], [(1, 0, 2 * 4 * 16 * 4 + 4 * 8)]),
    ]:
        try:
            told = json.loads(s.works(title, r"^\{", "bench", work, *options, *words, "--json", "--peak=100,10"))["dispatches"]
            found = [(d["count"], d["flops"], d["bytes"]) for d in told]
            s.count.test(f"{title}: count, operations, bytes", None if found == kernels else f"{found}, expected {kernels}")
            s.count.test(f"{title}: times and shares", None if all(d["ms"] > 0 and d["share"] > 0 for d in told) else f"{told}")
        except (ValueError, KeyError) as x:
            s.count.test(title, f"{type(x).__name__}: {x}")
    s.works("a table by dispatch", r"^ +[0-9.]+ +100.0 +1 .* product_\S+ \(.*\)$", "bench", work, "--function=product", "--input=5x8xf32=1", *words)
    for peak in ["", "100", "100,x", "-1,2", "100,2,3", "nan,1"]:
        s.fails(f"--peak={peak}", 2, rf"'--peak': '{peak}' is not GFLOP/s,GB/s", "bench", work, *words, f"--peak={peak}")
    s.fails("--peak alone", 2, r"'--peak' goes with --by-dispatch", "bench", work, "--peak=1,1")
    s.fails("--by-dispatch of a missing file", 1, r"'/no/such.hcm': .*no such file", "bench", "/no/such.hcm", *words)


def variants(s):
    squares = ["--input=4xf32=1,2,3,4", "--expect=4xf32=1,4,9,16"]
    for features in ["baseline", "avx2", "avx512"]:
        s.works(f"the best variant for {features}", r"holds$", "run", s.artifact("variants"), f"--device=cpu,features={features}", *squares)
    only = s.artifact("avx512_only")
    s.fails("no variant for the processor", 1, r"avx512", "run", only, "--device=cpu,features=baseline", *squares)


def main(build, *words):
    command = next((w[len("--halcyon="):] for w in words if w.startswith("--halcyon=")), None)
    count = Count("tools")
    suite = Suite(Tools(build, command), count)
    for part in [usage, devices, inputs, files, expectations, artifacts, by_dispatch, variants, minimal_program]:
        part(suite)
    return count.close()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
