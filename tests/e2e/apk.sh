#!/bin/sh
# The packages of Alpine that a stand-in for its images has already, and a complaint of the others.
[ "$1" = add ] || { echo "apk: only add, not $1" >&2; exit 1; }
shift
for name; do
  case $name in -*) continue ;; esac
  command -v "$name" >/dev/null || { echo "apk: no $name here" >&2; exit 1; }
done
