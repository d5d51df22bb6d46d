#!/bin/sh
# `undind expand` beside `gitlab-ci-local --preview` on the same files, in one run. Takes npm; the peer needs Node 22 or newer, which npm brings.
#   benches/compare.sh FILE…
set -eu
[ $# -gt 0 ] || { echo "usage: benches/compare.sh FILE…" >&2; exit 2; }
runs=${RUNS:-7}
here=$(cd "$(dirname "$0")/.." && pwd)
cargo build --quiet --release --locked --manifest-path "$here/Cargo.toml"
undind=$here/target/release/undind
peer=${XDG_CACHE_HOME:-$HOME/.cache}/undind-bench
if [ ! -x "$peer/node_modules/.bin/gitlab-ci-local" ]; then
  mkdir -p "$peer"
  npm install --silent --no-fund --no-audit --prefix "$peer" node@24 gitlab-ci-local@4 >/dev/null
fi
PATH=$peer/node_modules/.bin:$PATH
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The fastest of several runs, in milliseconds.
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

printf '%-60s %12s %16s %8s\n' file undind gitlab-ci-local ratio
for file; do
  rm -rf "$work/repository"
  mkdir "$work/repository"
  cp "$file" "$work/repository/.gitlab-ci.yml"
  cd "$work/repository"
  git init --quiet . && git add . && git -c user.name=a -c user.email=a@example.com commit --quiet -m a
  git remote add origin git@gitlab.example:a/b.git
  ours=$(fastest "$undind" expand)
  theirs=$(fastest gitlab-ci-local --preview)
  cd "$OLDPWD"
  case $ours$theirs in
    *failed*) printf '%-60s %s | %s\n' "$(basename "$file")" "$ours" "$theirs" ;;
    *) awk -v file="$(basename "$file")" -v ours="$ours" -v theirs="$theirs" \
      'BEGIN { printf "%-60s %9.1f ms %13.1f ms %7.0fx\n", file, ours / 100, theirs / 100, theirs / ours }' ;;
  esac
done
