"""CRaFT's rehearsal (Zhu et al. 2025): a light tuning on what is known well, and all questions sampled again."""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rtuning_helpers.data.questions import Question
from rtuning_helpers.errors import InputError
from rtuning_helpers.model.answering import draw_question_answers
from rtuning_helpers.probe.uncertainty import Uncertainty
from rtuning_helpers.run.profiles import RunConfig
from rtuning_helpers.run.run_model import load_tuned
from rtuning_helpers.tuning.finetuning import finetune
from rtuning_helpers.tuning.methods.craft import Resampled, correctness
from rtuning_helpers.tuning.methods.vanilla import build_vanilla
from rtuning_helpers.tuning.refusal_data import Probes

EPOCHS = 2


def rehearse(
    config: RunConfig, probes: Probes, asked: Sequence[Question], uncertainty: Sequence[Uncertainty]
) -> list[Resampled]:
    """Tune for two passes on the questions of which every sampled answer is right, and sample all of them again.

    Raises:
        InputError: There is no such question.
    """
    rows = list(zip(probes, asked, uncertainty, strict=True))
    well_known = [(p, q) for p, q, u in rows if correctness(q, u.answers) == 1]
    if not well_known:
        raise InputError("the model knows no training question well (all sampled answers right); CRaFT needs some")
    records = build_vanilla([p for p, _ in well_known], [q for _, q in well_known])
    settings = replace(config.settings, epochs=EPOCHS)
    with tempfile.TemporaryDirectory() as folder:
        finetune(records, settings, Path(folder) / "adapter", seed=config.seed, description="rehearsal")
        lm = load_tuned(config, Path(folder) / "adapter")
        how: dict[str, Any] = {"k": settings.samples, "temperature": settings.temperature, "seed": config.seed}
        how |= {"max_new_tokens": settings.max_new_tokens, "batch_size": settings.answer_batch}
        samples = draw_question_answers(lm, asked, **how)
    return [Resampled(q.id, [a.text for a in answers]) for q, answers in zip(asked, samples, strict=True)]
