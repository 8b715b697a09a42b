"""Every operator of the standard, in every version that it has had: an importer knows it and all its attributes, or it is
listed here with the reason why not."""
import onnx
from onnx import defs, helper

from halcyon import ROOT

STRINGS, TRAINING = "strings are not supported", "preview training operators are not supported"
UNSUPPORTED = {
    "ImageDecoder": "image formats are not supported",
    "RegexFullMatch": STRINGS, "StringConcat": STRINGS, "StringNormalizer": STRINGS, "StringSplit": STRINGS,
    "ai.onnx.preview.training.Adagrad": TRAINING, "ai.onnx.preview.training.Adam": TRAINING,
    "ai.onnx.preview.training.Gradient": TRAINING, "ai.onnx.preview.training.Momentum": TRAINING,
}
# Attributes that mean something that is not supported, or that only old versions had.
REFUSED = {
    ("Constant", "sparse_value"): "sparse tensors are not supported",
    ("Constant", "value_string"): STRINGS, ("Constant", "value_strings"): STRINGS,
}
MAPS = {"ai.onnx.ml.CastMap", "ai.onnx.ml.DictVectorizer", "ai.onnx.ml.ZipMap"}  # known, and refused: maps are no tensors
# Names that the importers put together.
BUILT = {"keys_floats", "keys_int64s", "keys_strings", "keys_tensor", "values_floats", "values_int64s", "values_strings", "values_tensor",
         "base_values_as_tensor", "nodes_values_as_tensor"}
BUILT |= {f"{side}_{name}" for side in ("class", "target") for name in ("ids", "nodeids", "treeids", "weights", "weights_as_tensor")}


def full_name(schema):
    return f"{schema.domain}.{schema.name}" if schema.domain else schema.name


def cases(Case):
    return []


def operators(tools, folder, domain, version):
    """(every operator of a version, those that have no importer)."""
    newest = {}
    for schema in defs.get_all_schemas_with_history():
        if schema.domain == domain and schema.since_version <= version and not (schema.deprecated and schema.since_version < version):
            newest[schema.name] = schema
    nodes = [helper.make_node(name, ["x"], [f"y{i}"], domain=domain) for i, name in enumerate(newest)]
    x, y = (helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1]) for name in ("x", "y0"))
    model = helper.make_model(helper.make_graph(nodes, "all", [x], [y]), ir_version=10, opset_imports=[
        helper.make_opsetid("", 26), helper.make_opsetid(domain, version)] if domain else [helper.make_opsetid("", version)])
    (folder / "all.onnx").write_bytes(model.SerializeToString())
    done = tools.call([tools.halcyonc, folder / "all.onnx", "-o", folder / "all.hcm", "--target=cpu"])
    words = done.err.partition("unsupported operators: ")[2].split(", ")
    return {full_name(s) for s in newest.values()}, {word.split(" ('")[0] for word in words if " ('" in word}


def more(tools, count, folder, Case):
    for domain, last in [("", defs.onnx_opset_version()), ("ai.onnx.ml", 5), ("ai.onnx.preview.training", 1)]:
        for version in range(1, last + 1):
            known, missing = operators(tools, folder, domain, version)
            listed = known & set(UNSUPPORTED)
            wrong = [f"not listed: {sorted(missing - listed)}"] * bool(missing - listed)
            wrong += [f"listed, but imported: {sorted(listed - missing)}"] * bool(listed - missing)
            count.test(f"operators of {domain or 'ai.onnx'} {version}, {len(known)}", "; ".join(wrong) or None)
    sources = "\n".join(p.read_text() for p in (ROOT / "compiler/import/onnx").glob("*.cpp"))
    unread = {(full_name(s), a) for s in defs.get_all_schemas_with_history() if full_name(s) not in UNSUPPORTED
              for a in s.attributes if f'"{a}"' not in sources and a not in BUILT}
    unread = {(op, a) for op, a in unread if op not in MAPS}
    wrong = [f"not read: {sorted(unread - set(REFUSED))}"] * bool(unread - set(REFUSED))
    wrong += [f"listed, but read: {sorted(set(REFUSED) - unread)}"] * bool(set(REFUSED) - unread)
    count.test("attributes of every version", "; ".join(wrong) or None)
