"""Render a report as a PDF: the content and order of its pages."""

import io
import math
import time
from collections.abc import Iterable, Iterator
from decimal import ROUND_CEILING, Decimal
from itertools import chain

from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfdoc import (
    PDFDictionary,
    PDFName,
    PDFPage,
    PDFStream,
    PDFZCompress,
)
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

from budgets.queries import BudgetLine
from expenses.queries import Entry
from reports import fonts, pdf_canvas
from reports.pdf_canvas import (
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
from reports.periods import too_many_expenses
from reports.services import NOTHING, CategoryLine, Report
from reports.trend import MonthTotal
from smartbudget.core import i18n
from smartbudget.core.i18n import (
    day,
    days,
    gettext_noop,
    ngettext,
    number,
    percent,
    pgettext,
)
from smartbudget.core.i18n import gettext as _
from smartbudget.core.money import display, percentage, write_expense, write_number

NAME = "Smart Budget Planner"
MARGIN = 20 * mm
BARS = 8  # categories in the chart; all others are one bar

LEVELS = {
    "ok": gettext_noop("OK"),
    "threshold": gettext_noop("near limit"),
    "exceeded": gettext_noop("over"),
}


def draw(
    report: Report, *, username: str, app_url: str, deadline: float = math.inf
) -> bytes:
    """Draw a report in the current language and return the PDF's bytes.

    app_url: the base of its links, without a trailing slash.
    deadline: by time.monotonic. Raises InvalidError if it passes, which long texts
    in some scripts can cause.
    """
    file = io.BytesIO()
    period = report.period
    title = f"{period.title}, {period.name}"
    document = BaseDocTemplate(
        file,
        pagesize=A4,
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=MARGIN,
        bottomMargin=MARGIN,
        title=title,
        author=_("{planner}, for {username}").format(planner=NAME, username=username),
        subject=_("Spending of {username}, {days}").format(
            username=username, days=days(period.current.start, period.current.end)
        ),
        creator=NAME,
        lang=i18n.current(),
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
    canvas = _numbered(f"{NAME}  ·  {title}", deadline)
    try:
        document.build(story, canvasmaker=canvas)
    except TimeoutError as error:  # platypus adds words of its own to the message
        raise too_many_expenses(period) from error
    return file.getvalue()


def _numbered(footer: str, deadline: float) -> type[Canvas]:
    """Return a canvas class that prints "Page 1 of 7" on each page.

    Drawing raises TimeoutError after the deadline.

    The number of pages is known at the end. Until then the words are a form that a
    page refers to, so a finished page can be compressed.
    """

    class Numbered(Canvas):
        def showPage(self) -> None:  # noqa: N802 - ReportLab's name
            if time.monotonic() > deadline:
                raise TimeoutError
            (line,) = fonts.wrap(footer, A4[0] - 2 * MARGIN - 80, 7.5, max_lines=1)
            write(self, MARGIN, 11 * mm, line, size=7.5, color=pdf_canvas.QUIET)
            self.doForm(f"number-{self.getPageNumber()}")
            super().showPage()
            _compress(self._doc.Pages[-1])

        def save(self) -> None:
            last = self.getPageNumber() - 1
            for page in range(1, last + 1):
                self.beginForm(f"number-{page}")
                words = _("Page {number} of {all}").format(number=page, all=last)
                write(
                    self,
                    A4[0] - MARGIN,
                    11 * mm,
                    words,
                    size=7.5,
                    color=pdf_canvas.QUIET,
                    right=True,
                )
                self.endForm()
            super().save()

    return Numbered


def _compress(page: PDFPage) -> None:
    """Compress a finished page, which ReportLab would keep as text until the end."""
    content = PDFDictionary({"Filter": PDFName(PDFZCompress.pdfname)})
    page.Contents = PDFStream(content, PDFZCompress.encode(page.stream))
    page.stream = None


# ------------------------------------------------------------------------- The cover


def _cover(report: Report, username: str, app_url: str) -> Iterator[Flowable]:
    period, shown = report.period, report.period.current
    kind = _("{report} for {username}").format(report=period.title, username=username)
    if period.report_type in {"monthly", "yearly"}:
        kind = f"{kind}, {days(shown.start, shown.end)}"
    when = _("Created {day}.")
    if report.is_running:
        when = _("Created {day}; period not over yet.")
    lines = [kind, when.format(day=day(report.today))]
    links = Links(
        [
            (
                _("See these expenses in the app"),
                f"{app_url}/expenses/?start={shown.start}&end={shown.end}",
            ),
            (_("All your reports"), f"{app_url}/reports/"),
        ]
    )
    if not report.count:
        headline = _("No expenses so far") if report.is_running else _("No expenses")
        yield Title(period.name, lines, headline, _compared(report))
        yield links
        yield Text(
            _("There are no expenses in this period, or all of them are void."),
            size=10,
        )
        yield Spacer(0, 10)
    else:
        total = display(report.total, report.currency)
        yield Title(period.name, lines, total, _compared(report))
        yield links
        yield Figures(list(_figures(report)))
        if report.insights:
            yield KeepTogether(
                [
                    Heading(_("What stands out")),
                    *(Text(insight, size=10, mark="•") for insight in report.insights),
                    Spacer(0, 6),
                ]
            )
        heading = Heading(_("Spending by category"), _in_currency(report))
        if bars := _category_bars(report):
            yield KeepTogether([heading, Bars(bars)])
    yield from _budget_chart(report)
    yield from _trend(report)


def _in_currency(report: Report) -> str:
    return _("in {currency}").format(currency=report.currency)


def _compared(report: Report) -> str:
    if report.since is None:
        return _("no expenses yet")
    if not report.is_comparable:
        template = _("no comparison: your expenses start on {day}")
        if report.has_previous:
            template = _("{before} {then} (your expenses start on {day})")
        return template.format(
            before=write_number(report.previous_total, report.currency),
            then=report.period.in_previous,
            day=day(report.since),
        )
    if not report.has_previous:
        template = _("nothing {then}")
    elif report.is_running and report.change < 0:
        # Part of a month is expected to be less than a whole one.
        template = (
            _("so far; {before} {then}") if report.count else _("{before} {then}")
        )
    elif not report.change:
        template = _("exactly the same as {then}")
    elif report.change > 0:
        template = _("{difference} more than {then} ({before})")
    else:
        template = _("{difference} less than {then} ({before})")
    return template.format(
        then=report.period.in_previous,
        before=write_number(report.previous_total, report.currency),
        difference=write_number(abs(report.change), report.currency),
    )


def _figures(report: Report) -> Iterator[tuple[str, str]]:
    count, counted = report.count, report.counted_days
    yield number(count), ngettext("expense", "expenses", count)
    if report.refunded:
        yield write_number(report.refunded, report.currency), _("refunded")
    over = ngettext("a day, over {number} day", "a day, over {number} days", counted)
    average = write_number(report.average_a_day, report.currency)
    yield average, over.format(number=counted)
    if report.median is not None:
        yield write_number(report.median, report.currency), _("median expense")
    if report.busiest_day:
        busiest, spent = report.busiest_day
        label = _("highest day, {day}").format(day=day(busiest))
        yield write_number(spent, report.currency), label
    if report.budgets:
        kept = sum(standing.line.remaining >= 0 for standing in report.budgets)
        of_all = _("{kept} of {number}").format(kept=kept, number=len(report.budgets))
        yield of_all, _("budgets on track")


def _category_bars(report: Report) -> list[Bar]:
    spent = [line for line in report.categories if line.spent > 0]
    # A single further category gets its own bar, not "1 others".
    shown = spent if len(spent) <= BARS + 1 else spent[:BARS]
    others = spent[len(shown) :]
    largest = max((line.spent for line in spent), default=NOTHING)
    rows = [(line.category, line.spent) for line in shown]
    if others:
        others_total = sum((line.spent for line in others), NOTHING)
        rows.append((_("{number} others").format(number=len(others)), others_total))
        largest = max(largest, others_total)
    bars = [
        Bar(
            name,
            float(value / largest),
            write_number(value, report.currency),
            percent(percentage(value, report.charted)),
        )
        for name, value in rows
    ]
    return bars + [
        Bar(line.category, 0, write_expense(line.spent, report.currency), _("credit"))
        for line in report.credits
    ]


def _budget_chart(report: Report) -> Iterator[Flowable]:
    if not report.budgets:
        return
    bars = [_budget_bar(standing.line, report.currency) for standing in report.budgets]
    note = _("in {currency}; the line is the limit")
    if _adds_up(report):
        note = _("in {currency}, shorter periods combined; the line is the limit")
    note = note.format(currency=report.currency)
    for first in range(0, len(bars), 25):
        yield KeepTogether(
            [
                Spacer(0, 1) if first else Heading(_("Budgets"), note),
                Bars(bars[first : first + 25]),
            ]
        )


def _adds_up(report: Report) -> bool:
    return any(standing.line.periods > 1 for standing in report.budgets)


def _budget_bar(line: BudgetLine, currency: str) -> Bar:
    scale = max(line.limit, line.spent)
    if scale <= 0:  # overspent before, and refunds or nothing since
        scale = line.amount
    is_over = line.level == "exceeded"
    difference = write_number(abs(line.remaining), currency)
    note = {
        "ok": _("{amount} left"),
        "threshold": _("near: {amount} left"),
        "exceeded": _("over by {amount}"),
    }[line.level]
    return Bar(
        name=line.category,
        part=float(max(line.spent, NOTHING) / scale),
        value=_("{spent} of {amount}").format(
            spent=write_number(line.spent, currency),
            amount=write_number(line.limit, currency),
        ),
        note=note.format(amount=difference),
        mark=float(max(line.limit, NOTHING) / scale) if is_over else None,
        is_over=is_over,
    )


def _trend(report: Report) -> Iterator[Flowable]:
    top = max(month.spent for month in report.trend)
    if top <= 0:
        return
    step = _step(top)
    steps = (top / step).to_integral_value(ROUND_CEILING)
    limit = step * steps
    period = report.period.current
    columns = [
        (
            _month_label(month, has_year=not place),
            float(month.spent / limit),
            period.start <= month.period.end and month.period.start <= period.end,
        )
        for place, month in enumerate(report.trend)
    ]
    scale = [
        (number(step * place), float(place / steps)) for place in range(int(steps) + 1)
    ]
    note = _("in {currency}; dark = this report")
    yield KeepTogether(
        [
            Heading(_("Twelve months"), note.format(currency=report.currency)),
            Columns(columns, scale),
        ]
    )


def _month_label(month: MonthTotal, *, has_year: bool) -> str:
    """Return a month's name, with its year also if it is January."""
    first = month.named or month.period.start
    return f"{month.label} {first:%y}" if has_year or first.month == 1 else month.label


def _step(top: Decimal) -> Decimal:
    """Return a round step for a scale of two to five lines."""
    step = Decimal(1).scaleb(top.adjusted())
    for factor in ("0.2", "0.25", "0.5", "1", "2"):
        if top / (step * Decimal(factor)) <= 5:
            chosen = step * Decimal(factor)
            return chosen.quantize(Decimal(1)) if chosen >= 1 else chosen.normalize()
    return step * 2


# ------------------------------------------------------------------------- The tables


def _details(report: Report) -> Iterator[Flowable]:
    note = _in_currency(report)
    if report.categories:
        yield CondPageBreak(45 * mm)
        yield Heading(_("Categories"), note)
        yield _category_table(report)
    if report.budgets:
        yield CondPageBreak(45 * mm)
        if _adds_up(report):
            note = _("in {currency}, shorter periods combined")
            note = note.format(currency=report.currency)
        yield Heading(_("Budgets against spending"), note)
        yield _budget_table(report)
    if report.count:
        yield CondPageBreak(60 * mm)
        without = note
        if report.refunded:
            without = _("in {currency}, without refunds")
            without = without.format(currency=report.currency)
        yield Heading(_("Days of the week"), without)
        yield _weekday_table(report)
    if report.largest:
        yield CondPageBreak(45 * mm)
        yield Heading(_("Largest expenses"), note)
        yield _expense_table(report, report.largest)
    if report.count:
        yield CondPageBreak(45 * mm)
        note = _("by day, in {currency}; void expenses are not included")
        yield Heading(_("All expenses"), note.format(currency=report.currency))
        yield _expense_table(report, report.entries, total=report.total)


def _category_table(report: Report) -> Rows:
    def cells(line: CategoryLine) -> list[str]:
        return [
            line.category,
            number(line.count),
            write_number(line.spent, report.currency),
            percent(line.share) if line.spent >= 0 else _("credit"),
            *compared(line.previous, line.change),
        ]

    def compared(previous: Decimal, change: Decimal) -> list[str]:
        if not report.is_comparable:
            return []
        return [
            write_number(previous, report.currency),
            signed(change, report.currency),
            _in_percent(change, previous),
        ]

    rows = [Row(cells(line)) for line in report.categories]
    total = [
        _("Total"),
        number(report.count),
        write_number(report.total, report.currency),
        percent(percentage(report.charted, report.charted)),
        *compared(report.previous_total, report.change),
    ]
    before = report.period.previous_name
    columns = [
        Column(_("Category"), 0.27 if report.is_comparable else 0.68, max_lines=2),
        Column(_("Count"), 0.08, is_number=True),
        Column(_("Spent"), 0.15, is_number=True),
        Column(_("Share"), 0.09, is_number=True),
        Column(before if len(before) < 16 else _("Before"), 0.16, is_number=True),
        Column(pgettext("difference", "Change"), 0.15, is_number=True),
        Column("", 0.10, is_number=True),
    ][: len(total)]
    return Rows(columns, [*rows, Row(total, is_bold=True)])


def _budget_table(report: Report) -> Rows:
    rows = [
        Row(
            [
                _with_carried(line, report.currency),
                line.within_in_words,
                write_number(line.limit, report.currency),
                write_number(line.spent, report.currency),
                write_number(line.remaining, report.currency),
                percent(line.percentage),
                _(LEVELS[line.level]),
            ]
        )
        for line in (standing.line for standing in report.budgets)
    ]
    columns = [
        Column(_("Category"), 0.19, max_lines=3),
        Column(_("Period"), 0.21, max_lines=2),
        Column(_("Budget"), 0.13, is_number=True),
        Column(_("Spent"), 0.13, is_number=True),
        Column(_("Left"), 0.13, is_number=True),
        Column(_("Used"), 0.10, is_number=True),
        Column(_("Limit"), 0.11, max_lines=2),
    ]
    return Rows(columns, rows)


def _with_carried(line: BudgetLine, currency: str) -> str:
    """Return a budget's category, with what was carried over into its limit."""
    if not line.carried_over:
        return line.category
    template = _("{category} ({amount} carried over)")
    if line.carried_over < 0:
        template = _("{category} ({amount} overspent before)")
    amount = write_number(abs(line.carried_over), currency)
    return template.format(category=line.category, amount=amount)


def _weekday_table(report: Report) -> Rows:
    rows = [
        Row(
            [
                line.name,
                str(line.days),
                write_number(line.spent, report.currency),
                write_number(line.average, report.currency),
            ]
        )
        for line in report.weekdays
        if line.days
    ]
    columns = [
        Column(_("Day"), 0.34),
        Column(_("How many"), 0.16, is_number=True),
        Column(_("Spent"), 0.25, is_number=True),
        Column(_("On average"), 0.25, is_number=True),
    ]
    return Rows(columns, rows)


def _expense_table(
    report: Report, entries: Iterable[Entry], total: Decimal | None = None
) -> Rows:
    rows = (
        Row(
            [
                day(entry.day),
                entry.category,
                entry.details,
                write_expense(entry.amount, report.currency),
            ]
        )
        for entry in entries
    )
    totals = []
    if total is not None and report.refunded:
        paid = write_number(total + report.refunded, report.currency)
        back = write_number(-report.refunded, report.currency)
        totals.append(Row([_("Expenses"), "", "", paid]))
        totals.append(Row([_("Refunds"), "", "", back]))
    if total is not None:
        cells = [_("Total"), "", "", write_number(total, report.currency)]
        totals.append(Row(cells, is_bold=True))
    columns = [
        Column(_("Date"), 0.14),
        Column(_("Category"), 0.24, max_lines=2),
        Column(_("Description"), 0.44, max_lines=3),
        Column(_("Amount"), 0.18, is_number=True),
    ]
    return Rows(columns, chain(rows, totals))


def signed(value: Decimal, currency: str) -> str:
    """Format a change with its sign, which does not depend on color."""
    return f"{'+' if value > 0 else ''}{write_number(value, currency)}"


def _in_percent(change: Decimal, before: Decimal) -> str:
    if before <= 0:
        return _("new") if not before and change > 0 else ""
    if change > before * 10:
        return _("{number} times").format(number=f"{change / before + 1:.0f}")
    share = percentage(change, before)
    if abs(share) < 1:
        return percent(abs(share))  # the amount beside it has the sign
    return f"{'+' if change > 0 else ''}{percent(share)}"
