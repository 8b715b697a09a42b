"""onnxruntime in a process of its own, since some models crash it. As a program: answers requests on standard input.

A request is a pickled (model's bytes, inputs by name); the answer is a list of results, or text that says why there is none.
"""

import os, pathlib, pickle, select, struct, subprocess, sys

SECONDS = 60
HERE = pathlib.Path(__file__).resolve()


def send(file, what):
    data = pickle.dumps(what)
    file.write(struct.pack("<Q", len(data)) + data)
    file.flush()


def receive(file):
    head = file.read(8)
    if len(head) < 8:
        return None
    (size,) = struct.unpack("<Q", head)
    return pickle.loads(file.read(size))


class Runner:
    """Starts the process when it is first needed, and again after it has died."""

    def __init__(self):
        self.process = self.owner = None

    def run(self, model, feed):
        """Results, or text that says why there are none."""
        if self.process is None or self.owner != os.getpid():  # a forked process must not share it
            self.owner = os.getpid()
            self.process = subprocess.Popen([sys.executable, HERE], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            send(self.process.stdin, (model, feed))
            ready, _, _ = select.select([self.process.stdout], [], [], SECONDS)
            answer = receive(self.process.stdout) if ready else None
        except OSError:
            answer = None
        if answer is None:
            self.process.kill()
            self.process.wait()
            self.process = None
            return "crashed or hung"
        return answer


def serve():
    import onnxruntime

    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what the library prints is no answer
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    onnxruntime.set_default_logger_severity(4)
    while (request := receive(sys.stdin.buffer)) is not None:
        model, feed = request
        try:
            session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
            wanted = {i.name for i in session.get_inputs()}
            send(answers, session.run(None, {n: a for n, a in feed.items() if n in wanted}))
        except Exception as error:  # its errors have no common base
            send(answers, f"{type(error).__name__}: {str(error)[:200]}")


if __name__ == "__main__":
    serve()
