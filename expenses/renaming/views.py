"""The page that renames or merges categories or merchants."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import ngettext

from expenses.renaming.services import Renamed
from smartbudget.core.errors import InvalidError
from smartbudget.core.user import User
from smartbudget.web.forms import handle_form
from smartbudget.web.messages import add_success
from smartbudget.web.redirects import redirect_back, safe_next

MAX_UNDO_PATH = 800  # characters


@dataclass(frozen=True, kw_only=True)
class RenamePage:
    """The page of one kind of name.

    form: has a field `into`, the new name. check: validates the old names. rename: gets
    the user, the old names and the form's data.
    """

    url_name: str
    list_url_name: str
    template: str
    form: type[Form]
    check: Callable[[Sequence[str]], list[str]]
    rename: Callable[[User, Sequence[str], dict[str, Any]], Renamed]

    def respond(self, request: HttpRequest) -> HttpResponse:
        """Show a form for the new name of the selected names, or rename them."""
        chosen = request.POST.getlist("selected") or request.GET.getlist("from")
        try:
            sources = self.check(chosen)
        except InvalidError as error:
            messages.error(request, str(error))
            return redirect_back(request, self.list_url_name)
        next_path = safe_next(request, reverse(self.list_url_name))
        context = {"sources": sources, "going_on": False, "next": next_path}
        form = self.form(
            _posted_name(request),
            initial={"into": sources[0] if len(sources) == 1 else ""},
        )

        def done(renamed: Renamed) -> HttpResponse:
            if renamed.left:
                message = ngettext(
                    "Moved {count} expense so far. Continue to move the rest.",
                    "Moved {count} expenses so far. Continue to move the rest.",
                    renamed.changed,
                ).format(count=renamed.changed)
                messages.warning(request, message)
                again = {**context, "form": form, "going_on": True}
                return render(request, self.template, again)
            into = form.cleaned_data["into"]
            message = ngettext(
                "Moved {number} expense to {name}.",
                "Moved {number} expenses to {name}.",
                renamed.changed,
            ).format(number=renamed.changed, name=into)
            undo_path = self._undo_path(into, renamed.previous)
            add_success(request, message, undo=undo_path)
            return redirect_back(request, self.list_url_name)

        return handle_form(
            request,
            self.template,
            form,
            save=lambda data: self.rename(request.user, sources, data),
            done=done,
            context=context,
        )

    def _undo_path(self, name: str, previous: str | None) -> str:
        """Return the path that renames back with a POST, or "".

        "" also if the names are so long that the message would not fit in its cookie.
        """
        if previous is None:
            return ""
        query = urlencode({"from": name, "into": previous})
        path = f"{reverse(self.url_name)}?{query}"
        return path if len(path) <= MAX_UNDO_PATH else ""


def _posted_name(request: HttpRequest) -> QueryDict | None:
    """Return the submitted form or, from an Undo button, its values in the URL."""
    for values in (request.POST, request.GET):
        if request.method == "POST" and "into" in values:
            return values
    return None
