"""The switches: one named flag for each place where the released code departs from the paper or from its own intent."""

from dataclasses import dataclass, field, fields, replace
from functools import partial

STAGES = ("labelling", "training", "evaluation", "unsupervised", "multiple choice")


def _flag(stage: str, where: str, what: str) -> bool:
    return field(default=False, metadata={"stage": stage, "where": where, "what": what})


_labelling, _training, _evaluation, _unsupervised, _choice = (partial(_flag, stage) for stage in STAGES)


@dataclass(frozen=True)
class ReleasedCodeQuirks:
    """Everything the released code does differently from this kit; all flags are off by default.

    The metadata of each field says at which stage of the method it acts, where it stands (file and line of
    shizhediao/R-Tuning at commit 27e0384, or of LMFlow, the trainer it prescribes), and what it does.

    Examples:
        >>> ReleasedCodeQuirks.as_released().packing
        True
        >>> ReleasedCodeQuirks(packing=True).switched_on()
        ('packing',)
    """

    probe_without_space: bool = _labelling(
        "training/pararel L31 against L80",
        "the probe asks 'Question:What ...', training and evaluation 'Question: What ...'",
    )
    raw_question_text: bool = _labelling(
        "training/pararel L80", "spaces at the ends of a question stay (68 of ParaRel's training questions)"
    )
    no_bos: bool = _labelling(
        "all scripts: add_bos_token=False",
        "labelling and evaluation leave out the beginning-of-sequence token that training puts in",
    )
    drop_last_character: bool = _labelling(
        "training/pararel L52, HotpotQA L59",
        "an answer ends at its first full stop only, and without one it loses its last character (find returns -1)",
    )
    substring_match: bool = _labelling(
        "training/pararel L81, evaluation L93",
        "an answer is right if it contains the gold string anywhere, inside a longer word too",
    )
    short_evaluation: bool = _evaluation(
        "evaluation/pararel L23, HotpotQA L33, HaluEvalQA L29",
        "5 new tokens (8 with a context) at evaluation, 15 at labelling",
    )
    stop_never_fires: bool = _evaluation(
        "evaluation/pararel L79",
        "decoding stops at the token of a lone '.', which is not the token of a '.' behind a word",
    )
    first_token_labels: bool = _evaluation(
        "evaluation/pararel L80, MMLU L71",
        "'sure', 'unsure' and the letters are read by the first token of the bare word",
    )
    special_tokens_in_text: bool = _evaluation(
        "evaluation/pararel, the text before the sureness question",
        "special tokens that were generated stay in the answer's text: 'Rome.</s>. Are you sure ...'",
    )
    loss_on_all: bool = _training(
        "LMFlow text_only; the paper's section 2.3 says otherwise", "the question is trained too"
    )
    packing: bool = _training(
        "LMFlow v0.0.5 group_texts",
        "examples are chained and cut into blocks of 512 tokens, whatever their boundaries; the remainder is dropped",
    )
    truncate_right: bool = _training(
        "LMFlow v1.0.0 hf_decoder_model blocking",
        "an example longer than 512 tokens loses its end, the sure/unsure label with it",
    )
    hundredth_epoch: bool = _training(
        "LMFlow v0.0.5 run_finetune.sh; issue #10", "training ends after 0.01 of an epoch"
    )
    list_reset: bool = _unsupervised(
        "training/pararel L101", "the list of samples is emptied for each question, so that one record is written"
    )
    ties_by_file_order: bool = _unsupervised(
        "all scripts, method uncertain",
        "equal entropies at the median are divided by their place in the file, and ParaRel's is sorted by relation",
    )
    five_samples: bool = _unsupervised("training/pararel L62", "k is 5 by default where the paper says 10")
    letters_without_space: bool = _choice(
        "training/MMLU L55, L143; training/WiCE L112", "'Answer:B' is written, but the probability of ' B' is read"
    )
    option_a_as_gold: bool = _choice(
        "evaluation/MMLU L138", "the predicted letter is compared with the text of option A instead of the gold letter"
    )
    wice_substring_labels: bool = _choice(
        "training/WiCE L114", "'supported' is found in all three labels, so every gold 'supported' counts as right"
    )

    @classmethod
    def as_released(cls) -> "ReleasedCodeQuirks":
        """All flags on: the README of the released code, followed to the letter."""
        return cls(**{flag.name: True for flag in fields(cls)})

    @classmethod
    def names(cls, stage: str | None = None) -> tuple[str, ...]:
        """Names of all flags, or of those that act at one stage; ValueError if there is no such stage."""
        if stage is not None and stage not in STAGES:
            raise ValueError(f"stage is {stage!r}; expected one of {', '.join(STAGES)}")
        return tuple(flag.name for flag in fields(cls) if stage in (None, flag.metadata["stage"]))

    @classmethod
    def table(cls) -> list[dict[str, str]]:
        """One row for each flag: name, stage, where it stands, what it does."""
        return [{"flag": flag.name, **flag.metadata} for flag in fields(cls)]

    def switched_on(self) -> tuple[str, ...]:
        """Names of the flags that are on."""
        return tuple(name for name in self.names() if getattr(self, name))

    def plus(self, *names: str) -> "ReleasedCodeQuirks":
        """The same with further flags on; ValueError if there is no such flag."""
        for name in names:
            if name not in self.names():
                raise ValueError(f"flag {name!r} is unknown; expected one of {', '.join(self.names())}")
        return replace(self, **{name: True for name in names})
