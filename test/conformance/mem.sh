#!/bin/bash
# mem.sh - the suite against a node whose journal is in memory, with the cells of InterUSS's DSS.
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/lib.sh"
judge --journal mem --covering dss
