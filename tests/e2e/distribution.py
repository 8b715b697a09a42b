"""How far quantised results are from two references that are both right.

A quantised model has no one right result: where a value lies near the middle between two steps, the order of a sum decides.
The corpus has two references, onnxruntime with its optimisations and without; how far they are from each other is what an
equally good result may be from each. Bounds: on average 1.5 times that distance, at most twice; and no row in which another
element is the greatest, unless the reference's lead over it is within what both may be off. Where the references agree to
the bit, one step of 8 bits of the largest value is allowed for single elements, a hundredth of a step on average.
"""
import numpy as np

STEP = 1 / 127  # of the largest value


def errors(a, b):
    """(largest, mean, 99th percentile) of |a - b|, relative to max|b|."""
    scale = np.abs(b).max(initial=0) or 1
    apart = np.abs(a - b).ravel() / scale
    return (apart.max(), apart.mean(), np.quantile(apart, 0.99)) if apart.size else (0, 0, 0)


def other_tops(a, b, lead=0.0):
    """The share of rows whose greatest element is another one, which b has more than `lead` of its largest value below its own."""
    if a.ndim == 0 or a.shape[-1] < 2:
        return 0.0
    behind = b.max(-1) - np.take_along_axis(b, a.argmax(-1)[..., None], -1)[..., 0]
    return float((behind > lead * np.abs(b).max()).mean())


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
        allowed = errors(first, second)
        most, mean = (2 * allowed[0], 1.5 * allowed[1]) if allowed[0] else (STEP, STEP / 100)
        for word, reference in (("optimised", first), ("plain", second)):
            found, clear = errors(mine, reference), other_tops(mine, reference, 2 * most)
            notes.append(f"{word} max {found[0]:.1e} mean {found[1]:.1e} p99 {found[2]:.1e} top-1 {1 - other_tops(mine, reference):.3f}")
            if found[0] > most or found[1] > mean or clear:
                wrong.append(f"result {index}, {word} reference: max {found[0]:.1e} of {most:.1e}, mean {found[1]:.1e} of {mean:.1e}, "
                             f"clearly other tops {clear:.3f}")
        notes.append(f"references apart max {allowed[0]:.1e} mean {allowed[1]:.1e} p99 {allowed[2]:.1e} top-1 {1 - other_tops(first, second):.3f}")
    return "; ".join(wrong) or None, "; ".join(notes)
