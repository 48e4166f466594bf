#!/usr/bin/env bash
# snakemake-executor-plugin-slurm 2.8.0 (its jobstep plugin 0.6.1): within a job, srun is started without SLURM_CONF.
# Expected: where a site names its slurm.conf by SLURM_CONF, srun reads the one that sbatch has read.
# Seen: every job ends at once with "srun: fatal: Could not establish a configuration source", for of all variables SLURM_* only
# a list of eleven is handed on. Here a script stands in for srun, and tells of what it gets:
#   srun has SLURM_JOB_ID=7
#   srun has no SLURM_CONF
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Snakemake 9 needs Python 3.11"; exit 77; }
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check snakemake==9.27.1 snakemake-executor-plugin-slurm==2.8.0 \
  snakemake-executor-plugin-slurm-jobstep==0.6.1
mkdir "$work/bin"
cat > "$work/bin/srun" <<SH
#!/bin/sh
[ -z "\$SLURM_CONF" ] && echo "srun has no SLURM_CONF" >> "$work/seen" || echo "srun has SLURM_CONF=\$SLURM_CONF" >> "$work/seen"
echo "srun has SLURM_JOB_ID=\$SLURM_JOB_ID" >> "$work/seen"
exit 1
SH
chmod +x "$work/bin/srun"
cd "$work"
printf 'rule a:\n    output: "a"\n    shell: "touch a"\n' > Snakefile
# What a job of the plugin runs, with the variables that Slurm sets there and a site's own.
SLURM_JOB_ID=7 SLURM_CONF=/opt/slurm/slurm.conf PATH="$work/bin:$work/venv/bin:$PATH" \
  python -m snakemake --executor slurm-jobstep --mode remote --jobs 1 a > log 2>&1 || true
sort -r seen || { tail -5 log; exit 1; }
grep -qx "srun has SLURM_JOB_ID=7" seen && grep -qx "srun has no SLURM_CONF" seen
