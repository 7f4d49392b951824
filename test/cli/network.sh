# network.sh - what tests of several members share: an etcd server, nodes of a laboratory.
# SPDX-License-Identifier: Apache-2.0
#
#   . "$(dirname "$0")/lib.sh"; . "$(dirname "$0")/network.sh"
#   network A,B,C [OPTION...]     founds $work/lab (options of init lab) and starts etcd and a node of each member
#   start_node NAME [DIR [MEMBER]]  a node; its URL is in ${urls[NAME]}
#   stop_node NAME
#   at NAME COMMAND...            runs the program against that node as its operator; sets $out, $err, $code
#   ask NAME METHOD PATH [SUB [BODY]]  a request as a participant; sets $status and $answer
#
# etcd is Debian's etcd-server, one server on free ports of loopback.
declare -A urls nodes
etcd=

cleanup_network() {
    for name in "${!nodes[@]}"; do kill -KILL "${nodes[$name]}" 2>/dev/null; done
    [ -n "$etcd" ] && kill -KILL "$etcd" 2>/dev/null
    cleanup
}
trap cleanup_network EXIT

free_ports() {
    python3 -c 'import socket
s = [socket.socket() for _ in range(2)]
for x in s: x.bind(("127.0.0.1", 0))
print(*[x.getsockname()[1] for x in s])'
}

start_etcd() {
    local client peer try
    for try in 1 2 3; do
        read -r client peer <<<"$(free_ports)"
        etcd --data-dir "$work/etcd.$try" --listen-client-urls "http://127.0.0.1:$client" \
            --advertise-client-urls "http://127.0.0.1:$client" --listen-peer-urls "http://127.0.0.1:$peer" \
            --initial-advertise-peer-urls "http://127.0.0.1:$peer" --initial-cluster "default=http://127.0.0.1:$peer" \
            --unsafe-no-fsync >"$work/etcd.log" 2>&1 &
        etcd=$!
        etcd_url=http://127.0.0.1:$client
        python3 - "$client" "$etcd" <<'PY' && return 0
import http.client, os, sys, time
for _ in range(300):
    try:
        os.kill(int(sys.argv[2]), 0)
        c = http.client.HTTPConnection('127.0.0.1', int(sys.argv[1]), timeout=5)
        c.request('GET', '/health')
        sys.exit(0 if c.getresponse().status == 200 else 1)
    except ConnectionError:
        time.sleep(0.05)
    except OSError:
        sys.exit(1)
sys.exit(1)
PY
        kill -KILL "$etcd" 2>/dev/null
    done
    return 1
}

start_node() {
    local name=$1 dir=${2:-$work/lab/$1} member=${3:-$1} fifo=$work/$1.fifo line said
    rm -f "$fifo"
    mkfifo "$fifo"
    "$clearline" serve --listen 127.0.0.1:0 --genesis "$work/lab/genesis" --member "$member" --data "$dir" --etcd "$etcd_url" \
        --allow-old-etcd --peer-listen 127.0.0.1:0 --token-key "$work/lab/tokens/public.pem" --operator-key "$work/lab/tokens/public.pem" --allow-http \
        2>"$fifo" >/dev/null &
    nodes[$name]=$!
    exec {said}<"$fifo"
    urls[$name]=
    while IFS= read -r -t 30 line <&"$said"; do
        printf '%s\n' "$line" >>"$work/$name.log"
        case $line in "listening on "*) urls[$name]=${line#listening on } ;; esac
        [ "$line" = "joined the network" ] && break
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
    answer=$(printf "%s\n" "$reply" | tail -n +3)
}
