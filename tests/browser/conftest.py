"""One Chromium for the tests of a module."""

import pytest


@pytest.fixture(scope="module")
def chromium():
    import lab
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=lab.chromium(), args=["--no-sandbox"])
        yield browser
        browser.close()
