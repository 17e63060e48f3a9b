"""Set the language of a page: the user's, or the browser's without a login."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.cache import patch_vary_headers

from smartbudget.core import i18n


def activate(code: str) -> None:
    """Set the language for the rest of the request, in services and in Django."""
    i18n.activate(code)
    translation.activate(i18n.current())


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
