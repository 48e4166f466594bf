#!/usr/bin/env bash
# torch 2.13.0 on a CPU: cross_entropy takes classes in dimension 1, so that logits of shape (batch, tokens, words) are handed over
# transposed, as in its documentation. Expected: the same loss as of the same numbers flattened to (batch * tokens, words), to the
# precision of float32 (about 1e-6 of a loss of 17).
# Seen (x86, one thread, 262,144 words): the log-softmax over a dimension that is not the last sums up word by word and loses digits.
#   largest error of a token's loss: 1e-05 nats flattened, 5e-04 nats transposed; at 32,000 words 1e-06 and 3e-05
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6
OMP_NUM_THREADS=1 "$work/venv/bin/python" - <<'PY' 2>/dev/null
import sys

import torch
from torch.nn.functional import cross_entropy

torch.manual_seed(0)
error = {}
for words in (32_000, 262_144):
    logits, targets = 3 * torch.randn(1, 6, words), torch.randint(words, (1, 6))
    exact = cross_entropy(logits.double().flatten(0, 1), targets.flatten(), reduction="none")
    flat = cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")
    across = cross_entropy(logits.transpose(1, 2), targets, reduction="none")[0]
    error[words] = [float((found - exact).abs().max()) for found in (flat, across)]
    print(f"{words:,} words: largest error {error[words][0]:.0e} nats flattened, {error[words][1]:.0e} nats transposed")
flat, across = error[262_144]
sys.exit(0 if flat < 5e-5 and across > 1e-4 else 1)
PY
