#!/usr/bin/env bash
# The Snakefile on a real Slurm of one node, on the loopback address: interrupted, resumed, and a job killed for memory.
#
#   apt-get install slurmctld slurmd slurm-client munge
#   pip install -e ".[cluster]"
#   tests/cluster/slurm.sh [FOLDER]        # as root; what is kept afterwards lies in FOLDER, by default a temporary one
#   SEEDS=0 tests/cluster/slurm.sh         # fewer seeds than 0,1,2
#
# Slurm runs without control groups (proctrack/linuxproc, task/none), so that a container will do; jobs that exceed their
# memory are found by its own accounting, every second. Not part of the test suite: it takes some minutes.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(realpath "${1:-$(mktemp -d)}")
mkdir -p "$work"/{munge,state,spool,bin}
chmod 711 "$work" "$work/munge"
export SLURM_CONF=$work/slurm.conf PYTHONPATH=$root OMP_NUM_THREADS=1

started=() running=""
finish() {
    [ -z "$running" ] || kill -- "-$running" 2>/dev/null || true
    for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait
}
trap finish EXIT
fail() {
    echo "FAILED: $*" >&2
    exit 1
}
until_true() { # SECONDS COMMAND...
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ $SECONDS -lt $end ] || fail "waited too long for: $*"
        sleep 1
    done
}

host=$(hostname -s)
head -c 1024 /dev/urandom > "$work/munge/key"
chmod 400 "$work/munge/key"
cat > "$SLURM_CONF" <<CONF
ClusterName=loopback
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=16817
SlurmdPort=16818
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$work/munge/socket
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.pid
SlurmctldLogFile=$work/slurmctld.log
SlurmdLogFile=$work/slurmd.log
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
SchedulerParameters=sched_interval=2
ReturnToService=2
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc --all) RealMemory=$(free -m | awk '/^Mem/ {print $2}') State=UNKNOWN
PartitionName=main Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONF

munged --foreground --key-file="$work/munge/key" --socket="$work/munge/socket" --pid-file="$work/munge/pid" \
    --seed-file="$work/munge/seed" --log-file="$work/munge/log" &
started+=($!)
until_true 20 test -S "$work/munge/socket"
slurmctld -D &
started+=($!)
slurmd -D -N "$host" &
started+=($!)
is_idle() { sinfo --noheader --format=%T 2>/dev/null | grep -q idle; }
until_true 60 is_idle
echo "== $(sinfo --version), $(sinfo --noheader --Node --long)"

# Within a job the plugin takes SLURM_CONF away from srun (findings/snakemake_slurm_takes_slurm_conf_away.sh).
printf '#!/bin/sh\nSLURM_CONF=%s exec %s "$@"\n' "$SLURM_CONF" "$(command -v srun)" > "$work/bin/srun"
chmod +x "$work/bin/srun"
export PATH=$work/bin:$PATH

cat > "$work/grid.yaml" <<GRID
out: $work/out
method: [vanilla, padding]
seed: [${SEEDS:=0,1,2}]
limit: 60
notebooks: ["05"]
GRID
seeds=$(tr , '\n' <<< "$SEEDS" | wc -l)
jobs=$((5 * seeds)) # of each seed: probe, the untuned model's answers, two methods, the notebook

flow() {
    (cd "$work" && snakemake --snakefile "$root/workflow/Snakefile" --workflow-profile "$root/workflow/profiles/slurm" \
        --config grid=grid.yaml --jobs 2 --latency-wait 10 --default-resources slurm_partition=main slurm_account=none \
        "mem_mb=1500" runtime=20 --set-threads ask=1 tune=1 --set-resources check:mem_mb=1500 \
        tune:mem_mb="300 if attempt == 1 else 1500" --slurm-init-seconds-before-status-checks 5 \
        --slurm-status-command squeue "$@") # without a database of accounts, sacct knows nothing and Snakemake waits
}
steps() { find "$work/out" -path '*/.*' -prune -o \( -path '*/predictions/manifest.json' -o -path '*/probe-train/manifest.json' \
    -o -name '*.ipynb' \) -print 2>/dev/null | wc -l; }
listed() {
    flow --dry-run > "$work/listed.log" 2>&1 || true
    awk '/^(ask|tune|notebook) / {n[$1] = $2} END {print n["ask"] + n["tune"] + n["notebook"]}' "$work/listed.log"
}
[ "$(listed)" = $jobs ] || fail "expected $jobs jobs to be listed; see $work/listed.log"

set -m # in a process group of its own, which hears Ctrl-C
flow > "$work/first.log" 2>&1 &
running=$!
set +m
some_steps() { [ "$(steps)" -ge $((2 * seeds)) ] || ! kill -0 $running 2>/dev/null; }
until_true 1200 some_steps
kill -INT -- -$running
wait $running && fail "the first call was to be interrupted"
running=""
done_before=$(steps)
find "$work/out" -name manifest.json -not -path '*/.*' -printf '%p %i\n' | sort > "$work/before"
queue_is_empty() { [ -z "$(squeue --noheader)" ]; }
until_true 120 queue_is_empty
left=$(listed)
echo "== interrupted: $(steps) of $jobs jobs are finished ($done_before at the interruption), $left are listed"
[ "$left" = $((jobs - $(steps))) ] || fail "what is listed is not what is missing"

flow > "$work/second.log" 2>&1 || fail "the second call; see $work/second.log"
grep -q "$((2 * seeds)) of $((2 * seeds)) runs finished, 0 failed" "$work/out/results.html" || fail "results.html shows something else"
find "$work/out" -name manifest.json -not -path '*/.*' -printf '%p %i\n' | sort > "$work/after"
[ -z "$(comm -23 "$work/before" "$work/after")" ] || fail "a finished step was done again"
[ "$(listed)" = 0 ] || fail "something is still listed"
echo "== resumed: all $(steps) jobs are finished, $(wc -l < "$work/before") finished steps were reused"
killed=$(grep -o "StepId=.* exceeded memory limit" "$work/slurmd.log" | sort -u | wc -l)
halves=$(grep -c "divisor=2" "$work/second.log" || true)
echo "== killed by Slurm for lack of memory: $killed; begun again in batches of half the size: $halves"
[ "$killed" -gt 0 ] && [ "$halves" -ge "$killed" ] || fail "expected jobs that are killed for memory, and smaller ones"
