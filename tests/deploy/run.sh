#!/bin/sh
# Checks what stands in deploy/ with the tools that will read it. Needs promtool, systemd-analyze, docker-compose and
# Python with pip; scripts/install-test-parts.sh has them.
set -eu
cd "$(dirname "$0")/../.."

KUBERNETES_VALIDATE=1.37.0
VENV=target/deploy-checks
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT

say() { echo "deploy: $1"; }

say "alert rules and the scrape"
promtool check config deploy/prometheus/prometheus.yml >"$WORK/promtool.txt" || { cat "$WORK/promtool.txt" >&2; exit 1; }
(cd deploy/prometheus && promtool test rules alerts_test.yml)

say "systemd unit"
# The program is not installed where the unit expects it.
sed 's|^ExecStart=/usr/local/bin/glasspost|ExecStart=/bin/true|' deploy/systemd/glasspost.service >"$WORK/glasspost.service"
systemd-analyze verify "$WORK/glasspost.service"

say "Compose file"
docker-compose -f deploy/docker/compose.yaml config --quiet

say "Kubernetes manifests"
if [ ! -x "$VENV/bin/kubernetes-validate" ]; then
    python3 -m venv "$VENV"
    "$VENV/bin/pip" install --quiet --disable-pip-version-check "kubernetes-validate==$KUBERNETES_VALIDATE"
fi
"$VENV/bin/kubernetes-validate" --strict deploy/kubernetes/glasspost.yaml

say "all of it can be read"
