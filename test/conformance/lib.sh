# lib.sh - one node on a free port, and what judges it.
# SPDX-License-Identifier: Apache-2.0
#
#   . "$(dirname "$0")/lib.sh"
#   start SERVE_OPTION...       sets $url, $server and $tokens, a command that prints tokens
#   stop                        ends it; fails unless it ended cleanly
#   judge SERVE_OPTION...       start, the suite, stop; prints TAP and ends the script
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 2

clearline=$PWD/${B:-build/release}/clearline
work=$(mktemp -d)
server=
n_started=0
tokens="$clearline token --key $work/tokens/private.pem --sub {sub} --scope '{scope}' --audience {audience}"
trap '[ -n "$server" ] && kill -KILL "$server" 2>/dev/null; wait 2>/dev/null; rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

start() {
    local line
    url=
    n_started=$((n_started + 1))
    [ -e "$work/tokens" ] || "$clearline" token --new-key "$work/tokens" --kind ed25519 >/dev/null || exit 1
    mkfifo "$work/said.$n_started"
    "$clearline" serve --listen 127.0.0.1:0 --data "$work/data.$n_started" --token-key "$work/tokens/public.pem" \
        --audience localhost "$@" 2>"$work/said.$n_started" >/dev/null &
    server=$!
    exec {said}<"$work/said.$n_started"
    while IFS= read -r -t 30 line <&"$said"; do
        case $line in "listening on "*) url=${line#listening on }; break ;; esac
        echo "# $line"
    done
    cat <&"$said" | sed 's/^/# /' & # A server whose words nobody reads would wait.
    exec {said}<&-
}

stop() {
    local status
    kill -TERM "$server"
    wait "$server"
    status=$?
    server=
    return $status
}

judge() {
    local status schemas=()
    # Against the standard's own schemas too, where they and what reads them are at hand.
    local yaml=${CLEARLINE_SHARED:-../shared}/data/api/astm-f3548-21.yaml
    [ -e "$yaml" ] && python3 -c 'import jsonschema, yaml' 2>/dev/null && schemas=(--openapi "$yaml")
    start "$@"
    python3 -B test/conformance/conformance.py --base-url "$url" --audience localhost --clearline "${schemas[@]}" --token-command "$tokens"
    status=$?
    stop || status=1
    exit $status
}
