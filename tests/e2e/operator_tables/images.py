"""Resize that smooths what it shrinks, pools of regions, what only old versions had."""
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
    scales = [{"x": image(h, w), "scales": np.array([2, s], np.float32)} for h, w, s in [(2, 3, 1.5), (1, 4, 0.5)]]
    yield Case("Resize by scales of undeclared length", "Resize", scales, dims={"x": ["h", "w"], "scales": ["k"]}, order=["x", "", "scales"],
               mode="linear", types={0: 1})
    yield Case("Resize antialias of f64", "Resize", {"x": image(1, 1, 12, 12).astype(np.float64)}, judges=("onnx",), mode="cubic",
               constants={"sizes": np.array([1, 1, 5, 7])}, order=["x", "", "", "sizes"], antialias=1, types={0: 11})
    limits = [dict(a=np.float16(a), b=np.float16(b), c=np.float16(c)) for a, b, c in [(0, 5, 0.5), (3, -2, -0.75), (1, 1, 1)]]
    yield Case("Range of f16 limits", "Range", limits, judges=("onnx",), types={0: 10})
    regions = np.array([[0, 0, 0, 7, 7], [1, 2, 1, 5, 8], [0, 6.4, 3, 20, 4], [1, 9, 9, 12, 12], [0, 3, 3, 2, 2]], np.float32)
    for scale in [1.0, 0.5]:
        yield Case(f"MaxRoiPool, scale {scale}", "MaxRoiPool", [{"x": image(2, 3, 10, 9), "rois": regions}, {"x": image(2, 3, 10, 9), "rois": regions[:2]}],
                   dims={"rois": ["r", None]}, judges=("onnxruntime",), types={0: 1}, opset=20, pooled_shape=[3, 2], spatial_scale=scale)
    yield Case("MaxRoiPool without a shape", "MaxRoiPool", {"x": image(2, 3, 10, 9), "rois": regions}, types={0: 1}, refused="'pooled_shape'")
    x = {"x": image(1, 2, 4, 5)}
    repeated = lambda x: [x.repeat(2, 2).repeat(3, 3)]
    yield Case("Upsample 1", "Upsample", x, opset=1, judges=(repeated,), types={0: 1}, height_scale=2.0, width_scale=3.0, mode="nearest")
    yield Case("Upsample 7", "Upsample", x, opset=7, judges=(repeated, "onnxruntime"), types={0: 1}, scales=[1.0, 1.0, 2.0, 3.0], mode="nearest")
    yield Case("Upsample 1 without scales", "Upsample", x, opset=1, types={0: 1}, refused="has no attribute 'scales'")
    padded = lambda x: [np.pad(x, [(0, 0), (0, 0), (1, 0), (2, 3)], constant_values=2)]
    yield Case("Pad 1", "Pad", x, opset=1, judges=(padded,), types={0: 1}, paddings=[0, 0, 1, 2, 0, 0, 0, 3], value=2.0)
    grid = rng.uniform(-1.2, 1.2, (2, 3, 5, 2)).astype(np.float32)
    for (dtype, number), outside in itertools.product([(np.uint8, 2), (np.int64, 7), (bool, 9)], ["zeros", "border", "reflection"]):
        yield Case(f"GridSample nearest {np.dtype(dtype).name} {outside}", "GridSample", {"x": rng.integers(0, 2 if dtype is bool else 99, (2, 2, 4, 6)).astype(dtype), "grid": grid},
                   judges=("onnx",), types={0: number}, mode="nearest", padding_mode=outside)
    yield Case("GridSample linear int64", "GridSample", {"x": np.zeros((2, 2, 4, 6), np.int64), "grid": grid}, types={0: 7}, refused="expected floating-point elements")
    for dtype, number in [(np.uint8, 2), (np.int8, 3), (np.int32, 6)]:
        yield Case(f"Resize linear {np.dtype(dtype).name}", "Resize", {"x": rng.integers(0, 100, (1, 1, 5, 6)).astype(dtype)},
                   constants={"scales": np.array([1, 1, 2, 2], np.float32)}, order=["x", "", "scales"], mode="linear",
                   judges=("onnxruntime",), types={0: number})
    yield Case("RoiAlign float16", "RoiAlign", {"x": image(1, 2, 6, 6).astype(np.float16), "rois": np.array([[0, 0, 4, 4]], np.float16),
                                                "batches": np.array([0])}, types={0: 10}, output_height=2, output_width=2, sampling_ratio=2,
               judges=("onnx",), atol=5e-3)
