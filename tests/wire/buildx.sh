#!/usr/bin/env bash
# buildx.sh FILE: puts the buildx of Debian's testing release there; exit code 3 where it can't be had.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# shellcheck source=tests/e2e/parts.sh
source "$(dirname "${BASH_SOURCE[0]}")/../e2e/parts.sh"

debs testing "$work/root" docker-buildx || exit 3
found=$(find "$work/root/usr" -path '*/cli-plugins/docker-buildx' -print -quit)
"$found" version
mkdir -p "$(dirname "$1")"
mv "$found" "$1"
