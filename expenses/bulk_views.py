"""The pages of actions on several expenses, and of their undo."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from expenses import bulk_matching, bulk_update, export, list_totals, undo
from expenses.bulk_matching import MatchingResult
from expenses.bulk_update import BulkResult
from expenses.forms import CategoryForm, FilterForm
from expenses.models import STATUSES
from expenses.queries import Totals
from expenses.undo import Undone
from expenses.views import EXPENSES, delete, totals_in_words
from smartbudget.core.errors import InvalidError, NotFoundError
from smartbudget.web.forms import handle_form
from smartbudget.web.messages import add_success, with_counts
from smartbudget.web.redirects import redirect_back, safe_next


@require_POST
def undo_change(request: HttpRequest, undo_id: str) -> HttpResponse:
    """Undo an action on selected expenses."""
    try:
        result = undo.undo(request.user, undo_id)
    except NotFoundError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _describe_undone(result))
    return redirect_back(request, "expenses:list")


def _describe_undone(result: Undone) -> str:
    number = result.changed + result.unchanged
    restored = ngettext(
        "Restored {number} expense.", "Restored {number} expenses.", number
    )
    skipped = ngettext(
        "{number} has changed since and was left as it is.",
        "{number} have changed since and were left as they are.",
        result.skipped,
    )
    gone = ngettext(
        "{number} has been deleted.", "{number} have been deleted.", result.gone
    )
    return with_counts(
        restored.format(number=number), (result.skipped, skipped), (result.gone, gone)
    )


@require_http_methods(["GET", "HEAD", "POST"])
def act(request: HttpRequest) -> HttpResponse:
    """Run an action on the expenses selected in the list."""
    if request.method != "POST":  # after a login, the browser returns with GET
        return redirect("expenses:list")
    chosen, action = request.POST.getlist("selected"), request.POST.get("action", "")
    try:
        if "all" in request.POST and action in {*STATUSES, "category", "delete"}:
            return _act_on_all(request, action)
        return _ACTIONS.get(action, _reject_unknown)(request, chosen)
    except InvalidError as error:
        messages.error(request, str(error))
        return redirect_back(request, "expenses:list")


def _act_on_all(request: HttpRequest, action: str) -> HttpResponse:
    """Run an action on all expenses of a filtered list, once it is confirmed."""
    user = request.user
    filters = _posted_filters(request)
    is_sent = "confirmed" in request.POST
    form = (CategoryForm if action == "category" else Form)(
        request.POST if is_sent else None,
        initial={"category": request.POST.get("category", "")},
    )

    def save(data: dict[str, Any]) -> MatchingResult:
        if action == "delete":
            return bulk_matching.delete_matching(user, filters)
        changes = data if action == "category" else {"status": action}
        return bulk_matching.change_matching(user, filters, **changes)

    def done(matching: MatchingResult) -> HttpResponse:
        result = matching.result
        describe = _describe_deleted if action == "delete" else _describe_updated
        sentence = describe(result)
        if matching.left:
            more = _("More match. Repeat the action for the rest.")
            sentence = f"{sentence} {more}"
        return _show_result(request, result, sentence)

    def context() -> dict[str, Any]:
        totals = list_totals.list_expenses(user, limit=1, **filters).totals or Totals()
        if action == "delete":
            heading = ngettext(
                "Delete {count} expense?", "Delete {count} expenses?", totals.count
            )
        else:
            heading = ngettext(
                "Change {count} expense?", "Change {count} expenses?", totals.count
            )
        return {
            "heading": heading.format(count=totals.count),
            "totals": totals_in_words(totals, "newest", user),
            "limited": totals.count > bulk_matching.MAX_EXPENSES,
            "most": bulk_matching.MAX_EXPENSES,
            "action": action,
            "label": EXPENSES.actions[action],
            "next": safe_next(request, reverse("expenses:list")),
        }

    return handle_form(
        request,
        "expenses/change_matching.html",
        form,
        save=save,
        done=done,
        context=context,
    )


def _posted_filters(request: HttpRequest) -> dict[str, Any]:
    """Return the filters of the list that an action returns to.

    Raises InvalidError unless it is the list, with valid filters.
    """
    url = urlsplit(safe_next(request, ""))
    form = FilterForm(QueryDict(url.query), user=request.user)
    if url.path.rstrip("/") != reverse("expenses:list") or not form.is_valid():
        raise InvalidError(_("Choose the filter again."))
    return {name: value for name, value in form.cleaned_data.items() if name != "sort"}


def _reject_unknown(request: HttpRequest, chosen: list[str]) -> HttpResponse:
    raise InvalidError(_("Choose an action."))


def _set_status(request: HttpRequest, chosen: list[str]) -> HttpResponse:
    status = request.POST["action"]
    result = bulk_update.change_expenses(request.user, chosen, status=status)
    return _show_result(request, result, _describe_updated(result))


def _set_category(request: HttpRequest, chosen: list[str]) -> HttpResponse:
    bulk_update.check_ids(chosen)
    sent = "category" in request.POST

    def done(result: BulkResult) -> HttpResponse:
        category = form.cleaned_data["category"]
        moved = ngettext(
            "Moved {number} expense to {name}.",
            "Moved {number} expenses to {name}.",
            result.changed,
        ).format(number=result.changed, name=category)
        return _show_result(request, result, moved)

    form = CategoryForm(request.POST if sent else None)
    return handle_form(
        request,
        "expenses/set_category.html",
        form,
        save=lambda data: bulk_update.change_expenses(request.user, chosen, **data),
        done=done,
        context={
            "selected": chosen,
            "next": safe_next(request, reverse("expenses:list")),
        },
    )


def _delete_selected(request: HttpRequest, chosen: list[str]) -> HttpResponse:
    if "confirmed" in request.POST:
        result = bulk_update.delete_expenses(request.user, chosen)
        return _show_result(request, result, _describe_deleted(result))
    expenses = bulk_update.read_expenses(request.user, chosen)
    if not expenses:
        raise InvalidError(_("Already deleted."))
    if len(expenses) == 1:
        return delete(request, expenses[0].expense_id)
    context = {
        "expenses": expenses,
        "next": safe_next(request, reverse("expenses:list")),
    }
    return render(request, "expenses/delete_selected.html", context)


def _download(request: HttpRequest, chosen: list[str]) -> HttpResponse:
    user = request.user
    expenses = bulk_update.read_expenses(user, chosen)
    lines = export.selection_lines(expenses, user.currency)
    name = f"expenses-{user.today()}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(lines, content_type="text/csv; charset=utf-8", headers=headers)


_ACTIONS: dict[str, Callable[[HttpRequest, list[str]], HttpResponse]] = {
    **dict.fromkeys(STATUSES, _set_status),
    "category": _set_category,
    "csv": _download,
    "delete": _delete_selected,
}


def _describe_updated(result: BulkResult) -> str:
    sentence = ngettext(
        "Updated {number} expense.", "Updated {number} expenses.", result.changed
    )
    return sentence.format(number=result.changed)


def _describe_deleted(result: BulkResult) -> str:
    sentence = ngettext(
        "Deleted {number} expense.", "Deleted {number} expenses.", result.changed
    )
    return sentence.format(number=result.changed)


def _show_result(request: HttpRequest, result: BulkResult, done: str) -> HttpResponse:
    """Show the result for a selection, and redirect to the same page of the list.

    done: what was done, as a sentence.
    """
    unchanged = ngettext(
        "{number} already had that value.",
        "{number} already had that value.",
        result.unchanged,
    )
    gone = ngettext(
        "{number} had already been deleted.",
        "{number} had already been deleted.",
        result.gone,
    )
    split = ngettext(
        "{number} is split across several categories and wasn't changed.",
        "{number} are split across several categories and weren't changed.",
        result.split,
    )
    sentences = with_counts(
        done, (result.unchanged, unchanged), (result.split, split), (result.gone, gone)
    )
    undo_path = ""
    if result.undo_id:
        undo_path = reverse("expenses:undo", args=[result.undo_id])
    add_success(request, sentences, undo=undo_path)
    return redirect_back(request, "expenses:list")
