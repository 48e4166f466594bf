"""The style ``auto``: the same training questions are asked in every style, once a run, and the choice is recorded."""

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rtuning_helpers import __version__, metrics
from rtuning_helpers.data.matching import is_right
from rtuning_helpers.data.questions import TRAIN, Question
from rtuning_helpers.errors import InputError
from rtuning_helpers.json_files import read_json, write_json
from rtuning_helpers.model.answering import answer_questions
from rtuning_helpers.model.fitting import Fitted
from rtuning_helpers.model.language_model import LanguageModel
from rtuning_helpers.model.model_files import model_revision
from rtuning_helpers.run.artifacts import run_step, step_folder
from rtuning_helpers.run.fingerprint import code_fingerprint
from rtuning_helpers.run.loaded_questions import evaluation_splits, loaded_questions
from rtuning_helpers.run.profiles import AUTO, CHAT, FEW_SHOT, PLAIN, RunConfig, check_machine
from rtuning_helpers.run.run_model import load_tuned
from rtuning_helpers.run.run_style import Style, named_style

ASKED = 32  # questions
MOST_EMPTY = 1 / 3  # share of empty answers above which a style does not serve
LEVEL = 0.05  # of the sign test
CHOICE = "choice.json"

Fit = Callable[[RunConfig, Style, Sequence[Question]], Fitted]


@dataclass(frozen=True)
class Trial:
    """What came of the questions in one style.

    Attributes:
        style: Its name.
        correct: Whether each answer is right; none where the style cannot be had.
        empty: Empty answers.
        auroc: Of the answer confidence; None where all answers are right or all are wrong.
        impossible: Why the style cannot be had; "" if it can.
    """

    style: str
    correct: tuple[bool, ...] = ()
    empty: int = 0
    auroc: float | None = None
    impossible: str = ""


@dataclass(frozen=True)
class StyleChoice:
    """Which style was chosen, why, and what came of each."""

    style: str
    why: str
    trials: tuple[Trial, ...]


def choose(trials: Sequence[Trial]) -> tuple[str, str]:
    """The style to take, and why.

    The first, which is the paper's, unless more than a third of its answers are empty, or another is right on more of
    the same questions than chance would have it (one-sided sign test over the questions on which the two differ, 5 %).
    Otherwise the one with most right answers; of equal ones that with fewer empty answers, then the first.
    """
    plain, *others = [trial for trial in trials if not trial.impossible]
    best = max([plain, *others], key=lambda trial: (sum(trial.correct), -trial.empty))
    counts = f"{sum(best.correct)} of {len(best.correct)} answers are right"
    if best is plain:
        return plain.style, f"{counts}, and more in no other style"
    own = f"in style {plain.style} {sum(plain.correct)}"
    if plain.empty > MOST_EMPTY * len(plain.correct):
        return best.style, f"{counts}, {own}, where {plain.empty} answers are empty"
    chance = _sign_test(plain.correct, best.correct)
    if chance < LEVEL:
        return best.style, f"{counts}, {own} (p = {chance:.3f} by a sign test)"
    return plain.style, f"in style {best.style} {counts}, {own}: no difference beyond chance (p = {chance:.2f})"


def style_choice_step(config: RunConfig, fit: Fit) -> Path:
    """Ask the untuned model some training questions in every style and choose; writes ``choice.json`` and prints it.

    Args:
        config: The run that probes and tunes.
        fit: What puts questions into a style and shortens them, `run_questions.fit_in_style`.
    """
    settings = config.settings

    def write(folder: Path) -> None:
        check_machine(config)
        lm, training = load_tuned(config, None), loaded_questions(config, TRAIN)
        trials = [_trial(config.in_style(name), lm, training, fit) for name in (PLAIN, FEW_SHOT, CHAT)]
        choice = StyleChoice(*choose(trials), tuple(trials))
        write_json(folder / CHOICE, asdict(choice))
        print(choice_report(choice))

    data = hashlib.sha256("".join(map(repr, loaded_questions(config, TRAIN))).encode("utf-8", "surrogatepass"))
    parameters = {
        "profile": asdict(settings),
        "model_revision": model_revision(settings.model, settings.revision),
        "seed": config.seed,
        "shots": config.shots,
        "system": config.system,
        "data_sha256": data.hexdigest(),
        "version": __version__,
        "code": code_fingerprint(answer_questions, is_right, metrics),
    }
    return run_step(step_folder(config, "pretrained", "style"), parameters, write)


def read_choice(config: RunConfig, fit: Fit) -> StyleChoice:
    """The style that was chosen for a run, chosen if it is not yet; see `style_choice_step`."""
    found = read_json(style_choice_step(config, fit) / CHOICE)
    trials = tuple(Trial(**{**trial, "correct": tuple(trial["correct"])}) for trial in found["trials"])
    return StyleChoice(found["style"], found["why"], trials)


def choice_report(choice: StyleChoice) -> str:
    """The choice and what led to it, as lines of text."""
    lines = [f"style {AUTO}: {choice.style} ({choice.why})", f"  {'style':9} {'right':>7} {'empty':>7} {'AUROC':>6}"]
    for trial in choice.trials:
        n = len(trial.correct)
        auroc = "-" if trial.auroc is None else f"{trial.auroc:.2f}"
        numbers = f"{f'{sum(trial.correct)}/{n}':>7} {f'{trial.empty}/{n}':>7} {auroc:>6}"
        lines.append(f"  {trial.style:9} {trial.impossible and f'cannot be had: {trial.impossible}' or numbers}")
    return "\n".join(lines)


def _trial(config: RunConfig, lm: LanguageModel, training: Sequence[Question], fit: Fit) -> Trial:
    try:
        style = named_style(config)
        for split in evaluation_splits(config):
            fit(config, style, loaded_questions(config, split))
        fitted = fit(config, style, style.without_examples(training)).questions
    except InputError as error:
        if config.style == PLAIN:
            raise
        return Trial(config.style, impossible=str(error))
    asked = [fitted[i * len(fitted) // ASKED] for i in range(ASKED)] if len(fitted) > ASKED else fitted
    return ask_in_style(config, style, lm, asked)


def ask_in_style(config: RunConfig, style: Style, lm: LanguageModel, asked: Sequence[Question]) -> Trial:
    """Ask questions that are dressed in a style already."""
    settings = config.settings
    answers = answer_questions(
        lm,
        asked,
        max_new_tokens=settings.max_new_tokens,
        batch_size=settings.answer_batch,
        description=f"style {style.name}: answering",
    )
    correct = tuple(is_right(q, a.text) for q, a in zip(asked, answers, strict=True))
    auroc = float(metrics.auroc(correct, [a.confidence for a in answers]))
    empty = sum(not a.text for a in answers)
    return Trial(style.name, correct, empty, None if math.isnan(auroc) else auroc)


def _sign_test(one: Sequence[bool], other: Sequence[bool]) -> float:
    """Probability that the other wins at least so often among the questions on which they differ, if it were chance."""
    wins = sum(b and not a for a, b in zip(one, other, strict=True))
    losses = sum(a and not b for a, b in zip(one, other, strict=True))
    return sum(math.comb(wins + losses, k) for k in range(wins, wins + losses + 1)) / 2 ** (wins + losses)
