#!/bin/bash
# faults.sh - full disks, failing syncs, damaged files and signals: one damage of each kind in the default check, twenty in the long one.
# SPDX-License-Identifier: Apache-2.0
exec python3 -B test/crash/faults.py "${B:-build/release}/clearline" "$([ -n "${CHECK_ALL:-}" ] && echo 20 || echo 1)" ${SEED:+"$SEED"}
