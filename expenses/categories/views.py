"""The pages of categories."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from expenses.categories import queries, services
from expenses.categories.forms import CategoryFilterForm, RenameForm
from expenses.categories.queries import Use
from expenses.renaming.views import RenamePage
from smartbudget.core.money import display
from smartbudget.core.pagination import Page
from smartbudget.core.user import User
from smartbudget.web.changelists import ChangeList, Column
from smartbudget.web.form_drafts import keeps_draft
from smartbudget.web.pagination import Position

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


RENAME = RenamePage(
    url_name="expenses:rename",
    list_url_name="expenses:categories",
    template="expenses/rename.html",
    form=RenameForm,
    check=services.check_sources,
    rename=lambda user, sources, data: services.rename_categories(
        user, sources, data["into"], strategy=data["budgets"] or None
    ),
)


@keeps_draft
@require_http_methods(["GET", "HEAD", "POST"])
def rename(request: HttpRequest) -> HttpResponse:
    """Show a form for the new name of the selected categories, and rename them."""
    return RENAME.respond(request)
