"""Windows of a real browser, and what to look for in them."""

import contextlib
import itertools
import os
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    Response,
    sync_playwright,
)

from tests.browser import chromium
from tests.integration.people import Person
from tests.sampling import SOAK

WIDTHS = (360, 1280)
EVERY_WIDTH = (320, 360, 800, 1280)  # nothing may be too wide from 320 on (WCAG 1.4.10)
THEMES = ("dark", "light")
LOOKS = list(itertools.product(WIDTHS, THEMES))
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
AXE = {
    "runOnly": {"type": "tag", "values": RULES},
    "resultTypes": ["violations"],
    "preload": False,  # no rule of ours needs it, and it trips over @import
}
WAIT_SECONDS = 15
STORAGE = "cookies,local_storage,indexeddb,cache_storage,service_workers"

# Elements that end right of the window and that nothing cuts off or scrolls.
TOO_WIDE = """() => [...document.body.querySelectorAll("*")].filter((element) => {
  if (element.getBoundingClientRect().right <= innerWidth + 1) return false;
  for (let around = element.parentElement; around; around = around.parentElement)
    if (getComputedStyle(around).overflowX !== "visible") return false;
  return true;
}).map((element) => element.outerHTML.slice(0, 120))"""


class NoBrowserError(RuntimeError):
    """There is no Chromium; the message says how to get one."""


@contextlib.contextmanager
def running_browser() -> Iterator[Browser]:
    """Run Chromium without a screen for the length of a block.

    Raises NoBrowserError.
    """
    path = chromium.find()
    if path is None:
        raise NoBrowserError(chromium.ADVICE)
    arguments = [] if os.geteuid() else ["--no-sandbox"]  # root has none
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        try:
            yield browser
        finally:
            browser.close()


class Windows:
    """Opens windows on one stack, and notes what goes wrong in any of them.

    Windows that were closed leave the browser's cache to later ones, and nothing else:
    without it each page would get and compile the scripts and styles again.
    """

    def __init__(self, browser: Browser, stack: Any) -> None:
        self.problems: list[str] = []
        self._browser = browser
        self._stack = stack
        self._origins = (stack.web_url, stack.aws_url, stack.mailbox_url)
        self._ours = (*self._origins, "data:", "blob:")
        self._open: list[tuple[bool, BrowserContext]] = []
        self._used: dict[bool, list[BrowserContext]] = defaultdict(list)

    def open(
        self,
        person: Person | None = None,
        *,
        width: int = 1280,
        theme: str = "light",
        javascript: bool = True,
        first_visit: bool = False,
    ) -> Page:
        """Open a window with cookies of its own, logged in as a person.

        first_visit: whether with an empty cache.
        """
        used = [] if first_visit else self._used[javascript]
        context = used.pop() if used else self._new_context(javascript)
        self._open.append((javascript, context))
        if person is not None:
            context.add_cookies(
                [
                    {"name": name, "value": value, "url": self._stack.web_url}
                    for name, value in person.http.cookies.items()
                ]
            )
        page = context.new_page()
        show(page, width, theme)
        return page

    def close(self) -> None:
        """Close every window, and forget cookies and what scripts stored."""
        for javascript, context in self._open:
            if not context.pages:  # of whose storage nothing is known
                context.close()
                continue
            storage = context.new_cdp_session(context.pages[0])
            for origin in self._origins:
                everything = {"origin": origin, "storageTypes": STORAGE}
                storage.send("Storage.clearDataForOrigin", everything)
            context.clear_cookies()
            for page in context.pages:
                page.close()
            self._used[javascript].append(context)
        self._open.clear()

    def _new_context(self, javascript: bool) -> BrowserContext:
        context = self._browser.new_context(
            base_url=self._stack.web_url,
            java_script_enabled=javascript,
            locale="en-GB",
            timezone_id="UTC",
        )
        context.set_default_timeout(WAIT_SECONDS * 1000)
        context.on("request", self._note_stranger)
        context.on("response", self._note_refusal)
        context.on("console", self._note_message)
        context.on("weberror", lambda error: self.problems.append(str(error.error)))
        return context

    def _note_stranger(self, request: Request) -> None:
        if not request.url.startswith(self._ours):
            self.problems.append(f"asked a third party: {request.url}")

    def _note_refusal(self, response: Response) -> None:
        # A page may well be a refusal, such as a form with errors; a part may not.
        if response.status >= 400 and not response.request.is_navigation_request():
            self.problems.append(f"{response.status} for {response.url}")

    def _note_message(self, message: ConsoleMessage) -> None:
        is_refusal = message.text.startswith("Failed to load resource")
        if message.type in {"error", "warning"} and not is_refusal:
            self.problems.append(f"{message.type}: {message.text}")


def show(page: Page, width: int, theme: str, height: int = 800) -> None:
    """Make the window as large as said, in a theme."""
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme=theme)


def flaws(page: Page, looks: Sequence[tuple[int, str]] | None = None) -> list[str]:
    """Return what is wrong with a page: too wide, or hard to use.

    looks: the widths and themes that axe looks at, which takes longest. None: one of
    the four, by the test's name; `make soak` has them all.
    """
    found = []
    for width in EVERY_WIDTH:
        show(page, width, "light")
        found += [f"{width} px: {flaw}" for flaw in _too_wide(page)]
    for width, theme in looks or _looks_of_this_test():
        show(page, width, theme)
        found += [f"{width} px, {theme}: {flaw}" for flaw in _hard_to_use(page)]
    return found


def _looks_of_this_test() -> Sequence[tuple[int, str]]:
    if SOAK:
        return LOOKS
    name = os.environ["PYTEST_CURRENT_TEST"].encode()
    return [LOOKS[zlib.crc32(name) % len(LOOKS)]]


def _too_wide(page: Page) -> list[str]:
    beyond = page.evaluate("document.scrollingElement.scrollWidth - innerWidth")
    widest = page.evaluate(TOO_WIDE)[:3]
    if beyond <= 0 and not widest:
        return []
    return [f"{beyond} px too wide: {' '.join(widest)}"]


def _hard_to_use(page: Page) -> list[str]:
    found = []
    for violation in Axe().run(page, options=AXE).response["violations"]:
        where = [node["html"][:160] for node in violation["nodes"][:2]]
        said = violation["nodes"][0].get("failureSummary", "").replace("\n", " ")
        found.append(f"{violation['id']}: {said} in {where}")
    return found
