"""Write what stands out in a month of the dashboard, from what its summary read."""

import datetime

from reports import services
from reports.periods import ReportPeriod
from reports.summary import Summary
from smartbudget.core.periods import DEFAULT_CALENDAR, Calendar, period_of


def highlights(
    summary: Summary, today: datetime.date, calendar: Calendar = DEFAULT_CALENDAR
) -> list[str]:
    """Return a monthly report's insights, without those about budgets; see `insights`.

    today, calendar: the user's. Reads nothing. The report compares with the month
    before only if expenses were recorded for all of it. Here the days of the expenses
    read and of the budgets' creation decide that, since the first expense of all is
    not known.
    """
    shown = summary.shown
    day_before = shown.start - datetime.timedelta(days=1)
    before = period_of("monthly", day_before, calendar)
    known = [entry.day for entry in summary.entries[:1]]
    known += [
        datetime.date.fromisoformat(line.created_at[:10]) for line in summary.lines
    ]
    report = services.compute(
        ReportPeriod("monthly", shown, before),
        summary.currency,
        summary.entries,
        today=today,
        calendar=calendar,
        since=min(known, default=None),
        has_signs=True,
    )
    return report.insights
