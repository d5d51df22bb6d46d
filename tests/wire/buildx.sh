#!/usr/bin/env bash
# buildx.sh FILE: puts the buildx of Debian's testing release there.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# shellcheck source=tests/e2e/debs.sh
source "$(dirname "${BASH_SOURCE[0]}")/../e2e/debs.sh"

debs testing "$work/root" docker-buildx
found=$(find "$work/root/usr" -path '*/cli-plugins/docker-buildx' -print -quit)
"$found" version
mkdir -p "$(dirname "$1")"
mv "$found" "$1"
