"""The public pages about the product: help and privacy."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from smartbudget.core.config import config
from smartbudget.web.language import activate


@login_not_required
@require_safe
def show_help(request: HttpRequest) -> HttpResponse:
    return _show(request, "about/help.html", {})


@login_not_required
@require_safe
def show_privacy(request: HttpRequest) -> HttpResponse:
    context = {
        "region": config.region,
        "session_days": settings.SESSION_COOKIE_AGE // (24 * 3600),
    }
    return _show(request, "about/privacy.html", context)


def _show(
    request: HttpRequest, template: str, context: dict[str, object]
) -> HttpResponse:
    """Render a page for anyone, with the menu and language of a logged-in user."""
    if request.user.is_authenticated:
        activate(request.user.language)
    return render(request, template, context)
