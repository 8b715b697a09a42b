#!/usr/bin/env python3
"""Compiles models and runs them against references: run.py BUILD [--full] [--only=NAME,NAME]; run.py --models [--full]

The groups core, dynamic, state and int8 of the corpus, each model in every configuration below, with all its cases from one
artifact; and the small files of constructs/. One test is one (model, configuration). --models prints what of the corpus it needs.
"""
import hashlib, json, os, pathlib, re, sys

import constructs
from halcyon import Count, Tools, known_failures

HERE = pathlib.Path(__file__).resolve().parent
CORPUS = pathlib.Path(os.environ.get("HALCYON_CORPUS") or "~/.cache/halcyon-corpus").expanduser()

# Which models run without --full: small ones and one of each kind. -O1 and -O0: those that are compiled so without --full, too.
GROUPS = {"core": None, "dynamic": {"minilm_l6_real_dyn", "tv_mobilenet_v2_dynb", "tiny_dscnn_kws_dynb", "rnn_lstm_gru_dyn_ts"},
          "state": {"silero_vad_v6", "silero_vad_op18_ifless", "rnn_lstm_gru", "cf_loop_if_ts", "llama60m_kv_dyn", "llama60m_kv_decode_static",
                    "gpt2_124m_kv_dyn", "whisper_tiny_encoder", "whisper_tiny_decoder_s16"},
          "int8": {"tiny_autoencoder_int8_qdq", "tiny_autoencoder_int8_qop", "tiny_dscnn_kws_int8_qdq", "tiny_dscnn_kws_int8_qop",
                   "tiny_mobilenetv1_025_vww_int8_qop", "tiny_resnet8_cifar_int8_qdq", "tiny_resnet8_cifar_int8_qop",
                   "minilm_l6_real_s128_int8_dynq"}}
O1_IN_CI = {"magika_v3_3", "ppocrv2_cls", "tiny_autoencoder", "tiny_dscnn_kws", "tiny_resnet8_cifar", "tiny_dscnn_kws_dynb", "cf_loop_if_ts",
            "tiny_resnet8_cifar_int8_qop"}
O0_IN_CI = {"magika_v3_3", "ppocrv2_cls", "tv_mobilenet_v2", "tiny_autoencoder", "tiny_dscnn_kws", "tiny_mobilenetv1_025_vww",
            "tiny_resnet8_cifar", "tiny_dscnn_kws_dynb", "cf_loop_if_ts", "silero_vad_op18_ifless", "tiny_dscnn_kws_int8_qdq"}
ATOL = {"basic_pitch": 2e-3, "ppocrv4_det": 5e-4}  # of the largest value; 1e-4 elsewhere

# (device, threads) by optimisation level.
CHECKED = [("checked:cpu", 1), ("checked:cpu:unmappable", 1)]
READS = {"cf_loop_if_ts": [5, 0]}  # values that the host program reads, by case: one condition an iteration
LARGE = {"gpt2_124m_kv_dyn", "llama60m_kv_dyn", "llama60m_kv_decode_static", "whisper_tiny_encoder", "whisper_tiny_decoder_s16"}
MODES = {"large": [("cpu", 2), ("cpu:unmappable", 1)],  # at -O2, without --full
         "O2": [("cpu", 1), ("cpu", 2), ("cpu", 3), ("cpu", 8), ("cpu:unmappable", 1), ("cpu:unmappable", 2), ("cpu,guard=1", 1)],
         "O1": [("cpu", 2), ("cpu,guard=1", 1), *CHECKED],
         "O0": [("cpu", 2), ("cpu:unmappable", 1)]}


def groups():
    return json.loads((HERE.parent / "corpus/models.json").read_text())["groups"]


def chosen(full):
    """The models to compile, in order."""
    return [name for group, in_ci in GROUPS.items() for name in groups()[group] if full or in_ci is None or name in in_ci]


def cases(folder):
    """(inputs, outputs, second references of the outputs or none) of each case."""
    for case in [folder, *sorted(p for p in folder.glob("case*") if p.is_dir())]:
        numbered = lambda word: sorted(case.glob(word + "_[0-9]*.npy"), key=lambda p: int(p.stem.split("_")[-1]))
        yield numbered("input"), numbered("output"), numbered("output_noopt")


def on_host(tools, artifact):
    """How many arguments are the host's: nobody copies them."""
    return sum(value["residence"] == "host" for value in tools.inspect(artifact)["functions"][0]["arguments"])


def run_case(tools, artifact, device, threads, case, atol, host, reads, scratch):
    """(error, note: how far it is from the reference, digest of the results, what is wrong with the number of copies)."""
    import numpy as np

    inputs, outputs, others = case
    results = [scratch / f"result_{i}.npy" for i in range(len(outputs))]
    expected = [] if others else [f"--atol={atol}", *(f"--expect=@{p}" for p in outputs)]
    done = tools.run("run", artifact, f"--device={device}", f"--threads={threads}", "--transfers",
                     *(f"--input=@{p}" for p in inputs), *(f"--output=@{p}" for p in results), *expected)
    if done.error:
        wrong = [line for line in done.out.splitlines() if "DOES NOT HOLD" in line]
        return " / ".join([done.error, *wrong[:2]]), "", "", None
    if others:
        import distribution  # needs numpy
        wrong, note = distribution.judge(results, outputs, others)
    else:
        wrong, note = None, f"{max([float(x) for x in re.findall(r'max.b. = (.+?) at', done.out)], default=0):.1e}"
    up, down = map(int, re.search(r"transfers: (\d+) to the device .* (\d+) from it", done.out).groups())
    empty = sum(0 in np.load(p, mmap_mode="r").shape for p in inputs if p.stat().st_size <= 256)  # nothing to copy
    copies = (len(inputs) - host - empty, len(outputs) + reads) if "unmappable" in device else (0, reads)
    odd = None
    if (up, down) != copies:
        odd = f"{device}: {up} copies to the device and {down} from it, expected {copies[0]} and {copies[1]}"
    return wrong, note, hashlib.sha256(b"".join(p.read_bytes() for p in results)).hexdigest(), odd


def run_model(tools, count, name, level, full, scratch):
    folder = CORPUS / name
    if not (folder / "model.onnx").is_file():
        return count.test(f"{name} {level}", f"the corpus has no {folder / 'model.onnx'}")
    artifact = scratch / f"{name}.{level}.hcm"
    error = tools.compile(folder / "model.onnx", artifact, f"-{level}", "--target=cpu", "--jobs=2")
    if error:
        return count.test(f"{name} {level} compile", error)
    digests, transfers, host = {}, None, on_host(tools, artifact)
    modes = MODES["O2"] + CHECKED if full else MODES["large" if name in LARGE else level]
    for device, threads in modes:
        test = f"{name} {level} {device} t{threads}"
        wrong, notes, bits = None, [], []
        for number, case in enumerate(cases(folder)):
            reads = READS[name][number] if name in READS else 0
            failed, note, digest, odd = run_case(tools, artifact, device, threads, case, ATOL.get(name, 1e-4), host, reads, scratch)
            if failed:
                wrong = f"case {number}: {failed}"
                break
            transfers = transfers or odd
            notes.append(note)
            bits.append(digest)
        count.test(test, wrong, ", ".join(notes))
        if not wrong:
            digests.setdefault(tuple(bits), []).append(f"{device} t{threads}")
    artifact.unlink()
    count.test(f"{name} {level} transfers", transfers)
    if len(digests) > 1:
        count.test(f"{name} {level} bits", "not the same bits everywhere: " + " | ".join(", ".join(v) for v in digests.values()))
    elif digests:
        count.test(f"{name} {level} bits", None)


def main(*words):
    full = "--full" in words
    if words[0] == "--models":
        print(*chosen(full))
        return 0
    tools = Tools(words[0])
    only = [n for w in words if w.startswith("--only=") for n in w[7:].split(",")]
    count = Count("e2e", known_failures(HERE / "known_failures.txt"))
    scratch = tools.build / "e2e"
    scratch.mkdir(exist_ok=True)
    for source in constructs.sources():
        if not only or source.stem in only:
            constructs.run(tools, count, source, scratch, ["-O2", "-O1", "-O0"])
    for level in ["O2", "O1", "O0"]:
        in_ci = {"O2": None, "O1": O1_IN_CI, "O0": O0_IN_CI}[level]
        for name in chosen(full or bool(only)):
            if (not only or name in only) and (full or in_ci is None or name in in_ci):
                run_model(tools, count, name, level, full, scratch)
    return count.close(whole=not only)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
