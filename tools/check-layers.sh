#!/bin/bash
# check-layers.sh - fails on an include that goes up or sideways, and on what the core may not call.
# SPDX-License-Identifier: Apache-2.0
#
#   B=build/release tools/check-layers.sh
#
# Ranks: a file includes its own folder or one of lower rank. The core's objects (base to state) may use only the outside
# symbols of tools/core-symbols.txt, hold no writable data, and contain no floating point instruction.
set -u
shopt -s lastpipe # report() counts in this shell, not in the last part of a pipe.
cd "$(dirname "$0")/.." || exit 2

B=${B:-build/release}
n=0
failed=0
report() { # NAME, violations on stdin
    local lines
    lines=$(cat)
    n=$((n + 1))
    if [ -n "$lines" ]; then
        printf '%s\n' "$lines" | sed 's/^/# /'
        echo "not ok $n - $1"
        failed=1
    else
        echo "ok $n - $1"
    fi
}
skip() {
    n=$((n + 1))
    echo "ok $n - $1 # SKIP $2"
}

find src -name '*.[ch]' -o -name '*.cc' | sort | xargs awk '
    BEGIN {
        split("base:0 cell:1 proof:1 entry:2 airspace:3 state:4 geo:5 http:5 journal:6 node:7 api:8 cli:9", pairs, " ")
        for (i in pairs) { split(pairs[i], p, ":"); rank[p[1]] = p[2] }
    }
    FNR == 1 {
        split(FILENAME, part, "/"); here = part[2]
        if (!(here in rank)) print FILENAME ": " here " is no layer"
    }
    /^[ \t]*#[ \t]*include[ \t]*"/ {
        split($0, quoted, "\""); target = quoted[2]; there = target; sub(/\/.*/, "", there)
        if (index(target, "/") == 0) print FILENAME ":" FNR ": \"" target "\" is not written from src/"
        else if (!(there in rank)) print FILENAME ":" FNR ": \"" target "\" is in no layer"
        else if (there != here && rank[there] > rank[here]) print FILENAME ":" FNR ": " here " includes upward: " target
        else if (there != here && rank[there] == rank[here]) print FILENAME ":" FNR ": " here " includes sideways: " target
        # The airspace folder stands beside entries, not on them.
        else if (here == "airspace" && (there == "entry" || there == "proof")) print FILENAME ":" FNR ": airspace includes " target
        else if (here == "geo" && there != "geo" && there != "cell" && there != "base") print FILENAME ":" FNR ": geo includes " target
        else if (here == "http" && there != "http" && there != "base") print FILENAME ":" FNR ": http includes " target
    }' | report "every include goes down"

objects=()
for layer in base cell proof entry airspace state; do
    for source in src/"$layer"/*.c; do
        [ -e "$B/${source%.c}.o" ] && objects+=("$B/${source%.c}.o")
    done
done
case $B in
*/release | */clang | */debug | */o3) usable=1 ;;
*) usable= ;;
esac
if [ ${#objects[@]} -eq 0 ] || [ -z "$usable" ]; then
    for claim in "the core calls only what its list allows" "the core has no writable data" "the core has no floating point"; do
        skip "$claim" "no plain objects in $B"
    done
else
    nm -g --defined-only "${objects[@]}" | awk 'NF == 3 { print $3 }' | sort -u >"${TMPDIR:-/tmp}/core-defined.$$"
    for object in "${objects[@]}"; do
        nm -u "$object" | awk -v module="$(echo "${object#"$B"/src/}" | sed 's/\.o$//')" 'NF { print $NF, module }'
    done | awk -v defined="${TMPDIR:-/tmp}/core-defined.$$" '
        BEGIN { while ((getline line < defined) > 0) ours[line] = 1 }
        FILENAME == "tools/core-symbols.txt" {
            if ($0 ~ /^#/ || !NF) next
            listed[$1] = 1
            if (NF == 1) everywhere[$1] = 1
            for (i = 2; i <= NF; i++) only[$1, $i] = 1
            next
        }
        ($1 in ours) || ($1 in everywhere) || (($1, $2) in only) { next }
        { print $2 ".c uses " $1 (($1 in listed) ? ", which the list allows to others only" : "") }
    ' tools/core-symbols.txt - | report "the core calls only what its list allows"
    rm -f "${TMPDIR:-/tmp}/core-defined.$$"

    size -A "${objects[@]}" | awk '
        / +:$/ { file = $1 }
        $1 ~ /^\.(data|bss|tdata|tbss|lbss|ldata)(\.|$)/ && $1 !~ /^\.data\.rel\.ro/ && $2 > 0 { print file ": " $2 " bytes in " $1 }
    ' | report "the core has no writable data"

    if [ "$(uname -m)" = x86_64 ]; then
        for object in "${objects[@]}"; do
            objdump -d --no-show-raw-insn "$object" | awk -v object="$object" '
                /^[0-9a-f]+ </ { place = $2 }
                $2 ~ /^v?(add|sub|mul|div|sqrt|min|max|u?comi|cvt[a-z0-9]*2|round|fn?m(add|sub)[0-9]*)(s|p)[sd]/ ||
                $2 ~ /^v?cvt[t]?(s|p)[sd]2/ || $2 ~ /^f(ld|add|sub|mul|div|ild|ist|st|com)/ {
                    print object " " place " " $2
                    exit
                }'
        done | report "the core has no floating point"
    else
        skip "the core has no floating point" "instructions of $(uname -m) are not known here"
    fi
fi
echo "1..$n"
exit $failed
