#!/bin/sh
# setup.sh - install the Debian packages that building, checking or benchmarking needs.
#
# usage: tools/setup.sh build|check|bench
#
# Says what it does, does nothing when nothing is missing, and explains itself where it cannot
# install. Debian 12 and newer, and what is derived from it.
set -eu

build_packages="gcc libc6-dev make cmake pkg-config libxxhash-dev liburing-dev libedit-dev python3 re2c lemon"
check_packages="$build_packages g++ git clang-19 libclang-rt-19-dev llvm-19 clang-format-19 clang-tidy-19"
bench_packages="$build_packages fio"

case "${1:-}" in
build) wanted=$build_packages ;;
check) wanted=$check_packages ;;
bench) wanted=$bench_packages ;;
*)
    echo "usage: tools/setup.sh build|check|bench" >&2
    exit 2
    ;;
esac

if ! command -v dpkg-query >/dev/null 2>&1; then
    echo "setup: this is not a Debian system; please install the equivalents of:"
    echo "  $wanted"
    echo "setup: going on as if they were there"
    exit 0
fi

missing=
for package in $wanted; do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    case $state in
    installed) ;;
    *) missing="$missing $package" ;;
    esac
done
# pkgconf took pkg-config's place in Debian 13 and newer: either will do.
if command -v pkg-config >/dev/null 2>&1; then
    missing=$(printf '%s' "$missing" | sed 's/ pkg-config\( \|$\)/\1/')
fi
if [ -z "$missing" ]; then
    exit 0
fi

echo "setup: missing packages:$missing"
sudo=
if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null 2>&1; then
        echo "setup: installing them needs root, and there is no sudo. As root, run:" >&2
        echo "  apt-get install -y --no-install-recommends$missing" >&2
        exit 1
    fi
    sudo=sudo
    echo "setup: installing them with sudo"
fi
run_apt() {
    # shellcheck disable=SC2086 # $sudo may be empty
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get -o Dpkg::Use-Pty=0 "$@"
}
echo "setup: apt-get update"
if ! run_apt update -q; then
    echo "setup: apt-get update failed; trying with the package lists at hand" >&2
fi
echo "setup: apt-get install$missing"
# shellcheck disable=SC2086 # one word a package
if ! run_apt install -y --no-install-recommends $missing; then
    echo "setup: these packages could not be installed:$missing" >&2
    exit 1
fi
echo "setup: done"
