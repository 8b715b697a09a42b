#!/usr/bin/env python3
"""Prints how large things are: size.py BUILD. Lines of the runtime, drivers and compiler, files over 500 lines, and the
bytes of the stripped minimal program (tests/size.cpp: load, verify, call, inline CPU driver) for each compiler."""
import pathlib, shutil, subprocess, sys, tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
CODE = {".hpp", ".h", ".ipp", ".cpp", ".c", ".td", ".fbs", ".def", ".proto"}
PARTS = {"runtime": ["include", "src"], "command": ["src/tools"], "drivers": ["drivers"], "compiler": ["compiler"]}
FLAGS = ["-std=c++20", "-Oz", "-DNDEBUG", "-fno-exceptions", "-fno-rtti", "-fno-unwind-tables", "-fno-asynchronous-unwind-tables",
         "-fno-ident", "-fno-jump-tables", "-ffunction-sections", "-fdata-sections", "-fvisibility=hidden", "-flto", "-fno-pie", "-no-pie",
         "-Wl,--gc-sections", "-Wl,--as-needed", "-Wl,-z,norelro", "-Wl,-z,noseparate-code", "-Wl,--build-id=none",
         "-Wl,--no-eh-frame-hdr", "-s"]
OWN_FLAGS = {"g++": ["-flto-partition=one"],
             "clang++-19": ["-fno-builtin-bcmp", "-fuse-ld=lld", "-Wl,--icf=all", "-fwhole-program-vtables", "-fvirtual-function-elimination"]}
STRIP = next(filter(None, map(shutil.which, ["llvm-strip-19", "/usr/lib/llvm-19/bin/llvm-strip", "llvm-strip"])), None)


def count(path):
    return sum(1 for _ in path.open(encoding="utf-8", errors="replace"))


def lines():
    for part, folders in PARTS.items():
        files = [p for f in folders for p in (ROOT / f).rglob("*") if p.suffix in CODE]
        if part == "runtime":
            files = [p for p in files if not p.is_relative_to(ROOT / "src/tools")]
        sizes = {p: count(p) for p in files}
        print(f"{part:10} {len(files):4} files {sum(sizes.values()):7} lines")
        for path, n in sorted(sizes.items(), key=lambda item: -item[1]):
            if n > 500:
                print(f"           {n:4} {path.relative_to(ROOT)}")


def minimal(build, folder):
    """Builds the minimal program in `folder` with each compiler that is here; yields (compiler, its path, bytes as linked and
    stripped, bytes without section headers too)."""
    includes = ["include", "src/schema", "drivers/cpu/include", "drivers/shared/include"]
    for compiler in OWN_FLAGS:
        if not shutil.which(compiler):
            continue
        target = pathlib.Path(folder) / f"minimal-{compiler}"
        command = [compiler, *FLAGS, *OWN_FLAGS[compiler], *(f"-I{ROOT / i}" for i in includes), f"-I{pathlib.Path(build) / 'src/schema'}",
                   str(ROOT / "tests/size.cpp"), "-o", str(target), "-pthread"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"size.py: {' '.join(command)}\n{done.stderr[:3000]}")
        linked = target.stat().st_size
        if STRIP:
            subprocess.run([STRIP, "--strip-sections", str(target)], check=True)
        yield compiler, target, linked, target.stat().st_size


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    lines()
    with tempfile.TemporaryDirectory() as folder:
        for compiler, _, linked, stripped in minimal(sys.argv[1], folder):
            print(f"minimal program, {compiler}: {stripped} bytes ({linked} with section headers)")
