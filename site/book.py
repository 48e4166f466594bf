"""Make the site of the README, the glossary and the notebooks as they are committed: ``python site/book.py``.

All pages are gathered as Markdown under the paths that they have in the repository, and MkDocs makes a site of them in
`html`. No notebook is executed, and nothing is fetched.
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

from gathering import ROOT, gather

try:
    from mkdocs.commands.build import build
    from mkdocs.config import load_config
    from pymdownx.slugs import slugify
except ModuleNotFoundError as error:
    sys.exit(f"site/book.py: {error.name} is not installed; expected pip install -c constraints.txt -e '.[site]'")

SITE = Path(__file__).resolve().parent
HTML = SITE / "html"  # git ignores it
# By language, the sections and their pages in the order of the navigation; what has no section stands by itself.
BOOK: dict[str, list[tuple[str | None, list[str]]]] = {
    "English": [
        (None, ["README.md"]),
        ("Course", ["notebooks/0[1-5]_*.ipynb"]),
        ("Extensions", ["notebooks/0[6-9]_*.ipynb", "notebooks/[1-9]*.ipynb"]),
        ("Solutions", ["notebooks/solutions/[0-9]*.ipynb"]),
        (None, ["docs/glossary.md"]),
    ],
    "한국어": [
        (None, ["README.ko.md"]),
        ("본 과정", ["notebooks/ko/[0-9]*.ipynb"]),
        ("풀이", ["notebooks/ko/solutions/[0-9]*.ipynb"]),
        (None, ["docs/glossary.ko.md", "docs/terms.ko.md"]),
    ],
}


def navigation() -> list[dict[str, Any]]:
    """Languages, sections and pages as MkDocs reads them."""
    return [{language: [e for part in parts for e in _entries(*part)]} for language, parts in BOOK.items()]


def _entries(section: str | None, patterns: list[str]) -> list[Any]:
    pages = [path.relative_to(ROOT).with_suffix(".md").as_posix() for path in _files(patterns)]
    return [{section: pages}] if section and pages else pages


def _files(patterns: list[str]) -> list[Path]:
    return [path for pattern in patterns for path in sorted(ROOT.glob(pattern))]


def make(target: Path) -> None:
    """Write the site into a folder, whose old content is replaced.

    Raises:
        mkdocs.exceptions.Abort: A page or a link is not as it should be; lines on stderr say where.
    """
    with tempfile.TemporaryDirectory() as folder:
        gather([path for parts in BOOK.values() for _, patterns in parts for path in _files(patterns)], Path(folder))
        config = load_config(str(SITE / "mkdocs.yml"), docs_dir=folder, site_dir=str(target), nav=navigation())
        config.mdx_configs["toc"] = {"slugify": slugify(case="lower"), "permalink": True}  # GitHub's anchors
        build(config)


if __name__ == "__main__":
    make(HTML)
    shown = HTML.relative_to(ROOT).as_posix()
    print(f"{shown}/index.html; the search needs a server: python -m http.server -d {shown}")
