"""The small files of constructs/: one construct each, checked by the directives in the file's comments.

    compile: OPTION...          options of halcyonc for this file
    case:                       begins a case (the first may leave it out)
    function: NAME              which function; default main
    input: VALUE                one for each argument, as --input takes it
    expect: VALUE               one for each result
    run: OPTION...              more options of halcyon run
    prints: TEXT                what halcyon run prints has this text
    fails: TEXT                 the case ends with exit status 1 and this text in its message
    refused: TEXT               halcyonc ends with an error that has this text

    parameters: FILE NAME=3x2xf32=1,2,..    writes a .safetensors file with one tensor for the options to name

%T in an option is the folder of scratch files. .onnxtxt files are ONNX models in protobuf's text form; protoc encodes them
with our own onnx.proto.
"""
import json, pathlib, re, struct, subprocess

from halcyon import ROOT

FOLDER = pathlib.Path(__file__).resolve().parent / "constructs"
PROTO = ROOT / "compiler/import/onnx/wire/onnx.proto"
DEVICES = ["cpu", "cpu:unmappable"]
CHECKED = ["checked:cpu", "checked:cpu:unmappable"]  # once a file


def sources():
    return sorted(p for p in FOLDER.iterdir() if p.suffix in (".mlir", ".onnxtxt"))


class Case:
    def __init__(self):
        self.inputs, self.expected, self.options, self.function, self.fails = [], [], [], "main", None
        self.prints = None

    def words(self):
        return [f"--function={self.function}", *(f"--input={v}" for v in self.inputs), *(f"--expect={v}" for v in self.expected),
                *self.options]


def write_parameters(path, text):
    name, shape, values = text.split("=")
    sizes = [int(size) for size in shape.split("x")[:-1]]
    data = struct.pack(f"<{len(values.split(','))}f", *map(float, values.split(",")))
    header = json.dumps({name: {"dtype": "F32", "shape": sizes, "data_offsets": [0, len(data)]}}).encode()
    header = header.ljust((len(header) + 7) // 8 * 8)
    path.write_bytes(struct.pack("<Q", len(header)) + header + data)


def directives(source, scratch):
    """(compile options, cases, text of the compile error or None)"""
    options, cases, refused = [], [Case()], None
    for line in source.read_text().splitlines():
        found = re.match(r"\s*(?://|#) (compile|case|function|input|expect|run|prints|fails|refused|parameters):\s*(.*?)\s*$", line)
        if not found:
            continue
        word, value = found[1], found[2].replace("%T", str(scratch))
        case = cases[-1]
        if word == "compile":
            options += value.split()
        elif word == "case":
            if case.inputs or case.expected or case.fails:
                cases.append(Case())
        elif word == "function":
            case.function = value
        elif word == "input":
            case.inputs.append(value)
        elif word == "expect":
            case.expected.append(value)
        elif word == "run":
            case.options += value.split()
        elif word == "prints":
            case.prints = value
        elif word == "parameters":
            file, text = value.split(" ", 1)
            write_parameters(scratch / file, text)
        elif word == "fails":
            case.fails = value
        else:
            refused = value
    return options, cases, refused


def encoded(source, scratch):
    """The .onnx of an .onnxtxt, or the error."""
    target = scratch / (source.stem + ".onnx")
    with open(source, "rb") as text, open(target, "wb") as out:
        done = subprocess.run(["protoc", f"--proto_path={PROTO.parent}", "--encode=" + package() + "ModelProto", PROTO.name],
                              stdin=text, stdout=out, stderr=subprocess.PIPE, text=True)
    return (target, None) if done.returncode == 0 else (target, "protoc: " + done.stderr.strip())


def compile(tools, name, artifact):
    """The file of that name, in whichever form, as it asks to be compiled. None, or what went wrong."""
    (source,) = FOLDER.glob(name + ".[mo]*")
    scratch = artifact.parent
    model, error = encoded(source, scratch) if source.suffix == ".onnxtxt" else (source, None)
    return error or tools.compile(model, artifact, "--target=cpu", *directives(source, scratch)[0])


def package():
    found = re.search(r"^package\s+([\w.]+);", PROTO.read_text(), re.M)
    return found[1] + "." if found else ""


def check(tools, artifact, case, device):
    done = tools.run("run", artifact, f"--device={device}", *case.words())
    if case.fails is None:
        if case.prints and not done.error and case.prints not in done.out:
            return f"printed {done.out!r}, expected {case.prints!r}"
        return done.error and " / ".join([done.error, *done.out.splitlines()[:2]])
    if done.status != 1:
        return f"exit {done.status}, expected 1 with '{case.fails}'"
    return None if case.fails in done.err else f"said '{done.err.strip()}', expected '{case.fails}'"


def run(tools, count, source, scratch, levels):
    options, cases, refused = directives(source, scratch)
    for level in levels:
        model, error = encoded(source, scratch) if source.suffix == ".onnxtxt" else (source, None)
        artifact = scratch / f"{source.stem}{level}.hcm"
        error = error or tools.compile(model, artifact, level, *([] if "--target" in " ".join(options) else ["--target=cpu"]), *options)
        test = f"{source.stem} {level[1:]}"
        if refused is not None:
            good = error is not None and refused in error
            count.test(test, None if good else f"said '{error}', expected '{refused}'")
            continue
        if error:
            count.test(test, "compile: " + error)
            continue
        for device in DEVICES + (CHECKED if level == "-O2" else []):
            wrong = [f"case {n}: {e}" for n, c in enumerate(cases) if (e := check(tools, artifact, c, device))]
            count.test(f"{test} {device}", "; ".join(wrong) or None)
