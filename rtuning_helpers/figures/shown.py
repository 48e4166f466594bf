"""Figures of a notebook are shown with their text: as the picture's alternative text, and folded below it.

Of what shows notebooks, nbconvert's classic template takes the alternative text over from the output's metadata; its
lab template (7.17) and JupyterLab (4.6) do not, and of GitHub nobody says. So the words stand below the picture too.
"""

import sys
from html import escape
from typing import Any

from matplotlib.figure import Figure

from rtuning_helpers.figures.in_words import describe
from rtuning_helpers.language import tr

KINDS = ("image/png", "image/svg+xml", "image/jpeg")


def show_in_words_too() -> None:
    """From now on, in a notebook, a figure comes with its description."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is not None:
        shell.display_formatter.ipython_display_formatter.for_type(Figure, _show)


def _show(fig: Figure) -> None:
    from IPython import get_ipython
    from IPython.display import publish_display_data

    words, formatters = describe(fig), get_ipython().display_formatter.formatters
    data: dict[str, Any] = {"text/plain": words}
    metadata: dict[str, dict] = {}
    for kind in KINDS:
        made = formatters[kind](fig)  # by the function that matplotlib's backend registered for what the user wants
        if made is not None:
            data[kind], extra = made if isinstance(made, tuple) else (made, {})
            metadata[kind] = extra | {"alt": words}
    publish_display_data(data, metadata)
    publish_display_data({"text/html": in_words_html(words)})


def in_words_html(words: str) -> str:
    """A line that opens at a click."""
    return f"<details><summary>{escape(tr('This figure in words'))}</summary><p>{escape(words)}</p></details>"
