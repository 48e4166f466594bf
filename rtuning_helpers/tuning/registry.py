"""The registry in which every method is found by name: a module of `rtuning_helpers.tuning.methods` each."""

from collections.abc import Sequence
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from rtuning_helpers.errors import InputError
from rtuning_helpers.figures.looks import Look
from rtuning_helpers.tuning import methods as folder
from rtuning_helpers.tuning.method import Method

PRETRAINED = "pretrained"  # the untuned model, in files and folders


@cache
def all_methods() -> dict[str, Method]:
    """Every method by name, in the order of tables and figures; the untuned model is among them.

    Raises:
        ValueError: Two modules give their method the same name.
    """
    found = [import_module(f"{folder.__name__}.{module.name}").METHOD for module in iter_modules(folder.__path__)]
    named = {method.name: method for method in sorted(found, key=lambda method: method.order)}
    if len(named) < len(found):
        raise ValueError(f"two modules of {folder.__name__} name their method alike; expected different names")
    return named


def method_names() -> list[str]:
    """The names of the methods that a model can be tuned by."""
    return [name for name, method in all_methods().items() if method.build]


def paper_methods() -> list[str]:
    """The names of the methods that stand in the paper's tables: what a run is tuned by where nobody says."""
    return [name for name in method_names() if all_methods()[name].paper]


def find_method(name: str) -> Method:
    """The method of that name, or the untuned model.

    Raises:
        InputError: The name is unknown.
    """
    if name not in all_methods():
        raise InputError(f"method {name!r} is unknown: expected one of {', '.join(all_methods())}")
    return all_methods()[name]


def check_methods(names: str | Sequence[str]) -> list[str]:
    """Names of methods to tune by, from a list or a comma-separated text, checked, each once.

    Raises:
        InputError: A name is unknown, or there is none.
    """
    listed = names.split(",") if isinstance(names, str) else list(names)
    chosen = list(dict.fromkeys(name.strip() for name in listed if name.strip()))
    for name in chosen:
        if name not in method_names():
            raise InputError(f"parameter methods {name!r} is unknown: expected some of {', '.join(method_names())}")
    if not chosen:
        raise InputError(f"parameter methods is empty: expected some of {', '.join(method_names())}")
    return chosen


def method_label(name: str) -> str:
    """A method's name for people; any other name as it is, since recordings have names of their own."""
    return all_methods()[name].label if name in all_methods() else name


def method_looks() -> dict[str, Look]:
    """The look of every method, for `figures.plots.use_style`."""
    return {name: method.look for name, method in all_methods().items()}
