"""The same facts in three languages, asked of an untuned real model: numbers alone, none of mParaRel's words."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from transformers import PreTrainedTokenizerBase

from rtuning_helpers import metrics, steps
from rtuning_helpers.data import prompts
from rtuning_helpers.data.datasets.mpararel import LANGUAGES
from rtuning_helpers.data.sureness_words import SURENESS_IN, sureness_context
from rtuning_helpers.errors import InputError
from rtuning_helpers.experiments.real_models.measure import bits, rounded, unpacked
from rtuning_helpers.model.labels import label_probabilities, label_token_ids
from rtuning_helpers.run.profiles import RunConfig
from rtuning_helpers.tuning.registry import PRETRAINED

SPLITS = ("id", "ood")


def measure(config: RunConfig) -> dict[str, list[dict]]:
    """What the untuned model makes of every fact in every language.

    Returns:
        ``facts``: for each language and split, a fact each in the data set's order: ``correct`` (text of ones and
        zeros), ``answer`` (its confidence) and ``sure`` (P(sure), asked and answered in that language, over whole
        labels). ``labels``: how many tokens each label has, and from which on the two differ (1: the first).

    Raises:
        InputError: The languages do not have equally many facts.
    """
    lm, facts, labels = steps.load_model(config), [], []
    for language in LANGUAGES:
        run = replace(config, dataset=f"mpararel-{language}")
        for split in SPLITS:
            asked = steps.fitted(run, split).questions
            found = steps.read_method_predictions(run, PRETRAINED, split)
            contexts = [
                sureness_context(prompts.task_prompt(q), p.prediction, language)
                for q, p in zip(asked, found, strict=True)
            ]
            how: dict[str, Any] = {
                "batch_size": config.settings.answer_batch,
                "description": f"{language}: asking for sureness",
            }
            shares = label_probabilities(lm, contexts, SURENESS_IN[language].labels, **how)
            row = {"seed": config.seed, "language": language, "split": split}
            row |= {"correct": bits(p.correct for p in found)}
            row |= {"answer": rounded(p.answer_confidence or 0.0 for p in found), "sure": rounded(shares[:, 0])}
            facts.append(row)
        labels.append({"seed": config.seed, "language": language} | label_lengths(lm.tokenizer, language))
    check_parallel(facts)
    return {"facts": facts, "labels": labels}


def label_lengths(tokenizer: PreTrainedTokenizerBase, language: str) -> dict[str, int]:
    """How many tokens the two labels of a language have in context, and from which on they differ (1: the first)."""
    context = sureness_context(prompts.question_prompt("?"), "1", language)
    sure, unsure = label_token_ids(tokenizer, context, SURENESS_IN[language].labels)
    same = next(i for i, (one, other) in enumerate(zip(sure, unsure, strict=False)) if one != other)
    return {"sure": len(sure), "unsure": len(unsure), "differ": same + 1}


def check_parallel(facts: Sequence[Mapping]) -> None:
    """InputError unless all languages have as many facts in each split."""
    for split in SPLITS:
        counts = {row["language"]: len(row["correct"]) for row in facts if row["split"] == split}
        if len(set(counts.values())) > 1:
            told = ", ".join(f"{language} {count}" for language, count in counts.items())
            raise InputError(f"mParaRel's split {split!r} has {told} facts; expected the same facts in every language")


def by_language(facts: Sequence[dict]) -> pd.DataFrame:
    """Accuracy and ranking of each language and seed, both splits together.

    Returns:
        ``language``, ``seed``, ``n``, ``accuracy``, ``auroc_answer``, ``auroc_sure``; and ``also``: of the facts that
        are right in English, the share that is right in this language too.
    """
    joined: dict[tuple[str, int], dict[str, np.ndarray]] = {}
    for row in map(unpacked, facts):
        place = joined.setdefault((row["language"], row["seed"]), {})
        for name in ("correct", "answer", "sure"):
            place[name] = np.concatenate([place.get(name, np.zeros(0)), np.asarray(row[name], float)])
    rows = []
    for (language, seed), found in joined.items():
        correct, english = found["correct"], joined["en", seed]["correct"].astype(bool)
        row = {"language": language, "seed": seed, "n": len(correct), "accuracy": correct.mean()}
        row |= {f"auroc_{name}": metrics.auroc(correct, found[name]) for name in ("answer", "sure")}
        rows.append(row | {"also": correct[english].mean() if english.any() else np.nan})
    return pd.DataFrame(rows)
