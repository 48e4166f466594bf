"""The site: every page is there in its language, every link leads somewhere, and nothing is asked for outside."""

from __future__ import annotations

import json
import re
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

import nbformat
import pytest

for needed in ("mkdocs", "material", "latex2mathml"):
    pytest.importorskip(needed, reason=f"{needed} is not installed (extra `site`)")
import book  # noqa: E402 - needs MkDocs
import gathering  # noqa: E402
import hooks  # noqa: E402
from markdown_it import MarkdownIt  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = [p for p in sorted((ROOT / "notebooks").rglob("[0-9]*.ipynb")) if ".ipynb_checkpoints" not in p.parts]
ASKS = {"src", "srcset", "data", "poster", "action"}  # attributes that make a browser fetch something


class Html(HTMLParser):
    """The elements of a page with their attributes, in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.feed(text)
        self.ids = {a["id"] for _, a in self.elements if "id" in a} | {
            a["name"] for t, a in self.elements if t == "a" and "name" in a
        }

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, {name: value or "" for name, value in attributes}))

    def all(self, wanted: str) -> list[dict[str, str]]:
        return [attributes for tag, attributes in self.elements if tag == wanted]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    book.make(folder)
    return folder


@pytest.fixture(scope="module")
def pages(site):
    return {path.relative_to(site).as_posix(): Html(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}


def page_of(source: Path) -> str:
    page = source.relative_to(ROOT).with_suffix(".html").as_posix()
    return "index.html" if page == "README.html" else page


def article(page: Html) -> str:
    return re.search(r"<article.*</article>", page.text, flags=re.S)[0]


def test_every_link_and_anchor_leads_somewhere(site, pages):
    lost, inside = [], 0
    for name, page in pages.items():
        for _, attributes in page.elements:
            target = attributes.get("href", attributes.get("src", ""))
            if not target or re.match(r"[a-z]+:|//", target):
                continue
            path, anchor = urldefrag(unquote(target))
            base = site if path.startswith("/") else (site / name).parent  # 404.html is shown anywhere
            goal = (base / path.lstrip("/")).resolve() if path else site / name
            goal = goal / "index.html" if goal.is_dir() else goal
            of = pages.get(goal.relative_to(site.resolve()).as_posix()) if goal.suffix == ".html" and path else page
            inside += 1
            if not goal.is_file() or (anchor and of and anchor not in of.ids):
                lost.append(f"{name}: {target}")
    assert inside > 1000
    assert lost == []


def test_nothing_is_asked_for_outside(site, pages):
    """A page's links may lead away; what a browser fetches by itself may not, nor may a style sheet's pictures."""
    asked = [
        f"{name}: <{tag}> {value}"
        for name, page in pages.items()
        for tag, attributes in page.elements
        for attribute, value in attributes.items()
        if (attribute in ASKS or (attribute == "href" and tag in ("link", "base", "use", "image")))
        and re.match(r"\s*(https?:)?//", value)
    ]
    styles = [
        path for path in site.rglob("*.css") if re.search(r"(url\(|@import)\s*['\"]?(https?:)?//", path.read_text())
    ]
    assert asked == [] and styles == []
    assert not any("mermaid" in article(page) for name, page in pages.items() if name != "404.html")  # would be fetched


@pytest.mark.parametrize("language", ["English", "한국어"])
def test_every_notebook_is_in_the_navigation(pages, language):
    korean = language == "한국어"
    start = pages["README.ko.html" if korean else "index.html"]
    menu = re.search(r'<nav class="md-nav md-nav--primary.*?<div class="md-content', start.text, flags=re.S)[0]
    linked = [attributes["href"] for attributes in Html(menu).all("a") if "href" in attributes]
    wanted = [page_of(path) for path in NOTEBOOKS if ("ko" in path.relative_to(ROOT).parts) == korean]
    assert [page for page in wanted if page not in linked] == []
    assert wanted


def test_pages_speak_their_language_and_lead_to_the_other(pages):
    for name, page in pages.items():
        korean = ".ko." in name or name.startswith("notebooks/ko/")
        assert page.all("html")[0]["lang"] == ("ko" if korean else "en"), name
    menus = {name: [a["href"] for a in page.all("a") if "hreflang" in a] for name, page in pages.items()}
    assert menus["index.html"][:2] == ["index.html", "README.ko.html"]
    assert menus["docs/glossary.ko.html"][:2] == ["glossary.html", "glossary.ko.html"]
    assert "<title>R-Tuning 키트 - " in pages["README.ko.html"].text
    assert hooks.korean("notebooks/solutions/01_x.md") == "notebooks/ko/solutions/01_x.md"
    assert hooks.english("notebooks/ko/solutions/01_x.md") == "notebooks/solutions/01_x.md"


def test_the_search_knows_every_page(site, pages):
    index = json.loads((site / "search" / "search_index.json").read_text(encoding="utf-8"))
    assert {urldefrag(entry["location"])[0] or "index.html" for entry in index["docs"]} == set(pages) - {"404.html"}
    assert index["config"]["lang"] == ["en", "ko"]
    words = " ".join(entry["text"] for entry in index["docs"])
    assert "refusal-aware instruction tuning" in words and "거절" in words


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.relative_to(ROOT / "notebooks").as_posix())
def test_figures_have_their_alternative_text(pages, path):
    outputs = [output for cell in nbformat.read(path, as_version=4).cells for output in cell.get("outputs", [])]
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    page = pages[page_of(path)]
    shown = [a["alt"] for a in page.all("img") if re.fullmatch(rf"{path.stem}-\d+\.png", a["src"])]
    assert shown == [picture.metadata.get("image/png", {}).get("alt", "") for picture in pictures]
    told = [
        output.data["text/html"] for output in outputs if "<details>" in output.get("data", {}).get("text/html", "")
    ]
    assert [words for words in told if words not in page.text] == []


@pytest.mark.parametrize(
    "source", [*sorted((ROOT / "docs").glob("*.md")), *sorted(ROOT.glob("README*.md")), *NOTEBOOKS]
)
def test_markdown_is_read_as_elsewhere(pages, source):
    """GitHub and Jupyter read lists, tables and folded texts by CommonMark; MkDocs has rules of its own."""
    if source.suffix == ".ipynb":
        cells = nbformat.read(source, as_version=4).cells
        text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    else:
        text = source.read_text(encoding="utf-8")
    theirs = Html(MarkdownIt("commonmark", {"html": True}).enable("table").render(text))
    shown = re.sub(r'<div class="output".*?\n</div>\n', "", article(pages[page_of(source)]), flags=re.S)
    ours = Html(re.sub(r"<table class=\"highlighttable\">", "", shown))
    for tag in ("li", "ul", "ol", "td", "details", "summary", "h1", "h2", "h3", "h4"):
        assert len(ours.all(tag)) == len(theirs.all(tag)), tag
    assert "markdown=" not in shown and not re.search(
        r"\]\(|\*\*", re.sub(r"<(pre|code)\b.*?</\1>", "", shown, flags=re.S)
    )


def test_formulas_need_no_script(pages):
    assert len(pages["notebooks/04_finetune_qlora.html"].all("mfrac")) >= 1
    assert [
        name
        for name, page in pages.items()
        if "arithmatex" in page.text or re.search(r"\\frac|\\ln", article_text(page))
    ] == []


def article_text(page: Html) -> str:
    found = re.search(r"<article.*</article>", page.text, flags=re.S)
    return re.sub(r"<(pre|code)\b.*?</\1>|<annotation.*?</annotation>", "", found[0] if found else "", flags=re.S)


@pytest.mark.parametrize("named", [None, "ada/kit"])
def test_what_a_named_repository_changes(tmp_path, monkeypatch, named):
    """Its buttons are words, not pictures from outside; what has no page here is looked at there."""
    monkeypatch.setattr(gathering, "repository", lambda: named)
    badge = "[![Open in Colab](https://colab.research.google.com/x.svg)](https://colab.research.google.com/x)"
    line = badge if named else "*No launch buttons yet: `rtuning set-repository OWNER/NAME` makes them.*"
    source = ROOT / "notebooks" / "01_x.ipynb"
    cell = nbformat.v4.new_markdown_cell(
        f"# A\n\n{line} <!-- badges -->\n\nThe [code](source) and [`all`](../LICENSE)."
    )
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "x.ipynb")
    page = gathering._Page(source, [source], tmp_path).prose(cell.source)
    assert ("No launch" in page, "Open in Colab" in page) == (False, named is not None)
    assert ("[code](https://github.com/ada/kit/blob/main/notebooks/source)" in page) == (named is not None)
    assert ("The code and" in page) == (named is None)
    assert "[`all`](../LICENSE)" in page and (tmp_path / "LICENSE").is_file()


def test_pictures_from_outside_become_words():
    picture = (
        '<a href="https://x.org"><img alt="Open &amp; run" src="https://x.org/a.svg" /></a><img alt="b" src="b.png" />'
    )
    assert hooks.on_page_content(picture) == '<a href="https://x.org">Open &amp; run</a><img alt="b" src="b.png" />'


def test_outputs_as_they_are(tmp_path):
    """Alternative text with quotes, what looks like Markdown or HTML in printed text, and colours of a terminal."""
    told = nbformat.v4.new_output(
        "display_data", {"image/png": "iVBORw0KGgo="}, metadata={"image/png": {"alt": 'a "b" <c>'}}
    )
    printed = nbformat.v4.new_output("stream", text="\x1b[31m<b>*x*\n\n# y")
    code = nbformat.v4.new_code_cell("s = '''\n```\n'''", outputs=[told, printed])
    source = ROOT / "notebooks" / "01_x.ipynb"
    page = gathering._Page(source, [source], tmp_path)
    page.target.parent.mkdir(parents=True)
    text = "\n".join(page._cell(code))
    assert f'alt="{escape(told.metadata["image/png"]["alt"])}" src="01_x-1.png"' in text
    assert (tmp_path / "notebooks" / "01_x-1.png").read_bytes() == b"\x89PNG\r\n\x1a\n"
    assert text.startswith("````python\n") and "&lt;b&gt;*x*\n\n# y</pre>" in text
