"""A failing graph made smaller: fewer nodes, one output, smaller extents."""

import copy

import numpy as np
from onnx import helper, numpy_helper

from graph_judge import Refused, reference_run
from graph_make import Case, judged_by_references
from graph_run import run_cases

ROUNDS = 12


def intermediates(case):
    """Every value's array, a dictionary for each set."""
    model = copy.deepcopy(case.model)
    names = [n for node in model.graph.node for n in node.output if n]
    del model.graph.output[:]
    model.graph.output.extend(helper.make_tensor_value_info(n, 1, None) for n in names)
    made = []
    for feed in case.feeds:
        values = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
        made.append(values | dict(feed) | dict(zip(names, reference_run(model, feed))))
    return made


def used_names(node):
    names = [n for n in node.input if n]
    for attribute in node.attribute:
        if attribute.HasField("g"):
            inner = {o for n in attribute.g.node for o in n.output} | {i.name for i in attribute.g.input}
            names += [n for body in attribute.g.node for n in used_names(body) if n not in inner]
    return names


def declared(case, values, name):
    """A value's dims as an input: as they were, or by what the sets have."""
    for value in case.model.graph.input:
        if value.name == name:
            return value
    shapes = [v[name].shape for v in values]
    dims = [d[0] if len(set(d)) == 1 else "S" + "_".join(map(str, d)) for d in zip(*shapes)]
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(values[0][name].dtype), dims)


def part(case, values, nodes, outputs):
    """The case of some nodes alone, what they need given as inputs."""
    made = {n for node in nodes for n in node.output}
    needed = list(dict.fromkeys(n for node in nodes for n in used_names(node) if n not in made))
    weights = [t for t in case.model.graph.initializer if t.name in needed]
    weights += [a.t for node in case.model.graph.node if node.op_type == "Constant" and node.output[0] in needed for a in node.attribute]
    for node in case.model.graph.node:
        if node.op_type == "Constant" and node.output[0] in needed:
            weights[[a is t for t in weights for a in [node.attribute[0].t]].index(True)].name = node.output[0]
    constant = {t.name for t in weights}
    inputs = [n for n in needed if n not in constant]
    model = copy.deepcopy(case.model)
    del model.graph.node[:], model.graph.input[:], model.graph.output[:], model.graph.initializer[:]
    model.graph.node.extend(nodes)
    model.graph.initializer.extend(weights)
    model.graph.input.extend(declared(case, values, n) for n in inputs)
    model.graph.output.extend(helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(values[0][n].dtype), None) for n in outputs)
    return Case(model, [{n: v[n] for n in inputs} for v in values], None, case.title, [n.op_type for n in nodes])


def ancestors(nodes, name, depth):
    """Nodes that make a value, from `depth` steps back on."""
    wanted, names = set(), {name}
    for _ in range(depth):
        found = {i for i, node in enumerate(nodes) if set(node.output) & names and node.op_type != "Constant"}
        wanted |= found
        names = {n for i in found for n in used_names(nodes[i])}
    return [node for i, node in enumerate(nodes) if i in wanted]


def fewer_nodes(case):
    """Parts of the graph, the smallest first."""
    try:
        values = intermediates(case)
    except Refused:
        return
    nodes, seen = list(case.model.graph.node), set()
    for depth in (1, 2, 3, 4, 6, 12):
        for node in nodes:
            for output in [n for n in node.output if n and node.op_type != "Constant"]:
                chosen = ancestors(nodes, output, depth)
                key = (output, tuple(n.name for n in chosen))
                if chosen and key not in seen and (len(chosen) < len(nodes) or len(case.model.graph.output) > 1):
                    seen.add(key)
                    yield part(case, values, chosen, [output])


def smaller_extents(case):
    """One extent less, wherever it appears."""
    sizes = {d for feed in case.feeds for a in feed.values() for d in a.shape} | {d for t in case.model.graph.initializer for d in t.dims}
    for size in sorted(sizes, reverse=True):
        for less in sorted({1, 2, size // 2, size - 1}):
            if not 0 < less < size:
                continue
            model = copy.deepcopy(case.model)

            def cut(array):
                return np.ascontiguousarray(array[tuple(slice(less if n == size else n) for n in array.shape)])

            for tensor in model.graph.initializer:
                tensor.CopyFrom(numpy_helper.from_array(np.asarray(cut(numpy_helper.to_array(tensor))), tensor.name))
            for value in model.graph.input:
                for dim in value.type.tensor_type.shape.dim:
                    if dim.HasField("dim_value") and dim.dim_value == size:
                        dim.dim_value = less
            for value in model.graph.output:
                value.type.tensor_type.ClearField("shape")
            yield Case(model, [{n: np.asarray(cut(a)).reshape([less if k == size else k for k in a.shape]) for n, a in feed.items()}
                               for feed in case.feeds], None, case.title, case.operators)


def first_that_fails(build, candidates, status, configuration):
    batch = []
    for candidate in candidates:
        batch += [c for c in [judged_by_references(candidate)] if c]
        if len(batch) == 8:
            if found := failing(build, batch, status, configuration):
                return found
            batch = []
    return failing(build, batch, status, configuration) if batch else None


def failing(build, batch, status, configuration):
    for case, verdict in zip(batch, run_cases(build, batch, configuration)):
        if verdict.status == status:
            return case, verdict
    return None


def shrink(build, case, verdict, configuration):
    """(a smaller case that fails in the same way, its verdict)"""
    found = first_that_fails(build, fewer_nodes(case), verdict.status, configuration)
    if found:
        case, verdict = found
    for _ in range(ROUNDS):
        found = first_that_fails(build, smaller_extents(case), verdict.status, configuration)
        if not found:
            break
        case, verdict = found
    return case, verdict
