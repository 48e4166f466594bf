"""The Question record."""

from dataclasses import dataclass, field

SPLITS = ("train", "id", "ood", "test")  # "test" for data sets that are only ever tested on
TRAIN, IN_DOMAIN = SPLITS[:2]
OPEN, CHOICE, CLAIM = "open", "choice", "claim"  # kinds of tasks, see Question.task
TASKS = (OPEN, CHOICE, CLAIM)
ASKED = ("id", "dataset", "split", "question", "answer", "relation", "exposure", "answerable")  # noted of each answer


@dataclass(frozen=True)
class Frame:
    """What a prompt style puts around a question's text: the turns of a chat (`model.chat`), or nothing.

    Attributes:
        before: Text before it.
        after: Text behind it, up to where the answer belongs.
        gap: What stands between the prompt and its answer.
        end: Text of the token that ends the model's turn; "" where that is the end of the sequence.
    """

    before: str = ""
    after: str = ""
    gap: str = " "
    end: str = ""


@dataclass(frozen=True)
class Question:
    """One question with its gold answer.

    Attributes:
        id: Unique within the dataset, stable across runs.
        dataset: Name of the dataset.
        split: ``"train"``, ``"id"`` (in-domain test), ``"ood"`` (out-of-domain test) or ``"test"`` (the only split).
        question: The question as asked, without any prompt; for a claim task the claim.
        answer: The gold answer; for tasks with options the letter of the right one; "" where there is none.
        relation: The kind of fact asked for (ParaRel's relation, MMLU's subject, the mini world's relation).
        exposure: How often the mini model's corpus states the fact; None where nobody can know.
        task: ``"open"`` (answered in words), ``"choice"`` (one of several options) or ``"claim"`` (does the evidence
            support the claim: one of several classes).
        options: The options or classes in the order of the prompt, for choice and claim tasks.
        context: What the question is asked about, ready for the prompt: evidence, paragraphs, knowledge.
        aliases: Further right answers of an open question.
        answerable: Whether the question has an answer at all.
        shots: Solved examples that stand before the question in its prompt, of the same task.
        frame: What its prompt puts around all that.
    """

    id: str
    dataset: str
    split: str
    question: str
    answer: str
    relation: str
    exposure: int | None = None
    task: str = OPEN
    options: tuple[str, ...] = ()
    context: str = ""
    aliases: tuple[str, ...] = ()
    answerable: bool = True
    shots: "tuple[Question, ...]" = ()
    frame: Frame = field(default=Frame(), repr=False)  # a run's style stands in a step's key by itself

    @property
    def golds(self) -> tuple[str, ...]:
        """All right answers."""
        return (self.answer, *self.aliases)
