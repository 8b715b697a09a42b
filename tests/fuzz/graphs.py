#!/usr/bin/env python3
"""Random ONNX graphs, compared with onnx's reference evaluator and onnxruntime.

    graphs.py BUILD [--full] [--count=N] [--seed=N] [--only=N,N] [--first=N] [--keep-going]

A graph fails where the two references agree with each other and not with us, where the compiler or the program crashes, hangs
or ends with an error, and where the compiler refuses it but not as unsupported. What is unsupported is counted and listed.
Graph N of a seed is the same whatever else runs. A failing graph is made smaller and left, with its inputs, in
BUILD/graphs/SEED_N. The graphs of graph_regressions.py, which failed once, come first.
"""

import collections, concurrent.futures, os, pathlib, random, shutil, sys, time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]
import onnx.printer

from graph_make import make_case
from graph_regressions import regressions
from graph_run import CONFIGURATIONS, run_cases, write_case
from graph_shrink import shrink
from halcyon import Count

BATCH = 60  # graphs that a worker makes, runs and judges at a time
JOBS = max(2, os.cpu_count() or 1)
MOST_UNDECIDED = 0.05  # of all graphs
MOST_SHRUNK = 20


def batch(build, seed, numbers):
    """[(number, configuration, case or None, verdict)]"""
    made = [(n, make_case(seed, n)) for n in numbers]
    done = [(n, None, None, None) for n, case in made if case is None]
    for index, configuration in enumerate(CONFIGURATIONS):
        some = [(n, case) for n, case in made if case and n % len(CONFIGURATIONS) == index]
        if some:
            done += [(n, configuration, case, v) for (n, case), v in zip(some, run_cases(build, [c for _, c in some], configuration))]
    return sorted(done, key=lambda row: row[0])


def show(case):
    """The model as text on one line, long constants cut."""
    text = " ".join(onnx.printer.to_text(case.model.graph).split())
    return text if len(text) < 600 else text[:600] + " ..."


class Report:
    def __init__(self, build, seed, count):
        self.build, self.seed, self.count = build, seed, count
        self.statuses, self.reasons, self.operators = collections.Counter(), collections.Counter(), collections.Counter()
        self.one_reference = self.others = self.shrunk = 0

    def add(self, number, configuration, case, verdict):
        if case is None:
            return
        self.statuses[verdict.status] += 1
        self.operators.update(set(case.operators))
        self.one_reference += isinstance(case.seconds, str)
        if verdict.status in ("unsupported", "other"):
            self.reasons[f"{verdict.status}: {'+'.join(sorted(set(case.operators)))[:80] + ': ' if verdict.status == 'other' else ''}{verdict.reason}"] += 1
        self.count.test(case.title, self.failure(number, configuration, case, verdict) if verdict.bad else None)

    def failure(self, number, configuration, case, verdict):
        small = (case, verdict)
        if self.shrunk < MOST_SHRUNK:
            self.shrunk += 1
            small = shrink(self.build, case, verdict, configuration)
        folder = self.build / f"graphs/{self.seed}_{number}"
        shutil.rmtree(folder, ignore_errors=True)
        write_case(folder, small[0])
        said = f"{verdict.status}: {small[1].reason} (-O{configuration[0]}, {configuration[1]})"
        return f"{said}\n  {show(small[0])}\n  {folder}; repeat: tests/fuzz/graphs.py {self.build} --seed={self.seed} --only={number}"

    def close(self, start):
        total = sum(self.statuses.values())
        undecided = self.statuses["undecided"]
        few = total < 100 or undecided <= MOST_UNDECIDED * total
        self.count.test("nearly all graphs are compared", None if few else f"{undecided} of {total} are not")
        print(f"  seed {self.seed}: {total} graphs of {len(self.operators)} operators, {self.one_reference} of them by one reference alone; "
              + ", ".join(f"{n} {s}" for s, n in self.statuses.most_common()) + f" ({time.time() - start:.0f} s)")
        for reason, n in self.reasons.most_common(40):
            print(f"    {n} x {reason}")


def main(build, *words):
    build = pathlib.Path(build).resolve()
    given = dict(w[2:].partition("=")[::2] for w in words)
    seed = given.get("seed") or str(random.SystemRandom().randrange(10**6))
    first, total = int(given.get("first", 0)), int(given.get("count", 20000 if "full" in given else 300))
    numbers = [int(n) for n in given["only"].split(",")] if "only" in given else range(first, first + total)
    print(f"  seed {seed}", flush=True)
    count, start = Count("graphs"), time.time()
    if "only" not in given:
        for case, verdict in regressions(build):
            count.test(case.title, f"{verdict.status}: {verdict.reason}" if verdict.status != "same" else None)
    report = Report(build, seed, count)
    with concurrent.futures.ProcessPoolExecutor(JOBS) as pool:
        running = [pool.submit(batch, build, seed, numbers[i:i + BATCH]) for i in range(0, len(numbers), BATCH)]
        for one in running:
            for row in one.result():
                report.add(*row)
    report.close(start)
    return count.close()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
