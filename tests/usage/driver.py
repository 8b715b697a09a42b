#!/usr/bin/env python3
"""A driver that was written from the HAL's manual, built as a project of its own and put through the conformance suite:
driver.py --source ROOT. It stays at most 300 lines long and includes what the manual allows."""
import argparse, os, pathlib, re, subprocess, sys, tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import suite

SOURCES = ['queued.hpp', 'queued.cpp']
ALLOWED = re.compile(r'queued\.hpp|halcyon/(hal/|drivers/shared/|platform\.hpp|registry\.hpp)')
# Not the suite's: the table of this tree's drivers, and what tests the CPU driver or checked() and not a driver.
OTHERS = re.compile(r'(table|cpu_.*|checked_.*)\.cpp')


def breaches(folder):
    lines = [line for name in SOURCES for line in (folder / name).read_text().splitlines()]
    if len(lines) > 300:
        yield f'{len(lines)} lines, more than 300'
    for line in lines:
        include = re.match(r'\s*#\s*include\s*"([^"]+)"', line)
        if include and not ALLOWED.match(include[1]):
            yield f'includes {include[1]}'


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--source', type=pathlib.Path, required=True)
    source = parser.parse_args().source.resolve()
    wrong = list(breaches(source / 'tests/usage/driver'))
    for line in wrong:
        print(f'driver: {line}')
    with tempfile.TemporaryDirectory() as folder:
        project, build = pathlib.Path(folder) / 'project', pathlib.Path(folder) / 'build'
        (project / 'subprojects').mkdir(parents=True)
        os.symlink(source, project / 'subprojects' / 'halcyon')
        os.symlink(source / 'tests/cts', project / 'cts')
        for path in (source / 'tests/usage/driver').iterdir():
            os.symlink(path, project / path.name)
        tests = sorted(path.name for path in (source / 'tests/cts').glob('*.cpp') if not OTHERS.fullmatch(path.name))
        for command in (['meson', 'setup', build, project, '-Dcts=' + ','.join(f'cts/{name}' for name in tests)], ['ninja', '-C', build, '-j2']):
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            if done.returncode:
                print(done.stdout[-6000:])
                print('0 passed, 1 failed')
                return 1
        done = subprocess.run([build / 'queued_cts'], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors='replace', timeout=300)
    passed, failed, _ = suite.count(done.stdout, done.returncode)
    print(done.stdout[-8000:] if failed else '\n'.join(line for line in done.stdout.splitlines() if line.startswith('cts:')))
    print(f'{passed} passed, {failed + len(wrong)} failed')
    return 1 if failed or wrong else 0


if __name__ == '__main__':
    sys.exit(main())
