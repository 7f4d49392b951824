#!/bin/bash
# test.sh - installs what the tests want, builds with both compilers, and runs every test.
# SPDX-License-Identifier: Apache-2.0
#
# Its last line is "N passed, N failed" (", N skipped" may follow); its status is 0 only if nothing failed. Options go to
# tools/check.sh. Everything it makes lies under build/.
set -uo pipefail
cd "$(dirname "$0")" || exit 2
. tools/packages.sh

give_up() {
    echo "$1" >&2
    echo "0 passed, 1 failed"
    exit 1
}

install_packages "${BUILD_PACKAGES[@]}" "${TEST_PACKAGES[@]}" "${TEST_PROGRAMS[@]}" || give_up "packages are missing"
install_npm

echo "Building with gcc, warnings being errors"
make -s -j"$(nproc)" WERROR=-Werror all tests replays || give_up "the build failed"
echo "Building with clang, warnings being errors"
make -s -j"$(nproc)" V=clang WERROR=-Werror objects || give_up "the build with clang failed"

echo "Testing"
SIM_SEEDS=${SIM_SEEDS:-1000} CHECK_TIMEOUT=${CHECK_TIMEOUT:-900} B=build/release exec tools/check.sh "$@"
