"""The budget pages."""

import functools
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from budgets import charts, history, queries, services
from budgets.forms import ROLLOVER_WORDS, BudgetForm
from budgets.models import Budget
from budgets.period_text import describe
from smartbudget.core.money import display
from smartbudget.core.periods import name_of, period_of
from smartbudget.web import pagination
from smartbudget.web.form_drafts import keeps_draft
from smartbudget.web.forms import handle_form, posted
from smartbudget.web.redirects import redirect_back


@require_safe
def list_budgets(request: HttpRequest) -> HttpResponse:
    user = request.user
    today = user.today()
    budgets = services.list_budgets(user).items
    lines = queries.current_lines(user, budgets)
    finished = history.recent_periods(user, budgets)
    month = period_of("monthly", today, user.calendar)
    context = {
        "cards": charts.budget_cards(lines, today, user.currency, finished),
        "shown": month,
        "month": name_of(month),
        "days_left": month.days_left(today),
    }
    return render(request, "budgets/list.html", context)


@keeps_draft
@require_http_methods(["GET", "HEAD", "POST"])
def add(request: HttpRequest) -> HttpResponse:
    user = request.user
    initial = BudgetForm.initial_of(request.GET)
    return _handle(
        request,
        "budgets/add.html",
        BudgetForm(posted(request), user=user, initial=initial),
        save=functools.partial(services.create_budget, user),
        done=lambda budget: _to_list(
            request,
            budget,
            _("Budget created: {category}, {amount} ({period})."),
        ),
    )


@keeps_draft
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, budget_id: str) -> HttpResponse:
    user = request.user
    if request.method == "POST":
        form = BudgetForm(request.POST, user=user, budget_id=budget_id)
    else:
        form = BudgetForm.of(services.get_budget(user, budget_id), user)
    return _handle(
        request,
        "budgets/edit.html",
        form,
        save=functools.partial(services.edit_budget, user, budget_id),
        done=lambda budget: _to_list(
            request,
            budget,
            _("Budget saved: {category}, {amount} ({period})."),
        ),
    )


def _handle(
    request: HttpRequest,
    template: str,
    form: BudgetForm,
    *,
    save: Callable[..., Any],
    done: Callable[[Any], HttpResponse],
) -> HttpResponse:
    """Save a form, or with Check, only show the periods that it results in.

    A script requests only their description whenever a field changes.
    """
    if request.htmx and form.is_bound:
        form.is_valid()
        periods = form.describe_periods()
        return render(request, "budgets/_periods.html", {"periods": periods})

    def context() -> dict[str, Any]:
        return {"budget_id": form.budget_id, "periods": form.describe_periods()}

    def show(_preview: object) -> HttpResponse:
        return render(request, template, {**context(), "form": form})

    if "check" in request.POST:
        preview = functools.partial(services.preview_budget, request.user)
        save = functools.partial(preview, budget_id=form.budget_id)
        done = show
    return handle_form(
        request,
        template,
        form,
        save=lambda _data: form.save(save),
        done=done,
        context=context,
    )


@require_safe
def detail(request: HttpRequest, budget_id: str) -> HttpResponse:
    """Show a budget with its finished periods."""
    user = request.user
    position = pagination.position(request, user)
    budget = services.get_budget(user, budget_id)
    (line,) = queries.current_lines(user, [budget])
    finished = history.finished_periods(user, [budget])[budget_id]
    page = history.page_of(finished, **position)
    latest = finished[-history.RECENT :]
    context = {
        "budget": budget,
        "card": charts.budget_card(line, user.today(), user.currency, latest),
        "how_often": describe(budget.recurrence, user.calendar),
        "rollover": ROLLOVER_WORDS[budget.rollover],
        "rows": page.items,
        "links": pagination.links(request, user, page),
    }
    return render(request, "budgets/detail.html", context)


@require_POST
def pause(request: HttpRequest, budget_id: str) -> HttpResponse:
    """Pause a budget, or resume it with `paused=no`."""
    paused = request.POST.get("paused") != "no"
    budget = services.edit_budget(request.user, budget_id, paused=paused)
    template = _("Budget paused: {category}.")
    if not paused:
        template = _("Budget resumed: {category}.")
    messages.success(request, template.format(category=budget.categories.in_words))
    return redirect_back(request, "budgets:list")


@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest, budget_id: str) -> HttpResponse:
    if request.method == "POST":
        services.delete_budget(request.user, budget_id)
        messages.success(request, _("Budget deleted. Your expenses stay."))
        return redirect_back(request, "budgets:list")
    budget = services.get_budget(request.user, budget_id)
    return render(request, "budgets/delete.html", {"budget": budget})


def _to_list(request: HttpRequest, budget: Budget, template: str) -> HttpResponse:
    """Redirect back with a message about a budget."""
    message = template.format(
        period=budget.period_in_words,
        category=budget.categories.in_words,
        amount=display(budget.amount, request.user.currency),
    )
    messages.success(request, message)
    return redirect_back(request, "budgets:list")
