"""Flips under pressure, and what the remedy costs, over several seeds: what notebook 16 reads."""

from rtuning_helpers.experiments.recording import Recording
from rtuning_helpers.run.profiles import RunConfig

SHOWN = "method split n accuracy ap_answer ap_sure ap_mixed ece_sure brier_sure answer_rate willing_accuracy".split()
PLAIN, REMEDY = "padding", "adversarial"


def measure(config: RunConfig) -> dict[str, list[dict]]:
    """``flips``: the rows of `measure.flip_rows` of every method; ``price``: the remedy's metrics, nobody leaning."""
    from rtuning_helpers import steps
    from rtuning_helpers.evaluation.summary import summarise
    from rtuning_helpers.experiments.pressure.measure import ASKED, METHODS, flip_rows, read_pressed
    from rtuning_helpers.experiments.seeds.measure import refusal_rates

    flips, price = [], []
    steps.tuning_steps(config, METHODS)
    for method in ASKED:
        table = flip_rows(read_pressed(config, method)).round(5).astype(object)
        place = {"seed": config.seed, "method": method}
        flips += [place | row for row in table.where(table.notna(), None).to_dict("records")]
    for method in (PLAIN, REMEDY):
        for split in steps.evaluation_splits(config):
            found = steps.read_method_predictions(config, method, split)
            row = summarise(found, method, split, resamples=2)  # nobody reads its intervals
            price.append({"seed": config.seed} | {name: row[name] for name in SHOWN} | refusal_rates(found))
    return {"flips": flips, "price": price}


RECORDING = Recording("mini/pressure.json", "16", measure, (RunConfig(dataset="mini-pararel"),))
