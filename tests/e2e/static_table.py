#!/usr/bin/env python3
"""Static executables: static_table.py BUILD. Two models compiled with --executables=static are linked into one C++ program
that uses the runtime from its headers, for this machine and for AArch64 (under qemu-user), and run against references."""

import platform, subprocess, sys

import numpy as np

import constructs
import cross
from halcyon import ROOT, Count, Tools
from run import CORPUS

AUTOENCODER = CORPUS / "tiny_autoencoder"
MODELS = {"dense_relu": constructs.FOLDER / "dense_relu.mlir", "tiny_autoencoder": AUTOENCODER / "model.onnx"}
# Two variants where this machine is an x86-64: the object then has the kernels of both.
HOST = ["--target=cpu", "--target=cpu:x86_64-unknown-linux-gnu:x86-64"] if platform.machine() == "x86_64" else ["--target=cpu"]


class Machine:
    """One machine's compiler, program and way of running it."""

    def __init__(self, tools, count, name, targets, compiler, flags, runner):
        self.tools, self.count, self.name, self.targets = tools, count, name, targets
        self.compiler, self.flags, self.runner = compiler, flags, runner
        self.folder = tools.build / f"e2e/static-{name}"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.program = self.folder / "program"

    def artifact(self, name):
        return self.folder / f"{name}.hcm"

    def compile_models(self):
        for name, source in MODELS.items():
            error = self.tools.compile(source, self.artifact(name), *self.targets, "--executables=static")
            self.count.test(f"{self.name}: {name} compiles", error)
            if error:
                return False
        return True

    def build_program(self):
        command = [
            self.compiler,
            "-std=c++20",
            "-O1",
            "-fno-exceptions",
            "-fno-rtti",
            "-pthread",
            *self.flags,
            *cross.include_flags(self.tools, self.folder),
            f"-I{self.folder}",
            ROOT / "tests/e2e/static_program.cpp",
            *(self.folder / f"{name}.o" for name in MODELS),
            "-o",
            self.program,
        ]
        done = self.tools.call(command, 300)
        self.count.test(f"{self.name}: the program links both objects", done.error)
        return done.error is None

    def run(self, name, x, with_table=True, artifact=None):
        """(result, what it said on stderr or None)"""
        given, result = self.folder / "in.f32", self.folder / "out.f32"
        x.astype(np.float32).tofile(given)
        result.unlink(missing_ok=True)
        done = self.tools.call(
            [
                *self.runner,
                self.program,
                int(with_table),
                artifact or self.artifact(name),
                "x".join(map(str, x.shape)),
                given,
                result,
            ],
            300,
        )
        return (np.fromfile(result, np.float32) if done.status == 0 else None), (
            done.err.strip() or None if done.status else None
        )

    def check(self, title, result, said, expected):
        if said or result is None:
            return self.count.test(f"{self.name}: {title}", said or "no result")
        wrong = (
            result.shape != expected.reshape(-1).shape
            or np.abs(result - expected.reshape(-1)).max() > 1e-4 * np.abs(expected).max()
        )
        self.count.test(f"{self.name}: {title}", f"{result[:4]}.., expected {expected.reshape(-1)[:4]}.." if wrong else None)

    def fails(self, title, text, done):
        self.count.test(f"{self.name}: {title}", None if done[1] and text in done[1] else f"said {done[1]!r}, expected {text!r}")

    def tests(self):
        if not (self.compile_models() and self.build_program()):
            return
        x = np.array([[1, 2, 3], [4, 5, 6]])
        self.check("dense_relu", *self.run("dense_relu", x), np.array([2.5, 1, 8.5, 8.5]))
        self.check(
            "tiny_autoencoder",
            *self.run("tiny_autoencoder", np.load(AUTOENCODER / "input_0.npy")),
            np.load(AUTOENCODER / "output_0.npy"),
        )
        self.fails(
            "without the table",
            "unsupported: create_executable: no variant runs on this machine",
            self.run("dense_relu", x, with_table=False),
        )
        other = self.folder / "add.hcm"
        error = self.tools.compile(constructs.FOLDER / "add.mlir", other, *self.targets, "--executables=static")
        self.count.test(f"{self.name}: add compiles", error)
        self.fails(
            "a table without this artifact's kernels",
            "unsupported: create_executable: no variant runs",
            self.run("add", np.ones(4), artifact=other),
        )


def same_bytes(machine):
    """The three files, with another number of jobs and in another folder."""
    folder = machine.folder / "again"
    folder.mkdir(exist_ok=True)
    for name, source in MODELS.items():
        error = machine.tools.compile(source, folder / f"{name}.hcm", *machine.targets, "--executables=static", "--jobs=1")
        differ = [
            end
            for end in [".hcm", ".o", ".h"]
            if not error and (folder / f"{name}{end}").read_bytes() != machine.artifact(name).with_suffix(end).read_bytes()
        ]
        machine.count.test(f"{machine.name}: {name}: same bytes", error or (f"{', '.join(differ)} differ" if differ else None))


def one_symbol(machine):
    """Nothing of the object is visible but its table: two objects never clash."""
    for name in MODELS:
        listed = subprocess.run(["nm", "--extern-only", machine.artifact(name).with_suffix(".o")], capture_output=True, text=True)
        symbols = [line.split()[-1] for line in listed.stdout.splitlines()]
        good = len(symbols) == 1 and symbols[0].startswith("hcy_kernels_")
        machine.count.test(f"{machine.name}: {name}: one symbol", None if good else f"it has {symbols} {listed.stderr.strip()}")


def reason(machine):
    done = machine.tools.run("run", machine.artifact("dense_relu"), "--input=1x3xf32=0")
    good = done.status == 1 and "the application gave no such kernel" in done.err
    machine.count.test("halcyon run says why it cannot", None if good else f"said {done.err.strip()!r}")


def main(build):
    tools = Tools(build)
    count = Count("static")
    host = Machine(tools, count, "host", HOST, "g++", [], [])
    host.tests()
    same_bytes(host)
    one_symbol(host)
    reason(host)
    Machine(tools, count, "aarch64", [cross.TARGET], cross.CXX, ["-static"], ["qemu-aarch64"]).tests()
    return count.close()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
