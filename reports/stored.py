"""A stored report, whose file name holds its type, period and time of creation."""

import datetime
from dataclasses import dataclass

from reports.periods import TITLES
from smartbudget.core import files
from smartbudget.core.i18n import gettext as _
from smartbudget.core.periods import Period, name_of


@dataclass(frozen=True)
class StoredReport:
    """A report in the archive."""

    report_key: str
    size_bytes: int = 0

    @property
    def file_name(self) -> str:
        """The last part of its key."""
        return files.file_name(self.report_key)

    @property
    def report_type(self) -> str:
        """One of periods.TYPES."""
        return self.file_name.partition("_")[0]

    @property
    def period(self) -> Period | None:
        """The days that it covers, or None for a report of an earlier version."""
        days = self.file_name.split("_")[2]
        if "--" not in days:
            return None
        start, end = map(datetime.date.fromisoformat, days.split("--"))
        return Period(start, end)

    @property
    def created_at(self) -> str:
        """The time of creation: ISO 8601, UTC."""
        stamp = self.file_name.rpartition("_")[2].removesuffix(".pdf")
        return datetime.datetime.fromisoformat(stamp).isoformat()

    @property
    def type_in_words(self) -> str:
        """The name of its type, in the current language."""
        return _(TITLES[self.report_type])

    @property
    def name(self) -> str:
        """Its period in words, such as `October 2026`; without one, its type."""
        if self.period is None:
            return self.type_in_words
        return name_of(self.period)

    @property
    def download_name(self) -> str:
        """The name of the downloaded file, such as `Smart Budget 2026-10.pdf`."""
        if self.period is None:
            return self.file_name
        start, end = self.period.start, self.period.end
        name = f"{start} {end}"
        if self.report_type == "monthly" and self.period.is_month:
            name = f"{start:%Y-%m}"
        elif self.report_type == "yearly" and self.period.is_year:
            name = f"{start.year}"
        return f"Smart Budget {name}.pdf"
