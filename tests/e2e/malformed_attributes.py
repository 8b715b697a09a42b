"""Every attribute of every version of every operator that is imported, with a value of another type and with values outside
what it may be, in a model that is right but for it: one line of error names the node, the operator and the attribute.

TABLE has such a model for each operator: `OPERATOR[@VERSION] INPUT... | ATTRIBUTE=VALUE, ...`, where an input is an element
type and extents, and `-` an absent one. What the schemas of the standard have and the table has not is a failure.
"""

import math

import numpy as np
import onnx
from onnx import AttributeProto as Kinds, TensorProto, defs, helper, numpy_helper

from operator_tables.coverage import MAPS, UNSUPPORTED

TYPES = {"f32": TensorProto.FLOAT, "f16": TensorProto.FLOAT16, "f64": TensorProto.DOUBLE, "i64": TensorProto.INT64, "i32": TensorProto.INT32,
         "i8": TensorProto.INT8, "u8": TensorProto.UINT8, "bool": TensorProto.BOOL, "f8": TensorProto.FLOAT8E4M3FN}
UNARY_1 = "Abs Ceil Exp Floor HardSigmoid LeakyRelu Log Neg Reciprocal Relu Selu Sigmoid Sqrt Tanh Elu Clip"
PAIRS_1 = "Add Div Mul Sub Pow"
REDUCTIONS = "ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare"
TABLE = """
AffineGrid f32[2,2,3] i64[4]
ArgMax f32[2,2]
ArgMin f32[2,2]
Attention f32[2,3,4,8] f32[2,3,6,8] f32[2,3,6,8]
Attention f32[2,4,24] f32[2,6,24] f32[2,6,24] | q_num_heads=3, kv_num_heads=3
AveragePool f32[1,3,32] | kernel_shape=[2]
BatchNormalization f32[2,3,4,5] f32[3] f32[3] f32[3] f32[3]
BatchNormalization@1 f32[2,3,4,5] f32[3] f32[3] f32[3] f32[3] | consumed_inputs=[0,0,0,1,1], is_test=1
BatchNormalization@7 f32[2,3,4,5] f32[3] f32[3] f32[3] f32[3]
Bernoulli f64[10]
BitCast i32[4] | to=1
BitShift u8[3] u8[3] | direction='LEFT'
BlackmanWindow i32[]
Cast f32[7,1] | to=7
Cast f32[7,1] | to=24
CastLike f32[7,1] f8[]
CausalConvWithState f32[2,4,8] f32[4,1,4]
Celu f32[5]
CenterCropPad f32[10,7,3] i64[3]
Col2Im f32[1,5,5] i64[2] i64[2]
Compress f32[3,2] bool[5]
Concat f32[2] f32[2] | axis=0
ConcatFromSequence S | axis=0
Constant | value=FLOATS
Constant | value_float=1.0
Constant | value_floats=[1.0]
Constant | value_int=1
Constant | value_ints=[1]
ConstantOfShape i64[2]
Conv f32[1,4,5,5] f32[2,4,3,3]
ConvInteger u8[1,4,3,3] u8[2,4,2,2]
ConvTranspose f32[1,1,3,3] f32[1,2,3,3]
CumProd f64[5] i32[]
CumSum f64[5] i32[]
DFT f32[1,10,10,1]
DFT@17 f32[1,10,10,1]
DeformConv f32[1,2,3,3] f32[1,2,2,2] f32[1,8,2,2]
DepthToSpace f32[1,8,2,3] | blocksize=2
DequantizeLinear i8[6,4] f32[4] | axis=1
Dropout f32[3,4,5]
Dropout@1 f32[3,4,5] | is_test=1
Einsum f64[2,3] f64[3,4] | equation='ij,jk->ik'
Elu f32[3]
EyeLike i32[4,4]
Flatten f32[5,4,3,2]
Gather f32[10] i64[3]
GatherElements f32[2,2] i64[2,2]
GatherND i32[2,2] i64[2,2]
Gelu f32[3]
Gemm f32[2,2] f32[2,2] f32[2]
Gemm@6 f32[2,2] f32[2,2] f32[2] | broadcast=1
GlobalLpPool f32[1,2,4]
GridSample f32[1,1,3,2] f32[1,2,4,2]
GroupNormalization f32[3,4,2,2] f32[4] f32[4] | num_groups=2
HammingWindow i32[]
HannWindow i32[]
HardSigmoid f32[3]
Hardmax f32[4,4]
If bool[] | then_branch=BRANCH, else_branch=BRANCH
InstanceNormalization f32[1,2,1,3] f32[2] f32[2]
InstanceNormalization@1 f32[1,2,1,3] f32[2] f32[2] | consumed_inputs=[0,0,0]
IsInf f32[6]
LRN f32[5,5,5,5] | size=3
LayerNormalization f32[3,4] f32[4]
LeakyRelu f32[3]
LinearAttention f32[2,4,32] f32[2,4,32] f32[2,4,32] | kv_num_heads=4, q_num_heads=4, update_rule='linear'
LogSoftmax f32[1,3]
LogSoftmax@11 f32[1,3]
Loop i64[] - f32[2] | body=BODY
LpNormalization f32[2,2,3]
LpPool f32[1,3,32,32] | kernel_shape=[2,2]
MaxPool f32[1,3,32] | kernel_shape=[2]
MaxRoiPool f32[1,1,8,8] f32[2,5] | pooled_shape=[2,2]
MaxUnpool f32[1,1,2,2] i64[1,1,2,2] | kernel_shape=[2,2]
MeanVarianceNormalization f32[3,3,3,1]
MelWeightMatrix i32[] i32[] i32[] f32[] f32[]
Mod f32[3] f32[3] | fmod=1
Multinomial f32[2,3]
NegativeLogLikelihoodLoss f32[3,5] i64[3]
NonMaxSuppression f32[1,6,4] f32[1,2,6]
OneHot i64[3] f32[] f32[2]
Optional | type=TYPE
Pad f32[1,3,4,5] i64[8]
Pad@1 f32[2,3] | paddings=[0,0,0,1]
Pad@2 f32[2,3] | pads=[0,0,0,1]
QLinearConv u8[1,1,7,7] f32[] u8[] u8[1,1,1,1] f32[1] u8[1] f32[] u8[]
QuantizeLinear f32[6,4] f32[4] | axis=1
RMSNormalization f32[3,4] f32[4]
RandomNormal | shape=[2,3]
RandomNormalLike f32[2]
RandomUniform | shape=[2,3]
RandomUniformLike f32[2]
Range f32[] f32[] f32[]
Reshape f32[2,3,4] i64[1]
Reshape@1 f32[2,3] | shape=[6]
Resize f32[1,1,4,4] - - i64[4]
ReverseSequence f32[4,4] i64[4] | batch_axis=1, time_axis=0
RoiAlign f32[1,1,10,10] f32[3,4] i64[3]
RotaryEmbedding f32[2,4,3,8] f32[2,3,4] f32[2,3,4]
STFT f32[1,128,1] i64[] f32[16]
Scan f32[2] f32[5,2] | num_scan_inputs=1, body=STEP
Scan@8 - f32[1,2] f32[1,5,2] | num_scan_inputs=1, body=STEP
Scatter@9 f32[3,3] i64[2,3] f32[2,3]
ScatterElements f32[3,3] i64[2,3] f32[2,3]
ScatterND f32[4,4,4] i64[2,1] f32[2,4,4]
Selu f32[3]
SequenceEmpty
SequenceMap S | body=ITEM
Shape f32[3,4,5]
Shrink f32[5]
Slice@1 f32[2,3] | starts=[0], ends=[1]
Softmax f32[1,3]
Softmax@11 f32[1,3]
SoftmaxCrossEntropyLoss f32[3,5] i64[3]
SpaceToDepth f32[2,2,6,6] | blocksize=2
Split f32[2,6] | num_outputs=1
Split@2 f32[2,6] | split=[2]
SplitToSequence f32[3,6]
Squeeze@1 f32[1,3]
Sum@1 f32[1,3]
Max@1 f32[1,3]
Mean@1 f32[1,3]
Min@1 f32[1,3]
PRelu@1 f32[1,3] f32[3]
SwiGLU f32[2,4] f32[2,4]
Swish f32[3]
TensorScatter f32[3,4,5] f32[3,2,5] i64[3]
TfIdfVectorizer i32[12] | max_gram_length=2, max_skip_count=0, min_gram_length=2, mode='TF', ngram_counts=[0, 0], ngram_indexes=[0, 1, 2], pool_int64s=[5, 6, 7, 8, 6, 7]
ThresholdedRelu f32[3]
TopK f32[3,4] i64[1]
TopK@1 f32[3,4] | k=2
Transpose f32[2,3,4]
Trilu f32[4,5]
Unique f32[6]
Unsqueeze@1 f32[3] | axes=[0]
Upsample@1 f32[1,1,2,2] | height_scale=2.0, width_scale=2.0
Upsample@7 f32[1,1,2,2] | scales=[1.0,1.0,2.0,2.0]
Upsample@9 f32[1,1,2,2] f32[4]
ai.onnx.ml.ArrayFeatureExtractor f32[2,3] i64[1]
ai.onnx.ml.Binarizer f32[3]
ai.onnx.ml.FeatureVectorizer f32[2,3] f32[2,2] | inputdimensions=[3,2]
ai.onnx.ml.Imputer f32[2,3] | imputed_value_floats=[1.0]
ai.onnx.ml.Imputer i64[2,3] | imputed_value_int64s=[1]
ai.onnx.ml.LabelEncoder i64[3] | keys_int64s=[1,2], values_floats=[1.0,2.0]
ai.onnx.ml.LabelEncoder f32[3] | keys_floats=[1.0,2.0], values_int64s=[1,2]
ai.onnx.ml.LabelEncoder f32[3] | keys_tensor=FLOATS, values_tensor=FLOATS
ai.onnx.ml.LinearClassifier f32[2,3] | coefficients=[1.0]*6, intercepts=[1.0]*2, classlabels_ints=[0,1]
ai.onnx.ml.LinearRegressor f32[2,3] | coefficients=[1.0]*3
ai.onnx.ml.Normalizer f32[2,3]
ai.onnx.ml.OneHotEncoder i64[3] | cats_int64s=[1,2]
ai.onnx.ml.SVMClassifier f32[2,3] | classlabels_ints=[0,1], coefficients=[1.0]*2, vectors_per_class=[1,1], support_vectors=[1.0]*6, rho=[0.5], kernel_params=[1.0,1.0,1.0], prob_a=[1.0], prob_b=[1.0]
ai.onnx.ml.SVMRegressor f32[2,3] | n_supports=2, coefficients=[1.0]*2, support_vectors=[1.0]*6, rho=[0.5], kernel_params=[1.0,1.0,1.0]
ai.onnx.ml.Scaler f32[2,3] | offset=[1.0], scale=[1.0]
ai.onnx.ml.TreeEnsemble f64[3,2] | aggregate_function=1, leaf_targetids=[0, 1, 0, 1], leaf_weights=DOUBLES(4), n_targets=2, nodes_falseleafs=[0, 1, 1], nodes_falsenodeids=[2, 2, 3], nodes_featureids=[0, 0, 0], nodes_modes=BYTES(3), nodes_splits=DOUBLES(3), nodes_trueleafs=[0, 1, 1], nodes_truenodeids=[1, 0, 1], post_transform=0, tree_roots=[0]
ai.onnx.ml.TreeEnsembleClassifier f32[2,3] | classlabels_int64s=[0,1], class_ids=[0,1], class_nodeids=[1,2], class_treeids=[0,0], class_weights=[1.0,1.0], nodes_treeids=[0]*3, nodes_nodeids=[0,1,2], nodes_featureids=[0]*3, nodes_values=[0.5]*3, nodes_modes=['BRANCH_LEQ','LEAF','LEAF'], nodes_truenodeids=[1,0,0], nodes_falsenodeids=[2,0,0]
ai.onnx.ml.TreeEnsembleRegressor f32[2,3] | n_targets=1, target_ids=[0,0], target_nodeids=[1,2], target_treeids=[0,0], target_weights=[1.0,1.0], nodes_treeids=[0]*3, nodes_nodeids=[0,1,2], nodes_featureids=[0]*3, nodes_values=[0.5]*3, nodes_modes=['BRANCH_LEQ','LEAF','LEAF'], nodes_truenodeids=[1,0,0], nodes_falsenodeids=[2,0,0]
"""
TABLE += "".join(f"{op}@1 f32[2,3]\n" for op in UNARY_1.split())
TABLE += "".join(f"{op}@1 f32[2,3] f32[3] | broadcast=1\n" for op in PAIRS_1.split())
TABLE += "".join(f"{op}@1 bool[2,3] bool[3] | broadcast=1\n" for op in ["And", "Or", "Xor"])
TABLE += "".join(f"{op}@1 {'i32[2,3] i32[3]' if op == 'Equal' else 'f32[2,3] f32[3]'} | broadcast=1\n" for op in ["Equal", "Greater", "Less"])
TABLE += "".join(f"{op} f32[3,4,5] i64[1]\n{op}@11 f32[3,4,5]\n" for op in REDUCTIONS.split())
TABLE += "".join(f"{op}{version} f32[1,3,2] f32[1,{4 * gates},2] f32[1,{4 * gates},4] | hidden_size=4\n" for version in ["", "@1"]
                 for op, gates in [("RNN", 1), ("GRU", 3), ("LSTM", 4)])

# Where a value outside must be refused; of other attributes any value may be right, and is refused by name where it is not.
AXES = {"axis", "axes", "time_axis", "batch_axis", "scan_input_axes", "scan_output_axes", "perm"}
TYPE_NUMBERS = {"to", "dtype", "output_dtype", "output_datatype", "stash_type", "softmax_precision", "precision"}
POSITIVE = {"blocksize", "group", "offset_group", "kernel_shape", "strides", "dilations", "size", "num_groups", "pooled_shape", "num_scan_inputs"}
# What means nothing here: any value is right.
ANY = {"default_string", "replaced_value_string", "nodes_hitrates", "nodes_hitrates_as_tensor"}
# What only maps strings to numbers: refused however it is written.
REFUSED = {"CategoryMapper", "classes_strings"}
NEWEST = {"": defs.onnx_opset_version(), "ai.onnx.ml": 5}
EXTREMES = [2**62, -(2**62), -1, 0, 2**31]


def items(text):
    """The table's lines: (operator, domain, version, input types, attributes)."""
    step = helper.make_graph([helper.make_node("Add", ["s", "e"], ["r"], name="inner")], "step",
                             [helper.make_tensor_value_info(n, TensorProto.FLOAT, [2]) for n in "se"],
                             [helper.make_tensor_value_info("r", TensorProto.FLOAT, [2])])
    names = {
        "FLOATS": numpy_helper.from_array(np.ones(1, np.float32)),
        "DOUBLES": lambda n: numpy_helper.from_array(np.ones(n)), "BYTES": lambda n: numpy_helper.from_array(np.zeros(n, np.uint8)),
        "TYPE": helper.make_tensor_type_proto(TensorProto.FLOAT, [2]),
        "BRANCH": helper.make_graph([helper.make_node("Constant", [], ["b"], name="inner", value_float=1.0)], "branch", [],
                                    [helper.make_tensor_value_info("b", TensorProto.FLOAT, [])]),
        "BODY": helper.make_graph([helper.make_node("Identity", ["c"], ["d"], name="inner"), helper.make_node("Neg", ["v"], ["w"], name="inner2")], "body",
                                  [helper.make_tensor_value_info("i", TensorProto.INT64, []), helper.make_tensor_value_info("c", TensorProto.BOOL, []),
                                   helper.make_tensor_value_info("v", TensorProto.FLOAT, [2])],
                                  [helper.make_tensor_value_info("d", TensorProto.BOOL, []), helper.make_tensor_value_info("w", TensorProto.FLOAT, [2])]),
        "STEP": step,
        "ITEM": helper.make_graph([helper.make_node("Neg", ["e"], ["r"], name="inner")], "item", [helper.make_tensor_value_info("e", TensorProto.FLOAT, [2])],
                                  [helper.make_tensor_value_info("r", TensorProto.FLOAT, [2])])}
    for line in text.strip().splitlines():
        head, _, given = line.partition("|")
        name, *inputs = head.split()
        name, _, version = name.partition("@")
        domain, _, operator = name.rpartition(".")
        yield operator, domain, int(version or 0), inputs, eval(f"dict({given})", names)


def model(operator, domain, version, inputs, attributes):
    """`attributes`: name -> value, or an AttributeProto."""
    node = helper.make_node(operator, [], ["y"], name="node", domain=domain)
    for name, value in attributes.items():
        node.attribute.append(value if isinstance(value, Kinds) else helper.make_attribute(name, value))
    before, infos = [], []
    for i, text in enumerate(inputs):
        node.input.append("" if text == "-" else f"x{i}")
        if text == "S":
            infos.append(helper.make_tensor_value_info("item", TensorProto.FLOAT, [2]))
            before.append(helper.make_node("SequenceConstruct", ["item", "item"], [f"x{i}"], name="before"))
        elif text != "-":
            kind, _, dims = text.rstrip("]").partition("[")
            infos.append(helper.make_tensor_value_info(f"x{i}", TYPES[kind], [int(d) for d in dims.split(",") if d]))
    after, result = [], "y"
    if operator in ("SequenceMap", "SplitToSequence", "SequenceEmpty"):  # what main gives is a tensor
        after, result = [helper.make_node("SequenceLength", ["y"], ["length"], name="after")], "length"
    if operator == "Optional":
        after, result = [helper.make_node("OptionalHasElement", ["y"], ["has"], name="after")], "has"
    graph = helper.make_graph([*before, node, *after], "g", infos, [helper.make_tensor_value_info(result, TensorProto.UNDEFINED, None)])
    imports = [helper.make_opsetid(d, version if version and d == domain else NEWEST[d]) for d in {"", domain}]
    return helper.make_model(graph, opset_imports=imports, ir_version=10).SerializeToString()


def wrong_type(name, kind):
    """The attribute, of another type than its own."""
    made = Kinds(name=name)
    if kind in (Kinds.INT, Kinds.TENSOR, Kinds.GRAPH, Kinds.TYPE_PROTO, Kinds.STRINGS):
        made.type, made.f = Kinds.FLOAT, 1.0
    else:
        made.type, made.i = Kinds.INT, 1
    return made


def values(name, kind, usual):
    """(value, whether it must be refused)"""
    if kind == Kinds.STRING:
        yield "nonsense", name not in ANY
        yield "", name not in ANY
    if kind in (Kinds.INT, Kinds.INTS):
        some = [(n, False) for n in EXTREMES]
        if name in AXES:
            some = [(n, True) for n in (99, -99, 2**62, -(2**62) - 2**62)]
        if name in TYPE_NUMBERS:
            some = [(n, True) for n in (77, TensorProto.STRING, 2**32 + 1, -1)]
        if name in POSITIVE:
            some = [(n, True) for n in (0, -1, -(2**62))] + [(2**62, name not in ("size", "dilations", "strides", "kernel_shape"))]
        if kind == Kinds.INT:
            yield from some
        else:
            length = max(len(usual or []), 1)
            for n, must in some:
                yield [n] * length, must and usual is not None or must and name in AXES
            yield [1] * 9, name in ("kernel_shape", "strides", "dilations", "pads", "perm", "axes")
            yield helper.make_attribute(name, [], attr_type=Kinds.INTS), False
    if kind == Kinds.FLOAT:
        yield from ((x, False) for x in (math.nan, math.inf, -1.0, 1e30))
    if kind == Kinds.FLOATS:
        yield from (([x] * n, False) for x, n in [(math.nan, 1), (1.0, 9), (math.inf, max(len(usual or []), 1))])
        yield helper.make_attribute(name, [], attr_type=Kinds.FLOATS), False
    if kind == Kinds.STRINGS:
        yield ["nonsense"] * max(len(usual or []), 1), True
    if kind == Kinds.TENSOR:
        yield numpy_helper.from_array(np.zeros((2, 0), np.float32), "empty"), False
        yield numpy_helper.from_array(np.array(["a"], object), "words"), name not in ANY
    if kind == Kinds.GRAPH:
        yield helper.make_graph([], "nothing", [], []), False


def schemas():
    """(domain, operator, attribute) of every version."""
    found = set()
    for schema in defs.get_all_schemas_with_history():
        full = f"{schema.domain}.{schema.name}" if schema.domain else schema.name
        if full in UNSUPPORTED or full in MAPS or schema.domain not in ("", "ai.onnx.ml"):
            continue
        found |= {(schema.domain, schema.name, name) for name in schema.attributes}
    return found


def kinds_of(operator, domain, version):
    """What a version of an operator has: name -> kind."""
    schema = defs.get_schema(operator, max_inclusive_version=version or NEWEST[domain], domain=domain)
    return {name: Kinds.AttributeType.Value(a.type.name) for name, a in schema.attributes.items()}


def cases(full):
    """(title, model, whether it must be refused, the texts of the error, of which each list has one); a model that must
    compile has None for texts. Not `full`: of values that may be right only the first of each attribute."""
    missing = {key for key in schemas() if not REFUSED & {*key}}
    for operator, domain, version, inputs, attributes in items(TABLE):
        title = f"{operator}{f'@{version}' if version else ''}"
        kinds = kinds_of(operator, domain, version)
        yield f"{title} as it is, with {', '.join(attributes) or 'no attributes'}", model(operator, domain, version, inputs, attributes), False, None
        for name, kind in kinds.items():
            missing.discard((domain, operator, name))
            texts = [["'node'"], [operator], [f"'{name}'"]]
            yield f"{title}, {name} of another type", model(operator, domain, version, inputs, {**attributes, name: wrong_type(name, kind)}), True, texts
            # Lists that do not fit each other: any of them may be the one that is said to be wrong.
            some = [*texts[:2], [f"'{other}'" for other in kinds]]
            for number, (value, must) in enumerate(values(name, kind, attributes.get(name))):
                if full or must or not number:
                    shown = value if isinstance(value, (int, float, str, list)) else type(value).__name__
                    data = model(operator, domain, version, inputs, {**attributes, name: value})
                    yield f"{title}, {name}={shown}", data, must, texts if must else some
    yield "every attribute of the standard is in the table", None, sorted(".".join(m) for m in missing), None
