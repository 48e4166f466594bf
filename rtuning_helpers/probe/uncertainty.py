"""How uncertain the untuned model is: perplexity of a question, entropy of its answers."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from rtuning_helpers.data.words import as_compared
from rtuning_helpers.model.forward import NonFiniteLogitsError, pad_right, token_batches
from rtuning_helpers.model.language_model import LanguageModel
from rtuning_helpers.model.out_of_memory import each_in_batches
from rtuning_helpers.model.readers import call

QUESTION_LENGTH = 64  # tokens; the logits of every token are kept, so that longer texts need smaller batches
MOST_LOGITS = 2**27  # of a batch: half a gigabyte


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

    def read(waiting: list[int], batch_size: int) -> Iterator[tuple[int, float]]:
        length = min(QUESTION_LENGTH, max(1, MOST_LOGITS // (lm.vocabulary_size * batch_size)))
        asked = [texts[i] for i in waiting]
        for rows, encoded, names in token_batches(lm, asked, batch_size, description, usual_length=length):
            ids, lengths = pad_right(lm, encoded)
            scored = torch.arange(1, ids.shape[1], device=lm.device) < lengths[:, None]
            logits = call(lm.model, ids, use_cache=False).logits[:, :-1].float()
            targets = ids[:, 1:].masked_fill(~scored, -100)
            # With the words in any dimension but the last, torch loses digits: 2e-4 nats a token of 150,000 words.
            losses = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")
            means = losses.view_as(targets).sum(1) / scored.sum(1)
            for mean, row, name in zip(means, rows, names, strict=True):
                if not math.isfinite(mean):
                    raise NonFiniteLogitsError(f"the perplexity of {name!r} is not finite")
                yield waiting[row], math.exp(mean)

    return each_in_batches(read, len(texts), batch_size)
