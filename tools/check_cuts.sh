#!/bin/bash
# check_cuts.sh - power cuts and kills by the hundred thousand, on the simulated machine.
#
# Needs the tiny build. Every operation of random work on a database is a moment to cut; each cut
# recovers and is compared; a moment at which the machine holds what it held at the last one is not
# looked at again. Prints how many cuts were looked at: 261,707 in the first run, which takes six
# minutes of a processor. A machine that goes on from crash to crash grows, so lives are few.
set -u
cd "$(dirname "$0")/.." || exit 2
program=build/tiny/test_crash_store

[ -x "$program" ] || tools/build.sh tiny gcc >/dev/null || exit 1
VELO_CRASH_ROUNDS=85 VELO_CRASH_EVERY=1 VELO_CRASH_LIVES=100 "$program" || exit 1
VELO_CRASH_ROUNDS=20 VELO_CRASH_STEPS=600 VELO_CRASH_EVERY=3 VELO_CRASH_LIVES=100 \
    "$program" --seed 7 || exit 1
VELO_FAULT_EVERY=1 VELO_FAULT_ROUNDS=4 build/tiny/test_crash_faults || exit 1
