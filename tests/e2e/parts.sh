#!/usr/bin/env bash
# What the scripts beside this one share. `work` is a folder of theirs for what is only needed meanwhile.

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

# The version that `undind migrate` installs.
depot_version=2.102.12

# depot_cli TARGET: fetches the Depot CLI where it isn't there, and sets `depot` to its path. The folder is the one that tests/outside/depot_cli.rs uses.
depot_cli() {
  local target=$1
  depot=${UNDIND_DEPOT_CLI:-$target/depot-cli/node_modules/@depot/cli-linux-x64/bin/depot}
  [[ -x $depot ]] && return
  npm install --silent --ignore-scripts --no-audit --no-fund --prefix "$target/depot-cli" "@depot/cli-linux-x64@0.0.1-cli.$depot_version" >"$work/npm.log" 2>&1 ||
    skip "no Depot CLI: $(tail -n 1 "$work/npm.log")"
}

# certificate: cert.pem and key.pem, for every name that the pipelines speak to, and for the daemon and its clients.
certificate() {
  openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=undind end to end" -keyout "$work/key.pem" -out "$work/cert.pem" -addext \
    "subjectAltName=DNS:docker,DNS:registry.example.com,DNS:mirror.example.com,DNS:gitlab.example.com,DNS:registry.depot.dev,DNS:registry-1.docker.io,DNS:api.depot.dev,DNS:blob.depot.dev,DNS:depot.dev,DNS:buildkit.example.com,DNS:github.com" 2>/dev/null
}
