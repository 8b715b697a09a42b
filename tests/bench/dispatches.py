#!/usr/bin/env python3
"""Times every dispatch of models beside what it should reach: dispatches.py BUILD [options] [GROUP|NAME]...

    --seconds=0.5    for each model; --top=20 rows of each list
    --json=FILE      everything that was measured
    --opt=-O2        more words for halcyonc, separated by commas
    --large          instead of models: single operators on tensors that no cache holds

Groups are those of tests/corpus (default: speed, dynamic, state and int8). One thread. tests/bench/peak is measured before each
model, since the machine is not as fast all the time. A dispatch is of one class, by what its executable holds (`halcyonc --dump`), and has the bar of its class:

    product     contraction or convolution of more than 10 MFLOP and at least 8 rows: 93 % of peak; a multiply-add of bytes is a
                quarter of a float's, and columns that fill a panel of 16 count as work
    weights     of fewer rows, where the weights exceed L2: 93 % of read bandwidth
    stream      elementwise, and more bytes than L2 holds: 85 % of copy bandwidth; norm: 75 %; softmax: 60 %
    attention, winograd, small (a smaller product), reduction, cached: no bar; time is compared with that of a product or with
                what reading costs, to see what is to be won

Then come the slowest kernels of models, and those that lose the most: their time less what it would be at the bar. Times are the
least of many calls, of all dispatches of one kernel at one place of the model. Nothing is asserted.
"""

import json, pathlib, re, subprocess, sys, tempfile

from compare import CORPUS, Halcyon, chosen, environment
from large import models

GROUPS = ["speed", "dynamic", "state", "int8"]
BARS = {"product": 0.93, "weights": 0.93, "stream": 0.85, "norm": 0.75, "softmax": 0.60}
WITHOUT_BAR = {"attention": 0.93, "small": 0.93}  # to know what is lost
WORK_OF_PRODUCT, FEW_ROWS, PANEL, BYTES_AT_ONCE = 10e6, 8, 16, 4


class Named:
    """A product by its name, as linalg.batch_matmul: packed when it runs."""

    def __init__(self, text):
        self.loops, self.maps, self.body = ["reduction"], [], text
        self.types = re.findall(r"tensor<[^>]*>", text.splitlines()[0])[:3]

    def is_product(self):
        return True

    def columns(self):
        last = re.match(r"tensor<.*?(\d+|\?)x[a-z]\w*>", self.types[-1])
        return int(last[1]) if last and last[1].isdigit() else None

    def weights(self):
        return None


class Generic:
    """A linalg.generic: its maps as lists of results, its loops, the types of its operands."""

    def __init__(self, text, maps):
        self.maps = [maps[m] for m in re.search(r"indexing_maps = \[([^\]]*)\]", text)[1].split(", ")]
        self.loops = re.findall(r'"(\w+)"', re.search(r"iterator_types = \[([^\]]*)\]", text)[1])
        self.types = [t for part in re.findall(r"(?:ins|outs)\([^:)]* : ([^)]*)\)", text) for t in re.findall(r"tensor<[^>]*>|\w+\d+", part)]
        self.body = text

    def is_product(self):
        """Of numbers that are used more than once."""
        rows = {f"d{i}" for i, loop in enumerate(self.loops) if loop == "parallel"}
        shared = any(not rows <= set(re.findall(r"d\d+", " ".join(results))) for results in self.maps[:-1])
        return shared and "reduction" in self.loops and len(self.maps) > 2 and re.search(r"arith\.mul|nn\.dot_bytes|nn\.winograd", self.body)

    def shape(self, operand):
        return [int(d) if d.isdigit() else None for d in re.findall(r"(\d+|\?)x", self.types[operand])]

    def columns(self):
        """How many the result has, of the loop whose panels an operand has, or else the last."""
        panels = [re.match(r"d\d+", result)[0] for results in self.maps for result in results if f"floordiv {PANEL}" in result]
        out = self.maps[-1]
        return self.shape(-1)[out.index(panels[0])] if panels and panels[0] in out else (self.shape(-1) or [None])[-1]

    def weights(self):
        """Elements of the operand in panels; None without one or where they are not known."""
        for operand, results in enumerate(self.maps[:-1]):
            if any(f"floordiv {PANEL}" in result for result in results):
                size = 1
                for extent in self.shape(operand):
                    size = size and extent and size * extent
                return size
        return None


def executables(text):
    """Of a module in phase 2-dispatch: the generics of each executable, and its text."""
    maps = {name: results.split(", ") for name, results in re.findall(r"^(#map\d*) = affine_map<\(.*?\) -> \((.*)\)>$", text, re.M)}
    found = {}
    for name, body in re.findall(r"^  dispatch\.executable @(\S+) .*?\n(.*?)^  }$", text, re.M | re.S):
        pieces = re.split(r"(?= linalg\.(?:generic|\w*mat(?:mul|vec)\w*) )", body)[1:]
        found[name] = [Generic(p, maps) if p.startswith(" linalg.generic") else Named(p) for p in pieces], body
    return found


def classified(kernel, row, cache):
    """The class of a dispatch, and by how much its work exceeds what the compiler counts."""
    generics, text = kernel
    products = [g for g in generics if g.is_product()]
    each = row["flops"] / row["count"]
    if products:
        columns, bytewise = products[0].columns(), "nn.dot_bytes" in text
        padding = -(-columns // PANEL) * PANEL / columns if columns else 1
        weights = products[0].weights()
        rows = each / (2 * weights * (BYTES_AT_ONCE if bytewise else 1)) * padding if weights else FEW_ROWS
        if "nn.winograd" in text:
            return "winograd", 1
        if len(products) > 1:
            return "attention", padding
        if rows < FEW_ROWS * 0.99 and weights * 4 > cache:
            return "weights", 1
        if each > WORK_OF_PRODUCT and rows >= FEW_ROWS * 0.99:
            return "product", padding / (BYTES_AT_ONCE if bytewise else 1)
        return "small", padding / (BYTES_AT_ONCE if bytewise else 1)
    if row["bytes"] / row["count"] <= cache:
        return "cached", 1
    if not any("reduction" in g.loops for g in generics):
        return "stream", 1
    if "reduction" not in generics[-1].loops:  # what was reduced is used again
        return ("softmax" if "math.exp" in text else "norm"), 1
    return "reduction", 1


def judged(row, kernel, peaks, cache):
    """Adds to a row of `bench --by-dispatch`: its class, its share of what bounds it, its bar, the time it loses."""
    kind, factor = classified(kernel, row, cache)
    work = row["flops"] * factor / (peaks["gflops"] * 1e6)
    by_kind = {"product": work, "attention": work, "winograd": work, "small": work, "weights": row["bytes"] / (peaks["read_gbs"] * 1e6)}
    least = by_kind.get(kind, row["bytes"] / (peaks["copy_gbs"] * 1e6))
    bar = BARS.get(kind)
    wanted = bar or WITHOUT_BAR.get(kind)
    lost = max(0, row["ms"] - least / wanted) if wanted else 0
    return row | {"kind": kind, "share_of_bound": least / row["ms"], "bar": bar, "lost_ms": lost}


def measured(build, folder, options, peaks, cache):
    with tempfile.TemporaryDirectory() as dump:
        ours = Halcyon(build, folder, [*options["opt"], f"--dump={dump}"])
        kernels = executables((pathlib.Path(dump) / "2-dispatch.mlir").read_text())
    told = json.loads(ours.run("src/tools/halcyon", "bench", ours.artifact, "--threads=1", f"--seconds={options['seconds']}", "--by-dispatch", "--json",
                               *ours.inputs))
    rows = []
    for row in told["dispatches"]:
        if row["ms"] > 0 and row["kernel"] in kernels and "flops" in row:
            rows.append(judged(row, kernels[row["kernel"]], peaks, cache) | {"model": folder.name, "part": row["ms"] / told["dispatches_ms"]})
        else:
            rows.append(row | {"kind": "unknown", "share_of_bound": 0, "bar": None, "lost_ms": 0, "model": folder.name, "part": 0})
    return rows


def l2_bytes():
    """Of the first processor; 1 MiB where the system does not say."""
    try:
        text = pathlib.Path("/sys/devices/system/cpu/cpu0/cache/index2/size").read_text().strip()
        return int(text[:-1]) * {"K": 1 << 10, "M": 1 << 20}[text[-1]]
    except (OSError, KeyError, ValueError):
        return 1 << 20


def by_kernel(rows):
    """Rows of one kernel of a model as one."""
    found = {}
    for row in rows:
        same = found.setdefault((row["model"], row["kernel"]), row | {"ms": 0, "count": 0, "part": 0, "flops": 0, "bytes": 0, "lost_ms": 0, "share_of_bound": 0})
        same["share_of_bound"] = (same["share_of_bound"] * same["ms"] + row["share_of_bound"] * row["ms"]) / (same["ms"] + row["ms"])
        for what in ("ms", "count", "part", "flops", "bytes", "lost_ms"):
            same[what] += row.get(what, 0)
    return list(found.values())


def print_rows(title, rows):
    print(f"\n{title}\n| model | class | ms | x | of model | GFLOP/s | GB/s | of bound | bar | lost ms | kernel |\n|{'---|' * 11}")
    for r in rows:
        bar = f"{100 * r['bar']:.0f} %" if r["bar"] else "-"
        print(f"| {r['model']} | {r['kind']} | {r['ms']:.4f} | {r['count']} | {100 * r['part']:.1f} % | {r.get('flops', 0) / r['ms'] / 1e6:.1f} |"
              f" {r.get('bytes', 0) / r['ms'] / 1e6:.1f} | {100 * r['share_of_bound']:.0f} % | {bar} | {r['lost_ms']:.4f} | {r['kernel']} |")


def print_classes(rows):
    print(f"| class | dispatches | meet the bar | ms | ms below the bar | lost ms |\n|{'---|' * 6}")
    for kind in dict.fromkeys([*BARS, *sorted({r["kind"] for r in rows})]):
        own = [r for r in rows if r["kind"] == kind]
        below = [r for r in own if r["bar"] and r["share_of_bound"] < r["bar"]]
        meet = f"{sum(r['count'] for r in own) - sum(r['count'] for r in below)}" if kind in BARS else "-"
        print(f"| {kind} | {sum(r['count'] for r in own)} | {meet} | {sum(r['ms'] for r in own):.2f} | {sum(r['ms'] for r in below):.2f} |"
              f" {sum(r['lost_ms'] for r in own):.2f} |")


def main(build, *words):
    given = dict(w[2:].partition("=")[::2] for w in words if w.startswith("--"))
    options = {"seconds": float(given.pop("seconds", 0.5)), "opt": [w for w in given.pop("opt", "-O2").split(",") if w]}
    top, file, large = int(given.pop("top", 20)), given.pop("json", None), given.pop("large", None) is not None
    if given:
        sys.exit(f"dispatches.py: unknown: {' '.join('--' + w for w in given)}")
    names = [] if large else chosen([w for w in words if not w.startswith("--")] or GROUPS)
    environment()
    build = pathlib.Path(build).resolve()
    cache, rows, peaks = l2_bytes(), [], {}
    for folder in models(build / "bench/large") if large else [CORPUS / name for name in names]:
        peaks[folder.name] = json.loads(subprocess.run([build / "tests/bench/peak"], capture_output=True, text=True, check=True).stdout)
        try:
            rows += measured(build, folder, options, peaks[folder.name], cache)
        except RuntimeError as error:
            print(f"{folder.name}: {' '.join(str(error).split())[:200]}")
    between = {what: " to ".join(f"{f(p[what] for p in peaks.values()):.1f}" for f in (min, max)) for what in ("gflops", "read_gbs", "copy_gbs")}
    print(f"1 thread: {between['gflops']} GFLOP/s, reads {between['read_gbs']} GB/s, copies {between['copy_gbs']} GB/s; L2 {cache >> 10} KiB\n")
    print_classes(rows)
    kernels = by_kernel([r for r in rows if r["ms"] > 0])
    print_rows(f"The {top} slowest", sorted(kernels, key=lambda r: -r["ms"])[:top])
    print_rows(f"The {top} that lose most", sorted(kernels, key=lambda r: -r["lost_ms"])[:top])
    if file:
        pathlib.Path(file).write_text(json.dumps({"peaks": peaks, "l2_bytes": cache, "options": options, "rows": rows}, indent=1))


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
