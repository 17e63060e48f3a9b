"""The expense pages."""

import functools
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from expenses import (
    date_filters,
    history,
    list_totals,
    purge,
    queries,
    refunds,
    services,
    trash,
)
from expenses.date_filters import DatePreset
from expenses.forms import EditExpenseForm, FilterForm, NewExpenseForm
from expenses.list_totals import ListedWithTotals
from expenses.models import STATUS_WORDS, Expense, TrashedExpense
from expenses.queries import AMOUNT_SORTS, SORTS, Totals
from expenses.refunds import Links
from expenses.services import StaleError
from smartbudget.core.concurrency import RECEIPTS
from smartbudget.core.errors import ConflictError, NotFoundError
from smartbudget.core.money import display, display_expense
from smartbudget.core.periods import Period
from smartbudget.core.text import casefold_key
from smartbudget.core.user import User
from smartbudget.web.changelists import ChangeList, Column
from smartbudget.web.form_drafts import keeps_draft
from smartbudget.web.forms import ListForm, handle_form
from smartbudget.web.messages import add_success
from smartbudget.web.redirects import redirect_back

EXPENSES = ChangeList(
    title=gettext_lazy("Expenses"),
    url_name="expenses:list",
    columns=(
        Column(gettext_lazy("Date"), "day", sorts=True, orders=("newest", "oldest")),
        Column(gettext_lazy("Category"), "category"),
        Column(gettext_lazy("Description")),
        Column(gettext_lazy("Status")),
        Column(gettext_lazy("Receipt")),
        Column(gettext_lazy("Amount"), "amount", orders=AMOUNT_SORTS),
    ),
    row_template="expenses/_expense_row.html",
    none_template="expenses/_none.html",
    no_matches=gettext_lazy("No matching expenses."),
    template="expenses/list.html",
    add=("expenses:add", gettext_lazy("Add expense")),
    actions={
        "category": gettext_lazy("Set category"),
        "cleared": gettext_lazy("Mark as cleared"),
        "pending": gettext_lazy("Mark as pending"),
        "void": gettext_lazy("Mark as void"),
        "csv": gettext_lazy("Download CSV"),
        "delete": gettext_lazy("Delete"),
    },
    actions_template="expenses/_bulk_buttons.html",
    action_url_name="expenses:act",
)


TRASH = ChangeList(
    title=gettext_lazy("Trash"),
    url_name="expenses:trash",
    columns=(
        Column(gettext_lazy("Date"), "day"),
        Column(gettext_lazy("Category"), "category"),
        Column(gettext_lazy("Description")),
        Column(gettext_lazy("Kept until")),
        Column(gettext_lazy("Amount"), "amount"),
        Column(""),
    ),
    row_template="expenses/_trash_row.html",
    none_template="expenses/_trash_empty.html",
    template="expenses/trash.html",
)


@require_safe
def list_expenses(request: HttpRequest) -> HttpResponse:
    user = request.user
    form = FilterForm(request.GET, user=user)

    def page_context(page: ListedWithTotals) -> dict[str, Any]:
        chosen = form.cleaned_data
        today = user.today()
        days = None
        if chosen["start"] and chosen["end"]:
            days = Period(chosen["start"], chosen["end"])
        totals = page.totals
        if not (form.is_filtered or page.items):
            totals = None

        def years() -> tuple[int, ...]:
            return list_totals.years(user) if page.years is None else page.years

        return {
            "totals": totals and totals_in_words(totals, chosen["sort"], user),
            "all_matching": _offer_all(page),
            "order": chosen["sort"],
            "category_key": casefold_key(chosen["category"]),
            "by_amount": chosen["sort"] in AMOUNT_SORTS,
            "sort_link": _list_url(request, sort=SORTS[chosen["sort"] == "newest"]),
            "presets": _links(
                request, date_filters.presets(today, user.calendar), days
            ),
            "hierarchy": _links(
                request,
                date_filters.drill_down(days, today, years, user.calendar),
                days,
            ),
        }

    return EXPENSES.respond(
        request,
        form,
        find=lambda filters, position: list_totals.list_expenses(
            user, **filters, **position
        ),
        context={
            "totals": None,
            "hierarchy": None,
            "statuses": STATUS_WORDS,
            "category_key": "",
        },
        page_context=page_context,
    )


@keeps_draft
@require_http_methods(["GET", "HEAD", "POST"])
def add(request: HttpRequest, expense_id: str | None = None) -> HttpResponse:
    """Add an expense. With an id, the form starts as a copy of that expense."""
    user = request.user
    if request.method == "POST":
        form = NewExpenseForm(request.POST, request.FILES, user=user)
    else:
        like = queries.get_expense(user, expense_id) if expense_id else None
        form = NewExpenseForm.blank(user, like)
    return _add(request, form, lambda data: form.record(user, data))


@keeps_draft
@require_http_methods(["GET", "HEAD", "POST"])
def add_refund(request: HttpRequest, expense_id: str) -> HttpResponse:
    """Add a refund of an expense; the form starts as a refund of all of it."""
    user = request.user

    @functools.cache  # not read at all if the refund is stored
    def refunded() -> Expense:
        expense = queries.get_expense(user, expense_id)
        if expense.kind == "refund":
            raise NotFoundError(_("Expense not found."))
        return expense

    if request.method == "POST":
        form = NewExpenseForm(request.POST, request.FILES, user=user)
    else:
        form = NewExpenseForm.refund(user, refunded())

    def save(data: dict[str, Any]) -> Expense:
        if data.get("kind") == "refund":
            data = {**data, "refund_of": expense_id}
        return form.record(user, data)

    return _add(request, form, save, lambda: Links(refunded()))


def _add(
    request: HttpRequest,
    form: NewExpenseForm,
    save: Callable[[dict[str, Any]], Expense],
    links: Callable[[], Links] = Links,
) -> HttpResponse:
    """Store a new expense, or show its form.

    links: called to show the form.
    """

    def done(expense: Expense) -> HttpResponse:
        sentence = _("Added {amount} to {category}.")
        if expense.kind == "refund":
            sentence = _("Added a refund to {category}: {amount}.")
        return _to_list(request, expense, sentence, **undo_and_edit(expense))

    return handle_form(
        request,
        "expenses/add.html",
        form,
        save=save,
        done=done,
        context=lambda: {"expense": None, "links": links()},
        held=_slot_for_files(request),
    )


@keeps_draft
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, expense_id: str) -> HttpResponse:
    user = request.user
    changes = None  # not read again when the form is shown with errors
    if request.method == "POST":
        form = EditExpenseForm(
            request.POST, request.FILES, user=user, expense_id=expense_id
        )
    else:
        expense = queries.get_expense(user, expense_id)
        form = EditExpenseForm.of(expense, user)
        changes = [_describe(change, user) for change in history.changes_of(expense)]
    differences = None

    def save(data: dict[str, Any]) -> Expense:
        try:
            return services.edit_expense(user, expense_id, **data)
        except StaleError as error:
            nonlocal differences
            form.overwrite(error.stored)
            differences = form.differences()
            raise ConflictError(
                _(
                    "Someone changed this expense while you were editing. Save"
                    " again to overwrite it with your version."
                )
            ) from error

    return handle_form(
        request,
        "expenses/edit.html",
        form,
        save=save,
        done=lambda expense: _to_list(
            request, expense, _("Saved: {category}, {amount}.")
        ),
        context=lambda: {
            "expense": form.stored,
            "links": refunds.links_of(form.stored),
            "changes": changes,
            "differences": differences,
        },
        held=_slot_for_files(request),
    )


def _slot_for_files(request: HttpRequest) -> AbstractContextManager[None] | None:
    """Return the concurrency slot for a form with files, or None without files."""
    return RECEIPTS.slot(request.user.user_id) if request.FILES else None


@require_POST
def delete(request: HttpRequest, expense_id: str) -> HttpResponse:
    """Delete an expense without a question, since its message has an Undo button."""
    expense = services.delete_expense(request.user, expense_id)
    undo_path = reverse("expenses:restore", args=[expense_id])
    sentence = _("Deleted {category}, {amount}.")
    add_messages(request, expense, sentence, undo=undo_path)
    return redirect_back(request, "expenses:list")


@require_POST
def restore(request: HttpRequest, expense_id: str) -> HttpResponse:
    """Undo the deletion of an expense."""
    try:
        expense = services.restore_expense(request.user, expense_id)
    except (ConflictError, NotFoundError) as error:
        messages.error(request, str(error))
    else:
        add_messages(request, expense, _("Restored {category}, {amount}."))
    return redirect_back(request, "expenses:list")


@require_safe
def list_trash(request: HttpRequest) -> HttpResponse:
    """List deleted expenses, each with a button that restores it."""

    def row(trashed: TrashedExpense) -> dict[str, object]:
        until = trash.restorable_until(trashed)
        return {"expense": trashed.expense, "until": request.user.today(until)}

    return TRASH.respond(
        request,
        ListForm(request.GET),
        find=lambda _filters, position: trash.list_trash(request.user, **position),
        row=row,
    )


@require_http_methods(["GET", "HEAD", "POST"])
def empty_trash(request: HttpRequest) -> HttpResponse:
    """Confirm and empty the trash."""
    if request.method != "POST":
        return render(request, "expenses/empty_trash.html")
    emptied = purge.empty(request.user)
    sentence = ngettext(
        "Deleted {number} expense for good.",
        "Deleted {number} expenses for good.",
        emptied.deleted,
    ).format(number=emptied.deleted)
    if emptied.left:
        more = _("There are more. Empty the trash again to delete them.")
        messages.warning(request, f"{sentence} {more}")
    else:
        messages.success(request, sentence)
    return redirect("expenses:trash")


def _offer_all(page: ListedWithTotals) -> str | None:
    """Return the label of the box that selects the whole list, if it is longer."""
    totals = page.totals
    if totals is None or not totals.complete or totals.count <= len(page.items):
        return None
    return _("Select all {count} matching expenses").format(count=totals.count)


def add_messages(
    request: HttpRequest, expense: Expense, template: str, **actions: str
) -> None:
    """Add a message about an expense, and one for each alert that it caused.

    template: a sentence with the placeholders `category` and `amount`. actions: see
    `add_success`.
    """
    amount = display_expense(expense.amount, request.user.currency)
    sentence = template.format(category=expense.category_in_words, amount=amount)
    add_success(request, sentence, **actions)
    for alert in expense.alerts:
        messages.warning(request, alert.subject)


def undo_and_edit(expense: Expense) -> dict[str, str]:
    """Return the actions of the message about a new expense; see `add_messages`."""
    return {
        "undo": reverse("expenses:delete", args=[expense.expense_id]),
        "edit": reverse("expenses:edit", args=[expense.expense_id]),
    }


def _describe(change: history.Change, user: User) -> dict[str, Any]:
    """Return a change for the page, with edits as (field, label, before, after)."""
    edits = [
        (
            edit.field,
            _(history.LABELS[edit.field]),
            history.display(edit.field, edit.before, user.currency),
            history.display(edit.field, edit.after, user.currency),
        )
        for edit in change.edits
    ]
    return {"at": change.at, "created": change.created, "edits": edits}


def _links(
    request: HttpRequest, presets: Iterable[DatePreset], chosen: Period | None
) -> list[dict[str, object]]:
    """Return links to date presets that keep the other filters."""
    undated = _list_url(request, start=None, end=None)
    separator = "" if undated.endswith("?") else "&"

    def url(period: Period | None) -> str:
        if period is None:
            return _all_days_url(request)
        return f"{undated}{separator}start={period.start}&end={period.end}"

    return [
        {
            "label": preset.label,
            "url": url(preset.period),
            "current": preset.period == chosen,
        }
        for preset in presets
    ]


def _all_days_url(request: HttpRequest) -> str:
    """Return the URL of the list without days, and without a sort that needs them."""
    if request.GET.get("sort") in AMOUNT_SORTS:
        return _list_url(request, start=None, end=None, sort=None)
    return _list_url(request, start=None, end=None)


def totals_in_words(totals: Totals, sort: str, user: User) -> str:
    """Return the number and total of a list in words, and whether they are complete."""
    if totals.complete:
        template = ngettext(
            "{count} expense, {total}", "{count} expenses, {total}", totals.count
        )
    else:
        template = ngettext(
            "At least {count} expense, {total}",
            "At least {count} expenses, {total}",
            totals.count,
        )
    sentence = template.format(
        count=totals.count, total=display(totals.total, user.currency)
    )
    if sort in AMOUNT_SORTS and not totals.complete:
        note = _(
            "Older expenses are not included. Choose a shorter range to sort them all."
        )
        return f"{sentence}. {note}"
    return sentence


def _list_url(request: HttpRequest, **changes: str | None) -> str:
    """Return the URL of the list's first page with some filters changed."""
    parameters = request.GET.copy()
    for name, value in {**changes, "cursor": None}.items():
        parameters.pop(name, None)
        if value:
            parameters[name] = value
    return f"{request.path}?{parameters.urlencode()}"


def _to_list(
    request: HttpRequest, expense: Expense, template: str, **actions: str
) -> HttpResponse:
    add_messages(request, expense, template, **actions)
    return redirect_back(request, "expenses:list")
