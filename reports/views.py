"""The dashboard, the trend and the report pages."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from accounts import services as accounts
from budgets.charts import budget_cards
from expenses.forms import QuickAddForm
from expenses.views import add_messages, undo_and_edit
from reports import archive, charts, queued, summary
from reports import trend as trends
from reports.archive import ReportResult
from reports.forms import ReportForm
from reports.highlights import highlights
from reports.periods import ONE_DAY
from reports.queued import QueuedReport
from smartbudget.core.periods import following, month_key, name_of, period_of
from smartbudget.core.user import User
from smartbudget.web import pagination
from smartbudget.web.changelists import ChangeList, Column
from smartbudget.web.form_drafts import keeps_draft
from smartbudget.web.forms import handle_form, posted
from smartbudget.web.redirects import redirect_back

MAX_ATTENTION = 5  # budgets that are named above the cards

REPORTS = ChangeList(
    title=gettext_lazy("Reports"),
    url_name="reports:list",
    columns=(
        Column(gettext_lazy("Report"), "category"),
        Column(gettext_lazy("Type"), "kind"),
        Column(gettext_lazy("Created"), "day"),
        Column(gettext_lazy("Size"), "amount"),
        Column(""),
    ),
    row_template="reports/_report.html",
    none_template="reports/_none.html",
    template="reports/list.html",
)


@keeps_draft
@require_http_methods(["GET", "HEAD", "POST"])
def dashboard(request: HttpRequest) -> HttpResponse:
    """Show a month; a POST adds an expense."""
    user = request.user
    if request.method == "POST":
        form = QuickAddForm(request.POST, user=user)
    else:
        form = QuickAddForm.blank(user)

    def done(expense: Any) -> HttpResponse:
        add_messages(
            request,
            expense,
            _("Added {amount} to {category}."),
            **undo_and_edit(expense),
        )
        return redirect("dashboard")

    return handle_form(
        request,
        "reports/dashboard.html",
        form,
        save=lambda data: form.record(user, data),
        done=done,
        context=lambda: _month(user, request.GET.get("month") or None),
    )


def _month(user: User, month: str | None) -> dict[str, Any]:
    """Return the template context of the dashboard."""
    month_summary = summary.summary(user, month)
    today = user.today()
    shown, calendar = month_summary.shown, user.calendar
    before = period_of("monthly", shown.start - ONE_DAY, calendar)
    after = following(shown, "monthly", calendar)
    is_current = today in shown
    categories = charts.category_bars(month_summary)
    cards = budget_cards(month_summary.lines, today, user.currency)
    attention = [card for card in cards if card.needs_attention]
    return {
        "summary": month_summary,
        "shown": shown,
        "days_left": shown.days_left(today) if is_current else None,
        "name": name_of(shown),
        "month": month_key(shown, calendar),
        "before": name_of(before),
        "previous_month": month_key(before, calendar),
        "next_month": month_key(after, calendar),
        "is_current": is_current,
        # The first steps are shown until there are budgets and a few expenses.
        "is_new": is_current
        and (not month_summary.lines or len(month_summary.latest) < summary.LATEST),
        "cards": cards,
        "attention": attention[:MAX_ATTENTION],
        "more_attention": max(0, len(attention) - MAX_ATTENTION),
        "highlights": highlights(month_summary, today, calendar),
        "categories": categories[: charts.MAX_CATEGORIES],
        "more_categories": categories[charts.MAX_CATEGORIES :],
        "credits": charts.credits(month_summary),
    }


@require_safe
def trend(request: HttpRequest) -> HttpResponse:
    """Show twelve months, as a page or as a fragment for the dashboard."""
    user = request.user
    is_part = bool(request.htmx)
    months = trends.trend(
        user,
        month=request.GET.get("month") or None,
        by="category" if is_part else "",
    )
    names = {name for month in months for name, _ in month.categories or ()}
    context = {
        "months": months,
        "chart": charts.trend(months, user.currency),
        "names": sorted(names),  # for the quick add
        "is_part": is_part,
    }
    template = "reports/_trend.html" if is_part else "reports/trend.html"
    return render(request, template, context)


@require_safe
def subscribe_step(request: HttpRequest) -> HttpResponse:
    """Render the last of the first steps: done once e-mail alerts are confirmed."""
    if not request.htmx:
        return redirect("notifications:list")
    status = accounts.get_account(request.user.user_id).subscription_status
    context = {"is_done": status == "confirmed"}
    return render(request, "reports/_subscribe_step.html", context)


@keeps_draft
@require_http_methods(["GET", "HEAD", "POST"])
def reports(request: HttpRequest) -> HttpResponse:
    user = request.user
    form = ReportForm(posted(request), user=user)
    position = (
        {"limit": pagination.PAGE_SIZE}
        if form.is_bound
        else pagination.position(request, user)
    )

    def context() -> dict[str, object]:
        page = archive.list_reports(user, **position)
        unfinished = [item for item in queued.list_reports(user) if not item.ready_file]
        return {**REPORTS.rows(request, page), "queued": unfinished}

    return handle_form(
        request,
        "reports/list.html",
        form,
        save=lambda _: archive.request_report(user, **form.arguments),
        done=lambda result: _offer(request, result, email=form.cleaned_data["email"]),
        context=context,
        focus=False,
    )


@require_safe
def queued_reports(request: HttpRequest) -> HttpResponse:
    """Render the reports that are created in the background, for their list."""
    if not request.htmx:
        return redirect("reports:list")
    context = {"queued": queued.list_reports(request.user)}
    return render(request, "reports/_queued.html", context)


@require_safe
def download(request: HttpRequest, file_name: str) -> HttpResponseRedirect:
    return HttpResponseRedirect(archive.download_url(request.user, file_name))


@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest, file_name: str) -> HttpResponse:
    if request.method == "POST":
        archive.delete_report(request.user, file_name)
        messages.success(request, _("Report deleted."))
        return redirect_back(request, "reports:list")
    report = archive.get_report(request.user, file_name)
    return render(request, "reports/delete.html", {"report": report})


def _offer(
    request: HttpRequest, result: ReportResult | QueuedReport, *, email: bool
) -> HttpResponse:
    if isinstance(result, QueuedReport):
        sentence = _(
            "Your {name} report has many expenses, so creating it takes a few minutes."
            " We'll notify you when it's ready."
        )
        messages.success(request, sentence.format(name=result.name))
        return redirect("reports:list")
    message = format_html(
        _('Your {name} report is ready. <a href="{url}">Download</a>'),
        name=result.period.name,
        url=reverse("reports:download", args=[result.file_name]),
    )
    if email:
        message = format_html("{} {}", message, _("We'll e-mail you, too."))
    messages.success(request, message)
    return redirect("reports:list")
