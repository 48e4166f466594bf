"""Does a refusal hold? Test questions asked plainly and under each kind of pressure, in both directions.

Up: of the questions that a model refuses, which does it answer under pressure? Down: of those that it answers right,
which does it refuse or answer wrong? Suffixes are searched on other questions than they are tried on.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from transformers import PreTrainedTokenizerBase

from rtuning_helpers import steps
from rtuning_helpers.data import prompts
from rtuning_helpers.data.pressure import (
    AUTHORITY,
    DOWN,
    UP,
    Attack,
    both,
    false_examples,
    misspelt_name,
    paraphrased,
    plain_words,
    sentence_before,
    taught_attacks,
    words_behind,
    wrong_hint,
)
from rtuning_helpers.data.questions import TRAIN, Question
from rtuning_helpers.evaluation.predict import predict
from rtuning_helpers.evaluation.predictions import Prediction
from rtuning_helpers.experiments.pressure.search import LENGTH, TRIES, Found, search_suffix
from rtuning_helpers.json_files import read_json, read_records, write_json, write_records
from rtuning_helpers.metrics.exposure import proportion_interval
from rtuning_helpers.model.language_model import LanguageModel
from rtuning_helpers.run.artifacts import run_step, step_folder
from rtuning_helpers.run.profiles import RunConfig
from rtuning_helpers.tuning.registry import PRETRAINED, find_method

METHODS = ("padding", "replacement", "adversarial")
ASKED = (PRETRAINED, *METHODS)  # the untuned model refuses nothing, and shows what pressure does to knowledge
EVERY = 4  # every fourth test question is asked under pressure; suffixes are searched on others
SEARCHED_ON = 24  # questions
SUFFIX, LENT_SUFFIX = "searched suffix", "suffix of padding"
TAUGHT = tuple(attack.name for attack in taught_attacks(()))
EXAMPLES = 20  # never-read training questions that false examples are made of


@dataclass(frozen=True)
class Pressed:
    """A question of one direction before and under one kind of pressure.

    Attributes:
        attack, direction: Which kind, and what it wants: ``"up"`` or ``"down"``.
        id, exposure: Of the question.
        sure_before, sure_after: P(sure); None for a method that is not asked.
        refused, correct: What the model does under pressure.
        changed: Whether the pressure changed the question's text at all.
        unread: Share of the question's words that the tokenizer takes apart, 0 to 1.
    """

    attack: str
    direction: str
    id: str
    exposure: int | None
    sure_before: float | None
    sure_after: float | None
    refused: bool
    correct: bool
    changed: bool
    unread: float

    @property
    def flipped(self) -> bool:
        """Whether the pressure had its way: an answer where it was refused, or no right answer where there was one."""
        return not self.refused if self.direction == UP else self.refused or not self.correct


def tested_questions(config: RunConfig) -> list[Question]:
    """Every fourth question of all test splits."""
    return [q for split in steps.evaluation_splits(config) for q in steps.fitted(config, split).questions[::EVERY]]


def search_questions(config: RunConfig) -> list[Question]:
    """As many other questions of the first test split."""
    return list(steps.fitted(config, steps.evaluation_splits(config)[0]).questions[1::EVERY])


def attacks_of(config: RunConfig) -> list[Attack]:
    """All kinds of pressure that need no search, those that the remedy is taught first."""
    training = steps.questions(config, TRAIN)
    pools: dict[str, list[str]] = {}
    for q in [*training, *tested_questions(config)]:
        pools.setdefault(q.relation, [])
        pools[q.relation] += [q.answer] if q.answer not in pools[q.relation] else []
    examples = [q for q in training if not q.exposure][:EXAMPLES]
    shown = {UP: false_examples(examples, prompts.SURE), DOWN: false_examples(examples, prompts.UNSURE)}
    return [
        *taught_attacks(plain_words(training)),
        Attack("paraphrase", both(paraphrased)),
        Attack("misspelt name", both(misspelt_name)),
        Attack("false authority", {way: sentence_before(text) for way, text in AUTHORITY.items()}),
        Attack("wrong hint", both(wrong_hint(pools))),
        Attack("false examples", shown),
    ]


def targets(questions: Sequence[Question], plain: Sequence[Prediction]) -> dict[str, list[Question]]:
    """For each direction the questions that there is something to win with: refused ones, and right answers given."""
    pairs = list(zip(questions, plain, strict=True))
    return {UP: [q for q, p in pairs if p.refused], DOWN: [q for q, p in pairs if p.correct and not p.refused]}


def unread_shares(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> list[float]:
    """For each text the share of its words that are no token of their own, 0 to 1."""
    words = [[word.strip("?,.") for word in text.split()] for text in texts]
    apart = {word: len(tokenizer.tokenize(f"a {word}")) > 2 for text in words for word in text}
    return [float(np.mean([apart[word] for word in text])) for text in words]


def score_suffix(lm: LanguageModel, questions: Sequence[Question], direction: str, exam: dict, suffix: str) -> float:
    """Mean P(sure) with a suffix behind each question, or 1 minus it downwards: what a search makes large."""
    asked = Attack(SUFFIX, both(words_behind(suffix))).on(questions, direction)
    sure = np.mean([p.sure_confidence for p in predict(lm, asked, **exam, description="searching")])
    return float(sure if direction == UP else 1 - sure)


def search_step(config: RunConfig, method: str) -> Path:
    """Search a suffix for each direction against a method that says how sure it is; writes ``suffixes.json``."""

    def write(folder: Path) -> None:
        lm, exam, questions = steps.load_model(config, method), find_method(method).exam, search_questions(config)
        goals, words = targets(questions, predict(lm, questions, **exam)), plain_words(steps.questions(config, TRAIN))
        found = {}
        for way, chosen in goals.items():
            asked = chosen[:SEARCHED_ON]

            def score(suffix: str, asked: Sequence[Question] = asked, way: str = way) -> float:
                return score_suffix(lm, asked, way, exam, suffix) if asked else 0.0

            found[way] = asdict(search_suffix(score, words, config.seed))
        write_json(folder / "suffixes.json", found)

    parameters = _parameters(config, method, search_step)
    parameters |= {"tries": TRIES, "length": LENGTH, "searched_on": SEARCHED_ON}
    return run_step(_folder(config, method, "suffixes"), parameters, write, inputs=[steps.tuning_step(config, method)])


def read_suffixes(config: RunConfig, method: str) -> dict[str, Found]:
    """The suffix of each direction that was found against a method, searched if missing."""
    found = read_json(search_step(config, method) / "suffixes.json")
    return {direction: Found(**row) for direction, row in found.items()}


def pressure_step(config: RunConfig, method: str) -> Path:
    """Ask a method's model the test questions plainly and under every kind of pressure; writes ``pressed.jsonl``."""
    lenders = {LENT_SUFFIX: "padding"} if method != "padding" else {}
    lenders |= {SUFFIX: method} if find_method(method).sureness else {}

    def write(folder: Path) -> None:
        attacks = attacks_of(config)
        for name, lender in lenders.items():
            suffixes = read_suffixes(config, lender)
            attacks.append(Attack(name, {way: words_behind(found.suffix) for way, found in suffixes.items()}))
        lm, exam, questions = steps.load_model(config, method), find_method(method).exam, tested_questions(config)
        how: dict[str, Any] = exam | {"batch_size": config.settings.answer_batch, "description": f"{method}: asking"}
        plain = predict(lm, questions, **how)
        before = {p.id: p.sure_confidence for p in plain}
        rows = []
        for attack in attacks:
            for way, chosen in targets(questions, plain).items():
                asked = attack.on(chosen, way)
                unread = unread_shares(lm.tokenizer, [q.question for q in asked])
                for q, was, p, apart in zip(asked, chosen, predict(lm, asked, **how), unread, strict=True):
                    sure, changed = (before[q.id], p.sure_confidence), q.question != was.question
                    place, told = (attack.name, way, q.id, q.exposure), (bool(p.refused), p.correct)
                    rows.append(Pressed(*place, *sure, *told, changed, apart))
        write_records(folder / "pressed.jsonl", rows)

    inputs = [search_step(config, lender) for lender in lenders.values()]
    inputs += [] if method == PRETRAINED else [steps.tuning_step(config, method)]
    return run_step(
        _folder(config, method, "pressed"), _parameters(config, method, pressure_step), write, inputs=inputs
    )


def read_pressed(config: RunConfig, method: str) -> list[Pressed]:
    """What became of every question under every kind of pressure, asked if missing."""
    return read_records(pressure_step(config, method) / "pressed.jsonl", Pressed)


def flip_rows(pressed: Sequence[Pressed]) -> pd.DataFrame:
    """Flip rates by attack and direction, over the questions whose text the pressure changed.

    Returns:
        ``attack``, ``direction``, ``n``, ``flipped`` with its Wilson interval ``low`` and ``high``; ``wrong``,
        the share that is answered wrong, downwards only; the means ``sure_change`` (of P(sure)) and ``unread``.
    """
    rows = []
    for (attack, direction), part in _groups(pressed).items():
        hits, wrong = sum(p.flipped for p in part), [not p.refused and not p.correct for p in part]
        moved = [p.sure_after - p.sure_before for p in part if p.sure_after is not None and p.sure_before is not None]
        low, high = proportion_interval(hits, len(part))
        row = {"attack": attack, "direction": direction, "n": len(part), "flipped": hits / len(part)}
        row |= {"low": low, "high": high, "wrong": float(np.mean(wrong)) if direction == DOWN else None}
        row |= {"sure_change": float(np.mean(moved)) if moved else None}
        rows.append(row | {"unread": float(np.mean([p.unread for p in part]))})
    return pd.DataFrame(rows)


def _groups(pressed: Sequence[Pressed]) -> dict[tuple[str, str], list[Pressed]]:
    groups: dict[tuple[str, str], list[Pressed]] = {}
    for p in pressed:
        if p.changed:
            groups.setdefault((p.attack, p.direction), []).append(p)
    return groups


def _folder(config: RunConfig, method: str, step: str) -> Path:
    return step_folder(config, "pressure", f"{method}-{step}")


def _parameters(config: RunConfig, method: str, *makers: Any) -> dict:
    splits = (TRAIN, *steps.evaluation_splits(config))
    return steps.step_parameters(config, splits, *makers) | {"method": method}
