"""Figures in the notebook's language: every text that matplotlib draws goes through the catalogue of messages."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
from matplotlib import font_manager
from matplotlib.text import Text

from rtuning_helpers.language import ENGLISH, language, tr

PACKAGE, FILE = "koreanize_matplotlib", "fonts/NanumGothic.ttf"  # a package that ships the font
FAMILIES = (
    *("NanumGothic", "NanumBarunGothic", "Noto Sans KR", "Noto Sans CJK KR"),
    *("Malgun Gothic", "Apple SD Gothic Neo", "AppleGothic"),
    "Noto Sans CJK JP",  # all that older Matplotlibs see of Noto's collection
)
MISSING = (
    "NOTE: no font with Hangul is installed, so figures are labelled in English. "
    "`pip install koreanize-matplotlib` and a restart of the kernel bring one."
)


def translate_figures() -> None:
    """From now on, figures in the notebook's language; in English, with a line that says why, where no font has it."""
    if language() == ENGLISH:
        return
    family = _family()
    if family is None:
        print(tr(MISSING))
        return
    plt.rcParams["font.family"] = [*plt.rcParams["font.family"], family]  # letters that the first one lacks
    if not hasattr(Text.set_text, "plain"):
        Text.set_text = _translating(Text.set_text)  # type: ignore[method-assign]


def _translating(plain: Any) -> Any:
    """`Text.set_text`, through which titles, labels, legends and ticks go, whoever draws them."""

    def set_text(self: Text, s: Any) -> None:
        plain(self, tr(s) if isinstance(s, str) else s)

    set_text.plain = plain  # type: ignore[attr-defined]
    return set_text


def _family() -> str | None:
    """A font family with Hangul: installed on the machine, else from the package that ships one; None without."""
    known = {font.name for font in font_manager.fontManager.ttflist}
    if family := next((name for name in FAMILIES if name in known), None):
        return family
    spec = find_spec(PACKAGE)
    file = Path(spec.origin).parent / FILE if spec and spec.origin else None
    if file is None or not file.is_file():
        return None
    font_manager.fontManager.addfont(file)
    return font_manager.FontProperties(fname=str(file)).get_name()
