#!/bin/sh
# Builds what is measured and prints the tables. Arguments go to bench.py; see its --help.
set -e
cd "$(dirname "$0")/.."
for tool in smtp-source smtp-sink psql; do
    PATH="$PATH:/usr/sbin" command -v "$tool" >/dev/null || {
        echo "benches need $tool: run scripts/install-test-parts.sh (it comes with Debian's postfix or postgresql)" >&2
        exit 1
    }
done
cargo build --release --quiet -p glasspost
PATH="$PATH:/usr/sbin" exec python3 benches/bench.py "$@"
