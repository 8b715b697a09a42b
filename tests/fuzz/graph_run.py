"""Runs cases in the form of tests/conformance's suite: its runner compiles and runs each in a process of its own."""

import itertools, pathlib, shutil, subprocess

import numpy as np
from onnx import numpy_helper

from graph_exact import exactly_right
from graph_judge import BF16, describe, differing, unstable
from graph_make import agreed, unit_of

SECONDS = 60  # for a graph; 300 are the runner's own
# How graph N is compiled and run: N modulo their number. Buffers of guard=1 end at an unmapped page.
CONFIGURATIONS = [("2", "cpu,guard=1"), ("0", "cpu:unmappable"), ("2", "cpu,threads=2"), ("1", "cpu,guard=1"), ("2", "cpu:unmappable"),
                  ("0", "cpu,threads=2")]
BAD = ("wrong", "crash", "timeout", "compile error", "run error")
NUMBERS = itertools.count()


class Verdict:
    """One of: same, unsupported, undecided (the references disagree, or rounding decides), other (not what the one reference says
    that runs it), or one of BAD."""

    def __init__(self, status, reason="", output=None):
        self.status, self.reason, self.output = status, reason, output

    bad = property(lambda self: self.status in BAD)


def write_case(folder, case):
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(case.model.SerializeToString())
    for number, feed in enumerate(case.feeds):
        data = folder / f"test_data_set_{number}"
        data.mkdir()
        for index, name in enumerate(case.arguments):
            (data / f"input_{index}.pb").write_bytes(numpy_helper.from_array(feed[name], name).SerializeToString())


def read_result(path):
    array = np.load(path)
    return array.view(BF16) if array.dtype == np.dtype("V2") else array


def compared(case, folder):
    """What the results are, of a case that ran."""
    nodes, unit, doubts = len(case.model.graph.node), unit_of(case), None
    for s, expected in enumerate(case.expected):
        for output, want in enumerate(expected):
            got = read_result(folder / f"test_data_set_{s}/result_{output}.npy")
            with np.errstate(all="ignore"):
                mask = differing(got, want, unit, nodes)
            if not isinstance(mask, str) and not mask.any():
                continue
            text = f"output {output} '{case.model.graph.output[output].name}'{f' of set {s}' if len(case.feeds) > 1 else ''}: {describe(got, want, mask)}"
            if not agreed(case, s, output):
                one = isinstance(case.seconds, str)
                doubts = doubts or Verdict("other" if one else "undecided", text if one else "the references disagree", output)
            elif unstable(case.model, case.feeds[s], output, got, want, mask):
                doubts = doubts or Verdict("undecided", "rounding decides", output)
            elif exactly_right(case, case.feeds[s], output, got, mask, unit):
                doubts = doubts or Verdict("undecided", "the references are inexact", output)
            else:
                return Verdict("wrong", text, output)
    return doubts or Verdict("same")


def run_cases(build, cases, configuration, jobs=1, again=True):
    """A verdict for each. What ran past its limit runs again by itself: the machine may have stood still."""
    level, device = configuration
    folder = pathlib.Path(build) / f"graphs/work{NUMBERS.__next__()}_{id(cases)}"
    shutil.rmtree(folder, ignore_errors=True)
    for number, case in enumerate(cases):
        write_case(folder / f"graph/{number}", case)
    (folder / "index.txt").write_text("".join(f"graph/{n}\t0\t0\t-\n" for n in range(len(cases))))
    words = [f"--level={level}", f"--devices={device}", "--results", f"--rows={folder}/rows", f"--jobs={jobs}", f"--limit={SECONDS}"]
    done = subprocess.run([pathlib.Path(build) / "tests/conformance/conformance", folder, *words], capture_output=True, text=True)
    if not (folder / "rows").exists():
        raise SystemExit(f"graphs.py: the runner ended with {done.returncode}: {done.stderr.strip()[-300:]}")
    rows = {line.split("\t")[0]: line.rstrip("\n").split("\t")[1:] for line in (folder / "rows").read_text().splitlines()}
    verdicts = []
    for number, case in enumerate(cases):
        status, reason = rows[f"graph/{number}"]
        if status == "timeout" and again:
            verdicts += run_cases(build, [case], configuration, again=False)
        else:
            verdicts.append(compared(case, folder / f"graph/{number}") if status == "pass" else Verdict(status, reason))
    shutil.rmtree(folder)
    return verdicts
