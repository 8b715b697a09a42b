#!/usr/bin/env python3
"""Uses the runtime in one of the ways that users do, and prints how many of its cases passed.

    usage.py --source DIR --generated artifact_generated.h headers|header-only|amalgamation|subproject|c-library

headers       every public header compiles alone, header-only and compiled, strictly, with GCC and Clang
header-only   two translation units that include everything link into one program, which runs
amalgamation  the generated single header, vendored into a folder with nothing but FlatBuffers' headers
subproject    a Meson project that has Halcyon as a subproject builds and runs
c-library     a C project that has it as a subproject, and one that finds it installed
"""
import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

STRICT = ['-std=c++20', '-fno-exceptions', '-fno-rtti', '-Wall', '-Wextra', '-Wconversion', '-Wshadow', '-Werror']
# FlatBuffers' own headers are not held to that.
COMPILERS = [compiler for compiler in ('g++', 'clang++-19') if shutil.which(compiler)]
DRIVERS = ['null', 'cpu']

MAIN = r'''
#include INCLUDE_RUNTIME
#include <cstdio>

int other(halcyon::hal::Device& device);

int main() {
  halcyon::Registry registry;
  if (!registry.add({"null", &halcyon::null::create_from_options}).ok() || !registry.add({"cpu", &halcyon::cpu::create_from_options}).ok()) return 1;
  auto device = registry.create("cpu:unmappable");
  if (!device.ok()) return 2;
  const float numbers[] = {1, 2, 3, 4};
  auto tensor = halcyon::Tensor::stage(**device, {2, 2}, numbers);
  float back[4] = {};
  if (!tensor.ok() || !tensor->read(back).ok() || back[3] != 4) return 3;
  if (halcyon::Program::load(**device, "missing.hcm").status().code() != halcyon::Code::not_found) return 4;
  std::puts("fine");
  return other(**device);
}
'''
OTHER = r'''
#include INCLUDE_RUNTIME

int other(halcyon::hal::Device& device) {
  const halcyon::Status status = halcyon::Program::load(device, std::span<const std::byte>()).status();
  char text[128];
  return status.code() == halcyon::Code::corrupt_artifact && !halcyon::describe(status, text).empty() ? 0 : 5;
}
'''
HEADERS_OF_ALL = '<halcyon/drivers/cpu.hpp>\n#include <halcyon/drivers/null.hpp>\n#include <halcyon/halcyon.hpp>'


class Cases:
    def __init__(self):
        self.passed = 0
        self.failed = 0

    def run(self, name, command, **keywords):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **keywords)
        if done.returncode == 0:
            self.passed += 1
            return True
        self.failed += 1
        print(f'{name}:\n$ {" ".join(map(str, command))}\n{done.stdout[-6000:]}')
        return False

    def close(self):
        print(f'usage: {self.passed} passed, {self.failed} failed')
        return 0 if self.failed == 0 else 1


def include_flags(options):
    source = options.source
    folders = [source / 'include', source / 'src' / 'schema', options.generated.parent, source / 'drivers' / 'shared' / 'include']
    folders += [source / 'drivers' / driver / 'include' for driver in DRIVERS]
    flags = [f'-I{folder}' for folder in folders]
    return flags + ([f'-isystem{options.flatbuffers}'] if options.flatbuffers else [])


def headers(options, cases, folder):
    roots = [options.source / 'include'] + [options.source / 'drivers' / driver / 'include' for driver in DRIVERS]
    public = [path for root in roots for path in sorted(root.glob('halcyon/**/*.hpp'))
              if root == roots[0] or path.parent.name == 'drivers']
    names = [str(path).split('/include/', 1)[1] for path in public] + ['halcyon.h', 'halcyon/hal/kernel_abi.h']
    for compiler in COMPILERS:
        for form in ([], ['-DHALCYON_COMPILED']):
            for name in names:
                unit = folder / 'unit.cpp'
                unit.write_text(f'#include <{name}>\n#include <{name}>\nint main() {{ return 0; }}\n')
                cases.run(f'{name} alone, {compiler} {form}',
                          [compiler, *STRICT, *form, *include_flags(options), '-fsyntax-only', unit])
    for name in ['halcyon.h', 'halcyon/hal/kernel_abi.h']:
        unit = folder / 'unit.c'
        unit.write_text(f'#include <{name}>\n#include <{name}>\nint main(void) {{ return 0; }}\n')
        cases.run(f'{name} as C', ['gcc', '-std=c11', '-Wall', '-Wextra', '-Wpedantic', '-Werror', *include_flags(options), '-fsyntax-only', unit])


def program(options, cases, folder, include, flags):
    """Two translation units that include everything, linked and run."""
    for name, text in (('main.cpp', MAIN), ('other.cpp', OTHER)):
        (folder / name).write_text(text.replace('INCLUDE_RUNTIME', include))
    for compiler in COMPILERS:
        built = cases.run(f'two units, {compiler}', [compiler, *STRICT, '-O1', *flags, folder / 'main.cpp', folder / 'other.cpp',
                                                     '-o', folder / 'program', '-pthread'])
        if built:
            cases.run('the program', [folder / 'program'])


def header_only(options, cases, folder):
    program(options, cases, folder, HEADERS_OF_ALL, include_flags(options))


def amalgamation(options, cases, folder):
    command = [sys.executable, options.source / 'src' / 'amalgamate.py', '--output', folder / 'halcyon_all.hpp',
               '--include', options.source / 'include', '--include', options.source / 'src' / 'schema',
               '--include', options.source / 'drivers' / 'shared' / 'include', '--generated', options.generated]
    for driver in DRIVERS:
        command += ['--include', options.source / 'drivers' / driver / 'include', '--driver', driver]
    if cases.run('amalgamate.py', command):
        flags = [f'-isystem{options.flatbuffers}'] if options.flatbuffers else []
        program(options, cases, folder, '"halcyon_all.hpp"', flags)


def subproject(options, cases, folder):
    project = folder / 'project'
    (project / 'subprojects').mkdir(parents=True)
    os.symlink(options.source, project / 'subprojects' / 'halcyon')
    for name, text in (('main.cpp', MAIN), ('other.cpp', OTHER)):
        (project / name).write_text(text.replace('INCLUDE_RUNTIME', HEADERS_OF_ALL))
    (project / 'model.mlir').write_text(
        'func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {\n  %y = arith.addf %x, %x : tensor<4xf32>\n  return %y : tensor<4xf32>\n}\n')
    (project / 'meson.build').write_text('''
project('user', 'cpp', default_options: ['cpp_std=c++20'])
halcyonc = find_program('halcyonc', required: false)
if halcyonc.found()
  custom_target('model.hcm', input: 'model.mlir', output: 'model.hcm', command: [halcyonc, '@INPUT@', '-o', '@OUTPUT@'], build_by_default: true)
endif
halcyon = dependency('halcyon', fallback: ['halcyon', 'halcyon_dep'])
user = executable('user', 'main.cpp', 'other.cpp', dependencies: halcyon)
test('user', user)
''')
    environment = dict(os.environ)
    compiler = options.meson / 'compiler'
    if (compiler / 'halcyonc').exists():
        environment['PATH'] = f'{compiler}:{environment["PATH"]}'
    for form in ('false', 'true'):
        build = folder / f'build-{form}'
        if cases.run(f'meson setup, header_only={form}', ['meson', 'setup', build, project, f'-Dhalcyon:header_only={form}'], env=environment):
            if cases.run('ninja', ['ninja', '-C', build, '-j2'], env=environment):
                cases.run('the program', [build / 'user'])
                installed = subprocess.run(['meson', 'introspect', '--installed', build], capture_output=True, text=True).stdout.strip()
                cases.passed += installed == '{}'
                cases.failed += installed != '{}'
                if installed != '{}':
                    print(f'the subproject installs something: {installed}')


def c_library(options, cases, folder):
    project = folder / 'project'
    (project / 'subprojects').mkdir(parents=True)
    os.symlink(options.source, project / 'subprojects' / 'halcyon')
    shutil.copy(options.source / 'examples/hello_c/hello.c', project)
    (project / 'meson.build').write_text("""
project('user', 'c', default_options: ['c_std=c11', 'halcyon:capi=enabled'])
executable('user', 'hello.c', dependencies: dependency('halcyon_c', fallback: 'halcyon'))
""")
    # It says what is wrong with a file that is missing: the library is there and works.
    says = ['sh', '-c', '"$0" /no/such.hcm 2>&1 | grep -q "^hello_c: not_found: open: no such file"']
    build = folder / 'build'
    if cases.run('meson setup of a C project', ['meson', 'setup', build, project]) and cases.run('ninja', ['ninja', '-C', build, '-j2']):
        cases.run('the program', [*says, build / 'user'])

    build, prefix = folder / 'library', folder / 'prefix'
    disabled = [f'-D{part}=disabled' for part in ['compiler', 'tools', 'tests', 'examples']]
    if not (cases.run('meson setup of the library', ['meson', 'setup', build, options.source, f'--prefix={prefix}', '--libdir=lib', '-Dcapi=enabled', *disabled])
            and cases.run('meson install', ['meson', 'install', '-C', build])):
        return
    installed = sorted(str(path.relative_to(prefix)) for path in prefix.rglob('*') if path.is_file())
    expected = ['include/halcyon.h', 'include/halcyon/hal/kernel_abi.h', 'lib/pkgconfig/halcyon_c.pc']
    cases.run(f'installed: {installed}', ['test', ' '.join(p for p in installed if '.so' not in p), '=', ' '.join(expected)])
    environment = {**os.environ, 'PKG_CONFIG_PATH': f'{prefix}/lib/pkgconfig', 'LD_LIBRARY_PATH': f'{prefix}/lib'}
    compile = f'gcc -std=c11 -Wall -Wextra -Wpedantic -Werror {project}/hello.c $(pkg-config --cflags --libs halcyon_c) -o {folder}/user'
    if cases.run('compile with pkg-config', ['sh', '-c', compile], env=environment):
        cases.run('the program', [*says, folder / 'user'], env=environment)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--source', type=pathlib.Path, required=True)
    parser.add_argument('--generated', type=pathlib.Path, required=True)
    parser.add_argument('--flatbuffers', default='')
    parser.add_argument('--meson', type=pathlib.Path, required=True, help='the build folder, where halcyonc may be')
    parser.add_argument('way', choices=['headers', 'header-only', 'amalgamation', 'subproject', 'c-library'])
    options = parser.parse_args()
    if options.flatbuffers in ('/usr/include', '/usr/local/include'):
        options.flatbuffers = ''  # searched anyway; naming it breaks the C++ library's include_next
    options.generated = options.generated.resolve()
    cases = Cases()
    with tempfile.TemporaryDirectory() as folder:
        globals()[options.way.replace('-', '_')](options, cases, pathlib.Path(folder))
    return cases.close()


if __name__ == '__main__':
    sys.exit(main())
