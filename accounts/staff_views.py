"""The staff site's first page, and the users."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from accounts import staff
from accounts.forms import LockForm, WhomForm
from accounts.staff import Person
from smartbudget.core import health
from smartbudget.core.errors import InvalidError, NotFoundError
from smartbudget.web.forms import answer_form, posted


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    staff.require_staff(request.user)
    parts = health.check()
    context = {"parts": parts, "well": all(part.ok for part in parts)}
    return render(request, "accounts/staff/index.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def find_user(request: HttpRequest) -> HttpResponse:
    """Find by POST: an address in a URL would stand in logs and histories."""
    staff.require_staff(request.user)

    def save(data: dict[str, Any]) -> Person:
        try:
            return staff.find_user(request.user, data["whom"])
        except NotFoundError as error:
            raise InvalidError(str(error), "whom") from error

    return answer_form(
        request,
        "accounts/staff/users.html",
        WhomForm(posted(request)),
        save=save,
        done=lambda person: redirect("staff-user", person.user_id),
    )


@require_http_methods(["GET", "HEAD", "POST"])
def user(request: HttpRequest, user_id: str) -> HttpResponse:
    """Show a user; posted to, lock the account."""

    def done(person: Person) -> HttpResponse:
        said = _("{username} is locked, and signed out everywhere.")
        messages.success(request, said.format(username=person.username))
        return redirect("staff-user", user_id)

    person = staff.get_user(request.user, user_id)
    return answer_form(
        request,
        "accounts/staff/user.html",
        LockForm(posted(request)),
        save=lambda data: staff.lock(request.user, user_id, **data),
        done=done,
        context={"person": person},
    )


@require_POST
def unlock(request: HttpRequest, user_id: str) -> HttpResponse:
    person = staff.unlock(request.user, user_id)
    said = _("{username} can log in again.").format(username=person.username)
    messages.success(request, said)
    return redirect("staff-user", user_id)
