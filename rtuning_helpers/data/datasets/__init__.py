"""One module a dataset; importing this package registers them all."""

from rtuning_helpers.data.datasets import (
    falseqa,
    fever,
    halueval,
    hotpotqa,
    mini,
    mini_tasks,
    mmlu,
    multitask,
    nec,
    pararel,
    refunq,
    selfaware,
    wice,
)

__all__ = [
    "falseqa",
    "fever",
    "halueval",
    "hotpotqa",
    "mini",
    "mini_tasks",
    "mmlu",
    "multitask",
    "nec",
    "pararel",
    "refunq",
    "selfaware",
    "wice",
]
