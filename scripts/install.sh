#!/bin/sh
# Installs what Tidegate needs on Debian or Ubuntu, with apt. Run as root. Does nothing where everything is there.
#   scripts/install.sh run     to build Tidegate, run tasks, and run the demo
#   scripts/install.sh test    that and what the tests need
#   scripts/install.sh node    nothing; says by its exit code whether the console can be built here
set -eu

build="gcc g++ make pkg-config libseccomp-dev libelf-dev zlib1g-dev ca-certificates"
run="e2fsprogs nftables iproute2 iptables busybox-static docker-registry apache2-utils"
test="runc skopeo openssl curl python3 python3-venv sqlite3 tar procps chromium fonts-open-sans"
node_oldest="20.19"

case "${1:-run}" in
run) wanted="$build $run" ;;
test) wanted="$build $run $test" ;;
node) wanted="" ;;
*) echo "usage: scripts/install.sh run|test|node" >&2; exit 2 ;;
esac

# Whatever Node is here is taken, as long as it is new enough for the console's build.
new_enough() {
    [ "$(printf '%s\n' "$node_oldest" "${1:-0}" | sort -V | head -n 1)" = "$node_oldest" ]
}
node_is_good() {
    command -v npm >/dev/null 2>&1 && command -v node >/dev/null 2>&1 && new_enough "$(node --version | tr -d v)"
}
if [ "${1:-run}" = node ]; then
    node_is_good && exit 0
    echo "the console is left out: its build needs Node $node_oldest or newer (https://nodejs.org); everything else works" >&2
    exit 1
fi
if ! node_is_good && [ "$(id -u)" = 0 ]; then
    apt-get update -qq
    # Debian 12 and Ubuntu 24.04 have one that is too old.
    new_enough "$(apt-cache policy nodejs | sed -n 's/^ *Candidate: *\([0-9.]*\).*/\1/p')" && wanted="$wanted nodejs npm"
fi

missing=""
for package in $wanted; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing="$missing $package"
done
if [ -n "$missing" ]; then
    [ "$(id -u)" = 0 ] || { echo "these packages are missing; install them or run this as root:$missing" >&2; exit 1; }
    echo "installing:$missing"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    # shellcheck disable=SC2086  # a list of words
    apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi

if [ "${1:-run}" = test ] && ! node_is_good; then
    echo "the console's build needs Node $node_oldest or newer: install it from https://nodejs.org, then run this again" >&2
    exit 1
fi

if ! command -v cargo >/dev/null 2>&1; then
    if apt-cache show rustup >/dev/null 2>&1; then
        apt-get install -y -qq --no-install-recommends rustup >/dev/null && rustup default stable
    else
        echo "cargo is missing: install Rust 1.95 or newer with rustup (https://rustup.rs), then run this again" >&2
        exit 1
    fi
fi
