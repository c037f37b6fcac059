"""Committed pages in a headless Chromium: nothing is fetched from elsewhere, nothing fails, every figure is seen."""

import json
import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = ["docs/results/claims/index.html"]
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--window-size=1000,1400",
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """A Chromium that keeps its console and its requests; without one the tests are left out, unless it is required."""
    binary, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if os.environ.get("LTD_BROWSER") != "required":
        pytest.importorskip("selenium")
        if not (binary and driver):
            pytest.skip("no chromium with its chromedriver here")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    found = webdriver.Chrome(options=options, service=Service(driver))
    yield found
    found.quit()


def seen(browser, page):
    """Open a page and scroll through it; what it asked for, what its console said, and its pictures."""
    browser.get(page.as_uri())
    images = browser.execute_async_script(
        """
        const done = arguments[0], images = [...document.images];
        images.forEach(image => { image.loading = "eager"; image.scrollIntoView(); });
        Promise.all(images.map(image => image.decode().catch(() => null))).then(() => done(images.map(
            image => [image.getAttribute("src"), image.naturalWidth, image.getBoundingClientRect().width, image.alt])));
        """
    )
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    sent = [event["params"] for event in events if event["method"] == "Network.requestWillBeSent"]
    asked = [one["request"]["url"] for one in sent if one["documentURL"] == page.as_uri()]  # not those of the new tab
    return asked, browser.get_log("browser"), images


@pytest.mark.parametrize("name", PAGES)
def test_a_committed_page_stands_alone(browser, name):
    asked, said, images = seen(browser, ROOT / name)
    assert asked and all(url.startswith(("file:", "data:")) for url in asked), asked
    assert said == []
    assert images and all(natural > 100 and shown > 100 and alt for _, natural, shown, alt in images), images
    width = browser.execute_script("return [document.documentElement.scrollWidth, window.innerWidth]")
    assert width[0] <= width[1], "the page is wider than the window"


def test_a_broken_page_is_noticed(browser, tmp_path):
    page = tmp_path / "page.html"
    page.write_text(
        '<img src="gone.png" alt="x"><script>console.error("no")</script><img src="http://127.0.0.1:9/x.png" alt="y">'
    )
    asked, said, images = seen(browser, page)
    assert any(url.startswith("http:") for url in asked)
    assert any("no" in entry["message"] for entry in said)
    assert [natural for _, natural, *_ in images] == [0, 0]
