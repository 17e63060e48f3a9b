"""The expense pages."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from expenses import queries, services
from expenses.forms import EditExpenseForm, FilterForm, NewExpenseForm
from expenses.models import Expense
from smartbudget.core.errors import ConflictError
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
        context = {
            "form": form,
            "expenses": page.items,
            "links": cursors.links(request, user, page),
            "filtered": any(form.cleaned_data.values()),
        }
        return render(request, LIST, context)

    return answer_form(request, LIST, form, save=find, done=show)


@require_http_methods(["GET", "HEAD", "POST"])
def add(request: HttpRequest) -> HttpResponse:
    user = request.user
    if request.method == "POST":
        form = NewExpenseForm(request.POST, user=user)
    else:
        form = NewExpenseForm.blank(user)

    def save(data: dict[str, Any]) -> Expense:
        try:
            return services.record_expense(user, **data)
        except ConflictError as error:
            form.renew_key()
            raise ConflictError(
                "This page was sent before, with another expense, which is stored. "
                "Save again to add this one too."
            ) from error

    return answer_form(
        request,
        "expenses/add.html",
        form,
        save=save,
        done=lambda expense: _to_list(request, expense, "added"),
    )


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, expense_id: str) -> HttpResponse:
    user = request.user
    if request.method == "POST":
        form = EditExpenseForm(request.POST, user=user)
    else:
        form = EditExpenseForm.of(queries.get_expense(user, expense_id), user)
    return answer_form(
        request,
        "expenses/edit.html",
        form,
        save=lambda data: services.edit_expense(user, expense_id, **data),
        done=lambda expense: _to_list(request, expense, "saved"),
        context={"expense_id": expense_id},
    )


@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest, expense_id: str) -> HttpResponse:
    if request.method == "POST":
        services.delete_expense(request.user, expense_id)
        messages.success(request, "The expense was deleted.")
        return redirect("expenses:list")
    expense = queries.get_expense(request.user, expense_id)
    return render(request, "expenses/delete.html", {"expense": expense})


def _to_list(request: HttpRequest, expense: Expense, done: str) -> HttpResponse:
    amount = display(expense.amount, request.user.currency)
    messages.success(request, f"{expense.category}, {amount}, was {done}.")
    return redirect("expenses:list")
