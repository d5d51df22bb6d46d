#!/usr/bin/env bash
# A real Docker engine and registry → proof that `undind run` does in containers what its cases say, and what becomes of it when the engine goes away in the middle.
#
# Usage: tests/e2e/containers.sh
# Environment: UNDIND_BIN (the binary), and what engine.sh takes.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repository=$(cd "$here/../.." && pwd)
undind=$(realpath "${UNDIND_BIN:-${CARGO_TARGET_DIR:-$repository/target}/release/undind}")
work=$(mktemp -d)
trap '"$here/engine.sh" down; rm -rf "$work"' EXIT

status=0
"$here/engine.sh" up >"$work/engine" || status=$?
((status == 3)) && exit 0
((status == 0)) || exit "$status"
# shellcheck source=/dev/null
source "$work/engine"
export UNDIND_TEST_DOCKER_HOST UNDIND_TEST_REGISTRY UNDIND_TEST_REGISTRY_FILES UNDIND_TEST_NETNS

cd "$repository"
cargo test --locked --quiet --test run --test run_ends
UNDIND_BIN=$undind "$here/remote.sh"
UNDIND_BIN=$undind "$here/targets.sh"
UNDIND_BIN=$undind "$here/clock.sh"

# The engine goes away while a job runs.
mkdir "$work/project"
cd "$work/project"
printf 'job: {image: "alpine:3.20", script: [echo up, sleep 100]}\n' >.gitlab-ci.yml
DOCKER_HOST=$UNDIND_TEST_DOCKER_HOST "$undind" run >"$work/log" 2>&1 &
run=$!
for _ in {1..300}; do
  grep -q '| up$' "$work/log" && break
  sleep 0.1
done
"$here/engine.sh" down
status=0
wait "$run" || status=$?
if ((status != 1)) || ! grep -q 'error: .*Docker engine' "$work/log" || ! grep -q '^the pipeline failed' "$work/log"; then
  cat "$work/log"
  echo "a run whose engine goes away ends with $status, and not with what there is to say of it"
  exit 1
fi
echo "a run whose engine goes away fails with the reason"
