"""Notebooks as a student has them: JupyterLab in Chromium, Run All, light and dark, 1280 x 800 pixels."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import nbformat
import pytest
from build import SOLUTIONS, unexecuted_notebooks

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed (extra `test`)")
import lab  # noqa: E402 - needs Playwright

ROOT = Path(__file__).resolve().parents[2]
SCREENSHOTS = Path(__file__).parent / "screenshots"  # to look at; git ignores it
SECONDS = 600  # of one notebook on a busy machine, with every step before it to be done

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(lab.chromium() is None, reason="no Chromium here (Debian: apt-get install chromium)"),
]
SPOILT = "spoilt.ipynb"
WRONG = {  # code -> what is to be complained of
    "1 / 0": "red box: .*ZeroDivisionError",
    "import sys; print('hm', file=sys.stderr)": "red box: hm",
    "print('asking:  50%|####      | 1/2')": "a bar that stayed: asking",
    "from IPython.display import HTML; HTML('<div style=\"width: 3000px\">wide</div>')": "cut off: DIV",
    "HTML('<table><tr>' + '<th>a_long_title</th>' * 40 + '</tr></table>')": "cut off: TABLE",
    'HTML(\'<img src="nowhere.png" alt="a map">\')': "no picture: a map",
    "HTML('<p style=\"color: #aaa; background: white\">pale</p>')": "too pale: 2.32 .*pale",
}
NOTEBOOKS = {name: notebook for name, notebook in unexecuted_notebooks().items() if name[:2] in ("01", "03", "05")}


@pytest.fixture(scope="module")
def address(tmp_path_factory, request):
    """A JupyterLab with the notebooks as their sources have them now; finished steps are those of the nbval tests."""
    clone, work = tmp_path_factory.mktemp("clone"), tmp_path_factory.mktemp("jupyter")
    shutil.copytree(ROOT / "docs", clone / "docs")  # pictures
    (folder := clone / "notebooks").mkdir()
    for name, notebook in NOTEBOOKS.items():
        if name.startswith("01"):  # does all of its work here, so that there are bars to see
            (parameters,) = (cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", []))
            parameters.source = parameters.source.replace('out = "runs"', f'out = "{folder.as_posix()}/runs"')
        nbformat.write(notebook, folder / f"{name}.ipynb")
    cells = [nbformat.v4.new_code_cell(code, metadata={"tags": ["raises-exception"]}) for code in WRONG]
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata), folder / SPOILT)
    cache = getattr(request.config, "cache", None)
    base = os.environ.get("RTUNING_OUT_BASE") or str(cache.mkdir("rtuning") if cache else folder)
    with lab.server(clone, work, {"RTUNING_OUT_BASE": base}) as url:
        yield url


@pytest.fixture
def page_of(chromium, address):
    """Opens a notebook, runs all its cells, and gives its page with the bars that were seen."""
    page = chromium.new_page(viewport=lab.SIZE, locale="en-US")

    def opened(number: str) -> tuple[lab.Lab, list[str]]:
        (name,) = (name for name in [*(f"{name}.ipynb" for name in NOTEBOOKS), SPOILT] if name.startswith(number))
        here = lab.Lab(page, SCREENSHOTS)
        here.open(address.format(f"of-{name[:2]}", f"notebooks/{name}"))
        return here, here.run_all(SECONDS)

    yield opened
    page.close()


def solution_of(number: str, start: str) -> str:
    """The solved cell of a notebook that defines or says something."""
    (name,) = (name for name in unexecuted_notebooks() if name.startswith(f"{SOLUTIONS}/{number}"))
    return next(c.source for c in unexecuted_notebooks()[name].cells if c.cell_type == "code" and start in c.source)


def looks_right_in_both_themes(here: lab.Lab, name: str) -> None:
    for theme in lab.THEMES:
        here.theme(theme)
        here.look(f"{name}-{theme}")
        assert here.complaints() == [], theme


def answers_right(here: lab.Lab, key: str, stub: str, solution: str) -> None:
    """An exercise says that it is not answered; the right answer is typed in, and it says so."""
    checked = here.cell(f'check("{key}"')
    assert f"{key}: not answered yet" in checked.inner_text()
    here.type_into(here.cell(stub), solution)
    here.run_cell(checked)
    lab.wait_for(lambda: f"{key}: right." in checked.inner_text(), lab.PATIENCE, f"exercise {key}")


def test_what_is_wrong_with_a_notebook_is_seen(page_of):
    here, _ = page_of(SPOILT)
    found = here.complaints()
    assert [what for what in WRONG.values() if not any(re.match(what, one, flags=re.S) for one in found)] == [], found


def test_01_with_bars_and_an_exposure_to_choose(page_of):
    here, bars = page_of("01")
    assert bars, "a bar shows while the questions are asked"
    assert any(int(done) > 0 for bar in bars for done in re.findall(r"(\d+)%\|", bar)), bars
    looks_right_in_both_themes(here, "01")
    picker = here.cell("def at_exposure")
    before = picker.locator("img").get_attribute("src")
    table = picker.locator("table").last.inner_text()
    picker.get_by_role("button", name="61+").click()
    lab.wait_for(lambda: picker.locator("table").last.inner_text() != table, lab.PATIENCE, "another exposure is shown")
    assert picker.locator("img").get_attribute("src") != before
    answers_right(here, "01.1", "def is_match", solution_of("01", "def is_match"))
    assert here.complaints() == []


def test_03(page_of):
    here, _ = page_of("03")
    looks_right_in_both_themes(here, "03")
    answers_right(here, "03.1", "def pad", solution_of("03", "def pad"))


def test_05_with_a_border_to_move_and_a_question_to_ask(page_of):
    here, _ = page_of("05")
    looks_right_in_both_themes(here, "05")
    border = here.cell("def at_border")
    assert "border 0.5:" in border.inner_text()
    border.get_by_role("slider").first.focus()
    here.page.keyboard.press("ArrowRight")
    lab.wait_for(lambda: "border 0.55:" in border.inner_text(), lab.PATIENCE, "the border moves")
    asked = here.cell("def ask(text)")
    asked.locator("input").fill("Who are you?")
    here.page.keyboard.press("Enter")
    lab.wait_for(lambda: re.search(r"Who are you\? .*\n.*P\(sure\) \d", asked.inner_text()), lab.PATIENCE, "an answer")
    assert here.complaints() == []
    answers_right(here, "05.1", "def willing", solution_of("05", "def willing"))
