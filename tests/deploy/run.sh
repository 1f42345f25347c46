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
promtool check config deploy/prometheus/prometheus.yml deploy/prometheus/cluster.yml >"$WORK/promtool.txt" ||
    { cat "$WORK/promtool.txt" >&2; exit 1; }
(cd deploy/prometheus && promtool test rules alerts_test.yml)

say "systemd units"
UNITS="$WORK/units"
mkdir "$UNITS"
cp deploy/systemd/glasspost.service "$UNITS/glasspost.service"
cp deploy/systemd/glasspost.service "$UNITS/glasspost@.service"
cp -r deploy/systemd/glasspost@.service.d "$UNITS"
# The program is not installed where the units expect it.
sed -i 's|^ExecStart=/usr/local/bin/glasspost|ExecStart=/bin/true|' "$UNITS"/*.service "$UNITS"/*.d/*.conf
for unit in glasspost glasspost@api glasspost@worker glasspost@smtp; do
    systemd-analyze verify "$UNITS/$unit.service"
done

say "Compose files"
docker-compose -f deploy/docker/compose.yaml config --quiet
POSTGRES_PASSWORD=a GLASSPOST_ADMIN_TOKEN=b MAIL_PROXY_ENCRYPTION_KEY=c \
    docker-compose -f deploy/docker/cluster/compose.yaml config >"$WORK/compose.yaml"
if docker-compose -f deploy/docker/cluster/compose.yaml config --quiet 2>/dev/null; then
    echo "the cluster's Compose file takes empty secrets" >&2
    exit 1
fi

say "Kubernetes manifests"
if [ ! -x "$VENV/bin/kubernetes-validate" ]; then
    python3 -m venv "$VENV"
    "$VENV/bin/pip" install --quiet --disable-pip-version-check "kubernetes-validate==$KUBERNETES_VALIDATE"
fi
for manifest in deploy/kubernetes/*.yaml deploy/kubernetes/cluster/*.yaml; do
    # Of a List only the frame would be looked at.
    "$VENV/bin/python" -B tests/deploy/items.py "$manifest" >"$WORK/items.yaml"
    "$VENV/bin/kubernetes-validate" --strict "$WORK/items.yaml"
done

say "what the roles are deployed with fits together"
"$VENV/bin/python" -B tests/deploy/roles.py deploy/kubernetes/cluster/roles.yaml "$WORK/compose.yaml"

say "all of it can be read"
