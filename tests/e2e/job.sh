#!/usr/bin/env bash
# A job's files → its script, run as a runner runs it in a container of its image: a file system of its own, the image's docker client, GitLab's variables, one shell.
#
# Usage: job.sh WORLD FOLDER PIPELINE JOB-FOLDER, in a mount namespace of its own
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
world=$1 work=$2 name=$3 job=$4
root=$work/$world
image=$(<"$job/image")

# The host's file system, read only in effect: what the job writes goes to memory.
files() {
  mkdir -p "$root/job"
  mount -t tmpfs tmpfs "$root/job"
  mkdir "$root/job"/{upper,work,root}
  fs=$root/job/root
  mount -t overlay overlay -o "lowerdir=/,upperdir=$root/job/upper,workdir=$root/job/work" "$fs"
  # Nothing that happens to be installed, running or configured on the host is part of the image.
  mkdir -p "$fs"/{builds,certs}
  for folder in usr/local root tmp builds certs; do mount -t tmpfs tmpfs "$fs/$folder"; done
  rm -f "$fs/run/docker.sock" "$fs/var/run/docker.sock"
  mkdir -p "$fs"/usr/local/{bin,libexec/docker/cli-plugins}
  chmod 1777 "$fs/tmp"
  mount --rbind /proc "$fs/proc"
  mount --rbind /dev "$fs/dev"
  cp "$root/hosts" "$fs/etc/hosts"
  rm -f "$fs/etc/resolv.conf"
  echo "nameserver 127.0.0.3" >"$fs/etc/resolv.conf"
  cp "$work/cert.pem" "$fs/usr/local/cert.pem"
  cp -R "$root/build" "$fs/builds/$name"
  cp "$job/variables.sh" "$job/script.sh" "$fs/builds"
}

# The tools of Docker's images, by the major version in the tag; `apk` says which packages it can't give.
tools() {
  local client plugins=$fs/usr/local/libexec/docker/cli-plugins
  case $image in
    docker:1* | docker:20*) client=$E2E_CACHE/docker-20 ;;
    docker:2[3-6]*) client=$E2E_CACHE/docker-26 ;;
    *) client=$E2E_CACHE/docker-28 ;;
  esac
  touch "$fs/usr/local/bin/docker"
  mount --bind "$client/docker" "$fs/usr/local/bin/docker"
  if [[ -e $client/docker-buildx ]]; then
    touch "$plugins/docker-buildx"
    mount --bind "$client/docker-buildx" "$plugins/docker-buildx"
  fi
  cp "$here/apk.sh" "$fs/usr/local/bin/apk"
  if [[ $world == before ]]; then
    # A dind service leaves its client's files where service and job can see them.
    mkdir "$fs/certs/client"
    cp "$work/cert.pem" "$fs/certs/client/ca.pem"
    cp "$work/cert.pem" "$work/key.pem" "$fs/certs/client"
  else
    # A variable of type file is the path of a file beside the checkout.
    mkdir "$fs/builds/$name.tmp"
    cp "$work/cert.pem" "$fs/builds/$name.tmp/BUILDKIT_CA"
    cp "$work/cert.pem" "$fs/builds/$name.tmp/BUILDKIT_CERT"
    cp "$work/key.pem" "$fs/builds/$name.tmp/BUILDKIT_KEY"
  fi
}

# What the entrypoint of Docker's images does before the shell starts: an address for the client, and TLS if its files are there.
entrypoint() {
  cat <<'SH'
client=${DOCKER_TLS_CERTDIR:+$DOCKER_TLS_CERTDIR/client}
if [ -n "$client" ] && [ ! -s "$client/key.pem" ]; then client=; fi
if [ -z "${DOCKER_HOST:-}" ] && [ ! -S /var/run/docker.sock ]; then
  if [ -n "$client" ] || [ -n "${DOCKER_TLS_VERIFY:-}" ]; then export DOCKER_HOST=tcp://docker:2376; else export DOCKER_HOST=tcp://docker:2375; fi
fi
case ${DOCKER_HOST:-} in
  tcp:*) if [ -n "$client" ] && [ -z "${DOCKER_TLS_VERIFY:-}" ] && [ -z "${DOCKER_CERT_PATH:-}" ]; then export DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH="$client"; fi ;;
esac
SH
}

files
tools
{
  echo "cd /builds/$name"
  [[ $image != docker:* ]] || echo "export DOCKER_TLS_CERTDIR=/certs"
  cat "$job/variables.sh"
  [[ $image != docker:* ]] || entrypoint
  echo 'exec bash -eo pipefail /builds/script.sh'
} >"$fs/builds/start.sh"
variables=(
  PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root SSL_CERT_FILE=/usr/local/cert.pem
  CI=true GITLAB_CI=true CI_JOB_ID=4711 CI_JOB_NAME="$(basename "$job")" CI_PROJECT_DIR="/builds/$name" CI_PROJECT_NAME="$name"
  CI_COMMIT_SHA="$E2E_COMMIT" CI_COMMIT_SHORT_SHA="${E2E_COMMIT:0:8}" CI_COMMIT_REF_NAME=main CI_COMMIT_REF_SLUG=main CI_COMMIT_BRANCH=main CI_DEFAULT_BRANCH=main
  CI_REGISTRY=registry.example.com CI_REGISTRY_IMAGE="registry.example.com/e2e/$name" CI_REGISTRY_USER="$CI_REGISTRY_USER" CI_REGISTRY_PASSWORD="$CI_REGISTRY_PASSWORD"
)
[[ $world != depot ]] || variables+=(DEPOT_TOKEN=e2e-token DEPOT_ERROR_TELEMETRY=0 DEPOT_NO_UPDATE_NOTIFIER=1)
if [[ $world == buildkit ]]; then
  variables+=(BUILDKIT_ADDRESS=tcp://buildkit.example.com:1234)
  for variable in BUILDKIT_CA BUILDKIT_CERT BUILDKIT_KEY; do variables+=("$variable=/builds/$name.tmp/$variable"); done
fi
# After what a script prints comes what it was told to do, which is what one wants to see of a job that fails.
sed 's/^/$ /' "$job/script.sh"
exec chroot "$fs" env -i "${variables[@]}" bash /builds/start.sh
