"""What the estimators are worth over several seeds: what notebook 09 reads."""

from rtuning_helpers.data.questions import IN_DOMAIN
from rtuning_helpers.experiments.recording import Recording
from rtuning_helpers.run.profiles import RunConfig


def measure(config: RunConfig, method: str = "padding") -> dict[str, list[dict]]:
    """Everything notebook 09 says over seeds, for one seed: scores, differences, mixtures, opponents."""
    from rtuning_helpers import steps
    from rtuning_helpers.experiments.estimators.measure import read_judged, read_opponents
    from rtuning_helpers.experiments.estimators.tables import mixture_gains, paired_differences, score_estimators

    in_domain = read_judged(config, method, IN_DOMAIN)
    scores, differences, mixtures = [], [], []
    for split in steps.evaluation_splits(config):
        judged, place = read_judged(config, method, split), {"seed": config.seed, "split": split}
        scores += [place | row for row in score_estimators(in_domain, judged)]
        differences += [place | row for row in paired_differences(judged, seed=config.seed)]
        mixtures += [place | row for row in mixture_gains(judged, seed=config.seed)]
    opponents = read_opponents(config)
    return {"scores": scores, "differences": differences, "mixtures": mixtures, "opponents": opponents}


RECORDING = Recording("mini/estimators.json", "09", measure)
