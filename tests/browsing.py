"""A browser without a window, and what it sees of pages opened from disk."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
QUIET = (  # what a browser asks of the network on its own, and what a container cannot give it
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic"),
    *("--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
DESK, PHONE = 1400, 390  # widths of a window, in CSS pixels
SEEN = """
const [done] = arguments;
const pictures = [...document.images];
pictures.forEach(picture => { picture.loading = "eager"; });
Promise.all(pictures.map(picture => picture.decode().then(() => "", () => picture.src))).then(broken => done({
  links: [...document.querySelectorAll("a[href]")].map(a => new URL(a.getAttribute("href"), document.baseURI).href),
  broken: broken.filter(Boolean),
}));
"""


@contextmanager
def started(profile: Path) -> Iterator:
    """Start the browser with a profile of its own, or skip the test by name where one is not installed."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed (the dev extra holds it)")
    binary = next(filter(None, map(shutil.which, BROWSERS)), None)
    chromedriver = shutil.which("chromedriver")
    if not binary or not chromedriver:
        pytest.skip(f"no browser: needs one of {', '.join(BROWSERS)} and chromedriver on PATH")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for argument in (*QUIET, f"--user-data-dir={profile}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(chromedriver))
    browser.set_script_timeout(60)
    try:
        yield browser
    finally:
        browser.quit()


def resize(browser, width: int) -> None:
    """Give the page a screen of a width; a phone's has no bars at its sides."""
    screen = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width == PHONE}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)


def scripted(browser, on: bool) -> None:
    """Let pages run their scripts, or not."""
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not on})


def faults(browser, page: Path) -> list[str]:
    """Open a page and list what is wrong with it: in the console, in its links and pictures, in its widths."""
    resize(browser, PHONE)
    browser.get_log("browser")  # emptied
    browser.get(page.as_uri())
    seen = browser.execute_async_script(SEEN)
    found = [f"picture {url} does not load" for url in seen["broken"]]
    found += [f"link to {url}, which is not there" for url in sorted(set(seen["links"])) if not leads(url)]
    for width in (PHONE, DESK):
        resize(browser, width)
        wide = browser.execute_script("return document.documentElement.scrollWidth")
        found += [f"{wide} px wide on a screen of {width}"] if wide > width else []
    found += [f"console: {e['message']}" for e in browser.get_log("browser") if e["level"] == "SEVERE"]
    return [f"{page.name}: {fault}" for fault in found]


def leads(url: str) -> bool:
    """Tell whether a link holds: its file is there, with the anchor that it names; the network is not asked."""
    parts = urlsplit(url)
    if parts.scheme != "file":
        return parts.scheme in ("http", "https", "mailto", "blob")
    file = Path(url2pathname(parts.path))
    return file.exists() and (not parts.fragment or unquote(parts.fragment) in anchors(file))


@cache
def anchors(file: Path) -> set[str]:
    """Return the anchors of a page."""
    return set(re.findall(r'\bid="([^"]+)"', file.read_text(encoding="utf-8")))


def barriers(browser, page: Path, dark: bool) -> list[str]:
    """List what axe-core calls serious or critical on a page, in the light or the dark colours."""
    axe = pytest.importorskip("axe_core_python.selenium", reason="axe-core-python is not installed (dev extra)")
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    browser.get(page.as_uri())
    found = axe.Axe().run(browser, options={"resultTypes": ["violations"]})["violations"]
    return [
        f"{page.name}, {scheme['value']}: {fault['id']}, {len(fault['nodes'])} times, first {fault['nodes'][0]['html']}"
        for fault in found
        if fault["impact"] in ("serious", "critical")
    ]
