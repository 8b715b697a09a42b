#!/bin/sh
# Installs the Debian packages that are named, or listed in a file named with @, as far as they are missing.
#   sh tests/install.sh @tests/packages.txt
set -eu

missing=
for word in "$@"; do
  case $word in @*) names=$(cat "${word#@}") ;; *) names=$word ;; esac
  for name in $names; do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null || :)
    [ "$state" = installed ] || missing="$missing $name"
  done
done
[ -n "$missing" ] || exit 0

echo "installing:$missing"
run=
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || { echo "install.sh: run as root, or install by hand:$missing" >&2; exit 1; }
  run=sudo
fi
export DEBIAN_FRONTEND=noninteractive
$run apt-get update -qq
# shellcheck disable=SC2086
$run apt-get install -y -qq --no-install-recommends $missing >/dev/null
