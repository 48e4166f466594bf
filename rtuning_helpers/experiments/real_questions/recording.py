"""Every method over seeds on a mini model of ParaRel's questions: numbers only, no question."""

from rtuning_helpers.errors import InputError
from rtuning_helpers.experiments.recording import Recording
from rtuning_helpers.json_files import read_json
from rtuning_helpers.miniworld.question_files import QUESTIONS
from rtuning_helpers.run.artifacts import shown_path
from rtuning_helpers.run.profiles import RunConfig, default_out

MODEL = default_out() / "runs" / "models" / "pararel-mini"


def measure(config: RunConfig) -> dict[str, list[dict]]:
    """The metrics of a run, how its model was trained, and what it knows.

    Raises:
        InputError: The model has not been built.
    """
    from rtuning_helpers import steps
    from rtuning_helpers.experiments.seeds.measure import measure as measure_seed
    from rtuning_helpers.miniworld.build import TRAINING_RECORD

    if not MODEL.is_dir():
        command = "rtuning build-mini --questions DIR --out runs/models/pararel-mini"
        raise InputError(f"{shown_path(MODEL)}: no such model; expected the one that `{command}` builds there")
    probes = steps.read_probes(config)
    known = {
        "seed": config.seed,
        "certain": sum(p.correct for p in probes),
        "uncertain": sum(not p.correct for p in probes),
        "certain_unread": sum(p.correct and p.exposure == 0 for p in probes),
        "training": read_json(MODEL / TRAINING_RECORD),
    }
    return {"models": [known], **measure_seed(config)}


RUN = RunConfig(dataset="pararel", data_dir=str(MODEL / QUESTIONS), model=str(MODEL))
RECORDING = Recording("pararel-mini/seeds.json", "", measure, (RUN,))
