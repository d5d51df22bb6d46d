#!/usr/bin/env bash
# Debian's packages without an installation; `work` is a folder for what is only needed meanwhile.

# debs SUITE FOLDER PACKAGE…: unpacks Debian's packages without installing them. Names a mirror that the host uses already.
debs() {
  local suite=$1 folder=$2 state mirror options
  state=$(mktemp -d "$work/apt.XXXX")
  mkdir -p "$state/lists/partial" "$state/cache/archives/partial" "$state/debs"
  # shellcheck disable=SC2016 # apt's own variable
  mirror=$(apt-get indextargets --format '$(REPO_URI)' | grep -m 1 -E '/debian/?$') || return 1
  printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' "$mirror" "$suite" >"$state/sources.list"
  options=(-qq -o Dir::Etc::sourcelist="$state/sources.list" -o Dir::Etc::sourceparts=- -o Dir::State::lists="$state/lists" -o Dir::Cache="$state/cache")
  # A mirror that lags behind, or a clock that is ahead, does no harm here: the signature is checked all the same.
  options+=(-o Acquire::Languages=none -o APT::Sandbox::User=root -o Acquire::Check-Valid-Until=false)
  apt-get "${options[@]}" update && (cd "$state/debs" && apt-get "${options[@]}" download "${@:3}") || return 1
  for deb in "$state"/debs/*.deb; do dpkg-deb --extract "$deb" "$folder"; done
}
