#!/usr/bin/env bash
# One sweep on the nodes of a Slurm job: sbatch docs/cluster/slurm.sh NAME SWEEP.yaml
# Queued again after its time is over, or after a lost node, it goes on where the journal ends.
#SBATCH --job-name=steadytune
#SBATCH --nodes=3
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=16
#SBATCH --gpus-per-node=2
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:TERM@120
set -euo pipefail
name=$1 file=$2
sweeps=${STEADYTUNE_SWEEPS:-$PWD/sweeps}  # on a file system that all nodes share
gpus=${SLURM_GPUS_ON_NODE:-0}

# Every node reads the token from the home folder, which they share; it stands in no command line.
export RAY_AUTH_MODE=token
test -f ~/.ray/auth_token || (umask 077 && ray get-auth-token --generate >/dev/null)

mapfile -t nodes < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
head=${nodes[0]}
port=$((20000 + SLURM_JOB_ID % 20000))
on() { srun --nodes=1 --ntasks=1 --overlap --nodelist="$1" "${@:2}"; }

on "$head" ray start --head --block --port="$port" --include-dashboard=false \
  --num-cpus="$SLURM_CPUS_PER_TASK" --num-gpus="$gpus" &
until on "$head" ray health-check --address="$head:$port" 2>/dev/null; do sleep 2; done
for node in "${nodes[@]:1}"; do
  on "$node" ray start --block --address="$head:$port" --num-cpus="$SLURM_CPUS_PER_TASK" --num-gpus="$gpus" &
done

# In the background, so that Slurm's signal reaches the sweep before the time is over.
if test -f "$sweeps/$name/sweep.yaml"; then
  steadytune resume "$name" --address "$head:$port" --sweeps "$sweeps" &
else
  steadytune launch "$file" --name "$name" --address "$head:$port" --sweeps "$sweeps" &
fi
sweep=$!
trap 'kill -TERM "$sweep"' TERM
code=0
wait "$sweep" || code=$?
while kill -0 "$sweep" 2>/dev/null; do  # the signal ended the wait, not yet the sweep
  code=0
  wait "$sweep" || code=$?
done
kill $(jobs -p) 2>/dev/null || true
if ((code == 130)); then scontrol requeue "$SLURM_JOB_ID"; fi
exit "$code"
