"""What a kernel's innermost loops are made of: read from the LLVM IR that `halcyonc --dump` writes after optimisation.

    vector    it works on vectors
    pieces    it does, but puts them together, or takes them apart, element by element
    tail      what LLVM's vectoriser or unroller leaves after a loop, or a loop with a constant count of at most MOST
    scalar    anything else that loads or stores
"""
import collections, re

MOST = 16  # iterations: lanes of the widest vector of floats

Loop = collections.namedtuple("Loop", "kind block text")
VECTOR = re.compile(r"= (?:load|fadd|fmul|fsub|add|mul|select|icmp|fcmp|phi|shufflevector|sext|zext|[a-z ]*call[^@]*)\b.*<\d+ x |store <\d+ x |@llvm\.masked\.")

PIECE = re.compile(r"insertelement .*, i(?:32|64) [1-9]|extractelement .*, i(?:32|64) [1-9]")


def functions(text):
    """Each function's blocks: label -> lines, in order."""
    for body in re.findall(r"^define [^\n]*\{\n(.*?)^\}", text, re.M | re.S):
        blocks, label = {}, "%0"
        for line in body.splitlines():
            begins = re.match(r'([-\w.$"]+):', line)
            if begins:
                label = "%" + begins[1]
            elif line.strip():
                blocks.setdefault(label, []).append(line.strip())
        yield blocks


def dominators(blocks, before):
    labels = list(blocks)
    every = set(labels)
    known = {label: every for label in labels}
    known[labels[0]] = {labels[0]}
    changed = True
    while changed:
        changed = False
        for label in labels[1:]:
            over = [known[b] for b in before[label]]
            new = (set.intersection(*over) if over else set()) | {label}
            if new != known[label]:
                known[label], changed = new, True
    return known


def innermost(blocks):
    """(header, latch, blocks) of loops that hold no other."""
    after = {label: [t for t in re.findall(r"label (%[-\w.$\"]+)", " ".join(lines)) if t in blocks] for label, lines in blocks.items()}
    before = collections.defaultdict(list)
    for label, targets in after.items():
        for target in targets:
            before[target].append(label)
    above, loops = dominators(blocks, before), []
    for latch, targets in after.items():
        for header in targets:
            if header not in above[latch]:
                continue
            inside, todo = {header, latch}, [latch]
            while todo:
                label = todo.pop()
                if label == header:
                    continue
                for b in before[label]:
                    if b not in inside:
                        inside.add(b)
                        todo.append(b)
            loops.append((header, latch, inside))
    return [l for l in loops if not any(o is not l and o[2] < l[2] for o in loops)]


def loops(text):
    """What each innermost loop of a kernel's LLVM IR is."""
    metadata = dict(re.findall(r"^(!\d+) = (.*)$", text, re.M))
    done = {name for name, value in metadata.items() if "llvm.loop.isvectorized" in value}
    found = []
    for blocks in functions(text):
        for header, latch, inside in innermost(blocks):
            lines = [line for label in inside for line in blocks[label]]
            if not any(re.search(r"(= load |^store |@llvm\.masked\.)", line) for line in lines):
                continue
            named = re.search(r"!llvm\.loop (!\d+)", " ".join(blocks[latch]))
            count = re.search(r"icmp (?:eq|ult|ne|ugt) i64 %[-\w.]+, (\d+)", " ".join(blocks[latch]))
            vectors = sum(bool(VECTOR.search(line)) for line in lines)
            pieces = sum(bool(PIECE.search(line)) for line in lines)
            if vectors:
                kind = "pieces" if 2 * pieces > vectors else "vector"
            elif re.search(r"\.(prol|epil)\b", header) or (named and any(m in done for m in re.findall(r"!\d+", metadata[named[1]]))):
                kind = "tail"
            elif count and int(count[1]) <= MOST:
                kind = "tail"
            else:
                kind = "scalar"
            found.append(Loop(kind, header, "\n".join(lines)))
    return found
