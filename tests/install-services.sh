#!/bin/sh
# Installs what the tests start for real and pip does not bring: a browser, and nginx. Needs root and apt; without
# them, the tests that need what is missing are skipped loudly (and fail in CI).
set -e
missing=""
command -v chromium >/dev/null || missing="$missing chromium"
command -v nginx >/dev/null || [ -x /usr/sbin/nginx ] || missing="$missing nginx-light"
[ -z "$missing" ] && exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "not installed, their tests will be skipped:$missing" >&2
    exit 0
fi
echo "installing:$missing"
apt-get update -qq
# shellcheck disable=SC2086
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
