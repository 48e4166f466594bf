"""Two-hop questions answered in three ways, with P(sure) after every step.

``hop by hop``: the model that padding made of the data set `mini` is asked two questions, in a chain the second one
about what it answered to the first; each time it knows nothing but that question. ``without steps`` and ``with steps``:
a model tuned by padding on two-hop questions gives the answer at once, or writes both facts down one after the other,
and is asked how sure it is after each.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from rtuning_helpers import steps
from rtuning_helpers.data import prompts
from rtuning_helpers.data.datasets.mini_two_hops import NAME, hops_of, load
from rtuning_helpers.data.matching import is_right, matches
from rtuning_helpers.data.questions import IN_DOMAIN, TRAIN, Question
from rtuning_helpers.data.world.two_hops import BROKEN, CHAIN, PAIR, TwoHops
from rtuning_helpers.data.world.world import build_world
from rtuning_helpers.errors import InputError
from rtuning_helpers.json_files import read_records, write_records
from rtuning_helpers.model.decoding import Answer, answer_prompts
from rtuning_helpers.model.language_model import LanguageModel
from rtuning_helpers.probe.probing import Probe, probe
from rtuning_helpers.run.artifacts import run_step, step_folder
from rtuning_helpers.run.profiles import RunConfig
from rtuning_helpers.run.run_questions import find_style, fit_in_style
from rtuning_helpers.tuning.finetuning import finetune
from rtuning_helpers.tuning.refusal_data import TuningRecord
from rtuning_helpers.tuning.side_by_side import do_side_by_side

HOP_BY_HOP, WITHOUT_STEPS, WITH_STEPS = ARMS = ("hop by hop", "without steps", "with steps")
RECORDS = {WITHOUT_STEPS: 1, WITH_STEPS: 2}  # of each question; both arms take the same number of optimiser steps
TESTED = (IN_DOMAIN, "ood", BROKEN)


@dataclass(frozen=True)
class Walk:
    """One question as one arm answered it; lists have an entry for each step, a single one without steps.

    Attributes:
        id: The question's id.
        split: One of `TESTED`.
        kind: One of `data.world.two_hops.KINDS`.
        exposures: How often the corpus states the first fact, and the second.
        known: Whether the untuned model answers the first hop right when asked for it alone, and the second.
        said: What was answered.
        right: Whether the step names its fact's answer; without steps, whether the question was answered right.
        follows: Whether the second step is true of the bridge that the first step named, be it the right one or not;
            None without steps, in pairs, and where no bridge was named or nothing is stated of it.
        sure: P(sure), 0 to 1.
        confidence: Answer confidence, 0 to 1.
    """

    id: str
    split: str
    kind: str
    exposures: list[int]
    known: list[bool]
    said: list[str]
    right: list[bool]
    follows: bool | None
    sure: list[float]
    confidence: list[float]

    @property
    def correct(self) -> bool:
        """Whether the question was answered right: in a chain by the last step, whatever stands before it."""
        return all(self.right) if self.kind == PAIR else self.right[-1]


def asked(config: RunConfig, split: str) -> Sequence[Question]:
    """The two-hop questions of a split, as the run asks them; ``broken`` ones are as many as the run's limit says.

    Raises:
        InputError: The run is about another data set.
    """
    if config.dataset != NAME:
        raise InputError(f"parameter dataset is {config.dataset!r}; this experiment needs {NAME!r}")
    if split != BROKEN:
        return steps.fitted(config, split).questions
    return fit_in_style(config, find_style(config), load(BROKEN)[: config.limit]).questions


def hop_questions(config: RunConfig, split: str, named: Sequence[str] | None = None) -> list[Question]:
    """One hop of each question of a split as a question of its own: the first; or the second, about named bridges.

    Args:
        named: What the first hops of chains were answered with; pairs need none.
    """
    found = []
    for i, question in enumerate(asked(config, split)):
        hops = hops_of(question)
        fact = hops.first if named is None else hops.second
        subject = fact.subject if named is None or hops.kind == PAIR else named[i]
        told: dict[str, Any] = {"question": fact.relation.question.format(s=subject), "answer": fact.answer}
        told |= {"relation": fact.relation.name, "exposure": fact.exposure, "answerable": bool(fact.answer)}
        found.append(replace(question, **told))
    return found


def hops_step(config: RunConfig) -> Path:
    """Ask the untuned model for every hop alone; writes ``<split>-<hop>.jsonl``."""

    def write(folder: Path) -> None:
        lm, settings = steps.load_model(config), config.settings
        for split in (TRAIN, *TESTED):
            bridges = [hops_of(q).first.answer for q in asked(config, split)]
            for hop, named in ((1, None), (2, bridges)):
                sizes: dict[str, Any] = {"max_new_tokens": settings.max_new_tokens, "batch_size": settings.answer_batch}
                found = probe(lm, hop_questions(config, split, named), **sizes)
                write_records(folder / f"{split}-{hop}.jsonl", found)

    return run_step(step_folder(config, "aloud", "hops"), _parameters(config), write)


def read_hops(config: RunConfig, split: str) -> list[tuple[Probe, Probe]]:
    """What the untuned model answers to the two hops of each question, asked alone; asked if missing."""
    first, second = (read_records(hops_step(config) / f"{split}-{hop}.jsonl", Probe) for hop in (1, 2))
    return list(zip(first, second, strict=True))


def build_two_hop_records(
    questions: Sequence[Question], known: Sequence[tuple[bool, bool]], with_steps: bool
) -> list[TuningRecord]:
    """Padding for two-hop questions: certain is what rests on known hops alone.

    Args:
        questions: As they are asked.
        known: Of each, whether the untuned model knows the first hop, and the second.
        with_steps: Two records a question. The first is read up to the sureness question behind the first fact, and
            only the word that follows is learned: were the question learned too, the model would ask it itself in the
            place of going on. The second is learned from the first fact to whether both are known. Without, one
            record: the answer, and whether both are.
    """
    records = []
    for question, (first, second) in zip(questions, known, strict=True):
        one, other = hops_of(question).steps
        prompt, gap, end = prompts.task_prompt(question), question.frame.gap, question.frame.end
        text = f"{one}{prompts.STOP} {other}" if with_steps else question.answer
        completion = gap + prompts.padding_completion(text, first and second).removeprefix(" ")
        if with_steps:
            word = prompts.SURENESS_LABELS[0 if first else 1]
            context = prompts.sureness_context(question, one)
            records.append(TuningRecord(f"{question.id}-1", context, f"{word}{prompts.STOP}", first, end))
        name = f"{question.id}-{RECORDS[WITH_STEPS if with_steps else WITHOUT_STEPS]}"
        records.append(TuningRecord(name, prompt, completion, first and second, end))
    return records


def tuning_records(config: RunConfig, arm: str) -> list[TuningRecord]:
    """What the arm with steps, or the one without, is tuned on."""
    known = [(first.correct, second.correct) for first, second in read_hops(config, TRAIN)]
    return build_two_hop_records(asked(config, TRAIN), known, arm == WITH_STEPS)


def tuning_step(config: RunConfig, arm: str, tune: Callable[..., Any] | None = None) -> Path:
    """The model of an arm, tuned if missing, by ``tune`` if given; the folder holds ``adapter/``.

    Raises:
        ValueError: There is no such arm.
    """
    if arm not in ARMS:
        raise ValueError(f"arm is {arm!r}; expected one of {', '.join(ARMS)}")
    if arm == HOP_BY_HOP:
        return steps.tuning_step(one_hop_run(config), "padding", tune=tune)

    def write(folder: Path) -> None:
        records = tuning_records(config, arm)
        how: dict[str, Any] = {"seed": config.seed, "description": f"{arm}: fine-tuning"}
        passes = config.settings.epochs / RECORDS[arm]
        (tune or finetune)(records, replace(config.settings, epochs=passes), folder / steps.ADAPTER, **how)

    parameters = _parameters(config) | {"arm": arm}
    return run_step(_folder(config, "tuning", arm), parameters, write, inputs=[hops_step(config)])


def tuning_steps(config: RunConfig) -> None:
    """Tune the models of all arms, small ones as many at a time as there are cores free."""
    hops_step(config)
    steps.data_step(one_hop_run(config), "padding")
    at_once = steps.tuned_at_once(config, len(ARMS))
    if at_once > 1:
        longest_first = (WITH_STEPS, HOP_BY_HOP, WITHOUT_STEPS)
        do_side_by_side([partial(tuning_step, config, arm) for arm in longest_first], at_once)
    for arm in ARMS:
        tuning_step(config, arm)


def one_hop_run(config: RunConfig) -> RunConfig:
    """The run on the data set `mini` whose padding model is asked hop by hop."""
    return replace(config, dataset="mini")


def walk_step(config: RunConfig, arm: str, force: bool = False) -> Path:
    """Let an arm's model answer all test questions; writes ``walks.jsonl``. Errors: `tuning_step`, `asked`."""

    def write(folder: Path) -> None:
        lm = steps.load_tuned(config, tuning_step(config, arm) / steps.ADAPTER)
        write_records(folder / "walks.jsonl", [w for split in TESTED for w in _walks(config, lm, arm, split)])

    inputs = [hops_step(config), tuning_step(config, arm)]
    parameters = _parameters(config) | {"arm": arm}
    return run_step(_folder(config, "walks", arm), parameters, write, inputs=inputs, force=force)


def read_walks(config: RunConfig, arm: str) -> list[Walk]:
    """All test questions as an arm answered them, asked if missing."""
    return read_records(walk_step(config, arm) / "walks.jsonl", Walk)


def _walks(config: RunConfig, lm: LanguageModel, arm: str, split: str) -> list[Walk]:
    questions, walks = asked(config, split), []
    ask = partial(ask_sure, config, lm)
    if arm == HOP_BY_HOP:
        first = ask(hop_questions(config, split))
        told = [first, ask(hop_questions(config, split, [a.text for a in first]))]
    else:
        told = [ask(questions)]
        if arm == WITH_STEPS:
            told.append(ask(questions, [a.text for a in told[0]]))
    for question, known, *answers in zip(questions, read_hops(config, split), *told, strict=True):
        hops, said = hops_of(question), [a.text for a in answers]
        right = [is_right(question, said[0])]
        if len(said) == 2:
            right = [_names(text, fact.answer) for text, fact in zip(said, (hops.first, hops.second), strict=True)]
        walks.append(
            Walk(
                *(question.id, split, hops.kind, [hops.first.exposure, hops.second.exposure]),
                known=[hop.correct for hop in known],
                said=said,
                right=right,
                follows=follows(hops, *said) if len(said) == 2 else None,
                sure=[float(a.sure_probability or 0) for a in answers],
                confidence=[a.confidence for a in answers],
            )
        )
    return walks


def ask_sure(
    config: RunConfig, lm: LanguageModel, questions: Sequence[Question], begun: Sequence[str] | None = None
) -> list[Answer]:
    """Answer questions, or go on behind a first step of the answers; with P(sure)."""
    texts, gap = [prompts.task_prompt(q) for q in questions], questions[0].frame.gap
    if begun is not None:
        pairs = zip(texts, begun, strict=True)
        texts, gap = [f"{prompts.answered(text, step, gap)}{prompts.STOP}" for text, step in pairs], " "
    settings, ids = config.settings, [q.id for q in questions]
    how: dict[str, Any] = {"max_new_tokens": settings.max_new_tokens, "batch_size": settings.answer_batch}
    return answer_prompts(lm, texts, **how, sureness=prompts.SURENESS_LABELS, gap=gap, ids=ids)


def follows(hops: TwoHops, first: str, second: str) -> bool | None:
    """Whether a second step is true of the bridge that the first step named, see `Walk`."""
    if hops.kind != CHAIN:
        return None
    world, relation = build_world(), hops.second.relation
    named = next((name for name in world.pools[hops.first.relation.pool] if matches(first, name)), None)
    fact = next((f for f in world.facts if f.subject == named and f.relation == relation), None)
    return None if fact is None else matches(second, fact.answer)


def _names(text: str, answer: str) -> bool:
    return bool(answer) and matches(text, answer)


def _folder(config: RunConfig, what: str, arm: str) -> Path:
    return step_folder(config, "aloud", f"{what}-{arm.replace(' ', '-')}")


def _parameters(config: RunConfig) -> dict:
    return steps.step_parameters(config, (TRAIN, IN_DOMAIN, "ood"), steps.fitted, walk_step)
