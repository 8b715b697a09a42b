#!/usr/bin/env python3
"""Work that the application gives: custom_work.py BUILD. custom_work.mlir and host_calls.mlir compiled in several ways and run by
custom_work.cpp with kernels and functions of its own on each CPU device."""
import platform, sys

from halcyon import ROOT, Count, Tools

WAYS = {"-O2": ["-O2"], "-O0": ["-O0"]}
if platform.machine() == "x86_64":
    WAYS["two variants"] = ["--target=cpu", "--target=cpu:x86_64-unknown-linux-gnu:x86-64"]


def run_program(tools, count, program, way, *words):
    """One test for each line that the program prints."""
    done = tools.call([program, *words])
    count.test(f"{way}: {program.name} ends", done.error)
    for line in done.out.splitlines():
        word, _, rest = line.partition(" ")
        name, _, why = rest.partition(": ")
        count.test(f"{way}: {name}", None if word == "ok" else why or line)


def custom_work(tools, count):
    folder = tools.build / "e2e"
    folder.mkdir(exist_ok=True)
    artifact, calls = folder / "custom_work.hcm", folder / "host_calls.hcm"
    for way, options in WAYS.items():
        error = (tools.compile(ROOT / "tests/e2e/custom_work.mlir", artifact, "--donate=cache:next", *options)
                 or tools.compile(ROOT / "tests/e2e/host_calls.mlir", calls, *options))
        count.test(f"{way}: the models compile", error)
        if error is None:
            run_program(tools, count, tools.build / "tests/e2e/custom_work", way, artifact, calls)
    shown = tools.run("inspect", artifact)
    for text in ["variant named", "kernel append: 2 bindings, 2 parameters, writes 1", "kernel positive: 3 bindings, 2 parameters, writes 1,2"]:
        count.test(f"inspect says '{text}'", None if text in shown.out else f"it says {shown.out[-600:]!r}")
    shown = tools.run("inspect", calls)
    text = "calls the application's observe(argument0: argument0_0x4xf32) -> (result0: 4xf32, result1: 1xi64)"
    count.test(f"inspect says '{text}'", None if text in shown.out else f"it says {shown.out[:900]!r}")
    refused = tools.run("run", artifact, "--function=counted", "--input=1x4xf32=1,2,3,4")
    good = refused.status == 1 and "the application gave no such kernel" in refused.err
    count.test("halcyon run names a missing kernel", None if good else f"said {refused.err!r}")
    refused = tools.run("run", calls, "--function=middle", "--input=4xf32=1,2,3,4")
    good = refused.status == 1 and "the application gave no function" in refused.err
    count.test("halcyon run names a missing function", None if good else f"said {refused.err!r}")


def state(tools, count):
    folder = tools.build / "e2e"
    for way in ["-O2", "-O0"]:
        error = (tools.compile(ROOT / "tests/e2e/recurrent.mlir", folder / "recurrent.hcm", way)
                 or tools.compile(ROOT / "tests/e2e/decode.mlir", folder / "decode.hcm", way, "--donate=keys:next_keys", "--donate=values:next_values"))
        count.test(f"{way}: the models with state compile", error)
        if error is None:
            run_program(tools, count, tools.build / "tests/e2e/state", way, folder / "recurrent.hcm", folder / "decode.hcm")


def main(build):
    tools, count = Tools(build), Count("custom")
    custom_work(tools, count)
    state(tools, count)
    return count.close()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
