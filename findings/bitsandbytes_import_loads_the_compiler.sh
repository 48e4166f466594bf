#!/usr/bin/env bash
# bitsandbytes 0.50.2, torch 2.13.0: importing it loads torch's compiler, though nothing is compiled.
# Expected: a library that is imported on a machine without a GPU loads what it needs itself; torch.compile loads Inductor when it compiles.
# Seen: `import bitsandbytes` after torch and transformers' models brings in torch._inductor (more than 100 modules), networkx with it,
#   and 30 MiB or more of memory that no other process shares; with TORCHDYNAMO_DISABLE=1 next to nothing of it.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 transformers==5.23.0 bitsandbytes==0.50.2
cat > "$work/look.py" <<'PY'
import logging
import sys

import torch
import transformers.modeling_utils

logging.disable()


def own_mib():
    with open("/proc/self/smaps_rollup") as rollup:
        return sum(int(line.split()[1]) for line in rollup if line.startswith("Private_Dirty")) / 1024


before, names = own_mib(), set(sys.modules)
import bitsandbytes  # noqa: E402

new = set(sys.modules) - names
inductor = sum(name.startswith("torch._inductor") for name in new)
graphs = any(name.split(".")[0] == "networkx" for name in new)
print(inductor, int(graphs), round(own_mib() - before))
PY
cd "$work"
[ -r /proc/self/smaps_rollup ] || { echo "no /proc/self/smaps_rollup here"; exit 77; }
read -r modules graphs mib < <("$work/venv/bin/python" look.py 2>/dev/null)
read -r modules_off graphs_off mib_off < <(TORCHDYNAMO_DISABLE=1 "$work/venv/bin/python" look.py 2>/dev/null)
echo "as it is: $modules modules of Inductor, networkx: $graphs, $mib MiB; TORCHDYNAMO_DISABLE=1: $modules_off, $graphs_off, $mib_off MiB"
[ "$modules" -gt 100 ] && [ "$graphs" = 1 ] && [ "$modules_off" -lt 10 ] && [ "$graphs_off" = 0 ] && [ $((mib - mib_off)) -ge 30 ]
