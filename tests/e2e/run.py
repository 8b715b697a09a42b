#!/usr/bin/env python3
"""Compiles models and runs them against references: run.py BUILD [--full] [--only=NAME,NAME]

The core group of the corpus, each model in every configuration below, with all its cases from one artifact; and the
small files of constructs/. One test is one (model, configuration).
"""
import hashlib, os, pathlib, re, sys

import constructs
from halcyon import Count, Tools, known_failures

HERE = pathlib.Path(__file__).resolve().parent
CORPUS = pathlib.Path(os.environ.get("HALCYON_CORPUS") or "~/.cache/halcyon-corpus").expanduser()

CORE = ["magika_v3_3", "basic_pitch", "ppocrv2_cls", "ppocrv4_det", "ppocrv4_rec", "minilm_l6_real_s128", "tv_mobilenet_v2",
        "tv_resnet50", "tv_vit_b_16", "tiny_autoencoder", "tiny_dscnn_kws", "tiny_mobilenetv1_025_vww", "tiny_resnet8_cifar"]
ATOL = {"basic_pitch": 2e-3, "ppocrv4_det": 5e-4}  # of the largest value; 1e-4 elsewhere
OVER_1_GFLOP = {"basic_pitch", "minilm_l6_real_s128", "ppocrv4_det", "ppocrv4_rec", "tv_resnet50", "tv_vit_b_16"}  # -O0 only with --full
O1_IN_CI = {"magika_v3_3", "ppocrv2_cls", "tiny_autoencoder", "tiny_dscnn_kws", "tiny_resnet8_cifar"}  # the rest only with --full

# (device, threads) by optimisation level.
CHECKED = [("checked:cpu", 1), ("checked:cpu:unmappable", 1)]
MODES = {"O2": [("cpu", 1), ("cpu", 2), ("cpu:unmappable", 1), ("cpu:unmappable", 2), ("cpu,guard=1", 1)],
         "O1": [("cpu", 2), ("cpu,guard=1", 1), *CHECKED],
         "O0": [("cpu", 2), ("cpu:unmappable", 1)]}


def cases(folder):
    """(inputs, outputs) of each case."""
    for case in [folder, *sorted(p for p in folder.glob("case*") if p.is_dir())]:
        numbered = lambda word: sorted(case.glob(word + "_[0-9]*.npy"), key=lambda p: int(p.stem.split("_")[-1]))
        yield numbered("input"), numbered("output")


def run_case(tools, artifact, device, threads, inputs, outputs, atol, scratch):
    """(error, worst difference, digest of the results, what is wrong with the number of copies)."""
    results = [scratch / f"result_{i}.npy" for i in range(len(outputs))]
    done = tools.run("run", artifact, f"--device={device}", f"--threads={threads}", f"--atol={atol}", "--transfers",
                     *(f"--input=@{p}" for p in inputs), *(f"--output=@{p}" for p in results),
                     *(f"--expect=@{p}" for p in outputs))
    if done.error:
        wrong = [line for line in done.out.splitlines() if "DOES NOT HOLD" in line]
        return " / ".join([done.error, *wrong[:2]]), 0, "", None
    worst = max([float(x) for x in re.findall(r"max\|b\| = (\S+) at", done.out)], default=0)
    up, down = map(int, re.search(r"transfers: (\d+) to the device .* (\d+) from it", done.out).groups())
    copies = (len(inputs), len(outputs)) if "unmappable" in device else (0, 0)
    odd = None
    if (up, down) != copies:
        odd = f"{device}: {up} copies to the device and {down} from it, expected {copies[0]} and {copies[1]}"
    digest = hashlib.sha256(b"".join(p.read_bytes() for p in results)).hexdigest()
    return None, worst, digest, odd


def run_model(tools, count, name, level, full, scratch):
    folder = CORPUS / name
    if not (folder / "model.onnx").is_file():
        return count.test(f"{name} {level}", f"the corpus has no {folder / 'model.onnx'}")
    artifact = scratch / f"{name}.{level}.hcm"
    error = tools.compile(folder / "model.onnx", artifact, f"-{level}", "--target=cpu", "--jobs=2")
    if error:
        return count.test(f"{name} {level} compile", error)
    digests, transfers = {}, None
    for device, threads in (MODES["O2"] + CHECKED if full else MODES[level]):
        test = f"{name} {level} {device} t{threads}"
        wrong, worst, bits = None, 0, []
        for number, (inputs, outputs) in enumerate(cases(folder)):
            failed, difference, digest, odd = run_case(tools, artifact, device, threads, inputs, outputs, ATOL.get(name, 1e-4), scratch)
            if failed:
                wrong = f"case {number}: {failed}"
                break
            transfers = transfers or odd
            worst = max(worst, difference)
            bits.append(digest)
        count.test(test, wrong, f"{worst:.1e}")
        if not wrong:
            digests.setdefault(tuple(bits), []).append(f"{device} t{threads}")
    count.test(f"{name} {level} transfers", transfers)
    if len(digests) > 1:
        count.test(f"{name} {level} bits", "not the same bits everywhere: " + " | ".join(", ".join(v) for v in digests.values()))
    elif digests:
        count.test(f"{name} {level} bits", None)


def main(build, *words):
    tools = Tools(build)
    full = "--full" in words
    only = [n for w in words if w.startswith("--only=") for n in w[7:].split(",")]
    count = Count("e2e", known_failures(HERE / "known_failures.txt"))
    scratch = tools.build / "e2e"
    scratch.mkdir(exist_ok=True)
    for source in constructs.sources():
        if not only or source.stem in only:
            constructs.run(tools, count, source, scratch, ["-O2", "-O1", "-O0"])
    for level in ["O2", "O1", "O0"]:
        in_ci = {"O2": CORE, "O1": O1_IN_CI, "O0": set(CORE) - OVER_1_GFLOP}[level]
        for name in CORE:
            if (not only or name in only) and (full or name in in_ci):
                run_model(tools, count, name, level, full, scratch)
    return count.close(whole=not only)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
