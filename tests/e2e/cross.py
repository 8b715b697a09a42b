#!/usr/bin/env python3
"""Cross-compilation: cross.py BUILD. The command is built for AArch64 from the headers alone, and runs models that halcyonc
compiled for AArch64 under qemu-user."""
import subprocess, sys

import constructs
from halcyon import ROOT, Count, Tools
from run import CORPUS, cases

CXX = "aarch64-linux-gnu-g++"
FLAGS = ["-std=c++20", "-O1", "-fno-exceptions", "-fno-rtti", "-static", "-pthread"]
TARGET = "--target=cpu:aarch64-unknown-linux-gnu:generic"
CONSTRUCTS = [
    *((name, "") for name in ("add", "dense_relu", "if", "loop_growing", "product_of_bf16", "product_of_bytes")),
    ("product_of_bf16", ",+bf16"),
    *(("product_of_bytes", features) for features in (",+dotprod", ",+i8mm")),
]


def include_flags(tools, folder):
    """What a program that uses Halcyon from its headers alone is compiled with."""
    includes = folder / "include"
    includes.mkdir(parents=True, exist_ok=True)
    link = includes / "flatbuffers"  # the host's headers, without the rest of its include folder
    if not link.exists():
        link.symlink_to("/usr/include/flatbuffers")
    paths = [ROOT / "include", ROOT / "src/schema", ROOT / "drivers/cpu/include", ROOT / "drivers/null/include",
             ROOT / "drivers/shared/include", tools.build / "src/schema", tools.build / "drivers", includes]
    return [f"-I{p}" for p in paths]


def build_command(tools, folder):
    """(program, error). Objects are made again only where a source or header is newer."""
    flags = include_flags(tools, folder)
    program = folder / "halcyon"
    sources = sorted((ROOT / "src/tools").glob("*.cpp"))
    newest = max(p.stat().st_mtime for f in ["include", "drivers", "src"] for p in (ROOT / f).rglob("*") if p.is_file())
    if program.is_file() and program.stat().st_mtime > newest:
        return program, None
    cache = ["ccache"] if subprocess.run(["sh", "-c", "command -v ccache"], capture_output=True).returncode == 0 else []
    running = []
    objects = []
    for source in sources:
        objects.append(folder / (source.stem + ".o"))
        command = [*cache, CXX, *FLAGS, *flags, "-c", str(source), "-o", str(objects[-1])]
        running.append((source, subprocess.Popen(command, stderr=subprocess.PIPE, text=True)))
        if len(running) == 2:
            source, process = running.pop(0)
            if (text := process.communicate()[1]) and process.returncode:
                return program, f"{source.name}: {text[:1000]}"
    for source, process in running:
        if (text := process.communicate()[1]) and process.returncode:
            return program, f"{source.name}: {text[:1000]}"
    done = subprocess.run([CXX, *FLAGS, *map(str, objects), "-o", str(program)], capture_output=True, text=True)
    return program, done.stderr[:1000] if done.returncode else None


def main(build):
    tools = Tools(build)
    count = Count("cross")
    folder = tools.build / "e2e/aarch64"
    program, error = build_command(tools, folder)
    count.test("the command builds for AArch64", error)
    if error:
        return count.close()
    run = lambda *words: tools.call(["qemu-aarch64", "-cpu", "max", program, *words], 600)
    done = run("devices")
    count.test("devices", done.error or (None if "cpu" in done.out else f"printed {done.out!r}"))

    for name, features in CONSTRUCTS:
        source = constructs.FOLDER / f"{name}.mlir"
        artifact = folder / f"{name}.hcm"
        error = tools.compile(source, artifact, TARGET + features)
        for number, case in enumerate(constructs.directives(source, folder)[1]):
            if error or case.fails is None:
                count.test(f"{name}{features} case {number}", error or run("run", artifact, *case.words()).error)

    model = CORPUS / "ppocrv2_cls"
    artifact = folder / "ppocrv2_cls.hcm"
    error = tools.compile(model / "model.onnx", artifact, TARGET)
    for number, (inputs, outputs, _) in enumerate(cases(model)):
        done = error or run("run", artifact, *(f"--input=@{p}" for p in inputs), *(f"--expect=@{p}" for p in outputs)).error
        count.test(f"ppocrv2_cls case {number}", done)
    return count.close()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
