"""Responses to a login: the session's cookie, or the second step."""

from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import session_cookie
from accounts.factors import ceremonies
from accounts.factors.second_step import SecondStep
from accounts.sessions import Login
from smartbudget.web import form_drafts
from smartbudget.web.api import ProblemResponse
from smartbudget.web.language import activate
from smartbudget.web.problems import Problem
from smartbudget.web.redirects import safe_next


def return_fields(request: HttpRequest) -> dict[str, Any]:
    """Return the context of the forms of a login, from the submitted form.

    next: the page to return to. draft: a form to restore, or None. has_passkeys:
    whether to offer passkeys.
    """
    signed = request.POST.get(form_drafts.FIELD, "")
    return {
        "next": safe_next(request),
        "draft": signed if form_drafts.read(signed) else None,
        "has_passkeys": ceremonies.find_relying_party() is not None,
    }


def begin_session(request: HttpRequest, login: Login) -> HttpResponse:
    """Log the browser in, and return to the page or the draft in the form."""
    draft = form_drafts.read(request.POST.get(form_drafts.FIELD, ""))
    if draft is None:
        response: HttpResponse = redirect(safe_next(request))
        session_cookie.begin(request, response, login)
        return response
    response = HttpResponse()
    session_cookie.begin(request, response, login)
    activate(login.user.language)
    # Rendered after `begin`, which rotates the CSRF token.
    page = render_to_string("accounts/continue.html", {"draft": draft}, request)
    response.content = page
    return response


def login_response(request: Request, login: Login, *, status: int) -> Response:
    """Return the API's response to a login, with its cookie, user and CSRF token."""
    response = Response(status=status)
    session_cookie.begin(request._request, response, login)
    user = login.user
    response.data = {
        "user_id": user.user_id,
        "username": user.username,
        "email": user.email,
        "csrf_token": get_token(request._request),
    }
    return response


def second_step_response(step: SecondStep) -> Response:
    """Return the API's response to a login that needs a second factor."""
    problem = Problem(
        HTTPStatus.UNAUTHORIZED,
        _("Confirm the login with a second factor."),
        "second_factor_required",
        extra={"second_factor": list(step.factors), "ticket": step.ticket},
    )
    return ProblemResponse(problem, "POST")
