#!/bin/sh
# Drives a real browser against real campaigns and a real service. Needs Chromium, Node.js with npm, and (unless
# GLASSPOST_BIN names a binary) cargo. Arguments are test files; without any, all of them run.
set -eu
cd "$(dirname "$0")"

CHROMIUM_BIN=${CHROMIUM_BIN:-/usr/bin/chromium}
ROOT=$(cd ../.. && pwd)
SCREENSHOTS=$ROOT/out/screenshots

fail() {
    echo "the browser tests cannot run: $1" >&2
    exit 1
}

[ -x "$CHROMIUM_BIN" ] ||
    fail "there is no Chromium at $CHROMIUM_BIN (on Debian, as root: apt-get install chromium; or set CHROMIUM_BIN)"
command -v npm >/dev/null || fail "there is no npm (on Debian, as root: apt-get install nodejs npm)"
if [ -z "${GLASSPOST_BIN:-}" ]; then
    (cd "$ROOT" && make --silent web && "${CARGO:-cargo}" build --quiet -p glasspost) || fail "the binary does not build"
    GLASSPOST_BIN=${CARGO_TARGET_DIR:-$ROOT/target}/debug/glasspost
fi
[ -x "$GLASSPOST_BIN" ] || fail "there is no binary at $GLASSPOST_BIN"
"$GLASSPOST_BIN" send --help | grep -q -e --monitor-linger || fail "$GLASSPOST_BIN knows no dashboard"

npm ci --loglevel=error
npm run --silent check
mkdir -p "$SCREENSHOTS"
export GLASSPOST_BIN CHROMIUM_BIN SCREENSHOTS
echo "screenshots go to $SCREENSHOTS"
[ $# -gt 0 ] || set -- ./*.test.mjs
exec node --test --test-concurrency=3 --test-reporter=spec "$@"
