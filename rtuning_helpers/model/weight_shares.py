"""Which share of a model's weights LoRA adapts and which is stored in 4 bits, told from its configuration alone.

"All linear layers" is not that everywhere: mixtures of experts keep the experts' weights in one matrix for all, which
bitsandbytes never rounds and peft adapts for some kinds of models only.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from peft.tuners.lora import LoraLayer
from peft.tuners.lora.layer import ParamWrapper
from transformers import PretrainedConfig, PreTrainedModel
from transformers.pytorch_utils import Conv1D

from rtuning_helpers.model.lora import without_weights, without_weights_adapted
from rtuning_helpers.model.tuning_memory import training_gib, weights_gib

NAMED, MENTIONED = 4, 0.01  # matrices that are named, and their least share


@dataclass(frozen=True)
class WeightShares:
    """How many weights a model has, and what becomes of them.

    Attributes:
        total: All weights; a matrix that serves as embedding and output layer counts once.
        embeddings: Those of the embedding and the output layer.
        fused: Those of experts that share one matrix.
        adapted: Those with LoRA beside.
        rounded: Those that "in 4 bits" stores so.
        trained: LoRA's own weights.
        without_lora: Matrices within the layers that have no LoRA, by name: number of weights of all layers.
        not_rounded: Matrices within the layers that are not stored in 4 bits, likewise.
    """

    total: int
    embeddings: int
    fused: int
    adapted: int
    rounded: int
    trained: int
    without_lora: Mapping[str, int]
    not_rounded: Mapping[str, int]

    def lora_sentence(self) -> str:
        """The share that LoRA adapts, and what stays out by name."""
        return f"LoRA adapts {self._of(self.adapted)} of the weights{self._out(self.without_lora)}"

    def four_bit_sentence(self) -> str:
        """The share that is stored in 4 bits, and what stays out by name."""
        return f"4 bits hold {self._of(self.rounded)} of the weights{self._out(self.not_rounded)}"

    def _of(self, count: int) -> str:
        return f"{100 * count / self.total:.0f} %"

    def _out(self, matrices: Mapping[str, int]) -> str:
        ordered = sorted(matrices.items(), key=lambda item: -item[1])
        out = [*ordered[:NAMED], ("embeddings", self.embeddings)]
        told = [f"{name} {self._of(count)}" for name, count in out if count >= MENTIONED * self.total]
        return f", not {', '.join(told)}" if told else ""

    def memory_gib(self, dtype: str, tuning: str, packed: bool) -> float:
        """Memory that tuning takes at least [GiB]: weights, gradients and the optimiser's states, without activations.

        Args:
            dtype: Type of computation.
            tuning: ``"qlora"``, ``"lora"`` or ``"full"``.
            packed: Whether 4-bit weights stay so, as on a GPU; what is not rounded, experts aside, is float32 then.
        """
        how: dict[str, Any] = {"dtype": dtype, "tuning": tuning, "packed": packed}
        held = weights_gib(total=self.total, rounded=self.rounded, fused=self.fused, trained=self.trained, **how)
        return held + training_gib(self.total if tuning == "full" else self.trained, **how)


def weight_shares(config: PretrainedConfig, rank: int) -> WeightShares:
    """Count a model's weights without loading them.

    Args:
        config: Its configuration.
        rank: Of the LoRA matrices.

    Raises:
        InputError: peft refuses the model.
    """
    bare = without_weights(config)
    sizes = {name: weight.numel() for name, weight in bare.named_parameters()}
    inside = {name for name, weight in bare.named_parameters() if weight.ndim > 1 and re.search(r"\.\d+\.", name)}
    rounded = {f"{name}.weight" for name in rounded_layers(bare)}
    with_lora, _ = without_weights_adapted(config, rank)
    adapted = adapted_weights(with_lora)
    ends = [layer for layer in (bare.get_input_embeddings(), bare.get_output_embeddings()) if layer is not None]
    return WeightShares(
        total=sum(sizes.values()),
        embeddings=sum(weight.numel() for weight in {w for layer in ends for w in layer.parameters()}),
        fused=sum(weight.numel() for name, weight in bare.named_parameters() if is_fused(name, weight)),
        adapted=sum(sizes[name] for name in adapted),
        rounded=sum(sizes[name] for name in rounded),
        trained=sum(weight.numel() for weight in with_lora.parameters() if weight.requires_grad),
        without_lora=_by_name({name: sizes[name] for name in inside - adapted}),
        not_rounded=_by_name({name: sizes[name] for name in inside - rounded}),
    )


def is_fused(name: str, weight: torch.Tensor) -> bool:
    """Whether a weight holds the matrices of several experts: it belongs to no layer of a kind that torch knows."""
    return weight.ndim > 2 and not name.endswith(".weight")


def rounded_layers(model: PreTrainedModel) -> set[str]:
    """Names of the layers that "in 4 bits" rounds: linear ones, but the output layer and those that are kept exact."""
    kept = {name for name, module in model.named_modules() if module is model.get_output_embeddings()}
    exact = set(getattr(model, "_keep_in_fp32_modules", None) or ())
    return {
        name
        for name, module in model.named_modules()
        if (type(module) is torch.nn.Linear or isinstance(module, Conv1D))
        and name not in kept
        and not exact & set(name.split("."))
    }


def adapted_weights(model: torch.nn.Module) -> set[str]:
    """Names, as in the model without LoRA, of the weights that have LoRA beside them."""
    found = set()
    for name, module in model.named_modules():
        if isinstance(module, LoraLayer):
            weight = module.parameter_name if isinstance(module, ParamWrapper) else "weight"
            plain = name.removeprefix("base_model.model.").replace(".base_layer", "")
            found.add(f"{plain}.{weight}")
    return found


def _by_name(sizes: Mapping[str, int]) -> dict[str, int]:
    """Sizes of all layers together, by name within a layer."""
    total = Counter[str]()
    for name, size in sizes.items():
        total[re.split(r"\.\d+\.", name, maxsplit=1)[1].removesuffix(".weight")] += size
    return dict(total)
