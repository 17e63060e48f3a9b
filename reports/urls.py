"""URLs of reports; smartbudget.urls includes the lists."""

from django.urls import path, register_converter

from reports import views
from reports.api import (
    GenerateView,
    QueuedReportListView,
    QueuedReportView,
    ReportListView,
    ReportView,
    SummaryView,
    TodayView,
    TrendView,
)
from smartbudget.core.files import REPORT_NAME
from smartbudget.web.converters import ItemIdConverter


class FileNameConverter:
    """A report's file name; anything else is not found."""

    regex = REPORT_NAME

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(FileNameConverter, "report_file")
register_converter(ItemIdConverter, "queued_report_id")

root = [
    path("", views.dashboard, name="dashboard"),
    path("trend", views.trend, name="trend"),
    path("first-steps/subscribe", views.subscribe_step, name="subscribe_step"),
]

pages = [
    path("reports", views.reports, name="list"),
    path("reports/queued", views.queued_reports, name="queued"),
    path("reports/<report_file:file_name>", views.download, name="download"),
    path("reports/<report_file:file_name>/delete", views.delete, name="delete"),
]

api = [
    path("summary", SummaryView.as_view(), name="summary"),
    path("today", TodayView.as_view(), name="today"),
    path("trends", TrendView.as_view(), name="trends"),
    path("reports", ReportListView.as_view(), name="reports"),
    path("reports/generate", GenerateView.as_view(), name="generate-report"),
    path("reports/queued", QueuedReportListView.as_view(), name="queued-reports"),
    path(
        "reports/queued/<queued_report_id:report_id>",
        QueuedReportView.as_view(),
        name="queued-report",
    ),
    path("reports/<report_file:file_name>", ReportView.as_view(), name="report"),
]
