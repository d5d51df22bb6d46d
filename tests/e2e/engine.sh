#!/usr/bin/env bash
# A machine with root and Debian's packages → a Docker engine for tests, with a registry beside it and stand-ins for the images that pipelines name.
#
# Engine and registry are in a network namespace of their own that no packet leaves, and their processes in a process namespace of their own: `down` kills its first
# process and the kernel ends the rest, containers and mounts too. The registry answers on port 5000 at an address that is the same for every container, on
# whatever network; the engine takes it as insecure and as its mirror, and `--registry-mirror=http://172.31.0.1:5000` makes it one of an engine in a container.
#
# Usage: tests/e2e/engine.sh up|down
#
#   up    the last lines on standard output are assignments for a shell: UNDIND_TEST_DOCKER_HOST, UNDIND_TEST_REGISTRY (as containers see it),
#         UNDIND_TEST_REGISTRY_FILES (its folder) and UNDIND_TEST_NETNS (for `nsenter --net=`: only there are the registry and the containers' addresses in reach); exit code 3 and a line `skipped: why` where it can't be had
#   down  leaves nothing behind but what a later `up` needn't fetch again
#
# Environment: UNDIND_TEST_STATE (folder for socket, logs and the registry's files).
set -euo pipefail
umask 022

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repository=$(cd "$here/../.." && pwd)
cache=$(realpath -m "${CARGO_TARGET_DIR:-$repository/target}/e2e")
# shellcheck source=tests/e2e/parts.sh
source "$here/parts.sh"

name=undind-test
netns=/run/netns/$name
registry=172.31.0.1
state=$(realpath -m "${UNDIND_TEST_STATE:-$cache/engine-state}")
socket=$state/docker.sock
# What was fetched and made once: programs for the host, and the images.
made=$cache/test-engine
recipe=$(cat "${BASH_SOURCE[0]}" "$here/apk.sh" | sha256sum)
recipe=${recipe%% *}

skip() {
  printf 'skipped: %s\n' "$1" >&2
  exit 3
}

say() { printf '%3d s  %s\n' "$SECONDS" "$1" >&2; }

possible() {
  local tool
  ((EUID == 0)) || skip "namespaces, mounts and an engine take root"
  [[ $(uname -sm) == "Linux x86_64" ]] || skip "images are made for Linux on x86_64 only"
  for tool in apt-get dpkg-deb ip nsenter unshare; do
    command -v "$tool" >/dev/null || skip "there is no $tool"
  done
  unshare --net --mount --propagation slave --pid --fork --mount-proc true 2>/dev/null || skip "no namespaces of our own here"
  # The kernel's limit for the address of a socket.
  ((${#socket} < 108)) || skip "$socket is too long for a socket; UNDIND_TEST_STATE names another folder"
}

packages=(
  base-files bash curl dash docker.io git iptables libc-bin openssl runc tini
  libbrotli1 libc6 libcap2 libcom-err2 libcurl3t64-gnutls libcurl4t64 libffi8 libgmp10 libgnutls30t64 libgssapi-krb5-2 libhogweed6t64 libidn2-0 libk5crypto3
  libkeyutils1 libkrb5-3 libkrb5support0 libldap2 libmnl0 libnettle8t64 libnfnetlink0 libnftnl11 libnghttp2-14 libnghttp3-9 libngtcp2-16 libngtcp2-crypto-gnutls8 libp11-kit0
  libpcre2-8-0 libpsl5t64 librtmp1 libsasl2-2 libseccomp2 libssh2-1t64 libssl3t64 libsystemd0 libtasn1-6 libtinfo6 libunistring5 libxtables12 libzstd1 zlib1g
)

make() {
  trixie=$work/trixie
  new=$work/new
  libraries=usr/lib/x86_64-linux-gnu
  mkdir -p "$new/bin"
  unpack
  host_programs
  images
  printf '%s\n' "$recipe" >"$new/recipe"
  mkdir -p "$cache"
  rm -rf "$made"
  mv "$new" "$made"
}

# The end-to-end test of `migrate` leaves some of the same programs in the cache.
unpack() {
  local theirs=$cache/engine
  if [[ -x $theirs/bin/crane ]]; then
    mkdir -p "$trixie"/usr/{bin,libexec/docker/cli-plugins}
    cp "$theirs"/bin/{busybox,containerd,containerd-shim-runc-v2,docker-registry} "$theirs/docker-26/docker" "$trixie/usr/bin"
    cp "$theirs/docker-26/docker-buildx" "$trixie/usr/libexec/docker/cli-plugins"
  else
    packages+=(busybox-static containerd docker-buildx docker-cli docker-registry)
  fi
  mkdir -p "$trixie"
  debs trixie "$trixie" "${packages[@]}" >"$work/apt.log" 2>&1 || skip "no Docker from Debian: $(tail -n 1 "$work/apt.log")"
}

host_programs() {
  cp "$trixie"/usr/bin/{containerd,containerd-shim-runc-v2,docker,docker-registry} "$trixie"/usr/sbin/{dockerd,docker-proxy} "$new/bin"
  cp "$trixie/usr/bin/tini-static" "$new/bin/docker-init"
  "$new/bin/dockerd" --version >/dev/null 2>&1 || skip "Debian's dockerd doesn't start here"
  host_runc
  # Debian's own loader and libraries, as the host's may be older. What starts itself anew, as Docker's programs do, can't be started this way.
  pick "$new/iptables" usr/sbin/xtables-nft-multi "$libraries/xtables"
  cat >"$new/bin/iptables" <<SH
#!/bin/sh
root=\${0%/bin/*}/iptables
export XTABLES_LIBDIR="\$root/$libraries/xtables"
exec "\$root/lib64/ld-linux-x86-64.so.2" --library-path "\$root/$libraries" "\$root/usr/sbin/xtables-nft-multi" "\${0##*/}" "\$@"
SH
  chmod +x "$new/bin/iptables"
  cp "$new/bin/iptables" "$new/bin/ip6tables"
}

# The host's own, or the one of its release.
host_runc() {
  local runc=$new/bin/runc own release
  own=$(command -v runc || true)
  install "${own:-$trixie/usr/sbin/runc}" "$runc"
  ! "$runc" --version >/dev/null 2>&1 || return 0
  # shellcheck source=/dev/null
  release=$(source /etc/os-release && echo "${VERSION_CODENAME:-}")
  debs "$release" "$work/runc" runc >"$work/apt.log" 2>&1 || skip "no runc that starts here: $(tail -n 1 "$work/apt.log")"
  install "$work/runc/usr/sbin/runc" "$runc"
  "$runc" --version >/dev/null 2>&1 || skip "no runc that starts here"
}

# pick ROOT PATH…: takes paths out of Debian's packages, with the loader and the libraries that the programs in them need.
pick() {
  local root=$1 loader=$trixie/lib64/ld-linux-x86-64.so.2 path program needs
  mkdir -p "$root/lib64" "$root/$libraries"
  cp -L "$loader" "$root/lib64"
  for path in "${@:2}"; do
    mkdir -p "$root/$(dirname "$path")"
    cp -a "$trixie/$path" "$root/$path"
    while read -r program; do
      # Scripts and static programs, which need nothing, are an error.
      needs=$("$loader" --library-path "$trixie/$libraries" --list "$program" 2>&1 || true)
      [[ $needs != *"not found"* ]] || skip "a library is missing: $program needs ${needs//$'\n'/,}"
      sed -n 's/.* => \(.*\) (0x.*/\1/p' <<<"$needs"
    done < <(find "$trixie/$path" -type f -perm -u+x) | sort -u | xargs -r cp -L -u -t "$root/$libraries"
  done
}

images() {
  local manifests=() roots=$work/roots
  mkdir "$work/images"
  alpine "$roots/alpine"
  debian "$roots/debian"
  docker_cli "$roots/cli"
  docker_dind "$roots/dind"
  registry_server "$roots/registry"
  local path='"Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"' version
  version=$("$new/bin/docker" --version | sed -E 's/.*version ([0-9.]+).*/\1/')
  local docker="$path, \"DOCKER_VERSION=$version\", \"DOCKER_TLS_CERTDIR=/certs\"]"
  image "alpine:3.20 alpine:latest busybox:latest" "alpine" "$path], \"Cmd\": [\"/bin/sh\"]"
  image "debian:trixie-slim debian:latest" "debian" "$path], \"Cmd\": [\"bash\"]"
  image "docker:27-cli docker:cli" "alpine cli" "$docker, \"Entrypoint\": [\"docker-entrypoint.sh\"], \"Cmd\": [\"sh\"]"
  # Without a suffix, Docker's tags name the image with the daemon.
  image "docker:27-dind docker:dind docker:27 docker:latest" "alpine cli dind" \
    "$docker, \"Entrypoint\": [\"dockerd-entrypoint.sh\"], \"Volumes\": {\"/var/lib/docker\": {}}, \"ExposedPorts\": {\"2375/tcp\": {}, \"2376/tcp\": {}}"
  image "registry:2" "alpine registry" "$path], \"Entrypoint\": [\"docker-registry\", \"serve\", \"/etc/registry.yml\"], \"ExposedPorts\": {\"5000/tcp\": {}}"
  (IFS=, && printf '[%s]\n' "${manifests[*]}") >"$work/images/manifest.json"
  tar -C "$work/images" -cf "$new/images.tar" .
}

# image NAMES LAYERS CONFIGURATION: an image in the form that `docker save` gives it. Each layer is a folder of files.
image() {
  local layer digests=() archives=() config tags
  for layer in $2; do
    [[ -e $work/images/$layer.tar ]] || tar --numeric-owner --owner=0 --group=0 --sort=name -C "$work/roots/$layer" -cf "$work/images/$layer.tar" .
    digests+=("\"sha256:$(sha256sum <"$work/images/$layer.tar" | cut -d ' ' -f 1)\"")
    archives+=("\"$layer.tar\"")
  done
  config=${2// /-}.json
  local IFS=,
  printf '{"architecture": "amd64", "os": "linux", "created": "2024-01-01T00:00:00Z", "config": {%s}, "rootfs": {"type": "layers", "diff_ids": [%s]}}\n' \
    "$3" "${digests[*]}" >"$work/images/$config"
  tags=\"${1// /\",\"}\"
  manifests+=("{\"Config\": \"$config\", \"RepoTags\": [$tags], \"Layers\": [${archives[*]}]}")
}

# root FOLDER: what every file system begins with.
root() {
  mkdir -p "$1"/{dev,etc,home,proc,root,run,sys,tmp,usr/{bin,sbin,lib,local/bin},var/{cache,lib,log,tmp}}
  chmod 1777 "$1/tmp" "$1/var/tmp"
  ln -s /run "$1/var/run"
  printf '%s\n' root:x:0:0:root:/root:/bin/sh nobody:x:65534:65534:nobody:/:/bin/false >"$1/etc/passwd"
  printf '%s\n' root:x:0: nobody:x:65534: >"$1/etc/group"
  echo 'hosts: files dns' >"$1/etc/nsswitch.conf"
  # Where these are missing, a build makes and removes them, which some builders leave a trace of.
  touch "$1/etc/hosts" "$1/etc/resolv.conf"
}

alpine() {
  root "$1"
  mkdir -p "$1"/{bin,sbin,lib}
  cp "$trixie/usr/bin/busybox" "$1/bin"
  applets "$1"
  printf '%s\n' 'NAME="Alpine Linux"' ID=alpine VERSION_ID=3.20.0 'PRETTY_NAME="stand-in for Alpine Linux, BusyBox alone"' >"$1/etc/os-release"
  echo 3.20.0 >"$1/etc/alpine-release"
}

# applets ROOT: BusyBox under the names that are still free.
applets() {
  local applet
  for applet in $("$trixie/usr/bin/busybox" --list-full); do
    [[ -e $1/$applet ]] || ln -s /bin/busybox "$1/$applet"
  done
}

registry_server() {
  mkdir -p "$1/etc" "$1/var/lib/registry"
  pick "$1" usr/bin/docker-registry
  printf '%s\n' 'version: 0.1' 'storage: {filesystem: {rootdirectory: /var/lib/registry}}' 'http: {addr: ":5000"}' >"$1/etc/registry.yml"
}

# GNU's libc, and bash, git and curl; BusyBox has to do for the rest.
debian() {
  local link
  root "$1"
  mkdir "$1/usr/lib64"
  for link in bin sbin lib lib64; do ln -s "usr/$link" "$1/$link"; done
  pick "$1" etc/os-release usr/lib/os-release etc/debian_version usr/bin/{bash,busybox,curl,dash,getent} "${git[@]}"
  ln -s dash "$1/usr/bin/sh"
  applets "$1"
}

git=(usr/bin/{git,git-receive-pack,git-upload-archive,git-upload-pack} usr/lib/git-core usr/share/git-core)

docker_cli() {
  mkdir -p "$1/usr/local/bin" "$1/certs/client"
  chmod 1777 "$1/certs" "$1/certs/client"
  # curl is here so that `apk` can give it.
  pick "$1" usr/bin/{curl,docker} usr/libexec/docker/cli-plugins/docker-buildx "${git[@]}"
  cp "$here/apk.sh" "$1/usr/local/bin/apk"
  cat >"$1/usr/local/bin/docker-entrypoint.sh" <<'SH'
#!/bin/sh
# What a job starts with in Docker's images: an address for the client unless one is given or a socket is there, and TLS if a service has left its client's files.
set -eu

case ${1:-} in
  -*) set -- docker "$@" ;;
  # The client knows which words are its commands.
  ?*) ! docker help "$1" >/dev/null 2>&1 || set -- docker "$@" ;;
esac
client=${DOCKER_TLS_CERTDIR:+$DOCKER_TLS_CERTDIR/client}
for file in ca cert key; do [ -s "$client/$file.pem" ] || client=; done
if [ -z "${DOCKER_HOST:-}" ] && [ ! -S /var/run/docker.sock ]; then
  DOCKER_HOST=tcp://docker:2375
  [ -z "$client${DOCKER_TLS_VERIFY:-}" ] || DOCKER_HOST=tcp://docker:2376
  export DOCKER_HOST
fi
case ${DOCKER_HOST:-} in
  tcp:*)
    if [ -n "$client" ] && [ -z "${DOCKER_TLS_VERIFY:-}${DOCKER_CERT_PATH:-}" ]; then export DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH="$client"; fi
    ;;
esac
exec "$@"
SH
  chmod +x "$1/usr/local/bin/docker-entrypoint.sh"
}

docker_dind() {
  mkdir -p "$1/usr/local/bin" "$1/var/lib/docker"
  pick "$1" usr/bin/{containerd,containerd-shim-runc-v2} usr/sbin/{dockerd,docker-proxy,runc}
  pick "$1" usr/sbin/xtables-nft-multi "$libraries/xtables" usr/bin/openssl {usr/lib,etc}/ssl/openssl.cnf
  cp "$trixie/usr/bin/tini-static" "$1/usr/local/bin/docker-init"
  ln -s xtables-nft-multi "$1/usr/sbin/iptables"
  ln -s xtables-nft-multi "$1/usr/sbin/ip6tables"
  cat >"$1/usr/local/bin/dockerd-entrypoint.sh" <<'SH'
#!/bin/sh
# What a service starts with in Docker's images: nothing, or flags for dockerd, is a daemon, with TLS only if DOCKER_TLS_CERTDIR is set; anything else is a job's.
set -eu

# certificate SIDE EXTENSIONS: of the server or the client, from the authority beside it.
certificate() {
  folder=$certificates/$1
  mkdir -p "$folder"
  [ -s "$folder/key.pem" ] || openssl genrsa -out "$folder/key.pem" 2048
  openssl req -new -key "$folder/key.pem" -subj "/CN=docker:dind $1" -out "$folder/csr.pem"
  printf '%s\n' "$2" >"$folder/extensions"
  openssl x509 -req -in "$folder/csr.pem" -CA "$certificates/ca/cert.pem" -CAkey "$certificates/ca/key.pem" -CAcreateserial \
    -days 825 -extfile "$folder/extensions" -out "$folder/cert.pem"
  cp "$certificates/ca/cert.pem" "$folder/ca.pem"
  rm "$folder/csr.pem" "$folder/extensions"
}

names() {
  printf 'DNS:%s\n' docker localhost "$(hostname)"
  ip -o address | sed -E 's/.* inet6? ([^ /]+).*/IP:\1/'
  [ -z "${DOCKER_TLS_SAN:-}" ] || printf '%s\n' "$DOCKER_TLS_SAN"
}

certify() {
  # Somebody else's certificates, of an authority whose key stays elsewhere.
  if [ -s "$certificates/server/cert.pem" ] && [ -s "$certificates/server/key.pem" ] && [ ! -s "$certificates/ca/key.pem" ]; then return; fi
  mkdir -p "$certificates/ca"
  [ -s "$certificates/ca/key.pem" ] || openssl genrsa -out "$certificates/ca/key.pem" 2048
  openssl req -x509 -new -key "$certificates/ca/key.pem" -subj "/CN=docker:dind CA" -days 825 -out "$certificates/ca/cert.pem"
  certificate server "subjectAltName=$(names | sort -u | paste -s -d ,)"
  certificate client extendedKeyUsage=clientAuth
  # Jobs may be anybody.
  chmod 644 "$certificates/client/key.pem"
}

# A container's first process may not be in the group that hands controllers on to others.
version_2_control_groups() {
  [ -e /sys/fs/cgroup/cgroup.controllers ] || return 0
  mkdir -p /sys/fs/cgroup/init
  # Somebody may execute a command in the container meanwhile, which begins in this group.
  while ! {
    xargs -rn1 </sys/fs/cgroup/cgroup.procs >/sys/fs/cgroup/init/cgroup.procs || true
    sed -e 's/ / +/g' -e 's/^/+/' /sys/fs/cgroup/cgroup.controllers >/sys/fs/cgroup/cgroup.subtree_control
  }; do true; done
}

case ${1:-} in
  '' | -*)
    socket=unix:///var/run/docker.sock
    case ${DOCKER_HOST:-} in unix://*) socket=$DOCKER_HOST ;; esac
    certificates=${DOCKER_TLS_CERTDIR:-}
    if [ -n "$certificates" ]; then
      certify
      server=$certificates/server
      set -- --host=tcp://0.0.0.0:2376 --tlsverify --tlscacert "$server/ca.pem" --tlscert "$server/cert.pem" --tlskey "$server/key.pem" "$@"
    else
      set -- --host=tcp://0.0.0.0:2375 "$@"
    fi
    set -- dockerd --host="$socket" "$@"
    ;;
esac
[ "$1" = dockerd ] || exec docker-entrypoint.sh "$@"
rm -f /run/docker.pid
version_2_control_groups
mount --make-rshared /
exec docker-init -- "$@"
SH
  chmod +x "$1/usr/local/bin/dockerd-entrypoint.sh"
}

client() { DOCKER_CONFIG=$work "$made/bin/docker" --host "unix://$socket" "$@"; }

until_ok() {
  for _ in {1..600}; do
    "$@" >/dev/null 2>&1 && return
    sleep 0.1
  done
  return 1
}

# The first process of the engine's, if it runs.
running() {
  [[ -s $state/pid ]] || return 1
  pid=$(<"$state/pid")
  [[ $(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline") == *"engine.sh inside "* && /proc/$pid/ns/net -ef $netns ]]
}

# Another engine of this machine has none of it: not the namespaces, nor the folders and control groups.
start() {
  local outer
  [[ ! -e $netns ]] || skip "somebody else is in the network namespace $name"
  ip netns add "$name" 2>"$work/netns.log" || skip "no network namespace: $(tail -n 1 "$work/netns.log")"
  nsenter --net="$netns" ip link set lo up
  nsenter --net="$netns" ip address add "$registry/32" dev lo
  mkdir -p "$state"/{data,logs,registry}
  cat >"$state/registry.yml" <<YML
version: 0.1
log: {level: warn}
storage: {filesystem: {rootdirectory: $state/registry}, delete: {enabled: true}}
http: {addr: ':5000', secret: none}
YML
  echo '{}' >"$state/daemon.json"
  # Not `ip netns exec`: it mounts /sys anew, without its control groups. Of our environment the engine gets nothing that speaks of proxies or another Docker.
  env -i PATH="$made/bin:$PATH" HOME=/root UNDIND_TEST_STATE="$state" setsid nsenter --net="$netns" \
    unshare --mount --propagation slave --pid --fork --kill-child --mount-proc bash "$here/engine.sh" inside >"$state/logs/engine.log" 2>&1 </dev/null &
  outer=$!
  if ! until_ok grep -q . "/proc/$outer/task/$outer/children"; then
    kill -KILL "$outer" 2>/dev/null || true
    skip "no process in namespaces of its own: $(tail -n 1 "$state/logs/engine.log")"
  fi
  pid=$(<"/proc/$outer/task/$outer/children")
  echo "${pid%% *}" >"$state/pid"
  # Kernels and containers that we run in may forbid an engine.
  until_ok client version || skip "dockerd doesn't start here: $(tail -n 1 "$state/logs/dockerd.log")"
  until_ok nsenter --net="$netns" bash -c ": </dev/tcp/$registry/5000" || skip "docker-registry doesn't start here: $(tail -n 1 "$state/logs/registry.log")"
}

# The first process in the namespaces. Images are in memory: the kernel's overlay works there wherever we are.
inside() {
  local run=/run/$name
  mkdir -p /run/containerd "$run"
  for folder in /run/containerd "$run" "$state/data"; do mount -t tmpfs tmpfs "$folder"; done
  # Nobody answers names at the registry's address, and the kernel says so, to everyone who asks and at once: nothing waits for a reply from beyond the namespace.
  echo 0 >/proc/sys/net/ipv4/icmp_ratelimit
  docker-registry serve "$state/registry.yml" >"$state/logs/registry.log" 2>&1 &
  dockerd --host "unix://$socket" --config-file "$state/daemon.json" --data-root "$state/data" --exec-root "$run" --pidfile "$run/dockerd.pid" \
    --cgroup-parent "/$name" --exec-opt native.cgroupdriver=cgroupfs \
    --bip 172.31.1.1/24 --default-address-pool base=172.31.128.0/17,size=24 \
    --insecure-registry "$registry:5000" --registry-mirror "http://$registry:5000" --dns "$registry" >"$state/logs/dockerd.log" 2>&1 &
  wait $!
}

# The mirror has an image of the hub's.
seed() {
  local reference
  for reference in alpine:3.20 alpine:latest busybox:latest; do
    client tag "$reference" "$registry:5000/library/$reference"
    client push --quiet "$registry:5000/library/$reference"
    client rmi "$registry:5000/library/$reference"
  done >/dev/null
}

up() {
  work=$(mktemp -d)
  trap clean EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  possible
  if ! running || [[ ! -e $state/ready ]]; then
    down
    if [[ ! -e $made/recipe || $(<"$made/recipe") != "$recipe" ]]; then
      make
      say "programs and images are made"
    fi
    starting=yes
    start
    say "engine and registry are up"
    client load --quiet --input "$made/images.tar" >/dev/null
    client run --rm alpine:3.20 true 2>"$work/run.log" || skip "no containers here: $(tail -n 1 "$work/run.log")"
    seed
    touch "$state/ready"
    starting=
    say "images are loaded"
  fi
}

clean() {
  local code=$?
  trap - EXIT INT TERM
  [[ -z ${starting:-} ]] || down
  rm -rf "$work"
  exit "$code"
}

down() {
  if running; then
    kill -KILL "$pid"
    # The first process is gone when all others are.
    until_ok test ! -e "/proc/$pid" || true
    ip netns delete "$name"
  elif [[ -e $netns && -z $(ip netns pids "$name" 2>/dev/null) ]]; then
    ip netns delete "$name"
  fi
  find /sys/fs/cgroup -depth -type d \( -path "*/$name" -o -path "*/$name/*" \) -exec rmdir {} + 2>/dev/null || true
  # The folder may be somebody's who has more in it.
  rm -rf "$state"/{daemon.json,data,docker.sock,logs,pid,ready,registry,registry.yml}
  rmdir "$state" 2>/dev/null || true
  # A folder that goes takes what another engine may have mounted on it along.
  [[ -e $netns ]] || rmdir "/run/$name" /run/containerd 2>/dev/null || true
}

case ${1:-} in
  up)
    up >&2
    printf 'UNDIND_TEST_DOCKER_HOST=%q\nUNDIND_TEST_REGISTRY=%s\nUNDIND_TEST_REGISTRY_FILES=%q\nUNDIND_TEST_NETNS=%s\n' "unix://$socket" "$registry:5000" "$state/registry" "$netns"
    ;;
  down) down >&2 ;;
  inside) inside ;;
  *)
    echo "usage: tests/e2e/engine.sh up|down" >&2
    exit 2
    ;;
esac
