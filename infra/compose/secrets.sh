#!/bin/sh
# Writes .env and secrets/ for compose.yaml, with random passwords and keys. Keeps what exists.
set -eu
umask 077
cd "$(dirname "$0")/.."

new_key() { echo "pk_$(openssl rand -hex 13)_$(openssl rand -hex 32)"; }

if [ ! -e .env ]; then
  {
    echo "POSTGRES_PASSWORD=$(openssl rand -hex 24)"
    echo "TEMPORAL_POSTGRES_PASSWORD=$(openssl rand -hex 24)"
    echo "S3_ACCESS_KEY_ID=$(openssl rand -hex 10)"
    echo "S3_SECRET_ACCESS_KEY=$(openssl rand -hex 24)"
    echo "GRAFANA_PASSWORD=$(openssl rand -hex 12)"
    echo "PERENNIAL_ADMIN_KEY=$(new_key)"
    echo "PERENNIAL_SERVICE_KEY=$(new_key)"
  } > .env.unfinished
  mv .env.unfinished .env
  echo "wrote infra/.env; PERENNIAL_ADMIN_KEY in it is your API key" >&2
fi

# Files of older versions lack them.
if ! grep -q '^POSTGRES_APP_PASSWORD=' .env; then
  echo "POSTGRES_APP_PASSWORD=$(openssl rand -hex 24)" >> .env
fi
if ! grep -q '^PERENNIAL_METRICS_TOKEN=' .env; then
  echo "PERENNIAL_METRICS_TOKEN=$(openssl rand -hex 24)" >> .env
fi

mkdir -p secrets
if [ ! -e secrets/command-keys.json ]; then
  printf '{ "keys": [{ "id": "ck_%s", "secret": "%s" }] }\n' \
    "$(openssl rand -hex 6)" "$(openssl rand -hex 32)" > secrets/unfinished
  mv secrets/unfinished secrets/command-keys.json
fi
if [ ! -e secrets/audit-key.pem ]; then
  openssl genpkey -algorithm ed25519 -out secrets/unfinished
  mv secrets/unfinished secrets/audit-key.pem
fi
# Compose mounts these files as they are, and the containers have another user. The folder keeps
# other users of the host away.
chmod 0444 secrets/command-keys.json secrets/audit-key.pem
