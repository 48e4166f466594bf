#!/usr/bin/env bash
# torch 2.13.0 on a CPU with AVX-512 and without AMX: torch.backends.mkldnn.matmul.fp32_precision = "bf16" allows products of float32
# to be rounded to bfloat16. Expected: rounded products, and nothing slower than before.
# Seen (AMD EPYC, AVX-512, one thread): nothing is rounded, and the fused attention over short sequences takes several times as long.
#   largest error of a product: 4.0e-07 without the permission, 9.6e-07 with it (bfloat16 would give about 2e-03)
#   attention over 32 x 6 heads of 33 tokens: 11 times as long with the permission
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6
OMP_NUM_THREADS=1 "$work/venv/bin/python" - <<'PY' 2>/dev/null
import sys
import time

import torch

flags = open("/proc/cpuinfo").read() if sys.platform == "linux" else ""
if torch.backends.cpu.get_cpu_capability() != "AVX512" or "amx_tile" in flags:
    print("this processor has no AVX-512, or has AMX: not to be seen here")
    sys.exit(77)
torch.manual_seed(0)
left, right = torch.randn(1056, 512), torch.randn(512, 192)
exact = left.double() @ right.double()
q, k, v = (torch.randn(32, 6, 33, 32, requires_grad=True) for _ in range(3))
error, seconds = {}, {}
for precision in ("none", "bf16"):
    torch.backends.mkldnn.matmul.fp32_precision = precision
    error[precision] = float((left @ right - exact).abs().max() / exact.abs().max())
    times = []
    for _ in range(15):
        started = time.perf_counter()
        torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        times.append(time.perf_counter() - started)
    seconds[precision] = min(times)
ratio = seconds["bf16"] / seconds["none"]
print(f"largest error of a product: {error['none']:.1e} without the permission, {error['bf16']:.1e} with it")
print(f"attention over 32 x 6 heads of 33 tokens: {ratio:.1f} times as long with the permission")
sys.exit(0 if error["bf16"] < 1e-5 and ratio > 2 else 1)
PY
