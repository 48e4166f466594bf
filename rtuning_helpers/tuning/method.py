"""The Method record: all that the rest of the kit knows about a way to tune a model."""

from collections.abc import Callable
from dataclasses import dataclass

from rtuning_helpers.figures.looks import Look
from rtuning_helpers.tuning.refusal_data import TuningRecord

NEEDS = ("seed", "uncertainty")


@dataclass(frozen=True)
class Method:
    """A way to tune a model: one module of ``rtuning_helpers.tuning.methods``, which calls it ``METHOD``.

    Attributes:
        name: Its key in files and folders, and on the command line.
        build: Makes its training records: ``build(probes, questions, **needed)``, a record a probe; None for the
            untuned model.
        order: Its place in tables and figures, the lowest first.
        look: Its name for people, colour, dashes and marker.
        needs: What ``build`` takes by name: ``"seed"`` (of the run) and ``"uncertainty"`` (what the uncertainty step
            found out about each question, see `probe.uncertainty.Uncertainty`).
        sureness: The two strings that its records teach for "sure" and "unsure", with the space before them; None if
            it says nothing of that. P(sure) is asked with them, and the model refuses where it is at most one half.
        may_refuse: Whether its records teach refusals in words, in the place of an answer.
        paper: What the paper calls it; "" for what stands in none of its tables.
    """

    name: str
    build: Callable[..., list[TuningRecord]] | None
    order: float
    look: Look
    needs: tuple[str, ...] = ()
    sureness: tuple[str, str] | None = None
    may_refuse: bool = False
    paper: str = ""

    def __post_init__(self) -> None:
        if unknown := set(self.needs) - set(NEEDS):
            raise ValueError(f"method {self.name} needs {', '.join(unknown)}; expected some of {', '.join(NEEDS)}")

    @property
    def label(self) -> str:
        """Its name for people."""
        return self.look.label

    @property
    def exam(self) -> dict:
        """How its model is asked: the options of `evaluation.predict.predict` that hang on the method."""
        return {"sureness": self.sureness, "may_refuse": self.may_refuse}

    @property
    def can_refuse(self) -> bool:
        """Whether its model can refuse at all, in words or by saying that it is unsure."""
        return self.may_refuse or self.sureness is not None

    @property
    def ranked_by(self) -> str | None:
        """What ranks its answers: ``"mixed"`` or ``"answer"`` confidence; None where that may be in a refusal."""
        if self.may_refuse:
            return None
        return "mixed" if self.sureness else "answer"
