#!/bin/sh
# `undind run --executor shell` beside `gitlab-ci-local --force-shell-executor` on the same pipelines, in one run. Takes npm and rsync; the peer needs Node 22 or newer,
# which npm brings.
#   benches/run.sh
# Environment: UNDIND_BIN (the binary), RUNS (how often each is run; the fastest counts).
set -eu
runs=${RUNS:-3}
here=$(cd "$(dirname "$0")/.." && pwd)
undind=${UNDIND_BIN:-}
if [ -z "$undind" ]; then
  cargo build --quiet --release --locked --manifest-path "$here/Cargo.toml"
  undind=$here/target/release/undind
fi
peer=${XDG_CACHE_HOME:-$HOME/.cache}/undind-bench
if [ ! -x "$peer/node_modules/.bin/gitlab-ci-local" ]; then
  mkdir -p "$peer"
  npm install --silent --no-fund --no-audit --prefix "$peer" node@24 gitlab-ci-local@4 >/dev/null
fi
PATH=$peer/node_modules/.bin:$PATH
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The fastest of several runs, in hundredths of a millisecond.
fastest() {
  best=
  i=0
  while [ $i -lt "$runs" ]; do
    start=$(date +%s%N)
    "$@" >/dev/null 2>"$work/errors" || { echo "failed: $(tail -n 1 "$work/errors")"; return; }
    took=$((($(date +%s%N) - start) / 10000))
    if [ -z "$best" ] || [ $took -lt "$best" ]; then best=$took; fi
    i=$((i + 1))
  done
  echo "$best"
}

# compare TITLE JOBS: the pipeline on standard input, with so many jobs at a time.
compare() {
  rm -rf "$work/repository"
  mkdir "$work/repository"
  cat >"$work/repository/.gitlab-ci.yml"
  cd "$work/repository"
  git init --quiet . && git add . && git -c user.name=a -c user.email=a@example.com commit --quiet -m a
  git remote add origin git@gitlab.example:a/b.git
  own=$(fastest "$undind" run --executor shell --jobs "$2")
  other=$(fastest gitlab-ci-local --force-shell-executor --concurrency "$2")
  case $own$other in
  *failed*) printf '%-44s %s %s\n' "$1" "$own" "$other" ;;
  *) awk -v t="$1" -v a="$own" -v b="$other" 'BEGIN { printf "%-44s %9.0f ms %9.0f ms %8.1f\n", t, a / 100, b / 100, b / a }' ;;
  esac
}

printf '%-44s %12s %12s %8s\n' pipeline undind peer ratio
echo 'one: {script: ["true"]}' | compare "one job" 1
i=0
while [ $i -lt 100 ]; do
  echo "job$i: {script: ['true']}"
  i=$((i + 1))
done | compare "100 short jobs, 2 at a time" 2
# Two long jobs on different paths: whoever waits for a whole layer needs 2 + 2 s for what takes 2.2 s. The critical path is 2.6 s.
compare "a diamond of 12 jobs, critical path 2.6 s" 12 <<'PIPELINE'
a: {stage: build, script: [sleep 0.2]}
b1: {stage: test, needs: [a], script: [sleep 2]}
b2: {stage: test, needs: [a], script: [sleep 0.2]}
b3: {stage: test, needs: [a], script: [sleep 0.3]}
b4: {stage: test, needs: [a], script: [sleep 0.4]}
b5: {stage: test, needs: [a], script: [sleep 0.5]}
c1: {stage: test, needs: [b1], script: [sleep 0.2]}
c2: {stage: test, needs: [b2], script: [sleep 2]}
c3: {stage: test, needs: [b3], script: [sleep 0.3]}
c4: {stage: test, needs: [b4], script: [sleep 0.5]}
c5: {stage: test, needs: [b5], script: [sleep 0.4]}
z: {stage: deploy, needs: [c1, c2, c3, c4, c5], script: [sleep 0.2]}
PIPELINE
