#!/usr/bin/env bash
# CLEVR from pixels: trains the paper's model and its baselines on published data, or on scenes that
# are generated and rendered here.
#
#   scripts/reproduce/clevr-pixels.sh rn                 the relation network
#   scripts/reproduce/clevr-pixels.sh attention          CNN + LSTM + stacked attention
#   scripts/reproduce/clevr-pixels.sh perceptron         CNN + LSTM
#   scripts/reproduce/clevr-pixels.sh rn --data DIR      on data that were imported into DIR by
#                                                        relate data import clevr CLEVR_v1.0 --to DIR
#
# The relation network takes weeks on two cores and days on fifty; workers on other hosts may join
# (see the README). Rendered pictures are kept in the cache directory, 3.4 GB for the training split.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. scripts/setup.sh

case "${1:-}" in
  rn) model=() ;;
  attention) model=(--set model=cnn-sa --set pairWidths=512,512) ;;
  perceptron) model=(--set model=cnn-mlp) ;;
  *)
    sed -n '2,13s/^# \{0,1\}//p' "$0"
    [ "${1:-}" = --help ] && exit 0
    exit 64
    ;;
esac
name=$1
shift

swift build -c release
relate=$(swift build -c release --show-bin-path)/relate
run=runs/clevr-pixels-$name
"$relate" train clevr --preset pixels "${model[@]}" --precision bf16 --run "$run" "$@"
# The answers of the published test split are kept secret; everybody reports the validation split.
"$relate" evaluate "$run" --split validation "$@"
