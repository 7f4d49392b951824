#!/bin/bash
# tls.sh - a network as docs/operating.md deploys it: certificates towards clients, peers and etcd; who shows another one is not believed.
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/network.sh"

if ! command -v etcd >/dev/null || ! command -v openssl >/dev/null; then
    skip "members deploy with certificates" "there is no etcd (Debian: etcd-server), or no openssl"
    finish
fi

OIR=/dss/v1/operational_intent_references
members="north south west"
declare -A port ca_of cert_of etcd_cert_of

authority() { # NAME: a CA
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$work/$1.key" -out "$work/$1.pem" -days 2 \
        -subj "/CN=$1" 2>/dev/null
}

certify() { # FILE CA HOST: FILE.pem and FILE.key, good for that host and for loopback's address
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -CA "$work/$2.pem" -CAkey "$work/$2.key" \
        -keyout "$work/$1.key" -out "$work/$1.pem" -days 2 -subj "/O=$1" -addext basicConstraints=CA:FALSE \
        -addext "subjectAltName=DNS:$3${4:+,$4}" 2>/dev/null
}

says() { # NAME TEXT: waits until the node's log has it
    timeout 60 tail -n +1 -f --pid="${nodes[$1]}" "$work/$1.log" 2>/dev/null | grep -q -m 1 -F -- "$2"
}

# serve_member NAME [OPTION...]: the line of docs/operating.md, "Found", with free ports and hosts that lie on loopback.
serve_member() {
    local name=$1
    shift
    : >"$work/$name.log"
    "$clearline" serve --data "$work/$name" --genesis "$work/line1.genesis" --member "${name%2}" --listen 127.0.0.1:0 \
        --audience "dss.$name.example" --tls-cert "$work/${cert_of[$name]}.pem" --tls-key "$work/${cert_of[$name]}.key" \
        --issuers "$work/issuers.json" --operator-key "$work/operator/public.pem" \
        --peer-listen "127.0.0.1:${port[$name]}" --peer-url "https://$name.localhost:${port[$name]}" --peer-ca "$work/${ca_of[$name]}.pem" \
        --etcd "$etcd_url" --etcd-cacert "$work/etcd-ca.pem" --allow-old-etcd "$@" 2>"$work/$name.log" >/dev/null &
    nodes[$name]=$!
    says "$name" "peers reach it at https://$name.localhost:${port[$name]}" || return 1
    urls[$name]=$(sed -n 's/^listening on //p' "$work/$name.log")
}

start() { serve_member "$1" --etcd-cert "$work/$1-etcd.pem" --etcd-key "$work/$1-etcd.key" "${@:2}"; }

operate() { # NAME COMMAND...
    local name=$1
    shift
    run "$@" --url "${urls[$name]}" --audience "dss.$name.example" --key "$work/operator/private.pem" --ca "$work/members-ca.pem"
}

fact() { operate "$1" status --json; say "$out" "$2"; }

comes() { # NAME EXPRESSION VALUE: waits until it is so
    local end=$((SECONDS + 60)) now=
    while [ $SECONDS -lt $end ]; do
        now=$(fact "$1" "$2" 2>/dev/null)
        [ "$now" = "$3" ] && return 0
    done
    is "$now" "$3"
}

signed_by() { comes "$1" "j['signing']['members_signed'] >= $2 and j['signing']['full_size'] == 2 * j['position']" True; }

n_put=0
put() { # NAME: an intent somewhere else; sets status
    local token
    n_put=$((n_put + 1))
    token=$("$clearline" token --key "$work/uss/private.pem" --sub uss1 --scope utm.strategic_coordination --audience "dss.$1.example" \
        --issuer https://auth.example)
    status=$(SSL_CERT_FILE=$work/members-ca.pem python3 test/cli/request.py PUT "${urls[$1]}$OIR/$(python3 -c 'import uuid; print(uuid.uuid4())')" \
        "Bearer $token" "$(intent 47 $n_put | sed 's,http://uss.test,https://uss.test,g')" | sed -n 1p)
}

trouble="[n['trouble'] for m in j['members'] if m['member'] == 'west' for n in m['nodes']][0]"
failed_calls() { fact "$1" "j['signing']['calls_failed']"; }

authority members-ca
authority etcd-ca
authority foreign-ca
certify etcd etcd-ca localhost IP:127.0.0.1
read -r port[north] port[south] port[west] <<<"$(free_ports)"
read -r port[north2] _ <<<"$(free_ports)"
for name in $members north2; do
    certify $name members-ca $name.localhost IP:127.0.0.1
    certify $name-etcd etcd-ca $name.localhost
    cert_of[$name]=$name ca_of[$name]=members-ca
done
certify west-foreign foreign-ca west.localhost IP:127.0.0.1
certify west-other members-ca other.localhost IP:127.0.0.1
"$clearline" token --new-key "$work/operator" --kind ed25519 >/dev/null
"$clearline" token --new-key "$work/uss" --kind ed25519 >/dev/null
echo "[{\"iss\": \"https://auth.example\", \"pem\": [\"$work/uss/public.pem\"]}]" >"$work/issuers.json"

for name in $members; do
    run init member --name $name --data "$work/$name" --peer-url "https://$name.localhost:${port[$name]}" --out "$work/$name.member"
    check "$name makes its keys and its card" is "$code" 0
done
run init genesis --origin airspace.example/line1 --out "$work/line1.genesis" "$work/north.member" "$work/south.member" "$work/west.member"
check "a genesis is made of the cards" is "$code" 0
for name in $members; do
    run init join --genesis "$work/line1.genesis" --data "$work/$name" --peer-url "https://$name.localhost:${port[$name]}"
    check "$name signs its join" is "$code" 0
    mv "$work/$name/keys/root.key" "$work/$name.root.key"
done

etcd_scheme=https
etcd_options=(--client-cert-auth --trusted-ca-file "$work/etcd-ca.pem" --cert-file "$work/etcd.pem" --key-file "$work/etcd.key")
check "etcd wants certificates of its clients" start_etcd
check "without one a node is told so" serve_member west
check "and says that it does not know the order" says west "WARNING: the order is not known: $etcd_url"
stop_node west
for name in $members; do check "$name's node starts" start $name; done
for name in $members; do check "$name joins" says $name "joined the network"; done
operate north participant add uss1 --root "$work/north.root.key"
check "north records its participant" is "$code" 0
put north
check "which plans" is "$status" 201
operate south line suspend --reason "talks broken off"
operate south line resume --reason "talks resumed"
operate north line history --member south --json
check "whose history is read over TLS, too" is "$(printf '%s\n' "$out" | sed 's/.*"event":"\([a-z]*\)".*/\1/' | tr '\n' ' ')" "suspended resumed "
run log digest --target "${urls[north]}" --audience dss.north.example --key "$work/operator/private.pem" --ca "$work/members-ca.pem"
check "as is its journal" is "$code" 0
for name in $members; do check "all sign what $name has" signed_by $name 3; done

operate south member join --node "$work/north2" --root "$work/north.root.key" --peer-url "https://north2.localhost:${port[north2]}"
check "a new node is joined" is "$code" 0
ca_of[north2]=foreign-ca
check "where peers are not believed" start north2 --peer "https://south.localhost:${port[south]}"
check "nothing is taken over from them" is "$(fact north2 "j['taken_over']['entries']")" 0
check "it says why" has "$(fact north2 "j['taken_over']['last']")" "certificate"
stop_node north2
rm -f "$work"/north2/journal.db* "$work"/north2/snapshot-*
ca_of[north2]=members-ca
check "where they are" start north2 --peer "https://south.localhost:${port[south]}"
check "it takes over what they have" has "$(cat "$work/north2.log")" "took over"
check "and signs with them" signed_by north2 3
stop_node north2

# west shows a certificate that the others have no reason to believe.
for shown in "west-foreign certificate" "west-other host"; do
    read -r cert_of[west] word <<<"$shown"
    stop_node west
    check "west comes with a certificate of another ${word/certificate/authority}" start west
    for name in north south; do
        check "$name does not believe it, and names what is wrong" comes $name "'SSL' in $trouble and '$word' in $trouble" True
    done
    check "the log says that it is not reached" says north "is not reached: https://west.localhost:${port[west]}/peer/v1/round: "
    operate north status
    check "and where a person looks" has "$out" "west's node"
    before=$(failed_calls north)
    check "each call is counted" comes north "j['signing']['calls_failed'] > $before" True
    put north
    check "the line goes on" is "$status" 201
    check "and signs" signed_by south 2
    cert_of[west]=west
    stop_node west
    check "with its own certificate" start west
    check "west is believed" comes north "$trouble" ""
    check "which the log says, too" says north "is reached again"
    check "and all sign" signed_by south 3
done

run serve --data "$work/west" --genesis "$work/line1.genesis" --etcd "$etcd_url" --peer-listen 127.0.0.1:0 --peer-ca "$work/none.pem"
check "a file of certificates that is not there is told at the start" has "$err" "none.pem: No such file"
finish
