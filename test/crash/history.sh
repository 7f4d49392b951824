#!/bin/bash
# history.sh - runs the tests of the checker of histories.
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")" || exit 2
exec python3 -B history_test.py
