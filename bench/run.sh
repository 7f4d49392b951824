#!/bin/bash
# run.sh - the bench table: each row beside its floor, in the same minutes, on the same machine.
# SPDX-License-Identifier: Apache-2.0
#
#   bench/run.sh [ROW...]        B1 B1S B1D B5 B6 B7 B8 B12 (all)
#
# Environment: ROUNDS=5 (medians and ranges are over them), SECS=5 (of each measurement), BENCH_DIR (where data folders lie;
# default: a folder under build/, on disk), PARTICIPANTS=1, RATES="0.5 0.8" (shares of the peak for the latencies of B1),
# ENTITIES=1000000 (of the part of B7 in process), OUT (JSON lines; default build/bench/results.jsonl), V (build variant), B (the
# folder with what `make bench` built; default build/$V).
#
# On a machine that has no compiler: bring this checkout's bench/ and, as B, the programs clearline, bench/{load,floor,store,bench_apply}
# and bench/slow/{clearline,floor} (COMMIT=... says of what; `make bench-pack` puts all that in one file). They need the libraries
# of README.md, bash, awk, sed and coreutils.
#
# CPU is the server's processor time a request: on processors shared with others it holds still where rates do not, and one
# second of it over it is the requests a second that one processor carries.
#
# Every measurement ends with an error if one answer was wrong: lost in the sum, a wrong acceptance would be worth nothing.
set -u
cd "$(dirname "$0")/.." || exit 2

V=${V:-release}
B=$(realpath -m "${B:-build/$V}")
ROUNDS=${ROUNDS:-5}
SECS=${SECS:-5}
PARTICIPANTS=${PARTICIPANTS:-1}
RATES=${RATES:-0.5 0.8}
OUT=${OUT:-build/bench/results.jsonl}
rows=${*:-B1 B1S B1D B5 B6 B7 B8 B12}
program=$B/clearline
load=$B/bench/load
floor=$B/bench/floor
store=$B/bench/store
apply=$B/bench/bench_apply
slow=$B/bench/slow # The program and the bare server with syncs that take 2 ms longer.
mkdir -p "$(dirname "$OUT")" "${BENCH_DIR:=$PWD/build/bench}"
work=$(mktemp -d "$BENCH_DIR/run-XXXXXX") || exit 2
tokens=()
server=

stop_server() {
    [ -n "$server" ] || return 0
    exec 9>&- # The floor ends with its input.
    kill -TERM "$server" 2>/dev/null
    wait "$server" 2>/dev/null
    server=
    rm -rf "$work/data"
}
trap 'stop_server; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# Starts COMMAND... and waits for its line "listening on URL"; sets url and server.
start_server() {
    local line
    rm -f "$work/log" "$work/in"
    mkfifo "$work/log" "$work/in"
    "$@" <"$work/in" 2>"$work/log" >/dev/null &
    server=$!
    exec 9>"$work/in"
    exec 8<"$work/log"
    url=
    while read -r line <&8; do
        case $line in
        *"listening on http"*) url=${line##*listening on }; url=${url%% *}; break ;;
        *) echo "$line" >&2 ;;
        esac
    done
    [ -n "$url" ] || { echo "run.sh: $1 did not start" >&2; exit 2; }
    cat <&8 >"$work/server.log" &
    exec 8<&-
}

start_node() {
    mkdir -p "$work/data"
    start_server "${1:-$program}" serve --listen 127.0.0.1:0 --data "$work/data" --token-key "$work/key/public.pem" \
        --audience localhost --allow-http
}

start_floor() {
    mkdir -p "$work/data"
    start_server "${1:-$floor}" "$work/data" 400
}

make_tokens() {
    local i
    "$program" token --new-key "$work/key" --kind rsa >/dev/null || exit 2
    for ((i = 1; i <= PARTICIPANTS; i++)); do
        "$program" token --key "$work/key/private.pem" --sub "uss$i" --audience localhost \
            --scope "utm.strategic_coordination utm.constraint_processing" >"$work/token$i" || exit 2
        tokens+=(--token "$work/token$i")
    done
}

# measure ROW WHAT OPTION...: one run of the generator; sets result (its JSON).
measure() {
    local row=$1 what=$2
    shift 2
    result=$("$load" --target "$url" "${tokens[@]}" --pid "$server" --seconds "$SECS" --json "$@") || {
        echo "run.sh: $row $what failed: load $*" >&2
        failed=1
    }
    printf '{"row":"%s","what":"%s","result":%s}\n' "$row" "$what" "${result:-null}" >>"$OUT"
}

# field NAME OBJECT: a number of the last result.
field() {
    printf '%s' "$result" | sed -n "s/.*\"$2\":{[^}]*\"$1\":\([0-9.]*\).*/\1/p"
}

plain_field() {
    printf '%s' "$result" | sed -n "s/.*\"$1\":\([0-9.]*\).*/\1/p"
}

# A metric of the running node.
metric() {
    local address=${url#http://}
    exec 7<>"/dev/tcp/${address%:*}/${address##*:}" || return
    printf 'GET /metrics HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n' "$address" >&7
    tr -d '\r' <&7 | awk -v name="$1" '$1 == name { print $2 }'
    exec 7<&-
}

median() { # Numbers as arguments: "median (least .. most)".
    printf '%s\n' "$@" | sort -n | awk '{ v[NR] = $1 } END { if (NR) printf "%s (%s .. %s)", v[int((NR + 1) / 2)], v[1], v[NR] }'
}

middle() {
    printf '%s\n' "$@" | sort -n | awk '{ v[NR] = $1 } END { if (NR) print v[int((NR + 1) / 2)] }'
}

quotient() {
    awk -v a="$1" -v b="$2" 'BEGIN { if (b > 0) printf "%.2f", a / b }'
}

say() {
    printf '%-5s %-58s %s\n' "$1" "$2" "$3"
}

# pair ROW TEXT NODE_OPTIONS FLOOR_OPTIONS [PROGRAM FLOOR]: accepted writes per second of node and floor, by turns.
pair() {
    local row=$1 text=$2 i ours=() theirs=() cpu=() floor_cpu=()
    for ((i = 0; i < ROUNDS; i++)); do
        start_floor "${6:-}"
        measure "$row" "floor: $text" $4
        theirs+=("$(field per_s accepted)")
        floor_cpu+=("$(plain_field server_us)")
        stop_server
        start_node "${5:-}"
        measure "$row" "$text" $3
        ours+=("$(field per_s accepted)")
        cpu+=("$(plain_field server_us)")
        p99s[i]=$(field p99_us accepted)
        stop_server
    done
    peak=$(middle "${ours[@]}")
    say "$row" "$text, writes/s" "$(median "${ours[@]}")   p99 $(median "${p99s[@]}") us"
    say "" "  CPU us a write" "$(median "${cpu[@]}")"
    say "" "  bare server" "$(median "${theirs[@]}")   ratio $(quotient "$peak" "$(middle "${theirs[@]}")")"
    say "" "  bare server, CPU us a write" "$(median "${floor_cpu[@]}")"
}

row_B1() { # Busy cell: 1,500 live, 10 overlaps, one subscription that matches beside 1,500 that do not.
    local n share rate p50 i common="--live 1500 --overlaps 10 --matched 1"
    for n in 8 32 64; do
        pair B1 "busy cell, $n connections" "$common --unmatched 1500 --probe-every 1000 --connections $n" "$common --connections $n"
    done
    for share in $RATES; do
        rate=$(awk -v p="$peak" -v s="$share" 'BEGIN { printf "%.0f", p * s }')
        p50=() p99s=()
        for ((i = 0; i < ROUNDS; i++)); do
            start_node
            measure B1 "open loop at $share" $common --unmatched 1500 --connections 64 --rate "$rate"
            p50+=("$(field p50_us accepted)")
            p99s[i]=$(field p99_us accepted)
            stop_server
        done
        say B1 "latency at $rate/s ($share of the peak), p50 us" "$(median "${p50[@]}")"
        say "" "  p99 us" "$(median "${p99s[@]}")"
    done
}

row_B1S() { # The same with all 1,500 subscriptions matching (decision G2): each answer is 135 kB.
    pair B1S "busy cell, 1,500 matched, 32 connections" "--matched 1500 --connections 32" "--connections 32"
}

row_B1D() { # Every sync 2 ms longer: group commit has to keep 80 % of the rate.
    local quick
    pair B1D "busy cell, 256 connections" "--live 2816 --connections 256 --unmatched 1500" "--connections 256"
    quick=$peak
    pair B1D "the same, syncs of 2 ms" "--live 2816 --connections 256 --unmatched 1500" "--connections 256" \
        "$slow/clearline" "$slow/floor"
    say B1D "kept with syncs of 2 ms (goal 0.8)" "$(quotient "$peak" "$quick")"
}

row_B5() { # Unloaded latency: one client that creates, activates, deletes; creates are quoted.
    local i p50=() p99=() f50=() disk=()
    for ((i = 0; i < ROUNDS; i++)); do
        disk+=("$("$store" "$work" 0 0.5 | awk '/^fdatasync/ { for (i = 1; i < NF; i++) if ($i == "p50") print $(i + 1) }' | head -1)")
        start_floor
        measure B5 "floor" --connections 1 --live 1 --overlaps 0
        f50+=("$(field p50_us create)")
        stop_server
        start_node
        measure B5 "one client" --connections 1 --live 1 --overlaps 0
        p50+=("$(field p50_us create)")
        p99+=("$(field p99_us create)")
        stop_server
    done
    say B5 "one client, create, p50 us" "$(median "${p50[@]}")"
    say "" "  p99 us" "$(median "${p99[@]}")"
    say "" "  bare server, p50 us" "$(median "${f50[@]}")   ratio $(quotient "$(middle "${p50[@]}")" "$(middle "${f50[@]}")")"
    say "" "  fdatasync of 4 KiB alone, p50 us" "$(median "${disk[@]}")"
}

row_B6() { # Queries over 100,000 live intents; the floor is the same server's /healthy.
    local i ours=() floors=() p99=() cpu=() floor_cpu=() hits rate
    start_node
    measure B6 "fill" --workload query --live 100000 --connections 64 --warm-up 0 --seconds 0.1
    for ((i = 0; i < ROUNDS; i++)); do
        measure B6 "/healthy" --workload healthy --connections 32
        floors+=("$(field per_s accepted)")
        floor_cpu+=("$(plain_field server_us)")
        measure B6 "queries" --workload query --live 0 --connections 32
        ours+=("$(field per_s accepted)")
        cpu+=("$(plain_field server_us)")
        hits=$(plain_field hits)
        rate=$(awk -v p="${ours[0]}" 'BEGIN { printf "%.0f", p / 2 }')
        measure B6 "queries at half load" --workload query --live 0 --connections 32 --rate "$rate"
        p99+=("$(field p99_us query)")
    done
    stop_server
    say B6 "queries/s, $hits hits each" "$(median "${ours[@]}")"
    say "" "  p99 us at half load" "$(median "${p99[@]}")"
    say "" "  CPU us a query: queries/s a core" "$(median "${cpu[@]}"): $(quotient 1000000 "$(middle "${cpu[@]}")")"
    say "" "  /healthy, requests/s" "$(median "${floors[@]}")"
    say "" "  CPU us: requests/s a core" "$(median "${floor_cpu[@]}"): $(quotient 1000000 "$(middle "${floor_cpu[@]}")")"
}

# ratio TEXT GOAL BASE_OPTIONS OPTIONS [EACH]: CPU of a write with OPTIONS over that with BASE_OPTIONS, by turns; EACH: how many
# more of what is counted, for the price of one (two of three writes are PUTs).
ratio() {
    local i base=() ours=()
    for ((i = 0; i < ROUNDS; i++)); do
        start_node
        measure B7 "$1: base" --connections 8 $3
        base+=("$(plain_field server_us)")
        stop_server
        start_node
        measure B7 "$1" --connections 8 $4
        ours+=("$(plain_field server_us)")
        stop_server
    done
    say B7 "$1 (goal $2)" "$(awk -v b="$(middle "${base[@]}")" -v o="$(middle "${ours[@]}")" -v each="${5:-0}" 'BEGIN {
        if (b <= 0) exit
        printf "%.2f times: %.1f us against %.1f", o / b, o, b
        if (each) printf ", %.0f ns each", (o - b) / each * 1.5e3 }')"
}

row_B7() {
    ratio "live intents in 1,000 places: 1,100 to 110,000" "1.3" "--live 1100 --places 100" "--live 110000 --places 1000"
    ratio "same cell, other heights: 1,000 to 100,000" "1.5" "--live 1000 --overlaps 0" "--live 100000 --overlaps 0"
    ratio "overlaps and their OVNs: 10 to 1,000" "100 + 100 ns" "--live 1100 --overlaps 10" \
        "--live 8008 --overlaps 1000 --extras 0" 990
    ratio "key: 10 to 10,000 strings that name nothing" "100 ns" "--extras 10" "--extras 10000" 9990
    ratio "subscriptions that match: 1 to 1,000" "150 ns and the answer" "--matched 1" "--matched 1000" 999
    ratio "subscriptions that do not: 0 to 100,000" "1.1" "--unmatched 0" "--unmatched 100000"
    "$apply" ${ENTITIES:-1000000} | while IFS= read -r line; do say B7 "in process" "$line"; done
}

row_B8() { # Fan-out.
    pair B8 "1,000 subscriptions match, 32 connections" "--matched 1000 --connections 32" "--connections 32"
}

row_B12() { # Bytes: of the log per write, of the disk per whole flight, of memory per live intent.
    local before after changes bytes disk writes
    start_floor # 400 bytes a write, as the goal has it.
    measure B12 "floor" --live 1500 --overlaps 10 --connections 32 --keep
    disk=$(stat -c %s "$work/data/floor.db")
    writes=$(metric journal_changes_total)
    say B12 "bare server, floor.db bytes a flight (three writes of 400)" "$(awk -v d="$disk" -v c="$writes" 'BEGIN { if (c) printf "%.0f", 3 * d / c }')"
    stop_server
    start_node
    measure B12 "busy cell" --live 1500 --overlaps 10 --connections 32 --unmatched 1500 --keep
    bytes=$(metric journal_written_bytes_total)
    changes=$(metric journal_changes_total)
    disk=$(stat -c %s "$work/data/journal.db")
    say B12 "entry bytes a write" "$(awk -v b="$bytes" -v c="$changes" 'BEGIN { if (c) printf "%.0f", b / c }')"
    say B12 "journal.db bytes a flight (three writes)" "$(awk -v d="$disk" -v c="$changes" 'BEGIN { if (c) printf "%.0f", 3 * d / c }')"
    stop_server
    start_node
    before=$(awk '/^VmRSS/ { print $2 }' "/proc/$server/status")
    measure B12 "memory" --live 110000 --places 1000 --connections 32 --warm-up 0 --seconds 0.1 --keep
    after=$(awk '/^VmRSS/ { print $2 }' "/proc/$server/status")
    say B12 "memory bytes a live intent" "$(awk -v b="$before" -v a="$after" 'BEGIN { printf "%.0f", (a - b) * 1024 / 110000 }')"
    stop_server
}

failed=0
p99s=()
for needed in "$program" "$load" "$floor" "$store" "$apply" "$slow/clearline" "$slow/floor"; do
    [ -x "$needed" ] || { echo "run.sh: $needed is not built (make bench)" >&2; exit 2; }
done
: >"$OUT"
make_tokens
machine=$(awk -F': ' '/^model name/ { print $2; exit }' /proc/cpuinfo)
commit=${COMMIT:-$(cat "$B/bench/commit" 2>/dev/null || git describe --always --dirty 2>/dev/null || echo unknown)}
disk=$(df --output=fstype "$work" | tail -1)
echo "machine: $machine, $(nproc) processors, $(uname -sr); data on $disk; commit $commit; variant $V"
echo "rounds $ROUNDS, $SECS s each, $PARTICIPANTS participant(s); generator on the same processors; median (least .. most)"
printf '{"machine":"%s","processors":%s,"system":"%s","data_on":"%s","commit":"%s","variant":"%s","rounds":%s,"seconds":%s}\n' \
    "$machine" "$(nproc)" "$(uname -sr)" "$disk" "$commit" "$V" "$ROUNDS" "$SECS" >>"$OUT"
"$store" "$work" 0 0.5 | sed -n '/^fdatasync/ { s/^/disk: /; p; q }'
for row in $rows; do
    declare -F "row_$row" >/dev/null || { echo "run.sh: no row $row" >&2; exit 2; }
    "row_$row"
done
echo "details: $OUT"
exit $failed
