#!/usr/bin/env bash
# Dynamic physical systems: trains on generated scenes, and evaluates on others of them and, if they
# are there, on scenes of another simulator and on recorded walks. Whatever is done already is
# not done again: after an interruption the same command goes on.
#
#   scripts/reproduce/physical.sh                       which balls are joined
#   scripts/reproduce/physical.sh --preset counting     how many systems there are
#   scripts/reproduce/physical.sh --mujoco DIR          DIR/test.npz is evaluated, too
#   scripts/reproduce/physical.sh --walks DIR           so are the .amc, .asf and .bvh files in DIR
#
# Further options go to `relate train`.
set -euo pipefail
preset=small mujoco='' walks=''
options=()
while [ $# -gt 0 ]; do
  case "$1" in
    --preset) preset=${2:?"--preset needs a name"}; shift ;;
    --mujoco) mujoco=$(realpath "${2:?"--mujoco needs a directory"}"); shift ;;
    --walks) walks=$(realpath "${2:?"--walks needs a directory"}"); shift ;;
    -h | --help)
      sed -n '2,12s/^# \{0,1\}//p' "$0"
      exit 0
      ;;
    *) options+=("$1") ;;
  esac
  shift
done
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. scripts/setup.sh
swift build -c release
relate=$(swift build -c release --show-bin-path)/relate

run=runs/physical-$preset
if [ -e "$run/experiment.json" ]; then
  "$relate" train --run "$run" --resume
else
  "$relate" train physical --preset "$preset" --precision bf16 --run "$run" ${options[@]+"${options[@]}"}
fi

# What another data set holds, packed once: NAME and the directory that it is in.
evaluate_on() {
  [ -e "data/$1/dataset.json" ] || "$relate" data import physical "$2" --to "data/$1"
  "$relate" evaluate "$run" --data "data/$1" --split test ${3:+--predictions "$3"}
}
"$relate" evaluate "$run" --split test
if [ -n "$mujoco" ]; then evaluate_on physical-mujoco "$mujoco"; fi
if [ -n "$walks" ] && [ "$preset" != counting ]; then
  evaluate_on physical-walks "$walks" "$run/walks.jsonl"
  scripts/stick-figures.py "$run/walks.jsonl" --out "$run/walks.svg"
  echo "$run/walks.svg shows the links that were seen"
fi
