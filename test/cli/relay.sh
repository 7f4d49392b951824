#!/bin/bash
# relay.sh - the relay that emulates links between parties keeps its schedule, the order of bytes, and obeys.
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 2
exec python3 test/cli/relay.py "${B:-build/release}/test/tools/relay"
