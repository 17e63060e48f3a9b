"""The pages of merchants."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from expenses.merchants import queries, services
from expenses.merchants.forms import MerchantFilterForm, RenameForm
from expenses.merchants.queries import Use
from expenses.renaming.views import RenamePage
from smartbudget.core.pagination import Page
from smartbudget.web.changelists import ChangeList, Column
from smartbudget.web.form_drafts import keeps_draft
from smartbudget.web.pagination import Position

MERCHANTS = ChangeList(
    title=_("Merchants"),
    url_name="expenses:merchants",
    by_name=True,
    columns=(
        Column(_("Merchant"), "category"),
        Column(_("Expenses")),
        Column(_("Spent"), "amount"),
        Column(_("Last used"), "day"),
        Column(_("Usual category")),
        Column(""),
    ),
    row_template="expenses/_merchant_row.html",
    none_template="expenses/_no_merchants.html",
    no_matches=_("No matching merchants."),
    template="expenses/merchants.html",
    actions={"rename": _("Merge")},
    action_url_name="expenses:rename_merchant",
)
RENAME = RenamePage(
    url_name="expenses:rename_merchant",
    list_url_name="expenses:merchants",
    template="expenses/rename_merchant.html",
    form=RenameForm,
    check=services.check_sources,
    rename=lambda user, sources, data: services.rename_merchants(
        user, sources, data["into"]
    ),
)


@require_safe
def list_merchants(request: HttpRequest) -> HttpResponse:
    complete = True

    def find(filters: dict[str, Any], _position: Position) -> Page[Use]:
        nonlocal complete
        listing = queries.list_merchants(request.user, **filters)
        complete = listing.complete
        return Page(listing.uses)

    return MERCHANTS.respond(
        request,
        MerchantFilterForm(request.GET),
        find=find,
        page_context=lambda page: {"complete": complete},
    )


@keeps_draft
@require_http_methods(["GET", "HEAD", "POST"])
def rename(request: HttpRequest) -> HttpResponse:
    """Show a form for the new name of the selected merchants, and rename them."""
    return RENAME.respond(request)
