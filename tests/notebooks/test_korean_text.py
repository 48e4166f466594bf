"""The Korean edition as its reader meets it: marks, particles, one register, terms at their first use, links."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from build import translation_files, unexecuted_notebooks
from markdown_it import MarkdownIt

ROOT = Path(__file__).resolve().parents[2]
SOURCES = translation_files("ko")
FILES = [ROOT / "README.ko.md", ROOT / "docs" / "glossary.ko.md", ROOT / "docs" / "terms.ko.md", *SOURCES.values()]
CATALOGUE = ROOT / "rtuning_helpers" / "locale" / "ko.po"
TERM = r"^\| (?!English)([^|]+) \| ([^|]+) \| \[[^\]]+\]\(\.\./([^)]+)\) \|$"

# What a word ends in as it is read aloud: nothing, the consonant ㄹ, or another one. Digits: 영일이; letters: 에이비.
DIGITS = dict(zip("0123456789%", ["ㅇ", "ㄹ", "", "ㅁ", "", "", "ㄱ", "ㄹ", "ㄹ", "", ""], strict=True))
LETTERS = {letter: "" for letter in "ABCDEFGHIJKOPQSTUVWXYZ"} | {"L": "ㄹ", "M": "ㅁ", "N": "ㄴ", "R": "ㄹ"}
WORDS = {"padding": "ㅇ", "vanilla": "", "replacement": "", "unsupervised": "", "sure": "", "unsure": "", "check": ""}
WORDS |= {"R-Tuning": "ㅇ", "ParaRel": "ㄹ", "metrics.json": "ㄴ", "mini": "", "NAME": "ㅁ", "QLoRA": "", "LoRA": ""}
BRACKET = r"(?:\([^()\n]*(?:\([^()\n]*\)[^()\n]*)?\))?"
PARTICLE = rf"([가-힣]+|[A-Za-z0-9_.%-]+)([*\"`\]]*{BRACKET}[*\"`\]]*)(은|는|이|가|을|를|과|와|으로|로)(?![가-힣\w])"
PLAIN = r"\S*(?<![니시])다\.(?=[\s)*]|$)|\S*[가-힣]가\?|\S*(?:해|예|어|아)요\."  # 한다체, 해요체


def prose(text: str) -> str:
    """Without fenced code and the addresses of links."""
    text = re.sub(r"```.*?```", "", text, flags=re.S)
    return re.sub(r"\]\((?:[^()\s]|\([^()]*\))*\)", "]", text)


def unread_marks(text: str) -> list[str]:
    """Stars that Markdown does not take for emphasis: between a bracket or quotation mark and a particle, as in
    ``*완성(completion)*을``, none may end. And two ``~`` of one paragraph, between which all is struck out."""
    text = re.sub(r"\$\$.*?\$\$|\$[^$\n]+\$|\\\*", " ", text, flags=re.S)
    found = []
    for block in MarkdownIt("commonmark").enable("table").parse(text):
        said = [part.content for part in block.children or [] if part.type == "text"]
        found += [part for part in said if "*" in part] + ["~ ... ~"] * ("".join(said).count("~") > 1)
    return found


def ending(word: str) -> str | None:
    """The consonant that a word ends in, "" for none; None where this test does not know."""
    if "가" <= word[-1] <= "힣":
        number = (ord(word[-1]) - ord("가")) % 28
        return "" if number == 0 else "ㄹ" if number == 8 else "ㅇ"
    if word in WORDS:
        return WORDS[word]
    if word.isupper() and word.isalpha():
        return LETTERS[word[-1]]
    return DIGITS.get(word[-1])


def fits(particle: str, last: str) -> bool:
    if particle in ("로", "으로"):
        return (particle == "로") == (last in ("", "ㄹ"))
    return (particle in "은이을과") == bool(last)


def wrong_particles(text: str) -> list[str]:
    """What is said after a number, an abbreviation, a method, a mark or a bracket with a particle that does not fit."""
    found = []
    for said in re.finditer(PARTICLE, prose(text)):
        word, between, particle = said.groups()
        last = ending(word)
        if last is None or ("가" <= word[-1] <= "힣" and not between):  # a particle, or the end of a word: who knows
            continue
        found += [] if fits(particle, last) else [said[0]]
    return found


def plain_sentences(text: str) -> list[str]:
    """Sentences in another register than -습니다; headings, tables and bold beginnings of paragraphs have none."""
    lines = [line for line in prose(text).splitlines() if not line.startswith(("#", "|", "<details"))]
    return [said[0] for line in lines for said in re.finditer(PLAIN, re.sub(r"\*\*[^*]+\*\*|\"[^\"]*\"", "", line))]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_emphasis_is_read_as_such(path):
    assert unread_marks(path.read_text(encoding="utf-8")) == []


def test_marks_that_are_not_read_are_seen():
    assert unread_marks("*완성*(completion)을 01~05에서 $a * b$\n\n*시간*\\* `a*b*` 2~3분") == []
    assert unread_marks("*완성(completion)*을") == ["*완성(completion)*을"]
    assert unread_marks("01~05의 다섯 편, 01~04를 먼저") == ["~ ... ~"]


@pytest.mark.parametrize("path", [*FILES, CATALOGUE], ids=lambda path: path.stem)
def test_particles_fit_what_they_follow(path):
    assert wrong_particles(path.read_text(encoding="utf-8")) == []


def test_wrong_particles_are_seen():
    right = "AP는 D1과 D0으로, 1로 5와. padding은 `metrics.json`이, *완성*(completion)을 [표본](a.md)으로 3 %(ID)와"
    assert wrong_particles(right) == []
    wrong = "AP은 D1와 D0로, 1으로 5과. padding는 `metrics.json`가, *완성*(completion)를 [표본](a.md)로 3 %(ID)과"
    assert len(wrong_particles(wrong)) == 10


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_sentences_keep_one_register(path):
    assert plain_sentences(path.read_text(encoding="utf-8")) == []


def test_the_answers_of_check_keep_it_too():
    with CATALOGUE.open("rb") as file:
        read = read_po(file, locale="ko")
    messages = [m for m in read if any(re.match("nb|check|compare", name) for name, _ in m.locations)]
    assert len(messages) > 100
    assert [found for m in messages if (found := plain_sentences(str(m.string)))] == []


def test_other_registers_are_seen():
    assert plain_sentences("## 지식은 노출을 따른다.\n**얼마나 읽히는가?** 그렇습니다. 해 보세요. 맞을까요?") == []
    assert plain_sentences("이것은 답이다. 왜 그런가? 그래도 괜찮아요.") == ["답이다.", "그런가?", "괜찮아요."]


def test_terms_stand_with_the_english_word_where_they_are_first_used():
    """Headings apart; the places are those of the list of terms."""
    notebooks = unexecuted_notebooks()
    pages = {"README.ko.md": (ROOT / "README.ko.md").read_text(encoding="utf-8")}
    for name in SOURCES:
        cells = notebooks[f"ko/{name}"].cells
        pages[f"notebooks/ko/{name}.ipynb"] = "\n".join(c.source for c in cells if c.cell_type == "markdown")
    rows = re.findall(TERM, (ROOT / "docs" / "terms.ko.md").read_text(encoding="utf-8"), flags=re.M)
    late = []
    for term, korean, place in rows:
        said = re.sub(r"[*\[\]]|^#.*", "", prose(pages[place]), flags=re.M).lower()
        for longer in (other for _, other, _ in rows if korean in other and korean != other):
            said = said.replace(longer, "")
        introduced = said.find(f"{korean}({term}".lower())  # -1: in the solutions
        late += [term] if introduced > said.find(korean) else []
    assert len(rows) > 50 and late == []


def test_korean_pages_link_korean_pages():
    for path in FILES:
        targets = re.findall(r"\]\(([^)]+)\)", path.read_text(encoding="utf-8"))
        english = [t for t in targets if Path(t.partition("#")[0]).stem in SOURCES and "ko" not in Path(t).parts]
        assert path.parent.name == "ko" or english == [], path.name


def test_the_readme_calls_notebooks_by_their_titles():
    rows = dict(re.findall(r"\[(\d\d · [^\]]+)\]\(notebooks/ko/(\w+)\.ipynb\)", FILES[0].read_text(encoding="utf-8")))
    heads = {SOURCES[name].read_text(encoding="utf-8").split("\n# ", 1)[1].split("\n")[0]: name for name in SOURCES}
    assert {title: name for title, name in rows.items() if name in heads.values()} == heads
