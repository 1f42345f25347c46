#!/bin/sh
# Builds the dashboard's pages from web/ into web/dist/, which the binary takes in. Needs Node.js and npm.
set -eu
cd "$(dirname "$0")/../web"

NODE_MAJOR_MIN=18

if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
    echo "the dashboard needs Node.js $NODE_MAJOR_MIN or newer with npm to be built" >&2
    echo "on Debian or Ubuntu, as root: apt-get install nodejs npm" >&2
    exit 1
fi
major=$(node --print 'process.versions.node.split(".")[0]')
if [ "$major" -lt "$NODE_MAJOR_MIN" ]; then
    echo "the dashboard needs Node.js $NODE_MAJOR_MIN or newer to be built; this is $(node --version)" >&2
    exit 1
fi

npm ci --no-audit --no-fund --loglevel=error
npm run build
