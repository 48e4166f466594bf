"""How uncertain the untuned model is: perplexity of a question, entropy of its answers."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from rtuning_helpers.data.words import as_compared
from rtuning_helpers.model.forward import NonFiniteLogitsError, token_batches
from rtuning_helpers.model.language_model import LanguageModel

QUESTION_LENGTH = 64  # tokens; the logits of every token are kept, so that longer texts need smaller batches


@dataclass(frozen=True)
class Uncertainty:
    """What the untuned model's uncertainty about one training question looks like."""

    id: str
    perplexity: float  # of the question
    entropy: float  # of the k sampled answers [nats]
    answers: list[str]


def answer_entropy(answers: Sequence[str], normalise: bool = False) -> float:
    """Entropy of the answers' frequencies, u = -sum_j p_j ln p_j (paper section 5.1).

    Between 0 (all alike) and ln k (all different) [nats]; fewer than two answers are a ValueError. With ``normalise``,
    answers that differ in case and punctuation only count as one, which the released code does not do.
    """
    if len(answers) < 2:
        raise ValueError(f"answers has {len(answers)} entries; entropy needs at least k = 2 samples")
    counts = Counter(as_compared(a) if normalise else a for a in answers).values()
    return sum(n / len(answers) * math.log(len(answers) / n) for n in counts)


@torch.inference_mode()
def perplexities(
    lm: LanguageModel, texts: Sequence[str], *, batch_size: int = 128, description: str = "perplexity"
) -> list[float]:
    """Perplexity of each text under the model: exp of the mean negative log-likelihood per token.

    The first token has nothing before it (apart from a beginning-of-sequence token, where the tokenizer puts one) and
    is not scored. Paper tables 4 and 10 apply this to the question behind its context (`prompts.bare_text`).

    Raises:
        NonFiniteLogitsError: NaN or infinite logits.
        InputError: A text does not fit into the model's context.
    """
    found = [math.nan] * len(texts)
    for rows, encoded, names in token_batches(lm, texts, batch_size, description, usual_length=QUESTION_LENGTH):
        width = max(map(len, encoded))
        ids = torch.full((len(rows), width), lm.tokenizer.pad_token_id, device=lm.device)
        mask = torch.zeros_like(ids)
        for j, row in enumerate(encoded):
            ids[j, : len(row)] = torch.tensor(row, device=lm.device)
            mask[j, : len(row)] = 1
        logits = lm.model(input_ids=ids, attention_mask=mask).logits[:, :-1].float()
        targets = ids[:, 1:].masked_fill(mask[:, 1:] == 0, -100)
        losses = torch.nn.functional.cross_entropy(logits.transpose(1, 2), targets, reduction="none")
        means = losses.sum(1) / mask[:, 1:].sum(1)
        for mean, i, name in zip(means, rows, names, strict=True):
            if not math.isfinite(mean):
                raise NonFiniteLogitsError(f"the perplexity of {name!r} is not finite")
            found[i] = math.exp(mean)
    return found
