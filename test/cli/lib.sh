# lib.sh - what the command line tests share: TAP, a server of their own, requests.
# SPDX-License-Identifier: Apache-2.0
#
#   . "$(dirname "$0")/lib.sh"
#   serve [OPTION...]                 a node in $work/data on a free port; sets $url and $server (its pid)
#   token SUB [SCOPE]                 prints a token that it accepts
#   request METHOD PATH [SUB [BODY]]  sets $status, $headers (JSON) and $answer
#   check "a sentence" COMMAND...     one test: passes if the command does
#   finish                            the plan; the script's status
#
# Everything lies under $work, which goes away with the script, as does the server. Nothing has a fixed port, nothing sleeps.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 2

B=${B:-build/release}
clearline=$PWD/$B/clearline
work=$(mktemp -d)
server=
n_checks=0
n_failed=0

cleanup() {
    [ -n "$server" ] && kill -KILL "$server" 2>/dev/null
    wait 2>/dev/null
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

check() {
    local name=$1
    shift
    n_checks=$((n_checks + 1))
    if "$@" >"$work/check.out" 2>&1; then # In this shell: serve sets variables.
        echo "ok $n_checks - $name"
    else
        n_failed=$((n_failed + 1))
        tail -n 20 "$work/check.out" | sed 's/^/# /'
        echo "# failed: $*"
        echo "not ok $n_checks - $name"
    fi
}

skip() { # NAME REASON
    n_checks=$((n_checks + 1))
    echo "ok $n_checks - $1 # SKIP $2"
}

finish() {
    echo "1..$n_checks"
    [ "$n_failed" -eq 0 ]
    exit
}

# True if $1 holds the fixed text $2.
has() {
    case $1 in *"$2"*) return 0 ;; esac
    printf 'wanted "%s" in: %s\n' "$2" "$1"
    return 1
}

is() {
    [ "$1" = "$2" ] && return 0
    printf 'is "%s", wanted "%s"\n' "$1" "$2"
    return 1
}

# Runs the program; sets $out, $err and $code.
run() {
    "$clearline" "$@" >"$work/out" 2>"$work/err"
    code=$?
    out=$(cat "$work/out")
    err=$(cat "$work/err")
    return 0
}

serve() {
    local line fifo=$work/serve.fifo
    [ -d "$work/tokens" ] || "$clearline" token --new-key "$work/tokens" --kind ed25519 >/dev/null || return 1
    rm -f "$fifo"
    mkfifo "$fifo"
    "$clearline" serve --listen 127.0.0.1:0 --data "$work/data" --token-key "$work/tokens/public.pem" --audience localhost \
        --allow-http "$@" 2>"$fifo" >/dev/null &
    server=$!
    exec {from_server}<"$fifo"
    url=
    : >"$work/serve.log"
    while IFS= read -r -t 30 line <&"$from_server"; do
        printf '%s\n' "$line" >>"$work/serve.log"
        case $line in "listening on "*) url=${line#listening on }; break ;; esac
    done
    # What it says later is kept, and never blocks it.
    cat <&"$from_server" >>"$work/serve.log" &
    exec {from_server}<&-
    [ -n "$url" ] && return 0
    echo "# the server did not start:"
    sed 's/^/# /' "$work/serve.log"
    return 1
}

# Ends the server with a signal and waits for it; sets $code to how it ended.
stop_server() {
    kill -"${1:-TERM}" "$server"
    wait "$server" 2>/dev/null
    code=$?
    server=
    return 0
}

token() {
    "$clearline" token --key "$work/tokens/private.pem" --sub "$1" --audience localhost \
        --scope "${2:-utm.strategic_coordination}"
}

request() {
    local method=$1 path=$2 sub=${3:-} body=${4:-} header=
    [ -n "$sub" ] && header="Bearer $(token "$sub")"
    python3 test/cli/request.py "$method" "$url$path" "$header" "$body" >"$work/answer" || return 1
    status=$(head -n 1 "$work/answer")
    headers=$(sed -n 2p "$work/answer")
    answer=$(tail -n +3 "$work/answer")
}

# The member of a JSON text by keys and indices: json TEXT KEY...
json() {
    python3 -c 'import json, sys
v = json.loads(sys.argv[1])
for k in sys.argv[2:]:
    v = v[int(k)] if isinstance(v, list) else v[k]
print(v if isinstance(v, str) else json.dumps(v))' "$@"
}

# An intent's body: intent CENTRE_LAT CENTRE_LNG [KEY...], an hour from now for an hour, 50 to 120 m, 300 m around.
intent() {
    python3 - "$@" <<'PY'
import datetime, json, sys
lat, lng, key = float(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]
start = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
def moment(t): return {"value": t.strftime("%Y-%m-%dT%H:%M:%SZ"), "format": "RFC3339"}
def height(m): return {"value": m, "reference": "W84", "units": "M"}
print(json.dumps({"extents": [{"volume": {"outline_circle": {"center": {"lat": lat, "lng": lng}, "radius": {"value": 300, "units": "M"}},
    "altitude_lower": height(50), "altitude_upper": height(120)},
    "time_start": moment(start), "time_end": moment(start + datetime.timedelta(hours=1))}],
    "key": key, "state": "Accepted", "uss_base_url": "http://uss.test",
    "new_subscription": {"uss_base_url": "http://uss.test", "notify_for_constraints": False}}))
PY
}
