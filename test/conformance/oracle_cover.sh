#!/bin/bash
# oracle_cover.sh - coverings equal those of libs2 on 100,000 random polygons; in `make check-all` only.
# SPDX-License-Identifier: Apache-2.0
oracle=${B:-build/release}/test/oracle/oracle_cover
if [ -z "${CHECK_ALL:-}" ]; then
    echo "1..0 # SKIP part of make check-all"
elif [ ! -x "$oracle" ]; then
    echo "ok 1 - polygons_are_covered_as_by_libs2 # SKIP libs2-dev or libproj-dev is not installed"
    echo "1..1"
else
    exec "$oracle"
fi
