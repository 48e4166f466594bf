"""The site in Chromium, light and dark: its search and languages, without an error or a request to outside."""

from __future__ import annotations

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api", reason="Playwright is not installed (extra `test`)")
for needed in ("mkdocs", "material", "latex2mathml"):
    pytest.importorskip(needed, reason=f"{needed} is not installed (extra `site`)")
import book  # noqa: E402 - needs MkDocs
import lab  # noqa: E402 - needs Playwright

SCREENSHOTS = Path(__file__).parent / "screenshots"
TEXT = [".md-content, .md-nav--primary, .md-nav--secondary", ".headerlink, math"]
WIDE = """() => [...document.querySelectorAll('.md-content img, .md-content table, .md-content pre, .md-content p')]
  .filter(e => { const area = e.closest('.md-typeset__scrollwrap, pre') || e;  // these can be moved sideways
    return e.offsetParent && area.getBoundingClientRect().right > innerWidth; }).map(e => e.outerHTML.slice(0, 80))"""
BROKEN = "() => [...document.images].filter(e => e.complete && !e.naturalWidth).map(e => e.src)"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(lab.chromium() is None, reason="no Chromium here (Debian: apt-get install chromium)"),
]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    book.make(folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(params=["light", "dark"])
def page(request, chromium, address):
    """A page in a theme, as the reader's system wants it; in the end, nothing may have gone wrong on it."""
    page = chromium.new_page(viewport=lab.SIZE, color_scheme=request.param, reduced_motion="reduce")
    page.set_default_timeout(1000 * lab.PATIENCE)
    wrong: list[str] = []
    page.on("console", lambda said: wrong.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("requestfailed", lambda asked: wrong.append(f"failed: {asked.url}"))
    page.on(
        "request", lambda asked: None if asked.url.startswith((address, "data:", "blob:")) else wrong.append(asked.url)
    )
    page.scheme = {"light": "default", "dark": "slate"}[request.param]
    yield page
    page.close()
    assert wrong == []


@pytest.mark.parametrize(
    "path", ["index.html", "README.ko.html", "notebooks/02_measure_uncertainty.html", "notebooks/05_evaluate.html"]
)
def test_pages_in_light_and_dark(page, address, path):
    page.goto(f"{address}/{path}")
    page.locator(f'body[data-md-color-scheme="{page.scheme}"]').wait_for()
    for folded in page.locator(".md-content details").all():
        folded.evaluate("e => { e.open = true; }")
    page.wait_for_load_state("networkidle")
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"site-{Path(path).stem}-{page.scheme}.png")
    assert page.evaluate(lab.PALE, TEXT) == []
    assert page.evaluate(WIDE) == [] and page.evaluate(BROKEN) == []
    if "02" in path:
        box = page.locator("math").first.bounding_box()
        assert box["width"] > 5 and box["height"] > 5


def test_search_and_languages(page, address):
    page.goto(f"{address}/index.html")
    for words in ("perplexity", "거절"):
        page.locator(".md-search__input").fill(words)
        page.locator(".md-search-result__item").first.wait_for()
        assert words in page.locator(".md-search-result__list").inner_text().lower()
    page.keyboard.press("Escape")
    page.locator(".md-select button").hover()
    page.locator('.md-select__link[hreflang="ko"]').click()
    page.wait_for_url("**/README.ko.html")
    assert page.locator("html").get_attribute("lang") == "ko"
    page.locator(".md-header__option label:visible").click()
    page.locator(f'body:not([data-md-color-scheme="{page.scheme}"])').wait_for()
