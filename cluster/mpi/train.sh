#!/usr/bin/env bash
# A run under Open MPI's mpirun: one server, and workers wherever mpirun puts them.
#
#   cluster/mpi/train.sh RUN WORKERS [mpirun options] -- sort-of-clevr --preset quick
#   cluster/mpi/train.sh runs/mine 8 --hostfile hosts -- sort-of-clevr --preset quick
#
# RUN is the run's directory, on a folder that all hosts see. If it holds a run, that one is gone on
# with. mpirun starts nothing again, but with the options below a lost worker ends nobody else.
# RELATE names where a package is unpacked, unless the executables are on the PATH.
set -euo pipefail
[ $# -ge 2 ] || { sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 64; }
run=$1
workers=$2
shift 2
options=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
  options+=("$1")
  shift
done
[ $# -eq 0 ] || shift
bin=${RELATE:+$RELATE/bin/}
begin=("$@")
[ ! -e "$run/experiment.json" ] || begin=(--resume)
mkdir -p "$(dirname "$run")"
rm -f "$run.address"
# Between SIGTERM and SIGKILL a server has to write a checkpoint: mpirun's own wait is a second.
exec mpirun --bind-to none --enable-recovery --mca orte_abort_on_non_zero_status 0 \
  --mca odls_base_sigkill_timeout 15 "${options[@]}" \
  -np 1 "${bin}ParameterServer" "${begin[@]}" --run "$run" --listen '*:0' --expect "$workers" \
  --endpoint-file "$run.address" : \
  -np "$workers" "${bin}Worker" --server-file "$run.address" --join 300
