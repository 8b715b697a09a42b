"""Random ONNX graphs: graph N of a seed is the same whatever else runs."""

import random

import numpy as np
from onnx import helper, numpy_helper

import graph_elementwise, graph_moves, graph_networks, graph_others
from graph_judge import STASHED, Refused, agree, loosest, ort_run, reference_run
from graph_values import Graph

KINDS = {**graph_elementwise.KINDS, **graph_moves.KINDS, **graph_networks.KINDS, **graph_others.KINDS}
ONE_REFERENCE = 0.12  # of graphs: with types and operators that onnxruntime may lack
FEWEST_TRIES, MOST_NODES = 8, 12


class Case:
    """A model, its inputs, and what the references say. `seed` and `number` say how it came to be."""

    def __init__(self, model, feeds, expected, title, operators):
        self.model, self.feeds, self.expected, self.title, self.operators = model, feeds, expected, title, operators
        self.seconds = None  # onnxruntime's results, or why there are none

    @property
    def arguments(self):
        weights = {t.name for t in self.model.graph.initializer}
        return [i.name for i in self.model.graph.input if i.name not in weights]


def grow(graph):
    """Adds nodes. A kind that the graph does not take is drawn again."""
    target = graph.rng.choice([1, 2, 2, 3, 3, 4, 5, 6, 8, MOST_NODES])
    kinds, weights = list(KINDS), list(KINDS.values())
    for _ in range(FEWEST_TRIES + 4 * target):
        if len(graph.nodes) >= target:
            break
        kind = graph.rng.choices(kinds, weights)[0]
        point = graph.checkpoint()
        try:
            kind(graph)
        except Refused as why:
            graph.rejected[kind.__name__] = str(why)
            graph.rollback(point)


def outputs_of(graph):
    """Results that nothing uses, some others too; now and then one that nothing needs stays no output."""
    made = {n for node in graph.nodes if node.op_type != "Constant" for n in node.output if n}
    used = {n for node in graph.nodes for n in node.input}
    values = [v for v in graph.values if v.name in made]
    ends = [v for v in values if v.name not in used and not graph.chance(0.05)] or values[-1:]
    return ends + [v for v in values if v not in ends and graph.chance(0.1)]


def pruned_inputs(graph, outputs):
    names = {n for node in graph.nodes for n in node.input} | {v.name for v in outputs}
    for node in graph.nodes:
        names |= set(graph.captured([node], 0))
    return ({n: v for n, v in graph.inputs.items() if n in names or graph.chance(0.1)},
            {n: a for n, a in graph.weights.items() if n in names or graph.chance(0.1)})


def value_info(graph, value):
    """Of a result: without a shape, with ranks only, or with what is known: nothing, where only one reference says it."""
    how = graph.rng.choice(["none", "any", "known"])
    if not graph.common:
        how = "none"
    shape = None if how == "none" else [None if how == "any" or value.opaque or len(set(d)) > 1 else d[0] for d in value.dims]
    return helper.make_tensor_value_info(value.name, helper.np_dtype_to_tensor_dtype(value.dtype), shape)


def make_case(seed, number):
    """The case, or None where nothing grew."""
    rng = random.Random(f"{seed}:{number}")
    graph = Graph(rng, common=rng.random() >= ONE_REFERENCE)
    grow(graph)
    outputs = outputs_of(graph)
    if not outputs:
        return None
    inputs, weights = pruned_inputs(graph, outputs)
    feeds = [{n: v.arrays[s] for n, (_, v) in inputs.items()} for s in range(graph.sets)]
    declared = {n: dims for n, (dims, _) in inputs.items()}
    model = graph.model_of(graph.nodes, feeds[0], {}, declared, weights, [value_info(graph, v) for v in outputs])
    case = Case(model, feeds, None, f"seed {seed} graph {number}", [n.op_type for n in graph.nodes])
    return judged_by_references(case)


def judged_by_references(case):
    """With `expected` and `seconds`; None where the reference does not run the whole."""
    try:
        case.expected = [reference_run(case.model, feed) for feed in case.feeds]
    except Refused:
        return None
    try:
        case.seconds = [ort_run(case.model, feed) for feed in case.feeds]
    except Refused as why:
        case.seconds = str(why)
    return case


def unit_of(case):
    """The loosest element type's unit in the last place; statistics of f64 are f32, too."""
    arrays = [*case.feeds[0].values(), *case.expected[0], *(numpy_helper.to_array(t) for t in case.model.graph.initializer)]
    if not STASHED.keys().isdisjoint(case.operators):
        arrays.append(np.zeros(0, np.float32))
    return loosest(arrays)


def agreed(case, s, output):
    """Whether both references give the same for an output of a set of inputs."""
    if isinstance(case.seconds, str):
        return False
    return agree([case.seconds[s][output]], [case.expected[s][output]], len(case.model.graph.node), unit_of(case))
