"""About how much memory tuning a model takes, told from numbers alone; torch is not needed for it.

The activations of layers were counted on a CPU, as the bytes that torch keeps for the backward pass of Llama layers
with LoRA beside packed 4-bit weights under bfloat16 autocast; a test counts them again. What a GPU's kernels and
torch's allocator take beside them is not known here: whoever relies on this keeps a reserve, and backs off where it is
wrong.
"""

from dataclasses import dataclass
from typing import Any

GIB = 2**30
NF4_BYTES = (4 + 8 / 64 + 32 / (64 * 256)) / 8  # a weight's bits, its 64th of a scale, and that one's scale
ADAM_BYTES, PAGED_ADAM_BYTES = 8, 2  # two states of a trained weight, in float32 or in 8 bits
WIDTHS = {"float32": 4, "bfloat16": 2, "float16": 2}

# Bytes that a layer keeps of a token in types of 16 bits: for each unit of its width, and of its feed-forward part.
PER_UNIT, PER_INNER_UNIT = 31.0, 14.4
STREAM_BYTES = 4  # a unit of what goes from layer to layer, which is all that checkpointing keeps
ENDS_BYTES = 8  # a unit of what is kept before the first layer and behind the last
LOGIT_BYTES = 16  # a logit in 16 and in 32 bits, its logarithm, and the gradients of these
SCORE_BYTES = 8  # a score between two tokens and its share, where a kernel keeps them


@dataclass(frozen=True)
class Shape:
    """The sizes of a model that memory depends on.

    Attributes:
        layers: Number of layers.
        width: Units of a hidden state.
        inner: Units of the feed-forward part.
        vocabulary: Tokens.
        heads: Attention heads.
        keys: Units of the keys of a token, all heads together.
        tied: Whether one matrix serves as embedding and output layer.
    """

    layers: int
    width: int
    inner: int
    vocabulary: int
    heads: int
    keys: int
    tied: bool = False

    @property
    def linear(self) -> int:
        """Weights of the linear layers, the output layer aside."""
        return self.layers * self.width * (2 * self.width + 2 * self.keys + 3 * self.inner)

    @property
    def total(self) -> int:
        """All weights but those of the norms."""
        return self.linear + self.vocabulary * self.width * (1 if self.tied else 2)

    def lora(self, rank: int) -> int:
        """Weights of LoRA on all linear layers."""
        return self.layers * rank * (2 * 2 * self.width + 2 * (self.width + self.keys) + 3 * (self.width + self.inner))


# Published configurations (config.json of each model on the Hugging Face hub).
SHAPES = {
    "openlm-research/open_llama_3b": Shape(26, 3200, 8640, 32000, 32, 3200),
    "huggyllama/llama-7b": Shape(32, 4096, 11008, 32000, 32, 4096),
    "Qwen/Qwen2.5-1.5B": Shape(28, 1536, 8960, 151936, 12, 256, tied=True),
}


def shape_of(config: Any) -> Shape:
    """The shape that a model's configuration (of transformers) tells; guessed from the width where it says nothing."""
    text = config.get_text_config(decoder=True)
    width, heads = text.hidden_size, getattr(text, "num_attention_heads", None) or 1
    keys = (getattr(text, "num_key_value_heads", None) or heads) * (getattr(text, "head_dim", None) or width // heads)
    inner = getattr(text, "intermediate_size", None) or 4 * width
    inner = max(inner) if isinstance(inner, (list, tuple)) else inner  # one for each layer (Gemma-3n)
    tied = bool(getattr(text, "tie_word_embeddings", False))
    return Shape(text.num_hidden_layers, width, inner, text.vocab_size, heads, keys, tied)


def weights_gib(*, total: int, rounded: int, fused: int, trained: int, dtype: str, tuning: str, packed: bool) -> float:
    """Memory of a model's weights, and LoRA's [GiB].

    Args:
        total: All weights.
        rounded: Those that "in 4 bits" stores so.
        fused: Those of experts that share one matrix.
        trained: LoRA's own.
        dtype: Type of computation.
        tuning: ``"qlora"``, ``"lora"`` or ``"full"``.
        packed: Whether 4-bit weights stay so, as on a GPU; what is not rounded, experts aside, is float32 then.
    """
    width = WIDTHS[dtype]
    if tuning == "full":
        return total * width / GIB
    if tuning == "qlora" and packed:
        exact = total - rounded - fused
        held = rounded * NF4_BYTES + fused * width + exact * WIDTHS["float32"]
    else:
        held = total * width
    return (held + trained * WIDTHS["float32"]) / GIB


def training_gib(trained: int, dtype: str, tuning: str, packed: bool) -> float:
    """Memory of the gradients and the optimiser's states of so many trained weights [GiB]."""
    if tuning == "full":
        return trained * 3 * WIDTHS[dtype] / GIB
    states = PAGED_ADAM_BYTES if tuning == "qlora" and packed else ADAM_BYTES
    return trained * (WIDTHS["float32"] + states) / GIB


def activations_gib(
    shape: Shape,
    rows: int,
    length: int,
    predicted: int,
    dtype: str,
    *,
    checkpointing: bool,
    attention: str,
    packed: bool,
) -> float:
    """Memory that one pass over a batch takes beside weights and optimiser [GiB].

    Args:
        shape: The model's.
        rows: Examples in the batch.
        length: Of the longest [tokens].
        predicted: Tokens of each from which something is predicted, at most.
        dtype: Type of computation.
        checkpointing: Whether layers are computed again in the backward pass.
        attention: Name of the kernel; "eager" keeps a score for each two tokens.
        packed: Whether weights are unpacked from 4 bits, a matrix at a time.
    """
    size = WIDTHS[dtype] / 2
    layer = (PER_UNIT * shape.width + PER_INNER_UNIT * shape.inner) * size
    if attention == "eager":
        layer += SCORE_BYTES * shape.heads * length
    kept = STREAM_BYTES * shape.width * shape.layers + layer if checkpointing else layer * shape.layers
    tokens = rows * length * (kept + layer + ENDS_BYTES * shape.width)  # and the gradients of the layer at work
    unpacked = shape.width * shape.inner * WIDTHS[dtype] if packed else 0
    return (tokens + rows * predicted * shape.vocabulary * LOGIT_BYTES * size + unpacked) / GIB
