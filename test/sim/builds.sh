#!/bin/bash
# builds.sh - one journal, one state: gcc -O0, -O2 and -O3, clang and the sanitizers come to the same (long check).
# SPDX-License-Identifier: Apache-2.0
#
# The golden journal and a journal that a running node wrote under load are replayed by each build; `clearline log digest` of
# the live one must be the same text everywhere.
set -u
cd "$(dirname "$0")/../.." || exit 2

if [ -z "${CHECK_ALL:-}" ]; then
    echo "ok 1 - every build comes to the same state # SKIP only in the long check"
    echo "1..1"
    exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset MAKEFLAGS MAKELEVEL # The builds are makes of their own, not this one's; WERROR stays as it was given.
n=0
failed=0
result() { # STATUS NAME
    n=$((n + 1))
    if [ "$1" -eq 0 ]; then echo "ok $n - $2"; else failed=1; echo "not ok $n - $2"; fi
}

python3 -B test/crash/live_journal.py "${B:-build/release}/clearline" "$work/live" 60
result $? "a node writes a journal under load"
for variant in release debug o3 clang asan; do
    make -s -j2 V=$variant "build/$variant/clearline" "build/$variant/test/unit/state/test_golden" >"$work/make" 2>&1
    status=$?
    [ $status -ne 0 ] && sed 's/^/# /' "$work/make"
    result $status "$variant builds"
    "build/$variant/test/unit/state/test_golden" >"$work/golden" 2>&1
    status=$?
    [ $status -ne 0 ] && sed 's/^/# /' "$work/golden"
    result $status "$variant comes to the golden root, state and outcomes, in batches of every kind"
    "build/$variant/clearline" log digest --data "$work/live" >"$work/digest.$variant" 2>"$work/said"
    result $? "$variant replays the live journal"
    cmp "$work/digest.release" "$work/digest.$variant"
    result $? "$variant comes to the same digest of the live journal"
done
sed 's/^/# /' "$work/digest.release"
echo "1..$n"
exit $failed
