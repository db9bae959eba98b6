#!/usr/bin/env bash
# Compares a synchronous step of a server and workers with PyTorch's Gloo on this machine: by turns, medians of
# rounds, and their ratio.
#
#   scripts/bench_sync.sh --python PATH            a Python that has torch
#   scripts/bench_sync.sh --python PATH --cases "10x364402 4x20005986" --rounds 3 --steps 10
#   scripts/bench_sync.sh --python PATH --transports "shm ipc"
set -euo pipefail

python=""
cases="10x364402 4x20005986"
rounds=3
steps=10
transports="shm ipc tcp"
while [ $# -gt 0 ]; do
  case "$1" in
    --python | --cases | --rounds | --steps | --transports)
      declare "${1#--}=${2:?"$1 needs a value"}"
      shift
      ;;
    *)
      sed -n '2,7s/^# \{0,1\}//p' "$0"
      [ "$1" = --help ] && exit 0
      exit 64
      ;;
  esac
  shift
done
if [ -z "$python" ] || ! "$python" -c 'import torch.distributed' 2>/dev/null; then
  echo "Error: --python must name a Python that has torch." >&2
  exit 64
fi

cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/setup.sh
swift build -c release --product relate
swift build -c release --product Worker
relate="$(swift build -c release --show-bin-path)/relate"
results=$(mktemp)
trap 'rm -f "$results"' EXIT

for case in $cases; do
  size=(--workers "${case%x*}" --parameters "${case#*x}" --steps "$steps")
  for round in $(seq "$rounds"); do
    echo "$case, round $round of $rounds" >&2
    echo "$case gloo $("$python" scripts/bench/gloo_sync.py "${size[@]}" 2>/dev/null)" >> "$results"
    for transport in $transports; do
      said=(--transport "$transport")
      [ "$transport" = tcp ] && said+=(--insecure)
      echo "$case $transport $("$relate" bench sync "${size[@]}" "${said[@]}" --json)" >> "$results"
    done
  done
done

"$python" - "$results" << 'END'
import json, statistics, sys

times = {}
for line in open(sys.argv[1]):
    case, who, result = line.split(" ", 2)
    times.setdefault(case, {}).setdefault(who, []).append(json.loads(result)["ms_median"])
print("| workers x parameters | who | ms a step (of the rounds) | Gloo / this |\n|---|---|---|---|")
for case, all_of_it in times.items():
    gloo = all_of_it["gloo"]
    for who, own in all_of_it.items():
        ratios = sorted(a / b for a, b in zip(gloo, own))
        ratio = "" if who == "gloo" else (
            f"**{statistics.median(ratios):.2f}** ({ratios[0]:.2f} to {ratios[-1]:.2f})")
        print(f"| {case} | {who} | {statistics.median(own):.1f} ({min(own):.1f} to {max(own):.1f}) | {ratio} |")
END
