"""The generator of random numbers: exact values, moments, seeds, and that threads do not matter."""
import numpy as np

WORDS = (1 << 32) - 1


def philox(key, count):
    """Philox4x32-10 of counters 0 to count: four words each, as uint64."""
    index = np.arange(count, dtype=np.uint64)
    c = [index & WORDS, index >> np.uint64(32), np.zeros_like(index), np.zeros_like(index)]
    keys = [key & WORDS, key >> 32]
    for _ in range(10):
        first, second = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        high = lambda x: x >> np.uint64(32)
        low = lambda x: x & np.uint64(WORDS)
        c = [high(second) ^ c[1] ^ np.uint64(keys[0]), low(second), high(first) ^ c[3] ^ np.uint64(keys[1]), low(first)]
        keys = [(keys[0] + 0x9E3779B9) & WORDS, (keys[1] + 0xBB67AE85) & WORDS]
    return c


def fractions(words, wide):
    if wide:
        bits = ((words[0] >> np.uint64(5)) << np.uint64(26)) | (words[1] >> np.uint64(6))
        return bits.astype(np.float64) / 2.0**53
    return ((words[0] >> np.uint64(8)).astype(np.float64) / 2.0**24).astype(np.float32)


def key_of(seed):
    """Of a float seed its bits; of a node without a seed the hash of its name, which is "node" here."""
    if seed is not None:
        return int(np.float32(seed).view(np.uint32))
    key = 0xCBF29CE484222325
    for byte in b"node":
        key = ((key ^ byte) * 0x100000001B3) & ((1 << 64) - 1)
    return key


def uniform(shape, seed, low, high, dtype):
    u = fractions(philox(key_of(seed), int(np.prod(shape))), dtype == np.float64)
    return (u * u.dtype.type(high - low) + u.dtype.type(low)).astype(dtype).reshape(shape)


def cases(Case):
    assert [int(w[0]) for w in philox(0, 1)] == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]  # its authors' known answer
    for number, dtype in [(1, np.float32), (11, np.float64), (10, np.float16)]:
        for seed in (None, 5.0):
            given = {} if seed is None else {"seed": seed}
            judge = lambda dtype=dtype, seed=seed: [uniform((3, 50), seed, -1, 3, dtype)]
            yield Case(f"RandomUniform {np.dtype(dtype).name}, seed {seed}", "RandomUniform", {}, judges=(judge,), atol=1e-6,
                       shape=[3, 50], low=-1.0, high=3.0, dtype=number, types={0: number}, **given)
    xs = [np.zeros((n, 7), np.float32) for n in (1, 30, 0)]
    yield Case("RandomUniformLike, a dynamic shape", "RandomUniformLike", [{"x": x} for x in xs], dims={"x": ["n", None]},
               judges=(lambda x: [uniform(x.shape, 2, 0, 1, np.float32)],), seed=2.0, types={0: 1})
    p = np.linspace(0, 1, 24, dtype=np.float32)
    yield Case("Bernoulli", "Bernoulli", {"x": p}, judges=(lambda x: [uniform(x.shape, 9, 0, 1, np.float32) < x],), seed=9.0,
               dtype=9, types={0: 9})
    yield Case("RandomNormal of integers", "RandomNormal", {}, shape=[4], dtype=6, types={0: 6}, refused="i32")
    yield Case("RandomUniform without a shape", "RandomUniform", {}, types={0: 1}, refused="'shape'")
    yield Case("Multinomial of floats", "Multinomial", {"x": np.zeros((1, 3), np.float32)}, dtype=1, types={0: 1}, refused="'dtype'")

    def dropout(x, ratio, training):
        keeps = fractions(philox(3, x.size), False).reshape(x.shape) >= ratio if training else np.ones(x.shape, bool)
        return [np.where(keeps, x / (1 - ratio), 0).astype(x.dtype) if training else x, keeps]

    x = np.arange(1, 61, dtype=np.float32).reshape(4, 15)
    yield Case("Dropout whose ratio and mode are inputs", "Dropout",
               [{"x": x, "ratio": np.float32(r), "training": np.array(t)} for r, t in [(0.5, True), (0.9, True), (0, True), (0.5, False)]],
               outputs=2, judges=(dropout,), seed=3, types={0: 1, 1: 9})


def numbers(tools, folder, case, *options):
    """The first result of a case without inputs."""
    (folder / "model.onnx").write_bytes(case.model().SerializeToString())
    error = tools.compile(folder / "model.onnx", folder / "model.hcm", "--target=cpu")
    if error:
        raise RuntimeError(error)
    words = []
    for i, array in enumerate(case.calls[0].values()):
        np.save(folder / f"input{i}.npy", array)
        words.append(f"--input=@{folder / f'input{i}.npy'}")
    done = tools.run("run", folder / "model.hcm", *words, f"--output=@{folder / 'numbers.npy'}", *options)
    if done.error:
        raise RuntimeError(done.error)
    return np.load(folder / "numbers.npy")


def more(tools, count, folder, Case):
    """Moments within five deviations of what they must be; the same for any number of threads."""
    n = 200_000
    normal = lambda **a: Case("", "RandomNormal", {}, shape=[n], types={0: 1}, **a)
    x = numbers(tools, folder, normal(seed=1.0, mean=2.0, scale=3.0), "--threads=1").astype(np.float64)
    z = (x - 2) / 3
    wrong = [f"moment {k} is {np.mean(z**k)}" for k, mean, spread in [(1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)]
             if abs(np.mean(z**k) - mean) > 5 * (spread / n) ** 0.5]
    lag = np.mean(z[1:] * z[:-1])
    if abs(lag) > 5 * n**-0.5:
        wrong.append(f"neighbours correlate: {lag}")
    count.test("RandomNormal, moments", "; ".join(wrong) or None)
    again = numbers(tools, folder, normal(seed=1.0, mean=2.0, scale=3.0), "--threads=2")
    count.test("RandomNormal, any number of threads", None if np.array_equal(again, x.astype(np.float32)) else "differs")
    other = numbers(tools, folder, normal(seed=2.0))
    correlation = np.mean(other.astype(np.float64) * z)
    count.test("RandomNormal, another seed", None if abs(correlation) < 5 * n**-0.5 else f"correlates: {correlation}")
    u = numbers(tools, folder, Case("", "RandomUniform", {}, shape=[n], seed=1.0, types={0: 1}))
    bins = np.histogram(u, 50, (0, 1))[0]
    chi = np.sum((bins - n / 50) ** 2 / (n / 50))  # 49 degrees of freedom: 49 +- 10
    inside = u.min() >= 0 and u.max() < 1
    count.test("RandomUniform, range and spread", None if inside and chi < 100 else f"from {u.min()} to {u.max()}, chi^2 {chi}")
    p = np.array([[0.1, 0.2, 0.3, 0.4], [0.7, 0, 0.3, 0]])
    with np.errstate(divide="ignore"):
        logits = np.log(p).astype(np.float32)
    m = 20_000
    y = numbers(tools, folder, Case("", "Multinomial", {"x": logits}, sample_size=m, seed=4.0, types={0: 6}))
    shares = np.stack([np.bincount(row, minlength=4) for row in y]) / m
    good = y.shape == (2, m) and np.all(np.abs(shares - p) <= 5 * np.sqrt(p * (1 - p) / m))
    count.test("Multinomial, shares", None if good else f"{shares}, expected {p}")
