#!/usr/bin/env bash
# The jobs of some pipelines → what they publish, in namespaces with a registry, a token service and an engine. Started by run.sh.
#
# Usage: world.sh before|depot|buildkit FOLDER PIPELINE…
#
#   before    the engine is a daemon, reachable with TLS at docker:2376 as a dind service would be, with the image store that the service's version has
#   depot     no daemon for the jobs: the engine, with containerd's image store, is the BuildKit that the stand-in for Depot hands out
#   buildkit  no daemon for the jobs: the engine, with containerd's image store, is a BuildKit at buildkit.example.com:1234 that wants to see a certificate
set -euo pipefail

world=$1
work=$2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$work/$world
bin=$E2E_CACHE/bin
registry=127.0.0.2
# What GitLab makes up as a job's token has only letters, digits, dashes and underscores; people's passwords have the rest.
# shellcheck disable=SC2016
export CI_REGISTRY_USER=ci CI_REGISTRY_PASSWORD='p%a&s|s"w\o'\''rd $x'
export SSL_CERT_FILE=$work/cert.pem PATH=$bin:$PATH

until_ok() {
  local name=$1
  for _ in {1..600}; do
    "${@:2}" >/dev/null 2>&1 && return
    sleep 0.1
  done
  # Kernels and containers that we run in may forbid an engine. Everything else has no reason to fail.
  tail -n 5 "$root/logs/$name.log"
  [[ $name == engine ]] && echo "skipped: dockerd doesn't start here" || echo "$name doesn't start"
  exit 1
}

network() {
  ip link set lo up
  cat >"$root/hosts" <<HOSTS
127.0.0.1 localhost
$registry registry.example.com mirror.example.com
127.0.0.3 gitlab.example.com
127.0.0.4 registry.depot.dev
127.0.0.7 registry-1.docker.io
127.0.0.5 api.depot.dev blob.depot.dev depot.dev
127.0.0.8 github.com
127.0.0.9 buildkit.example.com
HOSTS
  [[ $world != before ]] || echo "127.0.0.6 docker" >>"$root/hosts"
  mount --bind "$root/hosts" /etc/hosts
}

# serve NAME ADDRESS FOLDER LINES: a registry over a folder.
serve() {
  cat >"$root/$1.yml" <<YML
version: 0.1
log: {level: warn}
storage: {filesystem: {rootdirectory: $3}}
http:
  addr: $2
  secret: none
$4
YML
  docker-registry serve "$root/$1.yml" >"$root/logs/$1.log" 2>&1 &
}

services() {
  local tls="  tls: {certificate: $work/cert.pem, key: $work/key.pem}"
  serve hub 127.0.0.7:443 "$work/hub" "$tls"
  serve registry $registry:443 "$root/registry" "$tls
auth: {token: {realm: 'https://gitlab.example.com/jwt/auth', service: container_registry, issuer: gitlab, rootcertbundle: $work/cert.pem}}"
  node "$here/gitlab.mjs" 127.0.0.3 "$work/cert.pem" "$work/key.pem" >"$root/logs/gitlab.log" 2>&1 &
  if [[ $world != before ]]; then
    node "$here/buildkit.mjs" 127.0.0.9 127.0.0.8 "$work/cert.pem" "$work/key.pem" "$root/engine.sock" "$work/downloads" >"$root/logs/buildkit.log" 2>&1 &
    until_ok buildkit curl -s https://github.com/
  fi
  if [[ $world == depot ]]; then
    mkdir "$root/depot-registry"
    serve depot-registry 127.0.0.4:443 "$root/depot-registry" "$tls"
    NODE_EXTRA_CA_CERTS=$work/cert.pem node "$here/depot.mjs" 127.0.0.5 "$work/cert.pem" "$work/key.pem" "$root/engine.sock" "$E2E_DEPOT" "$E2E_DEPOT_VERSION" >"$root/logs/depot.log" 2>&1 &
    until_ok depot curl -sf https://depot.dev/install-cli.sh
  fi
  until_ok registry curl -s https://registry.example.com/v2/
  until_ok gitlab curl -s https://gitlab.example.com/
}

# engine classic|containerd: starts it, after stopping the one that runs.
engine() {
  local options pid
  if [[ -s $root/state/pid ]]; then
    pid=$(<"$root/state/pid")
    kill "$pid"
    wait "$pid" || true
  fi
  mkdir -p "$root/data-$1" "$root/state"
  # Images are in memory: they go with the namespace, and the kernel's overlay works there wherever we are.
  mount -t tmpfs tmpfs "$root/data-$1"
  mountpoint -q "$root/state" || mount -t tmpfs tmpfs "$root/state"
  options=(--data-root "$root/data-$1" --exec-root "$root/state/exec" --pidfile "$root/state/pid" --config-file "$root/daemon.json" --cgroup-parent "/$E2E_CGROUP-$world")
  # No packet leaves, so nothing has to be translated or filtered, and iptables isn't needed.
  options+=(--iptables=false --ip6tables=false --ip-masq=false --userland-proxy=false --bip 172.30.0.1/24)
  options+=(--host "unix://$root/engine.sock")
  [[ $world != before ]] || options+=(--host tcp://docker:2376 --tlsverify --tlscacert "$work/cert.pem" --tlscert "$work/cert.pem" --tlskey "$work/key.pem")
  printf '{"features": {"containerd-snapshotter": %s}}\n' "$([[ $1 == containerd ]] && echo true || echo false)" >"$root/daemon.json"
  dockerd "${options[@]}" >>"$root/logs/engine.log" 2>&1 &
  until_ok engine "$E2E_CACHE/docker-28/docker" --host "unix://$root/engine.sock" info
}

# store PIPELINE: which image store a daemon of the version that its jobs name has. Version 29 changed the default.
store() { if grep -qsE 'docker:(1|2[0-8])' "$root/jobs/$1"/*/daemon; then echo classic; else echo containerd; fi; }

# run PIPELINE JOB-FOLDER: the result is the job's exit code.
run() {
  local name=$1 job=$2 code title log
  title=$(basename "$job")
  log=$root/logs/$name-$title.log
  for _ in 1 2; do
    code=0
    rm -rf "$root/build"
    cp -R "$root/projects/$name" "$root/build"
    timeout -k 5 60 unshare --mount bash "$here/job.sh" "$world" "$work" "$name" "$job" >"$log" 2>&1 || code=$?
    # Depot has a machine for each platform. Ours share one engine, whose store may refuse a name that two builds give for the first time at the same moment.
    if ((code == 0)) || [[ $world != depot ]] || ! grep -qE '^failed to solve: image ".+": already exists' "$log"; then break; fi
  done
  echo "$name $title $([[ $code == 0 ]] && echo passes || echo fails)" >>"$root/results"
  [[ $code == 0 ]]
}

pipeline() {
  local job
  for job in "$root/jobs/$1"/*; do
    # A job that fails ends its pipeline.
    run "$1" "$job" || return 0
  done
}

# The two worlds have to differ in the one thing that matters.
probe() {
  local job=$root/jobs/probe reaches
  mkdir -p "$job" "$root/projects/probe"
  echo docker:28 >"$job/image"
  touch "$job/variables.sh"
  echo 'docker version' >"$job/script.sh"
  reaches=$(run probe "$job" && echo yes || echo no)
  [[ $reaches == "$([[ $world == before ]] && echo yes || echo no)" ]] && return
  echo "in the world $world, does \`docker version\` reach a daemon? $reaches"
  cat "$root/logs/probe-probe.log"
  exit 1
}

mount --make-rprivate /
network
services
if [[ $world != before ]]; then
  engine containerd
  probe
  for name in "${@:3}"; do pipeline "$name"; done
  exit 0
fi
engine classic
probe
for name in "${@:3}"; do [[ $(store "$name") == containerd ]] || pipeline "$name"; done
engine containerd
for name in "${@:3}"; do [[ $(store "$name") == classic ]] || pipeline "$name"; done
