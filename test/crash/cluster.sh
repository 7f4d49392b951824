#!/bin/bash
# cluster.sh - three nodes, three etcd servers, what breaks and what must hold; the long check does 100 rounds.
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 2
if ! command -v etcd >/dev/null; then
    echo "ok 1 - three nodes on etcd # SKIP etcd (etcd-server) is not installed"
    echo "1..1"
    exit 0
fi
exec python3 -B test/crash/cluster.py "${B:-build/release}/clearline" "$([ -n "${CHECK_ALL:-}" ] && echo 100 || echo 3)" ${SEED:+"$SEED"}
