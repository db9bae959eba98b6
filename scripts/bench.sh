#!/usr/bin/env bash
# Installs what is missing, builds, and compares the time of a training step with PyTorch's on this
# machine. PyTorch is only installed if --install-pytorch says so; --help lists the options.
#
#   scripts/bench.sh --install-pytorch
#   scripts/bench.sh --python PATH --configs "babi clevr-state" --precisions fp32
#   scripts/bench.sh --threads 2 --memory --out steps.jsonl
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
. "$here/scripts/setup.sh"
command -v python3 >/dev/null || setup_packages python3

exec python3 "$here/scripts/bench/compare.py" "$@"
