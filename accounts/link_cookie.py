"""Move the token of a one-time link from the URL into a cookie.

This keeps it out of the browser's history, Referer headers and the address bar.
"""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from smartbudget.core.errors import GoneError
from smartbudget.core.i18n import gettext as _

NAME = "link"
SECONDS = 3600


def move(token: str, url_name: str) -> HttpResponse:
    """Redirect to a page, with a link's token in a cookie for this page only."""
    path = reverse(url_name)
    # Only on the redirect: with `no-referrer`, browsers POST a page's form with
    # `Origin: null`, which the CSRF check rejects. The page's own URL has no token.
    response = HttpResponseRedirect(path)
    response.headers["Referrer-Policy"] = "no-referrer"
    response.set_cookie(
        NAME,
        token,
        max_age=SECONDS,
        path=path,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",  # Strict is not sent after a click in a web mailer
    )
    return response


def token_of(request: HttpRequest) -> str:
    """Return the token in the cookie. Raises GoneError without one."""
    token: str = request.COOKIES.get(NAME, "")
    if not token:
        raise GoneError(_("Open the link in your e-mail again."))
    return token


def forget(response: HttpResponse, url_name: str) -> None:
    """Delete the cookie of a link that was used."""
    response.delete_cookie(NAME, path=reverse(url_name))
