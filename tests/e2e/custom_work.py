#!/usr/bin/env python3
"""Work that the application gives, and state that stays on the device: custom_work.py BUILD. Models compiled in several ways and run
by C++ programs (custom_work.cpp, state.cpp) on each CPU device."""
import json, platform, sys

from halcyon import ROOT, Count, Tools

WAYS = {"-O2": ["-O2"], "-O0": ["-O0"]}
if platform.machine() == "x86_64":
    WAYS["two variants"] = ["--target=cpu", "--target=cpu:x86_64-unknown-linux-gnu:x86-64"]


# Each program with the models that it runs, and their options.
PROGRAMS = {
    "custom_work": {"custom_work": ["--donate=cache:next"], "host_calls": []},
    "state": {"recurrent": [], "decode": ["--donate=keys:next_keys", "--donate=values:next_values"]},
}


def compile_models(tools, program, options):
    """(artifacts, the error or None)"""
    folder = tools.build / "e2e"
    folder.mkdir(exist_ok=True)
    artifacts = []
    for model, own in PROGRAMS[program].items():
        artifacts.append(folder / f"{model}.hcm")
        error = tools.compile(ROOT / f"tests/e2e/{model}.mlir", artifacts[-1], *own, *options)
        if error:
            return artifacts, f"{model}: {error}"
    return artifacts, None


def run_program(tools, count, program, way, artifacts, folder=None, prefix=()):
    """One test for each line that the program prints."""
    done = tools.call([*prefix, (folder or tools.build) / "tests/e2e" / program, *artifacts])
    count.test(f"{way}: {program} ends", done.error)
    for line in done.out.splitlines():
        word, _, rest = line.partition(" ")
        name, _, why = rest.partition(": ")
        count.test(f"{way}: {name}", None if word == "ok" else why or line)


def sanitized(tools, folder, prefix):
    """The programs of another build folder, on artifacts that the compiler of `tools` makes: (passed, failed)."""
    count = Count("custom")
    for program in PROGRAMS:
        artifacts, error = compile_models(tools, program, ["--target=cpu"])
        count.test(f"the models of {program} compile", error)
        run_program(tools, count, program, folder.name, artifacts, folder, prefix)
    return count.passed, count.failed


def says(count, done, text):
    count.test(f"it says '{text}'", None if text in done.out + done.err else f"it says {(done.out + done.err)[-900:]!r}")


def main(build):
    tools, count = Tools(build), Count("custom")
    for program in PROGRAMS:
        for way, options in WAYS.items():
            artifacts, error = compile_models(tools, program, options)
            count.test(f"{way}: the models of {program} compile", error)
            run_program(tools, count, program, way, artifacts)
    kernels, calls = (tools.build / f"e2e/{model}.hcm" for model in PROGRAMS["custom_work"])
    shown = tools.run("inspect", kernels)
    for text in ["variant named", "kernel append: 2 bindings, 2 parameters, writes 1", "kernel positive: 3 bindings, 2 parameters, writes 1,2"]:
        says(count, shown, text)
    says(count, tools.run("inspect", calls),
         "calls the application's observe(argument0: argument0_0x4xf32) -> (result0: 4xf32, result1: 1xi64)")
    told = json.loads(tools.run("inspect", "--json", kernels).out)["plans"][0]["executables"][1]
    written = dict(zip(told["kernels"], told["written"]))
    count.test("inspect --json says what is written", None if written == {"scale_rows": 4, "append": 2, "positive": 6} else f"it says {written}")
    called = [f["name"] for f in json.loads(tools.run("inspect", "--json", calls).out)["callbacks"]]
    count.test("inspect --json says what is called", None if called == ["observe", "head", "note", "touch"] else f"it says {called}")
    # The command has none of these kernels and functions.
    says(count, tools.run("run", kernels, "--function=counted", "--input=1x4xf32=1,2,3,4"), "the application gave no such kernel")
    says(count, tools.run("run", calls, "--function=middle", "--input=4xf32=1,2,3,4"), "the application gave no function")
    return count.close()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
