#!/bin/sh
# `undind run --executor shell` beside `gitlab-ci-local --force-shell-executor` on the same pipelines, in one run: how long both take, and whether they come to the
# same: results of jobs, what scripts print, artifacts. Takes npm and rsync; the peer needs Node 22 or newer,
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
    # 1 is the end of a pipeline that fails.
    "$@" >/dev/null 2>"$work/errors" || [ $? -eq 1 ] || { echo "failed: $(tail -n 1 "$work/errors")"; return; }
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
  # Before anything else, since the peer copies artifacts into the repository.
  same=$(node "$here/benches/results.mjs" "$undind" "$work/repository" "$2" 2>&1) || { printf '%s: the results differ\n%s\n' "$1" "$same"; exit 1; }
  own=$(fastest "$undind" run --executor shell --jobs "$2")
  other=$(fastest gitlab-ci-local --force-shell-executor --concurrency "$2")
  case $own$other in
  *failed*) printf '%-44s %s %s\n' "$1" "$own" "$other" ;;
  *) awk -v t="$1" -v a="$own" -v b="$other" -v s="$same" 'BEGIN { printf "%-44s %9.0f ms %9.0f ms %8.1f   %s\n", t, a / 100, b / 100, b / a, s }' ;;
  esac
}

printf '%-44s %12s %12s %8s   %s\n' pipeline undind peer ratio results
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
# What both understand, and how a pipeline ends that fails.
compare "variables, artifacts, matrix, failures" 2 <<'PIPELINE'
stages: [build, test, report, deploy]
variables: {WORD: pipeline}
.base: {before_script: ['echo "before $CI_JOB_NAME"']}
make:
  extends: .base
  stage: build
  variables: {WORD: job}
  script: [mkdir -p out/deep, 'echo "$WORD" > out/file', 'echo x > out/deep/other', 'echo kept > cached']
  artifacts: {paths: [out], exclude: [out/deep/**]}
hidden: {stage: build, script: [echo never], rules: [{if: '$WORD == "other"'}]}
take: {stage: test, needs: [make], script: [cat out/file, test ! -e out/deep/other]}
nothing: {stage: test, needs: [{job: make, artifacts: false}], script: [test ! -e out/file, echo nothing came]}
matrix: {stage: test, parallel: {matrix: [{A: [one, two]}]}, script: ['echo "matrix $A"']}
allowed: {stage: test, allow_failure: true, script: [echo before failing, exit 3]}
codes: {stage: test, allow_failure: {exit_codes: [7]}, script: [exit 7]}
chosen: {stage: report, rules: [{if: '$WORD == "pipeline"', variables: {WORD: rule}}], script: ['echo "by a $WORD"']}
fails: {stage: report, script: [echo going, 'false', echo not reached]}
ship: {stage: deploy, script: [echo shipped]}
PIPELINE
