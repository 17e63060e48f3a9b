"""The names of stored reports."""

import pytest

from reports.stored import StoredReport
from smartbudget.core.dates import parse_day
from smartbudget.core.files import owner_of, report_key
from smartbudget.core.i18n import override
from smartbudget.core.periods import Period
from tests.money_builders import NOON

USER = "a" * 32
JUNE = ("2026-06-01", "2026-06-30")


def stored(report_type: str, start: str, end: str) -> StoredReport:
    period = Period(parse_day(start, "start"), parse_day(end, "end"))
    return StoredReport(report_key(USER, report_type, period, NOON))


@pytest.mark.parametrize(
    ("report_type", "days", "name", "file_name"),
    [
        ("monthly", JUNE, "June 2026", "Smart Budget 2026-06.pdf"),
        ("yearly", ("2026-01-01", "2026-12-31"), "2026", "Smart Budget 2026.pdf"),
        (
            "weekly",
            ("2026-06-01", "2026-06-07"),
            "Jun 1\u2009–\u20097, 2026",
            "Smart Budget 2026-06-01 2026-06-07.pdf",
        ),
        (
            "custom",
            JUNE,
            "June 2026",
            "Smart Budget 2026-06-01 2026-06-30.pdf",
        ),
    ],
)
def test_a_report_is_named_by_its_period(report_type, days, name, file_name):
    report = stored(report_type, *days)

    assert report.report_type == report_type
    assert (str(report.period.start), str(report.period.end)) == days
    assert report.created_at == NOON.isoformat()
    assert report.name == name
    assert report.download_name == file_name
    assert owner_of(report.report_key) == USER


def test_a_name_is_in_the_current_language():
    with override("de"):
        assert stored("monthly", *JUNE).name == "Juni 2026"


def test_a_report_of_an_earlier_version_is_named_by_its_type():
    key = f"reports/{USER}/monthly_report_20260318T120000Z.pdf"
    report = StoredReport(key)

    assert report.period is None
    assert report.name == "Monthly report"
    assert report.download_name == "monthly_report_20260318T120000Z.pdf"
    assert owner_of(key) == USER


def test_any_other_name_has_no_owner():
    for name in (
        "monthly_report_2026-06-01_20260318T120000Z.pdf",
        "monthly_report_2026-06-01--2026-06-30_.pdf",
        "monthly_report_2026-06-01--2026-06-30_20260318T120000Z.txt",
    ):
        assert owner_of(f"reports/{USER}/{name}") is None
