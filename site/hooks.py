"""What MkDocs asks about each page: its formulas without scripts, nothing from outside, and its language."""

import re
from html import unescape
from typing import Any

from latex2mathml.converter import convert

FORMULA = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', flags=re.S)
OUTSIDE = re.compile(r'<img\b(?=[^>]*\ssrc="https?:)(?=[^>]*\salt="([^"]*)")[^>]*>')
ALTERNATE = re.compile(r'<link rel="alternate"[^>]*>\s*')
KOREAN = re.compile(r"\.ko\.md$|^notebooks/ko/")


def on_page_content(html: str, **_: Any) -> str:
    """Formulas as MathML, which browsers show and read out by themselves; pictures from outside as their words."""
    return OUTSIDE.sub(r"\1", FORMULA.sub(_mathml, html))


def _mathml(found: re.Match[str]) -> str:
    return convert(unescape(found[2]), display="block" if found[1] == "div" else "inline")


def on_page_context(context: dict[str, Any], page: Any, config: Any, nav: Any) -> dict[str, Any]:
    """The theme's words in the page's language, and a menu that leads to the same page in the other one."""
    source = page.file.src_uri
    urls = {other.file.src_uri: other.url for other in nav.pages}
    config.theme["language"] = "ko" if KOREAN.search(source) else "en"
    config.extra["alternate"] = [
        {"name": "English", "lang": "en", "link": urls.get(english(source), urls["README.md"])},
        {"name": "한국어", "lang": "ko", "link": urls.get(korean(source), urls["README.ko.md"])},
    ]
    return context


def on_post_page(output: str, **_: Any) -> str:
    """Without the head's links to other languages: the theme's script looks for a map of a whole site behind each."""
    return ALTERNATE.sub("", output)


def english(source: str) -> str:
    """The page whose translation this is, or itself."""
    return source.replace(".ko.md", ".md").replace("notebooks/ko/", "notebooks/")


def korean(source: str) -> str:
    """Where the page's translation would be."""
    plain = english(source)
    is_notebook = plain.startswith("notebooks/")
    return plain.replace("notebooks/", "notebooks/ko/", 1) if is_notebook else plain.replace(".md", ".ko.md")
