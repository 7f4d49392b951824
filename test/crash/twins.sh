#!/bin/bash
# twins.sh - two processes on copies of one folder; the long check does it twenty times.
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 2
if ! command -v etcd >/dev/null; then
    echo "ok 1 - two processes with one key # SKIP etcd (etcd-server) is not installed"
    echo "1..1"
    exit 0
fi
exec python3 -B test/crash/twins.py "${B:-build/release}/clearline" "$([ -n "${CHECK_ALL:-}" ] && echo 20 || echo 2)" ${SEED:+"$SEED"}
