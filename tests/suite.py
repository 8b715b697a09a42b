#!/usr/bin/env python3
"""Runs the Meson tests of one name or suite and prints how many cases passed: suite.py BUILD WORD [SECONDS]

A Catch2 program counts its test cases, lit its test files, any other program is one case.
"""
import json, os, re, subprocess, sys, time


def tests(build, word):
    out = subprocess.run(["meson", "introspect", "--tests", build], check=True, capture_output=True, text=True).stdout
    for test in json.loads(out):
        if test["name"] == word or any(s.split(":")[-1] == word for s in test["suite"]):
            yield test


def number(pattern, text):
    found = re.findall(pattern, text)
    return int(found[-1]) if found else 0


def count(output, returncode):
    """(passed, failed, skipped) from what a test program printed."""
    tail = output[-4000:]
    if re.search(r"All tests passed \(\d+ assertions? in (\d+) test cases?\)", tail):
        passed, failed, skipped = number(r"in (\d+) test case", tail), 0, 0
    elif re.search(r"test cases: +\d+ \|", tail):
        passed, failed, skipped = number(r"test cases: .*?(\d+) passed", tail), number(r"test cases: .*?(\d+) failed", tail), 0
    elif re.search(r"Total Discovered Tests", tail):
        bad = sum(number(rf"{kind}\s*:\s+(\d+)", tail) for kind in ["Failed", "Unresolved", "Timed Out", "Unexpectedly Passed"])
        passed, failed, skipped = number(r"Passed\s*:\s+(\d+)", tail), bad, number(r"Unsupported\s*:\s+(\d+)", tail)
    else:
        line = re.findall(r"^(?:\w+: )?(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", output, re.M)
        passed, failed, skipped = map(lambda n: int(n or 0), line[-1]) if line else (int(returncode == 0), int(returncode != 0), 0)
    if returncode != 0 and failed == 0:
        failed = 1  # it crashed, or ran nothing
    return passed, failed, skipped


def run(test, build, seconds, prefix=(), label=""):
    start = time.time()
    try:
        done = subprocess.run([*prefix, *test["cmd"]], cwd=test["workdir"] or build, timeout=seconds, text=True, errors="replace",
                              env={**os.environ, **test["env"]}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        output, returncode = done.stdout, done.returncode
    except subprocess.TimeoutExpired as late:
        output, returncode = (late.stdout or b"").decode(errors="replace") + f"\nran past {seconds} s\n", 1
    except OSError as x:
        output, returncode = f"{x}\n", 127
    counts = count(output, returncode)
    if counts[1]:
        print(output[-20000:])
    for line in re.findall(rf"^{re.escape(test['name'])}: .* runs, .*$", output, re.M):  # a row of each device
        print(f"    {line}")
    print(f"  {label and label + ': '}{test['name']}: {counts[0]} passed, {counts[1]} failed ({time.time() - start:.1f} s)", flush=True)
    return counts


def main(build, word, seconds=600):
    total = [0, 0, 0]
    for test in tests(build, word):
        total = [a + b for a, b in zip(total, run(test, build, int(seconds)))]
    if not any(total):
        print(f"suite.py: {build} has no test '{word}'", file=sys.stderr)
        total[1] = 1
    skipped = f", {total[2]} skipped" if total[2] else ""
    print(f"{word}: {total[0]} passed, {total[1]} failed{skipped}")
    return 1 if total[1] else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
