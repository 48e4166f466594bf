"""JupyterLab in a real browser: a server of its own, and a notebook's page to be run, looked at and typed into."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

from playwright.sync_api import Locator, Page

SIZE = {"width": 1280, "height": 800}
PATIENCE = 300  # [s] with a busy machine; on an idle one all of this takes seconds
SETTINGS = {
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},  # every output is there to be looked at
}
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}

# Of everything below the code cells: what is wider than its place, by less than which nobody sees a difference.
CUT_OFF = """() => [...document.querySelectorAll('.jp-OutputArea-output')].flatMap(area => {
  const found = [...area.querySelectorAll('img, table, .jupyter-widgets')].filter(e => e.offsetParent !== null);
  const right = document.querySelector('.jp-WindowedPanel-outer, .jp-Notebook').getBoundingClientRect().right;
  return [area, ...found].filter(e => e.scrollWidth > e.clientWidth + 2 && getComputedStyle(e).overflowX !== 'visible'
    || e.getBoundingClientRect().right > right + 2).map(e => e.tagName + ': ' + e.innerText.slice(0, 80));
})"""
NO_PICTURE = """() => [...document.querySelectorAll('.jp-Notebook img')]
  .filter(e => e.complete && !e.naturalWidth).map(e => e.alt)"""
# Text in these places, but not in those, with less contrast than 4.5 (24 px: 3) to the colour behind it.
PALE = """([places, passed_over]) => {
  const parse = c => { const n = c.match(/[\\d.]+/g).map(Number); return n.length < 4 ? [...n, 1] : n; };
  const light = rgb => { const [r, g, b] = rgb.slice(0, 3).map(v => v / 255).map(v =>
    v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const behind = e => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor);
    if (c[3] > 0.99) return c; } return [255, 255, 255, 1]; };
  const pale = new Set();
  for (const area of document.querySelectorAll(places)) {
    const walk = document.createTreeWalker(area, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
      const e = walk.currentNode.parentElement;
      const text = walk.currentNode.textContent.trim();
      if (!text || !e.offsetParent || e.closest(passed_over)) continue;
      const style = getComputedStyle(e), a = light(parse(style.color)), b = light(behind(e));
      const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      if (ratio < (parseFloat(style.fontSize) >= 24 ? 3 : 4.5))
        pale.add(`${ratio.toFixed(2)} ${style.color} ${e.tagName}: ${text.slice(0, 40)}`);
    }
  }
  return [...pale];
}"""
PROSE_AND_OUTPUTS = [".jp-OutputArea-output, .jp-MarkdownOutput", "mjx-container, .jp-InternalAnchorLink"]
RED = '[data-mime-type="application/vnd.jupyter.error"], [data-mime-type="application/vnd.jupyter.stderr"]'
PROGRESS = """() => ({
  bars: [...document.querySelectorAll('.jp-OutputArea-output')].map(o => o.innerText)
    .filter(t => /\\d+%\\|/.test(t)).join('\\n'),
  begun: [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')].filter(p => /[*\d]/.test(p.innerText)).length,
  waiting: [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')].filter(p => p.innerText.includes('*')).length,
})"""


@contextmanager
def server(folder: Path, work: Path, environment: dict[str, str]) -> Iterator[str]:
    """A JupyterLab for the notebooks in a folder, on a free port of this machine only.

    Gives its address, with places for a workspace and a notebook: a workspace opens again what was open in it before.

    Args:
        folder: The notebooks.
        work: For its own settings and log, away from those of the user.
        environment: Of its kernels, beside this process's.
    """
    for name, values in SETTINGS.items():
        file = work / "settings" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values), encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--ServerApp.root_dir={folder}"]
    command += [f"--ServerApp.port={port}", "--ServerApp.port_retries=0", "--ServerApp.ip=127.0.0.1"]
    command += [f"--IdentityProvider.token={token}", "--LabApp.news_url="]
    places = {"JUPYTER_CONFIG_DIR": "config", "JUPYTER_RUNTIME_DIR": "runtime", "JUPYTER_DATA_DIR": "data"}
    places |= {"JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTERLAB_WORKSPACES_DIR": "workspaces"}
    inherited = {name: value for name, value in os.environ.items() if name not in ("TQDM_DISABLE", "MPLBACKEND")}
    env = inherited | {name: str(work / place) for name, place in places.items()} | environment
    with (work / "log").open("wb") as log:
        process = subprocess.Popen(command, env=env, stdout=log, stderr=log)
        try:
            wait_for(lambda: answers(f"http://127.0.0.1:{port}/api?token={token}"), PATIENCE, "JupyterLab starts")
            yield f"http://127.0.0.1:{port}/lab/workspaces/{{}}/tree/{{}}?token={token}"
        finally:
            process.terminate()  # it shuts its kernels down first
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def answers(url: str) -> bool:
    try:
        return urlopen(url, timeout=5).status == 200
    except OSError:
        return False


def wait_for(condition, seconds: float, what: str):
    """What the condition gives as soon as it is true."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(0.1)
    return found


def chromium() -> str | None:
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


class Lab:
    """A notebook's page in JupyterLab."""

    def __init__(self, page: Page, screenshots: Path) -> None:
        self.page, self.screenshots = page, screenshots
        page.set_default_timeout(1000 * PATIENCE)

    def open(self, url: str) -> None:
        self.page.set_viewport_size(SIZE)
        self.page.goto(url)
        self.page.locator(".jp-Notebook .jp-CodeCell").first.wait_for()
        self.page.locator(".jp-KernelName", has_text="Python 3").wait_for()  # before, a run would ask for a kernel
        self.page.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]').wait_for()

    def run_all(self, seconds: float) -> list[str]:
        """Run all cells of a notebook that has not been run, and give the bars that were seen meanwhile."""
        self._menu("Run", "Run All Cells")
        seen: list[str] = []

        def done() -> bool:
            now = self.page.evaluate(PROGRESS)
            if now["bars"] and now["bars"] not in seen:
                seen.append(now["bars"])
            return not now["waiting"]

        wait_for(lambda: self.page.evaluate(PROGRESS)["begun"], PATIENCE, "the cells begin")
        wait_for(done, seconds, "the cells end")
        self._settle()
        return seen

    def complaints(self) -> list[str]:
        """Errors, bars that stayed, what is cut off, missing pictures, text that is too pale, as the page is now."""
        bars = self.page.evaluate(PROGRESS)["bars"]
        red = [f"red box: {text[-400:]}" for text in self.page.locator(RED).all_inner_texts()]
        return [
            *red,
            *([f"a bar that stayed: {bars}"] if bars else []),
            *(f"cut off: {what}" for what in self.page.evaluate(CUT_OFF)),
            *(f"no picture: {what}" for what in self.page.evaluate(NO_PICTURE)),
            *(f"too pale: {what}" for what in self.page.evaluate(PALE, PROSE_AND_OUTPUTS)),
        ]

    def theme(self, name: str) -> None:
        wanted = THEMES[name]
        self._menu("Settings", "Theme", wanted)
        is_light = "true" if name == "light" else "false"
        self.page.locator(f'body[data-jp-theme-light="{is_light}"]').wait_for(state="attached")
        self._settle()

    def cell(self, text: str) -> Locator:
        """The code cell that holds a text."""
        return self.page.locator(".jp-CodeCell").filter(has=self.page.locator(".jp-InputArea", has_text=text)).first

    def type_into(self, cell: Locator, source: str) -> None:
        """Replace a cell's code, and run it."""
        cell.locator(".cm-content").click()
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text(source)
        self.page.keyboard.press("Control+Enter")

    def run_cell(self, cell: Locator) -> None:
        cell.locator(".cm-content").click()
        self.page.keyboard.press("Control+Enter")

    def look(self, name: str) -> None:
        """A picture of the whole notebook, as long as it is."""
        height = self.page.evaluate("""() => Math.max(...[...document.querySelectorAll(
            '.jp-Notebook, .jp-WindowedPanel-outer')].map(e => e.scrollHeight))""")
        self.page.set_viewport_size(SIZE | {"height": min(height + 120, 16_000)})
        self.page.evaluate(
            "() => document.querySelectorAll('.jp-WindowedPanel-outer').forEach(e => { e.scrollTop = 0; })"
        )
        self._settle()
        self.screenshots.mkdir(exist_ok=True)
        self.page.screenshot(path=self.screenshots / f"{name}.png")
        self.page.set_viewport_size(SIZE)
        self._settle()

    def _menu(self, *names: str) -> None:
        self.page.locator(".lm-MenuBar-item", has_text=names[0]).first.click()
        for name in names[1:]:
            self.page.locator(".lm-Menu-item", has=self.page.get_by_text(name, exact=True)).last.click()

    def _settle(self) -> None:
        self.page.wait_for_timeout(700)
