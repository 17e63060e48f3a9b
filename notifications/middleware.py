"""Delete the browser's copy of the number of unread notifications when it may be wrong.

Why: docs/decisions.md#browsers-keep-the-number-of-unread-notifications
"""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from notifications import unread

COOKIE = "unread"  # set by static/app.js


class UnreadCookieMiddleware:
    """Delete the cookie after a change of notifications, and when a session changes.

    The next page, or the next click on this one, then asks for the number.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        unread.reset()
        response = self.get_response(request)
        is_other_user = settings.SESSION_COOKIE_NAME in response.cookies
        if COOKIE in request.COOKIES and (unread.has_changed() or is_other_user):
            response.delete_cookie(COOKIE, samesite="Lax")
        return response
