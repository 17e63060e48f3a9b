"""The API of summary, trend and reports."""

from typing import Any

from django.http import HttpResponseRedirect
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from budgets.daily import NOTHING, DailyAllowance
from reports import archive, queued, summary, today, trend
from reports.queued import QueuedReport
from reports.serializers import (
    FiledOutput,
    MadeOutput,
    QuestionInput,
    QueuedOutput,
    QueuedPage,
    ReportPage,
    SummaryFilter,
    SummaryOutput,
    TodayOutput,
    TrendFilter,
    TrendOutput,
)
from smartbudget.web import pagination
from smartbudget.web.api import ApiView, url_of
from smartbudget.web.base_serializers import ListQuery, represent, represent_all

PDF = "application/pdf"
MAX_COMING = 100  # expenses listed


class SummaryView(ApiView):
    query = SummaryFilter

    @extend_schema(operation_id="get_summary", responses=SummaryOutput)
    def get(self, request: Request) -> Response:
        """Compare budgets with spending in a month."""
        month_summary = summary.summary(request.user, **self.query_params)
        context = {"currency": month_summary.currency}
        return self.represent(SummaryOutput, month_summary, context)


class TodayView(ApiView):
    @extend_schema(operation_id="get_today", responses=TodayOutput)
    def get(self, request: Request) -> Response:
        """Show what can be spent today from the everyday budgets."""
        user = request.user
        daily = today.today(user) or DailyAllowance((), None, NOTHING, None, ())
        shown = _with(daily, currency=user.currency, coming=daily.coming[:MAX_COMING])
        return self.represent(TodayOutput, shown, {"currency": user.currency})


class TrendView(ApiView):
    query = TrendFilter

    @extend_schema(operation_id="get_trend", responses=TrendOutput)
    def get(self, request: Request) -> Response:
        """Get the total spent in each of twelve months.

        With `by=category`, each month is also split by category.
        """
        months = trend.trend(request.user, **self.query_params)
        currency = request.user.currency
        return self.represent(
            TrendOutput,
            {"currency": currency, "months": months},
            context={"currency": currency},
        )


class GenerateView(ApiView):
    scope = "reports"

    @extend_schema(
        operation_id="generate_report",
        request=QuestionInput,
        responses={201: MadeOutput, 202: QueuedOutput},
    )
    def post(self, request: Request) -> Response:
        """Create a report. Returns the same file while nothing has changed.

        A report with very many expenses is created in the background. Its status is at
        `Location`, and the user is notified when it is ready.
        """
        data = self.parse(QuestionInput)
        result = archive.request_report(request.user, **data)
        if isinstance(result, QueuedReport):
            address = url_of(request, "queued-report", result.report_id)
            body = _represent_queued(request, result)
            return Response(body, status=202, headers={"Location": address})
        url = url_of(request, "report", result.file_name)
        body = represent(MadeOutput, _with(result, download_url=url))
        return Response(body, status=201, headers={"Location": url})


class ReportListView(ApiView):
    query = ListQuery
    scope = "reports"

    @extend_schema(operation_id="list_reports", responses=ReportPage)
    def get(self, request: Request) -> Response:
        """List the caller's reports, newest first."""
        position = pagination.position(request, request.user)
        page = archive.list_reports(request.user, **position)
        reports = [
            _with(report, download_url=url_of(request, "report", report.file_name))
            for report in page.items
        ]
        results = represent_all(FiledOutput, reports)
        return Response(pagination.body(request, request.user, page, results))


class QueuedReportListView(ApiView):
    scope = "reports"

    @extend_schema(operation_id="list_queued_reports", responses=QueuedPage)
    def get(self, request: Request) -> Response:
        """List the caller's reports that were created in the background.

        Those that are being created, and those of the last day; newest first.
        """
        reports = queued.list_reports(request.user)
        results = [_represent_queued(request, report) for report in reports]
        return Response({"results": results})


class QueuedReportView(ApiView):
    scope = "reports"

    @extend_schema(operation_id="get_queued_report", responses=QueuedOutput)
    def get(self, request: Request, report_id: str) -> Response:
        """Get a report that is created in the background, or was on the last day."""
        report = queued.get_report(request.user, report_id)
        return Response(_represent_queued(request, report))


class ReportView(ApiView):
    scope = "reports"
    methods_without_body = ("GET", "DELETE")

    @extend_schema(
        operation_id="download_report",
        responses={
            302: OpenApiResponse(
                description=(
                    "Redirects to a signed URL valid for a few minutes."
                    " `Accept` is ignored."
                )
            ),
            (200, PDF): OpenApiResponse(
                OpenApiTypes.BINARY,
                description="The file, if the client follows the redirect.",
            ),
        },
    )
    def get(self, request: Request, file_name: str) -> HttpResponseRedirect:
        """Download a report as a PDF, through a redirect."""
        return HttpResponseRedirect(archive.download_url(request.user, file_name))

    @extend_schema(operation_id="delete_report", responses={204: None})
    def delete(self, request: Request, file_name: str) -> Response:
        """Delete a report."""
        archive.delete_report(request.user, file_name)
        return Response(status=204)


def _represent_queued(request: Request, report: QueuedReport) -> dict[str, Any]:
    name = report.ready_file
    url = url_of(request, "report", name) if name else None
    return dict(represent(QueuedOutput, _with(report, download_url=url)))


def _with(report: object, **more: object) -> dict[str, Any]:
    """Return an object's attributes and properties as a dict, with `more` added."""
    properties = (
        name
        for name, value in vars(type(report)).items()
        if isinstance(value, property)
    )
    names = {*vars(report), *properties}
    return {**{name: getattr(report, name) for name in names}, **more}
