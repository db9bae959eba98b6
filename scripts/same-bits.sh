#!/usr/bin/env bash
# Shows that a run has the same bits however it is computed: on how many threads and workers,
# interrupted or not, whatever happens to the workers.
#
# A convolutional relation network from pixels, 10 mini-batches of 64 for each of 20 steps, one
# seed. Ends with 0 if the digest after the last step is the same every way, 1 if one differs.
#
#   scripts/same-bits.sh             minutes; says how many before it begins
#   scripts/same-bits.sh --quick     the same with mini-batches of 8
#   scripts/same-bits.sh --keep DIR  leaves the runs in DIR, a new directory, to be looked at
set -eu

batch=64
keep=""
while [ $# -gt 0 ]; do
  case "$1" in
    --quick) batch=8 ;;
    --keep)
      keep=${2:?"--keep needs the name of a new directory"}
      shift
      ;;
    *)
      sed -n '2,10s/^# \{0,1\}//p' "$0"
      [ "$1" = --help ] && exit 0
      exit 64
      ;;
  esac
  shift
done
if [ -n "$keep" ]; then
  mkdir "$keep"
  runs=$(cd "$keep" && pwd)
else
  runs=$(mktemp -d "${TMPDIR:-/tmp}/relate-same-bits.XXXXXX")
fi
cd "$(dirname "$0")/.."
. scripts/setup.sh

started=""
# Ends what was started here and is still there, frozen processes too; never anything else.
finish() {
  for process in $started; do
    kill -KILL "$process" 2>/dev/null || true
  done
  [ -n "$keep" ] || rm -rf "$runs"
}
trap finish EXIT
trap 'exit 130' INT TERM

steps=20
stop_after=8
cores=$(nproc)

swift build -c release --product relate
swift build -c release --product ParameterServer
swift build -c release --product Worker
bin=$(swift build -c release --show-bin-path)

experiment="sort-of-clevr --preset small --replicas 10 --batch-size $batch --steps $steps \
  --seed 1 --evaluate-every $steps --set images.validation=10 --set images.test=10"

finished_steps() {
  if [ -f "$1/steps.jsonl" ]; then wc -l < "$1/steps.jsonl"; else echo 0; fi
}

# Waits for a step of a run while a process is alive.
wait_for_step() {
  while [ "$(finished_steps "$1")" -lt "$2" ]; do
    kill -0 "$3" 2>/dev/null || { echo "the run in $1 ended before step $2" >&2; return 1; }
    sleep 0.1
  done
}

# The ways to run. Each leaves a run in the directory it is given.
single() { "$bin/relate" train $experiment --single-process --threads "$2" --run "$1"; }

workers() { "$bin/relate" train $experiment --workers "$2" --run "$1"; }

stopped() {
  "$bin/relate" train $experiment --workers "$2" --run "$1" &
  launcher=$!
  started="$started $launcher"
  wait_for_step "$1" "$stop_after" "$launcher" || return 1
  kill -TERM "$launcher"
  code=0
  wait "$launcher" || code=$?
  [ "$code" = 130 ] || { echo "stopping ended with code $code" >&2; return 1; }
  "$bin/relate" train --run "$1" --resume $3
}

disturbed() {
  "$bin/ParameterServer" $experiment --run "$1" --expect 3 --endpoint-file "$1.endpoint" &
  server=$!
  started="$started $server"
  while [ ! -s "$1.endpoint" ]; do
    kill -0 "$server" 2>/dev/null || return 1
    sleep 0.1
  done
  processes=""
  for number in 1 2 3; do
    "$bin/Worker" --server "$(cat "$1.endpoint")" &
    processes="$processes $!"
    started="$started $!"
  done
  set -- "$1" $processes
  wait_for_step "$1" "$stop_after" "$server" || return 1
  kill -KILL "$2"
  kill -STOP "$3"
  echo "killed $2 and froze $3 after step $(finished_steps "$1")"
  wait "$server" || return 1
  kill -KILL "$3"
  wait
}

ways="10"
# 10 replicas of 64 are about 5.5 core-seconds a step.
seconds=$((ways * (steps * batch * 55 / 640 / (cores > 10 ? 10 : cores) + 12)))
echo "$ways runs of $steps steps of 10 x $batch samples; about $((seconds / 60 + 1)) min on $cores core(s)."
table="$runs/table"
: > "$table"
reference=""
count=0
different=0

# Runs one way and notes its digest: way TITLE FUNCTION ARGUMENTS...
way() {
  title=$1
  function=$2
  shift 2
  count=$((count + 1))
  run="$runs/run-$count"
  printf '[%d/%d] %s ... ' "$count" "$ways" "$title"
  begun=$(date +%s)
  digest=""
  if "$function" "$run" "$@" > "$runs/log-$count" 2>&1; then
    digest=$(tail -n 1 "$run/steps.jsonl" | sed 's/.*"digest":"\([0-9a-f]*\)".*/\1/')
    [ "$(finished_steps "$run")" = "$steps" ] || digest=""
  fi
  for process in $started; do
    kill -KILL "$process" 2>/dev/null || true
  done
  started=""
  [ -n "$reference" ] || reference=$digest
  verdict=identical
  if [ -z "$digest" ]; then
    verdict=FAILED
    digest="no digest"
    different=1
    tail -n 5 "$runs/log-$count" >&2
  elif [ "$digest" != "$reference" ]; then
    verdict=DIFFERENT
    different=1
  fi
  echo "$digest, $(($(date +%s) - begun)) s"
  printf '%-58s  %-16s  %s\n' "$title" "$digest" "$verdict" >> "$table"
}

way "one process, 1 thread" single 1
way "one process, 2 threads" single 2
way "server and 1 worker" workers 1
way "server and 2 workers" workers 2
way "server and 3 workers" workers 3
way "server and 10 workers" workers 10
way "3 workers, stopped after step $stop_after, resumed on 1" stopped 3 "--workers 1"
way "1 worker, stopped after step $stop_after, resumed on 2" stopped 1 "--workers 2"
way "2 workers, stopped after step $stop_after, resumed in one process" stopped 2 "--single-process"
way "3 workers, after step $stop_after one killed, one frozen" disturbed

echo
printf '%-58s  %-16s  %s\n' "way to run" "digest after $steps" "identical?"
cat "$table"
exit "$different"
