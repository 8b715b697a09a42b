#!/usr/bin/env python3
"""Takes the model and its labels out of the Python package magika.

    python3 labels.py magika-1.0.3-*.whl FOLDER

writes FOLDER/model.onnx and FOLDER/labels.tsv. A row of the table: name, least score (- where the model has no
such output), answer, text or binary, description; the rows of the model's outputs come first, in its order.
"""
import json, pathlib, sys, zipfile

MODEL = "magika/models/standard_v3_3/"


def rows(config, known):
    outputs = config["target_labels_space"]
    extra = [n for n in ["unknown", "txt", "empty", "directory"] if n not in outputs]
    for name in outputs + extra:
        threshold = config["thresholds"].get(name, config["medium_confidence_threshold"]) if name in outputs else "-"
        answer = config["overwrite_map"].get(name, name)
        kind = "text" if known[name]["is_text"] else "binary"
        yield name, str(threshold), answer, kind, known[name]["description"] or name


def main(wheel, folder):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(wheel) as z:
        config = json.loads(z.read(MODEL + "config.min.json"))
        known = json.loads(z.read("magika/config/content_types_kb.min.json"))
        (folder / "model.onnx").write_bytes(z.read(MODEL + "model.onnx"))
    table = "".join("\t".join(row) + "\n" for row in rows(config, known))
    (folder / "labels.tsv").write_text(table, encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__.strip())
    main(*sys.argv[1:])
