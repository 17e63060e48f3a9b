"""The expense pages."""

from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.core.files.storage import default_storage
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from expenses import history, periods, queries, services, thumbnails
from expenses.forms import EditExpenseForm, FilterForm, NewExpenseForm
from expenses.models import Expense
from expenses.periods import Stretch
from expenses.queries import SORTS
from expenses.receipts_api import address_of, with_receipt
from smartbudget.core.dates import Period
from smartbudget.core.errors import NotFoundError
from smartbudget.core.money import display
from smartbudget.core.pages import Page
from smartbudget.web import cursors
from smartbudget.web.forms import answer_form

LIST = "expenses/list.html"


@require_safe
def list_expenses(request: HttpRequest) -> HttpResponse:
    user = request.user
    form = FilterForm(request.GET)

    def find(chosen: dict[str, Any]) -> Page[Expense]:
        where = cursors.position(request, user)
        return queries.list_expenses(user, **chosen, **where)

    def show(page: Page[Expense]) -> HttpResponse:
        chosen = form.cleaned_data
        page_size = cursors.position(request, user)["limit"]
        today = user.today()
        days = None
        if chosen["start"] and chosen["end"]:
            days = Period(chosen["start"], chosen["end"])
        context = {
            "form": form,
            "expenses": page.items,
            "links": cursors.links(request, user, page),
            "filtered": form.is_filtered,
            # A filtered page looks at so many items at most.
            "short": page.next and len(page.items) < page_size,
            "oldest_first": chosen["sort"] == "oldest",
            "sort_link": _address(request, sort=SORTS[chosen["sort"] == "newest"]),
            "presets": _links(request, periods.presets(today), days),
            "hierarchy": _links(request, periods.drill_down(days, today), days),
        }
        return render(request, LIST, context)

    return answer_form(request, LIST, form, save=find, done=show)


@require_http_methods(["GET", "HEAD", "POST"])
def add(request: HttpRequest) -> HttpResponse:
    user = request.user
    if request.method == "POST":
        form = NewExpenseForm(request.POST, request.FILES, user=user)
    else:
        form = NewExpenseForm.blank(user)

    return answer_form(
        request,
        "expenses/add.html",
        form,
        save=lambda data: form.record(user, data),
        done=lambda expense: _to_list(request, expense, "added"),
    )


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, expense_id: str) -> HttpResponse:
    user = request.user
    changes = None  # not read again where a form is shown once more
    if request.method == "POST":
        form = EditExpenseForm(request.POST, request.FILES, user=user)
        has_receipt = not {"had_receipt", "drop_receipt"}.isdisjoint(request.POST)
    else:
        expense = queries.get_expense(user, expense_id)
        form = EditExpenseForm.of(expense, user)
        has_receipt = expense.receipt_url is not None
        changes = history.changes_of(expense)
    if not has_receipt:
        del form.fields["drop_receipt"]
    return answer_form(
        request,
        "expenses/edit.html",
        form,
        save=lambda data: services.edit_expense(user, expense_id, **data),
        done=lambda expense: _to_list(request, expense, "saved"),
        context={
            "expense_id": expense_id,
            "has_receipt": has_receipt,
            "changes": changes,
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest, expense_id: str) -> HttpResponse:
    if request.method == "POST":
        services.delete_expense(request.user, expense_id)
        messages.success(request, "The expense was deleted.")
        return redirect("expenses:list")
    expense = queries.get_expense(request.user, expense_id)
    return render(request, "expenses/delete.html", {"expense": expense})


@require_safe
def receipt(request: HttpRequest, expense_id: str) -> HttpResponse:
    """Download the receipt: the address is signed afresh at each click."""
    return redirect(address_of(with_receipt(request, expense_id)))


@require_safe
def thumbnail(request: HttpRequest, expense_id: str) -> HttpResponse:
    expense = with_receipt(request, expense_id)
    drawn = None
    if expense.has_picture:
        with default_storage.open(expense.receipt_url) as file:
            drawn = thumbnails.draw(file)
    if drawn is None:
        raise NotFoundError("This receipt has no small picture.")
    # Its address names the picture's checksum, so it never changes.
    headers = {"Cache-Control": "private, max-age=604800, immutable"}
    return HttpResponse(drawn, content_type="image/jpeg", headers=headers)


def say(request: HttpRequest, expense: Expense, done: str) -> None:
    """Say what was done to an expense, and what its owner is told because of it."""
    amount = display(expense.amount, request.user.currency)
    messages.success(request, f"{expense.category}, {amount}, was {done}.")
    for alert in expense.alerts:
        messages.warning(request, alert.subject)


def _links(
    request: HttpRequest, stretches: Iterable[Stretch], chosen: Period | None
) -> list[dict[str, object]]:
    """Say where stretches of days lead, other filters kept."""
    return [
        {
            "label": stretch.label,
            "url": _address(
                request,
                start=stretch.period and str(stretch.period.start),
                end=stretch.period and str(stretch.period.end),
            ),
            "current": stretch.period == chosen,
        }
        for stretch in stretches
    ]


def _address(request: HttpRequest, **changes: str | None) -> str:
    """Return the address of the list's first page with some filters changed."""
    parameters = request.GET.copy()
    for name, value in {**changes, "cursor": None}.items():
        parameters.pop(name, None)
        if value:
            parameters[name] = value
    return f"{request.path}?{parameters.urlencode()}"


def _to_list(request: HttpRequest, expense: Expense, done: str) -> HttpResponse:
    say(request, expense, done)
    return redirect("expenses:list")
