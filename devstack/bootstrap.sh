#!/usr/bin/env bash
# Create the virtual environment .venv in the current directory and install a lock file into it.
# usage: devstack/bootstrap.sh LOCK_FILE     PYTHON names another interpreter than python3.
#
# uv is several times faster than pip. It may be missing: then pip fetches it. It may fail where pip works, because it has
# its own proxy settings: then pip installs everything. Both check the hashes in the lock file.
set -euo pipefail
shopt -s checkhash
# uv trusts the certificates of the system, as pip does. The second name is that of older releases.
export UV_SYSTEM_CERTS=1 UV_NATIVE_TLS=1
lock_file=$1
python=${PYTHON:-python3}

has_uv() {
    uv --version >/dev/null 2>&1
}

install_with_uv() {
    [ -x .venv/bin/python ] || uv venv --quiet --python "$(command -v "$python")" .venv || return 1
    uv pip install --quiet --compile-bytecode --python .venv --require-hashes --requirement "$lock_file"
}

pip() {
    .venv/bin/python -m pip --disable-pip-version-check "$@"
}

ensure_pip() {
    # A virtual environment that uv has made has no pip.
    pip --version >/dev/null 2>&1 && return
    rm -rf .venv
    "$python" -m venv .venv && return
    rm -rf .venv
    echo 'On Debian and Ubuntu: apt-get install python3-venv' >&2
    return 1
}

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo 'Photogram needs Python 3.11 or newer. Choose an interpreter with make PYTHON=...' >&2
    exit 1
fi
echo 'Installing dependencies into .venv ...'
# Its interpreter may be missing after an upgrade of the system.
[ -x .venv/bin/python ] || rm -rf .venv
if ! has_uv; then
    ensure_pip
    pip install --quiet uv 2>/dev/null || true
    PATH=$PWD/.venv/bin:$PATH
fi
if ! has_uv || ! install_with_uv; then
    echo 'uv is missing or has failed. Installing with pip, which takes longer ...'
    ensure_pip
    pip install --quiet --require-hashes --requirement "$lock_file"
fi
