"""The styles in which a run asks its model: what stands around a question in every prompt of the run.

``plain`` is the paper's format. ``few-shot`` puts solved training questions before it, which are then left out of the
training set. ``chat`` puts it into the turns of the tokenizer's chat template (`model.chat`).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path

from rtuning_helpers.data.examples import draw_examples
from rtuning_helpers.data.questions import TRAIN, Frame, Question
from rtuning_helpers.errors import InputError
from rtuning_helpers.model.model_files import model_location
from rtuning_helpers.run.loaded_questions import loaded_questions
from rtuning_helpers.run.profiles import CHAT, FEW_SHOT, RunConfig


@dataclass(frozen=True)
class Style:
    """How a question is asked.

    Attributes:
        name: ``"plain"``, ``"few-shot"`` or ``"chat"``.
        frame: What stands around its text.
        examples: Solved questions for all that have none of their own; of several kinds where the training questions
            are, each question gets those of its own kind.
    """

    name: str
    frame: Frame = Frame()
    examples: tuple[Question, ...] = ()

    def dress(self, questions: Sequence[Question]) -> list[Question]:
        """The questions in this style.

        Raises:
            InputError: There are no examples of a question's task.
        """
        if self.examples:
            return [q if q.shots else replace(q, shots=self._examples_for(q)) for q in questions]
        if self.frame != Frame():
            return [replace(q, frame=self.frame) for q in questions]
        return list(questions)

    def without_examples(self, questions: Sequence[Question]) -> list[Question]:
        """The questions that are not among the examples."""
        shown = {(example.dataset, example.id) for example in self.examples}
        return [q for q in questions if (q.dataset, q.id) not in shown]

    def key(self) -> dict:
        """All that the style does to a prompt, as JSON values."""
        shown = "".join(repr(example) for example in self.examples)
        examples = {"ids": [e.id for e in self.examples], "sha256": hashlib.sha256(shown.encode()).hexdigest()}
        return {"name": self.name, "frame": asdict(self.frame), **({"examples": examples} if self.examples else {})}

    def _examples_for(self, question: Question) -> tuple[Question, ...]:
        kinds = dict.fromkeys((e.dataset, e.task) for e in self.examples if e.task == question.task)
        if not kinds:
            raise InputError(
                f"parameter style {FEW_SHOT}: question {question.id} of {question.dataset} is of the task "
                f"{question.task}, of which there are no training questions to show; expected another style"
            )
        own = (question.dataset, question.task)
        kind = own if own in kinds else next(iter(kinds))
        return tuple(e for e in self.examples if (e.dataset, e.task) == kind)


def named_style(config: RunConfig) -> Style:
    """The style that a run names, which is not ``auto``.

    Raises:
        InputError: No chat template, or fewer training questions than examples are asked for.
    """
    settings = config.settings
    if config.style == CHAT:
        files = _tokenizer_files(settings.model)
        return Style(CHAT, frame=_chat_frame(settings.model, settings.revision, config.system, files))
    if config.style == FEW_SHOT:
        training = loaded_questions(config.tuning, TRAIN)
        return Style(FEW_SHOT, examples=draw_examples(training, config.shots, config.seed))
    return Style(config.style)


def _tokenizer_files(model: str) -> tuple[tuple[str, int, int], ...]:
    """What tells one state of a model folder's tokenizer from another; nothing for a hub name."""
    folder = Path(model_location(model))
    found = sorted(path for pattern in ("*token*", "chat_template*") for path in folder.glob(pattern))
    return tuple((path.name, path.stat().st_mtime_ns, path.stat().st_size) for path in found)


@lru_cache(maxsize=4)
def _chat_frame(model: str, revision: str | None, system: str | None, files: tuple) -> Frame:
    from rtuning_helpers.model.chat import chat_frame  # here, because its libraries take seconds
    from rtuning_helpers.model.language_model import load_tokenizer

    return chat_frame(load_tokenizer(model, revision), model, system)
