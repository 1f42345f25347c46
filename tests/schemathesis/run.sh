#!/bin/sh
# Checks the API of the real service against its own OpenAPI document: as a tenant, then as the administrator. Needs
# Python 3 with venv, and (unless GLASSPOST_BIN names a binary) cargo. SECONDS_EACH and SEED change the runs.
set -eu
cd "$(dirname "$0")"

ROOT=$(cd ../.. && pwd)
HERE=$(pwd)
TOOLS=$ROOT/target/schemathesis
SECONDS_EACH=${SECONDS_EACH:-35}
SEED=${SEED:-20260131}
CHECKS=not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,ignored_auth
TOKEN=the-administrators-token-of-this-test

fail() {
    echo "the API's document cannot be checked: $1" >&2
    exit 1
}

if [ -z "${GLASSPOST_BIN:-}" ]; then
    (cd "$ROOT" && make --silent web && "${CARGO:-cargo}" build --quiet -p glasspost) || fail "the binary does not build"
    GLASSPOST_BIN=${CARGO_TARGET_DIR:-$ROOT/target}/debug/glasspost
fi
[ -x "$GLASSPOST_BIN" ] || fail "there is no binary at $GLASSPOST_BIN"

# The tools, once for each list of their versions.
if ! cmp -s requirements.txt "$TOOLS/requirements.txt"; then
    rm -rf "$TOOLS"
    python3 -m venv "$TOOLS" || fail "there is no Python 3 with venv (on Debian, as root: apt-get install python3-venv)"
    "$TOOLS/bin/pip" install --quiet --disable-pip-version-check -r requirements.txt || fail "the tools do not install"
    cp requirements.txt "$TOOLS/requirements.txt"
fi

WORK=$(mktemp -d)
SERVICE=
end() {
    [ -z "$SERVICE" ] || kill "$SERVICE" 2>/dev/null || true
    [ -z "$SERVICE" ] || wait "$SERVICE" || true
    rm -rf "$WORK"
}
trap end EXIT

# Nothing is sent until it is asked for: what random accounts would reach is none of this test's.
GLASSPOST_ADMIN_TOKEN=$TOKEN "$GLASSPOST_BIN" serve --listen 127.0.0.1:0 --data "$WORK/data" --set delivery.active=false \
    >"$WORK/log" 2>&1 &
SERVICE=$!
URL=
for _ in $(seq 100); do
    URL=$(sed -n 's/.* Listening on \(http:[^ ?]*[^/ ?]\).*/\1/p' "$WORK/log")
    [ -z "$URL" ] || break
    kill -0 "$SERVICE" 2>/dev/null || break
    sleep 0.1
done
[ -n "$URL" ] || { cat "$WORK/log" >&2; fail "the service does not start"; }

ask() {
    curl --fail --silent --show-error -H "X-API-Token: $TOKEN" "$@" || fail "the service does not take $*"
}
curl --fail --silent "$URL/openapi.json" >"$WORK/openapi.json" || fail "there is no document at $URL/openapi.json"
"$TOOLS/bin/python" -m openapi_spec_validator "$WORK/openapi.json" || fail "it is not valid"

# What the document's examples speak of.
KEY=$(ask "$URL/tenant" -d '{"id": "acme"}' | sed -n 's/.*"api_key":"\([^"]*\)".*/\1/p')
[ -n "$KEY" ] || fail "a new tenant got no key"
ask "$URL/account" -d '{"tenant_id": "acme", "id": "main", "host": "127.0.0.1", "port": 9}' >"$WORK/answer"
ask "$URL/messages/add" -d '{"tenant_id": "acme", "id": "msg-123", "account_id": "main", "from": "ada@example.org",
    "to": "grace@example.com", "subject": "Hello", "body": "Hello."}' >"$WORK/answer"

check() {
    "$TOOLS/bin/schemathesis" run "$URL/openapi.json" --url "$URL" --checks "$CHECKS" --seed "$SEED" --warnings off \
        --no-color "$@" || fail "it says what the service does not do"
}
export ANSWERED="$WORK/answered" SCHEMATHESIS_HOOKS=hooks PYTHONPATH="$HERE" PYTHONDONTWRITEBYTECODE=1
cd "$WORK"
# First what takes nothing away, so that each finds what its example speaks of.
check -H "X-API-Token: $TOKEN" --phases examples --exclude-method DELETE --exclude-path-regex 'delete|revoke|cleanup|purge'
for token in "$KEY" "$TOKEN"; do
    check -H "X-API-Token: $token" --max-time "$SECONDS_EACH"
done
kill -0 "$SERVICE" 2>/dev/null || { tail "$WORK/log" >&2; fail "the service ended"; }
"$TOOLS/bin/python" "$HERE/answered.py" "$WORK/openapi.json" "$ANSWERED"
