#!/usr/bin/env python3
"""Rules that a compiler does not check, each one test: includes point one way, the runtime and the drivers use no
allocating standard type, the HAL and files stay small, folders say what they are for. Prints every breach with file and line."""
import pathlib, re, subprocess, sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
CODE = {".hpp", ".h", ".ipp", ".cpp", ".c", ".td", ".fbs", ".def", ".proto", ".py", ".sh", ".mlir", ".build"}
CPP = {".hpp", ".h", ".ipp", ".cpp", ".c"}


def files():
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, text=True)
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def under(path, *folders):
    name = path.relative_to(ROOT).as_posix()
    return any(name.startswith(f) for f in folders)


def lines(path):
    return enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1)


def code_of(line):
    return re.sub(r'"(\\.|[^"\\])*"', '""', line.split("//")[0])


ALLOCATING = re.compile(
    r"std::(vector|string|wstring|map|multimap|set|multiset|unordered_\w+|list|deque|forward_list|function|thread|jthread|"
    r"mutex|condition_variable|shared_ptr|unique_ptr|make_unique|make_shared|any|promise|future|async|\w*stream)\b(?!_)"
    r"|#\s*include\s*<(vector|string|map|set|unordered_map|unordered_set|list|deque|functional|thread|mutex|"
    r"condition_variable|memory|iostream|sstream|fstream|future|any)>"
    r"|(?<![\w:])new\s+(?!\()[A-Za-z_]"
    r"|\bthrow\b|\bdynamic_cast\b|\btypeid\b")


def no_allocating_types(all_files):
    for path in all_files:
        if path.suffix in CPP and under(path, "include/", "src/", "drivers/") and not under(path, "src/tools/"):
            for n, line in lines(path):
                if ALLOCATING.search(code_of(line)):
                    yield path, n, line.strip()


# folder -> what an include in it may not name
FORBIDDEN = {
    "drivers/": r'"(\.\./\.\./src|compiler/)',
    "include/": r'"(halcyon/drivers/|src/tools|compiler/|drivers/)',
    "src/": r'"(compiler/|halcyon/drivers/)',
    "compiler/": r'"(halcyon/hal/|drivers/|src/tools)',
}
ALLOWED = {
    "src/tools/": r"halcyon/drivers/",               # the command chooses drivers
    "src/c_api/": r"halcyon/drivers/",               # so does the C library
    "compiler/": r"halcyon/hal/kernel_abi\.h",       # the C interface of a kernel
}


def includes_point_one_way(all_files):
    for path in all_files:
        if path.suffix not in CPP:
            continue
        for folder, pattern in FORBIDDEN.items():
            if not under(path, folder):
                continue
            for n, line in lines(path):
                if re.match(r"\s*#\s*include", line) and re.search(pattern, line):
                    if not any(under(path, f) and re.search(p, line) for f, p in ALLOWED.items()):
                        yield path, n, line.strip()


def drivers_see_only_the_hal(all_files):
    allowed = re.compile(r'halcyon/(hal/|drivers/|config|status|ref|allocator|element_type|platform|registry\.hpp)')
    for path in all_files:
        if path.suffix in CPP and under(path, "drivers/"):
            for n, line in lines(path):
                found = re.match(r'\s*#\s*include\s*"(halcyon/[^"]+)"', line)
                if found and not allowed.match(found[1]):
                    yield path, n, line.strip()


def files_stay_small(all_files):
    for path in all_files:
        if path.suffix in CODE:
            count = sum(1 for _ in lines(path))
            if count > 800:
                yield path, count, "over 800 lines"


# A driver's folders below its own only spell the path of its headers.
INSIDE = re.compile(r"drivers/\w+/.|include$|\.ci$")


def folders_have_a_readme(all_files):
    """All but leaf folders of tests, parts of the two paths above, and what subprojects/README.md speaks of."""
    parents = {parent for p in all_files if p.suffix in CODE | {".wrap"} for parent in p.relative_to(ROOT).parents}
    folders = {folder for folder in parents if folder.name not in ("", "Inputs")}
    for folder in sorted(folders):
        name = folder.as_posix()
        is_leaf = not any(other != folder and other.is_relative_to(folder) for other in folders)
        if INSIDE.match(name) or is_leaf and name.startswith("tests/") or name.startswith("subprojects/packagefiles"):
            continue
        readme = ROOT / folder / "README.md"
        if not readme.is_file():
            yield ROOT / folder, 0, "no README.md"
        elif sum(1 for _ in lines(readme)) > 40:
            yield readme, 41, "over 40 lines"


def todos_name_an_issue(all_files):
    for path in all_files:
        if path.suffix in CODE and path.name != "rules.py":
            for n, line in lines(path):
                if re.search(r"\b(TODO|FIXME|XXX)\b(?!\(#\d+\))", line):
                    yield path, n, line.strip()


def text_is_clean(all_files):
    for path in all_files:
        if path.suffix in CODE | {".md"}:
            data = path.read_bytes()
            if b"\r" in data or b"\t" in data and path.suffix in CPP | {".py", ".mlir"}:
                yield path, 0, "has carriage returns or tabs"
            if data and not data.endswith(b"\n"):
                yield path, 0, "does not end with a newline"


MOST_VIRTUALS = 32


def the_hal_stays_small(all_files):
    """At most 32 virtual functions in include/halcyon/hal, and each is in driver_layout(), which tells one HAL from another."""
    layout = (ROOT / "include/halcyon/driver_plugin.ipp").read_text()
    count, last = 0, (ROOT / "include/halcyon/hal", 0)
    for path in all_files:
        if under(path, "include/halcyon/hal/") and path.suffix in CPP:
            for n, line in lines(path):
                if re.search(r"\bvirtual\b", code_of(line)):
                    count, last = count + 1, (path, n)
                    name = re.search(r"(~?\w+)\(", line.split("virtual", 1)[1].replace("operator()", ""))
                    if not name or not name[1].startswith("~") and not re.search(rf"::{name[1]}\b", layout):
                        yield path, n, f"not in include/halcyon/driver_plugin.ipp: {line.strip()}"
    if count > MOST_VIRTUALS or count == 0:
        yield *last, f"the HAL has {count} virtual functions; {MOST_VIRTUALS} is the most"


TOP = {"meson.build", "meson_options.txt", "include", "src", "compiler", "drivers", "examples", "tests", "subprojects", "LICENSE", "README.md"}


def the_top_level_is_fixed(all_files):
    for path in all_files:
        top = path.relative_to(ROOT).parts[0]
        if top not in TOP and not top.startswith("."):
            yield path, 0, f"'{top}' does not belong beside {', '.join(sorted(TOP))}"


RULES = [no_allocating_types, includes_point_one_way, drivers_see_only_the_hal, files_stay_small, folders_have_a_readme,
         the_hal_stays_small, the_top_level_is_fixed, todos_name_an_issue, text_is_clean]


def main():
    all_files = files()
    failed = 0
    for rule in RULES:
        breaches = list(rule(all_files))
        for path, n, text in breaches:
            print(f"{path.relative_to(ROOT)}:{n}: {rule.__name__}: {text[:140]}")
        failed += bool(breaches)
    print(f"rules: {len(RULES) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
