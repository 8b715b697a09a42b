#!/usr/bin/env python3
"""The C library's binary interface: abi.py --header halcyon.h --library libhalcyon_c.so [--update]

Compares abi.txt with what the header declares (functions with their types, enumerators with their values, structs with
sizes and offsets, as Clang sees them), and the library's exported symbols with the header's functions. --update accepts
what was added; what changed or went breaks programs that exist, and abi.txt must be edited by hand.
"""
import argparse
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
RECORD = HERE / 'abi.txt'


def call(*words, **keywords):
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True, **keywords)
    if done.returncode:
        sys.exit(f'abi.py: {" ".join(map(str, words))}\n{done.stderr[:2000]}')
    return done.stdout


def declarations(header):
    """The nodes of the header's own declarations."""
    clang = next(filter(None, map(shutil.which, ['clang-19', 'clang'])), None)
    if not clang:
        sys.exit('abi.py: needs clang')
    tree = json.loads(call(clang, '-std=c11', f'-I{header.parent}', '-x', 'c', '-Xclang', '-ast-dump=json', '-fsyntax-only', header))
    return [node for node in tree['inner'] if re.match(r'(halcyon|hcy)_', node.get('name', '')) or node['kind'] == 'EnumDecl']


def constants(nodes):
    for node in nodes:
        if node['kind'] == 'EnumDecl':
            for constant in node.get('inner', []):
                if constant['kind'] == 'EnumConstantDecl':
                    yield constant['name']


def records(nodes):
    for node in nodes:
        if node['kind'] == 'RecordDecl' and node.get('completeDefinition'):
            yield node['name'], [(f['name'], f['type']['qualType']) for f in node['inner'] if f['kind'] == 'FieldDecl']


def functions(nodes):
    return {node['name']: node['type']['qualType'] for node in nodes if node['kind'] == 'FunctionDecl'}


def types(nodes):
    for node in nodes:
        if node['kind'] == 'TypedefDecl' and not node['type']['qualType'].startswith('struct '):
            yield node['name'], node['type']['qualType']


def describe(header):
    """One line for each thing that a compiled program relies on."""
    nodes = declarations(header)
    result = [f'function {name}: {type}' for name, type in sorted(functions(nodes).items())]
    result += [f'type {name}: {type}' for name, type in types(nodes)]
    prints = []
    for name in constants(nodes):
        prints.append(f'printf("constant {name} = %lld\\n", (long long){name});')
    for name, fields in records(nodes):
        prints.append(f'printf("struct {name}: %zu bytes\\n", sizeof(struct {name}));')
        for field, type in fields:
            prints.append(f'printf("struct {name}: %zu {field}: {type}\\n", offsetof(struct {name}, {field}));')
    with tempfile.TemporaryDirectory() as folder:
        source, program = pathlib.Path(folder) / 'abi.c', pathlib.Path(folder) / 'abi'
        source.write_text('#include <stdio.h>\n#include "halcyon.h"\nint main(void) {\n' + '\n'.join(prints) + '\nreturn 0; }\n')
        call('gcc', '-std=c11', f'-I{header.parent}', source, '-o', program)
        result += call(program).splitlines()
    return result, set(functions(nodes))


class Count:
    passed = failed = 0

    def test(self, title, error):
        self.passed += not error
        self.failed += bool(error)
        if error:
            print(f'{title}: {error}')


def judge(recorded, current):
    """(what breaks programs that exist, what is new)"""
    gone, added = [l for l in recorded if l not in current], [l for l in current if l not in recorded]
    sized = {name for name in re.findall(r'^struct (\w+): 0 size:', '\n'.join(recorded), re.M)}
    # A sized struct may grow at its end: its size is another, all its fields stay.
    grown = [l for l in gone if re.match(r'struct (\w+): \d+ bytes', l) and re.match(r'struct (\w+)', l)[1] in sized]
    return [l for l in gone if l not in grown], added


def compare(count, recorded, current, update):
    broken, new = judge(recorded, current)
    if update and not broken:
        RECORD.write_text('\n'.join(current) + '\n')
        new = []
    count.test('what programs rely on is unchanged', 'changed or gone: breaks programs that exist:\n  ' + '\n  '.join(broken) if broken else None)
    count.test('abi.txt says all that there is', f'new: run abi.py --header=... --library=... --update\n  ' + '\n  '.join(new) if new and not broken else None)


# A change of the header, and whether it breaks programs.
CHANGES = [('a function that takes another type', 'halcyon_call_wait(halcyon_call* call, uint64_t', 'halcyon_call_wait(halcyon_call* call, uint32_t', True),
           ('a function less', 'uint32_t halcyon_version(void);', 'uint32_t halcyon_versions(void);', True),
           ('another value', 'HALCYON_TIMEOUT = 8', 'HALCYON_TIMEOUT = 18', True),
           ('two fields in another order', 'uint32_t unmappable;', 'uint32_t guarded, unmappable;', True),
           ('a wider field of a struct without size', 'int64_t sizes[HALCYON_MAX_RANK];', 'int64_t sizes[HALCYON_MAX_RANK + 1];', True),
           ('a field at the end of a struct with size', '} halcyon_stats;', '  uint64_t more;\n} halcyon_stats;', False),
           ('a function more', 'uint32_t halcyon_version(void);', 'uint32_t halcyon_version(void);\nHALCYON_API void halcyon_more(void);', False),
           ('a value more', 'HALCYON_INTERNAL = 9', 'HALCYON_MORE = 10, HALCYON_INTERNAL = 9', False)]


def changes(count, header, current):
    """That each of these would be found."""
    with tempfile.TemporaryDirectory() as folder:
        include = pathlib.Path(folder) / 'include'
        shutil.copytree(header.parent, include)
        for title, before, after, breaks in CHANGES:
            text = header.read_text()
            (include / header.name).write_text(text.replace(before, after))
            broken, new = judge(current, describe(include / header.name)[0])
            found = bool(broken) == breaks and bool(broken or new) and before in text
            count.test(f'{title} is found', None if found else f'broken {broken}, new {new}')


def exports(count, library, declared):
    lines = call('nm', '-D', '--defined-only', '--format=posix', library).splitlines()
    found = {line.split()[0].split('@')[0] for line in lines} - {'halcyon_c'}
    count.test('everything declared is exported', f'is not: {sorted(declared - found)}' if declared - found else None)
    count.test('nothing else is exported', f'is: {sorted(found - declared)[:20]}' if found - declared else None)


def coverage(count, declared):
    text = '\n'.join(path.read_text() for path in HERE.glob('*.c'))
    missing = sorted(name for name in declared if not re.search(rf'\b{name}\(', text))
    count.test('every function is called by a test', f'are not: {missing}' if missing else None)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--header', type=pathlib.Path, required=True)
    parser.add_argument('--library', type=pathlib.Path, required=True)
    parser.add_argument('--update', action='store_true')
    options = parser.parse_args()
    count = Count()
    current, declared = describe(options.header)
    count.test('the header declares functions', None if len(declared) > 50 else f'{len(declared)}')
    compare(count, RECORD.read_text().splitlines() if RECORD.is_file() else [], current, options.update)
    changes(count, options.header, current)
    exports(count, options.library, declared)
    coverage(count, declared)
    print(f'abi: {count.passed} passed, {count.failed} failed')
    return 1 if count.failed else 0


if __name__ == '__main__':
    sys.exit(main())
