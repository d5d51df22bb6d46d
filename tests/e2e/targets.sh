#!/usr/bin/env bash
# The engine of engine.sh → proof that `undind run --to TARGET` runs a migrated pipeline from its start to the image in the registry, and that the image is the one
# that the pipeline publishes as it is.
#
# The pipeline tests, builds with dind and TLS, pushes and looks for what it pushed. It runs as it is, then migrated to BuildKit, then to Depot, in containers; the
# migrated ones with the real clients and a real BuildKit behind the stand-ins of run.sh, and neither privileges nor a daemon.
#
# Usage: tests/e2e/targets.sh, with what `engine.sh up` prints in the environment
# Environment: UNDIND_BIN (the binary), UNDIND_DEPOT_CLI (the Depot CLI).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repository=$(cd "$here/../.." && pwd)
target=${CARGO_TARGET_DIR:-$repository/target}
undind=$(realpath "${UNDIND_BIN:-$target/release/undind}")
work=$(mktemp -d)
# shellcheck source=tests/e2e/parts.sh
source "$here/parts.sh"
registry=$UNDIND_TEST_REGISTRY
builder=undind-test-builder
servers=()

skip() {
  printf 'skipped: runs of migrated pipelines: %s\n' "$1"
  exit 0
}

client() { DOCKER_CONFIG=$work "$target/e2e/test-engine/bin/docker" --host "$UNDIND_TEST_DOCKER_HOST" "$@"; }

end() {
  local code=$?
  ((${#servers[@]} == 0)) || kill "${servers[@]}" 2>/dev/null || true
  client rm --force --volumes "$builder" >/dev/null 2>&1 || true
  rm -rf "$work"
  exit "$code"
}

# serve NAME PROGRAM…: a server in the engine's network.
serve() {
  nsenter --net="$UNDIND_TEST_NETNS" env -u HTTPS_PROXY -u HTTP_PROXY NODE_EXTRA_CA_CERTS="$work/cert.pem" "${@:2}" >"$work/$1.log" 2>&1 &
  servers+=($!)
}

# A BuildKit that pushes is one of an engine with containerd's image store, which ours has not.
build_engine() {
  mkdir "$work/builder"
  printf '{"features": {"containerd-snapshotter": true}, "hosts": ["unix:///shared/docker.sock"], "insecure-registries": ["%s"], "registry-mirrors": ["http://%s"]}\n' \
    "$registry" "$registry" >"$work/builder/daemon.json"
  client run --detach --privileged --name "$builder" --volume "$work/builder:/shared" docker:27-dind \
    dockerd --config-file /shared/daemon.json >/dev/null
  for _ in {1..150}; do
    client exec "$builder" docker --host unix:///shared/docker.sock version >/dev/null 2>&1 && return
    sleep 0.1
  done
  client logs --tail 5 "$builder"
  echo "the builder doesn't start"
  exit 1
}

network() {
  local address
  for address in 5 8 9; do nsenter --net="$UNDIND_TEST_NETNS" ip address replace "172.31.0.$address/32" dev lo; done
  serve names node "$here/names.mjs" 172.31.0.1 {api,blob,}.depot.dev=172.31.0.5 depot.dev=172.31.0.5 github.com=172.31.0.8 buildkit.example.com=172.31.0.9
  serve depot node "$here/depot.mjs" 172.31.0.5 "$work/cert.pem" "$work/key.pem" "$work/builder/docker.sock" "$depot" "$depot_version"
  serve buildkit node "$here/buildkit.mjs" 172.31.0.9 172.31.0.8 "$work/cert.pem" "$work/key.pem" "$work/builder/docker.sock" "$work"
  for _ in {1..100}; do
    nsenter --net="$UNDIND_TEST_NETNS" bash -c ': </dev/tcp/172.31.0.5/443 && : </dev/tcp/172.31.0.9/1234' 2>/dev/null && return
    sleep 0.1
  done
  tail -n 5 "$work"/*.log
  echo "the stand-ins don't start"
  exit 1
}

# pipeline NAME OPTION…: runs it in a fresh repository with the options, and keeps what the registry has then in $work/NAME.
pipeline() {
  local name=$1 code=0
  cp -R "$here/targets" "$work/project"
  (
    cd "$work/project"
    git init --quiet --initial-branch main
    git add --all
    git -c user.name=e2e -c user.email=e2e@example.com commit --quiet --message "the pipeline"
  )
  DOCKER_HOST=$UNDIND_TEST_DOCKER_HOST "$undind" run --file "$work/project" --registry "$registry" --branch main --default-branch main "${@:2}" >"$work/$name.out" 2>&1 || code=$?
  if ((code != 0)) || ! grep -q '^the pipeline passed' "$work/$name.out"; then
    cat "$work/$name.out"
    tail -n 5 "$work"/*.log
    echo "the pipeline ($name) ends with $code"
    exit 1
  fi
  rm -rf "$work/project"
  mkdir -p "$work/$name/docker/registry/v2/repositories"
  mv "$UNDIND_TEST_REGISTRY_FILES/docker/registry/v2/repositories/local" "$work/$name/docker/registry/v2/repositories"
  cp -R "$UNDIND_TEST_REGISTRY_FILES/docker/registry/v2/blobs" "$work/$name/docker/registry/v2/blobs"
}

trap end EXIT
command -v node >/dev/null && command -v npm >/dev/null || skip "there is no node with npm"
command -v openssl >/dev/null || skip "there is no openssl"
depot_cli "$target"
certificate
build_engine
network
pipeline original --privileged
pipeline buildkit --to buildkit --var BUILDKIT_ADDRESS=tcp://buildkit.example.com:1234 \
  --var-file "BUILDKIT_CA=$work/cert.pem" --var-file "BUILDKIT_CERT=$work/cert.pem" --var-file "BUILDKIT_KEY=$work/key.pem"
pipeline depot --to depot --var DEPOT_TOKEN=e2e-token --var DEPOT_ERROR_TELEMETRY=0 --var DEPOT_NO_UPDATE_NOTIFIER=1 --var-file "SSL_CERT_FILE=$work/cert.pem"
for name in buildkit depot; do
  python3 "$here/registry.py" compare "$work/original" "$work/$name" local/project
  if grep 'docker:27-dind' "$work/$name.out"; then
    echo "run --to $name: there was a daemon"
    exit 1
  fi
  echo "run --to $name: the pipeline passes and publishes what it does as it is"
done
