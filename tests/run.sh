#!/bin/sh
# Installs what the tests need, builds, runs the suites and prints a closing line for each.
#
#   sh tests/run.sh [--full] [SUITE]...     suites: rules unit cts faults c_api lit usage tools e2e
#   import explain quantized operators shapes ragged stateful tosa malformed kernels graphs conformance soak static winograd custom same_bytes cross examples bench sanitizers mutations clang limits
#
# --full runs the long versions, and two suites more: clang builds everything with Clang, and limits is about time and
# memory, which a busy machine would fail. Environment: HALCYON_BUILD (default build) the build folder, HALCYON_CACHE
# (default ~/.cache/halcyon) Python packages, HALCYON_CORPUS (default ~/.cache/halcyon-corpus) the models.
set -u
cd "$(dirname "$0")/.."

all="rules unit cts faults c_api lit usage tools e2e import explain quantized operators shapes ragged stateful tosa malformed kernels graphs conformance soak static winograd custom same_bytes cross examples bench sanitizers mutations clang limits"
full= suites=
for word in "$@"; do
  case $word in
    --full) full=--full ;;
    -*) echo "run.sh: unknown option '$word'" >&2; exit 2 ;;
    *) case " $all " in *" $word "*) suites="$suites $word" ;;
         *) echo "run.sh: unknown suite '$word'; there are: $all" >&2; exit 2 ;; esac ;;
  esac
done
[ -n "$suites" ] || { suites=$all; [ -n "$full" ] || suites=${all% clang limits}; }

build=${HALCYON_BUILD:-build}
cache=${HALCYON_CACHE:-$HOME/.cache/halcyon}
export HALCYON_CORPUS="${HALCYON_CORPUS:-$HOME/.cache/halcyon-corpus}"
case $build in /*) ;; *) build=$PWD/$build ;; esac
PATH="$build/compiler:$PATH"
export PATH

die() { echo "run.sh: $*" >&2; exit 1; }
step() { printf '\n== %s (%s s)\n' "$1" "$(($(date +%s) - started))"; }
started=$(date +%s)

# One environment for each state of the pinned lists; made once.
python_environment() {
  lists="tests/corpus/requirements.txt tests/e2e/requirements.txt"
  # shellcheck disable=SC2086
  venv=$cache/python-$(cat $lists | sha256sum | cut -c1-12)
  [ -f "$venv/ready" ] && return
  python3 -m venv --clear "$venv" || die "python3 -m venv failed"
  "$venv/bin/pip" install -q --disable-pip-version-check -r tests/corpus/requirements.txt || die "pip install failed"
  "$venv/bin/pip" install -q --disable-pip-version-check --no-deps -r tests/e2e/requirements.txt || die "pip install failed"
  : > "$venv/ready"
}

# configure FOLDER OPTION...: sets a build folder up, or gives the one that is there these options.
configure() {
  folder=$1; shift
  if [ -f "$folder/build.ninja" ]; then
    meson configure "$folder" "$@" || die "meson configure failed"
    return
  fi
  mkdir -p "$folder"
  meson setup "$folder" "$@" > "$folder/setup.log" 2>&1 || { cat "$folder/setup.log"; die "meson setup failed"; }
}

# models [NAME...]: these of the corpus, or its group core.
models() {
  python_environment
  # shellcheck disable=SC2068
  "$venv/bin/python" tests/corpus/get.py ${@:-core} || die "the corpus could not be made"
}

suite_rules() { python3 tests/rules.py; }
suite_unit() { python3 tests/suite.py "$build" unit; }
suite_cts() { python3 tests/suite.py "$build" cts; }
suite_faults() { python3 tests/faults/faults.py "$build"; }
suite_c_api() { python3 tests/suite.py "$build" c_api; }
suite_lit() { python3 tests/suite.py "$build" lit; }
suite_usage() { python3 tests/suite.py "$build" usage; }
suite_tools() { python3 tests/e2e/tools.py "$build"; }
suite_e2e() {
  # shellcheck disable=SC2046
  models $(python3 tests/e2e/run.py --models $full) && "$venv/bin/python" tests/e2e/run.py "$build" $full
}
suite_import() { models && "$venv/bin/python" tests/e2e/importing.py "$build"; }
suite_explain() { models && "$venv/bin/python" tests/e2e/explaining.py "$build"; }
suite_operators() { python_environment && "$venv/bin/python" tests/e2e/operators.py "$build"; }
suite_tosa() { python_environment && "$venv/bin/python" tests/e2e/tosa.py "$build"; }
suite_shapes() { python_environment && "$venv/bin/python" tests/e2e/shapes.py "$build"; }
suite_ragged() { python_environment && "$venv/bin/python" tests/e2e/ragged.py "$build"; }
suite_stateful() {
  # shellcheck disable=SC2046
  models $(python3 tests/e2e/run.py --models) && "$venv/bin/python" tests/e2e/stateful.py "$build"
}
suite_quantized() { python_environment && "$venv/bin/python" tests/e2e/quantized.py "$build"; }
suite_malformed() { python_environment && "$venv/bin/python" tests/e2e/malformed.py "$build" $full; }
suite_graphs() { python_environment && "$venv/bin/python" tests/fuzz/graphs.py "$build" $full; }
suite_kernels() { python_environment && "$venv/bin/python" tests/fuzz/kernels.py "$build" $full; }
suite_soak() { models && python3 tests/soak/soak.py "$build" $full; }
suite_conformance() {
  python_environment
  cases=$cache/onnx-backend-tests-$(cat tests/corpus/requirements.txt tests/conformance/generate.py | sha256sum | cut -c1-12)
  [ -f "$cases/index.txt" ] || "$venv/bin/python" tests/conformance/generate.py "$cases" || die "the ONNX tests could not be made"
  "$build/tests/conformance/conformance" "$cases" --expected=tests/conformance/expected.txt --readme=tests/conformance/README.md
}
suite_static() { models && "$venv/bin/python" tests/e2e/static_table.py "$build"; }
suite_winograd() { python_environment && "$venv/bin/python" tests/e2e/winograd.py "$build"; }
suite_custom() { python3 tests/e2e/custom_work.py "$build"; }
suite_same_bytes() { models && python3 tests/e2e/same_bytes.py "$build"; }
suite_cross() { models && python3 tests/e2e/cross.py "$build"; }
suite_limits() { models && python3 tests/e2e/limits.py "$build"; }
suite_bench() { python_environment && "$venv/bin/python" tests/bench/judging.py "$build"; }
suite_examples() { python_environment && "$venv/bin/python" tests/e2e/examples.py "$build"; }

# The runtime, drivers and tools built under one sanitizer, without the compiler.
sanitized() {
  folder=$build-${1%,*}
  CXX=clang++-19 CC=clang-19 configure "$folder" -Dbuildtype=debugoptimized -Db_ndebug=false -Db_lundef=false \
    -Db_sanitize="$1" -Dcompiler=disabled -Dexamples=disabled
  ninja -C "$folder" > "$folder/ninja.log" 2>&1 || { tail -40 "$folder/ninja.log"; die "the $1 build failed"; }
}
suite_sanitizers() { sanitized address,undefined; sanitized thread; python3 tests/sanitizers.py "$build" $full; }
suite_mutations() { sanitized address,undefined; python3 tests/mutations.py "$build" $full; }

# All of it with the other compiler, in a folder of its own: lit, unit and the small models.
suite_clang() {
  models
  CXX=clang++-19 CC=clang-19 configure "$build-clang" -Dbuildtype=release -Dcompiler=enabled -Dtools=enabled -Dtests=enabled \
    -Dexamples=enabled
  ninja -C "$build-clang" > "$build-clang/ninja.log" 2>&1 || { grep -A20 -E 'FAILED|error:' "$build-clang/ninja.log" | head -60; die "the Clang build failed"; }
  python3 tests/suite.py "$build-clang" unit && python3 tests/suite.py "$build-clang" lit &&
    "$venv/bin/python" tests/e2e/run.py "$build-clang" --only=magika_v3_3,ppocrv2_cls,tiny_autoencoder,tiny_resnet8_cifar,dense_relu,if,loop_growing
}

step install
sh tests/install.sh @tests/packages.txt || die "the packages could not be installed"
if [ "$suites" != " rules" ]; then
  step build
  configure "$build" -Dbuildtype=release -Dcompiler=enabled -Dtools=enabled -Dtests=enabled -Dexamples=enabled
  ninja -C "$build" > "$build/ninja.log" 2>&1 || { grep -A20 -E 'FAILED|error:' "$build/ninja.log" | head -60; die "the build failed"; }
fi

failed=
for suite in $suites; do
  step "$suite"
  ( "suite_$suite" ) || failed="$failed $suite"
done
step done
[ -z "$failed" ] || die "failed:$failed"
