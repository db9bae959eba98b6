#!/usr/bin/env bash
# CLUTRR: how two people of a short story are related. Imports the published files, trains the
# relation network, the one over a refined set and the one over a refined graph, several seeds of
# each, and evaluates them on the tests. Whatever is done already is not done again: after an
# interruption the same command goes on.
#
#   scripts/reproduce/clutrr.sh DIR              five seeds; DIR holds 1.2_test.csv and the others
#   scripts/reproduce/clutrr.sh DIR --seeds 1    another number of seeds
#
# Further options go to `relate train`.
set -euo pipefail
case "${1:-}" in
'' | -*)
  sed -n '2,11s/^# \{0,1\}//p' "$0"
  [ "${1:-}" = --help ] && exit 0
  exit 64
  ;;
esac
folder=$(realpath "$1")
shift
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. scripts/setup.sh

seeds=5
options=()
while [ $# -gt 0 ]; do
  case "$1" in
    --seeds) seeds=${2:?"--seeds needs a number"}; shift ;;
    *) options+=("$1") ;;
  esac
  shift
done

swift build -c release
relate=$(swift build -c release --show-bin-path)/relate
data=data/clutrr
[ -e "$data/dataset.json" ] || "$relate" data import clutrr "$folder" --to "$data"
for model in rn srn grn; do
  for seed in $(seq "$seeds"); do
    run=runs/clutrr-$model-seed$seed
    if [ -e "$run/experiment.json" ]; then
      "$relate" train --run "$run" --resume --data "$data"
    else
      "$relate" train clutrr --preset "$model" --seed "$seed" --data "$data" --run "$run" \
        "${options[@]}"
    fi
    "$relate" evaluate "$run" --data "$data" --split test
  done
done
