"""The report pages."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from reports import archive
from reports.archive import Made
from reports.forms import ReportForm
from smartbudget.web import pagination
from smartbudget.web.changelists import ChangeList, Column
from smartbudget.web.form_drafts import keeps_draft
from smartbudget.web.forms import answer_form, posted

REPORTS = ChangeList(
    title=gettext_lazy("Reports"),
    url_name="reports:list",
    columns=(
        Column(gettext_lazy("Report")),
        Column(gettext_lazy("Made"), "day"),
        Column(gettext_lazy("Size"), "amount"),
        Column(gettext_lazy("Change")),
    ),
    row_template="reports/_report.html",
    none_template="reports/_none.html",
    template="reports/list.html",
)


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
        return REPORTS.rows(request, page)

    return answer_form(
        request,
        "reports/list.html",
        form,
        save=lambda _: archive.ask(user, **form.question),
        done=lambda made: _offer(request, made, email=form.cleaned_data["email"]),
        context=context,
    )


@require_safe
def download(request: HttpRequest, file_name: str) -> HttpResponseRedirect:
    return HttpResponseRedirect(archive.download_url(request.user, file_name))


@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest, file_name: str) -> HttpResponse:
    if request.method == "POST":
        archive.delete_report(request.user, file_name)
        messages.success(request, _("The report was deleted."))
        return redirect("reports:list")
    report = archive.get_report(request.user, file_name)
    return render(request, "reports/delete.html", {"report": report})


def _offer(request: HttpRequest, made: Made, *, email: bool) -> HttpResponse:
    said = format_html(
        _('The report about {name} is ready: <a href="{url}">download it</a>.'),
        name=made.question.name,
        url=reverse("reports:download", args=[made.file_name]),
    )
    if email:
        said = format_html("{} {}", said, _("An e-mail is on its way."))
    messages.success(request, said)
    return redirect("reports:list")
