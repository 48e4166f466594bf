#!/usr/bin/env bash
# bitsandbytes 0.50.2, torch 2.13.0: on a CPU with AVX512-BF16 the state_dict of a Linear4bit with double quantisation is another one
# after a forward pass in evaluation mode: packing for the fused kernel rounds the scales to bfloat16, and saving packs them back.
# Expected: evaluating a model leaves what is saved of it as it was.
# Seen (AMD EPYC, AVX512-BF16):
#   saved again before an evaluation: largest difference of the weights 0.0e+00
#   saved after an evaluation:        largest difference of the weights 1.5e-04 (of 6.3e-02)
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
layer = bnb.nn.Linear4bit(256, 512, bias=False, compute_dtype=torch.float32, quant_type="nf4", compress_statistics=True)
layer.load_state_dict(torch.nn.Linear(256, 512, bias=False).state_dict())
layer = layer.to("cpu").eval()


def saved():
    """The weights as the state_dict describes them."""
    parts = {name: value.clone() for name, value in layer.state_dict().items()}
    rest = {name: value for name, value in parts.items() if name != "weight"}
    weight = bnb.nn.Params4bit.from_prequantized(parts["weight"], rest, device="cpu")
    return bnb.functional.dequantize_4bit(weight.data, weight.quant_state)


first = saved()
again = (saved() - first).abs().max().item()
with torch.no_grad():
    layer(torch.randn(4, 256))
after = (saved() - first).abs().max().item()
print(f"saved again before an evaluation: largest difference of the weights {again:.1e}")
print(f"saved after an evaluation:        largest difference of the weights {after:.1e} (of {first.abs().max().item():.1e})")
sys.exit(0 if again == 0 and after > 0 else 1)
PY
