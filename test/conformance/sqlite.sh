#!/bin/bash
# sqlite.sh - the suite against a node with the embedded journal, logging each request.
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/lib.sh"
judge --access-log "$work/access.log"
