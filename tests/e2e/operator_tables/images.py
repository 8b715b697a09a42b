"""Resize that smooths what it shrinks, and ranges whose limits are small floats."""
import itertools

import numpy as np


def cases(Case):
    rng = np.random.default_rng(5)
    image = lambda *shape: rng.standard_normal(shape).astype(np.float32)
    for mode, outside, transform in itertools.product(["linear", "cubic"], [0, 1], ["half_pixel", "align_corners", "asymmetric"]):
        for sizes in [(4, 5), (11, 3), (20, 22)]:
            yield Case(f"Resize antialias {mode} {transform} exclude {outside} to {sizes}", "Resize", {"x": image(1, 2, 13, 9)},
                       constants={"sizes": np.array([1, 2, *sizes])}, order=["x", "", "", "sizes"], judges=("onnx",), atol=2e-5,
                       mode=mode, exclude_outside=outside, antialias=1, coordinate_transformation_mode=transform, types={0: 1})
    scales = [{"x": image(1, 1, h, 24), "scales": np.array([1, 1, s, s / 2], np.float32)} for h, s in [(16, 0.5), (31, 0.3), (9, 1.5)]]
    for mode in ["linear", "cubic"]:
        yield Case(f"Resize antialias {mode} by scales at run time", "Resize", scales, dims={"x": [None, None, "h", None]},
                   order=["x", "", "scales"], judges=("onnx",), atol=2e-5, mode=mode, antialias=1, types={0: 1})
    yield Case("Resize antialias of f64", "Resize", {"x": image(1, 1, 12, 12).astype(np.float64)}, judges=("onnx",), mode="cubic",
               constants={"sizes": np.array([1, 1, 5, 7])}, order=["x", "", "", "sizes"], antialias=1, types={0: 11})
    limits = [dict(a=np.float16(a), b=np.float16(b), c=np.float16(c)) for a, b, c in [(0, 5, 0.5), (3, -2, -0.75), (1, 1, 1)]]
    yield Case("Range of f16 limits", "Range", limits, judges=("onnx",), types={0: 10})
