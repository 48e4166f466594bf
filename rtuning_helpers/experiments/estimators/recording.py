"""What the estimators are worth over several seeds: the recording that notebook 09 reads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rtuning_helpers import steps
from rtuning_helpers.data.questions import IN_DOMAIN
from rtuning_helpers.experiments.estimators.measure import read_judged, read_opponents
from rtuning_helpers.experiments.estimators.tables import mixture_gains, paired_differences, score_estimators
from rtuning_helpers.json_files import read_json, write_json
from rtuning_helpers.model.language_model import model_revision
from rtuning_helpers.run.profiles import RunConfig, default_out

RECORDING = Path("results") / "mini" / "estimators.json"


def measure(config: RunConfig, method: str = "padding") -> dict:
    """Everything notebook 09 says over seeds, for one seed: scores, differences, mixtures, opponents."""
    in_domain = read_judged(config, method, IN_DOMAIN)
    scores, differences, mixtures = [], [], []
    for split in steps.evaluation_splits(config):
        judged, place = read_judged(config, method, split), {"seed": config.seed, "split": split}
        scores += [place | row for row in score_estimators(in_domain, judged)]
        differences += [place | row for row in paired_differences(judged, seed=config.seed)]
        mixtures += [place | row for row in mixture_gains(judged, seed=config.seed)]
    opponents = read_opponents(config)
    return {"scores": scores, "differences": differences, "mixtures": mixtures, "opponents": opponents}


def record(configs: Sequence[RunConfig]) -> Path:
    """Measure the given runs of the mini model and write the recording."""
    found = [measure(config) for config in configs]
    rows = {part: [row for one in found for row in one[part]] for part in found[0]}
    path = default_out() / RECORDING
    write_json(path, {"schema_version": 1, "profile": "mini", "model_revision": model_revision("mini"), **rows})
    return path


def recorded_estimators() -> dict | None:
    """The recording over seeds that ships with the kit; None where it belongs to another mini model."""
    path = default_out() / RECORDING
    recording = read_json(path) if path.is_file() else {}
    return recording if recording.get("model_revision") == model_revision("mini") else None
