"""The pages of categories."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from expenses.categories import queries, services
from expenses.categories.forms import CategoryFilterForm, RenameForm
from expenses.categories.queries import Use
from expenses.categories.services import Renamed
from smartbudget.core.errors import InvalidError
from smartbudget.core.money import display
from smartbudget.core.pagination import Page
from smartbudget.core.user import User
from smartbudget.web.changelists import ChangeList, Column
from smartbudget.web.form_drafts import keeps_draft
from smartbudget.web.forms import handle_form
from smartbudget.web.messages import add_success
from smartbudget.web.pagination import Position
from smartbudget.web.redirects import redirect_back, safe_next

MAX_UNDO_PATH = 800  # characters

CATEGORIES = ChangeList(
    title=_("Categories"),
    url_name="expenses:categories",
    by_name=True,
    columns=(
        Column(_("Category"), "category"),
        Column(_("Expenses")),
        Column(_("Spent"), "amount"),
        Column(_("Last used"), "day"),
        Column(_("Budgets")),
        Column(""),
    ),
    row_template="expenses/_category_row.html",
    none_template="expenses/_none.html",
    no_matches=_("No matching categories."),
    template="expenses/categories.html",
    actions={"rename": _("Merge")},
    action_url_name="expenses:rename",
)


@require_safe
def list_categories(request: HttpRequest) -> HttpResponse:
    complete = True

    def find(filters: dict[str, Any], _position: Position) -> Page[Use]:
        nonlocal complete
        listing = queries.list_categories(request.user, **filters)
        complete = listing.complete
        return Page(listing.uses)

    return CATEGORIES.respond(
        request,
        CategoryFilterForm(request.GET),
        find=find,
        page_context=lambda page: {
            "complete": complete,
            "totals": _totals(page.items, request.user) if complete else None,
        },
        context={"totals": None},
    )


def _totals(uses: Sequence[Use], user: User) -> str | None:
    """Return the number of categories and the total of their expenses in words."""
    if not uses:
        return None
    total = sum((use.spent for use in uses), Decimal(0))
    return ngettext(
        "{count} category, {total}", "{count} categories, {total}", len(uses)
    ).format(count=len(uses), total=display(total, user.currency))


@keeps_draft
@require_http_methods(["GET", "HEAD", "POST"])
def rename(request: HttpRequest) -> HttpResponse:
    """Show a form for the new name of the selected categories, and rename them."""
    chosen = request.POST.getlist("selected") or request.GET.getlist("from")
    try:
        sources = services.check_sources(chosen)
    except InvalidError as error:
        messages.error(request, str(error))
        return redirect_back(request, "expenses:categories")
    next_path = safe_next(request, reverse("expenses:categories"))
    context = {"sources": sources, "going_on": False, "next": next_path}
    form = RenameForm(
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
            return render(request, "expenses/rename.html", again)
        message = ngettext(
            "Moved {number} expense to {name}.",
            "Moved {number} expenses to {name}.",
            renamed.changed,
        ).format(number=renamed.changed, name=form.cleaned_data["into"])
        undo_path = _undo_path(form.cleaned_data["into"], renamed.previous)
        add_success(request, message, undo=undo_path)
        return redirect_back(request, "expenses:categories")

    return handle_form(
        request,
        "expenses/rename.html",
        form,
        save=lambda data: services.rename_categories(
            request.user, sources, data["into"], strategy=data["budgets"] or None
        ),
        done=done,
        context=context,
    )


def _posted_name(request: HttpRequest) -> QueryDict | None:
    """Return the submitted form or, from an Undo button, its values in the URL."""
    for values in (request.POST, request.GET):
        if request.method == "POST" and "into" in values:
            return values
    return None


def _undo_path(name: str, previous: str | None) -> str:
    """Return the path that renames a category back with a POST, or "".

    "" also if the names are so long that the message would not fit in its cookie.
    """
    if previous is None:
        return ""
    query = urlencode({"from": name, "into": previous})
    path = f"{reverse('expenses:rename')}?{query}"
    return path if len(path) <= MAX_UNDO_PATH else ""
