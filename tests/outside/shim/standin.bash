# Stands in for every external command: records the call, answers with as little as scripts need, and fails where it is told to.
# Every bash in the sandbox reads it first (BASH_ENV); the files of /standin/bin lead here too. It runs under the caller's options, so nothing in it may
# fail under `set -eu` or depend on IFS.
#
# Record, one line in /out/log, fields separated by \x1f, newlines within them written \x1e: section, folder, status, build number, name, arguments.
# STANDIN_FAIL: calls that fail, one a line, as name and arguments are recorded. STANDIN_REMOTE: empty if the registry holds nothing but what this run pushed.

standin() {
  local IFS=$'\x1f'
  local call="$*" status=0 build="" seen=()
  call=${call//$'\n'/$'\x1e'}
  case "$call" in *$'\x1f'--password-stdin* | *$'\x1f-' | *$'\x1f-\x1f'*) standin_drain ;; esac
  if [[ $'\n'"${STANDIN_FAIL-}"$'\n' == *$'\n'"$call"$'\n'* ]]; then
    status=1
  elif [[ -z "${STANDIN_REMOTE-}" ]]; then
    standin_absent "$@" || status=1
  fi
  if [[ $status == 0 && "$call" == *$'\x1fbuild\x1f'* || "$call" == *$'\x1fbake'* || "$call" == *$'\x1fb\x1f'* ]]; then
    if [[ -s /out/log ]]; then mapfile -t seen </out/log; fi
    build="build${#seen[@]}"
    standin_files_of_build "$build" "$@"
  fi
  printf '%s\x1f%s\x1f%s\x1f%s\x1f%s\n' "${STANDIN_SECTION-}" "$PWD" "$status" "$build" "$call" >>/out/log
  if [[ $status == 0 ]]; then standin_answer "$@"; fi
  return $status
}

standin_drain() { while IFS= read -r -N 4096 _ 2>/dev/null; do :; done; }

# Whether the registry can serve what is asked of it: only what was pushed before.
standin_absent() {
  local log="" image="${!#}"
  case "$1 ${2-} ${3-}" in
  "docker pull "* | "docker image pull" | "podman pull "* | "docker manifest inspect" | "docker buildx imagetools") ;;
  "crane digest"* | "crane manifest"*) ;;
  "crane copy "* | "crane cp "* | "crane tag "* | "skopeo copy "* | "regctl image copy") image="${*: -2:1}" ;;
  *) return 0 ;;
  esac
  if [[ -s /out/log ]]; then log=$(</out/log); fi
  image=${image#docker://}
  [[ "$log" == *push*"$image"* || "$log" == *"$image"*push* ]]
}

# Files that a build leaves behind besides an image.
standin_files_of_build() {
  local build=$1 previous="" word
  shift
  for word in "$@"; do
    case "$previous" in --metadata-file | --iidfile) word="$previous=$word" ;; esac
    case "$word" in
    --metadata-file=*) printf '{"depot.build":{"buildID":"%s","projectID":"p"},"containerimage.digest":"sha256:%s"}\n' "$build" "$build" >"${word#*=}" ;;
    --iidfile=*) printf 'sha256:%s' "$build" >"${word#*=}" ;;
    esac
    previous=$word
  done
}

standin_answer() {
  case "$1 ${2-} ${3-}" in
  "docker images"* | "docker inspect"* | "docker ps"* | "docker image inspect" | "crane digest"*) echo "sha256:0" ;;
  "git rev-parse"*) echo 0123456789abcdef0123456789abcdef01234567 ;;
  "git describe"* | "git tag"*) echo v1.2.3 ;;
  "git branch"*) echo main ;;
  git\ *) ;;
  curl\ * | wget\ *) standin_download "$@" ;;
  aws\ * | gcloud\ * | az\ * | vault\ * | kubectl\ * | helm\ *) echo answer ;;
  esac
}

# What is downloaded into a file is there.
standin_download() {
  local previous="" word
  for word in "$@"; do
    if [[ "$previous" == -[oO] || "$previous" == --output ]]; then
      if [[ "$word" == */* ]]; then command mkdir -p -- "${word%/*}"; fi
      [[ "$word" == /dev/* ]] || : >>"$word"
    fi
    previous=$word
  done
}

command_not_found_handle() { standin "$@"; }

for standin_name in $STANDIN_NAMES; do eval "function $standin_name { standin $standin_name \"\$@\"; }"; done
unset standin_name

sleep() { :; }
source() { standin source "$@"; }
function . { standin source "$@"; }

# What only runs another command.
sudo() {
  while [[ "${1-}" == -* ]]; do shift; done
  "$@"
}

date() {
  case " $* " in *" -d"* | *" --date"*) command date "$@" ;; *) command date -u -d @1700000000 "$@" ;; esac
}

mktemp() {
  local number=1
  while [[ -e /tmp/standin.$number ]]; do number=$((number + 1)); done
  case " $* " in *" -d "*) command mkdir -p "/tmp/standin.$number" ;; *) : >"/tmp/standin.$number" ;; esac
  echo "/tmp/standin.$number"
}

# Folders and files of the repository, which the sandbox does not have, appear when they are asked for.
cd() {
  if [[ $# -gt 0 && "${!#}" != -* && ! -d "${!#}" ]]; then command mkdir -p -- "${!#}"; fi
  builtin cd "$@"
}

standin_file() {
  if [[ -n "$1" && ! -e "$1" && "$1" =~ ^[A-Za-z0-9_./-]+$ && "$1" != -* ]]; then
    if [[ "$1" == */* ]]; then command mkdir -p -- "${1%/*}"; fi
    case "$1" in
    *.json) echo '{"version": "1.2.3", "name": "app"}' >"$1" ;;
    *.xml) echo '<version>1.2.3</version>' >"$1" ;;
    *.toml | *.yml | *.yaml | *.py | *.gradle | *.cfg) printf 'version = "1.2.3"\nversion: 1.2.3\n' >"$1" ;;
    *) echo 1.2.3 >"$1" ;;
    esac
  fi
}

cat() {
  local word
  for word in "$@"; do standin_file "$word"; done
  command cat "$@"
}

for standin_name in jq grep sed awk head tail cut; do
  eval "$standin_name() { case \"\${!#}\" in *.* | VERSION) standin_file \"\${!#}\" ;; esac; command $standin_name \"\$@\"; }"
done
unset standin_name
