#!/bin/bash
# kills.sh - kills the real process at random moments: 20 times in the default check, 200 in the long one.
# SPDX-License-Identifier: Apache-2.0
exec python3 -B test/crash/kills.py "${B:-build/release}/clearline" "$([ -n "${CHECK_ALL:-}" ] && echo 200 || echo 20)" ${SEED:+"$SEED"}
