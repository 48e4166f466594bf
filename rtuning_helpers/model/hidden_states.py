"""What a model thinks at the end of a question, before it answers."""

from collections.abc import Sequence

import numpy as np
import torch

from rtuning_helpers.data import prompts
from rtuning_helpers.data.questions import Question
from rtuning_helpers.model.forward import token_batches
from rtuning_helpers.model.language_model import LanguageModel


@torch.inference_mode()
def hidden_states(lm: LanguageModel, questions: Sequence[Question], layer: int, batch_size: int = 128) -> np.ndarray:
    """Hidden state at the last token of each question's prompt, shape (n, width)."""
    found: list[np.ndarray | None] = [None] * len(questions)
    asked, ids = [prompts.task_prompt(q) for q in questions], [q.id for q in questions]
    for rows, encoded, _ in token_batches(lm, asked, batch_size, ids=ids):
        width, pad = max(map(len, encoded)), lm.tokenizer.pad_token_id
        tokens = torch.tensor([row + [pad] * (width - len(row)) for row in encoded], device=lm.device)
        lengths = torch.tensor([len(row) for row in encoded], device=lm.device)
        mask = (torch.arange(width, device=lm.device) < lengths[:, None]).long()
        out = lm.model(input_ids=tokens, attention_mask=mask, output_hidden_states=True, logits_to_keep=1)
        states = out.hidden_states[layer]
        last = states[torch.arange(len(rows), device=lm.device), lengths - 1].float().cpu().numpy()
        for row, state in zip(rows, last, strict=True):
            found[row] = state
    return np.array(found)
