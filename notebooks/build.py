"""Make the executed notebooks from their text twins: ``python notebooks/build.py [NAME...] [--check]``.

``notebooks/source/*.py`` is what people edit and review, in jupytext's percent format (``# %% [markdown]``,
``# %% tags=["parameters"]``); the executed ``.ipynb`` follows. A stamp in its metadata says from which source
it is made, so that outputs can never silently belong to another text.

A source makes two notebooks: ``01_x.ipynb`` of the cells that are not tagged ``solution``, and ``solutions/01_x.ipynb``
of those tagged ``solution`` or ``both`` (the set-up, and the exercises' texts and checks), if any are solutions.
Where ``source/ko/01_x.md`` translates its text, both are made in Korean too, in ``ko/``; their code is the same.
"""

import argparse
import hashlib
import json
import os
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode
from translations import out_of_date, read_translations, translated

from rtuning_helpers.app import reports
from rtuning_helpers.app.notebook_runs import KERNEL, NotebookFailed, Progress, execute, headings
from rtuning_helpers.app.repository import neutral, publish, repository
from rtuning_helpers.errors import InputError
from rtuning_helpers.json_files import write_text
from rtuning_helpers.language import LANGUAGES
from rtuning_helpers.run.artifacts import shown_path

NOTEBOOKS = Path(__file__).resolve().parent
STAMP = "rtuning"
SOLUTIONS = "solutions"  # their folder
SOLUTION, BOTH = "solution", "both"  # tags of cells
STAMPED_PACKAGES = ("torch", "transformers", "peft", "bitsandbytes")
KERNELSPEC = {"name": KERNEL, "display_name": "Python 3 (ipykernel)", "language": "python"}
LANGUAGE_INFO = {"name": "python", "file_extension": ".py", "mimetype": "text/x-python", "pygments_lexer": "ipython3"}
FORBIDDEN = {
    "an absolute path": r"/home/|/root/|/tmp/|/Users/|site-packages",
    "a warning": r"Warning",
    "the clone's path": re.escape(str(NOTEBOOKS.parent)),
}


def source_files() -> dict[str, Path]:
    """The name of each notebook of the tutorial (``01_...``) with its source."""
    return {path.stem: path for path in sorted((NOTEBOOKS / "source").glob("*.py"))}


def translation_files(language: str) -> dict[str, Path]:
    """The name of each notebook that is there in another language, with the file of its translated text."""
    return {path.stem: path for path in sorted((NOTEBOOKS / "source" / language).glob("*.md"))}


def unexecuted_notebooks() -> dict[str, NotebookNode]:
    """Each notebook as its source has it, by its name: ``01_...``, ``solutions/01_...``, then ``ko/...`` of both."""
    sources = source_files()
    found = {name: read_source(path) for name, path in sources.items()}
    found |= {f"{SOLUTIONS}/{name}": read_source(path, solutions=True) for name, path in sources.items()}
    for language in LANGUAGES:
        texts = {name: read_translations(path) for name, path in translation_files(language).items() if name in sources}
        found |= {f"{language}/{name}": read_source(sources[name], False, text) for name, text in texts.items()}
        found |= {f"{language}/{SOLUTIONS}/{name}": read_source(sources[name], True, t) for name, t in texts.items()}
    found = {name: notebook for name, notebook in found.items() if notebook.cells}
    for name, notebook in found.items():
        publish(notebook.cells, repository(), f"{NOTEBOOKS.name}/{name}.ipynb")
    return found


def read_source(path: Path, solutions: bool = False, translations: Mapping[str, str] | None = None) -> NotebookNode:
    """A source as an unexecuted notebook with minimal metadata and cell ids that depend on the position only.

    Args:
        path: The source.
        solutions: Whether the notebook of its solutions is meant, which has no cells if there are none.
        translations: Of its text cells, by stamp; what has none stays English.
    """
    notebook = jupytext.read(path, fmt="py:percent")
    found = [set(cell.metadata.get("tags", [])) for cell in notebook.cells]
    kept = {SOLUTION, BOTH} if solutions and any(SOLUTION in tags for tags in found) else set()
    of_both = [bool(tags & kept) if solutions else SOLUTION not in tags for tags in found]
    notebook.cells = [cell for cell, belongs in zip(notebook.cells, of_both, strict=True) if belongs]
    for number, cell in enumerate(notebook.cells, start=1):
        tags = [tag for tag in cell.metadata.get("tags", []) if tag not in (SOLUTION, BOTH)]
        cell.metadata = NotebookNode({"tags": tags} if tags else {})
        cell.id = f"cell-{number:02d}"
        if cell.cell_type == "markdown":
            cell.source = translated(cell.source, translations or {})
    notebook.metadata = NotebookNode(kernelspec=NotebookNode(KERNELSPEC), language_info=NotebookNode(LANGUAGE_INFO))
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


def source_hash(notebook: NotebookNode) -> str:
    """SHA-256 over the types, tags and sources of the cells, whatever the repository is called, and nothing else."""
    cells = [[cell.cell_type, cell.metadata.get("tags", []), neutral(cell.source)] for cell in notebook.cells]
    return hashlib.sha256(json.dumps(cells, ensure_ascii=True).encode()).hexdigest()


def build_notebooks(names: Sequence[str] = (), progress: Progress = lambda *cell: None) -> list[Path]:
    """Make the executed notebooks from their sources, each on its own defaults.

    Args:
        names: Names, or beginnings of names, such as ``01`` or ``solutions``; without any, all are made.
        progress: Told of every cell.

    Returns:
        The notebooks written. One that fails leaves its predecessor as it was.

    Raises:
        InputError: An unknown name.
        NotebookFailed: A cell failed, or wrote what must not be published.
    """
    written = []
    for name in _choose(names):
        target = NOTEBOOKS / f"{name}.ipynb"
        target.parent.mkdir(parents=True, exist_ok=True)
        write_text(target, _execute_source(name, target, progress))
        written.append(target)
    return written


def _choose(names: Sequence[str]) -> list[str]:
    known = list(unexecuted_notebooks())
    if not known:
        raise InputError("notebooks/source holds no .py files; expected one for each notebook")
    chosen: set[str] = set()
    for name in names or [""]:
        found = {candidate for candidate in known if _is_meant(candidate, name)}
        if not found:
            raise InputError(f"no notebook is called {name!r}: expected one of {', '.join(known)}")
        chosen |= found
    return [name for name in known if name in chosen]


def _is_meant(candidate: str, name: str) -> bool:
    """Whether a notebook's name begins like that; ``01`` means its solutions too."""
    return candidate.startswith(name) or candidate.rpartition("/")[2].startswith(name)


def _execute_source(name: str, target: Path, progress: Progress) -> str:
    """The text of the executed, cleaned, checked and stamped notebook."""
    notebook = unexecuted_notebooks()[name]
    # Executed where it will lie, so that relative paths mean the same; under a hidden name, so that nobody reads it.
    with tempfile.TemporaryDirectory(prefix=".build-", dir=target.parent) as folder:
        fresh = target.parent / f"{Path(folder).name}-{target.name}"
        try:
            fresh.write_text(nbformat.writes(notebook), encoding="utf-8")
            executed = execute(fresh, Path(folder) / target.name, {}, lambda _, *rest: progress(target.name, *rest))
            result = nbformat.read(executed, as_version=4)
        except NotebookFailed as error:
            message = str(error).partition("; executed so far")[0]
            raise NotebookFailed(message.replace(fresh.name, f"{name}.ipynb")) from error.__cause__
        finally:
            fresh.unlink(missing_ok=True)
    for cell, ran in zip(notebook.cells, result.cells, strict=True):
        if cell.cell_type == "code":
            cell.outputs = [output for output in ran.outputs if output.get("name") != "stderr"]
            cell.execution_count = ran.execution_count
    drop_widgets(notebook)
    check_outputs(notebook, f"{name}.ipynb")
    notebook.metadata[STAMP] = NotebookNode(
        source_sha256=source_hash(notebook), profile="mini", versions=NotebookNode(_versions())
    )
    nbformat.validate(notebook)
    return nbformat.writes(notebook).rstrip("\n") + "\n"


def drop_widgets(notebook: NotebookNode) -> None:
    """Remove widget views from the outputs: they show nothing without the kernel that made them."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if "data" in output:
                output.data = NotebookNode({k: v for k, v in output.data.items() if "widget" not in k})
        if "outputs" in cell:
            cell.outputs = [output for output in cell.outputs if output.get("data") != {}]


def check_outputs(notebook: NotebookNode, name: str) -> None:
    """See to it that no output holds what must not be published.

    Raises:
        NotebookFailed: An absolute path, a warning, or an error.
    """
    titles = headings(notebook)
    for index, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            where = f"{name}: the output of cell {index + 1} under {titles[index]!r}"
            if output.output_type == "error":
                raise NotebookFailed(f"{where} is an error: {output.ename}: {output.evalue}")
            text = _text_of(output)
            for what, pattern in FORBIDDEN.items():
                if found := re.search(pattern, text):
                    line = text[text.rfind("\n", 0, found.start()) + 1 :].split("\n")[0]
                    raise NotebookFailed(f"{where} holds {what}: {line.strip()[:160]!r}")


def _text_of(output: NotebookNode) -> str:
    """Everything in an output that is text; images are left out."""
    data = {kind: value for kind, value in output.get("data", {}).items() if not kind.startswith("image/png")}
    return "\n".join([output.get("text", ""), *(v if isinstance(v, str) else json.dumps(v) for v in data.values())])


def _versions() -> dict[str, str]:
    found = {}
    for package in STAMPED_PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def stale_notebooks(names: Sequence[str] = ()) -> list[str]:
    """What is not up to date: one line for each reason, empty when all is well."""
    sources = unexecuted_notebooks()
    reasons = [
        f"{name}.ipynb: {reason}"
        for name, source in sources.items()
        if _wanted(name, names)
        for reason in _staleness(name, source)
    ]
    folders = [".", SOLUTIONS, *(place for language in LANGUAGES for place in (language, f"{language}/{SOLUTIONS}"))]
    for path in sorted(path for folder in folders for path in NOTEBOOKS.glob(f"{folder}/*.ipynb")):
        name = path.relative_to(NOTEBOOKS).with_suffix("").as_posix()
        if name not in sources and _wanted(name, names) and not path.name.startswith("."):
            reasons.append(f"{name}.ipynb: has no source; expected source/{path.stem}.py")
    return reasons


def stale_translations() -> list[str]:
    """What is not up to date in the translated texts: one line for each cell without one, or that is no more."""
    sources = source_files()
    reasons = []
    for language in LANGUAGES:
        for name, path in translation_files(language).items():
            cells = jupytext.read(sources[name], fmt="py:percent").cells if name in sources else []
            texts = [cell.source for cell in cells if cell.cell_type == "markdown"]
            reasons += out_of_date(texts, read_translations(path), f"source/{language}/{path.name}")
    return reasons


def _wanted(name: str, names: Sequence[str]) -> bool:
    return not names or any(_is_meant(name, beginning) for beginning in names)


def _staleness(name: str, source: NotebookNode) -> list[str]:
    path = NOTEBOOKS / f"{name}.ipynb"
    if not path.is_file():
        return ["missing; run `python notebooks/build.py`"]
    try:
        notebook = nbformat.read(path, as_version=4)
    except Exception as error:  # nbformat raises a variety
        return [f"cannot be read as a notebook ({str(error).splitlines()[0]})"]
    found, reasons = source_hash(notebook), []
    if found != source_hash(source):
        reasons.append(f"its cells differ from source/{path.stem}.py")
    elif [cell.source for cell in notebook.cells] != [cell.source for cell in source.cells]:
        reasons.append("it names another repository than pyproject.toml; `rtuning set-repository` names it everywhere")
    if notebook.metadata.get(STAMP, {}).get("source_sha256") != found:
        reasons.append("its stamp differs from its own cells: it was edited or executed by other means")
    code = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
    if [cell.execution_count for cell in code] != list(range(1, len(code) + 1)):
        reasons.append("its cells were not executed once each, in order")
    if code and not any(cell.outputs for cell in code):
        reasons.append("none of its cells has an output")
    if any(output.output_type == "error" for cell in code for output in cell.outputs):
        reasons.append("a cell failed")
    return reasons


def main(arguments: list[str] | None = None) -> int:
    """Build or check, and give the exit status: 0 done, 1 stale or failed, 2 bad arguments, 130 interrupted."""
    parser = argparse.ArgumentParser(prog="notebooks/build.py", description="Execute the notebooks' sources.")
    parser.add_argument(
        "names", metavar="NAME", nargs="*", help="such as 01 (with its solutions) or solutions; all where none is given"
    )
    parser.add_argument("--check", action="store_true", help="build nothing; fail if a notebook is stale")
    chosen = parser.parse_args(arguments)
    try:
        if chosen.check:
            stale = stale_notebooks(chosen.names) + ([] if chosen.names else stale_translations())
            print("\n".join(stale) or "all notebooks are up to date")
            return 1 if stale else 0
        os.environ["RTUNING_READY"] = "0"  # what is published was tuned here
        console = reports.new_console()
        with reports.notebook_progress(console) as progress:
            written = build_notebooks(chosen.names, progress)
        for path in written:
            console.print(shown_path(path), soft_wrap=True)
        return 0
    except (InputError, NotebookFailed) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2 if isinstance(error, InputError) else 1
    except KeyboardInterrupt:
        print(f"{parser.prog}: interrupted: notebooks that were finished are kept", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
