#!/bin/sh
# Checks what we depend on against deny.toml: licences, banned crates and where crates come from.
#
# Known vulnerabilities are not checked here: their database is fetched over the network, which a build must not
# need. With a network: `cargo deny check advisories`, or this script with --advisories.
set -eu
cd "$(dirname "$0")/.."

CARGO_DENY_VERSION=0.20.2

checks="licenses bans sources"
case "${1:-}" in
    "") ;;
    --advisories) checks="$checks advisories" ;;
    *) echo "usage: scripts/check-dependencies.sh [--advisories]" >&2; exit 2 ;;
esac

if ! cargo deny --version >/dev/null 2>&1; then
    echo "installing cargo-deny $CARGO_DENY_VERSION"
    # Unoptimized, it builds in a third of the time and still checks within seconds.
    CARGO_PROFILE_DEV_DEBUG=0 cargo install --quiet --locked --debug "cargo-deny@$CARGO_DENY_VERSION"
fi

# shellcheck disable=SC2086 # one word each
exec cargo deny --locked check --hide-inclusion-graph $checks
