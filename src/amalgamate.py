#!/usr/bin/env python3
"""Writes the runtime and its drivers as one header that needs only the C++ library and FlatBuffers' headers.

    amalgamate.py --output halcyon.hpp --include DIR... --generated artifact_generated.h --driver NAME...

Every project file is pasted where it is first included; a .def file each time. The result is the same
source as the headers, so it is never edited.
"""
import argparse
import pathlib
import re

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')


class Amalgamation:
    def __init__(self, folders, generated):
        self.folders = folders
        self.generated = generated
        self.pasted = set()
        self.lines = []

    def find(self, name, beside):
        if name == self.generated.name:
            return self.generated
        for folder in [beside, *self.folders]:
            path = folder / name
            if path.is_file():
                return path.resolve()
        return None

    def paste(self, path):
        if path in self.pasted and path.suffix != '.def':
            return
        self.pasted.add(path)
        for line in path.read_text().splitlines():
            match = INCLUDE.match(line)
            found = self.find(match.group(1), path.parent) if match else None
            if found:
                self.paste(found)
            elif line.strip() != '#pragma once':
                self.lines.append(line)


def flatbuffers_version(generated):
    text = generated.read_text()
    parts = [re.search(rf'FLATBUFFERS_VERSION_{part} == (\d+)', text) for part in ('MAJOR', 'MINOR', 'REVISION')]
    return '.'.join(part.group(1) for part in parts if part) or 'the version that made it'


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--output', type=pathlib.Path, required=True)
    parser.add_argument('--include', type=pathlib.Path, action='append', required=True)
    parser.add_argument('--generated', type=pathlib.Path, required=True)
    parser.add_argument('--driver', action='append', default=[])
    options = parser.parse_args()

    version = flatbuffers_version(options.generated)
    amalgamation = Amalgamation([folder.resolve() for folder in options.include], options.generated.resolve())
    for name in ['halcyon/halcyon.hpp'] + [f'halcyon/drivers/{driver}.hpp' for driver in options.driver]:
        path = amalgamation.find(name, pathlib.Path())
        if not path:
            parser.error(f'{name} is in none of the include folders')
        amalgamation.paste(path)
    head = ['// Halcyon in one header, generated: include it; nothing needs to be compiled or linked but threads.',
            f'// It needs the headers of FlatBuffers {version}, which wrote a part of it. C++20.',
            '#pragma once']
    options.output.write_text('\n'.join(head + amalgamation.lines) + '\n')
    print(f'{options.output}: {len(amalgamation.lines)} lines, needs FlatBuffers {version}')


if __name__ == '__main__':
    main()
