#!/usr/bin/env bash
# Tries the launch files of cluster/slurm and cluster/mpi for real, on this machine: Slurm's own daemons
# with five nodes on loopback, and Open MPI. On the way jobs are requeued and stopped, and workers
# killed. The digests must be that of a single process.
#
#   scripts/clusters.sh              builds first
#   scripts/clusters.sh --bin DIR    takes the executables in DIR
#   scripts/clusters.sh slurm        only Slurm; or: mpi
#   scripts/clusters.sh --keep DIR   leaves runs and logs in DIR
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
bin=""
keep=""
what="slurm mpi"
while [ $# -gt 0 ]; do
  case "$1" in
    --bin | --keep)
      [ $# -gt 1 ] || { echo "Error: $1 needs a directory." >&2; exit 64; }
      if [ "$1" = --bin ]; then bin=$(cd "$2" && pwd); else keep=$2; fi
      shift
      ;;
    slurm | mpi) what=$1 ;;
    *)
      sed -n '2,9s/^# \{0,1\}//p' "$0"
      [ "$1" = --help ] && exit 0
      exit 64
      ;;
  esac
  shift
done
. "$here/scripts/setup.sh"
case "$what" in *slurm*) setup_packages slurm-wlm ;; esac
case "$what" in *mpi*) setup_packages openmpi-bin ;; esac
if [ -z "$bin" ]; then
  swift build --package-path "$here" -c release
  bin=$(swift build --package-path "$here" -c release --show-bin-path)
fi

work=$(mktemp -d "/tmp/relate-clusters.XXXXXX")
daemons=()
mpi=""
finish() {
  if [ ${#daemons[@]} -gt 0 ]; then
    squeue -h -o %A 2>/dev/null | xargs -r scancel 2>/dev/null || true
    sleep 1
    for process in "${daemons[@]}"; do kill "$process" 2>/dev/null || true; done
  fi
  [ -z "$mpi" ] || kill -KILL "$mpi" 2>/dev/null || true
  wait 2>/dev/null || true
  if [ -n "$keep" ]; then
    mkdir -p "$keep"
    cp -r "$work"/. "$keep/"
  fi
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM
# Keys are made in the home directory, which all nodes share.
export HOME="$work/home" PATH="$bin:$PATH"
mkdir -p "$HOME"
unset RELATE

experiment="sort-of-clevr --preset quick --replicas 6 --batch-size 16 --steps 2000 --evaluate-every 500
  --set images.training=200 --set images.validation=10 --set images.test=10"
finished_steps() { if [ -f "$1/steps.jsonl" ]; then wc -l < "$1/steps.jsonl"; else echo 0; fi; }
digest_of() { tail -n 1 "$1/steps.jsonl" | sed 's/.*"digest":"\([0-9a-f]*\)".*/\1/'; }
# Waits until a command succeeds: wait_until SECONDS WHAT COMMAND…
wait_until() {
  local end=$(($(date +%s) + $1)) what=$2
  shift 2
  until "$@"; do
    [ "$(date +%s)" -lt "$end" ] || { tail -n 20 "$work"/log-* >&2; setup_fail "waited in vain for $what."; }
    sleep 0.1
  done
}
has_steps() { [ "$(finished_steps "$1")" -ge "$2" ]; }
is_complete() { [ -e "$1/summary.json" ]; }
table=""
different=0
# Notes the digest of a run: note TITLE RUN
note() {
  local verdict=identical
  [ "$(digest_of "$2")" = "$(digest_of "$work/single")" ] || { verdict=DIFFERENT; different=1; }
  table+=$(printf '%-64s  %s  %s' "$1" "$(digest_of "$2")" "$verdict")$'\n'
  echo "  $(digest_of "$2"), $verdict"
}

echo "One process"
# Words of an experiment are words of the command.
# shellcheck disable=SC2086
relate train $experiment --single-process --run "$work/single" > "$work/log-single" 2>&1 ||
  { cat "$work/log-single" >&2; exit 1; }
note "one process" "$work/single"

try_slurm() {
  export SLURM_CONF="$work/slurm.conf"
  mkdir -p "$work"/slurm/{state,log} "$work"/slurm/spool/node{1..5}
  # Authentication by nothing is for a cluster that only this machine reaches.
  cat > "$SLURM_CONF" <<END
ClusterName=relate
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort=16817
SlurmctldAddr=127.0.0.1
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
AuthType=auth/none
CredType=cred/none
AuthInfo=cred_expire=5
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SwitchType=switch/none
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=1,sched_interval=2,bf_interval=5
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
SlurmctldTimeout=10
SlurmdTimeout=15
KillWait=10
MinJobAge=600
JobRequeue=1
MailProg=/bin/true
StateSaveLocation=$work/slurm/state
SlurmdSpoolDir=$work/slurm/spool/%n
SlurmctldPidFile=$work/slurm/log/slurmctld.pid
SlurmdPidFile=$work/slurm/log/slurmd.%n.pid
SlurmctldLogFile=$work/slurm/log/slurmctld.log
SlurmdLogFile=$work/slurm/log/slurmd.%n.log
NodeName=node[1-5] NodeHostname=localhost NodeAddr=127.0.0.1 Port=[17001-17005] CPUs=2 Boards=1 SocketsPerBoard=1 CoresPerSocket=2 ThreadsPerCore=1 RealMemory=2000 State=UNKNOWN
PartitionName=all Nodes=node[1-5] Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
END
  slurmctld -c -D > "$work/log-slurmctld" 2>&1 &
  daemons+=($!)
  for i in 1 2 3 4 5; do
    slurmd -D -N "node$i" > "$work/log-slurmd-$i" 2>&1 &
    daemons+=($!)
  done
  are_idle() { [ "$(sinfo -h -N -t idle -o %N 2>/dev/null | sort -u | wc -l)" = 5 ]; }
  wait_until 30 "five nodes of Slurm" are_idle
  state_of() { scontrol show job "$1" -o | sed -n '1s/.* JobState=\([A-Z]*\).*/\1/p'; }
  is_in_state() { [ "$(state_of "$1")" = "$2" ]; }
  local submit=(sbatch --parsable --output "$work/log-slurm-%A_%a" --mem=200)

  echo "Slurm: one job on four nodes, requeued on the way"
  local run="$work/slurm-job" job
  # shellcheck disable=SC2086
  job=$("${submit[@]}" --nodes=4 "$here/cluster/slurm/train.sbatch" "$run" $experiment)
  wait_until 60 "step 300" has_steps "$run" 300
  scontrol requeue "$job"
  echo "  requeued after step $(finished_steps "$run")"
  wait_until 180 "the end of the job" is_in_state "$job" COMPLETED
  is_complete "$run" || setup_fail "the job ended without a result."
  note "Slurm, one job, requeued" "$run"

  echo "Slurm: a server and an array of three workers; a worker requeued, the server at its time limit"
  run="$work/slurm-elastic"
  local workers
  # shellcheck disable=SC2086
  job=$("${submit[@]}" "$here/cluster/slurm/server.sbatch" "$run" $experiment)
  workers=$("${submit[@]}" --array=0-2 --dependency="after:$job" "$here/cluster/slurm/workers.sbatch" "$run")
  is_running() { [ "$(squeue -h -j "$1" -o %T 2>/dev/null)" = RUNNING ]; }
  wait_until 60 "a second worker" is_running "${workers}_1"
  wait_until 60 "step 300" has_steps "$run" 300
  scontrol requeue "${workers}_1"
  # What Slurm does two minutes before the time limit.
  scancel --signal=USR1 --batch "$job"
  echo "  told to stop after step $(finished_steps "$run")"
  wait_until 180 "the end of the server's job" is_in_state "$job" COMPLETED
  is_complete "$run" || setup_fail "the server's job ended without a result."
  note "Slurm, server and workers as jobs of their own, both requeued" "$run"
  is_over() { [ -z "$(squeue -h -j "$workers" 2>/dev/null)" ]; }
  wait_until 60 "the end of the workers' jobs" is_over
}

try_mpi() {
  echo "Open MPI: a server and four workers, one of them killed"
  local run="$work/mpi" options=(--oversubscribe --mca oob_tcp_if_include lo)
  [ "$(id -u)" != 0 ] || options+=(--allow-run-as-root)
  # shellcheck disable=SC2086
  "$here/cluster/mpi/train.sh" "$run" 4 "${options[@]}" -- $experiment > "$work/log-mpi" 2>&1 &
  mpi=$!
  wait_until 60 "step 300" has_steps "$run" 300
  local path process=""
  for path in /proc/[0-9]*; do
    if [ "$(cat "$path/comm" 2>/dev/null)" = Worker ] && [ "$(ps -o ppid= -p "${path#/proc/}" | tr -d ' ')" = "$mpi" ]; then
      process=${path#/proc/}
    fi
  done
  [ -n "$process" ] || setup_fail "mpirun has no worker."
  kill -KILL "$process"
  echo "  one was killed after step $(finished_steps "$run")"
  local code=0
  wait "$mpi" || code=$?
  mpi=""
  is_complete "$run" || { tail -n 20 "$work/log-mpi" >&2; setup_fail "mpirun ended with code $code and without a result."; }
  note "Open MPI, four workers, one killed" "$run"
}

for way in $what; do "try_$way"; done
echo
printf '%s' "$table"
exit "$different"
