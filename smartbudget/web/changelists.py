"""Lists in the manner of the Django admin, over services instead of an ORM.

    EXPENSES = ChangeList(title="Expenses", url_name="expenses:list", ...)

    @require_safe
    def list_expenses(request):
        return EXPENSES.answer(
            request,
            FilterForm(request.GET),
            find=lambda chosen, where: queries.list_expenses(user, **chosen, **where),
        )

`templates/change_list.html` shows one; a list's own template extends it.

Why: docs/decisions.md#pages-use-the-django-admins-stylesheets-and-need-no-build
"""

import dataclasses
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from smartbudget.core.pagination import Page
from smartbudget.web import pagination
from smartbudget.web.forms import ListForm, answer_form


@dataclasses.dataclass(frozen=True)
class Column:
    """A column's heading, and the class that it shares with its cells.

    sorts: the heading leads to the context's `sort_link`. orders: the orders by this
    column, the falling and the rising one; the context's `order` says which there is.
    """

    label: str
    css_class: str = ""
    sorts: bool = False
    orders: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class ChangeList:
    """The layout of a list.

    row_template: the cells of one row, which it knows as `row`.
    none_template: what is said where there is no row.
    by_name: the rows come so, and not by time.
    add: an address's name and the words that lead there.
    actions: what can be done to the ticked rows, as `{name: words}`. They are posted
    to `action_url_name` as `action` and `selected`; a row offers its tick by including
    `change_list/_tick.html`.
    """

    title: str
    url_name: str
    columns: tuple[Column, ...]
    row_template: str
    none_template: str
    template: str = "change_list.html"
    by_name: bool = False
    add: tuple[str, str] | None = None
    actions: dict[str, str] = dataclasses.field(default_factory=dict)
    action_url_name: str = ""

    def answer(
        self,
        request: HttpRequest,
        form: ListForm,
        *,
        find: Callable[[dict[str, Any], pagination.Position], Page[Any]],
        row: Callable[[Any], Any] = lambda item: item,
        context: dict[str, Any] | None = None,
        beside: Callable[[Any], dict[str, Any]] = lambda page: {},
    ) -> HttpResponse:
        """Render the requested page of the list, filtered by a form.

        find: reads it from what the form holds and the page's position. row: what the
        row's template gets of an item. context: what the template needs in any case.
        beside: what it needs beside the page's rows. What is refused is said by its
        field.
        """
        always = {"cl": self, "form": form, **(context or {})}

        def show(page: Page[Any]) -> HttpResponse:
            limit = pagination.position(request, request.user)["limit"]
            shown = {
                **always,
                **self.rows(request, page, row),
                "filtered": form.is_filtered,
                # A filtered page looks at so many items at most.
                "short": page.next and len(page.items) < limit,
                **beside(page),
            }
            return render(request, self.template, shown)

        return answer_form(
            request,
            self.template,
            form,
            save=lambda chosen: find(
                chosen, pagination.position(request, request.user)
            ),
            done=show,
            context=always,
        )

    def rows(
        self,
        request: HttpRequest,
        page: Page[Any],
        row: Callable[[Any], Any] = lambda item: item,
    ) -> dict[str, Any]:
        """Return what the template needs of one page: `rows`, `links`, `here`."""
        return {
            "cl": self,
            "here": request.get_full_path(),
            "rows": [row(item) for item in page.items],
            "links": pagination.links(request, request.user, page),
        }
