#!/usr/bin/env bash
# Trains with real processes on this machine while everything happens to them: workers and the server
# are killed, frozen and started again, connections are broken, cut in one direction and slowed down,
# as a seed says. At the end every step's digest, every evaluation and the summary must be those of
# an undisturbed run; otherwise it ends with 1 and keeps the logs.
#
#   scripts/chaos.sh                          two minutes
#   scripts/chaos.sh --minutes 5 --seed 7     longer, and other faults
#   scripts/chaos.sh --only kill              one kind of fault, to see what it costs
#   scripts/chaos.sh --no-build               with what was built last; --bin DIR: from another place
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=yes
bin=""
arguments=()
while [ $# -gt 0 ]; do
  case "$1" in
    --no-build) build=no ;;
    --bin) bin=${2:?"--bin needs a directory"}; build=no; shift ;;
    --help) sed -n '2,10s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) arguments+=("$1") ;;
  esac
  shift
done
command -v python3 >/dev/null || { echo "scripts/chaos.sh needs python3." >&2; exit 1; }
if [ "$build" = yes ]; then
  . "$here/scripts/setup.sh"
  echo "Building (a minute or two the first time)"
  swift build --package-path "$here" -c release | tail -n 1
fi
[ -n "$bin" ] || bin=$(swift build --package-path "$here" -c release --show-bin-path)
exec python3 "$here/scripts/chaos/chaos.py" --bin "$bin" "${arguments[@]}"
