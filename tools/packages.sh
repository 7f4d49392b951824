# packages.sh - which Debian packages the build and the tests need, and how they get here.
# SPDX-License-Identifier: Apache-2.0
#
# Sourced by run.sh and test.sh. install_packages installs what is missing, says so, and is silent and quick otherwise.

BUILD_PACKAGES=(build-essential pkg-config libmicrohttpd-dev libsqlite3-dev libcurl4-openssl-dev libsimdjson-dev libssl-dev
    zlib1g-dev)
TEST_PACKAGES=(clang libclang-rt-14-dev golang-golang-x-mod-dev)
# Wanted as programs, whoever installed them: program:package.
TEST_PROGRAMS=(etcd:etcd-server python3:python3 openssl:openssl git:git go:golang-go node:nodejs npm:npm)

is_installed() {
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# install_packages PACKAGE|PROGRAM:PACKAGE...
install_packages() {
    local item missing=() as_root=()
    for item in "$@"; do
        case $item in
        *:*) command -v "${item%%:*}" >/dev/null 2>&1 || missing+=("${item#*:}") ;;
        *) is_installed "$item" || missing+=("$item") ;;
        esac
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "This needs Debian 12's packages (or their like): ${missing[*]}" >&2
        return 1
    fi
    if [ "$(id -u)" -ne 0 ]; then
        if ! command -v sudo >/dev/null 2>&1; then
            echo "Packages are missing and there is no sudo. As root: apt-get install ${missing[*]}" >&2
            return 1
        fi
        as_root=(sudo)
    fi
    echo "Installing from Debian: ${missing[*]}"
    # An update that fails for one source of several does not matter if the packages are found all the same.
    "${as_root[@]}" apt-get update -qq || echo "apt-get update failed; trying with the lists that are there" >&2
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
        -o Dpkg::Use-Pty=0 "${missing[@]}" >/dev/null
}

# Verifiers that others wrote, by lockfile, under build/npm. Without a network their tests are skipped.
install_npm() {
    mkdir -p build/npm
    [ -d build/npm/node_modules ] && cmp -s test/foreign/package-lock.json build/npm/package-lock.json && return 0
    echo "Installing from npm, by test/foreign/package-lock.json"
    cp test/foreign/package.json test/foreign/package-lock.json build/npm/
    npm ci --prefix build/npm --cache build/npm/cache --ignore-scripts \
        --no-audit --no-fund --no-update-notifier --loglevel=error && return 0
    rm -rf build/npm/node_modules
    echo "npm ci failed: the tests that use its packages are skipped" >&2
}
