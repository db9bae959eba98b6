#!/usr/bin/env bash
# bAbI, all twenty tasks at once: unpacks the published archive, packs its stories, trains, and
# evaluates on the test split. Whatever is done already is not done again: after an interruption the
# same command goes on.
#
#   scripts/reproduce/babi.sh tasks_1-20_v1-2.tar.gz                  the paper's model
#   scripts/reproduce/babi.sh tasks_1-20_v1-2.tar.gz --preset best    another preset
#
# Further options go to `relate train`.
set -euo pipefail
case "${1:-}" in
'' | -*)
  sed -n '2,9s/^# \{0,1\}//p' "$0"
  [ "${1:-}" = --help ] && exit 0
  exit 64
  ;;
esac
archive=$(realpath "$1")
shift
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. scripts/setup.sh

preset=paper
options=()
while [ $# -gt 0 ]; do
  case "$1" in
    --preset) preset=${2:?"--preset needs a name"}; shift ;;
    *) options+=("$1") ;;
  esac
  shift
done

swift build -c release
relate=$(swift build -c release --show-bin-path)/relate
data=data/babi
run=runs/babi-$preset
if [ ! -e "$data/dataset.json" ]; then
  stories=$(mktemp -d "${TMPDIR:-/tmp}/relate-babi.XXXXXX")
  trap 'rm -rf "$stories"' EXIT
  tar -xf "$archive" -C "$stories"
  "$relate" data import babi "$stories/tasks_1-20_v1-2" --to "$data"
fi
if [ -e "$run/experiment.json" ]; then
  "$relate" train --run "$run" --resume --data "$data"
else
  "$relate" train babi --preset "$preset" --precision bf16 --data "$data" --run "$run" "${options[@]}"
fi
"$relate" evaluate "$run" --data "$data" --split test
