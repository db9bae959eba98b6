#!/usr/bin/env bash
# Sends changed messages through the real decoders and state machines, and through a live listener:
# nothing may end a process or change a bit of a run.
#
#   scripts/fuzz.sh                     100,000 frames for each of the tests
#   scripts/fuzz.sh --frames 1000000    so many
#   scripts/fuzz.sh --seed 5            other changes
#   scripts/fuzz.sh --no-build          with what was built last
set -euo pipefail

frames=100000
seed=1
build=yes
while [ $# -gt 0 ]; do
  case "$1" in
    --frames) frames=${2:?"--frames needs a number"}; shift ;;
    --seed) seed=${2:?"--seed needs a number"}; shift ;;
    --no-build) build=no ;;
    *)
      sed -n '2,8s/^# \{0,1\}//p' "$0"
      [ "$1" = --help ] && exit 0
      exit 64
      ;;
  esac
  shift
done
for number in "$frames" "$seed"; do
  case "$number" in
    '' | *[!0-9]*) echo "\"$number\" is no number." >&2; exit 64 ;;
  esac
done

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
options=(--package-path "$here" --scratch-path "$here/.build/testing" -c release
  -Xswiftc -enable-testing)
if [ "$build" = yes ]; then
  . "$here/scripts/setup.sh"
  echo "Building (some minutes the first time)"
  swift build --build-tests "${options[@]}" | tail -n 1
fi

slice=100000
done=0
begun=$(date +%s)
while [ "$done" -lt "$frames" ]; do
  size=$((frames - done < slice ? frames - done : slice))
  # Each slice has a seed of its own; a failing one is named.
  this=$((seed * 1000 + done / slice))
  if ! RELATE_FUZZ_FRAMES=$size RELATE_FUZZ_SEED=$this swift test --skip-build "${options[@]}" \
    --filter 'FuzzTests|garbageOnBothPortsChangesNothing' > /dev/null 2> "${TMPDIR:-/tmp}/relate-fuzz.$$" \
    ; then
    cat "${TMPDIR:-/tmp}/relate-fuzz.$$" >&2
    echo "FAILED: again by RELATE_FUZZ_FRAMES=$size RELATE_FUZZ_SEED=$this" \
      "scripts/test.sh --filter FuzzTests" >&2
    exit 1
  fi
  rm -f "${TMPDIR:-/tmp}/relate-fuzz.$$"
  done=$((done + size))
  spent=$(($(date +%s) - begun))
  echo "$done of $frames frames, $spent s, about $((spent * (frames - done) / done)) s left"
done
echo "$frames frames through each of the decoders and state machines: no trap, no bit changed."
