#!/usr/bin/env python3
"""Times models of the corpus on Halcyon and its peers, in turns: compare.py BUILD [options] [GROUP|NAME]...

    --threads=1,2     each count is a row of its own
    --seconds=1.5     for each side, model and count; --rounds=3 it is divided into
    --peers=onnxruntime,openvino,iree
    --json=FILE       everything that was measured
    --opt=-O2         more words for halcyonc, separated by commas

Groups are those of tests/corpus (default: speed, dynamic and state). Every side loads a model first; then they take turns, in an
order that rotates, so that a slow minute of the machine hits all alike. A row has the fastest call of each side, the ratio of
Halcyon's to the fastest peer's, the model's floating-point operations and the bytes that its dispatches read and write (as the
compiler knows them, `halcyon bench --by-dispatch`), and the shares that these over that time are of what tests/bench/peak
measured just before; bytes may come from caches, so that theirs can pass 100 %. `unsteady` marks rows whose rounds differ by more than 10 %: the machine was not quiet, do
not quote them. Nothing is asserted. Peers come from a virtual environment that this makes in HALCYON_CACHE
(default ~/.cache/halcyon), by requirements-peers.txt.
"""

import hashlib, json, math, os, pathlib, platform, statistics, subprocess, sys

HERE = pathlib.Path(__file__).resolve().parent
CORPUS = pathlib.Path(os.environ.get("HALCYON_CORPUS") or "~/.cache/halcyon-corpus").expanduser()
CACHE = pathlib.Path(os.environ.get("HALCYON_CACHE") or "~/.cache/halcyon").expanduser()
GROUPS = ["speed", "dynamic", "state"]
UNSTEADY = 1.1


def environment():
    """Starts this again in the peers' virtual environment."""
    pinned = HERE / "requirements-peers.txt"
    venv = CACHE / f"peers-{hashlib.sha256(pinned.read_bytes()).hexdigest()[:12]}"
    if pathlib.Path(sys.prefix) == venv:
        return
    if not (venv / "ready").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", venv], check=True)
        subprocess.run([venv / "bin/pip", "install", "-q", "--disable-pip-version-check", "-r", pinned], check=True)
        (venv / "ready").touch()
    os.execv(venv / "bin/python", [str(venv / "bin/python"), *sys.argv])


def chosen(words):
    """Names of models, in the corpus's order and each once."""
    known = json.loads((HERE.parent / "corpus/models.json").read_text())
    names = []
    for word in words or GROUPS:
        if word not in known["groups"] and word not in known["models"]:
            sys.exit(f"{pathlib.Path(sys.argv[0]).name}: no model or group '{word}'; groups: {', '.join(known['groups'])}")
        names += known["groups"].get(word, [word])
    names = [n for n in dict.fromkeys(names) if known["models"][n]["model"] == "model.onnx"]
    missing = [n for n in names if not (CORPUS / n / "meta.json").exists()]
    if missing:
        sys.exit(f"{pathlib.Path(sys.argv[0]).name}: not in {CORPUS}: {' '.join(missing)}; make them with tests/corpus/get.py")
    return names


class Halcyon:
    def __init__(self, build, folder, words):
        self.build, self.artifact = build, build / f"bench/{folder.name}.hcm"
        self.artifact.parent.mkdir(exist_ok=True)
        self.inputs = [f"--input=@{p}" for p in input_files(folder)]
        stats = self.artifact.with_suffix(".json")
        self.run("compiler/halcyonc", folder / "model.onnx", "-o", self.artifact, "--target=cpu", f"--stats={stats}", *words)
        self.stats = json.loads(stats.read_text())
        self.dispatches = json.loads(self.run("src/tools/halcyon", "bench", self.artifact, "--threads=1", "--seconds=0.2", "--by-dispatch", "--json",
                                              *self.inputs))["dispatches"]

    def run(self, program, *words):
        done = subprocess.run([self.build / program, *map(str, words)], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr.strip()[-300:])
        return done.stdout

    def sampler(self, threads):
        def sample(seconds):
            done = json.loads(self.run("src/tools/halcyon", "bench", self.artifact, f"--threads={threads}", f"--seconds={seconds}", "--json", *self.inputs))
            return [done["min_ms"], done["median_ms"]]
        return sample


def input_files(folder):
    return sorted(folder.glob("input_*.npy"), key=lambda path: int(path.stem.split("_")[1]))


def in_turns(samplers, seconds, rounds, row):
    """The times of each side: its fastest call, its median, and the medians of its rounds."""
    times = {name: [] for name in samplers}
    for number in range(rounds):
        order = list(samplers)
        for name in order[number % len(order):] + order[:number % len(order)]:
            try:
                times[name].append(samplers[name](seconds / rounds))
            except Exception as error:  # every runtime has its own
                row["errors"][name] = f"{type(error).__name__}: {error}"[:300]
                samplers.pop(name)
    for name in samplers:
        medians = [statistics.median(t) for t in times[name]]
        row["ms"][name] = {"min": min(map(min, times[name])), "median": statistics.median(medians), "rounds": medians}
    return row


def measured(build, name, threads, options, peaks):
    import numpy as np
    from peers import PEERS

    folder, row = CORPUS / name, {"model": name, "threads": threads, "ms": {}, "errors": {}}
    inputs = [np.ascontiguousarray(np.load(p)) for p in input_files(folder)]
    samplers = {}
    try:
        ours = Halcyon(build, folder, options["opt"])
        samplers["halcyon"] = ours.sampler(threads)
        row["stats"], row["dispatches"] = ours.stats, ours.dispatches
        row["flops"], row["bytes"] = (sum(d.get(what, 0) for d in ours.dispatches) for what in ("flops", "bytes"))
    except RuntimeError as error:
        row["errors"]["halcyon"] = str(error)
    for peer in options["peers"]:
        try:
            samplers[peer] = PEERS[peer](folder, inputs, threads, CACHE / "peers-modules")
        except Exception as error:  # every runtime has its own
            row["errors"][peer] = f"{type(error).__name__}: {error}"[:300]
    in_turns(samplers, options["seconds"], options["rounds"], row)
    fastest = min((times["min"] for peer, times in row["ms"].items() if peer != "halcyon"), default=None)
    if ours := row["ms"].get("halcyon"):
        row["ratio"] = ours["min"] / fastest if fastest else None
        row["of_peak"] = row["flops"] / (ours["min"] * 1e6) / peaks[threads]["gflops"]
        row["of_read"] = row["bytes"] / (ours["min"] * 1e6) / peaks[threads]["read_gbs"]
    row["unsteady"] = [n for n, t in row["ms"].items() if max(t["rounds"]) > UNSTEADY * min(t["rounds"])]
    return row


def mean_of(ratios):
    return math.exp(statistics.fmean(map(math.log, ratios)))


def machine():
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines() if os.path.exists("/proc/cpuinfo") else []
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())
    return {"cpu": model, "cores": os.cpu_count(), "system": platform.platform()}


def line_of(row, peers):
    def ms(name):
        return f"{row['ms'][name]['min']:.4g}" if name in row["ms"] else "-"
    ratio = f"{row['ratio']:.2f}" if row.get("ratio") else "-"
    work = (f"{row['flops'] / 1e6:.4g} | {row['bytes'] / 1e6:.4g} | {100 * row['of_peak']:.0f} % | {100 * row['of_read']:.0f} %"
            if "of_peak" in row else "- | - | - | -")
    return f"| {row['model']} | {row['threads']} | {ms('halcyon')} | {' | '.join(map(ms, peers))} | {ratio} | {work} | {' '.join(row['unsteady'])} |"


def main(build, *words):
    given = dict(w[2:].partition("=")[::2] for w in words if w.startswith("--"))
    options = {"seconds": float(given.pop("seconds", 1.5)), "rounds": int(given.pop("rounds", 3)), "opt": [w for w in given.pop("opt", "-O2").split(",") if w],
               "peers": [p for p in given.pop("peers", "onnxruntime,openvino,iree").split(",") if p]}
    counts = [int(n) for n in given.pop("threads", "1,2").split(",")]
    file = given.pop("json", None)
    unknown = [f"--{w}" for w in given] + [p for p in options["peers"] if p not in ("onnxruntime", "openvino", "iree")]
    if unknown:
        sys.exit(f"compare.py: unknown: {' '.join(unknown)}")
    names = chosen([w for w in words if not w.startswith("--")])
    environment()
    build = pathlib.Path(build).resolve()
    peaks = {n: json.loads(subprocess.run([build / "tests/bench/peak", f"--threads={n}"], capture_output=True, text=True, check=True).stdout) for n in counts}
    about = machine()
    print(f"{about['cpu']}, {about['cores']} cores; " + "; ".join(
        f"{n} thread{'s' * (n > 1)}: {p['gflops']:.0f} GFLOP/s, reads {p['read_gbs']:.0f} GB/s" for n, p in peaks.items()) + "\n")
    print(f"| model | threads | halcyon ms | {' | '.join(options['peers'])} | ratio | MFLOP | MB | of peak | of read | unsteady |\n|{'---|' * (9 + len(options['peers']))}", flush=True)
    rows = []
    for name in names:
        for threads in counts:
            rows.append(measured(build, name, threads, options, peaks))
            print(line_of(rows[-1], options["peers"]), flush=True)
            if file:
                pathlib.Path(file).write_text(json.dumps({"machine": about, "peaks": peaks, "options": options, "rows": rows}, indent=1))
    print()
    for threads in counts:
        ratios = {r["model"]: r["ratio"] for r in rows if r["threads"] == threads and r.get("ratio")}
        if ratios:
            worst = max(ratios, key=ratios.get)
            print(f"{threads} thread{'s' * (threads > 1)}: geometric mean {mean_of(ratios.values()):.3f} of {len(ratios)} models, the worst {ratios[worst]:.2f} ({worst})")
    for row in rows:
        for side, error in row["errors"].items():
            print(f"{row['model']}, {row['threads']}: {side}: {' '.join(error.split())[:200]}")


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
