#!/usr/bin/env bash
# A clock that jumps forty days ahead and then back behind today while a pipeline runs → proof that nothing waits by it: no job is out of time, and none starts early or never.
#
# Usage: tests/e2e/clock.sh
# Environment: UNDIND_BIN (the binary).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repository=$(cd "$here/../.." && pwd)
undind=$(realpath "${UNDIND_BIN:-${CARGO_TARGET_DIR:-$repository/target}/release/undind}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# shellcheck source=tests/e2e/parts.sh
source "$here/parts.sh"

release=$(source /etc/os-release 2>/dev/null && echo "${VERSION_CODENAME:-}")
if ! command -v apt-get >/dev/null || ! debs "$release" "$work/root" libfaketime >"$work/apt.log" 2>&1; then
  echo "skipped: a clock that jumps: no libfaketime from Debian: $(tail -n 1 "$work/apt.log" 2>/dev/null)"
  exit 0
fi
library=$(find "$work/root" -name libfaketimeMT.so.1 -print -quit)
mkdir "$work/project"
cat >"$work/project/.gitlab-ci.yml" <<'YML'
ahead: {stage: build, timeout: 1 minute, script: [echo up, sleep 2]}
back: {stage: test, timeout: 1 minute, script: ['echo "at $CI_JOB_STARTED_AT"', sleep 1]}
later: {stage: deploy, when: delayed, start_in: 2 seconds, script: ['echo "at $CI_JOB_STARTED_AT"']}
YML
jump() { echo "$1" >"$work/new" && mv "$work/new" "$work/clock"; }
jump +0d
today=$(date -u +%Y-%m-%d)
env LD_PRELOAD="$library" FAKETIME_TIMESTAMP_FILE="$work/clock" FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1 \
  timeout 120 "$undind" run --executor shell --file "$work/project" >"$work/log" 2>&1 &
run=$!
for line in '| up$' '| at '; do
  for _ in {1..300}; do
    grep -q "$line" "$work/log" && break
    sleep 0.1
  done
  case $line in *up*) jump +40d ;; *) jump -40d ;; esac
done
status=0
wait "$run" || status=$?
starts=$(sed -n 's/.*| at \(.*\)T.*/\1/p' "$work/log" | sort | uniq -d)
if ((status != 0)) || [[ $(grep -c '| at ' "$work/log") != 2 || -n $starts ]] || ! grep -q "back  *| at [^$]" "$work/log" || grep -q "| at $today" "$work/log"; then
  cat "$work/log"
  echo "a run whose clock jumps ends with $status"
  exit 1
fi
echo "a run whose clock jumps ahead and back passes as any other"
