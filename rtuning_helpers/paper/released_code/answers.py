"""Ask a model as the released code does: its probe, its evaluation rows [correct, c, s], and its option letters.

Everything goes through ``generate`` of transformers, as in the released scripts, but in batches. With no flag on, the
numbers are those of the kit's own decoder (`rtuning_helpers.model.decoding`), which was written independently.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import geometric_mean
from typing import Any, cast

import numpy as np
import torch
from tokenizers import processors
from transformers import PreTrainedTokenizerBase

from rtuning_helpers.data import prompts
from rtuning_helpers.data.questions import Question
from rtuning_helpers.model.forward import NonFiniteLogitsError, length_sorted_batches
from rtuning_helpers.model.labels import label_probabilities
from rtuning_helpers.model.language_model import LanguageModel
from rtuning_helpers.paper.released_code import texts
from rtuning_helpers.paper.released_code.quirks import ReleasedCodeQuirks
from rtuning_helpers.progress import progress_bar

PROBE_TOKENS, EVALUATION_TOKENS = 15, 5


@dataclass(frozen=True)
class EvaluationRow:
    """One row of the released evaluator's output.

    Attributes:
        correct: Whether the output holds the gold answer.
        answer_confidence: c, the geometric mean of the probabilities of the generated tokens before the stop token.
        sure_confidence: s, the share of "sure" against "unsure" after the sureness question.
        output: The generated text that was graded and put before the sureness question.
    """

    correct: bool
    answer_confidence: float
    sure_confidence: float
    output: str


@dataclass(frozen=True)
class _Generated:
    tokens: list[int]
    probabilities: list[float]


def without_bos(lm: LanguageModel) -> LanguageModel:
    """The same model with a tokenizer that puts nothing before a text (``add_bos_token=False``)."""
    tokenizer = copy.deepcopy(lm.tokenizer)
    core = getattr(tokenizer, "backend_tokenizer", None)
    if core is not None:
        core.post_processor = processors.Sequence([])
    else:
        tokenizer.add_bos_token = False
    return replace(lm, tokenizer=tokenizer)


def bare_token_id(tokenizer: PreTrainedTokenizerBase, word: str) -> int:
    """The released code's id of "sure", "unsure", "A" or ".": that of the first special token, if one is put first."""
    return tokenizer(word)["input_ids"][0]


def probe_labels(
    lm: LanguageModel,
    questions: Sequence[Question],
    quirks: ReleasedCodeQuirks,
    batch_size: int = 256,
    max_new_tokens: int = PROBE_TOKENS,
) -> list[bool]:
    """Which questions the untuned model answers right, so that they are called certain; errors as of `evaluate`."""
    texts.check_plain(questions)
    lm = without_bos(lm) if quirks.no_bos else lm
    asked = [texts.probe_prompt(q.question, quirks) for q in questions]
    # The released probe goes on to its last token and knows no line breaks; what follows the first stop is cut off.
    ends = [lm.tokenizer.eos_token_id] if quirks.drop_last_character else lm.stop_token_ids.tolist()
    generated = _generate(lm, asked, max_new_tokens, ends, batch_size, "probing")
    outputs = lm.tokenizer.batch_decode([g.tokens for g in generated], skip_special_tokens=True)
    answers = [texts.cut_probe_answer(output, quirks) for output in outputs]
    return [texts.is_right(a, q.answer, quirks) for a, q in zip(answers, questions, strict=True)]


def evaluate(
    lm: LanguageModel, questions: Sequence[Question], quirks: ReleasedCodeQuirks, batch_size: int = 256
) -> list[EvaluationRow]:
    """The released evaluation of a tuned model on open questions.

    Args:
        lm: The tuned model.
        questions: Test questions.
        quirks: The flags of the stages labelling and evaluation matter.
        batch_size: Questions answered at the same time. The released code takes 1, with the same result in float32; in
            half precision, in which newer versions of transformers load such a checkpoint, only 1 gives its numbers.

    Raises:
        NonFiniteLogitsError: NaN or infinite logits; the message names the question.
        InputError: The tokenizer cannot tell " sure" from " unsure".
        ValueError: A question with options, context or examples.
    """
    texts.check_plain(questions)
    lm = without_bos(lm) if quirks.no_bos else lm
    asked = [texts.evaluation_prompt(q.question, quirks) for q in questions]
    limit = EVALUATION_TOKENS if quirks.short_evaluation else PROBE_TOKENS
    if quirks.stop_never_fires:
        stops = [bare_token_id(lm.tokenizer, prompts.STOP)]
        ends = [lm.tokenizer.eos_token_id]  # generation itself ends there, as always in transformers
    else:
        stops = ends = lm.stop_token_ids.tolist()
    generated = _generate(lm, asked, limit, list(ends), batch_size, "evaluating")
    kept = [_before_stop(g, set(stops)) for g in generated]
    outputs = []
    for found in kept if quirks.stop_never_fires else generated:
        text = cast(str, lm.tokenizer.decode(found.tokens, skip_special_tokens=not quirks.special_tokens_in_text))
        outputs.append(text.strip() if quirks.stop_never_fires else texts.cut_probe_answer(text, ReleasedCodeQuirks()))
    contexts = [f"{p} {o}{prompts.sureness_suffix()}" for p, o in zip(asked, outputs, strict=True)]
    sure = label_shares(lm, contexts, prompts.SURENESS_LABELS, quirks, batch_size)[:, 0]
    return [
        EvaluationRow(texts.is_right(o, q.answer, quirks), geometric_mean(g.probabilities), float(s), o)
        for q, g, o, s in zip(questions, kept, outputs, sure, strict=True)
    ]


def label_shares(
    lm: LanguageModel, contexts: Sequence[str], labels: Sequence[str], quirks: ReleasedCodeQuirks, batch_size: int
) -> np.ndarray:
    """Probability of each label after each context, as shares that sum to 1: shape (contexts, labels).

    With ``first_token_labels`` a label is read by the first token of its bare word: labels that share that token get
    equal shares, whatever the model thinks.
    """
    if not quirks.first_token_labels:
        return label_probabilities(lm, contexts, labels, batch_size=batch_size)
    ids = [bare_token_id(lm.tokenizer, label.strip()) for label in labels]
    shares = np.zeros((len(contexts), len(labels)))
    for rows, tokens, mask in _batches(lm, contexts, batch_size, None):
        with torch.inference_mode():
            positions = (mask.cumsum(1) - 1).clamp(min=0)
            logits = lm.model(input_ids=tokens, attention_mask=mask, position_ids=positions).logits[:, -1]
        _check_finite(logits, [contexts[row] for row in rows])
        shares[rows] = torch.softmax(logits[:, ids].cpu().double(), dim=-1).numpy()
    return shares


def _generate(
    lm: LanguageModel, asked: Sequence[str], limit: int, ends: list[int], batch_size: int, description: str
) -> list[_Generated]:
    """Greedy tokens of each prompt, up to and with the first of the end tokens, and their probabilities."""
    found: dict[int, _Generated] = {}
    for rows, tokens, mask in _batches(lm, asked, batch_size, description):
        with torch.inference_mode():
            how = {"max_new_tokens": limit, "do_sample": False, "output_logits": True, "return_dict_in_generate": True}
            ids = {"eos_token_id": ends, "pad_token_id": lm.tokenizer.pad_token_id}
            model: Any = lm.model  # whose types know nothing of `generate`
            result = model.generate(input_ids=tokens, attention_mask=mask, **how, **ids)
        logits = torch.stack(result.logits, dim=1).float()
        _check_finite(logits, [asked[row] for row in rows])
        new = result.sequences[:, tokens.shape[1] :]
        chosen = torch.softmax(logits, dim=-1).gather(2, new[:, :, None])[:, :, 0]
        for row, ids, probabilities in zip(rows, new.tolist(), chosen.tolist(), strict=True):
            length = next((place + 1 for place, token in enumerate(ids) if token in ends), len(ids))
            found[row] = _Generated(ids[:length], probabilities[:length])
    return [found[row] for row in range(len(asked))]


def _before_stop(generated: _Generated, stops: set[int]) -> _Generated:
    """What comes before the first stop token; that itself where nothing does (there the released code divides by 0)."""
    ids = generated.tokens
    length = max(1, next((place for place, token in enumerate(ids) if token in stops), len(ids)))
    return _Generated(ids[:length], generated.probabilities[:length])


def _batches(lm: LanguageModel, given: Sequence[str], batch_size: int, description: str | None):
    """Row numbers, left-padded tokens and attention mask of batches of similar length."""
    encoded = lm.tokenizer(list(given))["input_ids"] if given else []
    pad = lm.tokenizer.pad_token_id
    with progress_bar(len(given), description) as bar:
        for rows in length_sorted_batches([len(ids) for ids in encoded], batch_size):
            width = max(len(encoded[row]) for row in rows)
            tokens = torch.tensor([[pad] * (width - len(encoded[r])) + encoded[r] for r in rows], device=lm.device)
            mask = torch.tensor([[0] * (width - len(encoded[r])) + [1] * len(encoded[r]) for r in rows])
            yield rows, tokens, mask.to(lm.device)
            bar.update(len(rows))


def _check_finite(logits: torch.Tensor, names: Sequence[str]) -> None:
    finite = torch.isfinite(logits).flatten(1).all(1)
    if not bool(finite.all()):
        row = int((~finite).nonzero()[0])
        raise NonFiniteLogitsError(f"the model gave NaN or infinite logits for {names[row]!r}")
