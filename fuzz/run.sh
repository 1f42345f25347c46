#!/bin/sh
# Runs the fuzzers: fuzz/run.sh SECONDS [TARGET…]. Each runs for that long, all of them when none is named.
# New inputs are kept in fuzz/out/; one that is worth keeping is copied to fuzz/corpus/ by hand.
#
# It needs nothing beyond the stable toolchain and a C++ compiler: the coverage counters are an ordinary option of
# code generation, and libFuzzer is built from the sources in its crate. There is no address sanitizer, which would
# need a nightly compiler; our own code has no `unsafe`, so it would find little.
set -eu
cd "$(dirname "$0")"

SECONDS_EACH="${1:?how many seconds shall each target run? usage: fuzz/run.sh SECONDS [TARGET...]}"
shift
[ $# -gt 0 ] || set -- $(cd fuzz_targets && ls | sed 's/\.rs$//')

INPUT_SECONDS_MAX=10
MEMORY_MIB_MAX=2048

host="$(rustc -vV | sed -n 's/^host: //p')"
coverage="-Cpasses=sancov-module"
for option in level=4 inline-8bit-counters pc-table trace-compares; do
    coverage="$coverage -Cllvm-args=-sanitizer-coverage-$option"
done
# Naming the target keeps the counters out of build scripts, which could not be linked with them.
RUSTFLAGS="$coverage" cargo build --quiet --release --target "$host" --target-dir target --bins

# libFuzzer shows a stack of its own; Rust's would bury what was wrong.
export RUST_BACKTRACE=0
failed=""
for target in "$@"; do
    program="target/$host/release/$target"
    mkdir -p "out/$target/corpus"
    log="out/$target/log"
    if "$program" "out/$target/corpus" "corpus/$target" -dict="dictionaries/$target" \
        -artifact_prefix="out/$target/" -max_total_time="$SECONDS_EACH" -timeout="$INPUT_SECONDS_MAX" \
        -rss_limit_mb="$MEMORY_MIB_MAX" -print_final_stats=1 >"$log" 2>&1; then
        runs="$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")"
        covered="$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)"
        echo "fuzz $target: $runs executions, $covered edges covered"
    else
        failed="$failed $target"
        input="$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)"
        echo "fuzz $target: FAILED; the end of fuzz/$log:" >&2
        tail -n 30 "$log" >&2
        echo "to run that input again: (cd fuzz && $program $input)" >&2
    fi
done
[ -z "$failed" ] || { echo "fuzz: failed:$failed" >&2; exit 1; }
