# network.sh - what tests of several members share: an etcd server, nodes of a laboratory.
# SPDX-License-Identifier: Apache-2.0
#
#   . "$(dirname "$0")/lib.sh"; . "$(dirname "$0")/network.sh"
#   network A,B,C [OPTION...]     founds $work/lab (options of init lab) and starts etcd and a node of each member
#   start_node NAME [DIR [MEMBER]]  a node; its URL is in ${urls[NAME]}
#   more_options NAME             a test may define its own: sets more to what else that node is started with
#   etcd_scheme, etcd_options     likewise of etcd
#   stop_node NAME
#   at NAME COMMAND...            runs the program against that node as its operator; sets $out, $err, $code
#   ask NAME METHOD PATH [SUB [BODY]]  a request as a participant; sets $status, $headers (JSON) and $answer
#
# etcd is Debian's etcd-server, one server on free ports of loopback.
declare -A urls nodes
etcd=
etcd_scheme=http
etcd_options=()

more_options() { more=(--peer-listen 127.0.0.1:0); }
# For a node that begins with nothing: etcd may have been cleaned up already, and one of the peers has what was there.
more_options_by() { # NAME
    more=(--peer-listen 127.0.0.1:0 --peer "$(sed -n 's/^peers reach it at //p' "$work/$1.log" | tail -1)")
}

cleanup_network() {
    for name in "${!nodes[@]}"; do kill -KILL "${nodes[$name]}" 2>/dev/null; done
    [ -n "$etcd" ] && kill -KILL "$etcd" 2>/dev/null
    cleanup
}
trap cleanup_network EXIT

free_ports() {
    python3 -c 'import socket
s = [socket.socket() for _ in range(3)]
for x in s: x.bind(("127.0.0.1", 0))
print(*[x.getsockname()[1] for x in s])'
}

start_etcd() {
    local client peer health try
    for try in 1 2 3; do
        read -r client peer health <<<"$(free_ports)"
        etcd_url=$etcd_scheme://127.0.0.1:$client
        etcd --data-dir "$work/etcd.$try" --listen-client-urls "$etcd_url" --advertise-client-urls "$etcd_url" \
            --listen-peer-urls "http://127.0.0.1:$peer" --initial-advertise-peer-urls "http://127.0.0.1:$peer" \
            --initial-cluster "default=http://127.0.0.1:$peer" --listen-metrics-urls "http://127.0.0.1:$health" \
            --unsafe-no-fsync "${etcd_options[@]}" >"$work/etcd.log" 2>&1 &
        etcd=$!
        python3 - "$health" "$etcd" <<'PY' && return 0
import http.client, os, sys, time
for _ in range(300):
    try:
        os.kill(int(sys.argv[2]), 0)
        c = http.client.HTTPConnection('127.0.0.1', int(sys.argv[1]), timeout=5)
        c.request('GET', '/health')
        if c.getresponse().status == 200: sys.exit(0)
    except ConnectionError:
        pass
    except OSError:
        sys.exit(1)
    time.sleep(0.05)
sys.exit(1)
PY
        kill -KILL "$etcd" 2>/dev/null
    done
    return 1
}

start_node() {
    local name=$1 dir=${2:-$work/lab/$1} member=${3:-$1} fifo=$work/$1.fifo line said
    more_options "$name"
    rm -f "$fifo"
    mkfifo "$fifo"
    "$clearline" serve --listen 127.0.0.1:0 --genesis "$work/lab/genesis" --member "$member" --data "$dir" --etcd "$etcd_url" \
        --allow-old-etcd --token-key "$work/lab/tokens/public.pem" --operator-key "$work/lab/tokens/public.pem" --allow-http \
        "${more[@]}" 2>"$fifo" >/dev/null &
    nodes[$name]=$!
    exec {said}<"$fifo"
    urls[$name]=
    while IFS= read -r -t 30 line <&"$said"; do
        printf '%s\n' "$line" >>"$work/$name.log"
        case $line in "listening on "*) urls[$name]=${line#listening on } ;; esac
        [ "$line" = "joined the network" ] && was_joined[$name]=yes # Before it listens, perhaps.
        [ -n "${urls[$name]}" ] && [ -n "${was_joined[$name]:-}" ] && break
    done
    cat <&"$said" >>"$work/$name.log" &
    exec {said}<&-
    [ -n "${urls[$name]}" ] && was_joined[$name]=yes && return 0
    sed 's/^/# /' "$work/$name.log"
    return 1
}
declare -A was_joined

stop_node() {
    kill -TERM "${nodes[$1]}"
    wait "${nodes[$1]}" 2>/dev/null
    unset "nodes[$1]"
}

network() {
    local names=$1 name
    shift
    "$clearline" init lab --members "$names" --dir "$work/lab" "$@" >/dev/null || return 1
    start_etcd || return 1
    for name in ${names//,/ }; do start_node "$name" || return 1; done
}

at() {
    local name=$1
    shift
    run "$@" --url "${urls[$name]}" --key "$work/lab/tokens/private.pem"
}

# What a JSON text says: PATH is an expression on j.
say() { python3 -c 'import json, sys
j = json.loads(sys.argv[1])
print(eval(sys.argv[2]))' "$1" "$2"; }

ask() {
    local name=$1 reply token
    token=$("$clearline" token --key "$work/lab/tokens/private.pem" --sub "${4:-uss1}" --scope utm.strategic_coordination --audience localhost)
    reply=$(python3 test/cli/request.py "$2" "${urls[$name]}$3" "Bearer $token" "${5:-}")
    status=$(printf '%s\n' "$reply" | sed -n 1p)
    headers=$(printf '%s\n' "$reply" | sed -n 2p)
    answer=$(printf "%s\n" "$reply" | tail -n +3)
}
