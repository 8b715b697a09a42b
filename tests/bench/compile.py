#!/usr/bin/env python3
"""Times and weighs compilations: compile.py BUILD [options] [GROUP|NAME]...

    --runs=2          of halcyonc; the fastest counts
    --no-iree         only halcyonc
    --json=FILE       everything that was measured

Groups are those of tests/corpus (default: speed, dynamic and state). Both compilers have two threads, on two processors:
`halcyonc --jobs=2`, and iree-import-onnx with iree-compile (llvm-cpu, this machine's processor, default level). A row has wall
time, processor time and peak resident memory of each, the ratio of the wall times (bar: 0.5), of halcyonc's memory
to its bar, 4 times the model and 500 MB, and of the arena to the live-set floor as the compiler reports them (bar: 1.05 where
it is 64 KiB or more). What is above a bar is listed, and ends with status 1. IREE's side takes minutes for large models; it is
measured once and kept in HALCYON_CACHE (default ~/.cache/halcyon).
"""

import json, os, pathlib, subprocess, sys, time

from compare import CACHE, CORPUS, GROUPS, chosen, environment, machine

BARS = {"time": 0.5, "memory": 1.0, "arena": 1.05}
LEAST_ARENA = 64 << 10
MB = 1 << 20
MOST_SECONDS = 1800


def measured(*words):
    """Wall seconds, processor seconds and peak resident bytes of a command on two processors; or why it failed."""
    two = sorted(os.sched_getaffinity(0))[:2]
    begin = time.monotonic()
    process = subprocess.Popen(["timeout", str(MOST_SECONDS), *map(str, words)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                               preexec_fn=lambda: os.sched_setaffinity(0, two))
    said = process.stderr.read().strip()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if status:
        lines = said.splitlines() or [f"status {process.returncode}"]
        return {"error": next((line for line in lines if "error:" in line), lines[-1])[:250]}
    return {"wall": time.monotonic() - begin, "cpu": usage.ru_utime + usage.ru_stime, "peak": usage.ru_maxrss * 1024}


def halcyonc(build, model, scratch, runs):
    artifact, stats = scratch / "compile.hcm", scratch / "compile.json"
    found = [measured(build / "compiler/halcyonc", model, "-o", artifact, "--target=cpu", "--jobs=2", f"--stats={stats}") for _ in range(runs)]
    best = next((run for run in found if "error" in run), None) or min(found, key=lambda run: run["wall"])
    if "error" not in best:
        best["stats"], best["artifact"] = json.loads(stats.read_text()), artifact.stat().st_size
        artifact.unlink()
    return best


def iree(model, scratch):
    """Importing and compiling, as one."""
    tools, text, module = pathlib.Path(sys.executable).parent, scratch / "iree.mlir", scratch / "iree.vmfb"
    imported = measured(tools / "iree-import-onnx", model, "-o", text, "--opset-version", "17")
    if "error" in imported:
        return imported
    compiled = measured(tools / "iree-compile", text, "-o", module, "--iree-hal-target-device=local",
                        "--iree-hal-local-target-device-backends=llvm-cpu", "--iree-llvmcpu-target-cpu=host")
    for file in (text, module):
        file.unlink(missing_ok=True)
    if "error" in compiled:
        return compiled
    return {"wall": imported["wall"] + compiled["wall"], "cpu": imported["cpu"] + compiled["cpu"], "peak": max(imported["peak"], compiled["peak"]),
            "import_wall": imported["wall"]}


def kept(model, scratch):
    """IREE's, from the file that keeps them, or measured and added to it."""
    file, state = CACHE / "iree-compile.json", model.stat()
    known = json.loads(file.read_text()) if file.exists() else {}
    key = f"{model.parent.name}-{state.st_size}-{int(state.st_mtime)} {machine()['cpu']}"
    if key not in known:
        known[key] = iree(model, scratch)
        file.write_text(json.dumps(known, indent=1))
    return known[key]


def row_of(build, name, scratch, runs, with_iree):
    model = CORPUS / name / "model.onnx"
    size = sum(path.stat().st_size for path in model.parent.glob("model.onnx*"))  # with external data
    row = {"model": name, "bytes": size, "halcyonc": halcyonc(build, model, scratch, runs), "ratios": {}}
    ours = row["halcyonc"]
    if with_iree:
        row["iree"] = kept(model, scratch)
    if "error" in ours:
        return row
    row["ratios"]["memory"] = ours["peak"] / (4 * size + 500e6)
    if row.get("iree", {}).get("wall"):
        row["ratios"]["time"] = ours["wall"] / row["iree"]["wall"]
    arena, floor = (ours["stats"][key] for key in ("arena_bytes", "live_floor_bytes"))
    if floor:
        row["ratios"]["arena"] = arena / floor
    return row


def above(row):
    stats = row["halcyonc"].get("stats", {})
    return [what for what, ratio in row["ratios"].items()
            if ratio > BARS[what] and not (what == "arena" and stats["arena_bytes"] < LEAST_ARENA)]


def cells(row):
    def of(side):
        run = row.get(side, {})
        return f"{run['wall']:.2f} | {run['cpu']:.2f} | {run['peak'] / MB:.0f}" if "wall" in run else "- | - | -"
    ratio = lambda what: f"{row['ratios'][what]:.2f}" if what in row["ratios"] else "-"
    arena = f"{row['halcyonc']['stats']['arena_bytes'] / MB:.3g} | {ratio('arena')}" if "stats" in row["halcyonc"] else "- | -"
    return f"| {row['model']} | {row['bytes'] / MB:.3g} | {of('halcyonc')} | {ratio('memory')} | {arena} | {of('iree')} | {ratio('time')} |"


def main(build, *words):
    given = dict(w[2:].partition("=")[::2] for w in words if w.startswith("--"))
    runs, file, with_iree = int(given.pop("runs", 2)), given.pop("json", None), given.pop("no-iree", None) is None
    if given or runs < 1:
        sys.exit(f"compile.py: unknown: {' '.join('--' + w for w in given) or f'--runs={runs}'}")
    names = chosen([w for w in words if not w.startswith("--")] or GROUPS)
    environment()
    build = pathlib.Path(build).resolve()
    scratch = build / "compile"
    scratch.mkdir(exist_ok=True)
    print("| model | MB | halcyonc s | cpu s | peak MB | of bar | arena MB | of floor | iree s | cpu s | peak MB | ratio |\n|" + "---|" * 12, flush=True)
    rows = []
    for name in names:
        rows.append(row_of(build, name, scratch, runs, with_iree))
        print(cells(rows[-1]), flush=True)
        if file:
            pathlib.Path(file).write_text(json.dumps({"machine": machine(), "rows": rows}, indent=1))
    print()
    for row in rows:
        for side in ("halcyonc", "iree"):
            if "error" in row.get(side, {}):
                print(f"{row['model']}: {side}: {row[side]['error']}")
    broken = [f"{row['model']} ({what})" for row in rows for what in (["fails"] if "error" in row["halcyonc"] else above(row))]
    print(f"{len(rows)} models; above a bar: {', '.join(broken) or 'none'}")
    return 1 if broken else 0


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
