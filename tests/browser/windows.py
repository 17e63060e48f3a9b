"""Browser windows, and the flaws to look for in them."""

import contextlib
import os
from collections.abc import Iterator
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
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
from tests.sampling import SOAK, pairs

WIDTHS = (360, 1280, 768)
THEMES = ("dark", "light")
LOOKS = pairs(WIDTHS, THEMES)
BETWEEN = () if SOAK else LOOKS[2:]
# Pages must fit from 320 px on (WCAG 1.4.10). Lists change their form at 900 px.
EVERY_WIDTH = (320, 360, 768, 900, 1100, 1280, 1920)
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
AXE = {
    "runOnly": {"type": "tag", "values": RULES},
    "resultTypes": ["violations"],
    "preload": False,  # none of our rules needs it, and it fails on @import
}
LAYOUT_RULES = ["scrollable-region-focusable", "target-size"]
WAIT_SECONDS = 60  # only a failing test waits so long

# Elements that extend beyond the right edge and are not clipped or scrolled.
TOO_WIDE = """() => [...document.body.querySelectorAll("*")].filter((element) => {
  if (element.getBoundingClientRect().right <= innerWidth + 1) return false;
  for (let around = element.parentElement; around; around = around.parentElement)
    if (getComputedStyle(around).overflowX !== "visible") return false;
  return true;
}).map((element) => element.outerHTML.slice(0, 120))"""

# Elements that show only a part of what is in them, so that one has to scroll sideways.
# Rows of links to periods or of actions may do so, and names that end with an ellipsis.
CUT = """() => [...document.body.querySelectorAll("*")].filter((element) =>
  element.scrollWidth > element.clientWidth + 1
  && element.clientWidth > 1 // else only for screen readers
  && element.checkVisibility()
  && !element.matches("input, select, textarea, .visually-hidden")
  && !element.matches(".periods, .bulk .group")
  && getComputedStyle(element).overflowX !== "visible"
  && getComputedStyle(element).textOverflow !== "ellipsis"
).map((element) => element.outerHTML.slice(0, 120))"""

# Whether elements are visible that are not among those seen before.
SHOWS_MORE = """() => {
  const before = seen.size;
  for (const element of document.body.querySelectorAll("*"))
    if (element.checkVisibility({visibilityProperty: true})) seen.add(element);
  return seen.size > before;
}"""


class NoBrowserError(RuntimeError):
    """No Chromium was found; the message says how to install one."""


@contextlib.contextmanager
def running_browser() -> Iterator[Browser]:
    """Run headless Chromium for the length of a block.

    Raises NoBrowserError.
    """
    path = chromium.find()
    if path is None:
        raise NoBrowserError(chromium.ADVICE)
    arguments = [] if os.geteuid() else ["--no-sandbox"]  # root has no sandbox
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        try:
            yield browser
        finally:
            browser.close()


class Windows:
    """Opens windows on one stack, and records problems in any of them."""

    def __init__(self, browser: Browser, stack: Any) -> None:
        self.problems: list[str] = []
        self._browser = browser
        self._stack = stack
        self._ours = (stack.web_url, stack.aws_url, stack.mailbox_url, "data:", "blob:")
        self._contexts: list[BrowserContext] = []

    def open(
        self,
        person: Person | None = None,
        *,
        width: int = 1280,
        theme: str = "light",
        javascript: bool = True,
        touch: bool = False,
    ) -> Page:
        """Open a window with its own cookies, logged in as a person."""
        context = self._browser.new_context(
            base_url=self._stack.web_url,
            viewport={"width": width, "height": 800},
            color_scheme=theme,
            java_script_enabled=javascript,
            has_touch=touch,
            locale="en-GB",
            timezone_id="UTC",
        )
        self._contexts.append(context)
        context.set_default_timeout(WAIT_SECONDS * 1000)
        context.on("request", self._note_stranger)
        context.on("response", self._note_refusal)
        context.on("console", self._note_message)
        context.on("weberror", lambda error: self.problems.append(str(error.error)))
        if person is not None:
            context.add_cookies(
                [
                    {"name": name, "value": value, "url": self._stack.web_url}
                    for name, value in person.http.cookies.items()
                ]
            )
        return context.new_page()

    def close(self) -> None:
        """Close every window."""
        for context in self._contexts:
            context.close()

    def _note_stranger(self, request: Request) -> None:
        if not request.url.startswith(self._ours):
            self.problems.append(f"asked a third party: {request.url}")

    def _note_refusal(self, response: Response) -> None:
        # A page may be an error, such as a form with errors; a subresource may not.
        if response.status >= 400 and not response.request.is_navigation_request():
            self.problems.append(f"{response.status} for {response.url}")

    def _note_message(self, message: ConsoleMessage) -> None:
        is_refusal = message.text.startswith("Failed to load resource")
        if message.type in {"error", "warning"} and not is_refusal:
            self.problems.append(f"{message.type}: {message.text}")


class LastingWindows(Windows):
    """Keeps one window open for each person, for tests that only read pages."""

    def __init__(self, browser: Browser, stack: Any) -> None:
        super().__init__(browser, stack)
        self._pages: dict[Person | None, Page] = {}

    def of(self, person: Person | None) -> Page:
        """Return a person's window; None: of nobody who is logged in."""
        if person not in self._pages:
            self._pages[person] = self.open(person)
        page = self._pages[person]
        show(page, 1280, "light")
        return page


def show(page: Page, width: int, theme: str, height: int = 800) -> None:
    """Set the window's width and theme."""
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme=theme)


def flaws(page: Page) -> list[str]:
    """Return the flaws of a page once it has loaded: too wide, cut or not accessible.

    axe is slow. Without SOAK, it checks a phone in the dark theme and a desktop in the
    light one, and in between only layout, unless something is shown only there.
    """
    page.wait_for_load_state()  # after a click, it may still be empty
    page.evaluate("window.seen = new Set()")
    flaws_found = []
    for width in EVERY_WIDTH:
        show(page, width, "light")
        flaws_found += [f"{width} px: {flaw}" for flaw in _does_not_fit(page)]
    for width, theme in LOOKS:
        show(page, width, theme)
        is_new = page.evaluate(SHOWS_MORE) or (width, theme) not in BETWEEN
        rules = AXE if is_new else AXE | {"runOnly": LAYOUT_RULES}
        flaws_found += [
            f"{width} px, {theme}: {flaw}" for flaw in _hard_to_use(page, rules)
        ]
    return flaws_found


def _does_not_fit(page: Page) -> list[str]:
    beyond = page.evaluate("document.scrollingElement.scrollWidth - innerWidth")
    widest = page.evaluate(TOO_WIDE)[:3]
    if beyond > 0 or widest:
        return [f"{beyond} px too wide: {' '.join(widest)}"]
    # Narrower than a phone, a table of large sums may scroll.
    cut = page.evaluate(f"innerWidth < {min(WIDTHS)} ? [] : ({CUT})()")[:3]
    return [f"cut: {' '.join(cut)}"] if cut else []


def _hard_to_use(page: Page, rules: dict[str, Any]) -> list[str]:
    if not page.evaluate("'axe' in window"):  # the script is half a megabyte
        page.evaluate(AXE_SCRIPT)
    findings = []
    for violation in page.evaluate("options => axe.run(options)", rules)["violations"]:
        where = [node["html"][:160] for node in violation["nodes"][:2]]
        summary = violation["nodes"][0].get("failureSummary", "").replace("\n", " ")
        findings.append(f"{violation['id']}: {summary} in {where}")
    return findings
