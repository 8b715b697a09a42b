#!/usr/bin/env python3
"""Random functions compiled for several targets and levels, run, and compared with numpy.

    kernels.py BUILD [--full] [--count=N] [--seed=N] [--only=N,N] [--kind=NAME,NAME] [--configurations=NAME,NAME] [--keep]

One test is one function in all configurations. Function N of a seed is the same whatever else runs: a failure prints the
words that repeat it, and leaves BUILD/fuzz/SEED_N.mlir with its inputs.
"""

import concurrent.futures, os, pathlib, platform, random, shutil, sys, time

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))
import cross
from halcyon import Count, Tools
from kernel_kinds import KINDS
from kernel_parts import EDGES, inserted, sliced
from kernel_text import TYPES, Environment

TOLERANCE = {"f16": 1e-2, "f32": 2e-5, "f64": 1e-12}  # of the largest value that appears
NARROW = 500  # times that, with weights of 16 bits: bf16 has 8
UNJUDGED = "an f16 overflows on the way"  # what numpy computes says nothing then
MOST_UNJUDGED = 0.01  # of all runs; about 1 in 3,000 is
INSERTED = 0.2  # of all functions end with a concatenation
SLICED = 0.2  # of all have arguments that are parts of larger ones
BATCH = 40  # functions in one artifact
JOBS = max(2, os.cpu_count() or 1)


class Level:
    """`error`: how many times the tolerance; more than 1: even where sums of integers would be exact."""

    def __init__(self, options, device="cpu,guard=1", command=None, error=1):
        self.options, self.device, self.command, self.error = options, device, command, error


def configurations(full, tools):
    """name -> how to compile and run. Buffers end at an unmapped page (guard=1): what reads past one ends the program."""
    levels = {"O2": Level(["-O2", "--target=cpu"]), "O0": Level(["-O0", "--target=cpu"])}
    if platform.machine() == "x86_64":
        narrow = ["skylake-avx512", "x86-64-v3", "x86-64"] if "avx512f" in pathlib.Path("/proc/cpuinfo").read_text() else ["x86-64"]
        levels |= {cpu: Level(["-O2", f"--target=cpu:x86_64-unknown-linux-gnu:{cpu}"]) for cpu in narrow}
    levels["bf16"] = Level(["-O2", "--target=cpu", "--precision=bf16"], error=NARROW)
    if full:
        levels["f16"] = Level(["-O2", "--target=cpu", "--precision=f16"], error=NARROW)
        levels["narrow-O1"] = Level(["-O1", "--target=cpu", "--precision=bf16"], error=NARROW)
        levels["O1"] = Level(["-O1", "--target=cpu"])
        levels |= {f"winograd{n}": Level(["-O2", "--target=cpu", f"--winograd={n}"], error=n) for n in (2, 4)}
        levels["threads"] = Level(["-O2", "--target=cpu"], "cpu,threads=2")
        program, error = cross.build_command(tools, tools.build / "e2e/aarch64")
        if error:
            sys.exit(f"kernels.py: the AArch64 build of the command: {error}")
        levels["aarch64"] = Level(["-O2", cross.TARGET], command=["qemu-aarch64", program])
        every = ["qemu-aarch64", "-cpu", "max", program]
        levels["aarch64-dotprod"] = Level(["-O2", cross.TARGET + ",+dotprod"], command=every)
        levels["aarch64-matrices"] = Level(["-O2", cross.TARGET + ",+i8mm,+bf16", "--precision=bf16"], command=every, error=NARROW)
    return levels


def kind_of(rng, kinds):
    return rng.choices(list(kinds), weights=list(kinds.values()))[0]


class Case:
    def __init__(self, seed, number, kinds):
        self.seed, self.number = seed, number
        rng = random.Random(f"{seed}:{number}")
        kind = kind_of(rng, kinds)
        self.kind = kind.__name__
        self.name = f"f{number}"
        self.function = kind(rng, self.name)
        results = self.function.results
        if len(results) == 1 and results[0].dims and rng.random() < INSERTED:
            self.function.results = [inserted(self.function, rng, results[0])]
        if rng.random() < SLICED:
            sliced(self.function, rng)
        free = [
            d for d in self.function.sizes if d in self.function.dynamic and any(d in a.dims for a in self.function.arguments)
        ]
        least = getattr(self.function, "least", {})
        self.runs = [dict(self.function.sizes)]
        if free:
            again = {d: max(least.get(d, 0), rng.choice([*EDGES[:18], 0])) for d in free}
            if self.kind in ("move", "argmax", "softmax", "layer_norm", "attention"):
                again = {d: max(n, 3) for d, n in again.items()}
            self.runs.append({**self.function.sizes, **again})

    def describe(self):
        types = ", ".join(self.function.type(a.dims, a.element) for a in self.function.arguments)
        return f"{self.kind} ({types})"


def differences(function, arrays, results, error_allowed=1):
    """None, or what is wrong with the results of one run."""
    env = Environment(arrays)
    with np.errstate(all="ignore"):
        expected = [env.of(r) for r in function.results]
    if env.largest > 6e4 and "f16" in env.elements:
        return UNJUDGED
    for number, (result, want, got) in enumerate(zip(function.results, expected, results)):
        t = result.element
        if got.shape != want.shape:
            return f"result {number} has shape {got.shape}, expected {want.shape}"
        with np.errstate(all="ignore"):
            want = want.astype(TYPES[t])
            if t[0] == "i" or (function.whole and env.exact and (error_allowed == 1 or function.narrow) and not function.special):
                wrong = ~((got == want) | ((got != got) & (want != want)))
            else:
                worst = error_allowed * max(TOLERANCE[e] for e in env.elements if e in TOLERANCE)
                error = np.abs(got.astype(np.float64) - want.astype(np.float64))
                wrong = ~((error <= worst * max(env.largest, 1.0)) | (got == want) | (np.isnan(got) & np.isnan(want)))
        if wrong.any():
            at = tuple(map(int, np.argwhere(wrong)[0]))
            return f"result {number}: {int(wrong.sum())} of {wrong.size} elements, first at {list(at)}: {got[at]}, expected {want[at]}"
    return None


class Fuzz:
    def __init__(self, tools, seed, levels, keep):
        self.tools, self.seed, self.levels, self.keep = tools, seed, levels, keep
        self.judged = self.unjudged = 0  # runs
        self.folder = tools.build / "fuzz"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)

    def compile(self, source, level):
        artifact = source.with_suffix(f".{level}.hcm")
        return artifact, self.tools.compile(source, artifact, *self.levels[level].options, "--jobs=1", seconds=600)

    def compiled(self, cases, batch):
        """(case, level) -> (artifact, error). Where a batch does not compile, each of its functions alone."""
        source = self.folder / f"batch{batch}.mlir"
        source.write_text("".join(case.function.text() for case in cases))
        found = {}
        for level in self.levels:
            artifact, error = self.compile(source, level)
            for case in cases:
                found[case, level] = (artifact, None)
                if error:
                    alone = self.folder / f"{self.seed}_{case.number}.mlir"
                    alone.write_text(case.function.text())
                    found[case, level] = self.compile(alone, level)
        return found

    def run(self, case, artifact, level, files, outputs):
        words = [
            "run",
            artifact,
            f"--device={self.levels[level].device}",
            f"--function={case.name}",
            *(f"--input=@{p}" for p in files),
            *(f"--output=@{p}" for p in outputs),
        ]
        done = self.tools.call([*(self.levels[level].command or [self.tools.halcyon]), *words], 120)
        return done.error

    def check(self, case, found):
        """level -> what is wrong"""
        wrong = {level: "compile: " + error for level in self.levels if (error := found[case, level][1])}
        for number, sizes in enumerate(case.runs):
            rng = np.random.default_rng([self.seed, case.number, number])
            arrays = case.function.inputs(sizes, rng)
            stem = self.folder / f"{self.seed}_{case.number}"
            files = [pathlib.Path(f"{stem}_run{number}_input{i}.npy") for i in range(len(arrays))]
            for path, array in zip(files, arrays):
                np.save(path, array)
            outputs = [pathlib.Path(f"{stem}_run{number}_output{i}.npy") for i in range(len(case.function.results))]
            for level in self.levels:
                if level in wrong:
                    continue
                error = self.run(case, found[case, level][0], level, files, outputs)
                error = error or differences(case.function, arrays, [np.load(p) for p in outputs], self.levels[level].error)
                if error == UNJUDGED:
                    self.unjudged += 1
                    continue
                self.judged += 1
                if error:
                    changed = {d: n for d, n in sizes.items() if d in case.function.dynamic}
                    wrong[level] = f"{error}{f' (sizes {changed})' if changed else ''}"
            if not wrong and not self.keep:
                for path in files:
                    path.unlink()
            for path in outputs:
                path.unlink(missing_ok=True)
        if wrong:
            pathlib.Path(f"{stem}.mlir").write_text(case.function.text())
        return wrong

    def batch(self, number, cases):
        found = self.compiled(cases, number)
        return [(case, self.check(case, found)) for case in cases]


def report(count, case, wrong, levels):
    title = f"seed {case.seed} function {case.number}"
    if not wrong:
        return count.test(title, None)
    good = [level for level in levels if level not in wrong]
    said = "; ".join(f"{level}: {text}" for level, text in wrong.items())
    count.test(
        title,
        f"{case.describe()}: {said}{'; right: ' + ', '.join(good) if good else ''} (--seed={case.seed} --only={case.number})",
    )


def main(build, *words):
    tools = Tools(build)
    given = dict(w[2:].partition("=")[::2] for w in words)
    full = "full" in given
    seed, total = int(given.get("seed", 1)), int(given.get("count", 2000 if full else 150))
    kinds = {k: n for k, n in KINDS.items() if not given.get("kind") or k.__name__ in given["kind"].split(",")}
    levels = configurations(full, tools)
    if "configurations" in given:
        levels = {name: levels[name] for name in given["configurations"].split(",")}
    numbers = [int(n) for n in given["only"].split(",")] if "only" in given else range(total)
    cases = [Case(seed, number, kinds) for number in numbers]
    count, start = Count("kernels"), time.time()
    fuzz = Fuzz(tools, seed, levels, "keep" in given)
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        running = [pool.submit(fuzz.batch, i, cases[i : i + BATCH]) for i in range(0, len(cases), BATCH)]
        for one in running:
            for case, wrong in one.result():
                report(count, case, wrong, levels)
    few = fuzz.unjudged <= MOST_UNJUDGED * (fuzz.judged + fuzz.unjudged)
    runs = f"{fuzz.judged} runs compared, {fuzz.unjudged} not, where {UNJUDGED}"
    count.test("nearly all runs are compared", None if fuzz.judged and few else runs)
    print(f"  {len(cases)} functions, {', '.join(levels)}, {runs} ({time.time() - start:.0f} s)")
    return count.close()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
