"""How far quantised results are from two references that are both right.

A quantised model has no one right result: where a value lies near the middle between two steps, the order of a sum decides.
The corpus has two references, onnxruntime with its optimisations and without; how far they are from each other is what an
equally good result may be from each. Bounds: on average 1.5 times that distance, at most twice, and twice as many rows whose
greatest element is another one. Where the references agree to the bit, one step of 8 bits of the largest value is allowed
for single elements, a hundredth of a step on average, and no other greatest element.
"""
import numpy as np

STEP = 1 / 127  # of the largest value


def errors(a, b):
    """(largest, mean, 99th percentile) of |a - b|, relative to max|b|."""
    scale = np.abs(b).max(initial=0) or 1
    apart = np.abs(a - b).ravel() / scale
    return (apart.max(), apart.mean(), np.quantile(apart, 0.99)) if apart.size else (0, 0, 0)


def other_tops(a, b):
    """The share of rows whose greatest element is another one."""
    if a.ndim == 0 or a.shape[-1] < 2:
        return 0.0
    return float((a.argmax(-1) != b.argmax(-1)).mean())


def judge(results, outputs, others):
    """(what is wrong or None, the distances in words), of lists of .npy files."""
    wrong, notes = [], []
    for index, paths in enumerate(zip(results, outputs, others)):
        mine, first, second = (np.load(p) for p in paths)
        if mine.shape != first.shape or mine.dtype != first.dtype:
            wrong.append(f"result {index} is {mine.dtype}{list(mine.shape)}, expected {first.dtype}{list(first.shape)}")
            continue
        mine, first, second = (x.astype(np.float64) for x in (mine, first, second))
        if not np.isfinite(mine).all():
            wrong.append(f"result {index} is not finite")
            continue
        allowed, tops = errors(first, second), other_tops(first, second)
        most, mean = (2 * allowed[0], 1.5 * allowed[1]) if allowed[0] else (STEP, STEP / 100)
        for word, reference in (("optimised", first), ("plain", second)):
            found, found_tops = errors(mine, reference), other_tops(mine, reference)
            notes.append(f"{word} max {found[0]:.1e} mean {found[1]:.1e} p99 {found[2]:.1e} top-1 {1 - found_tops:.3f}")
            if found[0] > most or found[1] > mean or found_tops > 2 * tops:
                wrong.append(f"result {index}, {word} reference: max {found[0]:.1e} of {most:.1e}, mean {found[1]:.1e} of {mean:.1e}, "
                             f"other tops {found_tops:.3f} of {2 * tops:.3f}")
        notes.append(f"references apart max {allowed[0]:.1e} mean {allowed[1]:.1e} p99 {allowed[2]:.1e} top-1 {1 - tops:.3f}")
    return "; ".join(wrong) or None, "; ".join(notes)
