"""ai.onnx.ml: what takes and gives numbers."""
import numpy as np

ML = "ai.onnx.ml"
F32, F64, I64 = 1, 11, 7
MODES = ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"]


def forest(rng, trees, depth, targets, features, modes, prefix, per_leaf=1, positive=False, missing=False):
    """Attributes of random trees in the lists of TreeEnsembleRegressor and TreeEnsembleClassifier."""
    nodes = {k: [] for k in ["treeids", "nodeids", "featureids", "values", "modes", "truenodeids", "falsenodeids",
                             "missing_value_tracks_true"]}
    leaves = {k: [] for k in ["treeids", "nodeids", "ids", "weights"]}

    def grow(tree, level):
        number = sum(t == tree for t in nodes["treeids"])
        place = len(nodes["treeids"])
        is_leaf = level == depth or (level > 0 and rng.random() < 0.2)
        row = dict(treeids=tree, nodeids=number, featureids=int(rng.integers(features)), values=float(rng.integers(-4, 5)) / 4,
                   modes="LEAF" if is_leaf else str(rng.choice(modes)), truenodeids=0, falsenodeids=0,
                   missing_value_tracks_true=int(missing and rng.integers(2)))
        for key, value in row.items():
            nodes[key].append(value)
        if is_leaf:
            for target in rng.permutation(targets)[:per_leaf]:
                weight = float(np.float32(rng.random() / trees if positive else rng.standard_normal()))
                for key, value in dict(treeids=tree, nodeids=number, ids=int(target), weights=weight).items():
                    leaves[key].append(value)
        else:
            nodes["truenodeids"][place] = grow(tree, level + 1)
            nodes["falsenodeids"][place] = grow(tree, level + 1)
        return number

    for tree in range(trees):
        grow(tree, 0)
    if not missing:
        del nodes["missing_value_tracks_true"]
    return {**{"nodes_" + k: v for k, v in nodes.items()}, **{f"{prefix}_{k}": v for k, v in leaves.items()}}


def answer(case, outputs, **call):
    """What onnxruntime says of another case."""
    import onnxruntime

    session = onnxruntime.InferenceSession(case.model().SerializeToString(), providers=["CPUExecutionProvider"])
    return [session.run(None, call)[i] for i in outputs]


def trees(Case, rng):
    rows = lambda *shape: (rng.integers(-5, 6, shape) / 4).astype(np.float32)
    many = [{"x": rows(n, 5)} for n in (7, 1, 40)]
    dims = {"x": ["n", None]}
    for mode in MODES:
        yield Case(f"TreeEnsembleRegressor {mode}", "TreeEnsembleRegressor", many, domain=ML, opset=3, dims=dims, types={0: F32},
                   n_targets=1, **forest(rng, 5, 4, 1, 5, [mode], "target"))
    for aggregate in ["SUM", "AVERAGE", "MIN", "MAX"]:
        yield Case(f"TreeEnsembleRegressor {aggregate}, two targets, mixed modes", "TreeEnsembleRegressor", many, domain=ML, opset=3,
                   dims=dims, types={0: F32}, n_targets=2, aggregate_function=aggregate, base_values=[0.5, -1.0],
                   **forest(rng, 6, 5, 2, 5, MODES, "target", per_leaf=2))
    holes = rows(30, 5)
    holes[rng.random(holes.shape) < 0.3] = np.nan
    yield Case("TreeEnsembleRegressor, missing values", "TreeEnsembleRegressor", {"x": holes}, domain=ML, opset=3, types={0: F32}, n_targets=1,
               **forest(rng, 4, 4, 1, 5, MODES[:5], "target", missing=True))
    whole = forest(rng, 4, 4, 1, 5, MODES, "target")
    floats = lambda x: Case("", "TreeEnsembleRegressor", {"x": x}, domain=ML, opset=3, types={0: F32}, n_targets=1, **whole)
    yield Case("TreeEnsembleRegressor of integers", "TreeEnsembleRegressor", {"x": rng.integers(-2, 3, (9, 5))}, domain=ML, opset=3,
               types={0: F32}, n_targets=1, judges=(lambda x: answer(floats(x.astype(np.float32)), [0], x=x.astype(np.float32)),), **whole)
    many_trees = forest(rng, 60, 7, 3, 5, ["BRANCH_LEQ"], "class", per_leaf=1)
    labels = dict(classlabels_int64s=[10, 20, 30])
    classes = dict(outputs=2, domain=ML, opset=3, dims=dims, types={0: I64, 1: F32})
    for transform in ["NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO"]:
        yield Case(f"TreeEnsembleClassifier, three classes, {transform}", "TreeEnsembleClassifier", many, atol=1e-4,
                   post_transform=transform, **classes, **labels, **many_trees)
    labels = dict(classlabels_int64s=[3, 8])
    for title, positive, transform, base in [("probabilities", True, "NONE", None), ("margins", False, "LOGISTIC", [0.25])]:
        # onnx's evaluator takes margins of one class for probabilities; exporters follow onnxruntime.
        extra = {"base_values": base} if base else {}
        yield Case(f"TreeEnsembleClassifier, two classes, {title}", "TreeEnsembleClassifier", many, judges=("onnxruntime",),
                   post_transform=transform, **classes, **labels, **extra,
                   **forest(rng, 8, 4, 1, 5, ["BRANCH_LT"], "class", positive=positive))
    numbered = lambda x: Case("", "TreeEnsembleClassifier", {"x": x}, classlabels_int64s=[10, 20, 30], **{**classes, "dims": {}}, **many_trees)
    yield Case("TreeEnsembleClassifier, scores alone beside labels that are strings", "TreeEnsembleClassifier", many, outputs=[1],
               domain=ML, opset=3, dims=dims, types={1: F32}, judges=(lambda x: answer(numbered(x), [1], x=x),),
               classlabels_strings=["a", "b", "c"], **many_trees)
    yield Case("TreeEnsembleClassifier, labels that are strings", "TreeEnsembleClassifier", many, refused="'classlabels_strings'",
               classlabels_strings=["a", "b", "c"], **{**classes, "outputs": 2, "types": {0: I64, 1: F32}}, **many_trees)
    circle = dict(nodes_treeids=[0, 0], nodes_nodeids=[0, 1], nodes_featureids=[0, 0], nodes_values=[0.0, 0.0],
                  nodes_modes=["BRANCH_LEQ", "BRANCH_LEQ"], nodes_truenodeids=[1, 0], nodes_falsenodeids=[1, 0],
                  target_treeids=[0], target_nodeids=[0], target_ids=[0], target_weights=[0.0])
    one = dict(domain=ML, opset=3, types={0: F32}, n_targets=1)
    yield Case("TreeEnsembleRegressor, a circle", "TreeEnsembleRegressor", many[0], refused="leads back to itself", **one, **circle)
    good = forest(rng, 2, 3, 1, 5, ["BRANCH_LEQ"], "target")
    for name, value, text in [("nodes_featureids", [9] * len(good["nodes_featureids"]), "'nodes_featureids' names feature 9"),
                              ("nodes_modes", ["BRANCH"] * len(good["nodes_modes"]), "'nodes_modes' has 'BRANCH'"),
                              ("nodes_values", [0.0], "differ in length"),
                              ("target_ids", [1] * len(good["target_ids"]), "target 1 of 1"),
                              ("nodes_truenodeids", [99] * len(good["nodes_modes"]), "leads to a node that is not there")]:
        yield Case(f"TreeEnsembleRegressor, wrong {name}", "TreeEnsembleRegressor", many[0], refused=text, **one, **{**good, name: value})


def ensemble(Case, rng):
    """TreeEnsemble, of domain version 5: two trees, one with a set of members."""
    from onnx import numpy_helper

    for dtype in (np.float32, np.float64):
        tensor = lambda values, dtype=dtype: numpy_helper.from_array(np.array(values, dtype))
        lists = dict(nodes_featureids=[0, 1, 2, 0], nodes_splits=tensor([0.25, 0, -0.5, 0]), nodes_truenodeids=[1, 0, 2, 4],
                     nodes_falsenodeids=[2, 1, 3, 5], nodes_trueleafs=[0, 1, 1, 1], nodes_falseleafs=[0, 1, 1, 1], tree_roots=[0, 3],
                     nodes_modes=numpy_helper.from_array(np.array([0, 6, 3, 1], np.uint8)), leaf_targetids=[0, 1, 0, 1, 1, 0],
                     leaf_weights=tensor([1.5, -2, 0.25, 4, 0.75, 1]), membership_values=tensor([1, 3, np.nan]), n_targets=2)
        x = rng.integers(-5, 6, (40, 3)).astype(dtype)
        common = dict(domain=ML, types={0: F32 if dtype == np.float32 else F64}, **lists)
        for aggregate in [0, 1]:
            title = f"TreeEnsemble {np.dtype(dtype).name}, aggregate {aggregate}"
            plain = lambda: Case(title, "TreeEnsemble", {"x": x}, aggregate_function=aggregate, **common)
            yield plain()
            # onnxruntime swaps the numbers of these two
            for transform, function in [(1, lambda y: np.exp(y) / np.sum(np.exp(y), 1, keepdims=True)), (2, lambda y: 1 / (1 + np.exp(-y)))]:
                yield Case(f"{title}, transform {transform}", "TreeEnsemble", {"x": x}, aggregate_function=aggregate,
                           post_transform=transform, judges=(lambda x, f=function: [f(answer(plain(), [0], x=x)[0])],), **common)


def features(Case, rng):
    f32 = lambda *shape: rng.standard_normal(shape).astype(np.float32)
    common = dict(domain=ML)
    for dtype, number in [(np.float32, 1), (np.float64, 11), (np.int64, 7), (np.int32, 6)]:
        x = rng.integers(-9, 9, (4, 6)).astype(dtype)
        yield Case(f"ArrayFeatureExtractor {np.dtype(dtype).name}", "ArrayFeatureExtractor",
                   {"x": x, "at": np.array([[5, 0, 0, 3]])}, types={0: number}, **common)
        ort = ("onnxruntime",) if dtype in (np.float64, np.int64, np.int32) else ("onnx", "onnxruntime")
        yield Case(f"Scaler {np.dtype(dtype).name}", "Scaler", [{"x": x}, {"x": x[:1]}], dims={"x": ["n", None]}, types={0: 1},
                   judges=ort, offset=[0.5, 1, 2, 3, 4, -1], scale=[2.0, 0.5, 1, 1, 3, 0.1], **common)
        for norm in ["MAX", "L1", "L2"]:
            positive = np.abs(x) if norm == "MAX" else x  # of signs onnx's evaluator does not know what the standard says
            positive[1] = 0
            yield Case(f"Normalizer {norm} {np.dtype(dtype).name}", "Normalizer", {"x": positive}, types={0: 1}, judges=("onnxruntime",),
                       norm=norm, **common)
    yield Case("ArrayFeatureExtractor of a list", "ArrayFeatureExtractor", {"x": f32(6), "at": np.array([1, 4])}, types={0: 1}, **common)
    yield Case("Normalizer MAX of negative rows", "Normalizer", {"x": -np.abs(f32(3, 4))}, types={0: 1}, judges=("onnxruntime",),
               norm="MAX", **common)
    yield Case("Normalizer, an unknown norm", "Normalizer", {"x": f32(2, 2)}, types={0: 1}, norm="L3", refused="'norm' is 'L3'", **common)
    yield Case("Scaler of one number", "Scaler", {"x": f32(3, 4)}, types={0: 1}, offset=[1.0], scale=[3.0], **common)
    yield Case("Scaler, lists of the wrong length", "Scaler", {"x": f32(3, 4)}, types={0: 1}, offset=[1.0, 2.0], scale=[3.0],
               refused="'offset' has 2 numbers for 4 features", **common)
    yield Case("Binarizer f32", "Binarizer", {"x": f32(5, 5)}, types={0: 1}, threshold=0.25, **common)
    yield Case("Binarizer i64", "Binarizer", {"x": rng.integers(-4, 4, (3, 3))}, types={0: 7}, threshold=1.0, judges=("onnx",), **common)
    holes = f32(6, 3)
    holes[::2, 1] = np.nan
    yield Case("Imputer of NaN", "Imputer", {"x": holes}, types={0: 1}, replaced_value_float=float("nan"),
               imputed_value_floats=[1.0, 2.0, 3.0], **common)
    yield Case("Imputer of integers", "Imputer", {"x": rng.integers(0, 3, (5, 3))}, types={0: 7}, replaced_value_int64=1,
               imputed_value_int64s=[-7], **common)
    yield Case("FeatureVectorizer", "FeatureVectorizer", {"a": f32(4, 2), "b": f32(4, 3), "c": f32(4, 1)}, types={0: 1},
               inputdimensions=[2, 2, 3], judges=("onnx",), **common)
    yield Case("FeatureVectorizer without sizes", "FeatureVectorizer", {"a": f32(4, 2)}, types={0: 1}, refused="'inputdimensions'", **common)
    for dtype in (np.int64, np.float32):
        yield Case(f"OneHotEncoder {np.dtype(dtype).name}", "OneHotEncoder", {"x": np.array([[1, 9, 4], [4, 4, 7]], dtype)}, types={0: 1},
                   cats_int64s=[4, 1, 7], zeros=1, **common)
    yield Case("OneHotEncoder, every category known", "OneHotEncoder", [{"x": np.array([[1, 4], [7, 7]])}, {"x": np.array([[4, 1, 4], [1, 1, 7]])}],
               dims={"x": [None, "n"]}, types={0: 1}, cats_int64s=[4, 1, 7], zeros=0, judges=("onnx",), domain="ai.onnx.ml")
    yield Case("OneHotEncoder, strings", "OneHotEncoder", {"x": np.zeros(2, np.int64)}, types={0: 1}, cats_strings=["a"],
               refused="'cats_strings': strings are not supported", **common)


def labels(Case, rng):
    from onnx import numpy_helper

    for count in (1, 2, 7, 64, 65, 1000):
        keys = rng.permutation(3 * count)[:count] - count
        x = rng.integers(-count - 3, 2 * count + 3, (5, 21))
        yield Case(f"LabelEncoder, {count} integers to floats", "LabelEncoder", [{"x": x}, {"x": x[:0]}], dims={"x": ["n", None]},
                   domain=ML, types={0: 1}, judges=("onnxruntime",), keys_int64s=keys.tolist(),
                   values_floats=rng.standard_normal(count).astype(np.float32).tolist(), default_float=-5.0)
        yield Case(f"LabelEncoder, {count} floats to integers", "LabelEncoder", {"x": x.astype(np.float32) / 4}, domain=ML, types={0: 7},
                   keys_floats=(keys / 4).tolist(), values_int64s=rng.integers(0, 99, count).tolist())
    nan = np.array([np.nan, 1, 2, np.inf, -np.inf, -0.0], np.float32)
    yield Case("LabelEncoder, NaN and infinities", "LabelEncoder", {"x": nan}, domain=ML, types={0: 7}, judges=("onnxruntime",),
               keys_floats=[float("inf"), 0.0, float("nan"), float("-inf")], values_int64s=[1, 2, 3, 4], default_int64=9)
    for key, value in [(np.int16, np.float64), (np.float64, np.int16), (np.int32, np.int32), (np.int64, np.float32)]:
        tensor = lambda a: numpy_helper.from_array(a)
        yield Case(f"LabelEncoder, tensors of {np.dtype(key).name} and {np.dtype(value).name}", "LabelEncoder",
                   {"x": np.array([3, 1, 8, 0], key)}, domain=ML, judges=(lambda x, value=value: [np.array([30, 10, 7, 7], value)],),
                   types={0: {np.float64: 11, np.int16: 5, np.int32: 6, np.float32: 1}[value]}, keys_tensor=tensor(np.array([1, 2, 3], key)),
                   values_tensor=tensor(np.array([10, 20, 30], value)), default_tensor=tensor(np.array([7], value)))
    x = {"x": np.zeros(2, np.int64)}
    strings = "strings are not supported"
    yield Case("LabelEncoder, strings as values", "LabelEncoder", x, domain=ML, types={0: 7}, keys_int64s=[1], values_strings=["a"],
               refused=f"'values_strings': {strings}")
    yield Case("LabelEncoder, strings as keys", "LabelEncoder", x, domain=ML, types={0: 7}, keys_strings=["a"], values_int64s=[1],
               refused=f"'keys_strings': {strings}")
    yield Case("LabelEncoder 1", "LabelEncoder", x, domain=ML, opset=1, types={0: 7}, classes_strings=["a"],
               refused=f"'classes_strings': {strings}")
    yield Case("LabelEncoder, lists of different lengths", "LabelEncoder", x, domain=ML, types={0: 7}, keys_int64s=[1, 2],
               values_int64s=[1], refused="2 keys and 1 values")
    yield Case("CategoryMapper", "CategoryMapper", x, domain=ML, types={0: 7}, refused=strings)
    yield Case("ZipMap", "ZipMap", {"x": np.zeros((1, 2), np.float32)}, domain=ML, types={0: 1}, classlabels_int64s=[0, 1],
               refused="maps are not supported")


def linear(Case, rng):
    f32 = lambda *shape: rng.standard_normal(shape).astype(np.float32)
    numbers = lambda n: rng.standard_normal(n).astype(np.float32).tolist()
    many = [{"x": f32(n, 4)} for n in (5, 1, 33)]
    common = dict(domain=ML, dims={"x": ["n", None]})
    yield Case("LinearRegressor", "LinearRegressor", many, types={0: 1}, coefficients=numbers(4), intercepts=numbers(1), **common)
    yield Case("LinearRegressor, three targets", "LinearRegressor", many, types={0: 1}, coefficients=numbers(12), intercepts=numbers(3),
               targets=3, **common)
    for transform in ["SOFTMAX", "LOGISTIC"]:
        yield Case(f"LinearRegressor, {transform}", "LinearRegressor", many, types={0: 1}, judges=("onnxruntime",), targets=3,
                   coefficients=numbers(12), intercepts=numbers(3), post_transform=transform, **common)
    for transform in ["NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO"]:
        yield Case(f"LinearClassifier, three classes, {transform}", "LinearClassifier", many, outputs=2, types={0: 7, 1: 1},
                   coefficients=numbers(12), intercepts=numbers(3), classlabels_ints=[5, 6, 9], post_transform=transform, **common)
    yield Case("LinearClassifier of integers", "LinearClassifier", {"x": rng.integers(-3, 4, (6, 4))}, outputs=2, types={0: 7, 1: 1},
               domain=ML, coefficients=numbers(12), intercepts=numbers(3), classlabels_ints=[5, 6, 9], post_transform="NONE",
               judges=("onnxruntime",))
    yield Case("LinearClassifier, labels that are strings", "LinearClassifier", many, outputs=2, types={0: 7, 1: 1},
               coefficients=numbers(8), intercepts=numbers(2), classlabels_strings=["a", "b"], refused="'classlabels_strings'", **common)
    yield Case("LinearClassifier, coefficients that do not fit", "LinearClassifier", many, outputs=2, types={0: 7, 1: 1},
               coefficients=numbers(7), intercepts=numbers(2), classlabels_ints=[0, 1], refused="'coefficients'", **common)
    yield Case("LinearRegressor, an unknown transform", "LinearRegressor", many, types={0: 1}, coefficients=numbers(4),
               post_transform="TANH", refused="'post_transform' is 'TANH'", **common)


def vectors(Case, rng):
    f32 = lambda *shape: rng.standard_normal(shape).astype(np.float32)
    numbers = lambda n: rng.standard_normal(n).astype(np.float32).tolist()
    many = [{"x": f32(n, 4)} for n in (5, 1, 33)]
    common = dict(domain=ML, dims={"x": ["n", None]}, atol=1e-4)
    kernels = {"LINEAR": [0.0, 0.0, 0.0], "POLY": [0.3, 1.0, 3.0], "RBF": [0.4, 0.0, 0.0], "SIGMOID": [0.2, 0.1, 0.0]}
    for kernel, numbers_of_it in kernels.items():
        its = dict(kernel_type=kernel, kernel_params=numbers_of_it)
        yield Case(f"SVMRegressor {kernel}", "SVMRegressor", many, types={0: 1}, n_supports=6, support_vectors=numbers(24),
                   coefficients=numbers(6), rho=[0.3], **its, **common)
        for counts in ([3, 4], [2, 3, 1]):
            classes, total = len(counts), sum(counts)
            yield Case(f"SVMClassifier {kernel}, {classes} classes", "SVMClassifier", many, outputs=2, types={0: 7, 1: 1},
                       vectors_per_class=counts, support_vectors=numbers(4 * total), coefficients=numbers(total * (classes - 1)),
                       rho=numbers(classes * (classes - 1) // 2), classlabels_ints=[4, 2, 9][:classes], **its, **common)
    yield Case("SVMRegressor of one class", "SVMRegressor", many, types={0: 1}, n_supports=6, support_vectors=numbers(24),
               coefficients=numbers(6), rho=[0.1], kernel_type="RBF", kernel_params=[0.4, 0.0, 0.0], one_class=1, **common)
    yield Case("SVMRegressor without vectors", "SVMRegressor", many, types={0: 1}, coefficients=numbers(4), rho=[0.1],
               kernel_params=[0.0, 0.0, 0.0], **common)
    for counts in ([3, 4], [2, 3, 1, 2]):
        classes, total = len(counts), sum(counts)
        pairs = classes * (classes - 1) // 2
        # onnx's evaluator has a sum where LIBSVM's equations have products
        yield Case(f"SVMClassifier, probabilities of {classes} classes", "SVMClassifier", many, outputs=2, types={0: 7, 1: 1},
                   judges=("onnxruntime",),
                   vectors_per_class=counts, support_vectors=numbers(4 * total), coefficients=numbers(total * (classes - 1)),
                   rho=numbers(pairs), prob_a=(-np.abs(f32(pairs))).tolist(), prob_b=numbers(pairs), classlabels_ints=[4, 2, 9, 7][:classes],
                   kernel_type="RBF", kernel_params=[0.4, 0.0, 0.0], **common)
    for transform in ["NONE", "LOGISTIC", "SOFTMAX"]:
        # onnx's evaluator gives 0 or 1 for a label
        yield Case(f"SVMClassifier without vectors, {transform}", "SVMClassifier", many, outputs=2, types={0: 7, 1: 1},
                   judges=("onnxruntime",),
                   coefficients=numbers(12), rho=[0.2], classlabels_ints=[1, 5, 3], post_transform=transform,
                   kernel_params=[0.0, 0.0, 0.0], **common)
    yield Case("SVMClassifier, vectors that do not fit", "SVMClassifier", many, outputs=2, types={0: 7, 1: 1}, vectors_per_class=[1, 1],
               support_vectors=numbers(7), coefficients=numbers(2), rho=[0.1], classlabels_ints=[0, 1], refused="'support_vectors'", **common)
    yield Case("SVMRegressor, an unknown kernel", "SVMRegressor", many, types={0: 1}, n_supports=1, support_vectors=numbers(4),
               coefficients=[1.0], rho=[0.1], kernel_type="COSINE", refused="'kernel_type' is 'COSINE'", **common)


def cases(Case):
    rng = np.random.default_rng(11)
    for family in (features, labels, linear, vectors, trees, ensemble):
        yield from family(Case, rng)
