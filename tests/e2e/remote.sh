#!/usr/bin/env bash
# The engine of engine.sh → proof that `undind run` reaches engines elsewhere: over TCP with TLS, by a context, and over SSH.
#
# Usage: tests/e2e/remote.sh, with what `engine.sh up` prints in the environment
# Environment: UNDIND_BIN (the binary).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repository=$(cd "$here/../.." && pwd)
target=${CARGO_TARGET_DIR:-$repository/target}
undind=$(realpath "${UNDIND_BIN:-$target/release/undind}")
work=$(mktemp -d)
# shellcheck source=tests/e2e/parts.sh
source "$here/parts.sh"
bin=$target/e2e/test-engine/bin
engine=undind-test-remote
server=

client() { DOCKER_CONFIG=$work/none "$bin/docker" --host "$UNDIND_TEST_DOCKER_HOST" "$@"; }

end() {
  local code=$?
  [[ -z $server ]] || kill "$server" 2>/dev/null || true
  client rm --force --volumes "$engine" >/dev/null 2>&1 || true
  rm -rf "$work"
  exit "$code"
}

# expect CODE TEXT VARIABLE=VALUE…: how a run in the engine's network ends, and what it says.
expect() {
  local code=0
  nsenter --net="$UNDIND_TEST_NETNS" env HOME="$work/home" "${@:3}" "$undind" run --file "$work/project" >"$work/log" 2>&1 || code=$?
  if ((code != $1)) || ! grep -q "$2" "$work/log"; then
    cat "$work/log"
    echo "with ${*:3} a run ends with $code, and not with $1 and \`$2\`"
    exit 1
  fi
}

over_tcp() {
  local address
  client run --detach --privileged --name "$engine" --env DOCKER_TLS_CERTDIR=/certs docker:27-dind --registry-mirror="http://$UNDIND_TEST_REGISTRY" >/dev/null
  address=tcp://$(client inspect --format '{{.NetworkSettings.IPAddress}}' "$engine"):2376
  for _ in {1..200}; do
    client logs "$engine" 2>&1 | grep -q 'API listen on \[::\]:2376' && break
    sleep 0.1
  done
  client cp "$engine:/certs/client" "$work/certificates" >/dev/null
  expect 0 '^the pipeline passed' DOCKER_HOST="$address" DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH="$work/certificates"
  # Without a certificate, and with one that the engine doesn't know.
  expect 2 "no Docker engine answers at $address" DOCKER_HOST="$address"
  expect 2 "$work/none" DOCKER_HOST="$address" DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH="$work/none"
  echo "an engine over TCP with TLS runs jobs"
  DOCKER_CONFIG=$work/home/.docker "$bin/docker" context create far \
    --docker "host=$address,ca=$work/certificates/ca.pem,cert=$work/certificates/cert.pem,key=$work/certificates/key.pem" >/dev/null 2>&1
  expect 0 '^the pipeline passed' DOCKER_CONTEXT=far
  expect 2 'the Docker context `near` is not there' DOCKER_CONTEXT=near
  echo "so does the one of a context"
}

# The server of the host's release, for root and one key. It is in the engine's network, and nobody else's.
over_ssh() {
  local release
  if ! command -v ssh >/dev/null; then
    echo "skipped: an engine over SSH: there is no ssh"
    return
  fi
  # shellcheck source=/dev/null
  release=$(source /etc/os-release && echo "${VERSION_CODENAME:-}")
  if ! debs "$release" "$work/sshd" openssh-server libwrap0 >"$work/apt.log" 2>&1; then
    echo "skipped: an engine over SSH: no server from Debian: $(tail -n 1 "$work/apt.log")"
    return
  fi
  ssh-keygen -q -t ed25519 -N '' -f "$work/host"
  ssh-keygen -q -t ed25519 -N '' -f "$work/key"
  cat >"$work/sshd_config" <<CONFIG
ListenAddress 172.31.0.1:2222
HostKey $work/host
AuthorizedKeysFile $work/key.pub
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin prohibit-password
PidFile none
SetEnv PATH=$bin:$PATH DOCKER_HOST=$UNDIND_TEST_DOCKER_HOST
CONFIG
  cat >"$work/server.sh" <<'SH'
mount -t tmpfs tmpfs /run
mkdir -m 755 /run/sshd
cp /etc/passwd /run/passwd
echo sshd:x:65534:65534::/run/sshd:/bin/false >>/run/passwd
mount --bind /run/passwd /etc/passwd
exec "$@"
SH
  LD_LIBRARY_PATH=$(find "$work/sshd" -name 'libwrap.so.0' -printf '%h' -quit) nsenter --net="$UNDIND_TEST_NETNS" unshare --mount bash "$work/server.sh" \
    "$work/sshd/usr/sbin/sshd" -D -e -f "$work/sshd_config" >"$work/sshd.log" 2>&1 &
  server=$!
  printf 'Host engine.example.com\n  HostName 172.31.0.1\n  Port 2222\n  User root\n  IdentityFile %s\n  UserKnownHostsFile %s\n' "$work/key" "$work/known" >"$work/ssh_config"
  printf '[172.31.0.1]:2222 %s\n' "$(cut -d ' ' -f 1,2 "$work/host.pub")" >"$work/known"
  mkdir "$work/bin"
  printf '#!/bin/sh\nexec %s -F %s "$@"\n' "$(command -v ssh)" "$work/ssh_config" >"$work/bin/ssh"
  chmod +x "$work/bin/ssh"
  for _ in {1..100}; do
    nsenter --net="$UNDIND_TEST_NETNS" bash -c ': </dev/tcp/172.31.0.1/2222' 2>/dev/null && break
    sleep 0.1
  done
  expect 0 '^the pipeline passed' PATH="$work/bin:$PATH" DOCKER_HOST=ssh://engine.example.com
  echo "so does one over SSH"
}

trap end EXIT
mkdir -p "$work/project" "$work/home"
printf 'job: {image: "alpine:3.20", script: [test -e .gitlab-ci.yml, "echo $CI_JOB_NAME"]}\n' >"$work/project/.gitlab-ci.yml"
over_tcp
over_ssh
