#!/usr/bin/env python3
"""How far results are from an f64 reference: accuracy.py BUILD [--json=FILE] [GROUP|NAME]...

Groups are those of tests/corpus (default: speed, dynamic and state); the first case of each model. The reference is the model
with f64 for every f32, in onnx's reference evaluator and compiled by halcyonc: both where they agree (1e-9); where they do not,
since the evaluator has its own faults, the one that onnxruntime in f32 is nearer to, and where it does not run the model,
halcyonc's. The table says which. It is computed once and kept in HALCYON_CACHE (default ~/.cache/halcyon).

An error is the largest difference of an output by that output's largest value, the worst of the model's floating-point
outputs. Sides: Halcyon as it compiles by default, without Winograd, and with --fast-math; onnxruntime and OpenVINO (f32). The
bar is the larger of twice onnxruntime's error and 1e-5; what misses it is listed, and ends with status 1. --fast-math is
outside of the bar: its column says what it costs.
"""

import json, os, pathlib, subprocess, sys

from compare import CACHE, CORPUS, GROUPS, chosen, environment, input_files

OURS = {"halcyon": [], "no Winograd": ["--winograd=off"], "--fast-math": ["--fast-math"]}
PEERS = ["onnxruntime", "openvino"]
LEAST_BAR, HELD = 1e-5, ["halcyon", "no Winograd"]
SAME = 1e-9  # of two references


def done(*words):
    run = subprocess.run(list(map(str, words)), capture_output=True, text=True)
    if run.returncode:
        raise RuntimeError((run.stderr.strip() or f"status {run.returncode}")[-300:])


def halcyon(build, model, inputs, count, scratch, words):
    """The outputs of an artifact, compiled for this machine."""
    import numpy as np

    artifact, results = scratch / "accuracy.hcm", [scratch / f"result_{i}.npy" for i in range(count)]
    done(build / "compiler/halcyonc", model, "-o", artifact, "--target=cpu", *words)
    done(build / "src/tools/halcyon", "run", artifact, *(f"--input=@{p}" for p in inputs), *(f"--output=@{p}" for p in results))
    return [np.load(path) for path in results]


def onnxruntime(model, inputs):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    return session.run(None, dict(zip([i.name for i in session.get_inputs()], inputs)))


def openvino(model, inputs):
    import openvino

    core = openvino.Core()
    read = core.read_model(model)
    read.reshape({port: list(x.shape) for port, x in zip(read.inputs, inputs)})
    found = core.compile_model(read, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(dict(enumerate(inputs)))
    return [found[i] for i in range(len(read.outputs))]


def widely(build, folder, inputs, scratch):
    """The outputs with f64 for every f32: of onnx's reference evaluator (or none, and why) and of halcyonc."""
    import numpy as np, onnx
    from graph_exact import EVALUATED, widened_graph
    from graph_judge import Refused, reference_run

    model, told = onnx.load(str(folder / "model.onnx")), onnx.load(str(folder / "model.onnx"))
    opset = next(o.version for o in model.opset_import if o.domain in ("", "ai.onnx"))
    widened_graph(told.graph, opset, EVALUATED)
    widened_graph(model.graph, opset)
    wide = [x.astype(np.float64) if x.dtype == np.float32 else x for x in inputs]
    names = [i.name for i in model.graph.input if i.name not in {t.name for t in model.graph.initializer}]
    try:
        evaluated, refused = reference_run(told, dict(zip(names, wide))), None
    except Refused as error:
        evaluated, refused = None, str(error)
    file, feeds = scratch / "wide.onnx", [scratch / f"wide_{i}.npy" for i in range(len(wide))]
    onnx.save(model, str(file))
    for path, x in zip(feeds, wide):
        np.save(path, x)
    compiled = halcyon(build, file, feeds, len(model.graph.output), scratch, [])
    file.unlink()
    return evaluated, refused, compiled


def reference(build, folder, inputs, scratch):
    """The outputs in f64, and what computed them."""
    import numpy as np

    state = (folder / "model.onnx").stat()
    kept = CACHE / f"accuracy/{folder.name}-{state.st_size}-{int(state.st_mtime)}.npz"
    if not kept.exists():
        evaluated, refused, compiled = widely(build, folder, inputs, scratch)
        chosen, by = compiled, "halcyonc"
        if refused:
            print(f"{folder.name}: {refused}", file=sys.stderr)
        elif error_of(evaluated, compiled) <= SAME:
            chosen, by = evaluated, "both"
        else:
            theirs = onnxruntime(folder / "model.onnx", inputs)
            of = {"onnx": error_of(theirs, evaluated), "halcyonc": error_of(theirs, compiled)}
            print(f"{folder.name}: the references differ; onnxruntime is {of} from them", file=sys.stderr)
            if of["onnx"] < of["halcyonc"]:
                chosen, by = evaluated, "onnx"
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.savez(kept, by=by, **{f"output_{i}": x for i, x in enumerate(chosen)})
    with np.load(kept) as file:
        return [file[f"output_{i}"] for i in range(len(file.files) - 1)], str(file["by"])


def error_of(outputs, exact):
    """The worst output's; infinite where shapes, or what is NaN or infinite, are not the same."""
    import numpy as np

    worst = 0.0
    for got, want in zip(outputs, exact, strict=True):
        if want.dtype != np.float64 or want.size == 0:
            continue
        finite = np.isfinite(want)
        if got.shape != want.shape or not np.array_equal(np.isfinite(got), finite):
            return float("inf")
        difference, largest = np.abs(got[finite] - want[finite]).max(initial=0), np.abs(want[finite]).max(initial=0)
        worst = max(worst, difference / largest if largest else difference)
    return float(worst)


def measured(build, name, scratch):
    import numpy as np

    folder, errors, failed = CORPUS / name, {}, {}
    files = input_files(folder)
    inputs = [np.load(path) for path in files]
    try:
        exact, by = reference(build, folder, inputs, scratch)
    except RuntimeError as error:
        return {"model": name, "reference": "none", "errors": {}, "failed": {"reference": str(error)}, "bar": 0, "missed": HELD}
    sides = {side: (lambda words=words: halcyon(build, folder / "model.onnx", files, len(exact), scratch, words)) for side, words in OURS.items()}
    sides |= {side: (lambda run=run: run(folder / "model.onnx", inputs)) for side, run in zip(PEERS, (onnxruntime, openvino))}
    for side, outputs in sides.items():
        try:
            errors[side] = error_of(outputs(), exact)
        except Exception as error:  # every runtime has its own
            failed[side] = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
    bar = max(LEAST_BAR, 2 * errors.get("onnxruntime", 0))
    missed = [side for side in HELD if not errors.get(side, float("inf")) <= bar]
    return {"model": name, "reference": by, "errors": errors, "failed": failed, "bar": bar, "missed": missed}


def main(build, *words):
    given = dict(w[2:].partition("=")[::2] for w in words if w.startswith("--"))
    file = given.pop("json", None)
    if given:
        sys.exit(f"accuracy.py: unknown: {' '.join('--' + w for w in given)}")
    names = chosen([w for w in words if not w.startswith("--")] or GROUPS)
    environment()
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fuzz"))
    build = pathlib.Path(build).resolve()
    scratch = build / "accuracy"
    scratch.mkdir(exist_ok=True)
    columns = [*OURS, *PEERS]
    print(f"| model | {' | '.join(columns)} | bar | reference | |\n|{'---|' * (len(columns) + 4)}", flush=True)
    rows = []
    for name in names:
        row = measured(build, name, scratch)
        rows.append(row)
        cells = [f"{row['errors'][side]:.2e}" if side in row["errors"] else "-" for side in columns]
        print(f"| {name} | {' | '.join(cells)} | {row['bar']:.1e} | {row['reference']} | {'MISSED' if row['missed'] else ''} |", flush=True)
        if file:
            pathlib.Path(file).write_text(json.dumps(rows, indent=1))
    print()
    for row in rows:
        for side, error in row["failed"].items():
            print(f"{row['model']}: {side}: {error}")
    missed = [f"{row['model']} ({', '.join(row['missed'])})" for row in rows if row["missed"]]
    print(f"{len(rows) - len(missed)} of {len(rows)} models within the bar" + (f"; not: {', '.join(missed)}" if missed else ""))
    return 1 if missed else 0


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
