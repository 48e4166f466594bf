"""Pages for MkDocs: Markdown as it is, and notebooks as Markdown with their figures, alternative texts and links."""

import re
import shutil
from base64 import b64decode
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from rtuning_helpers.app.repository import BRANCH, neutral, repository

ROOT = Path(__file__).resolve().parents[1]
# Code is passed over. A link's text may hold code, and brackets in pairs.
LINK = re.compile(
    r"^```.*?^```|(?P<picture>!?)\[(?P<words>(?:[^\[\]]|\[[^\[\]]*\])*)\]"
    r"\((?!https?:|#)(?P<path>[^)#\s]+)(?P<anchor>#[^)\s]*)?\)|`[^`]*`",
    flags=re.M | re.S,
)
HTML_LINK = re.compile(r'(?<=<a href=")([^":#]+)\.(?:md|ipynb)(?=["#])')  # MkDocs does not look into HTML
STAMP = re.compile(r"^<!-- \w+ [0-9a-f]{8} -->\n", flags=re.M)  # of a translation; MkDocs wants a title at the top
COLOUR = re.compile(r"\x1b\[[0-9;]*m")  # of a terminal
PANDAS = re.compile(r'<style scoped>.*?</style>|(?<=<table) border="1" class="dataframe"', flags=re.S)


def gather(sources: Collection[Path], folder: Path) -> None:
    """Write a page of each source, at its path in the repository, with the files that it shows or links to.

    Args:
        sources: Markdown and notebooks in the repository.
        folder: Where to; it is there.
    """
    shutil.copy(Path(__file__).with_name("site.css"), folder)
    for source in sources:
        page = _Page(source, sources, folder)
        page.target.parent.mkdir(parents=True, exist_ok=True)
        text = page.of_notebook() if source.suffix == ".ipynb" else page.prose(source.read_text(encoding="utf-8"))
        page.target.write_text(text, encoding="utf-8")


@dataclass
class _Page:
    """One page that is being written."""

    source: Path
    sources: Collection[Path]
    folder: Path
    figures: int = 0

    @property
    def target(self) -> Path:
        return (self.folder / self.source.relative_to(ROOT)).with_suffix(".md")

    def of_notebook(self) -> str:
        cells = nbformat.read(self.source, as_version=4).cells
        return "\n\n".join(part for cell in cells for part in self._cell(cell))

    def prose(self, text: str) -> str:
        """Markdown whose links lead to pages, and whose folded texts are read as Markdown too."""
        published = STAMP.sub("", text if repository() else neutral(text))  # without the word on what to set
        linked = HTML_LINK.sub(r"\1.html", LINK.sub(self._link, published))
        return linked.replace("<details>", '<details markdown="1">')

    def _link(self, found: re.Match[str]) -> str:
        if found["path"] is None:
            return found[0]
        goal = (self.source.parent / found["path"]).resolve()
        if goal in self.sources:
            path = re.sub(r"\.ipynb$", ".md", found["path"])
            return f"[{found['words']}]({path}{found['anchor'] or ''})"
        place = goal.relative_to(ROOT)
        if goal.is_file() and goal.suffix not in (".md", ".ipynb", ".py"):
            copy = self.folder / place
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(goal, copy)
            return found[0]
        if (named := repository()) is None:  # what has no page here is looked at there
            return found["words"]
        return f"[{found['words']}](https://github.com/{named}/blob/{BRANCH}/{place.as_posix()})"

    def _cell(self, cell: NotebookNode) -> Iterator[str]:
        if cell.cell_type == "markdown":
            yield self.prose(cell.source)
        elif cell.source.strip():
            fence = "`" * max(3, *(len(ticks) + 1 for ticks in re.findall("`*", cell.source)))
            yield f"{fence}python\n{cell.source}\n{fence}"
        for output in cell.get("outputs", []):
            yield f'<div class="output" data-search-exclude>\n{self._output(output)}\n</div>'

    def _output(self, output: NotebookNode) -> str:
        data = output.get("data", {})
        if "image/png" in data:
            self.figures += 1
            picture = self.target.with_name(f"{self.target.stem}-{self.figures}.png")
            picture.write_bytes(b64decode(data["image/png"]))
            words = output.metadata.get("image/png", {}).get("alt", "")
            return f'<p><img alt="{escape(words)}" src="{picture.name}"></p>'
        if "text/html" in data:
            return PANDAS.sub("", data["text/html"])
        text = output.get("text") or data.get("text/plain", "")
        return f"<pre tabindex='0'>{escape(COLOUR.sub('', text))}</pre>"
