"""Screenshots of the main pages, for the README and for review.

    python -m tests.browser.screenshots [folder]

Starts a separate local stack with the demo data, and saves each page at both widths
and in both themes as docs/screenshots/<page>-<width>-<theme>.webp.
"""

import io
import itertools
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from PIL import Image
from playwright.sync_api import Page

from smartbudget.local.settings import DEMO_PASSWORD, DEMO_USERNAME, ROOT
from smartbudget.local.stack import LocalStack
from tests.browser.windows import (
    THEMES,
    NoBrowserError,
    Windows,
    running_browser,
    show,
)
from tests.stack import Stack, make_settings

FOLDER = ROOT / "docs" / "screenshots"
PAGES = {
    "dashboard": "/",
    "expenses": "/expenses",
    "expense": "/expenses/add",
    "categories": "/expenses/categories",
    "budgets": "/budgets",
    "notifications": "/notifications",
    "reports": "/reports",
    "profile": "/accounts/profile",
    "tokens": "/accounts/tokens",
}
STATEMENT = """\
Date;Payee;Text;Amount
24.11.2026;Greenfield;Supermarket;-54.20
24.11.2026;Café Nord;Flat white;-4.50
24.11.2026;Café Nord;Flat white;-4.50
26.11.2026;Northern Rail;Train to York;-31.75
27.11.2026;Reelhouse;Films and series;-13.99
28.11.2026;Holt;Shoes, sent back;35.00
"""
HEIGHTS = {360: 740, 1280: 800}  # a phone and a laptop
LARGEST_BYTES = 60_000
QUALITIES = (80, 70, 60, 50, 40)


def main(arguments: list[str]) -> int:
    """Save all screenshots; return the exit code."""
    folder = Path(arguments[0]) if arguments else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place, running_browser() as browser:
        local = LocalStack(make_settings(Path(place)), say=print)
        try:
            local.start()
            windows = Windows(browser, Stack(local))
            page = windows.open()
            _log_in(page)
            for name, address in {**PAGES, "import": _upload(page)}.items():
                page.goto(address)
                for width, theme in itertools.product(HEIGHTS, THEMES):
                    path = folder / f"{name}-{width}-{theme}.webp"
                    path.write_bytes(_picture(page, width, theme))
                    print(f"{path.name}: {path.stat().st_size} bytes")
            windows.close()
        finally:
            local.stop()
    return 0


def _log_in(page: Page) -> None:
    page.goto("/login")
    page.get_by_label("Username or e-mail").fill(DEMO_USERNAME)
    page.get_by_label("Password").fill(DEMO_PASSWORD)
    page.get_by_role("button", name="Log in", exact=True).click()
    page.get_by_role("button", name="Account menu").wait_for()


def _upload(page: Page) -> str:
    """Upload a bank's file, and return the path of its preview."""
    page.goto("/expenses/import")
    page.locator("input[type=file]").set_input_files(
        {"name": "statement.csv", "mimeType": "text/csv", "buffer": STATEMENT.encode()}
    )
    page.get_by_role("button", name="Upload").click()
    page.get_by_role("heading", name="statement.csv").wait_for()
    return urlsplit(page.url).path


def _picture(page: Page, width: int, theme: str) -> bytes:
    """Return a screenshot of the window as WebP, small enough for the repository."""
    show(page, width, theme, HEIGHTS[width])
    page.evaluate("scrollTo(0, 0)")
    drawn = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    for quality in QUALITIES:
        output = io.BytesIO()
        drawn.save(output, "WEBP", quality=quality, method=6)
        if output.tell() <= LARGEST_BYTES:
            break
    return output.getvalue()


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except NoBrowserError as exc:
        sys.exit(str(exc))
