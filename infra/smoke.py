"""Check from outside that a deployed stage responds correctly.

python -m infra.smoke https://budget.example.com
"""

import re
import sys
import urllib.error
import urllib.request
from email.message import Message

TIMEOUT = 20  # seconds


class SmokeError(RuntimeError):
    """The stage does not respond correctly; the message is the reason."""


def check(url: str) -> None:
    """Request health, a page and its stylesheets. Raises SmokeError.

    Needs no account and changes nothing.
    """
    url = url.rstrip("/")
    _get(f"{url}/health")
    _get(f"{url}/health/ready")
    page, headers = _get(f"{url}/login")
    if "frame-ancestors 'none'" not in headers.get("Content-Security-Policy", ""):
        raise SmokeError("/login has no content security policy.")
    if url.startswith("https:") and "Strict-Transport-Security" not in headers:
        raise SmokeError("/login does not send Strict-Transport-Security.")
    styles = re.findall(r'href="(/static/[^"]+\.css)"', page)
    if not styles:
        raise SmokeError("/login has no stylesheet.")
    for path in styles:
        _get(url + path)


def _get(url: str) -> tuple[str, Message]:
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as response:  # noqa: S310
            return response.read().decode(), response.headers
    except (OSError, UnicodeDecodeError) as exc:  # HTTPError is one
        raise SmokeError(f"{url}: {exc}") from exc


def main() -> None:
    """Check the URL given on the command line, or exit with the reason."""
    try:
        check(sys.argv[1])
    except SmokeError as exc:
        sys.exit(str(exc))


if __name__ == "__main__":
    main()
