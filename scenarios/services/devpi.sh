#!/bin/sh
# Puts a devpi-server of fixed versions into a folder that is kept, once for all trials, and gives it an empty state.
#
#     devpi.sh CACHE STATE
#
# Leaves CACHE/devpi-6.20.0/bin/devpi-server. Exits with 69 where there is no Python or the packages cannot be had: the
# case is unsupported then, which is no failure.
set -eu
here=$(dirname "$0")
home=$1/devpi-6.20.0
state=$2
missing() {
    echo "devpi-server cannot be installed here: $1" >&2
    exit 69
}
if [ ! -x "$home/bin/devpi-server" ]; then
    python3 -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 9))' 2>&1 || missing "there is no Python 3.9 or later with venv"
    mkdir -p "$1"
    # Made under another name and put in place whole. The scripts in it name their interpreter by path, so that is mended.
    new=$(mktemp -d "$1/new-XXXXXX")
    trap 'rm -rf "$new"' EXIT
    python3 -m venv "$new" || missing "the virtual environment cannot be made"
    "$new/bin/pip" install --quiet --disable-pip-version-check --no-cache-dir --require-hashes \
        -r "$here/devpi_requirements.txt" || missing "pip cannot get its packages"
    sed -i "1s|$new/bin/|$home/bin/|" "$new"/bin/devpi-*
    mv -T "$new" "$home" || [ -x "$home/bin/devpi-server" ]
    trap - EXIT
fi
"$home/bin/devpi-init" --serverdir "$state" --no-root-pypi --root-passwd benchline >&2
