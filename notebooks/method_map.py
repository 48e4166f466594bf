"""The method on one page, with where each notebook stands: ``python notebooks/method_map.py`` writes ``docs/map.svg``.

The picture has a ground of its own, so that it reads on light and dark pages alike. The course's notebooks and the
extensions differ in shape and line as well as in colour. ``map.ko.svg`` is the same in Korean.
"""

import unicodedata
from html import escape
from pathlib import Path
from typing import NamedTuple

from build import NOTEBOOKS, source_files, translation_files

from rtuning_helpers.json_files import write_text

COURSE = ("01", "02", "03", "04", "05")  # a notebook for each step
ABOUT = (("10",), ("09",), ("13", "14"), ("11",), ("07", "15", "16", "18"))  # the extensions about each step
"""Whatever stands nowhere here goes the whole way again."""


class Words(NamedTuple):
    """What the picture says in one language."""

    title: str
    legend: str
    steps: tuple[tuple[str, str], ...]
    again: str


WORDS = {
    "en": Words(
        "R-Tuning, step by step",
        "Boxes with corners and bold: the course. Round and dashed: extensions, after it.",
        (
            ("Ask", "The untuned model answers every training question. Right: certain, D1. Wrong: uncertain, D0."),
            ("Listen for doubt", "Do its answers scatter when it is asked ten times? Is the question surprising?"),
            ("Write it down", "D1: the answer, “I am sure.” D0: “I am unsure.”, or a refusal instead."),
            ("Tune", "Low-rank matrices beside the frozen model learn these records."),
            ("Examine", "New questions: answer, P(sure), refusals. Does it know what it knows?"),
        ),
        "The whole way again",
    ),
    "ko": Words(
        "R-Tuning, 한 단계씩",
        "각지고 굵은 상자: 본 과정. 둥근 파선 상자: 그다음의 심화 과정(영문).",
        (
            ("묻기", "조정 전 모델이 모든 훈련 질문에 답합니다. 맞으면 확실(D1), 틀리면 불확실(D0)."),
            ("망설임 살피기", "열 번 물으면 답이 흩어지나요? 질문이 뜻밖인가요?"),
            ("적어 두기", "D1: 답과 “I am sure.” D0: “I am unsure.” 또는 거절."),
            ("조정하기", "고정된 모델 옆의 저랭크 행렬이 이 레코드를 배웁니다."),
            ("시험하기", "새로운 질문: 답, P(sure), 거절. 자신이 무엇을 아는지 아나요?"),
        ),
        "처음부터 끝까지 다시",
    ),
}
FONTS = "Helvetica, Arial, Noto Sans KR, Apple SD Gothic Neo, Malgun Gothic, DejaVu Sans, sans-serif"
INK, QUIET, GROUND, LINE = "#1b1f24", "#4a5058", "#ffffff", "#6b7280"
BLUE, VERMILION = "#005b8f", "#9a4a00"  # of the colour-blind palette, dark enough for small text
LIGHT_BLUE, LIGHT_VERMILION = "#e3f1fa", "#fff1e3"
WIDTH, MARGIN, GAP, TOP = 1000, 14, 22, 62
COLUMN = (WIDTH - 2 * MARGIN - (len(COURSE) - 1) * GAP) / len(COURSE)
PROSE, LINE_HEIGHT, A_ROW = 112, 17, 3  # height of what happens; of a line; boxes in a row of the last part
LETTERS = 23  # that a box of a step holds in a line; a wide one, as of Hangul, counts two
WIDE = (WIDTH - 2 * MARGIN - (A_ROW - 1) * GAP) / A_ROW


def picture(language: str) -> Path:
    """Where the picture lies."""
    return NOTEBOOKS.parent / "docs" / ("map.svg" if language == "en" else f"map.{language}.svg")


def titles(language: str = "en") -> dict[str, str]:
    """Number of each notebook -> its title, in the language if the notebook is there in it, else in English."""
    files = [*source_files().values(), *translation_files(language).values()]
    heads = (path.read_text(encoding="utf-8").split("· ", 1) for path in files)
    return {before[-3:-1]: after.split("\n")[0] for before, after in heads}


def whole_way() -> list[str]:
    """Numbers of the notebooks that stand at no step."""
    placed = {number for numbers in (COURSE, *ABOUT) for number in numbers}
    return [number for number in titles() if number not in placed]


def in_words(language: str) -> str:
    """What the picture shows, as text."""
    words, names = WORDS[language], titles(language)
    parts = []
    for place, (name, happens) in enumerate(words.steps):
        there = [number for number in (COURSE[place], *ABOUT[place]) if number in names]
        parts.append(f"{place + 1}. {name}: {happens} ({'; '.join(f'{n} · {names[n]}' for n in there)})")
    return " ".join([*parts, f"{words.again}: {'; '.join(f'{n} · {names[n]}' for n in whole_way())}"])


def draw(language: str) -> str:
    """The picture as SVG."""
    words, names = WORDS[language], titles(language)
    parts = [_text(MARGIN, 24, [f"{words.title}. {words.legend}"], QUIET)]
    lowest = 0.0
    for place, (name, happens) in enumerate(words.steps):
        x, y = MARGIN + place * (COLUMN + GAP), float(TOP)
        parts.append(_text(x, y, [f"{place + 1}. {name}"], INK, 'font-size="16" font-weight="600"'))
        parts.append(_text(x, y + 24, _wrap(happens, LETTERS + 2), QUIET))
        if place:
            way = f"M{x - GAP + 3:g} {y - 6:g} H{x - 4:g} m-6 -5 l6 5 l-6 5"
            parts.append(f'<path d="{way}" fill="none" stroke="{LINE}" stroke-width="2"/>')
        y += PROSE
        for number in (COURSE[place], *ABOUT[place]):
            if number in names:
                lines = _wrap(f"{number} · {names[number]}", LETTERS)
                parts.append(_notebook(x, y, COLUMN, lines, number in COURSE))
                y += _height(lines) + 10
        lowest = max(lowest, y)
    parts.append(f'<path d="M{MARGIN} {lowest + 4:g} H{WIDTH - MARGIN}" stroke="{LINE}"/>')
    parts.append(_text(MARGIN, lowest + 26, [words.again], INK, 'font-size="16" font-weight="600"'))
    bottom = lowest + 38
    numbers = whole_way()
    for row in (numbers[k : k + A_ROW] for k in range(0, len(numbers), A_ROW)):
        wrapped = [_wrap(f"{number} · {names[number]}", 2 * LETTERS - 2) for number in row]
        parts += [_notebook(MARGIN + k * (WIDE + GAP), bottom, WIDE, lines, False) for k, lines in enumerate(wrapped)]
        bottom += max(map(_height, wrapped)) + 10
    return _page(words.title, in_words(language), parts, bottom + 6)


def _wrap(text: str, letters: int) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        wide = sum(2 if unicodedata.east_asian_width(letter) == "W" else 1 for letter in longer)
        if wide <= letters or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _text(x: float, y: float, lines: list[str], colour: str, look: str = 'font-size="13"') -> str:
    places = ((y + k * LINE_HEIGHT, line) for k, line in enumerate(lines))
    spans = "".join(f'<tspan x="{x:g}" y="{place:g}">{escape(line)}</tspan>' for place, line in places)
    return f'<text fill="{colour}" {look}>{spans}</text>'


def _height(lines: list[str]) -> int:
    return LINE_HEIGHT * len(lines) + 14


def _notebook(x: float, y: float, width: float, lines: list[str], course: bool) -> str:
    shape = 'rx="3" stroke-width="2.5"' if course else 'rx="14" stroke-width="1.5" stroke-dasharray="6 3"'
    colour, ground = (BLUE, LIGHT_BLUE) if course else (VERMILION, LIGHT_VERMILION)
    place = f'x="{x:g}" y="{y:g}" width="{width:g}" height="{_height(lines)}"'
    look = f'font-size="13" font-weight="{600 if course else 400}"'
    return f'<rect {place} {shape} fill="{ground}" stroke="{colour}"/>' + _text(x + 10, y + 20, lines, colour, look)


def _page(title: str, words: str, parts: list[str], height: float) -> str:
    size = f'viewBox="0 0 {WIDTH} {height:g}" width="{WIDTH}" height="{height:g}"'
    reading = f'role="img" aria-labelledby="title words" font-family="{FONTS}"'
    frame = f'x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1:g}" rx="6" fill="{GROUND}" stroke="{LINE}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} {reading}>',
        f'<title id="title">{escape(title)}</title>',
        f'<desc id="words">{escape(words)}</desc>',
        f"<rect {frame}/>",
        *parts,
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    for chosen in WORDS:
        write_text(picture(chosen), draw(chosen))
