"""The budget pages and the dashboard."""

import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts import services as accounts
from budgets import charts, queries, services
from budgets.forms import BudgetForm
from budgets.models import Budget
from expenses import queries as expenses
from expenses.forms import QuickAddForm
from expenses.views import say
from smartbudget.core.money import display
from smartbudget.core.user import User
from smartbudget.web.form_drafts import keeps_draft
from smartbudget.web.forms import answer_form, posted

ONE_DAY = datetime.timedelta(days=1)


@keeps_draft
@require_http_methods(["GET", "HEAD", "POST"])
def dashboard(request: HttpRequest) -> HttpResponse:
    """Show a month; posting adds an expense."""
    user = request.user
    if request.method == "POST":
        form = QuickAddForm(request.POST, user=user)
    else:
        form = QuickAddForm.blank(user)

    def done(expense: object) -> HttpResponse:
        say(request, expense, _("{category}, {amount}, was added."))
        return redirect("dashboard")

    return answer_form(
        request,
        "budgets/dashboard.html",
        form,
        save=lambda data: form.record(user, data),
        done=done,
        context=lambda: _month(user, request.GET.get("month") or None),
    )


def _month(user: User, month: str | None) -> dict[str, Any]:
    """Read what the dashboard shows."""
    summary = queries.summary(user, month)
    today = user.today()
    is_current = today in summary.shown
    categories = charts.category_bars(summary)
    return {
        "summary": summary,
        "month": _month_of(summary.shown.start),
        "previous_month": _month_of(summary.shown.start - ONE_DAY),
        "next_month": _month_of(summary.shown.end + ONE_DAY),
        "is_current": is_current,
        # Shown until there is something to look at.
        "is_new": is_current
        and (not summary.lines or len(summary.latest) < queries.LATEST),
        "bars": [charts.budget_bar(line, today) for line in summary.lines],
        "categories": categories[: charts.MOST_CATEGORIES],
        "more_categories": categories[charts.MOST_CATEGORIES :],
    }


@require_safe
def trend(request: HttpRequest) -> HttpResponse:
    """Show twelve months: a page of its own, or the dashboard's part of it."""
    user = request.user
    months = expenses.trend(user, month=request.GET.get("month") or None)
    context = {
        "months": months,
        "chart": charts.trend(months, user.currency),
        "is_part": bool(request.htmx),
    }
    template = "budgets/_trend.html" if request.htmx else "budgets/trend.html"
    return render(request, template, context)


@require_safe
def subscribe_step(request: HttpRequest) -> HttpResponse:
    """Show the last of the first steps, ticked off once e-mails are confirmed."""
    if not request.htmx:
        return redirect("notifications:list")
    status = accounts.get_account(request.user.user_id).subscription_status
    context = {"is_done": status == "confirmed"}
    return render(request, "budgets/_subscribe_step.html", context)


@require_safe
def list_budgets(request: HttpRequest) -> HttpResponse:
    today = request.user.today()
    budgets = services.list_budgets(request.user).items
    lines = queries.current_lines(request.user, budgets)
    bars = [charts.budget_bar(line, today) for line in lines]
    return render(request, "budgets/list.html", {"bars": bars})


@keeps_draft
@require_http_methods(["GET", "HEAD", "POST"])
def add(request: HttpRequest) -> HttpResponse:
    user = request.user
    return answer_form(
        request,
        "budgets/add.html",
        BudgetForm(posted(request), user=user),
        save=lambda data: services.create_budget(user, **data),
        done=lambda budget: _to_list(
            request,
            budget,
            _("The {period} budget for {category}, {amount}, was added."),
        ),
    )


@keeps_draft
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
        done=lambda budget: _to_list(
            request,
            budget,
            _("The {period} budget for {category}, {amount}, was saved."),
        ),
        context={"budget_id": budget_id},
    )


@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest, budget_id: str) -> HttpResponse:
    if request.method == "POST":
        services.delete_budget(request.user, budget_id)
        messages.success(request, _("The budget was deleted. Its expenses stay."))
        return redirect("budgets:list")
    budget = services.get_budget(request.user, budget_id)
    return render(request, "budgets/delete.html", {"budget": budget})


def _to_list(request: HttpRequest, budget: Budget, done: str) -> HttpResponse:
    """Say what was done, in a sentence with places for the budget, and go back."""
    said = done.format(
        period=budget.period_in_words,
        category=budget.category,
        amount=display(budget.amount, request.user.currency),
    )
    messages.success(request, said)
    return redirect("budgets:list")


def _month_of(day: datetime.date) -> str:
    return day.isoformat()[:7]
