#!/bin/bash
# oracle_geodesic.sh - shortest paths agree with libproj's on 200,000 random lines; in `make check-all` only.
# SPDX-License-Identifier: Apache-2.0
oracle=${B:-build/release}/test/oracle/oracle_geodesic
if [ -z "${CHECK_ALL:-}" ]; then
    echo "1..0 # SKIP part of make check-all"
elif [ ! -x "$oracle" ]; then
    echo "ok 1 - lines_agree_with_libproj # SKIP libproj-dev or libs2-dev is not installed"
    echo "1..1"
else
    exec "$oracle"
fi
