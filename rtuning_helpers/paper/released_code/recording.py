"""What the flags of the released code do over several seeds, and the answers in its form: what notebook 08 reads."""

from collections.abc import Sequence
from dataclasses import replace

from rtuning_helpers.experiments.recording import Recording
from rtuning_helpers.paper.released_code import ReleasedCodeQuirks
from rtuning_helpers.run.profiles import RunConfig, default_out

NONE = ReleasedCodeQuirks()
METHODS = {"pretrained": "origin", "padding": "unsure", "replacement": "unknown"}


def measure(config: RunConfig) -> dict[str, list[dict]]:
    """The effects of all flags."""
    from rtuning_helpers.paper.released_code.effects import measure_all

    return measure_all(config)


def write_answers(configs: Sequence[RunConfig]) -> None:
    """Seed 0's answers to the in-domain test, and its padding training file, in ``results/mini/recordings/``."""
    from rtuning_helpers import steps
    from rtuning_helpers.paper.recorded import write_recording
    from rtuning_helpers.paper.released_code.answers import evaluate
    from rtuning_helpers.paper.released_code.texts import training_texts, write_training_file

    folder = default_out() / "results" / "mini" / "recordings"
    for config in (c for c in configs if c.seed == 0):
        asked = steps.questions(config, "id")
        for method, name in METHODS.items():
            predictions = steps.read_method_predictions(config, method, "id")
            if method != "replacement":  # with the sure confidence of the untuned model, too
                rows = zip(predictions, evaluate(steps.load_model(config, method), asked, NONE), strict=True)
                predictions = [replace(p, sure_confidence=row.sure_confidence) for p, row in rows]
            write_recording(folder / f"mini_{name}_ID.json", predictions)
        certain = [probe.correct for probe in steps.read_probes(config)]
        texts = training_texts(steps.questions(config, "train"), certain, "padding", NONE)
        write_training_file(folder / "mini_unsure.json", texts)


RECORDING = Recording("mini/quirks.json", "08", measure, after=write_answers)
