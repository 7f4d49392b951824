#!/bin/bash
# check-style.sh - fails on what the written style forbids and a machine can see.
# SPDX-License-Identifier: Apache-2.0
set -u
shopt -s lastpipe # report() counts in this shell, not in the last part of a pipe.
cd "$(dirname "$0")/.." || exit 2

n=0
failed=0
report() { # NAME, violations on stdin
    local lines
    lines=$(cat)
    n=$((n + 1))
    if [ -n "$lines" ]; then
        printf '%s\n' "$lines" | head -40 | sed 's/^/# /'
        echo "not ok $n - $1"
        failed=1
    else
        echo "ok $n - $1"
    fi
}

if git rev-parse --git-dir >/dev/null 2>&1; then
    mapfile -t all < <(git ls-files --cached --others --exclude-standard | sort -u)
else
    mapfile -t all < <(find . -type f -not -path './build/*' -not -path '*/node_modules/*' | sed 's,^\./,,' | sort)
fi
c=() script=() text=()
for file in "${all[@]}"; do
    [ -f "$file" ] || continue
    case $file in
    *.c | *.h | *.cc) c+=("$file") text+=("$file") ;;
    *.sh | *.py | .ci/run | tools/core-symbols.txt | Makefile) script+=("$file") text+=("$file") ;;
    *.md | *.js | *.mjs | *.css | *.html) text+=("$file") ;;
    esac
done

# The first line names the file and says in one clause what it is; the licence stands under it.
for file in "${c[@]}"; do
    name=$(basename "$file")
    head -1 "$file" | grep -qF "/* $name - " || echo "$file: the first line is not \"/* $name - ...\""
    sed -n 2p "$file" | grep -q '^ \* SPDX-License-Identifier: Apache-2.0' || echo "$file: no SPDX line under the first line"
done | report "C files begin with their name and the licence"
for file in "${script[@]}"; do
    name=$(basename "$file")
    head -2 "$file" | grep -qF "# $name - " || echo "$file: no line \"# $name - ...\" at its beginning"
    head -3 "$file" | grep -q '^# SPDX-License-Identifier: Apache-2.0' || echo "$file: no SPDX line at its beginning"
done | report "scripts begin with their name and the licence"

awk '/\t/ { print FILENAME ":" FNR ": a tab" }' "${c[@]}" | report "C files have no tabs"
awk '/[ \t]+$/ { print FILENAME ":" FNR ": blanks at the end" }' "${text[@]}" | report "no line ends in blanks"
# What stands in quotes is data and may be as long as it is.
awk '{ line = $0; gsub(/"([^"\\]|\\.)*"/, "\"\"", line) } length(line) > 140 { print FILENAME ":" FNR ": " length(line) " columns" }' \
    "${c[@]}" "${script[@]}" | report "no line of code is longer than 140 columns"
wc -l "${c[@]}" "${script[@]}" | awk '$2 != "total" && $1 > 800 { print $2 ": " $1 " lines" }' | report "no file is longer than 800 lines"
grep -nE '\b(TO''DO|FIX''ME|X''XX)\b' "${text[@]}" | report "nothing is left to be done in a comment"
grep -nE '(^|[^[:alnum:]_./-])/(home|root|work|Users)/[a-zA-Z]' "${text[@]}" | report "no path of one machine"
grep -nE '^[[:space:]]*typedef[[:space:]]+(struct|enum|union)\b[^(]*$|\b(struct|enum|union)[[:space:]]+[a-z0-9_]+_t\b' "${c[@]}" |
    report "structs and enums have no typedef and no _t"
grep -nE '^[[:space:]]*//|[;{}][[:space:]]*//' $(printf '%s\n' "${c[@]}" | grep -v '\.cc$') | report "comments are written /* */"
for file in "${c[@]}"; do
    case $file in
    *.h)
        guard=$(echo "${file#src/}" | sed 's,^test/lib/,test/,' | tr 'a-z/.' 'A-Z__')
        grep -q "^#ifndef $guard\$" "$file" || echo "$file: its guard is not $guard"
        ;;
    src/*.c)
        own=${file#src/}
        own=${own%.c}.h
        [ -e "src/$own" ] || continue
        first=$(grep -m1 '^#include' "$file")
        [ "$first" = "#include \"$own\"" ] || echo "$file: its own header is not its first include"
        ;;
    esac
done | report "headers have their guard, sources include their own header first"

# A path in a document, written from the top or from src/, names a file that is there; <...>, * and DIR stand for others.
for file in ARCHITECTURE.md CONTRIBUTING.md README.md docs/*.md; do
    grep -oE '`[a-z_./-]+/[A-Za-z0-9_.-]+\.(c|h|cc|sh|md|py|txt|json)`' "$file" 2>/dev/null | tr -d '`' | sort -u | while read -r path; do
        [ -e "$path" ] || [ -e "src/$path" ] || [ -e "docs/$path" ] || echo "$file: there is no $path"
    done
done | report "documents name files that exist"

# Words for people: a notice is delivered or read; a plan is accepted or refused.
grep -nEi '"[^"]*\b(approved|cleared)\b[^"]*"' $(printf '%s\n' "${c[@]}" | grep '^src/') /dev/null |
    report "no text for people says approved or cleared"
echo "1..$n"
exit $failed
