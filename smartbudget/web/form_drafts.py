"""Keep a submitted form through a login, if its session had ended.

The login page contains the form's values, signed. After the login the form is shown
again with these values, and nothing is saved until the user presses Save again.

A draft is kept for 12 hours and has up to 20,000 characters, never passwords or files.
Django checks the CSRF token first, so another site cannot fill in a form.
"""

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from django.core import signing
from django.http import HttpRequest, HttpResponse

View = TypeVar("View", bound=Callable[..., HttpResponse])

FIELD = "draft"  # name of the field in the login form
RESTORED = "restored"  # marks a form to show and not to save
MAX_LENGTH = 20_000  # characters
MAX_AGE = datetime.timedelta(hours=12)

_SALT = "smartbudget.form-draft"
_LEFT_OUT = {"csrfmiddlewaretoken", RESTORED}


@dataclass(frozen=True)
class FormDraft:
    """A submitted form: its URL and its values, without files."""

    path: str
    fields: list[tuple[str, str]]
    had_files: bool


def keeps_draft(view: View) -> View:
    """Mark a page whose form may be kept: it has no passwords and uses `handle_form`.

    Only `handle_form` waits for the user to confirm a restored form.
    """
    view.keeps_draft = True  # type: ignore[attr-defined]
    return view


def is_kept(request: HttpRequest, view: Callable[..., Any]) -> bool:
    """Check whether a form was sent to a page that keeps drafts."""
    return request.method == "POST" and getattr(view, "keeps_draft", False)


def sign(request: HttpRequest) -> str | None:
    """Return the submitted form, signed, or None if it is too long."""
    fields = [
        (name, value)
        for name, values in request.POST.lists()
        for value in values
        if name not in _LEFT_OUT
    ]
    if sum(len(name) + len(value) for name, value in fields) > MAX_LENGTH:
        return None
    draft = [request.get_full_path(), fields, bool(request.FILES)]
    return signing.dumps(draft, salt=_SALT, compress=True)


def read(signed: str) -> FormDraft | None:
    """Return a signed draft, or None if it is missing, expired or forged."""
    try:
        path, fields, had_files = signing.loads(signed, salt=_SALT, max_age=MAX_AGE)
    except signing.BadSignature:
        return None
    return FormDraft(path, fields, had_files)
