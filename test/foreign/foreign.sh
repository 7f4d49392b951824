#!/bin/bash
# foreign.sh - programs that others wrote check the logs that we write, and refuse them when they were tampered with.
# SPDX-License-Identifier: Apache-2.0
#
#     golang.org/x/mod/sumdb       Debian's golang-golang-x-mod-dev: notes, tiles, inclusion, consistency
#     openssl                      signatures of checkpoints, cosignatures and entries
#     @sigstore/verify             checkpoints, inclusion   } npm, in build/npm by our lockfile:
#     @auth0/cose, cborg           entries, encoding        } ./test.sh installs them
#
# What is not installed is skipped. Needs $B/test/foreign/write_log (make tests).
set -u
cd "$(dirname "$0")/../.." || exit 2
B=${B:-build/release}
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT

n=0
failed=0
ok() { n=$((n + 1)); echo "ok $n - $1"; }
not_ok() { n=$((n + 1)); failed=1; echo "not ok $n - $1"; sed 's/^/# /' "$work/said" | head -5; }
skip() { n=$((n + 1)); echo "ok $n - $1 # SKIP $2"; }
accepts() { local name=$1; shift; if "$@" >"$work/said" 2>&1; then ok "$name"; else not_ok "$name"; fi; }
refuses() { local name=$1; shift; if "$@" >"$work/said" 2>&1; then not_ok "$name"; else ok "$name"; fi; }

# flip FILE OFFSET: changes one bit of the byte there.
flip() {
    local byte
    byte=$(od -An -tu1 -j "$2" -N1 "$1")
    printf "\\x$(printf %02x $((byte ^ 1)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# tampered NAME FILE OFFSET: a copy of the log in $work/NAME with one bit changed.
tampered() {
    cp -r "$work/log" "$work/$1"
    flip "$work/$1/$2" "$3"
}

for entries in 3 64 128 300; do
    mkdir "$work/log.$entries"
    "$B/test/foreign/write_log" "$work/log.$entries" "$entries" || { echo "Bail out! write_log failed"; exit 1; }
done
cp -r "$work/log.300" "$work/log"
root_at=$(($(head -2 "$work/log/checkpoint" | wc -c) + 4))
log_line=$(sed -n 5p "$work/log/checkpoint")
signature_at=$(($(head -4 "$work/log/checkpoint" | wc -c) + ${#log_line} / 2))
tampered bad-root checkpoint "$root_at"
tampered bad-signature checkpoint "$signature_at"
tampered bad-tile tile/0/001 4000
tampered bad-leaf tile/entries/000 4000
tampered bad-edge tile/0/002.p/88 31
tampered bad-receipt receipt.0 60
tampered bad-consistency consistency 40
tampered bad-cosigner key.cosigner 30

# Go.
if ! command -v go >/dev/null; then
    skip "Go's sumdb modules" "no go"
elif [ ! -d /usr/share/gocode/src/golang.org/x/mod/sumdb ]; then
    skip "Go's sumdb modules" "no golang-golang-x-mod-dev"
else
    mkdir -p "$B/go-cache"
    cp test/foreign/verify.go "$work/verify.go"
    accepts "the Go verifier builds" env GO111MODULE=off GOPATH=/usr/share/gocode GOFLAGS= GOTOOLCHAIN=local \
        GOCACHE="$(realpath "$B/go-cache")" go build -o "$work/verify" "$work/verify.go"
    for entries in 3 64 128 300; do
        accepts "Go accepts a log of $entries entries" "$work/verify" "$work/log.$entries"
    done
    for bad in root signature tile leaf edge receipt consistency cosigner; do
        refuses "Go refuses a log with a bad $bad" "$work/verify" "$work/bad-$bad"
    done
fi

# OpenSSL: $1 raw public key as a file, $2 message, $3 signature.
ed25519() {
    { printf '\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00'; cat "$1"; } >"$work/public.der"
    openssl pkeyutl -verify -pubin -keyform DER -inkey "$work/public.der" -rawin -in "$2" -sigfile "$3"
}
raw_key() { sed 's/^[^+]*+[^+]*+//' "$1" | base64 -d | tail -c 32; }
# Takes the note $1 apart: text, log signature, cosignature and the message that it signs.
take_apart() {
    head -3 "$1" >"$work/text"
    sed -n 5p "$1" | cut -d' ' -f3 | base64 -d | tail -c 64 >"$work/log.sig"
    sed -n 6p "$1" | cut -d' ' -f3 | base64 -d >"$work/cosignature"
    tail -c 64 "$work/cosignature" >"$work/cosigner.sig"
    printf 'cosignature/v1\ntime %d\n' "0x$(od -An -tx1 -j4 -N8 "$work/cosignature" | tr -d ' ')" >"$work/cosigned"
    cat "$work/text" >>"$work/cosigned"
}
if ! command -v openssl >/dev/null; then
    skip "OpenSSL's command line" "no openssl"
else
    raw_key "$work/log/key.log" >"$work/log.raw"
    raw_key "$work/log/key.cosigner" >"$work/cosigner.raw"
    take_apart "$work/log/checkpoint"
    accepts "OpenSSL accepts the log's signature" ed25519 "$work/log.raw" "$work/text" "$work/log.sig"
    accepts "OpenSSL accepts the cosignature" ed25519 "$work/cosigner.raw" "$work/cosigned" "$work/cosigner.sig"
    refuses "OpenSSL refuses the log's signature as a cosignature" ed25519 "$work/cosigner.raw" "$work/cosigned" "$work/log.sig"
    take_apart "$work/bad-root/checkpoint"
    refuses "OpenSSL refuses another root" ed25519 "$work/log.raw" "$work/text" "$work/log.sig"
    refuses "OpenSSL refuses the cosignature of another root" ed25519 "$work/cosigner.raw" "$work/cosigned" "$work/cosigner.sig"

    # The first entry: COSE's Sig_structure is put together from its parts.
    bundle=$work/log/tile/entries/000
    size=$((0x$(od -An -tx1 -N2 "$bundle" | tr -d ' ')))
    tail -c +3 "$bundle" | head -c "$size" >"$work/entry"
    tail -c 64 "$work/entry" >"$work/entry.sig"
    { printf 'deconfliction-line/entry/v1\0'; head -1 "$work/log/checkpoint" | tr -d '\n'; } >"$work/aad"
    {
        printf '\x84\x6aSignature1'
        head -c 15 "$work/entry" | tail -c 14
        printf "\\x58\\x$(printf %02x "$(wc -c <"$work/aad")")"
        cat "$work/aad"
        tail -c +17 "$work/entry" | head -c -66
    } >"$work/signed"
    accepts "OpenSSL accepts an entry's signature" ed25519 "$work/log/author" "$work/signed" "$work/entry.sig"
    flip "$work/signed" 100
    refuses "OpenSSL refuses another entry" ed25519 "$work/log/author" "$work/signed" "$work/entry.sig"
fi

# npm.
if ! command -v node >/dev/null; then
    skip "npm's verifiers" "no node"
elif [ ! -d build/npm/node_modules ]; then
    skip "npm's verifiers" "not installed: ./test.sh does it"
else
    cp test/foreign/verify.mjs build/npm/ # Modules are looked for beside the program.
    for entries in 3 64 128 300; do
        accepts "npm's verifiers accept a log of $entries entries" node build/npm/verify.mjs "$work/log.$entries"
    done
    for bad in leaf receipt; do
        refuses "npm's verifiers refuse a log with a bad $bad" node build/npm/verify.mjs "$work/bad-$bad"
    done
    for bad in root signature; do
        cp "$work/bad-$bad/checkpoint" "$work/note"
        { sed '/^$/q' "$work/log/receipt.0"; cat "$work/note"; } >"$work/bad-$bad/receipt.0"
        refuses "npm's verifiers refuse a receipt with a bad $bad" node build/npm/verify.mjs "$work/bad-$bad"
    done
fi

echo "1..$n"
exit $failed
