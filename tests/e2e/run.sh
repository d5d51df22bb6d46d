#!/usr/bin/env bash
# Pipelines that build images with Docker-in-Docker → proof that what `undind migrate` makes of them publishes the same.
#
# The scripts of tests/e2e/pipelines run three times: as they are, with a real dockerd and a registry; migrated to Depot, with the real Depot CLI; and migrated to
# BuildKit, with buildx. The migrated ones have a real BuildKit, and no daemon in reach. Then the registries are compared. Depot itself is played by depot.mjs, GitLab's
# token service by gitlab.mjs, the place that downloads come from by buildkit.mjs; the network ends at the namespace.
#
# Usage: tests/e2e/run.sh [PIPELINE…]
# Environment: UNDIND_BIN (the binary), UNDIND_DEPOT_CLI (the Depot CLI), UNDIND_E2E_KEEP=1 (leave logs and registries behind).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repository=$(cd "$here/../.." && pwd)
target=${CARGO_TARGET_DIR:-$repository/target}
undind=$(realpath "${UNDIND_BIN:-$target/release/undind}")
cache=$target/e2e
# shellcheck source=tests/e2e/parts.sh
source "$here/parts.sh"

skip() {
  printf 'skipped: %s\n' "$1"
  exit 0
}

say() { printf '%3d s  %s\n' "$SECONDS" "$1"; }

possible() {
  local tool
  ((EUID == 0)) || skip "mounts and network namespaces take root"
  [[ $(uname -sm) == "Linux x86_64" ]] || skip "the Depot CLI is fetched for Linux on x86_64 only"
  for tool in unshare setpriv ip openssl curl node npm python3 ruby apt-get dpkg-deb; do
    command -v "$tool" >/dev/null || skip "there is no $tool"
  done
  unshare --net --mount --pid --fork --mount-proc true 2>/dev/null || skip "no namespaces of our own here"
  unshare --mount bash -c 'mount -t tmpfs tmpfs /mnt && mkdir /mnt/{upper,work,root} &&
    mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work /mnt/root' 2>/dev/null || skip "no overlay over / here"
}

# Debian's stable release has the engine. Docker's images for jobs have clients of many versions, and three releases of Debian have three of them.
engine() {
  [[ -x $cache/engine/bin/crane ]] && return
  local new=$work/engine stable=$work/stable runc
  mkdir -p "$new/bin" "$stable"
  debs trixie "$stable" docker.io containerd docker-registry runc busybox-static >"$work/apt.log" 2>&1 || skip "no Docker from Debian: $(tail -n 1 "$work/apt.log")"
  cp "$stable"/usr/sbin/dockerd "$stable"/usr/bin/{containerd,containerd-shim-runc-v2,docker-registry,busybox} "$new/bin"
  # runc wants the libc of its release, so the host's own comes first.
  runc=$(command -v runc || find "$stable/usr" -path '*bin/runc' -type f -print -quit)
  cp "$runc" "$new/bin/runc"
  "$new/bin/runc" --version >/dev/null 2>&1 || own_runc "$new/bin"
  "$new/bin/dockerd" --version >/dev/null 2>&1 || skip "Debian's dockerd doesn't start here"
  client 20 bookworm docker.io
  client 26 trixie docker-cli docker-buildx
  client 28 testing docker-cli docker-buildx
  mkdir -p "$work/crane"
  debs sid "$work/crane" crane >"$work/apt.log" 2>&1 || skip "no crane from Debian: $(tail -n 1 "$work/apt.log")"
  cp "$work/crane/usr/bin/crane" "$new/bin"
  "$new/bin/crane" version >/dev/null 2>&1 || skip "Debian's crane doesn't start here"
  mkdir -p "$cache"
  rm -rf "$cache/engine"
  mv "$new" "$cache/engine"
}

# client VERSION SUITE PACKAGE…: the docker command, with buildx if the packages have it.
client() {
  local folder=$work/engine/docker-$1
  mkdir -p "$folder" "$work/client-$1"
  debs "$2" "$work/client-$1" "${@:3}" >"$work/apt.log" 2>&1 || skip "no docker command from Debian's $2: $(tail -n 1 "$work/apt.log")"
  cp "$work/client-$1/usr/bin/docker" "$folder"
  find "$work/client-$1/usr" -path '*/cli-plugins/docker-buildx' -exec cp {} "$folder" \;
  "$folder/docker" --version >/dev/null 2>&1 || skip "the docker command of Debian's $2 doesn't start here"
}

own_runc() {
  mkdir -p "$work/runc"
  if ! (cd "$work/runc" && { apt-get download -qq runc || { apt-get update -qq && apt-get download -qq runc; }; }) >"$work/apt.log" 2>&1; then
    skip "no runc that starts here: $(tail -n 1 "$work/apt.log")"
  fi
  dpkg-deb --extract "$work"/runc/*.deb "$work/runc"
  cp "$(find "$work/runc/usr" -path '*bin/runc' -type f -print -quit)" "$1"
  "$1/runc" --version >/dev/null 2>&1 || skip "no runc that starts here"
}

# What migrated jobs download, as the addresses have it: crane in an archive, and buildx.
downloads() {
  local crane=$work/downloads/github.com/google/go-containerregistry/releases/download/v0.21.9
  local buildx=$work/downloads/github.com/docker/buildx/releases/download/v0.29.1
  mkdir -p "$crane" "$buildx"
  tar -czf "$crane/go-containerregistry_Linux_x86_64.tar.gz" -C "$cache/engine/bin" crane
  cp "$cache/engine/docker-28/docker-buildx" "$buildx/buildx-v0.29.1.linux-amd64"
}

# pipeline WORLD NAME: the files of a pipeline as one of the worlds has them, and its jobs, read by Ruby's YAML and not by undind.
pipeline() {
  local project=$work/$1/projects/$2
  mkdir -p "$work/$1/projects" "$work/$1/jobs"
  cp -R "$here/pipelines/$2" "$project"
  local target=(--to "$1")
  [[ $1 != depot ]] || target+=(--project e2e-project)
  if [[ $1 != before ]]; then
    "$undind" migrate "$project" "${target[@]}" --write >"$work/$1/$2.migration" 2>&1 || {
      cat "$work/$1/$2.migration"
      return 1
    }
  fi
  ruby -ryaml -rjson -e 'puts JSON.dump(YAML.load(File.read(ARGV[0]), aliases: true))' "$project/.gitlab-ci.yml" >"$work/$1/$2.json"
  CI_REGISTRY=registry.example.com CI_REGISTRY_IMAGE=registry.example.com/e2e/$2 CI_COMMIT_SHA=$commit CI_COMMIT_REF_SLUG=main \
    python3 "$here/jobs.py" "$work/$1/jobs/$2" <"$work/$1/$2.json"
}

start() {
  # The world ends with us, however we end: its first process is killed, and the namespaces take everything else with them. Of our environment it gets nothing that
  # speaks of proxies, certificates or another Docker.
  env -i PATH="$PATH" HOME=/root E2E_CACHE="$cache/engine" E2E_DEPOT="$depot" E2E_DEPOT_VERSION="$depot_version" E2E_COMMIT="$commit" E2E_CGROUP="undind-e2e-$$" \
    setpriv --pdeathsig KILL unshare --net --mount --pid --fork --kill-child --mount-proc \
    bash "$here/world.sh" "$1" "$work" "${pipelines[@]}" >"$work/$1/world.log" 2>&1 &
  worlds+=($!)
}

judge() {
  local name target failed=0
  for name in "${pipelines[@]}"; do
    printf '%s\n' "$name"
    # A pipeline that breaks before it does its work would compare equal to anything that breaks.
    [[ $name == *-fails ]] || passes before "$name" || failed=1
    for target in "${targets[@]}"; do
      printf ' %s\n' "$target"
      if ! diff <(outcomes before "$name") <(outcomes "$target" "$name") >"$work/jobs.diff"; then
        sed -n 's/^< /  original: job /p; s/^> /  migrated: job /p' "$work/jobs.diff"
        passes "$target" "$name" || true
        failed=1
      fi
      python3 "$here/registry.py" compare "$work/before/registry" "$work/$target/registry" "e2e/$name" || failed=1
    done
  done
  return "$failed"
}

# outcomes WORLD PIPELINE: lines `JOB passes` and `JOB fails`.
outcomes() { sed -n "s/^$2 //p" "$work/$1/results"; }

# passes WORLD PIPELINE: or shows the end of what failed.
passes() {
  local job outcome failed=0
  while read -r job outcome; do
    [[ $outcome == fails ]] || continue
    log "$1/logs/$2-$job.log"
    failed=1
  done < <(outcomes "$1" "$2")
  return "$failed"
}

log() {
  [[ -f $work/$1 ]] || return 0
  printf '  the end of %s:\n' "$1"
  tail -n 12 "$work/$1" | sed 's/^/  | /'
}

clean() {
  local code=$?
  trap - EXIT INT TERM
  # `unshare` hears nothing milder; what bash has to say about that is nobody's news.
  exec 2>/dev/null
  ((${#worlds[@]} == 0)) || kill -KILL "${worlds[@]}" || true
  wait || true
  # Groups that the engines made and that no process is in any more.
  find /sys/fs/cgroup -depth -type d -path "*/undind-e2e-$$*" -exec rmdir {} + || true
  if [[ -n ${UNDIND_E2E_KEEP:-} ]]; then
    printf 'kept: %s\n' "$work"
  else
    rm -rf "$work"
  fi
  exit "$code"
}

worlds=()
work=$(mktemp -d)
trap clean EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
commit=5f0c1a7d9e3b42680d1c5a7e9b3f20486d5c1a7e
targets=(depot buildkit)
pipelines=("$@")
((${#pipelines[@]} > 0)) || mapfile -t pipelines < <(cd "$here/pipelines" && ls)

possible
engine
depot_cli "$target"
certificate
downloads
say "engine and Depot CLI are here"
python3 "$here/registry.py" seed "$work/hub" library/busybox:1.36 "$cache/engine/bin/busybox"
for world in before "${targets[@]}"; do
  mkdir -p "$work/$world"/{logs,registry}
  for name in "${pipelines[@]}"; do pipeline "$world" "$name"; done
done
for world in before "${targets[@]}"; do start "$world"; done
ended=0
for world in "${worlds[@]}"; do wait "$world" || ended=$?; done
worlds=()
if ((ended != 0)); then
  for world in before "${targets[@]}"; do log "$world/world.log"; done
  if grep -hs '^skipped: ' "$work"/*/world.log; then exit 0; fi
  echo "a world broke down"
  exit 1
fi
say "original and migrated jobs have run"
judge
say "compared"
