#!/bin/sh
# Installs the programs that the tests run against, where they are missing: Debian's own packages.
# The tests run private instances in temporary folders; the machine's own services are neither used nor changed.
set -eu

PACKAGES="chromium docker-compose dovecot-core dovecot-imapd dovecot-submissiond fonts-dejavu-core openssl postfix postgresql prometheus \
python3 python3-prometheus-client python3-venv strace util-linux"
# Node.js may come from elsewhere, and newer than Debian's.
command -v npm >/dev/null || PACKAGES="$PACKAGES nodejs npm"

is_installed() {
    dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed
}

if ! command -v apt-get >/dev/null; then
    echo "the tests need a Debian or Ubuntu with these packages: $PACKAGES" >&2
    exit 1
fi

missing=""
for package in $PACKAGES; do
    is_installed "$package" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
    echo "the tests need packages that are missing; as root: apt-get install$missing" >&2
    exit 1
fi

echo "installing what the tests run against:$missing"
export DEBIAN_FRONTEND=noninteractive
# Without a configuration of its own the machine's Postfix stays off.
echo "postfix postfix/main_mailer_type select No configuration" | debconf-set-selections
# The tests make PostgreSQL clusters of their own. Without this file, which its package asks, one would be made for the machine.
CLUSTERS=/etc/postgresql-common/createcluster.conf
case "$missing " in
*" postgresql "*)
    if [ ! -e "$CLUSTERS" ]; then
        mkdir -p "${CLUSTERS%/*}"
        echo "create_main_cluster = false" >"$CLUSTERS"
    fi
    ;;
esac
# They start a Prometheus of their own as well. Without this policy (invoke-rc.d asks it) its service would start.
POLICY=/usr/sbin/policy-rc.d
if [ ! -e "$POLICY" ]; then
    trap 'rm -f "$POLICY"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$POLICY"
    chmod 755 "$POLICY"
fi
apt-get update -qq
# shellcheck disable=SC2086 # one word each
apt-get install -qq -y --no-install-recommends $missing
# Nor is it to start with the machine.
case "$missing " in
*" prometheus "*) ! command -v systemctl >/dev/null || systemctl --quiet disable prometheus ;;
esac
