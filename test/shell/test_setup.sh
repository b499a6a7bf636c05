#!/bin/sh
# test_setup.sh - tools/setup.sh with stand-ins for dpkg-query, apt-get, id and sudo: it does
# nothing when nothing is missing, installs what is, and explains itself where it cannot.
#
# usage: test_setup.sh SOURCE_FOLDER
set -u
setup=$1/tools/setup.sh
work=$(mktemp -d) && [ -n "$work" ] || exit 2
trap 'rm -rf "$work"' EXIT INT TERM
passed=0
failed=0

# Commands the script may find, and nothing else.
new_world() {
    rm -rf "${work:?}/bin" "${work:?}/log"
    mkdir -p "$work/bin"
    for tool in sh sed env printf echo cat; do
        path=$(command -v $tool)
        case $path in /*) ln -s "$path" "$work/bin/$tool" ;; esac
    done
    : >"$work/log"
}

# fake NAME TEXT: a command that runs the text.
fake() {
    printf '#!/bin/sh\n%s\n' "$2" >"$work/bin/$1"
    chmod +x "$work/bin/$1"
}

# expect NAME STATUS TEXT LOG: run `setup.sh build`; LOG is a text in the fake apt-get's log, or
# "" when apt-get must not have been called.
expect() {
    PATH=$work/bin /bin/sh "$setup" build >"$work/out" 2>&1
    status=$?
    if [ "$status" = "$2" ] && { [ -z "$3" ] || grep -qF -- "$3" "$work/out"; } &&
        { { [ -z "$4" ] && [ ! -s "$work/log" ]; } || { [ -n "$4" ] && grep -qF -- "$4" "$work/log"; }; }; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAIL setup: $1: status $status, not $2, output:"
        cat "$work/out" "$work/log"
    fi
}

installed='echo installed'
absent='case "$*" in *cmake*) exit 1 ;; esac; echo installed'
apt="echo \"\$@\" >>'$work/log'"

new_world
fake dpkg-query "$installed"
fake apt-get "$apt"
fake id 'echo 0'
expect 'nothing missing' 0 '' ''
[ -s "$work/out" ] && { echo "FAIL setup: speaks although nothing is missing"; failed=$((failed + 1)); }

fake dpkg-query "$absent"
expect 'as root' 0 'missing packages: cmake' 'install -y --no-install-recommends cmake'

new_world
fake dpkg-query "$absent"
fake apt-get "$apt"
fake id 'echo 1000'
expect 'neither root nor sudo' 1 'apt-get install -y --no-install-recommends cmake' ''

fake sudo "echo sudo >>'$work/log'; \"\$@\""
expect 'with sudo' 0 'with sudo' 'sudo'

fake apt-get "$apt; case \"\$*\" in *install*) exit 1 ;; esac"
expect 'apt-get fails' 1 'could not be installed: cmake' 'install'

new_world
expect 'another system' 0 'not a Debian system' ''

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
