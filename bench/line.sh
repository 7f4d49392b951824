#!/bin/bash
# line.sh - the bench table of several members: each row beside etcd's own puts, in the same minutes, on the same machine.
# SPDX-License-Identifier: Apache-2.0
#
#   bench/line.sh [ROW...]       T1 T5 T9 (three members); W1 W5 W9 (seven, behind a relay of 16.5 ms). All.
#
# Environment: ROUNDS=3, SECS=5, BENCH_DIR (default /dev/shm: what is measured is the line and no disk), OUT, V as in run.sh.
#
# One etcd server a member, each node asks its own first. In the rows W all that etcd's servers say to each other passes the relay
# (test/tools/relay.c), one way 16.5 ms +- 7.5 ms. Everything and the generators share this machine's processors.
set -u
cd "$(dirname "$0")/.." || exit 2

V=${V:-release}
ROUNDS=${ROUNDS:-3}
SECS=${SECS:-5}
OUT=${OUT:-build/bench/line.jsonl}
rows=${*:-T1 T5 T9 W1 W5 W9}
program=$PWD/build/$V/clearline
load=$PWD/build/$V/bench/load
raw=$PWD/build/$V/bench/raw_etcd
relay=$PWD/build/$V/test/tools/relay
mkdir -p "$(dirname "$OUT")" "${BENCH_DIR:=/dev/shm}"
work=$(mktemp -d "$BENCH_DIR/line-XXXXXX") || exit 2
pids=()
failed=0

stop_all() {
    local pid
    exec 9>&-
    for pid in "${pids[@]}"; do kill -TERM "$pid" 2>/dev/null; done
    for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null; done
    pids=()
    rm -rf "$work/line"
}
trap 'stop_all; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

free_ports() { # COUNT
    python3 -c 'import socket, sys
s = [socket.socket() for _ in range(int(sys.argv[1]))]
[x.bind(("127.0.0.1", 0)) for x in s]
print(*[x.getsockname()[1] for x in s])' "$1"
}

# start_etcd N [relay]: sets clients (URLs), leader (its index).
start_etcd() {
    local n=$1 i cluster='' ports links=() line
    mkdir -p "$work/line"
    read -ra ports <<<"$(free_ports $((2 * n)))"
    clients=()
    advertised=()
    for ((i = 0; i < n; i++)); do
        clients+=("http://127.0.0.1:${ports[i]}")
        advertised+=("http://127.0.0.1:${ports[n + i]}")
        links+=("e$i=127.0.0.1:0,127.0.0.1:${ports[n + i]}")
    done
    local listen=("${advertised[@]}")
    if [ -n "${2:-}" ]; then
        rm -f "$work/relay.in" "$work/relay.out"
        mkfifo "$work/relay.in" "$work/relay.out"
        "$relay" --delay-ms 16.5 --jitter-ms 7.5 --correlation 0.5 --loss 0.00025 --rate-mbit 27 --seed 1 "${links[@]}" \
            <"$work/relay.in" >"$work/relay.out" &
        pids+=($!)
        exec 9>"$work/relay.in"
        while read -r line; do
            [[ $line =~ ^listening\ e([0-9]+)\ (.*)$ ]] && advertised[${BASH_REMATCH[1]}]=http://${BASH_REMATCH[2]}
            [ "$line" = ready ] && break
        done <"$work/relay.out"
    fi
    for ((i = 0; i < n; i++)); do cluster+=",m$i=${advertised[i]}"; done
    for ((i = 0; i < n; i++)); do
        GOMAXPROCS=2 etcd --name "m$i" --data-dir "$work/line/etcd$i" --listen-client-urls "${clients[i]}" \
            --advertise-client-urls "${clients[i]}" --listen-peer-urls "${listen[i]}" \
            --initial-advertise-peer-urls "${advertised[i]}" --initial-cluster "${cluster#,}" \
            --heartbeat-interval 100 --election-timeout 1000 --logger zap --log-level error \
            >"$work/line/etcd$i.log" 2>&1 &
        pids+=($!)
    done
    for ((i = 0; i < 300; i++)); do
        leader=$(for c in "${clients[@]}"; do
            curl -s -m 2 -XPOST -d '{}' "$c/v3/maintenance/status" | python3 -c 'import json, sys
s = json.load(sys.stdin)
print(s["header"]["member_id"] == s.get("leader"))' 2>/dev/null
        done | grep -n True | head -1 | cut -d: -f1)
        [ -n "$leader" ] && curl -sf -m 5 -XPOST -d '{"key":"Yg==","value":"Yg=="}' "${clients[n - 1]}/v3/kv/put" >/dev/null && break
        sleep 0.1
    done
    [ -n "$leader" ] || { echo "line.sh: etcd has no leader" >&2; cat "$work"/line/etcd*.log >&2; exit 2; }
    leader=$((leader - 1))
}

# start_line N: nodes of N members on the running etcd; sets urls.
start_line() {
    local n=$1 i k names='' endpoints log peers=() ports
    for ((i = 0; i < n; i++)); do names+=",m$i"; done
    read -ra ports <<<"$(free_ports "$n")"
    for ((i = 0; i < n; i++)); do peers+=(--peer-url "m$i=http://127.0.0.1:${ports[i]}"); done
    "$program" init lab --members "${names#,}" --dir "$work/line/lab" --participant uss1 "${peers[@]}" >/dev/null || exit 2
    "$program" token --key "$work/line/lab/tokens/private.pem" --sub uss1 --audience localhost \
        --scope "utm.strategic_coordination utm.constraint_processing" >"$work/token" || exit 2
    urls=()
    for ((i = 0; i < n; i++)); do
        endpoints=
        for ((k = 0; k < n; k++)); do endpoints+=",${clients[(i + k) % n]}"; done
        log=$work/line/node$i.log
        "$program" serve --listen 127.0.0.1:0 --data "$work/line/lab/m$i" --genesis "$work/line/lab/genesis" --member "m$i" \
            --etcd "${endpoints#,}" --allow-old-etcd --peer-listen "127.0.0.1:${ports[i]}" \
            --token-key "$work/line/lab/tokens/public.pem" --audience localhost --allow-http 2>"$log" &
        pids+=($!)
        node_pids[i]=$!
        for ((k = 0; k < 300; k++)); do grep -q '^listening on' "$log" && break; sleep 0.1; done
        urls+=("$(sed -n 's/^listening on \([^ ]*\).*/\1/p' "$log" | head -1)")
        [ -n "${urls[i]}" ] || { echo "line.sh: node $i did not start" >&2; cat "$log" >&2; exit 2; }
    done
    for ((k = 0; k < 300; k++)); do
        [ "$(grep -l '^joined the network' "$work"/line/node*.log | wc -l)" = "$n" ] && break
        sleep 0.1
    done
}

# measure ROW WHAT NODE OPTION...: sets result.
measure() {
    local row=$1 what=$2 node=$3
    shift 3
    result=$("$load" --target "${urls[node]}" --token "$work/token" --pid "${node_pids[node]}" --seconds "$SECS" --json "$@") || {
        echo "line.sh: $row $what failed: load $*" >&2
        failed=1
    }
    printf '{"row":"%s","what":"%s","result":%s}\n' "$row" "$what" "${result:-null}" >>"$OUT"
}

puts() { # ROW ENDPOINTS CLIENTS BYTES: sets result.
    result=$("$raw" "$2" "$3" "$4" "$SECS") || { echo "line.sh: $1: raw_etcd failed" >&2; failed=1; }
    printf '{"row":"%s","what":"puts by %s of %s bytes","result":%s}\n' "$1" "$3" "$4" "${result:-null}" >>"$OUT"
}

field() {
    printf '%s' "$result" | sed -n "s/.*\"$2\":{[^}]*\"$1\":\([0-9.]*\).*/\1/p"
}
middle() { printf '%s\n' "$@" | sort -n | awk '{ v[NR] = $1 } END { if (NR) print v[int((NR + 1) / 2)] }'; }
median() { printf '%s\n' "$@" | sort -n | awk '{ v[NR] = $1 } END { if (NR) printf "%s (%s .. %s)", v[int((NR + 1) / 2)], v[1], v[NR] }'; }
quotient() { awk -v a="$1" -v b="$2" 'BEGIN { if (b > 0) printf "%.2f", a / b }'; }
say() { printf '%-5s %-58s %s\n' "$1" "$2" "$3"; }

metric() { curl -s "${urls[$1]}/metrics" | awk -v name="$2" '$1 == name { print $2 }'; }

# busy ROW N CONNECTIONS NODE WHERE: accepted writes a second at one node, and what entries of that size cost alone.
busy() {
    local row=$1 n=$2 connections=$3 node=$4 i rate=() p50=() p99=() floor=() batch bytes b0 e0 t0
    for ((i = 0; i < ROUNDS; i++)); do
        b0=$(metric "$node" journal_written_bytes_total)
        e0=$(metric "$node" journal_changes_total)
        t0=$(metric "$node" journal_batches_total)
        measure "$row" "busy cell, $connections connections, $5" "$node" --live 1500 --overlaps 10 --matched 1 --unmatched 1500 \
            --probe-every 1000 --connections "$connections"
        rate+=("$(field per_s accepted)")
        p50+=("$(field p50_us accepted)")
        p99+=("$(field p99_us accepted)")
        read -r batch bytes <<<"$(awk -v b="$(($(metric "$node" journal_written_bytes_total) - b0))" \
            -v c="$(($(metric "$node" journal_changes_total) - e0))" -v t="$(($(metric "$node" journal_batches_total) - t0))" \
            'BEGIN { if (t > 0) printf "%.1f %d", c / t, b / t }')"
        puts "$row" "${clients[node]}" 4 "${bytes:-1000}"
        floor+=("$(awk -v p="$(field per_s puts)" -v c="${batch:-1}" 'BEGIN { printf "%.0f", p * c }')")
    done
    say "$row" "busy cell, $connections connections, $5, writes/s" "$(median "${rate[@]}")"
    say "" "  p50, p99 us" "$(median "${p50[@]}"), $(median "${p99[@]}")"
    say "" "  plain puts of as many bytes ($batch writes each) by 4, writes/s" \
        "$(median "${floor[@]}")   ratio $(quotient "$(middle "${rate[@]}")" "$(middle "${floor[@]}")")"
}

# alone ROW NODE WHERE: one client; each create beside one put, by turns.
alone() {
    local row=$1 node=$2 i p50=() p99=() f50=() f99=()
    for ((i = 0; i < ROUNDS; i++)); do
        puts "$row" "${clients[node]}" 1 250
        f50+=("$(field p50_us puts)")
        f99+=("$(field p99_us puts)")
        measure "$row" "one client, $3" "$node" --connections 1 --live 1 --overlaps 0
        p50+=("$(field p50_us create)")
        p99+=("$(field p99_us create)")
    done
    say "$row" "one client, create, $3, p50 us" "$(median "${p50[@]}")   p99 $(median "${p99[@]}")"
    say "" "  one put, p50 us" "$(median "${f50[@]}")   p99 $(median "${f99[@]}")"
    say "" "  ratio of p50, of p99" \
        "$(quotient "$(middle "${p50[@]}")" "$(middle "${f50[@]}")"), $(quotient "$(middle "${p99[@]}")" "$(middle "${f99[@]}")")"
}

# receipts ROW N NODE: from the answer of a write to a checkpoint over it that a majority has signed.
receipts() {
    local found
    found=$(python3 -B bench/receipts.py "${urls[$3]}" "$work/token" "$2" "$SECS") || { failed=1; return; }
    printf '{"row":"%s","what":"receipts","result":%s}\n' "$1" "$found" >>"$OUT"
    say "$1" "answer to checkpoint with a majority's signatures, ms" \
        "$(printf '%s' "$found" | python3 -c 'import json, sys
r = json.load(sys.stdin)
print("p50 %.0f, p99 %.0f, of %d" % (r["p50_ms"], r["p99_ms"], r["n"]))')"
}

# line_row MEMBERS RELAY DO...: starts both, runs DO with the leader's place and a follower's appended.
line_row() {
    local n=$1 relayed=$2
    shift 2
    start_etcd "$n" $relayed
    start_line "$n"
    "$@" "$leader" $(((leader + 1) % n))
    stop_all
}
busy_all() { # ROW MEMBERS CONNECTIONS... LEADER FOLLOWER
    local row=$1 n=$2 words=("${@:3}") k
    local last=$((${#words[@]} - 1))
    for ((k = 0; k < last - 1; k++)); do busy "$row" "$n" "${words[k]}" "${words[last - 1]}" "at the leader's"; done
    busy "$row" "$n" "${words[last - 2]}" "${words[last]}" "at a follower's"
}
alone_both() { # ROW LEADER FOLLOWER
    alone "$1" "$2" "at the leader's"
    alone "$1" "$3" "at a follower's"
}
row_T1() { line_row 3 "" busy_all T1 3 8 32 128 64; }
row_T5() { line_row 3 "" alone_both T5; }
row_T9() { line_row 3 "" receipts T9 3; }
row_W1() { line_row 7 relay busy_all W1 7 64 256; }
row_W5() { line_row 7 relay alone_both W5; }
row_W9() { line_row 7 relay receipts W9 7; }

for needed in "$program" "$load" "$raw" "$relay"; do
    [ -x "$needed" ] || { echo "line.sh: $needed is not built (make bench-line)" >&2; exit 2; }
done
command -v etcd >/dev/null || { echo "line.sh: etcd is not installed (Debian: etcd-server)" >&2; exit 2; }
: >"$OUT"
machine=$(awk -F': ' '/^model name/ { print $2; exit }' /proc/cpuinfo)
echo "machine: $machine, $(nproc) processors, $(uname -sr), $(etcd --version | head -1); data on $(df --output=fstype "$work" | tail -1);" \
    "commit $(git describe --always --dirty 2>/dev/null || echo unknown); variant $V"
echo "rounds $ROUNDS, $SECS s each; generators and etcd on the same processors; median (least .. most)"
for row in $rows; do
    declare -F "row_$row" >/dev/null || { echo "line.sh: no row $row" >&2; exit 2; }
    "row_$row"
done
echo "details: $OUT"
exit $failed
