"""Runs halcyonc and halcyon for the tests of this folder, and counts."""
import json, pathlib, subprocess, time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


class Tools:
    def __init__(self, build, command=None):
        self.build = pathlib.Path(build).resolve()
        self.halcyonc = self.build / "compiler/halcyonc"
        self.halcyon = pathlib.Path(command) if command else self.build / "src/tools/halcyon"

    def compile(self, source, artifact, *options, seconds=300):
        """None, or what went wrong."""
        return self.call([self.halcyonc, source, "-o", artifact, *options], seconds).error

    def inspect(self, artifact):
        """What `halcyon inspect --json` says."""
        return json.loads(self.call([self.halcyon, "inspect", artifact, "--json"]).out)

    def run(self, *words, seconds=300):
        return self.call([self.halcyon, *words], seconds)

    def call(self, words, seconds=300):
        start = time.time()
        try:
            done = subprocess.run([str(w) for w in words], capture_output=True, text=True, errors="replace", timeout=seconds)
            return Done(done.returncode, done.stdout, done.stderr, time.time() - start)
        except subprocess.TimeoutExpired:
            return Done(124, "", f"ran past {seconds} s", time.time() - start)
        except OSError as x:
            return Done(127, "", str(x), 0)


class Done:
    def __init__(self, status, out, err, seconds):
        self.status, self.out, self.err, self.seconds = status, out, err, seconds

    @property
    def error(self):
        if self.status == 0:
            return None
        lines = [line for line in self.err.strip().splitlines() if line]
        return f"exit {self.status}: " + (" / ".join(lines[:3]) if lines else "no message")


class Count:
    """Passed, failed and skipped; prints what fails at once and the closing line at the end."""

    def __init__(self, word, known=None):
        self.word, self.known = word, known or {}
        self.passed = self.failed = self.skipped = 0
        self.hit = {}

    def test(self, name, error, note=""):
        reason = next((r for pattern, r in self.known.items() if name == pattern or name.startswith(pattern + " ")), None)
        pattern = next((p for p in self.known if name == p or name.startswith(p + " ")), None)
        if pattern is not None:
            self.hit[pattern] = self.hit.get(pattern, False) or error is not None
        if error is None:
            self.passed += 1
            if note:
                print(f"  {name}: {note}", flush=True)
        elif reason is not None:
            self.skipped += 1
            print(f"  {name}: skipped, known: {reason} ({error[:160]})", flush=True)
        else:
            self.failed += 1
            print(f"  {name}: FAILED: {error}", flush=True)

    def close(self, whole=True):
        for pattern in self.known if whole else []:
            if not self.hit.get(pattern, False):
                self.failed += 1
                print(f"  {pattern}: is listed as a known failure and does not fail: remove it from the list")
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        print(f"{self.word}: {self.passed} passed, {self.failed} failed{skipped}")
        return 1 if self.failed or not self.passed else 0


def known_failures(path):
    """Lines "NAME: reason"; # begins a comment."""
    result = {}
    for line in path.read_text().splitlines():
        line = line.strip()
        if line and not line.startswith("#"):
            name, _, reason = line.partition(": ")
            result[name] = reason
    return result
