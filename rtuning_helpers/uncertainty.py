"""How uncertain the untuned model is: perplexity of a question, entropy of its answers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import torch
from tqdm.auto import tqdm

from rtuning_helpers.decoding import NonFiniteLogitsError, length_sorted_batches
from rtuning_helpers.language_model import LanguageModel
from rtuning_helpers.matching import normalised_words


def answer_entropy(answers: Sequence[str], normalise: bool = False) -> float:
    """Entropy of the answers' frequencies, u = -sum_j p_j ln p_j (paper section 5.1).

    Args:
        answers: k sampled answers to one question, k >= 2.
        normalise: Count answers that differ in case and punctuation only as one; the released code does not.

    Returns:
        Entropy between 0 (all alike) and ln k (all different) [nats].

    Raises:
        ValueError: Fewer than two answers.
    """
    if len(answers) < 2:
        raise ValueError(f"answers has {len(answers)} entries; entropy needs at least k = 2 samples")
    counts = Counter(" ".join(normalised_words(a)) if normalise else a for a in answers).values()
    return sum(n / len(answers) * math.log(len(answers) / n) for n in counts)


@torch.inference_mode()
def perplexities(
    lm: LanguageModel, texts: Sequence[str], *, batch_size: int = 128, description: str = "perplexity"
) -> list[float]:
    """Perplexity of each text under the model: exp of the mean negative log-likelihood per token.

    The first token has nothing before it (apart from a beginning-of-sequence token, where the tokenizer puts one) and
    is not scored. Paper tables 4 and 10 apply this to the bare question.

    Raises:
        NonFiniteLogitsError: NaN or infinite logits.
    """
    encoded = lm.tokenizer(list(texts))["input_ids"] if len(texts) else []
    found = [math.nan] * len(texts)
    with tqdm(total=len(texts), desc=description, leave=False, disable=None) as bar:
        for rows in length_sorted_batches([len(ids) for ids in encoded], batch_size):
            width = max(len(encoded[i]) for i in rows)
            ids = torch.full((len(rows), width), lm.tokenizer.pad_token_id, device=lm.device)
            mask = torch.zeros_like(ids)
            for j, i in enumerate(rows):
                ids[j, : len(encoded[i])] = torch.tensor(encoded[i], device=lm.device)
                mask[j, : len(encoded[i])] = 1
            logits = lm.model(input_ids=ids, attention_mask=mask).logits[:, :-1].float()
            targets = ids[:, 1:].masked_fill(mask[:, 1:] == 0, -100)
            losses = torch.nn.functional.cross_entropy(logits.transpose(1, 2), targets, reduction="none")
            means = losses.sum(1) / mask[:, 1:].sum(1)
            for j, i in enumerate(rows):
                if not math.isfinite(means[j]):
                    raise NonFiniteLogitsError(f"the perplexity of {texts[i]!r} is not finite")
                found[i] = math.exp(means[j])
            bar.update(len(rows))
    return found
