"""TfIdfVectorizer of integers, and the mel filters."""
import itertools

import numpy as np


def cases(Case):
    rng = np.random.default_rng(3)
    pool = dict(ngram_counts=[0, 4, 10], ngram_indexes=[0, 1, 2, 3, 4, 5, 6], pool_int64s=[2, 3, 5, 4, 5, 6, 7, 8, 6, 7])
    weights = [0.5, 1.0, 2.0, 0.25, 3.0, 1.5, 0.125]
    rows = [{"x": rng.integers(2, 9, (n, c)).astype(np.int32)} for n, c in [(2, 12), (1, 1), (3, 40)]]
    for mode, grams, skip, weighted in itertools.product(["TF", "IDF", "TFIDF"], [(1, 1), (1, 2), (2, 2)], [0, 3], [False, True]):
        extra = {"weights": weights} if weighted else {"judges": ("onnxruntime",)}  # onnx's evaluator needs weights
        yield Case(f"TfIdfVectorizer {mode} {grams} skip {skip}{' weights' if weighted else ''}", "TfIdfVectorizer", rows,
                   dims={"x": ["n", "c"]}, mode=mode, min_gram_length=grams[0], max_gram_length=grams[1], max_skip_count=skip,
                   types={0: 1}, **pool, **extra)
    yield Case("TfIdfVectorizer of a list of i64", "TfIdfVectorizer", {"x": rng.integers(2, 9, 12)}, mode="TF",
               min_gram_length=1, max_gram_length=2, max_skip_count=1, types={0: 1}, **pool)
    x = {"x": np.zeros(3, np.int64)}
    tf = dict(mode="TF", min_gram_length=1, max_gram_length=2, max_skip_count=0, types={0: 1})
    yield Case("TfIdfVectorizer, strings", "TfIdfVectorizer", x, refused="'pool_strings': strings are not supported",
               **tf, **{**pool, "pool_int64s": None, "pool_strings": ["a"] * 10})
    yield Case("TfIdfVectorizer, a pool that does not fit", "TfIdfVectorizer", x, refused="'ngram_counts'", **tf,
               **{**pool, "ngram_counts": [0, 3, 10]})
    yield Case("TfIdfVectorizer, too few places", "TfIdfVectorizer", x, refused="'ngram_indexes'", **tf,
               **{**pool, "ngram_indexes": [0, 1]})
    number = lambda v: np.array(v, np.int64)
    for bins, length, rate, low, high in [(8, 64, 8192, 20.0, 4000.0), (40, 400, 16000, 0.0, 8000.0), (20, 31, 1000, 10.0, 490.0)]:
        yield Case(f"MelWeightMatrix {bins} {length}", "MelWeightMatrix", {}, types={0: 1}, constants={
            "bins": number(bins), "length": number(length), "rate": number(rate), "low": np.float32(low), "high": np.float32(high)})
    yield Case("MelWeightMatrix whose sizes are inputs", "MelWeightMatrix",
               [dict(bins=number(b), length=number(n), rate=number(8000), low=np.float32(30), high=np.float32(3500))
                for b, n in [(10, 128), (24, 512)]], types={0: 1})
