#!/bin/sh
# Install pinned packages in .venv, unless it has them: sh envs/make_venv.sh PYTHON REQUIREMENTS MARKER
# MARKER is a copy of REQUIREMENTS as they were last installed; if the two differ, pip runs again.
set -u
python=$1 requirements=$2 marker=$3
own=.venv/bin/python
log=.venv/pip.log
oldest=3.11

refuse() {
    echo "make: $1" >&2
    exit 1
}

# Print the version of a Python, or nothing if it does not run.
version_of() {
    "$1" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2> /dev/null
}

is_too_old() {
    "$1" -c 'import sys; sys.exit(sys.version_info >= tuple(map(int, sys.argv[1].split("."))))' "$oldest"
}

is_installed() {
    cmp -s "$requirements" "$marker"
}

has_pip() {
    "$own" -m pip --version > /dev/null 2>&1 || "$own" -m ensurepip > /dev/null 2>&1
}

# Print why .venv cannot be used, or nothing if it can.
fault() {
    version=$(version_of "$own")
    if [ -z "$version" ]; then
        echo "has no Python that runs"
    elif is_too_old "$own"; then
        echo "was made with Python $version, which is too old"
    elif ! is_installed && ! has_pip; then
        echo "has no pip"
    fi
}

create() {
    version=$(version_of "$python")
    [ -n "$version" ] ||
        refuse "$python does not run; install Python $oldest or newer, or name one that is here: make PYTHON=python3.12"
    ! is_too_old "$python" ||
        refuse "$python is Python $version, but $oldest or newer is needed; name a newer one: make PYTHON=python3.12"
    [ -z "$1" ] || echo "make: .venv $1; it is replaced." >&2
    rm -rf .venv
    output=$("$python" -m venv .venv 2>&1) && return
    rm -rf .venv
    case $output in
    *ensurepip* | *"No module named venv"*)
        refuse "$python has no module venv or no pip; install them (on Debian and Ubuntu: apt install python3-venv), then run make again." ;;
    esac
    refuse "$python cannot make .venv: $(echo "$output" | tail -n 1)"
}

# Offline, pip's last error names the connection, or pip has retried and found no version at all.
is_offline() {
    grep -Eq '^ERROR: .*ConnectionPool|^pip\._vendor\.(urllib3|requests)\.exceptions\.' "$log" ||
        { grep -q 'after connection broken by' "$log" && grep -q '(from versions: none)' "$log"; }
}

if [ ! -e .venv ] && [ ! -h .venv ]; then
    create ""
else
    found=$(fault)
    [ -z "$found" ] || create "$found"
fi
! is_installed || exit 0
rm -f "$marker"
echo "make: installing the packages of $requirements in .venv." >&2
if ! "$own" -m pip install --quiet --disable-pip-version-check --requirement "$requirements" > "$log" 2>&1; then
    ! is_offline ||
        refuse "pip cannot reach the package index; connect to the network, then run make again."
    why=$(grep '^ERROR: ' "$log" | tail -n 1)
    refuse "pip cannot install $requirements: ${why#ERROR: } Its whole output is in $log."
fi
cp "$requirements" "$marker"
