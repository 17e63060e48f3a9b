"""Lists that look like those of the Django admin, but read from services.

    EXPENSES = ChangeList(title="Expenses", url_name="expenses:list", ...)

    @require_safe
    def list_expenses(request):
        return EXPENSES.respond(
            request,
            FilterForm(request.GET),
            find=lambda filters, position: queries.list_expenses(
                user, **filters, **position
            ),
        )

`templates/change_list.html` renders them; a list may have a template that extends it.

Why: docs/decisions.md#pages-have-one-stylesheet-two-scripts-and-no-build
"""

import dataclasses
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy

from smartbudget.core.pagination import Page
from smartbudget.web import pagination
from smartbudget.web.forms import ListForm, handle_form

# The template's variables of a page that was not read, since a filter is invalid.
_NO_PAGE: dict[str, Any] = {
    "rows": [],
    "links": None,
    "filtered": False,
    "chips": [],
    "short": False,
    "order": None,
    "by_amount": False,
    "sort_link": None,
    "all_matching": None,  # the label of the box that selects the whole list
}


@dataclasses.dataclass(frozen=True)
class Column:
    """A column's heading, and the CSS class of the heading and its cells.

    sorts: the heading links to the context's `sort_link`. orders: the descending and
    the ascending order by this column; the context's `order` is the current one.
    """

    label: str
    css_class: str = ""
    sorts: bool = False
    orders: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class ChangeList:
    """The layout of a list.

    row_template: the cells of one row, from the variable `row`.
    none_template: the message for an empty list. no_matches: that for a filter.
    by_name: rows are sorted by name instead of by time.
    add: the URL name and the label of the link to add an item.
    actions: {name: label} of actions on the selected rows. `actions_template` has their
    buttons. They are posted to `action_url_name` as `action` and `selected`; a row
    calls `tick` for its checkbox (`change_list/_tick.html`).
    """

    title: str
    url_name: str
    columns: tuple[Column, ...]
    row_template: str
    none_template: str
    template: str = "change_list.html"
    no_matches: str = gettext_lazy("No matches.")
    by_name: bool = False
    add: tuple[str, str] | None = None
    actions: dict[str, str] = dataclasses.field(default_factory=dict)
    actions_template: str = "change_list/_buttons.html"
    action_url_name: str = ""

    def respond(
        self,
        request: HttpRequest,
        form: ListForm,
        *,
        find: Callable[[dict[str, Any], pagination.Position], Page[Any]],
        row: Callable[[Any], Any] = lambda item: item,
        context: dict[str, Any] | None = None,
        page_context: Callable[[Any], dict[str, Any]] = lambda page: {},
    ) -> HttpResponse:
        """Render the requested page of the list, filtered by a form.

        find: reads the page, given the form's cleaned data and the position. row:
        converts an item to the row template's `row`. context: variables of the template
        that do not depend on the page. page_context: returns those that do. Invalid
        filters are shown as errors of their fields.
        """
        base = {**_NO_PAGE, "cl": self, "form": form, **(context or {})}

        def show(page: Page[Any]) -> HttpResponse:
            limit = pagination.position(request, request.user)["limit"]
            shown = {
                **base,
                **self.rows(request, page, row),
                "filtered": form.is_filtered,
                "chips": _chips(request, form),
                # A filtered page reads a limited number of items.
                "short": page.next and len(page.items) < limit,
                **page_context(page),
            }
            return render(request, self.template, shown)

        return handle_form(
            request,
            self.template,
            form,
            save=lambda filters: find(
                filters, pagination.position(request, request.user)
            ),
            done=show,
            context=base,
        )

    def rows(
        self,
        request: HttpRequest,
        page: Page[Any],
        row: Callable[[Any], Any] = lambda item: item,
    ) -> dict[str, Any]:
        """Return the template's variables of one page: `rows`, `links`, `here`."""
        return {
            **_NO_PAGE,
            "cl": self,
            "here": request.get_full_path(),
            "rows": [row(item) for item in page.items],
            "links": pagination.links(request, request.user, page),
        }


def _chips(request: HttpRequest, form: ListForm) -> list[dict[str, str]]:
    """Return the active filters as labels, with the URL of the list without each."""
    chips = []
    for chip in form.chips():
        parameters = form.without(request.GET, chip)
        parameters.pop("cursor", None)
        for name in [name for name, value in parameters.items() if not value]:
            del parameters[name]  # an empty field of the form
        url = f"{request.path}?{parameters.urlencode()}" if parameters else request.path
        chips.append({"label": chip.label, "url": url})
    return chips
