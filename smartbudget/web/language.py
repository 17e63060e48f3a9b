"""Set the language of a page: the user's, or the browser's without a login."""

from collections.abc import Callable

from babel import Locale, UnknownLocaleError
from babel.core import get_global
from babel.numbers import get_territory_currencies
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.cache import patch_vary_headers

from smartbudget.core import i18n, money


def activate(code: str) -> None:
    """Set the language for the rest of the request, in services and in Django."""
    i18n.activate(code)
    translation.activate(i18n.current())


def browser_currency(request: HttpRequest) -> str:
    """Return the currency of the country that the browser's language names or implies.

    `de-CH` gives CHF, `de` EUR, and an unknown language USD.
    """
    preferred = request.headers.get("Accept-Language", "").partition(",")[0]
    try:
        locale = Locale.parse(preferred.partition(";")[0].strip(), sep="-")
    except (UnknownLocaleError, ValueError):
        return money.DEFAULT_CURRENCY
    territory = locale.territory
    if not territory:
        likely = get_global("likely_subtags").get(locale.language, "")
        territory = likely.rpartition("_")[2]
    currencies = get_territory_currencies(territory, tender=True)
    known = [code for code in currencies if code in money.CURRENCIES]
    return known[0] if known else money.DEFAULT_CURRENCY


class LanguageMiddleware:
    """Set the browser's preferred language, until the user is known.

    The API uses Accept-Language alone, and English without it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        activate(translation.get_language_from_request(request))
        try:
            response = self.get_response(request)
            response.headers.setdefault("Content-Language", i18n.current())
        finally:
            activate(i18n.DEFAULT)  # the thread serves other users next
        patch_vary_headers(response, ["Accept-Language"])
        return response
