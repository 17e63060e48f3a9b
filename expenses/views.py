"""The expense pages."""

from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

from django.contrib import messages
from django.core.files.storage import default_storage
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from expenses import (
    export,
    history,
    periods,
    queries,
    selection,
    services,
    thumbnails,
)
from expenses.forms import CategoryForm, EditExpenseForm, FilterForm, NewExpenseForm
from expenses.models import STATUSES, Expense
from expenses.periods import Stretch
from expenses.queries import SORTS
from expenses.receipts_api import address_of, with_receipt
from expenses.selection import Done
from expenses.services import StaleError
from smartbudget.core.dates import Period
from smartbudget.core.errors import ConflictError, InvalidError, NotFoundError
from smartbudget.core.money import display
from smartbudget.web.changelists import ChangeList, Column
from smartbudget.web.forms import answer_form

EXPENSES = ChangeList(
    title="Expenses",
    url_name="expenses:list",
    columns=(
        Column("Date", "day", sorts=True),
        Column("Category", "category"),
        Column("Description"),
        Column("Status"),
        Column("Receipt"),
        Column("Amount", "amount"),
        Column("Change"),
    ),
    row_template="expenses/_expense_row.html",
    none_template="expenses/_none.html",
    template="expenses/list.html",
    add=("expenses:add", "Add an expense"),
    actions={
        "cleared": "Mark as cleared",
        "pending": "Mark as pending",
        "void": "Mark as void",
        "category": "Set the category",
        "csv": "Download as CSV",
        "delete": "Delete",
    },
    action_url_name="expenses:act",
)


@require_safe
def list_expenses(request: HttpRequest) -> HttpResponse:
    user = request.user
    form = FilterForm(request.GET)

    def beside() -> dict[str, Any]:
        chosen = form.cleaned_data
        today = user.today()
        days = None
        if chosen["start"] and chosen["end"]:
            days = Period(chosen["start"], chosen["end"])
        return {
            "oldest_first": chosen["sort"] == "oldest",
            "sort_link": _address(request, sort=SORTS[chosen["sort"] == "newest"]),
            "presets": _links(request, periods.presets(today), days),
            "hierarchy": _links(request, periods.drill_down(days, today), days),
        }

    return EXPENSES.answer(
        request,
        form,
        find=lambda chosen, where: queries.list_expenses(user, **chosen, **where),
        beside=beside,
    )


@require_http_methods(["GET", "HEAD", "POST"])
def add(request: HttpRequest, expense_id: str | None = None) -> HttpResponse:
    """Add an expense; with an id, beginning as that one is."""
    user = request.user
    if request.method == "POST":
        form = NewExpenseForm(request.POST, request.FILES, user=user)
    else:
        like = queries.get_expense(user, expense_id) if expense_id else None
        form = NewExpenseForm.blank(user, like)

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
    context = {
        "expense_id": expense_id,
        "has_receipt": has_receipt,
        "changes": changes,
    }

    def save(data: dict[str, Any]) -> Expense:
        try:
            return services.edit_expense(user, expense_id, **data)
        except StaleError as error:
            form.renew_version(error.stored)
            context["differences"] = form.differences(error.stored, user)
            raise ConflictError(
                "This expense was changed meanwhile, and nothing is saved yet. "
                "Save again to put what you typed in the place of what is stored now."
            ) from error

    return answer_form(
        request,
        "expenses/edit.html",
        form,
        save=save,
        done=lambda expense: _to_list(request, expense, "saved"),
        context=context,
    )


@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest, expense_id: str) -> HttpResponse:
    if request.method == "POST":
        services.delete_expense(request.user, expense_id)
        messages.success(request, "The expense was deleted.")
        return redirect("expenses:list")
    expense = queries.get_expense(request.user, expense_id)
    return render(request, "expenses/delete.html", {"expense": expense})


@require_http_methods(["GET", "HEAD", "POST"])
def act(request: HttpRequest) -> HttpResponse:
    """Do something to the expenses that were ticked in the list."""
    if request.method != "POST":  # somebody who had to log in comes back by GET
        return redirect("expenses:list")
    chosen, action = request.POST.getlist("selected"), request.POST.get("action", "")
    try:
        return _ACTS.get(action, _choose)(request, chosen)
    except InvalidError as error:
        messages.error(request, str(error))
        return _back(request)


def _choose(request: HttpRequest, chosen: list[str]) -> HttpResponse:
    raise InvalidError("Choose what to do with them.")


def _set_status(request: HttpRequest, chosen: list[str]) -> HttpResponse:
    status = request.POST["action"]
    done = selection.change_expenses(request.user, chosen, status=status)
    return _done(request, done, "changed")


def _set_category(request: HttpRequest, chosen: list[str]) -> HttpResponse:
    selection.check_ids(chosen)
    sent = "category" in request.POST
    return answer_form(
        request,
        "expenses/set_category.html",
        CategoryForm(request.POST if sent else None),
        save=lambda data: selection.change_expenses(request.user, chosen, **data),
        done=lambda done: _done(request, done, "changed"),
        context={"selected": chosen, "next": request.POST.get("next", "")},
    )


def _delete_selected(request: HttpRequest, chosen: list[str]) -> HttpResponse:
    if "confirmed" in request.POST:
        done = selection.delete_expenses(request.user, chosen)
        return _done(request, done, "deleted")
    expenses = selection.read_expenses(request.user, chosen)
    if not expenses:
        raise InvalidError("They were gone already.")
    context = {"expenses": expenses, "next": request.POST.get("next", "")}
    return render(request, "expenses/delete_selected.html", context)


def _download(request: HttpRequest, chosen: list[str]) -> HttpResponse:
    user = request.user
    text = export.write_csv(selection.read_expenses(user, chosen), user.currency)
    name = f"expenses-{user.today()}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(text, content_type="text/csv; charset=utf-8", headers=headers)


_ACTS: dict[str, Callable[[HttpRequest, list[str]], HttpResponse]] = {
    **dict.fromkeys(STATUSES, _set_status),
    "category": _set_category,
    "csv": _download,
    "delete": _delete_selected,
}


def _done(request: HttpRequest, done: Done, verb: str) -> HttpResponse:
    """Say what became of a selection and show the same page of the list again."""
    told = [f"{done.changed} {verb}"]
    if done.unchanged:
        were = "was" if done.unchanged == 1 else "were"
        told.append(f"{done.unchanged} {were} so already")
    if done.gone:
        were = "was" if done.gone == 1 else "were"
        told.append(f"{done.gone} {were} gone")
    messages.success(request, f"{', '.join(told)}.")
    return _back(request)


def _back(request: HttpRequest) -> HttpResponse:
    """Return to the list as it was filtered and paged, and to nowhere else."""
    query = urlsplit(request.POST.get("next", "")).query
    address = reverse("expenses:list")
    return redirect(f"{address}?{query}" if query else address)


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
