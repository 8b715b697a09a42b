#!/usr/bin/env python3
"""Models with state that goes from call to call and stays on the device: stateful.py BUILD [MODEL]...; stateful.py --models

Voice detectors over frames, language models over tokens: the cache begins empty, a prompt of several tokens fills it, then
one token a call, the most likely one. Every result of every call is compared with onnxruntime's, which carries its own
state; so is the state at the end. The copies are counted: what is new goes up, what is asked for comes down, the state does
neither.
"""
import os, pathlib, re, shutil, sys

import numpy as np
import onnxruntime

from halcyon import Count, Tools

CORPUS = pathlib.Path(os.environ.get("HALCYON_CORPUS") or "~/.cache/halcyon-corpus").expanduser()
FRAMES, TOKENS = 24, 12


def session(name):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(str(CORPUS / name / "model.onnx"), options, providers=["CPUExecutionProvider"])


def voice(name, batch):
    """Frames of two rising tones with pauses: (calls as lists of named inputs, expected results, what is fed back)."""
    run = session(name)
    names, results = [i.name for i in run.get_inputs()], [o.name for o in run.get_outputs()]
    time = np.arange(FRAMES * 512 + 64) / 16000
    rng = np.random.default_rng(3)
    sound = 0.4 * np.sin(2 * np.pi * (200 + 300 * time) * time) * (np.sin(2 * np.pi * 2 * time) > 0) + 0.02 * rng.standard_normal(time.size)
    state, calls, expected = np.zeros((2, batch, 128), "f4"), [], []
    for frame in range(FRAMES):
        piece = sound[frame * 512 : frame * 512 + 576]
        feed = {"input": np.stack([piece * (1 + row) / batch for row in range(batch)]).astype("f4"), "state": state, "sr": np.array(16000)}
        expected.append(dict(zip(results, run.run(None, feed))))
        calls.append([feed[n] for n in names])
        state = expected[-1]["stateN"]
    return calls, [[e[n] for n in results] for e in expected], {results.index("stateN"): names.index("state")}


def language(name, batch):
    run = session(name)
    names, results = [i.name for i in run.get_inputs()], [o.name for o in run.get_outputs()]
    caches = [n for n in names if n.startswith("past_")]
    heads = next(i.shape[1] for i in run.get_inputs() if i.name == caches[0])
    rng = np.random.default_rng(5)
    feed = {n: np.zeros((batch, heads, 0, 64), "f4") for n in caches}
    tokens, seen, calls, expected = rng.integers(0, 30000, (batch, 5)), 0, [], []
    for _ in range(1 + TOKENS):
        count = tokens.shape[1]
        feed |= {"input_ids": tokens.astype("i8"), "attention_mask": np.ones((batch, seen + count), "i8"),
                 "position_ids": np.tile(np.arange(seen, seen + count), (batch, 1)).astype("i8")}
        made = dict(zip(results, run.run(None, feed)))
        calls.append([feed[n] for n in names])
        expected.append([made[n] for n in results])
        feed = {n: made[n.replace("past", "present")] for n in caches}
        tokens, seen = made["logits"][:, -1:].argmax(-1), seen + count
    return calls, expected, {results.index(n.replace("past", "present")): names.index(n) for n in caches}


MODELS = {"silero_vad_v6": (voice, 1), "silero_vad_op18_ifless": (voice, 2), "llama60m_kv_dyn": (language, 2), "gpt2_124m_kv_dyn": (language, 1)}


def apart(got, expected, scale):
    if got.shape != expected.shape or got.dtype != expected.dtype:
        return f"{got.dtype}{list(got.shape)}, expected {expected.dtype}{list(expected.shape)}"
    worst = np.abs(got.astype("f8") - expected.astype("f8")).max(initial=0) / (scale or 1)
    return None if worst <= 1e-4 else f"{worst:.1e} of the largest value away"


def check(tools, count, name, folder):
    make, batch = MODELS[name]
    artifact = folder / "model.hcm"
    error = tools.compile(CORPUS / name / "model.onnx", artifact, "--target=cpu")
    if error:
        return count.test(name, "compile: " + error)
    calls, expected, fed = make(name, batch)
    for step, inputs in enumerate(calls):
        for index, array in enumerate(inputs):
            if step == 0 or index not in fed.values():
                np.save(folder / f"step_{step}_input_{index}.npy", array)
    host = {i for i, a in enumerate(tools.inspect(artifact)["functions"][0]["arguments"]) if a["residence"] == "host"}
    scales = [max(np.abs(e[r]).max(initial=0) for e in expected) for r in range(len(expected[0]))]
    for device in ("cpu", "cpu:unmappable", "cpu:unmappable,queue=1"):
        for stale in folder.glob("*_result_*"):
            stale.unlink()
        done = tools.call([tools.build / "tests/e2e/steps", artifact, device, folder, len(calls), ",".join(f"{r}:{a}" for r, a in fed.items())])
        wrong = done.error and f"{done.error} {done.out[:300]}"
        for step in range(len(calls)) if not wrong else []:
            for result in range(len(expected[step])):
                if result in fed and step + 1 < len(calls):
                    continue
                away = apart(np.load(folder / f"step_{step}_result_{result}.npy"), expected[step][result], scales[result])
                wrong = wrong or (away and f"call {step}, result {result}: {away}")
        count.test(f"{name} {device}", wrong)
        copies = re.search(r"transfers: (\d+) (\d+)", done.out)
        if not copies or wrong:
            continue
        new = len(calls[0]) - len(fed) - len(host)
        due = (new * len(calls) + sum(calls[0][a].size > 0 for a in fed.values()), len(calls) * (len(scales) - len(fed)))
        found = tuple(map(int, copies.groups()))
        count.test(f"{name} {device} copies", None if found == due else f"{found[0]} up and {found[1]} down, expected {due[0]} and {due[1]}")


def main(*words):
    if words[0] == "--models":
        print(*MODELS)
        return 0
    tools, count = Tools(words[0]), Count("stateful")
    for name in words[1:] or MODELS:
        folder = tools.build / "e2e/stateful"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        check(tools, count, name, folder)
        shutil.rmtree(folder)
    return count.close()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
