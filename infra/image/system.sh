#!/bin/sh
# Installs what both images need from Debian, and creates their user.
set -eu

apt-get update
# lightgbm needs libgomp; tini ends the processes that a killed job left.
DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
  ca-certificates libgomp1 python3 tini
rm -rf /var/lib/apt/lists/* /tmp/image

groupadd --gid 10001 perennial
useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/perennial \
  --shell /usr/sbin/nologin perennial
mkdir -p /var/lib/perennial
chown 10001:10001 /var/lib/perennial
chmod 0700 /var/lib/perennial
