"""A report as a PDF, for printing and keeping: what is said where on its pages."""

import datetime
import io
from collections.abc import Iterator
from decimal import ROUND_CEILING, Decimal
from typing import Any

from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    CondPageBreak,
    Flowable,
    Frame,
    KeepTogether,
    PageTemplate,
    Spacer,
)

from reports import drawing, fonts
from reports.drawing import (
    Bar,
    Bars,
    Column,
    Columns,
    Figures,
    Heading,
    Links,
    Row,
    Rows,
    Text,
    Title,
    write,
)
from reports.insights import amount, percent
from reports.periods import day_of, days_of, name_of
from reports.services import NOTHING, CategoryLine, Report, percent_of
from smartbudget.core import money

NAME = "Smart Budget Planner"
MARGIN = 20 * mm
BARS = 8  # categories in the chart; the rest is one bar

TITLES = {
    "monthly": "Monthly report",
    "weekly": "Weekly report",
    "custom": "Report",
    "yearly": "Yearly report",
}
WEEKDAYS = (
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
)


def draw(report: Report, *, username: str, app_url: str) -> bytes:
    """Draw a report and return the PDF's bytes.

    app_url: where its links lead, without a last slash.
    """
    file = io.BytesIO()
    title = f"{TITLES[report.question.report_type]}, {report.question.name}"
    document = BaseDocTemplate(
        file,
        pagesize=A4,
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=MARGIN,
        bottomMargin=MARGIN,
        title=title,
        author=f"{NAME}, for {username}",
        subject=f"Spending of {username}, {days_of(report.question.period)}",
        creator=NAME,
        lang="en",
    )
    frame = Frame(
        MARGIN,
        MARGIN,
        A4[0] - 2 * MARGIN,
        A4[1] - 2 * MARGIN,
        leftPadding=0,
        rightPadding=0,
        topPadding=0,
        bottomPadding=0,
    )
    document.addPageTemplates(PageTemplate(frames=[frame]))
    story = [*_cover(report, username, app_url), *_details(report)]
    document.build(story, canvasmaker=_numbered(f"{NAME}  ·  {title}"))
    return file.getvalue()


def _numbered(footer: str) -> type[Canvas]:
    """Make a canvas that numbers its pages `1 of 7`, once it knows how many."""

    class Numbered(Canvas):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self._pages: list[dict[str, Any]] = []

        def showPage(self) -> None:  # noqa: N802 - ReportLab's name
            self._pages.append(dict(self.__dict__))
            self._startPage()

        def save(self) -> None:
            for number, page in enumerate(self._pages, 1):
                self.__dict__.update(page)
                words = f"Page {number} of {len(self._pages)}"
                (line,) = fonts.wrap(footer, A4[0] - 2 * MARGIN - 80, 7.5, most=1)
                write(self, MARGIN, 11 * mm, line, size=7.5, color=drawing.QUIET)
                write(
                    self,
                    A4[0] - MARGIN,
                    11 * mm,
                    words,
                    size=7.5,
                    color=drawing.QUIET,
                    right=True,
                )
                super().showPage()
            super().save()

    return Numbered


# The cover: what one sees in ten seconds.


def _cover(report: Report, username: str, app_url: str) -> Iterator[Flowable]:
    question = report.question
    kind = f"{TITLES[question.report_type]} for {username}"
    if question.report_type in {"monthly", "yearly"}:
        kind = f"{kind}, {days_of(question.period)}"
    when = f"Made on {day_of(report.today)}"
    if report.is_running:
        when = f"{when}, with days to come"
    period = question.period
    links = Links(
        [
            (
                "See these expenses in the app",
                f"{app_url}/expenses/?start={period.start}&end={period.end}",
            ),
            ("All your reports", f"{app_url}/reports/"),
        ]
    )
    if not report.count:
        found = "No expenses so far" if report.is_running else "No expenses"
        yield Title(question.name, [kind, f"{when}."], found, _compared(report))
        yield links
        yield Text(
            "Nothing was recorded in this period, or everything in it is void,"
            " so there is nothing to add up.",
            size=10,
        )
        yield Spacer(0, 10)
    else:
        total = money.display(report.total, report.currency)
        yield Title(question.name, [kind, f"{when}."], total, _compared(report))
        yield links
        yield Figures(list(_figures(report)))
        if report.insights:
            yield KeepTogether(
                [
                    Heading("What stands out"),
                    *(Text(each, size=10, mark="•") for each in report.insights),
                    Spacer(0, 6),
                ]
            )
        note = f"in {report.currency}"
        yield KeepTogether(
            [Heading("Spending by category", note), Bars(_category_bars(report))]
        )
    yield from _budget_chart(report)
    yield from _trend(report)


def _compared(report: Report) -> str:
    then = report.question.in_previous
    before = amount(report.previous_total, report.currency)
    if not report.previous_count:
        return f"nothing {then}"
    if report.is_running and report.change < 0:
        # Less than a whole month, after a part of one, is no news.
        return f"so far; {before} {then}" if report.count else f"{before} {then}"
    if not report.change:
        return f"exactly as much as {then}"
    word = "more" if report.change > 0 else "less"
    by = amount(abs(report.change), report.currency)
    return f"{by} {word} than {then} ({before})"


def _figures(report: Report) -> Iterator[tuple[str, str]]:
    yield f"{report.count:,}", "expense" if report.count == 1 else "expenses"
    days = "1 day" if report.counted_days == 1 else f"{report.counted_days} days"
    yield amount(report.average_a_day, report.currency), f"a day, over {days}"
    if report.median is not None:
        yield amount(report.median, report.currency), "median expense"
    if report.busiest_day:
        day, spent = report.busiest_day
        yield amount(spent, report.currency), f"most in a day, {day_of(day)}"
    if report.budgets:
        kept = sum(each.line.remaining >= 0 for each in report.budgets)
        yield f"{kept} of {len(report.budgets)}", "budgets not passed"


def _category_bars(report: Report) -> list[Bar]:
    spent = [line for line in report.categories if line.spent]
    # One left over is no group.
    shown = spent if len(spent) <= BARS + 1 else spent[:BARS]
    rest = spent[len(shown) :]
    largest = max(each.spent for each in spent)
    rows = [(each.category, each.spent) for each in shown]
    if rest:
        left = sum((each.spent for each in rest), NOTHING)
        rows.append((f"{len(rest)} others", left))
        largest = max(largest, left)
    return [
        Bar(
            name,
            float(value / largest),
            amount(value, report.currency),
            f"{percent_of(value, report.total)}\u00a0%",
        )
        for name, value in rows
    ]


def _budget_chart(report: Report) -> Iterator[Flowable]:
    if not report.budgets:
        return
    bars = []
    for each in report.budgets:
        line = each.line
        scale = max(line.amount, line.spent)
        is_over = line.level == "exceeded"
        if is_over:
            note = f"over by {amount(-line.remaining, report.currency)}"
        else:
            note = f"{amount(line.remaining, report.currency)} left"
            if line.level == "threshold":
                note = f"near: {note}"
        bars.append(
            Bar(
                name=line.category,
                part=float(line.spent / scale),
                value=f"{amount(line.spent, report.currency)} of"
                f" {amount(line.amount, report.currency)}",
                note=note,
                mark=float(line.amount / scale) if is_over else None,
                is_over=is_over,
            )
        )
    for first in range(0, len(bars), 25):
        yield KeepTogether(
            [
                Heading("Budgets", f"in {report.currency}; a stroke marks the limit")
                if not first
                else Spacer(0, 1),
                Bars(bars[first : first + 25]),
            ]
        )


def _trend(report: Report) -> Iterator[Flowable]:
    top = max(spent for _, spent in report.trend)
    if not top:
        return
    step = _step(top)
    steps = (top / step).to_integral_value(ROUND_CEILING)
    limit = step * steps
    period = report.question.period
    columns = [
        (
            f"{first:%b}" + (f" {first:%y}" if first.month == 1 or not number else ""),
            float(spent / limit),
            _ends_in(first) >= period.start and first <= period.end,
        )
        for number, (first, spent) in enumerate(report.trend)
    ]
    scale = [
        (f"{step * number:,f}", float(number / steps))
        for number in range(int(steps) + 1)
    ]
    yield KeepTogether(
        [
            Heading("Twelve months", f"in {report.currency}; this report's in dark"),
            Columns(columns, scale),
        ]
    )


def _ends_in(first: datetime.date) -> datetime.date:
    """Return the last day of a month."""
    return (first + datetime.timedelta(days=31)).replace(day=1) - datetime.timedelta(
        days=1
    )


def _step(top: Decimal) -> Decimal:
    """Choose a round step for a scale of two to five lines."""
    step = Decimal(1).scaleb(top.adjusted())
    for factor in ("0.2", "0.25", "0.5", "1", "2"):
        if top / (step * Decimal(factor)) <= 5:
            chosen = step * Decimal(factor)
            return chosen.quantize(Decimal(1)) if chosen >= 1 else chosen.normalize()
    return step * 2


# The tables behind it.


def _details(report: Report) -> Iterator[Flowable]:
    currency = report.currency
    if report.categories:
        yield CondPageBreak(45 * mm)
        yield Heading("Categories", f"in {currency}")
        yield _category_table(report)
    if report.budgets:
        yield CondPageBreak(45 * mm)
        yield Heading("Budgets against spending", f"in {currency}")
        yield _budget_table(report)
    if report.count:
        yield CondPageBreak(60 * mm)
        yield Heading("Days of the week", f"in {currency}")
        yield _weekday_table(report)
        yield CondPageBreak(45 * mm)
        yield Heading("Largest expenses", f"in {currency}")
        yield _expense_table(report, report.largest)
        yield CondPageBreak(45 * mm)
        yield Heading("All expenses", f"by day, in {currency}; void ones are left out")
        rows = sorted(report.entries, key=lambda each: each.day)
        yield _expense_table(report, rows, total=report.total)


def _category_table(report: Report) -> Rows:
    def cells(line: CategoryLine) -> list[str]:
        return [
            line.category,
            f"{line.count:,}",
            amount(line.spent, report.currency),
            f"{line.share}\u00a0%",
            amount(line.previous, report.currency),
            signed(line.change, report.currency),
            _in_percent(line.change, line.previous),
        ]

    rows = [Row(cells(line)) for line in report.categories]
    total = [
        "Total",
        f"{report.count:,}",
        amount(report.total, report.currency),
        f"{percent_of(report.total, report.total)}\u00a0%",
        amount(report.previous_total, report.currency),
        signed(report.change, report.currency),
        _in_percent(report.change, report.previous_total),
    ]
    before = report.question.previous_name
    columns = [
        Column("Category", 0.27, most_lines=2),
        Column("Count", 0.08, is_number=True),
        Column("Spent", 0.15, is_number=True),
        Column("Share", 0.09, is_number=True),
        Column(before if len(before) < 16 else "Before", 0.16, is_number=True),
        Column("Change", 0.15, is_number=True),
        Column("", 0.10, is_number=True),
    ]
    return Rows(columns, [*rows, Row(total, is_bold=True)])


def _budget_table(report: Report) -> Rows:
    words = {"ok": "within", "threshold": "near it", "exceeded": "passed"}
    rows = [
        Row(
            [
                line.category,
                name_of(line.period, line.within),
                amount(line.amount, report.currency),
                amount(line.spent, report.currency),
                amount(line.remaining, report.currency),
                f"{line.percentage}\u00a0%",
                words[line.level],
            ]
        )
        for line in (each.line for each in report.budgets)
    ]
    columns = [
        Column("Category", 0.19, most_lines=2),
        Column("Period", 0.21, most_lines=2),
        Column("Budget", 0.13, is_number=True),
        Column("Spent", 0.13, is_number=True),
        Column("Left", 0.13, is_number=True),
        Column("Used", 0.10, is_number=True),
        Column("Limit", 0.11, most_lines=2),
    ]
    return Rows(columns, rows)


def _weekday_table(report: Report) -> Rows:
    rows = [
        Row(
            [
                WEEKDAYS[line.weekday],
                f"{line.days}",
                amount(line.spent, report.currency),
                amount(line.average, report.currency),
            ]
        )
        for line in report.weekdays
        if line.days
    ]
    columns = [
        Column("Day", 0.34),
        Column("How many", 0.16, is_number=True),
        Column("Spent", 0.25, is_number=True),
        Column("On average", 0.25, is_number=True),
    ]
    return Rows(columns, rows)


def _expense_table(
    report: Report, entries: list[Any], total: Decimal | None = None
) -> Rows:
    rows = [
        Row(
            [
                day_of(each.day),
                each.category,
                each.description,
                amount(each.amount, report.currency),
            ]
        )
        for each in entries
    ]
    if total is not None:
        rows.append(Row(["Total", "", "", amount(total, report.currency)], True))
    columns = [
        Column("Date", 0.14),
        Column("Category", 0.24, most_lines=2),
        Column("Description", 0.44, most_lines=3),
        Column("Amount", 0.18, is_number=True),
    ]
    return Rows(columns, rows)


def signed(value: Decimal, currency: str) -> str:
    """Write a change with its sign: the sign tells, not a colour."""
    return f"{'+' if value > 0 else ''}{amount(value, currency)}"


def _in_percent(change: Decimal, before: Decimal) -> str:
    if not before:
        return "new" if change else ""
    if abs(change) > before * 10:
        return f"{change / before + 1:.0f}\u00a0times"
    return f"{'+' if change > 0 else ''}{percent(change * 100 / before)}"
