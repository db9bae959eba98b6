#!/usr/bin/env bash
# Simulates whole clusters on a virtual clock, a run for each seed: messages are lost, doubled, late
# or slow, connections are cut or made anew, workers, server and disk are killed, frozen or slow,
# clocks drift, and insiders forge and replay. Each run must end with the bits of an undisturbed
# one, and lose no more time than its faults may cost.
#
#   scripts/simulate.sh                 1,000 seeds
#   scripts/simulate.sh --seeds 10000   so many, from 0
#   scripts/simulate.sh --from 5000     begins with another seed
#   scripts/simulate.sh --seed 1234     a single one, as a failure names it
#   scripts/simulate.sh --no-build      with what was built last
set -euo pipefail

first=0
count=1000
build=yes
while [ $# -gt 0 ]; do
  case "$1" in
    --seeds) count=${2:?"--seeds needs a number"}; shift ;;
    --from) first=${2:?"--from needs a number"}; shift ;;
    --seed) first=${2:?"--seed needs a number"}; count=1; shift ;;
    --no-build) build=no ;;
    *)
      sed -n '2,12s/^# \{0,1\}//p' "$0"
      [ "$1" = --help ] && exit 0
      exit 64
      ;;
  esac
  shift
done
for number in "$first" "$count"; do
  case "$number" in
    '' | *[!0-9]*) echo "\"$number\" is no number of seeds." >&2; exit 64 ;;
  esac
done
[ "$count" -gt 0 ] || { echo "There is nothing to simulate: --seeds is 0." >&2; exit 64; }

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
options=(--package-path "$here" --scratch-path "$here/.build/testing" -c release
  -Xswiftc -enable-testing)
if [ "$build" = yes ]; then
  . "$here/scripts/setup.sh"
  echo "Building (some minutes the first time)"
  swift build --build-tests "${options[@]}" | tail -n 1
fi

log=$(mktemp "${TMPDIR:-/tmp}/relate-simulate.XXXXXX")
trap 'rm -f "$log"' EXIT
slice=1000
done=0
failed=0
begun=$(date +%s)
while [ "$done" -lt "$count" ]; do
  size=$((count - done < slice ? count - done : slice))
  from=$((first + done))
  # Blocks of fifty seeds are simulated side by side, as many as there are cores.
  if ! RELATE_SIMULATION_SEEDS="$from-$((from + size))" swift test --skip-build "${options[@]}" \
    --filter everySeedEndsWithTheSameBitsAndSoon > "$log.slice" 2>&1; then
    failed=1
    grep -a -A 2 -E "recorded an issue|error:|Fatal" "$log.slice" | cut -c 1-400 >&2 || true
  fi
  grep -a '^SIMULATED' "$log.slice" >> "$log" || failed=1
  rm -f "$log.slice"
  done=$((done + size))
  spent=$(($(date +%s) - begun))
  echo "$done of $count seeds, $spent s, about $((spent * (count - done) / done)) s left"
done

awk '{
  runs += $2; lost += $3; allowed += $4
  for (i = 5; i <= NF; i++) { split($i, pair, "="); counts[pair[1]] += pair[2] }
} END {
  printf "%d runs; %d s of virtual time lost to faults, which may cost %d s\n", runs, lost, allowed
  for (fault in counts) { printf "  %-12s %8d\n", fault, counts[fault] | "sort" }
}' "$log"
[ "$failed" = 0 ] && echo "Every run ended with the bits of an undisturbed one."
exit "$failed"
