"""Every method over several seeds: what notebook 05 reads, and the README's picture."""

from collections.abc import Sequence

from rtuning_helpers.experiments.recording import Recording
from rtuning_helpers.run.profiles import RunConfig, default_out

DRAWN = {  # method -> (what is counted of its answers, label)
    "pretrained": ("correct", "untuned: answered right"),
    "padding": ("refused", "padding: says it is unsure"),
    "replacement": ("refused", "replacement: refuses in words"),
}


def measure(config: RunConfig) -> dict[str, list[dict]]:
    """The metrics of a run."""
    from rtuning_helpers.experiments.seeds.measure import measure as measure_seed

    return measure_seed(config)


def draw_refusals(configs: Sequence[RunConfig]) -> None:
    """``results/mini/refusals.png``: what the untuned model gets right and the tuned ones refuse, by exposure."""
    from rtuning_helpers import steps
    from rtuning_helpers.figures import plots
    from rtuning_helpers.metrics.exposure import rate_by_exposure
    from rtuning_helpers.tuning.registry import method_looks

    plots.use_style(method_looks())
    curves = {}
    for method, (outcome, _) in DRAWN.items():
        found = [p for c in configs for split in ("id", "ood") for p in steps.read_method_predictions(c, method, split)]
        curves[method] = rate_by_exposure([p.exposure for p in found], [getattr(p, outcome) for p in found])
    fig, ax = plots.rate_by_exposure(curves, "share of the questions [%]", "It refuses what it has not read")
    labels = [label for _, label in DRAWN.values()]
    ax.legend(ax.get_legend_handles_labels()[0], labels, frameon=False, loc="center right")
    fig.savefig(default_out() / "results" / "mini" / "refusals.png", dpi=120)


RECORDING = Recording("mini/seeds.json", "05", measure, after=draw_refusals)
