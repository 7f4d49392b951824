#!/bin/bash
# usage.sh - help, versions, and wrong command lines.
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/lib.sh"

run
check "without a command it lists them and exits with 2" is "$code" 2
check "the list goes to stderr then" has "$err" "  serve "

run help
check "help exits with 0" is "$code" 0
check "help names the exit codes" has "$out" "5 lost a race"

run --version
check "the version is one line on stdout" is "$out" "clearline $(printf '%s' "$out" | cut -d' ' -f2)"

run sevre
check "a mistyped command exits with 2" is "$code" 2
check "a mistyped command is answered with the nearest" has "$err" "is serve meant?"

for command in demo serve init status line member participant token replay log doctor bench; do
    run "$command" --help
    check "$command --help exits with 0" is "$code" 0
    check "$command --help begins with an example" has "$(printf '%s\n' "$out" | head -1)" "  clearline $command"
    run help "$command"
    check "help $command says the same" is "$out" "$("$clearline" "$command" --help)"
    run "$command" --no-such-option
    check "$command --no-such-option exits with 2" is "$code" 2
    check "$command names the wrong option" has "$err" "--no-such-option"
    check "$command prints nothing to stdout then" is "$out" ""
done

run serve --data
check "an option without its value is named" has "$err" "--data wants a value"
run help journal
check "help finds commands by a word" has "$out" "log "

"$clearline" help >/dev/full 2>/dev/null
check "what cannot be written is no success" is "$?" 3
finish
