"""The budget pages and the dashboard."""

import datetime

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from budgets import queries, services
from budgets.forms import BudgetForm
from budgets.models import Budget
from budgets.queries import BudgetLine
from smartbudget.core.money import display
from smartbudget.web.forms import answer_form

ONE_DAY = datetime.timedelta(days=1)


@require_safe
def dashboard(request: HttpRequest) -> HttpResponse:
    summary = queries.summary(request.user, request.GET.get("month") or None)
    context = {
        "summary": summary,
        "month": _month_of(summary.shown.start),
        "previous_month": _month_of(summary.shown.start - ONE_DAY),
        "next_month": _month_of(summary.shown.end + ONE_DAY),
        "is_current": request.user.today() in summary.shown,
    }
    return render(request, "budgets/dashboard.html", context)


@require_safe
def list_budgets(request: HttpRequest) -> HttpResponse:
    return render(request, "budgets/list.html", {"lines": _lines(request.user)})


@require_http_methods(["GET", "HEAD", "POST"])
def add(request: HttpRequest) -> HttpResponse:
    user = request.user
    posted = request.method == "POST"
    return answer_form(
        request,
        "budgets/add.html",
        BudgetForm(request.POST if posted else None, user=user),
        save=lambda data: services.create_budget(user, **data),
        done=lambda budget: _to_list(request, budget, "added"),
    )


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, budget_id: str) -> HttpResponse:
    user = request.user
    if request.method == "POST":
        form = BudgetForm(request.POST, user=user)
    else:
        form = BudgetForm.of(services.get_budget(user, budget_id), user)
    return answer_form(
        request,
        "budgets/edit.html",
        form,
        save=lambda data: services.edit_budget(user, budget_id, **data),
        done=lambda budget: _to_list(request, budget, "saved"),
        context={"budget_id": budget_id},
    )


@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest, budget_id: str) -> HttpResponse:
    if request.method == "POST":
        services.delete_budget(request.user, budget_id)
        messages.success(request, "The budget was deleted. Its expenses stay.")
        return redirect("budgets:list")
    budget = services.get_budget(request.user, budget_id)
    return render(request, "budgets/delete.html", {"budget": budget})


def _to_list(request: HttpRequest, budget: Budget, done: str) -> HttpResponse:
    amount = display(budget.amount, request.user.currency)
    messages.success(
        request,
        f"The {budget.period} budget for {budget.category}, {amount}, was {done}.",
    )
    return redirect("budgets:list")


def _lines(user: User) -> list[BudgetLine]:
    """Read how every budget stands today.

    Only where a period has ended and nothing has begun the next one yet must expenses
    be read.
    """
    budgets = services.list_budgets(user).items
    if any(each.current != services.current_period(user, each) for each in budgets):
        return queries.summary(user).lines
    return [
        BudgetLine(
            budget_id=each.budget_id,
            category=each.category,
            period=each.period,
            amount=each.amount,
            alert_threshold=int(each.alert_threshold),
            spent=each.spent,
            within=each.current,
        )
        for each in budgets
    ]


def _month_of(day: datetime.date) -> str:
    return day.isoformat()[:7]
