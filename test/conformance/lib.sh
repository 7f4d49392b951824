# lib.sh - one node on a free port, judged by the suite.
# SPDX-License-Identifier: Apache-2.0
#
#   . "$(dirname "$0")/lib.sh"
#   judge SERVE_OPTION...    prints TAP and ends the script
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 2

clearline=$PWD/${B:-build/release}/clearline
work=$(mktemp -d)
server=
trap '[ -n "$server" ] && kill -KILL "$server" 2>/dev/null; wait 2>/dev/null; rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

judge() {
    local line url= status schemas=()
    # Against the standard's own schemas too, where they and what reads them are at hand.
    local yaml=${CLEARLINE_SHARED:-../shared}/data/api/astm-f3548-21.yaml
    [ -e "$yaml" ] && python3 -c 'import jsonschema, yaml' 2>/dev/null && schemas=(--openapi "$yaml")
    "$clearline" token --new-key "$work/tokens" --kind ed25519 >/dev/null || exit 1
    mkfifo "$work/said"
    "$clearline" serve --listen 127.0.0.1:0 --data "$work/data" --token-key "$work/tokens/public.pem" \
        --audience localhost "$@" 2>"$work/said" >/dev/null &
    server=$!
    exec {said}<"$work/said"
    while IFS= read -r -t 30 line <&"$said"; do
        case $line in "listening on "*) url=${line#listening on }; break ;; esac
        echo "# $line"
    done
    cat <&"$said" | sed 's/^/# /' & # A server whose words nobody reads would wait.
    exec {said}<&-
    python3 -B test/conformance/conformance.py --base-url "$url" --audience localhost --clearline "${schemas[@]}" --token-command \
        "$clearline token --key $work/tokens/private.pem --sub {sub} --scope '{scope}' --audience {audience}"
    status=$?
    kill -TERM "$server"
    wait "$server"
    [ $? -eq 0 ] || status=1
    server=
    exit $status
}
