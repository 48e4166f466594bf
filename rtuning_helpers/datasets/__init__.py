"""One module a dataset; importing this package registers them all."""

from rtuning_helpers.datasets import mini, pararel

__all__ = ["mini", "pararel"]
