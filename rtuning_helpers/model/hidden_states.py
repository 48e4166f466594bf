"""What a model thinks at the end of a question, before it answers."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from rtuning_helpers.data import prompts
from rtuning_helpers.data.questions import Question
from rtuning_helpers.model.forward import pad_right, token_batches
from rtuning_helpers.model.language_model import LanguageModel
from rtuning_helpers.model.out_of_memory import each_in_batches
from rtuning_helpers.model.readers import call


@torch.inference_mode()
def hidden_states(lm: LanguageModel, questions: Sequence[Question], layer: int, batch_size: int = 128) -> np.ndarray:
    """Hidden state at the last token of each question's prompt, shape (n, width).

    Of models with several streams of states (Gemma-3n) all of them, one after the other.
    """
    asked, ids = [prompts.task_prompt(q) for q in questions], [q.id for q in questions]

    def look(waiting: list[int], batch_size: int) -> Iterator[tuple[int, np.ndarray]]:
        texts, names = [asked[i] for i in waiting], [ids[i] for i in waiting]
        for rows, encoded, _ in token_batches(lm, texts, batch_size, ids=names):
            tokens, lengths = pad_right(lm, encoded)
            out = call(lm.model, tokens, output_hidden_states=True, use_cache=False, logits_to_keep=1)
            states = out.hidden_states[layer]
            if states.shape[:2] != tokens.shape:  # several streams, shape (streams, rows, longest, width)
                states = states.movedim(0, 2)
            last = states[torch.arange(len(rows), device=lm.device), lengths - 1].flatten(1).float().cpu().numpy()
            yield from zip([waiting[row] for row in rows], last, strict=True)

    return np.array(each_in_batches(look, len(questions), batch_size, "questions"))
