shell() {
  if command -v bash > /dev/null; then
    bash -eo pipefail -c "$1"
  else
    sh -c "if set -o | grep -q pipefail; then set -o pipefail; fi; set -e
$1"
  fi
}
code=0
shell "$1" || code=$?
if [ -n "$2" ]; then
  if [ $code = 0 ]; then CI_JOB_STATUS=success; else CI_JOB_STATUS=failed; fi
  export CI_JOB_STATUS
  shell "$2" || true
fi
if [ -n "$3" ]; then
  echo $code > "$3"
  exit 0
fi
exit $code
