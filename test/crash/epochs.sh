#!/bin/bash
# epochs.sh - three etcd servers are put back to old disks, and the members go on in a new epoch; the long check does it ten times in a row.
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 2
if ! command -v etcd >/dev/null; then
    echo "ok 1 - a new epoch after three etcd servers lost data # SKIP etcd (etcd-server) is not installed"
    echo "1..1"
    exit 0
fi
exec python3 -B test/crash/epochs.py "${B:-build/release}/clearline" "$([ -n "${CHECK_ALL:-}" ] && echo 10 || echo 1)" ${SEED:+"$SEED"}
