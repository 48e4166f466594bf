"""Where the kit is published: one setting, from which launch buttons, links and addresses of a clone are made.

The setting is the ``Repository`` address in ``pyproject.toml``. It does not enter a notebook's stamp: `neutral` text is
what is hashed, so that naming a repository leaves the notebooks' outputs as fresh as they were.
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from rtuning_helpers.errors import InputError
from rtuning_helpers.json_files import read_text, replacing
from rtuning_helpers.run.artifacts import shown_path
from rtuning_helpers.run.profiles import default_out

UNSET = "OWNER/NAME"
BRANCH = "main"
FIRST, KOREAN_FIRST = "notebooks/01_probe_knowledge.ipynb", "notebooks/ko/01_probe_knowledge.ipynb"
BADGES = "<!-- badges -->"  # ends its line: of one that begins with it, nothing would be read as Markdown
COMMAND = "rtuning set-repository OWNER/NAME"
# GitHub's rules: an owner has letters, digits and single hyphens inside; a name also dots and underscores.
_NAME = re.compile(
    r"(?!.*--)[A-Za-z0-9](?:[A-Za-z0-9-]{0,37}[A-Za-z0-9])?/(?!\.{1,2}$)(?!.*\.git$)[A-Za-z0-9._-]{1,100}"
)
_CLONE = re.compile(r"(git clone [^\n]*https://github\.com/)[\w.-]+/[\w.-]+")
_BADGE_LINE = re.compile(rf"^.*{re.escape(BADGES)}$", flags=re.M)
_BADGE_PARAGRAPH = re.compile(rf"\n\n[^\n]*{re.escape(BADGES)}")


def repository(root: Path | None = None) -> str | None:
    """Owner and name of the repository in which this clone is published; None if nobody has said.

    Args:
        root: The clone's folder, by default the one that the package lies in.
    """
    text = read_text((root or default_out()) / "pyproject.toml", "the clone's settings")
    found = re.search(r'^Repository = "https://github\.com/([^"]+)"$', text, flags=re.M)
    return found[1] if found else None


def badges(named: str | None, opened: str, korean: bool = False) -> str:
    """The line of launch buttons that open a notebook, or what to do about it that there are none.

    Args:
        named: Owner and name; None if nobody has said.
        opened: The notebook's path in the clone.
        korean: Whether the page is in Korean.
    """
    if named is None:
        missing = "실행 버튼이 아직 없습니다" if korean else "No launch buttons yet"
        does = "명령이 Colab, Binder, GitHub의 버튼을 만듭니다" if korean else "makes those of Colab, Binder and GitHub"
        return f"*{missing}: `{COMMAND}` {does}.* {BADGES}"
    shown = "GitHub에서 보기" if korean else "View on GitHub"
    colab, binder = ("Colab에서 열기", "Binder에서 열기") if korean else ("Open in Colab", "Launch on Binder")
    buttons = (
        (colab, "https://colab.research.google.com/assets/colab-badge.svg",
         f"https://colab.research.google.com/github/{named}/blob/{BRANCH}/{opened}"),
        (binder, "https://mybinder.org/badge_logo.svg",
         f"https://mybinder.org/v2/gh/{named}/{BRANCH}?urlpath=lab/tree/{opened}"),
        (shown, "https://img.shields.io/badge/GitHub-view-24292f?logo=github",
         f"https://github.com/{named}/blob/{BRANCH}/{opened}"),
    )  # fmt: skip
    return " ".join([*(f"[![{words}]({picture})]({address})" for words, picture, address in buttons), BADGES])


def readme_badges(named: str | None, page: Path) -> str:
    """The line of launch buttons of a README, which open the first notebook in its language."""
    korean = ".ko" in page.suffixes
    return badges(named, KOREAN_FIRST if korean else FIRST, korean)


def neutral(source: str) -> str:
    """A text without what depends on the repository."""
    return _CLONE.sub(rf"\g<1>{UNSET}", _BADGE_PARAGRAPH.sub("", source))


def published(source: str, named: str | None, opened: str | None = None) -> str:
    """A notebook cell's text as it is published: the address of the clone and, under a title, the buttons.

    What an earlier name has left there is replaced.

    Args:
        source: The text.
        named: Owner and name; None if nobody has said.
        opened: The notebook's path in the clone, if the cell is its first one.
    """
    plain = neutral(source)
    if named is not None:
        plain = _CLONE.sub(rf"\g<1>{named}", plain)
    if opened is None or not plain.startswith("# "):
        return plain
    title, line_end, rest = plain.partition("\n")
    return f"{title}\n\n{badges(named, opened, 'ko' in Path(opened).parts)}{line_end}{rest}"


def publish(cells: Sequence[Any], named: str | None, opened: str) -> None:
    """Name the repository in a notebook's cells.

    Args:
        cells: All its cells, as nbformat has them.
        named: Owner and name; None if nobody has said.
        opened: The notebook's path in the clone.
    """
    for number, cell in enumerate(cells):
        cell.source = published(cell.source, named, None if number else opened)


def set_repository(named: str) -> list[Path]:
    """Name the repository in all files of the clone that depend on it: all are changed, or none is.

    Args:
        named: Owner and name, as in ``https://github.com/OWNER/NAME``.

    Returns:
        The files that have changed.

    Raises:
        InputError: It is no such name, there is no clone, or a file cannot be read or written.
    """
    if not _NAME.fullmatch(named):
        raise InputError(f"repository {named!r}: expected OWNER/NAME, as in https://github.com/OWNER/NAME")
    root = default_out()
    if not (root / "notebooks").is_dir():
        raise InputError("there is no clone of the kit here: `rtuning set-repository` changes its files; expected one")
    old = {path: read_text(path, "a file of the kit") for path in _files(root)}
    new = {path: _renamed(path, text, named, root) for path, text in old.items()}
    changed = {path: text for path, text in new.items() if text != old[path]}
    _write_all(changed, old)
    return list(changed)


def _files(root: Path) -> list[Path]:
    found = sorted((root / "notebooks").rglob("*.ipynb"))
    notebooks = [path for path in found if not any(part[0] == "." for part in path.relative_to(root).parts)]
    return [root / "pyproject.toml", root / "CITATION.cff", *sorted(root.glob("README*.md")), *notebooks]


def _renamed(path: Path, text: str, named: str, root: Path) -> str:
    """The content of one of the files with the repository's name in it.

    Raises:
        InputError: The place where it belongs is not there.
    """
    address = f"https://github.com/{named}"
    if path.name == "pyproject.toml":
        return _with_line(path, text, f'Repository = "{address}"', "Repository = ", "[project.urls]")
    if path.name == "CITATION.cff":
        return _with_line(path, text, f'repository-code: "{address}"', "repository-code: ", "type: software")
    if path.suffix == ".ipynb":
        return _renamed_notebook(path, text, named, path.relative_to(root).as_posix())
    if not _BADGE_LINE.search(text):
        raise InputError(f"{shown_path(path)}: no line ends with {BADGES}; expected one, for the launch buttons")
    line = readme_badges(named, path)
    return _CLONE.sub(rf"\g<1>{named}", _BADGE_LINE.sub(lambda _: line, text, count=1))


def _with_line(path: Path, text: str, line: str, beginning: str, after: str) -> str:
    """A text with a line in the place of the one that begins so, or below another."""
    lines = [found for found in text.split("\n") if not found.startswith(beginning)]
    if after not in lines:
        raise InputError(f"{shown_path(path)}: no line {after!r}; expected one, the repository's address goes below it")
    place = lines.index(after) + 1
    return "\n".join([*lines[:place], line, *lines[place:]])


def _renamed_notebook(path: Path, text: str, named: str, opened: str) -> str:
    import nbformat

    try:
        notebook = nbformat.reads(text, as_version=4)
    except Exception as error:  # nbformat raises a variety
        reason = str(error).splitlines()[0]
        raise InputError(f"{shown_path(path)}: cannot be read as a notebook ({reason}); expected one") from None
    publish(notebook.cells, named, opened)
    return nbformat.writes(notebook).rstrip("\n") + "\n"


def _write_all(new: Mapping[Path, str], old: Mapping[Path, str]) -> None:
    """Write files of which all stand in the end, or none.

    Raises:
        InputError: One of them cannot be written.
    """
    try:
        with ExitStack() as written:  # each is written beside its place before the first takes it
            for path, text in new.items():
                written.enter_context(replacing(path)).write(text.encode())
    except BaseException as error:
        for path in new:
            if path.read_bytes() != old[path].encode():
                path.write_bytes(old[path].encode())
        if isinstance(error, OSError):
            raise InputError(
                f"{error.filename}: cannot be written ({error.strerror}); expected a clone that you may change; "
                "nothing was changed"
            ) from None
        raise
