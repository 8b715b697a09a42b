#!/usr/bin/env python3
"""Drivers in shared objects: builds examples/out_of_tree_driver outside the tree and runs a program on it, and loads
objects that are no drivers, or drivers for another Halcyon.

    plugin.py --source DIR --halcyon PROGRAM --artifacts PROGRAM
"""
import argparse
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from usage import Cases

FLAGS = ['-std=c++20', '-fno-exceptions', '-fno-rtti', '-fPIC', '-shared', '-fvisibility=hidden', '-Wall', '-Wextra', '-Werror']
# A driver in a few lines: it has no device.
SMALL = '''
#include <halcyon/driver_plugin.hpp>
namespace {
halcyon::Result<halcyon::Owned<halcyon::hal::Device>> create(std::string_view, const halcyon::Allocator&) {
  return halcyon::Status(halcyon::Code::unsupported, "small: libsmall.so is missing");
}
const halcyon::Driver driver = {"small", &create};
}
'''
EXPORT = 'HALCYON_EXPORT_DRIVER(driver)\n'
# What halcyon_driver returns, field by field.
ANSWER = '''extern "C" __attribute__((visibility("default"))) const halcyon_driver_plugin* halcyon_driver(uint32_t) {
  static const halcyon_driver_plugin plugin = {%s};
  return %s;
}
'''
GOOD = ['HALCYON_DRIVER_ABI', 'sizeof(halcyon_driver_plugin)', 'HALCYON_VERSION_MAJOR', 'HALCYON_VERSION_MINOR',
        'halcyon::driver_layout()', '&driver']
# Changes of the HAL that a driver and a program must not differ by: file, before, after.
OTHER_HALS = {
    'a virtual function more': ('hal/device.hpp', 'virtual void trim() = 0;', 'virtual void rest() {}\n  virtual void trim() = 0;'),
    'two virtual functions changed places': ('hal/buffer.hpp', '  virtual Status flush(uint64_t offset, uint64_t length) = 0;\n'
                                             '  virtual Status invalidate(uint64_t offset, uint64_t length) = 0;',
                                             '  virtual Status invalidate(uint64_t offset, uint64_t length) = 0;\n'
                                             '  virtual Status flush(uint64_t offset, uint64_t length) = 0;'),
    'a wider argument': ('hal/semaphore.hpp', 'virtual Status signal(uint64_t value)', 'virtual Status signal(unsigned __int128 value)'),
    'a field more': ('hal/buffer.hpp', 'struct BufferDesc {', 'struct BufferDesc {\n  uint64_t more = 0;'),
    'two fields changed places': ('hal/device.hpp', '  const char* driver = "";', '  const char* place = "";\n  const char* driver = "";'),
    'an enumerator more': ('hal/commands.hpp', '    barrier, ', '    nothing,\n    barrier, '),
}


class Suite:
    def __init__(self, options, cases, folder):
        self.options, self.cases, self.folder = options, cases, folder

    def compile(self, name, text, include=None):
        source = self.folder / f'{name}.cpp'
        source.write_text(text)
        target = source.with_suffix('.so')
        return target if self.cases.run(f'compile {name}', ['g++', *FLAGS, f'-I{include or self.options.source / "include"}', source, '-o', target]) else None

    def says(self, title, status, pattern, *words):
        """The command's one line, on stderr where it fails."""
        done = subprocess.run([self.options.halcyon, *map(str, words)], capture_output=True, text=True)
        said = done.stderr if status else done.stdout
        good = done.returncode == status and re.search(pattern, said, re.M)
        self.cases.passed += bool(good)
        self.cases.failed += not good
        if not good:
            print(f'{title}: exit {done.returncode}, said {done.stderr.strip()!r} and printed {done.stdout!r}; expected {pattern!r}')
        return done.stdout

    def refused(self, title, pattern, *words):
        target = self.compile(*words)
        if target:
            self.says(title, 1, rf"^halcyon devices: driver '\S+': {pattern}", 'devices', f'--driver={target}')


def sample(s):
    """The example, copied out of the tree and built there."""
    project, build = s.folder / 'project', s.folder / 'build'
    shutil.copytree(s.options.source / 'examples/out_of_tree_driver', project)
    if not s.cases.run('meson setup', ['meson', 'setup', build, project, f'-Dhalcyon={s.options.source}', '--werror']):
        return
    if not s.cases.run('ninja', ['ninja', '-C', build]):
        return
    target = build / 'sample_driver.so'
    exported = subprocess.run(['nm', '-D', '--defined-only', '--format=posix', target], capture_output=True, text=True).stdout.split('\n')
    exported = [line.split()[0] for line in exported if line]
    s.cases.run(f'exports {exported}', ['test', ' '.join(exported), '=', 'halcyon_driver'])
    s.cases.run('artifacts', [s.options.artifacts, s.folder])
    s.says('devices', 0, r'^sample \(from .*sample_driver.so\): a sample of a driver', 'devices', f'--driver={target}')
    run = ['run', s.folder / 'dynamic_copy.hcm', f'--driver={target}', '--device=sample', '--input=5xf32=1,2,3,4,5']
    s.says('a program on it', 0, r'holds$', *run, '--expect=5xf32=1,2,3,4,5')
    s.says('its memory does not map', 0, r'^transfers: 1 to the device \(20 bytes\), 1 from it \(20 bytes\)$', *run, '--transfers')
    s.says('an option that it does not have', 1, r"device 'sample,colour=red': sample: there are no options", *run[:3], '--device=sample,colour=red', run[4])
    s.says('the same driver twice', 1, r"which is 'sample': registry: this driver is there already", 'devices', f'--driver={target}', f'--driver={target}')
    s.says('no such device', 1, r"device 'simple'.*this build has .*sample$", *run[:3], '--device=simple', run[4])
    relative = subprocess.run([s.options.halcyon, 'devices', '--driver=sample_driver.so'], cwd=build, capture_output=True, text=True)
    s.cases.run(f'a path without a slash: {relative.stderr}', ['test', str(relative.returncode), '=', '0'])


def refusals(s):
    s.says('no such file', 1, r"driver '/no/such.so': open: no such file", 'devices', '--driver=/no/such.so')
    s.says('a folder', 1, r"driver '/': open: not a regular file", 'devices', '--driver=/')
    (s.folder / 'text.so').write_text('hello')
    s.says('a text', 1, r"text.so': load driver: not a shared object that loads here: .*text.so", 'devices', f'--driver={s.folder}/text.so')
    s.refused('no symbol', "load driver: the object has no symbol 'halcyon_driver'", 'nothing', 'int nothing() { return 0; }\n')

    def answer(place, value):
        fields = list(GOOD)
        fields[place] = value
        return SMALL + ANSWER % (', '.join(fields), '&plugin')
    s.refused('another interface', r'load driver: built for another driver interface: expected 1, got 77', 'abi', answer(0, '77'))
    s.refused('a shorter answer', r'load driver: built for another driver interface', 'short', answer(1, '8'))
    s.refused('another version', r'load driver: built for another version of Halcyon: expected \d+, got 65536000', 'version',
              answer(2, '1000').replace('HALCYON_VERSION_MINOR', '0'))
    s.refused('another layout', r'load driver: its HAL is laid out differently', 'layout', answer(4, '1'))
    s.refused('no driver', r'load driver: the object names no driver', 'null', answer(5, 'nullptr'))
    s.refused('a driver that refuses', r'load driver: the driver refuses', 'refuses', SMALL + ANSWER % (', '.join(GOOD), '&plugin - &plugin ? &plugin : nullptr'))


def other_hals(s):
    """The same driver, compiled against headers that differ."""
    for number, (title, (file, before, after)) in enumerate(OTHER_HALS.items()):
        headers = s.folder / f'headers{number}'
        shutil.copytree(s.options.source / 'include', headers)
        path = headers / 'halcyon' / file
        text = path.read_text()
        if before not in text:
            s.cases.failed += 1
            print(f'{title}: {file} has no {before!r}: change OTHER_HALS')
            continue
        path.write_text(text.replace(before, after))
        s.refused(title, r'load driver: its HAL is laid out differently', f'other{number}', SMALL + EXPORT, headers)


def without_device(s):
    target = s.compile('small', SMALL + EXPORT)
    s.says('why there is no device', 0, r'^small \(from \S+\): not available: small: libsmall.so is missing$', 'devices', f'--driver={target}')
    shown = json.loads(s.says('in JSON', 0, r'^\[', 'devices', '--json', f'--driver={target}') or '[]')
    small = {'name': 'small', 'available': False, 'file': str(target), 'reason': 'small: libsmall.so is missing'}
    s.cases.run(f'{shown}', ['test', str(small in shown), '=', 'True'])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ['source', 'halcyon', 'artifacts']:
        parser.add_argument(f'--{name}', type=pathlib.Path, required=True)
    options = parser.parse_args()
    options.halcyon = options.halcyon.resolve()
    cases = Cases()
    with tempfile.TemporaryDirectory() as folder:
        suite = Suite(options, cases, pathlib.Path(folder))
        for part in [sample, refusals, other_hals, without_device]:
            part(suite)
    return cases.close()


if __name__ == '__main__':
    sys.exit(main())
