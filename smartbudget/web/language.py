"""Which language a page speaks: its user's; where nobody is known, the browser's."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.cache import patch_vary_headers

from smartbudget.core import language
from smartbudget.core.user import User


def activate(code: str) -> None:
    """Speak a language from now on in this request: in services and in Django."""
    language.activate(code)
    translation.activate(language.current())


def activate_for(user: User | None) -> None:
    """Speak the language that a user chose; for nobody it stays the browser's."""
    if user:
        activate(user.language)


class LanguageMiddleware:
    """Speak what the browser asks for, until it is known who is there.

    The API goes by Accept-Language alone: a program gets the sentences it asked for,
    English where it did not.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        activate(translation.get_language_from_request(request))
        try:
            response = self.get_response(request)
            response.headers.setdefault("Content-Language", language.current())
        finally:
            activate(language.DEFAULT)  # the thread goes on to other people
        patch_vary_headers(response, ["Accept-Language"])
        return response
