#!/usr/bin/env bash
# Installs what is missing, builds, and trains. Arguments go to `relate train`; without a task it is
# `sort-of-clevr --preset quick`: a few minutes on two cores.
#
#   scripts/train.sh
#   scripts/train.sh --seed 2 --workers 4
#   scripts/train.sh sort-of-clevr --preset small
#   scripts/train.sh --run runs/sort-of-clevr-quick-seed1 --resume
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
. "$here/scripts/setup.sh"

echo "Building (a minute or two the first time)"
swift build --package-path "$here" -c release

arguments=("$@")
case " $* " in
*" --resume "* | *" --experiment "* | *" --experiment="* | *" --help "* | *" -h "*) ;;
*) case "${1:-}" in '' | -*) arguments=(sort-of-clevr --preset quick "$@") ;; esac ;;
esac
exec "$(swift build --package-path "$here" -c release --show-bin-path)/relate" train "${arguments[@]}"
