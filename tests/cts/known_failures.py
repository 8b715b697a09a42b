#!/usr/bin/env python3
"""Holds the conformance suite's list of known failures to its word: known_failures.py PROGRAM."""
import os, subprocess, sys, tempfile

FAILS, PASSES = "a test that fails, always", "a test that passes, always"


def run(program, test, listed):
    """The test alone, with a list of these lines; None: there is no such file."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "known_failures.txt")
        if listed is not None:
            with open(path, "w") as file:
                file.write("".join(line + "\n" for line in listed))
        done = subprocess.run([program, test.replace(",", "\\,")], env={**os.environ, "CTS_KNOWN_FAILURES": path}, capture_output=True, text=True)
        return done.returncode, done.stdout


def main(program):
    rows = [line[len("cts: "):].split("  ")[0].strip() for line in run(program, PASSES, [])[1].splitlines() if line.startswith("cts: ")]
    rows = [row.rsplit(" ", 1)[0].strip() if row.endswith("runs,") else row for row in rows]
    every = [f"{row} | {FAILS} | because" for row in rows]
    #    what             the list                                the test, good, what is printed
    cases = [
        ("not listed",    ["# nothing"],                          FAILS,  False, ""),
        ("one row short", every[1:],                              FAILS,  False, "1 known to fail"),
        ("all listed",    every,                                  FAILS,  True,  "1 known to fail"),
        ("not run",       every,                                  PASSES, True,  ""),
        ("it passes",     ["", f"{rows[0]} | {PASSES} | because"], PASSES, False, f"2: passes now, take it out: {rows[0]} | {PASSES}"),
        ("no such row",   [f"nul | {FAILS} | because"],           PASSES, False, "1: there is no such row"),
        ("no such test",  [f"{rows[0]} | a test | because"],      PASSES, False, "1: there is no such test"),
        ("no reason",     [f"{rows[0]} | {FAILS} |"],             PASSES, False, "1: a line is ROW"),
        ("no file",       None,                                   PASSES, False, "cannot be read"),
    ]
    failed = 0
    for what, listed, test, good, expected in cases:
        status, printed = run(program, test, listed)
        if (status == 0) != good or expected not in printed:
            failed += 1
            print(f"{what}: status {status}, expected '{expected}':\n{printed[-2000:]}")
    print(f"{len(cases) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
