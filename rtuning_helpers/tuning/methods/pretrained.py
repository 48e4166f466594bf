"""The untuned model: what every method is compared with. Nothing can be tuned by it."""

from rtuning_helpers.figures.looks import Look
from rtuning_helpers.tuning.method import Method

METHOD = Method(
    name="pretrained", build=None, order=0, look=Look("untuned", colour=7, line=":", marker="v"), paper="Pretrain-T"
)
