"""The notebooks in another language: the same code, all text translated and up to date, nothing lost on the way."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import build
import nbformat
import pytest
from build import NOTEBOOKS as FOLDER
from build import read_source, source_files, stale_translations, translation_files, unexecuted_notebooks
from translations import out_of_date, read_translations, sections, stamp

from rtuning_helpers.app.repository import neutral
from rtuning_helpers.experiments.findings import FAILS, HOLDS, NOTE, TOO_FEW
from rtuning_helpers.language import LANGUAGES, catalogue

ROOT = Path(__file__).resolve().parents[2]
COURSE = [name for name in source_files() if name[:2] in ("01", "02", "03", "04", "05")]
NOTEBOOKS = unexecuted_notebooks()
PAGES = [name for language in LANGUAGES for name in NOTEBOOKS if name.startswith(f"{language}/")]
UNANSWERED = "not answered yet. Put your own code in the place of the three dots above."
ENGLISH_WORDS = r"(?<![\w./`-])[a-z]+(?: [a-z]+){4,}"  # five small words in a row are a sentence


def slug(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def english(name: str):
    return NOTEBOOKS[name.partition("/")[2]]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_course_is_there_with_its_solutions(language):
    assert list(translation_files(language)) == COURSE
    assert {f"{language}/{name}" for name in COURSE} < set(PAGES)
    assert {f"{language}/solutions/{name}" for name in COURSE} < set(PAGES)


@pytest.mark.parametrize("name", PAGES)
def test_code_is_that_of_the_english_notebook_to_the_byte(name):
    here, there = NOTEBOOKS[name].cells, english(name).cells
    assert [cell.cell_type for cell in here] == [cell.cell_type for cell in there]
    assert [cell.metadata for cell in here] == [cell.metadata for cell in there]
    assert [c.source for c in here if c.cell_type == "code"] == [c.source for c in there if c.cell_type == "code"]


def test_every_text_has_its_translation_and_none_is_older():
    assert stale_translations() == []


def without_code(text: str) -> str:
    """Without what stays as it is: code, formulas, addresses, quotations, titles, and English terms in brackets."""
    for part in (
        r"\[\d\d · [A-Z][^\]]*\]",
        r"```.*?```",
        r"`[^`]*`",
        r"\$[^$]+\$",
        r"\]\([^)]*\)",
        r"<[^>]*>",
        r'"[^"\n]*"',
        r"\([^()]*\)",
    ):
        text = re.sub(part, " ", text, flags=re.S)
    return text


def differences(english: str, translation: str) -> list[str]:
    """What a translation has lost: headings, folds, lists, tables, code, numbers; or left in English."""
    found = []
    for what, pattern in {
        "headings": r"^#+ ",
        "folds": r"</?(?:details|summary)>",
        "items of lists": r"^(?:\*|\d\.) ",
        "rows of tables": r"^\|",
    }.items():
        marks = [re.findall(pattern, text, flags=re.M) for text in (english, translation)]
        if marks[0] != marks[1]:
            found.append(f"{what}: {marks[0]} -> {marks[1]}")
    if translation.count("](") < english.count("]("):
        found.append("a link is lost")
    for what, pattern in {"code": r"`[^`\n]+`", "formulas": r"\$[^$]+\$"}.items():
        lost = Counter(re.findall(pattern, english)).keys() - Counter(re.findall(pattern, translation)).keys()
        if lost:
            found.append(f"{what} lost: {sorted(lost)}")
    prose = [re.sub(r"\]\([^)]*\)", "]", text) for text in (english, translation)]
    lost = set(re.findall(r"(?<![\w.])\d[\d,]*(?:\.\d+)?", prose[0])) - set(re.findall(r"\d[\d,]*(?:\.\d+)?", prose[1]))
    lost = {number.rstrip(",") for number in lost} - set(re.findall(r"\d[\d,]*\d(?:\.\d+)?|\d", prose[1]))
    if lost:
        found.append(f"numbers lost: {sorted(lost)}")
    if left := re.findall(ENGLISH_WORDS, without_code(translation)):
        found.append(f"left in English: {left}")
    if re.search("[A-Za-z]{3}", without_code(english)) and not re.search("[가-힣]", translation):
        found.append("no Hangul")
    return found


@pytest.mark.parametrize("name", PAGES)
def test_a_translation_loses_nothing(name):
    pairs = zip(english(name).cells, NOTEBOOKS[name].cells, strict=True)
    texts = [(there.source, here.source) for there, here in pairs if there.cell_type == "markdown"]
    assert {there[:50]: lost for there, here in texts if (lost := differences(there, here))} == {}


@pytest.mark.parametrize("name", [name for name in PAGES if (FOLDER / f"{name}.ipynb").is_file()])
def test_the_committed_notebook_speaks_its_language(name):
    """It shows what the English one shows, its findings hold, its solutions are right, and its figures have Hangul."""
    language = name.partition("/")[0]
    known = catalogue(language)
    here, there = (nbformat.read(FOLDER / f"{n}.ipynb", as_version=4) for n in (name, name.partition("/")[2]))
    outputs = [[o for cell in notebook.cells for o in cell.get("outputs", [])] for notebook in (here, there)]
    kinds = [[set(o.get("data", {})) for o in part if o.output_type != "stream"] for part in outputs]
    assert kinds[0] == kinds[1]
    lines = "".join(o.get("text", "") for o in outputs[0]).splitlines()
    assert [line for line in lines if line.startswith((HOLDS, FAILS, TOO_FEW, NOTE))] == []
    assert [line for line in lines if line.startswith((known[FAILS], known[TOO_FEW], known[NOTE]))] == []
    wanted = known["right."] if "/solutions/" in name else known[UNANSWERED]
    said = [line for line in lines if re.match(r"\d\d\.\d: ", line)]
    assert said and said == [f"{line[:4]}: {wanted}" for line in said]
    for output in outputs[0]:
        if alt := output.metadata.get("image/png", {}).get("alt", "") if "metadata" in output else "":
            left = [english for english in known if len(english.split()) > 2 and "{" not in english and english in alt]
            assert re.search("[가-힣]", alt) and left == []
            assert re.findall(r"[a-z]{3,}(?: [a-z]{2,}){2,}", alt) == [], "left in English"


def test_differences_are_seen():
    text = "# Title\n\nSome 12 words with `code` and $x$, [a link](there.md)."
    assert differences(text, "# 제목\n\n단어 12개, `code`와 $x$, [링크](there.md).") == []
    assert differences(text, "제목\n\n단어 13개, `codes`와 $y$, 링크.")[0].startswith("headings")
    assert len(differences(text, "제목\n\n단어 13개, `codes`와 $y$, 링크.")) == 5
    assert differences("Text.", "Somebody has left a whole sentence here. 하지만")[0].startswith("left in English")
    assert differences("Text.", "T.") == ["no Hangul"]


def test_the_readme_is_translated_section_by_section():
    page, translations = (ROOT / "README.md").read_text("utf-8"), read_translations(ROOT / "README.ko.md")
    assert out_of_date(sections(page), translations, "README.ko.md") == []
    texts = {stamp(text): text for text in sections(page)}
    assert list(translations) == list(texts), "in the order of README.md"
    assert {text[:50]: lost for key, text in texts.items() if (lost := differences(text, translations[key]))} == {}
    for key, text in texts.items():
        blocks = [re.findall(r"^```\w+\n.*?^```", part, flags=re.M | re.S) for part in (text, translations[key])]
        commands = [[re.sub(r"\s*#.*", "", block) for block in part] for part in blocks]
        assert commands[0] == commands[1], text[:50]
    targets = re.findall(r"\]\((?!https?://)([^)#]+)\)", (ROOT / "README.ko.md").read_text("utf-8"))
    pages = {f"notebooks/{name}.ipynb" for name in NOTEBOOKS} | {"notebooks/ko", "notebooks/ko/solutions"}
    assert targets and [target for target in targets if target not in pages and not (ROOT / target).exists()] == []


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    (tmp_path / "source" / "ko").mkdir(parents=True)
    (tmp_path / "source" / "01_x.py").write_text("# %% [markdown]\n# # One\n\n# %%\n1\n\n# %% [markdown]\n# two\n")
    monkeypatch.setattr(build, "NOTEBOOKS", tmp_path)
    return tmp_path


def test_what_is_out_of_date_is_named_and_shown_in_english(folder):
    file = folder / "source" / "ko" / "01_x.md"
    file.write_text(f"<!-- cell {stamp('# One')} -->\n# 하나\n\n<!-- cell 00000000 -->\n낡은 글\n", encoding="utf-8")
    assert stale_translations() == [
        f"source/ko/01_x.md: no translation {stamp('two')} of 'two'",
        "source/ko/01_x.md: translation 00000000 belongs to no text any more: '낡은 글'",
    ]
    notebook = unexecuted_notebooks()["ko/01_x"]
    assert [neutral(cell.source) for cell in notebook.cells] == ["# 하나", "1", "two"]
    assert [cell.source for cell in read_source(folder / "source" / "01_x.py").cells] == ["# One", "1", "two"]


def test_sections_know_code_from_headings():
    assert sections("# A\ntext\n\n## B\n```bash\n## no heading\n```\n## C\n") == [
        "# A\ntext",
        "## B\n```bash\n## no heading\n```",
        "## C",
    ]


def test_the_list_of_terms_says_where_each_is_introduced():
    """There the Korean term stands with the English one in brackets, in the notebook or its solutions."""
    text = (ROOT / "docs" / "terms.ko.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (?!English)([^|]+) \| ([^|]+) \| \[[^\]]+\]\(\.\./([^)]+)\) \|$", text, flags=re.M)
    assert len(rows) > 50 and rows == sorted(rows, key=lambda row: row[0])
    pages = {"README.ko.md": (ROOT / "README.ko.md").read_text(encoding="utf-8")}
    for name in sorted(PAGES):
        place = f"notebooks/{name.replace('solutions/', '')}.ipynb"
        pages[place] = pages.get(place, "") + "\n".join(cell.source for cell in NOTEBOOKS[name].cells)
    for term, korean, place in rows:
        said = pages[place].replace("*", "").lower()
        assert f"{korean}({term}".lower() in said, (term, place)


def test_the_glossary_of_the_course_is_translated():
    """Each term that 01 to 05 introduce, under the anchor of the English one; the Korean notebooks link these."""
    entries = re.findall(r"^### (.+)\n(.+)", (ROOT / "docs" / "glossary.md").read_text("utf-8"), flags=re.M)
    of_course = {}
    for term, meaning in entries:
        numbers = re.findall(r"\[(\d\d)\]\(\.\./notebooks/", meaning)
        if f"{numbers[0]}_" in "".join(COURSE):
            of_course[slug(term)] = f"{term}\n" + re.sub(r"(?:,? \[\d\d\]\([^)]*\))+$", "", meaning)
    page = (ROOT / "docs" / "glossary.ko.md").read_text(encoding="utf-8")
    translations = read_translations(ROOT / "docs" / "glossary.ko.md")
    assert out_of_date(of_course.values(), translations, "docs/glossary.ko.md") == []
    assert re.findall(r'^<a id="([^"]+)"></a>\n\n## ', page, flags=re.M) == list(of_course)
    heads = {key: f"## {text}" for key, text in of_course.items()}
    lost = {key: differences(head, translations[stamp(of_course[key])]) for key, head in heads.items()}
    assert {key: found for key, found in lost.items() if found} == {}
    linked = "".join(path.read_text("utf-8") for path in translation_files("ko").values())
    assert set(re.findall(r"docs/glossary\.ko\.md#([^)]*)\)", linked)) <= set(of_course)
    assert "docs/glossary.md" not in linked
    targets = re.findall(r"\]\(([^)#]+)\)", page)
    pages = {(FOLDER / f"{name}.ipynb").resolve() for name in NOTEBOOKS}
    found = {target: (ROOT / "docs" / target).resolve() for target in targets}
    assert [target for target, path in found.items() if path not in pages and not path.exists()] == []
