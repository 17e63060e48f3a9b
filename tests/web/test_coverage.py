"""The table in docs/api.md of the API requests for every page."""

import re
from pathlib import Path

from django.urls import URLPattern, URLResolver, get_resolver

DOCUMENT = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
ONLY_A_PAGE = "only a page: "
# Pages without actions.
NO_PAGES = {"manifest", "index", "schema", "docs", "help", "privacy"}

ROWS = re.findall(r"^\| `([\w:-]+)` \| [^|]+ \| ([^|]+) \|$", DOCUMENT, re.MULTILINE)
REQUESTS = sorted(set(re.findall(r"`(GET|POST|PUT|PATCH|DELETE) (/[^` ]+)`", DOCUMENT)))


def addresses(
    resolver: URLResolver, space: str = "", base: str = "/"
) -> dict[str, tuple[str, URLPattern]]:
    """Return {name: (URL, pattern)} of every URL."""
    by_name = {}
    for pattern in resolver.url_patterns:
        below = base + re.sub(r"<\w+:(\w+)>", r"<\1>", str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            name = f"{pattern.namespace}:" if pattern.namespace else space
            by_name |= addresses(pattern, name, below)
        else:
            by_name[space + pattern.name] = (below, pattern)
    return by_name


ALL = addresses(get_resolver(None))
API = {
    address: pattern for name, (address, pattern) in ALL.items() if name[:4] == "api:"
}


def test_every_page_is_in_the_table_once():
    pages = sorted(name for name in ALL if name[:4] != "api:")

    assert sorted([*(name for name, _ in ROWS), *NO_PAGES]) == pages


def test_every_page_has_requests_or_a_reason():
    unexplained = [
        name
        for name, requests in ROWS
        if len(requests.partition(ONLY_A_PAGE)[2]) <= 10
        and not re.search(r"`(GET|POST|PUT|PATCH|DELETE) /[^` ]+`", requests)
    ]

    assert unexplained == []


def test_every_named_request_exists():
    pages = {shared for shared, _ in ALL.values()}  # some share a URL
    missing = [
        f"{method} {address}"
        for method, address in REQUESTS
        if address not in (API if address.startswith("/api/") else pages)
        or (address in API and not hasattr(API[address].callback.cls, method.lower()))
    ]

    assert missing == []


def test_every_request_of_the_api_is_named():
    named = {address for _, address in REQUESTS}

    assert set(API) - named == set()
