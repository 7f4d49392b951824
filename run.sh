#!/bin/bash
# run.sh - installs what is missing, builds, and shows the demo.
# SPDX-License-Identifier: Apache-2.0
#
#   ./run.sh               the demo
#   ./run.sh serve ...     any other subcommand of build/clearline
set -euo pipefail
cd "$(dirname "$0")"
. tools/packages.sh

install_packages "${BUILD_PACKAGES[@]}"
make -s -j"$(nproc)"
[ $# -gt 0 ] || set -- demo
exec build/clearline "$@"
