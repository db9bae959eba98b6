#!/usr/bin/env bash
# CLEVR from state descriptions: trains `state-small` on generated scenes, tries it on their test
# split, and on the validation split of published data if there are any.
#
#   scripts/reproduce/clevr-state.sh                    half a day on two cores
#   scripts/reproduce/clevr-state.sh --published DIR    and then on DIR, which holds CLEVR_v1.0
#   scripts/reproduce/clevr-state.sh --resume           after an interruption
#
# With --baseline it trains the question-only model instead, which is the paper's "LSTM".
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. scripts/setup.sh

preset=state-small
published=""
resume=""
while [ $# -gt 0 ]; do
  case "$1" in
    --published) published=${2:?"--published needs a directory"}; shift ;;
    --baseline) preset=question ;;
    --resume) resume=yes ;;
    *)
      sed -n '2,9s/^# \{0,1\}//p' "$0"
      [ "$1" = --help ] && exit 0
      exit 64
      ;;
  esac
  shift
done

swift build -c release
relate=$(swift build -c release --show-bin-path)/relate
run=runs/clevr-$preset
if [ -n "$resume" ]; then
  "$relate" train --run "$run" --resume
else
  "$relate" train clevr --preset "$preset" --precision bf16 --run "$run"
fi
"$relate" evaluate "$run" --split test
if [ -n "$published" ]; then "$relate" evaluate "$run" --data "$published" --split validation; fi
