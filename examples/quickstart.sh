#!/bin/sh
# From a bare Debian 12 to a running model: installs what the build needs, builds, gets the model, compiles it, and
# names the types of some files.
#   sh examples/quickstart.sh [FILE]...
set -eu
caller=$PWD
cd "$(dirname "$0")/.."
build=${HALCYON_BUILD:-build}
case $build in /*) ;; *) build=$PWD/$build ;; esac
folder=$build/examples/filetype

echo "1. packages"
sh tests/install.sh build-essential meson ninja-build ccache pkg-config llvm-19-dev libmlir-19-dev mlir-19-tools \
  liblld-19-dev libflatbuffers-dev flatbuffers-compiler libprotobuf-dev protobuf-compiler libzstd-dev zlib1g-dev \
  python3 python3-venv

echo "2. build (about ten minutes the first time)"
if [ ! -f "$build/build.ninja" ]; then
  meson setup "$build" -Dbuildtype=release -Dcompiler=enabled -Dtools=enabled -Dexamples=enabled -Dtests=disabled >/dev/null
fi
ninja -C "$build" --quiet compiler/halcyonc src/tools/halcyon examples/filetype/filetype

echo "3. model"
if [ ! -f "$folder/labels.tsv" ]; then
  wheels=$(mktemp -d)
  trap 'rm -rf "$wheels"' EXIT
  python3 -m venv "$wheels/venv"
  "$wheels/venv/bin/pip" download -q --disable-pip-version-check --no-deps --only-binary=:all: \
    --platform manylinux_2_28_x86_64 --python-version 3.11 -d "$wheels" magika==1.0.3
  python3 examples/filetype/labels.py "$wheels"/magika-*.whl "$folder"
fi
"$build/compiler/halcyonc" "$folder/model.onnx" -o "$folder/filetype.hcm"

echo "4. run"
if [ $# -gt 0 ]; then
  cd "$caller"
else
  set -- README.md meson.build examples/filetype/labels.py examples/filetype/filetype.cpp examples/quickstart.sh \
    "$folder/model.onnx" "$folder/filetype" /etc/hostname examples
fi
"$folder/filetype" "$@"
