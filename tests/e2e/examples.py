#!/usr/bin/env python3
"""Runs the programs of examples/: examples.py BUILD. filetype's answers are compared with the Python package's that
the model comes from (tests/e2e/requirements.txt), one test a file."""
import importlib.metadata, pathlib, re, shutil, subprocess, sys

import sample_files
from halcyon import ROOT, Count, Tools

sys.path.insert(0, str(ROOT / "examples/filetype"))
import labels


def hello(tools, count):
    folder = tools.build / "examples/hello"
    done = tools.call([folder / "hello", folder / "hello.hcm"])
    good = done.out == "2.5 1\n8.5 8.5\n"
    count.test("hello", done.error or (None if good else f"printed {done.out!r}"))
    source = (ROOT / "examples/hello/hello.cpp").read_text().split("int main(")[0].strip()
    count.test("hello is the README's snippet", None if source in (ROOT / "README.md").read_text() else "they differ")
    missing = tools.call([folder / "hello", folder / "missing.hcm"])
    count.test("hello without a model", None if missing.status == 1 and "not_found" in missing.err else f"said {missing.err!r}")


def custom_kernel(tools, count):
    folder = tools.build / "examples/custom_kernel"
    done = tools.call([folder / "custom_kernel", folder / "custom_kernel.hcm"])
    expected = ("blurring changed a row by up to 4\nblurring changed a row by up to 0\nblurring changed a row by up to 1\n"
                "4 4 6 8 6 4 4 4\n1 1 1 1 1 1 1 1\n4 2 1 1 1 1 2 4\n3 rows reported\n")
    count.test("custom_kernel", done.error or (None if done.out == expected else f"printed {done.out!r}"))
    missing = tools.call([folder / "custom_kernel", tools.build / "examples/hello/hello.hcm"])
    count.test("custom_kernel with a model of another shape", None if missing.status == 1 and "invalid_argument" in missing.err else f"said {missing.err!r}")


def hello_c(tools, count):
    program = tools.build / "examples/hello_c/hello_c"
    done = tools.call([program, tools.build / "examples/hello/hello.hcm"])
    count.test("hello_c", done.error or (None if done.out == "2.5 1\n8.5 8.5\n" else f"printed {done.out!r}"))
    missing = tools.call([program, "/no/such/missing.hcm"])
    count.test("hello_c without a model", None if missing.status == 1 and "not_found: " in missing.err else f"said {missing.err!r}")


def install_model(tools):
    """labels.tsv and filetype.hcm beside the program, from the installed package; the error or None."""
    folder = tools.build / "examples/filetype"
    package = pathlib.Path(str(importlib.metadata.distribution("magika").locate_file("magika")))
    wheel = folder / "magika.zip"
    shutil.make_archive(str(wheel.with_suffix("")), "zip", package.parent, "magika")
    labels.main(wheel, folder)
    return tools.compile(folder / "model.onnx", folder / "filetype.hcm", "--target=cpu")


def filetype(tools, count):
    import magika
    program = tools.build / "examples/filetype/filetype"
    error = install_model(tools)
    count.test("filetype's model", error)
    if error:
        return
    paths = sample_files.make(tools.build / "e2e/files")
    package = magika.Magika()
    done = subprocess.run([program, *paths], capture_output=True, text=True, cwd=tools.build)
    said = {path: (label, score) for path, label, score in re.findall(r"^(.*?): .* \((\S+), (\d+%)\)$", done.stdout, re.M)}
    for path in paths:
        expected = package.identify_path(path)
        wanted = (str(expected.output.label), f"{100 * expected.score:.0f}%")
        got = said.get(str(path))
        near = got is not None and got[0] == wanted[0] and abs(int(got[1][:-1]) - int(wanted[1][:-1])) <= 1
        count.test(f"filetype {path.name}", None if near else f"said {got}, the package says {wanted}")
    count.test("filetype's exit status", None if done.returncode == 0 else f"exit {done.returncode}: {done.stderr.strip()}")
    missing = tools.call([program, "/no/such/file"])
    count.test("filetype of a missing file", None if missing.status == 1 and "/no/such/file" in missing.err else f"said {missing.err!r}")


def main(build):
    tools = Tools(build)
    (tools.build / "e2e").mkdir(exist_ok=True)
    count = Count("examples")
    hello(tools, count)
    custom_kernel(tools, count)
    hello_c(tools, count)
    filetype(tools, count)
    return count.close()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
