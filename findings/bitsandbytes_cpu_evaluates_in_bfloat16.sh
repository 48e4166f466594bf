#!/usr/bin/env bash
# bitsandbytes 0.50.2, torch 2.13.0: on a CPU with AVX512-BF16 a Linear4bit with compute_dtype=float32 computes in bfloat16 as
# soon as it is in evaluation mode and its input needs no gradient. In training mode the same layer computes in float32.
# Expected: the compute type that was asked for, in both modes and on every processor.
# Seen (AMD EPYC, AVX512-BF16):
#   training:   largest error 0.0e+00, all values of bfloat16: False
#   evaluation: largest error 3.3e-03, all values of bfloat16: True
# So a QLoRA model answers differently on two laptops, and differently from the forward pass that it was trained with.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6 bitsandbytes==0.50.2
"$work/venv/bin/python" - <<'PY' 2>/dev/null
import sys

import bitsandbytes as bnb
import torch
from bitsandbytes.functional import has_avx512bf16

if not has_avx512bf16():
    print("this processor has no AVX512-BF16: not to be seen here")
    sys.exit(77)
torch.manual_seed(0)
layer = bnb.nn.Linear4bit(256, 512, bias=False, compute_dtype=torch.float32, quant_type="nf4")
layer.load_state_dict(torch.nn.Linear(256, 512, bias=False).state_dict())
layer = layer.to("cpu")
weights = bnb.functional.dequantize_4bit(layer.weight.data, layer.weight.quant_state)
x = torch.randn(8, 256)
exact = x @ weights.T
seen = {}
for mode in ("training", "evaluation"):
    layer.train(mode == "training")
    with torch.set_grad_enabled(mode == "training"):
        found = layer(x.clone().requires_grad_(mode == "training")).detach()
    error = ((found - exact).abs().max() / exact.abs().max()).item()
    seen[mode] = (error, torch.equal(found, found.bfloat16().float()))
    print(f"{mode}: largest error {error:.1e}, all values of bfloat16: {seen[mode][1]}")
sys.exit(0 if seen["training"] == (0.0, False) and seen["evaluation"][0] > 1e-3 and seen["evaluation"][1] else 1)
PY
