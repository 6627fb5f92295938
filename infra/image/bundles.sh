#!/bin/sh
# Bundles the command line, the services and the workflow code. Runs in /opt/perennial.
set -eu

# A bundle is used while its sources have the times of its build. Layers keep whole seconds only.
find . -path ./node_modules -prune -o -type f -exec touch --date=@946684800 {} +
node infra/image/bundles.mjs

# The processes run as another user. Provisioning on a machine keeps its files private.
chmod -R a+rX .
