#!/bin/bash
# check.sh - runs every test program of the default check and prints one closing line.
# SPDX-License-Identifier: Apache-2.0
#
#   B=build/release tools/check.sh [--all] [NAME...]
#
# A test is whatever prints TAP: unit and property programs under $B, fuzz targets replaying their corpus, shell scripts in
# test/cli, test/foreign, test/conformance, test/sim and test/crash, and the two linters. With NAMEs only tests whose path contains one of
# them run. --all sets CHECK_ALL=1, by which a test does its long form. Output of tests that pass is kept in $B/check only.
#
# A program counts as failed, besides its own "not ok" lines, when it ends with a status other than 0, runs past its time,
# or its plan line does not match. Each test has its own empty TMPDIR, which must be empty afterwards, and no process that it
# started may be left.
set -u
cd "$(dirname "$0")/.." || exit 2

B=${B:-build/release}
export B
limit=${CHECK_TIMEOUT:-240}
names=()
for word in "$@"; do
    case $word in
    --all) export CHECK_ALL=1; limit=${CHECK_TIMEOUT:-7200} ;;
    --*) echo "tools/check.sh: unknown option $word (there is --all)" >&2; exit 2 ;;
    *) names+=("$word") ;;
    esac
done
jobs=${CHECK_JOBS:-$(nproc)}
out=$B/check
rm -rf "$out"
mkdir -p "$out"
out=$(cd "$out" && pwd)

# Prints the tests, one command a line.
list_tests() {
    local source
    for source in test/unit/*/test_*.c test/prop/prop_*.c; do
        [ -e "$source" ] && echo "$B/${source%.c}"
    done
    for source in test/fuzz/fuzz_*.c; do
        source=$(basename "${source%.c}")
        [ -d "test/fuzz/corpus/$source" ] && [ -x "$B/test/fuzz/$source" ] && echo "$B/test/fuzz/$source"
    done
    echo tools/check-layers.sh
    echo tools/check-style.sh
    for source in test/cli test/foreign test/conformance test/sim test/crash; do
        find "$source" -maxdepth 1 -name '*.sh' ! -name lib.sh -perm -u+x 2>/dev/null | sort
    done
}

wanted() {
    [ ${#names[@]} -eq 0 ] && return 0
    local name
    for name in "${names[@]}"; do
        case $1 in *"$name"*) return 0 ;; esac
    done
    return 1
}

# Pids of processes that carry this test's mark in their environment.
left_running() {
    grep -lsz "^CHECK_MARK=$1\$" /proc/[0-9]*/environ 2>/dev/null | cut -d/ -f3
}

# Runs one test; its output goes to $out/<number>.tap and the verdict lines, if any, after it.
run_one() {
    local number=$1 test=$2 file=$out/$1.tap mark=$$.$1 status pid from=$EPOCHREALTIME
    export TMPDIR=$out/tmp.$number CHECK_MARK=$mark
    mkdir -p "$TMPDIR"
    timeout -k 5 "$limit" "$test" >"$file" 2>&1 </dev/null
    status=$?
    unset CHECK_MARK
    awk -v status="$status" -v limit="$limit" '
        /^ok/ { n++ }
        /^not ok/ { n++; bad++ }
        /^1\.\.[0-9]+/ { has_plan = 1; plan = substr($1, 4) + 0 }
        END {
            if (status == 124) print "not ok - ran past its limit of " limit " s"
            else if (status == 137) print "not ok - was killed, by its limit of " limit " s or for want of memory"
            else if (status != 0 && !bad) print "not ok - ended with status " status
            else if (!has_plan) print "not ok - printed no plan"
            else if (plan != n) print "not ok - planned " plan " tests and ran " n + 0
        }' "$file" >>"$file.verdict"
    if [ -n "$(ls -A "$TMPDIR")" ]; then
        echo "not ok - left files behind: $(cd "$TMPDIR" && ls -A | head -3 | tr '\n' ' ')" >>"$file.verdict"
    fi
    rm -rf "$TMPDIR"
    for pid in $(left_running "$mark"); do
        echo "not ok - left a process behind: $(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null)" >>"$file.verdict"
        kill -KILL "$pid" 2>/dev/null
    done
    cat "$file.verdict" >>"$file"
    rm -f "$file.verdict"
    if grep -q '^not ok' "$file"; then
        echo "FAIL $test"
        sed 's/^/    /' "$file" | tail -n 60
    elif [ -n "${CHECK_VERBOSE:-}" ]; then
        printf 'pass %6d ms  %s\n' $(((${EPOCHREALTIME/[.,]/} - ${from/[.,]/}) / 1000)) "$test"
    fi
}

number=0
running=0
while IFS= read -r test; do
    wanted "$test" || continue
    number=$((number + 1))
    while [ "$running" -ge "$jobs" ]; do
        wait -n
        running=$((running - 1))
    done
    run_one "$number" "$test" &
    running=$((running + 1))
done < <(list_tests)
wait

if [ "$number" -eq 0 ]; then
    echo "tools/check.sh: no test matches ${names[*]}" >&2
    echo "0 passed, 1 failed"
    exit 1
fi
cat "$out"/*.tap | awk '
    /^ok.*# [Ss][Kk][Ii][Pp]/ { skipped++; print "skipped:" substr($0, index($0, " ")) > "/dev/stderr"; next }
    /^ok/ { passed++ }
    /^not ok/ { failed++ }
    END {
        printf "%d passed, %d failed%s\n", passed, failed, skipped ? ", " skipped " skipped" : ""
        exit failed > 0
    }'
